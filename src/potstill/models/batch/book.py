"""What was handed to a batch interface and is not back yet: on disk before it is sent, so that nothing is sent twice.

One SQLite file beside the ledger, written by the process that holds the ledger. It has no keys, prompts or replies:
content keys of requests, and the provider's own names of files and batches.
"""

from __future__ import annotations

import json
import sqlite3
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from potstill.errors import StoreError

_TABLES = (
    "CREATE TABLE IF NOT EXISTS parts (id TEXT PRIMARY KEY, service TEXT NOT NULL, state TEXT NOT NULL,"
    " file TEXT NOT NULL, batch TEXT NOT NULL, size INTEGER NOT NULL, at REAL NOT NULL)",
    "CREATE TABLE IF NOT EXISTS members (key TEXT PRIMARY KEY, part TEXT NOT NULL) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS members_of_part ON members (part)",
)
_COLUMNS = "id, state, file, batch, size, at"


class PartState(StrEnum):
    """How far a part has come."""

    MEANT = "meant"
    """Written down, perhaps sent."""
    UPLOADED = "uploaded"
    """Its file is there, perhaps its batch too."""
    HELD = "held"
    """Its file is there, and there was no room for its batch."""
    UNDER_WAY = "under way"
    """Its batch is known."""
    READ = "read"
    """Its results are in the ledger."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """Requests that are sent together; `file` and `batch` are the provider's names, empty before there are any.

    `at` is Unix time.
    """

    id: str
    state: PartState
    file: str
    batch: str
    size: int
    at: float


class Book:
    """The parts of one service (an address) in one file. Each method is one transaction.

    Raises:
        StoreError: the file cannot be read or written.
    """

    def __init__(self, path: Path, service: str) -> None:
        self.path, self.service = path, service
        with self._named():
            self._connection = sqlite3.connect(path, isolation_level=None)
            for line in ("PRAGMA journal_mode = DELETE", "PRAGMA synchronous = EXTRA", *_TABLES):
                self._connection.execute(line)

    def __enter__(self) -> Book:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def mean(self, *groups: Sequence[str], instead_of: Part | None = None) -> list[Part]:
        """Write down that groups of requests are about to be sent, perhaps instead of a part that held them."""
        made = [
            Part(id=uuid.uuid4().hex, state=PartState.MEANT, file="", batch="", size=len(keys), at=time.time())
            for keys in groups
        ]
        with self._transaction() as run:
            if instead_of is not None:
                run("DELETE FROM parts WHERE id = ?", (instead_of.id,))
            for part, keys in zip(made, groups, strict=True):
                row = (part.id, self.service, part.state, "", "", part.size, part.at)
                run("INSERT INTO parts VALUES (?, ?, ?, ?, ?, ?, ?)", row)
                run(
                    "INSERT OR REPLACE INTO members SELECT value, ? FROM json_each(?)",
                    (part.id, json.dumps(list(keys))),
                )
        return made

    def note(self, part: Part, state: PartState, *, file: str = "", batch: str = "") -> Part:
        """Write down how far a part has come."""
        with self._transaction() as run:
            run("UPDATE parts SET state = ?, file = ?, batch = ? WHERE id = ?", (state, file, batch, part.id))
            if state == PartState.READ:
                run("DELETE FROM members WHERE part = ?", (part.id,))
        return Part(id=part.id, state=state, file=file, batch=batch, size=part.size, at=part.at)

    def forget(self, part: Part) -> None:
        """Strike out a part that was never sent."""
        with self._transaction() as run:
            run("DELETE FROM members WHERE part = ?", (part.id,))
            run("DELETE FROM parts WHERE id = ?", (part.id,))

    def open_parts(self) -> list[Part]:
        """Return the parts whose results are not read yet, the oldest first."""
        rows = self._select(
            f"SELECT {_COLUMNS} FROM parts WHERE service = ? AND state <> 'read' ORDER BY at, id",  # noqa: S608
            self.service,
        )
        return [
            Part(id=key, state=PartState(state), file=file, batch=batch, size=size, at=at)
            for key, state, file, batch, size, at in rows
        ]

    def batches(self) -> set[str]:
        """Return the provider's names of all batches that are known to be ours."""
        return {row[0] for row in self._select("SELECT batch FROM parts WHERE service = ?", self.service)}

    def keys(self, part: Part) -> list[str]:
        """Return the requests of a part."""
        return [row[0] for row in self._select("SELECT key FROM members WHERE part = ? ORDER BY key", part.id)]

    def under_way(self, keys: Sequence[str]) -> set[str]:
        """Return which of these requests are in a part whose results are not read yet."""
        rows = self._select(
            "SELECT key FROM members JOIN parts ON parts.id = members.part"
            " WHERE key IN (SELECT value FROM json_each(?)) AND service = ?",
            json.dumps(list(keys)),
            self.service,
        )
        return {row[0] for row in rows}

    def _select(self, query: str, *values: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401 - any SQL value
        with self._named():
            return self._connection.execute(query, values).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[Any]:
        with self._named():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection.execute
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"{self.path} cannot be read or written ({error}): mend that and run again") from error
