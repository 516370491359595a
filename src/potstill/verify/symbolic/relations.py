"""Equations and inequalities: what they say of which variable, and when two of them say the same."""

from __future__ import annotations

from fractions import Fraction
from typing import TypeGuard

from potstill.verify.symbolic.evaluate import DIGITS, Evaluator
from potstill.verify.symbolic.exact import Exact
from potstill.verify.symbolic.numeric import points
from potstill.verify.symbolic.ring import ONE, VARIABLE, Form, UndefinedError
from potstill.verify.symbolic.tree import Constant, Node, Number, Op, Symbol, TooCostlyError, Words, symbols_of, walk

_TURNED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "!=": "!=", "=": "="}
INFINITY = Constant("oo")
MINUS_INFINITY = Op("neg", (Constant("oo"),))


def is_relation(node: Node) -> TypeGuard[Op]:
    """Whether a node is an equation, inequality, membership or chain of them."""
    return isinstance(node, Op) and node.head == "relation"


def is_inequality(node: Node) -> TypeGuard[Op]:
    """Whether a node is an inequality or a chain of them."""
    return isinstance(node, Op) and node.head == "relation" and set(node.name.split()) <= {"<", "<=", ">", ">=", "!="}


def names_something(node: Node) -> bool:
    """Whether a side of an equation is a name for the other: `x`, `f(x)`, `AB`, `A:B`, `|AB|`, `\\cos A`, `(x, y)`."""
    if isinstance(node, Symbol | Words):
        return True
    if not isinstance(node, Op):
        return False
    if node.head == "apply":
        return True
    if node.head in ("labelled", "call", "degree"):
        return all(names_something(part) for part in node.parts[:1])
    if node.head == "tuple":
        return all(names_something(part) for part in node.parts)
    if node.head in ("mul", "div", "ratio"):
        measure = node.head == "mul" and node.parts[0] == Symbol("m")
        return all(
            (isinstance(part, Symbol) and part.name[:1].isupper())
            or (isinstance(part, Op) and part.head in ("mul", "div", "ratio", "tuple") and names_something(part))
            for part in node.parts[measure:]
        )
    return False


def name_and_value(node: Op) -> tuple[Node | None, Node] | None:
    """Return what an equation or membership names and the value it gives it; None if it gives none.

    The name is None for a chain of plain calculations such as `2 + 3 = 5`.
    """
    signs, sides = node.name.split(), node.parts
    if signs[-1] == "in" and len(sides) == 2:
        return sides[0], sides[1]
    if set(signs) - {"=", "equiv", "to"}:
        return None
    first, last = sides[0], sides[-1]
    if names_something(first) and not _occurs(first, last):
        return first, last
    if len(sides) == 2 and names_something(last) and not _occurs(last, first):
        return last, first
    if not any(symbols_of(side) for side in sides):
        return None, last
    if len(sides) > 2:
        return next((side for side in sides if names_something(side)), None), last
    return None


def _occurs(name: Node, value: Node) -> bool:
    """Whether the name is one variable that the value itself contains."""
    return isinstance(name, Symbol) and name.name in symbols_of(value)


def is_plain_sum(node: Node) -> bool:
    """Whether a side is a sum of different variables without factors, as in `m + n = 25`."""
    if not isinstance(node, Op) or node.head != "add":
        return False
    return all(isinstance(part, Symbol) for part in node.parts) and len(set(node.parts)) == len(node.parts)


def same_equation(gold: Op, answer: Op) -> bool | None:
    """Whether two equations of two sides have proportional differences of their sides; None where undecided."""
    if len(gold.parts) != 2 or len(answer.parts) != 2:
        return False
    exact = Exact()
    try:
        left, right = _difference(exact, gold), _difference(exact, answer)
        if _factor(left, right) is not None:
            return True
        if left.sure and right.sure:
            return _same_roots(exact, gold, answer, left, right)
    except UndefinedError:
        return None
    except TooCostlyError:
        pass
    return _proportional(gold, answer)


def _difference(exact: Exact, equation: Op) -> Form:
    one, two = equation.parts
    return exact.form(Op("add", (one, Op("neg", (two,)))))


def _factor(left: Form, right: Form) -> Fraction | None:
    """Return the rational number c with left numerator = c * right numerator, if there is one."""
    if left.above.keys() != right.above.keys() or not left.above:
        return None
    factors = {Fraction(value) / right.above[key] for key, value in left.above.items()}
    return factors.pop() if len(factors) == 1 else None


