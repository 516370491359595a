"""Which way of solving a response goes, read from its structure: what it states, calculates and rules out, and when.

A response is never asked what it calls itself, and no word of an instruction counts. Each detector says whether a
response is built so; the first of `DETECTORS` that says yes names the way. What none of them knows is `OTHER`: the ways
`explain_then_answer`, `analogy` and `recall_reason_generate`, and ways of one's own, have no structure to go by here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

OTHER = "other"
_SENTENCE = re.compile(r"(?<=[.;?!])\s+|\n+")
"""Between `It is 3.` and `So 4 are left.`; not inside `3.5`."""
_CLAUSE = re.compile(r"[.;?!:]\s|[.;?!:]\Z|,\s|\n+|\b(?:and|or)\b")
"""`rice at 7 dollars a kg, 3 kg` has two; `1,000` and `3.5` are whole."""
_QUANTITY = re.compile(r"(?<![\w.])(\d{1,12}(?:[.,]\d{1,12})?)(?![\w])(?:\s+([^\W\d_]{1,30}))?")
"""`7 dollars`, or `7` where no word follows."""
_CALCULATION = re.compile(r"\d\s?[-+*/x×÷]\s?\(?\d")
"""`3 * 7`, `12-4`."""
_WORD = re.compile(r"[^\W\d_]{2,40}")
"""`rice` of `rice: 4 a kg`."""
_RULED_OUT = re.compile(
    r"(?i)\b(?:not|no|out|wrong|cannot|can't|isn't|impossible|excluded|eliminated|ruled|never|fails)\b"
)
"""`Not 42`, `42 is out`, `(B) is ruled out`."""
_OPTION = re.compile(r"\(([A-Z])\)|(?<![\w.])(\d{1,12}(?:\.\d{1,12})?)(?![\w])")
"""`(B)`, `42`."""
_PLAIN_WORDS = frozenset({
    "an", "the", "of", "is", "are", "was", "were", "be", "for", "at", "it", "its", "in", "on", "to", "by", "per",
    "each", "with", "from", "that", "this", "so", "we", "you", "he", "she", "they", "as", "here", "there", "has",
    "have", "had", "do", "does", "cost", "costs", "price",
})  # fmt: skip
"""Words that say nothing of what a quantity is a quantity of."""
_FEW_WORDS = 3
_RULED_OUT_AT_LEAST = 2


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause: its quantities as (number, unit), and the words beside them; no unit is said before the first one."""

    quantities: tuple[tuple[str, str], ...]
    words: frozenset[str]


def way_of(question: str, reasoning: str) -> str:
    """Return the name of the way that a response to a question goes, `OTHER` where no detector knows it."""
    return next((name for name, built_so in DETECTORS.items() if built_so(question, reasoning)), OTHER)


def is_direct(question: str, reasoning: str) -> bool:
    """Whether there is no reasoning, a word or two at most and no calculation."""
    del question
    return len(_WORD.findall(reasoning)) <= _FEW_WORDS and not _CALCULATION.search(reasoning)


def is_elimination(question: str, reasoning: str) -> bool:
    """Whether options are ruled out, two or more, each in a sentence of its own that gives a reason.

    One of them at least is of the question: who copies another one wrongly goes the same way.
    """
    offered = {one[0] for one in _OPTION.finditer(question)}
    gone = set()
    for sentence in _SENTENCE.split(reasoning):
        option = _OPTION.search(sentence)
        if option is not None and (word := _RULED_OUT.search(sentence)):
            rest = sentence.replace(option[0], "", 1).replace(word[0], "", 1)
            if re.search(r"\d", rest) or set(map(str.casefold, _WORD.findall(rest))) - _PLAIN_WORDS:
                gone.add(option[0])
    return len(gone) >= _RULED_OUT_AT_LEAST and not gone.isdisjoint(offered)


def is_extraction(question: str, reasoning: str) -> bool:
    """Whether quantities of the question are written down before the first calculation."""
    before, calculates = _before_calculation(reasoning)
    told = clauses(question)
    return calculates and any(_is_told(one, told) for one in before)


def is_recall(question: str, reasoning: str) -> bool:
    """Whether quantities are written down first of which none is told in the question."""
    before, _ = _before_calculation(reasoning)
    told = clauses(question)
    return bool(before) and not any(_is_told(one, told) for one in before)


def is_step_by_step(question: str, reasoning: str) -> bool:
    """Whether it calculates from the beginning."""
    del question
    before, calculates = _before_calculation(reasoning)
    return calculates and not before


DETECTORS: Mapping[str, Callable[[str, str], bool]] = {
    "direct": is_direct,
    "elimination": is_elimination,
    "extract_then_compute": is_extraction,
    "recall_then_generate": is_recall,
    "step_by_step": is_step_by_step,
}
"""Way -> whether a response (question, reasoning) is built so, in the order in which they are asked."""


def clauses(text: str) -> list[Clause]:
    """Return the clauses of a text."""
    parts = [part for part in _CLAUSE.split(text) if part.strip()]
    found: list[list[tuple[str, str]]] = []
    unit = ""
    for part in parts:
        found.append([])
        for one in _QUANTITY.finditer(part):
            unit = _unit(one[2]) or unit  # left out, it is that of the number before: rice 7 dollars and nuts 9
            found[-1].append((one[1], unit))
    units = {unit for quantities in found for _, unit in quantities}
    words = [frozenset(map(str.casefold, _WORD.findall(part))) - _PLAIN_WORDS - units for part in parts]
    return [Clause(tuple(quantities), own) for quantities, own in zip(found, words, strict=True)]


def _unit(word: str | None) -> str:
    """Return the word behind a number as its unit, empty where it says nothing."""
    unit = (word or "").casefold()
    return "" if unit in _PLAIN_WORDS or len(unit) < 2 else unit


def _before_calculation(reasoning: str) -> tuple[list[Clause], bool]:
    """Return the clauses with a quantity before the first calculation, and whether there is one."""
    first = _CALCULATION.search(reasoning)
    before = reasoning if first is None else reasoning[: first.start()]
    return [one for one in clauses(before) if one.quantities and one.words], first is not None


def _is_told(stated: Clause, told: list[Clause]) -> bool:
    """Whether a clause of the question has a quantity that is stated, of the same things.

    Of the words that are stated those count which the question knows at all: it may be told in other words.
    """
    known = stated.words & frozenset().union(*(one.words for one in told))
    return bool(known) and any(
        known <= one.words and any(_same(a, b) for a in stated.quantities for b in one.quantities) for one in told
    )


def _same(one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Whether two quantities are equal; where no unit has been said yet it may be any."""
    return one[0] == other[0] and (one[1] == other[1] or "" in (one[1], other[1]))
