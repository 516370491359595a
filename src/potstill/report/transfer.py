"""Transfer between domains over the seeds of a study: what training on some domains does in each, against the base."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from potstill.evaluate.statistics import PairedSeeds, Shares, conclude, over_seeds, paired_over_seeds
from potstill.report.display import label
from potstill.report.domains import NONE, NOTE, domains_of
from potstill.report.nodes import Cell, Column, HeatCell, HeatMap, TableNode

Lines = Mapping[str, Sequence[Shares]]
"""Line -> the share solved of each problem, seed by seed."""
TITLE = "Transfer: what was gained on each domain, against the base"


def transfer_map(lines: Lines, domains: Mapping[str, str], base: str) -> HeatMap | None:
    """Return the matrix of lines by domains of held-out problems; None with one domain, or without a base."""
    names = domains_of(domains)
    if len(names) < 2 or base not in lines or len(lines) < 2:
        return None
    found = {(line, domain): test for line, domain, test in _tests(lines, domains, base)}
    trained = [line for line in lines if line != base]
    cells = tuple(tuple(_cell(found[line, domain]) for domain in names) for line in trained)
    note = f"Minus '{label(base)}', seed by seed and problem by problem. {NOTE}"
    return HeatMap(
        title=TITLE, rows=tuple(map(label, trained)), columns=tuple(map(label, names)), cells=cells, note=note
    )


def transfer_table(lines: Lines, domains: Mapping[str, str], base: str) -> TableNode | None:
    """Return the same as a table, with accuracies; None where there is no matrix."""
    if len(domains_of(domains)) < 2 or base not in lines or len(lines) < 2:
        return None
    rows: list[tuple[Cell, ...]] = []
    for line, domain, test in _tests(lines, domains, base):
        mean = over_seeds(of_domain(lines[line], domains, domain))
        against: tuple[Cell, ...] = (None, None, None, None)
        if line != base:
            interval = test.interval
            against = (interval.value, interval.low, interval.high, conclude(interval, 0.0))
        rows.append((label(line), label(domain), mean.value, mean.low, mean.high, *against))
    columns = (
        Column("line"), Column("domain"), Column("accuracy", "percent"), Column("low", "percent"),
        Column("high", "percent"), Column("to base", "points"), Column("from", "points"), Column("to", "points"),
        Column("conclusion"),
    )  # fmt: skip
    note = f"Of the held-out problems of a domain; base is '{label(base)}'. Intervals over seeds, then problems."
    return TableNode("Accuracy by domain over seeds", columns, tuple(rows), note)


def of_domain(seeds: Sequence[Shares], domains: Mapping[str, str], name: str) -> list[Shares]:
    """Return each seed's shares of the problems of one domain."""
    return [{key: share for key, share in seed.items() if (domains.get(key) or NONE) == name} for seed in seeds]


def _tests(lines: Lines, domains: Mapping[str, str], base: str) -> Iterator[tuple[str, str, PairedSeeds]]:
    names = domains_of(domains)
    bases = {domain: of_domain(lines[base], domains, domain) for domain in names}
    for line, seeds in lines.items():
        for domain in names:
            yield line, domain, paired_over_seeds(of_domain(seeds, domains, domain), bases[domain])


def _cell(test: PairedSeeds) -> HeatCell:
    interval = test.interval
    return HeatCell(interval.value if test.problems else math.nan, interval.low, interval.high)
