"""Trees to exact normal forms, in this process and without sympy."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, comb, factorial, floor

from potstill.verify.symbolic.cost import MAX_BITS, MAX_FACTORIAL, MAX_SUMMANDS, bits_of, power_fits, written
from potstill.verify.symbolic.ring import (
    IMAGINARY,
    MAX_NAME,
    ONE,
    OPAQUE,
    PI,
    PRIME,
    VARIABLE,
    Form,
    Ring,
    UndefinedError,
    _factors,
)  # fmt: skip
from potstill.verify.symbolic.tree import Constant, Node, Number, Op, Symbol, TooCostlyError, Words, symbols_of

_EVEN = frozenset(["cos", "sec", "cosh", "sech", "abs"])
_ODD = frozenset(["sin", "tan", "cot", "csc", "sinh", "tanh", "arcsin", "arctan", "arcsinh", "arctanh"])
_TRIG = frozenset(["sin", "cos", "tan", "cot", "sec", "csc"])
_AT_ZERO = {"sin": 0, "tan": 0, "cos": 1, "sec": 1, "sinh": 0, "cosh": 1, "tanh": 0, "arcsin": 0, "arctan": 0}


class Exact:
    """Reads trees into forms over one ring and one budget; raises `TooCostlyError` and `UndefinedError`.

    `degrees` and `percents` say what the signs are worth: a degree is pi/180 or 1, a percent 1/100 or 1.
    """

    def __init__(self, *, degrees: bool = False, percents: bool = False) -> None:
        self.ring = Ring()
        self.degrees = degrees
        self.percents = percents

    def form(self, node: Node) -> Form:
        """Return the normal form of a value."""
        if isinstance(node, Number):
            return Form({(): node.value} if node.value else {}, ONE)
        if isinstance(node, Symbol):
            return Form({(((VARIABLE, node.name), 1),): 1}, ONE)
        if isinstance(node, Constant):
            return self._constant(node.name)
        if isinstance(node, Words):
            raise TooCostlyError("words in a formula")
        method = getattr(self, f"_{node.head}", None)
        if method is None:
            raise TooCostlyError(f"a {node.head} inside a formula")
        result: Form = method(node)
        return result

    def _constant(self, name: str) -> Form:
        if name == "i":
            return self.ring.generator(IMAGINARY, "i")
        if name == "pi":
            return self.ring.generator(PI, "pi")
        if name == "e":
            return self.ring.generator(OPAQUE, "e", sure=False)
        raise UndefinedError(f"{name} inside a formula")

    def _add(self, node: Op) -> Form:
        return self.ring.add([self.form(part) for part in node.parts])

    def _neg(self, node: Op) -> Form:
        inner = self.form(node.parts[0])
        return Form({key: -value for key, value in inner.above.items()}, inner.below, inner.sure)

    def _mul(self, node: Op) -> Form:
        result = self.form(node.parts[0])
        for part in node.parts[1:]:
            result = self.ring.multiply(result, self.form(part))
        return result

    def _div(self, node: Op) -> Form:
        return self.ring.multiply(self.form(node.parts[0]), self.ring.inverse(self.form(node.parts[1])))

    def _ratio(self, node: Op) -> Form:
        if len(node.parts) != 2:
            raise TooCostlyError("a ratio of several terms inside a formula")
        return self._div(node)

    def _tuple(self, node: Op) -> Form:
        if len(node.parts) != 1:
            raise TooCostlyError("a tuple inside a formula")
        return self.form(node.parts[0])

    def _percent(self, node: Op) -> Form:
        inner = self.form(node.parts[0])
        return self.ring.multiply(inner, self.ring.number(Fraction(1, 100))) if self.percents else inner

    def _degree(self, node: Op) -> Form:
        inner = self.form(node.parts[0])
        if not self.degrees:
            return inner
        turn = Form({(((PI, "pi"), 1),): Fraction(1, 180)}, ONE)
        return self.ring.multiply(inner, turn)

    def _pow(self, node: Op) -> Form:
        base, exponent = node.parts
        power = self.form(exponent)
        value = power.rational
        if value is None:
            return self._general_power(base, power)
        under = self.form(base)
        if value.denominator == 1:
            whole = value.numerator
            if not under.above and whole < 0:
                raise UndefinedError("a division by zero")
            try:
                return self.ring.power(under, whole)
            except TooCostlyError:
                if under.rational is None or symbols_of(base):
                    raise
                return self._opaque(f"({self.ring.spelling(under)})^{written(whole)}")
        if abs(value.numerator) > 1_000 or value.denominator > 1_000:
            return self._opaque(f"({self.ring.spelling(under)})^({written(value)})")
        if not under.above and value < 0:
            raise UndefinedError("a division by zero")
        if value.denominator % 2 and not _positive(under):
            return self._opaque(f"({self.ring.spelling(under)})^({written(value)})")
        rooted = self._rooted(under, value.denominator)
        return self.ring.power(rooted, value.numerator)

    def _general_power(self, base: Node, power: Form) -> Form:
        """Return base^(a + b) as base^a * base^b, each a generator of its own; integers go by their primes."""
        if power.below is not ONE:
            return self._opaque(f"({self.ring.spelling(self.form(base))})^({self.ring.spelling(power)})")
        bases: dict[str, int] = {}
        if base == Constant("e"):
            bases["e"] = 1
        else:
            under = self.form(base)
            value = under.rational
            if value is not None and value > 0:
                primes, _ = _factors(value)
                bases = {str(prime): times for prime, times in primes.items()}
            else:
                bases[f"({self.ring.spelling(under)})"] = 1
        result = Form(ONE, ONE, False)
        for name, times in bases.items():
            for monomial, factor in power.above.items():
                if monomial:
                    key = self.ring.spelling(Form({monomial: 1}, ONE))
                    result = self.ring.multiply(
                        result, self.ring.generator(OPAQUE, f"{name}^{key}", factor * times, sure=False)
                    )
        constant = power.above.get((), 0)
        if constant:
            whole = Number(constant, "")
            result = self.ring.multiply(result, self._pow(Op("pow", (base, whole))))
        return result

    def _rooted(self, under: Form, degree: int) -> Form:
        rooted = self.ring.root(under, degree)
        if rooted is not None:
            return rooted
        return self._opaque(f"root{degree}({self.ring.spelling(under)})")

    def _opaque(self, spelling: str) -> Form:
        if len(spelling) > MAX_NAME:
            raise TooCostlyError("a term too long to name")
        return self.ring.generator(OPAQUE, spelling, sure=False)

    def _apply(self, node: Op) -> Form:
        return self._opaque(f"{node.name}({','.join(self.ring.spelling(self.form(part)) for part in node.parts)})")

    def _big(self, node: Op) -> Form:
        body, variable, start, end = node.parts
        if not isinstance(variable, Symbol):
            raise TooCostlyError("a sum without a variable")
        first = Form({}, ONE) if isinstance(start, Constant) else self.form(start)
        last = end.name if isinstance(end, Constant) else self.ring.spelling(self.form(end))
        ends = f"{start.name if isinstance(start, Constant) else self.ring.spelling(first)},{last}"
        if node.name in ("sum", "prod") and first.rational is not None and last.lstrip("-").isdigit() and len(last) < 9:
            low, high = first.rational, int(last)
            if low.denominator == 1 and high - low < MAX_SUMMANDS and symbols_of(body) <= {variable.name}:
                return self._added_up(node.name, body, variable.name, low.numerator, high)
        return self._opaque(f"{node.name}[{variable.name},{ends}]({self.ring.spelling(self.form(body))})")

    def _added_up(self, name: str, body: Node, variable: str, low: int, high: int) -> Form:
        terms = [self.form(replaced(body, variable, Number(step, str(step)))) for step in range(low, high + 1)]
        if name == "sum":
            return self.ring.add(terms)
        result = self.ring.number(1)
        for term in terms:
            result = self.ring.multiply(result, term)
        return result

    def _call(self, node: Op) -> Form:
        name = node.name
        if name == "root":
            return self._root(node)
        trig = name in _TRIG and not self.degrees
        before = self.degrees
        self.degrees = self.degrees or trig
        forms = [self.form(part) for part in node.parts]
        self.degrees = before
        values = [form.rational for form in forms]
        if all(value is not None for value in values):
            found = _known(name, [value for value in values if value is not None])
            if found is not None:
                return self.ring.number(found)
        if name in ("Re", "Im", "arg"):
            raise TooCostlyError(f"{name} is not compared")
        if name in _AT_ZERO and values == [0]:
            return self.ring.number(_AT_ZERO[name])
        if name == "ln" and node.parts[0] == Constant("e"):
            return self.ring.number(1)
        spelled = [self.ring.spelling(form) for form in forms]
        if name == "abs" and len(forms) == 1 and values[0] is None and _positive(forms[0]) and forms[0].sure:
            return forms[0]
        sign = 1
        if len(forms) == 1 and name in _EVEN | _ODD:
            other = self.ring.spelling(Form({key: -value for key, value in forms[0].above.items()}, forms[0].below))
            if other < spelled[0]:
                spelled, sign = [other], -1 if name in _ODD else 1
        result = self._opaque(f"{name}({','.join(spelled)})")
        return result if sign == 1 else self.ring.multiply(self.ring.number(-1), result)

    def _root(self, node: Op) -> Form:
        under, degree = self.form(node.parts[0]), self.form(node.parts[1]).rational
        if degree is None or degree.denominator != 1 or not 1 <= degree <= 1_000:
            return self._general_power(node.parts[0], self.ring.inverse(self.form(node.parts[1])))
        return self._rooted(under, degree.numerator)


def _positive(form: Form) -> bool:
    """Whether a form is a positive number without variables: one term of primes and pi with a positive factor."""
    if len(form.above) != 1 or form.below is not ONE:
        return False
    ((monomial, factor),) = form.above.items()
    return factor > 0 and all(generator[0] in (PRIME, PI) for generator, _ in monomial)


def _known(name: str, values: list[int | Fraction]) -> int | Fraction | None:
    """Return the rational value of a function at rational arguments, where it has one and it is cheap."""
    first = values[0]
    if name == "abs":
        return first if first >= 0 else -first
    if name in ("floor", "ceil"):
        return floor(first) if name == "floor" else ceil(first)
    whole = [value.numerator for value in values if value.denominator == 1]
    if len(whole) != len(values):
        return None
    if name == "factorial":
        if whole[0] < 0:
            raise UndefinedError("the factorial of a negative number")
        return factorial(whole[0]) if whole[0] <= MAX_FACTORIAL else None
    if name == "binom" and len(whole) == 2:
        above, below = whole
        if below < 0 or 0 <= above < below:
            return 0
        if above < 0:
            raise TooCostlyError("a binomial of a negative number")
        few = min(below, above - below)
        return comb(above, below) if above <= 2 * MAX_FACTORIAL or few * bits_of(above) <= MAX_BITS // 4 else None
    return _logarithm(name, whole)


def _logarithm(name: str, whole: list[int]) -> int | Fraction | None:
    if name == "ln" and whole == [1]:
        return 0
    if name == "log" and whole[0] == 1:
        return 0
    if name == "log" and len(whole) == 2:
        value, base = whole
        if value > 1 and base > 1 and value.bit_length() < 2_000:
            power, times = base, 1
            while power < value:
                power, times = power * base, times + 1
            return times if power == value else None
    return None


def replaced(node: Node, name: str, value: Node) -> Node:
    """Return the tree with a value in place of a variable."""
    if isinstance(node, Symbol):
        return value if node.name == name else node
    if isinstance(node, Op):
        return Op(node.head, tuple(replaced(part, name, value) for part in node.parts), node.name)
    return node


__all__ = ["Exact", "power_fits", "replaced"]
