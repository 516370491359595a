import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from potstill.errors import BusyError, StoreError
from potstill.records import Drop, Measure, Problem, Trace
from potstill.store import Run, Sealed, read_parts, write_durably

TEXT = st.text(max_size=30) | st.just("half \ud800 pair") | st.just("nul \x00 and \u202e bidi")
PROBLEMS = st.builds(
    Problem, id=TEXT, question=TEXT, gold=st.none() | TEXT, choices=st.lists(TEXT, max_size=3).map(tuple),
    difficulty=st.none() | st.floats(0, 1),
)  # fmt: skip


def write(run: Run, stage: str, rows, fingerprint="f", part_rows=2, counts=None) -> Sealed:
    work = run.begin(stage, fingerprint, {"version": 1, "settings": {}, "inputs": {}})
    table = work.table("dropped", Drop, part_rows)
    for row in rows[table.rows_done :]:
        table.append(row)
    return work.seal(counts or {}, {})


def drops(count: int) -> list[Drop]:
    return [Drop("trace", f"k{n}", "wrong", "x" * n) for n in range(count)]


@settings(max_examples=30)
@given(rows=st.lists(PROBLEMS, max_size=7))
def test_records_survive_a_round_trip_whatever_their_text(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("run")
    work = Run(folder).begin("s", "f", {})
    table = work.table("t", Problem, 3)
    for row in rows:
        table.append(row)
    work.seal({}, {})
    back = list(read_parts(folder / "s", "t", Problem))

    def mended(text):
        return text if text is None else text.encode("utf-8", "replace").decode()

    assert [(mended(r.id), mended(r.question), mended(r.gold)) for r in rows] == [
        (r.id, r.question, r.gold) for r in back
    ]
    assert [tuple(map(mended, r.choices)) for r in rows] == [r.choices for r in back]
    assert [r.difficulty for r in rows] == [r.difficulty for r in back]


def test_equal_rows_give_equal_bytes_and_equal_digests(tmp_path):
    one, two = write(Run(tmp_path / "a"), "s", drops(5)), write(Run(tmp_path / "b"), "s", drops(5))
    assert one.digest == two.digest
    assert (one.path / "manifest.json").read_bytes() == (two.path / "manifest.json").read_bytes()
    assert write(Run(tmp_path / "c"), "s", drops(4)).digest != one.digest


def test_a_rerun_keeps_sealed_parts_of_the_same_fingerprint_only(tmp_path):
    run = Run(tmp_path)
    work = run.begin("s", "one", {})
    table = work.table("dropped", Drop, 2)
    for row in drops(5):
        table.append(row)  # two parts sealed, one row buffered and lost with the process
    assert run.begin("s", "one", {}).table("dropped", Drop, 2).rows_done == 4
    assert run.begin("s", "two", {}).table("dropped", Drop, 2).rows_done == 0


def test_a_stage_without_rows_is_empty_and_not_missing(tmp_path):
    sealed = write(Run(tmp_path), "s", [])
    assert list(sealed.rows("dropped", Drop)) == []
    with pytest.raises(StoreError, match="has no table"):
        list(sealed.rows("other", Drop))


def test_a_change_behind_our_back_is_noticed(tmp_path):
    run = Run(tmp_path)
    sealed = write(run, "s", drops(3))
    (sealed.path / "dropped-00000.parquet").write_bytes(b"short")
    with pytest.raises(StoreError, match="changed or removed after it was sealed"):
        run.sealed("s")


def test_damaged_and_foreign_parts_are_one_line(tmp_path):
    (tmp_path / "t-00000.parquet").write_bytes(b"PAR1 not really PAR1")
    with pytest.raises(StoreError, match="damaged"):
        list(read_parts(tmp_path, "t", Drop))


def test_two_processes_on_one_run_folder(tmp_path):
    holder = subprocess.Popen(
        [sys.executable, "-c", "import sys, time\nfrom pathlib import Path\nfrom potstill.store import Run\n"
         "Run(Path(sys.argv[1])).lock()\nprint('held', flush=True)\ntime.sleep(60)", str(tmp_path)],
        stdout=subprocess.PIPE,
    )  # fmt: skip
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(BusyError, match=f"in use by process {holder.pid}"):
        Run(tmp_path).lock()
    holder.kill()
    holder.wait()
    holder.stdout.close()
    Run(tmp_path).lock()  # a killed holder leaves nothing to clean up


@pytest.mark.parametrize("name", ["fsync", "rename", "replace", "open"])
@pytest.mark.parametrize("at", [1, 2, 3, 5, 8])
def test_injected_errors_lose_nothing_sealed(tmp_path, monkeypatch, name, at):
    run = Run(tmp_path)
    run.lock()
    before = write(run, "s", drops(3), "old").manifest
    calls = 0

    def failing(*args, **kwargs):
        nonlocal calls
        calls += 1
        if calls == at:
            raise OSError(errno.ENOSPC, "injected", "somewhere")
        return real(*args, **kwargs)

    owner, attribute = {"rename": (Path, "rename"), "replace": (Path, "replace"), "open": (Path, "open")}.get(
        name, (os, name)
    )
    real = getattr(owner, attribute)
    monkeypatch.setattr(owner, attribute, failing)
    failed = False
    try:
        after = write(run, "s", drops(6), "new").manifest
    except StoreError as error:
        failed = True
        assert "the disk is full" in str(error)
        assert "nothing sealed is lost" in str(error)
    monkeypatch.undo()
    run.unlock()
    fresh = Run(tmp_path)
    fresh.lock()
    sealed = fresh.sealed("s")
    assert sealed is not None
    if failed:
        assert sealed.manifest["fingerprint"] in ("old", "new")
        if sealed.manifest["fingerprint"] == "old":
            assert sealed.manifest == before
        assert write(fresh, "s", drops(6), "new").manifest["fingerprint"] == "new"
    else:
        assert sealed.manifest == after
    assert list(fresh.sealed("s").rows("dropped", Drop)) == drops(6)
    fresh.unlock()


def test_a_full_disk_is_one_line(tmp_path):
    code = (
        "import resource, sys\nfrom pathlib import Path\nfrom potstill.errors import StoreError\n"
        "from potstill.store import write_durably\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try:\n    write_durably(Path(sys.argv[1]), b'x' * 5000)\nexcept StoreError as error:\n    print(error)"
    )
    (tmp_path / "f").write_bytes(b"old")
    out = subprocess.run([sys.executable, "-c", code, str(tmp_path / "f")], capture_output=True, text=True, check=True)
    assert "file too large" in out.stdout
    assert (tmp_path / "f").read_bytes() == b"old"


def test_a_folder_in_the_way_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="file"):
        Run(tmp_path / "file" / "run").lock()


