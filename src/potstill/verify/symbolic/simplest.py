"""Whether an answer is written in its simplest form, for the policy that asks for it."""

from __future__ import annotations

from math import gcd

from potstill.verify.symbolic.tree import Node, Number, Op, walk

_LARGEST_SQUARE = 1_000


def is_simplest(answer: Node, gold: Node) -> bool:
    """Whether an answer has no sum, product, power, fraction or root left that plain arithmetic could finish.

    An answer that is written as the gold is counts as simplest.
    """
    return answer == gold or not any(_unfinished(part) for part in walk(answer))


def _unfinished(node: Node) -> bool:
    if not isinstance(node, Op):
        return False
    numbers = [value for part in node.parts if (value := _integer(part)) is not None]
    if node.head == "add":
        return node.name != "mixed" and sum(_rational(part) for part in node.parts) > 1
    if node.head == "mul":
        return sum(_rational(part) for part in node.parts) > 1
    if node.head == "pow":
        return len(numbers) == 2
    if node.head == "div":
        if len(numbers) == 2:
            return numbers[1] in (0, 1) or gcd(*numbers) > 1
        return _common(node.parts[0], node.parts[1]) > 1
    if node.head == "call" and node.name == "root" and len(numbers) == 2:
        return _reducible(abs(numbers[0]), numbers[1])
    return node.head == "call" and node.name in ("factorial", "binom", "abs", "floor", "ceil") and bool(numbers)


def _integer(node: Node) -> int | None:
    if isinstance(node, Op) and node.head == "neg":
        inner = _integer(node.parts[0])
        return -inner if inner is not None else None
    return node.value if isinstance(node, Number) and isinstance(node.value, int) and not node.decimal else None


def _rational(node: Node) -> bool:
    """Whether a node is a literal number or a quotient of two."""
    if isinstance(node, Op) and node.head in ("neg", "div"):
        return all(_rational(part) for part in node.parts)
    return isinstance(node, Number)


def _common(above: Node, below: Node) -> int:
    """Return the factor that the integer factors of a numerator and a denominator share."""
    return gcd(_content(above), _content(below)) if _content(below) else 1


def _content(node: Node) -> int:
    if isinstance(node, Op) and node.head == "mul":
        product = 1
        for part in node.parts:
            product *= _integer(part) or 1
        return product
    if isinstance(node, Op) and node.head == "add":
        contents = [_content(part) for part in node.parts]
        return gcd(*contents)
    if isinstance(node, Op) and node.head == "neg":
        return _content(node.parts[0])
    return _integer(node) or 1


def _reducible(radicand: int, degree: int) -> bool:
    if radicand < 2 or not 2 <= degree <= 64:
        return radicand in (0, 1)
    return any(radicand % base**degree == 0 for base in range(2, _LARGEST_SQUARE) if base**degree <= radicand)
