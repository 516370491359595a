"""Training learns, repeats to the byte, and after a real SIGKILL ends with the bytes of an undisturbed run."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from train import tiny

from potstill.errors import StoreError, StudentError
from potstill.progress import Progress
from potstill.recipe import Lora, Loss, Train
from potstill.train.order import plan

torch = pytest.importorskip("torch")

from potstill.train import checkpoint, rates, stepper, students, trainer  # noqa: E402

SETTINGS = Train(steps=9, batch=8, micro_batch=4, learning_rate=3e-3, checkpoint_every=2, loss=Loss(alpha=0.5))


def trained(folder, loaded, work, out, settings=SETTINGS, lora=None, stream=None):
    rows = tiny.rows_of(tiny.examples(40), loaded[1], loaded[0]).rows
    steps = plan([len(row) for row in rows], settings, 11)
    progress = Progress("train", steps.total_tokens, "tokens", stream or io.StringIO())
    return trainer.train(folder, rows, steps, settings, lora, 11, work, out, progress)


def weights(out):
    return (out / "model.safetensors").read_bytes()


def test_losses_fall_and_the_log_has_no_clock(folder, loaded, tmp_path):
    settings = Train(epochs=12.0, batch=8, micro_batch=8, learning_rate=1e-2, precision="fp32")
    logs = trained(folder, loaded, tmp_path / "work", tmp_path / "out", settings)
    assert len(logs) == 60
    assert logs[-1]["loss"] < 0.6 * logs[0]["loss"]
    assert set(logs[0]) == {
        "step", "tokens", "learning_rate", "loss", "ce_reasoning", "ce_answer", "ce_format", "gradient_norm",
        "answer_ratio", "answer_ratio_used",
    }  # fmt: skip
    assert logs[-1]["tokens"] == 12 * sum(map(len, tiny.rows_of(tiny.examples(40), loaded[1], loaded[0]).rows))
    json.dumps(logs, allow_nan=False)
    model, tokenizer = students.load(tmp_path / "out")
    assert weights(tmp_path / "out") != weights(folder)
    assert (tmp_path / "out" / "config.json").read_bytes() == (folder / "config.json").read_bytes()
    assert tokenizer.chat_template == loaded[1].chat_template
    assert students.stop_ids(model) == [tokenizer.eos_token_id]


def test_micro_batches_change_speed_and_not_the_result(folder, loaded, tmp_path):
    logs = [
        trained(
            folder, loaded, tmp_path / "w", tmp_path / f"o{size}",
            Train(steps=3, batch=8, micro_batch=size, precision="fp32", learning_rate=1e-3),
        )
        for size in (1, 3, 8)
    ]  # fmt: skip
    for other in logs[1:]:
        for a, b in zip(logs[0], other, strict=True):
            assert a == pytest.approx(b, rel=1e-4)


WORKER = """
import pathlib, sys
from train import tiny
from potstill.train import students
from train.test_trainer import LORAS, trained
folder, work, out, lora = sys.argv[1:]
trained(pathlib.Path(folder), students.load(pathlib.Path(folder)), pathlib.Path(work), pathlib.Path(out),
        lora=LORAS[lora], stream=sys.stderr)
