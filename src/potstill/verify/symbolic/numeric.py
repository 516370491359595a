"""Agreement at pseudo-random points, to 40 digits and more: what differs at one solid point is different."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any, Literal

from potstill.verify.symbolic.cost import MAX_MAGNITUDE, MIN_MAGNITUDE, Effort
from potstill.verify.symbolic.evaluate import DIGITS, Evaluator, random_between
from potstill.verify.symbolic.ring import UndefinedError
from potstill.verify.symbolic.tree import Node, Op, Symbol, TooCostlyError, is_op, parts_of, symbols_of, walk

MORE_DIGITS = 90
MOST_DIGITS = 2_000
POINTS = 14
"""Points tried at most; `ENOUGH` solid ones on which both sides agree make them equal."""
ENOUGH = 4
_WHOLE = frozenset(["factorial", "binom", "gcd", "lcm"])
_RANGES = (
    (0.4, 2.6),
    (2.6, 9.0),
    (-3.0, -0.3),
    (0.05, 0.95),
    (9.0, 60.0),
    (-0.95, -0.05),
    (-40.0, -3.0),
    (60.0, 900.0),
)

Agreement = Literal["equal", "different", "undecided"]


def points(nodes: tuple[Node, ...]) -> Iterator[dict[str, Fraction]]:
    """Yield points that give every variable of some trees a value: fractions, or whole numbers where those are needed.

    Drawn from the names of the variables, so that equal inputs are tested at equal points.
    """
    parts = [part for node in nodes for part in walk(node)]
    names = sorted({part.name for part in parts if isinstance(part, Symbol)})
    whole = any(isinstance(part, Op) and (part.head == "big" or part.name in _WHOLE) for part in parts)
    whole = whole or any(_alternates(part) for part in parts)
    for number in range(POINTS if names else 1):
        low, high = _RANGES[number % len(_RANGES)]
        drawn = {name: random_between(f"{name} {number}", low, high) for name in names}
        if whole:
            drawn = {name: Fraction(3 + int(abs(value) * 3) % 9 + number % 5) for name, value in drawn.items()}
        yield drawn


def _alternates(node: Node) -> bool:
    """Whether a node is a power of a negative number with a variable exponent, such as `(-1)^n`."""
    if not isinstance(node, Op) or node.head != "pow" or not symbols_of(node.parts[1]):
        return False
    return isinstance(node.parts[0], Op) and node.parts[0].head == "neg" and not symbols_of(node.parts[0])


def agree(
    left: Node, right: Node, *, effort: Effort | None = None, degrees: bool = False, percents: bool = False
) -> Agreement:
    """Whether two values agree at every point where both are defined.

    A difference on a point where no branch of a root or logarithm was chosen is final; if every point needs such a
    choice, agreement on all of them is equality and a difference on the first leaves nothing decided.
    """
    effort = effort or Effort()
    solid = branched = 0
    branched_apart = False
    for point in points((left, right)):
        try:
            same, clean = _same_at(left, right, point, effort, degrees, percents)
        except UndefinedError:
            continue
        if clean:
            solid += 1
            if not same:
                return "different"
            if solid >= ENOUGH or not point:
                return "equal"
        else:
            branched += 1
            branched_apart = branched_apart or not same
            if not point:
                return "equal" if same else "different"
    if solid >= 2:
        return "equal"
    if branched_apart:
        return "undecided" if solid else "different"
    return "equal" if solid + branched >= ENOUGH else "undecided"


def _same_at(
    left: Node, right: Node, point: dict[str, Fraction], effort: Effort, degrees: bool, percents: bool
) -> tuple[bool, bool]:
    digits, careful = DIGITS, False
    while True:
        sides = [Evaluator(digits, point, effort=effort, degrees=degrees, percents=percents) for _ in range(2)]
        one, two = sides[0].value(left), sides[1].value(right)
        clean = not (sides[0].branched or sides[1].branched)
        mp = sides[0].mp
        if sides[0].huge or sides[1].huge:
            if _surely_apart(mp, one, two):
                return False, clean
            if mp.isinf(one) and mp.isinf(two) and is_op(left, "pow") and is_op(right, "pow"):
                logarithms = _same_at(_logarithm(left), _logarithm(right), point, effort, degrees, percents)
                if not logarithms[0]:
                    return False, clean
            raise TooCostlyError("a number too large to compute with")
        gap, scale = abs(one - two), max(abs(one), abs(two))
        lost = max(side.digits_lost for side in sides)
        if lost > digits and gap <= scale * mp.mpf(10) ** (-digits * 5 // 8):
            needed, careful = lost, True
        elif not gap:
            needed = _digits_of(mp, scale) + DIGITS
            if needed <= digits or point:
                return True, clean
        elif gap > scale * mp.mpf(10) ** (-digits * 5 // 8) and scale > mp.mpf(10) ** (-digits * 3 // 4):
            return False, clean
        else:
            needed = _digits_of(mp, scale) + (DIGITS if digits > DIGITS else MORE_DIGITS)
            if digits >= MORE_DIGITS and needed <= digits:
                rounding = not careful and gap <= scale * mp.mpf(10) ** (-digits * 3 // 4)
                return rounding or _shrinks(gap, sides, (left, right), digits), clean
        if needed > MOST_DIGITS:
            raise TooCostlyError("a number with too many digits to compare")
        digits = max(needed, MORE_DIGITS)


def _logarithm(power: Node) -> Node:
    base, exponent = parts_of(power)
    return Op("mul", (exponent, Op("call", (base,), "ln")))


def _surely_apart(mp: Any, one: Any, two: Any) -> bool:  # noqa: ANN401
    """Whether two values differ of which one has grown past the limits; near the limits nothing is sure."""
    if mp.isinf(one) and mp.isinf(two):
        return False
    if mp.isinf(one) or mp.isinf(two):
        finite = two if mp.isinf(one) else one
        return not finite or mp.mag(finite) < MAX_MAGNITUDE // 4
    larger = max(abs(one), abs(two))
    apart = larger != 0 and abs(one - two) > larger * mp.mpf(10) ** -25
    return bool(apart and mp.mag(larger) > MIN_MAGNITUDE // 4)


def _shrinks(gap: Any, sides: list[Evaluator], trees: tuple[Node, Node], digits: int) -> bool:  # noqa: ANN401
    """Whether a tiny difference is rounding: with more digits rounding shrinks, and a real difference stays."""
    finer = [
        Evaluator(digits + 60, side.point, effort=side.effort, degrees=side.degrees, percents=side.percents).value(tree)
        for side, tree in zip(sides, trees, strict=True)
    ]
    return bool(abs(finer[0] - finer[1]) < gap / 1_000)


def _digits_of(mp: Any, scale: Any) -> int:  # noqa: ANN401
    """Return the digits before the decimal point, so that the last one counts too."""
    return max(0, int(mp.mag(scale) * 0.30103)) if scale else 0
