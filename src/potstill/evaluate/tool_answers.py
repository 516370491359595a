"""Responses of a student that may call tools: it is stopped behind each call, and goes on from its own text.

The ledger has what it wrote up to each call and what each tool said, so a run that was killed asks and runs nothing
twice. The response is all of it as one text, in the marks that the student was trained on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from potstill.models.ledger import Ledger
from potstill.models.replies.local_wire import text_of
from potstill.models.requests import Completion, Message, Request
from potstill.models.sampler import Sampler
from potstill.progress import Progress
from potstill.recipe import Evaluate
from potstill.records import Problem
from potstill.teach.calling import STOPS, Turn, Writer, calling
from potstill.teach.calls import Call, Finished, SampleTalk
from potstill.teach.sampling_rounds import output_of
from potstill.teach.tools import OfferedTool, offered
from potstill.tool_marks import until_call, with_result


@dataclass(frozen=True, kw_only=True)
class ToolsAtHand:
    """The tools that a student may call, and how often in one response."""

    tools: Mapping[str, OfferedTool]
    most: int


def tools_at_hand(settings: Evaluate, data: Path) -> ToolsAtHand | None:
    """Return the tools that students are measured with, None for none. Raises what `ToolFile.tool` raises."""
    return ToolsAtHand(tools=offered(settings.tools, data), most=settings.most_calls) if settings.tools else None


def answers_with_tools(
    model: Sampler, ledger: Ledger, asked: Sequence[tuple[Problem, Request]], at_hand: ToolsAtHand, progress: Progress
) -> list[Completion]:
    """Return one completion for each of `asked`, under its key: the whole text, and the tokens of all its stretches.

    `model` is one in this process, which goes on from a begun answer. `max_tokens` bounds each stretch between calls. A
    stretch that failed is asked once more. Raises what `Sampler.collect` and the tools raise.
    """
    answering = [_Answering(problem, request, at_hand) for problem, request in asked]
    for _ in range(2):
        waiting = TalksUnderWay(ledger, progress)
        under_way = [one for one in answering if one.begin()]
        if under_way:
            first = [request for one in under_way for request in waiting.of(one.exchange)]
            model.collect(first, ledger, progress, follow=waiting.follow)
    return [one.completion() for one in answering]


class _Answering:
    """One response under way."""

    def __init__(self, problem: Problem, request: Request, at_hand: ToolsAtHand) -> None:
        self.problem, self.request, self.at_hand = problem, request, at_hand
        self.exchange = self._exchange()
        self._begun = False

    def begin(self) -> bool:
        """Begin, or begin again where a stretch failed; return whether there is anything to ask."""
        if self._begun and self.exchange.finished is not None and self.exchange.finished.finish != "failed":
            return False
        self.exchange, self._begun = self._exchange(), True
        return True

    def _exchange(self) -> SampleTalk:
        writer = Writer(ask=partial(_asked, self.request.messages), said=_said, close=_closed)
        talk = calling(self.problem, self.at_hand.tools, self.at_hand.most, writer)
        return SampleTalk(self.problem, self.request.sample, talk, self._request, lambda *_: None)

    def _request(self, call: Call) -> Request:
        sampling = self.request.sampling | {"stop": list(call.stop)}
        if "seed" in sampling:
            sampling["seed"] = (sampling["seed"] + call.number) & 0x7FFFFFFF
        return replace(self.request, messages=call.messages, sampling=sampling, call=call.tag)

    def completion(self) -> Completion:
        """Return the whole response."""
        finished = self.exchange.finished or Finished(finish="failed", failure="not answered")
        paid = [completion for _, completion in self.exchange.paid.values()]
        return Completion(
            key=self.request.key, content=finished.reasoning, finish=finished.finish, failure=finished.failure,
            prompt_tokens=sum(one.prompt_tokens or 0 for one in paid),
            completion_tokens=sum(one.completion_tokens or 0 for one in paid), raw=b"",
        )  # fmt: skip


class TalksUnderWay:
    """Who waits for which request; what a completion calls for next, in the event loop of `Sampler.collect`."""

    def __init__(self, ledger: Ledger, progress: Progress) -> None:
        self._ledger, self._progress = ledger, progress
        self._waiting: dict[str, list[SampleTalk]] = {}

    def of(self, exchange: SampleTalk) -> list[Request]:
        """Return what an exchange asks for, and remember that it waits."""
        requests = exchange.requests()
        for request in requests:
            self._waiting.setdefault(request.key, []).append(exchange)
        return requests

    async def follow(self, request: Request, completion: Completion) -> list[Request]:
        """Return what is asked now that a request has its completion; tools are run first."""
        found: list[Request] = []
        for exchange in self._waiting.pop(request.key, []):
            exchange.give(request.key, completion)
            while runs := exchange.runs():
                for key, run in runs.items():
                    exchange.give(key, await asyncio.to_thread(output_of, run, key, self._ledger))
            if exchange.finished is None:
                found += self.of(exchange)
        if self._progress.total is not None:
            self._progress.total += len(found)
        return found


def _asked(first: tuple[Message, ...], turns: Sequence[Turn]) -> Call:
    """Return the next request: the question, and the answer as far as it goes."""
    text = ""
    for turn in turns:
        text = with_result(text + turn.said, turn.result)
    begun = (Message("assistant", text),) if text else ()
    return Call(messages=(*first, *begun), role="stretch", number=len(turns), stop=STOPS)


def _said(completion: Completion) -> str:
    """Return what a student wrote, to the character: the text of a model in this process."""
    return text_of(completion.raw)


def _closed(before: str, last: Completion, cut: bool) -> Finished:
    """Return the response as one text, which whoever judges it divides; one that was cut counts as truncated."""
    text = _said(last)
    return Finished(reasoning=before + (until_call(text) if cut else text), finish="length" if cut else last.finish)
