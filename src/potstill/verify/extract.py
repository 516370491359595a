"""The final answer found in the text that follows the thinking. Pure, linear in the text.

Looked for, in this order: an answer field of JSON, an answer tag, the last balanced box, a stated answer ("the answer
is", "Final answer:", "####", "A:"), the text as a whole where it is short, the last number, letter, formula, date, or
yes or no of the last lines. Of a statement that cannot be read as `kind` the one before it is tried.
"""

from __future__ import annotations

import re
from dataclasses import replace

from potstill.verify.amounts import last_number, whole_number
from potstill.verify.closing import conclusion
from potstill.verify.endings import breaks_off, gives_up, leaves_empty, without_coda
from potstill.verify.fields import json_answers, mended
from potstill.verify.formulas import date_in, formulas_in, is_prose
from potstill.verify.kinds import moment_of
from potstill.verify.markup import Line, read_lines
from potstill.verify.normalise import plain_math
from potstill.verify.numbers import numbers_in
from potstill.verify.numerals import COUNTING, number_in_words
from potstill.verify.readings import NOTHING, Extraction, differ, numbers_of
from potstill.verify.runs_on import runs_on_at
from potstill.verify.shown import (
    LINE_CHARACTERS,
    bold_in,
    computes_in,
    concludes,
    is_beside,
    is_remark,
    said_last,
    sentences_of,
    standing,
    takes_one,
    titled,
    turns,
)
from potstill.verify.stated import SENTENCE_END
from potstill.verify.statement import EXPLICIT, Stated
from potstill.verify.unstated import AMOUNTS, WORDED, endorsed_in, option_in_words, unstated
from potstill.verify.weighing import read_stated, stated_answers
from potstill.verify.words import meaning_of

TAIL_CHARACTERS = 60_000
EMPTY = "empty answer"
"""The method of an answer whose place is there with nothing in it."""
MAX_WHOLE = 40
"""Characters of a response that is nothing but its answer."""


def extract(text: str, kind: str, choices: tuple[str, ...] = ()) -> Extraction:
    """Return the final answer of a response whose thinking was taken off; `kind` is one of `answer_kinds`.

    Text that runs on into a new question ("\\nQ:", "Your turn:") counts only up to there. For the kinds of mathematical
    objects the value is the whole object as it was written, without the dollar signs around it.
    """
    text = text.strip()
    if not text:
        return NOTHING
    if len(text) <= 24 and kind == "number" and text.isascii() and text.replace(".", "", 1).lstrip("-").isdigit():
        return Extraction(text, "whole")
    cut = runs_on_at(text)
    if cut:
        found = _extract(text[:cut].rstrip(), kind, choices)
        if found.value is not None:
            return found
    return _extract(text, kind, choices)


def _extract(text: str, kind: str, choices: tuple[str, ...]) -> Extraction:
    text = mended(text[-TAIL_CHARACTERS:])
    raw = kind in ("text", "code") or bool(json_answers(text))
    lines = [] if raw else read_lines(text, ticks=kind == "choice")
    text = text if raw else "\n".join(map(titled, lines))
    stated, ambiguous = stated_answers(text, kind, choices)
    for number, answer in enumerate(reversed(stated)):
        found = read_stated(answer, kind, choices, text[max(0, answer.start - 1_000) : answer.start])
        if found.value is not None:
            doubted = number == 0 and (ambiguous or gives_up(text, answer.end))
            if kind == "choice" and number == 0 and (later := endorsed_in(text[answer.end :][-LINE_CHARACTERS:])):
                doubted = doubted or later[-1] != found.value
            others = found.others
            if ambiguous and doubted and len(stated) > 1:
                others = (*others, *filter(None, (read_stated(stated[-2], kind, choices).value,)))
            return Extraction(found.value, found.method, doubted or found.ambiguous, others)
        if answer.method in EXPLICIT and kind not in ("choice", "yes_no"):
            return Extraction(None, answer.method, ambiguous, tuple(filter(None, (answer.text.strip()[:200],))))
    if kind not in ("text", "code") and leaves_empty(text):
        return Extraction(None, EMPTY)
    if kind not in WORDED and (said := _without_value(text)):
        return Extraction(said, "last clause", others=numbers_of(text[-LINE_CHARACTERS:]))
    body, coda = text, ""
    if not raw:
        ended = conclusion(lines)
        body = "\n".join(line.text for line in ended)
        coda = "\n".join(line.text for line in lines[len(ended) :]) if ended == lines[: len(ended)] else ""
        shown = _shown(ended, kind, choices) or (None if breaks_off(text) else _stands_out(ended, kind, choices))
        if shown is not None and gives_up(text):
            return replace(shown, ambiguous=True, others=(shown.value or "", *shown.others), unfinished=True)
        if shown is not None:
            beside = numbers_of(body.rpartition("\n")[2] + coda[:LINE_CHARACTERS]) if kind in AMOUNTS else ()
            return replace(shown, others=(*shown.others, *beside))
    if kind not in WORDED:
        body, aside = without_coda(body)
        coda = aside + coda
    found = unstated(body, kind, choices)
    if coda and found.value is not None:
        found = replace(found, others=(*found.others, *numbers_of(coda[:LINE_CHARACTERS])))
    if kind == "number" and (opening := _other_opening(text, found)):
        return Extraction(found.value, "two statements", True, (found.value or "", *found.others, opening))
    doubt = "breaks off" if breaks_off(text) else "gives up" if gives_up(text) else ""
    if found.value is None or (found.method == "whole" and len(text) <= MAX_WHOLE) or not doubt:
        return found
    # A guess from such a text: never right, and wrong only if no reading of it is the gold answer.
    return Extraction(found.value, f"{found.method} of a text that {doubt}", True, (found.value, *found.others), True)


