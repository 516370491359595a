"""Stage `rows`: shared where settings are equal, the same bytes however it was stopped, refused where damaged."""

import pytest
from commands import call, done

from potstill.damage import digest_of_file
from potstill.store import Run

AGAIN = ("--stage", "rows-traces", "--redo")
ARMS = (
    "arms={base: {}, traces: {train: {}}, half: {train: {loss: {alpha: 0.5}, learning_rate: 0.01}},"
    " twice: {train: [{steps: 1}, {steps: 2}]}, short: {train: {max_length: 200}}, answers: {train:"
    " {supervision: answers}}}"
)


class Killed(BaseException):
    pass


def shards(run):
    return {path.name: digest_of_file(path) for path in (run / "rows-traces" / "rows").iterdir()}


def test_a_killed_stage_goes_on_behind_its_last_shard_and_ends_with_the_same_bytes(finished_run, monkeypatch):
    from potstill.train import rows, segments

    made, limit, real = [], [10**9], segments.RowMaker.make

    def make(self, index, example, prompt):
        if len(made) >= limit[0]:
            raise Killed
        made.append(index)
        return real(self, index, example, prompt)

    monkeypatch.setattr(rows, "SHARD_TOKENS", 400)
    monkeypatch.setattr(segments.RowMaker, "make", make)
    done("run", "r.yaml", "--out", finished_run, *AGAIN)
    whole, count = shards(finished_run), len(made)
    assert len(whole) > 2 * 3, "several shards"
    for limit[0] in (3, 8, 5):
        made.clear()
        with pytest.raises(Killed):
            call("run", "r.yaml", "--out", finished_run, *AGAIN)
    made.clear()
    limit[0] = 10**9
    done("run", "r.yaml", "--out", finished_run, *AGAIN)
    assert shards(finished_run) == whole
    assert len(made) < count, "sealed shards were kept"


def test_arms_and_phases_with_equal_settings_share_their_rows(finished_run):
    for stage in ("traces", "half", "twice.phase1", "twice", "short", "answers"):
        done("run", "r.yaml", "--out", finished_run, "--set", ARMS, "--stage", f"rows-{stage}")
    names = Run(finished_run).names()
    same = {names[f"rows-{name}"] for name in ("traces", "half", "twice", "twice.phase1")}
    assert len(same) == 1
    assert len({*same, names["rows-short"], names["rows-answers"]}) == 3


def test_no_row_left_says_why_and_what_to_change(finished_run):
    told = call("run", "r.yaml", "--out", finished_run, "--set", "train.max_length=30", "--redo").mistake()
    assert told.startswith("potstill: no row is left to train on: ")
    assert "over max_length tokens; raise train.max_length, or train on shorter traces" in told


def test_damaged_rows_are_refused_by_training(finished_run):
    path = finished_run / "rows-traces" / "rows" / "00000.ids.npy"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    told = call("run", "r.yaml", "--out", finished_run, "--stage", "train-traces", "--redo").mistake()
    assert "00000.ids.npy was changed or removed after it was written: remove " in told
