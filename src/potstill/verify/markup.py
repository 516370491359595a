"""The marks of a response taken off before anything looks for its answer: headings, bold print, tables, lists, emoji.

A small tokenizer of lines rather than a full Markdown reader: answers are TeX and code as often as prose, and a reader
that follows CommonMark takes `2**11`, `_1` and `a | b` apart. Pure, linear in the text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Role = Literal["text", "title", "row", "item", "code"]
MARKS = ("**", "__", "#", "|", ">", "- ", "* ", "`", "*")
MAX_LINE = 4_000
"""Characters of a line whose bold print is looked for; a longer one stays as it is."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line without its marks.

    `bold` are its spans in bold print; `role` says what it is: a `title` is a heading or a line that is bold as a
    whole; the cells of a `row` are joined by `: `.
    """

    text: str
    bold: tuple[str, ...] = ()
    role: Role = "text"
    level: int = 0


_FENCE = re.compile(r"\s{0,3}(```+|~~~+)")
_HEADING = re.compile(r"\s{0,3}(#{1,6})\s{1,4}(?=\S)(.{1,400}?)\s{0,4}#{0,6}\s{0,4}\Z")
"""`### Final Answer`; not `#### 42`, whose mark is the answer's."""
_HASHED_ANSWER = re.compile(r"\s{0,3}####\s{0,4}[-+$\\(\d]")
_BULLET = re.compile(r"(\s{0,12})[-*•▪◦‣+]\s{1,4}(?=\S)")
_QUOTE = re.compile(r"\s{0,3}>\s?")
_ROW = re.compile(r"\s{0,4}\|(.{1,2000})\|\s{0,4}\Z")
_RULE = re.compile(r"\s{0,4}\|?\s{0,4}:?-{2,}:?\s{0,4}(?:\|\s{0,4}:?-{2,}:?\s{0,4}){0,40}\|?\s{0,4}\Z")
_LINE_RULE = re.compile(r"\s{0,3}(?:-{3,}|\*{3,}|_{3,}|={3,})\s{0,3}\Z")
_BOLD = re.compile(
    r"(?<![\w)\]}*])(\*{2,3})(?=[^\s*])([^*]{1,400}?(?:\*(?!\*)[^*]{1,200}){0,6}?)(?<=[^\s])\1(?![a-zA-Z0-9_({*])"
    r"|(?:(?<=\s)|(?<![\s\S]))__(?=[^\s_])([^_]{1,400}?)(?<=\S)__(?!\w)"
)
"""`**42**` and `__42__`; not `2**11`, nor `__name__` of a program in mid-word."""
_LEAN = re.compile(r"(?<![\w*\\)\]}^])\*(?=[^\s*])([^*\n$\\]{2,300})(?<=[^\s*])\*(?![\w*({^])")
"""`*Note that this rounds.*`: two letters and more, so that no product is taken for print."""
_CODE = re.compile(r"(?<!`)`(?!`)([^`\n]{1,200})`(?!`)")
_CELL = re.compile(r"(?<!\\)\|")
_SIGN_KINDS = ("So", "Sk", "Cn")
_ARROWS = re.compile(r"\s{0,3}(?:[→⇒➡➜➤▶►⟹∴]|=>|\\therefore\b|\$\\therefore\$|\$\\Rightarrow\$|\\implies\b)\s{0,3}")
_TICKS = "✓✔✅☑"


_HTML = re.compile(
    r"<(?P<bold>/?(?:b|strong|mark))(?:\s[^<>]{0,80})?>"
    r"|<(?P<line>br|/?(?:p|div|li|h[1-6]|tr|center|ul|ol|table))(?:\s[^<>]{0,80})?\s?/?>"
    r"|</?(?:i|em|u|span|font|small|big|td|th|code|details|summary)(?:\s[^<>]{0,80})?>",
    re.IGNORECASE,
)
"""`<b>Answer:</b> 5<br>`; not `<sub>`, which is mathematics, nor `<answer>`, which is the answer's place."""


def _of_html(found: re.Match[str]) -> str:
    return "**" if found["bold"] else "\n" if found["line"] else ""


def without_html(text: str) -> str:
    """Return an answer without the tags around it: `Paris</b><br>`."""
    return _HTML.sub(" ", text).strip() if "<" in text and ">" in text else text


_RAISED = re.compile(r"<(sub|sup)>([^<>]{1,40})</\1>")
"""`m<sup>3</sup>`, which is mathematics."""


def raised(text: str) -> str:
    """Return a text with the powers and indices of HTML as LaTeX writes them."""
    return _RAISED.sub(lambda tag: f"{'_' if tag[1] == 'sub' else '^'}{{{tag[2]}}}", text)


_STRUCK = re.compile(r"~~(?=\S)[^~\n]{1,200}~~|<(s|del|strike)>[^<>\n]{1,200}</\1>")
"""`~~12~~ 15`: what is struck out is not said."""
_PRINT = re.compile(
    r"\\(?:(?:text)?color\s?\{[a-zA-Z]{2,20}\}(?=\s?\{)|(?:boldsymbol|mathbf|bm|textbf|underline|fbox|displaystyle"
    r"|bbox(?:\[[^\[\]]{0,60}\])?|colorbox\s?\{[a-zA-Z]{2,20}\})(?=\s?\{))\s?"
    r"|\{\s?\\color\s?\{[a-zA-Z]{2,20}\}\s?(?=[^{}])"
)
"""`\\boldsymbol{16}`, `\\color{blue}{x^2}`, `{\\color{red} 5}`: print, not mathematics."""


