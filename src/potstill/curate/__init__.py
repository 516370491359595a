"""Which traces become examples: filters, exact duplicates, diversity, difficulty, order. Pure and streaming."""

from __future__ import annotations

from collections.abc import Callable

from potstill.curate import concluding, faithful, filters, own, refusing
from potstill.curate.filters import Candidate

Filter = Callable[[Candidate], str | None]

FILTERS: tuple[Filter, ...] = (
    filters.held_out,
    filters.no_problem,
    filters.unfinished,
    filters.truncated,
    filters.no_answer,
    filters.no_reasoning,
    filters.summarised,
    filters.suspect,
    filters.unknown,
    filters.wrong,
    refusing.refuses,
    concluding.no_conclusion,
    filters.too_easy,
    filters.too_hard,
    filters.low_score,
    filters.wrong_step,
    filters.elsewhere,
    filters.too_long,
    filters.repetitive,
    filters.run_on,
    filters.mixed_scripts,
    filters.marks_left,
    filters.quotes,
    faithful.unfaithful,
    filters.repeats_instruction,
    filters.speaks_of_hint,
    filters.bent,
    own.own,
)
"""In the order they are asked; a trace is dropped for the first reason. After them: exact duplicates, near ones,
the traces beyond `per_problem`, what the mix and the tokens wished for leave out, and the share of told answers."""
