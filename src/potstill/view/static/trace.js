// The page of one response: verdict, steps, answer, and behind tabs how it is trained on, what was sent, and all fields.
import { api } from "./api.js";
import { count, fill, h, outcomeMark, say, short } from "./dom.js";
import { go, linkTo } from "./link.js";
import { keysAre } from "./keys.js";
import { codeBlock } from "./code.js";
import { labelPanel } from "./label.js";
import { prose } from "./prose.js";
import { stepList, stepsHead, strip } from "./steps.js";

const FOLDED = 40;

export async function responsePage(about, place) {
  const its = await api.response(place.rest[0] ?? "");
  const query = place.query;
  return shownResponse(about, its, query);
}

function shownResponse(about, its, query) {
  const steps = its.steps;
  const labelling = about.labels ? labelPanel(its, query, about) : null;
  const list = stepList(its, { extra: labelling?.extra, grown: labelling?.grown });
  const folded = steps.total > FOLDED && !labelling?.extra;
  list.classList.toggle("folded", folded);
  const page = h("article", { class: "response" },
    h("nav", { class: "crumbs", "aria-label": "Where this is" }, h("a", { href: linkTo("list", [], query) }, "Traces"), " › ",
      h("a", { href: linkTo("problem", [its.problem]) }, "problem"), " › ", h("span", {}, its.of)),
    h("h1", { class: "question" }, prose(its.asked.question.text.slice(0, 4000))),
    facts(its),
    verdict(its),
    h("section", { "aria-labelledby": "reasoning" }, h("h2", { id: "reasoning" }, steps.of === "reasoning" ? "Reasoning" : "Response"),
      h("p", { class: "faint" }, stepsHead(steps)), strip(steps),
      steps.total > FOLDED ? h("p", {}, h("button", { type: "button", class: "fold", "aria-expanded": String(!folded), click: event => {
        const closed = list.classList.toggle("folded");
        event.target.setAttribute("aria-expanded", String(!closed));
        event.target.textContent = closed ? "Unfold the thinking" : "Fold the thinking";
      } }, folded ? "Unfold the thinking" : "Fold the thinking")) : null,
      labelling?.head, list),
    steps.of === "reasoning" ? answer(its) : null,
    labelling?.foot,
    behind(its));
  const labelKeys = labelling?.keys(page) ?? {};
  keysAre({ ...labelKeys, b: () => go("list", [], query), g: () => go("problem", [its.problem]), "?": () => say(labelling ? labelling.help : "b: back to the list, g: the problem") });
  return page;
}

function facts(its) {
  const meta = its.meta;
  const rows = [["of", `${its.run}, ${its.of}`], ["model", meta.teacher ?? meta.student], ["strategy", meta.strategy ?? meta.prompt], ["sample", meta.sample], ["finish", meta.failure ? `${meta.finish}: ${meta.failure}` : meta.finish],
    ["tokens", meta.completion_tokens === null || meta.completion_tokens === undefined ? "" : count(meta.completion_tokens)], ["characters", count(its.characters)], ["domain", its.domain], ["difficulty", its.difficulty === null ? "" : short(its.difficulty)],
    ["curation", its.drop === "kept" ? "kept as an example" : its.drop ? `dropped: ${its.drop}${its.drop_detail ? ` (${its.drop_detail})` : ""}` : ""], ["source", meta.source]];
  return h("dl", { class: "facts" }, rows.filter(([, value]) => value !== "" && value !== undefined && value !== null).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
    its.parent ? h("div", {}, h("dt", {}, "made from"), h("dd", {}, h("a", { href: linkTo("response", [its.parent]) }, "its parent"), " (", h("a", { href: linkTo("problem", [its.problem], new URLSearchParams([["beside", its.parent], ["beside", its.key]])) }, "side by side"), ")")) : null);
}

