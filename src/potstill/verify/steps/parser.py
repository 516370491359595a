"""The parser: from the tokens of a step to an expression, with what is doubtful about reading it so.

Our own recursive descent; brackets, tokens and words are bounded, and no bracket is tried twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from potstill.verify.steps.expressions import Applied, Node, Number, Product, Sum
from potstill.verify.steps.tokens import Token
from potstill.verify.steps.units import UNITS
from potstill.verify.steps.words import COUNTING, ENDING

MAX_DEPTH = 40
MAX_WORDS = 8
"""Words that may stand between a number and the next sign."""
MOST_CLOSING = 4
"""Words at the end of a text that may name what a number counts."""
_OPERANDS = frozenset(("number", "(", "fraction", "root", "-", "+"))


@dataclass(slots=True)
class Parsed:
    """An expression with where it ends (the index after its last token) and what is doubtful about it.

    `features` names what has several readings; `operators` counts written operations; `bridged` is the longest run of
    words that the parser took for a unit; `doubtful` marks a reading that a mismatch must not be blamed on.
    """

    node: Node
    end: int
    features: set[str]
    operators: int
    bridged: int
    doubtful: bool
    units: set[str]


@dataclass(slots=True)
class Parser:
    """Reads one expression from `tokens[:end]`, once; `reached` is the furthest token looked at in vain.

    `names` holds the values of variables that may be read as numbers.
    """

    tokens: Sequence[Token]
    end: int
    gap_product: bool = True
    features: set[str] = field(default_factory=set)
    operators: int = 0
    bridged: int = 0
    doubtful: bool = False
    depth: int = 0
    reached: int = 0
    names: Mapping[str, Fraction] = field(default_factory=dict)
    failed: set[int] = field(default_factory=set)
    units: set[str] = field(default_factory=set)

    def parse(self, at: int) -> Parsed | None:
        """Return the longest expression that starts at a token, or None."""
        self.reached = at
        found = self._sum(at)
        if found is None:
            return None
        return Parsed(*found, self.features, self.operators, self.bridged, self.doubtful, self.units)

    def _kind(self, at: int) -> str:
        return self.tokens[at].kind if at < self.end else "end"

    def _sum(self, at: int) -> tuple[Node, int] | None:
        if self.depth > MAX_DEPTH:
            return None
        self.depth += 1
        first = self._product(at)
        self.depth -= 1
        if first is None:
            return None
        node, at = first
        terms = [(1, node)]
        while self._kind(at) in ("+", "-"):
            following = self._product(at + 1)
            if following is None:
                break
            terms.append((1 if self.tokens[at].kind == "+" else -1, following[0]))
            self.operators += 1
            at = following[1]
        return (Sum(tuple(terms)) if len(terms) > 1 else terms[0][1]), at

    def _product(self, at: int) -> tuple[Node, int] | None:
        first = self._signed(at)
        if first is None:
            return None
        node, at = first
        factors = [(1, False, node)]
        while True:
            sign, start = self._joining(at, factors[-1][2])
            if not sign:
                break
            tight = start > at and not self.tokens[at].spaced and self.tokens[at].glued
            following = self._signed(start)
            if following is None:
                break
            if sign == "beside":
                self.features.add("beside")
                self.doubtful = self.doubtful or self.tokens[start].spaced
            self.features.update(name for name, is_so in (("tight", tight), ("of", sign == "of")) if is_so)
            factors.append((-1 if sign == "/" else 1, tight, following[0]))
            self.operators += 1
            at = following[1]
        return (Product(tuple(factors)) if len(factors) > 1 else factors[0][2]), at

    def _joining(self, at: int, before: Node) -> tuple[str, int]:
        """Return how the operand that ends before `at` is multiplied or divided by the next, or an empty sign."""
        kind = self._kind(at)
        if kind in ("*", "/"):
            return kind, at + 1
        if kind == "x":
            if self._is_times(at):
                self.doubtful = self.doubtful or self.tokens[at].text == "times"  # `20 times 2 people came`
                return "*", at + 1
            return "", at
        if kind == "of":
            share = isinstance(before, Product | Applied) or self.tokens[at - 1].kind in ("%", "number", ")")
            return ("of", at + 1) if share else ("", at)
        if kind in ("(", "fraction", "root"):
            spaced = self.tokens[at].spaced and self.tokens[at - 1].kind != ")"
            return ("beside", at) if self.gap_product or not spaced else ("", at)
        if kind == "number" and self.tokens[at - 1].kind == ")" and not self.tokens[at].spaced:
            return "beside", at
        return "", at

    def _is_times(self, at: int) -> bool:
        """Tell the sign of multiplication in `5 x 3` or `5x3` from the variable in `5x - 3`."""
        sign, following = self.tokens[at], self._kind(at + 1)
        if following in ("number", "(", "fraction", "root"):
            self.doubtful = self.doubtful or (not sign.spaced and sign.glued)  # `36x2` may have lost its power
            return True
        return following == "-" and sign.spaced and not sign.glued and self.tokens[at + 1].glued

    def _signed(self, at: int) -> tuple[Node, int] | None:
        negative, signs = False, 0
        while self._kind(at) in ("+", "-") and signs < 8:
            negative ^= self.tokens[at].kind == "-"
            at, signs = at + 1, signs + 1
        found = self._power(at)
        if found is None or not negative:
            return found
        return Applied("-", (found[0],)), found[1]

    def _power(self, at: int) -> tuple[Node, int] | None:
        found = self._operand(at)
        if found is None:
            return None
        node, at = found
        if self._kind(at) != "^":
            return node, self._after_words(at)
        exponent = self._signed_atom(at + 1)
        if exponent is None:
            self.reached = max(self.reached, at)
            return None
        self.operators += 1
        return Applied("^", (node, exponent[0])), self._after_words(exponent[1])

    def _signed_atom(self, at: int) -> tuple[Node, int] | None:
        if self._kind(at) == "-":
            found = self._atom(at + 1)
            return None if found is None else (Applied("-", (found[0],)), found[1])
        return self._atom(at)

    def _operand(self, at: int) -> tuple[Node, int] | None:
        """Read one operand with the percent or factorial signs after it."""
        found = self._atom(at)
        if found is None:
            self.reached = max(self.reached, at)
            return None
        node, at = found
        for _ in range(2):
            if self._kind(at) == "%":
                if self._kind(at + 1) in ("number", "("):
                    self.doubtful = True  # perhaps a remainder
                self.features.add("percent")
                node, at = Applied("%", (node,)), at + 1
            elif self._kind(at) == "!" and not self.tokens[at].spaced:
                self.features.add("shout")
                self.operators += 1
                node, at = Applied("!", (node,)), at + 1
        return node, at

    def _atom(self, at: int) -> tuple[Node, int] | None:
        kind = self._kind(at)
        if kind == "number":
            return self._number(at)
        if kind == "variable" and self.tokens[at].text in self.names:
            return Number(self.names[self.tokens[at].text], 0, ""), at + 1
        if kind == "(":
            return self._bracket(at)
        if kind == "fraction":
            above = self._group(at + 1)
            below = self._group(above[1]) if above is not None else None
            if above is None or below is None:
                return None
            self.features.add("fraction")
            return Product(((1, False, above[0]), (-1, True, below[0]))), below[1]
        if kind == "root":
            inside = self._number(at + 1) if self._kind(at + 1) == "number" else self._group(at + 1)
            self.operators += 1
            return None if inside is None else (Applied("root", (inside[0],)), inside[1])
        return None

    def _group(self, at: int) -> tuple[Node, int] | None:
        return self._bracket(at) if self._kind(at) == "(" else None

    def _bracket(self, at: int) -> tuple[Node, int] | None:
        inside = None if at in self.failed else self._sum(at + 1)
        if inside is None or self._kind(inside[1]) != ")":
            self.failed.add(at)  # else hostile nesting would be tried again at every level
            self.reached = max(self.reached, at if inside is None else inside[1])
            return None
        return inside[0], inside[1] + 1

    def _number(self, at: int) -> tuple[Node, int] | None:
        token = self.tokens[at]
        number = Number(token.value, token.decimals, self._unit(at))
        if token.decimals >= 2:
            self.features.add("decimals")
        mixed = [self._kind(at + offset) for offset in range(1, 4)] == ["number", "/", "number"]
        if mixed and token.value.denominator == 1 and self.tokens[at + 1].value < self.tokens[at + 3].value:
            self.features.add("mixed")
            part = Product(((1, False, self._plain(at + 1)), (-1, True, self._plain(at + 3))))
            return Applied("mixed", (number, part)), at + 4
        if self._kind(at + 1) == "fraction" and token.value.denominator == 1:
            part_found = self._atom(at + 1)
            if part_found is not None:
                self.features.add("mixed")
                return Applied("mixed", (number, part_found[0])), part_found[1]
        return number, at + 1

    def _plain(self, at: int) -> Number:
        return Number(self.tokens[at].value, self.tokens[at].decimals, "")

    def _unit(self, at: int) -> str:
        """Return the first known unit among the words right after a number, else `dollar` for money."""
        named = ""
        for index in range(at + 1, min(at + 4, self.end)):
            word = self.tokens[index].text
            if self.tokens[index].kind != "word":
                break
            named = next((name for name in (word, word.lower()) if name in UNITS), "")
            if named:
                break
        if len(named) == 1 and named.isalpha() and self.tokens[at].glued:
            self.doubtful = True  # `5s`: seconds, or a variable
        if self.tokens[at].money and "count" not in UNITS.get(named, ()):
            named = "dollar"
        if named:
            self.units.add(named)
        return named

    def _after_words(self, at: int) -> int:
        """Return the index after the words of a unit, if a sign that goes on with the expression follows them."""
        index = at
        while index < self.end and index - at <= MAX_WORDS:
            token = self.tokens[index]
            following = self._kind(index + 1)
            if (token.kind == "word" and token.text.lower() not in ENDING) or (token.kind == "of" and index > at):
                index += 1
            elif token.kind == "(" and self._words_in_bracket(index) > 0:
                index = self._words_in_bracket(index)
            elif (token.kind, following) == ("/", "word") or (
                (token.kind, following) == ("^", "number") and index > at
            ):
                index += 2
            else:
                break
        if index >= len(self.tokens) and index - at > MOST_CLOSING:
            return at  # the sentence goes on with other things: `1200 seconds to fold all boxes`
        goes_on = index >= self.end or self._kind(index) in (")", "=", "~")
        joins = self._kind(index) in ("+", "-", "*", "/", "x") and self._kind(index + 1) in _OPERANDS
        if index == at or not (goes_on or joins):
            return at
        self.doubtful = self.doubtful or any(token.text.lower() in COUNTING for token in self.tokens[at:index])
        self.bridged = max(self.bridged, index - at)
        return index

    def _words_in_bracket(self, at: int) -> int:
        """Return the index after `(for lunch)`, or 0 where the bracket holds more than words."""
        for index in range(at + 1, min(at + MAX_WORDS, self.end)):
            if self.tokens[index].kind == ")":
                return index + 1
            if self.tokens[index].kind not in ("word", "of"):
                return 0
        return 0
