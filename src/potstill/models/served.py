"""A model behind an OpenAI-compatible server: asks what the ledger lacks, and nothing twice."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from potstill import recipe
from potstill.errors import PotstillError, TeacherError
from potstill.models import dialects
from potstill.models.budget import Budget
from potstill.models.faults import DenialError, FaultError, Health, RefusalError, classify, one_line, told
from potstill.models.ledger import Entry, Ledger
from potstill.models.requests import Completion, Request
from potstill.models.secrets import Secret
from potstill.models.wire import Wire, endpoint
from potstill.progress import Progress

CHUNK = 256
"""Requests looked up in the ledger at a time."""
KEPT_OF_FAILURES = 4096
"""Bytes of a useless body that are kept to look at."""


@dataclass(frozen=True)
class Patience:
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
class Tally:
    """What became of the requests of one call: `kept` were in the ledger before, `sent` counts retries too."""

    kept: int = 0
    sent: int = 0
    finishes: dict[str, int] = field(default_factory=lambda: {"stop": 0, "length": 0, "refused": 0, "failed": 0})


class ServedModel:
    """One model of one server.

    Raises:
        TeacherError: the address or the key cannot be used.
    """

    def __init__(self, settings: recipe.ServedTeacher, patience: Patience = Patience()) -> None:
        self.settings, self.patience = settings, patience
        self.secret = Secret.from_environment(settings.api_key_env)
        endpoint(settings.base_url)
        self.name = f"{settings.model} at {settings.base_url}"

    def collect(self, requests: Iterable[Request], ledger: Ledger, progress: Progress) -> Tally:
        """Run `sample` to its end in an event loop of its own."""
        return asyncio.run(self.sample(requests, ledger, progress))

    async def sample(self, requests: Iterable[Request], ledger: Ledger, progress: Progress) -> Tally:
        """Ask every request that the ledger lacks; when this returns, all that came back is on disk.

        `requests` is read as needed, so that it may be longer than memory. Stopped by an error, by the price cap or
        by Ctrl-C, what had arrived is committed first, and the same call asks for the rest.

        Raises:
            TeacherError: the server refuses everything, fails `patience.failures` times in a row, or the price cap is
                reached.
            StoreError: the ledger cannot be written.
        """
        settings = self.settings
        async with Wire(settings.base_url, self.secret, settings.concurrency, settings.timeout) as wire:
            session = _Session(self, wire, ledger, progress)
            return await session.run(requests)


class _Session:
    """One call of `sample`: a feeder, `concurrency` workers and a writer."""

    def __init__(self, model: ServedModel, wire: Wire, ledger: Ledger, progress: Progress) -> None:
        settings, patience = model.settings, model.patience
        self.settings, self.patience, self.secret = settings, patience, model.secret
        self.wire, self.ledger, self.progress = wire, ledger, progress
        self.health = Health(model.name, patience.failures, max(patience.failures, 2 * settings.concurrency))
        self.name = model.name
        self.budget = Budget(settings, ledger.counts())
        self.writer = _Writer(ledger)
        self.tally = Tally()
        self.queue: asyncio.Queue[tuple[str, Request] | None] = asyncio.Queue(2 * settings.concurrency)
        self.taken: set[str] = set()
        self.paused_until = 0.0

    async def run(self, requests: Iterable[Request]) -> Tally:
        writing = asyncio.create_task(self.writer.run())
        tasks = [asyncio.create_task(self._feed(requests))]
        tasks += [asyncio.create_task(self._work()) for _ in range(self.settings.concurrency)]
        try:
            await _all_or_first_error(tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.writer.close()
            await writing
            if self.health.refused_everything:
                await asyncio.to_thread(self.ledger.ask_again, self.health.refused)
        if self.budget.spent_up:
            raise TeacherError(
                f"{self.name}: spent ${self.budget.spent:.4f} of the ${self.settings.spend_at_most} of spend_at_most; "
                "what was answered is kept, raise it and run again to go on"
            )
        return self.tally

    async def _feed(self, requests: Iterable[Request]) -> None:
        """Queue what the ledger lacks and nobody is asking at the moment."""
        source = iter(requests)
        while not self.budget.spent_up and (found := list(itertools.islice(source, CHUNK))):
            chunk = {request.key: request for request in found}
            # Taken before looked up: a key that is answered in between is then found in one of the two.
            new = [key for key in chunk if key not in self.taken]
            self.taken.update(new)
            missing = await asyncio.to_thread(self.ledger.missing, new)
            self.taken.difference_update(set(new) - set(missing))
            kept = len(found) - len(missing)
            self.tally.kept += kept
            self.progress.base += kept
            self.progress.advance(kept)
            for key in missing:
                await self.queue.put((key, chunk[key]))
        for _ in range(self.settings.concurrency):
            await self.queue.put(None)

    async def _work(self) -> None:
        while (item := await self.queue.get()) is not None:
            key, request = item
            if not await self.budget.admit():
                continue  # the queue is emptied, so that the feeder and the other workers end
            entry: Entry | None = None
            try:
                entry = await self._ask(key, request)
            finally:
                await self.budget.settle(entry.completion if entry else None)
            await self.writer.put(entry)
            self._count(entry.completion)
            self.taken.discard(key)

    def _count(self, completion: Completion) -> None:
        self.tally.finishes[completion.finish] += 1
        self.progress.advance(1, self.budget.note)
        if completion.finish == "failed":
            self.health.failed(completion.failure)
        elif completion.finish == "refused":
            self.health.consider_refusals(completion.failure)

    async def _ask(self, key: str, request: Request) -> Entry:
        """Send one request until it is answered, refused, or has failed often enough."""
        import orjson

        turns = [{"role": message.role, "content": message.content} for message in request.messages]
        payload = orjson.dumps({"model": request.model, "messages": turns, **request.sampling})
        began = time.monotonic()
        sent = used = limited = 0
        while True:
            await self._pause()
            raw = b""
            sent += 1
            self.tally.sent += 1
            try:
                status, headers, raw = await self.wire.post(payload)
                raw = self.secret.blot(raw)
                completion = self._completion(key, status, headers, raw)
            except FaultError as fault:
                reason = self._clean(fault.reason)
                limited += fault.limited
                used += 0 if fault.limited else fault.cost
                self._consider(fault, reason, used)
                if used < self.patience.tries and limited < self.patience.limited_tries:
                    await self._wait(fault, used + limited)
                    continue
                completion = Completion(key, "", "", "none", "failed", None, None, reason, raw[:KEPT_OF_FAILURES])
            except RefusalError as refusal:
                reason = self._clean(refusal.reason)
                self.health.refusing(key)
                completion = Completion(key, "", "", "none", "refused", None, None, reason, raw[:KEPT_OF_FAILURES])
            except DenialError as denial:
                raise TeacherError(
                    f"{self.name}: {self._clean(denial.reason)}; correct the teacher's settings and run again"
                ) from None
            return Entry(completion, request.model, sent, time.monotonic() - began)

    def _completion(self, key: str, status: int, headers: Mapping[str, str], raw: bytes) -> Completion:
        """Read a reply; its reasoning and answer stay in `raw`, where the ledger divides them when they are asked for.

        Raises:
            FaultError, RefusalError, DenialError: it is no completion.
        """
        proven = self.health.proven
        if status != 200:
            raise classify(status, headers, *_told_by(raw), proven=proven)
        try:
            reply = dialects.parse(raw)
        except dialects.ReplyError as error:
            raise classify(error.status, headers, error.code, error.message, proven=proven) from None
        self.health.answered()
        failure = self._clean(reply.failure)
        return Completion(key, "", "", "none", reply.finish, reply.prompt_tokens, reply.completion_tokens, failure, raw)

    def _consider(self, fault: FaultError, reason: str, used: int) -> None:
        """Stop the run at once where waiting is no use."""
        if fault.unreachable and not self.health.proven and used >= self.patience.unreachable_tries:
            raise TeacherError(f"{self.name}: {reason}; start the server or correct teacher.base_url, then run again")
        if fault.wait is not None and fault.wait > self.patience.longest_asked:
            raise TeacherError(
                f"{self.name}: asks to wait {fault.wait:.0f} seconds ({reason}); "
                "what was answered is kept, run again then to go on"
            )

    async def _wait(self, fault: FaultError, turn: int) -> None:
        """Pause everybody for as long as the server asked, or this request alone for a while."""
        if fault.wait:
            self.paused_until = max(self.paused_until, time.monotonic() + fault.wait)
            return
        wait = min(self.patience.longest_wait, self.patience.first_wait * 2 ** min(turn - 1, 30))
        await asyncio.sleep(wait * random.uniform(0.5, 1.0))

    async def _pause(self) -> None:
        while (left := self.paused_until - time.monotonic()) > 0:  # noqa: ASYNC110 - it may have been moved meanwhile
            # Those who waited do not all come back in the same instant.
            await asyncio.sleep(left + random.uniform(0, min(1.0, 0.1 * left)))

    def _clean(self, reason: str) -> str:
        return one_line(self.secret.blot_text(reason))


class _Writer:
    """Commits what workers hand in, as many at a time as have come since the last commit."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.waiting: list[tuple[Entry, asyncio.Future[None]]] = []
        self.wake = asyncio.Event()
        self.closed = False

    async def put(self, entry: Entry) -> None:
        """Return when the entry is on disk. Cancelling the wait does not take the entry back."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting.append((entry, done))
        self.wake.set()
        await done

    def close(self) -> None:
        """End `run` after a last commit."""
        self.closed = True
        self.wake.set()

    async def run(self) -> None:
        while self.waiting or not self.closed:
            await self.wake.wait()
            self.wake.clear()
            batch, self.waiting = self.waiting, []
            if not batch:
                continue
            try:
                await asyncio.to_thread(self.ledger.put_many, [entry for entry, _ in batch])
            except Exception as error:
                _resolve(batch, error)
                if self.closed or not isinstance(error, PotstillError):
                    raise
            else:
                _resolve(batch, None)


def _resolve(batch: list[tuple[Entry, asyncio.Future[None]]], error: Exception | None) -> None:
    for _, done in batch:
        if done.cancelled():
            continue
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)


async def _all_or_first_error(tasks: list[asyncio.Task[None]]) -> None:
    finished, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    for task in finished:
        task.result()


def _told_by(raw: bytes) -> tuple[str, str]:
    try:
        return told(dialects.load(raw[:65536]))
    except FaultError:
        return "", "" if b"<" in raw[:200] else raw[:1000].decode("utf-8", "replace")
