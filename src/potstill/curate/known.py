"""What the conditions of a recipe ask of a trace, and where the values come from. Pure."""

from __future__ import annotations

import functools
from collections.abc import Callable

from potstill.conditions import NUMBERS, WORDS, Known, condition
from potstill.records import Group, Problem, Trace

CHARACTERS_A_TOKEN = 4
"""Where the teacher did not say how many tokens a trace has."""


@functools.lru_cache(maxsize=256)
def test_of(text: str) -> Callable[[Known], bool | None]:
    """Return the test that a condition of `curate` is; raises ConditionError where it is none."""
    return condition(text, NUMBERS, WORDS)


def tokens_of(trace: Trace) -> int:
    """Return the tokens of a trace as the teacher counted them, else a quarter of its characters."""
    if trace.completion_tokens is not None:
        return trace.completion_tokens
    return -(-(len(trace.reasoning) + len(trace.answer)) // CHARACTERS_A_TOKEN)


def known_of(
    trace: Trace, problem: Problem | None, group: Group | None, difficulty: float | None, score: float | None
) -> Known:  # fmt: skip
    """Return the values by name; None where nothing is known."""
    return {
        "pass_rate": None if group is None else group.pass_rate,
        "samples": None if group is None else group.samples,
        "difficulty": difficulty, "score": score, "tokens": tokens_of(trace), "teacher": trace.teacher,
        "characters": len(trace.reasoning) + len(trace.answer),
        "domain": None if problem is None else problem.domain, "source": None if problem is None else problem.source,
    }  # fmt: skip
