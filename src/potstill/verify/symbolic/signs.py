"""Lists and ±: several answers in one line become one container of single ones."""

from __future__ import annotations

from potstill.verify.symbolic.tree import Node, Op, Symbol, TooCostlyError, UnparsableError, walk

MAX_SIGNS = 4
"""Of ± in one answer; each doubles the cases."""


def gather(items: list[Node], separators: set[str], head: str = "list") -> Node:
    """Return the container of several items.

    `n = 2, 3` names its variable once: it becomes `n = (2, 3)` with a list on the right, as `x = 1 or x = 2` does.
    Inequalities joined by `or` are a union, joined by `and` an intersection; a comma (kept in `name`) may mean either.
    """
    target = _target(items[0])
    if target is not None and isinstance(items[0], Op):
        rest = items[1:]
        if all(_is_value(item) for item in rest) or all(_target(item) == target for item in rest):
            values = tuple(
                item.parts[1] if isinstance(item, Op) and item.head == "relation" else item for item in items
            )
            return Op("relation", (target, Op("list", values)), "=")
    first = items[0]
    if isinstance(first, Op) and first.head == "relation" and first.name == "!=" and all(map(_is_value, items[1:])):
        items = [first, *(Op("relation", (first.parts[0], item), "!=") for item in items[1:])]
    if any(map(_is_inequality, items)) and all(_is_inequality(item) or _is_member(item) for item in items):
        return Op("union" if "or" in separators else "intersection", tuple(items), "" if "and" in separators else ",")
    return Op(head, tuple(items))


def _target(item: Node) -> Symbol | None:
    if isinstance(item, Op) and item.head == "relation" and item.name == "=" and isinstance(item.parts[0], Symbol):
        return item.parts[0]
    return None


def _is_value(item: Node) -> bool:
    return not (isinstance(item, Op) and item.head == "relation")


def _is_inequality(item: Node) -> bool:
    return isinstance(item, Op) and item.head == "relation" and set(item.name.split()) <= {"<", "<=", ">", ">=", "!="}


def _is_member(item: Node) -> bool:
    return isinstance(item, Op) and item.head == "relation" and item.name == "in"


def expand_signs(node: Node) -> Node:
    """Return the tree with every ± written out: a value becomes a list of its cases.

    Several ± are independent of each other, unless a ∓ says that they go together.
    """
    if isinstance(node, Op) and node.head in ("list", "set", "braces"):
        items: list[Node] = []
        for part in node.parts:
            case = expand_signs(part)
            several = isinstance(case, Op) and case.head == "list" and case != part
            items.extend(case.parts if several and isinstance(case, Op) else [case])
        return Op(node.head, tuple(items), node.name)
    if isinstance(node, Op) and node.head == "relation" and node.name == "=":
        return Op("relation", (*node.parts[:-1], expand_signs(node.parts[-1])), "=")
    marks = [part.head for part in walk(node) if isinstance(part, Op) and part.head in ("plusminus", "minusplus")]
    if not marks:
        return node
    if len(marks) > MAX_SIGNS:
        raise TooCostlyError("too many ± signs")
    if "minusplus" in marks:
        return Op("list", (_choose(node, [False] * len(marks)), _choose(node, [True] * len(marks))))
    cases = range(2 ** len(marks))
    return Op("list", tuple(_choose(node, [bool(case >> bit & 1) for bit in range(len(marks))]) for case in cases))


def _choose(node: Node, lower: list[bool]) -> Node:
    """Return the tree with the upper or lower sign taken at each mark, in reading order."""
    remaining = list(lower)

    def chosen(part: Node) -> Node:
        if not isinstance(part, Op):
            return part
        if part.head not in ("plusminus", "minusplus"):
            return Op(part.head, tuple(chosen(below) for below in part.parts), part.name)
        *before, _ = part.parts
        first = [chosen(below) for below in before]
        negative = remaining.pop() != (part.head == "minusplus")
        last = chosen(part.parts[-1])
        term: Node = Op("neg", (last,)) if negative else last
        return Op("add", (*first, term)) if first else term

    try:
        return chosen(node)
    except IndexError as error:
        raise UnparsableError("± signs out of place") from error
