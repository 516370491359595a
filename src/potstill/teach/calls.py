"""A sample of a problem that takes several requests: what it asks, round by round, and what comes of it.

A strategy writes that down as a generator (`Talk`): it yields the calls of a round, is sent their completions in the
same order, and returns what it ends with. It is a function of the problem, the sample's number and what it was sent, so
the ledger is its whole memory: after a kill it is played from the start with what is there, and nothing is asked twice.
A sample that takes one request is a talk of one round.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from potstill.models.ledger import TOOL
from potstill.models.requests import Completion, Message, Request
from potstill.records import Finish, Problem, ReasoningKind, content_key
from potstill.teach.plain import split_plain
from potstill.verify.kinds import read_gold


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One request to the teacher.

    `role` names it where calls are counted; it is empty for the only call of a sample. `number` tells apart calls of
    one role with the same messages. `stop` are texts that end the completion, which does not hold them. Messages that
    end with a turn of the assistant let a local model go on from it. `tools`, name -> what it does, are offered in the
    server's own fields, and a call of one comes back as the text that makes it.
    """

    messages: tuple[Message, ...]
    role: str = ""
    number: int = 0
    stop: tuple[str, ...] = ()
    tools: Mapping[str, str] = field(default_factory=dict)

    @property
    def tag(self) -> str:
        """What makes it another request than one with the same messages; empty for the only call of a sample."""
        return f"{self.role}/{self.number}" if self.role else ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolRun:
    """One run of a tool, whose output becomes a row of the ledger as a completion is, and is not made again.

    `tool` names the tool with whatever else decides its output, `given` is its input, `number` tells apart runs that
    are meant to be several. `work` runs it, in a thread of its own; what a tool says of its own failure is text too,
    and what `work` raises stops the run.
    """

    tool: str
    given: str
    work: Callable[[], str]
    number: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Finished:
    """What a sample ended with. `counts` are added up over all samples of a run."""

    reasoning: str = ""
    answer: str = ""
    finish: Finish = "stop"
    reasoning_kind: ReasoningKind = "raw"
    failure: str = ""
    counts: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))


Outcome = bool | None
"""Of one sample: right (True), not right (False), or not known: still under way, or undecided by an outage."""
Wanted = Call | ToolRun
Talk = Generator[Sequence[Wanted], Sequence[Completion], Finished]
"""Yields rounds, none of them empty, the first with a call; is sent completions that stopped, were truncated or
refused, never failed ones."""


def wanted(outcomes: Sequence[Outcome], samples: int, stop_at_right: int | None) -> int:
    """Return how many samples a problem gets, as far as the outcomes of the first ones say; never less than before.

    Sample i is asked for when fewer than `stop_at_right` of the samples before it can still turn out right, so it
    depends on their outcomes alone: asking early what is certain to be needed changes nothing but the waiting. The
    first round is `stop_at_right` samples, and each one that is not right calls the next. At most `samples`.
    """
    if stop_at_right is None:
        return samples
    perhaps_right = 0
    for number in range(samples):
        if perhaps_right >= stop_at_right:
            return number
        perhaps_right += number >= len(outcomes) or outcomes[number] is not False
    return samples


def one_call(problem: Problem, call: Call) -> Talk:
    """Ask once; the completion is the trace."""
    (completion,) = yield (call,)
    return finished_by(problem, completion)


def finished_by(problem: Problem, completion: Completion) -> Finished:
    """Return what a sample is that ends with a completion; refused and failed ones end without text.

    Where the teacher marks no reasoning and hides none, its visible chain of thought is the reasoning. A truncated one
    is all reasoning: what the token limit cut is no answer. Where the server counts reasoning that it does not show,
    what is visible is a preamble to it and no target.
    """
    reasoning, answer, kind = completion.reasoning, completion.content, completion.reasoning_kind
    if kind == "none" and completion.hidden_tokens:
        answer = "" if completion.finish == "length" else answer
    elif kind == "none" and not reasoning and completion.finish == "stop":
        reasoning, answer = split_plain(answer, _kind(problem), problem.choices)
        kind = "raw" if reasoning else "none"
    elif kind == "none" and not reasoning and completion.finish == "length":
        reasoning, answer, kind = answer, "", "raw" if answer else "none"
    return Finished(
        reasoning=reasoning, answer=answer, finish=completion.finish, reasoning_kind=kind, failure=completion.failure
    )


def _kind(problem: Problem) -> str:
    """Return how the problem's answer reads, where its declared kind leaves that to the gold."""
    if problem.answer_kind != "auto" or problem.gold is None:
        return problem.answer_kind
    return read_gold(problem.gold, "auto", problem.choices).kind


@dataclass(kw_only=True, slots=True)
class Slot:
    """A call or a run of the present round: under which key it is asked for, and its completion once that counts.

    `before` is the truncated completion whose larger request has taken its place, or the other way round.
    """

    wanted: Wanted
    key: str
    request: Request | None
    done: Completion | None = None
    before: Completion | None = None


