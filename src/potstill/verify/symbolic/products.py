"""Products and quotients as the parser builds them: flat, so that long chains stay shallow."""

from __future__ import annotations

from collections.abc import Callable

from potstill.verify.symbolic.tree import Node, Op


def product(factors: list[Node]) -> Node:
    """Return the product of one or more factors."""
    return factors[0] if len(factors) == 1 else Op("mul", tuple(factors))


def times(left: Node, right: Node) -> Node:
    """Return a product; `a/b*c` becomes `(a*c)/b`, so that long chains stay shallow."""
    if isinstance(left, Op) and left.head == "div":
        return Op("div", (times(left.parts[0], right), left.parts[1]))
    return Op("mul", (*(left.parts if isinstance(left, Op) and left.head == "mul" else (left,)), right))


def divided(left: Node, right: Node) -> Node:
    """Return a quotient; `a/b/c` becomes `a/(b*c)`."""
    if isinstance(left, Op) and left.head == "div":
        return Op("div", (left.parts[0], times(left.parts[1], right)))
    return Op("div", (left, right))


def scaled(node: Node) -> Node:
    """Return a number times a matrix, or a matrix over a number, as one matrix; other trees as they are."""
    if not isinstance(node, Op) or node.head not in ("mul", "div", "neg"):
        return node
    if node.head == "div":
        return _spread(scaled(node.parts[0]), lambda entry: divided(entry, node.parts[1]), node)
    if node.head == "neg":
        return _spread(scaled(node.parts[0]), lambda entry: Op("neg", (entry,)), node)
    matrices = [part for part in node.parts if isinstance(part, Op) and part.head == "matrix"]
    if len(matrices) != 1:
        return node
    others = tuple(part for part in node.parts if part is not matrices[0])
    return _spread(matrices[0], lambda entry: Op("mul", (*others, entry)), node)


def _spread(matrix: Node, change: Callable[[Node], Node], otherwise: Node) -> Node:
    if not isinstance(matrix, Op) or matrix.head != "matrix":
        return otherwise
    rows = (Op("row", tuple(map(change, row.parts))) for row in matrix.parts if isinstance(row, Op))
    return Op("matrix", tuple(rows))
