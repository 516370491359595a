"""An answer in words, or a date, compared with a gold in words. Pure, linear in the text."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction

from potstill.verify.dates import Date, Time, compare_dates, compare_times
from potstill.verify.judged import SHOWN, Judged, decided, unknown
from potstill.verify.kinds import Gold, moment_of, undressed
from potstill.verify.normalise import plain_words
from potstill.verify.numbers import parse_number
from potstill.verify.numerals import ordinal_in_words
from potstill.verify.quantities import form_of
from potstill.verify.sentences import denies
from potstill.verify.words import compare_texts, is_sentence, states_word, word_key

PLACES = ("st", "nd", "rd", "th")


def as_text(text: str, wanted: Gold) -> Judged:
    """Compare an answer with a gold in words: a date or a place in a row as such, else word for word."""
    if wanted.moment is not None and (moment := moment_of(text)) is not None:
        return _same_moment(moment, wanted.moment)
    place = ordinal_in_words(plain_words(wanted.text))
    if place is not None and (own := ordinal_in_words(plain_words(text[:200]))) is not None:
        return decided(own == place, "place", str(place), str(own))
    stated = parse_number(undressed(text)) if place is not None else None
    if place is not None and stated is not None:
        if stated.unit in PLACES or stated.value not in (place, Fraction(1, place)):
            return decided(stated.value == place, "place", str(place), form_of(stated))
        return unknown("ambiguous", f"a number, where the gold is {wanted.text[:SHOWN]}")
    judged = compare_texts(text, wanted.text)
    if judged.outcome != "wrong" or judged.method == "Python value":
        return judged
    key, said = word_key(wanted.text), word_key(text)
    bare = said.removeprefix("the ")
    longer = bare == key or bare.startswith(f"{key} ")
    named = key and longer and set(bare[len(key) :].split()) <= words_of(wanted.question)
    left = key[len(bare) :].strip() if bare and key.startswith(f"{bare} ") else ""
    if named or (left and re.search(rf"\b(?:which|what)\s{re.escape(left)}\b", wanted.question, re.IGNORECASE)):
        return replace(judged, outcome="right", score=1.0, method="text and a noun of the question")
    if key and f" {key} " in f" {_PAUSES.sub(' ', said)} ":
        first = word_key(re.split(r"[.!]\s|\n", text.strip(), maxsplit=1)[0])
        if key.replace(" ", "").isalpha() and (states_word(said, key) or (first != key and states_word(first, key))):
            return replace(judged, outcome="right", score=1.0, method="text in a sentence")
        if "\n" in text or (len(key) > 2 and is_sentence(said) and not denies(text)):
            return unknown("ambiguous", "the gold answer occurs in a longer text")
    return _as_name(said, key, wanted.question) or judged


def _as_name(said: str, key: str, question: str) -> Judged | None:
    """Judge what may be a name in part, `Austen` of `Jane Austen`, or in another script; None where it is neither."""
    own, words = said.split(), key.split()
    if not own or not question or len(own) > MOST_NAMES or len(words) > MOST_NAMES or not "".join(words).isalpha():
        return None
    asks = question.casefold()
    if _WHO.search(asks) is not None and own == words[1:] and len(words) == PERSON and own[0] not in asks:
        return decided(True, "surname", key[:SHOWN], said[:SHOWN])
    scripts = key.isascii() and not any(map(str.isascii, said.replace(" ", "")))
    if scripts or set(own) < set(words) or set(words) < set(own):
        return unknown("ambiguous", "words that may name the gold answer")
    return None


def words_of(question: str) -> set[str]:
    """Return the words of a question in lower case, singular where they are: of `triangles` both forms."""
    return set(re.findall(r"[^\W\d_]{3,}", question.casefold()))


_WHO = re.compile(r"\b(?:who|whom|whose|wer|qui|quién|quem|chi|kto|кто)\b", re.IGNORECASE)
PERSON, MOST_NAMES = 2, 4


_PAUSES = re.compile(r"[.,;:!?](?=\s|\Z)")


def _same_moment(stated: Date | Time, wanted: Date | Time) -> Judged:
    if isinstance(stated, Date) and isinstance(wanted, Date):
        return compare_dates(stated, wanted)
    if isinstance(stated, Time) and isinstance(wanted, Time):
        return compare_times(stated, wanted)
    return decided(False, "date", reason="a date and a time of day")


def as_moment(text: str, wanted: Gold) -> Judged:
    """Compare an answer with a date or a time of day."""
    text = undressed(text)
    stated = moment_of(text)
    if wanted.moment is None or word_key(text) == word_key(wanted.text):
        return compare_texts(text, wanted.text)
    if stated is None:
        return unknown("unparsable prediction", "neither a date nor a time")
    return _same_moment(stated, wanted.moment)
