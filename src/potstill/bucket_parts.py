"""Parts of one piece of work in an object store, for processes that see no folder together; see `claims`.

    PREFIX/00012.part, PREFIX/00012.claim       as in a folder, each written if there is none of its name

Nothing is renamed or written over. A part appears whole with one conditional write; a claim that is taken over is
replaced if it is still the one that was looked at. The age of a claim is told by the store's clock alone. The folder
holds copies of the parts that were read or made here.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import zlib
from pathlib import Path

from potstill.bucket import BucketError, ListedObject, ObjectStore, this_process
from potstill.claims import LEASE, SharedParts, is_gone, whole_data
from potstill.errors import DamageError

_NAME = re.compile(r"([0-9]{5,})\.(part|claim)")  # 00012.part
TRIES = 5
"""Writes of one part, where a store says that somebody was first and then has nothing."""


class BucketParts(SharedParts):
    """The `count` parts of a piece of work below `prefix` of a bucket, copied to a folder as they are needed.

    Every method may raise BucketError.
    """

    pause = 1.0

    def __init__(self, folder: Path, count: int, bucket: ObjectStore, prefix: str) -> None:
        super().__init__(folder, count)
        self.bucket, self.prefix = bucket, prefix
        self._claims: dict[int, ListedObject] = {}
        self._owners: dict[str, bytes] = {}

    def missing(self) -> list[int]:
        """Return the numbers of the parts that are not done; each process begins elsewhere."""
        done: set[int] = set()
        self._claims.clear()
        for name, listed in self.bucket.names(self.prefix).items():
            if found := _NAME.fullmatch(name):
                if found[2] == "part":
                    done.add(int(found[1]))
                else:
                    self._claims[int(found[1])] = listed
        first = zlib.crc32(this_process().encode()) % max(self.count, 1)
        return [number for number in (*range(first, self.count), *range(first)) if number not in done]

    def has(self, number: int) -> bool:
        """Return whether a part is done."""
        return self.bucket.has(self._key(number, "part"))

    def publish(self) -> None:
        """Let all processes have the parts that are done here, of a run that went on without the store for a while."""
        for number in self.missing():
            if (data := super().read(number)) is not None:
                self.commit(number, data)

    def read(self, number: int) -> bytes | None:
        """Return the data of a part, None where it is not done; a damaged one is taken away and is not done."""
        data = super().read(number)
        if data is not None:
            return data
        found = self.bucket.get(self._key(number, "part"))
        if found is None:
            return None
        data = whole_data(found.data)
        if data is None:
            self.bucket.remove([self._key(number, "part")])
            return None
        super().commit(number, data)
        return data

    def piece(self, number: int, start: int, length: int) -> bytes:
        """Return some of the data of a part, which is copied whole first; whoever asks knows its digest."""
        if not super().has(number) and self.read(number) is None:
            raise DamageError(f"{self.name(number)} was removed: run again, it is made again")
        return super().piece(number, start, length)

    def claim(self, number: int) -> bool:
        """Return whether this process may take a part: nobody else is at it."""
        listed = self._claims.get(number)
        if listed is not None and self._counts(number, listed):
            return False
        key = self._key(number, "claim")
        # No two claims are alike, so that a version names one of them, and an answer that was lost is found out.
        own = json.dumps({"owner": this_process(), "nonce": secrets.token_hex(8)}).encode()
        if self.bucket.create(key, own):
            return True
        there = self.bucket.get(key)
        if there is None:
            return self.bucket.create(key, own)
        if there.data == own:
            return True
        if abs(self.bucket.now() - there.modified) < LEASE and not is_gone(there.data):
            return False
        if self.bucket.replace(key, own, there.version):
            return True
        now = self.bucket.get(key)
        return now is not None and now.data == own

    def commit(self, number: int, data: bytes) -> None:
        """Keep a part, unless another process has done so before; a line says where that one's bytes are others."""
        key, whole = self._key(number, "part"), hashlib.sha256(data).digest() + data
        for _ in range(TRIES):
            if self.bucket.create(key, whole):
                break
            there = self.bucket.get(key)
            first = None if there is None else whole_data(there.data)
            if first is not None:
                self._compare(number, first, data)
                data = first
                break
            if there is not None:  # damaged
                self.bucket.remove([key])
        else:
            raise BucketError(f"{self.name(number)} is refused as there and is not there: run again")
        super().commit(number, data)
        self.bucket.remove([self._key(number, "claim")])

    def name(self, number: int) -> str:
        """Return the address of a part."""
        return f"{self.bucket.address}/{self._key(number, 'part')}"

    def _counts(self, number: int, listed: ListedObject) -> bool:
        """Whether a claim that was listed still keeps others away; its owner is asked for once."""
        if abs(self.bucket.now() - listed.modified) >= LEASE:
            return False
        if listed.mark not in self._owners:
            found = self.bucket.get(self._key(number, "claim"))
            self._owners[listed.mark] = b"" if found is None else found.data
        return not is_gone(self._owners[listed.mark])

    def _key(self, number: int, kind: str) -> str:
        return f"{self.prefix}/{number:05d}.{kind}"
