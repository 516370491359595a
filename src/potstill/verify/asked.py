"""What a question says of its answer: the unit that it asks for, and its own words said again. Pure, linear."""

from __future__ import annotations

import re
from functools import lru_cache

from potstill.verify.normalise import plain_math, plain_words, spelling
from potstill.verify.numbers import Number, TooLargeError, numbers_in
from potstill.verify.numerals import COUNTING
from potstill.verify.quantities import parse_quantity
from potstill.verify.stated import SENTENCE_END
from potstill.verify.units import unit_of

MAX_QUESTION = 4_000
"""Characters of a question, from its end, that are looked at."""
_NAMED = r"(?:(?:square|cubic)\s)?[a-z]{3,14}(?:\sper\s[a-z]{3,14})?"
_ASKS = re.compile(rf"\bhow\smany\s({_NAMED})(?=[\s?,.])|\bin\s({_NAMED})\s?(?=[?.,;)]|\Z)", re.IGNORECASE)
"""`How many minutes until it is empty?`, `What is its length, in metres?`"""
_SAYS_AGAIN = re.compile(
    r"(?:(?:so|thus|hence|therefore),?\s)?(?P<subject>[^.=:\n]{2,80}?)\s(?:is|are|equals?|makes?|becomes?)\s"
    r"(?:equal to\s)?(?P<said>[^\n]{1,200})",
    re.IGNORECASE,
)
"""`45 minutes is three quarters of an hour.`"""


@lru_cache(maxsize=4_096)
def unit_asked(question: str) -> str:
    """Return the one unit that a question asks its answer in, in its own words; empty where it names none or several.

    >>> unit_asked("How many minutes does it take?")
    'minutes'
    """
    named = {a or b for a, b in _ASKS.findall(question[-MAX_QUESTION:])}
    for words in tuple(named):
        if unit_of(words) is None:  # `how many hours per week` of which `hours` alone may be one
            named.discard(words)
    return named.pop() if len(named) == 1 else ""


_ORDERED = re.compile(
    r"\b(?:sort|arrange|rank|order)\b(?! of\b)[^.?\n]{0,60}?\b(?:ascending|descending|from|by|order)\b"
    r"|\bin (?:\w+ )?(?:ascending|descending|increasing|decreasing|chronological|alphabetical) order\b",
    re.IGNORECASE,
)


@lru_cache(maxsize=4_096)
def asks_order(question: str) -> bool:
    """Whether a question asks for its answers in an order: `Sort ascending: ...`, `List them in increasing order.`"""
    return _ORDERED.search(question[-MAX_QUESTION:]) is not None


def quantity_said(response: str, answer: str) -> Number | None:
    """Return an answer as a number with the unit that the response writes behind its last mention; None without one."""
    at = response.rfind(answer) if answer else -1
    behind = _BEHIND.match(response, at + len(answer)) if at >= 0 else None
    for said in (answer, f"{answer} {behind[0].strip(' *$')}" if behind is not None else ""):
        try:
            stated = parse_quantity(said) if said else None
        except TooLargeError:
            return None
        if isinstance(stated, Number) and len(stated.symbol.strip("$€£¥")) != 1 and unit_of(stated.symbol) is not None:
            return stated  # a letter alone says little: `15 m` may be minutes
    return None


_BEHIND = re.compile(r"[\s*$]{0,4}[A-Za-z]{2,12}(?:\s?(?:/|per\s)\s?[A-Za-z]{1,12})?")
"""`15` has ` seconds` behind it."""


def says_again(question: str, value: str, response: str = "") -> bool:
    """Whether a value only repeats what the question says, one of its numbers or a formula of it, and asserts nothing.

    `response` is where it stands: `so the median is 9` asserts its 9 though the question has one, too.
    """
    said, at = spelling(value), response.rfind(value)
    if at >= 0 and _ASSERTED.search(response, max(0, at - 60), at) is not None:
        return False
    if "=" not in value and is_from(question, value):
        return True
    return bool(question) and len(said) > MOST_ALIKE and said in spelling(question)


def only_asks(response: str, question: str) -> bool:
    """Whether a response is the question, or its beginning, and nothing else."""
    if not response or len(response) < min(LEAST_ASKED, len(question) // 2):  # most answers: nothing is spelt out
        return False
    said, asked = spelling(response[: MAX_QUESTION + 1]), spelling(question[:MAX_QUESTION])
    return said == asked or (len(said) > LEAST_ASKED and asked.startswith(said))


LEAST_ASKED = 30
"""Characters from which on the words of a question are no short answer that happens to stand at its beginning."""
_ASSERTED = re.compile(
    r"\b(?:so|thus|hence|therefore|answer|total|left|remain\w*)\b[^.\n]*\Z"
    r"|(?:\b(?:is|are|was|be|equals?|gets?|gives?)\b|[=≈→])\s?(?:about |exactly |only |just )?[\s$(*]{0,4}\Z",
    re.IGNORECASE,
)
"""`so the median is `"""
MOST_ALIKE = 4
"""Characters of a formula that may be in a question by chance."""


def is_from(question: str, answer: str) -> bool:
    """Whether all numbers of an answer, of which it has one at least, are written in the question itself."""
    numbers = {number.strip("$ ") for number, _, _ in numbers_in(plain_math(answer[:MAX_QUESTION]))}
    return bool(question) and bool(numbers) and numbers <= _numbers_of(question)


@lru_cache(maxsize=4_096)
def _numbers_of(question: str) -> frozenset[str]:
    return frozenset(number.strip("$ ") for number, _, _ in numbers_in(plain_math(question[-MAX_QUESTION:])))


def without_echo(response: str, question: str) -> str | None:
    """Return a response whose last sentence is cut to what it says of the question's own figures; None where it is not.

    `45 minutes is three quarters of an hour.` says `three quarters of an hour` where the question has the 45 minutes.
    """
    head, line_end, last = response.rstrip()[-MAX_QUESTION:].rpartition("\n")
    sentences = [part for part in SENTENCE_END.split(last) if part.strip(" .!*")]
    found = _SAYS_AGAIN.fullmatch(sentences[-1].strip()) if sentences else None
    if found is None:
        return None
    subject = numbers_in(plain_math(found["subject"]))
    told = any(map(str.isdigit, found["said"])) or not COUNTING.isdisjoint(plain_words(found["said"]).split())
    if not subject or not told or not all(is_from(question, number) for number, _, _ in subject):
        return None
    return f"{head}{line_end}It is {found['said']}."
