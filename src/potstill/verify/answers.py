"""The final answer compared with the gold answer, by kind and under a declared policy: right, wrong or unknown.

Here is what holds for every answer: its bounds, its notation, the unit asked for, and what takes a right one back.
"""

from __future__ import annotations

import re
from dataclasses import replace

from potstill.marks import MARKS
from potstill.recipe import Policy
from potstill.records import LETTERS, too_many
from potstill.text import split_response
from potstill.verify.allowance import Allowance
from potstill.verify.asides import aside_of
from potstill.verify.asked import quantity_said, says_again, unit_asked, without_echo
from potstill.verify.choices import gold_letter
from potstill.verify.comparison import compare
from potstill.verify.decimals import in_notation
from potstill.verify.doubts import doubt_of
from potstill.verify.endings import retracted, taken_up
from potstill.verify.extract import extract
from potstill.verify.foreign import denies_in, is_unread, language_of, without_contrast
from potstill.verify.found import MAX_ANSWER, SHORT, judge_extracted, stated_in_words
from potstill.verify.judged import SHOWN, Judged, decided, unknown
from potstill.verify.kinds import MATHEMATICAL, Gold, read_gold, words_in
from potstill.verify.lists import boxed_parts
from potstill.verify.normalise import plain_math, spelling
from potstill.verify.numbers import MAX_DIGITS, Number, numbers_in
from potstill.verify.parts import PARTS, judge_lettered, judge_parts, read_parts
from potstill.verify.quantities import compare_numbers, form_of
from potstill.verify.several import together
from potstill.verify.statement import EXPLICIT
from potstill.verify.units import unit_of
from potstill.verify.words import word_key
from potstill.verify.yes_no import says_perhaps

__all__ = ["Judged", "gold_letter", "judge_answer", "judge_response", "unknown", "word_key"]

MAX_RESPONSE = 8_000_000
"""Characters of a response; a longer one is refused before it is read."""


def judge_answer(
    prediction: str, gold: str, kind: str, choices: tuple[str, ...], policy: Policy, *, seconds: float
) -> Judged:
    """Compare a bare final answer with the gold answer in at most so many seconds of work.

    An answer that is a sentence is searched for what it states.
    """
    if (refused := _not_comparable(gold, kind, choices)) is not None:
        return refused
    if len(prediction) > MAX_ANSWER:
        return _too_long(prediction, read_gold(gold, kind, choices))
    if kind == PARTS:
        return _judge_parts(prediction, gold, policy, seconds)
    allowance = Allowance(seconds)
    if read_gold(gold, kind, choices).kind in _WORDED:
        return _judge_answer(prediction, gold, kind, choices, policy, allowance)
    return in_notation(
        prediction, gold, policy,
        lambda said, wanted: _judge_answer(said, wanted, kind, choices, policy, allowance),
    )  # fmt: skip


def _not_comparable(gold: str, kind: str, choices: tuple[str, ...]) -> Judged | None:
    """Return why no answer can be compared with this gold; None where one can."""
    if kind == "code":
        return unknown("unsupported", "a program is judged by its tests")
    if told := too_many(choices):
        return unknown("unsupported", told)
    return None if gold.strip() else unknown("no gold", "the problem has no gold answer")


_WORDED = ("text", "choice", "yes_no", "date")


def _judge_parts(text: str, gold: str, policy: Policy, seconds: float) -> Judged:
    """Compare each part by itself, of the kind that its gold reads as, in so many seconds of work in all."""
    judged = judge_parts(
        text, gold, lambda said, wanted, share: judge_answer(said, wanted, "auto", (), policy, seconds=seconds * share)
    )
    # `ei: 0; sum: 3` has no words but names, and denies nothing in any language
    if judged.outcome != "right" or (read_parts(text) or {}).keys() == (read_parts(gold) or {}).keys():
        return judged
    if why := doubt_of(text, (judged.extracted or "").partition("; ")[0]):
        return unknown("ambiguous", f"the answer is {why} where it is named", judged.method, judged.extracted)
    return judged


def _judge_lettered(text: str, gold: str, policy: Policy, seconds: float) -> Judged | None:
    return judge_lettered(
        text,
        gold,
        lambda said, wanted, share: judge_response(said, wanted, "auto", (), policy, seconds=seconds * share),
    )


def _judge_answer(
    prediction: str, gold: str, kind: str, choices: tuple[str, ...], policy: Policy, allowance: Allowance
) -> Judged:
    wanted = read_gold(gold, kind, choices)
    judged = _beside_aside(prediction, wanted, policy, allowance) or compare(prediction, wanted, policy, allowance)
    if judged.outcome == "right" and wanted.kind != "text" and _denies_its_box(prediction):
        judged = unknown("ambiguous", "the answer is denied where it is named")
    if wanted.kind == "text" and judged.outcome != "right" and len(boxes := boxed_parts(prediction)) == 1:
        judged = compare(boxes[0], wanted, policy, allowance)
    if judged.outcome == "unknown" and judged.cause == "unparsable prediction":
        judged = stated_in_words(prediction, wanted, policy, allowance) or judged
    if judged.outcome == "unknown" and denies_in(prediction, language_of(prediction)):
        judged = decided(False, "denied", reason="the answer says what it is not")
    return replace(judged, extracted=prediction if len(prediction) <= SHOWN else f"{prediction[: SHOWN - 3]}...")


