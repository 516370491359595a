"""Plain numbers read exactly: integers, decimals, fractions, mixed numbers, percent, money, powers of ten, units.

Nothing is built that its text does not hold: exponents and digits are bounded before any arithmetic.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fractions import Fraction

from potstill.verify.normalise import plain_math

MAX_CHARACTERS = 10_000
MAX_DIGITS = 4_000
MAX_EXPONENT = 2_000


class TooLargeError(ValueError):
    """A number that would take unreasonable time or memory to build."""


@dataclass(frozen=True, slots=True)
class Number:
    """An exact value as it was written; `unit` holds the words around it, lower case and singular."""

    value: int | Fraction
    percent: bool = False
    unit: str = ""
    decimal: bool = False


_DIGITS = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|0,\d+|\d+)"
_PLAIN = rf"(?:{_DIGITS}(?:\.\d*)?|\.\d+)"
_POWER = r"(?:[eE][+-]?\d+|\s?[*x]\s?10\s?\^\s?(?:\{\s?[+-]?\d+\s?\}|\(\s?[+-]?\d+\s?\)|[+-]?\d+))"
_CURRENCY = r"(?:US\$|\$|€|£|¥|₹|(?:USD|EUR|GBP|INR|Rs\.?)(?= ?\d))"
NUMBER = re.compile(
    rf"(?P<sign>[+-]\s?)?(?:(?P<money>{_CURRENCY}\s?)(?P<sign2>-)?)?"
    rf"(?:(?P<whole>\d+)\s+(?:and\s+)?(?P<above>\d+)\s?/\s?(?P<below>\d+)"
    rf"|(?P<plain>{_PLAIN})(?P<power>{_POWER})?(?:\s?/\s?(?P<under>-?{_PLAIN}))?)"
    r"(?P<percent>\s?(?:%|percent(?:age)?\b|pct\b))?"
)
"""One number in text that went through `plain_math`."""
_SPACED = re.compile(r"([+-]?)(\d{1,3}(?: \d{3})+)(?![\d/])")
_BARE = re.compile(r"-?\d{1,400}")
_UNIT = re.compile(
    r"\s?(?P<unit>[^\W\d_][^\d\\=<>+|{}\[\]]*(?:\^\s?\{?-?\d\s?\}?|(?<=m)[23])?(?:\s?/\s?[a-z.]+)?)\s?[.!]?|\s?\([^\d()]*\)\s?"
)
_LABEL = re.compile(
    r"[^\d=+*/^<>\[\]{}\\-]{0,60}|\\?[A-Za-z]{1,12}(?:_\{?\w{1,12}\}?)?|\|[A-Z]{1,4}\||[^=A-Za-z\\]{0,400}"
)
_NO_UNIT = re.compile(
    r"(?![mgshlLVAWJKCNFTMB](?![A-Za-z]))[^\W\d_](?![^\W\d_])|(?:a?(?:sin|cos|tan|cot|sec|csc)|log|ln|exp|sqrt|pi|mod)\b"
)
"""A variable or a function after a number: `4x`, `4x^2`, `2 cos t`; not one of the units written as one letter."""
_SCALES = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12, "dozen": 12}
_JOINING = frozenset(("and", "or", "to", "plus", "minus", "times", "over", "mod", "nor", "through"))


def parse_number(text: str) -> Number | None:
    """Return the number that the whole text states, or None if it is not one plain number.

    A label before an equals sign (`x = 5`, `Total = 5`), a currency and trailing words (`5 apples`) are allowed.
    Raises `TooLargeError` for a number beyond 4,000 digits or 10^2000.
    """
    if len(text) > MAX_CHARACTERS:
        raise TooLargeError
    if _BARE.fullmatch(text):
        return Number(int(text))
    return parse_plain(plain_math(text))


def parse_plain(text: str) -> Number | None:
    """Do what `parse_number` does for text that went through `plain_math` already."""
    text = text.strip().strip("$").strip().rstrip(".").lstrip("≈≃≅~").strip()
    if "=" in text or "≈" in text or "\\approx" in text:
        left, _, text = text.replace("\\approx", "=").replace("≈", "=").rpartition("=")
        text = text.strip()
        if not _LABEL.fullmatch(left.strip().rpartition("=")[2].strip()):
            return None
    while text[:1] == "(" and text[-1:] == ")" and "," not in text and "(" not in text[1:]:
        text = text[1:-1].strip()
    spaced = _SPACED.match(text)
    if spaced is not None:
        text = spaced.group().replace(" ", "") + text[spaced.end() :]
    found = NUMBER.match(text)
    if found is None:
        return None
    rest = text[found.end() :].strip().removeprefix("$").strip()
    if not rest:
        return number_of(found)
    unit = _UNIT.fullmatch(rest) if len(rest) <= 80 else None
    if unit is None:
        return None
    words = (unit.group("unit") or "").strip(" .!()")
    first = words.split(" ", 1)[0].lower()
    if first in _JOINING or _NO_UNIT.match(words):
        return None
    number = number_of(found, unit_key(words))
    if number is None or first not in _SCALES:
        return number
    return replace(number, value=number.value * _SCALES[first], unit=unit_key(words[len(first) :]))


def unit_key(words: str) -> str:
    """Return the words of a unit in lower case, without plural endings."""
    return " ".join(word.rstrip("s.") if len(word) > 2 else word for word in words.lower().split())


def number_of(found: re.Match[str], unit: str = "") -> Number | None:
    """Build the number that a match of `NUMBER` describes; None for a zero denominator."""
    sign = -1 if (found.group("sign") or "").startswith("-") != bool(found.group("sign2")) else 1
    money = "$" if found.group("money") else ""
    percent = found.group("percent") is not None
    if found.group("whole"):
        below = _integer(found.group("below"))
        if not below:
            return None
        value: int | Fraction = _integer(found.group("whole")) + Fraction(_integer(found.group("above")), below)
        return Number(sign * value, percent, unit or money)
    written = found.group("plain")
    value, power = _decimal(written), found.group("power")
    if power:
        exponent = power.lower().replace(" ", "").rpartition("e" if power[0] in "eE" else "^")[2].strip("{}()")
        if len(exponent) > 6 or abs(int(exponent)) > MAX_EXPONENT:
            raise TooLargeError
        value = value * Fraction(10) ** int(exponent)
    under = found.group("under")
    if under:
        divisor = _decimal(under)
        if not divisor:
            return None
        value = Fraction(value) / divisor
    return Number(sign * value, percent, unit or money, "." in written or bool(power))


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise TooLargeError
    return int(digits)


def _decimal(written: str) -> int | Fraction:
    if written.startswith("0,") and "." not in written and written.count(",") == 1:
        written = written.replace(",", ".", 1)
    written = written.replace(",", "").replace(" ", "")
    whole, _, part = written.lstrip("-").partition(".")
    value: int | Fraction = _integer(whole or "0")
    if part.strip("0"):
        value = value + Fraction(_integer(part), 10 ** len(part))
    return -value if written.startswith("-") else value


_INSIDE = re.compile(r":\d|\s?[\\^_]|[abeijknpqrtuvwxyz](?![A-Za-z])")


def numbers_in(text: str) -> list[tuple[str, int, int]]:
    """Return the spellings and spans of the numbers in a line of prose (through `plain_math` already).

    Left out are digits inside words and names (`x2`, `3x`, `4\\sqrt2`, `H2O`) and clock times (`2:00`).
    """
    spans: list[tuple[str, int, int]] = []
    for found in NUMBER.finditer(text):
        start, end = found.span()
        if start and ((text[start - 1].isascii() and text[start - 1].isalnum()) or text[start - 1] in "_^\\:.{"):
            continue
        if _INSIDE.match(text, end):
            continue
        if found.group("sign") and start and not text[start - 1].isspace() and text[start - 1] not in "(=$:*":
            start = found.end("sign")
        spans.append((text[start:end].strip(), start, end))
    return spans
