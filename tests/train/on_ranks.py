"""Trainings on several real processes over gloo, forked from one that has torch loaded: starting each takes seconds.

`main` writes what each case came to, for test_ranks.py.
"""

import dataclasses
import multiprocessing
import os
import pickle
import random
import signal
import sys
import tempfile
from pathlib import Path

import peft  # noqa: F401 - once, not in each process
import torch
import torch.distributed.fsdp
from train import tiny
from transformers import LlamaConfig, LlamaForCausalLM

from potstill.errors import StoreError
from potstill.recipe import Looks, Lora, Loss, Train
from potstill.train import packing, students
from potstill.train import ranks as spreading
from potstill.train.head import PLAIN
from potstill.train.job import Job, Stop
from potstill.train.looks import looked
from potstill.train.loss import by_segment, coefficients
from potstill.train.order import plan
from potstill.train.ranks import whole
from potstill.train.render import Segment
from potstill.train.segments import TokenRow
from potstill.train.stepper import Stepper
from potstill.train.trainer import follow

VOCABULARY = 17
COUNTS, SHARDINGS = (2, 3), ("none", "full")
PACKS = {(2, "none"): 0, (2, "full"): 25, (3, "none"): 25, (3, "full"): 0}
"""Tokens of a pack, 0 for padded rows, by number of processes and sharding."""
STORIES = {
    "none": ("none", None, "never", Looks(every=2, keep="best")),
    "full": ("full", None, "always", Looks(every=3, keep="best")),
    "lora": ("full", Lora(rank=3, alpha=8, dropout=0.2), "never", Looks(every=2)),
}  # fmt: skip
STEPS = 4
SIZES = (1, 2, 4, 7, 9)
"""Rows of single steps."""
PACKED = ("full", "lora")
"""The stories that are trained on packs."""


