import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from potstill.durable import write_durably
from potstill.errors import BusyError, DamageError, StoreError
from potstill.records import Drop, Measure, Problem, Trace
from potstill.store import Committed, Run, output_name

TEXT = st.text(max_size=30) | st.just("half \ud800 pair") | st.just("nul \x00 and \u202e bidi")
PROBLEMS = st.builds(
    Problem, id=TEXT, question=TEXT, gold=st.none() | TEXT, choices=st.lists(TEXT, max_size=3).map(tuple),
    difficulty=st.none() | st.floats(0, 1),
)  # fmt: skip


def write(run: Run, stage: str, rows, fingerprint="f", part_rows=2, counts=None) -> Committed:
    work = run.begin(stage, fingerprint, {"version": 1, "settings": {}, "inputs": {}})
    table = work.table("dropped", Drop, part_rows)
    for row in rows[table.rows_done :]:
        table.append(row)
    committed = work.commit(counts or {}, {})
    run.point(stage, committed)
    return committed


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
    back = list(work.commit({}, {}).rows("t", Problem))

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


def test_a_rerun_keeps_committed_parts_of_the_same_fingerprint_only(tmp_path):
    run = Run(tmp_path)
    work = run.begin("s", "one", {})
    table = work.table("dropped", Drop, 2)
    for row in drops(5):
        table.append(row)  # two parts committed, one row buffered and lost with the process
    assert run.begin("s", "one", {}).table("dropped", Drop, 2).rows_done == 4
    assert run.begin("s", "two", {}).table("dropped", Drop, 2).rows_done == 0


def test_a_stage_without_rows_is_empty_and_not_missing(tmp_path):
    committed = write(Run(tmp_path), "s", [])
    assert list(committed.rows("dropped", Drop)) == []
    with pytest.raises(StoreError, match="has no table"):
        list(committed.rows("other", Drop))


def test_a_change_behind_our_back_is_noticed(tmp_path):
    run = Run(tmp_path)
    committed = write(run, "s", drops(3))
    (committed.path / "dropped-00000.parquet").write_bytes(b"short")
    with pytest.raises(StoreError, match="changed or removed after it was committed"):
        run.committed("s")


def flip(path: Path, place: float = 0.5) -> None:
    """Change one bit of a file."""
    data = bytearray(path.read_bytes())
    data[int(place * (len(data) - 1))] ^= 4
    path.write_bytes(data)


@pytest.mark.parametrize("place", [0.0, 0.2, 0.5, 0.8, 1.0])
def test_one_flipped_bit_of_a_committed_stage_is_one_line_when_it_is_read(tmp_path, place):
    run = Run(tmp_path)
    work = run.begin("s", "f", {})
    work.table("dropped", Drop, 2)
    (work.path / "model").mkdir()
    (work.path / "model" / "weights").write_bytes(b"w" * 100)
    write_durably(work.path / "losses.json", b"[1.5, 2.5]")
    committed = work.commit({"kept": 24}, {})
    run.point("s", committed)
    assert committed == run.committed("s")
    for name, read in {
        "dropped-00000.parquet": lambda: list(run.committed("s").rows("dropped", Drop)),
        "losses.json": lambda: run.committed("s").read("losses.json"),
        "model/weights": lambda: run.committed("s").folder("model"),
        "manifest.json": lambda: run.committed("s"),
    }.items():
        read()
        whole = (committed.path / name).read_bytes()
        flip(committed.path / name, place)
        with pytest.raises(DamageError, match=rf"{name}.*remove {committed.path} and run again"):
            read()
        (committed.path / name).write_bytes(whole)


def test_a_manifest_without_a_key_is_damaged(tmp_path):
    committed = write(Run(tmp_path), "s", drops(3), counts={"kept": 3})
    whole = json.loads((committed.path / "manifest.json").read_bytes())
    for key in whole:
        cut = {name: value for name, value in whole.items() if name != key}
        (committed.path / "manifest.json").write_text(json.dumps(cut))
        with pytest.raises(DamageError, match=r"manifest.json is damaged.*: remove .*s-f and run again"):
            Run(tmp_path).committed("s")


