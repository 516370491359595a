"""The verdict table: whoever needs a verdict first computes it, everyone after reads it.

Rows are addressed by content: the trace with its answer, what the problem is judged by, the check and its version, and
those parts of the declared checks that this judging looked at (`consulted`). One SQLite file in the run folder, beside
the stages, so that it outlives every redo. What it holds can be computed again, so a crash may cost the last few rows
and never more.
"""

from __future__ import annotations

import dataclasses
import errno
import json
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from potstill.damage import signed, unsigned
from potstill.durable import refusal, writing
from potstill.errors import DamageError, StoreError
from potstill.records import Verdict, content_key

TABLE = "verdicts.sqlite"
COMMIT_ROWS = 500
Entry = tuple[str, str]
"""The place of a verdict in the table, and its row."""


@dataclass(frozen=True, slots=True)
class KeptVerdict:
    """A verdict and the values of all that it depends on beside its row, as JSON text: see `consulted.written`."""

    verdict: Verdict
    consulted: str


class VerdictTable:
    """Verdicts by address; one writing process, which the lock of the run folder sees to."""

    def __init__(self, path: Path, *, only_reads: bool = False) -> None:
        """Open the table; with `only_reads` it is there, and another process may be writing it."""
        self._path = path
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        self._open: sqlite3.Connection | None = None
        self._waiting = 0
        if only_reads:
            with self._named():
                where = f"file:{quote(str(path.absolute()))}?mode=ro"
                self._open = sqlite3.connect(where, uri=True, isolation_level=None, check_same_thread=False, timeout=60)
                self._open.text_factory = lambda data: data.decode(errors="replace")
            return
        with self._named():
            self._open = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._open.text_factory = lambda data: data.decode(errors="replace")
            self._open.execute("pragma journal_mode = delete")
            self._open.execute("pragma synchronous = normal")
            self._open.execute("create table if not exists verdicts (address text primary key, row text) strict")

    def _run(self, statement: str, values: tuple[str, ...] = ()) -> sqlite3.Cursor:
        if self._open is None:
            raise StoreError(f"{self._path} was closed")
        with self._named():
            return self._open.execute(statement, values)

    def _run_many(self, statement: str, values: Iterable[tuple[str, str]]) -> None:
        if self._open is None:
            raise StoreError(f"{self._path} was closed")
        with self._named():
            self._open.executemany(statement, values)

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorname == "SQLITE_FULL":
                raise StoreError(refusal(OSError(errno.ENOSPC, ""), self._path)) from error
            if error.sqlite_errorname.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
                raise StoreError(refusal(OSError(errno.EACCES, ""), self._path)) from error
            if error.sqlite_errorname.startswith("SQLITE_BUSY"):
                raise StoreError(f"{self._path} is in use by another process: wait for it") from error
            if error.sqlite_errorname.startswith("SQLITE_IOERR"):
                raise StoreError(f"{self._path}: {error}; nothing committed is lost") from error
            raise StoreError(f"{self._path}: {error}: remove it, the verdicts are computed again") from error

    def find(self, addresses: Iterable[str], values: Mapping[str, Any]) -> dict[str, KeptVerdict]:
        """Return the verdicts that hold under checks with these values; a damaged one is computed again."""
        found, damaged = {}, 0
        for address in addresses:
            # Every address of this row: ";" is the sign after ":".
            rows = self._run(
                "select address, row from verdicts where address > ? and address < ?", (f"{address}:", f"{address};")
            ).fetchall()
            for place, row in rows:
                kept = self._read(place, row)
                damaged += kept is None
                if kept is not None and _holds(kept, values):
                    found[address] = kept
        if damaged:
            print(f"{self._path}: {damaged} verdicts are damaged and computed again", file=sys.stderr)
        return found

    def _read(self, place: str, row: str) -> KeptVerdict | None:
        """Return the verdict of a row, or None where it is not as it was written for this place."""
        try:
            record = unsigned(json.loads(row), self._path)
            return (
                KeptVerdict(Verdict(**record["verdict"]), record["consulted"]) if record["address"] == place else None
            )
        except (ValueError, TypeError, KeyError, RecursionError, DamageError):
            return None

    def keep(self, address: str, kept: KeptVerdict) -> None:
        """Remember a verdict; see `entry_of`."""
        if (entry := entry_of(address, kept)) is not None:
            self.put([entry])

    def put(self, entries: Sequence[Entry]) -> None:
        """Remember verdicts whose entries are made."""
        if not entries:
            return
        if not self._waiting:
            self._run("begin")
        self._run_many("insert or replace into verdicts values (?, ?)", entries)
        self._waiting += len(entries)
        if self._waiting >= COMMIT_ROWS:
            self.commit()

    def commit(self) -> None:
        """Write what waits."""
        if self._waiting:
            self._run("commit")
            self._waiting = 0

    def __len__(self) -> int:
        return int(self._run("select count(*) from verdicts").fetchone()[0])

    def __iter__(self) -> Iterator[Verdict]:
        for place, row in self._run("select address, row from verdicts order by address"):
            if (kept := self._read(place, row)) is not None:
                yield kept.verdict

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Write what waits and let go of the file."""
        if self._open is not None:
            connection, self._open = self._open, None
            try:
                if connection.in_transaction:  # a full disk has taken it back
                    with self._named():
                        connection.execute("commit")
            finally:
                connection.close()


def entry_of(address: str, kept: KeptVerdict) -> Entry | None:
    """Return a verdict as the table has it; None of one that an outage left undecided: the next run tries again."""
    if kept.verdict.cause == "infrastructure":
        return None
    place = f"{address}:{content_key(kept.consulted)}"
    record = signed({"address": place, **dataclasses.asdict(kept)})
    return place, json.dumps(record, separators=(",", ":"))


def _holds(kept: KeptVerdict, values: Mapping[str, Any]) -> bool:
    """Whether a verdict holds under these values: they have what it was reached with wherever it looked."""
    return all(values.get(part, kept) == value for part, value in json.loads(kept.consulted).items())
