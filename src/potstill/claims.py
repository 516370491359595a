"""Parts of one piece of work in a folder that several processes share: who does which, and what is done.

    00012.part      SHA-256 of the data, then the data; written under another name, synced, and linked to this one
    00012.claim     who is at it

A part is the same bytes whoever makes it, so the first commit wins and nothing else guards it; other bytes are told. A
claim only saves work: one whose process is gone from this machine, or that is older than `LEASE`, is taken over. Its
age is told by the clock of the file system alone, so the clocks of two machines may differ. Where processes see no
folder together, `bucket_parts` has the same in an object store.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

from potstill.durable import sync, writing
from potstill.errors import DamageError

LEASE = 300.0
"""Seconds after which a claim counts for nothing; a part is work for seconds."""
_PART = re.compile(r"([0-9]{5,})\.part")  # 00012.part
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK)
SHA = 32


class SharedParts:
    """The `count` parts of a piece of work, numbered from 0."""

    pause = 0.05
    """Seconds between two looks at what others did."""

    def __init__(self, folder: Path, count: int) -> None:
        self.folder, self.count = folder, count
        self._owner = f"{socket.gethostname()}:{os.getpid()}"

    def missing(self) -> list[int]:
        """Return the numbers of the parts that are not done."""
        try:
            done = {int(found[1]) for name in os.listdir(self.folder) if (found := _PART.fullmatch(name))}
        except FileNotFoundError:
            done = set()
        return [number for number in range(self.count) if number not in done]

    def has(self, number: int) -> bool:
        """Return whether a part is done."""
        return self._part(number).exists()

    def publish(self) -> None:
        """Let all processes have the parts that are done here: they have those of a folder."""

    def read(self, number: int) -> bytes | None:
        """Return the data of a part, None where it is not done; a damaged one is taken away and is not done."""
        path = self._part(number)
        try:
            whole = path.read_bytes()
        except FileNotFoundError:
            return None
        data = whole_data(whole)
        if data is None:
            path.unlink(missing_ok=True)
        return data

    def all(self, first: int = 0) -> Iterator[bytes]:
        """Yield the data of every part, in order, from the number `first`; all must be done.

        Raises:
            DamageError: one was changed or removed since.
        """
        for number in range(first, self.count):
            data = self.read(number)
            if data is None:
                raise DamageError(f"{self.name(number)} was changed or removed: run again, it is made again")
            yield data

    def piece(self, number: int, start: int, length: int) -> bytes:
        """Return some of the data of a part without reading the rest; whoever asks knows its digest."""
        with self._part(number).open("rb") as file:
            file.seek(SHA + start)
            return file.read(length)

    def check(self, number: int, data: bytes, sha256: str) -> None:
        """Raise DamageError where a piece of a part has another digest than it was written with."""
        if hashlib.sha256(data).hexdigest() != sha256:
            raise DamageError(f"{self._part(number)} was changed after it was written: remove it and run again")

    def claim(self, number: int) -> bool:
        """Return whether this process may take a part: nobody else is at it."""
        path, own = self.folder / f"{number:05d}.claim", self._temporary(number)
        with writing(path):
            own.write_text(json.dumps({"owner": self._owner}))
            now = own.stat().st_mtime
            try:
                if self._linked(own, path):
                    return True
                with contextlib.suppress(FileNotFoundError):
                    # One from the future is of before the clock was put back: it would count for as long as that.
                    if abs(now - path.stat().st_mtime) < LEASE and not is_gone(path.read_bytes()):
                        return False
                own.replace(path)
                return True
            finally:
                own.unlink(missing_ok=True)

    def commit(self, number: int, data: bytes) -> None:
        """Keep a part, unless another process has done so before; a line says where that one's bytes are others."""
        path, own = self._part(number), self._temporary(number)
        with writing(path):
            try:
                with own.open("wb") as file:
                    file.write(hashlib.sha256(data).digest())
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                if not self._linked(own, path):
                    self._compare(number, self.read(number), data)
            finally:
                own.unlink(missing_ok=True)
            (self.folder / f"{number:05d}.claim").unlink(missing_ok=True)
            sync(self.folder)

    def name(self, number: int) -> str:
        """Return what a part is called in what is told of it."""
        return str(self._part(number))

    def _compare(self, number: int, there: bytes | None, data: bytes) -> None:
        if there is not None and there != data:
            print(
                f"{self.name(number)} was made twice and came out differently: the first stays; are the packages and "
                "files the same wherever workers are?", file=sys.stderr,
            )  # fmt: skip

    @staticmethod
    def _linked(own: Path, path: Path) -> bool:
        """Give a file its name unless there is one of that name."""
        try:
            os.link(own, path)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            if path.exists():  # a file system without links: the same bytes twice do no harm
                return False
            own.replace(path)
        return True

    def _part(self, number: int) -> Path:
        return self.folder / f"{number:05d}.part"

    def _temporary(self, number: int) -> Path:
        return self.folder / f".{number:05d}.{self._owner.replace('/', '_')}.tmp"


def whole_data(whole: bytes) -> bytes | None:
    """Return the data of a part as it was written, None where it is damaged."""
    return whole[SHA:] if hashlib.sha256(whole[SHA:]).digest() == whole[:SHA] else None


def is_gone(claim: bytes) -> bool:
    """Whether the process of a claim was of this machine and has ended; half a claim is one of nobody."""
    try:
        host, _, process = str(json.loads(claim)["owner"]).rpartition(":")
        if host != socket.gethostname():
            return False
        os.kill(int(process), 0)
        state = Path(f"/proc/{int(process)}/stat").read_text(errors="replace").rpartition(")")[2].split()
        return state[:1] == ["Z"]  # ended, and its parent has not asked how
    except (ValueError, KeyError, TypeError, ProcessLookupError):
        return True
    except OSError:  # no claim any more, somebody else's process, or no /proc here
        return False