def without_print(text: str) -> str:
    """Return LaTeX without the commands for bold print, colours and frames around more than one letter."""
    if "\\" not in text or len(text) > MAX_LINE:
        return text
    at = 0
    for _ in range(MAX_PRINTS):
        found = _PRINT.search(text, at)
        if found is None:
            break
        begin = found.end() if found.group()[0] == "\\" else found.start()
        end = closing_of(text, begin)
        inner = text[found.end() + (begin == found.end()) : end]
        if end < 0 or (len(inner.strip()) < 2 and begin == found.end()) or inner.lstrip("\\").isalpha():
            at = found.end()
            continue
        text, at = f"{text[: found.start()]}{inner}{text[end + 1 :]}", found.start()
    return text


MAX_PRINTS = 16


def closing_of(text: str, begin: int) -> int:
    """Return where the brace that opens at a place is closed, or -1."""
    depth = 0
    for brace in _BRACE.finditer(text, begin):
        depth += {"{": 1, "}": -1}.get(brace.group(), 0)
        if depth == 0:
            return brace.start()
    return -1


_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)


def read_lines(text: str, *, ticks: bool = False) -> list[Line]:
    """Return the lines of a response without their marks; `ticks` keeps the emoji that mark a taken option."""
    return list(_lines(text.split("\n"), ticks=ticks))


def _lines(lines: list[str], *, ticks: bool) -> Iterator[Line]:
    fence, table = "", False
    for number, line in enumerate(lines):
        opening = _FENCE.match(line)
        if fence or opening is not None:
            if opening is not None and (not fence or opening[1].startswith(fence)):
                fence = "" if fence else opening[1]
            yield Line(line, (), "code")
            continue
        row = _ROW.fullmatch(line) if "|" in line else None
        following = lines[number + 1] if number + 1 < len(lines) else ""
        if row is not None and (table or ("-" in following and _RULE.fullmatch(following))):
            named = table and _RULE.fullmatch(line) is None  # the names of the columns say nothing
            yield _row(row[1], ticks=ticks) if named else Line("")
            table = True
            continue
        table = False
        if "<" in line and ">" in line:
            yield from (_line(part, ticks=ticks) for part in _HTML.sub(_of_html, line).split("\n"))
        else:
            yield _line(line, ticks=ticks)


def _row(cells: str, *, ticks: bool) -> Line:
    parts = [_inline(cell.strip(), ticks=ticks) for cell in _CELL.split(cells)]
    texts = [text for text, _ in parts if text]
    return Line(": ".join(texts), tuple(bold for _, spans in parts for bold in spans), "row")


def _line(line: str, *, ticks: bool) -> Line:
    if len(line) > MAX_LINE or not line.strip():
        return Line(line)
    if _LINE_RULE.fullmatch(line):
        return Line("")
    heading = _HEADING.fullmatch(line) if "#" in line and not _HASHED_ANSWER.match(line) else None
    if heading is not None:
        text, bold = _inline(heading[2], ticks=ticks)
        return Line(text, bold, "title", len(heading[1]))
    role: Role = "text"
    if line.lstrip()[:1] == ">":
        line = _QUOTE.sub("", line, count=1)
    bullet = _BULLET.match(line)
    if bullet is not None:
        line, role = line[bullet.end() :], "item"
    text, bold = _inline(line, ticks=ticks)
    if len(bold) == 1 and role == "text" and text.strip(" .:!") == bold[0].strip(" .:!"):
        role = "title"
    return Line(text, bold, role, 7 if role == "title" else 0)


def _inline(text: str, *, ticks: bool) -> tuple[str, tuple[str, ...]]:
    """Return a line without bold and slanted print and emoji, and its spans in bold print."""
    bold: list[str] = []

    def kept(found: re.Match[str]) -> str:
        span = found[2] if found[2] is not None else found[3]
        bold.append(span.strip())
        return str(span)

    if "~~" in text or "<" in text:
        text = raised(_STRUCK.sub("", text))
    if "**" in text or "__" in text:
        text = _BOLD.sub(kept, text)
    if "*" in text:
        text = _LEAN.sub(r"\1", text)
    if "\\" in text:
        text = without_print(text)
    if not text.isascii() or "=>" in text or "\\" in text:
        text = without_signs(text, ticks=ticks)
        bold = [without_signs(span, ticks=ticks) for span in bold]
    return text, tuple(bold)


def without_signs(text: str, *, ticks: bool = False) -> str:
    """Return a line without the emoji and arrows that open or end it."""
    arrow = _ARROWS.match(text)
    if arrow is not None:
        text = text[arrow.end() :]
    begin, end = 0, len(text)
    while begin < end and _is_sign(text[begin], ticks=ticks):
        begin += 1
    while end > begin and _is_sign(text[end - 1], ticks=ticks):
        end -= 1
    return text[begin:end] if end - begin < len(text) else text


def _is_sign(character: str, *, ticks: bool) -> bool:
    if character.isascii():
        return character == " "
    if character in _TICKS and ticks:
        return False
    return character in "\ufe0f\u200d✓✔" or (character not in "°℃℉№" and unicodedata.category(character) in _SIGN_KINDS)
