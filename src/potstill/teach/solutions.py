"""Human worked solutions, that came with the problems, as traces."""

from __future__ import annotations

import re

from potstill.records import Problem, Trace, content_key

_CALCULATOR = re.compile(r"<<[^<>\n=]*=[^<>\n]*>>")
"""GSM8K's calculator annotations, as in `4*5=<<4*5=20>>20` (arXiv:2110.14168, appendix C)."""
_MARK = "####"


def solution_trace(problem: Problem) -> Trace | None:
    """Return the problem's solution as a trace, or None where it has none.

    The calculator annotations go. The answer is what follows `####` on the last line, GSM8K's convention, which then is
    not part of the reasoning; else the gold. It is written as a sentence: `The answer is 42.`
    """
    text = _CALCULATOR.sub("", problem.solution or "").strip()
    if not text:
        return None
    reasoning, mark, last = text.rpartition(_MARK)
    stated = last.strip() if mark and "\n" not in last.strip() else ""
    if not stated:
        reasoning, stated = text, (problem.gold or "").strip()
    return Trace(
        problem_key=problem.key,
        teacher="human",
        strategy="solution",
        prompt_key=content_key("solution", text),
        sample=0,
        attempt=0,
        sampling="{}",
        reasoning=reasoning.strip(),
        answer=f"The answer is {stated}." if stated else "",
        finish="stop",
        source=f"{problem.source}:{problem.id}",
    )