def test_recovery_between_the_two_renames(tmp_path):
    run = Run(tmp_path)
    write(run, "s", drops(2), "old")
    shutil.copytree(tmp_path / "s", tmp_path / "s.old")
    shutil.rmtree(tmp_path / "s")
    run.lock()  # the new one was never finished: the old one comes back
    assert run.sealed("s").fingerprint == "old"
    run.unlock()
    work = run.begin("s", "new", {})
    work.table("dropped", Drop).append(drops(1)[0])
    (tmp_path / "s").rename(tmp_path / "s.old")
    real = Path.rename
    Path.rename = lambda self, target: self  # the process dies before the folders are swapped
    try:
        work.seal({}, {})
    finally:
        Path.rename = real
    run.lock()
    assert run.sealed("s").fingerprint == "new"
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_dir()) == ["s"]
    run.unlock()


def test_write_durably_leaves_no_temporary_file(tmp_path):
    write_durably(tmp_path / "f", b"1")
    write_durably(tmp_path / "f", b"2")
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


def test_every_record_has_a_parquet_form(tmp_path):
    work = Run(tmp_path).begin("s", "f", {})
    for record in (Problem, Trace, Measure, Drop):
        work.table(record.__name__.lower(), record)
    assert len(work.seal({}, {}).manifest["files"]) == 4
