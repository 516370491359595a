"""Units that steps convert without saying so: money, time, length, mass, volume, counts. Exact factors."""

from __future__ import annotations

from fractions import Fraction

_DIMENSIONS: dict[str, dict[str, str]] = {
    "money": {
        "cent cents penny pennies ¢": "1", "nickel nickels": "5", "dime dimes": "10", "quarter quarters": "25",
        "dollar dollars buck bucks usd": "100",
    },
    "time": {
        "second seconds sec secs s": "1", "minute minutes min mins": "60", "hour hours hr hrs h": "3600",
        "day days": "86400", "week weeks": "604800", "year years": "31536000",
    },
    "days": {"day days": "1", "week weeks": "7", "month months": "30", "year years": "365"},
    "weeks": {"week weeks": "1", "month months": "4", "year years": "52"},
    "months": {"month months": "1", "year years": "12", "decade decades": "120", "century centuries": "1200"},
    "length": {
        "mm millimeter millimeters millimetre millimetres": "1",
        "cm centimeter centimeters centimetre centimetres": "10",
        "m meter meters metre metres": "1000", "km kilometer kilometers kilometre kilometres": "1000000",
        "inch inches": "25.4", "foot feet ft": "304.8", "yard yards yd": "914.4", "mile miles mi": "1609344",
    },
    "mass": {
        "mg milligram milligrams": "1", "g gram grams": "1000", "kg kilogram kilograms": "1000000",
        "ton tons tonne tonnes": "1000000000",
    },
    "weight": {"ounce ounces oz": "1", "pound pounds lb lbs": "16", "ton tons": "32000"},
    "volume": {"ml milliliter milliliters millilitre millilitres": "1", "l L liter liters litre litres": "1000"},
    "kitchen": {
        "teaspoon teaspoons tsp": "1", "tablespoon tablespoons tbsp": "3", "ounce ounces oz": "6", "cup cups": "48",
        "pint pints": "96", "quart quarts": "192", "gallon gallons": "768",
    },
    "count": {
        "hundred hundreds": "100", "thousand thousands": "1000", "million millions": "1000000",
        "billion billions": "1000000000", "dozen dozens": "12", "pair pairs": "2",
    },
    "angle": {"degree degrees °": "1"},
}  # fmt: skip


def _by_name() -> dict[str, dict[str, Fraction]]:
    units: dict[str, dict[str, Fraction]] = {}
    for dimension, rows in _DIMENSIONS.items():
        for names, factor in rows.items():
            for name in names.split():
                units.setdefault(name, {})[dimension] = Fraction(factor)
    return units


UNITS = _by_name()
"""Name of a unit -> dimension -> how many of the dimension's smallest unit it holds.

A month is 4 weeks or 30 days and a year 52 weeks or 365 days, as word problems have it.
"""
