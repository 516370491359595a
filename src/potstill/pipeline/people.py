"""What people said of a run's traces, as curation hears it: verdicts and golds corrected, and steps called wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from pathlib import Path

from potstill.errors import DataError
from potstill.pipeline.stage import Context
from potstill.records import Problem, Trace, Verdict
from potstill.verify.steps.people import Saying, read_sayings, settled

HUMAN = "human"
"""The check of a verdict that a person gave."""


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What is settled among people. `verdicts` take the place of those of checks, by trace."""

    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    wrong_steps: Set[str] = frozenset()
    counts: Mapping[str, dict[str, int]] = field(default_factory=dict)

    def heard(self, judged: Iterable[tuple[Trace, Verdict]]) -> Iterator[tuple[Trace, Verdict]]:
        """Yield traces with the verdicts of people where there are any."""
        if not self.verdicts:
            yield from judged
            return
        for trace, verdict in judged:
            yield trace, self.verdicts.get(trace.key, verdict)


def said_of(context: Context) -> Heard:
    """Return what the people of `curate.people` settled about the traces of this stage.

    A corrected gold judges the traces of its problem again, by the checks of the recipe; a corrected verdict stands
    over that. Where people differ and nobody decided, what the checks said stays.

    Raises:
        DataError: a line of their files is no label; there is no such file or folder.
    """
    people = context.recipe.curate.people
    if people is None:
        return Heard()
    path = Path(context.recipe.data) / Path(people).expanduser()
    if not path.exists():
        raise DataError(f"curate.people: there is no file or folder {path}")
    found = settled(read_sayings(path))
    training = {problem.key: problem for problem in context.inputs["problems"].rows("train", Problem)}
    golds = {key: saying for (kind, key), saying in found.items() if kind == "gold" and key in training}
    outcomes = {key: saying for (kind, key), saying in found.items() if kind == "verdict"}
    verdicts = _judged_again(context, training, golds) if golds else {}
    if outcomes:
        table = context.inputs["verdicts"].rows("verdicts", Verdict)
        verdicts |= {
            row.trace_key: _by_person(row, outcomes[row.trace_key]) for row in table if row.trace_key in outcomes
        }
    wrong = frozenset(
        key for (kind, key), saying in found.items() if kind == "steps" and saying.first_wrong_step is not None
    )
    counts = {"verdicts": len(outcomes), "golds": len(golds), "wrong steps": len(wrong)}
    return Heard(verdicts=verdicts, wrong_steps=wrong, counts={"by people": counts})


def _by_person(verdict: Verdict, saying: Saying) -> Verdict:
    return replace(
        verdict, check=HUMAN, outcome=saying.said, cause="ambiguous" if saying.outcome == "unknown" else "",
        method=f"by {saying.labeller}", reason=saying.comment, rules=verdict.outcome,
    )  # fmt: skip


def _judged_again(context: Context, training: Mapping[str, Problem], golds: Mapping[str, Saying]) -> dict[str, Verdict]:
    """Return new verdicts on the traces of problems whose gold people corrected, with their names."""
    traces = [trace for trace in context.inputs["traces"].rows("traces", Trace) if trace.problem_key in golds]
    asked = ((replace(training[trace.problem_key], gold=golds[trace.problem_key].gold), trace) for trace in traces)
    with context.verdicts() as judging:
        found = list(judging.many(asked))
    return {
        trace.key: replace(
            verdict, check=HUMAN, reason=f"gold corrected by {golds[trace.problem_key].labeller}; {verdict.reason}"
        )
        for trace, verdict in zip(traces, found, strict=True)
    }
