"""The final answer compared with the gold answer, by kind and under a declared policy: right, wrong or unknown."""

from __future__ import annotations

import re
from dataclasses import replace

from potstill.marks import MARKS
from potstill.recipe import Policy
from potstill.records import LETTERS, too_many
from potstill.text import split_response
from potstill.verify.allowance import Allowance
from potstill.verify.asides import aside_of
from potstill.verify.asked import is_from, quantity_said, says_again, unit_asked, without_echo
from potstill.verify.choices import gold_letter
from potstill.verify.comparison import compare
from potstill.verify.decimals import in_notation
from potstill.verify.dimensions import of_golds_dimension
from potstill.verify.doubts import doubt_of
from potstill.verify.endings import MAX_CUT, asks_back, refuses, retracted, taken_up
from potstill.verify.extract import EMPTY, MAX_WHOLE, extract
from potstill.verify.foreign import denies_in, is_unread, language_of, without_contrast
from potstill.verify.judged import SHOWN, Judged, decided, unknown
from potstill.verify.kinds import MATHEMATICAL, Gold, read_gold, words_in
from potstill.verify.lists import boxed_parts
from potstill.verify.markup import read_lines
from potstill.verify.normalise import plain_math, plain_words, spelling
from potstill.verify.numbers import MAX_DIGITS, Number, numbers_in
from potstill.verify.numerals import number_in_words
from potstill.verify.parts import PARTS, judge_parts
from potstill.verify.quantities import compare_numbers, form_of
from potstill.verify.readings import Extraction
from potstill.verify.sentences import MOST_WORDS, commits_to_nothing, denies, letters_of_formula, without_reading
from potstill.verify.several import lettered_parts, together
from potstill.verify.statement import EXPLICIT, FoundIn
from potstill.verify.units import unit_of
from potstill.verify.words import Meaning, compare_meanings, declines, meaning_of, word_key
from potstill.verify.yes_no import last_line, names_the_form, says_both, says_perhaps

__all__ = ["Judged", "gold_letter", "judge_answer", "judge_response", "unknown", "word_key"]

MAX_RESPONSE = 8_000_000
"""Characters of a response; a longer one is refused before it is read."""

MAX_ANSWER = 20_000
"""Characters of a bare answer."""

MAX_CLAUSE = 400
_SENTENCES = re.compile(r"[.!?:]\s|\n")

SHORT = 200
"""Characters of a response that may be a bare answer."""


def judge_answer(
    prediction: str, gold: str, kind: str, choices: tuple[str, ...], policy: Policy, *, seconds: float
) -> Judged:
    """Compare a bare final answer with the gold answer in at most so many seconds of work.

    An answer that is a sentence is searched for what it states.
    """
    if kind == "code":
        return unknown("unsupported", "a program is judged by its tests")
    if told := too_many(choices):
        return unknown("unsupported", told)
    if not gold.strip():
        return unknown("no gold", "the problem has no gold answer")
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


_WORDED = ("text", "choice", "yes_no", "date")


def _judge_parts(text: str, gold: str, policy: Policy, seconds: float) -> Judged:
    """Compare each part by itself, of the kind that its gold reads as, in so many seconds of work in all."""
    judged = judge_parts(
        text, gold, lambda said, wanted, share: judge_answer(said, wanted, "auto", (), policy, seconds=seconds * share)
    )
    first = (judged.extracted or "").partition("; ")[0]
    if judged.outcome == "right" and (why := doubt_of(text, first)):
        return unknown("ambiguous", f"the answer is {why} where it is named", judged.method, judged.extracted)
    return judged


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
        judged = _stated_in_words(prediction, wanted, policy, allowance) or judged
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
    if kind == "code":
        return unknown("unsupported", "a program is judged by its tests")
    if told := too_many(choices):
        return unknown("unsupported", told)
    if len(response) > MAX_RESPONSE:
        return unknown("unsupported", "response too long")
    if not gold.strip():
        return unknown("no gold", "the problem has no gold answer")
    if _may_think(response):
        response = split_response(response).answer
        if not response:
            return unknown("unparsable prediction", "no answer after the thinking")
    if kind == PARTS:
        return _judge_parts(response, gold, policy, seconds)
    allowance = Allowance(seconds)

    def judged(said: str, gold: str) -> Judged:
        wanted = read_gold(gold, kind, choices)
        wanted = replace(wanted, question=question) if question else wanted
        judged = _judge_response(said, wanted, gold, choices, policy, allowance)
        return _in_unit_asked(judged, said, wanted, choices, policy, allowance) if question else judged

    worded = read_gold(gold, kind, choices).kind in _WORDED
    said = (without_echo(response, question) if question and not worded else None) or response
    found = judged(said, gold) if worded else in_notation(said, gold, policy, judged)
    if found.method and not found.method.startswith(EXPLICIT) and is_unread(response):
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
    if judged.outcome == "right" and taken_up(response, judged.extracted or ""):
        return unknown("ambiguous", "the answer is taken up again and not settled", judged.method, judged.extracted)
    return judged


