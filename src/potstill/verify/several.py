"""Answers that the end of a response gives one by one: boxes, list items, bold print, formulas of a sentence. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from potstill.verify.closing import conclusion
from potstill.verify.formulas import formulas_in
from potstill.verify.lists import boxed_parts, split_answers
from potstill.verify.markup import Line, read_lines

MOST = 12
"""Answers that are given one by one; longer lists come as one."""


def given_apart(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the ways in which the end of a text may give several answers, each as its name and the answers."""
    yield "boxes", boxed_parts(text) if "boxed" in text else []
    lines = [line for line in conclusion(read_lines(text)) if line.text.strip()]
    if not lines or lines[-1].role == "code":
        return
    yield "items", _items(lines)
    last = lines[-1]
    yield "bold print", list(last.bold)
    yield "formulas", [content.strip() for _, _, content in formulas_in(last.text)]
    yield "sentence", [_value(part) for part in split_answers(last.text.rstrip(" ."))]


def _items(lines: list[Line]) -> list[str]:
    """Return the values of the list that ends a text, what each comes to."""
    items: list[str] = []
    for line in reversed(lines[-MOST:]):
        number, mark, rest = line.text.strip().partition(". ") if line.role != "item" else ("0", ".", line.text)
        if not mark or not number.isdigit():
            break
        items.insert(0, line.bold[-1] if line.bold and not line.bold[-1].endswith(":") else _value(rest))
    return items if len(items) > 1 else []


def _value(text: str) -> str:
    """Return what a part comes to: the 40 of `Area: 8 * 5 = 40`."""
    said = text.rpartition("=")[2] if text.count("=") > 1 or ": " in text else text
    return said.rpartition(": ")[2].strip(" .$")
