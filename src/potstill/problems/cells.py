"""What a cell of a row may hold, exactly as it was written: numbers keep their digits, dates become texts.

Rows hold None, bool, int, float, text, lists and dicts, whatever the format. A number that is no whole one is a
`Literal`: a float that remembers how its file writes it.
"""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from potstill.errors import DataError

Row = dict[str, Any]
MAX_DIGITS = 4_300
"""Digits of a whole number; Python itself turns no more into a number."""
MOST_CONTAINERS = 1_000_000
"""Opening brackets in one text of JSON."""
_CELL_COST = 32
"""Bytes that a cell takes at least, beside its text."""


_NO_SECONDS = re.compile(r"(:\d\d)(?::00)?(?:\.0+)?(?=Z|[+-]|\Z)")
"""The zeros that only the unit of a column writes, as those of `14:30:00.000`."""


class Literal(float):
    """A float with the text that stood in the file: `132.04`, `0.1234567890123456789`, `1e400`."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> Literal:
        """Read a decimal number; the text is kept."""
        made = super().__new__(cls, text)
        made.text = text
        return made


class Day(str):
    """A date or a time of day that the file holds as such, in ISO's form."""

    __slots__ = ()


def plain_decimal(number: Decimal) -> str:
    """Return a decimal without exponent and without the zeros at its end that only its column's scale wrote."""
    text = format(number, "f")
    return (text.rstrip("0").rstrip(".") if "." in text else text) if number else "0"


def shortest(number: float, form: str) -> str:
    """Return the shortest decimal that is this number in a type of fewer bits; `form` is `f` or `e`, as in `struct`."""
    for digits in range(1, 10):
        text = f"{number:.{digits}g}"
        try:
            same = struct.unpack(form, struct.pack(form, float(text)))[0] == number
        except OverflowError:  # rounded up beyond the largest of the type
            same = False
        if same:
            return repr(float(text))
    return repr(number)


def parse_json(text: str) -> Any:  # noqa: ANN401 - any JSON value
    """Read JSON with every digit of its numbers kept.

    Raises:
        ValueError: it is no JSON, or names a key twice, or holds NaN, an endless number or millions of lists.
        RecursionError: it is nested too deeply.
    """
    check_containers(text)
    return DECODER.decode(text)


def check_containers(text: str) -> None:
    """Raise ValueError for JSON that would become far larger than its text: `[[],[],[], ...]`."""
    if text.count("[") + text.count("{") > MOST_CONTAINERS:
        raise ValueError(f"more than {MOST_CONTAINERS:,} lists and objects")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice[:60]!r} stands twice in one object")
    return found


def _whole(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise ValueError(f"a number of {len(text):,} digits")
    return int(text)


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")


DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=Literal, parse_int=_whole, parse_constant=_refuse_constant
)


@dataclass(frozen=True, slots=True)
class Other:
    """What no field of a problem can be, such as the bytes of an image; `what` says so."""

    what: str

    def __repr__(self) -> str:
        return self.what


class ArrowRows:
    """Rows of Arrow tables as plain values, each at most `most` bytes."""

    def __init__(self, schema: Any, file: str, most: int) -> None:  # noqa: ANN401 - pyarrow is untyped
        self.file, self.most = file, most
        self.names = list(schema.names)
        _refuse_twins(self.names, file, "columns")
        for field in schema:
            _check_type(field.type, field.name, file)

    def row(self, batch: Any, index: int, at: str) -> dict[str, Any]:  # noqa: ANN401 - pyarrow is untyped
        """Return row `index` of a table or batch; raises DataError for one that is too large or holds what no row may.

        What is read is counted before it becomes Python's, so that a huge row costs nothing.
        """
        left = [self.most]
        try:
            return {
                name: _value(batch.column(number)[index], left, name) for number, name in enumerate(self.names)
            }  # fmt: skip
        except _TooLargeError:
            raise DataError(
                f"{self.file}: {at} is larger than {self.most // 2**20} MB (a larger max_characters allows more)"
            ) from None
        except (ValueError, OverflowError) as error:
            raise DataError(f"{self.file}: {at}: {' '.join(str(error).split())[:200]}") from error


class _TooLargeError(Exception):
    pass


def _refuse_twins(names: list[str], file: str, what: str) -> None:
    known = set()
    for name in names:
        if name in known:
            raise DataError(f"{file} has two {what} of the name {name[:60]!r}: rename one")
        known.add(name)


def _check_type(kind: Any, column: str, file: str) -> None:  # noqa: ANN401 - pyarrow is untyped
    """Refuse a struct with two fields of one name, at any depth."""
    import pyarrow.types as types

    fields = [kind.field(number) for number in range(kind.num_fields)]
    if types.is_struct(kind):
        _refuse_twins([field.name for field in fields], file, f"fields in its column {column[:60]!r}")
    for field in fields:
        _check_type(field.type, column, file)


