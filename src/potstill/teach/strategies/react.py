"""Reasoning with tools (ReAct, Yao et al. 2023, arXiv 2210.03629): thoughts, calls of tools, and their results.

The trace is one text: thoughts, calls and results in the marks of `tool_marks`; a teacher calls in these marks, or by
the fields of its server, whose calls are read as the same text. A student's row carries loss on all but
the results. With `internalise` calls become what they came to, so that the student learns to do without them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from potstill.models.requests import Completion, Message
from potstill.recipe import Strategy
from potstill.records import Problem
from potstill.teach.calling import STOPS, Turn, Writer, calling
from potstill.teach.calls import Call, Finished, Talk, finished_by
from potstill.teach.prompts import Asking
from potstill.teach.roles import packaged
from potstill.teach.strategies import Material
from potstill.teach.tools import OfferedTool, offered
from potstill.tool_marks import CALL_END, RESULT, RESULT_END, until_call, use_of, without_marks, written_out

PROMPT = packaged("react")
NATIVE = packaged("react_native")
"""Taken for `calls: native`: the server itself tells its model how tools are called, and which there are."""
SLOTS = ("question", "answer_form", "tools")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reacting(Asking):
    """How every problem is asked: with tools."""

    tools: Mapping[str, OfferedTool]
    strategy: Strategy

    def talk(self, problem: Problem, sample: int) -> Talk:
        """Return an answer that may call tools; its calls are then internalised as the recipe says."""
        first = self.messages(problem, sample)
        writer = Writer(ask=partial(self._asked, first), said=_said, close=partial(_closed, problem))
        finished = yield from calling(problem, self.tools, self.strategy.most_calls, writer)
        return internalised(finished, self.strategy, self.tools)

    def _asked(self, first: tuple[Message, ...], turns: Sequence[Turn]) -> Call:
        """Return the next request: a turn of the teacher's up to each call, and one of the user's with its result."""
        messages = list(first)
        for turn in turns:
            messages.append(Message("assistant", f"{turn.said.strip()}\n{CALL_END}"))
            messages.append(Message("user", f"{RESULT}{turn.result}{RESULT_END}"))
        native = {name: tool.about for name, tool in self.tools.items()} if self.strategy.calls == "native" else {}
        return Call(
            messages=tuple(messages), role="thought", number=len(turns), stop=() if native else STOPS, tools=native
        )


def prompt_for(strategy: Strategy) -> str:
    """Return the packaged prompt of a recipe."""
    return NATIVE if strategy.calls == "native" else PROMPT


def asking(prompt: str, strategy: Strategy, material: Material) -> Asking:
    """Return how every problem is asked. Raises what `ToolFile.tool` raises."""
    tools = offered(strategy.tools, material.data)
    return Reacting(described(strategy.system, tools), described(prompt, tools), tools=tools, strategy=strategy)


def described(prompt: str, tools: Mapping[str, OfferedTool]) -> str:
    """Return a prompt with what each tool does, one a line."""
    return prompt.replace("{tools}", "\n".join(f"- {one.name}: {one.about}" for one in tools.values()))


def internalised(finished: Finished, strategy: Strategy, tools: Mapping[str, OfferedTool]) -> Finished:
    """Return a sample whose calls have become what they came to, as far as the recipe says; how many is counted."""
    if strategy.internalise == "none":
        return finished
    small = strategy.small if strategy.internalise == "small" else None
    written = written_out(finished.reasoning, list(tools), small)
    gone = use_of(finished.reasoning).calls - use_of(written).calls
    return replace(finished, reasoning=written, counts={**finished.counts, "calls written out": gone})


def _said(completion: Completion) -> str:
    """Return what a teacher wrote, its thinking before its visible text, which alone can call."""
    thought = without_marks(completion.reasoning.strip())
    return f"{thought}\n{completion.content.lstrip()}" if thought else completion.content.lstrip()


def _closed(problem: Problem, before: str, last: Completion, cut: bool) -> Finished:
    """Return the sample: all that stands before the stated answer is its reasoning, calls and results too.

    One that was cut is truncated, as by a limit of tokens: it has no answer.
    """
    if cut:
        return Finished(reasoning=before + until_call(_said(last)), finish="length")
    finished = finished_by(problem, last)
    reasoning = before + finished.reasoning
    visible = before and finished.reasoning_kind == "none"
    return replace(finished, reasoning=reasoning, reasoning_kind="raw" if visible else finished.reasoning_kind)
