// The steps of a response: each with its text, what the calculator found, a reward model's score, and people's ratings.
import { api } from "./api.js";
import { count, h, say, short } from "./dom.js";
import { prose } from "./prose.js";


function finding(step) {
  if (step.outcome === undefined) return null;
  if (step.outcome === "right") return h("p", { class: "finding right" }, h("span", { class: "sign" }, "✓ "), "recomputed: ", h("code", {}, step.stated));
  if (step.outcome === "wrong") return h("p", { class: "finding wrong" }, h("span", { class: "sign" }, "✗ "), "it states ", h("code", {}, step.stated), ", the left side is ", h("code", {}, step.recomputed));
  return step.stated ? h("p", { class: "finding unknown" }, h("span", { class: "sign" }, "? "), "not decided: ", step.reason || step.stated) : null;
}

function ratings(step, people) {
  const said = people.filter(one => one.kind === "steps" && one.ratings[step.number] !== null && one.ratings[step.number] !== undefined);
  return said.length ? h("p", { class: "ratings" }, said.map(one => h("span", { class: `rating r${one.ratings[step.number]}` }, `${one.labeller}: ${one.ratings[step.number] > 0 ? "+1" : one.ratings[step.number]}`))) : null;
}

/** Return one step; `place` is a stretch of it to mark. */
export function stepRow(step, people, extra = null, place = null) {
  return h("li", { class: `step ${step.outcome ?? ""}${step.repeated ? " repeated" : ""}`, id: `step-${step.number}`, "data-step": step.number },
    h("div", { class: "gutter" }, h("span", { class: "number" }, step.number + 1), step.score === undefined ? null : h("span", { class: "score", title: `reward model: ${short(step.score)}` }, step.score.toFixed(2)),
      step.repeated ? h("span", { class: "loop" }, "loop") : null),
    h("div", { class: "body" }, h("div", { class: "prose" }, prose(step.text.trimEnd(), place)),
      step.left_out ? h("p", { class: "faint small" }, `${count(step.left_out)} more characters are not shown`) : null,
      finding(step), ratings(step, people), extra));
}

const SIGNS = { r: "right", w: "wrong" };

/** A strip of a bar for each step: a reward model's scores, else what the calculator found. */
export function strip(steps) {
  const scores = steps.scores?.steps?.length === steps.total ? steps.scores.steps : null;
  const many = Math.min(steps.total, 400);
  if (many < 2) return null;
  const told = scores ? `Scores of ${steps.scores.model}, step by step: least ${short(Math.min(...scores.slice(0, 4000)))}`
    : `The calculator: ${count(steps.counts.right ?? 0)} steps right, ${count(steps.counts.wrong ?? 0)} wrong, ${count(steps.counts.unknown ?? 0)} not decided`;
  const bars = [];
  for (let place = 0; place < many; place += 1) {
    const value = scores ? Math.max(0.04, Math.min(1, scores[place])) : 0.6;
    const kind = scores ? (scores[place] < 0.5 ? "wrong" : "right") : SIGNS[steps.signs[place]] ?? "unknown";
    const bar = h("span", { class: `bar ${kind}` });
    bar.style.setProperty("--height", String(value));
    bars.push(bar);
  }
  return h("figure", { class: "strip" }, h("div", { class: "bars", role: "img", "aria-label": told }, bars),
    h("figcaption", {}, told, steps.first_wrong === null || steps.first_wrong === undefined ? "" : `; the first wrong one is step ${steps.first_wrong + 1}`, steps.total > many ? `; the first ${many} of ${count(steps.total)} steps` : ""));
}

/** The list of steps, with a button for the next ones: a response may have a hundred thousand. */
export function stepList(its, options = {}) {
  const steps = its.steps;
  const place = its.extracted?.in === steps.of ? its.extracted : null;
  const list = h("ol", { class: "steps" });
  let at = 0;
  const add = rows => rows.forEach(step => {
    const stretch = place && place.start < at + step.text.length && place.end > at ? [place.start - at, place.end - at] : null;
    list.append(stepRow(step, its.people ?? [], options.extra?.(step), stretch));
    at += step.text.length + step.left_out;
  });
  add(steps.rows);
  const more = h("button", { type: "button", class: "more-steps" });
  const left = () => steps.total - list.children.length;
  const name = () => {
    more.textContent = `Show ${count(Math.min(200, left()))} more of ${count(left())} steps`;
    more.hidden = left() <= 0;
  };
  more.addEventListener("click", async () => {
    more.disabled = true;
    try {
      const next = await api.response(its.key, new URLSearchParams({ begin: String(list.children.length), count: "200" }));
      add(next.steps.rows);
      options.grown?.();
    } catch (error) {
      say(error.message);
    }
    more.disabled = false;
    name();
  });
  name();
  return h("div", {}, list, more);
}

export function stepsHead(steps) {
  const facts = [`${count(steps.total)} steps of the ${steps.of}`];
  if (!steps.checked) facts.push("too long to recompute");
  if (steps.looping) facts.push("ends in a loop");
  if (steps.repeated_share > 0.02) facts.push(`${Math.round(100 * steps.repeated_share)}% of it repeats itself`);
  return facts.join(", ");
}

