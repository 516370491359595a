"""What the conditions of a recipe ask of a trace, and where the values come from. Pure."""

from __future__ import annotations

import functools
from collections.abc import Callable

from potstill.conditions import FAITH, LISTENED, NUMBERS, VOTE, WORDS, Known, condition, names_in
from potstill.curate.listened import Listened
from potstill.records import Group, Problem, Trace, Verdict
from potstill.verify.faithful import faith_of

CHARACTERS_A_TOKEN = 4
"""Where the teacher did not say how many tokens a trace has."""


@functools.lru_cache(maxsize=256)
def test_of(text: str) -> Callable[[Known], bool | None]:
    """Return the test that a condition of `curate` is; raises ConditionError where it is none."""
    return condition(text, NUMBERS, WORDS)


@functools.lru_cache(maxsize=256)
def asks_faith(text: str) -> bool:
    """Whether a condition asks for what has to be read from the reasoning, which takes about a millisecond a trace."""
    return not FAITH.isdisjoint(names_in(text))


def tokens_of(trace: Trace) -> int:
    """Return the tokens of a trace as the teacher counted them, else a quarter of its characters."""
    if trace.completion_tokens is not None:
        return trace.completion_tokens
    return -(-(len(trace.reasoning) + len(trace.answer)) // CHARACTERS_A_TOKEN)


def known_of(
    trace: Trace, problem: Problem | None, group: Group | None, difficulty: float | None, score: float | None,
    listened: Listened | None = None, verdict: Verdict | None = None, *, faith: bool = False,
) -> Known:  # fmt: skip
    """Return the values by name; None where nothing is known. Those of `faith` are read only where they are asked."""
    judged = None if verdict is None or verdict.outcome == "unknown" else verdict.outcome
    found: dict[str, float | str | None] = {
        "pass_rate": None if group is None else group.pass_rate,
        "samples": None if group is None else group.samples,
        "difficulty": difficulty, "score": score, "tokens": tokens_of(trace), "teacher": trace.teacher,
        "strategy": trace.strategy, "verdict": judged, "characters": len(trace.reasoning) + len(trace.answer),
        **{name: None if listened is None else listened.score(name) for name in LISTENED},
        "domain": None if problem is None else problem.domain, "source": None if problem is None else problem.source,
        VOTE: vote_of(trace, group),
    }  # fmt: skip
    if faith and problem is not None:
        read = faith_of(problem, trace)
        said = None if read.conclusion == "unknown" else read.conclusion
        found |= {"valid": read.valid, "dead": read.dead, "nowhere": read.nowhere, "conclusion": said}
    return found


def vote_of(trace: Trace, group: Group | None) -> str | None:
    """Return whether a trace has the answer of most samples of its problem.

    Of equally many votes none is the most: such traces are `tied`. A trace without a vote is of the minority.
    """
    if group is None or not group.agreeing:
        return None
    if group.tied:
        return "tied"
    return "majority" if trace.key in group.agreeing else "minority"
