// Code with a few colours: comments, strings, numbers, words of the language. One pass over short pieces.

const TOKEN = /(#[^\n]*|\/\/[^\n]*)|("(?:[^"\\\n]|\\.){0,2000}"|'(?:[^'\\\n]|\\.){0,2000}')|(\b\d[\d_.]{0,40}\b)|([A-Za-z_]\w{0,60})/g;
const WORDS = new Set(("and as assert async await break case catch class const continue def del do elif else except export "
  + "false False finally fn for from function global if import in interface is lambda let match new None nonlocal not null "
  + "or pass print public pub raise return self static struct switch this throw true True try type use var void while with yield").split(" "));
const COLOURED = 20000;

/** Return a block of code. */
export function codeBlock(text, language = "") {
  const block = document.createElement("pre");
  block.className = "code";
  block.tabIndex = 0;
  if (language) block.setAttribute("aria-label", `code, ${language.slice(0, 20)}`);
  if (text.length > COLOURED) {
    block.textContent = text;
    return block;
  }
  let from = 0;
  for (const found of text.matchAll(TOKEN)) {
    const kind = found[1] ? "comment" : found[2] ? "string" : found[3] ? "number" : WORDS.has(found[4]) ? "word" : "";
    if (!kind) continue;
    block.append(text.slice(from, found.index));
    const piece = document.createElement("span");
    piece.className = kind;
    piece.textContent = found[0];
    block.append(piece);
    from = found.index + found[0].length;
  }
  block.append(text.slice(from));
  return block;
}
