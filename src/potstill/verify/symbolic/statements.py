"""Comparison of equations, inequalities and memberships, with each other and with bare answers."""

from __future__ import annotations

from potstill.verify.symbolic.containers import Containers
from potstill.verify.symbolic.exact import replaced
from potstill.verify.symbolic.regions import pieces_of, same_pieces, variables_differ
from potstill.verify.symbolic.relations import (
    is_inequality,
    is_plain_sum,
    is_relation,
    name_and_value,
    names_something,
    same_equation,
    same_inequality,
    solutions_of,
)  # fmt: skip
from potstill.verify.symbolic.tree import (
    CONTAINERS,
    Node,
    Number,
    Op,
    Symbol,
    head_of,
    is_op,
    name_of,
    parts_of,
    symbols_of,
)

_UNORDERED = frozenset(["set", "list", "braces"])


class Statements(Containers):
    """Compares relations."""

    def same_relation(self, gold: Node, answer: Node) -> bool | None:
        """Compare answers at least one of which is a relation."""
        if any(is_relation(node) and "~" in name_of(node).split() for node in (gold, answer)):
            return self._same_approximate(gold, answer)
        if not is_relation(gold):
            return self._same_as_bare(gold, answer, answer) if is_relation(answer) else False
        if not is_relation(answer):
            return self._same_as_bare(gold, answer, gold)
        if is_inequality(gold) and is_inequality(answer):
            found = same_inequality(gold, answer)
            return True if found else _same_region(gold, answer)
        if is_inequality(gold) or is_inequality(answer):
            return _same_region(gold, answer)
        one, two = name_and_value(gold), name_and_value(answer)
        if one is not None and two is not None:
            two = _same_arguments(one, two)
        if one is not None and two is not None:
            alike = one[0] is None or two[0] is None or _graphs(one[0], two[0]) or self._same_name(one[0], two[0])
            if alike and self.same(one[1], two[1]):
                return True
            if alike and not isinstance(one[0], Symbol):
                return self.same(one[1], two[1])
            if "equiv" in (gold.name, answer.name) or (is_op(one[0], "apply") and is_op(two[0], "apply")):
                return False
        return self._same_by_solving(gold, answer, one, two)

    def _same_name(self, one: Node, two: Node) -> bool:
        return one == two or self.same_value(one, two) is True

    def _same_by_solving(
        self, gold: Op, answer: Op, one: tuple[Node | None, Node] | None, two: tuple[Node | None, Node] | None
    ) -> bool | None:
        """Compare equations as such: up to a factor, or a list of roots with a polynomial."""
        for named, other in ((one, answer), (two, gold)):
            if named is not None and isinstance(named[0], Symbol) and not symbols_of(named[1]):
                values = parts_of(named[1]) if head_of(named[1]) in _UNORDERED else (named[1],)
                if solutions_of(named[0].name, values, other):
                    return True
        if any(head_of(side) in CONTAINERS for node in (gold, answer) for side in node.parts):
            return False
        found = same_equation(gold, answer)
        if found is None:
            self.undecided("equations in different forms")
            self.pending.append((gold, answer))
            return self.settled.get((gold, answer))
        return found

    def _same_as_bare(self, gold: Node, answer: Node, relation: Op) -> bool | None:
        """Compare a relation with an answer that is none: `x = 5` with `5`, `x > 2` with `(2, oo)`."""
        bare = answer if relation is gold else gold
        if is_inequality(relation):
            if _same_region(gold, answer):
                return True
            inner = relation.parts[1] if len(relation.parts) == 3 else None
            return False if inner is None or not symbols_of(inner) else _same_region(gold, answer)
        found = name_and_value(relation)
        if found is None:
            one = relation.parts[-1]
            if relation is answer and set(relation.name.split()) == {"="} and self.same(relation.parts[0], one):
                return self.same(gold, one)  # `(x-1)(x+1) = x^2-1` says one value twice
            if (
                relation is answer
                and len(relation.parts) == 2
                and is_plain_sum(relation.parts[0])
                and not symbols_of(one)
            ):
                return self.same(gold, one) if not (isinstance(one, Number) and one.value == 0) else False
            return False
        name, value = found
        if name is not None and is_op(bare, "list") and any(is_relation(part) for part in parts_of(bare)):
            return self.same_items(_unfolded(gold), _unfolded(answer), ordered=False)
        return self.same(value, bare) if relation is gold else self.same(bare, value)

    def _same_approximate(self, gold: Node, answer: Node) -> bool | None:
        """Compare `A ~ B` with another answer: any side of one may be any side of the other."""
        unsure = False
        for one in _stated(gold):
            for two in _stated(answer):
                found = self.same(one, two)
                if found:
                    return True
                unsure = unsure or found is None
        return None if unsure else False


def _same_arguments(one: tuple[Node | None, Node], two: tuple[Node | None, Node]) -> tuple[Node | None, Node]:
    """Return the second of `f(x) = x^2` and `f(t) = t^2` with the first one's names of its arguments."""
    (wanted, _), (name, value) = one, two
    if not (isinstance(wanted, Op) and isinstance(name, Op) and wanted.head == name.head == "apply"):
        return two
    if wanted.name != name.name or len(wanted.parts) != len(name.parts) or wanted.parts == name.parts:
        return two
    old = [part.name for part in name.parts if isinstance(part, Symbol)]
    new = [part.name for part in wanted.parts if isinstance(part, Symbol)]
    if len(set(old)) != len(name.parts) or len(set(new)) != len(old) or (symbols_of(value) - set(old)) & set(new):
        return two
    for before, after in zip(old, new, strict=True):
        value = replaced(value, before, Symbol(f"argument {after}"))
    for after in new:
        value = replaced(value, f"argument {after}", Symbol(after))
    return wanted, value


def _graphs(one: Node, two: Node) -> bool:
    """Whether the two names are `y` and `f(x)`, of which one is said for the other."""
    return any(name == Symbol("y") and is_op(other, "apply") for name, other in ((one, two), (two, one)))


def _unfolded(node: Node) -> tuple[Node, ...]:
    """Return the single equations of `x = 1, 2` or of a list."""
    if isinstance(node, Op) and node.head == "relation" and is_op(node.parts[-1], "list"):
        return tuple(Op("relation", (*node.parts[:-1], value), node.name) for value in parts_of(node.parts[-1]))
    return parts_of(node) if is_op(node, "list") else (node,)


def _stated(node: Node) -> list[Node]:
    if not isinstance(node, Op) or node.head != "relation":
        return [node]
    return [side for number, side in enumerate(node.parts) if number or not names_something(side)]


def _same_region(gold: Node, answer: Node) -> bool:
    if variables_differ(gold, answer):
        return False
    left, right = pieces_of(gold), pieces_of(answer)
    return left is not None and right is not None and same_pieces(left, right)
