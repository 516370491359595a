"""A choice, or yes and no, that a response does not state in so many words. Pure, linear in the text."""

from __future__ import annotations

import re

from potstill.verify.normalise import plain_unicode, plain_words
from potstill.verify.readings import NOTHING, Extraction, offered, read_choice, read_yes_no
from potstill.verify.stated import SENTENCE_END

_ENDORSED = re.compile(
    r"(?:choose|choosing|pick|select|go with) (?:option|choice|answer) [(\[*]{0,2}([A-Z])[)\]*]{0,2}(?![A-Za-z'])"
    r"|(?:(?:correct|right|best|final) (?:choice|option)|choose|choosing|pick|select|go with|think it's|think it is"
    r"|must be|it's|so it is|option|choice)\s{0,2}(?:is|are|:|would be)?\s{0,3}[(\[*$]{0,3}([A-Z])\b(?![a-z' ]?[a-z])"
    r"|\b[(\[*]{0,2}([A-Z])[)\]*]{0,2} (?:is|must be|seems|appears|looks|would be) (?:the )?"
    r"(?:most \w+|correct|right|valid|true|best)\b(?! only)"
)


_BOLD_OPTION = re.compile(r"(?:\A|\n)\s{0,4}\*\*\(?([A-J])[).:]\s?[^*\n]{0,200}\*\*")
_WALK = re.compile(r"(?:\A|\n)[\s*_-]{0,6}\(?([A-J])[).:]\**\s([^\n]{0,400})")
_TICKED = re.compile(r"(?:\A|\n)[\s*_-]{0,6}\(?([A-J])\b[^\n]{0,200}[✅✔✓☑]\ufe0f?[\s*]{0,3}(?=\n|\Z)")
"""`C) Canberra ✅`"""
_ONLY = re.compile(
    r"\bonly (?:option |choice )?[(*]{0,3}([A-J])[)*]{0,3} (?:remains|is left|fits|works"
    r"|is (?:correct|possible))"
)
"""`Eliminating A, B and D, only C remains.`"""
_TAKEN = re.compile(r"[\s*_(\[]{0,4}(?:correct|right|true|yes|✅|✓|✔|☑)(?![a-z])", re.IGNORECASE)
"""What marks the option that is taken, where each is gone through in turn."""


def endorsed_in(text: str) -> list[str]:
    """Return the letters that a text says it takes, in its order."""
    return [found[found.lastindex or 0] for found in _ENDORSED.finditer(plain_unicode(text))]


def unstated_choice(text: str, choices: tuple[str, ...]) -> Extraction:
    """Read the option in bold print, the one that is marked or taken, or the last letter of the last line."""
    tail = text[-2_000:]
    bold = set(_BOLD_OPTION.findall(tail))
    if len(bold) == 1:
        return Extraction(bold.pop(), "bold option")
    ticked = [letter for letter in _TICKED.findall(tail) if offered(letter, choices)]
    if len(ticked) == 1:
        return Extraction(ticked[0], "marked option")
    only = _ONLY.findall(tail.rstrip().rpartition("\n")[2])
    if only and offered(only[-1], choices):
        return Extraction(only[-1], "option that is left")
    walked = _WALK.findall(tail)
    if len({letter for letter, _ in walked if offered(letter, choices)}) > 1:
        taken = list(dict.fromkeys(letter for letter, said in walked if _TAKEN.match(said)))
        if len(taken) == 1:
            return Extraction(taken[0], "marked option")
        if _WALK.match(f"\n{tail.rstrip().rpartition(chr(10))[2]}") and not endorsed_in(tail):
            return Extraction(None, "options without a choice")
    if len(text) <= 300:
        whole = read_choice(text, "whole", choices)
        if whole.value is not None and (len(text) <= 40 or not (whole.ambiguous or "," in whole.value)):
            return whole
    endorsed = [letter for letter in endorsed_in(tail) if offered(letter, choices)]
    if endorsed:
        last = endorsed_in(tail.rstrip().rpartition("\n")[2])
        several = tuple(dict.fromkeys(letter for letter in last if letter != endorsed[-1]))
        return Extraction(endorsed[-1], "endorsed letter", bool(several), several)
    for line in reversed(tail.split("\n")):
        if line.strip():
            found = read_choice(line, "last letter", choices)
            if not found.value:
                return _in_words(line, choices)
            return Extraction(found.value.rpartition(" ")[2], found.method)
    return NOTHING


_SET_ASIDE = re.compile(r"\b(?:not|rather than|unlike|instead of|nor|neither|never|than|no)\s(?:the |an? )?\Z")


def _in_words(line: str, choices: tuple[str, ...]) -> Extraction:
    """Read the one option whose words a sentence says and does not set aside: `It is Canberra, not Sydney.`"""
    said = f" {plain_words(line)} "
    named = []
    for at, choice in enumerate(choices):
        words = plain_words(choice)
        found = re.search(rf"(?<!\w){re.escape(words)}(?!\w)", said) if len(words) > 2 else None
        if found is not None and not _SET_ASIDE.search(said[: found.start()]):
            named.append(chr(65 + at))
    return Extraction(named[0], "option in words") if len(named) == 1 else NOTHING


_CONDITION = re.compile(r"\b(?:would|could|might|if|though|although)\b", re.IGNORECASE)


def unstated_yes_no(text: str) -> Extraction:
    """Read the last sentence, else the first word: `No. ...`."""
    first = read_yes_no(text[:40], "first word")
    lines = [line for line in text[-4_000:].split("\n") if line.strip()]
    for sentence in reversed([part for line in lines[-2:] for part in SENTENCE_END.split(line) if part.strip()]):
        last = read_yes_no(sentence, "last sentence")
        if last.value is not None or _CONDITION.search(sentence) is None:
            return last if last.value is not None else first
    return first
