"""What a problem may say of its tests, and what is said when it cannot be read."""

from __future__ import annotations

import json

import pytest

from potstill.errors import DataError
from potstill.verify.code.shapes import CheckedCall, read_tests


def read(tests: object, prompt: str = "", **facts: object):  # type: ignore[no-untyped-def]
    return read_tests(json.dumps({"tests": tests, **facts}), prompt)


def test_a_humaneval_string() -> None:
    tests = read("def check(candidate):\n    assert candidate(1)", entry_point="f")
    assert (tests.shape, tests.entry_point, tests.function) == ("check", "f", "f")
    assert tests == read({"check": "def check(candidate):\n    assert candidate(1)", "entry_point": "f"})


def test_the_function_of_a_check_is_the_last_of_the_question() -> None:
    assert read("def check(c): ...", "def a():\n    pass\n\ndef b(x):\n    '''Doc.'''\n").entry_point == "b"
    assert read("def check(c): ...", "Write a function.").entry_point == ""


def test_an_mbpp_list() -> None:
    tests = read(["assert f(1) == g", "assert set(f(2)) == set(f(3))"], test_setup="g = 2")
    assert (tests.shape, tests.setup, tests.function, tests.entry_point) == ("asserts", "g = 2", "f", "")
    assert read(["assert sum(10,15)==6", "assert sum(100,150)==93"]).function == "sum"
    assert tests == read({"asserts": list(tests.asserts), "setup": "g = 2"})


def test_calls_and_pairs() -> None:
    tests = read({"calls": [{"function": "f", "arguments": [1, [2]], "expected": None}], "tolerance": 1e-6})
    assert (tests.calls, tests.function, tests.tolerance) == ((CheckedCall("f", (1, [2]), None),), "f", 1e-6)
    assert read({"calls": [{"arguments": [], "expected": 1}]}, entry_point="g").calls == (CheckedCall("g", (), 1),)
    assert read({"stdin": [["1\n", "2\n"]]}).pairs == (("1\n", "2\n"),)
    assert read({"stdin": [["", ""]]}).function == ""


@pytest.mark.parametrize(
    ("tests", "said"),
    [
        (None, "no `tests`"),
        ([], "no `tests`"),
        (7, "neither a text"),
        ({"calls": []}, "exactly one of"),
        ({"check": "x", "asserts": ["y"]}, "not 2"),
        ({"asert": ["x"]}, "did you mean 'asserts'"),
        ({"asserts": "x"}, "`asserts` is no list"),
        ([1], "`asserts` is no list"),
        ({"check": ["x"]}, "`check` is no text"),
        ({"stdin": [["a"]]}, r"stdin\[0\]"),
        ({"stdin": [["a", 1]]}, r"stdin\[0\]"),
        ({"stdin": "a"}, "`stdin` is no list"),
        ({"calls": [{"function": "f", "arguments": [1]}]}, r"calls\[0\]"),
        ({"calls": {"a": 1}}, "`calls` is no list"),
        ({"calls": [{"arguments": [1], "expected": 1}]}, "names no function"),
        ({"calls": [{"function": "a.b", "arguments": [1], "expected": 1}]}, "names no function"),
        ({"stdin": [["", ""]], "tolerance": 1}, "`tolerance`"),
        ({"stdin": [["", ""]], "tolerance": True}, "`tolerance`"),
    ],
)
def test_tests_that_cannot_be_read_are_named(tests: object, said: str) -> None:
    with pytest.raises(DataError, match=said):
        read(tests)


@pytest.mark.parametrize("facts", ["", "[", "[]", "null", "7", "{}", '{"tests": ""}', "[" * 100_000])
def test_facts_without_tests(facts: str) -> None:
    with pytest.raises(DataError):
        read_tests(facts)
