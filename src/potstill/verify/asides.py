"""What writers add to a bare answer that is no part of its value: marks, reasons, rejected values, where it holds."""

from __future__ import annotations

import re

MAX_CHARACTERS = 2_000

_MARK = (
    r"(?:\\(?:checkmark|blacksquare|square|Box|qed|therefore|because|implies|Rightarrow|Longrightarrow|rightarrow|quad"
    r"|qquad)(?![A-Za-z])|[✓✔✅☑→⇒➡∴■□\U0001F300-\U0001FAFF\uFE0F])"
)
_MARKS_BEFORE = re.compile(rf"\A\s{{0,4}}(?:{_MARK}[\s~]{{0,4}}){{1,6}}(?=\S)")
_MARKS_AFTER = re.compile(rf"(?<=\S)(?:[\s~]{{0,4}}{_MARK}){{1,6}}[\s.]{{0,4}}\Z")


def without_marks(text: str) -> str:
    """Return the text without ticks, arrows and ends of proof around it."""
    if len(text) > MAX_CHARACTERS or ("\\" not in text and text.isascii()):
        return text
    return _MARKS_AFTER.sub("", _MARKS_BEFORE.sub("", text)) or text


_WHY = (
    r"(?:since|because|as (?:we|it|there|this|the)|which (?:is|means|equals|follows)|where|when|reject|discard|exclud"
    r"|ignor|extraneous|not|assuming|given|being|due to|after all)(?![A-Za-z])"
)
_SAID_OF_IT = r"(?:twice|half|complement|after|before|check|note)(?![A-Za-z])"
"""What says more of a value only after a comma: `2 and a half` does not."""
_NO_ASIDE = r"(?!\s{0,2}(?:mod|base|in base|or|and|to|both|approx|about|≈|\\approx|\\text\s?\{\s?(?:mod|base|or|and)))"
_BRACKETED = re.compile(
    rf"\A(?P<value>[^\n]{{1,400}}?)[\s.,$]{{1,4}}(?:\\text\s?\{{\s?)?\((?P<aside>{_NO_ASIDE}[^()\n]{{3,200}})\)[\s.$}}]{{0,4}}\Z"
)
_FOLLOWING = re.compile(
    r"\A(?P<value>[^\n]{1,400}?)(?:\s{0,3}[,;.]\s{0,3}(?:\\text\s?\{\s?)?(?=" + _SAID_OF_IT + "|" + _WHY + r")"
    r"|\s{1,3}(?:\\text\s?\{\s?)?(?=" + _WHY + r"))(?P<aside>[^\n]{1,400})\Z",
    re.IGNORECASE,
)
_BELOW = re.compile(
    r"\A(?P<value>[^\n]{1,400}?)\s{0,3}\n\s{0,6}(?P<aside>(?:\*\*)?(?:explanation|reason(?:ing)?|justification|note|check"
    r"|verification|proof|steps|solution|because|since)\b.{1,1500})\Z",
    re.IGNORECASE | re.DOTALL,
)
_ABOVE = re.compile(r"\A(?P<aside>(?:since|because)\s[^\n,]{1,200}),\s(?P<value>[^\n,]{1,60})\Z", re.IGNORECASE)
_WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{2,}")
_VALUE_WORDS = 2
_MATHEMATICS = re.compile(r"[\d\\=+^*/∞∅π]|(?<![A-Za-z])[A-Za-z](?![A-Za-z])")


def aside_of(text: str) -> tuple[str, str] | None:
    """Return a bare answer's value and what is said beside it, `7` and `reject x = -1`; None where nothing is.

    What stands beside a value is a reason in words or in brackets behind it, or below it under a heading.
    """
    if len(text) > MAX_CHARACTERS or not any(map(str.isalpha, text)):
        return None
    for shape in (_BELOW, _BRACKETED, _FOLLOWING, _ABOVE):
        found = shape.match(text)
        if found is None:
            continue
        value = found["value"].strip(" \t,;$*")
        in_words = shape is not _BRACKETED or len(_WORD.findall(found["aside"])) > 1 or _EXTRA.search(found["aside"])
        if value and in_words and len(_WORD.findall(value)) <= _VALUE_WORDS and _MATHEMATICS.search(value):
            return value, found["aside"]
    return None


_EXTRA = re.compile(r"=|\b(?:reject\w*|extraneous|discard\w*|invalid|impossible|not)\b")
_QUANTIFIER = re.compile(
    r"[\s,;.~\\]{0,6}(?:\\q?quad\s?)?\(?\s?(?:\\text\s?\{\s?,?\s?)?(?:(?:for|where|with)\s)?(?:(?:all|any|every|each|some|an?)\s)?"
    r"(?:(?:real|integers?|constants?|numbers?|values? of|arbitrary)\s){0,3}[\s}$]{0,4}(?:\\forall\s?)?"
    r"\s?\$?(?<![A-Za-z\\])(?P<name>[A-Za-z](?:\s?,\s?[A-Za-z]){0,3})\$?\s?"
    r"(?:\\in\s?|∈\s?|(?:\\text\s?\{)?\s?(?:is|are|in)(?: an?| any)?(?:\s?\\text\s?\{)?\s)\s?\$?"
    r"(?:\\mathbb\s?\{?\s?[ZRNQC]\s?\}?|[ℤℝℕℚℂ]|\\?(?:text\{)?(?:integers?|reals?|real numbers?|(?:real )?constants?))"
    r"(?:\^[*+]|_\{?[><]?=?[+0]\}?)?[\s})$.]{0,6}\Z"
)
_FOR_ALL = re.compile(
    r"[\s,;.~\\]{0,6}(?:\\q?quad\s?)?\(?\s?(?:\\text\s?\{\s?,?\s?)?for (?:all|any|every|each|some) (?:(?:real"
    r"|integers?|constants?"
    r"|numbers?|values of|arbitrary|non-?zero|positive|natural)\s){0,3}[\s}$]{0,3}[A-Za-z](?:\s?,\s?[A-Za-z]){0,3}"
    r"[\s})$.]{0,6}\Z"
)


def without_quantifier(text: str) -> str:
    """Return a formula without the `for all x in R` or `, k in Z` that ends it."""
    if len(text) > MAX_CHARACTERS:
        return text
    for shape in (_QUANTIFIER, _FOR_ALL):
        found = shape.search(text)
        if found is None:
            continue
        names = [name.strip() for name in found["name"].split(",")] if shape is _QUANTIFIER else []
        at = found.start("name") + found["name"].rindex(",") if len(set(names)) < len(names) else found.start()
        if at and any(c in text[:at] for c in "=+-\\^*/0123456789"):
            return text[:at].rstrip(" ,;(")
    return text
