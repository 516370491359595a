import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potstill.errors import BusyError, DamageError, StoreError
from potstill.models.batch.book import Book
from potstill.models.ledger import Entry, Ledger
from potstill.models.requests import Completion
from potstill.recipe import Price

BODY = (
    b'{"choices": [{"message": {"content": "<think>3 + 4</think>7"}, "finish_reason": "stop"}],'
    b' "usage": {"prompt_tokens": 5, "completion_tokens": 11}}'
)


def completion(key, finish="stop", **changes):
    failure = "" if finish in ("stop", "length") else f"HTTP {400 if finish == 'refused' else 500}: no"
    raw = BODY if not failure else b"no"
    tokens = (5, 11) if not failure else (None, None)
    done = Completion(
        key=key, finish=finish, prompt_tokens=tokens[0], completion_tokens=tokens[1], failure=failure, raw=raw
    )  # fmt: skip
    return replace(done, **changes)


def entry(key, finish="stop", tries=1, **changes):
    return Entry(completion(key, finish, **changes), "m", tries, 0.5)


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path / "ledger" / "completions.sqlite") as opened:
        yield opened


def test_gives_back_what_was_put_with_reasoning_and_answer_divided(ledger):
    ledger.put_many([entry("a"), entry("b", "failed"), entry("c", "refused")])
    assert ledger.get("a") == completion("a", content="7", reasoning="3 + 4", reasoning_kind="raw")
    assert ledger.get("b") == completion("b", "failed")
    assert ledger.get("c") == completion("c", "refused")
    assert ledger.get("d") is None
    assert [found.key for found in ledger] == ["a", "b", "c"]
    assert len(ledger) == 3


def test_missing_are_the_unasked_and_the_failed_in_order_each_once(ledger):
    ledger.put_many([entry("a"), entry("b", "failed"), entry("c", "refused"), entry("d", "length")])
    assert ledger.missing(["z", "b", "a", "c", "z", "d", "y"]) == ["z", "b", "y"]


def test_a_failed_row_is_replaced_and_an_answer_never(ledger):
    ledger.put_many([entry("a", "failed", tries=6)])
    ledger.put_many([entry("a", tries=2)])
    ledger.put_many([entry("a", "failed", tries=6), entry("a", "refused")])
    assert ledger.get("a").finish == "stop"
    assert ledger.counts().requests == 8


def test_refusals_can_be_opened_again(ledger):
    ledger.put_many([entry("a", "refused"), entry("b", "refused")])
    ledger.ask_again(["a"])
    assert ledger.missing(["a", "b"]) == ["a"]


def test_counts(ledger):
    unmetered = {"prompt_tokens": None, "completion_tokens": None}
    ledger.put_many([entry("a"), entry("b", "length"), entry("c", **unmetered), entry("d", "failed", tries=6)])
    counts = ledger.counts()
    assert (counts.rows, counts.requests, counts.unmetered) == (4, 9, 1)
    assert (counts.prompt_tokens, counts.completion_tokens) == (10, 22)
    assert counts.finishes == {"failed": 1, "length": 1, "stop": 2}
    assert counts.failures == {"HTTP 500": 1}
    expected = (10 * 2.0 + (22 + len(BODY) / 3) * 8.0) / 1e6
    assert counts.dollars(Price(2.0, 8.0)) == pytest.approx(expected)


@given(rows=st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from(["stop", "length", "refused", "failed"]))))
def test_last_failed_or_first_lasting_row_wins(rows):
    with tempfile.TemporaryDirectory() as folder, Ledger(Path(folder) / "l.sqlite") as ledger:
        expected = {}
        for key, finish in rows:
            if expected.get(key, "failed") == "failed":
                expected[key] = finish
        ledger.put_many(entry(key, finish) for key, finish in rows)
        assert {found.key: found.finish for found in ledger} == expected
        assert ledger.counts().requests >= len(expected)


def test_survives_reopening(tmp_path):
    with Ledger(tmp_path / "l.sqlite") as first:
        first.put_many([entry(str(number)) for number in range(500)])
    with Ledger(tmp_path / "l.sqlite") as second:
        assert [found.key for found in second] == [str(number) for number in range(500)]


def test_a_commit_waits_for_the_folder_too(ledger, tmp_path):
    """With FULL the journal's end may not be on disk: back after a power cut, it would undo the commit."""
    assert ledger._connection.execute("PRAGMA synchronous").fetchone() == (3,)
    with Book(tmp_path / "b.sqlite", "here") as book:
        assert book._connection.execute("PRAGMA synchronous").fetchone() == (3,)


