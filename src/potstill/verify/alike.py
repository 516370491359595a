"""An answer rewritten in the notation of the gold: unit vectors, families over the integers, degrees, substances."""

from __future__ import annotations

import re

from potstill.verify.judged import SHOWN
from potstill.verify.normalise import plain_unicode
from potstill.verify.numbers import Number
from potstill.verify.quantities import Compound


def equated(text: str) -> str:
    """Return `f \\equiv 0` as an equation; where a modulus is named it is a congruence and stays."""
    return text if "mod" in text else text.replace("\\equiv", "=").replace("≡", "=")


_DIRECTION = r"\\(?:mathbf|vec|hat|bm|boldsymbol)"
_ALONG = re.compile(
    rf"\s*([+-]?)\s*((?:(?!{_DIRECTION})[^+\-()]){{0,40}}|\([^()]{{1,40}}\))\s*{_DIRECTION}"
    r"\s?\{?(?:\\hat)?\s?\{?\\?([ijk])(?:math)?\}{1,2}"
)


def components(text: str, other: str) -> str:
    """Return `2\\mathbf{i} - \\mathbf{k}` as `(2,0,-1)` where the other side is not in unit vectors; else the text."""
    found = list(_ALONG.finditer(text)) if len(text) <= 400 and "," not in text and "," in other else []
    if not found or "".join(part.group() for part in found) != text.rstrip(" ."):
        return text
    parts = {part[3]: f"{part[1].strip('+')}{part[2].strip() or '1'}" for part in found}
    if len(parts) < len(found):
        return text
    names = "ijk" if "k" in parts or other.count(",") == 2 else "ij"
    return f"({','.join(parts.get(name, '0') for name in names)})"


_SUBSTANCE = re.compile(r"(?:\(?[A-Z][a-z]?\)?\d{0,3}){1,12}(?P<charge>\^?\d?[+-])?")
UPRIGHT = re.compile(r"\\(?:text|mathrm|ce|rm)(?![A-Za-z])")
_SUBSTANCE_DRESS = re.compile(r"\\(?:text|mathrm|ce|rm)(?![A-Za-z])|\\,|[{}_\s$]")


def substance_of(text: str) -> str:
    """Return `CO2` for the chemical formula `\\text{CO}_2`, an empty text for what is none."""
    plain = _SUBSTANCE_DRESS.sub("", plain_unicode(text)) if len(text) <= SHOWN and any(map(str.isupper, text)) else ""
    return plain.replace("^", "") if len(plain) > 1 and _SUBSTANCE.fullmatch(plain) else ""


_ARROW = re.compile(r"\\(?:long)?(?:right|leftright)arrow(?![A-Za-z])|\\to(?![A-Za-z])|\\rightleftharpoons|[→⟶⇌]|->")
_TERM = re.compile(r"(\d{0,3})((?:\(?[A-Z][a-z]?\d{0,3}\)?\d{0,2}){1,12}(?:\^?\d?[+-])?)")


def reaction_of(text: str) -> tuple[frozenset[tuple[str, str]], ...] | None:
    """Return both sides of a chemical reaction, each as its substances with their counts; None for what is none."""
    sides = _ARROW.split(text) if len(text) <= SHOWN else []
    if len(sides) != 2:
        return None
    read = []
    for side in sides:
        terms = [_TERM.fullmatch(_SUBSTANCE_DRESS.sub("", plain_unicode(term))) for term in side.split("+ ")]
        if not all(terms):
            return None
        read.append(frozenset((term[2].rstrip("+"), term[1] or "1") for term in terms if term is not None))
    return tuple(read)


FAMILY = re.compile(r".[+-]|\\pm|±|\\mathbb|∈|\\in(?![A-Za-z])")
_PERIODS = re.compile(r"(?<![A-Za-z\\_])[kmn](?![A-Za-z_({])")


def with_the_golds_period(text: str, gold: str) -> str | None:
    """Return an answer with the gold's letter for any integer in place of its own; None where they have not one each.

    Solutions of trigonometric equations are families, `pi/4 + k pi`, whose letter stands for nothing else.
    """
    if not ("pi" in gold or "π" in gold):
        return None
    own, wanted = set(_PERIODS.findall(text)), set(_PERIODS.findall(gold))
    if len(own) != 1 or len(wanted) != 1 or own == wanted:
        return None
    return _PERIODS.sub(wanted.pop(), text)


def angle_in_radians(text: str, value: Number | Compound) -> str | None:
    """Return a gold in degrees as its multiple of pi, for an answer with pi in it."""
    if not isinstance(value, Number) or value.unit not in ("degree", "deg") or not ("pi" in text or "π" in text):
        return None
    radians = f"({value.value})"
    return f"{radians}\\pi/180"


