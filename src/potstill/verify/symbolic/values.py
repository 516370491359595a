"""Comparison of two values (numbers and formulas), with the conventions of a policy."""

from __future__ import annotations

from fractions import Fraction

from potstill.recipe import Policy
from potstill.records import Cause
from potstill.verify.allowance import Allowance
from potstill.verify.closeness import close
from potstill.verify.symbolic.cost import TooMuchHereError
from potstill.verify.symbolic.evaluate import rational_of
from potstill.verify.symbolic.exact import Exact
from potstill.verify.symbolic.numeric import agree
from potstill.verify.symbolic.ring import Form, UndefinedError
from potstill.verify.symbolic.tree import Constant, Node, Number, Op, TooCostlyError, symbols_of, walk


class Values:
    """Compares values, and remembers how: the method, why something is undecided, and what is left for a worker.

    `pending` holds the pairs that need sympy, `settled` what a worker said about such pairs.
    """

    def __init__(self, policy: Policy, kind: str, allowance: Allowance) -> None:
        self.policy = policy
        self.allowance = allowance
        self.kind = kind
        self.method = "exact"
        self.reason = ""
        self.cause: Cause = "unsupported"
        self.pending: list[tuple[Node, Node]] = []
        self.settled: dict[tuple[Node, Node], bool] = {}

    def undecided(self, reason: str) -> None:
        """Note why a pair is undecided; the first reason stays."""
        self.reason = self.reason or reason

    def percents(self, *nodes: Node) -> bool:
        """Whether percent signs count; asked of the policy where there are any."""
        return any(_has(node, "percent") for node in nodes) and self.policy.percent == "strict"

    def same_value(self, gold: Node, answer: Node) -> bool | None:
        """Whether two values are equal; None where that is undecided (`reason` says why).

        A degree sign counts as nothing or as pi/180, `log` without base as natural or as decimal, whichever agrees.
        Raises `SpentError` where no time is left.
        """
        self.allowance.check()
        first = self._same_reading(gold, answer, degrees=False)
        if first is not False:
            return first
        if (_has(gold, "degree") or _has(answer, "degree")) and self._same_reading(gold, answer, degrees=True):
            return True
        if not (_has_plain_log(gold) or _has_plain_log(answer)):
            return False
        return self._same_reading(_decimal_logs(gold), _decimal_logs(answer), degrees=False) is True

    def _same_reading(self, gold: Node, answer: Node, *, degrees: bool) -> bool | None:
        percents = self.percents(gold, answer)
        infinite = _infinite(gold), _infinite(answer)
        if infinite[0] or infinite[1]:
            return infinite[0] == infinite[1]
        exact = Exact(degrees=degrees, percents=percents)
        try:
            left, right = exact.form(gold), exact.form(answer)
            if exact.ring.equal(left, right):
                return True
            if left.sure and right.sure:
                return self._nearly(gold, answer, left, right, degrees)
        except UndefinedError as error:
            self.undecided(str(error))
            return None if _is_undefined(gold) else False
        except TooCostlyError as error:
            costly = str(error)
        else:
            costly = ""
        return self._by_numbers(gold, answer, costly, degrees=degrees)

    def _by_numbers(self, gold: Node, answer: Node, costly: str, *, degrees: bool) -> bool | None:
        if (gold, answer) in self.settled:
            return self.settled[gold, answer]
        try:
            outcome = agree(gold, answer, degrees=degrees, percents=self.percents(gold, answer))
        except TooMuchHereError as error:
            self.pending.append((gold, answer))
            self.undecided(costly or str(error))
            return None
        except TooCostlyError as error:
            if _has(gold, "big") or _has(answer, "big"):
                self.pending.append((gold, answer))
            self.undecided(costly or str(error))
            return None
        except UndefinedError as error:
            self.undecided(str(error))
            return None
        if outcome == "undecided":
            self.pending.append((gold, answer))
            self.undecided("no point where both sides are defined")
            return None
        self.method = "numeric"
        if outcome == "equal":
            return True
        return self._nearly(gold, answer, None, None, degrees)

    def _nearly(self, gold: Node, answer: Node, left: Form | None, right: Form | None, degrees: bool) -> bool:
        """Whether two numbers that differ agree as decimals under the policy."""
        one, two = decimal_of(gold), decimal_of(answer)
        if one is None and two is None:
            return False
        if symbols_of(gold) or symbols_of(answer):
            return False
        wanted = self._number_of(left, gold, degrees)
        stated = self._number_of(right, answer, degrees)
        if wanted is None or stated is None:
            return False
        said, written = (number.written if number is not None else "" for number in (two, one))
        why = close(stated, wanted, self.policy, said=said, gold=written)
        self.method = why or self.method
        return bool(why)

    def _number_of(self, form: Form | None, node: Node, degrees: bool) -> Fraction | None:
        """Return the value of a real number, exactly or to 40 digits; None for others."""
        rational = form.rational if form is not None else None
        if rational is not None:
            return Fraction(rational)
        try:
            return rational_of(node, degrees=degrees, percents=self.percents(node))
        except (UndefinedError, TooCostlyError):
            return None


def _has(node: Node, head: str) -> bool:
    return any(isinstance(part, Op) and part.head == head for part in walk(node))


def _has_plain_log(node: Node) -> bool:
    return any(isinstance(part, Op) and part.name == "log" and len(part.parts) == 1 for part in walk(node))


def _decimal_logs(node: Node) -> Node:
    if not isinstance(node, Op):
        return node
    parts = tuple(_decimal_logs(part) for part in node.parts)
    if node.head == "call" and node.name == "log" and len(parts) == 1:
        parts = (*parts, Number(10, "10"))
    return Op(node.head, parts, node.name)


def _infinite(node: Node) -> int:
    """Return the sign of an answer that is infinity itself, else 0."""
    if isinstance(node, Op) and node.head in ("neg", "add") and len(node.parts) == 1:
        return -_infinite(node.parts[0]) if node.head == "neg" else _infinite(node.parts[0])
    return 1 if node == Constant("oo") else 0


def _is_undefined(node: Node) -> bool:
    """Whether a gold answer itself has no value; an answer without one is not the same as a gold that has."""
    try:
        Exact().form(node)
    except UndefinedError:
        return True
    except TooCostlyError:
        pass
    return False


def decimal_of(node: Node) -> Number | None:
    """Return the literal if a node is a decimal, with or without a minus or percent sign."""
    while isinstance(node, Op) and node.head in ("neg", "percent", "degree") and len(node.parts) == 1:
        node = node.parts[0]
    return node if isinstance(node, Number) and node.decimal else None
