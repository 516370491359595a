"""Which tests are plain calls, and how plain values and outputs compare."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potstill.verify.code.calls import plain_calls, same_json, same_output
from potstill.verify.code.shapes import ProgramTests

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def asserts(*texts: str, setup: str = "") -> ProgramTests:
    return ProgramTests("asserts", asserts=texts, setup=setup)


def check(body: str, entry_point: str = "f") -> ProgramTests:
    return ProgramTests("check", check=body, entry_point=entry_point)


@pytest.mark.parametrize(
    ("text", "value", "other"),
    [
        ("assert f(1, [2], {'a': (3,)}) == -4", -4, 4),
        ("assert f(x=1)==[1.5,'a',None]", [1.5, "a", None], (1.5, "a", None)),
        ("assert (f(1)) == {1, 2}, 'message'", {2, 1}, [1, 2]),
        ("assert f(1) != 3", 4, 3),
        ("assert f(1)", [0], []),
        ("assert not f(1)", 0, "0"),
        ("assert f(1) is True", True, 1),
        ("assert f(1) is None", None, False),
        ("assert f(1) == 1", True, False),
        ("assert f(1) == 1 + 2j", 1 + 2j, 1),
    ],
)
def test_plain_calls(text: str, value: object, other: object) -> None:
    found = plain_calls(asserts(text))
    assert found is not None
    assert found[0].function == "f"
    assert found[0].holds(value)
    assert not found[0].holds(other)


@pytest.mark.parametrize(
    "text",
    [
        "assert f(1) == 1 + 1",
        "assert abs(f(1) - 2) < 1e-6",
        "assert f(g) == 1",
        "assert f(1) == g(2)",
        "x = 1\nassert f(x) == 1",
        "assert f(1) in (1, 2)",
        "assert f(1) is 'a'",
        "assert f(1)[0] == 2",
        "assert f(1) == 2 == 2",
        "assert f(*[1]) == 1",
        "assert f(**{'a': 1}) == 1",
        "assert 1 == f(1)",
        "assert f(1) == 2 and f(2) == 3",
        "assert o.f(1) == 2",
        "f(1)",
        "",
        "assert f(1) == [",
        "assert f('\\d') == 1",
        "assert f(int) == 1",
        "assert g(1) == 2\nassert f(1) == 2",
    ],
)
def test_other_tests_run_in_their_own_sandbox(text: str) -> None:
    assert plain_calls(asserts("assert f(1) == 2", text) if text else asserts()) is None or not text
    assert plain_calls(asserts("assert f(1) == 2", setup="import math")) is None


def test_a_check_of_plain_calls() -> None:
    body = (
        'METADATA = {"author": "x"}\n\ndef check(candidate):\n    # Easy\n'
        '    assert True, "This prints"\n    pass\n    assert candidate(1) == 2\n'
    )
    assert [one.expected for one in plain_calls(check(body)) or ()] == [2]
    called = f"{body}\ndef test_check():\n    check(f)\n\ntest_check()\n"
    assert [one.expected for one in plain_calls(check(called)) or ()] == [2]
    for other in (
        f"import math\n{body}",
        f"{body}    assert f(1) == 2",
        f"{body}    print(candidate(1))",
        f"{body}\ncheck(g)",
        body.replace("candidate):", "candidate, other):"),
        "@decorated\n" + body.removeprefix('METADATA = {"author": "x"}\n\n'),
        "def check(candidate):\n    pass\n",
        f"{body}\nclass A: pass",
        body + body,
    ):
        assert plain_calls(check(other)) is None, other
    assert plain_calls(check(body, "")) is None


@given(JSON)
def test_a_value_is_its_own_json(value: object) -> None:
    assert same_json(value, json.loads(json.dumps(value)), 0.0)


@pytest.mark.parametrize(
    ("value", "expected", "tolerance", "same"),
    [
        ((1, [2]), [1, [2]], 0, True),
        ({1: "a", None: 2}, {"1": "a", "null": 2}, 0, True),
        (1.0, 1, 0, True),
        (True, 1, 0, False),
        (1, True, 0, False),
        (None, False, 0, False),
        ("1", 1, 0, False),
        ([1], [1, 2], 0, False),
        ({1}, [1], 0, False),
        (0.1 + 0.2, 0.3, 0, False),
        (0.1 + 0.2, 0.3, 1e-9, True),
        (0.31, 0.3, 1e-9, False),
        (float("nan"), 0.3, 0.5, False),
        (float("inf"), 0.3, 0.5, False),
        (10**400, 1.0, 0.5, False),
        ({"a": 1}, {"a": 1, "b": 2}, 0, False),
        ({"a": 1, "c": 2}, {"a": 1, "b": 2}, 0, False),
        (b"a", "a", 0, False),
        (1 + 0j, 1, 0, False),
        ([0.3], [0.30001], 1e-3, True),
    ],
)
def test_json_values(value: object, expected: object, tolerance: float, same: bool) -> None:
    assert same_json(value, expected, tolerance) is same


@pytest.mark.parametrize(
    ("printed", "expected", "tolerance", "same"),
    [
        (b"4\n", "4", 0, True),
        (b"4", "4\n\n", 0, True),
        (b"1 2 \n3\t\n\n", "1 2\n3", 0, True),
        (b"4\r\n5\r\n", "4\n5\n", 0, True),
        (b" 4", "4", 0, False),
        (b"1  2", "1 2", 0, False),
        (b"1\n\n2", "1\n2", 0, False),
        (b"", "", 0, True),
        (b"\n \n", "", 0, True),
        (b"", "4", 0, False),
        (b"0.333333", "0.33333333", 0, False),
        (b"0.333333", "0.33333333", 1e-5, True),
        (b"0.333333 yes", "0.33333333  yes", 1e-5, True),
        (b"0.333333\nyes", "0.33333333 yes", 1e-5, False),
        (b"0.34", "0.33333333", 1e-5, False),
        (b"nan", "0.3", 0.5, False),
        (b"yes", "no", 0.5, False),
        (b"\xff4", "4", 0, False),
        ("é".encode(), "é", 0, True),
        (b"1e9999", "1", 0.5, False),
    ],
)
def test_outputs(printed: bytes, expected: str, tolerance: float, same: bool) -> None:
    assert same_output(printed, expected, tolerance) is same


@pytest.mark.parametrize(
    "key",
    [10**5000, (10**5000,), Fraction(1, 3), Decimal("1e9999999"), b"a", 1j, 10**400],
    ids=lambda key: type(key).__name__,
)
def test_a_key_that_json_has_not_is_another(key: object) -> None:
    assert not same_json({key: 1}, {"a": 1}, 0.0)
    assert not same_json({"a": {key: 1}}, {"a": {str(type(key)): 1}}, 0.1)


@pytest.mark.parametrize(
    "value",
    [10**5000, float("inf"), float("nan"), Decimal("sNaN"), Fraction(1, 2), 10**400],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("expected", [1, 1.5, 10**400 + 10**390, float("inf")], ids=lambda value: type(value).__name__)
def test_numbers_out_of_reach_are_other_numbers(value: object, expected: float) -> None:
    assert same_json(value, expected, 1e-9) is (value == expected if isinstance(value, float) else False)
