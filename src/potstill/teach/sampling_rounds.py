"""Further samples for the problems that need them, whatever the order in which answers arrive."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from potstill.models.requests import Completion, Request
from potstill.progress import Progress
from potstill.records import Problem, Trace, Verdict
from potstill.teach.samples import Judge, Outcome, RequestBuilder


@dataclass(slots=True)
class _Chain:
    """A problem with requests under way, and the outcomes of its samples so far."""

    problem: Problem
    outcomes: list[Outcome]


@dataclass
class SamplingRounds:
    """The requests that follow from completions, for one call of `ServedModel.sample` and in its event loop.

    Holds only the problems that have requests under way. `asked_before` says of a key whether progress has counted it.
    """

    builder: RequestBuilder
    progress: Progress
    asked_before: Callable[[str], bool]
    _waiting: dict[str, list[tuple[_Chain, int]]] = field(default_factory=dict)

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
        for chain, sample in self._waiting.pop(request.key, []):
            larger = self.builder.retry(request, completion)
            if larger is not None:
                self._waiting.setdefault(larger.key, []).append((chain, sample))
                found.append(larger)
                continue
            trace = self.builder.to_judge(chain.problem, request, completion)
            verdict = None if trace is None else await self._judging.of(chain.problem, trace)
            chain.outcomes[sample] = self.builder.outcome(completion, verdict)
            found += self._more(chain)
        for follower in found:
            self._count(follower)
        return found

    def _more(self, chain: _Chain) -> list[Request]:
        requests = self.builder.requests(chain.problem, len(chain.outcomes), self.builder.wanted(chain.outcomes))
        for request in requests:
            chain.outcomes.append(None)
            self._waiting.setdefault(request.key, []).append((chain, request.sample))
        return requests

    def _count(self, follower: Request) -> None:
        if self.asked_before(follower.key):
            self.progress.done -= 1
        elif self.progress.total is not None:
            self.progress.total += 1


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
