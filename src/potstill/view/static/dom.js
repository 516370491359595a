// Elements made one by one: text is always text, so that nothing in a trace becomes a page.

const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu;
const MARKS = /([\p{Mn}\p{Me}]{4})[\p{Mn}\p{Me}]+/gu;
const PLAIN = new Set(["\n", "\t"]);

/** Make an element. A property that is a function is an event; `text` is its text; others are attributes. */
export function h(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === "function") made.addEventListener(name, value);
    else if (name === "text") made.append(...shownText(value));
    else if (name === "value" || name === "checked" || name === "disabled" || name === "open") made[name] = value;
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat(9)) {
    if (child === undefined || child === null || child === false) continue;
    if (child instanceof Node) made.append(child);
    else made.append(...shownText(child));
  }
  return made;
}

/** Return a text as nodes, every character that could reorder, hide or overprint spelt out. */
export function shownText(value) {
  const text = String(value).replaceAll("\r\n", "\n").replace(MARKS, "$1");
  const nodes = [];
  let from = 0;
  for (const found of text.matchAll(HIDDEN)) {
    if (PLAIN.has(found[0])) continue;
    if (found.index > from) nodes.push(document.createTextNode(text.slice(from, found.index)));
    const spelt = document.createElement("span");
    spelt.className = "hidden-character";
    spelt.textContent = `⟨U+${found[0].codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`;
    nodes.push(spelt);
    from = found.index + found[0].length;
    if (nodes.length > 4000) break;
  }
  if (from < text.length) nodes.push(document.createTextNode(from && nodes.length > 4000 ? "…" : text.slice(from)));
  return nodes;
}

export function fill(element, ...children) {
  element.replaceChildren(...h("div", {}, ...children).childNodes);
  return element;
}

export function say(text) {
  const status = document.getElementById("status");
  status.textContent = text;
  status.classList.toggle("shown", Boolean(text));
}

export function count(number) {
  return number === null || number === undefined ? "–" : Number(number).toLocaleString("en");
}

export function percent(share) {
  return share === null || share === undefined ? "–" : `${(100 * share).toFixed(1)}%`;
}

export function short(number) {
  return number === null || number === undefined ? "–" : String(Math.round(number * 1000) / 1000);
}

/** A small mark of an outcome, in words too: colour alone tells nothing to some. */
export function outcomeMark(outcome, cause = "") {
  const sign = { right: "✓", wrong: "✗", unknown: "?" }[outcome] ?? "·";
  const told = cause ? `${outcome}: ${cause}` : outcome;
  return h("span", { class: `mark ${outcome.replaceAll(" ", "-") || "none"}` }, h("span", { "aria-hidden": "true" }, sign), ` ${told}`);
}

export function when(condition, make) {
  return condition ? make() : null;
}

/** A table with a caption; cells may be texts or nodes. */
export function table(caption, head, rows) {
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    h("table", {}, h("caption", {}, caption), h("thead", {}, h("tr", {}, head.map(one => h("th", { scope: "col" }, one)))),
      h("tbody", {}, rows.map(row => h("tr", {}, row.map(cell => h("td", {}, cell)))))));
}
