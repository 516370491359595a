"""Every completion ever paid for, in one SQLite file: on disk before it counts, asked for once.

A rollback journal, synchronous=FULL and one exclusive connection: SQLite before 3.51.3 can corrupt a write-ahead log
under two connections, and Python here carries 3.40. Many rows share one transaction. Clock, retries and token counts
are columns of their own; reasoning and answer are read from the body as received, by the dialects of today.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from potstill.errors import BusyError, StoreError
from potstill.models import dialects
from potstill.models.faults import FaultError
from potstill.models.requests import Completion
from potstill.recipe import Price

LAYOUT = 1
BYTES_PER_TOKEN = 3
"""For completions without usage: a body of this many bytes is charged as one completion token, rather too many."""
_COLUMNS = (
    "key", "model", "finish", "failure", "prompt_tokens", "completion_tokens", "size", "body", "tries", "seconds", "at",
)  # fmt: skip
_TABLE = """
CREATE TABLE IF NOT EXISTS completions (
    key TEXT PRIMARY KEY, model TEXT NOT NULL, finish TEXT NOT NULL, failure TEXT NOT NULL,
    prompt_tokens INTEGER, completion_tokens INTEGER, size INTEGER NOT NULL, body BLOB NOT NULL,
    tries INTEGER NOT NULL, seconds REAL NOT NULL, at REAL NOT NULL
)"""
_PUT = f"""
INSERT INTO completions ({", ".join(_COLUMNS)}) VALUES ({", ".join("?" for _ in _COLUMNS)})
ON CONFLICT (key) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[1:-3])},
    tries = tries + excluded.tries, seconds = seconds + excluded.seconds, at = excluded.at
