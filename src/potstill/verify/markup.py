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
    r"(?<![\w)\]}*])(\*{2,3})(?=[^\s*])([^*]{1,400}?(?:\*(?!\*)[^*]{1,200}){0,6}?)(?<=[^\s])\1(?![\w({*]|\d)"
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

    if "**" in text or "__" in text:
        text = _BOLD.sub(kept, text)
    if "*" in text:
        text = _LEAN.sub(r"\1", text)
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
