"""Reasoning made shorter by whole steps, never cut at a count: what is taken out is a file of this folder. Pure.

A step is taken out for what it states, read as values: one that only goes over what is settled, or leads nowhere. What
a kept step uses stays, wherever it comes from. What is left is read again, and where it no longer comes to the answer
that the whole came to, the whole stays.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from potstill.curate.pruning.abandoned import abandoned
from potstill.curate.pruning.conclusion import after_conclusion
from potstill.curate.pruning.reading import StepReading, numbers_gone
from potstill.curate.pruning.rechecks import rechecks
from potstill.curate.pruning.restatements import restatements
from potstill.records import Problem, Trace
from potstill.tool_marks import calls_of
from potstill.verify.extract import extract
from potstill.verify.faithful.conclusion import conclusion
from potstill.verify.faithful.values import Told, told_of, value_of
from potstill.verify.statement import EXPLICIT, FoundIn
from potstill.verify.steps.segment import segment

PRUNINGS: Mapping[str, Callable[[StepReading], set[int]]] = {
    "conclusion": after_conclusion,
    "abandoned": abandoned,
    "rechecks": rechecks,
    "restatements": restatements,
}
"""Name -> what finds such steps, by their numbers in what is read."""
_GAP = re.compile(r"\s*\Z")
"""The blank line behind `So it is 12.\\n\\n`."""
_FORMULA = re.compile(r"[()=+*^_\\]")
"""The signs of `n(n - 1)`."""
MOST_WORDS = 3
"""Words of an answer that is a number: `12 square miles`."""
_DOUBTED, _LAST, _STATED = range(3)
"""How clearly an answer is said: in doubt, as what comes last, in so many words."""
_IN_SO_MANY_WORDS = (*EXPLICIT, FoundIn.STATED)
_SURE = {"wrong": 0, "unknown": 1, "right": 2}


@dataclass(frozen=True, kw_only=True, slots=True)
class PrunedReasoning:
    """What became of a trace's reasoning: its `steps`, those that stay, and by kind how many went.

    `kept` are numbers of steps of the whole. With `left_whole` something could be taken out, but what is left did not
    come to the same answer: the text is the whole, and nothing went.
    """

    text: str
    steps: int
    kept: tuple[int, ...]
    gone: tuple[int, ...]
    """Steps by kind, in the order of the kinds asked for."""
    left_whole: bool = False


def prune(problem: Problem, reasoning: str, answer: str, kinds: Sequence[str]) -> PrunedReasoning:
    """Return the reasoning of a trace without the steps of these kinds; doing it once more changes nothing.

    What stays are whole steps of the reasoning in their order; the answer is never touched. A text with calls of tools
    is left as it is. Linear in the text but for the steps, which meet each other.
    """
    whole = _told(problem, reasoning, answer)
    spans = segment(reasoning, "sentences")
    count = len(spans)
    kept, gone = _stable(whole, count, kinds) if not calls_of(reasoning) else (tuple(range(count)), (0,) * len(kinds))
    if len(kept) == count:
        return PrunedReasoning(text=reasoning, steps=count, kept=kept, gone=gone)
    pieces = [reasoning[span.start : span.end] for span in spans]
    reading = StepReading.of(whole, range(count))
    for more in _with_last_words(problem, reading, pieces, kept[-1]):
        chosen = (*kept, *more)
        text = _joined(pieces, chosen)
        if _holds(problem, reasoning, text, answer, whole, kinds):
            return PrunedReasoning(text=text, steps=count, kept=chosen, gone=_less(gone, len(more)))
    return PrunedReasoning(
        text=reasoning, steps=count, kept=tuple(range(count)), gone=(0,) * len(kinds), left_whole=True
    )  # fmt: skip


def _told(problem: Problem, reasoning: str, answer: str) -> Told:
    """Return what a trace tells; an answer like `n(n - 1)` or `half full on day 20` is no number here."""
    told = told_of(problem, reasoning, answer)
    plain = _FORMULA.search(told.said) is None and len(told.said.split()) <= MOST_WORDS
    return told if plain else replace(told, answer=None)


def _with_last_words(
    problem: Problem, reading: StepReading, pieces: Sequence[str], end: int
) -> Iterator[tuple[int, ...]]:  # fmt: skip
    """Yield which step may stay too, where a reasoning without its last words says its answer less clearly: none, then
    the last that states it in so many words, then the last that has it.
    """
    yield ()
    said = (place for place in range(end + 1, len(pieces)) if reading.states_answer(place))
    saying = [place for place in said if not reading.guesses(place)]
    stating = [place for place in saying[-3:] if _said(problem, pieces[place])[1] == _STATED]
    for last in dict.fromkeys((*stating[-1:], *saying[-1:])):
        yield (last,)


def _less(gone: tuple[int, ...], back: int) -> tuple[int, ...]:
    """Return how many steps went by kind, where one of the most frequent kind came back."""
    most = gone.index(max(gone))
    return (*gone[:most], gone[most] - back, *gone[most + 1 :])


def _holds(
    problem: Problem, reasoning: str, text: str, answer: str, whole: Told, kinds: Sequence[str]
) -> bool:  # fmt: skip
    """Whether what is left comes to the same answer, and pruning it once more would change nothing."""
    again = _told(problem, text, answer)
    parts = len(segment(text, "sentences"))
    return _same_end(problem, reasoning, text, answer, whole, again) and len(_stable(again, parts, kinds)[0]) == parts


def pruned_trace(problem: Problem | None, trace: Trace, kinds: Sequence[str]) -> tuple[Trace, PrunedReasoning | None]:
    """Return a trace with its reasoning pruned and its tokens counted down, and what became of it.

    Its key stays that of the whole, which is therefore what an example names. Without a problem, a reasoning or kinds
    it is left as it is.
    """
    if problem is None or not kinds or not trace.reasoning.strip():
        return trace, None
    found = _remembered(problem, trace.reasoning, trace.answer, tuple(kinds))
    if found.text == trace.reasoning:
        return trace, found
    tokens = None
    if trace.completion_tokens is not None:
        before = len(trace.reasoning) + len(trace.answer)
        tokens = -(-trace.completion_tokens * (len(found.text) + len(trace.answer)) // before)
    return replace(trace, reasoning=found.text, completion_tokens=tokens), found


@functools.lru_cache(maxsize=64)
def _remembered(problem: Problem, reasoning: str, answer: str, kinds: tuple[str, ...]) -> PrunedReasoning:
    return prune(problem, reasoning, answer, kinds)


def _stable(whole: Told, count: int, kinds: Sequence[str]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the steps that stay when nothing more can go, and by kind how many went."""
    kept = tuple(range(count))
    gone = [0] * len(kinds)
    while kept:
        before = kept
        for number, kind in enumerate(kinds):
            reading = StepReading.of(whole, kept)
            found = PRUNINGS[kind](reading)
            found -= numbers_gone(reading, found)
            if len(found) < len(kept):
                gone[number] += len(found)
                kept = tuple(step for place, step in enumerate(kept) if place not in found)
        if kept == before:
            break
    return kept, tuple(gone)


