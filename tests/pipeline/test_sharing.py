"""A run whose parts are in an object store: workers that see no folder of it make the same bytes, killed or not."""

import json
import random
import shutil
import signal
from types import SimpleNamespace

import pytest
from commands import call, ended
from object_store import KEY, LOST, NEEDED, SECRET, SLOW
from pipeline.parts_run import KILLS, SMALL, killed, killed_at_random, lasting, started, written
from soak import runs

from potstill import bucket as buckets
from potstill.bucket import BucketError, ObjectStore
from potstill.claims import LEASE
from potstill.durable import to_record
from potstill.errors import BusyError, PotstillError
from potstill.pipeline import parts
from potstill.pipeline.fetching import BucketPlace
from potstill.pipeline.helping import Helper
from potstill.pipeline.sharing import Sharing
from potstill.recipe_file import load
from potstill.recipe_file import written as resolved
from potstill.store import Run

pytestmark = NEEDED
IDLE = (
    SMALL
    + """\
parts.PATIENCE = 10**9
BucketParts.claim = lambda self, number: False
"""
)
"""A run that makes no part itself."""


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The folder of a run that one process made."""
    folder = tmp_path_factory.mktemp("alone")
    assert ended(started(SMALL, "run", written(folder), "--out", folder / "run", "--until", "examples")).code == 0
    return folder / "run"


def begun(code, tmp_path, bucket):
    return started(code, "run", written(tmp_path), "--out", tmp_path / "run", "--until", "examples", "--store", bucket)


def worker(bucket, code=SMALL):
    return started(code, "work", bucket, "--wait", 60)


def same(run, alone):
    return runs.digest(run) == runs.digest(alone)


def test_workers_without_the_folder_make_the_bytes_of_one_process_whatever_the_store_answers(
    s3, bucket, tmp_path, alone
):
    taken = (412, "PreconditionFailed")
    s3.faults |= {
        ("PUT", ".part"): [None, (503, "SlowDown"), LOST, (409, "ConditionalRequestConflict"), None, taken, SLOW],
        ("PUT", ".claim"): [None, None, LOST, taken, (503, "SlowDown")],
        ("GET", ".parquet"): [(503, "SlowDown"), SLOW],
        ("GET", "run.json"): [None, None, None, (500, "InternalError")],
    }
    driver, helper = begun(IDLE, tmp_path, bucket), worker(bucket)
    driven, helped = ended(driver), ended(helper)
    assert (driven.code, helped.code) == (0, 0), (driven, helped)
    assert s3.faults["PUT", ".part"] == []
    assert same(tmp_path / "run", alone)
    assert int(helped.err.split(" parts made here")[0].split()[-1]) >= 30
    assert sorted(ObjectStore(bucket).names()) == ["clock", "run.json"], "a run that is done leaves nothing"
    told = driven.err + driven.out + helped.err + helped.out
    told += "".join(path.read_text(errors="replace") for path in tmp_path.rglob("*") if path.is_file())
    assert KEY not in told
    assert SECRET not in told


def announced(bucket, alone, tmp_path, **changes):
    """Say that a map of a finished run is under way, with some of it changed."""
    run = Run(shutil.copytree(alone, tmp_path / "copy", symlinks=True))
    recipe = load(str(run.path / "recipe.yaml"))
    shared = Sharing(ObjectStore(bucket), resolved(recipe).encode())
    shared.take()
    verdicts = run.committed("verdicts")
    about = {"count": 12, "versions": parts.versions(), "without_sandbox": False}
    work = SimpleNamespace(
        path=tmp_path, folder=verdicts.path.name, about={"kind": "verdicts", "fingerprint": verdicts.fingerprint}
    )
    inputs = {role: run.committed(role) for role in ("problems", "traces")}
    work.about |= {name: changes.pop(name) for name in ("fingerprint",) if name in changes}
    shared.announce(work, inputs, "verdicts", about | changes, ())
    return Helper(BucketPlace(ObjectStore(bucket), tmp_path / "mirror"))


def test_one_line_where_a_worker_cannot_work(s3, bucket, alone, tmp_path, monkeypatch):
    monkeypatch.setattr(buckets, "PATIENCE", 0.6)
    assert f"no process is at {bucket}: begin it" in call("work", bucket).mistake()
    assert "there is no such bucket" in call("work", "s3://none/x").mistake()
    recipe = written(tmp_path)
    assert "no such bucket" in call("run", recipe, "--out", tmp_path / "run", "--store", "s3://none/x").mistake()
    assert "is no address of an object store" in call("run", recipe, "--store", tmp_path / "folder").mistake()
    with pytest.raises(PotstillError, match=r"run by another version: pyarrow 1\.0 there and"):
        announced(bucket + "a", alone, tmp_path / "a", versions=parts.versions() | {"pyarrow": "1.0"}).work()
    with pytest.raises(PotstillError, match="is run without the sandbox"):
        announced(bucket + "b", alone, tmp_path / "b", without_sandbox=True).work()
    with pytest.raises(PotstillError, match=r"a checker, a filter, .* is missing or another one here: put those"):
        announced(bucket + "c", alone, tmp_path / "c", fingerprint="0" * 64).work()
    helper = announced(bucket + "d", alone, tmp_path / "d")
    s3.faults["PUT", ""] = [(403, "AccessDenied")] * 99
    with pytest.raises(BucketError, match=r"cannot be written by this process \(403 AccessDenied\)"):
        helper.work()
    s3.faults["PUT", ""] = [(503, "SlowDown")] * 9999
    with pytest.raises(BucketError, match=r"did not serve for 1 s \(last: 503 SlowDown\): nothing committed is lost"):
        helper.work()


def test_an_address_is_of_one_run_at_a_time(bucket, tmp_path, monkeypatch):
    store, mine = ObjectStore(bucket), Sharing(ObjectStore(bucket), b"")
    mine.take()
    with pytest.raises(BusyError, match=r"is in use by .*: wait for it, or name another --store"):
        Sharing(store, b"").take()
    mine.end(done=True)
    Sharing(store, b"").take()
    state = {"owner": "elsewhere:1", "state": "running", "job": None}
    store.put("run.json", to_record(state))
    assert BucketPlace(store, tmp_path).is_busy()
    with pytest.raises(BusyError, match="in use by elsewhere:1"):
        Sharing(store, b"").take()
    now = store.now()
    monkeypatch.setattr(store, "now", lambda: now + LEASE + 1)
    assert not BucketPlace(store, tmp_path).is_busy(), "its process says nothing any more"
    Sharing(store, b"").take()
    store.put("run.json", json.dumps(state).encode())
    with pytest.raises(PotstillError, match=r"run\.json is not of a run of this version"):
        Sharing(store, b"").take()
    other = ObjectStore(bucket + "-data")
    other.put("data.csv", b"1")
    with pytest.raises(PotstillError, match=r"holds data\.csv, which is of no run: name an empty place"):
        Sharing(other, b"").take()


@pytest.mark.soak
@pytest.mark.parametrize("after", [False, True])
def test_two_workers_killed_at_each_commit_point_change_nothing(bucket, tmp_path, alone, after):
    driver = begun(IDLE, tmp_path, bucket)
    codes = {}
    for first in range(1, 12, 2):
        points = (first, first + 1)
        pair = [worker(bucket, SMALL + killed(at, "ObjectStore", ("create", "remove"), after)) for at in points]
        codes |= {at: ended(one).code for at, one in zip(points, pair, strict=True)}
    last = worker(bucket)
    assert ended(driver).code == 0
    assert ended(last).code == 0
    assert list(codes.values()).count(-signal.SIGKILL) >= 10, codes
    assert same(tmp_path / "run", alone)


@pytest.mark.soak
def test_workers_and_the_run_killed_at_random_times_change_nothing(bucket, tmp_path, alone):
    code = lasting(tmp_path / "go-on")
    driver, pair = killed_at_random(
        random.Random(17), KILLS, lambda: begun(code, tmp_path, bucket), lambda: worker(bucket, code)
    )
    (tmp_path / "go-on").touch()
    assert ended(driver).code == 0
    assert {ended(one).code for one in pair} <= {0, 2}
    assert same(tmp_path / "run", alone)