def _value(scalar: Any, left: list[int], column: str) -> Any:  # noqa: ANN401 - pyarrow is untyped
    """Return an Arrow scalar as a plain value, and take what it weighs off `left`."""
    left[0] -= _CELL_COST
    if left[0] < 0:
        raise _TooLargeError
    if not scalar.is_valid:
        return None
    return _reader(scalar.type)(scalar, left, column)


def _text(scalar: Any, left: list[int], column: str) -> str:  # noqa: ANN401 - pyarrow is untyped
    left[0] -= scalar.as_buffer().size
    if left[0] < 0:
        raise _TooLargeError
    try:
        return str(scalar.as_py())
    except UnicodeDecodeError:
        raise ValueError(f"column {column!r} holds what is not UTF-8") from None


def _list(scalar: Any, left: list[int], column: str) -> list[Any]:  # noqa: ANN401 - pyarrow is untyped
    values = scalar.values
    if len(values) * _CELL_COST > left[0]:
        raise _TooLargeError
    return [_value(value, left, column) for value in values]


def _struct(scalar: Any, left: list[int], column: str) -> dict[str, Any]:  # noqa: ANN401 - pyarrow is untyped
    return {field.name: _value(scalar[number], left, column) for number, field in enumerate(scalar.type)}


def _map(scalar: Any, left: list[int], column: str) -> dict[str, Any]:  # noqa: ANN401 - pyarrow is untyped
    pairs = [(pair["key"], pair["value"]) for pair in _list(scalar, left, column)]
    found = {str(key): value for key, value in pairs}
    if len(found) != len(pairs):
        raise ValueError(f"column {column!r} names a key twice")
    return found


def _time(scalar: Any, left: list[int], column: str) -> Day | Other:  # noqa: ANN401 - pyarrow is untyped
    import pyarrow

    text = str(scalar.cast(pyarrow.string()).as_py())  # Python's own datetime has no nanoseconds
    day, _, hour = text.partition(" ")
    if hour.strip("0:."):  # answers are compared as a date or as a time of day
        return Other(f"the moment {text}")
    return Day(day if hour else _NO_SECONDS.sub(r"\1", text))


def _bytes(scalar: Any, left: list[int], column: str) -> str | Other:  # noqa: ANN401 - pyarrow is untyped
    """Return bytes as text where they are one: older writers do not declare their texts."""
    left[0] -= scalar.as_buffer().size
    if left[0] < 0:
        raise _TooLargeError
    try:
        return str(scalar.as_py(), "utf-8")
    except UnicodeDecodeError:
        return Other(f"{scalar.as_buffer().size:,} bytes that are no text")


_READERS: dict[Any, Callable[[Any, list[int], str], Any]] = {}


def _reader(kind: Any) -> Callable[[Any, list[int], str], Any]:  # noqa: ANN401 - pyarrow is untyped
    found = _READERS.get(kind)
    if found is None:
        found = _READERS[kind] = _choose(kind)
    return found


def _choose(kind: Any) -> Callable[[Any, list[int], str], Any]:  # noqa: ANN401 - pyarrow is untyped
    import pyarrow.types as types

    table: tuple[tuple[Callable[[Any], bool], Callable[[Any, list[int], str], Any]], ...] = (
        (lambda kind: types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind), _text),
        (types.is_dictionary, lambda scalar, left, column: _value(scalar.value, left, column)),
        (types.is_map, _map),
        (lambda kind: types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind), _list),
        (types.is_struct, _struct),
        (types.is_float16, lambda scalar, left, column: _float(scalar, "e")),
        (types.is_float32, lambda scalar, left, column: _float(scalar, "f")),
        (types.is_decimal, lambda scalar, left, column: _decimal(scalar.as_py())),
        (lambda kind: types.is_date(kind) or types.is_time(kind) or types.is_timestamp(kind), _time),
        (
            lambda kind: types.is_boolean(kind) or types.is_integer(kind) or types.is_float64(kind),
            lambda scalar, left, column: scalar.as_py(),
        ),
        (lambda kind: types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind), _bytes),
    )
    return next((read for fits, read in table if fits(kind)), _other)


def _float(scalar: Any, form: str) -> float:  # noqa: ANN401 - pyarrow is untyped
    number = float(scalar.as_py())
    return Literal(shortest(number, form)) if math.isfinite(number) else number


def _decimal(number: Decimal) -> int | Literal:
    text = plain_decimal(number)
    return Literal(text) if "." in text else int(text)


def _other(scalar: Any, left: list[int], column: str) -> Any:  # noqa: ANN401 - pyarrow is untyped
    extended = getattr(scalar, "value", None)  # an extension's scalar holds that of its storage
    if extended is not None and hasattr(extended, "is_valid"):
        return _value(extended, left, column)
    return Other(f"a value of the type {scalar.type}")