_CASES = re.compile(r"\\begin\{cases\}(?P<rows>.{1,2000}?)\\end\{cases\}[\s.$]{0,4}\Z", re.DOTALL)
_ROW_END = re.compile(r"\\\\(?:\[[^\]]{0,20}\])?")
_PLACE = re.compile(r"[\s,;]{0,4}(?:&|,?\s?\\(?:text|mathrm)\s?\{\s?(?=(?:if|for|when|where|otherwise)))")
_PLACE_WORDS = re.compile(
    r"\\(?:text|mathrm)\s?\{\s?(?:,?\s?(?:if|for|when|where)\s?)?([^{}]{0,80})\}|\b(?:if|for|when)\b"
)


def cases_of(text: str) -> list[tuple[str, str]]:
    """Return the pieces of a function, each its value and where it holds; empty for what is no function in pieces."""
    found = _CASES.search(text) if "{cases}" in text else None
    if found is None or "&=" in found["rows"].replace(" ", ""):
        return []
    pieces = []
    for row in _ROW_END.split(found["rows"]):
        place = _PLACE.search(row)
        if row.strip() and place is None:
            return []
        if place is not None:
            where = row[place.end() :] if "&" in place.group() else row[place.start() :]
            where = _PLACE_WORDS.sub(lambda said: f" {said[1] or ''} ", where).strip(" ,;.&}{\\")
            pieces.append((row[: place.start()].strip(" ,;"), "otherwise" if "otherwise" in where else where))
    return pieces


_CONGRUENCE = re.compile(
    r"[\s$]{0,4}(?:\\?[A-Za-z]\s?(?:\\equiv|≡|=))?\s?(-?\d{1,9})[\s\\,;~]{0,6}[({]?\s?"
    r"(?:\\(?:mathrm|text|operatorname)\s?\{\s?mod\s?\}|\\[bp]?mod|mod)[\s\\{~]{0,6}(\d{1,9})\s?[})]{0,2}[\s.$]{0,4}"
)
_PARAMETRISED = re.compile(r"[\s$]{0,4}[A-Za-z]\s?=\s?(\d{1,9})\s?[kmntj]\s?([+-]\s?\d{1,9})?[\s.$]{0,4}")


def congruence_of(text: str) -> tuple[int, int] | None:
    """Return residue and modulus of `x \\equiv 3 \\pmod 7`, of `3 (mod 7)` and of `x = 7k + 3`; None for all else."""
    found = _CONGRUENCE.fullmatch(text) if "mod" in text else None
    if found is not None:
        residue, modulus = int(found[1]), int(found[2])
    elif (found := _PARAMETRISED.fullmatch(text)) is not None:
        residue, modulus = int((found[2] or "0").replace(" ", "")), int(found[1])
    else:
        return None
    return (residue % modulus, modulus) if modulus > 1 else None


_SIDES = re.compile(r"(?<![<>!:\\=])=(?!=)")


def chain_of(text: str) -> list[str]:
    """Return the sides of `a = b = c`; empty for one equation, lists, and calculations that come to a number."""
    if text.count("=") < 2 or any(sign in text for sign in (",", ";", "\\begin", "\n", "\\text", "<", ">")):
        return []
    sides = [side.strip() for side in _sides(text)]
    if len(sides) < 3 or not all(sides) or not any(map(str.isalpha, _COMMANDS.sub("", sides[-1]))):
        return []
    return sides


def _sides(text: str) -> list[str]:
    """Split at the equals signs outside all brackets."""
    sides, depth, begin = [], 0, 0
    for at, sign in enumerate(text[:MAX_CHAIN]):
        depth += (sign in "{([") - (sign in "})]")
        if sign == "=" and depth == 0 and _SIDES.match(text, at):
            sides.append(text[begin:at])
            begin = at + 1
    return [*sides, text[begin:]]


MAX_CHAIN = 2_000
_COMMANDS = re.compile(r"\\(?:[dt]?frac|sqrt|pi|left|right|cdot|times)")
_BOTH_SIGNS = re.compile(r"\\pm(?![A-Za-z])\s?|±\s?")


def with_both_signs(parts: list[str]) -> list[str]:
    """Return the answers with each `\\pm 2` as two of them."""
    both: list[str] = []
    for part in parts:
        signs = _BOTH_SIGNS.findall(part)
        if len(signs) != 1 or "\\mp" in part or "∓" in part:
            both.append(part)
            continue
        before = part[: _BOTH_SIGNS.search(part).start()].rstrip()  # type: ignore[union-attr]  # there is one
        plus = "+" if before and before[-1] not in "=({:" else ""
        both += [_BOTH_SIGNS.sub(plus, part), _BOTH_SIGNS.sub("-", part)]
    return both
