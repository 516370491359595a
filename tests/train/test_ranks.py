"""Two and three processes give the gradient of one, and lose nothing when one of them is lost."""

import multiprocessing
import os
import pickle
import re
import signal
import sys
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potstill.errors import StoppedError, StudentError
from potstill.train.ranks import Ranks, deal

torch = pytest.importorskip("torch")

from train import on_ranks  # noqa: E402

from potstill.train import checkpoint, launch, rank, students, trainer  # noqa: E402
from potstill.train.divergence import TopK  # noqa: E402
from potstill.train.logits import Logits, LogitWriter  # noqa: E402
from potstill.train.rows import Rows, RowWriter  # noqa: E402
from potstill.train.segments import TokenRow  # noqa: E402


@pytest.fixture(scope="module")
def out(folder, tmp_path_factory):
    """What the processes of `on_ranks` wrote."""
    made = tmp_path_factory.mktemp("ranks")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GLOO_SOCKET_IFNAME", "lo")
        on_ranks.main(folder, made)
    return made


@cache
def gradients_of_one(tied):
    return on_ranks.gradients(Ranks(), tied, "none")


@pytest.mark.parametrize("count", on_ranks.COUNTS)
@pytest.mark.parametrize("sharding", on_ranks.SHARDINGS)
def test_any_number_of_processes_gives_the_gradient_of_one(out, count, sharding):
    alone = gradients_of_one(bool(count % 2))
    spread = pickle.loads((out / f"{count}-{sharding}").read_bytes())
    assert len(spread) == len(alone) == len(on_ranks.SIZES)
    for (log, look, gradient), (other_log, other_look, other) in zip(alone, spread, strict=True):
        assert other_log == pytest.approx(log, rel=1e-12, abs=1e-12)
        assert other_look == pytest.approx(look, rel=1e-12, abs=1e-12)
        assert look["look_loss"] == pytest.approx(log["loss"], rel=1e-12), "the weights did not move"
        assert list(other) == list(gradient)
        for name, tensor in gradient.items():
            torch.testing.assert_close(other[name], tensor, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", on_ranks.STORIES)
def test_a_process_that_is_killed_changes_no_byte(out, name):
    killed, undisturbed = (out / f"{name}-{kind}" / "model" / "model.safetensors" for kind in ("killed", "undisturbed"))
    assert killed.read_bytes() == undisturbed.read_bytes()


@pytest.mark.parametrize("victim", [0, 1])
def test_a_disk_that_is_full_for_one_process_is_told_to_both_and_the_checkpoint_before_stays(out, victim):
    told = {(out / f"told{victim}-{number}").read_text() for number in range(2)}
    assert len(told) == 1
    assert re.fullmatch(r"the disk is full, writing .*: nothing committed is lost; make room .* is untouched\)", *told)
    work = out / f"disk{victim}" / "work"
    assert [path.name for path in work.iterdir()] == ["checkpoint-00000002"]
    assert sorted(path.name for path in work.glob("*/*")) == ["0.pt", "1.pt", "checkpoint.json"]


@pytest.mark.parametrize("name", on_ranks.STORIES)
def test_a_checkpoint_of_two_processes_goes_on_with_one_where_that_is_asked(folder, out, name):
    with pytest.raises(StudentError, match=r"is of 2 processes, and this is 1: .*train.processes: 2, or train.resume"):
        trainer.follow(on_ranks.story(folder, out / f"{name}-alone", name), Ranks(), on_ranks.Dying(), on_ranks.Stop())
    job = on_ranks.story(folder, out / f"{name}-alone", name, resume="any")
    logs = trainer.follow(job, Ranks(), on_ranks.Dying(), on_ranks.Stop())
    assert [log["step"] for log in logs] == list(range(1, on_ranks.STEPS + 1))
    alone, two = (
        torch.nn.utils.parameters_to_vector(students.load(path)[0].parameters())
        for path in (job.out, out / f"{name}-undisturbed" / "model")
    )
    torch.testing.assert_close(alone, two, rtol=0, atol=5e-3)


def test_rows_and_distributions_on_disk_are_opened_again_by_who_is_handed_them(tmp_path):
    made = [TokenRow((1, 2, 3 + number), bytes([0, 1, 3]), number) for number in range(50)]
    writer = RowWriter(tmp_path / "rows", 100)
    for row in made:
        writer.add(row)
    writer.close(len(made))
    rows = Rows(tmp_path / "rows")
    stored = LogitWriter(tmp_path / "logits", {"rows": rows.identity, "top_k": 2}, 20)
    for number in range(50):
        masses = torch.tensor([0.1, 0.2 + number / 100, 0.7 - number / 100], dtype=torch.float64).log().float()
        stored.add(
            [TopK(ids=torch.tensor([[1, 2]] * 2), logs=masses[None, :2].repeat(2, 1), tail=masses[2:].repeat(2))]
        )
    stored.close()
    logits = Logits(tmp_path / "logits", rows.identity, rows.trained)
    for _ in range(2):  # nothing is mapped, and something is
        handed = pickle.dumps((rows, logits))
        assert len(handed) < 2000
        again, distributions = pickle.loads(handed)
        assert list(again) == list(rows) == made
        assert all(torch.equal(one.tail, other.tail) for one, other in zip(distributions, logits, strict=True))


@given(lengths=st.lists(st.integers(1, 1000), max_size=40), count=st.integers(1, 7))
def test_rows_are_dealt_evenly(lengths, count):
    rows = sorted(range(len(lengths)), key=lambda row: -lengths[row])
    dealt = deal(rows, count)
    assert sorted(row for hand in dealt for row in hand) == sorted(rows)
    assert max(map(len, dealt)) - min(map(len, dealt)) <= 1
    tokens = [sum(lengths[row] for row in hand) for hand in dealt]
    assert max(tokens) - min(tokens) <= max(lengths, default=0)


@given(length=st.integers(0, 20), before=st.integers(1, 6), now=st.integers(1, 6))
def test_shares_of_one_number_of_processes_become_those_of_another(length, before, now):
    tensor = torch.arange(length * 2.0).reshape(length, 2)

    def shares(count):
        pieces = list(torch.chunk(tensor, count)) if length else []
        return [*pieces, *[tensor[:0]] * (count - len(pieces))]

    start = 0
    for share in shares(now):
        assert torch.equal(checkpoint.pieced(shares(before), start, start + len(share)), share)
        start += len(share)


def launched(folder, job, monkeypatch, act):
    """Train by `launch`; act(step, processes) hears of each step."""
    started, real = [], launch._started
    monkeypatch.setattr(launch, "_started", lambda *given: started.append(real(*given)) or started[-1])

    class Acting(on_ranks.Dying):
        def figures(self, log):
            act(log["step"], started)

    try:
        return trainer.train(
            folder, job.rows, job.plan, job.settings, job.lora, job.seed, job.work, job.out, Acting(), None, job.apart
        )  # fmt: skip
    finally:
        assert all(process.poll() is not None for process in started)


class Forked:
    """What `launch` starts, from this process that has torch loaded; read, written, ended, waited for as a `Popen`."""

    def __init__(self, job, number, folder):
        (ours_in, theirs_in), (theirs_out, ours_out) = os.pipe(), os.pipe()
        self.process = multiprocessing.get_context("fork").Process(
            target=self._run, args=(number, job.settings.processes, folder / "met", ours_in, ours_out)
        )
        self.process.start()
        os.close(ours_in)
        os.close(ours_out)
        self.stdin, self.stdout = os.fdopen(theirs_in, "wb"), os.fdopen(theirs_out, "rb")
        self.kill = self.process.kill
        launch._send(self, pickle.dumps(job))

    def _run(self, number, count, store, given, told):
        os.dup2(given, 0)
        os.dup2(told, 1)
        os.closerange(3, 1000)  # the ends of the others
        sys.stdin = os.fdopen(0)
        torch.set_num_threads(1)
        rank.main(number, count, store)

    @property
    def returncode(self):
        return self.process.exitcode

    def wait(self):
        self.process.join()

    def poll(self):
        return self.process.exitcode


def test_sigterm_saves_and_a_lost_process_is_one_line_and_loses_nothing(folder, tmp_path, monkeypatch):
    def stop(step, _):
        if step == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    def kill(step, processes):
        if step == 20:
            processes[1].kill()

    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "lo")
    job = on_ranks.story(folder, tmp_path, "full", processes=2, steps=60, checkpoint_every=18)
    plainly = launch._started
    monkeypatch.setattr(launch, "_started", Forked)
    with pytest.raises(StoppedError, match=r"stopped by SIGTERM after step \d+ of 60: its checkpoint is saved"):
        launched(folder, job, monkeypatch, stop)
    (saved,) = job.work.glob("checkpoint-*")
    assert 3 <= int(saved.name[-8:]) < 18
    assert len(list(saved.glob("*.pt"))) == 2
    # starting the command takes seconds, so one of the two is enough
    monkeypatch.setattr(launch, "_started", lambda *given: (plainly if given[1] else Forked)(*given))
    with pytest.raises(StudentError, match=r"process 2 of 2 .* ended by SIGKILL.*The last checkpoint is kept"):
        launched(folder, job, monkeypatch, kill)
    (saved,) = job.work.glob("checkpoint-????????")
    assert saved.name == "checkpoint-00000018"
    assert not job.out.exists()
