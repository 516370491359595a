"""Answers that are compared with a gold answer, under the policy of the recipe."""

from __future__ import annotations

from potstill.records import Problem
from potstill.verify.answer_kinds import AnswerKind, Setting
from potstill.verify.answers import judge_response
from potstill.verify.asked import only_asks
from potstill.verify.judged import Judged, unknown


def _compare(problem: Problem, answer: str, setting: Setting) -> Judged:
    if problem.gold is None:
        return unknown("no gold", "the problem has no gold answer")
    if only_asks(answer, problem.statement):
        return unknown("unparsable prediction", "the response only says the question again")
    checks = setting.checks
    return judge_response(
        answer,
        problem.gold,
        problem.answer_kind,
        problem.choices,
        checks.policy,
        seconds=checks.seconds,
        question=problem.question,
    )


MATHEMATICAL = AnswerKind(form=r"End with the final answer in \boxed{}.", judge=_compare)
CHOICE = AnswerKind(form=r"End with the letter of the right choice in \boxed{}.", judge=_compare)
YES_NO = AnswerKind(form=r"End with yes or no in \boxed{}.", judge=_compare)
TEXT = AnswerKind(form=r"End with the final answer alone in \boxed{}.", judge=_compare)
PARTS = AnswerKind(form="End with each value that is asked for on a line of its own, as `name: value`.", judge=_compare)