def student(tied):
    """Sizes that two and three processes share out unevenly."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=8, intermediate_size=7, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, tie_word_embeddings=tied, pad_token_id=2, eos_token_id=2, bos_token_id=None,
        initializer_range=0.5,
    )  # fmt: skip
    return LlamaForCausalLM(config).double()


def cases():
    """(rows, settings) of single steps: one row for all processes, more rows than they take at once, weights."""
    dice = random.Random(7)
    body = (Segment.REASONING, Segment.ANSWER, Segment.FORMAT)
    for number in SIZES:
        rows = []
        for index in range(number):
            codes = [Segment.PROMPT, *(dice.choice(body) for _ in range(dice.randint(1, 12))), Segment.FORMAT]
            ids = tuple(dice.randrange(VOCABULARY) for _ in codes)
            rows.append(TokenRow(ids, bytes(codes), index, dice.choice([1.0, 0.5, 3.0])))
        rows.sort(key=len, reverse=True)
        loss = Loss(kind=dice.choice(["tokens", "segments"]), alpha=dice.choice([0.3, 1.0]))
        yield rows, settings(micro_batch=dice.randint(1, 3), loss=loss)


def settings(**given):
    return Train(
        **{"steps": 1, "batch": 9, "clip": 1e6, "precision": "fp32", "activation_checkpointing": "never", **given}
    )


def gradients(ranks, tied, sharding, most=0):
    """(figures of the step, of a look at the same rows, gradients by name) of every case, in packs of `most` tokens."""
    empty = Path(tempfile.gettempdir())
    job = Job(
        model=empty, rows=[], plan=None, lora=None, seed=1, work=empty, out=empty,
        settings=settings(sharding=sharding),
    )  # fmt: skip
    model = student(tied)
    assert not most or packing.refusal(model, "sdpa") == ""
    trainer = Stepper(model, PLAIN, job, 2, ranks, most)
    found = []
    for rows, chosen in cases():
        trainer.settings = dataclasses.replace(chosen, sharding=sharding)
        weights = by_segment(rows, coefficients(rows, chosen.loss).scale)
        log, _ = trainer.step(0, rows, weights, 0.0, Stop())
        grads = {name: whole(tensor.grad).clone() for name, tensor in trainer.trainable.items()}
        look = looked(trainer, dataclasses.replace(job, rows=rows, apart=range(len(rows)), settings=trainer.settings))
        found.append((log, look, grads))
    return found


class Dying:
    """Takes the figures of a training, and ends its process without a word after those of step `at`."""

    def __init__(self, at=0):
        self.at = at

    def figures(self, log):
        if log["step"] == self.at:
            os.kill(os.getpid(), signal.SIGKILL)

    def resume_at(self, _):
        pass

    def advance(self, *_):
        pass


def story(base, folder, name, **given):
    """The job of a story: a few steps of five rows each."""
    sharding, lora, checkpointing, look = STORIES[name]
    model, tokenizer = students.load(base)
    rows = tiny.rows_of(tiny.examples(23), tokenizer, model).rows
    usual = {"steps": STEPS, "batch": 5, "micro_batch": 2, "learning_rate": 3e-3, "checkpoint_every": 2}
    own = {
        "sharding": sharding, "activation_checkpointing": checkpointing, "loss": Loss(alpha=0.5), "look": look,
        "packing": "always" if name in PACKED else "never",
    }  # fmt: skip
    chosen = Train(**{**usual, **own, **given})
    steps = plan([len(row) for row in rows], chosen, 11, among=range(3, len(rows)))
    return Job(
        model=base, rows=rows, plan=steps, settings=chosen, lora=lora, seed=11, work=folder / "work",
        out=folder / "model", apart=range(3),
    )  # fmt: skip


def together(count, act, *given):
    """Run act(ranks, *given) on as many processes; return their exit codes."""

    def one(number, store):
        torch.set_num_threads(1)
        act(spreading.join(number, count, number, store), *given)
        spreading.leave()

    with tempfile.TemporaryDirectory() as folder:
        fork = multiprocessing.get_context("fork")
        processes = [fork.Process(target=one, args=(number, f"{folder}/met")) for number in range(count)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
    return [process.exitcode for process in processes]


def _write_gradients(ranks, tied, out):
    for sharding in SHARDINGS:
        found = gradients(ranks, tied, sharding, PACKS[ranks.count, sharding])
        if ranks.number == 0:
            (out / f"{ranks.count}-{sharding}").write_bytes(pickle.dumps(found))


def _train(ranks, jobs, victim=None, at=0):
    if victim is not None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - what the others say of the one that is lost
    for job in jobs:
        follow(job, ranks, Dying(at if ranks.number == victim else 0), Stop())


def _fill_the_disk(ranks, jobs, out):
    """Train until a process cannot write its share of the second checkpoint; write what each of them is told."""
    fsync = os.fsync
    for victim, job in enumerate(jobs):

        def full(descriptor, victim=victim, job=job):
            if ranks.number == victim and job.work.joinpath("checkpoint-00000002").exists():
                raise OSError(28, "No space left on device")
            fsync(descriptor)

        os.fsync = full
        try:
            follow(job, ranks, Dying(), Stop())
        except StoreError as error:
            (out / f"told{victim}-{ranks.number}").write_text(str(error))
    os.fsync = fsync


def _undisturbed(ranks, full, whole, out):
    _fill_the_disk(ranks, full, out)
    _train(ranks, whole)


def main(base, out):
    """Write every case and every story."""
    dice = random.Random(3)
    for count in COUNTS:
        assert together(count, _write_gradients, bool(count % 2), out) == [0] * count
    full = [story(base, out / f"disk{victim}", "full", steps=5) for victim in range(2)]
    whole = [story(base, out / f"{name}-undisturbed", name) for name in STORIES]
    assert together(2, _undisturbed, full, whole, out) == [0, 0]
    killed = [story(base, out / f"{name}-killed", name) for name in STORIES]
    for name, job in zip(STORIES, killed, strict=True):
        assert -signal.SIGKILL in together(2, _train, [job], dice.randrange(2), dice.randint(3, STEPS - 1))
        assert not job.out.exists()
        os.system(f"cp -r {out}/{name}-killed {out}/{name}-alone")
    assert together(2, _train, killed) == [0, 0]
