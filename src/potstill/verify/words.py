"""Answers in words: exact text, yes and no, and the few phrases that stand for no value or for all of them."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from typing import Literal

from potstill.verify.calendars import DAYS, MONTHS, english_day
from potstill.verify.judged import Judged, decided, unknown
from potstill.verify.languages import said_none
from potstill.verify.normalise import plain_math, plain_unicode, plain_words, without_emphasis
from potstill.verify.python_values import same_python_value

Meaning = Literal["", "none", "undefined", "impossible", "infinitely many", "undetermined", "all reals"]
MAX_PHRASE = 200
MAX_TEXT = 20_000
"""Characters of a text answer that are compared."""


_EDGE = " \t\n\r.,;:!?\"'`*_$"
_BRACKETED = re.compile(r"\(([^\W\d][^()\d,]*)\)|\[([^\W\d][^\[\]\d,]*)\]|\{([^\W\d][^{}\d,]*)\}")


def word_key(text: str) -> str:
    """Return the key under which texts are the same: NFKC, casefolded, single spaces, trimmed of outer punctuation.

    Brackets stay unless they enclose words alone; a clock time loses its leading zero (03:05).
    """
    text = text.strip()
    text = plain_math(text) if "\\" in text else without_emphasis(plain_unicode(text))
    words = " ".join(text.casefold().split()).strip(_EDGE)
    bracketed = _BRACKETED.fullmatch(words)
    if bracketed is not None:
        words = next(part for part in bracketed.groups() if part is not None).strip(_EDGE)
    if len(words) == 5 and words[0] == "0" and words[2] == ":" and (words[1] + words[3:]).isdigit():
        return words[1:]
    return words


_OPENING = (
    r"(?:(?:so|therefore|thus|hence),? )?(?:(?:there (?:is|are|exists?)|(?:the |this |it )?"
    r"(?:equations?|system|inequality|problem|question|statement|function|limit|sum|series|answer|value|solution set"
    r"|it)? ?(?:has|have|is|are|does|=)) )?"
)
_CLOSING = (
    r"(?: (?:for|to|in|of|within|under|that|which|satisf\w+|such|where|with|without|from|given|on|because|as|due)\b"
    r"(?:(?!except|other than|unless|but|only)[^\d=]){0,120})?"
)
_SAID: dict[Meaning, str] = {
    "none": (
        r"(?:no|zero) (?:[a-z]+ ){0,3}(?:solutions?|roots?|answers?|values?|zeros|intersections?)"
        rf"(?: (?:exists?|is possible|are possible|found|available))?{_CLOSING}"
        rf"|no such (?:[a-z]+ ){{0,1}}[a-z]+(?: exists?)?{_CLOSING}|none(?: exists?)?|(?:the )?(?:empty|null) set"
        r"|unsolvable|not solvable|\\emptyset|\\varnothing|∅|ø"
    ),
    "undefined": (r"(?:limit )?(?:does not|doesn't|do not|not) exist|dne|undefined|not defined|nonexistent|no limit"),
    "impossible": rf"(?:not possible|impossible|a contradiction|contradiction){_CLOSING}",
    "infinitely many": (
        r"(?:infinite|infinitely many|an infinite number(?: of)?|an infinite amount(?: of)?|unlimited)"
        rf"(?: (?:[a-z]+ ){{0,2}}[a-z]+)?{_CLOSING}"
    ),
    "undetermined": (
        r"(?:(?:[a-z]+ ){0,4}(?:cannot|can not|can't|could not|couldn't) be (?:[a-z]+ )?"
        r"(?:determined|found|computed|calculated|solved|answered|known)"
        r"|not (?:enough|sufficient) (?:information|data|info)|insufficient (?:information|data)|indeterminate"
        r"|undetermined|not determinable|undeterminable|unknown|n/a|not applicable"
        rf"|impossible to (?:determine|tell|say|know)|unanswerable){_CLOSING}"
    ),
    "all reals": (
        r"(?:(?:the set of )?(?:all|any|every|the)(?: the)? real(?:s| numbers?| values)(?: [a-z])?|reals"
        r"|\\mathbb\{?r\}?|ℝ|\(-\\infty, ?\\infty\))"
    ),
}
_PHRASES = tuple((meaning, re.compile(f"{_OPENING}(?:{phrase})")) for meaning, phrase in _SAID.items())
_EMPTY_SETS = frozenset(("{}", "\\{\\}", "\\{ \\}", "{ }", "[]", "set()"))
_CLOSE = frozenset((("impossible", "none"), ("impossible", "undefined"), ("none", "undefined")))
"""Pairs that one may say for the other: no verdict."""


@lru_cache(maxsize=16_384)
def meaning_of(text: str) -> Meaning:
    """Return what a phrase without a value means (`no solution`, `does not exist`), or an empty string."""
    if len(text) > MAX_PHRASE:
        return ""
    bare = plain_unicode(text).strip().strip("$").strip()
    if bare in _EMPTY_SETS:
        return "none"
    if said_none(bare):
        return "none"
    words = plain_words(text).removeprefix("x \\in ").strip(" .") if "mathbb" not in text else bare.casefold()
    for meaning, phrase in _PHRASES:
        if phrase.fullmatch(words):
            return meaning
    return ""


def compare_meanings(stated: Meaning, wanted: Meaning) -> Judged:
    """Compare two phrases; those that are often said for each other leave it open."""
    if stated != wanted and tuple(sorted((stated, wanted))) in _CLOSE:
        return unknown("ambiguous", f"{stated!r} may be said for {wanted!r}")
    return decided(stated == wanted, "meaning", wanted, stated)


_YES = frozenset(("yes", "true", "y", "t", "yeah", "yep"))
_NO = frozenset(("no", "false", "n", "f", "nope", "not true"))
_LEADING = re.compile(r"(yes|no|true|false)\b(?:[,.;:!]| -| –| —| because| since)\s?(.{0,400})", re.DOTALL)


def yes_or_no(text: str) -> bool | None:
    """Return what a yes-no answer says, alone or before an explanation that does not say the opposite."""
    words = plain_words(text[:500])
    if words in _YES or words in _NO:
        return words in _YES
    found = _LEADING.match(words)
    if found is None:
        return None
    said = found.group(1) in _YES
    rest = set(re.findall(r"[a-z]+", found.group(2)))
    if _COMPUTED.match(found.group(2)):
        return None
    return None if rest & (_NO if said else _YES) - {"f", "t", "n", "y"} else said


_COMPUTED = re.compile(r"(?:yes|no|true|false)\s{0,3}[_\d{<=|^+/&~@#%]")
"""A word that is computed with is none: `yes,yes^yes`."""


_DECLINES = re.compile(
    r"\b(?:can(?:no|')t|cannot|can not|could not|unable to|impossible to|not possible to|difficult to|beyond|without"
    r"|need(?:s|ed)?|requires?|not enough|insufficient|lack(?:s|ing)?|no|not|does not|don't|doesn't|fail(?:s|ed)? to)\b"
    r"[^.!?\n]{0,80}?\b(?:determin\w+|comput\w+|calculat\w+|solv\w+|found|find|provided?|give[ns]?|answer(?:ed)?|information"
    r"|solutions?|exists?|values?|simplif\w+|analysis|techniques?|calculus|approach|conclu\w+|satisf\w+|yield|possible"
    r"|calculator|data|contradict\w+|error|issue)\b"
    r"|\b(?:contradict\w+|(?:error|issue|mistake|flaw\w*) (?:in|with) the (?:problem|question|statement)"
    r"|problem statement has)",
    re.IGNORECASE,
)


def declines(text: str) -> bool:
    """Whether the end of a response says that there is no answer, or that none can be given."""
    return _DECLINES.search(plain_unicode(text[-1_200:])) is not None


_BOUND = re.compile(
    r"\b(?:or|and) (?:more|less|fewer|above|below|greater|higher|lower|over|under|up|beyond|so)\b", re.IGNORECASE
)


def states_bound(text: str) -> bool:
    """Whether a text gives a bound and no value: `3 or more`."""
    return _BOUND.search(text) is not None


_NAMES = (*DAYS, *MONTHS)
_SHORT_NAMES = {name[:length]: name for name in _NAMES for length in (3, 4, 5)} | {"tues": "tuesday"}


def _named_day(key: str) -> str:
    """Return the weekday or month that a word is or abbreviates, `mon` or `on monday`; else the word."""
    bare = english_day(key.removeprefix("on ").removeprefix("in ").rstrip("."))
    return bare if bare in _NAMES else _SHORT_NAMES.get(bare, key)


_SUBJECT = r"(?:it|this|that|he|she|they|(?:the|this|that|my|our|its|a|an)(?: [a-z'-]+){1,6})"
_IS = r"(?:is|are|was|were|will be|would be|must be|equals|turns out to be)"
_ARTICLE = r"(?:(?:a|an|the|on|in|called|named) ){0,2}"


def states_word(said: str, word: str) -> bool:
    """Whether a sentence says the word of its subject: `it is a rhombus`, `the series converges`, `ann is the oldest`.

    Both are keys (`word_key`); what the sentence denies is not said.
    """
    word, said = re.escape(word), said.replace("'s ", " is ", 1)
    return re.fullmatch(
        rf"{_ARTICLE}{word}|(?:so |thus |therefore |hence )?,? ?{_SUBJECT} {_IS} {_ARTICLE}{word}"
        rf"|(?:it|(?:the|this) [a-z'-]+(?: [a-z'-]+)?) {word}"
        rf"|{_ARTICLE}{word} {_IS} (?:the|my|our) (?:(?:final|correct|right) )?(?:answer|[a-z]+est"
        rf"|one)(?: (?:of|in|on) [a-z ]{{2,30}})?",
        said,
    ) is not None and not {"not", "never", "no"} & set(said.split())


_VERB = re.compile(r"\b(?:is|are|was|were|will be|would be|has|have)\b")


def is_sentence(said: str) -> bool:
    """Whether a text of several words has a verb of being in it."""
    return len(said.split()) > 2 and _VERB.search(said) is not None


_OPTION = re.compile(r"\(?[a-j]\)\s(?=\w)")


def compare_texts(stated: str, wanted: str) -> Judged:
    """Compare two texts word for word, case, spacing and outer punctuation aside; Python values as values.

    The letter of an option before its words (`(c) train station`) is left out.
    """
    if len(stated) > MAX_TEXT:
        return unknown("unsupported", f"text longer than {MAX_TEXT:,} characters")
    same_value = same_python_value(stated, wanted)
    if same_value is not None:
        return decided(same_value, "Python value", wanted[:MAX_PHRASE], stated[:MAX_PHRASE])
    left, right = word_key(stated), word_key(wanted)
    same = (
        left == right
        or (right in _NAMES and _named_day(left) == right)
        or (_OPTION.sub("", left, count=1) == right and bool(right))
    )
    return replace(decided(same, "text", right[:MAX_PHRASE], left[:MAX_PHRASE]), in_words=True)
