"""An answer rewritten in the notation of the gold: unit vectors, families over the integers, degrees, substances."""

from __future__ import annotations

import re

from potstill.verify.judged import SHOWN
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


_SUBSTANCE = re.compile(r"(?:\(?[A-Z][a-z]?\)?\d{0,3}){1,12}[+-]?")
UPRIGHT = re.compile(r"\\(?:text|mathrm|ce|rm)(?![A-Za-z])")
_SUBSTANCE_DRESS = re.compile(r"\\(?:text|mathrm|ce|rm)(?![A-Za-z])|\\,|[{}_\s$]")


def substance_of(text: str) -> str:
    """Return `CO2` for the chemical formula `\\text{CO}_2`, an empty text for what is none."""
    plain = _SUBSTANCE_DRESS.sub("", text) if len(text) <= SHOWN and any(map(str.isupper, text)) else ""
    return plain if len(plain) > 1 and _SUBSTANCE.fullmatch(plain) else ""


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