def _joined(pieces: Sequence[str], kept: Sequence[int]) -> str:
    """Return the kept pieces; between two of them the widest gap that stood between them in the whole."""
    gaps = [piece[_GAP.search(piece).start() :] for piece in pieces]  # type: ignore[union-attr]  # it always matches
    text = pieces[kept[0]].rstrip()
    for before, after in itertools.pairwise(kept):
        text += max(gaps[before:after], key=lambda gap: gap.count("\n")) + pieces[after].rstrip()
    return text


def _same_end(problem: Problem, reasoning: str, text: str, answer: str, whole: Told, again: Told) -> bool:
    """Whether what is left comes to the answer wherever the whole did, read as a response and as values.

    So the verdict on either is the same, without anybody being asked for it again.
    """
    if _SURE[conclusion(again)] < _SURE[conclusion(whole)]:
        return False
    if problem.answer_kind in ("code", "parts"):
        return True
    (before, clear), (after, as_clear) = (_said(problem, one) for one in (reasoning, text))
    own, _ = _said(problem, answer)
    if after == own:
        return before != own or as_clear >= clear
    return before != own and (after == before or as_clear <= clear < _STATED)


def _said(problem: Problem, text: str) -> tuple[object, int]:
    """Return the final answer of a text as a value, or as its words, and how clearly it is said."""
    found = extract(text, "number" if problem.answer_kind == "quantity" else problem.answer_kind, problem.choices)
    words = " ".join((found.value or "").casefold().split())
    value = value_of(words)
    clear = _DOUBTED if found.ambiguous else _STATED if found.method in _IN_SO_MANY_WORDS else _LAST
    return words if value is None else value, clear