WHERE completions.finish = 'failed'"""  # noqa: S608 - the names are those above
_PAGE = 200


@dataclass(frozen=True, slots=True)
class Entry:
    """A completion with its clock: requests sent for it, and seconds from the first sent to the last byte received."""

    completion: Completion
    model: str
    tries: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Counts:
    """Sums over a ledger. `unmetered` rows came without usage; `unmetered_bytes` is the size of their bodies."""

    rows: int
    requests: int
    prompt_tokens: int
    completion_tokens: int
    unmetered: int
    unmetered_bytes: int
    finishes: dict[str, int]
    failures: dict[str, int]

    def dollars(self, price: Price) -> float:
        """Return US dollars; rows without usage are estimated from their size."""
        completion = self.completion_tokens + self.unmetered_bytes / BYTES_PER_TOKEN
        return (self.prompt_tokens * price.prompt + completion * price.completion) / 1e6


class Ledger:
    """One file, one connection, one process; its methods may be called from any thread.

    Raises:
        BusyError: another process has it open.
        StoreError: the file is damaged, of another layout, or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        import pyarrow as pa

        self.path = path
        self._codec = pa.Codec("zstd", 3)
        self._lock = threading.Lock()
        with self._named():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
        try:
            self._open()
        except BaseException:
            self._connection.close()
            raise

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let other processes open it."""
        with self._lock:
            self._connection.close()

    def get(self, key: str) -> Completion | None:
        """Return the completion of a request, failed ones too, or None."""
        rows = self._select(f"SELECT {', '.join(_COLUMNS)} FROM completions WHERE key = ?", (key,))  # noqa: S608
        return self._completion(rows[0]) if rows else None

    def missing(self, keys: Sequence[str]) -> list[str]:
        """Return the keys still to be asked, in order, each once: those never asked and those that failed."""
        found = self._select(
            "SELECT key FROM completions WHERE key IN (SELECT value FROM json_each(?)) AND finish <> 'failed'",
            (json.dumps(list(keys)),),
        )
        there = {row[0] for row in found}
        return [key for key in dict.fromkeys(keys) if key not in there]

    def put_many(self, entries: Iterable[Entry]) -> None:
        """Write entries in one transaction; when this returns they survive a power cut.

        An entry replaces a failed one of the same key and no other.
        """
        at = time.time()
        rows = [self._row(entry, at) for entry in entries]
        with self._transaction() as connection:
            connection.executemany(_PUT, rows)

    def ask_again(self, keys: Iterable[str]) -> None:
        """Mark requests as failed, so that the next run asks them."""
        with self._transaction() as connection:
            connection.executemany("UPDATE completions SET finish = 'failed' WHERE key = ?", [(key,) for key in keys])

    def counts(self) -> Counts:
        """Return the sums; failures are counted by kind, the part of their reason before a colon."""
        sums = self._select(
            "SELECT count(*), total(tries), total(prompt_tokens), total(completion_tokens),"
            " total(completion_tokens IS NULL AND finish IN ('stop', 'length')),"
            " total(iif(completion_tokens IS NULL AND finish IN ('stop', 'length'), size, 0)) FROM completions",
        )[0]
        kind = "substr(failure, 1, instr(failure || ':', ':') - 1)"
        finishes = self._select("SELECT finish, count(*) FROM completions GROUP BY finish ORDER BY finish")
        failures = self._select(
            f"SELECT {kind}, count(*) FROM completions WHERE failure <> '' GROUP BY 1 ORDER BY 2 DESC, 1"  # noqa: S608
        )
        rows, requests, prompt, completion, unmetered, unmetered_bytes = (int(value) for value in sums)
        return Counts(rows, requests, prompt, completion, unmetered, unmetered_bytes, dict(finishes), dict(failures))

    def __len__(self) -> int:
        return int(self._select("SELECT count(*) FROM completions")[0][0])

    def __iter__(self) -> Iterator[Completion]:
        """Yield all completions in the order they were first written, a page at a time."""
        last = 0
        query = f"SELECT {', '.join(_COLUMNS)}, rowid FROM completions WHERE rowid > ? ORDER BY rowid LIMIT {_PAGE}"  # noqa: S608
        while rows := self._select(query, (last,)):
            last = rows[-1][-1]
            yield from (self._completion(row[:-1]) for row in rows)

    def _open(self) -> None:
        with self._named():
            run = self._connection.execute
            run("PRAGMA locking_mode = EXCLUSIVE")
            run("PRAGMA journal_mode = DELETE")
            run("PRAGMA synchronous = FULL")
            run("BEGIN EXCLUSIVE")
            layout = run("PRAGMA user_version").fetchone()[0]
            if layout not in (0, LAYOUT):
                raise StoreError(f"{self.path} has layout {layout}, this potstill reads {LAYOUT}: use the one it is of")
            run(_TABLE)
            run(f"PRAGMA user_version = {LAYOUT}")
            run("COMMIT")

    def _select(self, query: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        with self._lock, self._named():
            return self._connection.execute(query, values).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._named():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                # A full disk has often rolled back already, and then there is nothing left to roll back.
                with suppress(sqlite3.OperationalError):
                    self._connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            name = str(getattr(error, "sqlite_errorname", ""))
            if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
                raise BusyError(f"{self.path} is in use by another process: wait for it") from None
            raise StoreError(f"{self.path}: {_trouble(name, error)}") from error

    def _row(self, entry: Entry, at: float) -> tuple[Any, ...]:
        done = entry.completion
        body = self._codec.compress(done.raw, asbytes=True) if done.raw else b""
        return (
            done.key, entry.model, done.finish, done.failure, done.prompt_tokens, done.completion_tokens,
            len(done.raw), body, entry.tries, entry.seconds, at,
        )  # fmt: skip

    def _completion(self, row: tuple[Any, ...]) -> Completion:
        key, model, finish, failure, prompt_tokens, completion_tokens, size, body, *_ = row
        try:
            raw = self._codec.decompress(body, decompressed_size=size, asbytes=True) if size else b""
            parts = dialects.Parts("", "", "none")
            if finish in ("stop", "length"):
                parts = dialects.divide(dialects.parse(raw), model)
        except (OSError, ValueError, FaultError, dialects.ReplyError) as error:
            raise StoreError(f"{self.path}: the body of {key} is damaged ({error}): move the file away") from None
        return Completion(
            key, parts.content, parts.reasoning, parts.kind, finish, prompt_tokens, completion_tokens, failure, raw
        )


def _trouble(name: str, error: Exception) -> str:
    """Return what is wrong and what to do, from SQLite's name of an error."""
    if name.startswith("SQLITE_FULL"):
        return "the disk is full; nothing committed is lost, make room and run again"
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")) or isinstance(error, PermissionError):
        return f"cannot be written ({error}): make it writable or name another folder"
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return "is damaged, or no ledger: move it away and run again, which asks every request again"
    return f"cannot be read or written ({error}); nothing committed is lost, run again when that is mended"
