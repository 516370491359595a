"""An answer that calls tools: written up to a call, the tool run, gone on behind its result, whoever writes it.

A teacher is asked turn by turn, since any chat model can be; a student goes on from its own text. Everything that was
written, with the calls and what came of them, is one text in the marks of `tool_marks`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from potstill.models.requests import Completion
from potstill.records import Problem
from potstill.teach.calls import Call, Finished, Talk, ToolRun, failed_call
from potstill.teach.tools import OfferedTool, result_of
from potstill.tool_marks import CALL_END, FAILED, RESULT, open_call, until_call, with_result

NONE_LEFT = f"{FAILED}no call is left, answer now"
STOPS = (CALL_END,)


@dataclass(frozen=True, slots=True)
class Turn:
    """What was written up to a call, its closing mark left out, and the call's result."""

    said: str
    result: str


@dataclass(frozen=True, kw_only=True)
class Writer:
    """Who writes an answer: `ask` makes the next request from the turns so far, `said` reads what a completion wrote.

    `close` makes the sample of the text before the last completion and that completion; `cut` says that it was
    ended there: it invented a result, or called once too often.
    """

    ask: Callable[[Sequence[Turn]], Call]
    said: Callable[[Completion], str]
    close: Callable[[str, Completion, bool], Finished]


def calling(problem: Problem, tools: Mapping[str, OfferedTool], most: int, writer: Writer) -> Talk:
    """Return the talk of one answer that may call `tools`, at most `most` times.

    One call more is told that none is left; an answer that calls all the same ends there. What is written behind a call
    without waiting for its result is passed over; a result that is invented ends the answer. Both are counted.
    """
    turns: list[Turn] = []
    text = ""
    counts: Counter[str] = Counter()
    while True:
        (completion,) = yield (writer.ask(turns),)
        if completion.finish == "refused":
            return failed_call(completion)
        whole = writer.said(completion)
        said = until_call(whole)
        invented = said.endswith(RESULT)
        counts["invented results"] += invented
        called = None if invented or completion.finish == "length" else open_call(said)
        if called is None or len(turns) > most:
            counts["ended by a call too many"] += called is not None
            counts["answers without a call"] += not turns
            finished = writer.close(text, completion, invented or called is not None)
            return _counted(finished, counts)
        counts["calls"] += 1
        counts["calls written on behind"] += CALL_END in whole
        tool, given = called
        if len(turns) == most:
            result = NONE_LEFT
        elif tool not in tools:
            result = result_of(tools, tool, given, problem)
        else:
            (ran,) = yield (_run(tools, tool, given, problem, len(turns)),)
            result = ran.content
        counts["failed calls"] += result.startswith(FAILED)
        turns.append(Turn(said, result))
        text = with_result(text + said, result)


def played(talk: Talk, said: Callable[[Call], Completion]) -> Finished:
    """Play a talk to its end without a ledger: `said` makes each completion, and tools run as they are called."""
    found: Sequence[Completion] = ()
    try:
        wanted = next(talk)
        while True:
            found = [said(one) if isinstance(one, Call) else _ran(one) for one in wanted]
            wanted = talk.send(found)
    except StopIteration as end:
        finished: Finished = end.value
        return finished


def _ran(run: ToolRun) -> Completion:
    return Completion(key="", content=run.work(), finish="stop", raw=b"")


def _run(tools: Mapping[str, OfferedTool], tool: str, given: str, problem: Problem, number: int) -> ToolRun:
    return ToolRun(
        tool=f"{tool}/{tools[tool].identity}", given=given, number=number,
        work=lambda: result_of(tools, tool, given, problem),
    )  # fmt: skip


def _counted(finished: Finished, counts: Mapping[str, int]) -> Finished:
    return Finished(
        reasoning=finished.reasoning,
        answer=finished.answer,
        finish=finished.finish,
        reasoning_kind=finished.reasoning_kind,
        failure=finished.failure,
        counts={name: number for name, number in counts.items() if number},
    )
