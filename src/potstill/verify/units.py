"""Words after a number read as a unit of measurement: dimension and exact factor, from the registry of pint.

Only names of the table below ever reach pint, one at a time; what a model wrote is looked up here first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, lru_cache
from typing import Any

from potstill.errors import MissingExtraError
from potstill.verify.unit_names import CURRENCIES, WORDS

MAX_CHARACTERS = 80
MAX_POWER = 9


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit by its dimension, `(("[length]", 1), ("[time]", -1))`, its size in base units, and its zero in them."""

    dimension: tuple[tuple[str, Fraction], ...]
    factor: Fraction
    zero: Fraction = Fraction(0)


_SYMBOLS = {
    "m": "meter", "g": "gram", "s": "second", "L": "liter", "l": "liter", "A": "ampere", "V": "volt", "W": "watt",
    "J": "joule", "N": "newton", "Pa": "pascal", "Hz": "hertz", "F": "farad", "H": "henry", "T": "tesla", "K": "kelvin",
    "eV": "electron_volt", "mol": "mole", "cal": "calorie", "B": "byte", "Ω": "ohm", "Wh": "watt_hour", "bar": "bar",
    "C": "coulomb", "lx": "lux", "lm": "lumen", "cd": "candela",
    "M": "molar",
}  # fmt: skip
"""Symbols that take a prefix."""
_PREFIXES = {
    "Y": 24, "Z": 21, "E": 18, "P": 15, "T": 12, "G": 9, "M": 6, "k": 3, "h": 2, "da": 1, "d": -1, "c": -2, "m": -3,
    "µ": -6, "μ": -6, "u": -6, "n": -9, "p": -12, "f": -15, "a": -18,
}  # fmt: skip
_LONG_PREFIXES = {
    "exa": 18, "peta": 15, "tera": 12, "giga": 9, "mega": 6, "kilo": 3, "hecto": 2, "deca": 1, "deci": -1, "centi": -2,
    "milli": -3, "micro": -6, "nano": -9, "pico": -12, "femto": -15,
}  # fmt: skip
_PREFIXED = frozenset((
    "meter", "metre", "gram", "second", "liter", "litre", "ampere", "amp", "volt", "watt", "joule", "newton", "pascal",
    "hertz", "farad", "henry", "tesla", "kelvin", "electronvolt", "mole", "calorie", "byte", "bit", "ohm", "coulomb",
    "watthour", "bar",
))  # fmt: skip
"""Words that take a long prefix."""
_WORDS = {
    "metre": "meter", "litre": "liter", "amp": "ampere", "electronvolt": "electron_volt", "watthour": "watt_hour",
    "inch": "inch", "inches": "inch", "in": "inch", "foot": "foot", "feet": "foot", "ft": "foot", "yard": "yard",
    "yd": "yard", "mile": "mile", "mi": "mile", "furlong": "furlong", "fathom": "fathom", "angstrom": "angstrom",
    "å": "angstrom", "parsec": "parsec", "lightyear": "light_year", "ly": "light_year", "acre": "acre",
    "hectare": "hectare", "ha": "hectare", "gallon": "gallon", "gal": "gallon", "quart": "quart", "qt": "quart",
    "pint": "pint", "pt": "pint", "cup": "cup", "tablespoon": "tablespoon", "tbsp": "tablespoon",
    "teaspoon": "teaspoon", "tsp": "teaspoon", "cc": "milliliter", "ounce": "ounce", "oz": "ounce", "pound": "pound",
    "lb": "pound", "lbs": "pound", "ton": "short_ton", "tonne": "metric_ton", "t": "metric_ton", "carat": "carat",
    "grain": "grain", "sec": "second", "minute": "minute", "min": "minute", "hour": "hour", "hr": "hour", "h": "hour",
    "day": "day", "d": "day", "week": "week", "wk": "week", "fortnight": "fortnight", "year": "year", "yr": "year",
    "decade": "decade", "century": "century", "centuries": "century", "month": "month", "knot": "knot",
    "degree": "degree", "deg": "degree", "radian": "radian", "rad": "radian", "revolution": "turn", "rev": "turn",
    "rpm": "revolutions_per_minute", "celsius": "degree_Celsius", "°c": "degree_Celsius",
    "centigrade": "degree_Celsius", "fahrenheit": "degree_Fahrenheit", "°f": "degree_Fahrenheit",
    "atm": "atmosphere", "atmosphere": "atmosphere", "torr": "torr", "mmhg": "millimeter_Hg", "psi": "psi",
    "horsepower": "horsepower", "hp": "horsepower", "btu": "Btu", "erg": "erg", "dyne": "dyne", "gauss": "gauss",
    "kcal": "kilocalorie", "molar": "molar", "lux": "lux", "lumen": "lumen", "candela": "candela", "dollar": "dollar",
    "$": "dollar", "us$": "dollar", "usd": "dollar", "buck": "dollar", "cent": "cent", "¢": "cent", "penny": "cent",
    "pennies": "cent", "dime": "dime", "nickel": "nickel", "euro": "euro", "€": "euro", "eur": "euro",
    "£": "pound_sterling", "gbp": "pound_sterling", "pence": "penny_sterling", "yen": "yen", "¥": "yen", "jpy": "yen",
    "rupee": "rupee", "₹": "rupee", "inr": "rupee", "rs": "rupee", **WORDS,
}  # fmt: skip
"""Lower-case words (singular) and symbols without a prefix, by their name in the registry."""
_TORQUES = {"Nm": "N*m", "Ns": "N*s", "Js": "J*s", "Ah": "A*h", "mAh": "mA*h"}
"""Products written without a sign, told from prefixed units by their case."""
_JOINED = {"mph": "mi/h", "kph": "km/h", "kmh": "km/h", "kmph": "km/h", "fps": "ft/s", "mps": "m/s"}
_DEFINITIONS = (
    "dollar = [dollar]", "cent = dollar / 100", "dime = dollar / 10", "nickel = dollar / 20", "euro = [euro]",
    "pound_sterling = [pound_sterling]", "penny_sterling = pound_sterling / 100", "yen = [yen]", "rupee = [rupee]",
    *(f"{name} = [{name}]" for name in CURRENCIES),
)  # fmt: skip
_ENDS = frozenset((
    "of", "in", "on", "at", "to", "for", "from", "by", "with", "after", "before", "since", "because", "as", "so",
    "when", "which", "long", "wide", "tall", "high", "deep", "thick", "old", "away", "apart", "ago", "later", "early",
    "late", "left", "remaining", "total", "altogether", "each", "respectively", "only", "more", "less", "extra",
    "additional", "longer", "taller", "older", "younger", "worth",
))  # fmt: skip
"""Words that end a unit: what follows says of what, or compares."""
_PIECE = re.compile(
    r"(?P<name>(?:[^\W\d_][\u064b-\u0652\u0900-\u0903\u093a-\u094f]*)+|[$€£¥₹¢₽₩₪₺₴฿₫°](?:[CF]\b)?)|(?P<power>\^\s?[{(]?\s?-?\d\s?[})]?|[23](?!\d))|(?P<sign>[/*.·()-])"
)