def test_a_file_that_no_stage_wrote_is_refused_where_it_would_be_read(tmp_path):
    run = Run(tmp_path)
    work = run.begin("s", "f", {})
    work.table("dropped", Drop).append(drops(1)[0])
    (work.path / "model").mkdir()
    (work.path / "model" / "weights").write_bytes(b"w")
    committed = work.commit({}, {})
    for name in ("notes.txt", "other-00000.parquet", "model/.DS_Store"):
        (committed.path / name).write_bytes(b"")
    assert list(committed.rows("dropped", Drop)) == drops(1)
    assert committed.folder("model")
    shutil.copy(committed.path / "dropped-00000.parquet", committed.path / "dropped-00001.parquet")
    (committed.path / "model" / "adapter_config.json").write_text("{}")
    with pytest.raises(DamageError, match=r"dropped-00001.parquet is not of potstill: move it away"):
        list(committed.rows("dropped", Drop))
    with pytest.raises(DamageError, match=r"adapter_config.json is not of potstill: move it away"):
        committed.folder("model")


def begun(folder: Path) -> Path:
    """Leave a stage with four whole parts of two rows, one of scratch, and what a killed process leaves beside."""
    work = Run(folder).begin("s", "f", {})
    table, alone = work.table("dropped", Drop, 2), work.scratch_table("alone", Drop, 2)
    for row in drops(9):
        table.append(row)
        alone.append(row)
    work.note_time()
    (work.path / "model").mkdir()
    (work.path / "model" / "weights").write_bytes(b"half")
    return work.path


@pytest.mark.parametrize(("number", "kept"), [(0, 0), (2, 4), (3, 6)])
@pytest.mark.parametrize("where", [".", "scratch"])
def test_a_damaged_part_of_a_stage_under_way_is_set_aside_and_made_again(tmp_path, capsys, number, kept, where):
    calm = write(Run(tmp_path / "calm"), "s", drops(9))
    partial = begun(tmp_path / "run")
    part = partial / where / f"{'alone' if where == 'scratch' else 'dropped'}-{number:05d}.parquet"
    flip(part)
    shutil.copy(partial / "dropped-00001.parquet", partial / "dropped-00007.parquet")

    work = Run(tmp_path / "run").begin("s", "f", {"version": 1, "settings": {}, "inputs": {}})

    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2
    assert f"{part.resolve()} is damaged: set aside, and made again from there" in told
    table, alone = work.table("dropped", Drop, 2), work.scratch_table("alone", Drop, 2)
    damaged, whole = (alone, table) if where == "scratch" else (table, alone)
    assert (damaged.rows_done, whole.rows_done) == (kept, 8)
    assert list(damaged.rows()) == drops(9)[:kept]
    for row in drops(9)[table.rows_done :]:
        table.append(row)
    committed = work.commit({}, {})
    assert committed.manifest == calm.manifest, "what lay beside the parts is not committed"
    assert list(committed.rows("dropped", Drop)) == drops(9)


@pytest.mark.parametrize("name", ["begun.json", "clock.json"])
@pytest.mark.parametrize("data", [b"", b'{"fingerprint": "f"', b"[]", b'{"fingerprint":"f","seconds":9}', b"\xff"])
def test_a_cut_record_of_a_stage_under_way_is_one_line(tmp_path, capsys, name, data):
    (begun(tmp_path) / name).write_bytes(data)

    work = Run(tmp_path).begin("s", "f", {})

    (told,) = capsys.readouterr().err.splitlines()
    assert f"{name} is damaged" in told
    assert work.table("dropped", Drop, 2).rows_done == (0 if name == "begun.json" else 8)


