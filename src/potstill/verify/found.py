"""What was found in a response, or was not, compared with the gold answer: one value, two that differ, or none."""

from __future__ import annotations

import re
from dataclasses import replace

from potstill.recipe import Policy
from potstill.records import LETTERS
from potstill.verify.allowance import Allowance
from potstill.verify.asked import asks_order, is_from, says_again
from potstill.verify.comparison import compare
from potstill.verify.dimensions import of_golds_dimension
from potstill.verify.doubts import doubt_of
from potstill.verify.endings import MAX_CUT, asks_back, refuses
from potstill.verify.extract import EMPTY, MAX_WHOLE, extract
from potstill.verify.judged import SHOWN, Judged, decided, unknown
from potstill.verify.kinds import MATHEMATICAL, Gold, read_gold, words_in
from potstill.verify.markup import read_lines
from potstill.verify.normalise import plain_words, spelling
from potstill.verify.numbers import Number, parse_number
from potstill.verify.numerals import number_in_words
from potstill.verify.quantities import compare_numbers, parse_quantity
from potstill.verify.readings import Extraction, numbers_of
from potstill.verify.sentences import MOST_WORDS, commits_to_nothing, denies, letters_of_formula, without_reading
from potstill.verify.statement import EXPLICIT, FoundIn
from potstill.verify.units import unit_of
from potstill.verify.words import Meaning, compare_meanings, declines, meaning_of
from potstill.verify.yes_no import last_line, names_the_form, says_both, says_of_question

MAX_ANSWER = 20_000
"""Characters of a bare answer."""
MAX_CLAUSE = 400
_SENTENCES = re.compile(r"[.!?:]\s|\n")

SHORT = 200
"""Characters of a response that may be a bare answer."""


def judge_extracted(response: str, found: Extraction, wanted: Gold, policy: Policy, allowance: Allowance) -> Judged:
    """Compare what was found in a response with the gold, or judge what it says where nothing was."""
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
        judged = (
            _by_option(response, wanted, policy, allowance)
            or _by_question(response, wanted)
            or _nothing_found(response, found, wanted)
        )
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


def _judge_found(response: str, found: Extraction, wanted: Gold, policy: Policy, allowance: Allowance) -> Judged:
    value = found.value or ""
    judged = compare(value, wanted, policy, allowance)
    if judged.cause == "unparsable prediction":
        judged = without_reading(value, wanted, policy) or judged
    last_side = value.rpartition("=")[2].strip(" $.") if judged.outcome == "unknown" and "=" in value else ""
    if last_side and found.method in _UNANNOUNCED and _COMPUTES.match(value):
        sided = compare(last_side, wanted, policy, allowance)
        judged = sided if sided.outcome == "right" else judged
    if judged.outcome != "right" and found.others:
        judged = _otherwise(response, judged, found, wanted, policy, allowance)
    if judged.outcome == "wrong" and found.method in _UNANNOUNCED and isinstance(wanted.value, Number):
        judged = _rounded_again(response, value, wanted.value, policy, wanted.question) or judged
    shown = value if len(value) <= SHOWN else f"{value[: SHOWN - 3]}..."
    method = ", ".join(filter(None, (found.method, judged.method)))
    if judged.outcome == "wrong" and found.method in _UNANNOUNCED and len(response) <= MAX_CUT:
        given = (
            found.method not in _COMPUTED
            and not asks_order(wanted.question)
            and says_again(wanted.question, value, response)
        )
        read = judged.method in ("number", "quantity") or wanted.kind not in ("number", "quantity")
        open_ = (
            wanted.question != ""
            and wanted.kind in MATHEMATICAL
            and letters_of_formula(value) - letters_of_formula(f"{wanted.text} {wanted.question}")
        )
        if given or open_ or (not read and commits_to_nothing(value)):
            return unknown("unparsable prediction", "the response commits to no value", method, shown)
    return replace(judged, method=method, extracted=judged.extracted or shown)


def _rounded_again(response: str, value: str, gold: Number, policy: Policy, question: str) -> Judged | None:
    """Judge a value that a response says is a rounding of one before it by that one: `= 29.22 g. This rounds to 29.2`.

    None unless that one is the gold, in the same unit or none, and the question asks for no rounding.
    """
    at = response.rfind(value.split(" ")[0])
    if at < 0 or _ROUNDS.search(response, max(0, at - 80), at) is None or _ROUNDING.search(question):
        return None
    said = parse_quantity(value)
    if not isinstance(said, Number) or (said.symbol and gold.symbol and unit_of(said.symbol) != unit_of(gold.symbol)):
        return None
    places = len(said.written.partition(".")[2])
    for exact in numbers_of(response[max(0, at - 400) : at]):
        number = parse_number(exact)
        if number is not None and abs(number.value - said.value) * 10**places * 2 <= 1:
            judged = compare_numbers(number, gold, policy)
            if judged.outcome == "right" and number.value != said.value:
                return judged
    return None


_COMPUTES = re.compile(
    r"\s{0,4}(?:\\(?:int|sum|lim|prod)(?![a-z])|[∫∑]"
    r"|(?:[^A-Za-z\\=]|\\[ ,;:!]|\\(?:text|mathrm)\s?\{[^{}]{0,20}\}|\\[a-z]{1,12}(?![A-Za-z]))*=)"
)
"""`\\int x dx = ... = x²/2`, `72 × 5 = 360`: what is computed, and no equation between unknowns."""
_ROUNDING = re.compile(r"\bround|nearest|decimal|significant|approximat", re.IGNORECASE)
_ROUNDS = re.compile(r"\bround\w*\b[^.\n]*\Z", re.IGNORECASE)


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


def _by_question(response: str, wanted: Gold) -> Judged | None:
    """Judge a response that says neither yes nor no by what it says of the question's own predicate."""
    said = says_of_question(response, wanted.question) if wanted.kind == "yes_no" and wanted.yes is not None else None
    if said is None:
        return None
    return replace(
        decided(said[0] == wanted.yes, "the question's words", str(wanted.yes), str(said[0])), extracted=said[1]
    )


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


def stated_in_words(prediction: str, wanted: Gold, policy: Policy, allowance: Allowance) -> Judged | None:
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
