"""JSON that a server sent, read in spite of what does not matter in it.

A completion has been paid for, so it is not thrown away over a number that no integer holds, half a character, or a
field that nobody reads and that is nested deeper than a parser goes. Time and memory stay bounded.
"""

from __future__ import annotations

import codecs
import json
import re
from typing import Any

from potstill.models.served.faults import FaultError

MOST_PIECES = 2**20
"""Lists and objects in a body: each takes a hundred times the memory of its two bytes."""
MOST_TO_CUT = 2**22
"""The same in a body from which what nobody reads is cut first."""
DEEPEST = 32
"""Lists and objects around anything that is read."""
_BOMS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_PARTS = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[\]{}]', re.DOTALL)
"""A string with its escapes, or one bracket: `"a \\"b\\""`, `{`, `]`."""
_FIELDS = (2, 4)
"""Depths of what is in a field of the body, and in one of its choices, items or blocks."""
_READ = {
    f'"{name}"'.encode()
    for name in (
        "choices", "message", "content", "output", "usage", "error", "errors", "detail", "data", "stop_details",
        "incomplete_details", "response", "delta", "summary", "text", "parts", "value",
    )
}  # fmt: skip
_REASONING = re.compile(rb"reason|think|thought", re.IGNORECASE)
"""The key `reasoning_content`."""


def load(body: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """Parse JSON; NaN, numbers of any length, half surrogates, broken UTF-8 and a byte order mark are let pass.

    Raises:
        FaultError: the body is no JSON, or what is read of it is in more pieces or deeper than any reply.
    """
    import orjson

    body = _without_bom(body)
    pieces = body.count(b"[") + body.count(b"{") if len(body) > MOST_PIECES else 0
    if pieces <= MOST_PIECES:
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError:
            pass
    many = pieces > MOST_PIECES
    try:
        return _parsed(_cut(body, pieces) if many else body)
    except RecursionError:
        pass
    except ValueError:
        raise FaultError(
            f"malformed body: {'in too many pieces' if many else 'no JSON'}", cost=99 if many else 3
        ) from None
    try:
        return _parsed(_cut(body, pieces))
    except (ValueError, RecursionError):
        raise FaultError("malformed body: no JSON", cost=3) from None


def _without_bom(body: bytes) -> bytes:
    for mark, encoding in _BOMS.items():
        if body.startswith(mark):
            return body[len(mark) :].decode(encoding, "replace").encode("utf-8", "replace")
    return body


def _parsed(body: bytes) -> Any:  # noqa: ANN401 - any JSON value
    return json.loads(body.decode("utf-8", "replace"), parse_int=_integer)


def _integer(digits: str) -> int | float:
    """Return a number of any length: as no integer where Python would not read it either."""
    return int(digits) if len(digits) < 40 else float(digits[:400])


def _cut(body: bytes, pieces: int) -> bytes:
    """Return a body with null for the lists and objects that nobody reads, by their names and by their depth.

    Raises:
        FaultError: too many pieces are left.
    """
    if pieces > MOST_TO_CUT:
        raise FaultError("malformed body: in too many pieces", cost=99)
    kept: list[bytes] = []
    at = depth = left = 0
    cut_from = -1  # the depth at which what is left out began
    named = b""
    for found in _PARTS.finditer(body):
        token = found.group()
        if token[:1] == b'"':
            named = token
        elif token in b"[{":
            depth += 1
            left += cut_from < 0
            if cut_from < 0 and (depth > DEEPEST or (depth in _FIELDS and not _is_read(named))):
                cut_from = depth
                kept.append(body[at : found.start()] + b"null")
        else:
            if depth == cut_from:
                cut_from, at = -1, found.end()
            depth -= 1
    if left > MOST_PIECES:
        raise FaultError("malformed body: in too many pieces", cost=99)
    return b"".join([*kept, body[at:] if cut_from < 0 else b""])


def _is_read(named: bytes) -> bool:
    return bool(_REASONING.search(named)) or named in _READ
