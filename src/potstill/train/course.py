"""One training from its first step, or from its last checkpoint, to the finished model: what every loop shares.

A method says which rows a step has and what each token counts; the model, its checkpoints, the end by SIGTERM and the
memory that runs out are here. Why a loop of our own and not `transformers.Trainer`:
docs/decisions/0004-training-loop.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from potstill import recipe
from potstill.errors import StoppedError, StudentError
from potstill.models.local.memory import ran_out, release_memory
from potstill.train import checkpoint, looks, students
from potstill.train.divergence import TopK
from potstill.train.job import Log, Stop, Training, Watcher
from potstill.train.limits import EAGER_TOKENS
from potstill.train.loss import Weights
from potstill.train.ranks import Ranks
from potstill.train.segments import TokenRow
from potstill.train.stepper import Stepper

RELEASE_EVERY = 4
"""Optimiser steps between `release_memory`."""


def attention(model: Any, settings: recipe.Train, longest: int) -> str:  # noqa: ANN401 - a Hugging Face model
    """Return the attention of a model that is fastest for rows of at most `longest` tokens.

    On a CPU the backward pass of bf16 `sdpa` takes four times that of plain matrix products at 100-200 tokens (19% of
    a step of SmolLM2-135M); those hold tokens x tokens scores of every layer, so only short rows may use them. Long
    rows there have the `sdpa` whose backward pass keeps all threads busy.
    """
    import torch

    from potstill.train import evenly

    on_cpu = not torch.cuda.is_available()
    if not model._supports_sdpa or (on_cpu and settings.precision == "bf16" and longest <= EAGER_TOKENS):
        return "eager"
    return evenly.register() if on_cpu and longest >= evenly.SHORTEST else "sdpa"


class Course:
    """One process's part in a training of rows of at most `longest` tokens; `logs` are those of the steps done.

    `fingerprint` is a key of everything that decides the steps, so that a checkpoint of another training is not
    continued.
    """

    def __init__(
        self, job: Training, fingerprint: str, us: Ranks, progress: Watcher, stop: Stop, longest: int
    ) -> None:  # fmt: skip
        from potstill.train.packing import settle

        self.job, self.fingerprint, self.us, self.progress, self.stop = job, fingerprint, us, progress, stop
        model, self.tokenizer, form = job.load()
        packed = settle(model, job.settings, attention(model, job.settings, longest), tell=us.number == 0)
        # as many tokens as the largest micro-batch of padded rows, which the memory is measured for
        most = longest * min(job.settings.micro_batch, job.settings.batch) if packed else 0
        self.stepper = Stepper(model, form, job, int(self.tokenizer.pad_token_id), us, most)
        self.stepper.fit(longest)
        self.logs = self._resumed()
        for log in self.logs:
            progress.figures(log)

    @property
    def tokens(self) -> int:
        """Tokens of the rows of all steps done, prompts included."""
        return int(self.logs[-1]["tokens"]) if self.logs else 0

    def _resumed(self) -> list[Log]:
        saved: checkpoint.Saved | None = self.us.same(
            checkpoint.latest(self.job.work, self.fingerprint) if not self.us.number else None
        )
        if saved is None:
            return []
        if saved.processes != self.us.count and self.job.settings.resume == "exact":
            raise StudentError(
                f"the checkpoint of step {len(saved.logs)} is of {saved.processes} processes, and this is "
                f"{self.us.count}: the last bits of all sums would be others. Set train.processes: {saved.processes}, "
                "or train.resume: any to go on all the same"
            )
        self.stepper.restore(checkpoint.opened(saved))
        if saved.logs:
            self.progress.resume_at(int(saved.logs[-1]["tokens"]))
        return saved.logs

    def step(
        self, rows: Sequence[TokenRow], weights: Sequence[Weights], rate: float, *, tokens: int,
        logged: Callable[[Log], Log], note: str, last: bool, stored: Sequence[TopK] | None = None,
        look: Callable[[], Log] | None = None,
    ) -> Log:  # fmt: skip
        """Do the next step, log it, and save a checkpoint where one is due; without rows nothing is changed.

        `tokens` are those that count for it, `logged` makes its log of the figures of the update, and `note` is how far
        the training is, for people. After the `last` step no checkpoint is needed. `look` returns what is seen behind
        the step, see `looks`.

        Raises:
            StudentError: the training diverged, or the memory runs out in the step.
            StoppedError: SIGTERM came, and the checkpoint is saved.
        """
        number = len(self.logs) + 1
        figures, stopping = self._stepped(rows, weights, rate, stored, look)
        log: Log = {"step": number, "tokens": self.tokens + tokens, "learning_rate": rate, **logged(figures)}
        self.logs.append(log)
        if self.stepper.best is not None and looks.best(self.logs, self.job.settings.look) is log:
            self.stepper.best = self.stepper.copied()
        self.progress.figures(log)
        self.progress.advance(tokens, f"step {note}, loss {log['loss']:.3f}")
        if number % RELEASE_EVERY == 0:
            release_memory()
        if stopping or (number % self.job.settings.checkpoint_every == 0 and not last):
            checkpoint.save(self.job.work, self.fingerprint, self.logs, self.stepper.state(), self.us)
        if stopping:
            raise StoppedError(
                f"stopped by SIGTERM after step {note.replace('/', ' of ')}: its checkpoint is saved, and the same "
                "command goes on from there"
            )
        return log

    def _stepped(
        self, rows: Sequence[TokenRow], weights: Sequence[Weights], rate: float, stored: Sequence[TopK] | None,
        look: Callable[[], Log] | None,
    ) -> tuple[Log, bool]:  # fmt: skip
        """Return what a step returns; StudentError where the memory runs out in it."""
        if not rows:
            return {"loss": 0.0, "gradient_norm": 0.0}, any(self.us.gathered(self.stop.asked))
        try:
            figures, stopping = self.stepper.step(len(self.logs), rows, weights, rate, self.stop, stored)
            return figures | (look() if look is not None else {}), stopping
        except (MemoryError, RuntimeError) as error:
            if not ran_out(error):
                raise
        # out of the block: this line is what is said, not what was behind it
        raise StudentError(f"the memory is used up in step {len(self.logs) + 1}: {self.stepper.room.advice()}")

    def finish(self) -> list[Log]:
        """Write the trained model to where the job wants it, and return all logs."""
        if self.stepper.best is not None:
            self.stepper.take(self.stepper.best)
        finished = self.stepper.finish()
        if finished is not None:
            checkpoint.publish(self.job.out, lambda folder: students.write(finished, self.tokenizer, folder))
        self.us.gathered(None)  # the model is there for all of them
        return self.logs
