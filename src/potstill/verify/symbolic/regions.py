"""Sets of real numbers as sorted pieces: intervals, points, unions, differences and inequalities read alike."""

from __future__ import annotations

from typing import Any, NamedTuple

from potstill.verify.symbolic.evaluate import constant
from potstill.verify.symbolic.relations import INFINITY, MINUS_INFINITY, is_inequality, is_relation, solved
from potstill.verify.symbolic.ring import UndefinedError
from potstill.verify.symbolic.tree import Constant, Node, Number, Op, TooCostlyError, symbols_of, walk

MAX_PIECES = 200
_ZERO = Number(0, "0")


class Piece(NamedTuple):
    """One interval: its ends as trees and as numbers, and whether each belongs to it."""

    low: Node
    high: Node
    low_number: Any
    high_number: Any
    low_closed: bool
    high_closed: bool


def pieces_of(node: Node) -> list[Piece] | None:
    """Return the sorted, merged pieces of a set of real numbers; None where it is not one with known ends."""
    relations = [part for part in walk(node) if is_relation(part)]
    if len(set[str]().union(*(symbols_of(relation) for relation in relations))) > 1:
        return None
    try:
        found = _pieces(node)
    except (UndefinedError, TooCostlyError):
        return None
    if found is None or len(found) > MAX_PIECES:
        return None
    return _merged(found)


def _pieces(node: Node) -> list[Piece] | None:
    if node == Constant("R"):
        return [_piece(MINUS_INFINITY, INFINITY, "()")]
    if node == Constant("R+"):
        return [_piece(_ZERO, INFINITY, "()")]
    if node == Constant("empty"):
        return []
    if not isinstance(node, Op):
        return None
    if is_inequality(node):
        inside = solved(node)
        return None if inside is None else _pieces(inside)
    if node.head == "relation" and node.name == "in":
        return _pieces(node.parts[1])
    if node.head == "tuple" and len(node.parts) == 2:
        return [_piece(node.parts[0], node.parts[1], node.name)]
    if node.head in ("set", "braces"):
        return [_piece(part, part, "[]") for part in node.parts]
    if node.head == "union":
        parts = [_pieces(part) for part in node.parts]
        return None if any(part is None for part in parts) else [piece for part in parts if part for piece in part]
    if node.head in ("intersection", "difference"):
        return _combined(node)
    return None


def _piece(low: Node, high: Node, brackets: str) -> Piece:
    if symbols_of(low) or symbols_of(high):
        raise TooCostlyError("an interval whose ends are variables")
    ends = [_number(end) for end in (low, high)]
    if any(getattr(end, "imag", 0) for end in ends):
        raise UndefinedError("an interval with complex ends")
    return Piece(low, high, ends[0].real, ends[1].real, brackets[0] == "[", brackets[1] == "]")


def _number(end: Node) -> Any:  # noqa: ANN401 - an mpf, or a float for infinity
    if end in (INFINITY, MINUS_INFINITY):
        return float("inf" if end == INFINITY else "-inf")
    return constant(end)


def _combined(node: Op) -> list[Piece] | None:
    """Return an intersection, or a difference as the intersection with the complement."""
    current = _pieces(node.parts[0])
    for part in node.parts[1:]:
        other = _pieces(part)
        if current is None or other is None:
            return None
        if node.head == "difference":
            other = _complement(_merged(other))
        if len(current) * len(other) > 4 * MAX_PIECES:
            return None
        current = [shared for one in current for two in other if (shared := _shared(one, two)) is not None]
    if not current and node.name == ",":
        return _pieces(Op("union", node.parts))
    return current


def _complement(pieces: list[Piece]) -> list[Piece]:
    inside = _piece(MINUS_INFINITY, INFINITY, "()")
    gaps: list[Piece] = []
    low, low_number, closed = inside.low, inside.low_number, False
    for piece in pieces:
        if low_number < piece.low_number or (low_number == piece.low_number and closed and not piece.low_closed):
            gaps.append(Piece(low, piece.low, low_number, piece.low_number, closed, not piece.low_closed))
        low, low_number, closed = piece.high, piece.high_number, not piece.high_closed
    if low_number < inside.high_number:
        gaps.append(Piece(low, inside.high, low_number, inside.high_number, closed, False))
    return gaps


def _shared(one: Piece, two: Piece) -> Piece | None:
    low = max((one, two), key=lambda piece: (piece.low_number, not piece.low_closed))
    high = min((one, two), key=lambda piece: (piece.high_number, piece.high_closed))
    shared = Piece(low.low, high.high, low.low_number, high.high_number, low.low_closed, high.high_closed)
    return shared if _holds_something(shared) else None


def _holds_something(piece: Piece) -> bool:
    if piece.low_number == piece.high_number:
        return piece.low_closed and piece.high_closed
    return bool(piece.low_number < piece.high_number)


def _merged(pieces: list[Piece]) -> list[Piece]:
    merged: list[Piece] = []
    for piece in sorted(filter(_holds_something, pieces), key=lambda piece: (piece.low_number, not piece.low_closed)):
        last = merged[-1] if merged else None
        if (
            last is None
            or piece.low_number > last.high_number
            or (piece.low_number == last.high_number and not (piece.low_closed or last.high_closed))
        ):
            merged.append(piece)
        elif (piece.high_number, piece.high_closed) > (last.high_number, last.high_closed):
            merged[-1] = last._replace(high=piece.high, high_number=piece.high_number, high_closed=piece.high_closed)
    return merged


def same_pieces(one: list[Piece], two: list[Piece]) -> bool:
    """Whether two merged lists of pieces are the same set: equal ends to 30 digits, equally open or closed."""
    return len(one) == len(two) and all(
        a.low_closed == b.low_closed
        and a.high_closed == b.high_closed
        and _close(a.low_number, b.low_number)
        and _close(a.high_number, b.high_number)
        for a, b in zip(one, two, strict=True)
    )


def _close(one: Any, two: Any) -> bool:  # noqa: ANN401 - mpf
    size = max(abs(one), abs(two))
    return bool(one == two or (size != float("inf") and abs(one - two) <= size * 1e-30))


def variables_differ(gold: Node, answer: Node) -> bool:
    """Whether two answers state relations of different variables."""
    one, two = (_bound_names(node) for node in (gold, answer))
    return bool(one) and bool(two) and one != two


def _bound_names(node: Node) -> set[str]:
    relations = [part for part in walk(node) if is_relation(part)]
    return set().union(*(symbols_of(part) for part in relations))
