"""The training loop: one optimiser step after another, exactly repeatable and exactly resumable.

Why a loop of our own and not `transformers.Trainer`: docs/decisions/0004-training-loop.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from potstill import recipe
from potstill.errors import StoppedError, StudentError
from potstill.models.local.memory import ran_out, release_memory
from potstill.recipe.scopes import decisive
from potstill.records import content_key
from potstill.train import checkpoint, ranks, students
from potstill.train.adapters import adapt, merged
from potstill.train.divergence import Learning, TopK
from potstill.train.fitness import check_student
from potstill.train.job import Job, Log, Stop, Watcher, stopped_by_sigterm
from potstill.train.loss import coefficients, collate
from potstill.train.order import Plan, micro_batches
from potstill.train.ranks import Ranks, accumulating, deal, own, place, spread, whole
from potstill.train.render import TRAINED, Segment
from potstill.train.rows import identity_of
from potstill.train.segments import TokenRow

if TYPE_CHECKING:
    from potstill.train.head import HeadForm

BETAS = (0.9, 0.95)
EAGER_TOKENS = 256
ZERO_ROW = TokenRow((0,), bytes([Segment.PROMPT]), 0)
NOTHING = dict.fromkeys(TRAINED, 0.0)
"""Coefficients of a row without loss."""
RELEASE_EVERY = 4
"""Optimiser steps between `release_memory`."""


def learning_rate(step: int, steps: int, settings: recipe.Train) -> float:
    """Return the rate of optimiser step `step` (from 0) of `steps`: linear warm-up, then the schedule."""
    warm = math.ceil(settings.warmup * steps)
    if step < warm:
        return settings.learning_rate * (step + 1) / (warm + 1)
    if settings.schedule == "constant":
        return settings.learning_rate
    gone = (step - warm) / max(1, steps - 1 - warm)
    shape = (1 + math.cos(math.pi * gone)) / 2 if settings.schedule == "cosine" else 1 - gone
    return settings.learning_rate * (settings.final + (1 - settings.final) * shape)


def attention(model: Any, settings: recipe.Train, longest: int) -> str:  # noqa: ANN401 - a Hugging Face model
    """Return the attention of a model that is fastest for rows of at most `longest` tokens.

    On a CPU the backward pass of bf16 `sdpa` takes four times that of plain matrix products at 100-200 tokens (19% of
    a step of SmolLM2-135M); those hold tokens x tokens scores of every layer, so only short rows may use them.
    """
    import torch

    short = longest <= EAGER_TOKENS and settings.precision == "bf16" and not torch.cuda.is_available()
    return "eager" if short or not model._supports_sdpa else "sdpa"


def train(
    model_folder: Path,
    rows: Sequence[TokenRow],
    plan: Plan,
    settings: recipe.Train,
    lora: recipe.Lora | None,
    seed: int,
    work: Path,
    out: Path,
    progress: Watcher,
    learning: Learning | None = None,
) -> list[Log]:
    """Train the student of `model_folder` through `plan` and write the result to `out`; return one log a step.

    Checkpoints go to `work`; when one of the same training is there, it is continued and ends with the same bytes as
    an undisturbed run (same machine, same threads and processes). `progress` counts tokens of rows, prompts included.
    Each log holds step, tokens, learning_rate, loss, ce_reasoning, ce_answer, ce_format (means, nats; NaN-free: absent
    segments are left out), gradient_norm, answer_ratio and answer_ratio_used; with `learning`, which has a teacher's
    distributions, kl_reasoning and so on beside the ce of what has a share in it. Raises StudentError where training
    cannot go on, and StoppedError once a checkpoint is saved after SIGTERM.
    """
    job = Job(
        model=model_folder, rows=rows, plan=plan, settings=settings, lora=lora, seed=seed, work=work, out=out,
        learning=learning,
    )  # fmt: skip
    with stopped_by_sigterm() as stop:
        company = ranks.company()
        if company.count > 1:
            return follow(company.same(job), company, progress, stop)
        if settings.processes > 1:
            from potstill.train.launch import launch

            return launch(job, progress, stop)
        return follow(job, company, progress, stop)


def follow(job: Job, us: Ranks, progress: Watcher, stop: Stop) -> list[Log]:
    """Be one process of a training, see `train`; all of them return the logs."""
    plan, settings = job.plan, job.settings
    model, tokenizer = students.load(job.model)
    form = check_student(f"student {job.model}", model)
    model.set_attn_implementation(attention(model, settings, plan.longest))
    trainer = _Trainer(model, form, job, int(tokenizer.pad_token_id), us)
    trainer.fit(plan.longest)
    fingerprint = _fingerprint(job)
    saved: checkpoint.Saved | None = us.same(checkpoint.latest(job.work, fingerprint) if not us.number else None)
    logs: list[Log] = []
    if saved is not None:
        logs = saved.logs
        if saved.processes != us.count and settings.resume == "exact":
            raise StudentError(
                f"the checkpoint of step {len(logs)} is of {saved.processes} processes, and this is {us.count}: the "
                f"last bits of all sums would be others. Set train.processes: {saved.processes}, or train.resume: any "
                "to go on all the same"
            )
        trainer.restore(checkpoint.opened(saved))
        progress.resume_at(sum(plan.tokens[: len(logs)]))
    for log in logs:
        progress.figures(log)
    for step in range(len(logs), len(plan.steps)):
        rate = learning_rate(step, len(plan.steps), settings)
        log, stopping = _stepped(trainer, step, rate, stop)
        seen = (logs[-1]["tokens"] if logs else 0) + plan.tokens[step]
        logs.append({"step": step + 1, "tokens": seen, "learning_rate": rate, **log})
        progress.figures(logs[-1])
        progress.advance(plan.tokens[step], f"step {step + 1}/{len(plan.steps)}, loss {log['loss']:.3f}")
        if (step + 1) % RELEASE_EVERY == 0:
            release_memory()
        if stopping or ((step + 1) % settings.checkpoint_every == 0 and step + 1 < len(plan.steps)):
            checkpoint.save(job.work, fingerprint, logs, trainer.state(), us)
        if stopping:
            raise StoppedError(
                f"stopped by SIGTERM after step {step + 1} of {len(plan.steps)}: its checkpoint is saved, and the same "
                "command goes on from there"
            )
    finished = trainer.finish()
    if finished is not None:
        checkpoint.publish(job.out, lambda folder: students.write(finished, tokenizer, folder))
    us.gathered(None)  # the model is there for all of them
    return logs


def _stepped(trainer: _Trainer, step: int, rate: float, stop: Stop) -> tuple[Log, bool]:
    """Return what a step returns; StudentError where the memory runs out in it."""
    job = trainer.job
    rows = job.plan.steps[step]
    stored = None if job.learning is None else job.learning.of(rows)
    try:
        return trainer.step(step, [job.rows[index] for index in rows], rate, stop, stored)
    except (MemoryError, RuntimeError) as error:
        if not ran_out(error):
            raise
    # out of the block: this line is what is said, not what was behind it
    raise StudentError(f"the memory is used up in step {step + 1}: {trainer.room.advice()}")


def _fingerprint(job: Job) -> str:
    """Return a key of everything that decides the steps, so that a checkpoint of another training is not continued."""
    learnt = "" if job.learning is None else job.learning.digest
    return content_key(identity_of(job.rows), job.plan.key, decisive(job.settings), repr(job.lora), job.seed, learnt)


class _Trainer:
    """Model, optimiser and the one step that changes them, as far as this process has them."""

    def __init__(self, model: Any, form: HeadForm, job: Job, pad: int, ranks: Ranks) -> None:  # noqa: ANN401
        import torch

        from potstill.train.student_loss import StudentLoss

        torch.use_deterministic_algorithms(True, warn_only=True)
        # a debugging aid that costs 5% of a step
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
        settings = job.settings
        self.job, self.settings, self.seed, self.pad, self.ranks = job, settings, job.seed, pad, ranks
        self.whole = adapt(model, job.lora, job.seed) if job.lora is not None else model
        self.sharded = ranks.count > 1 and settings.sharding == "full"
        self.whole.train()
        if not self.sharded:  # else layer by layer, a share of each
            self.whole.to(ranks.device)
        within = self.whole.get_base_model() if job.lora is not None else self.whole
        work = torch.bfloat16 if settings.precision == "bf16" else None
        self.student = StudentLoss(within, form, work)
        self.wrapped = spread(self.student, ranks, settings.sharding, self._unused)
        self.student.learning = job.learning
        self.trainable = {name: tensor for name, tensor in self.student.named_parameters() if tensor.requires_grad}
        decayed = [tensor for tensor in self.trainable.values() if tensor.ndim > 1]
        others = [tensor for tensor in self.trainable.values() if tensor.ndim <= 1]
        groups = [{"params": decayed, "weight_decay": settings.weight_decay}, {"params": others, "weight_decay": 0.0}]
        self.optimiser = torch.optim.AdamW(
            [group for group in groups if group["params"]], lr=settings.learning_rate, betas=BETAS, fused=True
        )

    def fit(self, longest: int) -> None:
        """See that the largest micro-batch, with rows of `longest` tokens, fits into memory; see `activations.fit`."""
        from potstill.train.activations import fit

        self.room = fit(self.student, self.settings, longest, self.pad, self.ranks)

    def _unused(self) -> int:
        """Return how many weights get no gradient from a row without loss, which every weight in use has a part in."""
        self.student(collate([ZERO_ROW], NOTHING, self.pad, self.ranks.device))[0].backward()
        weights = [tensor for tensor in self.student.parameters() if tensor.requires_grad]
        unused = sum(tensor.grad is None for tensor in weights)
        self.student.zero_grad(set_to_none=True)
        return unused

    def step(
        self, number: int, rows: Sequence[TokenRow], rate: float, stop: Stop, stored: Sequence[TopK] | None = None
    ) -> tuple[Log, bool]:
        """Run one optimiser step on all of its rows; its loss is the same however it is cut and dealt.

        Returns its figures, and whether any of the processes was asked to stop.
        """
        import torch

        # dropout is a function of (seed, step, process): nothing to restore
        torch.manual_seed(self.seed * 1_000_003 + number + (self.ranks.number << 53))
        found = coefficients(rows, self.settings.loss)
        dealt = deal(range(len(rows)), self.ranks.count)
        mine = micro_batches(dealt[self.ranks.number], self.settings.micro_batch)
        # each process runs as many forward passes, of a row without loss where it has none left
        most = max(len(micro_batches(hand, self.settings.micro_batch)) for hand in dealt)
        total = 0.0
        sums: dict[str, float] = {}
        self.optimiser.zero_grad(set_to_none=True)
        # a shard gives its copy of the weights back after each
        shared = nullcontext() if self.sharded else self.student.precision(self.ranks.device.partition(":")[0])
        with shared:
            for turn in range(most):
                index, scale = (mine[turn], found.scale) if turn < len(mine) else ((len(rows) - 1,), NOTHING)
                learnt = None if stored is None else [stored[i] for i in index]
                batch = collate([rows[i] for i in index], scale, self.pad, self.ranks.device, learnt)
                with accumulating(self.wrapped, last=turn + 1 == most):
                    value, losses = self.wrapped(batch)
                    value.backward()
                total += float(value.detach())
                for name, values in losses.items():
                    for segment in TRAINED:
                        chosen = values[(batch.codes == segment) & ~values.isnan()]
                        key = f"{name}_{segment.name.lower()}"
                        sums[key] = sums.get(key, 0.0) + float(chosen.sum())
                        sums[f"#{key}"] = sums.get(f"#{key}", 0.0) + len(chosen)
        norm = float(whole(torch.nn.utils.clip_grad_norm_(self.trainable.values(), self.settings.clip)))
        sums = self.ranks.sums({"loss": total, "asked": float(stop.asked), **sums})
        total = sums["loss"]
        if not math.isfinite(total) or not math.isfinite(norm):
            raise StudentError(
                f"training diverged at step {number + 1} (loss {total}, norm {norm}): lower train.learning_rate"
            )
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.step()
        means = {key[1:]: sums[key[1:]] / count for key, count in sums.items() if key[0] == "#" and count}
        ratios = {"answer_ratio": found.answer_ratio, "answer_ratio_used": found.answer_ratio_used}
        return {"loss": total, **means, "gradient_norm": norm, **ratios}, sums["asked"] > 0

    def state(self) -> dict[str, Any] | None:
        """Return what a checkpoint needs beside the untrained model: this process's share of weights and moments.

        None where another process has the same.
        """
        if not self.sharded and self.ranks.number:
            return None
        moments = self.optimiser.state
        return {
            "weights": {name: own(tensor.detach()) for name, tensor in self.trainable.items()},
            "moments": {
                name: {key: own(value) for key, value in moments[tensor].items()}
                for name, tensor in self.trainable.items()
            },
        }  # fmt: skip

    def restore(self, shares: Sequence[dict[str, Any]]) -> None:
        """Continue from what `state` returned in as many processes as there are shares, which may be others."""
        import torch

        def mine(held: Sequence[torch.Tensor], tensor: torch.Tensor) -> torch.Tensor:
            return held[0] if held[0].ndim == 0 else checkpoint.pieced(held, *place(tensor, self.ranks))

        self._make_moments()
        with torch.no_grad():
            for name, tensor in self.trainable.items():
                own(tensor).copy_(mine([share["weights"][name] for share in shares], tensor))
                for key, value in self.optimiser.state[tensor].items():
                    own(value).copy_(mine([share["moments"][name][key] for share in shares], tensor))

    def _make_moments(self) -> None:
        """Let the optimiser make its moments, of the kind that it wants, without a change of any weight."""
        import torch

        for tensor in self.trainable.values():
            tensor.grad = torch.zeros_like(tensor)
        for group in self.optimiser.param_groups:
            group["lr"] = 0.0
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)

    def finish(self) -> Any:  # noqa: ANN401 - a Hugging Face model
        """Return the trained model on the CPU, adapters merged; None on all processes but the first."""
        import torch

        model, adapted = self.whole, self.job.lora is not None
        if self.sharded:
            weights = {}
            for name, tensor in self.trainable.items():
                piece = whole(tensor.detach())
                if self.ranks.number == 0:  # one tensor at a time is whole on the others
                    weights[name] = piece.cpu()
            if self.ranks.number:
                return None
            model, _ = students.load(self.job.model)
            model = adapt(model, self.job.lora, self.seed) if self.job.lora is not None else model
            names = dict((model.get_base_model() if adapted else model).named_parameters(prefix="model"))
            with torch.no_grad():
                for name, piece in weights.items():
                    names[name].copy_(piece)
        elif self.ranks.number:
            return None
        return (merged(model) if adapted else model).to("cpu").eval()
