"""Operands: literals, names with their indices, brackets and matrices."""

from __future__ import annotations

from abc import abstractmethod

from potstill.verify.numerals import number_in_words
from potstill.verify.symbolic.cursor import Cursor
from potstill.verify.symbolic.literals import literal, mixed
from potstill.verify.symbolic.signs import gather
from potstill.verify.symbolic.tree import Constant, Node, Op, Symbol, TooCostlyError, UnparsableError, Words

SIGN = 35
"""How tightly a sign binds; see `parse`."""
OPENERS = frozenset(["(", "[", "{", "\\{", "|", "lvert", "lfloor", "lceil", "langle"])
_INVERSE = ["^", "{", "-", "1", "}", "("]
MATRICES = frozenset(["pmatrix", "bmatrix", "matrix", "Bmatrix", "smallmatrix", "array", "psmallmatrix"])


class Operands(Cursor):
    """Reads one operand at a time."""

    @abstractmethod
    def function(self, name: str) -> Node:
        """Read what follows the name of a known function."""

    @abstractmethod
    def command(self, name: str) -> Node:
        """Read what follows a command with arguments."""

    def primary(self) -> Node:
        """Read one operand. Raises `UnparsableError` where none comes next."""
        kind, text, _ = self.token
        if kind == "number":
            self.at += 1
            return self.number(text)
        if kind == "name":
            self.at += 1
            return self.named(text)
        if kind == "constant":
            self.at += 1
            return self.subscripted(text) if self.mark("_") else Constant(text)
        if kind == "function":
            self.at += 1
            return self.function(text)
        if kind == "command":
            self.at += 1
            return self.command(text)
        if kind in ("word", "text"):
            self.at += 1
            return Words(text)
        if kind == "begin" and text in MATRICES:
            self.at += 1
            return self.matrix()
        if kind == "mark" and text in (*OPENERS, "]"):
            self.at += 1
            return self.group(text)
        if text in ("dots", "neg", "propto", "perp", "parallel", "iff") or kind == "begin":
            raise TooCostlyError(f"{text} is not compared")
        raise UnparsableError(f"a value is missing before {text[:20] or 'the end'!r}")

    def number(self, text: str) -> Node:
        """Read the base, the fraction of a mixed number, or the groups of digits that may follow a number."""
        if "_" in text or not self.mark("_"):
            node = literal(text)
            found = mixed(node, self.tokens, self.at)
            if found is None:
                return node
            whole, self.at = found
            return whole
        self.at += 1
        start = self.at
        index = self.argument()
        inside = [token for token in self.tokens[start : self.at] if token.text not in ("{", "}")]
        base = inside[0].text if len(inside) == 1 else ""
        digits = base if inside[0].kind == "number" else str(number_in_words(base.lower()) or "")
        return literal(f"{text}_{digits}") if digits else Op("apply", (index,), f"{text[:40]}_")

    def named(self, name: str) -> Node:
        """Read the primes, index and arguments that may follow a name."""
        primes = 0
        while self.take("'"):
            primes += 1
        if primes > 4:
            raise UnparsableError("too many primes")
        if name in self.applied and [token.text for token in self.tokens[self.at : self.at + 6]] == _INVERSE:
            self.at += 5
            name, primes = f"{name}^-1", 1
        node = self.subscripted(name) if self.mark("_") else Symbol(name + "'" * primes)
        if isinstance(node, Symbol) and self.mark("(") and (name in self.applied or primes):
            self.at += 1
            arguments, _ = self.listing()
            self.expect(")")
            return Op("apply", tuple(arguments), node.name)
        return node

    def subscripted(self, name: str) -> Node:
        """Read `x_1` or `x_{max}` as one name, and `F_{n-1}` as an unknown function of its index."""
        self.at += 1
        start = self.at
        index = self.argument()
        inside = [token for token in self.tokens[start : self.at] if token.text not in ("{", "}")]
        if all(token.kind in ("number", "text", "word") for token in inside):
            return Symbol(f"{name}_{''.join(token.text for token in inside)[:40]}")
        if len(inside) > 1 and all(token.kind in ("name", "constant") for token in inside):
            return Symbol(f"{name}_{''.join(token.text for token in inside)[:40]}")
        return Op("apply", (index,), f"{name}_")

    def argument(self) -> Node:
        """Read a braced group, a bracketed one, or one single operand with its sign."""
        self.descend()
        if self.take("{"):
            node = self.closed("}")
        elif self.take("("):
            node = self.group("(")
        elif self.mark("+", "-"):
            node = self.expression(SIGN)
        else:
            node = self.primary()
        self.ascend()
        return node

    def closed(self, closer: str) -> Node:
        """Read what stands before a closing mark."""
        items, separators = self.items()
        self.expect(closer)
        if len(items) == 1:
            return items[0]
        return gather(items, separators, "braces")

    def group(self, opener: str) -> Node:
        """Read what stands inside a bracket that has been opened."""
        if opener in ("|", "lvert"):
            self.bars += opener == "|"
            inner = self.expression(0)
            self.bars -= opener == "|"
            self.expect("|" if opener == "|" else "rvert", "|")
            return Op("call", (inner,), "abs")
        if opener in ("lfloor", "lceil"):
            name = "floor" if opener == "lfloor" else "ceil"
            return Op("call", (self.closed(f"r{opener[1:]}"),), name)
        if opener == "\\{":
            return self.set_group()
        if opener == "{":
            return Constant("empty") if self.take("}") else self.closed("}")
        if opener == "(" and self.token.text == "mod":
            raise TooCostlyError("a residue class")
        if opener == "[" and self.take("]"):
            return Constant("empty")
        items, separators = self.items()
        opener = {"langle": "(", "]": "("}.get(opener, opener)
        closed = self.expect(")", "]", "rangle", "[")
        closer = {"rangle": ")", "[": ")"}.get(closed, closed)
        if len(items) == 1 and opener == "(" and closer == ")":
            return items[0]
        if "or" in separators or "and" in separators:
            raise UnparsableError("words inside brackets")
        if len(items) == 1 and isinstance(items[0], Op) and items[0].head == "matrix":
            return items[0]
        rows = [item for item in items if isinstance(item, Op) and item.head == "tuple" and item.name == "[]"]
        if opener == "[" and closer == "]" and len(rows) == len(items) and len({len(row.parts) for row in rows}) == 1:
            return Op("matrix", tuple(Op("row", row.parts) for row in rows))
        return Op("tuple", tuple(items), opener + closer)

    def set_group(self) -> Node:
        """Read the items of a set, or the condition that describes it."""
        if self.take("\\}"):
            return Constant("empty")
        bars, self.bars = self.bars, self.bars + 1
        items, _ = self.listing()
        self.bars = bars
        if len(items) == 1 and self.take("mid", "|", ":"):
            conditions, _ = self.listing()
            self.expect("\\}", "}")
            named = isinstance(items[0], Symbol) or (isinstance(items[0], Op) and items[0].head == "relation")
            if named and len(conditions) == 1 and _describes(conditions[0]):
                return conditions[0]
            raise TooCostlyError("a set given by a condition")
        self.expect("\\}", "}")
        condition = _condition(items[0])
        if condition is None:
            return Op("set", tuple(items))
        if len(items) > 1 or not _describes(condition):
            raise TooCostlyError("a set given by several conditions, or by an equation")
        return condition

    def matrix(self) -> Node:
        """Read the rows of a matrix up to its end."""
        self.descend()
        rows: list[list[Node]] = [[]]
        while True:
            rows[-1].append(self.expression(0))
            if self.take("&"):
                continue
            if self.take("newline") and self.token.kind != "finish":
                rows.append([])
                continue
            break
        if self.token.kind != "finish":
            raise UnparsableError("a matrix without its end")
        self.at += 1
        self.ascend()
        if len({len(row) for row in rows}) != 1:
            raise UnparsableError("a matrix with rows of different lengths")
        return Op("matrix", tuple(Op("row", tuple(row)) for row in rows))

    def number_set(self, name: str) -> Node:
        """Read `R`, `R^+`, `R^2` after `\\mathbb`."""
        if self.mark("^", "_"):
            following = self.tokens[self.at + 1 : self.at + 4]
            if following[0].text in ("+", "-", "*"):
                self.at += 2
                return Constant(name + following[0].text)
            if following[0].text == "{" and following[1].text in ("+", "-", "*") and following[2].text == "}":
                self.at += 4
                return Constant(name + following[1].text)
        return Constant(name)


def _describes(condition: Node) -> bool:
    """Whether a condition says outright which values meet it: an inequality, or an equation for a name alone."""
    if not isinstance(condition, Op) or condition.head != "relation":
        return False
    return condition.name != "=" or any(isinstance(side, Symbol) for side in condition.parts)


def _condition(item: Node) -> Op | None:
    """Return the condition of `x : x > 2`, where the colon was read as a ratio of the sides that it stands between."""
    if not isinstance(item, Op) or item.head != "relation":
        return None
    for number, side in enumerate(item.parts):
        if isinstance(side, Op) and side.head == "ratio" and len(side.parts) == 2:
            signs = item.name.split()[number:]
            return Op("relation", (side.parts[1], *item.parts[number + 1 :]), " ".join(signs)) if signs else None
    return None
