"""Programs judged by their tests, in the sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

from potstill.verify.code.programs import program_of
from potstill.verify.code.shapes import ProgramTests, read_tests

if TYPE_CHECKING:
    from potstill.recipe import CodeChecks
    from potstill.records import Problem
    from potstill.verify.answers import Judged


def judge_code(problem: Problem, answer: str, checks: CodeChecks, *, without_sandbox: bool = False) -> Judged:
    """Judge the program in the answer part of a response by the tests in the problem's facts.

    `without_sandbox` lets programs run in this machine's own Python where nothing isolates them; otherwise a machine
    without isolation gives unknown. Raises `DataError` for tests of no known shape.
    """
    from potstill.verify.answers import Judged
    from potstill.verify.code.judge import judge_program
    from potstill.verify.sandbox import Limits, SandboxError, open_sandbox

    tests = read_tests(problem.facts, problem.question)
    try:
        sandbox = open_sandbox(without=without_sandbox)
    except SandboxError as error:
        return Judged("unknown", "infrastructure", f"{tests.shape}, no sandbox", reason=str(error))
    return judge_program(answer, tests, sandbox, Limits(seconds=checks.seconds, memory_mb=checks.memory_mb))


__all__ = ["ProgramTests", "judge_code", "program_of", "read_tests"]