"""
LORAS = {"full": None, "lora": Lora(rank=4, alpha=8, dropout=0.2)}


def start(folder, work, out, lora):
    path = os.pathsep.join([str(Path(__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WORKER), folder, work, out, lora],
        env=environment,
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize("lora", ["full", "lora"])
def test_sigkill_and_resume_end_with_the_same_bytes(folder, loaded, tmp_path, lora):
    """Killed as soon as a checkpoint is there; dropout shows that random numbers resume too."""
    undisturbed = trained(folder, loaded, tmp_path / "whole", tmp_path / "one", lora=LORAS[lora])
    work, out = tmp_path / "work", tmp_path / "two"
    process = start(folder, work, out, lora)
    deadline = time.monotonic() + 300
    while not list(work.glob("checkpoint-????????")):
        assert process.poll() is None, process.stderr.read().decode()
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    saved = max(int(path.name[-8:]) for path in work.glob("checkpoint-????????"))
    assert 0 < saved < SETTINGS.steps
    resumed = trained(folder, loaded, work, out, lora=LORAS[lora])
    assert resumed == undisturbed
    assert weights(out) == weights(tmp_path / "one")


def test_a_resumed_run_does_only_the_remaining_steps(folder, loaded, tmp_path, monkeypatch):
    trained(folder, loaded, tmp_path / "w", tmp_path / "one")
    done = []
    real = stepper.Stepper.step
    monkeypatch.setattr(stepper.Stepper, "step", lambda self, n, *rest: done.append(n) or real(self, n, *rest))
    trained(folder, loaded, tmp_path / "w", tmp_path / "two")
    assert done == [8]
    assert weights(tmp_path / "one") == weights(tmp_path / "two")


def test_a_checkpoint_of_another_training_is_not_continued(folder, loaded, tmp_path):
    other = Train(**{**vars(SETTINGS), "learning_rate": 1e-3})
    trained(folder, loaded, tmp_path / "w", tmp_path / "first")
    trained(folder, loaded, tmp_path / "w", tmp_path / "second", other)
    trained(folder, loaded, tmp_path / "fresh", tmp_path / "third", other)
    assert weights(tmp_path / "second") == weights(tmp_path / "third") != weights(tmp_path / "first")


def test_lora_changes_the_linear_layers_and_leaves_a_plain_model(folder, loaded, tmp_path):
    trained(folder, loaded, tmp_path / "w", tmp_path / "out", lora=LORAS["lora"])
    before, after = (students.load(path)[0].state_dict() for path in (folder, tmp_path / "out"))
    assert list(before) == list(after)
    changed = {name.rsplit(".", 2)[-2] for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}


def test_divergence_is_one_line(folder, loaded, tmp_path):
    wild = Train(steps=40, batch=8, micro_batch=8, learning_rate=1e30, clip=1e30, warmup=0.0, precision="fp32")
    with pytest.raises(StudentError, match=r"training diverged at step \d+ .*: lower train.learning_rate"):
        trained(folder, loaded, tmp_path / "w", tmp_path / "out", wild)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("schedule", ["cosine", "linear", "constant"])
def test_learning_rate_warms_up_and_ends_at_its_share(schedule):
    settings = Train(steps=100, learning_rate=2.0, warmup=0.1, final=0.25, schedule=schedule)
    found = [rates.learning_rate(step, 100, settings) for step in range(100)]
    assert found[:10] == sorted(found[:10])
    assert found[0] < 0.2
    assert max(found) == found[10] == 2.0
    assert found[10:] == sorted(found[10:], reverse=True)
    assert found[-1] == pytest.approx(2.0 if schedule == "constant" else 0.5)
    assert rates.learning_rate(0, 1, settings) > 0


LOGS = [{"step": 1, "loss": 0.1}, {"step": 2, "loss": 0.2}]


def save(work, step, fingerprint="a"):
    checkpoint.save(work, fingerprint, LOGS[:step], {"weights": torch.zeros(1000) + step})


def test_a_checkpoint_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    save(tmp_path, 1)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match=r"disk is full.*untouched"):
        save(tmp_path, 2)
    assert checkpoint.latest(tmp_path, "a").logs == LOGS[:1]
    assert checkpoint.latest(tmp_path, "b") is None
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-00000001"]


@pytest.mark.parametrize("part", ["0.pt", "checkpoint.json"])
def test_a_damaged_checkpoint_is_set_aside_and_the_one_before_it_is_taken(tmp_path, capsys, part):
    save(tmp_path, 1)
    (first,) = tmp_path.iterdir()
    shutil.copytree(first, tmp_path / "kept")
    save(tmp_path, 2)
    (second,) = tmp_path.glob("checkpoint-*")
    (tmp_path / "kept").rename(first)  # as if the process had been killed before it was removed
    found = checkpoint.latest(tmp_path, "a")
    assert found.logs == LOGS
    assert float(checkpoint.opened(found)[0]["weights"][0]) == 2
    data = bytearray((second / part).read_bytes())
    data[len(data) // 2] ^= 1
    (second / part).write_bytes(data)
    assert checkpoint.latest(tmp_path, "a").logs == LOGS[:1]
    assert capsys.readouterr().err == f"{second} is damaged: set aside, and trained again from the one before it\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-00000001", "checkpoint-00000002.damaged"]
    (first / "0.pt").unlink()
    assert checkpoint.latest(tmp_path, "a") is None
