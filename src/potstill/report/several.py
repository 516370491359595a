"""Students that answered each problem several times: pass@k and the majority, beside the accuracy of one response."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from potstill.evaluate.metrics import majority_at_k, mean_pass_at_k, solved
from potstill.report.nodes import Cell, Column, TableNode
from potstill.report.students import ArmResult


def several_samples(arm_results: Sequence[ArmResult]) -> TableNode | None:
    """Return pass@k and majority@k of each student for powers of two up to its samples; None where all have one."""
    rows = tuple(row for result in arm_results for row in _rows(result))
    if not rows:
        return None
    columns = (
        Column("student"), Column("k", "count"), Column("pass@k", "percent"), Column("low", "percent"),
        Column("high", "percent"), Column("majority@k", "percent"),
    )  # fmt: skip
    note = (
        "pass@k: the chance that k of a problem's samples hold a right one, without bias from the samples there are "
        "(Chen et al. 2021), with its 95% interval clustered by problem. majority@k: the answer that most of k give."
    )
    return TableNode("Several samples", columns, rows, note)


def _rows(result: ArmResult) -> Iterator[tuple[Cell, ...]]:
    counted = Counter(measure.problem_key for measure in result.measures if solved(measure) is not None)
    most, k = max(counted.values(), default=0), 1
    while 1 < most >= k:
        passed, majority = mean_pass_at_k(result.measures, k), majority_at_k(result.measures, k)
        yield (result.name, k, passed.value, passed.low, passed.high, majority.value)
        k *= 2
