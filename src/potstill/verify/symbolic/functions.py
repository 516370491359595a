"""Functions with and without brackets, roots, fractions, binomials, sums and integrals."""

from __future__ import annotations

from potstill.verify.symbolic.literals import literal
from potstill.verify.symbolic.operands import Operands
from potstill.verify.symbolic.products import divided, product
from potstill.verify.symbolic.tree import Constant, Node, Number, Op, Symbol, TooCostlyError, UnparsableError

SUM, POWER = 20, 50
"""How tightly signs between terms and exponents bind; see `parse`."""
_INVERSES = {
    "sin": "arcsin", "cos": "arccos", "tan": "arctan", "cot": "arccot", "sec": "arcsec", "csc": "arccsc",
    "sinh": "arcsinh", "cosh": "arccosh", "tanh": "arctanh",
}  # fmt: skip
_NUMBER_SETS = frozenset("RZNQC")


class Functions(Operands):
    """Reads what commands and function names take."""

    def function(self, name: str) -> Node:
        """Read what follows the name of a known function: an index, an exponent, and its arguments."""
        if name == "mod":
            raise TooCostlyError("a residue class")
        if name in ("sqrt", "cbrt"):
            return self.root(3 if name == "cbrt" else 2)
        base: Node | None = None
        exponent: Node | None = None
        for _ in range(2):
            if base is None and self.take("_"):
                base = self.argument()
            elif exponent is None and self.take("^"):
                exponent = self.argument() if self.mark("{", "(") else self.expression(POWER - 1)
        if name in _INVERSES and exponent in (Op("neg", (Number(1, "1"),)), Number(-1, "-1")):
            name, exponent = _INVERSES[name], None
        arguments = self.function_arguments()
        if name == "log" and base is not None:
            arguments = (*arguments, base)
        elif base is not None:
            raise TooCostlyError(f"{name} with a subscript")
        if name == "lg":
            name, arguments = "log", (*arguments, Number(10, "10"))
        node: Node = Op("pow", (Constant("e"), arguments[0])) if name == "exp" else Op("call", arguments, name)
        return node if exponent is None else Op("pow", (node, exponent))

    def function_arguments(self) -> tuple[Node, ...]:
        """Read arguments in brackets, or what stands beside the name without any."""
        if self.mark("(", "[", "{"):
            closer = {"(": ")", "[": "]", "{": "}"}[self.token.text]
            self.at += 1
            items, _ = self.items()
            self.expect(closer)
            return tuple(items)
        if self.mark("|", "lvert", "lfloor", "lceil"):
            return (self.primary(),)
        return (self.bare_argument(),)

    def bare_argument(self) -> Node:
        """Read what a function without brackets takes: `\\sin 2x`, up to the next sign, bracket or function."""
        negative = self.take("-")
        self.descend()
        node = product(self.bare_factors())
        self.ascend()
        return Op("neg", (node,)) if negative else node

    def bare_factors(self) -> list[Node]:
        """Read factors side by side; a number or fraction only ever comes first."""
        factors = [self.factor()]
        while self.token.kind in ("name", "constant", "number") or (
            self.token.kind == "command" and self.token.text == "frac"
        ):
            if self.token.kind == "number" or (self.token.kind == "command" and isinstance(factors[-1], Number)):
                break
            if self.integrals and self.token.text == "d" and self.tokens[self.at + 1].kind == "name":
                break
            factors.append(self.factor())
        if self.mark("/") and self.tokens[self.at + 1].kind == "number" and not self.tokens[self.at].spaced:
            self.at += 1
            factors = [divided(product(factors), self.factor())]
        return factors

    def factor(self) -> Node:
        """Read an operand with its exponents and factorials."""
        node = self.primary()
        while self.mark("^", "!", "degree", "circ"):
            text = self.token.text
            self.at += 1
            node = self.infix(node, text)
            if isinstance(node, Op) and node.head == "call" and self.mark("!"):
                raise TooCostlyError("factorial of a factorial")
        return node

    def root(self, degree: int) -> Node:
        """Read the radicand, and the degree where `[3]` or a second argument gives one."""
        index: Node = Number(degree, str(degree))
        if self.take("["):
            index = self.closed("]")
        if self.mark("("):
            arguments = self.function_arguments()
            if len(arguments) > 2:
                raise UnparsableError("sqrt of several values")
            return Op("call", (arguments[0], arguments[1] if len(arguments) == 2 else index), "root")
        return Op("call", (self.argument(), index), "root")

    def command(self, name: str) -> Node:
        """Read the arguments of a fraction, binomial, set of numbers or sum."""
        if name == "frac":
            token = self.token
            if token.kind == "number" and token.text.isdigit() and len(token.text) > 1:
                self.at += 1
                return Op("div", (literal(token.text[0]), literal(token.text[1:])))
            above = self.argument()
            return Op("div", (above, self.argument()))
        if name == "binom":
            above = self.argument()
            return Op("call", (above, self.argument()), "binom")
        if name == "overline":
            return self.argument()
        if name == "mathbb":
            node = self.argument()
            if not isinstance(node, Symbol) or node.name not in _NUMBER_SETS:
                raise UnparsableError("an unknown set of numbers")
            return self.number_set(node.name)
        if name in ("sum", "prod", "int", "lim"):
            return self.big(name)
        raise TooCostlyError(f"{name} is not compared")

    def big(self, name: str) -> Node:
        """Read the range and body of a sum, product, integral or limit."""
        lower: Node | None = None
        upper: Node = Constant("undefined")
        for _ in range(2):
            if lower is None and self.take("_"):
                lower = self.argument()
            elif self.take("^"):
                upper = self.argument()
        self.integrals += name == "int"
        body = self.expression(SUM)
        self.integrals -= name == "int"
        if name == "int":
            return _integral(body, lower, upper)
        if not isinstance(lower, Op) or lower.head != "relation" or len(lower.parts) != 2:
            raise TooCostlyError(f"{name} without a range")
        variable, start = lower.parts
        if isinstance(variable, Constant) and variable.name in ("i", "e"):
            variable, body = Symbol(f"index {variable.name}"), _renamed(body, variable.name)
        if not isinstance(variable, Symbol):
            raise TooCostlyError(f"{name} without a variable")
        return Op("big", (body, variable, start, upper), name)


def _renamed(node: Node, constant: str) -> Node:
    """Return the tree with `i` or `e` as the running index that it is under a sum."""
    if node == Constant(constant):
        return Symbol(f"index {constant}")
    if isinstance(node, Op):
        return Op(node.head, tuple(_renamed(part, constant) for part in node.parts), node.name)
    return node


def _integral(body: Node, lower: Node | None, upper: Node) -> Node:
    """Split the integrand from its `dx`."""
    above = body.parts[0] if isinstance(body, Op) and body.head == "div" else body
    if lower is None or not isinstance(above, Op) or above.head != "mul" or len(above.parts) < 2:
        raise TooCostlyError("an indefinite integral")
    *rest, differential, variable = above.parts
    if differential != Symbol("d") or not isinstance(variable, Symbol):
        raise TooCostlyError("an integral without its variable")
    inner: Node = product(rest) if rest else Number(1, "1")
    if isinstance(body, Op) and body.head == "div":
        inner = Op("div", (inner, body.parts[1]))
    return Op("big", (inner, variable, lower, upper), "int")
