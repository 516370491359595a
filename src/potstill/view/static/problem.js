// The page of a problem: question, gold and its form, what the samples say together, and the responses side by side.
import { api } from "./api.js";
import { count, fill, h, outcomeMark, percent, say, short } from "./dom.js";
import { linkTo, replace } from "./link.js";
import { keysAre } from "./keys.js";
import { labellerName } from "./label.js";
import { prose } from "./prose.js";
import { stepList, stepsHead, strip } from "./steps.js";

const BESIDE = 4;

export async function problemPage(about, place) {
  const its = await api.problem(place.rest[0] ?? "");
  const wanted = place.query.getAll("beside").filter(key => its.responses.some(one => one.key === key));
  const chosen = new Set(wanted.length ? wanted : firstOfEach(its.responses));
  const beside = h("div", { class: "beside" });
  const draw = async () => {
    const query = new URLSearchParams();
    chosen.forEach(key => query.append("beside", key));
    replace("problem", place.rest, query);
    const keys = [...chosen].slice(0, BESIDE);
    beside.style.setProperty("--columns", String(Math.max(1, keys.length)));
    const found = await Promise.all(keys.map(key => api.response(key, new URLSearchParams({ count: "40" }))));
    fill(beside, found.map(column));
  };
  await draw();
  keysAre({ "?": () => say("Tick up to four responses to see them side by side") });
  return h("article", { class: "problem" },
    h("nav", { class: "crumbs", "aria-label": "Where this is" }, h("a", { href: linkTo("list") }, "Traces"), " › problem ", its.id || count(its.number + 1)),
    h("h1", { class: "question" }, prose(its.question.text)),
    its.question.left_out ? h("p", { class: "faint" }, `${count(its.question.left_out)} more characters`) : null,
    gold(its, about),
    its.solution ? h("details", {}, h("summary", {}, "The worked solution of its source"), h("div", { class: "prose" }, prose(its.solution.slice(0, 20000)))) : null,
    its.groups.map(group),
    h("section", { "aria-labelledby": "samples" }, h("h2", { id: "samples" }, `${count(its.total)} responses`),
      h("ul", { class: "samples" }, its.responses.map(one => sample(one, chosen, draw)))),
    h("section", { "aria-labelledby": "beside" }, h("h2", { id: "beside" }, "Side by side"), beside));
}

function firstOfEach(rows) {
  const first = new Map();
  rows.forEach(one => { if (!first.has(`${one.run} ${one.of}`)) first.set(`${one.run} ${one.of}`, one.key); });
  const keys = [...first.values()];
  for (const one of rows) if (keys.length < 2 && !keys.includes(one.key)) keys.push(one.key);
  return keys.slice(0, BESIDE);
}

function gold(its, about) {
  const rows = [["gold", its.gold === null ? "none" : its.gold], ["compared as", its.form], ["domain", its.domain], ["difficulty", its.difficulty === null ? "" : short(its.difficulty)], ["problems", its.part_of], ["source", its.source], ["checker", its.checker]];
  return h("section", { "aria-label": "Gold" }, h("dl", { class: "facts" }, rows.filter(([, value]) => value).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))),
    its.golds.map(one => h("p", { class: "people" }, `${one.labeller} says the gold is ${one.gold}${one.comment ? ` – ${one.comment}` : ""}`)),
    about.labels && its.responses.length ? correction(its) : null);
}

function correction(its) {
  const value = h("input", { "aria-label": "The right gold", placeholder: "the right gold", maxlength: 400 });
  const comment = h("input", { "aria-label": "Why", placeholder: "why", maxlength: 400 });
  return h("details", {}, h("summary", {}, "Correct the gold"), h("form", { class: "line", submit: async event => {
    event.preventDefault();
    const labeller = labellerName();
    if (!labeller) return;
    try {
      await api.label({ kind: "gold", labeller, solution: its.responses[0].key, gold: value.value, comment: comment.value });
      say(`saved: ${labeller} says the gold is ${value.value}`);
    } catch (error) {
      say(error.message);
    }
  } }, value, comment, h("button", { type: "submit" }, "Save")));
}

function group(its) {
  const judged = its.right + its.wrong;
  return h("section", { class: "group", "aria-label": `Samples of ${its.of}` },
    h("p", {}, h("b", {}, its.of), `: ${its.right} right, ${its.wrong} wrong, ${its.unknown} unknown of ${its.samples}; pass rate ${percent(its.pass_rate)}`,
      judged ? ` (95% interval ${percent(its.low)} to ${percent(its.high)})` : ""),
    h("p", {}, its.majority === null ? "no majority" : ["majority: ", h("code", {}, its.majority), ` by ${its.votes} of ${its.voters}${its.tied ? ", tied" : ""}`], `; ${its.finding}; judged by ${its.gold_source}`));
}

// Of a file of many models a response is called by its model, of a run by its set or arm.
function called(one) {
  return `${one.of.startsWith("file ") && one.model ? one.model : one.of}, sample ${one.sample + 1}`;
}

function sample(one, chosen, draw) {
  const box = h("input", { type: "checkbox", checked: chosen.has(one.key), "aria-label": `Show ${called(one)} side by side`, change: async event => {
    if (event.target.checked && chosen.size >= BESIDE) {
      event.target.checked = false;
      say(`${BESIDE} stand side by side; take one away first`);
      return;
    }
    if (event.target.checked) chosen.add(one.key);
    else chosen.delete(one.key);
    await draw();
  } });
  return h("li", {}, h("label", {}, box), " ", h("a", { href: linkTo("response", [one.key]) }, called(one)), " ", outcomeMark(one.outcome, one.cause), one.extracted ? h("code", {}, one.extracted) : null,
    one.drop ? h("span", { class: "faint small" }, one.drop === "kept" ? " kept" : ` dropped: ${one.drop}`) : null);
}

function column(its) {
  const name = called({ of: its.of, model: its.meta.teacher ?? its.meta.student, sample: its.meta.sample });
  return h("section", { class: "column", "aria-label": name },
    h("h3", {}, h("a", { href: linkTo("response", [its.key]) }, name)),
    h("p", {}, outcomeMark(its.outcome, its.cause), its.extracted ? h("code", {}, its.extracted.text) : null),
    h("p", { class: "faint small" }, `${its.meta.teacher ?? its.meta.student}; ${stepsHead(its.steps)}`), strip(its.steps), stepList(its),
    its.steps.of === "reasoning" ? h("div", { class: "prose answer" }, prose(its.answer.text.slice(0, 6000))) : null);
}
