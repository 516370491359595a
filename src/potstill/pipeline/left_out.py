"""A few of the dropped traces of each reason, with their problems, for the report."""

from __future__ import annotations

from potstill.records import Drop, Problem, Trace, content_key
from potstill.report import DroppedTrace
from potstill.store import Committed

SHOWN = 2
"""Traces of each reason that are shown, picked by hash of their keys."""
REASONS = 8
"""Reasons that are shown, those of most traces first."""


def left_out(traces: Committed, chosen: Committed, problems: Committed) -> list[DroppedTrace]:
    """Return the shown dropped traces of a set, the most frequent reason first; streams everything."""
    reasons = sorted(chosen.counts["dropped"].items(), key=lambda item: (-item[1], item[0]))[:REASONS]
    picked: dict[str, list[tuple[str, str, str]]] = {reason: [] for reason, _ in reasons}
    for drop in chosen.rows("dropped", Drop):
        if drop.kind == "trace" and drop.reason in picked:
            place = (content_key("shown", drop.key), drop.key, drop.detail)
            picked[drop.reason] = sorted([*picked[drop.reason], place])[:SHOWN]
    wanted = {key: (reason, detail) for reason, places in picked.items() for _, key, detail in places}
    if not wanted:
        return []
    found = {trace.key: trace for trace in traces.rows("traces", Trace) if trace.key in wanted}
    asked = {trace.problem_key for trace in found.values()}
    known = {problem.key: problem for problem in problems.rows("train", Problem) if problem.key in asked}
    return [
        DroppedTrace(reason, detail, found[key], known.get(found[key].problem_key))
        for key, (reason, detail) in wanted.items()
        if key in found
    ]
