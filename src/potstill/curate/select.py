"""Judged traces -> examples and drops, in one process and in memory: what a run does part by part, for few traces."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from potstill.curate.deciding import Passed, decide, distinct
from potstill.curate.nearness import shingles
from potstill.curate.seen import Looked, Looker
from potstill.records import Drop, Example, Trace, Verdict

Judged = tuple[Trace, Verdict | None]
Stream = Callable[[], Iterable[Judged]]
"""Starts the same stream afresh at each call."""


@dataclass(kw_only=True)
class Selection:
    """Traces and what they are looked at with; `passed` are those that passed, after `filtered`."""

    traces: Stream
    looker: Looker
    passed: dict[int, Passed] = field(default_factory=dict)

    def filtered(self) -> Iterator[Drop]:
        """Yield the drops of the filters, and of exact duplicates; what passed is in `passed` from then on."""
        rows = [self.looker.look(trace, verdict) for trace, verdict in self.traces()]
        late: dict[int, tuple[str, str]] = {}
        self.passed = distinct(rows, late)
        for ordinal, row in enumerate(rows):
            if row.reason:
                yield row.drop
            elif ordinal in late:
                yield Drop("trace", row.key, late[ordinal][0], row.detail)


def select(traces: Stream, looker: Looker) -> Iterator[Example | Drop]:
    """Turn judged traces into ordered examples; yield every drop first, then every example: together all traces.

    All kept texts are held at once; see `pipeline.curating` for as many traces as the disk holds.
    """
    counts = Counter(trace.problem_key for trace, _ in traces())
    crowded = {key for key, count in counts.items() if count > looker.settings.per_problem}
    looker = dataclasses.replace(looker, crowded=crowded)
    rows: list[Looked] = [looker.look(trace, verdict) for trace, verdict in traces()]

    def runs_of(wanted: Sequence[int]) -> Mapping[int, frozenset[int]]:
        asked = set(wanted)
        texts = ((n, looker.pruned(t)[0]) for n, (t, _) in enumerate(traces()) if n in asked)
        return {n: shingles(f"{t.reasoning}\n{t.answer}") for n, t in texts}

    decision = decide(rows, looker, runs_of)
    yield from decision.drops(rows)
    held: dict[int, tuple[Trace, float]] = {}
    for ordinal, (trace, _) in enumerate(traces()):
        if (place := decision.places[ordinal]) >= 0:
            held[place] = looker.pruned(trace)[0], rows[ordinal].weight
    for place in sorted(held):
        yield example_of(*held[place], looker)


def example_of(trace: Trace, weight: float, looker: Looker) -> Example:
    """Return a kept trace as what is trained on."""
    problem = looker.training[trace.problem_key]
    return Example(
        problem_key=trace.problem_key, trace_key=trace.key, question=looker.question(problem, trace.strategy),
        reasoning=trace.reasoning, answer=trace.answer, weight=weight, difficulty=looker.difficulty(trace.problem_key),
        domain=problem.domain, gold_source=looker.gold_source(trace.problem_key),  # type: ignore[arg-type]  # a group's
    )  # fmt: skip
