"""Every completion ever paid for, in one SQLite file: on disk before it counts, asked for once.

A rollback journal and synchronous=EXTRA: SQLite before 3.51.3 can corrupt a write-ahead log under two connections, and
Python here carries 3.40; with FULL a journal that was deleted may be back after a power cut, and undo its commit. One
process writes, held by a lock on a file beside; others may read meanwhile. Many rows share one transaction. Clock,
retries and token counts are columns of their own; reasoning and answer are read from the body as received, by the
dialects of today.
"""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from potstill.errors import BusyError, DamageError, StoreError
from potstill.models.ledger_sums import Counts, Taken, taken_of, taken_query
from potstill.models.replies import dialects, shapes
from potstill.models.requests import Completion
from potstill.models.served.faults import FaultError
from potstill.records import Finish, content_key

LAYOUT = 3
TOOL = "tool"
"""What the model of a row begins with that a tool wrote: its body is the text itself, and no request was sent."""
RETRY_POLICY = 60.0
"""Seconds that a commit waits for readers, who take milliseconds."""
_COLUMNS = (
    "key", "model", "finish", "failure", "prompt_tokens", "completion_tokens", "size", "tries", "seconds", "at",
    "digest", "body",
)  # fmt: skip
_READ = f"SELECT {', '.join(_COLUMNS)} FROM completions"  # noqa: S608 - the names are those above
_TABLES = (
    # The body comes last, so that sums over the other columns do not read it.
    """CREATE TABLE IF NOT EXISTS completions (
    key TEXT PRIMARY KEY, model TEXT NOT NULL, finish TEXT NOT NULL, failure TEXT NOT NULL,
    prompt_tokens INTEGER, completion_tokens INTEGER, size INTEGER NOT NULL,
    tries INTEGER NOT NULL, seconds REAL NOT NULL, at REAL NOT NULL, digest TEXT NOT NULL, body BLOB NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS sessions (began REAL NOT NULL, seconds REAL NOT NULL,
    lost_prompt INTEGER NOT NULL DEFAULT 0, lost_completion INTEGER NOT NULL DEFAULT 0)""",
)
_PUT = f"""
INSERT INTO completions ({", ".join(_COLUMNS)}) VALUES ({", ".join("?" for _ in _COLUMNS)})
ON CONFLICT (key) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in (*_COLUMNS[1:7], "digest", "body"))},
    tries = tries + excluded.tries, seconds = seconds + excluded.seconds, at = excluded.at
WHERE completions.finish = 'failed'"""  # noqa: S608 - the names are those above
_PAGE = 200
_ASKED = f"model NOT LIKE '{TOOL}:%'"
_UNMETERED = "(completion_tokens IS NULL AND (finish IN ('stop', 'length') OR prompt_tokens IS NOT NULL))"
"""Rows of a reply without a count: also those that are of no use, which have an estimate of their prompt."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A completion with its clock: requests sent for it, and seconds from the first sent to the last byte received."""

    completion: Completion
    model: str
    tries: int
    seconds: float


