"""A student reads traces before it is trained on any: log p and rank of each token that is asked for, in chunks.

The body runs over a batch of rows of like length; the head meets the asked tokens alone, a chunk at a time, so that no
logits of all tokens are held (`Head.chunk`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from potstill.curate.listened import Listened, gain_of, rank_surprisal_of, surprisal_of
from potstill.records import Example, Problem, Trace
from potstill.train.order import packs
from potstill.train.render import Segment, ask
from potstill.train.segments import RowMaker, TokenRow, Unfit

if TYPE_CHECKING:
    from potstill.train.divergence import LiveTeacher

BATCH_TOKENS = 8192
"""Tokens of a forward pass, padding included; one longer row is read alone."""
TOLD = (Segment.REASONING, Segment.ANSWER)
NO_GOLD = "no answer is known"


@dataclass(frozen=True, slots=True)
class TokenReadings:
    """-log p in nats and the rank, counted from 1, of each asked token of a row."""

    surprisals: tuple[float, ...]
    ranks: tuple[int, ...]


def token_readings(
    reader: LiveTeacher, rows: Sequence[TokenRow], segments: Sequence[tuple[Segment, ...]], pad: int
) -> list[TokenReadings]:
    """Return what the reader says of the tokens of each row that are of its `segments`, in their order."""
    places = [
        [at for at, code in enumerate(row.segments) if at and code in wanted]
        for row, wanted in zip(rows, segments, strict=True)
    ]
    order = sorted(range(len(rows)), key=lambda number: -len(rows[number]))
    found: dict[int, TokenReadings] = {}
    for numbers in packs(order, [len(row) for row in rows], BATCH_TOKENS):
        found |= zip(
            numbers, _read(reader, [rows[n] for n in numbers], [places[n] for n in numbers], pad), strict=True
        )  # fmt: skip
    return [found[number] for number in range(len(rows))]


def _read(
    reader: LiveTeacher, rows: Sequence[TokenRow], places: Sequence[Sequence[int]], pad: int
) -> list[TokenReadings]:  # fmt: skip
    import torch

    width = max(map(len, rows))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    ids = torch.full((len(rows), width), pad, dtype=torch.long)
    for number, row in enumerate(rows):
        ids[number, : len(row)] = torch.tensor(row.ids)
    flat = [number * width + at for number, of in enumerate(places) for at in of]
    asked = torch.tensor(flat, dtype=torch.long)
    hidden = reader.hidden(ids.to(device), (asked - 1).to(device))
    head, wanted = reader.head, ids.reshape(-1)[asked].to(device)
    logs, ranks = [], []
    with torch.no_grad():
        for part, targets in zip(torch.split(hidden, head.chunk()), torch.split(wanted, head.chunk()), strict=True):
            logits = head.logits(part, head.weight.dtype)
            chosen = logits.gather(1, targets[:, None])
            logs.append((logits.logsumexp(1) - chosen[:, 0]).cpu())
            ranks.append((1 + (logits > chosen).sum(1)).cpu())
    ends = [len(of) for of in places]
    return [
        TokenReadings(tuple(one.tolist()), tuple(other.tolist()))
        for one, other in zip(torch.split(torch.cat(logs), ends), torch.split(torch.cat(ranks), ends), strict=True)
    ]


def listened(
    reader: LiveTeacher, maker: RowMaker, traces: Sequence[tuple[Problem, Trace]], pad: int
) -> list[Listened]:  # fmt: skip
    """Return the scores of some traces. The gold is read behind the reasoning, and as the row of an answer alone."""
    rows: list[TokenRow] = []
    segments: list[tuple[Segment, ...]] = []
    numbers: dict[tuple[str, str, str], int | Unfit] = {}

    def number_of(problem: Problem, reasoning: str, answer: str, wanted: tuple[Segment, ...]) -> int | Unfit:
        key = problem.key, reasoning, f"{len(wanted)}{answer}"
        if key not in numbers:
            example = Example(
                problem_key=problem.key, trace_key="", question=problem.statement, reasoning=reasoning, answer=answer
            )
            made = maker.make(0, example, ask(maker.student, problem.statement))
            numbers[key] = made if isinstance(made, Unfit) else len(rows)
            if not isinstance(made, Unfit):
                rows.append(made)
                segments.append(wanted)
        return numbers[key]

    planned: list[tuple[str, int | Unfit, int | Unfit, int | Unfit]] = []
    for problem, trace in traces:
        whole = number_of(problem, trace.reasoning, trace.answer, TOLD)
        gold = problem.gold or ""
        usable = not isinstance(whole, Unfit) and bool(gold.strip()) and bool(trace.reasoning.strip())
        behind, alone = (
            number_of(problem, reasoning, gold, (Segment.ANSWER,)) if usable else Unfit.EMPTY_ANSWER
            for reasoning in (trace.reasoning, "")
        )
        planned.append((trace.key, whole, behind, alone))
    told = token_readings(reader, rows, segments, pad) if rows else []
    found = []
    for key, whole, behind, alone in planned:
        if isinstance(whole, Unfit):
            found.append(Listened(
                trace_key=key, surprisal=None, rank_surprisal=None, gain=None, tokens=0, read=0, reason=whole.value,
            ))  # fmt: skip
            continue
        own = told[whole]
        both = None if isinstance(behind, Unfit) or isinstance(alone, Unfit) else (told[behind], told[alone])
        read = [at for at in (whole, behind, alone) if not isinstance(at, Unfit)]
        found.append(Listened(
            trace_key=key, surprisal=surprisal_of(own.surprisals),
            rank_surprisal=rank_surprisal_of(own.ranks, own.surprisals),
            gain=None if both is None else gain_of(both[0].surprisals, both[1].surprisals),
            tokens=len(own.ranks), read=sum(len(rows[at]) for at in read), reason="" if both else NO_GOLD,
        ))  # fmt: skip
    return found
