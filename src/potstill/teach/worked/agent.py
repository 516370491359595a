"""The packaged teacher with tools: its worked solutions, in which a tool does what it can.

A calculator does each equation of a solution; the questions of `table` whose table is in files are answered by a
program, of csv or sqlite3. What a tool returns is what the solution goes on with.
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

from potstill.hardware import processors
from potstill.models.requests import Completion, Message
from potstill.recipe import Strategy, WorkedTeacher
from potstill.records import Problem, Trace
from potstill.teach.calling import Turn, Writer, calling, played
from potstill.teach.calls import Call, Finished
from potstill.teach.strategies.react import internalised
from potstill.teach.tools import OfferedTool, offered
from potstill.teach.worked import solve
from potstill.teach.worked.programs import program
from potstill.tool_marks import CALL, FAILED

EQUATION = re.compile(r"(\d{1,12} [-+*/] \d{1,12}) = \d{1,12}\.? ?")
"""`417 + 286 = 703. `"""
_SLIPS = 0.1
"""Share of varied programs that name a column wrongly at first, and are mended."""
_BEFORE = ("We ask the file.", "The table is in a file, so a program reads it.", "Let a program look.")
_MENDED = "There is no such column. Once more."


TOGETHER = 256
"""Samples that are written side by side: programs take most of the time, outside this process."""


def traces_with_tools(
    training: Iterable[Problem], teacher: WorkedTeacher, strategy: Strategy, *, seed: int, data: Path,
    counts: dict[str, Any] | None = None,
) -> Iterator[Trace]:  # fmt: skip
    """Yield the worked answers of problems that call tools; `counts["strategy"]` gets what they count.

    Raises TeacherError for a problem that is not of potstill's own families, and what `ToolFile.tool` raises.
    """
    tools = offered(strategy.tools, data)
    told: Counter[str] = Counter()
    settings = {"seed": seed, "error_rate": teacher.error_rate, "style": teacher.style}
    asked = ((problem, sample) for problem in training for sample in range(strategy.samples))
    with ThreadPoolExecutor(processors()) as threads:
        while lot := list(islice(asked, TOGETHER)):
            made = threads.map(lambda one: worked_with_tools(one[0], one[1], seed, teacher, strategy, tools), lot)
            for (problem, sample), finished in zip(lot, made, strict=True):
                told.update(finished.counts)
                yield _trace(problem, sample, finished, json.dumps(settings, sort_keys=True))
    if counts is not None:
        counts["strategy"] = dict(sorted(told.items()))


def _trace(problem: Problem, sample: int, finished: Finished, sampling: str) -> Trace:
    return Trace(
        problem_key=problem.key, teacher="worked", strategy="react", prompt_key="", sample=sample, attempt=0,
        sampling=sampling, reasoning=finished.reasoning, answer=finished.answer, finish=finished.finish,
        source=problem.source,
    )  # fmt: skip


def worked_with_tools(
    problem: Problem, sample: int, seed: int, teacher: WorkedTeacher, strategy: Strategy,
    tools: Mapping[str, OfferedTool],
) -> Finished:  # fmt: skip
    """Return one worked answer that calls tools; the same arguments give the same one.

    Raises TeacherError for a problem that is not of potstill's own families.
    """
    reasoning, answer, info = solve(problem, sample, seed, teacher.error_rate, teacher.style)
    facts = json.loads(problem.facts)
    turns: list[Turn] = []

    def ask(before: Sequence[Turn]) -> Call:
        turns[:] = before
        return Call(messages=(Message("user", problem.statement),), role="thought", number=len(before))

    if "files" in facts and "python" in tools:
        rng = random.Random(f"potstill agent {seed} {problem.key} {sample}")
        pieces = _programs(facts, rng, varied=teacher.style == "varied", erring=bool(info["injected_error"]))
    elif "calculator" in tools:
        pieces = _calculated(reasoning)
    else:
        pieces = [reasoning]

    def said(call: Call) -> Completion:
        del call
        text = pieces[len(turns)] if len(turns) < len(pieces) else ""
        return Completion(key="", content=text, finish="stop", raw=b"")

    def close(before: str, last: Completion, cut: bool) -> Finished:
        told = answer
        if "files" in facts and turns:
            result = turns[-1].result
            told = f"The answer is {'not known' if result.startswith(FAILED) else result}."
        if cut:
            return Finished(reasoning=before + last.content, finish="length")
        return Finished(reasoning=f"{before}{last.content}".strip(), answer=told)

    talk = calling(problem, tools, strategy.most_calls, Writer(ask=ask, said=lambda done: done.content, close=close))
    return internalised(played(talk, said), strategy, tools)


def _calculated(reasoning: str) -> list[str]:
    """Return a solution cut behind each of its equations, which has become a call."""
    pieces, here = [], 0
    for equation in EQUATION.finditer(reasoning):
        pieces.append(f"{reasoning[here : equation.start()]}{CALL}calculator\n{equation[1]}")
        here = equation.end()
    return [*pieces, reasoning[here:]]


def _programs(facts: Mapping[str, Any], rng: random.Random, *, varied: bool, erring: bool) -> list[str]:
    sql = varied and rng.random() < 0.5
    opening = rng.choice(_BEFORE) if varied else _BEFORE[0]
    broken = varied and rng.random() < _SLIPS
    pieces = []
    if broken:
        text = program(facts, rng, sql=sql, erring=erring, broken=True)
        pieces.append(f"{opening} {CALL}python\n{text}")
        opening = _MENDED
    text = program(facts, rng, sql=sql, erring=erring, broken=False)
    return [*pieces, f"{opening} {CALL}python\n{text}", ""]
