"""Programs judged by their tests, in the sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

from potstill.verify.code.programs import program_of
from potstill.verify.code.shapes import ProgramTests, read_tests

if TYPE_CHECKING:
    from potstill.verify.judged import Judged


def judge_code(
    answer: str, facts: str, question: str, *, seconds: float, memory_mb: int, without_sandbox: bool = False
) -> Judged:
    """Judge the program in the answer part of a response by the tests in a problem's facts, within these limits.

    `without_sandbox` lets programs run in this machine's own Python where nothing isolates them; otherwise a machine
    without isolation gives unknown. Raises `DataError` for tests of no known shape.
    """
    from potstill.verify.code.judge import judge_program
    from potstill.verify.judged import unknown
    from potstill.verify.sandbox import Limits, SandboxError, open_sandbox

    tests = read_tests(facts, question)
    try:
        sandbox = open_sandbox(without=without_sandbox)
    except SandboxError as error:
        return unknown("infrastructure", str(error), f"{tests.shape}, no sandbox")
    return judge_program(answer, tests, sandbox, Limits(seconds=seconds, memory_mb=memory_mb))


__all__ = ["ProgramTests", "judge_code", "program_of", "read_tests"]
