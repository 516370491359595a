"""How much memory a training or a sampling takes, part by part, by formula; every part is an interval with its basis.

What a forward pass keeps of a token was counted tensor by tensor for layers of the Llama kind as transformers 5 runs
them, with fp32 weights, and agrees with what `train.activations` measures (tests/planning/test_memory.py): in fp32 24 H
+ 16 F + 8 (A + K) + 8 bytes a layer, under bf16 autocast 12 H + 6 F + 4 (A + K) + 8 (see `train.lean`), for a width of
H, a feed-forward part of F, A channels of queries and K of keys. Plain attention keeps scores too, 4 or 6 bytes a head
and pair. It is the count of Korthikanti et al. 2022 (arXiv 2205.05198), section 4.1, for gated layers without dropout.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from potstill import recipe
from potstill.planning.figures import Figure, assumed, formula, known, product, total
from potstill.planning.machines import Target
from potstill.planning.shapes import Architecture
from potstill.train.limits import EAGER_TOKENS, LOGITS_AT_ONCE, MOMENTS

PROCESS = {
    "cpu": assumed(3.0e8, 4.5e8, 7.0e8, "Python with torch and transformers loaded"),
    "gpu": assumed(4.0e8, 7.0e8, 1.2e9, "context and kernels of CUDA"),
}
HOLES = 0.1
"""Share by which allocators take more, or a library keeps less, than tensors add up to."""
FP32, BF16 = 4, 2
MOST_DOUBLINGS = 11
"""Up to 1,024 processes are looked at."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    """The parts of what a process takes at its largest, in bytes, and the largest micro-batch for which that fits.

    `rows` and `tokens` are the micro-batch that it is for. `fits` is None where nobody knows the machine's memory, and
    0 where not even one row fits. `would` is then how many processes have room for one, with `sharding: full`.
    """

    parts: Sequence[tuple[str, Figure]]
    rows: int
    tokens: int
    fits: int | None = None
    twice: bool = False
    would: int | None = None

    @property
    def peak(self) -> Figure:
        """All parts together."""
        found = total("the sum of its parts", [part for _, part in self.parts])
        assert found is not None  # noqa: S101 - there are parts, and each is known
        return found


def of_training(
    shape: Architecture, train: recipe.Train, lora: recipe.Lora | None, longest: int, machine: Target
) -> Memory:
    """Return what training takes whose largest micro-batch holds rows of `longest` tokens, on each process."""
    rows = min(train.micro_batch, train.batch)
    sharing = train.processes if train.sharding == "full" else 1
    room = machine.memory
    if room is not None and machine.kind == "cpu":
        room = room.times(1 / train.processes)
    fixed = _fixed(shape, train, lora, sharing, machine)
    always, never = (train.activation_checkpointing == kind for kind in ("always", "never"))
    twice, row = always, _of_row(shape, train, longest, machine, twice=always)
    head = _of_head(shape, rows * longest)
    taken = total("", [*(part for _, part in fixed), head])
    fits = None
    if room is not None and taken is not None:
        left = room.value - taken.value
        if not twice and not never and row.value * rows > left:  # as the trainer decides where it is left to it
            twice, row = True, _of_row(shape, train, longest, machine, twice=True)
        fits = max(0, min(train.batch, int(left // row.value)))
    parts = [*fixed, ("activations", row.times(rows)), ("logits", head)]
    would = None
    if fits == 0 and machine.kind == "gpu":
        would = _enough(shape, train, lora, longest, machine)
    return Memory(parts=parts, rows=rows, tokens=longest, fits=fits, twice=twice, would=would)


def _enough(
    shape: Architecture, train: recipe.Train, lora: recipe.Lora | None, longest: int, machine: Target
) -> int | None:
    """Return the least power of two of processes that have room for one row each, None where no number has."""
    one = replace(train, micro_batch=1, sharding="full", activation_checkpointing="always")
    for processes in (1 << power for power in range(1, MOST_DOUBLINGS)):
        room = machine.memory
        if (processes <= train.processes and train.sharding == "full") or room is None:
            continue
        fixed = _fixed(shape, replace(one, processes=processes), lora, processes, machine)
        parts = [part for _, part in fixed]
        row = _of_row(shape, one, longest, machine, twice=True)
        taken = total("", [*parts, _of_head(shape, longest), row])
        if taken is not None and taken.value <= room.value:
            return processes
    return None


def _fixed(
    shape: Architecture, train: recipe.Train, lora: recipe.Lora | None, sharing: int, machine: Target
) -> list[tuple[str, Figure]]:
    """Return what does not depend on the rows, on one of `sharing` processes."""
    weights, basis = shape.parameters, shape.how
    trained = weights if lora is None else shape.adapters(lora.rank)
    whole = weights + (trained if lora is not None else 0)
    words = f"{whole:,} weights ({basis})" + (f", a share of {sharing}" if sharing > 1 else "")
    parts = [
        ("process", PROCESS[machine.kind]),
        ("weights", formula(FP32 * whole / sharing, f"4 bytes of {words}", 0.02)),
        ("gradients", formula(FP32 * trained / sharing, f"4 bytes of {trained:,} trained weights", 0.02)),
        ("moments", formula(FP32 * MOMENTS * trained / sharing, f"8 bytes of {trained:,} trained weights", 0.02)),
    ]
    if train.precision == "bf16":
        copied = shape.linear if sharing == 1 else shape.linear / shape.layers
        parts.append(("bf16 copies", formula(BF16 * copied, "2 bytes of the matrices of the layers", 0.05)))
    if sharing > 1:
        layer = FP32 * max(shape.linear / shape.layers, shape.head)
        parts.append(("gathered layer", formula(2 * layer, "a layer or the head whole, with its gradient", 0.2)))
    return parts


def by_token(shape: Architecture, *, bf16: bool) -> int:
    """Return the bytes that one layer keeps of a token, scores of attention apart."""
    queries, keys = shape.heads * shape.width, shape.kv * shape.width
    if bf16:
        return 12 * shape.hidden + 6 * shape.inner + 4 * (queries + keys) + 8 + 4 * shape.heads
    return 24 * shape.hidden + 16 * shape.inner + 8 * (queries + keys) + 8 + 4 * shape.heads


def by_pair(shape: Architecture, *, bf16: bool) -> int:
    """Return the bytes that plain attention of one layer keeps of a pair of tokens."""
    return (6 if bf16 else 4) * shape.heads


def _of_row(shape: Architecture, train: recipe.Train, tokens: int, machine: Target, *, twice: bool) -> Figure:
    bf16 = train.precision == "bf16"
    layer = by_token(shape, bf16=bf16) * tokens
    if machine.kind == "cpu" and bf16 and tokens <= EAGER_TOKENS:
        layer += by_pair(shape, bf16=True) * tokens**2
    outside = (12 * shape.hidden + 8 * shape.width) * tokens  # the last norm and the positions
    if twice:
        kept = FP32 * shape.hidden * tokens * shape.layers + layer
        return formula(kept + outside, "what enters each layer, and one layer whole", HOLES)
    return formula(
        layer * shape.layers + outside, f"{shape.layers} layers of {layer / tokens:,.0f} bytes a token", HOLES
    )


def _of_head(shape: Architecture, tokens: int) -> Figure:
    """Return the logits of a chunk with their copies, and the gradient of the head."""
    logits = min(LOGITS_AT_ONCE, tokens * shape.vocabulary)
    return formula(
        3 * FP32 * logits + FP32 * shape.head, "3 x 4 bytes of the logits at hand, and the head's gradient", 0.2
    )


def of_sampling(shape: Architecture, precision: str, rows: int, prompt: Figure, tokens: int, machine: Target) -> Memory:
    """Return what sampling `rows` responses side by side takes, of up to `tokens` tokens after prompts of `prompt`."""
    size = BF16 if precision == "bf16" else FP32
    length = Figure(
        value=prompt.value + tokens, low=prompt.low + 1, high=prompt.high + tokens, basis=prompt.basis, how=prompt.how
    )
    cached = product("", length, known(float(shape.cached * size * rows), ""))
    assert cached is not None  # noqa: S101 - both are known
    # Loading turns fp32 files into bf16 tensor by tensor; the files are mapped meanwhile.
    loaded = Figure(
        value=size * shape.parameters, low=size * shape.parameters, high=(size + FP32) * shape.parameters,
        basis="formula", how=f"{size} bytes of {shape.parameters:,} weights",
    )  # fmt: skip
    pass_ = rows * prompt.value * (4 * shape.hidden + 3 * shape.inner) * size + 4 * FP32 * rows * shape.vocabulary
    parts = [
        ("process", PROCESS[machine.kind]), ("weights", loaded),
        ("cache", cached.told(f"{shape.cached * size:,} bytes a token of {rows} responses")),
        ("forward pass", formula(pass_, "one layer while prompts are read, and the logits", 0.5)),
    ]  # fmt: skip
    fits = None
    if machine.memory is not None:
        left = machine.memory.value - sum(part.value for _, part in parts[:2])
        fits = max(0, int(left // ((parts[2][1].value + parts[3][1].value) / rows)))
    return Memory(parts=parts, rows=rows, tokens=int(length.high), fits=fits)
