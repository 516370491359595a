"""Answers to multiple choice: letters, and options in their own words."""

from __future__ import annotations

import re
from functools import lru_cache

from potstill.verify.normalise import plain_math
from potstill.verify.readings import offered, option_letter, read_choice

_SINGLE = re.compile(r"[\s($\[*{\"'`]{0,6}([A-Za-z])[\s)$\]*.:}\"'`]{0,6}")
_SEVERAL = re.compile(
    r"[\s($\[*{]{0,4}[A-Za-z][)\]*]{0,3}(?:(?:\s?(?:,|;|/|&|\band\b|\bor\b)\s?(?:and\s|or\s)?|\s)[(\[*]{0,3}[A-Za-z][)\]*]{0,3}){1,25}[\s)$}.]{0,4}"
)
_ONE_LETTER = re.compile(r"(?<![A-Za-z])([A-Za-z])(?![A-Za-z])")
_NAMED = re.compile(
    r"(?:(?:the )?(?:option|choice|letter|answer)(?: is)?:?\s)?[(\[*]{0,3}([A-Z])"
    r"(?:[)\]*.:]{1,3}|(?=,)|\s[-–—:=]|\s(?=[A-Z]))(?:,?\s?(?P<words>.{0,400}))?",
    re.DOTALL,
)
_RUN = re.compile(r"[A-J]{2,5}")
_OPTION = re.compile(r"(?:the )?(?:option|choice|letter)\s[(\[*]{0,3}([A-Z])[)\]*.]{0,3}", re.IGNORECASE)
_MARKER = re.compile(r"(?<![A-Za-z])\(?([A-Z])[).:](?=\s|\Z|\S)")
_SAYS = re.compile(r"(?:is|was)\b")
_ENDORSED = re.compile(
    r"(?:(?:option|choice|answer) )?[(\[*]{0,3}([A-Z])[)\]*]{0,3} (?:is|must be|would be) (?:the )?"
    r"(?:correct|right|true|best)(?: (?:answer|choice|option|one))?[.!]?"
)
_CHOSEN = re.compile(
    r"(?:(?:so|therefore|thus|hence|not (?:option )?\(?[A-Z]\)?),?\s(?:so|but|hence|therefore)?,?\s?)?(?:(?:I"
    r"|we|let's|let us)\s?)?"
    r"(?:(?:would|'d|will|'ll|must)\s)?(?:(?:choose|pick|select|take|go with|say)\s(?:the\s)?)?(?:(?:option"
    r"|choice|letter|answer)\s)?"
    r"[(\[*]{0,3}(?P<letter>[A-Z])[)\]*]{0,3}(?:,?\s(?:because|since|as it)\s.{1,200})?\.?",
    re.DOTALL,
)
_DENIAL = re.compile(r"\b(?:not|isn't|neither|nor|except|wrong|incorrect|never|false)\b", re.IGNORECASE)


def letters_of(text: str, choices: tuple[str, ...]) -> str | None:
    """Return the letters that a bare answer names, sorted (`B`, `AC`); an empty string where it denies them.

    None where it names no choice. `B) text` whose text is another option names both.
    """
    plain = plain_math(text[:2_000])
    single = _SINGLE.fullmatch(plain)
    if single is not None:
        letter = single.group(1).upper()
        return letter if offered(letter, choices) else None
    named = option_letter(plain, choices)
    if named is not None:
        return named
    if _RUN.fullmatch(plain) and len(set(plain)) == len(plain):
        return _sorted(list(plain), choices)
    if _SEVERAL.fullmatch(plain):
        return _sorted(_ONE_LETTER.findall(plain.replace("and", " ").replace("or", " ")), choices)
    option = _OPTION.fullmatch(plain) or _ENDORSED.fullmatch(plain) or _CHOSEN.fullmatch(plain)
    if option is not None:
        return _sorted([option.group(1)], choices)
    found = _NAMED.match(plain)
    if found is None or not offered(found.group(1), choices):
        return "" if _DENIAL.search(plain) else None
    words = found.group("words") or ""
    if _DENIAL.match(words) or _SAYS.match(words):
        return "" if _DENIAL.search(words[:40]) else None
    others = [letter for letter in _MARKER.findall(words) if offered(letter, choices)]
    written = option_letter(words, choices)
    return _sorted([found.group(1), *others, *([written] if written else [])], choices)


def _sorted(letters: list[str], choices: tuple[str, ...]) -> str | None:
    found = sorted({letter.upper() for letter in letters})
    return "".join(found) if found and all(offered(letter, choices) for letter in found) else None


@lru_cache(maxsize=65_536)
def gold_letter(gold: str, choices: tuple[str, ...]) -> str | None:
    """Return the letter of a gold answer given as a letter, as `(A) text`, or as the text of one choice."""
    return read_choice(gold, "gold", choices).value


_GOLD = re.compile(
    r"(?!.{0,200}[,;]\s?[A-J]\s?[:=])(?:\(?([A-J])\)?|\(([a-j])\)|\(([A-J])\)\s\S.{0,200}|([A-J])[).:]\s\S.{0,200}|([A-J])\s[A-Z][a-z].{0,200})"
)


def looks_like_choice(gold: str, choices: tuple[str, ...]) -> bool:
    """Whether a gold answer of no declared kind is a choice: one of the options, or a letter with its text or alone."""
    plain = plain_math(gold)
    if choices:
        return gold_letter(gold, choices) is not None
    return _GOLD.fullmatch(plain) is not None
