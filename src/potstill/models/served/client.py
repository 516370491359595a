"""A model behind a server: asks what the ledger lacks, and nothing twice."""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal

from potstill import recipe
from potstill.errors import TeacherError
from potstill.models.budget import Budget, Cap
from potstill.models.in_flight import InFlight
from potstill.models.ledger import Entry, Ledger, divided
from potstill.models.prices import price_of
from potstill.models.replies import dialects
from potstill.models.replies.loose_json import load
from potstill.models.replies.shapes import SHAPES
from potstill.models.replies.usage import estimate, usage_in, usage_of
from potstill.models.requests import Completion, Request
from potstill.models.sampling import budget_of
from potstill.models.served.admission import Admission
from potstill.models.served.faults import DenialError, FaultError, Health, RefusalError, classify, one_line, told
from potstill.models.served.replicas import Replica, Replicas
from potstill.models.served.secrets import Secret
from potstill.models.served.wire import Wire, endpoints
from potstill.progress import Progress, clock

CHUNK = 256
"""Requests looked up in the ledger at a time, and completions that are followed up at a time."""
ALONE = 1.0
"""Seconds that each request goes ahead of the next until one is answered: what will never work is asked little."""
KEPT_OF_FAILURES = 4096
"""Bytes of a useless body that are kept to look at."""
Follow = Callable[[Request, Completion], Awaitable[Iterable[Request]]]
"""Told each completion as soon as it is on disk, those that were there before too; returns what to ask further."""


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """How long to go on. Times in seconds."""

    tries: int = 6
    """Tries of one request before it counts as failed; a timeout uses up two."""
    limited_tries: int = 40
    """Rate-limited replies to one request before it counts as failed."""
    unreachable_tries: int = 3
    """Tries to connect to a server that has never answered."""
    first_wait: float = 0.5
    longest_wait: float = 60.0
    """Waits double from the first to the longest, times a random factor between 0.5 and 1."""
    longest_asked: float = 900.0
    """A server that asks for a longer pause stops the run."""
    failures: int = 20
    """Requests in a row that fail before the run stops."""


@dataclass
class RequestCounts:
    """What became of the requests of one call: `kept` were in the ledger before, `sent` counts retries too."""

    kept: int = 0
    sent: int = 0
    finishes: dict[str, int] = field(default_factory=lambda: {"stop": 0, "length": 0, "refused": 0, "failed": 0})


class ServedModel:
    """One model of one server, or of several that share the requests. What it learns of limits is kept between calls.

    `section` is where the recipe has the settings, for messages. `cap` is the money that it shares with other models.

    Raises:
        TeacherError: the address or the key cannot be used, or there is a cap on the money and no price.
    """

    def __init__(
        self, endpoint: recipe.Endpoint, retry_policy: RetryPolicy = RetryPolicy(), *, section: str = "teacher",
        cap: Cap | None = None,
    ) -> None:  # fmt: skip
        settings = recipe.as_served(endpoint)
        self.settings, self.retry_policy, self.section = settings, retry_policy, section
        self.cap = cap or Cap(settings.spend_at_most)
        self.secret = Secret.from_environment(settings.api_key_env, f"{section}.api_key_env")
        self.shape = SHAPES[settings.wire]
        urls = [endpoints(address, self.shape.path, section) for address in settings.addresses]
        self.replicas, self.name = Replicas(urls, settings.model), f"{settings.model} at {settings.place}"
        self.priced, self.proven = price_of(settings, section), False
        self.admission = Admission(settings.concurrency, settings.requests_per_minute, settings.tokens_per_minute)

    def collect(
        self, requests: Iterable[Request], ledger: Ledger, progress: Progress, follow: Follow | None = None
    ) -> RequestCounts:
        """Run `sample` to its end in an event loop of its own."""
        return asyncio.run(self.sample(requests, ledger, progress, follow))

    async def sample(
        self, requests: Iterable[Request], ledger: Ledger, progress: Progress, follow: Follow | None = None
    ) -> RequestCounts:
        """Ask every request that the ledger lacks; when this returns, all that came back is on disk.

        `requests` is read as needed, so that it may be longer than memory. `follow` is awaited with each request and
        its completion once that is on disk, or as it is found there; the requests that it returns go ahead of
        new ones and are followed in turn. Up to `CHUNK` calls of it run at a time, all in this event loop, in the order
        of completion; a request that occurs twice is followed at least once. Stopped by an error, by the price cap or
        by Ctrl-C, what had arrived is committed first, and the same call asks for the rest.

        Raises:
            TeacherError: the server refuses everything, fails `retry_policy.failures` times in a row, or the price cap
                is reached.
            StoreError: the ledger cannot be written.
        """
        async with Wire(self.admission.most, self.settings.timeout) as wire:
            with ledger.asking():
                return await _Session(self, wire, ledger, progress, follow).run(requests)


