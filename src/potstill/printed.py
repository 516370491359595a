"""The one step through which everything goes that is printed: no text of a model or a file name steers the terminal."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

_HARMFUL = re.compile(
    # Controls but newline and tab, with those of eight bits; marks and orders of direction; separators; invisible
    # characters and tags that hide text; halves of characters.
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)


def harmless(text: str) -> str:
    """Return a text with every character spelt out that would steer or deceive whoever reads it on a terminal."""
    return _HARMFUL.sub(_spelt, text)


def _spelt(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


class Harmless:
    """A stream that writes `harmless` text to another; all else is that stream's."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """Write a text."""
        self.stream.write(harmless(text.replace("\r\n", "\n")))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write each text."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the stream has
        return getattr(self.stream, name)


def control(stream: TextIO, codes: str) -> None:
    """Write codes that are to steer the terminal."""
    inner = stream.stream if isinstance(stream, Harmless) else stream
    inner.write(codes)


@contextmanager
def cleaning() -> Iterator[None]:
    """Let everything that is printed in the block go through `harmless`."""
    streams = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = Harmless(sys.stdout), Harmless(sys.stderr)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = streams