function verdict(its) {
  const found = its.verdict;
  const people = (its.people ?? []).filter(one => one.kind === "verdict");
  const where = its.extracted ? (its.extracted.in ? `found in the ${its.extracted.in}` : "not written so in the text") : "";
  return h("section", { class: `verdict ${its.outcome.replaceAll(" ", "-")}`, "aria-label": "Verdict" },
    h("p", {}, outcomeMark(its.outcome, its.cause), found?.method ? h("span", { class: "faint" }, ` by ${found.method}`) : null),
    its.extracted ? h("p", {}, "answer: ", h("code", {}, its.extracted.text), h("span", { class: "faint" }, ` (${where})`)) : h("p", { class: "faint" }, "no answer was extracted"),
    h("p", {}, "gold: ", its.asked.gold === null ? h("span", { class: "faint" }, "none") : h("code", {}, its.asked.gold), found?.answer_form ? h("span", { class: "faint" }, ` compared as ${found.answer_form} with ${found.gold_form}`) : null),
    found?.reason ? h("p", { class: "faint" }, found.reason) : null,
    found?.judge ? h("p", {}, `the rules said ${found.rules || "nothing"}, the judge ${found.judge}`) : null,
    its.finding && its.finding !== "agrees" ? h("p", { class: "doubt" }, `gold and samples: ${its.finding}`) : null,
    people.map(one => h("p", { class: "people" }, `${one.labeller} says: ${one.outcome}${one.comment ? ` – ${one.comment}` : ""}`)));
}

function answer(its) {
  const place = its.extracted?.in === "answer" ? [its.extracted.start, its.extracted.end] : null;
  return h("section", { class: "answer", "aria-labelledby": "answer" }, h("h2", { id: "answer" }, "Answer"),
    its.answer.characters ? h("div", { class: "prose" }, prose(its.answer.text, place)) : h("p", { class: "faint" }, "There is none."),
    its.answer.left_out ? h("p", { class: "faint" }, `${count(its.answer.left_out)} more characters are not shown`) : null);
}

function behind(its) {
  const shown = h("div", { class: "behind", "aria-live": "polite" });
  const tab = (text, load) => h("button", { type: "button", click: async event => {
    event.target.parentElement.querySelectorAll("button").forEach(one => one.setAttribute("aria-pressed", String(one === event.target)));
    try {
      fill(shown, await load());
    } catch (error) {
      fill(shown, h("p", { role: "alert" }, error.message));
    }
  }, "aria-pressed": "false" }, text);
  return h("section", { "aria-label": "Behind this response" }, h("div", { class: "tabs" },
    tab("As trained", async () => trained(await api.trained(its.key))), tab("As sent", async () => sent(await api.sent(its.key))),
    tab("All fields", async () => codeBlock(JSON.stringify({ ...its, steps: undefined, answer: undefined, asked: undefined }, null, 1), "JSON"))), shown);
}

function trained(found) {
  return h("div", {}, found.note ? h("p", { class: "faint" }, found.note) : null,
    found.pieces.map(piece => h("div", { class: `segment ${piece.segment}` }, h("p", { class: "small" }, `${piece.segment}, weight ${piece.weight}${piece.weight ? "" : ": no loss"}`), h("pre", {}, piece.text))));
}

function sent(found) {
  return h("div", {}, found.note ? h("p", { class: "faint" }, found.note) : null,
    found.clock ? h("p", { class: "faint" }, `${count(found.clock.prompt)} prompt tokens, ${count(found.clock.completion)} completion tokens, ${short(found.clock.seconds)} seconds, ${count(found.clock.tries)} request(s)${found.clock.dollars === null ? "" : `, ${found.clock.dollars.toPrecision(3)} US dollars`}`) : null,
    found.messages.map(turn => h("div", { class: "segment prompt" }, h("p", { class: "small" }, turn.role), h("pre", {}, turn.content))),
    found.raw ? [h("h3", {}, "The body as it came"), h("pre", { class: "raw" }, found.raw)] : null);
}
