"""Literals: numbers with their bases, mixed numbers, and phrases that stand for a mathematical object."""

from __future__ import annotations

import re
from fractions import Fraction

from potstill.verify.closeness import integer
from potstill.verify.symbolic.tree import Constant, Node, Number, Op, Token, TooCostlyError, UnparsableError, Words
from potstill.verify.words import meaning_of

MAX_EXPONENT = 5_000
"""Of ten, in scientific notation."""
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_MEANT: dict[str, Node] = {
    "none": Constant("empty"), "undefined": Constant("undefined"), "all reals": Constant("R"),
    "infinitely many": Words("infinitely many"),
}  # fmt: skip
_PHRASES: dict[str, Node] = {
    **dict.fromkeys(("nan", "divergent", "diverges", "indeterminate"), Constant("undefined")),
    **dict.fromkeys(("infinity", "positive infinity"), Constant("oo")),
    **dict.fromkeys(("negative infinity", "minus infinity"), Op("neg", (Constant("oo"),))),
}
_WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{3}")
_WRAPPER = re.compile(r"\\(?:text|mbox|mathrm|textbf)\s?\{([^{}]{1,60})\}")


def phrase(text: str) -> Node | None:
    """Return what a known phrase stands for: `no solution`, `all real numbers`, `does not exist`."""
    if len(text) > 80 or not _WORD.search(text):
        return None
    plain = _WRAPPER.sub(r"\1", text).strip(" $.!\n").lower()
    return _PHRASES.get(plain) or _MEANT.get(meaning_of(plain))


def wrapped(text: str) -> str | None:
    """Return what a single `\\text{...}` holds if it has digits, as in `\\text{(1, 2)}`."""
    found = _WRAPPER.fullmatch(text.strip(" $.")) if len(text) < 80 else None
    return found.group(1) if found is not None and any(c.isdigit() for c in found.group(1)) else None


def literal(text: str) -> Number:
    """Return the number that a literal token spells."""
    if "_" in text:
        return _based(text)
    if "\\" in text:
        return _repeating(text)
    mantissa, _, power = text.lower().partition("e")
    whole, point, part = mantissa.partition(".")
    if not point and not power:
        return Number(integer(whole), text)
    value = Fraction(integer(whole + part), 10 ** len(part))
    if power:
        if len(power) > 5 or abs(int(power)) > MAX_EXPONENT:
            raise TooCostlyError(f"a power of ten beyond {MAX_EXPONENT:,}")
        value *= Fraction(10) ** int(power)
    return Number(value.numerator if value.denominator == 1 else value, text, decimal=True)


def _based(text: str) -> Number:
    digits, _, base = text.partition("_")
    base = base.strip("{}")
    if not base.isdigit() or len(base) > 2 or not 2 <= int(base) <= 36 or not digits.isalnum():
        raise TooCostlyError("a number in an unknown base")
    value, radix = 0, int(base)
    if len(digits) > 1_000:
        raise TooCostlyError("a long number in another base")
    for digit in digits:
        place = _DIGITS.find(digit)
        if not 0 <= place < radix:
            raise UnparsableError(f"{digit} is no digit in base {radix}")
        value = value * radix + place
    return Number(value, f"{digits}_{base}")


def _repeating(text: str) -> Number:
    fixed, _, period = text.partition("\\overline")
    period = period.strip(" {}")
    whole, _, part = fixed.partition(".")
    value = Fraction(integer((whole + part) or "0"), 10 ** len(part))
    value += Fraction(integer(period), (10 ** len(period) - 1) * 10 ** len(part))
    return Number(value.numerator if value.denominator == 1 else value, f"{fixed}({period})")


def mixed(left: Number, tokens: list[Token], at: int) -> tuple[Node, int] | None:
    """Return a mixed number or digits grouped by spaces that begin with `left`, and where they end; None if neither.

    `2 3/4` and `2\\frac{3}{4}` are sums where the fraction is of plain integers; `1 234 567` is one number.
    """
    if left.decimal or not isinstance(left.value, int) or "_" in left.written:
        return None
    found = _fraction(tokens, at)
    if found is not None:
        above, below, end = found
        proper = 0 < int(above) < int(below)
        if proper or tokens[at].kind == "number":
            value = Fraction(int(above), int(below)) if int(below) else None
            if value is None:
                raise UnparsableError("a zero denominator")
            return Op("add", (left, Op("div", (literal(above), literal(below)))), "mixed"), end
        return None
    groups = [left.written]
    while tokens[at].kind == "number" and tokens[at].spaced and len(tokens[at].text) == 3 and tokens[at].text.isdigit():
        groups.append(tokens[at].text)
        at += 1
    if len(groups) > 1 and len(left.written) <= 3 and left.written[0] != "0" and tokens[at].kind != "number":
        return literal("".join(groups)), at
    return None


def _fraction(tokens: list[Token], at: int) -> tuple[str, str, int] | None:
    """Return numerator, denominator and end of a fraction of two plain integers at a position."""
    if tokens[at].kind == "number":
        texts = [token.text for token in tokens[at : at + 3]]
        if len(texts) == 3 and texts[1] == "/" and _small(texts[0]) and _small(texts[2]) and tokens[at].spaced:
            return texts[0], texts[2], at + 3
        return None
    if tokens[at].text != "frac":
        return None
    at += 1
    text = tokens[at].text
    if tokens[at].kind == "number" and _small(text) and len(text) > 1:
        return text[0], text[1:], at + 1
    parts = []
    for _ in range(2):
        braced = tokens[at].text == "{"
        at += braced
        if tokens[at].kind != "number" or not _small(tokens[at].text):
            return None
        parts.append(tokens[at].text)
        at += 1
        if braced:
            if tokens[at].text != "}":
                return None
            at += 1
    return parts[0], parts[1], at


def _small(text: str) -> bool:
    return text.isdigit() and len(text) <= 12
