// Two sets, arms or runs: how many problems were gained and lost, which ones, and what moved in curation.
import { api } from "./api.js";
import { count, h, table } from "./dom.js";
import { go, linkTo } from "./link.js";

const ORDER = ["gained", "lost", "solved in both", "solved in neither", "not judged", "only in the first", "only in the second"];

export async function comparePage(about, place) {
  const known = await api.parties();
  const one = place.query.get("one") ?? known[0] ?? "";
  const other = place.query.get("other") ?? known[1] ?? known[0] ?? "";
  const choice = (name, now) => h("label", {}, h("span", { class: "small" }, name === "one" ? "the first " : "the second "), h("select", { change: event => {
    const query = new URLSearchParams({ one, other });
    query.set(name, event.target.value);
    go("compare", [], query);
  } }, known.map(value => h("option", { value, selected: value === now }, value))));
  const head = [h("h1", {}, "Compare"), h("p", { class: "line" }, choice("one", one), choice("other", other))];
  if (known.length < 1) return h("div", {}, head, h("p", {}, "There is nothing to compare yet."));
  const found = await api.compare(new URLSearchParams({ one, other }));
  return h("div", { class: "compare" }, head, totals(found), traces(found),
    ORDER.filter(kind => found.problems[kind]?.length).map(kind => h("details", { open: kind === "gained" || kind === "lost" },
      h("summary", {}, `${kind}: ${count(found.counts[kind])} ${found.counts[kind] === 1 ? "problem" : "problems"}`), table(kind, ["problem", "the first", "the second"], found.problems[kind].map(row => [h("a", { href: beside(row) }, row.question), side(row.one), side(row.other)])))));
}

function beside(row) {
  const query = new URLSearchParams();
  [row.one.first, row.other.first].filter(Boolean).forEach(key => query.append("beside", key));
  return linkTo("problem", [row.problem], query);
}

function side(its) {
  return its.samples ? `${its.right} right, ${its.wrong} wrong, ${its.unknown} unknown${its.answer ? `; first answer ${its.answer}` : ""}` : "–";
}

function totals(found) {
  const [one, other] = found.totals;
  const row = (name, get) => [name, get(one), get(other)];
  const names = [...new Set([...Object.keys(one.drops), ...Object.keys(other.drops)])];
  return table("Totals", ["", "the first", "the second"], [row("problems", its => count(its.problems)), row("responses", its => count(its.responses)),
    ...["right", "wrong", "unknown", "not judged"].map(name => row(name, its => count(its.outcomes[name] ?? 0))),
    ...names.map(name => row(name === "kept" ? "kept" : `dropped: ${name}`, its => count(its.drops[name] ?? 0))),
    row("tokens, mean", its => count(its.tokens)), row("characters, mean", its => count(its.characters))]);
}

function traces(found) {
  const its = found.traces;
  if (!its.shared) return h("p", { class: "faint" }, "No trace is on both sides.");
  const moved = [...Object.entries(its.verdicts).map(([what, number]) => ["verdict", what, count(number)]), ...Object.entries(its.drops).map(([what, number]) => ["curation", what, count(number)])];
  return h("section", {}, h("p", {}, `${count(its.shared)} traces are on both sides.`), moved.length ? table("What changed of these", ["", "from and to", "traces"], moved) : h("p", {}, "Nothing changed of these."),
    its.listed.length ? h("details", {}, h("summary", {}, "Which ones"), h("ul", {}, its.listed.map(row => h("li", {}, h("a", { href: linkTo("response", [row.key]) }, row.key.slice(0, 8)), ` ${row.before.filter(Boolean).join(", ")} → ${row.after.filter(Boolean).join(", ")}`)))) : null);
}