def _judge_whole(
    response: str, wanted: Gold, choices: tuple[str, ...], gold: str, policy: Policy, allowance: Allowance
) -> Judged:
    if _is_bare(response, wanted):
        judged = compare(response.strip(), wanted, policy, allowance)
        if judged.outcome != "unknown":
            return replace(judged, method=f"whole, {judged.method}", extracted=response.strip())
    judged = _judge_extracted(response, extract(response, wanted.kind, choices), wanted, policy, allowance)
    if judged.outcome == "right":
        return judged
    bare = judged.outcome == "unknown" and len(response) <= SHORT and "~~" not in response
    if bare and spelling(response) == spelling(gold):
        return replace(decided(True, "whole, same spelling"), extracted=response.strip())
    if wanted.kind == "text" and wanted.text.count("{") != wanted.text.count("}"):
        return _unbalanced_box(response, wanted) or judged
    parts = lettered_parts(response, wanted, policy, allowance)
    return parts or together(response, wanted, policy, allowance) or judged


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


def _judge_extracted(response: str, found: Extraction, wanted: Gold, policy: Policy, allowance: Allowance) -> Judged:
    bare = found.method.startswith("whole of a text that breaks") and (
        wanted.kind != "choice" or len(response) <= MAX_WHOLE
    )
    bare = bare and words_in(response) <= MOST_WORDS
    if found.ambiguous and not bare:  # a bare answer needs no full stop
        return _doubtful(response, found, wanted, policy, allowance)
    if wanted.kind == "yes_no" and found.method != FoundIn.STATED and says_both(last_line(response)):
        return unknown("ambiguous", "yes and no in one line", found.method, found.value)
    if wanted.kind == "yes_no" and names_the_form(response, found.value):
        return unknown("ambiguous", "yes and no are named, and neither is said", found.method, found.value)
    if (
        wanted.kind == "quantity"
        and found.method == "last line"
        and (like := of_golds_dimension(response, found, wanted))
    ):
        found = replace(found, value=like)
    if found.value is None:
        judged = _by_option(response, wanted, policy, allowance) or _nothing_found(response, found, wanted)
    else:
        judged = _judge_found(response, found, wanted, policy, allowance)
    if judged.cause == "unparsable prediction" and found.method != EMPTY:
        return _by_formula(response, wanted, policy, allowance) or judged
    return judged


def _doubtful(response: str, found: Extraction, wanted: Gold, policy: Policy, allowance: Allowance) -> Judged:
    """Judge two different final answers: wrong if neither is the gold, else unknown, whichever was meant.

    Two boxes in one breath are left open: they may be parts of one answer. A text that breaks off is wrong only if it
    is a long one, which had its chance.
    """
    shown = (found.value or "")[:SHOWN]
    readings = tuple(dict.fromkeys((found.value or "", *found.others)))
    apart = bool(found.others) and found.method != FoundIn.BOX  # a box that restates another has a method of its own
    outcomes = {compare(reading, wanted, policy, allowance).outcome for reading in readings} if apart else set()
    if outcomes == {"right"} and len(readings) > 1 and not found.method.endswith("breaks off"):
        return replace(decided(True, found.method, reason="every reading of it is the gold"), extracted=shown)
    if outcomes == {"wrong"} and not (found.unfinished and len(response) <= MAX_CUT):
        return replace(decided(False, found.method, reason="no reading of it is the gold"), extracted=shown)
    reason = "two different final answers" if len(readings) > 1 or not found.others else "the text breaks off"
    return unknown("ambiguous", reason, found.method, shown)


_FORMULA = re.compile(r"[\d\\=^√π∞]")


def _by_formula(text: str, wanted: Gold, policy: Policy, allowance: Allowance) -> Judged | None:
    """Judge words that state no plain number, where the gold is one, by the formula they end on."""
    if wanted.kind not in ("number", "quantity"):
        return None
    found = extract(text, "expression")
    if found.value is None or found.ambiguous:
        return None
    if not _FORMULA.search(found.value) and number_in_words(plain_words(found.value[:SHORT])) is None:
        return None
    judged = compare(found.value, wanted, policy, allowance)
    if judged.outcome == "unknown" or (judged.outcome == "right" and denies(text[-MAX_ANSWER:])):
        return None
    weak = says_again(wanted.question, found.value, text) or commits_to_nothing(found.value)
    if judged.outcome == "wrong" and len(text) <= MAX_CUT and weak:
        return None
    return replace(judged, method=f"{found.method}, {judged.method}", extracted=found.value[:SHOWN])


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


