"""How a problem says what its program must do: the JSON of `Problem.facts`, and the fields of a row.

The object holds `tests`, and where they are known `test_setup`, `entry_point` and `prompt`. `tests` is one of:

    "def check(candidate): ..."                  a HumanEval string: Python that is run with the function under test
    ["assert f(1) == 2", ...]                    an MBPP list: each item is run, after `test_setup`
    {"check": "...", "entry_point": "f"}         the first, with its function
    {"asserts": ["...", ...], "setup": "..."}    the second, with its setup
    {"calls": [{"function": "f", "arguments": [1], "expected": 2}, ...]}
    {"stdin": [["input", "output"], ...]}

`calls` compare as JSON does: tuples are lists, keys are texts, and true is not 1. `function` may be left to
`entry_point`, and may be a method of a class `Solution`. An object may also hold `tolerance`, relative to the expected
number, for `calls` and `stdin`; by default numbers of calls must be equal, and output the same characters but for
white space at the ends of lines and of the whole.

Programs answer before the setup is run: order is program, `test_setup`, tests.
"""

from __future__ import annotations

import builtins
import json
import keyword
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any, Literal

from potstill.errors import DataError, nearest

Shape = Literal["stdin", "calls", "asserts", "check"]
MAX_TESTS = 10_000_000
"""Characters of the tests of one problem."""
_KEYS = ("stdin", "calls", "asserts", "setup", "check", "entry_point", "prompt", "tolerance")
_SHAPES: tuple[Shape, ...] = ("stdin", "calls", "asserts", "check")
_CALLED = re.compile(r"(?<![\w.])([A-Za-z_]\w{0,200})\s{0,5}\(")
_DEFINED = re.compile(r"^(?:async[ \t]+)?def[ \t]+([A-Za-z_]\w{0,200})", re.MULTILINE)


@dataclass(frozen=True)
class CheckedCall:
    """One call and the JSON value that it must return."""

    function: str
    arguments: tuple[Any, ...]
    expected: Any


@dataclass(frozen=True)
class ProgramTests:
    """What a program must do; of `pairs`, `calls`, `asserts` and `check` the one that `shape` names is filled.

    `prompt` is the code that the program continues or completes, if the problem has any.
    """

    shape: Shape
    pairs: tuple[tuple[str, str], ...] = ()
    calls: tuple[CheckedCall, ...] = ()
    asserts: tuple[str, ...] = ()
    setup: str = ""
    check: str = ""
    entry_point: str = ""
    prompt: str = ""
    tolerance: float = 0.0

    @property
    def function(self) -> str:
        """The function under test: the declared one, else the one that the tests call; empty for whole programs."""
        if self.entry_point or self.shape == "stdin":
            return self.entry_point
        if self.shape == "calls":
            return self.calls[0].function
        called = Counter(name for text in self.asserts for name in dict.fromkeys(_CALLED.findall(text)))
        own = [name for name in called if not hasattr(builtins, name) and not keyword.iskeyword(name)]
        return max(own or called, key=called.__getitem__, default="")


def read_tests(facts: str, prompt: str = "") -> ProgramTests:
    """Read the tests of a problem from its facts; `prompt` is the question, for facts that have none.

    Raises `DataError` for facts that hold no tests or tests of no known shape.
    """
    try:
        known = json.loads(facts)
    except (ValueError, RecursionError) as error:
        raise DataError(f"the facts of the problem are no JSON: {error}") from None
    if not isinstance(known, dict) or not known.get("tests"):
        raise DataError("the problem has no `tests`")
    if len(facts) > MAX_TESTS:
        raise DataError(f"tests: more than {MAX_TESTS:,} characters")
    given = _as_object(known["tests"])
    given.setdefault("setup", known.get("test_setup") or "")
    given.setdefault("entry_point", known.get("entry_point") or "")
    given.setdefault("prompt", known.get("prompt") or prompt)
    return _read(given)


def _as_object(tests: object) -> dict[str, Any]:
    if isinstance(tests, str):
        return {"check": tests}
    if isinstance(tests, list):
        return {"asserts": tests}
    if isinstance(tests, dict):
        return dict(tests)
    raise DataError("tests: neither a text, a list of asserts nor an object")


def _read(given: dict[str, Any]) -> ProgramTests:
    for key in given:
        if key not in _KEYS:
            raise DataError(f"tests: unknown key {key!r}{nearest(str(key), _KEYS)}")
    shapes = [shape for shape in _SHAPES if given.get(shape)]
    if len(shapes) != 1:
        raise DataError(f"tests: exactly one of {', '.join(_SHAPES)} must be there and not empty, not {len(shapes)}")
    shape = shapes[0]
    for key in ("setup", "check", "entry_point", "prompt"):
        if not isinstance(given.get(key, ""), str):
            raise DataError(f"tests: `{key}` is no text")
    asserts, entry_point = given.get("asserts", []), given["entry_point"]
    if not isinstance(asserts, list) or not all(isinstance(text, str) for text in asserts):
        raise DataError("tests: `asserts` is no list of texts")
    if shape == "check" and not entry_point:
        entry_point = (_DEFINED.findall(given["prompt"]) or [""])[-1]
    return ProgramTests(
        shape, _pairs(given.get("stdin", [])), _calls(given.get("calls", []), entry_point), tuple(asserts),
        given["setup"], given.get("check", ""), entry_point, given["prompt"], _tolerance(given.get("tolerance", 0.0)),
    )  # fmt: skip


def _tolerance(given: object) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given < 1:
        raise DataError("tests: `tolerance` is no number from 0 to below 1")
    return float(given)


def _pairs(given: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(given, list):
        raise DataError("tests: `stdin` is no list of [input, output]")
    for number, pair in enumerate(given):
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(text, str) for text in pair):
            raise DataError(f"tests: stdin[{number}] is not [input, output], two texts")
    return tuple((pair[0], pair[1]) for pair in given)


def _calls(given: object, entry_point: str) -> tuple[CheckedCall, ...]:
    if not isinstance(given, list):
        raise DataError("tests: `calls` is no list of objects")
    found = []
    for number, call in enumerate(given):
        if not isinstance(call, dict) or "expected" not in call or not isinstance(call.get("arguments"), list):
            raise DataError(f'tests: calls[{number}] is not {{"function", "arguments": [...], "expected"}}')
        function = call.get("function", entry_point)
        if not isinstance(function, str) or not function.isidentifier():
            raise DataError(f"tests: calls[{number}] names no function, and there is no `entry_point`")
        found.append(CheckedCall(function, tuple(call["arguments"]), call["expected"]))
    return tuple(found)