def _same_roots(exact: Exact, gold: Op, answer: Op, left: Form, right: Form) -> bool | None:
    """Compare `x = value` with a polynomial equation in x that may have that value as its only roots."""
    names = symbols_of(gold) | symbols_of(answer)
    if symbols_of(gold) != symbols_of(answer) or len(names) != 1:
        return False
    if degree(left, next(iter(names))) == degree(right, next(iter(names))):
        return False
    return None


def degree(form: Form, name: str) -> int:
    """Return the degree of a numerator in a variable."""
    powers = [power for key in form.above for generator, power in key if generator == (VARIABLE, name)]
    return max((int(power) for power in powers), default=0)


def _proportional(gold: Op, answer: Op) -> bool | None:
    """Compare the ratio of the two differences at several points."""
    left, right = (Op("add", (node.parts[0], Op("neg", (node.parts[1],)))) for node in (gold, answer))
    if symbols_of(left) != symbols_of(right):
        return False
    ratios = []
    for point in points((left, right)):
        try:
            sides = [Evaluator(DIGITS, point) for _ in range(2)]
            above, below = sides[0].value(left), sides[1].value(right)
        except UndefinedError:
            continue
        except TooCostlyError:
            return None
        if below and above and not (sides[0].branched or sides[1].branched):
            ratios.append(above / below)
        if len(ratios) == 4:
            break
    if len(ratios) < 2:
        return None
    if all(abs(ratio - ratios[0]) <= abs(ratios[0]) * sides[0].mp.mpf(10) ** -25 for ratio in ratios):
        return True
    return False if len(symbols_of(left)) > 1 else None


def solutions_of(name: str, values: tuple[Node, ...], equation: Op) -> bool:
    """Whether some different values are all the roots of a polynomial equation in one variable."""
    if len(equation.parts) != 2 or symbols_of(equation) != {name}:
        return False
    exact = Exact()
    try:
        form = _difference(exact, equation)
        if not form.sure or degree(form, name) != len(values):
            return False
        roots = [exact.form(value) for value in values]
        if any(exact.ring.equal(a, b) for n, a in enumerate(roots) for b in roots[:n]):
            return False
        return all(not _at(exact, form, name, root).above for root in roots)
    except (UndefinedError, TooCostlyError):
        return False


def _at(exact: Exact, form: Form, name: str, root: Form) -> Form:
    terms = []
    for key, value in form.above.items():
        term = exact.ring.number(value)
        for generator, power in key:
            base = root if generator == (VARIABLE, name) else Form({((generator, 1),): 1}, ONE)
            term = exact.ring.multiply(term, exact.ring.power(base, int(power)))
        terms.append(term)
    return exact.ring.add(terms)


def same_inequality(gold: Op, answer: Op) -> bool | None:
    """Whether two inequalities (or chains) say the same: their differences agree up to a positive factor."""
    for turned in (False, True):
        other = turn(answer) if turned else answer
        if gold.name.split() != other.name.split():
            continue
        if all(_ordered(gold, other, number) for number in range(len(gold.name.split()))):
            return True
    negated = Op("relation", tuple(Op("neg", (side,)) for side in answer.parts), _turned(answer))
    return gold.name == negated.name and all(_ordered(gold, negated, n) for n in range(len(gold.name.split())))


def _turned(node: Op) -> str:
    return " ".join(_TURNED[sign] for sign in node.name.split())


def turn(node: Op) -> Op:
    """Return an inequality read from right to left."""
    signs = [_TURNED[sign] for sign in reversed(node.name.split())]
    return Op("relation", tuple(reversed(node.parts)), " ".join(signs))


def _ordered(gold: Op, answer: Op, number: int) -> bool:
    exact = Exact()
    try:
        left, right = (
            _difference(exact, Op("relation", node.parts[number : number + 2], "=")) for node in (gold, answer)
        )
        factor = _factor(left, right)
        if factor is None:
            return False
        if gold.name.split()[number] == "!=":
            return True
        return factor > 0 and exact.ring.equal(Form(left.below, ONE), Form(right.below, ONE))
    except (UndefinedError, TooCostlyError):
        return False


