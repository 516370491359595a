"""Exact normal forms: quotients of polynomials in variables, roots, pi, i and opaque terms, over the rationals.

A polynomial is a dict from monomial to coefficient; a monomial is a sorted tuple of (generator, exponent). Products of
fractional powers of primes are linearly independent over the rationals (Besicovitch 1940), so that with i and pi as
further generators the form of a number built from integers, roots, i and pi is zero only if the number is.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from functools import lru_cache
from math import gcd, isqrt
from typing import NamedTuple

from potstill.verify.symbolic.cost import MAX_BITS, MAX_TERMS, MAX_WORK, MAX_WRITTEN, bits_of, power_fits, written
from potstill.verify.symbolic.tree import TooCostlyError

Coefficient = int | Fraction
Generator = tuple[int, str | int]
"""Rank and name: (0, prime), (1, "i"), (2, "pi"), (3, variable), (4, opaque spelling)."""
Monomial = tuple[tuple[Generator, Coefficient], ...]
Polynomial = dict[Monomial, Coefficient]

PRIME, IMAGINARY, PI, VARIABLE, OPAQUE = range(5)
MAX_NAME = 4_000
"""Characters of the name of a term."""
_SHORT = 2_000
"""Bits of a number that costs no more than a small one."""
_TRIAL = 2_000
"""Primes up to here are divided out of radicands."""


class UndefinedError(ValueError):
    """A division by zero, 0^0, or another expression without a value."""


class Form(NamedTuple):
    """`above / below`; `sure`: equal values have equal forms, so that a difference proves inequality."""

    above: Polynomial
    below: Polynomial
    sure: bool = True

    @property
    def rational(self) -> Coefficient | None:
        """The value if it is a plain rational number."""
        if not self.above:
            return 0
        if len(self.above) == 1 and () in self.above and len(self.below) == 1 and () in self.below:
            return self.above[()]
        return None


ONE: Polynomial = {(): 1}


class Ring:
    """Arithmetic on forms with one budget of work, in products of terms."""

    def __init__(self) -> None:
        self.work = 0

    def spend(self, products: int) -> None:
        """Count work; raises `TooCostlyError` beyond the budget."""
        self.work += products
        if self.work > MAX_WORK:
            raise TooCostlyError("too much to multiply out")

    def number(self, value: Coefficient) -> Form:
        """Return a rational number as a form."""
        return Form({(): value} if value else {}, ONE)

    def generator(self, rank: int, name: str | int, exponent: Coefficient = 1, *, sure: bool = True) -> Form:
        """Return one generator raised to a power."""
        monomial, factor = _reduced({(rank, name): exponent})
        return Form({monomial: factor}, ONE, sure)

    def add(self, forms: Iterable[Form]) -> Form:
        """Return the sum of some forms."""
        above: Polynomial = {}
        below = ONE
        sure = True
        for form in forms:
            if form.below is below or form.below == below:
                self._add_to(above, form.above)
            else:
                above = dict(self.times(above, form.below))
                self._add_to(above, self.times(form.above, below))
                below = self.times(below, form.below)
            sure = sure and form.sure
        return Form(above, below, sure)

    def _add_to(self, total: Polynomial, more: Polynomial) -> None:
        self.spend(len(more))
        for monomial, value in more.items():
            before = total.get(monomial, 0)
            self._weigh(before)
            added = before + value
            if added:
                total[monomial] = _plain(added)
            else:
                total.pop(monomial, None)
        if len(total) > MAX_TERMS:
            raise TooCostlyError(f"more than {MAX_TERMS} terms")

    def _weigh(self, value: Coefficient) -> None:
        """Count the work that arithmetic with a long number is; a long fraction has to be reduced each time."""
        bits = value.numerator.bit_length() + value.denominator.bit_length()
        if bits < _SHORT:
            return
        if bits > 4 * MAX_BITS:
            raise TooCostlyError("a number too long to write out")
        self.spend(bits // 1_500 if isinstance(value, int) else (bits // 1_000) ** 2 // 12)

    def multiply(self, left: Form, right: Form) -> Form:
        """Return the product of two forms."""
        return Form(self.times(left.above, right.above), self.times(left.below, right.below), left.sure and right.sure)

    def times(self, left: Polynomial, right: Polynomial) -> Polynomial:
        """Return the product of two polynomials. Raises `TooCostlyError` where it would be too long."""
        if left is ONE:
            return right
        if right is ONE:
            return left
        self.spend(len(left) * len(right))
        product: Polynomial = {}
        for one, a in left.items():
            for two, b in right.items():
                monomial, factor = _together(one, two)
                value = product.get(monomial, 0) + a * b * factor
                self._weigh(value)
                if value:
                    product[monomial] = value
                else:
                    product.pop(monomial, None)
        if len(product) > MAX_TERMS:
            raise TooCostlyError(f"more than {MAX_TERMS} terms")
        return product

    def inverse(self, form: Form) -> Form:
        """Return one over a form. Raises `UndefinedError` for zero."""
        if not form.above:
            raise UndefinedError("a division by zero")
        if len(form.above) == 1:
            ((monomial, factor),) = form.above.items()
            turned, more = _reduced({generator: -power for generator, power in monomial})
            scale = Fraction(1) / factor * more
            return Form({key: _plain(value * scale) for key, value in self.times(form.below, {turned: 1}).items()},
                        ONE, form.sure)  # fmt: skip
        return Form(form.below, form.above, form.sure)

    def power(self, base: Form, exponent: int) -> Form:
        """Raise to an integer power by squaring. Raises `TooCostlyError` where the result would be too long."""
        if exponent < 0:
            base, exponent = self.inverse(base), -exponent
        if not base.above and exponent == 0:
            raise UndefinedError("0^0")
        value = base.rational
        if value is not None:
            if not power_fits(value, exponent):
                raise TooCostlyError("a power too long to write out")
            self.spend(bits_of(value) * exponent // 1_500 if value not in (0, 1, -1) else 1)
            return self.number(value**exponent)
        if len(base.above) == 1 and base.below is ONE:
            ((monomial, factor),) = base.above.items()
            if exponent > 10**9 or not power_fits(factor, exponent):
                raise TooCostlyError("a power too long to write out")
            raised, more = _reduced({generator: power * exponent for generator, power in monomial})
            return Form({raised: _plain(factor**exponent * more)}, ONE, base.sure)
        if exponent > 200:
            raise TooCostlyError("a power too long to multiply out")
        result = Form(ONE, ONE, base.sure)
        while exponent:
            if exponent & 1:
                result = self.multiply(result, base)
            exponent >>= 1
            if exponent:
                base = self.multiply(base, base)
        return result

    def root(self, base: Form, degree: int) -> Form | None:
        """Return the principal root of a form with one term; None where this ring has no name for it.

        Variables are taken as positive where an even root of an odd power makes them so.
        """
        if base.below is not ONE or len(base.above) > 1:
            return None
        if not base.above:
            return base
        ((monomial, factor),) = base.above.items()
        powers: dict[Generator, Coefficient] = {}
        for generator, power in monomial:
            if generator[0] == IMAGINARY or (generator[0] == OPAQUE and degree % 2 == 0):
                return None
            if generator[0] == VARIABLE and degree % 2 == 0 and not (isinstance(power, int) and power % 2):
                return None
            if generator[0] in (VARIABLE, OPAQUE) and degree % 2 and not isinstance(power, int):
                return None
            powers[generator] = _plain(Fraction(power) / degree)
        sign: Coefficient = 1
        if factor < 0:
            if degree % 2:
                sign = -1
            elif degree == 2:
                powers[(IMAGINARY, "i")] = 1
            else:
                return None
        self.spend(bits_of(factor) // 20)
        primes, sure = _factors(factor if factor > 0 else -factor)
        for prime, times in primes.items():
            generator = (PRIME, prime)
            powers[generator] = powers.get(generator, 0) + Fraction(times, degree)
        reduced, more = _reduced(powers)
        return Form({reduced: _plain(sign * more)}, ONE, base.sure and sure)

    def equal(self, left: Form, right: Form) -> bool:
        """Whether the difference of two forms is zero; a difference proves inequality only where both are `sure`."""
        if left.below == right.below:
            return left.above == right.above
        return self.times(left.above, right.below) == self.times(right.above, left.below)

    def spelling(self, form: Form) -> str:
        """Return a text that is the same for equal polynomials, and for many equal quotients."""
        if not form.above:
            return "0"
        names = (name for side in form[:2] for key in side for (_, name), _ in key if isinstance(name, str))
        if sum(map(len, names)) > MAX_NAME:
            raise TooCostlyError("a term too long to name")
        below = sorted(form.below.items(), key=_place)
        scale = Fraction(1) / below[-1][1]
        above = sorted(((key, written(_plain(value * scale))) for key, value in form.above.items()), key=_place)
        if len(below) == 1 and not below[0][0]:
            return _spelled(above)
        return f"{_spelled(above)}//{_spelled([(key, written(_plain(value * scale))) for key, value in below])}"


def _place(term: tuple[Monomial, object]) -> str:
    return repr(term[0])


def _spelled(terms: list[tuple[Monomial, str]]) -> str:
    return "+".join(
        value + "".join(f"*{name}^{power}" if power != 1 else f"*{name}" for (_, name), power in key)
        for key, value in terms
    )


def _plain(value: Coefficient) -> Coefficient:
    return value.numerator if value.denominator == 1 else value


@lru_cache(maxsize=4_096)
def _together(one: Monomial, two: Monomial) -> tuple[Monomial, Coefficient]:
    if not one:
        return two, 1
    if not two:
        return one, 1
    powers = dict(one)
    for generator, power in two:
        powers[generator] = powers.get(generator, 0) + power
    return _reduced(powers)


def _reduced(powers: dict[Generator, Coefficient]) -> tuple[Monomial, Coefficient]:
    """Return the monomial with whole powers of primes and squares of i moved into a coefficient."""
    factor: Coefficient = 1
    kept: list[tuple[Generator, Coefficient]] = []
    for generator, stated in powers.items():
        (rank, name), power = generator, stated
        if rank == PRIME:
            whole = power.numerator // power.denominator
            if whole == 1:
                factor, power = factor * int(name), power - 1
            elif whole:
                if not power_fits(int(name), whole):
                    raise TooCostlyError("a power too long to write out")
                factor, power = factor * Fraction(int(name)) ** whole, power - whole
        elif rank == IMAGINARY:
            turns = int(power) % 4
            factor = -factor if turns > 1 else factor
            power = turns % 2
        if bits_of(power) > MAX_WRITTEN:
            raise TooCostlyError("a power too long to spell")
        if power:
            kept.append((generator, _plain(power)))
    kept.sort()
    return tuple(kept), _plain(factor)


def _factors(value: Coefficient) -> tuple[dict[int, int], bool]:
    """Return the prime factorisation of a positive rational, and whether it is complete.

    What is left after trial division is complete if it is prime for sure or a square of such.
    """
    primes: dict[int, int] = {}
    sure = True
    for whole, sign in ((value.numerator, 1), (value.denominator, -1)):
        number = whole
        if number.bit_length() > 2_000:
            raise TooCostlyError("a radicand too long to factor")
        candidate = 2
        while candidate * candidate <= number and candidate <= _TRIAL:
            while number % candidate == 0:
                primes[candidate] = primes.get(candidate, 0) + sign
                number //= candidate
            candidate += 1 + (candidate > 2)
        if number == 1:
            continue
        side = isqrt(number)
        times = sign
        if side * side == number:
            number, times = side, 2 * sign
        sure = sure and number < _TRIAL * _TRIAL
        primes[number] = primes.get(number, 0) + times
    if not sure:
        big = [prime for prime in primes if prime > _TRIAL]
        sure = False if any(gcd(a, b) > 1 for a in big for b in big if a != b) else sure
    return primes, sure
