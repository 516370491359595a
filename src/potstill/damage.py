"""Damage is found as a file is read: its bytes are compared with the digest that was noted when it was written.

SHA-256 runs at about 1 GB a second on one core, a small part of what parsing costs, so nothing is read unchecked.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from potstill.errors import DamageError
from potstill.records import content_key

DIGEST = "digest"
"""Key of a JSON record that holds the content key of all its other keys."""


def digest(data: bytes) -> str:
    """Return the SHA-256 of bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def digest_of_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal, with little in memory."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def signed(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record as JSON holds it, with its own digest in it."""
    plain: dict[str, Any] = json.loads(json.dumps(record))
    return {**plain, DIGEST: content_key(plain)}


def unsigned(value: object, where: Path | str) -> dict[str, Any]:
    """Return what `signed` was given, from parsed JSON.

    Raises:
        DamageError: it is another value, a key is missing, or anything in it was changed.
    """
    if isinstance(value, dict):
        record = {key: item for key, item in value.items() if key != DIGEST}
        if value.get(DIGEST) == content_key(record):
            return record
    raise DamageError(f"{where} is damaged, or was not written by this version of potstill")
