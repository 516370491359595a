"""Comparison of containers by their items: lists, sets, tuples, matrices, ratios and unions."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from math import gcd

from potstill.verify.symbolic.regions import pieces_of, same_pieces, variables_differ
from potstill.verify.symbolic.relations import is_inequality, is_relation, values_of
from potstill.verify.symbolic.tree import CONTAINERS, Node, Number, Op, head_of, is_op, name_of, number_of, parts_of
from potstill.verify.symbolic.values import Values

_ROWS = frozenset(["list", "braces", "tuple"])
_REGIONS = frozenset(["union", "intersection", "difference"])
_LONGEST_MATCH = 60
"""Items that may be matched one by one after equal spellings are taken out."""


def every(verdicts: Iterable[bool | None]) -> bool | None:
    """Return False if any is False, else None if any is None, else True."""
    unsure = False
    for verdict in verdicts:
        if verdict is False:
            return False
        unsure = unsure or verdict is None
    return None if unsure else True


class Containers(Values):
    """Compares what holds several items."""

    @abstractmethod
    def same(self, gold: Node, answer: Node) -> bool | None:
        """Whether two answers are the same mathematical object; None where that is undecided."""

    def same_container(self, gold: Node, answer: Node) -> bool | None:
        """Compare answers at least one of which is a container."""
        one, two = head_of(gold), head_of(answer)
        if one in _REGIONS or two in _REGIONS:
            return self._same_union(gold, answer)
        if one == "matrix" and two == "matrix":
            return self._same_matrix(gold, answer)
        if "matrix" in (one, two):
            return self._same_vector(gold, answer)
        if one not in _ROWS | {"set"} or two not in _ROWS | {"set"}:
            return self._same_single(gold, answer)
        if "tuple" in (one, two):
            return self._same_tuple(gold, answer)
        strict = self.kind == "tuple" or (one == two == "list" and self.policy.order == "strict")
        return self.same_items(parts_of(gold), parts_of(answer), ordered=strict and "set" not in (one, two))

    def _same_single(self, gold: Node, answer: Node) -> bool | None:
        """Compare a container with a single value: it must hold that value alone."""
        container, bare = (gold, answer) if head_of(gold) in CONTAINERS else (answer, gold)
        items = parts_of(container)
        if head_of(container) == "tuple" and len(items) == 1 and name_of(container) != "[]":
            return False
        if head_of(container) in ("relation", "matrix") or any(is_relation(item) for item in items[1:]):
            return False
        return every(self.same(*((item, bare) if container is gold else (bare, item))) for item in items)

    def _same_tuple(self, gold: Node, answer: Node) -> bool | None:
        one, two = parts_of(gold), parts_of(answer)
        heads = {head_of(gold), head_of(answer)}
        for items, other in ((one, answer), (two, gold)):
            if len(items) == 1 and is_op(items[0], "tuple"):
                return self.same(items[0], other) if other is answer else self.same(other, items[0])
        if "set" in heads and self.kind not in ("set", "list"):
            return False
        if heads == {"tuple"} and not self._same_brackets(gold, answer):
            return False
        if heads == {"tuple", "list"} or heads == {"tuple", "braces"}:
            one, two = values_of(one), values_of(two)
        return self.same_items(one, two, ordered=self.kind != "set")

    def _same_brackets(self, gold: Node, answer: Node) -> bool:
        one, two = name_of(gold), name_of(answer)
        if one == two:
            return True
        plain = {one, two} == {"()", "[]"}
        return plain and (self.kind in ("tuple", "list", "matrix") or len(parts_of(gold)) != 2)

    def same_items(self, gold: tuple[Node, ...], answer: tuple[Node, ...], *, ordered: bool) -> bool | None:
        """Compare items in order, or as sets in which repeated items count once."""
        if ordered:
            if len(gold) != len(answer):
                return False
            return every(self.same(one, two) for one, two in zip(gold, answer, strict=True))
        if _assigns(gold) != _assigns(answer):
            gold, answer = values_of(gold), values_of(answer)
            if all(is_op(item, "list") for item in (*gold, *answer)):
                return False
        wanted, stated = list(dict.fromkeys(gold)), list(dict.fromkeys(answer))
        shared = set(wanted) & set(stated)
        rest, others = [x for x in wanted if x not in shared], [x for x in stated if x not in shared]
        if max(len(rest), len(others)) > _LONGEST_MATCH:
            return self._same_long(rest, others)
        return every((self._found(rest, stated, turned=False), self._found(others, wanted, turned=True)))

    def _found(self, items: list[Node], among: list[Node], *, turned: bool) -> bool | None:
        """Whether every item equals one of the other side; equality is transitive, so no pairing is needed.

        `turned`: the items are the answer's, and the gold is searched.
        """
        return every(self._one_of(item, among, turned) for item in items)

    def _one_of(self, item: Node, among: list[Node], turned: bool) -> bool | None:
        unsure = False
        for other in among:
            verdict = self.same(*((other, item) if turned else (item, other)))
            if verdict:
                return True
            unsure = unsure or verdict is None
        return None if unsure else False

    def _same_long(self, gold: list[Node], answer: list[Node]) -> bool | None:
        """Compare long lists of plain numbers by their values."""
        values = []
        for side in (gold, answer):
            numbers = [number_of(item) for item in side]
            if any(number is None for number in numbers):
                self.undecided(f"more than {_LONGEST_MATCH} items that are no plain numbers")
                return None
            values.append(set(numbers))
        return values[0] == values[1]

    def _same_union(self, gold: Node, answer: Node) -> bool | None:
        left, right = pieces_of(gold), pieces_of(answer)
        if left is not None and right is not None:
            if same_pieces(left, right) and not variables_differ(gold, answer):
                return True
            if not self.policy.tolerance:
                return False
        if head_of(gold) == head_of(answer):
            return self.same_items(parts_of(gold), parts_of(answer), ordered=False)
        return False

    def _same_matrix(self, gold: Node, answer: Node) -> bool | None:
        one, two = parts_of(gold), parts_of(answer)
        if len(one) != len(two):
            return False
        return every(
            self.same_items(parts_of(left), parts_of(right), ordered=True) for left, right in zip(one, two, strict=True)
        )

    def _same_vector(self, gold: Node, answer: Node) -> bool | None:
        """Compare a matrix of one row or column with a tuple or a list."""
        matrix, other = (gold, answer) if is_op(gold, "matrix") else (answer, gold)
        rows = [parts_of(row) for row in parts_of(matrix)]
        if head_of(other) not in _ROWS:
            if len(rows) == 1 and len(rows[0]) == 1:
                return self.same(*((rows[0][0], other) if matrix is gold else (other, rows[0][0])))
            return False
        flat = (
            rows[0] if len(rows) == 1 else tuple(row[0] for row in rows) if all(len(row) == 1 for row in rows) else ()
        )
        if not flat:
            if all(is_op(item, "tuple") for item in parts_of(other)):
                flat = tuple(Op("tuple", row, "()") for row in rows)
            else:
                return False
        items = parts_of(other)
        return self.same_items(*((flat, items) if matrix is gold else (items, flat)), ordered=True)

    def same_ratio(self, gold: Node, answer: Node) -> bool | None:
        """Compare ratios as proportions; `9:24` may also be a time of day."""
        one, two = parts_of(gold), parts_of(answer)
        if len(one) != len(two):
            return False
        if any(isinstance(part, Number) and part.value == 0 for part in (*one, *two)):
            return every(self.same(a, b) for a, b in zip(one, two, strict=True))
        if _clock_like(one) and one != two and _clock_like(two, loose=True):
            self.undecided("a ratio or a time of day")
            self.cause = "ambiguous"
            return None if self._proportional(one, two) else False
        return self._proportional(one, two)

    def _proportional(self, one: tuple[Node, ...], two: tuple[Node, ...]) -> bool | None:
        return every(
            self.same_value(Op("mul", (one[0], two[number])), Op("mul", (two[0], one[number])))
            for number in range(1, len(one))
        )

    def same_residue(self, gold: Node, answer: Node) -> bool | None:
        """Compare `a (mod m)` with `b (mod n)`."""
        (one, modulus), (two, other) = parts_of(gold), parts_of(answer)
        numbers = [number_of(node) for node in (one, two, modulus, other)]
        whole = [number for number in numbers if isinstance(number, int)]
        if len(whole) < len(numbers):
            self.undecided("residues that are no plain numbers")
            return None
        a, b, m, n = whole
        return m == n and m != 0 and (a - b) % m == 0


def _assigns(items: tuple[Node, ...]) -> bool:
    return any(is_relation(item) and not is_inequality(item) for item in items)


def _clock_like(parts: tuple[Node, ...], *, loose: bool = False) -> bool:
    """Whether `9:24` could be a time: two plain numbers, minutes of two digits, and not a ratio in lowest terms."""
    if len(parts) != 2 or not all(isinstance(part, Number) and isinstance(part.value, int) for part in parts):
        return False
    hours, minutes = (part for part in parts if isinstance(part, Number))
    if loose:
        return True
    clock = len(minutes.written) == 2 and int(minutes.value) < 60 and int(hours.value) <= 24
    return clock and (gcd(int(hours.value), int(minutes.value)) > 1 or minutes.written[0] == "0")
