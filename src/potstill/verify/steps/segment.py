"""A text cut into steps: character spans that tile it, never cut inside mathematics or code. Linear time.

Paragraphs are steps. A text without blank lines is cut at its lines, a long paragraph at its lines and its sentences;
`Step 3` at the start of a line and words of second thought at the start of a sentence (`Wait`, `Alternatively`) always
begin a step.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

LONG = 400
"""Characters from which a paragraph is cut further."""
SHORT = 40
"""Characters below which a sentence stays with the one before it."""


@dataclass(frozen=True, slots=True)
class Span:
    """One step, `text[start:end]`; the white space after a step belongs to it."""

    start: int
    end: int


_BLANK = re.compile(r"\n[^\S\n]*\n\s*")
_LINE = re.compile(r"\n\s*")
_LABEL = re.compile(r"^[ \t]*(?:#{1,6}[ \t]{1,4})?(?:\*\*|__)?step[ \t]{1,4}\d{1,4}\b", re.MULTILINE | re.IGNORECASE)
_SENTENCE = re.compile(
    r"(?<=[.!?])(?:(?<!\b[A-Z]\.)|(?<=\b(?:choice|option) [A-Z]\.))(?<!\b(?:Mr|Ms|Dr|St|vs|No|Eq|cf)\.)"
    r"(?<!\b(?:Mrs|etc|Fig|Eqs|e\.g|i\.e)\.)(?<!\n\d\.)(?<!\n\d\d\.)[\"')\]*]{0,3}\s+|(?<=[。！？])"
)
_THOUGHT = re.compile(
    r"(?:But )?(?:wait|hold on|hmm+|alternatively|actually|let me (?:double[- ])?(?:check|verify|re\w{2,12})"
    r"|on second thought|another (?:way|approach)|going back)\b",
    re.IGNORECASE,
)
_WRITTEN = re.compile(r"\w")
_HEADING = re.compile(r"#{1,6} [^\n]{1,200}|\*\*[^\n*]{1,200}\*\*:?|(?:step )?\(?\d{1,4}[.):]?", re.IGNORECASE)


def segment(text: str, cut: Literal["paragraphs", "sentences"] = "paragraphs") -> tuple[Span, ...]:
    """Return the steps of a text: the first span starts at 0, each where the one before ends, the last ends the text.

    With `sentences` every sentence is a step. The empty text has none. No span starts or ends inside `$...$`,
    `$$...$$`, LaTeX brackets, an environment or code.
    """
    guard = _Guard(text)
    blanks = [found.end() for found in _BLANK.finditer(text)]
    cuts = {at for at in blanks if guard.allows(at)}
    cuts.update(found.start() for found in _LABEL.finditer(text) if guard.allows(found.start()))
    for span in _tiled(len(text), cuts):
        all_of_them = cut == "sentences"
        by_line = all_of_them or not blanks or span.end - span.start > LONG
        within = _within(text, span, guard, by_line=by_line, sentences=all_of_them)
        cuts.update(within)
    return _merged(text, _tiled(len(text), cuts), guard)


def thinks_again(text: str) -> bool:
    """Whether a step begins with words of second thought, which always begin a step: `Wait`, `Alternatively`."""
    return _THOUGHT.match(text.lstrip()) is not None


def _tiled(length: int, cuts: set[int]) -> list[Span]:
    points = [0, *sorted(at for at in cuts if 0 < at < length), length]
    return [Span(start, end) for start, end in pairwise(points) if start < end]


def _within(text: str, span: Span, guard: _Guard, *, by_line: bool, sentences: bool) -> set[int]:
    """Return where a paragraph is cut: at its lines, before second thoughts, and at the sentences of a long line.

    With `sentences` at those of every line.
    """
    lines = [span.start]
    if by_line:
        lines += [found.end() for found in _LINE.finditer(text, span.start, span.end) if guard.allows(found.end())]
    cuts = set(lines)
    for start, end in zip(lines, [*lines[1:], span.end], strict=True):
        last = start
        for found in _SENTENCE.finditer(text, start, end):
            at = found.end()
            long = end - start > LONG and at - last >= SHORT
            if (sentences or long or _THOUGHT.match(text, at)) and guard.allows(at):
                cuts.add(at)
                last = at
    return cuts


def _merged(text: str, spans: list[Span], guard: _Guard) -> tuple[Span, ...]:
    """Join what is no step of its own: a heading to what follows, a formula or a rule to what precedes."""
    merged: list[Span] = []
    carried = -1
    for number, span in enumerate(spans):
        start = span.start if carried < 0 else carried
        carried = -1
        piece = text[span.start : span.end].strip()
        if number + 1 < len(spans) and len(piece) <= 210 and _HEADING.fullmatch(piece):
            carried = start
        elif merged and (not _WRITTEN.search(piece) or guard.covers(span.start, span.start + len(piece))):
            merged[-1] = Span(merged[-1].start, span.end)
        else:
            merged.append(Span(start, span.end))
    return tuple(merged)


_MARK = re.compile(
    r"\\[\\$]"
    r"|(?P<fence>^[ \t]{0,8}(?:```|~~~))"
    r"|(?P<code>`[^`\n]{1,400}`)"
    r"|\\(?P<side>begin|end)[ \t]?\{(?P<name>[A-Za-z]{1,24}\*?)\}"
    r"|(?P<bracket>\\[()\[\]])"
    r"|(?P<dollars>\$\$)"
    r"|(?P<dollar>\$)"
    r"|(?P<blank>\n[^\S\n]*\n)",
    re.MULTILINE,
)
_CLOSING = {"\\(": "\\)", "\\[": "\\]"}


@dataclass(frozen=True, slots=True)
class _Mark:
    """A delimiter: `kind` is what closes with what, `opens` and `closes` whether it may do so.

    `amount` is a dollar sign before a digit, which may be money; `apart` one after a space, which closes no amount.
    """

    kind: str
    start: int
    end: int
    opens: bool
    closes: bool
    amount: bool = False
    apart: bool = False


class _Guard:
    """The stretches of a text that no cut may fall into, found in one pass forward over one pass backward."""

    def __init__(self, text: str) -> None:
        marks = [mark for found in _MARK.finditer(text) if (mark := _mark(found, text)) is not None]
        partner = _partners(marks)
        self._starts: list[int] = []
        self._ends: list[int] = []
        number = 0
        while number < len(marks):
            mark, closing = marks[number], partner[number]
            if mark.kind == "code" or (mark.opens and closing is not None):
                self._starts.append(mark.start)
                self._ends.append(mark.end if closing is None else marks[closing].end)
                number = number if closing is None else closing
            elif mark.kind == "fence":
                self._starts.append(mark.start)
                self._ends.append(len(text))  # code that never ends
                break
            number += 1

    def allows(self, at: int) -> bool:
        """Return whether a cut before this character falls into no stretch."""
        before = bisect_left(self._starts, at) - 1
        return before < 0 or self._ends[before] <= at

    def covers(self, start: int, end: int) -> bool:
        """Return whether one stretch is all of `start` to `end`."""
        number = bisect_left(self._starts, start)
        return number < len(self._starts) and self._starts[number] == start and self._ends[number] >= end


def _mark(found: re.Match[str], text: str) -> _Mark | None:
    group, written, (start, end) = found.lastgroup, found.group(), found.span()
    if found.group("name"):
        opens = found.group("side") == "begin"
        return _Mark("environment " + found.group("name"), start, end, opens, not opens)
    if group == "bracket":
        opens = written in _CLOSING
        return _Mark(_CLOSING.get(written, written), start, end, opens, not opens)
    if group == "dollar":
        before, after = text[start - 1 : start], text[end : end + 1]
        apart = not before or before.isspace()
        closes = not (after.isdigit() or (apart and after.isalpha()))
        return _Mark("dollar", start, end, bool(after), closes, after.isdigit(), apart)
    return None if group is None else _Mark(group, start, end, group != "blank", group in ("fence", "dollars"))


def _partners(marks: list[_Mark]) -> list[int | None]:
    """Return for each mark the mark that closes it, walking backward: the nearest of its kind that none nearer took."""
    partner: list[int | None] = [None] * len(marks)
    closers: dict[str, list[int]] = {}
    for number in range(len(marks) - 1, -1, -1):
        mark = marks[number]
        waiting = closers.setdefault(mark.kind, [])
        if mark.kind == "blank":
            closers.pop("dollar", None)  # mathematics in a line ends with its paragraph
        if mark.opens and waiting and not (mark.amount and marks[waiting[-1]].apart):
            partner[number] = waiting[-1]
            if mark.kind.startswith("environment"):
                waiting.pop()
            elif not mark.closes:
                waiting.clear()
        if mark.closes:
            if not mark.kind.startswith("environment"):
                waiting.clear()
            waiting.append(number)
    return partner
