"""The value of a tree at one point, to any number of digits.

mpmath does the arithmetic (its numbers only; its parsers are never called). Magnitudes are bounded before every step,
so that each evaluation takes milliseconds at most.
"""

from __future__ import annotations

import hashlib
import threading
from fractions import Fraction
from typing import Any

from potstill.errors import MissingExtraError
from potstill.verify.symbolic.cost import MAX_MAGNITUDE, MAX_SUMMANDS, MIN_MAGNITUDE, Effort, bits_of
from potstill.verify.symbolic.ring import UndefinedError
from potstill.verify.symbolic.tree import Constant, Node, Number, Op, Symbol, TooCostlyError

DIGITS = 40
_MAX_WHOLE = 10**12
"""Largest argument of a factorial or binomial."""
_MAX_EXPONENT = 60
"""Bits of an integer exponent, an index of a sum or a degree of a root."""
_GAMMA_DIGITS = 100
"""Digits from which a factorial that is not written out takes too long here: mpmath tabulates constants first."""
_LARGEST_DECIMAL, _SMALLEST_DECIMAL = 100, -4_000
"""Binary exponents of a number that is compared as a decimal."""
_TRIG = frozenset(["sin", "cos", "tan", "cot", "sec", "csc"])
_SINGLE = {
    "sin": "sin", "cos": "cos", "tan": "tan", "cot": "cot", "sec": "sec", "csc": "csc", "arcsin": "asin",
    "arccos": "acos", "arctan": "atan", "arccot": "acot", "arcsec": "asec", "arccsc": "acsc", "sinh": "sinh",
    "cosh": "cosh", "tanh": "tanh", "coth": "coth", "sech": "sech", "csch": "csch", "arcsinh": "asinh",
    "arccosh": "acosh", "arctanh": "atanh", "abs": "fabs", "floor": "floor", "ceil": "ceil", "Re": "re", "Im": "im",
    "arg": "arg", "sgn": "sign", "sign": "sign",
}  # fmt: skip
"""Function of one argument -> its name in mpmath."""
_LEVELLED = frozenset(["sinh", "cosh", "tanh", "coth", "sech", "csch"])
"""Functions that differ from a constant or from each other by a term that falls away exponentially."""
_MOST_UNLIKE = 1 << 16
"""Binary exponent of a part of a complex number in a function."""
_MOST_GROWTH = MAX_MAGNITUDE.bit_length()
_local = threading.local()


