"""Whether a response says yes or no, or names both: an echo of the asked form says neither. Pure, linear."""

from __future__ import annotations

import re
import unicodedata

from potstill.verify.closing import conclusion
from potstill.verify.markup import read_lines
from potstill.verify.normalise import plain_words
from potstill.verify.readings import without_determiners
from potstill.verify.shown import sentences_of

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


_AUXILIARY = r"is|are|was|were|does|do|did|can|could|will|has|have"
_ASKED = re.compile(
    rf"(?:\A|[.!?:,]\s|\n)\s{{0,3}}(?P<verb>{_AUXILIARY})\s(?P<rest>[^?\n]{{3,300}})\?\W{{0,3}}\Z", re.IGNORECASE
)
_CLAUSE_END = re.compile(r"(?:[,;:—–]|\.(?!\d))(?=\s|\Z)|\s[—–-]\s|\s(?:because|since)\s")
_ASSERTS = re.compile(
    rf"(?:(?:so|thus|hence|therefore|then|and|yes|no|indeed)\s)*(?P<subject>.{{1,80}}?)\s(?:{_AUXILIARY})"
    r"(?P<not>n?[’']t|not)?\s(?P<denied>(?:not|never)\s)?(?:(?:indeed|also|therefore|thus|an?|the)\s)*(?P<said>.+)",
    re.IGNORECASE,
)
_EXISTS = re.compile(
    r"(?:.*\s)?(?:there (?:is|are|exists?) (?P<none>no) such (?P<noun>\w+)"
    r"|(?:no|(?P<such>such(?: an?)?)) (?P<other>\w+) (?:(?:can|do|does)(?P<not>not|n?[’']t|\snot)?\s)?exists?)",
    re.IGNORECASE,
)
"""`There is no such triangle`, `such a triangle cannot exist`."""
_LATER = re.compile(r"[=≠]|\b(?:so|thus|hence|therefore|but|however|actually|wait|then|let|check)\b", re.IGNORECASE)
"""What may conclude otherwise than a first sentence did."""
MAX_READ = 4_000
_OPEN = re.compile(r"\b(?:if|whether|unless|would|might|may|or|suppose|assum\w+)\b|\?", re.IGNORECASE)
_OF_SUBJECT = frozenset(("it", "this", "that", "they", "these", "the", "a", "an", "number", "given"))
_TERM = re.compile(r"[^\W_]+(?:[.'’/*+-]+[^\W_]+)*")


def _terms(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKC", text.replace("^", "").replace("_", "")).casefold()
    return _TERM.findall(plain)


def says_of_question(response: str, question: str) -> tuple[bool, str] | None:
    """Return whether a response asserts or denies what a question asks, in the question's own words, and where.

    `Is 221 prime?` is answered by `221 is not prime`; None where nothing is said of it, or both.
    """
    asked = _ASKED.search(question.strip())
    words = _terms(asked["rest"]) if asked is not None else []
    if asked is None or not {"not", "no", "or", "never", "either"}.isdisjoint(words):
        return None
    lines = [line for line in conclusion(read_lines(response[-MAX_READ:])) if line.text.strip()]
    told = [part.text for line in (*lines[:1], *lines[1:][-1:]) for part in sentences_of(line)]
    told = [text for text in told if any(map(str.isalpha, text))]
    first, last = told[:1], told[-1:]
    turned = len(response) > MAX_READ or any(map(_LATER.search, (*told[1:], *(line.text for line in lines[1:]))))
    exists = asked["verb"].casefold() == "can" or not {"exist", "there"}.isdisjoint(words)
    return _said_in(last, words, exists=exists) or (None if turned else _said_in(first, words, exists=exists))


def _said_in(sentences: list[str], words: list[str], *, exists: bool) -> tuple[bool, str] | None:
    clauses = [clause.strip(" *") for text in sentences if not _OPEN.search(text) for clause in _CLAUSE_END.split(text)]
    said = {}
    for clause in clauses:
        found = _ASSERTS.fullmatch(clause)
        if found is not None and _is_asked(_terms(found["subject"]), _terms(found["said"]), words):
            said[not (found["not"] or found["denied"])] = clause
        such = _EXISTS.fullmatch(clause.rstrip(".! ")) if exists else None
        if such is not None and (such["noun"] or such["other"]).casefold() in words:
            said[bool(such["such"]) and not such["not"]] = clause
    return said.popitem() if len(said) == 1 else None


def _is_asked(subject: list[str], said: list[str], words: list[str]) -> bool:
    """Whether a subject and what is said of it are those of a question: all of its end, or up to its `that`."""
    for at in (at for at, word in enumerate(words) if said[:1] == [word]):
        before, rest = words[:at], words[at + len(said) :]
        if said == words[at : at + len(said)] and (rest[:1] == ["that"] or set(rest) <= set(before)):
            return set(subject) <= _OF_SUBJECT | set(before)
    return False