def solved(node: Op) -> Node | None:
    """Return the set of numbers that an inequality in one variable describes, as intervals; None if not linear."""
    signs, sides = node.name.split(), node.parts
    if len(sides) == 2:
        return _solved_single(signs[0], sides)
    if len(sides) != 3 or symbols_of(sides[0]) or symbols_of(sides[2]):
        return None
    if signs[0] in (">", ">="):
        signs, sides = turn(node).name.split(), turn(node).parts
    if not set(signs) <= {"<", "<="}:
        return None
    if _is_abs(sides[1]):
        return _around_zero(sides[0], sides[2], signs)
    if not names_something(sides[1]):
        return _solved_chain(signs, sides)
    brackets = ("(" if signs[0] == "<" else "[") + (")" if signs[1] == "<" else "]")
    return Op("tuple", (sides[0], sides[2]), brackets)


def _is_abs(node: Node) -> bool:
    return isinstance(node, Op) and node.name == "abs" and isinstance(node.parts[0], Symbol)


def _around_zero(low: Node, high: Node, signs: list[str]) -> Node:
    inner, outer = ("(", "[")[signs[0] == "<="], (")", "]")[signs[1] == "<="]
    left = Op("tuple", (Op("neg", (high,)), Op("neg", (low,))), _flip(outer) + _flip(inner))
    return Op("union", (left, Op("tuple", (low, high), inner + outer)))


def _flip(bracket: str) -> str:
    return {"(": ")", "[": "]", ")": "(", "]": "["}[bracket]


def _solved_chain(signs: list[str], sides: tuple[Node, ...]) -> Node | None:
    first = _solved_single(signs[0], sides[:2])
    second = _solved_single(signs[1], sides[1:])
    if not isinstance(first, Op) or not isinstance(second, Op) or first.head != "tuple" or second.head != "tuple":
        return None
    if first.parts[0] == MINUS_INFINITY:
        first, second = second, first
    return Op("tuple", (first.parts[0], second.parts[1]), first.name[0] + second.name[1])


def _solved_single(sign: str, sides: tuple[Node, ...]) -> Node | None:
    left, right = sides
    if names_something(right) and not symbols_of(left):
        left, right, sign = right, left, _TURNED[sign]
    if _is_abs(left) and not symbols_of(right) and sign in ("<", "<="):
        ends = "()" if sign == "<" else "[]"
        return Op("tuple", (Op("neg", (right,)), right), ends)
    if _is_abs(left) and not symbols_of(right) and sign in (">", ">="):
        low, high = ("()", "()") if sign == ">" else ("(]", "[)")
        outside = Op("tuple", (MINUS_INFINITY, Op("neg", (right,))), low), Op("tuple", (right, INFINITY), high)
        return Op("union", outside)
    if not names_something(left) or symbols_of(right):
        found = _linear(left, right)
        if found is None:
            return None
        right, negative = found
        sign = _TURNED[sign] if negative else sign
    if sign == "!=":
        below, above = (MINUS_INFINITY, right), (right, INFINITY)
        return Op("union", (Op("tuple", below, "()"), Op("tuple", above, "()")))
    if sign in ("<", "<="):
        return Op("tuple", (MINUS_INFINITY, right), "()" if sign == "<" else "(]")
    if sign in (">", ">="):
        return Op("tuple", (right, INFINITY), "()" if sign == ">" else "[)")
    return None


def _linear(left: Node, right: Node) -> tuple[Node, bool] | None:
    """Solve left = right for its one variable with rational coefficients: the root, and whether the slope is < 0."""
    names = symbols_of(left) | symbols_of(right)
    if len(names) != 1 or any(isinstance(part, Words) for side in (left, right) for part in walk(side)):
        return None
    exact = Exact()
    try:
        form = _difference(exact, Op("relation", (left, right), "="))
    except (UndefinedError, TooCostlyError):
        return None
    key = (((VARIABLE, next(iter(names))), 1),)
    if form.below is not ONE or not set(form.above) <= {key, ()} or key not in form.above:
        return None
    root = -Fraction(form.above.get((), 0)) / form.above[key]
    return Number(root.numerator if root.denominator == 1 else root, "root"), form.above[key] < 0


def values_of(items: tuple[Node, ...]) -> tuple[Node, ...]:
    """Return the values of `x = 1, y = 2`."""
    found = [name_and_value(item) if isinstance(item, Op) and is_relation(item) else (None, item) for item in items]
    return tuple(value[1] if value is not None else item for value, item in zip(found, items, strict=True))
