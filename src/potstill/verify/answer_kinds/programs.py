"""Programs, judged by the tests among the problem's facts."""

from __future__ import annotations

from potstill.records import Problem
from potstill.verify.answer_kinds import AnswerKind, Setting
from potstill.verify.judged import Judged


def _test(problem: Problem, answer: str, setting: Setting) -> Judged:
    from potstill.verify.code import judge_code

    code = setting.checks.code
    return judge_code(
        answer, problem.facts, problem.question, seconds=code.seconds, memory_mb=code.memory_mb,
        without_sandbox=setting.without_sandbox,
    )  # fmt: skip


PROGRAM = AnswerKind(form="End with the whole program in one fenced block.", judge=_test)
