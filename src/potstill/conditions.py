"""Conditions such as `0.1 < pass_rate < 0.9 and domain == "mathematics"`: a small language of its own, no code.

    condition   any joined by `or`; any: all joined by `and`; all: `not` all, `(condition)`, or a comparison
    comparison  value < value, also <=, >, >=, ==, != and chains of them; a value is a name, a number or a quoted word

A value that is not known makes a comparison unknown, which is neither true nor false: `not` leaves it unknown, `and`
and `or` decide by the other side where that alone can.
"""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Value = float | str | None
Known = Mapping[str, Value]
FAITH_NUMBERS = frozenset({"valid", "dead", "nowhere"})
FAITH = FAITH_NUMBERS | {"conclusion"}
"""What is read from the reasoning of a trace itself (`verify.faithful`)."""
LISTENED = frozenset({"surprisal", "rank_surprisal", "gain"})
"""What is known only where a student reads the traces."""
NUMBERS = frozenset({"pass_rate", "difficulty", "samples", "tokens", "characters", "score"}) | FAITH_NUMBERS | LISTENED
VOTE = "vote"
"""What a trace's answer is among those of its problem's samples."""
WORDS = frozenset({"domain", "source", "teacher", "strategy", "verdict", "conclusion", VOTE})
"""What the conditions of curation may name."""
LONGEST, DEEPEST = 500, 20
"""Characters of a condition, and brackets in brackets."""
_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d{1,2})?)|(?P<text>\"[^\"]*\"|'[^']*')"
    r"|(?P<name>[A-Za-z_][A-Za-z_0-9]*)|(?P<sign><=|>=|==|!=|<|>|\(|\)))"
)
"""`0.9`, `"mathematics"`, `pass_rate`, `<=`."""
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip
_Test = Callable[[Known], bool | None]


def names_in(text: str) -> frozenset[str]:
    """Return the names of values that a condition asks for; raises ConditionError where it is none."""
    return frozenset(word for kind, word in _tokens(text) if kind == "name")


class ConditionError(ValueError):
    """A condition that says nothing: what is wrong with it, in a line."""


@dataclass(frozen=True, slots=True)
class _Operand:
    text: str
    of: Callable[[Known], Value]
    is_word: bool


def condition(text: str, numbers: frozenset[str], words: frozenset[str]) -> _Test:
    """Return the test that a condition is: known values -> True, False, or None for unknown.

    `numbers` and `words` are the names that it may use.

    Raises:
        ConditionError: it is no condition.
    """
    return _ConditionReader(text, numbers, words).whole()


class _ConditionReader:
    def __init__(self, text: str, numbers: frozenset[str], words: frozenset[str]) -> None:
        if len(text) > LONGEST:
            raise ConditionError(f"longer than {LONGEST} characters")
        self.numbers, self.words, self.tokens, self.at, self.depth = numbers, words, _tokens(text), 0, 0

    def whole(self) -> _Test:
        test = self.either()
        if self.at < len(self.tokens):
            raise ConditionError(f"cannot go on with {self.tokens[self.at][1]!r}")
        return test

    def either(self) -> _Test:
        tests = [self.both()]
        while self._take("or"):
            tests.append(self.both())
        return tests[0] if len(tests) == 1 else functools.partial(_joined, tests, True)

    def both(self) -> _Test:
        tests = [self.one()]
        while self._take("and"):
            tests.append(self.one())
        return tests[0] if len(tests) == 1 else functools.partial(_joined, tests, False)

    def one(self) -> _Test:
        self.depth += 1
        if self.depth > DEEPEST:
            raise ConditionError(f"more than {DEEPEST} brackets in brackets")
        try:
            if self._take("not"):
                inner = self.one()
                return lambda known: None if (said := inner(known)) is None else not said
            if self._take("("):
                test = self.either()
                if not self._take(")"):
                    raise ConditionError("a bracket is not closed")
                return test
            return self.comparison()
        finally:
            self.depth -= 1

    def comparison(self) -> _Test:
        left, tests = self.value(), []
        while self.at < len(self.tokens) and self.tokens[self.at][1] in _COMPARE:
            sign = self.tokens[self.at][1]
            self.at += 1
            right = self.value()
            if left.is_word != right.is_word or (left.is_word and sign not in ("==", "!=")):
                raise ConditionError(f"{left.text} {sign} {right.text} compares what cannot be compared")
            tests.append(functools.partial(_compared, left.of, _COMPARE[sign], right.of))
            left = right
        if not tests:
            raise ConditionError(f"{left.text} is compared with nothing")
        return tests[0] if len(tests) == 1 else functools.partial(_joined, tests, False)

    def value(self) -> _Operand:
        if self.at == len(self.tokens):
            raise ConditionError("it ends where a value belongs")
        kind, text = self.tokens[self.at]
        self.at += 1
        if kind == "number":
            number = float(text)
            return _Operand(text, lambda known: number, False)
        if kind == "text":
            word = text[1:-1]
            return _Operand(text, lambda known: word, True)
        if kind == "name" and text in self.numbers | self.words:
            return _Operand(text, lambda known: known.get(text), text in self.words)
        known = ", ".join(sorted(self.numbers | self.words))
        raise ConditionError(f"{text!r} is no value (known: {known})")

    def _take(self, word: str) -> bool:
        if self.at < len(self.tokens) and self.tokens[self.at][1] == word:
            self.at += 1
            return True
        return False


def _tokens(text: str) -> list[tuple[str, str]]:
    found, at = [], 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            raise ConditionError(f"cannot read {text[at:].strip()[:20]!r}")
        found.append((str(match.lastgroup), match[str(match.lastgroup)]))
        at = match.end()
    if not found:
        raise ConditionError("it is empty")
    return found


def _compared(
    left: Callable[[Known], Value], compare: Callable[[Any, Any], bool], right: Callable[[Known], Value],
    known: Known,
) -> bool | None:  # fmt: skip
    one, other = left(known), right(known)
    return None if one is None or other is None else compare(one, other)


def _joined(tests: Sequence[_Test], deciding: bool, known: Known) -> bool | None:
    """Join tests by `or` (`deciding` True) or `and` (False): one that says the deciding value decides."""
    said = [test(known) for test in tests]
    return deciding if deciding in said else None if None in said else not deciding
