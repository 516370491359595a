"""The check named `answer`: one problem, one trace, one verdict."""

from __future__ import annotations

from functools import lru_cache

from potstill.recipe import Checks
from potstill.records import Problem, Trace, Verdict, content_key
from potstill.verify.answers import Judged, judge_response, unknown

CHECK = "answer"
VERSION = 1
"""Raised by hand when the same answer may get another verdict."""


@lru_cache(maxsize=256)
def policy_of(checks: Checks) -> str:
    """Return the key of the conventions that a verdict was reached under."""
    return content_key("answer policy", checks.tolerance, checks.percent)


def judge(problem: Problem, trace_answer: str, checks: Checks) -> Judged:
    """Judge the answer part of a response: by the problem's own checker if it has one, else by comparison with gold."""
    if problem.checker:
        from potstill.verify.checkers import judge_by_checker

        return judge_by_checker(problem, trace_answer)
    if problem.gold is None:
        return unknown("no gold", "the problem has no gold answer")
    return judge_response(
        trace_answer,
        problem.gold,
        problem.answer_kind,
        problem.choices,
        tolerance=checks.tolerance,
        percent=checks.percent,
    )


def verdict_of(problem: Problem, trace: Trace, checks: Checks) -> Verdict:
    """Return the verdict on a trace's answer; a truncated, refused or failed trace is unknown, whatever it says."""
    judged = _unfinished(trace) or judge(problem, trace.answer, checks)
    return Verdict(
        trace.key, CHECK, policy_of(checks), VERSION, judged.outcome, judged.cause, judged.method, judged.score,
        judged.extracted, judged.reason,
    )  # fmt: skip


def _unfinished(trace: Trace) -> Judged | None:
    if trace.finish == "length":
        return unknown("unparsable prediction", "truncated")
    if trace.finish != "stop":
        return unknown("infrastructure", trace.failure or trace.finish)
    return None
