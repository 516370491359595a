"""Answers that are numbers but not one plain number, for golds that are: words, places, bases, shares, hours. Pure."""

from __future__ import annotations

import re
from fractions import Fraction

from potstill.recipe import Policy
from potstill.verify.dates import Time
from potstill.verify.judged import SHOWN, Judged, decided, unknown
from potstill.verify.kinds import Gold, moment_of, undressed, words_in
from potstill.verify.normalise import plain_math, plain_words, spelling
from potstill.verify.numbers import MAX_DIGITS, Number, numbers_in, parse_based, parse_number
from potstill.verify.numerals import counted_in_words, number_in_words, ordinal_in_words
from potstill.verify.quantities import Compound, compare_numbers, form_of
from potstill.verify.texts import PLACES
from potstill.verify.words import meaning_of


def too_large(text: str, wanted: Gold) -> Judged:
    """Compare a number that is too large to be built: its spelling, or that it has too many digits."""
    if spelling(text) == spelling(wanted.text):
        return decided(True, "same spelling")
    digits = plain_math(text).strip("$ ").replace(",", "").lstrip("-0")
    if isinstance(wanted.value, Number) and digits.isdigit() and len(digits) > MAX_DIGITS:
        return decided(False, "number", form_of(wanted.value), reason="a number of too many digits")
    return unknown("unsupported", "number too large to compare")


def with_base(text: str, stated: Number | Compound | None, wanted: tuple[int, int]) -> Judged:
    """Compare with a gold whose base is written: the base belongs to the answer."""
    based = parse_based(undressed(text))
    if based is not None:
        if based[0] == wanted[0] and based[1] != wanted[1]:
            return unknown("ambiguous", "the same number in another base")
        return decided(based == wanted, "number in a base", f"{wanted[0]} in base {wanted[1]}", f"{based[0]}")
    if isinstance(stated, Number):
        if stated.value == wanted[0] and wanted[1] != 10:
            return unknown("ambiguous", "the same number in base ten")
        return decided(
            stated.value == wanted[0], "number in a base", f"{wanted[0]} in base {wanted[1]}", form_of(stated)
        )
    return unknown("unparsable prediction", "no number in a base")


def odd_number(bare: str, wanted: Gold, value: Number | Compound, policy: Policy) -> Judged | None:
    """Judge an answer that says a number in another way, or says what is none; None where it may be a formula."""
    if not any(c.isalnum() or c in "\\∞∅" for c in bare):
        return unknown("unparsable prediction", "no answer in it")
    meaning = meaning_of(bare)
    if meaning:
        if meaning in ("none", "impossible") and isinstance(value, Number) and value.value == 0:
            return unknown("ambiguous", f"zero, and {meaning!r}")
        return decided(False, "meaning", wanted.text[:SHOWN], meaning)
    place = ordinal_in_words(plain_words(bare[:200]))
    if place is not None and isinstance(value, Number) and (value.unit in PLACES or value.value == place):
        same = decided(value.value == place, "place", form_of(value), str(place))
        return same if value.unit in PLACES else unknown("ambiguous", f"{bare[:SHOWN]}, where the gold is a number")
    stated = _in_words(bare)
    if stated is not None and isinstance(value, Number):
        return compare_numbers(stated, value, policy)
    based = parse_based(bare)
    if based is not None and isinstance(value, Number):
        if based[0] == value.value:
            return decided(True, "number in a base") if based[1] == 10 else unknown("ambiguous", "the gold in a base")
        return decided(False, "number in a base", form_of(value), f"{based[0]}")
    moment = moment_of(bare)
    if isinstance(moment, Time) and isinstance(value, Number) and moment.seconds in _on_the_hour(value):
        return unknown("ambiguous", "a time of day, where the gold is its hour alone")
    if moment is not None and ":" not in bare:
        return decided(False, "date", wanted.text[:SHOWN], bare[:SHOWN])
    if _RELATION.match(bare):
        return decided(False, "relation", form_of(value) if isinstance(value, Number) else "", bare[:SHOWN])
    return None


def _on_the_hour(value: Number) -> tuple[Fraction, Fraction]:
    """Return the seconds of day of a number of hours, before and after noon."""
    return Fraction(value.value) * 3600, (Fraction(value.value) + 12) * 3600


_RELATION = re.compile(r"[<>≤≥≠]|\\(?:leq?|leqslant|geq?|geqslant|lt|gt|neq?)(?![A-Za-z])")


def names_alone(text: str, value: Number | Compound) -> bool:
    """Whether words stand around one number that is the gold: what they say of it decides (`Sum: 17`, `Its 17`)."""
    if not words_in(text) or not isinstance(value, Number):
        return False
    found = numbers_in(plain_math(text))
    number = parse_number(found[0][0]) if len(found) == 1 else None
    return number is not None and number.value == value.value


_OUT_OF = re.compile(r"(\d{1,9}) (?:out of|in) (?:every )?([1-9]\d{0,8})")


def as_share(bare: str, value: Number | Compound, policy: Policy) -> Judged | None:
    """Compare `3 out of 4`, which may stand for the share and for the 3; None for what is none."""
    found = _OUT_OF.fullmatch(plain_words(bare))
    if found is None or not isinstance(value, Number):
        return None
    part, whole = int(found[1]), int(found[2])
    judged = compare_numbers(Number(Fraction(part, whole)), value, policy)
    if judged.outcome == "wrong" and value.value in (part, Fraction(100 * part, whole)):
        return unknown("ambiguous", "a share, where the gold may be its part")
    return judged


def _in_words(text: str) -> Number | None:
    """Return the number that all of a text writes in words, with the noun or unit it counts: `four apples`."""
    plain = plain_words(text[:200])
    written = number_in_words(plain)
    if written is not None:
        return Number(written)
    counted = counted_in_words(plain)
    return None if counted is None else parse_number(f"{counted[0]} {counted[1]}")