@cache
def _registry() -> Any:  # noqa: ANN401 - pint's registry is generic over what it does not say
    try:
        import pint
    except ImportError as error:
        raise MissingExtraError("comparing units", "pint", "verify") from error
    registry: Any = pint.UnitRegistry(non_int_type=Fraction, cache_folder=None)
    for definition in _DEFINITIONS:
        registry.define(definition)
    return registry


@cache
def _named(name: str) -> Unit:
    """Return the registry's unit of this name, which is one of the tables above."""
    registry = _registry()
    unit = registry.Quantity(Fraction(1), name)
    zero = registry.Quantity(Fraction(0), name).to_base_units().magnitude
    size = unit.to_base_units().magnitude - zero
    dimension = tuple(sorted((str(base), Fraction(power)) for base, power in unit.dimensionality.items()))
    if name in ("degree", "radian", "turn", "revolutions_per_minute"):
        dimension = (("[angle]", Fraction(1)), *dimension)  # so that an angle is no plain number
    return Unit(dimension, Fraction(size), Fraction(zero))


def names_unit(word: str) -> bool:
    """Whether one word names a unit; asks the tables alone."""
    if word in _SYMBOLS or word in _TORQUES or word.lower() in _JOINED:
        return True
    if any(word[:size] in _PREFIXES and word[size:] in _SYMBOLS for size in (1, 2)):
        return True
    lower = word.lower()
    return any(name in _WORDS or name in _PREFIXED for name in (lower, lower.removesuffix("s")))


