// The people: who labelled how much, how far they agree, what checks say beside them; files out and in.
import { api } from "./api.js";
import { count, h, say, short, table } from "./dom.js";
import { linkTo } from "./link.js";
import { labellerName, nameField } from "./label.js";

export async function peoplePage(about) {
  const [people, checks] = await Promise.all([api.people(), api.agreement()]);
  return h("div", { class: "people-page" }, h("h1", {}, "People"),
    Object.entries(people).map(([run, its]) => oneRun(run, its)),
    h("section", {}, h("h2", {}, "Checks against people"), checks.length ? table("Checks against people", ["check", "what", "things", "alike", "kappa"], checks.map(row => [row.check, row.what, count(row.number), `${(100 * row.alike).toFixed(1)}%`, short(row.kappa)]))
      : h("p", { class: "faint" }, "Nothing is labelled and settled yet.")),
    h("section", {}, h("h2", {}, "Files"), h("p", { class: "line" }, about.shapes.map(shape => h("a", { class: "button", href: api.exportLink(shape), download: `labels-${shape}.jsonl` }, `Export as ${shape}`))),
      h("p", { class: "line" }, nameField(), h("label", {}, h("span", { class: "small" }, "import a file of labels "), h("input", { type: "file", accept: ".jsonl,.json,.txt", change: importing })))));
}

async function importing(event) {
  const labeller = labellerName();
  const file = event.target.files[0];
  if (!labeller || !file) return;
  try {
    const reply = await api.importLabels({ text: await file.text(), labeller });
    say(`imported: ${count(reply.imported)} labels`);
    dispatchEvent(new Event("hashchange"));
  } catch (error) {
    say(`nothing was imported: ${error.message}`);
  }
  event.target.value = "";
}

function oneRun(run, its) {
  const names = Object.entries(its.people);
  if (!names.length) return h("section", {}, h("h2", {}, run), h("p", { class: "faint" }, "Nobody has labelled anything yet. ", h("a", { href: linkTo("label") }, "Begin.")));
  return h("section", {}, h("h2", {}, run),
    table("Who labelled", ["name", "solutions", "verdicts", "golds", "skipped", "minutes"], names.map(([name, sums]) => [name, count(sums.steps), count(sums.verdict), count(sums.gold), count(sums.skipped), short(sums.seconds / 60)])),
    its.agreement.length ? table("How far they agree (Cohen's kappa)", ["one", "the other", "what", "things", "alike", "kappa"], its.agreement.map(row => [row.one, row.other, row.what, count(row.number), `${(100 * row.alike).toFixed(1)}%`, short(row.kappa)])) : null,
    its.open.length ? h("details", { open: true }, h("summary", {}, `${count(its.open.length)} on which people differ`), h("ul", {}, its.open.slice(0, 200).map(one => h("li", {}, one.kind === "gold" ? "a gold" : h("a", { href: linkTo("response", [one.about], new URLSearchParams({ label: "1", adjudicate: "1" })) }, `${one.kind} of ${one.about.slice(0, 8)}: decide`))))) : null);
}
