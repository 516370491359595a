"""Values come back as they were, of the same types, and nothing else comes back at all."""

from __future__ import annotations

import datetime
import enum
import math
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from potstill.verify.code.calls import Expectation, same_json
from potstill.verify.code.wire import DEPTH, NotPlainError, WireError, decode, encode

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers()
    | st.text(st.characters(codec=None))
    | st.binary()
)
HASHABLE = (
    SCALARS | st.decimals(allow_nan=False) | st.fractions() | st.dates() | st.times() | st.datetimes() | st.timedeltas()
)
KEYS = st.deferred(lambda: HASHABLE | st.tuples(HASHABLE, HASHABLE) | st.frozensets(HASHABLE, max_size=3))
VALUES = st.recursive(
    HASHABLE | st.binary().map(bytearray),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.lists(inner, max_size=4).map(deque)
        | st.dictionaries(KEYS, inner, max_size=4)
        | st.sets(KEYS, max_size=4)
    ),
    max_leaves=12,
)


def same(one: Any, other: Any) -> bool:
    """Equality that also looks at types, at the sign of zeros and takes nan for nan."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return (math.isnan(one) and math.isnan(other)) or (
            one == other and math.copysign(1, one) == math.copysign(1, other)
        )
    if isinstance(one, complex):
        return same(one.real, other.real) and same(one.imag, other.imag)
    if isinstance(one, Decimal):
        return str(one) == str(other)
    if isinstance(one, list | tuple | deque):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return same(list(one.items()), list(other.items()))
    if isinstance(one, set | frozenset):
        return len(one) == len(other) and all(any(same(a, b) for b in other) for a in one)
    return bool(one == other)


@given(VALUES)
def test_values_come_back_as_they_were(value: Any) -> None:
    text = encode(value)
    assert "\n" not in text
    assert same(decode(text.encode("utf-8", "surrogatepass").decode("utf-8", "surrogatepass")), value)


@given(st.text(max_size=60))
def test_any_other_text_is_an_error_and_no_crash(text: str) -> None:
    try:
        value = decode(text)
    except WireError:
        return
    assert same(decode(encode(value)), value)


@given(VALUES, st.data())
def test_a_text_cut_short_is_an_error(value: Any, data: st.DataObject) -> None:
    text = encode(value)
    cut = data.draw(st.integers(0, len(text) - 1))
    with pytest.raises(WireError):
        decode(text[:cut])


class Weekday(enum.IntEnum):
    MONDAY = 1


class Liar(int):
    """Says that it equals everything, and shows itself as what it is not."""

    def __eq__(self, other: object) -> bool:
        return True

    def __int__(self) -> int:
        return 42

    def __format__(self, specification: str) -> str:
        return "2a"

    __hash__ = int.__hash__


class LyingList(list):  # type: ignore[type-arg]
    def __iter__(self) -> Any:
        return iter((1, 2, 3))

    def __len__(self) -> int:
        return 3


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (Liar(7), 7),
        (LyingList([9]), [9]),
        (Weekday.MONDAY, 1),
        (Counter("aab"), {"a": 2, "b": 1}),
        (defaultdict(int, {1: 2}), {1: 2}),
        (OrderedDict(a=1), {"a": 1}),
        (namedtuple("P", "x y")(1, 2), (1, 2)),
        ({"a": 1}.keys(), {"a"}),
        (range(1, 9, 2), range(1, 9, 2)),
        (int, int),
        (sorted, sorted),
        (..., ...),
    ],
)
def test_subclasses_travel_as_their_plain_base_value(value: Any, plain: Any) -> None:
    assert same(decode(encode(value)), plain)


@pytest.mark.parametrize(
    "value",
    [object(), lambda: 1, iter([]), eval, datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC), Fraction, [print], math],
    ids=lambda value: type(value).__name__,
)
def test_everything_else_stays_where_it_lives(value: object) -> None:
    with pytest.raises(WireError):
        encode(value)
    assert encode(value, lambda _: "h0 thing;").count("h0 thing;") == 1


def test_nesting_is_bounded_in_both_directions() -> None:
    value: list[Any] = []
    for _ in range(DEPTH + 1):
        value = [value]
    value_in_itself: list[Any] = []
    value_in_itself.append(value_in_itself)
    for deep in (value, value_in_itself):
        with pytest.raises(WireError):
            encode(deep)
    for text in ("[1:" * (DEPTH + 1) + "N", "[1:" * 100_000, "(1:" * 100_000 + "N"):
        with pytest.raises(WireError):
            decode(text)


def test_sets_that_could_be_made_to_collide_are_counted() -> None:
    modulus = (1 << 61) - 1
    text = encode({number * modulus for number in range(1, 200)})
    assert len(decode(text)) == 199
    with pytest.raises(NotPlainError):
        decode(text, hashed=100)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "i;",
        "izz;",
        "f;",
        "fone;",
        "c1.0;",
        "s5:ab",
        "s-1:",
        "sx:a",
        "b3:abc",
        "[2:N",
        "[99999999999:",
        "[-1:",
        "d1:[0:N",
        "{1:[0:",
        "neval;",
        "nopen;",
        "n__import__;",
        "h0 thing;",
        "y0;",
        "Ds3:abc",
        "QQ(2:i1;i0;",
        "Q(2:i1;i0;",
        "a(3:i0;i0;i0;",
        "rN",
        "r(1:f1.0;",
        "e(3:i0;i0;i99999999999999999999;",
        "NN",
        "T;",
    ],
)
def test_forged_text_is_an_error(text: str) -> None:
    with pytest.raises(WireError):
        decode(text)


TAGS = st.sampled_from(list("rqDQatwe[({<d"))
LARGE = st.sampled_from(
    [f"r(3:i0;i{10**15:x};i1;", "s14:1e999999999999", f"i{'f' * 40_000};", "f1e308;", "s9:sNaN12345", "[2:T[0:", "N"]
)
"""A range that never ends, texts that a Fraction or a Decimal would read, and the like: cheap to write."""
TEXTS = st.recursive(
    LARGE,
    lambda inner: st.builds(
        lambda tag, items: f"{tag}{''.join(items)}" if tag in "rqDQatwe" else f"{tag}{len(items)}:{''.join(items)}",
        TAGS,
        st.lists(inner, max_size=3),
    ),
    max_leaves=6,
)


@settings(deadline=timedelta(seconds=1))
@given(TEXTS, st.sampled_from([1, 0.0, "x", [1], {"a": 1}, Decimal(1), Fraction(1, 3), None]))
def test_no_text_costs_more_than_its_length(text: str, expected: object) -> None:
    """Also where it is compared: by Python's rules, as JSON, in each relation."""
    try:
        value = decode(text)
    except WireError:
        return
    for relation in ("==", "!=", "is", "true", "false"):
        Expectation("f", (), {}, relation, expected, "").holds(value)  # type: ignore[arg-type]
    same_json(value, expected if isinstance(expected, int | float | str | list | dict) else None, 0.1)


def test_keys_that_could_be_made_to_collide_are_few_and_others_are_not_counted() -> None:
    usual = {f"key {number}": number for number in range(5000)} | {number << 44: 0 for number in range(5000)}
    assert decode(encode(usual), hashed=10) == usual
    for hostile in ((2**61 - 1) * 7, Fraction(1, 3), Decimal("1e61"), (1, 2), 1j):
        keys = [encode((hostile, number) if number else hostile) for number in range(20)]
        for text in (f"{{20:{''.join(keys)}", f"<20:{''.join(keys)}", f"d20:{'N'.join(keys)}N"):
            with pytest.raises(NotPlainError):
                decode(text, hashed=10)
