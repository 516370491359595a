"""Tests that are plain calls with plain expected values: found in the tests of a problem, and compared out here.

What they call runs in the sandbox; the literals come from the data set and are read by `ast.literal_eval`. Tests with
anything else in them run whole, in a sandbox of their own.
"""

from __future__ import annotations

import ast
import math
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from potstill.verify.code.shapes import ProgramTests

MAX_TEXT = 200_000
"""Characters of tests that are looked through for plain calls."""
_ODD_ESCAPE = re.compile(r"""\\[^\n\\'"abfnrtvx0-7uUN]|[0-9](?:and|else|for|if|in|is|or|not)\b""")
"""What makes the compiler warn; such tests run in their sandbox."""

Relation = Literal["==", "!=", "is", "true", "false"]


@dataclass(frozen=True)
class Expectation:
    """One call whose value must stand in `relation` to `expected`; `text` shows it."""

    function: str
    arguments: tuple[Any, ...]
    named: dict[str, Any]
    relation: Relation
    expected: Any
    text: str

    def holds(self, value: object) -> bool:
        """Whether a plain value is what Python's own comparison would accept; one that raises accepts nothing."""
        if self.relation == "is":
            return value is self.expected
        try:
            if self.relation in ("true", "false"):
                return bool(value) is (self.relation == "true")
            return bool(value == self.expected) is (self.relation == "==")
        except (ArithmeticError, TypeError, ValueError, RecursionError):  # Decimal("sNaN") compares with nothing
            return False


def plain_calls(tests: ProgramTests) -> tuple[Expectation, ...] | None:
    """Return the tests as plain calls, or None where they hold anything else."""
    if tests.shape == "asserts" and not tests.setup.strip():
        return _of_asserts(tests.asserts)
    if tests.shape == "check" and not tests.setup.strip() and tests.entry_point:
        return _of_check(tests.check, tests.entry_point)
    return None


@lru_cache(maxsize=1024)
def _of_asserts(asserts: tuple[str, ...]) -> tuple[Expectation, ...] | None:
    tree = _parsed("\n".join(text.strip() for text in asserts))
    if tree is None:
        return None
    found = [_expectation(statement) for statement in tree.body]
    complete = [one for one in found if one is not None]
    same = len({one.function for one in complete}) == 1
    return tuple(complete) if same and len(complete) == len(found) else None


@lru_cache(maxsize=1024)
def _of_check(text: str, entry_point: str) -> tuple[Expectation, ...] | None:
    tree = _parsed(text)
    bodies = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "check"] if tree else []
    if tree is None or len(bodies) != 1 or len(bodies[0].args.args) != 1 or bodies[0].decorator_list:
        return None
    if not all(node is bodies[0] or _is_frame(node, entry_point) for node in tree.body):
        return None
    found = []
    for statement in bodies[0].body:
        if _says_nothing(statement):
            continue
        one = _expectation(statement)
        if one is None or one.function != bodies[0].args.args[0].arg:
            return None
        found.append(one)
    return tuple(found) or None


def _parsed(text: str) -> ast.Module | None:
    if len(text) > MAX_TEXT or _ODD_ESCAPE.search(text):
        return None
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _is_frame(node: ast.stmt, entry_point: str) -> bool:
    """Whether a statement beside `check` only describes it or calls it: METADATA, `check(f)`, `def test_check()`."""
    if isinstance(node, ast.Assign):
        return all(isinstance(target, ast.Name) and target.id == "METADATA" for target in node.targets)
    if isinstance(node, ast.FunctionDef):
        return node.name == "test_check" and all(_is_frame(inner, entry_point) for inner in node.body)
    return isinstance(node, ast.Expr) and ast.unparse(node) in ("test_check()", f"check({entry_point})")