def judge_response(
    response: str,
    gold: str,
    kind: str,
    choices: tuple[str, ...],
    policy: Policy,
    *,
    seconds: float,
    question: str = "",
) -> Judged:
    """Extract the final answer from a response and compare it with the gold answer, in so many seconds of work at most.

    Of a response with marks of thinking only what follows them counts. A `question` that is known tells the unit of a
    bare gold, and which words and figures of the response are only its own said again.
    """
    if (refused := _not_comparable(gold, kind, choices)) is not None:
        return refused
    if len(response) > MAX_RESPONSE:
        return unknown("unsupported", "response too long")
    if _may_think(response):
        response = split_response(response).answer
        if not response:
            return unknown("unparsable prediction", "no answer after the thinking")
    if kind == PARTS:
        parts = _judge_lettered(response, gold, policy, seconds) or _judge_parts(response, gold, policy, seconds)
        if parts.outcome != "unknown" or ":" in gold or ")" in gold or read_gold(gold, "auto").kind == "text":
            return parts
        kind = "auto"  # `x = 7, y = 3` is a solution as it stands
    allowance = Allowance(seconds)

    def judged(said: str, gold: str) -> Judged:
        wanted = read_gold(gold, kind, choices)
        wanted = replace(wanted, question=question) if question else wanted
        judged = _judge_response(said, wanted, gold, choices, policy, allowance)
        return _in_unit_asked(judged, said, wanted, choices, policy, allowance) if question else judged

    worded = read_gold(gold, kind, choices).kind in _WORDED
    said = (without_echo(response, question) if question and not worded else None) or response
    found = judged(said, gold) if worded else in_notation(said, gold, policy, judged)
    announced = found.method.startswith(EXPLICIT)
    if ")" in gold and kind in ("auto", *MATHEMATICAL) and not announced:
        parts = _judge_lettered(response, gold, policy, seconds) or found
        found = found if parts.outcome == "unknown" and found.outcome == "right" else parts
    if found.method and not announced and is_unread(response):
        return replace(found, method=f"{found.method}, in a language that is not read")
    return found


def _in_unit_asked(
    judged: Judged, response: str, wanted: Gold, choices: tuple[str, ...], policy: Policy, allowance: Allowance
) -> Judged:
    """Judge once more with the unit that the question asks for, where the gold is a bare number and this tells more.

    Of `How many minutes?` with the gold 15, `a quarter of an hour` is right and `15 seconds` is not.
    """
    bare = isinstance(wanted.value, Number) and not wanted.value.symbol and not wanted.value.percent
    asked = unit_asked(wanted.question) if bare and any(map(str.isalpha, response)) else ""
    if not asked or policy.units == "required":
        return judged
    gold = f"{wanted.text} {asked}"
    whole = replace(read_gold(gold, "quantity"), question=wanted.question)
    if judged.outcome != "right":
        again = _judge_response(response, whole, gold, choices, policy, allowance)
        repeats = says_again(wanted.question, again.extracted or "")
        return again if again.outcome == "right" and not repeats else judged
    said, unit = quantity_said(response, judged.extracted or ""), unit_of(asked)
    if said is None or unit is None or not isinstance(whole.value, Number):
        return judged
    again = compare_numbers(said, whole.value, policy)
    if again.outcome == "right" or unit_of(said.symbol) == unit:
        return judged
    own = unit_of(said.symbol)
    if own is not None and own.dimension == unit.dimension:
        return replace(again, method=f"{judged.method}, quantity", extracted=judged.extracted)
    return unknown("ambiguous", f"the question asks for {asked}", judged.method, judged.extracted)


def _judge_response(
    response: str, wanted: Gold, gold: str, choices: tuple[str, ...], policy: Policy, allowance: Allowance
) -> Judged:
    judged = _judge_stated(response, wanted, gold, choices, policy, allowance)
    if judged.outcome == "right":
        return judged
    kept = without_contrast(response)
    stated = judged if kept is None else _judge_stated(kept, wanted, gold, choices, policy, allowance)
    return stated if stated.outcome == "right" else judged


def _judge_stated(
    response: str, wanted: Gold, gold: str, choices: tuple[str, ...], policy: Policy, allowance: Allowance
) -> Judged:
    judged = _judge_whole(response, wanted, choices, gold, policy, allowance)
    if judged.outcome == "right" and wanted.kind == "yes_no" and says_perhaps(response):
        return unknown("ambiguous", "the answer is left open", judged.method, judged.extracted)
    denied = judged.outcome == "unknown" and len(response) <= SHORT and denies_in(response, language_of(response))
    if denied and judged.cause == "ambiguous" and len(numbers_in(plain_math(response))) == 1:
        return replace(decided(False, "denied", reason="the answer says that it is not the gold"), extracted=response)
    words = wanted.kind == "yes_no"
    if judged.outcome == "right" and (why := doubt_of(response, judged.extracted or "", words=words)):
        return unknown("ambiguous", f"the answer is {why} where it is named", judged.method, judged.extracted)
    if judged.outcome != "unknown" and wanted.kind not in _WORDED and retracted(response):
        return unknown("ambiguous", "the answer is taken back and no other given", judged.method, judged.extracted)
    named = judged.extracted or ""
    said = [text for letter, text in zip(LETTERS, choices, strict=False) if letter == named]
    if judged.outcome == "right" and taken_up(response, (named, *said)):
        return unknown("ambiguous", "the answer is taken up again and not settled", judged.method, judged.extracted)
    return judged