def _word(word: str) -> Unit | None:
    """Return the unit that one word names, singular or plural, with or without a prefix."""
    if word in _SYMBOLS:
        return _named(_SYMBOLS[word])
    for length in (2, 1):
        prefix, symbol = word[:length], word[length:]
        if prefix in _PREFIXES and symbol in _SYMBOLS and word.lower() not in _WORDS:
            return _scaled(_named(_SYMBOLS[symbol]), _PREFIXES[prefix])
    lower = word.lower()
    for name in (lower, lower.removesuffix("s")):
        if name in _WORDS:
            return _named(_WORDS[name])
        if name in _PREFIXED:
            return _named(name)
        prefix = next((long for long in _LONG_PREFIXES if name.startswith(long) and name[len(long) :] in _PREFIXED), "")
        if prefix:
            base = name[len(prefix) :]
            return _scaled(_named(_WORDS.get(base, base)), _LONG_PREFIXES[prefix])
    return None


def _scaled(unit: Unit, power: int) -> Unit:
    return Unit(unit.dimension, unit.factor * Fraction(10) ** power)


_TANWIN = re.compile(r"[\u064b-\u0652]")
"""Signs for vowels, which Arabic may write or not: `دولارًا`."""
_RUN_TOGETHER = re.compile(r"(?<![A-Za-z])(k?m)([sh])\s?\^\s?[{(]?\s?-\s?([1-9])\s?[})]?")
"""`ms^{-1}` is metres per second, not one in a millisecond."""
_SQUARES = {"square": 2, "sq": 2, "cubic": 3, "cu": 3}
_AFTER = {"squared": 2, "cubed": 3}


@lru_cache(maxsize=16_384)
def unit_of(words: str) -> Unit | None:
    """Return the unit that the words after a number name, or None where they name none (`apples`).

    What follows the unit is left out: `cm of rain`, `feet tall`, `dollars each`.
    """
    if len(words) > MAX_CHARACTERS:
        return None
    words = _TANWIN.sub("", words) if not words.isascii() else words
    words = words.replace("light year", "lightyear").replace("light-year", "lightyear").replace("watt hour", "watthour")
    words = _RUN_TOGETHER.sub(r"\1/\2^\3", words)
    parts: list[tuple[Unit, int]] = []
    sign, owed = 1, 1
    for kind, piece in ((found.lastgroup, found.group()) for found in _PIECE.finditer(words)):
        lower = piece.lower().removesuffix(".")
        if kind == "power":
            power = int(re.sub(r"[^\d-]", "", piece))
            if not parts or abs(power) > MAX_POWER:
                return None
            parts[-1] = (parts[-1][0], parts[-1][1] * power)
        elif piece == "/" or lower == "per" or (lower in ("a", "an") and parts):
            sign = -1
        elif kind == "sign":
            continue
        elif lower in _SQUARES:
            owed = _SQUARES[lower]
        elif lower in _AFTER and parts:
            parts[-1] = (parts[-1][0], parts[-1][1] * _AFTER[lower])
        elif lower in _ENDS and parts and sign == 1 and not (lower == "in" and words.strip() == "in"):
            break
        else:
            added = _added(piece, parts)
            if added is None:
                return None
            parts.extend((unit, sign * owed * power) for unit, power in added)
            sign = sign if piece == "(" else 1
            owed = 1
    return _product(parts) if parts and sign == 1 else None


def _added(word: str, parts: list[tuple[Unit, int]]) -> list[tuple[Unit, int]] | None:
    if word in ("C", "F") and len(parts) == 1 and parts[0][0] == _named("degree"):
        parts.clear()
        return [(_named("degree_Celsius" if word == "C" else "degree_Fahrenheit"), 1)]
    if word.lower() in ("celsius", "fahrenheit", "centigrade"):
        parts.clear()
    if word in _TORQUES or word.lower() in _JOINED:
        joined = unit_of(_TORQUES.get(word) or _JOINED[word.lower()])
        return None if joined is None else [(joined, 1)]
    unit = _word(word)
    return None if unit is None else [(unit, 1)]


def _product(parts: list[tuple[Unit, int]]) -> Unit:
    if len(parts) == 1 and parts[0][1] == 1:
        return parts[0][0]
    powers: dict[str, Fraction] = {}
    factor = Fraction(1)
    for unit, power in parts:
        factor *= unit.factor**power
        for base, exponent in unit.dimension:
            powers[base] = powers.get(base, Fraction(0)) + exponent * power
    return Unit(tuple(sorted((base, power) for base, power in powers.items() if power)), factor)
