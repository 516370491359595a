"""What trackers were told, read back from the files that they wrote: every step once, whatever was interrupted."""

import json
import struct
import subprocess
import sys

import pytest
from commands import TINY, call, done

from potstill.interrupt import INTERRUPTED
from potstill.train import checkpoint

KEY = "a" * 40
ARMS = ("base", "answers", "traces")


def tensorboard(folder):
    """Return step -> tag -> value of one arm; fail where a step has a tag twice."""
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    found = {}
    (file,) = folder.iterdir()
    for event in EventFileLoader(str(file)).Load():
        for value in event.summary.value:
            at = found.setdefault(event.step, {})
            assert value.tag not in at, (event.step, value.tag)
            at[value.tag] = value.tensor.float_val[0]
    return found


def records(file):
    """Yield the records of a .wandb file: blocks of 32 KiB, in which a record may be cut into pieces."""
    data, at, piece = file.read_bytes(), 7, b""
    while at < len(data):
        rest = 32768 - at % 32768
        if rest < 7:
            at += rest
            continue
        _, size, kind = struct.unpack("<IHB", data[at : at + 7])
        piece += data[at + 7 : at + 7 + size]
        at += 7 + size
        if kind in (1, 4):  # whole, or the last piece
            yield piece
            piece = b""


def wandb(folder):
    """Return arm -> (step -> tag -> value, final figures)."""
    from wandb.proto.wandb_internal_pb2 import Record

    found = {}
    for file in folder.glob("offline-run-*/*.wandb"):
        steps, final, arm = {}, {}, ""
        for data in records(file):
            record = Record.FromString(data)
            kind = record.WhichOneof("record_type")
            if kind == "run":
                arm = record.run.display_name or arm
            elif kind == "history":
                figures = {
                    (item.key or "/".join(item.nested_key)): json.loads(item.value_json) for item in record.history.item
                }
                steps.setdefault(record.history.step.num, {}).update(figures)
            elif kind == "summary":
                final |= {
                    (item.key or "/".join(item.nested_key)): json.loads(item.value_json)
                    for item in record.summary.update
                }
        assert arm not in found, "one run an arm"
        found[arm] = steps, final
    return found


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """A run that was interrupted in its first training after the second of three steps, and went on."""
    folder = tmp_path_factory.mktemp("told")
    (folder / "r.yaml").write_text(f"{TINY}report_to: [tensorboard, wandb]\n")
    save, saved = checkpoint.save, []

    def interrupted(*arguments):
        save(*arguments)
        saved.append(arguments)
        if len(saved) == 2:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_API_KEY", KEY)
        patch.setattr(checkpoint, "save", interrupted)
        assert call("run", folder / "r.yaml", "--out", folder / "run").code == INTERRUPTED
        done("run", folder / "r.yaml", "--out", folder / "run")
    return folder / "run"


def test_each_tracker_has_every_step_once_and_what_came_out(told):
    report = {row["student"]: row for row in json.loads((told / "report.json").read_text())["measures"]}
    by_wandb = wandb(told / "wandb")
    assert set(by_wandb) == set(ARMS) == {path.name for path in (told / "tensorboard").iterdir()}
    for arm in ARMS:
        steps, (at_wandb, final) = tensorboard(told / "tensorboard" / arm), by_wandb[arm]
        logs = json.loads((told / f"train-{arm}/losses.json").read_text()) if arm != "base" else []
        for log in logs:
            for name in set(log) - {"step"}:
                assert steps[log["step"]][f"train/{name}"] == pytest.approx(log[name], rel=1e-6)
                assert at_wandb[log["step"]][f"train/{name}"] == log[name]
        last = len(logs)
        assert {step for step, tags in steps.items() if "train/loss" in tags} == {log["step"] for log in logs}
        assert steps[last]["held_out/accuracy"] == at_wandb[last]["held_out/accuracy"]
        assert steps[last]["final/accuracy"] == pytest.approx(report[arm]["accuracy"], abs=1e-6)
        assert final["final/high"] == report[arm]["high"]
    assert "held_out_few_shot/accuracy" in by_wandb["base"][0][0]


def test_what_was_told_is_not_told_again_and_no_key_is_written(told):
    files = {path: path.stat().st_mtime_ns for name in ("tensorboard", "wandb") for path in (told / name).rglob("*")}
    done("run", told.parent / "r.yaml", "--out", told)
    assert {path: path.stat().st_mtime_ns for path in files} == files
    assert not [path for path in told.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]


def test_trackers_stand_beside_every_fingerprint_and_a_finished_run_can_be_told_later(told, finished_run):
    assert {link.name: link.resolve().name for link in finished_run.iterdir() if link.is_symlink()} == {
        link.name: link.resolve().name for link in told.iterdir() if link.is_symlink()
    }
    made = {path: path.stat().st_mtime_ns for path in finished_run.glob("stages/*/manifest.json")}
    done("run", "r.yaml", "--out", finished_run, "--set", "report_to=[tensorboard]")
    assert {path: path.stat().st_mtime_ns for path in finished_run.glob("stages/*/manifest.json")} == made
    later, then = (tensorboard(run / "tensorboard/traces") for run in (finished_run, told))
    for steps in (later, then):
        for clock in ("final/seconds", "final/evaluation_seconds"):
            steps[3].pop(clock)
    assert later == then


def test_a_tracker_that_fails_is_left_out_and_the_run_goes_on(finished_run):
    (finished_run / "tensorboard").write_text("in the way")
    found = done("run", "r.yaml", "--out", finished_run, "--set", "report_to=[tensorboard]")
    assert found.err.count("report_to tensorboard: ") == len(ARMS)
    assert "arm traces goes on without it" in found.err
    (finished_run / "tensorboard").unlink()
    done("run", "r.yaml", "--out", finished_run, "--set", "report_to=[tensorboard]")
    assert (finished_run / "tensorboard/traces").is_dir(), "told when it can be"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("[tensorbord]", "'tensorbord' is not one of tensorboard, wandb, trackio, did you mean 'tensorboard'?"),
        ("[trackio]", "report_to trackio needs trackio: pip install 'potstill[trackio]'"),
        ("tensorboard", "report_to: input should be a valid"),
    ],
)
def test_check_tells_of_a_tracker_that_is_not_there(finished_run, value, said, monkeypatch):
    monkeypatch.setitem(sys.modules, "trackio", None)
    for command in ("check", "run"):
        out = [] if command == "check" else ["--out", "other"]
        assert said in call(command, "r.yaml", *out, "--set", f"report_to={value}").mistake()


def test_nothing_of_a_tracker_is_imported_without_one():
    code = (
        "import sys, potstill.pipeline.tracking, potstill.trackers\n"
        "print({'wandb', 'tensorboardX', 'tensorboard', 'trackio'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