def _judge_whole(
    response: str, wanted: Gold, choices: tuple[str, ...], gold: str, policy: Policy, allowance: Allowance
) -> Judged:
    if _is_bare(response, wanted):
        judged = compare(response.strip(), wanted, policy, allowance)
        if judged.outcome != "unknown":
            return replace(judged, method=f"whole, {judged.method}", extracted=response.strip())
    judged = judge_extracted(response, extract(response, wanted.kind, choices), wanted, policy, allowance)
    if judged.outcome == "right":
        return judged
    bare = judged.outcome == "unknown" and len(response) <= SHORT and "~~" not in response
    if bare and spelling(response) == spelling(gold):
        return replace(decided(True, "whole, same spelling"), extracted=response.strip())
    if wanted.kind == "text" and wanted.text.count("{") != wanted.text.count("}"):
        return _unbalanced_box(response, wanted) or judged
    return together(response, wanted, policy, allowance) or judged


def _beside_aside(prediction: str, wanted: Gold, policy: Policy, allowance: Allowance) -> Judged | None:
    """Judge the value of an answer that says something beside it: `x = 7 (reject x = -1)`; None where none is there."""
    found = aside_of(prediction) if wanted.kind not in ("text", "choice") else None
    if found is None:
        return None
    value, aside = found
    judged = compare(value, wanted, policy, allowance)
    if judged.outcome == "right":
        return unknown("ambiguous", "the answer is denied beside it") if _TAKEN_BACK.search(aside) else judged
    if judged.outcome == "wrong" and not _SETS_ASIDE.match(aside) and spelling(wanted.text) in spelling(aside):
        return unknown("ambiguous", "the gold is named beside another answer")
    return judged if judged.outcome == "wrong" else None


_TAKEN_BACK = re.compile(r"\b(?:this|that|it|which) (?:is|was) (?:not|wrong|incorrect|false)\b|n't (?:right|correct)\b")
_SETS_ASIDE = re.compile(r"\W{0,3}(?:since|because|reject|discard|exclud|ignor|not|check|verif|complement|twice|half)")


def _denies_its_box(text: str) -> bool:
    """Whether a text with a box says that what is in it is not the answer: `anything but \\boxed{5}`."""
    boxes = boxed_parts(text) if "boxed" in text else []
    return bool(boxes) and bool(doubt_of(text, boxes[-1]))


_MARKS = tuple({mark.lower() for pair in MARKS.values() for mark in pair})


def _may_think(response: str) -> bool:
    """Whether a response has a mark of thinking; those that have none are most, and are to cost next to nothing."""
    if "<" not in response and "◁" not in response and "[" not in response:
        return False
    lowered = response.lower()
    return any(mark in lowered for mark in _MARKS)


_LED_FORMULA = re.compile(r"[A-Za-z]{4,20}[,:]? \$")
"""`Adding, $1 + 1 = 2$` is a sentence."""


def _is_bare(response: str, wanted: Gold) -> bool:
    """Whether a response may be nothing but its answer, in mathematics or one word."""
    if len(response) > SHORT or wanted.kind in ("choice", "text") or "boxed" in response or "~~" in response:
        return False
    bare = response.strip()
    if bare[:1] == ">" or _LED_FORMULA.match(bare):
        return False
    if bare.endswith("!") and any(c.isalpha() for c in bare):
        return False  # the end of a sentence, and no factorial
    return bool(bare) and "\n" not in bare and words_in(bare) <= 1


def _unbalanced_box(response: str, wanted: Gold) -> Judged | None:
    """Judge a last box whose content is brackets without partners, which no counting of braces can end."""
    _, box, rest = response[-MAX_ANSWER:].rpartition("boxed{")
    inner = rest.split("\n", 1)[0].rstrip(" $.)]\\") if box else ""
    if not inner.endswith("}") or word_key(inner[:-1]) != word_key(wanted.text):
        return None
    return replace(decided(True, "box, text"), extracted=inner[:-1][:SHOWN])


def _too_long(prediction: str, wanted: Gold) -> Judged:
    digits = prediction.strip().lstrip("-0")
    if isinstance(wanted.value, Number) and digits.isdecimal() and len(digits) > MAX_DIGITS:
        return replace(decided(False, "number", form_of(wanted.value)), reason="a number of too many digits")
    return unknown("unsupported", f"answer longer than {MAX_ANSWER:,} characters")
