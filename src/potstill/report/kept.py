"""What was read, dropped and kept, set by set, with some of what was dropped to be read."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from potstill.report import nodes
from potstill.report.asked import calls_table, tried_table, ways_table
from potstill.report.display import label
from potstill.report.dropped import dropped_traces
from potstill.report.facts import Funnel, ReportFacts, SetFacts
from potstill.report.listening import listening
from potstill.report.nodes import Column, Node, TableNode
from potstill.report.pruned import pruning_table
from potstill.report.samples import opinions, outages, samples
from potstill.report.written import written_table

BINS = 20
"""Bins of a histogram at most."""
Counts = Mapping[int, int] | Mapping[float, int]


def kept(facts: ReportFacts) -> tuple[Node, ...]:
    """Return what was read, dropped and kept, set by set; titles name the set where there are several."""
    found: list[Node] = []
    for each in facts.sets:
        of = f" of '{each.name}'" if len(facts.sets) > 1 else ""
        found += _of_set(each, of)
    found += listening(facts.sets)
    if facts.problem_funnel is not None:
        found.append(_funnel("Problems", facts.problem_funnel))
    if facts.written:
        found.append(written_table(facts.written))
    return tuple(found)


def _of_set(facts: SetFacts, of: str) -> Iterator[Node]:
    if facts.trace_funnel is not None:
        yield _funnel(f"Traces{of}", facts.trace_funnel)
    if facts.pruning:
        yield pruning_table(f"Reasoning pruned{of}", facts.pruning)
    if facts.verdicts:
        total = sum(facts.verdicts.values())
        rows = tuple((label(outcome, 160), number, number / total) for outcome, number in facts.verdicts.items())
        columns = (Column("verdict"), Column("traces", "count"), Column("share", "percent"))
        yield TableNode(f"Verdicts of all traces{of}", columns, rows)
    if facts.ways:
        yield ways_table(f"Ways in which the teacher was asked{of}", facts.ways)
    if facts.tried:
        yield tried_table(f"Ways that a pilot tried{of}", facts.tried)
    if facts.calls:
        yield calls_table(f"Calls by what they were for{of}", facts)
    yield from opinions(facts)
    yield from outages(facts)
    yield from samples(facts)
    yield from dropped_traces(facts, of)
    if facts.lengths:
        yield histogram(f"Length of kept traces{of}", facts.length_unit, facts.lengths)
    if facts.difficulties:
        note = "As the source states it, or one minus the share of the problem's samples that are right."
        yield histogram(f"Difficulty of examples{of}", "difficulty", facts.difficulties, note)


def _funnel(title: str, funnel: Funnel) -> TableNode:
    share = funnel.read or math.nan
    dropped = sorted(funnel.dropped.items(), key=lambda item: (-item[1], item[0]))
    counted: list[tuple[str, int, str]] = [(f"dropped: {reason}", number, reason) for reason, number in dropped]
    if funnel.unaccounted:
        counted.append(("unaccounted for", funnel.unaccounted, ""))
    counted.append(("kept", funnel.kept, Funnel.KEPT))
    rows: list[tuple[nodes.Cell, ...]] = [("read", funnel.read, 1.0 if funnel.read else math.nan)]
    rows += [(label(name, 160), number, number / share) for name, number, _ in counted]
    if funnel.by_majority:
        rows.append(("of these judged by the majority of samples", funnel.by_majority, funnel.by_majority / share))
    columns = [Column(title.lower()), Column("count", "count"), Column("share", "percent")]
    note = "Each is counted once, under its first reason."
    parts = ["", *(part for _, _, part in counted), *([""] if funnel.by_majority else [])]
    if funnel.all_tokens:
        tokens = [funnel.all_tokens, *(funnel.tokens.get(part, 0) if part else None for part in parts[1:])]
        rows = [(*row, number) for row, number in zip(rows, tokens, strict=True)]
        columns.append(Column("tokens", "count"))
    if funnel.dollars is not None and funnel.all_tokens:
        dollars = [funnel.dollars, *(funnel.worth(part) if part else None for part in parts[1:])]
        rows = [(*row, worth) for row, worth in zip(rows, dollars, strict=True)]
        columns.append(Column("dollars", "number"))
        note += " Dollars are those of all replies, divided by tokens."
    return TableNode(f"{title}: read, dropped and kept", tuple(columns), tuple(rows), note)


def histogram(title: str, unit: str, counts: Counts, note: str = "") -> nodes.Histogram:
    """Return counts by value in at most `BINS` equal bins; whole numbers get bins of whole width."""
    values = sorted(counts.items())
    low, high = values[0][0], values[-1][0]
    if all(float(value).is_integer() for value, _ in values):
        width: float = max(1, math.ceil((high - low + 1) / BINS))
        number = math.ceil((high - low + 1) / width)
    else:
        width = (high - low) / BINS or 1.0
        number = BINS if high > low + width / 2 else 1
    request_counts = [0] * number
    for value, times in values:
        request_counts[min(number - 1, int((value - low) / width))] += times
    edges = [low + i * width for i in range(number)]
    edges.append(max(high, low + number * width))
    bins = tuple(nodes.Bin(edges[i], edges[i + 1], times) for i, times in enumerate(request_counts))
    return nodes.Histogram(title, unit, bins, note)
