"""Plain values as one line of text, for the channels into the sandboxes. No pickle, no code, bounded.

`encode` writes None, bool, int, float, complex, str, bytes, bytearray, list, tuple, set, frozenset, dict, range, deque,
Decimal, Fraction, date, time, datetime, timedelta, and well-known builtins by name, to a depth of `DEPTH`. Instances of
subclasses are written as their plain base value, without calling what the subclass overrides. Everything else stays
where it lives: the sender writes a reference with the name of its type.

The text: a tag, then a number and `;`, or a length and `:` and as many characters or items; it holds no end of line,
and may hold half surrogate pairs. This file also runs inside the sandboxes, in front of `peer.py`; it imports nothing
at its top that a bare interpreter has not loaded.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

DEPTH = 100
"""Levels of nesting."""
HASHED = 100_000
"""Members of sets and keys of dicts in one message."""
NAMES = (
    "int", "float", "complex", "str", "bytes", "bytearray", "bool", "list", "tuple", "set", "frozenset", "dict",
    "range", "object", "type", "abs", "all", "any", "bin", "chr", "divmod", "hex", "len", "max", "min", "oct", "ord",
    "pow", "repr", "reversed", "round", "sorted", "sum", "zip", "map", "filter", "enumerate", "Ellipsis",
    "NotImplemented",
)  # fmt: skip
"""Builtins that travel by name, such as the type in `remove_values(items, int)`."""
BY_NAME = {name: getattr(builtins, name) for name in NAMES}
_NAME_OF = {id(value): name for name, value in BY_NAME.items()}
_NUMBER_END = ";"


class WireError(Exception):
    """A value that does not travel, or text that is no value."""


class NotPlainError(WireError):
    """A value that only the tests' side takes: with references, or with very many members of sets and dicts."""


def encode(value: object, foreign: Callable[[object], str] | None = None) -> str:
    """Return a value as text; `foreign` writes the reference of an object that does not travel.

    Raises `WireError` for such an object where `foreign` is None, and for values nested too deeply.
    """
    out: list[str] = []
    _write(value, out, foreign, DEPTH)
    return "".join(out)


def _write(value: Any, out: list[str], foreign: Callable[[object], str] | None, depth: int) -> None:  # noqa: ANN401
    if value is None:
        out.append("N")
        return
    kind = type(value)
    if depth <= 0:
        raise WireError("nested too deeply")
    for base, write in _SCALARS:
        if kind is base or issubclass(kind, base):
            out.append(write(value))
            return
    for base, tag, walk in _CONTAINERS:
        if kind is base or issubclass(kind, base):
            items = list(walk(value))
            out.append(f"{tag}{len(items)}:")
            for item in items:
                _write(item, out, foreign, depth - 1)
            return
    if issubclass(kind, dict):
        pairs = list(dict.items(value))
        out.append(f"d{len(pairs)}:")
        for key, item in pairs:
            _write(key, out, foreign, depth - 1)
            _write(item, out, foreign, depth - 1)
        return
    out.append(_write_other(value, kind, foreign, depth))


def _write_other(value: Any, kind: type, foreign: Callable[[object], str] | None, depth: int) -> str:  # noqa: ANN401
    name = _NAME_OF.get(id(value))
    if name is not None:
        return f"n{name};"
    fields = _FIELDS.get((kind.__module__, kind.__qualname__))
    if fields is not None:
        tag, read = fields
        inner: list[str] = []
        _write(read(value), inner, foreign, depth - 1)
        if not inner[0].startswith("N"):
            return tag + "".join(inner)
    if (kind.__module__, kind.__qualname__) in _NUMPY_SCALARS:
        return encode(value.item(), foreign)
    if foreign is None:
        raise WireError(f"a {kind.__qualname__} does not travel")
    return foreign(value)


def _text(value: str) -> str:
    escaped = str.replace(str.replace(value, "\x00", "\x000"), "\n", "\x001")
    return f"s{len(escaped)}:{escaped}"


def _octets(tag: str, value: bytes | bytearray) -> str:
    digits = bytes(memoryview(value)).hex()
    return f"{tag}{len(digits)}:{digits}"


_SCALARS: tuple[tuple[type, Callable[[Any], str]], ...] = (
    (bool, lambda value: "T" if value else "F"),
    (int, lambda value: f"i{int.__format__(int.__int__(value), 'x')};"),
    (str, _text),
    (float, lambda value: f"f{float.__repr__(value)};"),
    (complex, lambda value: f"c{complex.__complex__(value).real!r},{complex.__complex__(value).imag!r};"),
    (bytes, lambda value: _octets("b", value)),
    (bytearray, lambda value: _octets("B", value)),
)
_CONTAINERS: tuple[tuple[type, str, Callable[[Any], Any]], ...] = (
    (list, "[", list.__iter__),
    (tuple, "(", tuple.__iter__),
    (set, "{", set.__iter__),
    (frozenset, "<", frozenset.__iter__),
    (type({}.keys()), "{", iter),
    (type({}.items()), "{", iter),
)
_NUMPY_SCALARS = frozenset(
    ("numpy", name) for name in (
        "bool_", "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32",
    )
)  # fmt: skip


def _naive(value: Any, fields: str) -> tuple[int, ...] | None:  # noqa: ANN401
    """Return the fields of a date or time; None, so that it stays where it is, for one with a time zone."""
    return None if getattr(value, "tzinfo", None) is not None else tuple(getattr(value, f) for f in fields.split())


