// The list: filters with counts, a search that streams, an order; all of it in the link.
import { api, search } from "./api.js";
import { count, fill, h, outcomeMark, say, short } from "./dom.js";
import { go, linkTo } from "./link.js";
import { keysAre } from "./keys.js";

const FACETS = {
  outcome: "Verdict", cause: "Cause", drop: "Kept or dropped", finding: "Gold and samples", of: "Set or arm", run: "Run", model: "Model",
  strategy: "Strategy", finish: "Finish", domain: "Domain", part_of: "Problems", doubt: "Checks disagree", human: "People",
};
const RANGES = { difficulty: "Difficulty", characters: "Characters", tokens: "Tokens", score: "Reward model's score" };
const SORTS = { "": "as stored", characters: "characters", tokens: "tokens", difficulty: "difficulty", score: "score", outcome: "verdict", drop: "fate", model: "model", finish: "finish" };
const SHOWN = 8;

export async function listPage(about, place) {
  const query = place.query;
  const found = h("div", { id: "found" });
  const filters = h("div", { id: "filters" });
  const page = h("div", { class: "list" },
    h("h1", { class: "for-readers" }, "Traces"),
    notes(about),
    h("details", { class: "filters", open: innerWidth > 800 }, h("summary", {}, "Filters"), filters),
    h("section", { class: "results", "aria-label": "Responses" }, searchBox(query), found));
  await refresh(about, query, filters, found);
  return page;
}

function notes(about) {
  if (!about.notes.length) return null;
  return h("section", { class: "notes", role: "note" }, h("h2", {}, "What is missing"), h("ul", {}, about.notes.map(line => h("li", {}, line))));
}

function asked(query) {
  const plain = new URLSearchParams(query);
  for (const name of ["q", "regex"]) plain.delete(name);
  return plain;
}

function changed(query, change) {
  const next = new URLSearchParams(query);
  next.delete("offset");
  change(next);
  go("list", [], next);
}

function searchBox(query) {
  const words = h("input", { type: "search", name: "q", value: query.get("q") ?? "", placeholder: "Search questions, reasoning, answers", "aria-label": "Search texts", maxlength: 400, autocomplete: "off" });
  const regex = h("input", { type: "checkbox", checked: query.get("regex") === "1" });
  const sort = h("select", { "aria-label": "Order", change: event => changed(query, next => setOrDrop(next, "sort", event.target.value)) },
    Object.entries(SORTS).map(([value, text]) => h("option", { value, selected: (query.get("sort") ?? "") === value }, text)));
  const down = h("button", { type: "button", "aria-pressed": String(query.get("desc") === "1"), "aria-label": "Greatest first", click: () => changed(query, next => setOrDrop(next, "desc", query.get("desc") === "1" ? "" : "1")) }, query.get("desc") === "1" ? "↓" : "↑");
  const form = h("form", { class: "search", role: "search", submit: event => {
    event.preventDefault();
    changed(query, next => {
      setOrDrop(next, "q", words.value);
      setOrDrop(next, "regex", words.value && regex.checked ? "1" : "");
    });
  } }, words, h("button", { type: "submit" }, "Search"), h("label", { class: "small" }, regex, " expression"),
    h("span", { class: "order" }, h("span", { class: "small faint" }, "order "), sort, down));
  return form;
}

function setOrDrop(query, name, value) {
  if (value) query.set(name, value);
  else query.delete(name);
}

async function refresh(about, query, filters, found) {
  const page = await api.list(asked(query));
  fill(filters, facets(page, query), ranges(about, query),
    h("p", {}, h("a", { href: linkTo("list") }, "Clear all filters")));
  if (query.get("q")) searching(query, page, found);
  else listed(page, query, found);
}

function facets(page, query) {
  return Object.entries(FACETS).map(([name, title]) => {
    const values = page.facets[name] ?? [];
    const chosen = new Set(query.getAll(name));
    if (values.length < 2 && !chosen.size) return null;
    const more = values.length > SHOWN;
    const boxes = values.map(([value, number], place) => h("li", { class: place >= SHOWN && !chosen.has(value) ? "more" : null },
      h("label", {}, h("input", { type: "checkbox", checked: chosen.has(value), "data-facet": name, "data-value": value, change: () => changed(query, next => {
        const kept = next.getAll(name).filter(one => one !== value);
        next.delete(name);
        kept.forEach(one => next.append(name, one));
        if (!chosen.has(value)) next.append(name, value);
      }) }), h("span", { class: "value" }, value || "(none)"), h("span", { class: "number" }, count(number)))));
    const list = h("ul", {}, boxes);
    return h("fieldset", {}, h("legend", {}, title), list,
      more ? h("button", { type: "button", class: "plain", "aria-expanded": "false", click: event => {
        const all = list.classList.toggle("all");
        event.target.textContent = all ? "fewer" : `all ${values.length}`;
        event.target.setAttribute("aria-expanded", String(all));
      } }, `all ${values.length}`) : null);
  });
}

