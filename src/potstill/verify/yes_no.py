"""Whether a response says yes or no, or names both: an echo of the asked form says neither. Pure, linear."""

from __future__ import annotations

import re

from potstill.verify.normalise import plain_words
from potstill.verify.readings import without_determiners

SHORT = 200
"""Characters of a line of prose; a longer one argues, and names both while it does."""
_WORDS = re.compile(r"[a-z]+")
_FORM = re.compile(
    r"\(?\b(?:(?:yes|true)\s?(?:\bor\b|/)\s?(?:no|false)|(?:no|false)\s?(?:\bor\b|/)\s?(?:yes|true))\b\)?[?:,]?"
    r"|\((?:yes|true),\s?(?:no|false)\)[?:,]?",
    re.IGNORECASE,
)
"""The form that a question asks for: `(Yes or No)`, `true/false`, `(Yes, No)`; not `Yes, no doubt`."""
_PERHAPS = re.compile(r"\W{0,4}(?:perhaps|maybe|possibly|it depends)\b", re.IGNORECASE)
_SAID = re.compile(r"\b(?:yes|no|true|false)\b", re.IGNORECASE)


def says_both(line: str) -> bool:
    """Whether a line says yes and says no."""
    return len(line) <= SHORT and {"yes", "no"} <= set(_WORDS.findall(without_determiners(plain_words(line))))


def last_line(response: str) -> str:
    """Return the last line of a response without the form that was asked for."""
    return _FORM.sub(" ", response.rstrip().rpartition("\n")[2])


def says_perhaps(response: str) -> bool:
    """Whether the last line of a response begins with a doubt."""
    return _PERHAPS.match(last_line(response)) is not None


def names_the_form(response: str, value: str | None) -> bool:
    """Whether the `value` that was found is one of the two words of the form, said nowhere else in the response."""
    if value is None or _SAID.fullmatch(value) is None or _FORM.search(response) is None:
        return False
    return _SAID.search(_FORM.sub(" ", response)) is None
