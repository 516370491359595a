"""A teacher's distributions: captured as they are, kept, killed and gone on with, and refused where they do not fit."""

import dataclasses
import io
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from train import tiny

from potstill.errors import DamageError, DataError, StudentError
from potstill.models.flops import shape_of_model
from potstill.progress import Progress
from potstill.recipe import Kl, Train
from potstill.train.order import plan
from potstill.train.segments import trained

torch = pytest.importorskip("torch")

from potstill.train import capture, head, stepper, students, trainer  # noqa: E402
from potstill.train.capture import captured  # noqa: E402
from potstill.train.divergence import Learning, TopK  # noqa: E402
from potstill.train.logits import Logits, LogitWriter  # noqa: E402
from potstill.train.teacher import check_vocabulary, live_teacher, load_teacher  # noqa: E402

K, SIZE, COUNT = 5, 290, 23
ABOUT = {"rows": "these", "tokenizer": "t", "teacher": "m", "top_k": K}


@pytest.fixture(scope="module")
def rows(loaded):
    model, tokenizer = loaded
    return tiny.rows_of(tiny.examples(COUNT), tokenizer, model).rows


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Several windows, batches and chunks of the head."""
    monkeypatch.setattr(capture, "WINDOW", 4)
    monkeypatch.setattr(capture, "BATCH_TOKENS", 300)
    monkeypatch.setattr(head, "LOGITS_AT_ONCE", 300 * 20)


def teacher_of(folder):
    return live_teacher(load_teacher(str(folder), "teacher", "fp32")[0], "teacher", str(folder), "fp32")


def write(folder, rows, teacher, about=ABOUT, shard_tokens=140):
    writer = LogitWriter(folder, about, shard_tokens)
    for window in captured(teacher, rows, SIZE, K, 0, writer.rows):
        writer.add(window)
    writer.close()
    return Logits(folder, about["rows"], [len(trained(row)) for row in rows])


def test_what_is_stored_is_what_the_teacher_says(folder, loaded, rows, tmp_path):
    stored = write(tmp_path / "logits", rows, teacher_of(folder))
    assert len(stored) == len(rows)
    assert len(stored.shards.records) > 4
    model, _ = loaded
    for row, found in zip(rows, stored, strict=True):
        with torch.no_grad():
            log_p = model(input_ids=torch.tensor([row.ids])).logits[0, :, :SIZE].log_softmax(1)
        log_p = log_p[[position - 1 for position in trained(row)]]
        logs, ids = log_p.topk(K)
        assert torch.allclose(found.logs, logs, atol=1e-5)
        assert torch.allclose(log_p.gather(1, found.ids), logs, atol=1e-5)
        rest = log_p.scatter(1, ids, -torch.inf).logsumexp(1)
        assert torch.allclose(found.tail, rest, atol=1e-5)
        assert len(found.tail) == len(ids)


def test_equal_captures_are_equal_bytes_and_anything_else_has_another_key(folder, rows, tmp_path):
    teacher = teacher_of(folder)
    one, two = (write(tmp_path / name, rows, teacher) for name in "ab")
    assert one.identity == two.identity
    assert {p.name: p.read_bytes() for p in one.folder.iterdir()} == {
        p.name: p.read_bytes() for p in two.folder.iterdir()
    }
    assert write(tmp_path / "c", rows, teacher, {**ABOUT, "teacher": "other"}).identity != one.identity


WORKER = """
import pathlib, sys, time
from train import tiny, test_logits
from potstill.train import capture, students
capture.WINDOW, capture.BATCH_TOKENS = 4, 300
folder, out = map(pathlib.Path, sys.argv[1:])
model, tokenizer = students.load(folder)
rows = tiny.rows_of(tiny.examples(test_logits.COUNT), tokenizer, model).rows
whole = test_logits.captured
test_logits.captured = lambda *a: (time.sleep(0.05) or window for window in whole(*a))
test_logits.write(out, rows, test_logits.teacher_of(folder))
"""


def test_sigkill_and_resume_end_with_the_same_bytes(folder, rows, tmp_path):
    undisturbed = write(tmp_path / "one", rows, teacher_of(folder))
    path = os.pathsep.join([str(Path(__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])])
    out = tmp_path / "two"
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WORKER), folder, out],
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}, stderr=subprocess.PIPE,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not list(out.glob("00001.json")):
        assert process.poll() is None, process.stderr.read().decode()
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert 0 < LogitWriter(out, ABOUT).rows < len(rows)
    assert LogitWriter(out, {**ABOUT, "teacher": "other"}).rows == 0
    (out / "00001.logs.npy").write_bytes(b"cut short")  # a damaged shard is made again, with all behind it
    resumed = write(out, rows, teacher_of(folder))
    assert resumed.identity == undisturbed.identity
    assert {p.name: p.read_bytes() for p in out.iterdir()} == {
        p.name: p.read_bytes() for p in undisturbed.folder.iterdir()
    }


@pytest.mark.parametrize("top_k", [K, None])
def test_a_training_that_stops_goes_on_to_the_same_bytes_and_not_with_another_teacher(
    folder, loaded, tmp_path, monkeypatch, top_k
):
    """Stopped in its fifth step; stored distributions, and a teacher that runs beside the student."""
    model, tokenizer = loaded
    rows = tiny.rows_of(tiny.examples(COUNT), tokenizer, model).rows
    settings = Train(steps=8, batch=6, micro_batch=4, learning_rate=3e-3, checkpoint_every=2, precision="fp32")
    teacher, kl = teacher_of(folder), Kl(arm="big", top_k=top_k, reasoning=0.5)
    stored = write(tmp_path / "logits", rows, teacher) if top_k else None
    learning = Learning(
        kl=kl, digest="one", shape=shape_of_model(model), stored=stored, live=None if top_k else teacher
    )

    done, stepped, stop = [], stepper.Stepper.step, []

    def step(self, number, *rest):
        if number in stop:
            raise KeyboardInterrupt
        done.append(number)
        return stepped(self, number, *rest)

    def train(name, out, learning=learning):
        done.clear()
        steps = plan([len(row) for row in rows], settings, 11)
        progress = Progress("train", steps.total_tokens, "tokens", io.StringIO())
        return trainer.train(
            folder, rows, steps, settings, None, 11, tmp_path / name, tmp_path / out, progress, learning
        )

    monkeypatch.setattr(stepper.Stepper, "step", step)
    whole = train("one", "a")
    assert whole[0]["kl_reasoning"] < 1e-6, "the student is its own teacher before the first step"
    stop.append(5)
    with pytest.raises(KeyboardInterrupt):
        train("two", "b")
    stop.clear()
    assert train("two", "b") == whole
    assert done == [4, 5, 6, 7]
    one, two = ((tmp_path / out / "model.safetensors").read_bytes() for out in "ab")
    assert one == two
    train("two", "c", dataclasses.replace(learning, digest="another"))
    assert done == list(range(8))


@pytest.mark.soak
@pytest.mark.parametrize("top_k", [K, None])
def test_two_processes_learn_what_one_does(folder, loaded, rows, tmp_path, top_k):
    model, _ = loaded
    teacher = teacher_of(folder)
    stored = write(tmp_path / "logits", rows, teacher) if top_k else None
    kl = Kl(arm="big", top_k=top_k, reasoning=0.5)
    learning = Learning(
        kl=kl, digest="one", shape=shape_of_model(model), stored=stored, live=None if top_k else teacher
    )
    logs = []
    for processes in (1, 2):
        settings = Train(steps=3, batch=5, micro_batch=2, learning_rate=3e-3, precision="fp32", processes=processes)
        steps = plan([len(row) for row in rows], settings, 11)
        progress = Progress("train", steps.total_tokens, "tokens", io.StringIO())
        work, out = tmp_path / f"w{processes}", tmp_path / f"o{processes}"
        logs.append(trainer.train(folder, rows, steps, settings, None, 11, work, out, progress, learning))
    for one, two in zip(*logs, strict=True):
        assert one == pytest.approx(two, rel=1e-4, abs=1e-6)


def test_another_process_is_handed_no_weights_and_no_logits(folder, loaded, rows, tmp_path):
    """As a training on several processes hands them on: it reads both again."""
    teacher, stored = teacher_of(folder), write(tmp_path / "logits", rows, teacher_of(folder))
    before = stored[3]
    both = pickle.dumps((teacher, stored))
    assert len(both) < 5000 + 16 * len(rows)
    other, again = pickle.loads(both)
    assert torch.equal(again[3].logs, before.logs)
    ids, places = torch.tensor([rows[0].ids]), torch.tensor([3, 5])
    assert torch.equal(other.hidden(ids, places), teacher.hidden(ids, places))


def test_logits_that_do_not_fit_or_are_no_distributions_are_refused(folder, rows, tmp_path):
    stored = write(tmp_path / "logits", rows, teacher_of(folder))
    counts = [len(trained(row)) for row in rows]
    for identity, of in (("others", counts), ("these", counts[:-1])):
        with pytest.raises(DataError, match="do not fit the rows"):
            Logits(stored.folder, identity, of)
    one = stored[0]
    with pytest.raises(DataError, match=r"row 1: .* do not sum to 1"):
        LogitWriter(tmp_path / "bad", ABOUT).add([TopK(ids=one.ids, logs=one.logs, tail=one.tail - torch.inf)])
    (stored.folder / "00000.tail.npy").write_bytes(b"")
    with pytest.raises(DamageError, match=r"00000\.tail\.npy was changed or removed"):
        Logits(stored.folder, "these", counts)[0]


def test_a_teacher_of_another_tokenizer_or_end_is_refused_and_padding_is_not(folder, loaded, tmp_path):
    import copy

    model, tokenizer = loaded
    check_vocabulary(tokenizer, students.load(folder)[1], "teacher")
    more = copy.deepcopy(tokenizer)
    more.add_tokens(["<further>"])
    check_vocabulary(tokenizer, more, "teacher")
    with pytest.raises(StudentError, match="only text crosses tokenizers"):
        check_vocabulary(more, tokenizer, "teacher")
    other = copy.deepcopy(tokenizer)
    other.eos_token = next(token for token in other.get_vocab() if token != tokenizer.eos_token)
    with pytest.raises(StudentError, match="ends a text with"):
        check_vocabulary(tokenizer, other, "teacher")
    told = [e.question[::-1] for e in tiny.examples(50)]
    students.prepare(tiny.STUDENT, lambda: told, seed=3, out=tmp_path / "other")
    with pytest.raises(StudentError, match="its tokenizer is not the student's"):
        check_vocabulary(tokenizer, students.load_tokenizer(tmp_path / "other"), "teacher")
    padded = copy.deepcopy(model)
    padded.resize_token_embeddings(320)
    students.write(padded, tokenizer, tmp_path / "padded")
    load_teacher(str(tmp_path / "padded"), "teacher", "fp32")