class Ledger:
    """One file and one connection; its methods may be called from any thread.

    One process at a time writes. With `write=False` any number read beside it, and see what is committed.

    Raises:
        BusyError: another process writes to it.
        StoreError: the file is damaged, of another layout, or cannot be written; or it is not there to be read.
    """

    def __init__(self, path: Path, *, write: bool = True) -> None:
        import pyarrow as pa

        self.path = path
        self._codec = pa.Codec("zstd", 1)
        self._lock = threading.Lock()
        self._held: int | None = None
        self._session: tuple[int, float] | None = None
        self._writes = write
        self._lost = [0, 0]
        with self._named():
            if write:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._hold()
            elif not path.is_file():
                raise StoreError(f"{path} is not there: nothing has been asked yet")
        try:
            self._open(write)
        except BaseException:
            self._release()
            raise

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let other processes write."""
        with self._lock:
            self._connection.close()
            self._release()

    def get(self, key: str) -> Completion | None:
        """Return the completion of a request, failed ones too, or None."""
        rows = self._select(f"{_READ} WHERE key = ?", (key,))
        return self._completion(rows[0]) if rows else None

    def clock(self, key: str) -> tuple[int, float]:
        """Return how many requests a completion took, and seconds; nothing where it is not there."""
        rows = self._select("SELECT tries, seconds FROM completions WHERE key = ?", (key,))
        return (int(rows[0][0]), float(rows[0][1])) if rows else (0, 0.0)

    def taken(self, keys: Sequence[str] | None = None) -> dict[str, Taken]:
        """Return what the completions of each model took, those of `keys` or all; a model without any is absent."""
        query, values = taken_query(_ASKED, keys)
        return taken_of(self._select(query, values))

    def missing(self, keys: Sequence[str]) -> list[str]:
        """Return the keys still to be asked, in order, each once: those never asked and those that failed."""
        found = self._select(
            "SELECT key FROM completions WHERE key IN (SELECT value FROM json_each(?)) AND finish <> 'failed'",
            (json.dumps(list(keys)),),
        )
        there = {row[0] for row in found}
        return [key for key in dict.fromkeys(keys) if key not in there]

    def get_many(self, keys: Sequence[str]) -> dict[str, Completion]:
        """Return the completions that are there, by key."""
        query = f"{_READ} WHERE key IN (SELECT value FROM json_each(?))"  # noqa: S608 - as above
        rows = self._select(query, (json.dumps(list(keys)),))
        return {row[0]: self._completion(row) for row in rows}

    def put_many(self, entries: Iterable[Entry]) -> None:
        """Write entries in one transaction; when this returns they survive a power cut.

        An entry replaces a failed one of the same key and no other.
        """
        self.put(entries)
        self.commit()

    def put(self, entries: Iterable[Entry]) -> None:
        """Write entries to memory; nothing else can be done with the ledger until `commit`.

        Apart from `commit` because the two want different threads: this one is work of the interpreter, that one waits
        for the disk.
        """
        self._lock.acquire()
        try:
            with self._named():
                at = time.time()
                self._connection.execute("BEGIN IMMEDIATE")
                self._connection.executemany(_PUT, [self._row(entry, at) for entry in entries])
                if self._session is not None:
                    row, began = self._session
                    seconds = time.monotonic() - began
                    self._connection.execute(
                        "UPDATE sessions SET seconds = ?, lost_prompt = ?, lost_completion = ? WHERE rowid = ?",
                        (seconds, *self._lost, row),
                    )
        except BaseException:
            self._undo()
            self._lock.release()
            raise

    def commit(self) -> None:
        """Make what was put durable, from any thread."""
        try:
            with self._named():
                self._connection.execute("COMMIT")
        except BaseException:
            self._undo()
            raise
        finally:
            self._lock.release()

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Count the time in the block as time of asking, up to the last commit in it if the process is killed."""
        with self._transaction() as connection:
            row = connection.execute("INSERT INTO sessions (began, seconds) VALUES (?, 0)", (time.time(),)).lastrowid
        self._session, self._lost = (row or 0, time.monotonic()), [0, 0]
        try:
            yield
        finally:
            self.put(())
            self.commit()
            self._session = None

    def lose(self, prompt: int, completion: int) -> None:
        """Count tokens of a reply that is asked for again; they are written with the next commit of `asking`."""
        self._lost = [self._lost[0] + prompt, self._lost[1] + completion]

    def ask_again(self, keys: Iterable[str]) -> None:
        """Mark requests as failed, so that the next run asks them."""
        for key in keys:
            for row in self._select(f"{_READ} WHERE key = ?", (key,)):
                raw = self._unpacked(key, row[-1], row[6])
                digest = _digest((key, row[1], "failed", *row[3:6]), raw)
                self._update("finish = 'failed', digest = ?", digest, key)

    def _update(self, what: str, *values: str) -> None:
        with self._transaction() as connection:
            connection.execute(f"UPDATE completions SET {what} WHERE key = ?", values)  # noqa: S608 - as in this file

    def counts(self) -> Counts:
        """Return the sums; failures are counted by kind, the part of their reason before a colon."""
        sums = self._select(
            "SELECT count(*), total(tries), total(prompt_tokens), total(completion_tokens),"  # noqa: S608 - as above
            f" total({_UNMETERED}), total(iif({_UNMETERED}, size, 0)) FROM completions WHERE {_ASKED}"
        )[0]
        kind = "substr(failure, 1, instr(failure || ':', ':') - 1)"
        grouped = f"SELECT finish, count(*) FROM completions WHERE {_ASKED} GROUP BY finish ORDER BY finish"  # noqa: S608
        finishes = self._select(grouped)
        failures = self._select(
            f"SELECT {kind}, count(*) FROM completions WHERE failure <> '' GROUP BY 1 ORDER BY 2 DESC, 1"  # noqa: S608
        )
        rows, requests, prompt, completion, unmetered, unmetered_bytes = (int(value) for value in sums)
        sums = self._select("SELECT total(seconds), total(lost_prompt), total(lost_completion) FROM sessions")[0]
        return Counts(
            rows=rows,
            requests=requests,
            prompt_tokens=prompt,
            completion_tokens=completion,
            unmetered=unmetered,
            unmetered_bytes=unmetered_bytes,
            finishes=dict(finishes),
            failures=dict(failures),
            seconds=float(sums[0]),
            lost_prompt=int(sums[1]),
            lost_completion=int(sums[2]),
        )

    def find(self, start: str) -> list[str]:
        """Return the first keys that begin with `start`, at most ten."""
        query = "SELECT key FROM completions WHERE key >= ?1 AND substr(key, 1, length(?1)) = ?1 LIMIT 10"
        return [row[0] for row in self._select(query, (start,))]

    def latest(self, count: int) -> list[Completion]:
        """Return the completions written last, the newest first."""
        keys = [row[0] for row in self._select("SELECT key FROM completions ORDER BY at DESC LIMIT ?", (count,))]
        there = self.get_many(keys)
        return [there[key] for key in keys if key in there]

    def records(self) -> Iterator[dict[str, Any]]:
        """Yield all rows as mappings of column names, with the body as received, a page at a time."""
        for row in self._pages():
            record = dict(zip(_COLUMNS, row, strict=True))
            size = record.pop("size")
            record["body"] = self._unpacked(row[0], record["body"], size)
            self._check(row, record["body"])
            del record["digest"]
            yield record

    def state(self) -> str:
        """Return a text that is another whenever rows have changed."""
        rows, requests, at = self._select("SELECT count(*), total(tries), max(at) FROM completions")[0]
        return f"{LAYOUT} {rows} {requests:.0f} {at}"

    def __len__(self) -> int:
        return int(self._select("SELECT count(*) FROM completions")[0][0])

    def __iter__(self) -> Iterator[Completion]:
        """Yield all completions in the order they were first written, a page at a time."""
        return (self._completion(row) for row in self._pages())

    def _pages(self) -> Iterator[tuple[Any, ...]]:
        last = 0
        query = f"SELECT {', '.join(_COLUMNS)}, rowid FROM completions WHERE rowid > ? ORDER BY rowid LIMIT {_PAGE}"  # noqa: S608
        while rows := self._select(query, (last,)):
            last = rows[-1][-1]
            yield from (row[:-1] for row in rows)

    def _hold(self) -> None:
        """Become the only writing process; the kernel lets go when this one ends, however it ends."""
        # Not the file itself: closing a second descriptor of it would drop the locks that SQLite has on it.
        self._held = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._release()
            raise BusyError(f"{self.path} is in use by another process: wait for it") from None

    def _release(self) -> None:
        if self._held is not None:
            os.close(self._held)
            self._held = None

    def _open(self, write: bool) -> None:
        with self._named():
            # A reader too may have to roll back what a killed process left, so it opens the file to write where it can.
            mode = "rwc" if write else "rw" if os.access(self.path, os.W_OK) else "ro"
            address = f"{self.path.absolute().as_uri()}?mode={mode}"
            self._connection = sqlite3.connect(
                address, timeout=RETRY_POLICY, isolation_level=None, check_same_thread=False, uri=True
            )
            self._connection.text_factory = lambda data: data.decode(errors="replace")  # a damaged one is told below
            try:
                self._set_up(self._connection.execute, write)
            except BaseException:
                self._connection.close()
                raise

    def _set_up(self, run: Callable[[str], sqlite3.Cursor], write: bool) -> None:
        if write:
            run("PRAGMA journal_mode = DELETE")
            run("PRAGMA synchronous = EXTRA")
            run("BEGIN IMMEDIATE")
        else:
            run("PRAGMA query_only = ON")
        layout = run("PRAGMA user_version").fetchone()[0]
        if write and layout == LAYOUT - 1:
            self._add_digests()
            layout = LAYOUT
        if layout not in (0, LAYOUT) or (layout == 0 and not write):
            raise StoreError(f"{self.path} has layout {layout}, this potstill reads {LAYOUT}: use the one it is of")
        if write:
            for table in _TABLES:
                run(table)
            if (found := run("PRAGMA integrity_check(1)").fetchone()[0]) != "ok":
                raise DamageError(f"{self.path}: {_trouble('SQLITE_CORRUPT', ValueError(found))}")
            run(f"PRAGMA user_version = {LAYOUT}")
            run("COMMIT")

    def _add_digests(self) -> None:
        """Bring a ledger of the layout before this one up to it: what was paid for stays."""
        run = self._connection.execute
        run("ALTER TABLE completions ADD COLUMN digest TEXT NOT NULL DEFAULT ''")
        for (key,) in run("SELECT key FROM completions").fetchall():
            row = run(f"{_READ} WHERE key = ?", (key,)).fetchone()
            digest = _digest(row[:6], self._unpacked(key, row[-1], row[6]))
            run("UPDATE completions SET digest = ? WHERE key = ?", (digest, key))

    def _undo(self) -> None:
        # A full disk has often rolled back already, and then there is nothing left to roll back.
        with suppress(sqlite3.Error):
            self._connection.execute("ROLLBACK")

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
                self._undo()
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
            len(done.raw), entry.tries, entry.seconds, at,
            _digest((done.key, entry.model, done.finish, done.failure, done.prompt_tokens, done.completion_tokens),
                    done.raw), body,
        )  # fmt: skip

    def _completion(self, row: tuple[Any, ...]) -> Completion:
        key, model, finish, failure, prompt_tokens, completion_tokens, size, *_, body = row
        raw = self._unpacked(key, body, size)
        self._check(row, raw)
        try:
            return divided(
                Completion(
                    key=key,
                    finish=finish,
                    prompt_tokens=prompt_tokens,
                    completion_tokens=completion_tokens,
                    failure=failure,
                    raw=raw,
                ),
                model,
            )
        except (FaultError, dialects.ReplyError) as error:
            raise self._damaged(key, error) from None

    def _unpacked(self, key: str, body: bytes, size: int) -> bytes:
        try:
            return bytes(self._codec.decompress(body, decompressed_size=size, asbytes=True)) if size else b""
        except (OSError, ValueError, TypeError, MemoryError) as error:  # of other types where the row's head is damaged
            raise self._damaged(key, error) from None

    def _damaged(self, key: str, error: Exception) -> StoreError:
        """Return what to raise; where this process writes, the request is opened to be asked again."""
        if not self._writes:
            return DamageError(f"{self.path}: the completion {key} is damaged ({error}); a run asks for it again")
        digest = _digest((key, "", "failed", "damaged", None, None), b"")
        self._update(
            "model = '', finish = 'failed', failure = 'damaged', prompt_tokens = NULL, completion_tokens = NULL,"
            " size = 0, body = x'', digest = ?", digest, key,
        )  # fmt: skip
        return DamageError(f"{self.path}: the completion {key} was damaged ({error}): run again, it is asked once more")

    def _check(self, row: tuple[Any, ...], raw: bytes) -> None:
        """Compare a row with the digest that it was written with."""
        if any(isinstance(value, bytes) for value in row[:6]) or row[-2] != _digest(row[:6], raw):
            raise self._damaged(row[0], ValueError("not as it was written"))


