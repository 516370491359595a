// A text of a model as nodes: its formulas, its code, what is looked for marked, and all else plain. One pass, linear.
import { h, shownText } from "./dom.js";
import { codeBlock } from "./code.js";
import { formula } from "./maths.js";

// Openings, each with what closes it: `$$`, `\[`, `\(`, `$`, an environment, a fence, a back quote.
const OPENING = /```([A-Za-z+#]{0,20})[^\S\n]*\n|\$\$|\\\[|\\\(|\\begin\{([a-z]{1,16}\*?)\}|\$|`/g;
const CLOSING = { "$$": "$$", "\\[": "\\]", "\\(": "\\)", "$": "$", "`": "`" };
const ENVIRONMENTS = new Set(["align", "align*", "aligned", "equation", "equation*", "gather", "gather*", "cases", "matrix", "pmatrix", "bmatrix", "vmatrix", "array"]);
// `**Standard form:**`
const BOLD = /\*\*([^*\n]{1,200})\*\*/g;
const LONGEST = 6000;

/** Return nodes of a text; `found` is a stretch [start, end) to mark. */
export function prose(text, found = null) {
  const nodes = [];
  let from = 0;
  OPENING.lastIndex = 0;
  for (let opening = OPENING.exec(text); opening; opening = OPENING.exec(text)) {
    const piece = closed(text, opening);
    if (!piece) continue;
    const block = piece.kind === "display" || piece.kind === "code";
    let before = opening.index;
    while (block && before > from && text[before - 1] === "\n") before -= 1;
    plain(nodes, text, from, before, found);
    nodes.push(within(piece, opening.index, found));
    from = piece.end;
    while (block && text[from] === "\n") from += 1;
    OPENING.lastIndex = from;
  }
  plain(nodes, text, from, text.length, found);
  return nodes;
}

function closed(text, opening) {
  const begins = opening.index + opening[0].length;
  if (opening[0].startsWith("```")) {
    const end = text.indexOf("\n```", begins - 1);
    const last = end < 0 ? text.length : end;
    return { kind: "code", text: text.slice(begins, last), language: opening[1], end: end < 0 ? last : end + 4 };
  }
  if (opening[2] !== undefined) {
    if (!ENVIRONMENTS.has(opening[2])) return null;
    const mark = `\\end{${opening[2]}}`;
    const end = near(text, mark, begins);
    return end < 0 ? null : { kind: "display", text: text.slice(opening.index, end + mark.length), end: end + mark.length };
  }
  const mark = CLOSING[opening[0]];
  const end = near(text, mark, begins);
  if (end <= begins) return null;
  const inner = text.slice(begins, end);
  if (opening[0] === "`") return inner.includes("\n") ? null : { kind: "inline", text: inner, end: end + 1 };
  if (opening[0] === "$" && (/^\s|\s$|\n\s*\n/.test(inner) || (/^\d/.test(inner) && !/[\\^_={}+*/<>]/.test(inner)) || /^[\d.,]+\s+[a-z]{3}/i.test(inner))) return null;
  return { kind: opening[0] === "$$" || opening[0] === "\\[" ? "display" : "math", text: inner, end: end + mark.length };
}

function near(text, mark, from) {
  const end = text.slice(from, from + LONGEST).indexOf(mark);
  return end < 0 ? -1 : from + end;
}

function within(piece, at, found) {
  const made = piece.kind === "code" ? codeBlock(piece.text, piece.language)
    : piece.kind === "inline" ? h("code", {}, piece.text)
      : formula(piece.text, piece.kind === "display");
  return found && found[0] < piece.end && found[1] > at ? h("mark", { class: "found" }, made) : made;
}

function bold(nodes, text) {
  let from = 0;
  for (const part of text.matchAll(BOLD)) {
    nodes.push(...shownText(text.slice(from, part.index)), h("strong", {}, part[1]));
    from = part.index + part[0].length;
  }
  nodes.push(...shownText(text.slice(from)));
}

function plain(nodes, text, from, to, found) {
  if (from >= to) return;
  if (!found || found[0] >= to || found[1] <= from) {
    bold(nodes, text.slice(from, to));
    return;
  }
  const begin = Math.max(from, found[0]);
  const end = Math.min(to, found[1]);
  nodes.push(...shownText(text.slice(from, begin)));
  nodes.push(h("mark", { class: "found" }, text.slice(begin, end)));
  nodes.push(...shownText(text.slice(end, to)));
}
