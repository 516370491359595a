"""What a comparison may cost, decided before any arithmetic is done."""

from __future__ import annotations

from fractions import Fraction

from potstill.verify.symbolic.tree import Node, Op, TooCostlyError

MAX_NODES = 12_000
MAX_DEPTH = 120
MAX_ITEMS = 1_000
"""Of one set, list or matrix row."""
MAX_BITS = 60_000
"""Of an integer that is written out while comparing exactly: 2024^4046 has 44,432."""
MAX_FACTORIAL = 3_000
"""Largest argument of a factorial that is written out."""
MAX_TERMS = 400
"""Of a polynomial that is multiplied out."""
MAX_WORK = 6_000
"""Products of terms in one exact comparison."""
MAX_MAGNITUDE = 1 << 26
"""Binary exponent of a number that is computed with as a float: 1,000,000! has 18,488,885."""
MAX_WRITTEN = 13_000
"""Bits of a number that is spelled in decimal figures; Python refuses from 4,300 figures on."""
MIN_MAGNITUDE = -(1 << 20)
"""Binary exponent of a number that still counts as more than nothing."""
EFFORT_HERE = 20_000
"""Microseconds, about, that one numeric comparison may take in this process; what needs more goes to a worker."""
EFFORT_IN_WORKER = 3_000_000
MAX_SUMMANDS = 1_000
"""Of a sum or product that is added up term by term."""


def check(node: Node) -> None:
    """Raise `TooCostlyError` for a tree that is too large, too deep or holds too long a list."""
    count, level, depth = 0, [node], 0
    while level:
        count += len(level)
        depth += 1
        if count > MAX_NODES or depth > MAX_DEPTH:
            raise TooCostlyError("an expression too large to compare")
        below: list[Node] = []
        for part in level:
            if isinstance(part, Op):
                if part.head not in ("add", "mul") and len(part.parts) > MAX_ITEMS:
                    raise TooCostlyError(f"more than {MAX_ITEMS:,} items")
                below.extend(part.parts)
        level = below


def bits_of(value: int | Fraction) -> int:
    """Return the bits of the larger of numerator and denominator."""
    return max(value.numerator.bit_length(), value.denominator.bit_length())


def written(value: int | Fraction) -> str:
    """Return the decimal figures of a number. Raises `TooCostlyError` for one with thousands of them."""
    if bits_of(value) > MAX_WRITTEN:
        raise TooCostlyError("a number too long to spell")
    return str(value)


class TooMuchHereError(TooCostlyError):
    """Too much work for this process, and perhaps not for a worker."""


class Effort:
    """What a numeric comparison may still cost, in microseconds by rule of thumb: the same on every machine."""

    def __init__(self, limit: int = EFFORT_HERE) -> None:
        self.left = limit

    def spend(self, cost: int) -> None:
        """Count work; raises `TooMuchHereError` where none is left."""
        self.left -= cost
        if self.left < 0:
            raise TooMuchHereError("too much to compute here")


def power_fits(base: int | Fraction, exponent: int) -> bool:
    """Whether `base ** exponent` stays within `MAX_BITS`."""
    return base in (0, 1, -1) or (bits_of(base) - 1 or 1) * abs(exponent) <= MAX_BITS