_CLOCK = "hour minute second microsecond"
_FIELDS: dict[tuple[str, str], tuple[str, Callable[[Any], Any]]] = {
    ("builtins", "range"): ("r", lambda value: (value.start, value.stop, value.step)),
    ("collections", "deque"): ("q", list),
    ("decimal", "Decimal"): ("D", str),
    ("fractions", "Fraction"): ("Q", lambda value: (value.numerator, value.denominator)),
    ("datetime", "date"): ("a", lambda value: _naive(value, "year month day")),
    ("datetime", "time"): ("t", lambda value: _naive(value, _CLOCK)),
    ("datetime", "datetime"): ("w", lambda value: _naive(value, f"year month day {_CLOCK}")),
    ("datetime", "timedelta"): ("e", lambda value: _naive(value, "days seconds microseconds")),
}
_MAKERS = {
    "q": ("collections", "deque"), "D": ("decimal", "Decimal"), "Q": ("fractions", "Fraction"),
    "a": ("datetime", "date"), "t": ("datetime", "time"), "w": ("datetime", "datetime"), "e": ("datetime", "timedelta"),
}  # fmt: skip
_WHOLE: dict[str, type] = {"q": list, "D": str}
"""What is written of a deque and of a Decimal; of all others a tuple of whole numbers, the arguments of the type."""
_RANDOM = frozenset((str, bytes, bool, float, type(None)))
SHORT = 2**61 - 1
"""Whole numbers from here on share their hashes with smaller ones."""


def decode(text: str, reference: Callable[[str, str], object] | None = None, hashed: int = HASHED) -> Any:  # noqa: ANN401
    """Return the value that `encode` wrote; `reference(tag, name)` gives the object of a reference.

    Raises `WireError` for anything else, and `NotPlainError` for references where `reference` is None and for more than
    `hashed` members of sets and keys of dicts whose hashes may have been chosen to collide. It takes time in proportion
    to the text, also for what no `encode` wrote.
    """
    reader = _Reader(text, reference, hashed)
    try:
        value = reader.value(DEPTH)
    except (ValueError, TypeError, ArithmeticError, LookupError) as error:
        raise WireError(f"no value: {type(error).__name__}") from error
    if reader.at != len(text):
        raise WireError("text after the value")
    return value


class _Reader:
    def __init__(self, text: str, reference: Callable[[str, str], object] | None, hashed: int) -> None:
        self.text, self.reference, self.hashed, self.at = text, reference, hashed, 0

    def value(self, depth: int) -> Any:  # noqa: ANN401
        if depth <= 0:
            raise WireError("nested too deeply")
        tag = self.text[self.at : self.at + 1]
        self.at += 1
        if not tag:
            raise WireError("cut short")
        if tag in _CONSTANTS:
            return _CONSTANTS[tag]
        if tag in "ifcnhy":
            return self._named(tag, self._until(_NUMBER_END))
        if tag in "sbB":
            return self._string(tag)
        if tag in "[({<d":
            return self._container(tag, depth)
        if tag in "rqDQatwe":
            return self._made(tag, self.value(depth - 1))
        raise WireError("unknown tag")

    def _until(self, end: str) -> str:
        stop = self.text.index(end, self.at)
        found = self.text[self.at : stop]
        self.at = stop + 1
        return found

    def _named(self, tag: str, name: str) -> object:
        if tag == "i":
            return int(name, 16)
        if tag == "f":
            return float(name)
        if tag == "c":
            real, imaginary = name.split(",")
            return complex(float(real), float(imaginary))
        if tag == "n":
            return BY_NAME[name]
        if self.reference is None:
            raise NotPlainError("a reference where a plain value is wanted")
        return self.reference(tag, name)

    def _string(self, tag: str) -> object:
        length = int(self._until(":"))
        found = self.text[self.at : self.at + length]
        if length < 0 or len(found) != length:
            raise WireError("cut short")
        self.at += length
        if tag == "s":
            return found.replace("\x001", "\n").replace("\x000", "\x00")
        return bytes.fromhex(found) if tag == "b" else bytearray.fromhex(found)

    def _container(self, tag: str, depth: int) -> object:
        count = int(self._until(":"))
        if not 0 <= count <= len(self.text) - self.at:
            raise WireError("cut short")
        if tag == "d":
            return {self._key(depth - 1): self.value(depth - 1) for _ in range(count)}
        read = self._key if tag in "{<" else self.value
        items = [read(depth - 1) for _ in range(count)]
        return items if tag == "[" else _COLLECT[tag](items)

    def _key(self, depth: int) -> object:
        """Return a member of a set or a key, counted unless its hash is random or too short to collide much."""
        key = self.value(depth)
        kind = type(key)
        if not (kind in _RANDOM or (isinstance(key, int) and abs(key) < SHORT)):
            self.hashed -= 1
            if self.hashed < 0:
                raise NotPlainError("too many members of sets and dicts")
        return key

    def _made(self, tag: str, fields: Any) -> object:  # noqa: ANN401 - checked here
        """Make a value of the very fields that `encode` writes: a `range` for them, or a text, could take for ever."""
        spread = tag not in _WHOLE
        kind = tuple if spread else _WHOLE[tag]
        parts = list(fields) if spread and type(fields) is tuple else []
        if type(fields) is not kind or any(type(part) is not int for part in parts):
            raise WireError(f"not the fields of {tag}")
        if tag == "r":
            return range(*parts)
        module, name = _MAKERS[tag]
        make = getattr(__import__(module), name)
        return make(*parts) if spread else make(fields)


_CONSTANTS = {"N": None, "T": True, "F": False}
_COLLECT: dict[str, Callable[[list[Any]], object]] = {"(": tuple, "{": set, "<": frozenset}
