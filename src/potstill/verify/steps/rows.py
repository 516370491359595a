"""Rows of worked solutions in, rows with the first wrong step out: what `potstill steps` writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from potstill.errors import DataError
from potstill.verify.steps.arithmetic import check_steps
from potstill.verify.steps.comparison import StepChecked
from potstill.verify.steps.segment import Span, segment


def steps_of_rows(rows: Iterable[tuple[str, Mapping[str, Any]]]) -> Iterator[dict[str, Any]]:
    """Yield `id`, `first_wrong_step` (from 0, None for none) and `steps` for each (place, row).

    A row has `id` and `steps`, a list of texts, or `response`, a text that is cut by `segment`. Each step of the result
    has `outcome`, `stated`, `recomputed` and `reason`, and `start` and `end` in the response where it was cut from one.
    A place names file and line. Raises DataError naming the place and the key.
    """
    for at, row in rows:
        identity = row.get("id")
        if isinstance(identity, bool) or not isinstance(identity, str | int):
            raise DataError(f"{at}: id must be a text or a whole number, not {_kind(identity)}")
        spans, steps = _steps(row, at)
        checked = check_steps(steps)
        described = [_described(step, span) for step, span in zip(checked.steps, spans, strict=True)]
        yield {"id": identity, "first_wrong_step": checked.first_wrong_step, "steps": described}


def _steps(row: Mapping[str, Any], at: str) -> tuple[list[Span | None], list[str]]:
    steps, response = row.get("steps"), row.get("response")
    if steps is not None:
        if not isinstance(steps, list) or any(not isinstance(step, str) for step in steps):
            raise DataError(f"{at}: steps must be a list of texts")
        return [None] * len(steps), steps
    if not isinstance(response, str):
        raise DataError(f"{at}: it needs steps, a list of texts, or response, a text, not {_kind(response)}")
    spans = segment(response)
    return [*spans], [response[span.start : span.end] for span in spans]


def _described(step: StepChecked, span: Span | None) -> dict[str, Any]:
    place = {} if span is None else {"start": span.start, "end": span.end}
    return {
        **place, "outcome": step.outcome, "stated": step.stated, "recomputed": step.recomputed, "reason": step.reason,
    }  # fmt: skip


def _kind(value: object) -> str:
    return "nothing" if value is None else type(value).__name__