def _digest(said: tuple[Any, ...], raw: bytes) -> str:
    """Return the digest of what of a row decides anything, which is the first six columns and the body as received."""
    return content_key(said, sha256(raw).hexdigest())


def divided(completion: Completion, model: str) -> Completion:
    """Return a completion with the reasoning and answer of its body.

    Why it ended is read again too: what was taken for whole may be known as cut off today. A body that no dialect of
    today reads any more is a failed completion with the reason, to be asked again.

    Raises:
        ReplyError: the body is an error; never for one that was read before.
    """
    if completion.finish not in ("stop", "length"):
        return completion
    if model.startswith(f"{TOOL}:"):
        return replace(completion, content=completion.raw.decode("utf-8", "replace"))
    try:
        reply = shapes.read(completion.raw)
    except FaultError as fault:
        if fault.kind != "broken":
            raise
        return replace(completion, finish="failed", failure=fault.reason)
    if reply.finish == "refused":
        return replace(completion, finish="refused", failure=reply.failure)
    parts = dialects.divide(reply, model)
    finish: Finish = "length" if "length" in (completion.finish, reply.finish) else "stop"
    return replace(
        completion, content=parts.content, reasoning=parts.reasoning, reasoning_kind=parts.kind, finish=finish,
        hidden_tokens=reply.hidden_tokens,
    )  # fmt: skip


def _trouble(name: str, error: Exception) -> str:
    """Return what is wrong and what to do, from SQLite's name of an error."""
    if name.startswith("SQLITE_FULL"):
        return "the disk is full; nothing committed is lost, make room and run again"
    if name.startswith("SQLITE_IOERR"):
        return (
            f"{error}, which may be a file-size limit, a quota or a failing disk; nothing committed is lost, make room "
            "and run again"
        )
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")) or isinstance(error, PermissionError):
        return f"cannot be written ({error}): make it writable or name another folder"
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return "is damaged, or no ledger: move it away and run again, which asks every request again"
    return f"cannot be read or written ({error}); nothing committed is lost, run again when that is mended"
