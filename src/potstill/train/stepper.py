"""Model, optimiser and the one step that changes them: what every method of training is made of."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from potstill.errors import StudentError
from potstill.train import checkpoint
from potstill.train.adapters import adapt, merged
from potstill.train.divergence import TopK
from potstill.train.job import Log, Stop, Training
from potstill.train.loss import Batch, Weights, add, collate, means
from potstill.train.order import micro_batches, packs
from potstill.train.ranks import Ranks, accumulating, deal, own, place, spread, whole
from potstill.train.render import Segment
from potstill.train.segments import TokenRow

if TYPE_CHECKING:
    import torch

    from potstill.train.head import HeadForm

BETAS = (0.9, 0.95)
ZERO_ROW = TokenRow((0,), bytes([Segment.PROMPT]), 0)
NOTHING = (0.0,)
"""The coefficient of its token."""


class Stepper:
    """Model, optimiser and the one step that changes them, as far as this process has them."""

    def __init__(
        self, model: Any, form: HeadForm, job: Training, pad: int, ranks: Ranks, pack_tokens: int = 0  # noqa: ANN401
    ) -> None:  # fmt: skip
        import torch

        from potstill.train import lean
        from potstill.train.student_loss import StudentLoss

        torch.use_deterministic_algorithms(True, warn_only=True)
        # a debugging aid that costs 5% of a step
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
        settings = job.settings
        self.job, self.settings, self.seed, self.pad, self.ranks = job, settings, job.seed, pad, ranks
        self.pack_tokens = pack_tokens
        """Tokens of a pack, 0 where rows are padded."""
        self.whole = adapt(model, job.lora, job.seed) if job.lora is not None else model
        self.sharded = ranks.count > 1 and settings.sharding == "full"
        self.whole.train()
        if not self.sharded:  # else layer by layer, a share of each
            self.whole.to(ranks.device)
        within = self.whole.get_base_model() if job.lora is not None else self.whole
        work = torch.bfloat16 if settings.precision == "bf16" else None
        if work is not None:
            lean.settle(within)
        self.student = StudentLoss(within, form, work)
        self.wrapped = spread(self.student, ranks, settings.sharding, self._unused)
        self.student.learning = job.learning
        self.trainable = {name: tensor for name, tensor in self.student.named_parameters() if tensor.requires_grad}
        decayed = [tensor for tensor in self.trainable.values() if tensor.ndim > 1]
        others = [tensor for tensor in self.trainable.values() if tensor.ndim <= 1]
        groups = [{"params": decayed, "weight_decay": settings.weight_decay}, {"params": others, "weight_decay": 0.0}]
        self.optimiser = torch.optim.AdamW(
            [group for group in groups if group["params"]], lr=0.0, betas=BETAS, fused=True
        )  # each step has a rate of its own
        best = settings.look is not None and settings.look.keep == "best"
        self.best = self.copied() if best else None
        """This process's share of the weights of the best look so far."""

    def fit(self, longest: int) -> None:
        """See that the largest micro-batch, with rows of `longest` tokens, fits into memory; see `activations.fit`."""
        from potstill.train.activations import fit

        self.room = fit(self.student, self.settings, longest, self.pad, self.ranks)

    def _unused(self) -> int:
        """Return how many weights get no gradient from a row without loss, which every weight in use has a part in."""
        self.student(collate([ZERO_ROW], [NOTHING], self.pad, self.ranks.device))[0].backward()
        weights = [tensor for tensor in self.student.parameters() if tensor.requires_grad]
        unused = sum(tensor.grad is None for tensor in weights)
        self.student.zero_grad(set_to_none=True)
        return unused

    def step(
        self, number: int, rows: Sequence[TokenRow], weights: Sequence[Weights], rate: float, stop: Stop,
        stored: Sequence[TopK] | None = None,
    ) -> tuple[Log, bool]:  # fmt: skip
        """Run one optimiser step on all of its rows; its loss is the same however it is cut and dealt.

        `weights` are the coefficients of each row's tokens over the whole step, of any sign. Returns the figures of the
        step, and whether any of the processes was asked to stop.
        """
        import torch

        # dropout is a function of (seed, step, process): nothing to restore
        torch.manual_seed(self.seed * 1_000_003 + number + (self.ranks.number << 53))
        lengths = [len(row) for row in rows]
        dealt = [self.cut(hand, lengths) for hand in deal(range(len(rows)), self.ranks.count)]
        mine = dealt[self.ranks.number]
        # each process runs as many forward passes, of a row without loss where it has none left
        most = max(map(len, dealt))
        total = 0.0
        sums: dict[str, float] = {}
        self.optimiser.zero_grad(set_to_none=True)
        # a shard gives its copy of the weights back after each
        shared = nullcontext() if self.sharded else self.student.precision(self.ranks.device.partition(":")[0])
        with shared:
            for turn in range(most):
                index = mine[turn] if turn < len(mine) else (len(rows) - 1,)
                scale = [weights[i] if turn < len(mine) else [0.0] * len(rows[i]) for i in index]
                learnt = None if stored is None else [stored[i] for i in index]
                batch = self.collated([rows[i] for i in index], scale, learnt)
                with accumulating(self.wrapped, last=turn + 1 == most):
                    value, losses = self.wrapped(batch)
                    value.backward()
                total += float(value.detach())
                add(sums, losses, batch)
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
        return {"loss": total, **means(sums), "gradient_norm": norm}, sums["asked"] > 0

    def cut(self, hand: Sequence[int], lengths: Mapping[int, int] | Sequence[int]) -> list[tuple[int, ...]]:
        """Cut rows, the longest first, into forward passes; `lengths[row]` are the tokens of each."""
        if self.pack_tokens:
            return packs(hand, lengths, self.pack_tokens)
        return micro_batches(hand, self.settings.micro_batch)

    def collated(
        self, rows: Sequence[TokenRow], weights: Sequence[Weights], stored: Sequence[TopK] | None
    ) -> Batch:  # fmt: skip
        """Return the rows of a forward pass as tensors, see `collate`."""
        return collate(rows, weights, self.pad, self.ranks.device, stored, packed=self.pack_tokens > 0)

    def copied(self) -> dict[str, torch.Tensor]:
        """Return this process's share of the weights, on the CPU."""
        return {name: own(tensor.detach()).to("cpu", copy=True) for name, tensor in self.trainable.items()}

    def take(self, weights: dict[str, torch.Tensor]) -> None:
        """Go back to weights that were copied."""
        import torch

        with torch.no_grad():
            for name, tensor in self.trainable.items():
                own(tensor).copy_(weights[name])

    def state(self) -> dict[str, Any] | None:
        """Return what a checkpoint needs beside the untrained model: this process's share of weights and moments.

        None where another process has the same.
        """
        if not self.sharded and self.ranks.number:
            return None
        moments = self.optimiser.state
        return {
            **({} if self.best is None else {"best": self.best}),
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
                if self.best is not None:
                    self.best[name].copy_(mine([share["best"][name] for share in shares], tensor))
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
            model, *_ = self.job.load()
            model = adapt(model, self.job.lora, self.seed) if self.job.lora is not None else model
            names = dict((model.get_base_model() if adapted else model).named_parameters(prefix="model"))
            with torch.no_grad():
                for name, piece in weights.items():
                    names[name].copy_(piece)
        elif self.ranks.number:
            return None
        return (merged(model) if adapted else model).to("cpu").eval()
