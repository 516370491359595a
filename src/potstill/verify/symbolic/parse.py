"""Tokens to a tree: a precedence parser whose depth is bounded, so that no input can exhaust the stack."""

from __future__ import annotations

from functools import lru_cache

from potstill.verify.symbolic.functions import POWER, SUM, Functions
from potstill.verify.symbolic.literals import phrase, wrapped
from potstill.verify.symbolic.operands import MATRICES, OPENERS, SIGN
from potstill.verify.symbolic.products import divided, times
from potstill.verify.symbolic.signs import expand_signs, gather
from potstill.verify.symbolic.tokens import tokenize
from potstill.verify.symbolic.tree import Node, Number, Op, Symbol, Token, TooCostlyError, UnparsableError, Words, walk

_RELATIONS = frozenset(["=", "<", ">", "<=", ">=", "!=", "~", "equiv", "in", "to"])
_SEPARATORS = frozenset([",", ";", "and", "or", "newline"])
_CLOSERS = frozenset([")", "]", "}", "\\}", "rvert", "rfloor", "rceil", "rangle", "&", "mid"])
_UNION, _RATIO, _RESIDUE, _PRODUCT, _POSTFIX = 10, 14, 16, 30, 60
_INFIX = {
    "cup": _UNION, "cap": _UNION, "setminus": _UNION, ":": _RATIO, "pmod": _RESIDUE, "+": SUM, "-": SUM, "pm": SUM,
    "mp": SUM, "*": _PRODUCT, "/": _PRODUCT, "choose": _PRODUCT, "^": POWER, "!": _POSTFIX, "%": _POSTFIX,
    "degree": _POSTFIX, "circ": _POSTFIX, "!=": _POSTFIX,
}  # fmt: skip
"""How tightly each operator binds its operands; between `*` and `^` comes a sign."""
_STARTS = frozenset(["number", "name", "constant", "function", "command", "begin"])
_MAX_POSTFIXES = 8
_REMEMBERED = 300


def parse(text: str, *, grouped: bool = True) -> Node:
    """Return the tree of an answer, in LaTeX, plain or Python notation.

    `grouped`: whether a bare `1,234` outside brackets is one number. A ± is already written out as a list of its cases.
    Raises `UnparsableError` where the text is no mathematics, `TooCostlyError` where it is too much of it.
    """
    try:
        return _remembered(text, grouped) if len(text) <= _REMEMBERED else _read(text, grouped)
    except RecursionError:
        raise TooCostlyError("nested too deep for the stack that is left") from None


@lru_cache(maxsize=2_048)
def _remembered(text: str, grouped: bool) -> Node:
    """Read a short answer; the same gold comes back for every sample, and long ones would fill the memory."""
    return _read(text, grouped)


def _read(text: str, grouped: bool) -> Node:
    known = phrase(text)
    if known is not None:
        return known
    inside = wrapped(text)
    if inside is not None:
        try:
            return parse(inside, grouped=grouped)
        except UnparsableError:
            return Words(inside.strip())
    tokens = tokenize(text, grouped=grouped)
    node = _Parser(tokens).whole()
    if any(token.text in ("pm", "mp") for token in tokens):
        node = expand_signs(node)
    if any(token.kind in ("word", "text") for token in tokens):
        return _spoken(node, text)
    return node


def _spoken(node: Node, text: str) -> Node:
    """Return the tree of an answer with words in it: a value and its label, a list of such, or words alone.

    Raises `UnparsableError` for sentences, where words and mathematics are mixed in other ways.
    """
    if isinstance(node, Words):
        return node
    several = isinstance(node, Op) and node.head in ("list", "set", "tuple", "braces", "relation")
    for item in node.parts if isinstance(node, Op) and several else (node,):
        value = item.parts[0] if isinstance(item, Op) and item.head == "labelled" else item
        if isinstance(item, Words) and several:
            continue
        if any(isinstance(part, Words) for part in walk(value)):
            if any(c.isdigit() or c in "\\=<>$" for c in text):
                raise UnparsableError("a sentence")
            return Words(text.strip(" ."))
    return node


