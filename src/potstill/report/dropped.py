"""Traces that were dropped, a few of each reason, to be read."""

from __future__ import annotations

from collections.abc import Iterator

from potstill.report.display import label, visible
from potstill.report.facts import SetFacts
from potstill.report.nodes import Answer, SideBySide


def dropped_traces(facts: SetFacts, of: str) -> Iterator[SideBySide]:
    """Yield the shown dropped traces of a set, reason by reason; `of` names the set where there are several."""
    for one in facts.left_out:
        trace, problem = one.trace, one.problem
        note = ", ".join(
            part for part in (label(one.detail, 160), "" if trace.finish == "stop" else trace.finish) if part
        )
        answer = Answer(
            who=visible(trace.teacher, 80), mark="", note=note, reasoning=visible(trace.reasoning),
            answer=visible(trace.answer),
        )  # fmt: skip
        question = "(no such problem)" if problem is None else "\n".join([problem.question, *problem.choices])
        gold = "not known" if problem is None or problem.gold is None else visible(problem.gold, 500)
        yield SideBySide(f"dropped{of}: {label(one.reason, 80)}", visible(question), gold, (answer,))
