"""The training loop: one optimiser step after another, exactly repeatable and exactly resumable.

Why a loop of our own and not `transformers.Trainer`: docs/decisions/0004-training-loop.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from potstill import recipe
from potstill.errors import StudentError
from potstill.models.local.memory import release_memory
from potstill.progress import Progress
from potstill.records import content_key
from potstill.train import checkpoint, students
from potstill.train.adapters import adapt, merged
from potstill.train.divergence import Learning, TopK
from potstill.train.fitness import check_student
from potstill.train.loss import coefficients, collate
from potstill.train.order import Plan, micro_batches
from potstill.train.render import TRAINED
from potstill.train.segments import TokenRow

if TYPE_CHECKING:
    from potstill.train.head import HeadForm

BETAS = (0.9, 0.95)
EAGER_TOKENS = 256
Log = dict[str, float]
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
    progress: Progress,
    learning: Learning | None = None,
) -> list[Log]:
    """Train the student of `model_folder` through `plan` and write the result to `out`; return one log a step.

    Checkpoints go to `work`; when one of the same training is there, it is continued and ends with the same bytes as
    an undisturbed run (same machine, same thread count). `progress` counts tokens of rows, prompts included.
    Each log holds step, tokens, learning_rate, loss, ce_reasoning, ce_answer, ce_format (means, nats; NaN-free: absent
    segments are left out), gradient_norm, answer_ratio and answer_ratio_used; with `learning`, which has a teacher's
    distributions, kl_reasoning and so on beside the ce of what has a share in it. Raises StudentError where training
    cannot go on.
    """
    model, tokenizer = students.load(model_folder)
    form = check_student(f"student {model_folder}", model)
    longest = max(len(rows[index]) for step in plan.steps for index in step)
    model.set_attn_implementation(attention(model, settings, longest))
    trainer = _Trainer(model, form, settings, lora, seed, int(tokenizer.pad_token_id), learning)
    fingerprint = _fingerprint(rows, plan, settings, lora, seed, "" if learning is None else learning.digest)
    logs: list[Log] = []
    saved = checkpoint.latest(work, fingerprint)
    if saved is not None:
        trainer.restore(saved)
        logs = saved["logs"]
        progress.resume_at(sum(plan.tokens[: len(logs)]))
    for log in logs:
        progress.figures(log)
    for step in range(len(logs), len(plan.steps)):
        rate = learning_rate(step, len(plan.steps), settings)
        stored = None if learning is None else learning.of(plan.steps[step])
        log = trainer.step(step, [rows[index] for index in plan.steps[step]], rate, stored)
        logs.append({"step": step + 1, "tokens": sum(plan.tokens[: step + 1]), "learning_rate": rate, **log})
        progress.figures(logs[-1])
        progress.advance(plan.tokens[step], f"step {step + 1}/{len(plan.steps)}, loss {log['loss']:.3f}")
        if (step + 1) % RELEASE_EVERY == 0:
            release_memory()
        if (step + 1) % settings.checkpoint_every == 0 and step + 1 < len(plan.steps):
            checkpoint.save(work, step + 1, {"fingerprint": fingerprint, "logs": logs, **trainer.state()})
    merged = trainer.finish()
    checkpoint.publish(out, lambda folder: students.write(merged, tokenizer, folder))
    return logs


def _fingerprint(
    rows: Sequence[TokenRow], plan: Plan, settings: recipe.Train, lora: recipe.Lora | None, seed: int, learnt: str
) -> str:
    """Return a key of everything that decides the steps, so that a checkpoint of another training is not continued."""
    seen = [content_key(row.ids, row.segments.hex(), row.weight) for row in rows]
    return content_key(seen, plan.steps, repr(settings), repr(lora), seed, learnt)


class _Trainer:
    """Model, optimiser and the one step that changes them."""

    def __init__(
        self, model: Any, form: HeadForm, settings: recipe.Train, lora: recipe.Lora | None, seed: int, pad: int,  # noqa: ANN401
        learning: Learning | None,
    ) -> None:  # fmt: skip
        import torch

        from potstill.train.student_loss import StudentLoss

        torch.use_deterministic_algorithms(True, warn_only=True)
        # a debugging aid that costs 5% of a step
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.settings, self.seed, self.pad = settings, seed, pad
        self.adapted = lora is not None
        self.whole = adapt(model, lora, seed) if lora is not None else model
        self.whole.to(self.device).train()
        within = self.whole.get_base_model() if self.adapted else self.whole
        self.student = StudentLoss(within, form, torch.bfloat16 if settings.precision == "bf16" else None, learning)
        self.trainable = {name: tensor for name, tensor in self.whole.named_parameters() if tensor.requires_grad}
        decayed = [tensor for tensor in self.trainable.values() if tensor.ndim > 1]
        others = [tensor for tensor in self.trainable.values() if tensor.ndim <= 1]
        groups = [{"params": decayed, "weight_decay": settings.weight_decay}, {"params": others, "weight_decay": 0.0}]
        self.optimiser = torch.optim.AdamW(
            [group for group in groups if group["params"]], lr=settings.learning_rate, betas=BETAS, fused=True
        )

    def step(self, number: int, rows: Sequence[TokenRow], rate: float, stored: Sequence[TopK] | None = None) -> Log:
        """Run one optimiser step on all of its rows; its loss is the same however it is cut into micro-batches."""
        import torch

        torch.manual_seed(self.seed * 1_000_003 + number)  # dropout is a function of (seed, step): nothing to restore
        found = coefficients(rows, self.settings.loss)
        total = 0.0
        sums: dict[str, float] = {}
        counts: dict[str, int] = {}
        self.optimiser.zero_grad(set_to_none=True)
        with self.student.precision(self.device):
            for index in micro_batches(range(len(rows)), self.settings.micro_batch):
                learnt = None if stored is None else [stored[i] for i in index]
                batch = collate([rows[i] for i in index], found.scale, self.pad, self.device, learnt)
                value, losses = self.student(batch)
                value.backward()
                total += float(value.detach())
                for name, values in losses.items():
                    for segment in TRAINED:
                        chosen = values[(batch.codes == segment) & ~values.isnan()]
                        key = f"{name}_{segment.name.lower()}"
                        sums[key] = sums.get(key, 0.0) + float(chosen.sum())
                        counts[key] = counts.get(key, 0) + len(chosen)
        norm = float(torch.nn.utils.clip_grad_norm_(self.trainable.values(), self.settings.clip))
        if not math.isfinite(total) or not math.isfinite(norm):
            raise StudentError(
                f"training diverged at step {number + 1} (loss {total}, norm {norm}): lower train.learning_rate"
            )
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.step()
        means = {key: sums[key] / count for key, count in counts.items() if count}
        ratios = {"answer_ratio": found.answer_ratio, "answer_ratio_used": found.answer_ratio_used}
        return {"loss": total, **means, "gradient_norm": norm, **ratios}

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint needs beside the untrained model: trained tensors and optimiser."""
        return {
            "trainable": {name: tensor.detach() for name, tensor in self.trainable.items()},
            "optimiser": self.optimiser.state_dict(),
        }

    def restore(self, saved: dict[str, Any]) -> None:
        """Continue from what `state` returned."""
        import torch

        with torch.no_grad():
            for name, tensor in self.trainable.items():
                tensor.copy_(saved["trainable"][name])
        self.optimiser.load_state_dict(saved["optimiser"])

    def finish(self) -> Any:  # noqa: ANN401 - a Hugging Face model
        """Return the trained model on the CPU, adapters merged."""
        model = merged(self.whole) if self.adapted else self.whole
        return model.to("cpu").eval()