def test_from_several_threads(ledger):
    def put(name):
        for number in range(20):
            ledger.put_many([entry(f"{name}{number}")])
            assert ledger.get(f"{name}{number}") is not None

    threads = [threading.Thread(target=put, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ledger) == 60


def _hold(path, opened, release):
    with Ledger(path):
        opened.set()
        release.wait(30)


def test_a_second_process_is_refused_and_comes_in_after_a_kill(tmp_path):
    context = multiprocessing.get_context("spawn")
    opened, release = context.Event(), context.Event()
    holder = context.Process(target=_hold, args=(tmp_path / "l.sqlite", opened, release))
    holder.start()
    try:
        assert opened.wait(60)
        with pytest.raises(BusyError, match=r"l\.sqlite is in use"):
            Ledger(tmp_path / "l.sqlite")
    finally:
        os.kill(holder.pid, signal.SIGKILL)
        holder.join()
    with Ledger(tmp_path / "l.sqlite") as ledger:
        assert len(ledger) == 0


def test_the_same_process_is_refused_twice_too(ledger):
    with pytest.raises(BusyError):
        Ledger(ledger.path)


KILLED = """
    import sys
    from pathlib import Path
    from potstill.models.ledger import Entry, Ledger
    from potstill.models.requests import Completion
    with Ledger(Path(sys.argv[1])) as ledger:
        for number in range(100_000):
            done = Completion(key=str(number), finish="failed", failure="x", raw=b"x" * 1000)
            ledger.put_many([Entry(done, "m", 1, 0.0)])
            print(number, flush=True)
"""


def test_what_was_committed_before_a_kill_is_there(tmp_path):
    path = tmp_path / "l.sqlite"
    command = [sys.executable, "-c", textwrap.dedent(KILLED), str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        committed = [int(process.stdout.readline()) for _ in range(20)]
        process.kill()
        committed += [int(line) for line in process.stdout if line.endswith("\n")]
    with Ledger(path) as ledger:
        there = {found.key for found in ledger}
    assert {str(number) for number in committed} <= there
    assert len(there) <= len(committed) + 1


FULL = """
    import resource, sys
    from pathlib import Path
    from potstill.errors import StoreError
    from potstill.models.ledger import Entry, Ledger
    from potstill.models.requests import Completion
    import os
    ledger = Ledger(Path(sys.argv[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
    for number in range(1000):
        done = Completion(key=str(number), finish="failed", failure="x", raw=os.urandom(10_000))
        try:
            ledger.put_many([Entry(done, "m", 1, 0.0)])
        except StoreError as error:
            print(number, error)
            break
    assert len(ledger) == number, len(ledger)
"""


def test_a_full_disk_is_one_line_and_loses_nothing_committed(tmp_path):
    path = tmp_path / "l.sqlite"
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FULL), str(path)], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    number, line = result.stdout.strip().split(" ", 1)
    assert line.startswith(f"{path}: ")
    assert "nothing committed is lost" in line
    with Ledger(path) as ledger:
        assert [found.key for found in ledger] == [str(n) for n in range(int(number))]


def test_sqlite_saying_full_is_one_line(ledger):
    pages = ledger._connection.execute("PRAGMA page_count").fetchone()[0]
    ledger._connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(StoreError, match=r"the disk is full; nothing committed is lost"):
        ledger.put_many([entry(str(n), "failed", raw=os.urandom(100_000)) for n in range(3)])
    assert len(ledger) == 0


def test_what_completions_took_counts_a_batch_once_and_each_answer_by_itself(ledger):
    made = [replace(completion(key), completion_tokens=10) for key in "abcd"]
    ledger.put_many(Entry(one, "student", 1, 6.0) for one in made[:3])
    ledger.put_many([Entry(made[3], "student", 1, 2.0)])
    ledger.put_many([Entry(completion("e"), "other", 3, 99.0)])
    found = ledger.taken()
    assert set(found) == {"student"}, "what was asked several times tells nothing of one answer"
    taken = found["student"]
    assert (taken.rows, taken.completion_tokens, taken.last, taken.machine) == (4, 40, 5.0, 8.0)
    assert ledger.taken(["d"])["student"].machine == 2.0
    assert ledger.taken([]) == {}


