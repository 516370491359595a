"""A stated answer read as a number or as a choice. Pure, linear in the text."""

from __future__ import annotations

import re
from dataclasses import dataclass

from potstill.verify.normalise import plain_math, plain_words, spelling
from potstill.verify.numbers import MAX_CHARACTERS, TooLargeError, numbers_in, parse_plain


@dataclass(frozen=True, slots=True)
class Extraction:
    """A final answer: None if there is none, `ambiguous` if two that differ are stated.

    `others` are further readings of the same words: enough to doubt that `value` is wrong, never to call it right.
    """

    value: str | None
    method: str = ""
    ambiguous: bool = False
    others: tuple[str, ...] = ()


NOTHING = Extraction(None, "nothing found")
_BOLD = re.compile(r"\*\*([^*\n]{1,80})\*\*")
_WORD = r"(?<![\\A-Za-z])(?!(?:sqrt|sin|cos|tan|log|ln|exp|frac|pi|mod|min|max)(?![A-Za-z]))[A-Za-z]{2,}"
_WORDS = re.compile(rf"{_WORD}[^A-Za-z]{{1,30}}{_WORD}")
_COMPOUND = re.compile(
    r"\d\s?(?:days?|hours?|hrs?|h|minutes?|mins?|weeks?|years?|months?|feet|foot|ft|pounds?|lbs?|dollars?|gallons?)\b"
    r"[\s,]{0,3}(?:and\s)?\d+\s?(?:hours?|hrs?|minutes?|mins?|m|seconds?|secs?|days?|months?|inch(?:es)?|in|ounces?|oz"
    r"|cents?|quarts?|pints?)\b",
    re.IGNORECASE,
)


def _is_expression(plain: str) -> bool:
    """Whether a statement is a formula or a compound quantity rather than a sentence with numbers in it."""
    return _COMPOUND.search(plain) is not None or _WORDS.search(plain) is None


_LIST = re.compile(r"\s{0,2}(?:,|;|or\b|and\b|/|to\b|-)\s{0,2}(?:or\b|and\b)?\s?[-+$]?\s?\d")


def read_number(text: str, method: str) -> Extraction:
    """Return the number that a statement names; the sentence's other numbers go into `others`.

    A formula that is not one plain number is returned as it is: none of its numbers may pass for it.
    """
    if len(text) > MAX_CHARACTERS:
        return Extraction(None, method)
    plain = plain_math(text)
    whole = whole_number(plain, method)
    if whole is not None:
        return whole
    found = numbers_in(plain)
    if method == "box" or not found or _is_expression(plain):
        ambiguous = len(found) > 1 and " or " in plain
        value = plain if any(c.isdigit() or c in "\\^=∞√π" for c in plain) else ""
        return Extraction(value or None, method, ambiguous, tuple(number for number, _, _ in found[-8:]))
    for bold in reversed(_BOLD.findall(text)):
        inside = numbers_in(plain_math(bold))
        if len(inside) == 1:
            return Extraction(inside[0][0], method, others=_others(found, inside[0][0]))
    first, start, end = found[0]
    if not plain[:start].strip(" $(*:~≈") and not _operates(plain, end):
        return Extraction(first, method, _LIST.match(plain, end) is not None, _others(found, first))
    return _last_of_prose(plain, method, found)


def whole_number(plain: str, method: str) -> Extraction | None:
    """Return the number that all of the text states: the result of `2 * 3 = 6`, the exact side of `1/3 ≈ 0.33`."""
    try:
        if parse_plain(plain) is None:
            return None
        exact = plain.replace("\\approx", "≈").partition("≈")[0]
        value = exact if exact != plain and parse_plain(exact) is not None else plain
    except TooLargeError:
        value = plain
    value = value.rpartition("=")[2].rpartition("≈")[2].strip() or plain
    return Extraction(value.strip("$ ") if value.count("$") == 2 else value, method)


_OPERAND = re.compile(r"[+*/^(√\[{|-]\s{0,2}$|root of\s{0,2}$", re.IGNORECASE)
_LISTED = re.compile(r"\d[^\w\n]{0,4}(?:,|;|\bor)\s{0,2}(?:or\s{1,2})?[-+$]?$")


def _last_of_prose(plain: str, method: str, found: list[tuple[str, int, int]]) -> Extraction:
    """Return the last number of a sentence, unless it is part of a formula without a result, or of a list."""
    last, start, end = found[-1]
    before = plain[max(0, start - 24) : start]
    if last[0] in "+-" and before[-1:] != "=":
        operand = before.rstrip()[-1:].isdigit() or last[1:2].isspace()
    else:
        operand = _OPERAND.search(before) is not None and not (before.endswith("(") and plain[end : end + 1] == ")")
    if operand or plain[end : end + 2].strip()[:1] in ("*", "/", "√"):
        return Extraction(plain[:400], method, others=_others(found, ""))
    return Extraction(last, method, _LISTED.search(before) is not None, _others(found, last))