class SampleTalk:
    """A sample under way: its talk, the round that it waits for, and what was paid for it.

    `asked` makes a request of a call, `retry` the larger request that follows a truncated completion.
    """

    def __init__(
        self, problem: Problem, sample: int, talk: Talk, asked: Callable[[Call], Request],
        retry: Callable[[Request, Completion], Request | None],
    ) -> None:  # fmt: skip
        self.problem, self.sample = problem, sample
        self.finished: Finished | None = None
        self.failed: set[str] = set()
        """Keys of the requests that failed, at which it ended."""
        self.paid: dict[str, tuple[Request, Completion]] = {}
        """Every request that came back, by its key; runs of tools are not among them."""
        self.first: Request | None = None
        self.calls = 0
        self._talk, self._asked, self._retry = talk, asked, retry
        self._round: list[Slot] = []
        self._fresh: list[Slot] = []
        self._open(next(talk))

    def requests(self) -> list[Request]:
        """Return the requests that it waits for and that this has not returned before."""
        fresh = {slot.key: slot.request for slot in self._fresh if slot.request is not None}
        self._fresh = [slot for slot in self._fresh if slot.request is None]
        return list(fresh.values())

    def runs(self) -> dict[str, ToolRun]:
        """Return the runs of tools that it waits for and that this has not returned before, by their keys."""
        fresh = {slot.key: slot.wanted for slot in self._fresh if isinstance(slot.wanted, ToolRun)}
        self._fresh = [slot for slot in self._fresh if slot.request is not None]
        return fresh

    @property
    def waiting(self) -> set[str]:
        """Keys of what it waits for."""
        return {slot.key for slot in self._round if slot.done is None}

    def give(self, key: str, completion: Completion) -> None:
        """Take a completion; the last one of a round begins the next."""
        for slot in self._round:
            if slot.key == key and slot.done is None:
                self._take(slot, completion)
        if self._round and all(slot.done is not None for slot in self._round):
            self._go_on()

    def replay(self, find: Callable[[str], Completion | None]) -> SampleTalk:
        """Play it with the completions that `find` has, as far as they go."""
        known = True
        while self.finished is None and known:
            known = False
            for key in self.waiting:
                if (completion := find(key)) is not None:
                    known = True
                    self.give(key, completion)
        return self

    def unasked(self, failure: str) -> Finished | None:
        """Return what it is if nothing more is asked: its truncated first completion, else a failure."""
        if self.calls == 1 and (before := self._round[0].before) is not None:
            return finished_by(self.problem, before)
        return Finished(finish="failed", failure=failure, reasoning_kind="none") if failure else None

    @property
    def counted(self) -> Request:
        """The request that its trace is told by: of one call the one that counts, of several the first."""
        only = self._round[0].request if self.calls == 1 and self._round else None
        assert self.first is not None  # noqa: S101 - the first round has a call
        return only or self.first

    @property
    def written(self) -> int | None:
        """Tokens that the teacher wrote for its trace: of one call the one that counts, of several all of them."""
        if self.calls == 1 and self._round[0].request is not None:
            counted = self._round[0].done or self._round[0].before
            return None if counted is None else counted.completion_tokens
        written = [completion.completion_tokens for _, completion in self.paid.values()]
        return None if None in written else sum(number or 0 for number in written)

    def _take(self, slot: Slot, completion: Completion) -> None:
        if isinstance(slot.wanted, ToolRun) or slot.request is None:
            slot.done = completion
            return
        self.paid[slot.key] = (slot.request, completion)
        larger = self._retry(slot.request, completion)
        if larger is not None:
            slot.key, slot.request, slot.before = larger.key, larger, completion
            self._fresh.append(slot)
        elif completion.finish == "refused" and slot.before is not None:
            # The budget is more than the server gives: the first one counts.
            slot.request, slot.done, slot.before = self._asked(slot.wanted), slot.before, completion
        else:
            slot.done = completion

    def _go_on(self) -> None:
        done = [slot.done for slot in self._round if slot.done is not None]
        failed = [slot for slot in self._round if slot.done is not None and slot.done.finish == "failed"]
        if failed:
            self.failed = {slot.key for slot in failed if slot.request is not None}
            reason = next(slot.done.failure for slot in failed if slot.done is not None)
            self.finished = Finished(finish="failed", failure=reason, reasoning_kind="none")
            return
        try:
            self._open(self._talk.send(done))
        except StopIteration as end:
            self.finished = end.value

    def _open(self, wanted: Sequence[Wanted]) -> None:
        if not wanted:
            raise ValueError("a round without calls")
        self._round = [self._slot(one) for one in wanted]
        self._fresh = list(self._round)
        self.calls += sum(slot.request is not None for slot in self._round)
        if self.first is None:
            self.first = next(slot.request for slot in self._round if slot.request is not None)

    def _slot(self, one: Wanted) -> Slot:
        if isinstance(one, ToolRun):
            return Slot(wanted=one, key=run_key(self.problem, self.sample, one), request=None)
        request = self._asked(one)
        return Slot(wanted=one, key=request.key, request=request)


def run_key(problem: Problem, sample: int, run: ToolRun) -> str:
    """Return the key of a run in the ledger: no two samples share one, since a program may read a clock."""
    return content_key(TOOL, run.tool, run.given, problem.key, sample, run.number)


def failed_call(completion: Completion) -> Finished:
    """Return what a sample is of which a call that all depends on was refused or truncated."""
    return Finished(finish=completion.finish, failure=completion.failure, reasoning_kind="none")
