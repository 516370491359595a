// Labelling: a rating a step or the first wrong step, by keys; saved when the server has it on its disk.
import { api } from "./api.js";
import { h, say } from "./dom.js";
import { go, linkTo } from "./link.js";
import { listRow } from "./list.js";

const HELP = "1: right, 0: neutral, -: wrong (each goes on to the next step); w: this is the first wrong step; a: all are right; j and k: next and previous; u: undo; s: skip; c: comment; Ctrl+Enter or Enter: save and go on";
const ORDERS = { uncertain: "where checks disagree", random: "a random draw", filter: "in the order of the list", double: "what one other person labelled" };

export function labellerName() {
  let name = remembered();
  if (!name) {
    const field = document.querySelector("input[name=labeller]");
    say("Write your name first: labels carry it");
    field?.focus();
  }
  return name;
}

function remembered() {
  const field = document.querySelector("input[name=labeller]");
  const name = field?.value.trim() || kept();
  return name;
}

function kept() {
  try {
    return localStorage.getItem("potstill-labeller") ?? "";
  } catch {
    return "";
  }
}

function keep(name) {
  try {
    localStorage.setItem("potstill-labeller", name.trim());
  } catch {
    // A browser without storage asks again.
  }
}

export function nameField() {
  return h("label", {}, h("span", { class: "small" }, "your name "), h("input", { name: "labeller", value: kept(), maxlength: 60, autocomplete: "off", input: event => keep(event.target.value) }));
}

/** The queue: what comes next and why. */
export async function labelPage(about, place) {
  const query = place.query;
  const by = query.get("by") ?? "uncertain";
  const asked = new URLSearchParams(query);
  asked.set("by", by);
  if (!asked.has("seed")) asked.set("seed", "1");
  asked.set("labeller", kept());
  asked.set("limit", "20");
  const rows = (await api.queue(asked)).rows;
  const change = (name, value) => {
    const next = new URLSearchParams(query);
    next.set(name, value);
    go("label", [], next);
  };
  const onward = new URLSearchParams(query);
  onward.set("by", by);
  onward.set("seed", asked.get("seed"));
  onward.set("label", "1");
  return h("div", { class: "queue" }, h("h1", {}, "Label"),
    h("p", { class: "line" }, nameField(), h("label", {}, h("span", { class: "small" }, "queue "), h("select", { change: event => change("by", event.target.value) }, Object.entries(ORDERS).map(([value, text]) => h("option", { value, selected: value === by }, text)))),
      h("label", {}, h("span", { class: "small" }, "seed "), h("input", { type: "number", min: 0, value: asked.get("seed"), change: event => change("seed", event.target.value) }))),
    h("p", { class: "faint" }, HELP),
    rows.length ? h("p", {}, h("a", { class: "button", "data-focus": true, href: linkTo("response", [rows[0].key], onward) }, "Begin")) : h("p", {}, "Nothing is left to label here."),
    h("ol", { class: "rows" }, rows.map(row => listRow(row, onward))));
}