def _operates(plain: str, end: int) -> bool:
    """Whether the number is the start of a calculation."""
    return plain[end : end + 3].strip()[:1] in ("+", "*", "/", "=", "^", "\\", "(")


def _others(found: list[tuple[str, int, int]], value: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(number for number, _, _ in found[-16:] if number != value))


SENTENCE_END = re.compile(r"[.!?](?:\*\*|[\"')\]]){0,2}(?=\s|\Z)")


def last_number(line: str) -> Extraction:
    """Return the number of the line's last sentence that holds one, or the line's formula."""
    plain = plain_math(line)
    if _is_expression(plain):
        return read_number(line, "last line")
    for sentence in reversed(SENTENCE_END.split(plain)):
        found = numbers_in(sentence)
        if not found:
            continue
        bold = [number for part in _BOLD.findall(line) for number, _, _ in numbers_in(plain_math(part))]
        if len(bold) == 1 and any(number == bold[0] for number, _, _ in found):
            return Extraction(bold[0], "last number", others=_others(found, bold[0]))
        if _COMPOUND.search(sentence):
            return Extraction(sentence.strip()[:400], "last number", others=_others(found, ""))
        return _last_of_prose(sentence, "last number", found)
    return NOTHING


_LETTER = re.compile(r"\(?\[?\b([A-Z])\b[\])]?(?=[\s,:;)\]*$}]|\.(?!\w)|\Z)")
_SINGLE_LETTER = re.compile(r"[\s($\[*{\"'`]{0,6}([A-Za-z])[\s)$\]*.}\"'`]{0,6}")
_LEADING_LETTER = re.compile(r"[\s($\[*{\"'`]{0,6}([A-Z])(?:[)\]:.}]|\*\*|\s[-–—:=(]|\s{1,3}(?=\\|\$)|\Z)")
_NOT_LETTER = re.compile(r"\b(?:not|isn't|neither|nor|except|rule out|eliminate)\s(?:option\s|choice\s)?\(?([A-Z])\b")
_TWO_LETTERS = re.compile(
    r"[($\[*]{0,3}([A-Z])[)\]*]{0,3}\s{0,2}(?:and|or|,|/|&)\s{0,2}(?:or\s)?[($\[*]{0,3}([A-Z])(?![A-Za-z])"
)


def read_choice(text: str, method: str, choices: tuple[str, ...]) -> Extraction:
    """Return the letter that a statement names, by letter or by the option's own words."""
    plain = plain_math(text[:2_000])
    single = _SINGLE_LETTER.fullmatch(plain)
    if single is not None and offered(single.group(1).upper(), choices):
        return Extraction(single.group(1).upper(), method)
    two = _TWO_LETTERS.match(plain)
    if two is not None and two.group(1) != two.group(2):
        return Extraction(two.group(1), method, ambiguous=True, others=(two.group(2),))
    named = option_letter(plain, choices)
    if named is not None:
        return Extraction(named, method)
    leading = _LEADING_LETTER.match(plain)
    if leading is not None and offered(leading.group(1), choices):
        return Extraction(leading.group(1), method)
    denied = set(_NOT_LETTER.findall(plain))
    letters = [
        found.group(1)
        for found in _LETTER.finditer(plain)
        if found.group(1) not in denied and offered(found.group(1), choices) and not _is_word(plain, found)
    ]
    if letters:
        return Extraction(letters[-1], method, ambiguous=len(set(letters)) > 1)
    return NOTHING


def option_letter(text: str, choices: tuple[str, ...]) -> str | None:
    """Return the letter of the one choice that the text writes out: same words, same spelling, or same number."""
    for key in (plain_words, spelling, _number_key):
        wanted = key(text)
        named = [at for at, choice in enumerate(choices) if wanted and key(choice) == wanted]
        if len(named) == 1:
            return chr(65 + named[0])
    return None


def _number_key(text: str) -> tuple[object, ...] | None:
    try:
        number = parse_plain(plain_math(text[:400]))
    except TooLargeError:
        return None
    return None if number is None else (number.value, number.percent, number.unit)


def offered(letter: str, choices: tuple[str, ...]) -> bool:
    """Whether a letter stands for one of the choices; any letter does where they are not known."""
    return ord(letter) - 65 < (len(choices) or 26)


def _is_word(plain: str, found: re.Match[str]) -> bool:
    """Whether this capital is an article or a pronoun: `A triangle`, `I think`."""
    if found.group()[0] in "([":
        return False
    return found.group(1) in "AI" and re.match(r"\s[a-z]", plain[found.end() : found.end() + 2]) is not None