def _says_nothing(node: ast.stmt) -> bool:
    """Whether a statement tests nothing: `pass`, a text, a bare name, `assert True`."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant | ast.Name)
    is_true = isinstance(node, ast.Assert) and isinstance(node.test, ast.Constant) and node.test.value is True
    return isinstance(node, ast.Pass) or is_true


def _expectation(node: ast.stmt) -> Expectation | None:
    if not isinstance(node, ast.Assert):
        return None
    test, relation, expected = node.test, "true", None
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        test, relation = test.operand, "false"
    elif isinstance(test, ast.Compare) and len(test.ops) == 1:
        relation = _relation(test.ops[0], test.comparators[0])
        try:
            expected = ast.literal_eval(test.comparators[0])
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            return None
        test = test.left
    if not relation or not isinstance(test, ast.Call) or not isinstance(test.func, ast.Name):
        return None
    try:
        arguments = tuple(ast.literal_eval(argument) for argument in test.args)
        named = {keyword.arg or "": ast.literal_eval(keyword.value) for keyword in test.keywords}
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
    if "" in named:
        return None
    try:
        shown = ast.unparse(node.test)[:200]
    except (ValueError, RecursionError):  # a number too long to be written in decimals
        shown = test.func.id
    return Expectation(test.func.id, arguments, named, relation, expected, shown)  # type: ignore[arg-type]


def _relation(operator: ast.cmpop, expected: ast.expr) -> str:
    if isinstance(operator, ast.Is):
        return "is" if isinstance(expected, ast.Constant) and expected.value in (None, True, False) else ""
    return {ast.Eq: "==", ast.NotEq: "!="}.get(type(operator), "")


def same_json(value: Any, expected: Any, tolerance: float) -> bool:  # noqa: ANN401
    """Whether a returned value is the expected JSON value: tuples are lists, keys are texts, true is not 1.

    Numbers agree within `tolerance` of the expected one.
    """
    if isinstance(expected, bool) or isinstance(value, bool) or expected is None or isinstance(expected, str):
        return type(value) is type(expected) and bool(value == expected)
    if isinstance(expected, list):
        is_list = isinstance(value, list | tuple) and len(value) == len(expected)
        return is_list and all(same_json(a, b, tolerance) for a, b in zip(value, expected, strict=True))
    if isinstance(expected, dict):
        if not isinstance(value, dict) or len(value) != len(expected):
            return False
        spelled = {_spelled(key): item for key, item in value.items()}
        return all(key in spelled and same_json(spelled[key], item, tolerance) for key, item in expected.items())
    if not isinstance(value, int | float) or not isinstance(expected, int | float):
        return False
    return same_number(value, expected, tolerance)


def _spelled(key: object) -> str | None:
    """Return a key as JSON writes it; None for one that JSON has not, or that is too long a number to be written."""
    if isinstance(key, str):
        return key
    if key is None or isinstance(key, bool):
        return {None: "null", True: "true", False: "false"}[key]
    try:
        return str(key) if isinstance(key, int | float) else None
    except ValueError:
        return None


def same_number(value: float, expected: float, tolerance: float) -> bool:
    """Whether two numbers are equal, or within `tolerance` times the expected one."""
    if value == expected or not tolerance:
        return value == expected
    try:
        return math.isfinite(value) and abs(value - expected) <= tolerance * abs(expected)
    except OverflowError:
        return False


def same_output(printed: bytes, expected: str, tolerance: float) -> bool:
    """Whether a program printed what it should: white space at the ends of lines and of the whole does not count.

    With a tolerance, numbers between white space on the same line agree within it.
    """
    lines, wanted = _lines(printed.decode("utf-8", "replace")), _lines(expected)
    if lines == wanted or not tolerance:
        return lines == wanted
    return len(lines) == len(wanted) and all(map(_same_line, lines, wanted, [tolerance] * len(wanted)))


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.replace("\r\n", "\n").rstrip().split("\n")]


def _same_line(line: str, wanted: str, tolerance: float) -> bool:
    words, others = line.split(), wanted.split()
    return len(words) == len(others) and all(
        word == other or _same_word(word, other, tolerance) for word, other in zip(words, others, strict=True)
    )


def _same_word(word: str, wanted: str, tolerance: float) -> bool:
    try:
        return len(word) < 400 and same_number(float(word), float(wanted), tolerance)
    except ValueError:
        return False
