"""Answers that the end of a response gives one by one: boxes, list items, bold print, formulas of a sentence. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from potstill.recipe import Policy
from potstill.verify.allowance import Allowance
from potstill.verify.closing import conclusion
from potstill.verify.comparison import compare
from potstill.verify.doubts import doubt_of
from potstill.verify.formulas import formulas_in
from potstill.verify.judged import SHOWN, Judged, decided
from potstill.verify.kinds import MATHEMATICAL, Gold
from potstill.verify.lists import boxed_parts, split_answers
from potstill.verify.markup import Line, read_lines
from potstill.verify.words import word_key

MOST = 12
"""Answers that are given one by one; longer lists come as one."""
MAX_READ = 20_000
"""Characters from the end of a response that are searched for them."""


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


_ENUMERATED = re.compile(r"(?:\b(?:is|are|was|were)\b|:)\s(?P<said>[^.:;\n]{2,300}(?:,|\band\b)[^.:;\n]{2,80})")
"""`The three colours are red, green and blue.`"""
_JOINED = re.compile(r",\s?(?:and\s)?|\sand\s|\s?[•;]\s?")
MOST_OF_NAME = 3


def _named_together(response: str, wanted: Gold, policy: Policy) -> Judged | None:
    """Judge a list of names, as the first list of the response or its first sentence that enumerates gives them."""
    golds = [word_key(part) for part in _JOINED.split(wanted.text)]
    if len(golds) < 2 or any(len(gold.split()) > MOST_OF_NAME for gold in golds) or any(map(str.isdigit, wanted.text)):
        return None
    lines = [line for line in read_lines(response[-MAX_READ:]) if line.text.strip()]
    listed = [line.role == "item" or _NUMBER.match(line.text) is not None for line in lines]
    begin = listed.index(True) if True in listed else -1
    end = [*listed, False].index(False, max(begin, 0))
    ways = (
        [[line.bold[0] if line.bold else _NUMBER.sub("", line.text, count=1) for line in lines[begin:end]]]
        if begin > 0
        else []
    )
    ways += [_JOINED.split(found["said"]) for line in lines[:1] if (found := _ENUMERATED.search(line.text)) is not None]
    for way in ways:
        said = [word_key(part) for part in way]
        if (said == golds or (policy.order != "strict" and sorted(said) == sorted(golds))) and not any(
            doubt_of(response, part) for part in way
        ):
            return replace(decided(True, "names, one by one", wanted.text[:SHOWN]), extracted="; ".join(way)[:SHOWN])
    return None


_NUMBER = re.compile(r"\s{0,4}\d{1,2}[.)]\s")


def together(response: str, wanted: Gold, policy: Policy, allowance: Allowance) -> Judged | None:
    """Judge what the end of a response gives one by one, where the gold is as many answers; None unless right."""
    if wanted.kind == "text":
        return _named_together(response, wanted, policy)
    if wanted.kind not in MATHEMATICAL:
        return None
    golds = split_answers(wanted.text)
    if len(golds) == 1 and wanted.text.startswith(("{", "\\{")) and wanted.text.endswith("}"):
        golds = split_answers(wanted.text.lstrip("\\{").rstrip("\\}"))
    if len(golds) == 1 and wanted.text.startswith("(") and wanted.text.endswith(")"):
        golds = split_answers(wanted.text[1:-1])
    if len(golds) < 2:
        return None
    for way, parts in given_apart(response[-MAX_READ:]):
        if len(parts) != len(golds) or {doubt_of(response, part) for part in parts} - {"", "one of two"}:
            continue
        joined = " ; ".join(parts)
        judged = compare(joined, wanted, policy, allowance)
        if judged.outcome == "right":
            return replace(judged, method=f"{way}, {judged.method}", extracted=joined[:SHOWN])
    return None