def test_a_damaged_clock_of_a_committed_stage_costs_the_time_alone(tmp_path, capsys):
    committed = write(Run(tmp_path), "s", drops(3))
    assert committed.clock["seconds"] >= 0
    (committed.path / "clock.json").write_bytes(b'{"seco')
    assert Run(tmp_path).committed("s").clock == Run(tmp_path).committed("s").clock == {}
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_part_that_changes_before_its_stage_is_committed_is_made_again(tmp_path):
    run = Run(tmp_path)
    work = run.begin("s", "f", {"version": 1, "settings": {}, "inputs": {}})
    table = work.table("dropped", Drop, 2)
    for row in drops(5):
        table.append(row)
    flip(work.path / "dropped-00001.parquet")
    with pytest.raises(DamageError, match=r"dropped-00001.parquet was changed after it was written: run again"):
        work.commit({}, {})
    write(run, "s", drops(5))
    assert list(run.committed("s").rows("dropped", Drop)) == drops(5)


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
def test_injected_errors_lose_nothing_committed(tmp_path, monkeypatch, name, at):
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
        assert "nothing committed is lost" in str(error)
    monkeypatch.undo()
    run.unlock()
    fresh = Run(tmp_path)
    fresh.lock()
    committed = fresh.committed("s")
    assert committed is not None
    if failed:
        assert committed.manifest["fingerprint"] in ("old", "new")
        if committed.manifest["fingerprint"] == "old":
            assert committed.manifest == before
        assert write(fresh, "s", drops(6), "new").manifest["fingerprint"] == "new"
    else:
        assert committed.manifest == after
    assert list(fresh.committed("s").rows("dropped", Drop)) == drops(6)
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
    output = run.stages / output_name("s", "old")
    output.rename(output.with_name(f"{output.name}.old"))
    run.lock()  # the new one was never finished: the old one comes back
    assert run.committed("s").fingerprint == "old"
    run.unlock()
    work = run.begin("s", "old", {})
    work.table("dropped", Drop).append(drops(1)[0])
    output.rename(output.with_name(f"{output.name}.old"))
    real = Path.rename
    Path.rename = lambda self, target: self  # the process dies before the folders are swapped
    try:
        work.commit({}, {})
    finally:
        Path.rename = real
    run.lock()
    assert list(run.committed("s").rows("dropped", Drop)) == drops(1)
    assert [p.name for p in run.stages.iterdir()] == [output.name]
    run.unlock()


def test_outputs_are_kept_under_their_fingerprints_and_names_point_to_them(tmp_path):
    run = Run(tmp_path / "one")
    old, new = write(run, "s", drops(1), "old"), write(run, "s", drops(2), "new")
    assert run.names() == {"s": new.path.name}
    assert list(run.find("s", "old").rows("dropped", Drop)) == drops(1), "nothing is destroyed"
    run.point("s", old)
    assert list(run.committed("s").rows("dropped", Drop)) == drops(1)
    moved = run.path.rename(tmp_path / "moved")
    assert list(Run(moved).committed("s").rows("dropped", Drop)) == drops(1)
    copied = tmp_path / "copied"
    shutil.copytree(moved, copied)  # follows the links
    assert list(Run(copied).committed("s").rows("dropped", Drop)) == drops(1)
    Run(copied).point("s", Run(copied).find("s", "old"))
    with pytest.raises(StoreError, match="a folder where a link"):
        Run(copied).point("s", Run(copied).find("s", "new"))


def test_runs_of_one_study_share_outputs_and_ledger(tmp_path):
    one, two = (Run(tmp_path / name, shared=tmp_path) for name in "ab")
    one.lock()
    two.lock()
    committed = write(one, "s", drops(3))
    assert two.find("s", "f").path == committed.path
    two.point("t", committed)
    assert list(two.committed("t").rows("dropped", Drop)) == drops(3)
    assert one.ledger == two.ledger == tmp_path / "ledger"


def test_write_durably_leaves_no_temporary_file(tmp_path):
    write_durably(tmp_path / "f", b"1")
    write_durably(tmp_path / "f", b"2")
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


def test_every_record_has_a_parquet_form(tmp_path):
    work = Run(tmp_path).begin("s", "f", {})
    for record in (Problem, Trace, Measure, Drop):
        work.table(record.__name__.lower(), record)
    assert len(work.commit({}, {}).manifest["files"]) == 4