def _counts(value: str) -> bool:
    return any(map(str.isdigit, value)) or number_in_words(value.casefold()) is not None


def _shown(lines: list[Line], kind: str, choices: tuple[str, ...]) -> Extraction | None:
    """Return what the last line shows in bold print, or comes to."""
    for span in bold_in(lines) if kind != "choice" or takes_one(lines) else ():
        found = read_stated(Stated(0, 0, span, "bold"), kind, choices)
        if kind == "choice" and found.value is None:
            found = option_in_words(span, choices)
        typed = kind not in (*AMOUNTS, "date") or (found.value and (_counts(found.value) or moment_of(found.value)))
        if found.value is not None and typed:
            return found
    said = said_last(lines)
    if not said or (kind in AMOUNTS and whole_number(plain_math(said), "last line") is None):
        return None
    if kind not in WORDED and is_prose(said, formulas_in(said)):
        return None
    found = read_stated(Stated(0, 0, said, "last line"), kind, choices)
    return found if found.value is not None else None


def _stands_out(lines: list[Line], kind: str, choices: tuple[str, ...]) -> Extraction | None:
    """Return what stands out above the last words, where all that follows only tells of it.

    In bold print, led to (`So she pays $23.`) or alone on its line. What follows it must neither conclude nor compute
    anything, nor take it back: `**$23**` over a list of what was bought, `It costs **$23**` over a story.
    """
    if kind in ("text", "code", "choice", "yes_no"):
        return None
    whole = [line for line in lines if line.text.strip()]
    written = whole[-MOST_LINES:]
    parts = [part for line in written for part in sentences_of(line)]
    beside = [is_beside(part.text) for part in parts]
    below: list[Line] = []
    computes = False
    for place in range(len(parts) - 1, -1, -1):
        part = parts[place]
        alone = all(beside[place + 1 :])
        for said in (
            standing(part, kind, alone=alone) if below and not (computes and (place or whole != written)) else ()
        ):
            led = kind == "number" and said not in part.bold and " " in said
            found = last_number(said) if led else read_stated(Stated(0, 0, said, "bold above"), kind, choices)
            if found.value is None or (kind in AMOUNTS and not _counts(found.value)):
                continue
            if kind not in (*AMOUNTS, "date") and not any(c.isdigit() or c in "=<>≤≥\\" for c in found.value):
                continue
            if kind == "date" and moment_of(found.value) is None:
                continue
            if computes and said.strip(" .!") != part.text.strip(" .!"):
                return None
            rest = numbers_of("\n".join(line.text for line in below)[-LINE_CHARACTERS:])
            return replace(found, others=(*found.others, *rest))
        told = not is_beside(part.text) or not COUNTING.isdisjoint(part.text.lower().split())
        concluding = concludes(part) and told and (kind != "date" or moment_of(date_in(part.text) or "") is not None)
        if not is_remark(part.text) and (concluding or turns(part, parts[place - 1] if place else None)):
            return None
        computes |= computes_in(part)
        below.insert(0, part)
    return None


MOST_LINES = 12
"""Lines from the end among which one may stand out."""
_OPENING = re.compile(r"(?P<said>[^\n?=:]{3,120}?)[.!*]{0,3}\s{0,3}\n")
_CUE = re.compile(
    r"\b(?:so|thus|hence|therefore|then|total|altogether|in all|left|remain\w*|now|answer|result|final\w*"
    r"|needs?|gets?|gives?|makes?"
    r"|each|per|must|will|can|is|are)\b|[=≈]",
    re.IGNORECASE,
)


def _other_opening(text: str, found: Extraction) -> str:
    """Return the number that a short text opens with as its answer, where its last sentence only tells a story.

    `Mark has 9 marbles now.` and, below it, `He had 5 and won 4.`
    """
    told = len(text) <= MAX_TOLD and not any(sign in text for sign in "=×*+/≈")
    opening = _OPENING.match(text) if told and found.method.startswith("last") else None
    if opening is None or found.value is None or _CUE.search(SENTENCE_END.split(text.rstrip(" \n.!*"))[-1]):
        return ""
    numbers = numbers_in(plain_math(opening["said"]))
    return numbers[0][0] if len(numbers) == 1 and differ(numbers[0][0], found.value) else ""


MAX_TOLD = 400
_LAST_SENTENCE = re.compile(r"[.!?:]\s|\n")


def _without_value(text: str) -> str:
    """Return the last sentence or clause of a text where it says that there is no value: `the limit does not exist`."""
    sentence = _LAST_SENTENCE.split(text.rstrip(" \n.*!$")[-400:])[-1].strip()
    if " " not in sentence or sentence == text.strip(" \n.*!$") or _BESIDES.search(sentence):
        return ""
    for said in (sentence, sentence.rpartition(",")[2].strip(), _CONNECTED.sub("", sentence, count=1)):
        if meaning_of(said):
            return said
    return ""


_BESIDES = re.compile(
    r"\b(?:other|another|further|more|extraneous|additional|better|else|second|remaining)\b", re.IGNORECASE
)
"""What denies only that there is anything besides: `There are no other solutions.`"""
_CONNECTED = re.compile(r"\A(?:so|hence|thus|therefore|as [^,]{1,80}),?\s", re.IGNORECASE)
