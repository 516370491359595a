"""Files that appear whole or not at all, and records that carry their own digest."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from potstill.damage import digest_of_file, signed, unsigned
from potstill.errors import StoreError
from potstill.records import content_key

_FULL = {errno.ENOSPC: "the disk is full", errno.EDQUOT: "the disk quota is used up", errno.EFBIG: "file too large"}


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Name the path and the remedy when the operating system refuses a write."""
    try:
        yield
    except OSError as error:
        raise StoreError(refusal(error, path)) from error


def refusal(error: OSError, path: Path | str = "") -> str:
    """Return one line for a refused read or write: what, where, what to do."""
    where = error.filename or path
    if error.errno == errno.ENOMEM:
        return (
            f"the memory is used up ({where}); nothing committed is lost: make room, or raise the limit, and run again"
        )
    if error.errno in _FULL:
        return f"{_FULL[error.errno]}, writing {where}: nothing committed is lost; make room and run again"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{where} cannot be written: {os.strerror(error.errno)}; make it writable or name another folder"
    return f"{where}: {error.strerror or error}"


def write_durably(path: Path, data: bytes) -> None:
    """Replace `path` by `data` so that a crash leaves the old bytes or the new ones."""
    with writing(path):
        temporary = path.with_name(path.name + ".tmp")
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync(path.parent)


def to_json(value: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """Return sorted, indented JSON with a final newline: equal values give equal bytes."""
    return (json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1) + "\n").encode()


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, or of all files of a folder with their names."""
    if path.is_dir():
        return content_key([[p.relative_to(path).as_posix(), digest_of(p)] for p in files_of(path)])
    return digest_of_file(path)


def files_of(folder: Path) -> list[Path]:
    """Return all files below a folder, by name."""
    return sorted(p for p in folder.rglob("*") if p.is_file())


def sync(path: Path) -> None:
    """Flush a file or a folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def to_record(record: Mapping[str, Any]) -> bytes:
    """Return a JSON record with its own digest, for `read_record`."""
    return to_json(signed(record))


def read_record(path: Path) -> dict[str, Any]:
    """Return a JSON record, or nothing where there is no such file; DamageError where it is not as it was written."""
    try:
        value = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (ValueError, RecursionError):
        value = None
    except OSError as error:
        raise StoreError(refusal(error, path)) from error
    return unsigned(value, path)