class _Parser(Functions):
    """Operators by how tightly they bind, relations, and lists."""

    def whole(self) -> Node:
        if self.token.kind == "end":
            raise UnparsableError("empty")
        items, separators = self.listing()
        if self.token.kind != "end":
            raise UnparsableError(f"{self.token.text[:20]!r} is out of place")
        return items[0] if len(items) == 1 else gather(items, separators)

    def listing(self) -> tuple[list[Node], set[str]]:
        """Read items up to a closing mark, with the separators that stood between them."""
        items, separators = [self.relation()], set()
        while self.mark(*_SEPARATORS):
            separators.add(self.token.text)
            while self.take(*_SEPARATORS):
                pass
            if self.token.kind == "end" or self.mark(*_CLOSERS):
                break
            items.append(self.relation())
        return items, separators

    def relation(self) -> Node:
        if self.aligned:
            while self.take("&"):
                pass
        sides = [] if self.mark("~", "=") else [self.expression(0)]
        signs: list[str] = []
        while self.token.kind == "mark" and self.token.text in _RELATIONS:
            signs.append(self.token.text)
            self.at += 1
            if self.aligned:
                self.take("&")
            sides.append(self.expression(0))
        if len(signs) == len(sides):
            signs = signs[1:]
        return Op("relation", tuple(sides), " ".join(signs)) if signs else sides[0]

    def expression(self, least: int) -> Node:
        """Read a value whose operators bind tighter than `least`."""
        self.descend()
        left = self.prefix()
        postfixes = 0
        while True:
            kind, text, spaced = self.token
            if self.aligned and text == "&" and self.take("&"):
                continue
            if kind == "mark" and text in _INFIX:
                power = _INFIX[text]
                if power <= least or (text == "!=" and (spaced or self.tokens[self.at - 1].kind != "number")):
                    break
                postfixes += power == _POSTFIX
                if postfixes > _MAX_POSTFIXES:
                    raise TooCostlyError("too many postfix operators")
                self.at += 1
                left = self.infix(left, text)
            elif kind in ("word", "text"):
                if least >= SUM:
                    break
                left = self.label(left)
            elif least < _PRODUCT and self.starts_factor():
                left = self.juxtaposed(left)
            else:
                break
        self.ascend()
        return left

    def starts_factor(self) -> bool:
        kind, text, _ = self.token
        if kind == "mark":
            return text in OPENERS and not (text == "|" and self.bars)
        return kind in _STARTS and not (kind == "begin" and text not in MATRICES)

    def prefix(self) -> Node:
        negative = signed = False
        while self.mark("+", "-"):
            negative, signed = negative != (self.token.text == "-"), True
            self.at += 1
        if self.mark("pm", "mp"):
            head = "plusminus" if self.token.text == "pm" else "minusplus"
            self.at += 1
            node: Node = Op(head, (self.expression(SUM),))
        elif signed:
            node = self.expression(SIGN)
            if isinstance(node, Op) and node.head == "labelled":
                return Op("labelled", (Op("neg", node.parts[:1]), node.parts[1])) if negative else node
        else:
            return self.primary()
        return Op("neg", (node,)) if negative else node

    def infix(self, left: Node, text: str) -> Node:
        if text in ("+", "-"):
            term = self.expression(SUM)
            if text == "-":
                term = Op("neg", (term,))
            return Op("add", (*(left.parts if isinstance(left, Op) and left.head == "add" else (left,)), term))
        if text == "*":
            return times(left, self.expression(_PRODUCT))
        if text == "/":
            return divided(left, self.expression(_PRODUCT))
        if text == "^":
            return self.power(left)
        if text in ("!", "!="):
            self.at -= text == "!="
            self.tokens[self.at] = Token("mark", "=", False) if text == "!=" else self.tokens[self.at]
            return Op("call", (left,), "factorial")
        if text == "%":
            return Op("percent", (left,))
        if text in ("degree", "circ"):
            return Op("degree", (left,))
        return self.rare_infix(left, text)

    def rare_infix(self, left: Node, text: str) -> Node:
        if text in ("pm", "mp"):
            return Op("plusminus" if text == "pm" else "minusplus", (left, self.expression(SUM)))
        if text == "choose":
            return Op("call", (left, self.expression(_PRODUCT)), "binom")
        if text == "pmod":
            return Op("call", (left, self.argument()), "residue")
        head = {"cup": "union", "cap": "intersection", "setminus": "difference", ":": "ratio"}[text]
        right = self.expression(_INFIX[text])
        if isinstance(left, Op) and left.head == head and head != "difference":
            return Op(head, (*left.parts, right))
        return Op(head, (left, right))

    def power(self, base: Node) -> Node:
        if self.mark("circ", "degree") or (self.mark("{") and self.tokens[self.at + 1].text in ("circ", "degree")):
            braced = self.take("{")
            self.at += 1
            if braced:
                self.expect("}")
            return Op("degree", (base,))
        if self.mark("'"):
            raise UnparsableError("a prime as exponent")
        if self.mark("{") and self.tokens[self.at + 1].kind in ("text", "word"):
            ordinal = self.tokens[self.at + 1].text in ("st", "nd", "rd", "th")
            if ordinal and self.tokens[self.at + 2].text == "}":
                self.at += 3
                return base
        exponent = self.argument() if self.mark("{", "(") else self.expression(POWER - 1)
        if isinstance(base, Op) and base.head == "tuple" and exponent == Symbol("T"):
            return base  # a column written as a row; vectors compare either way
        if isinstance(base, Op) and base.head == "matrix" and exponent == Symbol("T"):
            return Op("matrix", tuple(Op("row", column) for column in zip(*_rows(base), strict=True)))
        return Op("pow", (base, exponent))

    def label(self, left: Node) -> Node:
        """Attach the words after a value: `%`, `°`, or a unit with its exponent."""
        word = self.token.text
        self.at += 1
        plain = word.lower().strip(" .")
        if plain in ("percent", "pct", "percentage", "per cent"):
            return Op("percent", (left,))
        if plain in ("degrees", "degree", "deg"):
            return Op("degree", (left,))
        if plain in ("radians", "rad", "radian"):
            return left
        if self.mark("^"):
            self.at += 1
            word += f"^{_exponent_of(self.argument())}"
        if isinstance(left, Op) and left.head == "labelled":
            return Op("labelled", (left.parts[0], Words(f"{left.parts[1].text} {word}")))  # type: ignore[union-attr]
        if isinstance(left, Words):
            return Words(f"{left.text} {word}")
        return Op("labelled", (left, Words(word)))

    def juxtaposed(self, left: Node) -> Node:
        """Multiply by what follows without a sign."""
        if self.token.kind == "number" and isinstance(left, Number):
            raise UnparsableError("two numbers side by side")
        right = self.expression(_PRODUCT)
        if isinstance(left, Op) and left.head == "tuple" and isinstance(right, Op) and right.head == "tuple":
            raise UnparsableError("two tuples side by side")
        return times(left, right)


def _rows(matrix: Op) -> list[tuple[Node, ...]]:
    return [row.parts for row in matrix.parts if isinstance(row, Op)]


def _exponent_of(node: Node) -> str:
    sign = ""
    if isinstance(node, Op) and node.head == "neg":
        sign, node = "-", node.parts[0]
    if not isinstance(node, Number) or len(node.written) > 3:
        raise UnparsableError("a unit with this exponent")
    return sign + node.written
