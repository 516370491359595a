"""What a teacher in this process says of the rows of a student: its top tokens and the mass of all others, captured.

The teacher reads each row once, in batches of like lengths; its head meets the trained positions alone, in chunks, so
that no logits of all tokens are ever held.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from potstill.train.divergence import LiveTeacher, TopK
from potstill.train.order import packs
from potstill.train.segments import TokenRow, trained

if TYPE_CHECKING:
    import torch

WINDOW = 256
"""Rows that are sorted by length and read together; where a capture may be cut."""
BATCH_TOKENS = 8192
"""Tokens of a forward pass, padding included; one longer row is read alone."""


def captured(
    teacher: LiveTeacher, rows: Sequence[TokenRow], size: int, top_k: int, pad: int, start: int = 0
) -> Iterator[list[TopK]]:
    """Yield the distributions of each window of rows from row `start` on, which begins one; on the CPU, in fp32.

    `size`: the tokens of the tokenizer; entries of the teacher's head beyond them are padding and left out.
    """
    for first in range(start, len(rows), WINDOW):
        window = [rows[number] for number in range(first, min(first + WINDOW, len(rows)))]
        order = sorted(range(len(window)), key=lambda number: -len(window[number]))
        found: dict[int, TopK] = {}
        for numbers in packs(order, [len(row) for row in window], BATCH_TOKENS):
            found |= zip(numbers, _read(teacher, [window[number] for number in numbers], size, top_k, pad), strict=True)
        yield [found[number] for number in range(len(window))]


def _read(teacher: LiveTeacher, rows: Sequence[TokenRow], size: int, top_k: int, pad: int) -> list[TopK]:
    """Return the distributions of some rows, which are read side by side."""
    import torch

    positions = [trained(row) for row in rows]
    width = max(map(len, rows))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    ids = torch.full((len(rows), width), pad, dtype=torch.long)
    for number, row in enumerate(rows):
        ids[number, : len(row)] = torch.tensor(row.ids)
    places = [number * width + position - 1 for number, of in enumerate(positions) for position in of]
    hidden = teacher.hidden(ids.to(device), torch.tensor(places, dtype=torch.long, device=device))
    kept = _top(teacher, hidden, size, top_k)
    ends = [len(of) for of in positions]
    parts: list[Any] = [torch.split(part.cpu(), ends) for part in kept]
    return [TopK(ids=one, logs=logs, tail=tail) for one, logs, tail in zip(*parts, strict=True)]


def _top(
    teacher: LiveTeacher, hidden: torch.Tensor, size: int, top_k: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return (ids, log p) of the likeliest tokens, (tokens, k), and the log mass of all others, (tokens,)."""
    import torch

    head, made = teacher.head, []
    with torch.no_grad():
        for part in torch.split(hidden, head.chunk()):
            logits = head.logits(part, head.weight.dtype)[:, :size]
            log_p = logits.log_softmax(1)
            logs, ids = log_p.topk(min(top_k, log_p.shape[1]))
            made.append((ids, logs, log_p.scatter_(1, ids, -torch.inf).logsumexp(1)))
    return tuple(torch.cat(parts) for parts in zip(*made, strict=True))  # type: ignore[return-value]