/** What a response's page shows for labelling, and what the keys do. */
export function labelPanel(its, query, about) {
  const total = its.steps.total;
  const given = new Map();
  const history = [];
  const began = performance.now();
  const open = query.get("label") === "1";
  const comment = h("textarea", { rows: 2, maxlength: 4000, "aria-label": "Comment on this response", placeholder: "comment" });
  const progress = h("span", { class: "progress", role: "status" });
  const flagged = h("input", { type: "checkbox" });
  const adjudicated = h("input", { type: "checkbox", checked: query.get("adjudicate") === "1" });
  let page = null;
  let at = 0;

  const mine = (its.people ?? []).find(one => one.kind === "steps" && one.labeller === kept());
  mine?.ratings.forEach((rating, number) => { if (rating !== null) given.set(number, rating); });

  const rowOf = number => page?.querySelector(`[data-step="${number}"]`);
  const paint = number => {
    const row = rowOf(number);
    row?.querySelectorAll("button[data-rating]").forEach(one => one.setAttribute("aria-pressed", String(given.get(number) === Number(one.dataset.rating))));
    progress.textContent = `${given.size} of ${total} steps rated`;
  };
  const select = number => {
    rowOf(at)?.classList.remove("now");
    at = Math.max(0, Math.min(total - 1, number));
    const row = rowOf(at);
    row?.classList.add("now");
    row?.scrollIntoView({ block: "nearest" });
    if (!row && at < total) page?.querySelector(".more-steps:not([hidden])")?.click();
  };
  const rate = (number, rating) => {
    history.push([number, given.get(number)]);
    if (rating === undefined) given.delete(number);
    else given.set(number, rating);
    paint(number);
  };
  const repaint = () => page?.querySelectorAll("[data-step]").forEach(row => paint(Number(row.dataset.step)));
  const first = number => {
    for (let step = 0; step < total; step += 1) {
      if (step < number) given.set(step, 1);
      else if (step === number) given.set(step, -1);
      else given.delete(step);
    }
    repaint();
  };
  const all = () => {
    for (let step = 0; step < total; step += 1) given.set(step, 1);
    repaint();
  };
  const body = more => ({ kind: "steps", labeller: labellerName(), solution: its.key, seconds: Math.round((performance.now() - began) / 100) / 10, comment: comment.value, ratings: Array.from({ length: total }, (_, step) => given.get(step) ?? null), flagged: flagged.checked, adjudicated: adjudicated.checked, ...more });
  const send = async (what, told) => {
    if (!what.labeller) return false;
    say("saving…");
    try {
      const reply = await api.label(what);
      say(`saved: ${told}`);
      globalThis.potstillSaved = { at: reply.saved, solution: its.key };
      return true;
    } catch (error) {
      say(error.message);
      return false;
    }
  };
  const next = async () => {
    if (!open) return;
    const asked = new URLSearchParams(query);
    for (const name of ["label", "adjudicate"]) asked.delete(name);
    if (!asked.has("by")) asked.set("by", "uncertain");
    asked.set("labeller", kept());
    asked.set("limit", "1");
    const rows = (await api.queue(asked)).rows;
    if (rows.length && rows[0].key !== its.key) go("response", [rows[0].key], query);
    else go("label", [], asked);
  };
  const save = async () => {
    if (!given.size && !flagged.checked) {
      say("Rate a step first, or skip");
      return;
    }
    if (await send(body({}), `${given.size} of ${total} steps`)) await next();
  };
  const skip = async () => { if (await send(body({ skipped: true, ratings: Array(total).fill(null) }), "skipped")) await next(); };
  const correct = outcome => send({ kind: "verdict", labeller: labellerName(), solution: its.key, outcome, comment: comment.value }, `the answer is ${outcome}`);

  const extra = step => h("div", { class: "rate", role: "group", "aria-label": `Rate step ${step.number + 1}` },
    [[1, "right"], [0, "neutral"], [-1, "wrong"]].map(([value, text]) => h("button", { type: "button", "data-rating": value, "aria-pressed": String(given.get(step.number) === value), click: () => {
      rate(step.number, given.get(step.number) === value ? undefined : value);
      select(step.number);
    } }, text)), h("button", { type: "button", class: "plain", click: () => { first(step.number); select(step.number); } }, "first wrong"));

  const head = h("div", { class: `labelling${open ? " open" : ""}` }, h("p", { class: "line" }, nameField(), progress, open ? null : h("a", { href: linkTo("response", [its.key], withLabel(query)) }, "Label these steps")));
  const foot = h("section", { class: "labelling", "aria-labelledby": "labelling" }, h("h2", { id: "labelling" }, "Your labels"),
    open ? [h("p", {}, comment), h("p", { class: "line" }, h("button", { type: "button", class: "main", click: save }, "Save and go on"), h("button", { type: "button", click: skip }, "Skip"), h("button", { type: "button", click: all }, "All are right"),
      h("label", { class: "small" }, flagged, " cannot be labelled"), h("label", { class: "small" }, adjudicated, " this decides (adjudication)")), h("p", { class: "faint small" }, HELP)] : h("p", {}, h("a", { href: linkTo("response", [its.key], withLabel(query)) }, "Label these steps")),
    h("p", { class: "line" }, h("span", { class: "small" }, "The answer is "), ["right", "wrong", "unknown"].map(outcome => h("button", { type: "button", click: () => correct(outcome) }, outcome)), h("span", { class: "faint small" }, "corrects the verdict, with your name on it")));

  const keys = shown => {
    page = shown;
    if (!open) return { l: () => go("response", [its.key], withLabel(query)) };
    shown.classList.add("labels-on");
    setTimeout(() => { repaint(); select(0); });
    const rateAndGo = rating => () => { rate(at, rating); select(at + 1); };
    return {
      1: rateAndGo(1), 0: rateAndGo(0), "-": rateAndGo(-1), x: rateAndGo(-1), j: () => select(at + 1), k: () => select(at - 1), w: () => first(at), a: all,
      u: () => { const last = history.pop(); if (last) { if (last[1] === undefined) given.delete(last[0]); else given.set(last[0], last[1]); paint(last[0]); select(last[0]); } },
      s: skip, c: () => comment.focus(), Enter: save, "Ctrl+Enter": save,
    };
  };
  return { head, foot, extra: open ? extra : null, keys, help: open ? HELP : "l: label these steps, b: back to the list, g: the problem", grown: () => { repaint(); select(at); } };
}

function withLabel(query) {
  const next = new URLSearchParams(query);
  next.set("label", "1");
  return next;
}
