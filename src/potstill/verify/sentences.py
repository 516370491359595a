"""Answers that are sentences: what they deny, decline or merely mention."""

from __future__ import annotations

import re
from fractions import Fraction

from potstill.recipe import Policy
from potstill.verify.amounts import SCALED, last_in_script
from potstill.verify.judged import Judged, decided, unknown
from potstill.verify.kinds import Gold, words_in
from potstill.verify.normalise import plain_math, plain_words
from potstill.verify.numbers import Number, TooLargeError, numbers_in
from potstill.verify.numerals import COUNTING, NUMERALS, number_in_words
from potstill.verify.quantities import compare_numbers, form_of, parse_quantity
from potstill.verify.words import declines, states_bound

MAX_CHARACTERS = 20_000
MAX_SENTENCE = 80
MAX_TAIL = 2_000
_DENIALS = frozenset((
    "not", "wrong", "incorrect", "isn't", "false", "never", "ignore", "neither", "mistaken", "least", "most", "than",
    "between",
))  # fmt: skip


EXCLUDING = (
    r"(?:\b(?:any|every)(?:thing|one|body)?(?: value| number| answer)? (?:but|except|besides)|\ball (?:but|except)"
    r"|\bother than|\bexcept(?: for)?|\bexcluding|\binstead of|\brather than|\bfar from|\b(?:can|could)(?:not|n't) be"
    r"|\bno longer|\bopposite of|\bunlike)"
)
_EXCLUDES = re.compile(EXCLUDING)


def denies(text: str) -> bool:
    """Whether a sentence has a word that takes back what it states, or states a bound."""
    plain = plain_words(text[:MAX_CHARACTERS])
    if _EXCLUDES.search(plain) is not None or states_bound(plain):
        return True
    return not _DENIALS.isdisjoint(plain.replace(",", " ").replace(".", " ").split())


def without_reading(text: str, wanted: Gold, policy: Policy) -> Judged | None:
    """Judge a sentence that states no answer in so many words, against a number; None where nothing can be said.

    Right only if its one number is the gold and no word could make it another; wrong if it declines to answer, denies
    the gold, or names numbers of which none is the gold.
    """
    if not isinstance(wanted.value, Number) or not any(c.isalpha() for c in text):
        return None
    plain = plain_math(text[:MAX_CHARACTERS])
    only = _only_number(plain)
    if only is not None:
        return compare_numbers(only, wanted.value, policy)
    last = _number(last_in_script(plain))
    if last is not None:
        return compare_numbers(last, wanted.value, policy)
    named = _mentions(plain, wanted.value)
    if named and all(_DENIED_AFTER.match(plain, end) or _DENIED_BEFORE.search(plain[:start]) for start, end in named):
        return decided(False, "denied", form_of(wanted.value), reason="the answer says that it is not the gold")
    if named:
        return unknown("ambiguous", "the gold answer occurs in a sentence that states no answer")
    if declines(text):
        return decided(False, "declined", form_of(wanted.value), reason="the answer declines to give one")
    if re.search(rf"(?<!\d){re.escape(wanted.value.written or str(wanted.value.value))}(?!\d)", plain):
        return None  # in a place where no number was read
    words = set(plain_words(text).split())
    dozens = "dozen" in words and Fraction(wanted.value.value) / 12 in (Fraction(1, 2), 1, 2, 3)
    if "\\" in plain or words & COUNTING or dozens:
        return None
    return decided(False, "words", form_of(wanted.value), reason="no number in it is the gold")


_DOUBTS = re.compile(
    r"\b(?:not|no|nor|never|isn't|wrong|incorrect|false|or|and|than|more|less|fewer|most|least|about|around|between|if"
    r"|unless|without|except|excluding|but|besides|rather|instead|far|unlike|minus|plus|times|from|mod|base|over|percent|choose"
    r"|point|power|root|step|case|question|problem|squared?|cubed?|half|twice|doubled?|tripled?|third|quarter"
    r"|inverse|reciprocal|negative|factorial|log|ln|sin|cos|tan)\b"
    r"|n't\b|[^\x20-\x7e]|[<>+*^|\\{}\[\]_]",
    re.IGNORECASE,
)


def _only_number(plain: str) -> Number | None:
    """Return the one number of a short sentence without any word or sign that could make it another: `Answer 9`."""
    found = numbers_in(plain) if len(plain) <= MAX_SENTENCE else []
    if len(found) != 1 or _DOUBTS.search(plain) or NUMERALS.intersection(plain_words(plain).split()):
        return None
    written, start, end = found[0]
    around = plain[:start] + plain[end:]
    if SCALED.match(plain, end):
        return None
    if plain[:start].rstrip(" \"'").endswith(("-", "+")) or "=" in around or any(c.isdigit() for c in around):
        return None
    return _number(written)


def _number(written: str | None) -> Number | None:
    try:
        number = None if written is None else parse_quantity(written)
    except TooLargeError:
        return None
    return number if isinstance(number, Number) else None


_DENIED_AFTER = re.compile(
    r"[\s\"')]{0,3}(?:is|was|would be|seems)?\s?(?:not|n't|wrong|incorrect|false|mistaken)\b"
    r"|\s(?:or|and) (?:more|less|fewer|above|below|greater|higher|lower|over|under|beyond)\b"
)
_DENIED_BEFORE = re.compile(
    rf"(?:\bnot|n't|never|neither|nor|{EXCLUDING})(?: be| equal(?: to)?)?[\s\"'($*]{{1,5}}(?:\\boxed\{{)?\Z"
)


def _mentions(plain: str, value: Number) -> list[tuple[int, int]]:
    """Return where a sentence names the number."""
    spans = []
    for written, start, end in numbers_in(plain):
        number = _number(written)
        if number is not None and number.value == value.value:
            spans.append((start, end))
    return spans


_VARIABLE = re.compile(r"(?<![A-Za-z\\])(?![eiI])[A-Za-z](?![A-Za-z°])")
_COMMAND = re.compile(r"\\(?:text|mathrm|operatorname)\s?\{[^{}]{0,40}\}|\\[A-Za-z]+|[A-Za-z]{2,}")


def letters_of_formula(text: str) -> set[str]:
    """Return the variables of what a formula comes to, with those of any other text."""
    return set(_VARIABLE.findall(_COMMAND.sub(" ", text.rpartition("=")[2] if text.count("=") == 1 else text)))


def commits_to_nothing(value: str) -> bool:
    """Whether what stands last in a response is no value but a formula with letters: `t = V / r`, `C(m) = 3 + 2m`."""
    formula = plain_math(value).rpartition("=")[2]
    if not any(c.isdigit() or c in "\\π√∞" for c in formula) and number_in_words(plain_words(value[:MAX_TAIL])) is None:
        return True
    if "=" not in value:
        return words_in(value) > MOST_WORDS
    return _VARIABLE.search(_COMMAND.sub(" ", formula)) is not None


MOST_WORDS = 5
"""Words of a value that is more than a number and what it counts."""
