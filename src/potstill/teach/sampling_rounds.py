"""Further samples for the problems that need them, whatever the order in which answers arrive."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from potstill.models.ledger import TOOL, Entry, Ledger, divided
from potstill.models.requests import Completion, Request
from potstill.progress import Progress
from potstill.records import Problem, Trace, Verdict
from potstill.teach.calls import Outcome, SampleTalk, ToolRun
from potstill.teach.samples import Judge, RequestBuilder


@dataclass(slots=True)
class _Chain:
    """A problem with requests under way, and the outcomes of its samples so far."""

    problem: Problem
    outcomes: list[Outcome]


@dataclass(kw_only=True)
class SamplingRounds:
    """The requests that follow from completions, for one call of `ServedModel.sample` and in its event loop.

    Holds only the problems that have requests under way. `asked_before` says of a key whether progress has counted it.
    What tools say goes to the ledger `kept`.
    """

    builder: RequestBuilder
    progress: Progress
    asked_before: Callable[[str], bool]
    kept: Ledger
    _waiting: dict[str, list[tuple[_Chain, SampleTalk]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._judging = _Judging(self.builder.judge)

    @property
    def under_way(self) -> int:
        """Requests whose completion has not been followed."""
        return len(self._waiting)

    def first(self, problems: Iterable[Problem]) -> Iterator[Request]:
        """Yield the first round of each problem."""
        for problem in problems:
            for request in self._more(_Chain(problem, [])):
                if self.asked_before(request.key):
                    self.progress.done -= 1
                yield request

    async def follow(self, request: Request, completion: Completion) -> list[Request]:
        """Return what is to be asked now that a request has its completion."""
        found: list[Request] = []
        for chain, exchange in self._waiting.pop(request.key, []):
            exchange.give(request.key, completion)
            while runs := exchange.runs():
                for key, run in runs.items():
                    exchange.give(key, await asyncio.to_thread(output_of, run, key, self.kept))
            if exchange.finished is None:
                found += self._wait(chain, exchange)
                continue
            trace = self.builder.to_judge(exchange)
            verdict = None if trace is None else await self._judging.of(chain.problem, trace)
            chain.outcomes[exchange.sample] = self.builder.outcome(exchange, verdict)
            found += self._more(chain)
        for follower in found:
            self._count(follower)
        return found

    def _more(self, chain: _Chain) -> list[Request]:
        found: list[Request] = []
        for sample in range(len(chain.outcomes), self.builder.wanted(chain.problem, chain.outcomes)):
            chain.outcomes.append(None)
            found += self._wait(chain, self.builder.exchange(chain.problem, sample))
        return found

    def _wait(self, chain: _Chain, exchange: SampleTalk) -> list[Request]:
        """Return what an exchange asks for, and remember who waits for it."""
        requests = exchange.requests()
        for request in requests:
            self._waiting.setdefault(request.key, []).append((chain, exchange))
        return requests

    def _count(self, follower: Request) -> None:
        if self.asked_before(follower.key):
            self.progress.done -= 1
        elif self.progress.total is not None:
            self.progress.total += 1


def output_of(run: ToolRun, key: str, kept: Ledger) -> Completion:
    """Return what a tool says, from the ledger or, the first time, by running it."""
    there = kept.get(key)
    if there is not None and there.finish != "failed":
        return there
    began = time.monotonic()
    raw = run.work().encode("utf-8", "replace")
    done = Completion(key=key, finish="stop", prompt_tokens=0, completion_tokens=0, raw=raw)
    kept.put_many([Entry(done, f"{TOOL}:{run.tool}", 0, time.monotonic() - began)])
    return divided(done, f"{TOOL}:{run.tool}")


class _Judging:
    """Verdicts beside the event loop: what has come while the last lot was judged is the next lot."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._lot: list[tuple[Problem, Trace, asyncio.Future[Verdict]]] = []
        self._task: asyncio.Task[None] | None = None

    async def of(self, problem: Problem, trace: Trace) -> Verdict:
        """Return the verdict on a trace."""
        found: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        self._lot.append((problem, trace, found))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        return await found

    async def _run(self) -> None:
        while self._lot:
            lot, self._lot = self._lot, []
            try:
                verdicts = await asyncio.to_thread(self._judged, [(problem, trace) for problem, trace, _ in lot])
            except Exception as error:  # noqa: BLE001 - whoever waits for a verdict raises it
                _give(lot, error)
                continue
            _give(lot, verdicts)

    def _judged(self, rows: list[tuple[Problem, Trace]]) -> list[Verdict]:
        return list(self._judge(rows))


def _give(lot: list[tuple[Problem, Trace, asyncio.Future[Verdict]]], found: list[Verdict] | Exception) -> None:
    for number, (_, _, waiting) in enumerate(lot):
        if waiting.done():  # cancelled: the run is ending
            continue
        if isinstance(found, Exception):
            waiting.set_exception(found)
        else:
            waiting.set_result(found[number])
