"""Several answers in one: `5 or 6`, `x=1, x=2`, `19, 46, and 82`, two boxes in one breath."""

from __future__ import annotations

import re
from collections.abc import Callable

MAX_PARTS = 2_000
MAX_MATCHED = 64
"""Parts of an answer that are compared each with each; longer lists must come in the gold's order."""

_WRITTEN_JOIN = re.compile(
    r"\\(?:text|mbox|textrm|mathrm)\s?\{\s*,?\s*(?:and|or|AND|OR)\s*,?\s*\}|\\q?quad|(?<![A-Za-z\\])(?:and|or)(?![A-Za-z])|\n|\\cup(?=\s*\\\{)"
)
_BRACKETS = {
    "(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1, "\\{": 1, "\\}": -1, "\\langle": 1, "\\rangle": -1,
}  # fmt: skip
_TOKEN = re.compile(r"\\\\|\\[A-Za-z]+|\\.|[()\[\]{},;]")
_GROUPED = re.compile(r"(?<!\d)\d{1,3},\d{3}(?!\d)|\{,\}|,\\!")


def split_answers(text: str) -> list[str]:
    """Return the parts of an answer between commas, semicolons, `and`, `or` outside all brackets.

    Commas that group thousands stay; an answer that is one thing is returned alone.
    """
    text = _WRITTEN_JOIN.sub(";", text.strip())
    grouped = {found.start() + found.group().index(",") for found in _GROUPED.finditer(text)}
    parts: list[str] = []
    depth = begin = 0
    for token in _TOKEN.finditer(text):
        sign = token.group()
        if sign in _BRACKETS:
            depth += _BRACKETS[sign]
            if depth < 0:
                return [text]
        elif sign in (",", ";") and depth == 0 and token.start() not in grouped:
            parts.append(text[begin : token.start()])
            begin = token.end()
            if len(parts) > MAX_PARTS:
                return [text]
    parts.append(text[begin:])
    if depth:
        return [text]
    return [part.strip().strip("$").strip() for part in parts if part.strip(" $.\\")]


_PART_MARK = re.compile(r"(?:\A|(?<=[\s,;}]))\(?(?P<mark>[a-e1-5]|i{1,3}|iv|v)\)[\s:]{0,4}(?=\S)")
PART_MARKS = (("a", "b", "c", "d", "e"), ("1", "2", "3", "4", "5"), ("i", "ii", "iii", "iv", "v"))


def numbered_parts(text: str) -> list[str]:
    """Return the parts of `(a) 5, (b) 7` or `(i) 3 (ii) 5` in their order; an empty list where there are no two."""
    found = list(_PART_MARK.finditer(text)) if ")" in text and len(text) <= MAX_NUMBERED else []
    own = next((order for order in PART_MARKS if found and found[0]["mark"] in order), ())
    found = [part for part in found if part["mark"] in own]  # the `3)` of `(a) (2, 3)` marks nothing
    marks = [part["mark"] for part in found]
    order = next(
        (order for order in PART_MARKS if len(marks) > 1 and sorted(marks) == sorted(order[: len(marks)])), None
    )
    if order is None or text[: found[0].start()].strip():
        return []
    ends = [part.start() for part in found[1:]] + [len(text)]
    parts = {part["mark"]: text[part.end() : end].strip(" ,;\n$") for part, end in zip(found, ends, strict=True)}
    return [parts[mark] for mark in order[: len(marks)]] if all(parts.values()) else []


MAX_NUMBERED = 2_000


def matched(
    stated: list[str], wanted: list[str], same: Callable[[str, str], bool | None], *, ordered: bool
) -> bool | None:
    """Whether the parts are the same, each one used once; None where a part could not be decided.

    `same(stated, wanted)` compares two parts.
    """
    if len(stated) != len(wanted):
        return False
    if ordered or len(wanted) > MAX_MATCHED:
        verdicts = [same(one, other) for one, other in zip(stated, wanted, strict=True)]
        return False if False in verdicts else None if None in verdicts else True
    left, doubtful = list(stated), False
    for part in wanted:
        verdicts = []
        for at, other in enumerate(left):
            verdict = same(other, part)
            verdicts.append(verdict)
            if verdict:
                del left[at]
                break
        else:
            if None not in verdicts:
                return False
            doubtful = True
    return None if doubtful else True


_OPENING = re.compile(r"boxed\s?\{")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
MAX_BOXES = 64
MAX_UNCLOSED = 4


def boxed_parts(text: str) -> list[str]:
    """Return the contents of the balanced boxes of a short text, at most 64, in order."""
    parts: list[str] = []
    at = unclosed = 0
    while len(parts) < MAX_BOXES and unclosed < MAX_UNCLOSED:
        opening = _OPENING.search(text, at)
        if opening is None:
            break
        depth, at = 1, opening.end()
        for brace in _BRACE.finditer(text, opening.end(), opening.end() + 10_000):
            depth += {"{": 1, "}": -1}.get(brace.group(), 0)
            if depth == 0:
                parts.append(text[opening.end() : brace.start()].strip())
                at = brace.end()
                break
        else:
            unclosed += 1
    return [part for part in parts if part]
