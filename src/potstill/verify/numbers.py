"""Plain numbers read exactly: integers, decimals, fractions, mixed numbers, percent, money, powers of ten, units.

Nothing is built that its text does not hold: exponents and digits are bounded before any arithmetic.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fractions import Fraction

from potstill.verify.normalise import plain_math, plain_unicode
from potstill.verify.numerals import NUMERALS, number_in_words
from potstill.verify.units import names_unit

MAX_CHARACTERS = 10_000
MAX_DIGITS = 4_000
MAX_EXPONENT = 2_000


class TooLargeError(ValueError):
    """A number that would take unreasonable time or memory to build."""


@dataclass(frozen=True, slots=True)
class Number:
    """An exact value as it was written.

    `unit` holds the words after it (or its currency sign), lower case and singular, `symbol` the same as written;
    `written` is the number alone as written, where its spelling matters: for figures and lowest terms.
    """

    value: int | Fraction
    percent: bool = False
    unit: str = ""
    decimal: bool = False
    symbol: str = ""
    written: str = ""


_DIGITS = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|0,\d+|\d+)"
_PLAIN = rf"(?:{_DIGITS}(?:\.\d*)?|\.\d+)"
_POWER = r"(?:[eE][+-]?\d+|\s?[*x]\s?10\s?\^\s?(?:\{\s?[+-]?\d+\s?\}|\(\s?[+-]?\d+\s?\)|[+-]?\d+))"
_CURRENCY = r"(?:US\s?\$|\$|[€£¥₹₽₩₪₺₴]|(?:USD|EUR|GBP|INR|CHF|JPY|CNY|RUB|PLN|Rs\.?)(?= ?\d))"
NUMBER = re.compile(
    rf"(?P<sign>[+-]\s?)?(?:(?P<money>{_CURRENCY}\s?)(?P<sign2>-)?)?"
    rf"(?:(?P<whole>\d+)\s+(?:and\s+)?(?P<above>\d+)\s?/\s?(?P<below>\d+)"
    rf"|(?P<plain>{_PLAIN})(?P<power>{_POWER})?(?:\s?/\s?(?P<under>-?{_PLAIN}))?)"
    r"(?P<percent>\s?(?:%|percent(?:age)?\b|pct\b))?"
)
"""One number in text that went through `plain_math`."""
_SPACED = re.compile(r"([+-]?)(\d{1,3}(?:[ ']\d{3})+)(?![\d/])")
_BARE = re.compile(r"-?\d{1,400}")
_REPEATING = re.compile(r"([+-]?)(\d{0,40})\.(\d{0,40})\s?\\(?:overline|bar|dot)\s?\{?(\d{1,40})\}?")
_PERIOD = re.compile(r"([+-]?)(\d{0,40})\.(\d{0,40})\((\d{1,40})\)")
"""0.(3) and 0.1(6)"""
_ENDLESS = re.compile(r"([+-]?)(\d{0,40})\.(\d{0,20}?)(\d{1,12}?)\4+\s?(?:\.\.\.|\\l?dots|\\cdots)")
"""0.333..., 0.1666... and 0.121212...: a block that is there twice at least."""
_EUROPEAN = re.compile(r"([+-]?)(\d{1,3}(?:\.\d{3})+,\d{1,9}|\d{1,3}(?:\.\d{3}){2,9})")
_UNIT_POWER = re.compile(r"\^\s?(?:\{\s?-?\d\s?\}|\(\s?-?\d\s?\)|-?\d)|(?<=m)[23](?![\d.])")
_UNIT = re.compile(r"\s?(?P<unit>[^\W\d_][^\d\\=<>+|{}\[\]]*)\s?[.!]?|\s?\([^\d()]*\)\s?")
_EQUALS = re.compile(r"\s(?:equals|is equal to)\s")
_LABEL = re.compile(
    r"[^\d=+*/^<>!≠~\[\]{}\\-]{0,60}|\\?[A-Za-z]{1,12}(?:_\{?\w{1,12}\}?)?|\|[A-Z]{1,4}\||[^=!≠~<>≤≥A-Za-z\\]{0,400}"
)
_NO_UNIT = re.compile(
    r"(?![mgshlLVAWJKCNFTMBΩ](?![A-Za-z]))[A-Za-z\u0370-\u03ff](?![^\W\d_])|(?:a?(?:sin|cos|tan|cot|sec|csc)|log|ln|exp|sqrt|pi|mod)\b|π"
)
"""A variable or a function after a number: `4x`, `4x^2`, `2 cos t`; not one of the units written as one letter."""
_PARTS = ("fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth")
_SCALES: dict[str, int | Fraction] = {
    **{f"{part}s": Fraction(1, number) for number, part in enumerate(_PARTS, 4)},
    "hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12, "dozen": 12,
    "bn": 10**9, "lakh": 10**5, "lakhs": 10**5, "crore": 10**7, "crores": 10**7, "halves": Fraction(1, 2),
    "hundredths": Fraction(1, 100), "thousandths": Fraction(1, 1000), "millionths": Fraction(1, 10**6),
    "ten-thousandths": Fraction(1, 10**4), "hundred-thousandths": Fraction(1, 10**5),
}  # fmt: skip
_MONEY_SCALES = {"k": 10**3, "m": 10**6, "mn": 10**6, "mm": 10**6, "b": 10**9, "bn": 10**9, "tn": 10**12}
_JOINING = frozenset(("and", "or", "to", "plus", "minus", "times", "over", "mod", "nor", "through"))
_WORD = re.compile(r"[^\W\d_]+(?:['’][a-z]+|-dozens?)?")
_CLAIMS = frozenset((
    "is", "are", "was", "were", "be", "not", "isn't", "aren't", "wasn't", "no", "nor", "never", "wrong", "incorrect",
    "false", "mistaken", "than", "choose", "factorial", "squared", "cubed", "if", "unless", "least", "most", "between",
    "divided", "multiplied", "half", "thirds", "approximately", "gross", "basis",
    "half-dozen", "half-dozens",
))  # fmt: skip
"""Words after a number (or before its equals sign) that make a statement of it, or another number."""


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
    if "..." in text or "dots" in text:
        endless = _ENDLESS.fullmatch(text.strip(" $"))
        if endless is not None:
            return _repeating(*endless.groups())
    text = _without_math_signs(text.strip().rstrip(".\\")).rstrip(".").lstrip("≈≃≅~").strip()
    if "equal" in text:
        text = _EQUALS.sub(" = ", text)
    if "=" in text or "≈" in text or "\\approx" in text:
        left, _, text = text.replace("\\approx", "=").replace("≈", "=").rpartition("=")
        text = text.strip()
        left = left.strip().rpartition("=")[2].strip()
        if not _LABEL.fullmatch(left) or _claims(left, _CLAIMS):
            return None
    while text[:1] == "(" and text[-1:] == ")" and "," not in text and "(" not in text[1:]:
        text = text[1:-1].strip()
    spaced = _SPACED.match(text)
    if spaced is not None:
        text = spaced.group().replace(" ", "").replace("'", "") + text[spaced.end() :]
    powered = _POWERED.match(text)
    if powered is not None:
        text = f"{_power(*powered.groups())}{text[powered.end() :]}"
    found = NUMBER.match(text)
    if found is None:
        return _unusual(text)
    rest = text[found.end() :].strip()
    if rest[:1] == "$":
        rest = rest[1:].strip() or "$"
    if len(rest) < 2 and rest in "$€£¥₹¢₽₩₪₺₴":
        return number_of(found, rest)
    return _with_unit(found, rest) or _unusual(text)


_POWERED = re.compile(
    r"(-?)(\d{1,6})\s?\^\s?(?:\{\s?(-?\d{1,3})\s?\}|\(\s?(-?\d{1,3})\s?\)|(-?\d{1,3}))(?=\s{1,2}[A-Za-zµ°Ω])"
)
"""A power with a unit or a noun after it: `10^{-9} m`, `2^5 ways`."""
MAX_POWER = 64


def _power(sign: str, base: str, *exponents: str | None) -> str:
    """Return the value of a power as a fraction or an integer; as it was written if it is a large one."""
    exponent = int(next(written for written in exponents if written is not None))
    if abs(exponent) > MAX_POWER or int(base) < 2:
        return f"{sign}{base}^{exponent}"
    value = int(base) ** abs(exponent)
    return f"{sign}{value}" if exponent >= 0 else f"{sign}1/{value}"


def _without_math_signs(text: str) -> str:
    """Take dollar signs that delimit mathematics away; a single one is money."""
    while len(text) > 1 and text[0] == text[-1] == "$":
        text = text[1:-1].strip()
    return text.replace("$", "").strip() if text.count("$") % 2 == 0 else text


def _with_unit(found: re.Match[str], rest: str) -> Number | None:
    unit = _UNIT.fullmatch(_UNIT_POWER.sub("", rest)) if len(rest) <= 80 else None
    if unit is None or _claims(_SQUARED_UNIT.sub("", rest)):
        return None
    words = "" if unit.group("unit") is None else rest.strip(" .!()")
    if words.lower().startswith("quarters") and not _counts_coins(found):
        return None
    first = words.split(" ", 1)[0].lower()
    if rest[0] in "^!":
        return None  # a power or a factorial, which is no unit
    scale = _SCALES.get(first) or (_MONEY_SCALES.get(first) if found.group("money") else None)
    if first in _JOINING or (scale is None and (_NO_UNIT.match(words) or _is_product(words, found))):
        return None
    if scale is None:
        return number_of(found, words)
    number = number_of(found, words[len(first) :].strip())
    return None if number is None else replace(number, value=number.value * scale)


def _counts_coins(found: re.Match[str]) -> bool:
    """Whether quarters are counted as things: `12 quarters`; `3 quarters` may be a share."""
    written = found.group("plain") or ""
    return written.isdigit() and int(written[:9]) > MOST_SHARES


MOST_SHARES = 4
_SQUARED_UNIT = re.compile(r"(?<=[A-Za-z] )(?:squared|cubed)\b")
_FACTORS = re.compile(r"(?:[A-Za-z]\s?(?:\^\s?[{(]?\s?-?\d\s?[})]?\s?)?){2,5}")
_VOWEL = re.compile(r"[aeiouy]", re.IGNORECASE)


def _is_product(words: str, number: re.Match[str]) -> bool:
    """Whether letters after a number are variables and neither a noun nor a unit: `2mv`, `5 a b`, `1/2 mv^2`."""
    if not _FACTORS.fullmatch(words) or words in ("st", "nd", "rd", "th"):
        return False
    runs = re.findall(r"[A-Za-z]+", words)
    if all(map(names_unit, runs)):
        return False
    glued = number.string[number.end() : number.end() + 1].isalpha()
    alone = [len(run) for run in runs]
    return (
        (glued and max(alone) < 5) or "^" in words or max(alone) == 1 or (max(alone) < 4 and not _VOWEL.search(words))
    )


def _claims(words: str, claims: frozenset[str] = _CLAIMS | NUMERALS) -> bool:
    return not claims.isdisjoint(_WORD.findall(words.lower()))


def _unusual(text: str) -> Number | None:
    """Read a repeating decimal (`0.1\\overline{6}`) or digits that can only be grouped by points (`1.234,56`)."""
    repeating = _REPEATING.fullmatch(text) if "\\" in text else _PERIOD.fullmatch(text)
    if repeating is not None:
        return _repeating(*repeating.groups())
    european = _EUROPEAN.fullmatch(text)
    if european is None:
        return None
    value = Fraction(european.group(2).replace(".", "").replace(",", "."))
    return Number(-value if european.group(1) == "-" else value, decimal="," in text)


def _repeating(sign: str, whole: str, once: str, again: str) -> Number:
    """Return the number of whose decimals `once` stand first and `again` come for ever."""
    value = int(whole or "0") + Fraction(int(once + again) - int(once or "0"), 10 ** len(once) * (10 ** len(again) - 1))
    return Number(-value if sign == "-" else value)


_BASE_MARKS = ("_", "base", "binary", "octal", "decimal", "hex", "0b", "0o", "0x", "0X", "0B")
_BASED_DRESS = re.compile(r"\A(?:\(|\\(?:text|mathrm)\s?\{)\s?(-?[0-9A-Za-z]{1,400})\s?[)}]\s?_")
_UPRIGHT_DIGITS = re.compile(r"\\(?:text|mathrm)\s?\{\s?([0-9A-Za-z]{1,40})\s?\}(?=[^}]*_)")
"""1\\text{A}3_{16}"""
_BASED = re.compile(
    r"(-?)([0-9A-Z]{1,400}|[0-9][0-9a-f]{0,400})\s?"
    r"(?:_\s?(?:\{\s?)?(?:\\text\s?\{?)?\s?(\d{1,2}|[a-z]{3,5})\s?\}{0,2}"
    r"| ?\(?(?:in )?(?:base (\d{1,2}|[a-z]{3,5})|(binary|octal|decimal|hexadecimal|hex))\)?)"
)
_NAMED_BASES = {"binary": 2, "octal": 8, "decimal": 10, "hexadecimal": 16, "hex": 16}
_PYTHON_BASED = re.compile(r"(-?)0([box])([0-9a-f]{1,400})", re.IGNORECASE)


def parse_based(text: str) -> tuple[int, int] | None:
    """Return value and base of a number with its base written; None if the text is none.

    `1A_{16}`, `11 base 2`, `11 in binary`, and `0b11`, `0o17`, `0x1A` as programs write them.
    """
    if len(text) > 500 or not any(mark in text for mark in _BASE_MARKS):
        return None
    plain = plain_unicode(text).strip("$ ").replace("\\,", "").replace("_{(", "_{")
    plain = _BASED_DRESS.sub(r"\1_", _UPRIGHT_DIGITS.sub(r"\1", plain))
    program = _PYTHON_BASED.fullmatch(plain)
    if program is not None:
        minus, letter, digits = program.groups()
        base = {"b": 2, "o": 8, "x": 16}[letter.lower()]
    else:
        found = _BASED.fullmatch(plain)
        if found is None:
            return None
        minus, digits, index, word, name = found.groups()
        written = index or word or ""
        base = int(written) if written.isdigit() else int(number_in_words(written) or _NAMED_BASES.get(name, 0))
    if not 2 <= base <= 36 or any(int(digit, 36) >= base for digit in digits):
        return None
    value = int(digits, base)
    return (-value if minus else value), base


def unit_key(words: str) -> str:
    """Return the words of a unit in lower case, without plural endings."""
    return " ".join(word.rstrip("s.") if len(word) > 2 else word for word in words.lower().split())


def number_of(found: re.Match[str], symbol: str = "") -> Number | None:
    """Build the number that a match of `NUMBER` describes; None for a zero denominator."""
    sign = -1 if (found.group("sign") or "").startswith("-") != bool(found.group("sign2")) else 1
    money = (found.group("money") or "").strip()
    money = "$" if money.startswith("US") else money
    percent = found.group("percent") is not None
    if money:
        symbol = f"{money} {symbol}" if symbol.startswith(("per ", "/")) else money
    unit = ("$" if money else symbol) if symbol == money else unit_key(symbol)
    if found.group("whole"):
        above, below = found.group("above"), found.group("below")
        if not _integer(below):
            return None
        value: int | Fraction = _integer(found.group("whole")) + Fraction(_integer(above), _integer(below))
        return Number(sign * value, percent, unit, symbol=symbol, written=f"{above}/{below}")
    written = found.group("plain")
    value, power, under = _decimal(written), found.group("power"), found.group("under")
    if power:
        exponent = power.lower().replace(" ", "").rpartition("e" if power[0] in "eE" else "^")[2].strip("{}()")
        if len(exponent) > 6 or abs(int(exponent)) > MAX_EXPONENT:
            raise TooLargeError
        value = value * Fraction(10) ** int(exponent)
    decimal = "." in written or (written.startswith("0,") and written.count(",") == 1) or bool(power)
    if under:
        divisor = _decimal(under)
        if not divisor:
            return None
        value, written = Fraction(value) / divisor, f"{written}/{under}"
    return Number(sign * value, percent, unit, decimal, symbol, written)


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


_INSIDE = re.compile(r":\d|\s?(?:\\(?!approx|simeq)|[\^_])|[abeijknpqrtuvwxyz](?![A-Za-z])")


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