function ranges(about, query) {
  return Object.entries(RANGES).filter(([name]) => about.ends[name]).map(([name, title]) => {
    const [least, most] = about.ends[name];
    const field = (end, hint) => h("input", { type: "number", step: "any", placeholder: short(hint), value: query.get(`${end}_${name}`) ?? "", "aria-label": `${title}, ${end === "min" ? "at least" : "at most"}`,
      change: event => changed(query, next => setOrDrop(next, `${end}_${name}`, event.target.value)) });
    return h("fieldset", { class: "range" }, h("legend", {}, title), field("min", least), " to ", field("max", most));
  });
}

export function listRow(one, query) {
  const target = linkTo("response", [one.key], onward(query));
  const facts = [one.of, one.model, one.drop && one.drop !== "kept" ? `dropped: ${one.drop}` : one.drop, one.finish === "stop" ? "" : one.finish, `${count(one.characters)} characters`, one.tokens === null ? "" : `${count(one.tokens)} tokens`, one.score === null ? "" : `score ${short(one.score)}`, one.looped ? "loops" : "", one.human === "labelled" ? "labelled by people" : ""];
  return h("li", { class: "row", "data-key": one.key },
    h("a", { class: "whole", href: target }, h("span", { class: "question" }, one.question || "(no question)")),
    h("div", { class: "facts" }, outcomeMark(one.outcome, one.cause), one.extracted ? h("span", { class: "extracted" }, "= ", one.extracted) : null,
      facts.filter(Boolean).map(text => h("span", { class: "fact" }, text)),
      h("a", { class: "small", href: linkTo("problem", [one.problem]) }, "all samples")),
    one.field ? h("p", { class: "snippet" }, h("span", { class: "faint" }, `${one.field}: …`), one.before, h("mark", {}, one.found), one.after, "…") : null,
    one.why ? h("p", { class: "snippet" }, one.why) : null);
}

/** What a response keeps of the list's link, so that next and back stay in it. */
export function onward(query) {
  const kept = new URLSearchParams(query);
  kept.delete("offset");
  return kept;
}

function listed(page, query, found) {
  const offset = page.offset;
  const end = offset + page.rows.length;
  const rows = h("ol", { class: "rows", start: offset + 1 }, page.rows.map(one => listRow(one, query)));
  const turnTo = (to, text) => h("button", { type: "button", disabled: to < 0 || to >= page.total, click: () => {
    const next = new URLSearchParams(query);
    setOrDrop(next, "offset", to > 0 ? String(to) : "");
    go("list", [], next);
  } }, text);
  fill(found, h("p", { class: "total" }, page.total ? `${count(offset + 1)} to ${count(end)} of ${count(page.total)} responses` : "No response has all of this. Take a filter off."),
    rows, h("p", { class: "pages" }, turnTo(offset - 100, "← before"), " ", turnTo(offset + 100, "after →")));
  selectable(found, { n: () => found.querySelector(".pages button:last-child").click(), p: () => found.querySelector(".pages button").click() });
}

let searchNow = null;

function searching(query, page, found) {
  searchNow?.abort();
  const stop = new AbortController();
  searchNow = stop;
  const rows = h("ol", { class: "rows" });
  const told = h("p", { class: "total", role: "status" }, `Searching ${count(page.total)} responses…`);
  fill(found, told, rows);
  addEventListener("hashchange", () => stop.abort(), { once: true });
  let hits = 0;
  const began = performance.now();
  search(query, stop.signal, line => {
    if (line.hit) {
      hits += 1;
      if (hits === 1) globalThis.potstillFirstHit = performance.now() - began;
      rows.append(listRow(line.hit, query));
    }
    if (line.looked !== undefined) told.textContent = `${count(hits)} found in ${count(line.looked)} of ${count(page.total)} responses${line.done ? (line.all ? "." : ": narrow the search to see others.") : "…"}`;
    if (line.done) globalThis.potstillSearched = performance.now() - began;
  }).catch(error => {
    if (error.name !== "AbortError") told.textContent = error.message;
  });
  selectable(found, {});
}

function selectable(found, more) {
  let at = -1;
  const move = by => {
    const rows = [...found.querySelectorAll(".row a.whole")];
    if (!rows.length) return;
    at = Math.max(0, Math.min(rows.length - 1, at + by));
    rows[at].focus();
    rows[at].scrollIntoView({ block: "nearest" });
  };
  keysAre({ j: () => move(1), k: () => move(-1), "/": () => document.querySelector("input[name=q]")?.focus(), "?": () => say("j and k: next and previous row, Enter: open, /: search, n and p: next and previous page"), ...more });
}