class Evaluator:
    """Evaluates trees at one precision and one point."""

    def __init__(
        self,
        digits: int,
        point: dict[str, Fraction],
        *,
        effort: Effort | None = None,
        degrees: bool = False,
        percents: bool = False,
    ) -> None:
        self.mp = _context(digits)
        self.digits = digits
        self.effort = effort or Effort()
        self.point = point
        self.degrees = degrees
        self.percents = percents
        self.branched = False
        self.huge = False
        self.digits_lost = 0
        """Digits that would keep what this precision left out: the 1 of `e^1000 + 1` needs 475."""

    def value(self, node: Node) -> Any:  # noqa: ANN401 - an mpf or mpc of a context made at run time
        """Return the value; raises `UndefinedError` or `TooCostlyError`."""
        self.effort.spend(5 + self.digits**2 // 50_000)
        if isinstance(node, Number):
            return self._rational(node.value)
        if isinstance(node, Symbol):
            return self._rational(self.point[node.name])
        if isinstance(node, Constant):
            return self._constant(node.name)
        method = getattr(self, f"_{node.head}", None) if isinstance(node, Op) else None
        if method is None or not isinstance(node, Op):
            raise TooCostlyError("not a number")
        try:
            return self._bounded(method(node))
        except UndefinedError:
            raise
        except (ZeroDivisionError, ValueError) as error:  # mpmath's words for a pole
            if isinstance(error, TooCostlyError):
                raise
            raise UndefinedError(f"a {node.name or node.head} without a value") from error

    def _bounded(self, number: Any) -> Any:  # noqa: ANN401
        mp = self.mp
        if mp.isnan(number):
            if self.huge:
                raise TooCostlyError("a number too large to compute with")
            raise UndefinedError("not a number")
        if not number.imag:
            number = number.real  # a complex number without imaginary part has no order in mpmath
        if not number or mp.isinf(number) or MIN_MAGNITUDE <= mp.mag(number) <= MAX_MAGNITUDE:
            return number
        if number.imag or number < 0:
            raise TooCostlyError("a number too large to compute with")
        self.huge = True
        return mp.inf if mp.mag(number) > 0 else mp.mpf(0)

    def _rational(self, value: int | Fraction) -> Any:  # noqa: ANN401
        self._keeps(bits_of(value))
        if isinstance(value, int):
            return self.mp.mpf(value)
        return self.mp.mpf(value.numerator) / value.denominator

    def _constant(self, name: str) -> Any:  # noqa: ANN401
        mp = self.mp
        if name in ("pi", "e", "i"):
            return {"pi": mp.pi, "e": mp.e, "i": mp.mpc(0, 1)}[name] + 0
        raise TooCostlyError(f"{name} is not a number")

    def _add(self, node: Op) -> Any:  # noqa: ANN401
        terms = [self.value(part) for part in node.parts]
        sizes = [self.mp.mag(term) for term in terms if term and not self.mp.isinf(term)]
        if len(sizes) > 1:
            self._keeps(max(sizes) - min(sizes))
        return sum(terms, self.mp.mpf(0))

    def _keeps(self, bits: Any) -> None:  # noqa: ANN401 - an int of mpmath
        """Note that a value needs so many bits, where this precision has fewer."""
        if bits > self.mp.prec:
            self.digits_lost = max(self.digits_lost, int(bits * 0.30103) + DIGITS)

    def _neg(self, node: Op) -> Any:  # noqa: ANN401
        return -self.value(node.parts[0])

    def _mul(self, node: Op) -> Any:  # noqa: ANN401
        total = self.mp.mpf(1)
        for part in node.parts:
            total = self._bounded(total * self.value(part))
        return total

    def _div(self, node: Op) -> Any:  # noqa: ANN401
        if len(node.parts) != 2:
            raise TooCostlyError("a ratio of several terms inside a formula")
        above, below = (self.value(part) for part in node.parts)
        if not below:
            raise UndefinedError("a division by zero")
        return above / below

    _ratio = _div

    def _tuple(self, node: Op) -> Any:  # noqa: ANN401
        if len(node.parts) != 1:
            raise TooCostlyError("not a number")
        return self.value(node.parts[0])

    def _percent(self, node: Op) -> Any:  # noqa: ANN401
        return self.value(node.parts[0]) / (100 if self.percents else 1)

    def _degree(self, node: Op) -> Any:  # noqa: ANN401
        inner = self.value(node.parts[0])
        return inner * self.mp.pi / 180 if self.degrees else inner

    def _pow(self, node: Op) -> Any:  # noqa: ANN401
        base, exponent = (self.value(part) for part in node.parts)
        return self._power(base, exponent)

    def _power(self, base: Any, exponent: Any) -> Any:  # noqa: ANN401
        mp = self.mp
        if mp.isinf(base) or mp.isinf(exponent):
            return self._beyond(base, exponent)
        if not base:
            if mp.re(exponent) <= 0:
                raise UndefinedError("a power of zero")
            return mp.mpf(0)
        self.effort.spend(15 + self.digits**2 // 1_000)
        if not exponent:
            return mp.mpf(1)
        size = max(mp.mag(exponent), 0) + max(abs(mp.mag(base)), 1).bit_length()
        if size > MAX_MAGNITUDE.bit_length():
            growth = mp.log(abs(base))
            if growth and mp.mag(growth) + mp.mag(exponent) > _MOST_GROWTH:
                return self._beyond(base, exponent)
            if mp.mag(exponent) > _MAX_EXPONENT:
                raise TooCostlyError("a very large exponent")
        whole = mp.isint(exponent)
        if not whole and (mp.im(base) or base < 0):
            self.branched = True
        if whole:
            return base ** int(mp.re(exponent))
        return mp.exp(exponent * mp.log(base))

    def _beyond(self, base: Any, exponent: Any) -> Any:  # noqa: ANN401
        """Return infinity or zero in place of a power that is too large or too small to compute with."""
        mp = self.mp
        if mp.im(base) or mp.im(exponent) or base <= 0 or not exponent or (base == 1):
            raise TooCostlyError("a number too large to compute with")
        self.huge = True
        return mp.inf if (base > 1) == (exponent > 0) else mp.mpf(0)

    def _apply(self, node: Op) -> Any:  # noqa: ANN401
        """Give an unknown function a value of its own at every argument, the same each time."""
        shown = ",".join(self.mp.nstr(self.mp.mpc(self.value(part)), 12) for part in node.parts)
        return self._rational(random_between(f"{node.name}({shown})", 0.4, 2.6))

    def _big(self, node: Op) -> Any:  # noqa: ANN401
        body, variable, start, end = node.parts
        if node.name not in ("sum", "prod") or not isinstance(variable, Symbol):
            raise TooCostlyError(f"{node.name} needs more than evaluation")
        low, high = self.value(start), self.value(end)
        if self.mp.isinf(low) or self.mp.isinf(high) or not (self.mp.isint(low) and self.mp.isint(high)):
            raise TooCostlyError("a sum whose ends are no integers")
        if high - low > MAX_SUMMANDS or max(self.mp.mag(low), self.mp.mag(high)) > _MAX_EXPONENT:
            raise TooCostlyError("a sum with too many terms")
        before = self.point
        total = self.mp.mpf(0 if node.name == "sum" else 1)
        sizes = []
        for step in range(int(self.mp.re(low)), int(self.mp.re(high)) + 1):
            self.point = {**before, variable.name: Fraction(step)}
            term = self.value(body)
            total = total + term if node.name == "sum" else total * term
            sizes += [self.mp.mag(term)] if term and not self.mp.isinf(term) else []
        if sizes and node.name == "sum":
            self._keeps(max(sizes) - min(sizes))
        self.point = before
        return total

    def _call(self, node: Op) -> Any:  # noqa: ANN401
        name = node.name
        before = self.degrees
        self.degrees = before or name in _TRIG
        arguments = [self.value(part) for part in node.parts]
        self.degrees = before
        if any(self.mp.isinf(argument) or self._lopsided(argument) for argument in arguments):
            raise TooCostlyError("a function of a very large number")
        self.effort.spend(15 + self.digits**2 // 1_000)
        if name == "root" and len(arguments) == 2:
            return self._root(*arguments)
        if name in ("log", "ln") and len(arguments) <= 2:
            return self._log(*arguments)
        if len(arguments) == 1 and name in _SINGLE:
            return self._single(name, arguments[0])
        if name in ("min", "max") and not any(self.mp.im(argument) for argument in arguments):
            return min(arguments) if name == "min" else max(arguments)
        return self._whole(name, arguments)

    def _lopsided(self, number: Any) -> bool:  # noqa: ANN401
        """Whether a complex number has a part so large or small that mpmath would write its square out."""
        mp = self.mp
        parts = (mp.re(number), mp.im(number)) if mp.im(number) else ()
        return any(part and abs(mp.mag(part)) > _MOST_UNLIKE for part in parts)

    def _root(self, base: Any, degree: Any) -> Any:  # noqa: ANN401
        mp = self.mp
        if not degree:
            raise UndefinedError("a zeroth root")
        if not base:
            return mp.mpf(0)
        if mp.mag(degree) > _MAX_EXPONENT:
            raise TooCostlyError("a root of a very large degree")
        real = not mp.im(base)
        if real and base < 0 and mp.isint(degree) and int(mp.re(degree)) % 2:
            return -mp.exp(mp.log(-base) / degree)
        if not real or base < 0:
            self.branched = True
        return mp.sqrt(base) if degree == 2 else mp.exp(mp.log(base) / degree)

    def _log(self, value: Any, base: Any = None) -> Any:  # noqa: ANN401
        mp = self.mp
        if not value or (base is not None and (not base or base == 1)):
            raise UndefinedError("a logarithm of zero")
        if mp.im(value) or value < 0:
            self.branched = True
        return mp.log(value) if base is None else mp.log(value) / mp.log(base)

    def _single(self, name: str, argument: Any) -> Any:  # noqa: ANN401
        mp = self.mp
        if argument and mp.mag(argument) > 40 and name not in ("abs", "floor", "ceil"):
            raise TooCostlyError("a function of a very large number")
        if name in ("arcsin", "arccos") and (mp.im(argument) or abs(argument) > 1):
            self.branched = True
        if name in _LEVELLED:
            self._keeps(int(3 * abs(mp.re(argument))))  # e^-2x beside 1, in bits
        return getattr(mp, _SINGLE[name])(argument)

    def _whole(self, name: str, arguments: list[Any]) -> Any:  # noqa: ANN401
        mp = self.mp
        if name not in ("factorial", "binom", "gcd", "lcm"):
            raise TooCostlyError(f"{name} is not evaluated")
        if any(mp.im(argument) or abs(argument) > _MAX_WHOLE for argument in arguments):
            raise TooCostlyError(f"{name} of a large number")
        if self.digits > _GAMMA_DIGITS and name in ("factorial", "binom"):
            self.effort.spend(self.digits**2)
        self.effort.spend(100)
        if name == "factorial":
            if arguments[0] < 0:
                raise UndefinedError("the factorial of a negative number")
            return mp.gamma(arguments[0] + 1)
        if name == "binom" and len(arguments) == 2 and arguments[0] >= 0:
            above, below = arguments
            if mp.isint(above) and mp.isint(below) and not 0 <= below <= above:
                return mp.mpf(0)
            return mp.exp(mp.loggamma(above + 1) - mp.loggamma(below + 1) - mp.loggamma(above - below + 1))
        if not all(mp.isint(argument) for argument in arguments):
            raise UndefinedError(f"{name} of a fraction")
        raise TooCostlyError(f"{name} is not evaluated")


def _context(digits: int) -> Any:  # noqa: ANN401 - mpmath has no types
    contexts: dict[int, Any] = _local.__dict__.setdefault("contexts", {})
    if digits not in contexts:
        try:
            from mpmath.ctx_mp import MPContext
        except ModuleNotFoundError:
            raise MissingExtraError("comparing formulas by their values", "sympy", "verify") from None
        contexts[digits] = MPContext()
        contexts[digits].dps = digits
    return contexts[digits]


def random_between(seed: str, low: float, high: float) -> Fraction:
    """Return a rational in [low, high) with a prime denominator, the same for the same seed on every machine."""
    digest = hashlib.blake2b(seed.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    step = int.from_bytes(digest, "big") % 99_991
    return Fraction(low) + (Fraction(high) - Fraction(low)) * Fraction(step, 99_991)


def constant(node: Node, digits: int = DIGITS, *, degrees: bool = False, percents: bool = False) -> Any:  # noqa: ANN401
    """Return the value of a tree without variables, as an mpf or mpc."""
    return Evaluator(digits, {}, degrees=degrees, percents=percents).value(node)


def rational_of(node: Node, *, degrees: bool = False, percents: bool = False) -> Fraction | None:
    """Return the value of a real number of ordinary size to 40 digits; None for others.

    Raises what `constant` raises.
    """
    number = constant(node, degrees=degrees, percents=percents)
    mp = _context(DIGITS)
    if mp.im(number) or mp.isinf(number):
        return None
    if number and not _SMALLEST_DECIMAL < mp.mag(number) < _LARGEST_DECIMAL:
        return None
    return Fraction(str(mp.re(number)))
