"""The quantity of a response that is of the gold's dimension, where the last one that it names is of another. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from potstill.verify.amounts import UNIT_AFTER
from potstill.verify.asked import quantity_said
from potstill.verify.closing import conclusion
from potstill.verify.formulas import undollared
from potstill.verify.kinds import Gold
from potstill.verify.markup import read_lines
from potstill.verify.normalise import plain_math
from potstill.verify.numbers import MAX_CHARACTERS, Number, TooLargeError, numbers_in
from potstill.verify.quantities import Compound, parse_quantity
from potstill.verify.readings import Extraction
from potstill.verify.shown import is_remark, sentences_of
from potstill.verify.units import Unit, unit_of

MAX_READ = 20_000
"""Characters from the end of a response that are searched."""


def of_golds_dimension(response: str, found: Extraction, wanted: Gold) -> str:
    """Return the last quantity of a response that is of the gold's dimension, where what was found is not."""
    unit = unit_of(wanted.value.symbol) if isinstance(wanted.value, Number) and wanted.value.symbol else None
    if unit is None:
        return ""
    if _is_compound(found.value or ""):
        return ""
    stated = quantity_said(response, found.value or "")
    own = unit_of(stated.symbol) if stated is not None else None
    lines = conclusion(read_lines(response[-MAX_READ:]))
    parts = [part.text for line in lines if line.text.strip() for part in sentences_of(line)]
    if not parts or (own is not None and own.dimension == unit.dimension and not is_remark(parts[-1])):
        return ""
    return _last_like((part for part in parts if not is_remark(part)), unit)


def _is_compound(said: str) -> bool:
    try:
        return isinstance(parse_quantity(said), Compound)
    except TooLargeError:
        return False


def _last_like(sentences: Iterable[str], wanted: Unit) -> str:
    """Return the last quantity of a unit's dimension that some sentences name, or nothing."""
    for sentence in reversed(list(sentences)):
        plain = plain_math(undollared(sentence)[-MAX_CHARACTERS:])
        for written, _, end in reversed(numbers_in(plain)):
            for behind in _UNITS_AFTER.finditer(plain, end, end + 40):
                unit = unit_of(behind[1]) if behind.start() == end else None
                if unit is not None and unit.dimension == wanted.dimension:
                    return f"{written} {behind[1]}"
            after = UNIT_AFTER.match(plain, end)
            known = unit_of(after[0].strip()) if after is not None else None
            if after is not None and known is not None and known.dimension == wanted.dimension:
                return f"{written} {after[0].strip()}"
    return ""


_UNITS_AFTER = re.compile(r"\s?([A-Za-z°]{1,12}\s[A-Za-z]{1,12}(?:\^\{?-?\d\}?)?)")
"""`degrees Celsius`, `m s^{-2}`"""
