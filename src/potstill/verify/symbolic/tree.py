"""The tree that every answer is read into: five immutable kinds of node, and the limits that hold before any work."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

MAX_CHARACTERS = 20_000
MAX_TOKENS = 3_000
MAX_NESTING = 64
"""Brackets, groups and arguments inside one another."""
MAX_FORM = 200
"""Characters of the canonical spelling that a verdict shows."""


class UnparsableError(ValueError):
    """The text is no mathematical answer that this notation knows."""


class TooCostlyError(ValueError):
    """The answer may be well formed, but comparing it would take more than an answer is worth."""


@dataclass(frozen=True, slots=True)
class Number:
    """A literal: exact value, spelling, and whether it was written as a decimal (with how many significant figures)."""

    value: Fraction | int
    written: str
    decimal: bool = False


@dataclass(frozen=True, slots=True)
class Symbol:
    """A variable: `x`, `x_1`, `theta`."""

    name: str


@dataclass(frozen=True, slots=True)
class Constant:
    """`pi`, `e`, `i`, `oo`, `empty`, `R`, `Z`, `N`, `Q`, `C`, `undefined`."""

    name: str


@dataclass(frozen=True, slots=True)
class Words:
    """Text that is not mathematics: `even`, `cm^2`."""

    text: str


@dataclass(frozen=True, slots=True)
class Op:
    """An operation or container: `head` over `parts`.

    Values: add, mul, div, pow, neg, call (a known function, `name`), apply (an unknown one), big (sum, prod, int, lim:
    body, variable, from, to), percent, degree, plusminus, minusplus. Containers: tuple (`name` holds its two brackets),
    braces (`{1,2}` without backslash), set, list, union, intersection, difference, row, matrix, ratio. `relation` has
    its signs in `name`, separated by spaces; `labelled` is a value followed by words.
    """

    head: str
    parts: tuple[Node, ...]
    name: str = ""


Node = Number | Symbol | Constant | Words | Op

CONTAINERS = frozenset({"tuple", "braces", "set", "list", "union", "intersection", "difference", "matrix", "relation"})


class Token(NamedTuple):
    """One token: `kind` is number, name, word, command, text, mark or end; `spaced` says that space came before it."""

    kind: str
    text: str
    spaced: bool


def head_of(node: Node) -> str:
    """Return the head of a node, or nothing for a leaf."""
    return node.head if isinstance(node, Op) else ""


def is_op(node: Node | None, head: str) -> bool:
    """Whether a node has a certain head."""
    return isinstance(node, Op) and node.head == head


def parts_of(node: Node) -> tuple[Node, ...]:
    """Return the parts of a node; a leaf is its own only part."""
    return node.parts if isinstance(node, Op) else (node,)


def name_of(node: Node) -> str:
    """Return the name of an operation, or nothing."""
    return node.name if isinstance(node, Op) else ""


def number_of(node: Node) -> object:
    """Return the value of a literal with or without a minus; None for anything else."""
    if isinstance(node, Number):
        return node.value
    if isinstance(node, Op) and node.head == "neg" and isinstance(node.parts[0], Number):
        return -node.parts[0].value
    return None


def walk(node: Node) -> Iterator[Node]:
    """Yield a node and everything below it."""
    stack = [node]
    while stack:
        top = stack.pop()
        yield top
        if isinstance(top, Op):
            stack.extend(top.parts)


def symbols_of(node: Node) -> set[str]:
    """Return the names of the variables in a tree."""
    return {part.name for part in walk(node) if isinstance(part, Symbol)}


_JOINED = {"add": " + ", "mul": "*", "div": "/", "pow": "^", "ratio": ":", "list": ", ", "row": ", ", "union": " U "}
_JOINED |= {"intersection": " & ", "difference": " \\ "}
_BRACKETS = {"set": "{}", "braces": "{}", "matrix": "[]"}


def spell(node: Node) -> str:
    """Return one plain spelling of a tree, at most `MAX_FORM` characters long."""
    text = "".join(_spelled(node, [MAX_FORM + 1]))
    return text if len(text) <= MAX_FORM else text[: MAX_FORM - 3] + "..."


def _spelled(node: Node, left: list[int]) -> Iterator[str]:
    for piece in _pieces(node, left):
        left[0] -= len(piece)
        yield piece
        if left[0] < 0:
            return


def _pieces(node: Node, left: list[int]) -> Iterator[str]:
    if left[0] < 0:
        return
    if isinstance(node, Number):
        yield node.written[: MAX_FORM + 1]
    elif isinstance(node, Symbol | Constant):
        yield node.name
    elif isinstance(node, Words):
        yield node.text[: MAX_FORM + 1]
    elif node.head == "relation":
        signs = ["", *node.name.split()]
        for sign, side in zip(signs, node.parts, strict=True):
            yield f" {sign} " if sign else ""
            yield from _pieces(side, left)
    elif node.head in ("neg", "plusminus", "minusplus", "percent", "degree", "labelled"):
        yield {"neg": "-", "plusminus": "±", "minusplus": "∓"}.get(node.head, "") if len(node.parts) == 1 else ""
        yield from _joined(node.parts, {"labelled": " ", "minusplus": "∓"}.get(node.head, "±"), left)
        yield {"percent": "%", "degree": "°"}.get(node.head, "")
    elif node.head in ("call", "apply", "big"):
        square = node.name == "root" and node.parts[1] == Number(2, "2")
        yield "sqrt(" if square else f"{node.name}("
        yield from _joined(node.parts[:1] if square else node.parts, ", ", left)
        yield ")"
    elif node.head == "tuple":
        yield node.name[0]
        yield from _joined(node.parts, ", ", left)
        yield node.name[1]
    elif node.head in _BRACKETS:
        yield _BRACKETS[node.head][0]
        yield from _joined(node.parts, "; " if node.head == "matrix" else ", ", left)
        yield _BRACKETS[node.head][1]
    else:
        inner = node.head in ("add", "mul", "div", "pow")
        yield "(" if inner else ""
        yield from _joined(node.parts, _JOINED[node.head], left)
        yield ")" if inner else ""


def _joined(parts: tuple[Node, ...], between: str, left: list[int]) -> Iterator[str]:
    for number, part in enumerate(parts):
        if left[0] < 0:
            return
        if number:
            yield between
        yield from _pieces(part, left)
