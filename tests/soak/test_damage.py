"""One flipped bit anywhere in a run folder is told, or changes nothing that is made from it afterwards."""

import os
import random
import shutil
import signal
import time
from pathlib import Path

import pytest
from commands import TINY, call, done, start
from soak import runs

from potstill.store import Run

SHORT = os.environ.get("POTSTILL_SOAK") == "short"
FLIPS = 5 if SHORT else 150
FREE = {".lock", "report.html", "report.json", "table.txt"}
"""Files that nothing reads: copies for people, and who holds the folder."""


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A finished run, and one killed in training; both of one recipe."""
    folder = tmp_path_factory.mktemp("damage")
    (folder / "r.yaml").write_text(TINY.replace("steps: 3", "steps: 12"))
    done("run", folder / "r.yaml", "--out", folder / "finished")
    process = start("run", folder / "r.yaml", "--out", folder / "unfinished")
    while process.poll() is None and not list(folder.glob("unfinished/stages/train-*.partial/**/checkpoint-????????")):
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    return folder


def flipped(run: Path, dice: random.Random) -> Path:
    """Flip one bit of one file, each file as likely as another."""
    there = sorted(p for p in run.rglob("*") if p.is_file() and p.stat().st_size and p.name not in FREE)
    path = dice.choice([p for p in there if not p.name.endswith(".lock")])
    data = bytearray(path.read_bytes())
    data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    path.write_bytes(data)
    return path


def from_there_on(run: Path, path: Path) -> None:
    """Remove the stages after that of `path`, so that they are made again from what it holds."""
    order = ["problems", "traces", "verdicts", "examples", "student", "evaluate-base", "rows-answers", "rows-traces",
             "train-traces", "train-answers", "evaluate-answers", "evaluate-traces", "export", "report"]  # fmt: skip
    parts, names = path.relative_to(run).parts, Run(run).names()
    stage = next((name for name, folder in names.items() if parts[:2] == ("stages", folder)), "")
    for name in order[order.index(stage) + 1 :] if stage else order[2:]:
        shutil.rmtree((run / name).resolve(), ignore_errors=True)


@pytest.mark.soak
@pytest.mark.parametrize("which", ["finished", "unfinished"])
def test_a_flipped_bit_is_told_or_changes_nothing(folders, tmp_path, which):
    wanted = runs.digest(folders / "finished")
    dice = random.Random(f"flips {which}")
    told = 0
    for _ in range(FLIPS):
        run = tmp_path / "run"
        shutil.rmtree(run, ignore_errors=True)
        shutil.copytree(folders / which, run, symlinks=True)
        path = flipped(run, dice)
        if which == "finished":
            from_there_on(run, path)
        ended = call("run", folders / "r.yaml", "--out", run)
        if ended.code:
            assert "Traceback" not in ended.err
            assert str(run) in ended.mistake(), path
            told += 1
        else:
            found = runs.digest(run)
            name = path.relative_to(run).as_posix()  # the damaged one itself may be of those that nothing reads
            assert {**found, name: ""} == {**wanted, name: ""}, path
    assert told