@dataclass(kw_only=True, slots=True, eq=False)
class _Job:
    """A request on its way, and what has been tried for it."""

    key: str
    request: Request
    replica: Replica
    payload: bytes = b""
    url: str = ""
    began: float = 0.0
    sent_at: float = 0.0
    sent: int = 0
    used: int = 0
    limited: int = 0


class _Session:
    """One call of `sample`: jobs wait in `ready`, are sent as admission lets them, and rest in `arrived` until commit.

    A job holds its place in admission until its completion is on disk, so that a kill wastes no more than were in
    flight. Everything but the commit itself runs in the event loop.
    """

    def __init__(
        self, model: ServedModel, wire: Wire, ledger: Ledger, progress: Progress, follow: Follow | None
    ) -> None:
        retry_policy, admission = model.retry_policy, model.admission
        self.model, self.retry_policy, self.admission, self.secret = model, retry_policy, admission, model.secret
        self.wire, self.ledger, self.progress, self.follow = wire, ledger, progress, follow
        self.health = Health(model.name, retry_policy.failures, max(retry_policy.failures, 2 * admission.allowed))
        self.health.proven = model.proven
        note = None if model.cap.most is None else InFlight(ledger.path)
        self.budget = Budget(model.settings, model.priced.price, ledger.counts(), model.cap, model.section, note)
        self.request_counts = RequestCounts()
        self.asked: deque[Request] = deque()
        self.ready: deque[_Job] = deque()
        self.arrived: list[tuple[_Job, Entry]] = []
        self.taken: set[str] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        self.timers: dict[_Job | None, asyncio.TimerHandle] = {}
        self.flying: set[_Job] = set()
        self.answered_at = time.monotonic()
        self.following = self.held = 0
        self.exhausted = self.closed = False
        self.loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[None] = self.loop.create_future()
        self.wake = asyncio.Event()

    async def run(self, requests: Iterable[Request]) -> RequestCounts:
        keeping = asyncio.create_task(self._keep(iter(requests)))
        try:
            await self.ended
        finally:
            self.closed = True
            lost = [job.key for job in self.flying]
            for timer in self.timers.values():
                timer.cancel()
            for task in self.tasks:
                task.cancel()
            await asyncio.gather(*self.tasks, return_exceptions=True)
            self.wake.set()
            await keeping
            self.admission.in_flight -= self.held
            self.budget.end(lost)
            self.model.proven = self.health.proven
            if self.health.refused_everything:
                await asyncio.to_thread(self.ledger.ask_again, self.health.refused)
        if self.budget.spent_up:
            raise self.budget.error(self.model.name)
        return self.request_counts

    async def _keep(self, source: Iterator[Request]) -> None:
        """Be the only one to touch the ledger: commit what has arrived, look up what comes next, in turns."""
        while self.arrived or not self.closed:
            try:
                if self._wants_more():
                    self._look_up(source)
                if self.arrived:
                    await self._commit()
                elif not self.closed and not self._wants_more():
                    self.wake.clear()
                    await self.wake.wait()
            except Exception as error:  # noqa: BLE001 - whatever it is, `run` raises it
                self._stop(error)

    def _wants_more(self) -> bool:
        if self.closed or self.following >= CHUNK:
            return False
        return bool(self.asked) or (not self.exhausted and len(self.ready) < max(CHUNK, 2 * self.admission.allowed))

    def _look_up(self, source: Iterator[Request]) -> None:
        """Make jobs of what the ledger lacks and nobody is asking at the moment; what follows others goes first."""
        ahead = bool(self.asked)
        found = (
            [self.asked.popleft() for _ in range(min(CHUNK, len(self.asked)))] if ahead else [*islice(source, CHUNK)]
        )
        self.exhausted = self.exhausted or not found
        chunk = {request.key: request for request in found}
        new = [key for key in chunk if key not in self.taken]
        missing = self.ledger.missing(new)
        self.taken.update(missing)
        kept = len(found) - len(missing)
        self.request_counts.kept += kept
        self.progress.base += kept
        self.progress.advance(kept)
        jobs = [_Job(key=key, request=chunk[key], replica=self.model.replicas.all[0]) for key in missing]
        if ahead:
            self.ready.extendleft(reversed(jobs))
        else:
            self.ready.extend(jobs)
        if self.follow is not None:
            there = set(new) - set(missing)
            for key, completion in self.ledger.get_many([key for key in new if key in there]).items():
                self._follow(self.follow, chunk[key], completion)
        self._send()

    def _send(self) -> None:
        """Send as many as may go now, and come back when the next may."""
        import orjson

        self._cancel_timer(None)
        late = len(self.timers) > max(CHUNK, 2 * self.admission.allowed)
        while self.ready and not self.closed and not late and self.following < CHUNK:
            now = time.monotonic()
            wait = max(self.admission.wait(now), self._ahead(now))
            first = self.ready[0]
            first.payload = first.payload or orjson.dumps(self.model.shape.body(first.request))
            if wait > 0 or not self.budget.reserve(first.key, len(first.payload), budget_of(first.request.sampling)):
                if 0 < wait < 86400:
                    self.timers[None] = self.loop.call_later(wait, self._send)
                break
            job = self.ready.popleft()
            job.sent_at = now
            self.held += 1
            self.flying.add(job)
            self.admission.sent(now)
            self._start(self._attempt(job))
        if self.budget.spent_up:
            self.ready.clear()
            self.asked.clear()
            self.exhausted = True
        if self._wants_more():
            self.wake.set()
        elif self.exhausted and not (self.ready or self.held or self.timers or self.following or self.asked):
            self._stop(None)

    def _ahead(self, now: float) -> float:
        """Return the seconds that the last request is still to be ahead of the next one."""
        if self.health.proven or not self.flying:
            return 0.0
        return max(job.sent_at for job in self.flying) + ALONE - now

    async def _attempt(self, job: _Job) -> None:
        """Send one request once."""
        job.began = job.began or job.sent_at
        job.sent += 1
        self.request_counts.sent += 1
        raw = b""
        try:
            job.replica = self.model.replicas.next(time.monotonic())
            try:
                with job.replica.asked() as job.url:
                    told = self.model.shape.headers(self.secret, job.url)
                    status, headers, raw = await self.wire.post(job.url, told, job.payload)
            finally:
                self.flying.discard(job)
            raw = self.secret.redact(raw)
            completion = self._completion(job, status, headers, raw)
        except FaultError as fault:
            self._lose(job, raw)
            if fault.cost == 1 and job.replica.failed(time.monotonic(), self._clean(fault.reason), fault.wait):
                self._elsewhere(job)
            else:
                self._failed(job, fault, raw[:KEPT_OF_FAILURES])
        except RefusalError as refusal:
            self.answered_at = time.monotonic()
            self.health.refusing(job.key, refusal.reason)
            self._arrive(job, _useless(job.key, "refused", self._clean(refusal.reason), raw[:KEPT_OF_FAILURES]))
        except DenialError as denial:
            if not (denial.no_such_path and job.replica.otherwise(job.url)):
                reason, section = self._clean(denial.reason), self.model.section
                raise TeacherError(f"{self.model.name}: {reason}; correct {section}.* and run again") from None
            self._elsewhere(job)
        else:
            now = self.answered_at = time.monotonic()
            tokens = (completion.prompt_tokens or 0) + (completion.completion_tokens or 0)
            self.admission.answered(now, job.sent_at, tokens, headers)
            self._arrive(job, completion)

    def _elsewhere(self, job: _Job) -> None:
        """Ask again at once, of another server or under another address."""
        self._let_go()
        self.ready.appendleft(job)
        self._send()

    def _completion(self, job: _Job, status: int, headers: Mapping[str, str], raw: bytes) -> Completion:
        """Read a reply; its reasoning and answer stay in `raw`, where the ledger divides them when they are asked for.

        Raises:
            FaultError, RefusalError, DenialError: it is no completion.
        """
        proven = job.replica.proven
        if status != 200:
            raise classify(status, headers, *_told_by(raw), proven=proven)
        try:
            reply = dialects.answers(self.model.shape.parse(raw), job.request)
        except dialects.ReplyError as error:
            raise classify(error.status, headers, error.code, error.message, proven=proven) from None
        dialects.check_size(reply, raw, budget_of(job.request.sampling))
        self.health.answered()
        job.replica.answered()
        prompt = reply.prompt_tokens or estimate(len(job.payload))
        failure = self._clean(reply.failure)
        return Completion(
            key=job.key, finish=reply.finish, prompt_tokens=prompt, completion_tokens=reply.completion_tokens,
            failure=failure, raw=raw,
        )  # fmt: skip

    def _lose(self, job: _Job, raw: bytes) -> None:
        """Count what a reply that is of no use says to have cost."""
        try:
            value = load(raw) if b"usage" in raw else None
        except FaultError:
            return
        usage = usage_of(usage_in(value)) if isinstance(value, dict) else usage_of(None)
        if usage.completion:
            prompt = usage.prompt or estimate(len(job.payload))
            self.ledger.lose(prompt, usage.completion)
            self.budget.lose(prompt, usage.completion)

    def _failed(self, job: _Job, fault: FaultError, raw: bytes) -> None:
        """Try again later, or give the request up, or the server."""
        now, reason = time.monotonic(), self._clean(fault.reason)
        limited = fault.kind == "limited"
        self._give_up_on_silence(now, reason)
        job.limited += limited
        job.used += 0 if limited else fault.cost
        self._consider(fault, reason, job.used)
        self.admission.failed(now, job.sent_at, fault)
        if job.used >= self.retry_policy.tries or job.limited >= self.retry_policy.limited_tries:
            self._arrive(job, _useless(job.key, "failed", reason, raw))
            return
        if limited or fault.wait:
            self._let_go()
        if fault.wait:
            self.ready.appendleft(job)
            self._send()
            return
        turn = min(job.used + job.limited - 1, 30)
        wait = min(self.retry_policy.longest_wait, self.retry_policy.first_wait * 2**turn) * random.uniform(0.5, 1.0)
        # After a fault its place stays taken, so that a server that is down is not tried with all requests at once.
        self.timers[job] = self.loop.call_later(wait, self._again, job, not limited)

    def _give_up_on_silence(self, now: float, reason: str) -> None:
        """Stop where nothing has been answered for so long, and nothing is being worked on for long either."""
        most = self.model.settings.give_up_after
        if now - self.answered_at > most and all(now - job.sent_at < most / 2 for job in self.flying):
            or_raise = ", or raise teacher.give_up_after" if self.model.section == "teacher" else ""
            raise TeacherError(
                f"{self.model.name}: nothing was answered for {clock(most)}, the last reply was {reason!r}; what was "
                f"answered before is kept, run again later to go on{or_raise}"
            )

    def _again(self, job: _Job, held: bool) -> None:
        self._cancel_timer(job)
        if held:
            self._let_go()
        self.ready.appendleft(job)
        self._send()

    def _consider(self, fault: FaultError, reason: str, used: int) -> None:
        """Stop the run at once where waiting is no use."""
        name, section = self.model.name, self.model.section
        if fault.kind == "unreachable" and not self.health.proven and used >= self.retry_policy.unreachable_tries:
            raise TeacherError(f"{name}: {reason}; start the server or correct {section}.base_url, then run again")
        if fault.wait is not None and fault.wait > self.retry_policy.longest_asked:
            raise TeacherError(
                f"{name}: asks to wait {fault.wait:.0f} seconds ({reason}); "
                "what was answered is kept, run again then to go on"
            )

    def _arrive(self, job: _Job, completion: Completion) -> None:
        entry = Entry(completion, job.request.model, job.sent, time.monotonic() - job.began)
        self.arrived.append((job, entry))
        self.wake.set()

    async def _commit(self) -> None:
        """Put on disk what has arrived since the last commit, then let others take its places."""
        batch, self.arrived = self.arrived, []
        self.ledger.put(entry for _, entry in batch)
        await asyncio.to_thread(self.ledger.commit)
        for job, entry in batch:
            completion = entry.completion
            self._let_go()
            self.taken.discard(job.key)
            self.budget.charge(completion)
            self.budget.release(job.key)
            self.request_counts.finishes[completion.finish] += 1
        self.progress.advance(len(batch), f"{self.budget.note}, {self.admission.in_flight} in flight")
        if self.closed:
            return
        for job, entry in batch:
            self._judge_health(entry.completion)
            if self.follow is not None:
                self._follow(self.follow, job.request, divided(entry.completion, job.request.model))
        self._send()

    def _judge_health(self, completion: Completion) -> None:
        if completion.finish == "failed":
            self.health.failed(completion.failure)
        elif completion.finish == "refused":
            self.health.consider_refusals(completion.failure)

    def _follow(self, follow: Follow, request: Request, completion: Completion) -> None:
        async def call() -> None:
            try:
                self.asked.extend(await follow(request, completion))
            finally:
                self.following -= 1
            self.wake.set()
            self._send()

        self.following += 1
        self._start(call())

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = self.loop.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._stop(error)

    def _stop(self, error: BaseException | None) -> None:
        """End the session; the first error counts."""
        self.closed = True
        self.wake.set()
        if self.ended.done():
            return
        if error is None:
            self.ended.set_result(None)
        else:
            self.ended.set_exception(error)

    def _let_go(self) -> None:
        self.held -= 1
        self.admission.ended()

    def _cancel_timer(self, job: _Job | None) -> None:
        timer = self.timers.pop(job, None)
        if timer is not None:
            timer.cancel()

    def _clean(self, reason: str) -> str:
        return one_line(self.secret.redact_text(reason))


def _useless(key: str, finish: Literal["refused", "failed"], reason: str, raw: bytes) -> Completion:
    return Completion(key=key, finish=finish, failure=reason, raw=raw)


def _told_by(raw: bytes) -> tuple[str, str]:
    try:
        return told(load(raw[:65536]))
    except FaultError:
        return "", "" if b"<" in raw[:200] else raw[:1000].decode("utf-8", "replace")
