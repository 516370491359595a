"""How much memory the forward passes of a training keep for its backward passes, measured on short rows of its student.

What is kept of a row of T tokens is a T + b T^2 beside a constant: three short rows say all of it, of any architecture,
attention and precision.
"""

from __future__ import annotations

import dataclasses
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from potstill import recipe
from potstill.errors import StudentError
from potstill.models.local.memory import available_memory
from potstill.train.limits import LOGITS_AT_ONCE, MOMENTS
from potstill.train.loss import collate
from potstill.train.ranks import Ranks, own
from potstill.train.render import Segment
from potstill.train.segments import TokenRow

if TYPE_CHECKING:
    from potstill.train.student_loss import StudentLoss

LENGTHS = (16, 32, 64)
"""Tokens of the rows that are measured."""
FREE = 0.8
"""Share of the free memory that may be planned with: allocators leave holes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """Bytes that a training takes on top of its weights, by rows and tokens."""

    constant: float
    by_token: float
    by_pair: float

    def bytes(self, rows: int, tokens: int) -> float:
        """Return those of `rows` rows of `tokens` tokens in one forward pass."""
        return self.constant + rows * self._of_row(tokens)

    def most_rows(self, tokens: int, free: float) -> int:
        """Return how many rows of `tokens` tokens fit into `free` bytes."""
        return max(0, int((free - self.constant) // self._of_row(tokens)))

    def _of_row(self, tokens: int) -> float:
        return self.by_token * tokens + self.by_pair * tokens**2


@dataclass(frozen=True, kw_only=True, slots=True)
class Room:
    """What the largest micro-batch takes, `rows` of `tokens` tokens, beside what was free before the first step."""

    rows: int
    tokens: int
    kept: Kept
    free: float | None
    twice: bool

    def fits(self) -> bool:
        """Return whether it fits, as far as anybody knows."""
        return self.free is None or self.kept.bytes(self.rows, self.tokens) <= self.free

    def __str__(self) -> str:
        free = "" if self.free is None else f" and {self.free / 1e9:,.1f} GB are free"
        need = self.kept.bytes(self.rows, self.tokens)
        return f"{self.rows} rows of {self.tokens:,} tokens take about {need / 1e9:,.1f} GB beside the weights{free}"

    def advice(self) -> str:
        """Return what it takes and what to change."""
        most = self.rows if self.free is None else self.kept.most_rows(self.tokens, self.free)
        most = min(most, self.rows // 2) if self.fits() else most  # what is measured was too little then
        if most:
            return f"{self}; set train.micro_batch: {most}"
        if not self.twice:
            return f"{self}; set train.activation_checkpointing: always"
        return f"{self}; lower train.max_length, train with student.lora, or take a smaller student"


def fit(student: StudentLoss, settings: recipe.Train, longest: int, pad: int, ranks: Ranks) -> Room:
    """Let the student compute its layers twice where the recipe says so or else its largest micro-batch would not fit.

    Process 0 says so in a line, and in another where it does not fit even then. All processes do the same.
    """
    rows, free = min(settings.micro_batch, settings.batch), free_memory(ranks)
    if settings.activation_checkpointing == "always":
        compute_twice(student.model)
    kept = measured(student, pad, ranks)
    room = Room(
        rows=rows, tokens=longest, kept=kept, free=free, twice=settings.activation_checkpointing == "always"
    )  # fmt: skip
    wanted = settings.activation_checkpointing == "auto" and student.model.supports_gradient_checkpointing
    if wanted and any(ranks.gathered(not room.fits())):
        _say(f"note: layers are computed twice: {room} otherwise", ranks)
        compute_twice(student.model)
        less = measured(student, pad, ranks)
        layers = max(1, getattr(student.model.config.get_text_config(), "num_hidden_layers", 1))
        kept = Kept(  # and one layer whole at a time
            constant=less.constant, by_token=less.by_token + kept.by_token / layers, by_pair=kept.by_pair / layers
        )
        room = Room(rows=rows, tokens=longest, kept=kept, free=free, twice=True)
    if not room.fits():
        _say(f"note: the memory may run out: {room.advice()}", ranks)
    return room


def _say(text: str, ranks: Ranks) -> None:
    if ranks.number == 0:
        print(text, file=sys.stderr)


def compute_twice(model: Any) -> None:  # noqa: ANN401 - a Hugging Face model
    """Let a model keep only what enters its layers, and compute each layer again in the backward pass."""
    if not model.supports_gradient_checkpointing:
        raise StudentError(f"train.activation_checkpointing: {type(model).__name__} cannot do it: set never")
    model.activation_checkpointing_enable({"use_reentrant": False})


def measured(student: StudentLoss, pad: int, ranks: Ranks) -> Kept:
    """Return what the student keeps, with its gradients and moments; every process has to ask.

    Of a student that computes its layers twice it is what enters them; the one that is there at a time is left out.
    """
    # what a teacher is asked keeps nothing, and has no answer to made-up rows
    learning, student.learning = student.learning, None
    found = [float(_saved(student, length, pad, ranks.device)) for length in LENGTHS]
    student.learning = learning
    (x, y, z), (low, middle, high) = LENGTHS, found
    pair = ((high - middle) / (z - y) - (middle - low) / (y - x)) / (z - x)
    token = (middle - low) / (y - x) - pair * (x + y)
    constant = low - token * x - pair * x**2
    trained = sum(weight.numel() * weight.element_size() for weight in student.parameters() if weight.requires_grad)
    spread = ranks.count if any(hasattr(weight, "to_local") for weight in student.parameters()) else 1
    # gradients and moments, and the logits of a chunk beside their gradient
    fixed = trained / spread * (1 + MOMENTS) + 3 * 4 * LOGITS_AT_ONCE
    return Kept(constant=max(0.0, constant) + fixed, by_token=max(1.0, token), by_pair=max(0.0, pair))


def _saved(student: StudentLoss, length: int, pad: int, device: str) -> int:
    """Return the bytes that a forward pass of one row keeps, each storage once, weights left out."""
    row = TokenRow(tuple([pad] * (length + 1)), bytes([Segment.PROMPT, *[Segment.REASONING] * length]), 0)
    weights = {weight.untyped_storage().data_ptr() for weight in map(own, student.parameters())}
    kept: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = own(tensor).untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    batch = collate([row], [[0.0, *[1.0] * length]], pad, device)
    batch = dataclasses.replace(batch, targets=torch.zeros_like(batch.targets))  # of any head, also one of two labels
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        total, _ = student(batch)
    total.backward()  # a sharded student wants each forward pass to end so
    student.zero_grad(set_to_none=True)
    return sum(kept.values())


def free_memory(ranks: Ranks) -> float | None:
    """Return the bytes that this process may plan with; None where nobody says."""
    if ranks.device != "cpu":
        return FREE * float(torch.cuda.mem_get_info(ranks.device)[0])
    found = available_memory()
    return None if found is None else FREE * found / ranks.count
