"""`calculator`: one line of arithmetic with plain numbers, computed exactly by the parser that checks steps."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from potstill import recipe
from potstill.records import Problem
from potstill.teach.tools import OfferedTool, ToolError
from potstill.verify.steps.expressions import Reading, UnreadableError, value
from potstill.verify.steps.parser import Parser
from potstill.verify.steps.tokens import plain, tokens_of

MAX_EXPRESSION = 400
"""Characters of an expression."""
PLACES = 12
"""Decimals of a result that has no end."""
ABOUT = "computes one expression of plain numbers with + - * / ^ and brackets, exactly, such as (417 + 286) * 3."


def tool(settings: recipe.Tool, data: Path) -> OfferedTool:
    """Return the tool."""
    del data
    return OfferedTool(
        name=settings.kind, about=ABOUT, identity="", characters=settings.characters,
        work=computed,
    )  # fmt: skip


def computed(given: str, problem: Problem | None = None) -> str:
    """Return the value of an expression: whole, as a decimal that ends, or as one of `PLACES` decimals.

    Raises:
        ToolError: it is none, or its value is beyond the bounds of the parser.
    """
    del problem
    text = given.strip().removesuffix("=").rstrip()
    if len(text) > MAX_EXPRESSION:
        raise ToolError(f"the expression is longer than {MAX_EXPRESSION} characters")
    tokens = tokens_of(plain(text.replace("**", "^")))
    parsed = Parser(tokens, len(tokens)).parse(0) if tokens else None
    if parsed is None or parsed.end != len(tokens) or parsed.bridged or parsed.doubtful:
        raise ToolError(f"not an expression of plain numbers: {text[:60]}")
    try:
        return _written(value(parsed.node, Reading(), {}))
    except UnreadableError as error:
        raise ToolError(str(error)) from None


def _written(number: Fraction) -> str:
    below, twos, fives = number.denominator, 0, 0
    while below % 2 == 0:
        below, twos = below // 2, twos + 1
    while below % 5 == 0:
        below, fives = below // 5, fives + 1
    places = max(twos, fives) if below == 1 else PLACES
    scaled = abs(number) * 10**places
    digits = str((2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)).rjust(places + 1, "0")
    text = f"{digits[:-places]}.{digits[-places:]}" if places else digits
    return f"-{text}" if number < 0 else text
