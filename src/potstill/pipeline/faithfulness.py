"""What a run and `potstill evaluate --faithfulness` share: which responses are asked about, and the figures told."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from potstill.evaluate.faithfulness import MEASURES, FaithFinding, GivenResponse, Probed
from potstill.evaluate.faithfulness.probing import given_of, probed
from potstill.evaluate.protocol import ModelUnderTest, TableLine
from potstill.models.ledger import Ledger
from potstill.progress import Progress
from potstill.recipe import Faithfulness, Student
from potstill.records import Measure, Problem

if TYPE_CHECKING:
    from potstill.verify import Verdicts


def asked_about(
    model_under_test: ModelUnderTest, measures: Sequence[Measure], problems: Sequence[Problem], student: Student,
    asked: Faithfulness, limit: int,
) -> list[GivenResponse]:  # fmt: skip
    """Return the responses of a student in this process that can be probed; `limit` as in `given_of`."""
    from potstill.models.local.inprocess import InProcess
    from potstill.train.render import is_opened

    assert isinstance(model_under_test.model, InProcess)  # noqa: S101 - servers are refused before
    opened = is_opened(student, model_under_test.model.engine.render([{"role": "user", "content": "?"}]))
    line = TableLine(model_under_test.name, "zero-shot")
    return given_of(measures, problems, student, line, asked, limit, opened=opened)


def measured_for_faith(
    given: Sequence[GivenResponse], responses: int, asked: Faithfulness, model_under_test: ModelUnderTest,
    ledger: Ledger, verdicts: Verdicts,
) -> str:  # fmt: skip
    """Probe the given ones of so many responses, and return a line on that and one a figure.

    Raises:
        PotstillError: see `Sampler.collect`.
    """
    progress = Progress(f"faithfulness of {model_under_test.name}", None, "probes")
    rows = list(probed(given, asked, model_under_test, ledger, verdicts, progress))
    progress.close()
    head = f"faithfulness: {len(given)} of {responses} responses ended with a readable answer after some reasoning"
    return "\n".join([head, *_lines(rows)])


def _lines(rows: Sequence[Probed]) -> Iterator[str]:
    for name in MEASURES:
        for found in MEASURES[name].findings([row for row in rows if row.measure == name]):
            yield f"  {MEASURES[name].title}, {found.name}: {_figure(found)}"


def _figure(found: FaithFinding) -> str:
    told = "-" if math.isnan(found.value.value) else (
        f"{found.value.value:.3f} (95% interval {found.value.low:.3f} to {found.value.high:.3f})"
    )  # fmt: skip
    more = f", {found.unreadable} unreadable" if found.unreadable else ""
    return f"{told} of {found.number}{more}{f' ({found.note})' if found.note else ''}"