def _judge_found(response: str, found: Extraction, wanted: Gold, policy: Policy, allowance: Allowance) -> Judged:
    value = found.value or ""
    judged = compare(value, wanted, policy, allowance)
    if judged.cause == "unparsable prediction":
        judged = without_reading(value, wanted, policy) or judged
    if judged.outcome != "right" and found.others:
        judged = _otherwise(response, judged, found, wanted, policy, allowance)
    shown = value if len(value) <= SHOWN else f"{value[: SHOWN - 3]}..."
    method = ", ".join(filter(None, (found.method, judged.method)))
    if judged.outcome == "wrong" and found.method in _UNANNOUNCED and len(response) <= MAX_CUT:
        given = found.method not in _COMPUTED and says_again(wanted.question, value, response)
        read = judged.method in ("number", "quantity") or wanted.kind not in ("number", "quantity")
        open_ = (
            wanted.question != ""
            and wanted.kind in MATHEMATICAL
            and letters_of_formula(value) - letters_of_formula(f"{wanted.text} {wanted.question}")
        )
        if given or open_ or (not read and commits_to_nothing(value)):
            return unknown("unparsable prediction", "the response commits to no value", method, shown)
    return replace(judged, method=method, extracted=judged.extracted or shown)


_UNANNOUNCED = ("last line", "last formula", "last number", "last result", "last numeral", "whole")
_COMPUTED = ("last result", "whole")


def _otherwise(
    response: str, judged: Judged, found: Extraction, wanted: Gold, policy: Policy, allowance: Allowance
) -> Judged:
    """Doubt a wrong answer of which another reading is the gold, unless the response takes that one back.

    A text's last line may be its answer.
    """
    if wanted.kind == "text":
        for other in found.others:
            if compare(other, wanted, policy, allowance).outcome == "right":
                return replace(decided(True, "last line"), extracted=other[:SHOWN])
        return judged
    if judged.outcome != "wrong" or wanted.kind == "choice":
        return judged
    golds = [
        other
        for other in found.others
        if compare(other, wanted, policy, allowance).outcome == "right"
        and not is_from(wanted.question, other)
        and not (wanted.kind == "quantity" and is_from(found.value or "", other))  # its own number, bare
    ]
    if golds and not all(doubt_of(response, other) for other in golds):
        return unknown("ambiguous", "another number of the same sentence is the gold answer")
    return judged


def _by_option(response: str, wanted: Gold, policy: Policy, allowance: Allowance) -> Judged | None:
    """Judge a response that names no choice by the one option that its last number or formula is."""
    if wanted.kind != "choice" or wanted.letters is None or len(wanted.options) < 2:
        return None
    found = extract(response, "expression")
    lines = read_lines(response[-MAX_ANSWER:]) if found.value else []
    if any(line.role == "item" and (found.value or "") in line.text for line in lines):
        return None  # one of those that are gone through
    if found.value is None or found.ambiguous or not _FORMULA.search(found.value) or denies(response[-SHORT:]):
        return None
    here = allowance.without_workers()
    outcomes = [compare(found.value, read_gold(option, "auto"), policy, here).outcome for option in wanted.options]
    if outcomes.count("right") != 1 or "unknown" in outcomes:
        return None
    letter = LETTERS[outcomes.index("right")]
    return decided(letter == wanted.letters, f"{found.method}, option", wanted.letters, letter)


def _nothing_found(response: str, found: Extraction, wanted: Gold) -> Judged:
    if any(spelling(other) == spelling(wanted.text) for other in found.others):
        return replace(decided(True, f"{found.method}, same spelling"), extracted=found.others[0][:SHOWN])
    if wanted.meaning and wanted.kind != "text" and (meaning := _last_meaning(response)):
        return replace(compare_meanings(meaning, wanted.meaning), method="last clause")
    if (
        wanted.kind not in ("text", "choice")
        and not wanted.meaning
        and not asks_back(response)
        and (found.method in EXPLICIT or not refuses(response))
        and declines(response)
    ):
        return decided(False, "declined", reason="the response gives no answer")
    return unknown("unparsable prediction", "no final answer found", found.method)


def _last_meaning(response: str) -> Meaning:
    """Return what the last sentence of a response means, or its last clause: `..., there is no solution.`"""
    sentence = _SENTENCES.split(response.rstrip(" \n.*")[-MAX_CLAUSE:])[-1].strip()
    return meaning_of(sentence) or meaning_of(sentence.rpartition(",")[2].strip())


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


def _stated_in_words(prediction: str, wanted: Gold, policy: Policy, allowance: Allowance) -> Judged | None:
    """Judge a bare answer that is a sentence by what it states; one that denies is never right."""
    if wanted.kind == "text" or (wanted.kind == "yes_no" and says_both(prediction)):
        return None
    found = extract(prediction, wanted.kind, wanted.options)
    if found.value is not None and not found.ambiguous and found.value.strip() != prediction.strip():
        judged = _judge_found(prediction, found, wanted, policy, allowance)
        if judged.outcome == "right" and denies(prediction):
            return unknown("ambiguous", "the answer denies what it states, or states a bound")
        if judged.outcome != "unknown":
            return judged
    return without_reading(prediction, wanted, policy) or _by_formula(prediction, wanted, policy, allowance)
