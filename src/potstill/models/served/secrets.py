"""The key of a served model: read from the environment, sent, and written nowhere."""

from __future__ import annotations

import base64
import os
import re
from typing import Final
from urllib.parse import quote

from potstill.errors import TeacherError

REDACTED: Final = b"[key]"
SHORTEST = 8
"""Shorter keys (`none`, `EMPTY`, `ollama`) are placeholders of local servers and ordinary words of a reply."""
_ESCAPE = re.compile(rb'\\u00([0-7][0-9a-fA-F])|\\([/"\\])')
"""A character of ASCII as JSON may escape it: `\\u0073`, `\\/`."""


class Secret:
    """A key that shows itself only to what makes headers, and can redact itself out of what a server sends back."""

    __slots__ = ("_escaped", "_forms", "_key")

    def __init__(self, key: str) -> None:
        self._key = key
        self._escaped = '"' in key or "\\" in key
        self._forms = _forms(key) if len(key) >= SHORTEST else ()

    def __repr__(self) -> str:
        return "Secret([key])"

    @classmethod
    def from_environment(cls, variable: str | None, said_by: str = "teacher.api_key_env") -> Secret:
        """Read the key that a setting names; no variable means no key. `said_by` is the setting, in messages.

        Raises:
            TeacherError: the variable is unset or empty, or holds what no HTTP header can carry.
        """
        if variable is None:
            return cls("")
        key = os.environ.get(variable, "").strip()
        if not key:
            raise TeacherError(f"{said_by} names {variable}, which is not set: export it and run again")
        if not key.isascii() or not key.isprintable():
            raise TeacherError(f"the key in {variable} has characters that cannot be sent: copy it again")
        return cls(key)

    @property
    def key(self) -> str:
        """The key itself, for a header; empty without one."""
        return self._key

    @property
    def header(self) -> dict[str, str]:
        """The authorisation header, empty without a key."""
        return {"Authorization": f"Bearer {self._key}"} if self._key else {}

    def redact(self, data: bytes) -> bytes:
        """Replace the key by `[key]`: plain, in base64 at any offset, in a URL, in hexadecimal, in JSON escapes."""
        for form in self._forms:
            if form in data:
                data = data.replace(form, REDACTED)
        if self._forms and (b"\\u00" in data or b"\\/" in data or (self._escaped and b"\\" in data)):
            flat = _ESCAPE.sub(_unescaped, data)
            if any(form in flat for form in self._forms):
                data = _with_escapes(self._forms).sub(REDACTED, data)
        return data

    def redact_text(self, text: str) -> str:
        """Like `redact`, for messages."""
        return self.redact(text.encode("utf-8", "replace")).decode("utf-8", "replace")


def _forms(key: str) -> tuple[bytes, ...]:
    """Return every way the key may be written, the longest first."""
    plain = key.encode()
    forms = {plain, plain.hex().encode(), plain.hex().upper().encode()}
    for quoted in (quote(key, safe=""), quote(key)):
        # `%2F` may also be written `%2f`.
        forms |= {quoted.encode(), re.sub("%..", lambda found: found[0].lower(), quoted).encode()}
    for offset in range(3):
        coded = base64.b64encode(b"\0" * offset + plain)
        first = (0, 2, 3)[offset]  # characters that the bytes before the key have a part in
        last = len(coded) - (0, 3, 2)[(offset + len(plain)) % 3]  # and those of the bytes after it, or padding
        forms |= {coded[first:last], coded[first:last].translate(bytes.maketrans(b"+/", b"-_"))}
    return tuple(sorted(forms, key=lambda form: (-len(form), form)))


def _unescaped(match: re.Match[bytes]) -> bytes:
    return match[2] or bytes([int(match[1], 16)])


def _with_escapes(forms: tuple[bytes, ...]) -> re.Pattern[bytes]:
    """Return a pattern of the forms with any character as a JSON escape: `sk` is `\\u0073k` too."""
    return re.compile(b"|".join(b"".join(_character(code) for code in form) for form in forms))


def _character(code: int) -> bytes:
    plain = re.escape(bytes([code]))
    backslash = b"\\\\?" if code in b'/"\\' else b""
    return b"(?:" + backslash + plain + b"|(?i:\\\\u" + f"{code:04x}".encode() + b"))"