@pytest.mark.parametrize("junk", [b"not a database at all" * 100, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_file_is_one_line(tmp_path, junk):
    path = tmp_path / "l.sqlite"
    path.write_bytes(junk)
    with pytest.raises(StoreError, match=r"l\.sqlite: is damaged, or no ledger") as caught:
        Ledger(path)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == junk


def test_a_damaged_body_is_one_line(ledger):
    ledger.put_many([entry("a")])
    ledger._connection.execute("UPDATE completions SET body = x'00112233'")
    with pytest.raises(StoreError, match=r"the completion a was damaged .*: run again, it is asked once more"):
        ledger.get("a")
    assert ledger.missing(["a"]) == ["a"]


@pytest.mark.parametrize(
    ("column", "value"),
    [("model", "n"), ("finish", "length"), ("failure", "x"), ("completion_tokens", 12), ("prompt_tokens", None),
     ("body", "text")],
)  # fmt: skip
def test_a_row_that_is_not_as_it_was_written_is_asked_again(tmp_path, column, value):
    """Zstandard has no checksum here: a body may unpack to another text."""
    path = tmp_path / "l.sqlite"
    with Ledger(path) as ledger:
        ledger.put_many([entry("a"), entry("b")])
        value = ledger._codec.compress(BODY.replace(b"7", b"8"), asbytes=True) if column == "body" else value
        ledger._connection.execute(f"UPDATE completions SET {column} = ? WHERE key = 'a'", (value,))
    with Ledger(path, write=False) as ledger, pytest.raises(DamageError, match="completion a is damaged"):
        list(ledger)
    with Ledger(path) as ledger:
        with pytest.raises(DamageError, match="completion a was damaged"):
            ledger.get_many(["a", "b"])
        assert ledger.missing(["a", "b"]) == ["a"]
        ledger.put_many([entry("a")])
        assert {found.content for found in ledger} == {"7"}


def test_a_damaged_index_is_one_line(tmp_path):
    """Without it a completion that is there would be asked for once more."""
    path = tmp_path / "l.sqlite"
    with Ledger(path) as ledger:
        ledger.put_many([entry(f"key-{number}") for number in range(50)])
    data = path.read_bytes()
    for place in (data.index(b"key-17"), data.rindex(b"key-17")):
        path.write_bytes(data[:place] + b"kex" + data[place + 3 :])
        with pytest.raises(StoreError, match="is damaged, or no ledger: move it away"):
            Ledger(path)


def test_a_ledger_of_the_layout_before_is_brought_up_to_this_one(tmp_path):
    path = tmp_path / "l.sqlite"
    with Ledger(path) as ledger:
        ledger.put_many([entry("a"), entry("b", "failed"), entry("c", "refused")])
        before = list(ledger)
        ledger._connection.execute("ALTER TABLE completions DROP COLUMN digest")
        ledger._connection.execute("PRAGMA user_version = 2")
    with Ledger(path) as ledger:
        assert list(ledger) == before
        assert ledger.missing(["a", "b", "c"]) == ["b"]


def test_another_layout_is_refused(tmp_path):
    path = tmp_path / "l.sqlite"
    Ledger(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreError, match="layout 99"):
        Ledger(path)


def test_a_folder_in_its_place_is_one_line(tmp_path):
    with pytest.raises(StoreError, match="cannot be written"):
        Ledger(tmp_path)


def test_a_file_where_its_folder_should_be_is_one_line(tmp_path):
    (tmp_path / "ledger").write_text("")
    with pytest.raises(StoreError):
        Ledger(tmp_path / "ledger" / "l.sqlite")


READ_ONLY = """
    import os, sys
    from pathlib import Path
    from potstill.errors import StoreError
    from potstill.models.ledger import Ledger
    import pyarrow
    if os.geteuid() == 0:
        os.setgid(65534)
        os.setuid(65534)
    try:
        Ledger(Path(sys.argv[1]))
    except StoreError as error:
        print(error)
"""


def test_a_read_only_file_is_one_line():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "l.sqlite"
        Ledger(path).close()
        path.chmod(0o444)
        Path(folder).chmod(0o555)
        command = [sys.executable, "-c", textwrap.dedent(READ_ONLY), str(path)]
        result = subprocess.run(command, capture_output=True, text=True, check=True)
        Path(folder).chmod(0o755)
    assert result.stdout.startswith(f"{path}: cannot be written")
    assert result.stdout.count("\n") == 1
