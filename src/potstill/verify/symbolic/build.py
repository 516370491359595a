"""Trees to sympy objects, by calls of sympy's classes and never by its parsers; run in a worker of the pool."""

from __future__ import annotations

from typing import Any

from potstill.verify.symbolic.cost import EFFORT_IN_WORKER, Effort
from potstill.verify.symbolic.numeric import agree
from potstill.verify.symbolic.ring import UndefinedError
from potstill.verify.symbolic.tree import Constant, Node, Number, Op, Symbol, TooCostlyError

_SAME_NAME = frozenset("sin cos tan cot sec csc sinh cosh tanh coth factorial gcd lcm sign arg".split())  # noqa: SIM905
_RENAMED = {
    "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arccot": "acot", "arcsec": "asec", "arccsc": "acsc",
    "arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh", "abs": "Abs", "floor": "floor", "ceil": "ceiling",
    "binom": "binomial", "ln": "log", "log": "log", "min": "Min", "max": "Max", "Re": "re", "Im": "im", "sgn": "sign",
}  # fmt: skip
_CONSTANTS = {"pi": "pi", "e": "E", "i": "I", "oo": "oo"}
DIGITS = 50
CLOSE = 40
"""Digits to which two constants have to agree."""


def build(node: Node, *, percents: bool = False) -> Any:  # noqa: ANN401 - sympy has no types
    """Return the sympy object of a value, with real variables. Raises `TooCostlyError` for what it has no class for."""
    import sympy

    if isinstance(node, Number):
        return sympy.Rational(node.value.numerator, node.value.denominator)
    if isinstance(node, Symbol):
        return sympy.Symbol(node.name, real=True)
    if isinstance(node, Constant) and node.name in _CONSTANTS:
        return getattr(sympy, _CONSTANTS[node.name])
    if not isinstance(node, Op):
        raise TooCostlyError("no number")
    parts = [build(part, percents=percents) for part in node.parts] if node.head != "big" else []
    if node.head in ("add", "mul"):
        return (sympy.Add if node.head == "add" else sympy.Mul)(*parts)
    if node.head == "neg":
        return -parts[0]
    if node.head in ("div", "ratio") and len(parts) == 2:
        return parts[0] / parts[1]
    if node.head == "pow":
        return sympy.Pow(parts[0], parts[1])
    if node.head in ("percent", "degree"):
        return parts[0] / 100 if percents and node.head == "percent" else parts[0]
    if node.head == "apply":
        return sympy.Function(node.name)(*parts)
    if node.head == "call":
        return _called(node, parts)
    return _big(node, percents)


def _called(node: Op, parts: list[Any]) -> Any:  # noqa: ANN401
    import sympy

    if node.name == "root":
        return sympy.real_root(*parts) if parts[1].is_odd else sympy.root(*parts)
    if node.name in ("sin", "cos", "tan", "cot", "sec", "csc"):
        below = node.parts[0]
        if isinstance(below, Op) and below.head == "degree":
            parts = [parts[0] * sympy.pi / 180]
    name = node.name if node.name in _SAME_NAME else _RENAMED.get(node.name)
    if name is None:
        raise TooCostlyError(f"{node.name} is not compared")
    return getattr(sympy, name)(*parts)


def _big(node: Op, percents: bool) -> Any:  # noqa: ANN401
    import sympy

    if node.head != "big":
        raise TooCostlyError(f"a {node.head} is no value")
    body, variable, start = (build(part, percents=percents) for part in node.parts[:3])
    if node.name == "lim":
        return sympy.limit(body, variable, start)
    limits = (variable, start, build(node.parts[3], percents=percents))
    kinds = {"sum": sympy.Sum, "prod": sympy.Product, "int": sympy.Integral}
    return kinds[node.name](body, limits).doit()


def decide(gold: Node, answer: Node, percents: bool) -> str:
    """Return `equal`, `different` or `undecided` for two values or two equations in one variable.

    Called in a worker: it may take for ever, and is killed then.
    """
    if isinstance(gold, Op) and gold.head == "relation" and isinstance(answer, Op) and answer.head == "relation":
        return _same_roots(gold, answer, percents)
    try:
        outcome = agree(gold, answer, effort=Effort(EFFORT_IN_WORKER), percents=percents)
    except (TooCostlyError, UndefinedError):
        outcome = "undecided"
    if outcome != "undecided":
        return outcome
    left, right = build(gold, percents=percents), build(answer, percents=percents)
    difference = left - right
    if difference == 0:
        return "equal"
    if not difference.free_symbols:
        return _same_number(left, right)
    return "equal" if _vanishes(difference) else "undecided"


def _same_number(left: Any, right: Any) -> str:  # noqa: ANN401
    import sympy

    values = [sympy.N(side, DIGITS, maxn=500) for side in (left, right)]
    if not all(value.is_number and value.is_finite for value in values):
        return "equal" if left == right else "undecided"
    gap, scale = abs(values[0] - values[1]), max(abs(value) for value in values)
    return "equal" if gap <= scale * sympy.Rational(1, 10**CLOSE) else "different"


def _vanishes(difference: Any) -> bool:  # noqa: ANN401
    """Whether a difference expands or simplifies to zero, the cheap ways first."""
    import sympy

    for step in (sympy.expand, sympy.radsimp, sympy.trigsimp, sympy.simplify):
        difference = step(difference)
        if difference == 0:
            return True
    return False


def _same_roots(gold: Op, answer: Op, percents: bool) -> str:
    import sympy

    if gold.name != "=" or answer.name != "=":
        return "undecided"
    roots = []
    for node in (gold, answer):
        left, right = (build(side, percents=percents) for side in node.parts)
        symbols = sorted((left - right).free_symbols, key=str)
        if len(symbols) != 1:
            return "undecided"
        roots.append((symbols[0], sympy.solveset(left - right, symbols[0], sympy.S.Reals)))
    (one, first), (two, second) = roots
    if one != two:
        return "different"
    if not isinstance(first, sympy.FiniteSet) or not isinstance(second, sympy.FiniteSet):
        return "equal" if first == second else "undecided"
    if len(first) != len(second):
        return "different"
    pairs = zip(sorted(first, key=sympy.N), sorted(second, key=sympy.N), strict=True)
    return "equal" if all(_same_number(a, b) == "equal" for a, b in pairs) else "different"
