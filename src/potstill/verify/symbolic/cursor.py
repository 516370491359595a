"""Where a parser stands: its tokens and position, how deep it is, and what all of its parts share."""

from __future__ import annotations

from abc import abstractmethod

from potstill.verify.symbolic.tree import MAX_NESTING, Node, Token, TooCostlyError, UnparsableError

LAYOUTS = frozenset(
    ["align", "align*", "equation", "equation*", "gather", "gather*", "aligned", "gathered", "split", "cases"]
)
_FUNCTION_LETTERS = frozenset("fghFGH")


class Cursor:
    """A position in tokens; every method leaves it behind what it has read.

    `bars` counts the absolute values that are open, in which `|` closes, `integrals` the integrals, in which
    `dx` ends the argument of a function; `aligned` says that `&` is layout.
    """

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = [token for token in tokens if not (token.kind in ("begin", "finish") and token.text in LAYOUTS)]
        self.aligned = len(self.tokens) != len(tokens)
        self.at = 0
        self.nesting = 0
        self.bars = 0
        self.integrals = 0
        self.applied = self._defined()

    def _defined(self) -> frozenset[str]:
        """Letters that are functions here: `f`, `g`, `h`, and `P` in `P(x) = ...`."""
        first = [token.text for token in self.tokens[:8]]
        if len(first) > 4 and self.tokens[0].kind == "name" and first[1] == "(" and ")" in first:
            close = first.index(")")
            if first[close + 1 : close + 2] == ["="]:
                return _FUNCTION_LETTERS | {first[0]}
        return _FUNCTION_LETTERS

    @property
    def token(self) -> Token:
        """Return the token that comes next."""
        return self.tokens[self.at]

    def mark(self, *texts: str) -> bool:
        """Whether the next token is one of some marks."""
        token = self.tokens[self.at]
        return token.kind == "mark" and token.text in texts

    def take(self, *texts: str) -> bool:
        """Read one of some marks if it comes next."""
        if self.mark(*texts):
            self.at += 1
            return True
        return False

    def expect(self, *texts: str) -> str:
        """Read one of some marks; raises `UnparsableError` for anything else."""
        token = self.token
        if not self.take(*texts):
            raise UnparsableError(f"expected {' or '.join(texts)} before {token.text[:20] or 'the end'!r}")
        return token.text

    def descend(self) -> None:
        """Note that something nested follows; raises `TooCostlyError` below `MAX_NESTING`."""
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            raise TooCostlyError(f"nested deeper than {MAX_NESTING}")

    def ascend(self) -> None:
        """Note that it is over."""
        self.nesting -= 1

    def items(self) -> tuple[list[Node], set[str]]:
        """Read a listing inside brackets, where `|` opens and closes anew."""
        bars, self.bars = self.bars, 0
        found = self.listing()
        self.bars = bars
        return found

    @abstractmethod
    def listing(self) -> tuple[list[Node], set[str]]:
        """Read items up to a closing mark, with the separators that stood between them."""

    @abstractmethod
    def expression(self, least: int) -> Node:
        """Read a value whose operators bind tighter than `least`."""

    @abstractmethod
    def infix(self, left: Node, text: str) -> Node:
        """Read what follows an operator and return both sides under it."""
