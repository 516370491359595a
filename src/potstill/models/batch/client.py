"""A served model asked through its provider's batch interface: half the price, within a day, nothing sent twice.

What the ledger lacks is sent in parts. Each part is written down before it is sent and its batch's name before it is
waited for, so that a killed run, or one that was stopped, finds its batches again and reads them.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

from potstill import recipe
from potstill.errors import TeacherError
from potstill.models.batch.book import Book, Part, PartState
from potstill.models.batch.services import FULL, AnthropicBatches, Item, Look, OpenAIBatches, Service
from potstill.models.batch.transport import Transport
from potstill.models.budget import Budget, Cap
from potstill.models.ledger import Entry, Ledger
from potstill.models.prices import price_of
from potstill.models.replies import dialects, shapes
from potstill.models.replies.loose_json import load
from potstill.models.replies.usage import estimate
from potstill.models.requests import Completion, Request
from potstill.models.sampling import LIMITS, budget_of
from potstill.models.served.client import Follow, RequestCounts
from potstill.models.served.faults import DenialError, FaultError, RefusalError, classify, one_line
from potstill.models.served.secrets import Secret
from potstill.models.served.wire import LARGEST_BODY, endpoint
from potstill.progress import Progress
from potstill.records import Finish

T = TypeVar("T")
CHUNK = 256
"""Requests looked up, and results written, at a time."""
_REFUSALS = 20
"""Refusals without any answer from which it is the settings that are refused, not the questions."""


_READS = 3
"""Whole readings of results that lack some, before these count as failed."""


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How much is sent at a time, and how long to wait. Times in seconds."""

    part: int = 10_000
    """Requests in one batch at most."""
    part_bytes: int = 32 * 2**20
    """Bytes of them at most, which bounds memory."""
    first_look: float = 5.0
    longest_look: float = 120.0
    """Between two looks at the batches; grows by half from the first to the longest while none ends."""
    tries: int = 8
    """Tries of one call before the run stops."""
    first_wait: float = 1.0
    longest_wait: float = 60.0
    """Waits between the tries double from the first to the longest."""
    settle: float = 30.0
    """How long a batch that was ordered may not be listed yet."""


class BatchModel:
    """One model of one provider, asked through batches; the same contract as `served.ServedModel`.

    Raises:
        TeacherError: the address or the key cannot be used, or there is a cap on the money and no price.
    """

    def __init__(self, settings: recipe.ServedTeacher, pace: Pace = Pace(), cap: Cap | None = None) -> None:
        self.settings, self.pace, self.cap = settings, pace, cap or Cap(settings.spend_at_most)
        self.secret = Secret.from_environment(settings.api_key_env)
        self.shape = shapes.SHAPES[settings.wire]
        address = endpoint(settings.addresses[0], self.shape.path)
        if "?" in address:
            raise TeacherError("teacher.base_url: batches have no address with a query: set teacher.executor to live")
        # Anthropic's batches are below its messages, OpenAI's beside its completions.
        self.address = address if settings.wire == "anthropic" else address.removesuffix(self.shape.path)
        self.name = f"{settings.model} at {settings.place}"
        self.price = price_of(settings).price

    def collect(
        self, requests: Iterable[Request], ledger: Ledger, progress: Progress, follow: Follow | None = None
    ) -> RequestCounts:
        """Ask every request that the ledger lacks; when this returns, all that came back is on disk.

        `requests` is read as needed, so that it may be longer than memory; only with `follow`, which is awaited with
        each request and its completion as in `ServedModel.sample`, those under way are held there. What it returns is
        sent as further batches. Stopped by an error, by Ctrl-C or killed, the batches go on at the provider, and the
        same call reads them and asks for the rest. Requests that were not answered within the provider's time are
        `failed`, and the next call asks them again.

        Raises:
            TeacherError: the provider refuses everything or cannot be reached, or the price cap is reached.
            StoreError: the ledger or the book of batches beside it cannot be written.
        """
        transport = Transport(self.address, self.shape.headers(self.secret, self.address), self.secret)
        path = ledger.path.with_name(f"{ledger.path.stem}-batches.sqlite")
        with Book(path, self.address) as book:
            anthropic = self.settings.wire == "anthropic"
            service = AnthropicBatches(transport) if anthropic else OpenAIBatches(transport, self.shape.path)
            session = _BatchSession(self, service, book, ledger, progress)
            if follow is None:
                return session.run(requests)
            with asyncio.Runner() as runner:
                session.follow = lambda pairs: runner.run(_all(follow, pairs))
                return session.run(requests)


async def _all(follow: Follow, pairs: Iterable[tuple[Request, Completion]]) -> list[Request]:
    found = await asyncio.gather(*(follow(request, completion) for request, completion in pairs))
    return [request for more in found for request in more]


class _BatchSession:
    """One call of `collect`."""

    def __init__(self, model: BatchModel, service: Service, book: Book, ledger: Ledger, progress: Progress) -> None:
        self.settings, self.pace, self.name, self.secret = model.settings, model.pace, model.name, model.secret
        self.shape, self.service, self.book, self.ledger, self.progress = model.shape, service, book, ledger, progress
        self.budget = Budget(model.settings, model.price, ledger.counts(), model.cap)
        self.most = min(model.pace.part, service.most_requests)
        self.look_wait = model.pace.first_look
        self.request_counts = RequestCounts()
        self.follow: Callable[[Iterable[tuple[Request, Completion]]], list[Request]] | None = None
        sampling = model.settings.sampling
        open_ended = any(name in sampling.extra for name in LIMITS)
        self.most_tokens = None if open_ended else max(2 * sampling.max_tokens, model.settings.retry_max_tokens or 0)
        self.prompt_estimate: int | None = None  # of the request sent last, for replies that give no number
        self.asked: dict[str, Request] = {}
        self.more: list[Request] = []

    def run(self, requests: Iterable[Request]) -> RequestCounts:
        for part in self.book.open_parts():
            for key in self.book.keys(part):
                self.budget.reserve(key, 0, self.most_tokens)
            self._recover(part)
        self._send_all(requests)
        while self.more or self.book.open_parts():
            if self.more and not self.budget.spent_up:
                more, self.more = self.more, []
                self._send_all(more)
            else:
                self.more.clear()
                self._wait_for_one()
        if self.budget.spent_up:
            raise self.budget.error(self.name)
        return self.request_counts

    def _send_all(self, requests: Iterable[Request]) -> None:
        for keys, lines in self._parts(requests):
            self._send(self.book.mean(keys)[0], lines)

    def _parts(self, requests: Iterable[Request]) -> Iterator[tuple[list[str], list[bytes]]]:
        """Yield what is to be sent, part by part: content keys and lines."""
        lines: dict[str, bytes] = {}
        size = 0
        for key, request in self._lacking(requests):
            if key in lines:
                continue
            line = self.service.line(key, self.shape.body(request))
            most = budget_of(request.sampling)
            while not self.budget.reserve(key, len(line), most) and not self.budget.spent_up:
                if lines:
                    yield list(lines), list(lines.values())
                    lines, size = {}, 0
                self._wait_for_one()
            if self.budget.spent_up:
                break
            if lines and (len(lines) >= self.most or size + len(line) > self.pace.part_bytes):
                yield list(lines), list(lines.values())
                lines, size = {}, 0
            lines[key] = line
            self.prompt_estimate = estimate(len(line))
            size += len(line) + 1
        if lines:
            yield list(lines), list(lines.values())

    def _lacking(self, requests: Iterable[Request]) -> Iterator[tuple[str, Request]]:
        """Yield what is neither in the ledger nor on its way."""
        source = iter(requests)
        while found := list(itertools.islice(source, CHUNK)):
            chunk = {request.key: request for request in found}
            missing = self.ledger.missing(list(chunk))
            kept = chunk.keys() - set(missing)
            self.request_counts.kept += len(kept)
            self.progress.base += len(kept)
            self.progress.advance(len(kept))
            if self.follow is not None:
                self.asked |= chunk
                self._tell([key for key in chunk if key in kept])
            sent = self.book.under_way(missing)
            yield from ((key, chunk[key]) for key in missing if key not in sent)

    def _send(self, part: Part, lines: list[bytes]) -> None:
        try:
            file = self._patiently(lambda: self.service.upload(lines))
        except RefusalError as refusal:
            self._withdraw(part, refusal.reason)
        if self.service.uploads:
            part = self.book.note(part, PartState.UPLOADED, file=file)
        self._order(part, lines)

    def _order(self, part: Part, lines: list[bytes]) -> None:
        """Begin the batch of a part. Before each further try it is looked for: an order whose answer was lost stands.

        Without `lines` the part's file is there already.
        """
        part = self.book.note(part, PartState.UPLOADED, file=part.file) if part.state is PartState.HELD else part
        batch: str | None = None
        for turn in itertools.count(1):
            try:
                batch = self.service.create(part.file, lines)
            except FaultError as fault:
                if fault.kind == "limited" and self._others(part):
                    self._wait_for_one()
                else:
                    self._pause(fault, turn)
                    batch = None if fault.kind == "limited" else self._find(part)
            except (RefusalError, DenialError) as trouble:
                self._withdraw(part, trouble.reason)
            if batch is not None:
                break
        self.book.note(part, PartState.UNDER_WAY, file=part.file, batch=batch or "")
        self.request_counts.sent += part.size

    def _find(self, part: Part) -> str | None:
        """Return the batch of a part that may have been ordered; looked for twice, since it may be listed late."""
        found: str | None = None
        for wait in (0.0, self.pace.settle):
            time.sleep(wait)
            try:
                found = self._patiently(lambda: self.service.find(part, self.book.batches()))
            except RefusalError:
                return None  # a provider that does not list its batches
            if found is not None:
                break
        return found

    def _recover(self, part: Part) -> None:
        """Find out what became of a part that a run before this one was sending when it ended."""
        if part.state in (PartState.UNDER_WAY, PartState.HELD):
            return
        if part.state is PartState.MEANT and self.service.uploads:
            self.book.forget(part)  # its file was not noted, so no batch was ordered
            return
        found = self._find(part)
        if found is not None:
            self.book.note(part, PartState.UNDER_WAY, file=part.file, batch=found)
        elif part.state is PartState.UPLOADED:
            self._order(part, [])
        else:
            self.book.forget(part)

    def _wait_for_one(self) -> None:
        """Return when a batch has ended and its results are in the ledger."""
        while parts := self.book.open_parts():
            ended = [part for part in parts if part.state is PartState.UNDER_WAY and self._has_ended(part)]
            parts = self.book.open_parts()
            held = [part for part in parts if part.state is PartState.HELD]
            if held and (ended or len(held) == len(parts)):
                self._order(held[0], [])
            if ended:
                self.look_wait = self.pace.first_look
                return
            time.sleep(self.look_wait)
            self.look_wait = min(self.pace.longest_look, 1.5 * self.look_wait)

    def _has_ended(self, part: Part) -> bool:
        try:
            look = self._patiently(lambda: self.service.look(part.batch))
        except RefusalError as refusal:
            self._fail(self.book.keys(part), f"lost: {refusal.reason}")
            self.book.note(part, PartState.READ, file=part.file, batch=part.batch)
            return True
        if not look.ended:
            self.progress.advance(0, f"{look.done:,} of {part.size:,} done in a batch, {self.budget.note}")
            return False
        if look.failure is not None:
            return self._refused_whole(part, look)
        self._read(part, look)
        return True

    def _refused_whole(self, part: Part, look: Look) -> bool:
        """Deal with a batch that never began: wait, or record the requests it was refused for."""
        code, message = look.failure or ("", "")
        if code == FULL:
            held = self.book.note(part, PartState.HELD, file=part.file)  # to be ordered again, once there is room
            if part.size > 1 and not self._others(part):
                self._halve(held)
            return False
        keys = list(self._uploaded(part)) if look.faulty else []
        members = set(self.book.keys(part))
        faulty = {keys[at]: reason for at, reason in look.faulty.items() if 0 <= at < len(keys) and keys[at] in members}
        if not faulty:
            self._withdraw(part, f"the batch was refused: {message or code}")
        self._put([self._blank(key, "refused", reason) for key, reason in faulty.items()])
        self._fail(members - set(faulty), f"batch refused: for other requests in it ({one_line(message)})")
        self.book.note(part, PartState.READ, file=part.file, batch=part.batch)
        return True

    def _halve(self, part: Part) -> None:
        """Send a part in halves, for which there is no room even with nothing else waiting."""
        lines = self._uploaded(part)
        keys = list(lines)
        self.most = half = max(1, len(keys) // 2)
        groups = (keys[:half], keys[half:])
        for smaller, group in zip(self.book.mean(*groups, instead_of=part), groups, strict=True):
            self._send(smaller, [lines[key] for key in group])

    def _uploaded(self, part: Part) -> dict[str, bytes]:
        """Return the lines of a part's file by key, in order."""
        try:
            return self._patiently(lambda: self._lines(part))
        except RefusalError as refusal:
            self._withdraw(part, refusal.reason)

    def _lines(self, part: Part) -> dict[str, bytes]:
        lines: dict[str, bytes] = {}
        size = 0
        for number, line in enumerate(self.service.uploaded(part.file)):
            size += len(line)
            try:
                value = load(line)
            except FaultError:
                value = None
            if not isinstance(value, dict) or number == part.size or size > 2 * self.pace.part_bytes + LARGEST_BODY:
                raise FaultError(f"file {part.file} is not the one that was sent")
            lines[str(value.get("custom_id"))] = line
        return lines

    def _read(self, part: Part, look: Look) -> None:
        """Read the results of a batch into the ledger, again from the start where reading breaks off."""
        left = set(self.book.keys(part))
        answered_before = self.budget.answered
        refused: list[str] = []
        reads = itertools.count(1)

        def read() -> None:
            group: dict[str, Completion] = {}
            size = 0
            for number, item in enumerate(self.service.results(part.batch, look)):
                if item.key in left and item.key not in group:
                    group[item.key] = self._completion(item)
                    size += len(group[item.key].raw)
                if len(group) == min(CHUNK, len(left)) or size > self.pace.part_bytes:
                    put(group)
                    size = 0
                if not left or number > 2 * part.size + CHUNK:
                    break
            put(group)
            if left and next(reads) < _READS:
                raise FaultError(f"the results of batch {part.batch} are incomplete")

        def put(group: dict[str, Completion]) -> None:
            refused.extend(key for key, completion in group.items() if completion.finish == "refused")
            self._put(list(group.values()), time.time() - part.at)
            left.difference_update(group)
            group.clear()

        try:
            self._patiently(read)
            reason = f"no result: in batch {part.batch}"
        except RefusalError as refusal:
            reason = f"lost: {refusal.reason}"
        self._fail(left, reason)
        if len(refused) >= _REFUSALS and not answered_before and not self.budget.answered:
            last = self.ledger.get(refused[-1])
            self.ledger.ask_again(refused)
            self.book.note(part, PartState.READ, file=part.file, batch=part.batch)
            why = last.failure if last else ""
            self._stop(
                f"refused each of {len(refused)} requests, the last with {why!r}", "correct the teacher's settings"
            )
        self.book.note(part, PartState.READ, file=part.file, batch=part.batch)

    def _completion(self, item: Item) -> Completion:
        """Return what became of a request: an answer, a refusal, or a failure that the next run asks again."""
        try:
            if item.status == 0:
                raise FaultError(f"{item.code or 'failed'}: {item.message}")
            if item.status != 200:
                raise classify(item.status, {}, item.code, item.message, proven=True)
            raw = _dump(item.body)
            reply = self.shape.parse(raw)
            dialects.check_size(reply, raw, self.most_tokens)
        except dialects.ReplyError as error:
            trouble = classify(error.status, {}, error.code, error.message, proven=True)
            return self._blank(item.key, "refused" if isinstance(trouble, RefusalError) else "failed", trouble.reason)
        except RefusalError as refusal:
            return self._blank(item.key, "refused", refusal.reason)
        except (FaultError, DenialError) as trouble:
            return self._blank(item.key, "failed", trouble.reason)
        failure = one_line(self.secret.redact_text(reply.failure))
        prompt = reply.prompt_tokens or self.prompt_estimate
        return Completion(
            key=item.key,
            finish=reply.finish,
            prompt_tokens=prompt,
            completion_tokens=reply.completion_tokens,
            failure=failure,
            raw=raw,
        )

    def _blank(self, key: str, finish: Finish, reason: str) -> Completion:
        return Completion(key=key, finish=finish, failure=one_line(self.secret.redact_text(reason)), raw=b"")

    def _fail(self, keys: Iterable[str], reason: str) -> None:
        self._put([self._blank(key, "failed", reason) for key in sorted(keys)])

    def _put(self, completions: list[Completion], seconds: float = 0.0) -> None:
        self.ledger.put_many([Entry(done, self.settings.model, 1, seconds) for done in completions])
        for completion in completions:
            self.budget.charge(completion)
            self.budget.release(completion.key)
            self.request_counts.finishes[completion.finish] += 1
        self.progress.advance(len(completions), self.budget.note)
        self._tell([completion.key for completion in completions])

    def _tell(self, keys: list[str]) -> None:
        """Tell what is on disk to whoever follows, and take in what to ask further."""
        if self.follow is not None and (wanted := [key for key in keys if key in self.asked]):
            found = self.ledger.get_many(wanted)
            self.more += self.follow([(self.asked.pop(key), found[key]) for key in wanted])

    def _withdraw(self, part: Part, reason: str) -> NoReturn:
        """Stop because a part was not taken; the next run sends its requests again."""
        self.book.forget(part)
        self._stop(reason, "correct the teacher's settings and run again")

    def _others(self, part: Part) -> bool:
        return any(other.state is PartState.UNDER_WAY for other in self.book.open_parts() if other.id != part.id)

    def _patiently(self, call: Callable[[], T]) -> T:
        """Return what a call returns, tried again after what may pass. Only for calls that may be made twice."""
        for turn in itertools.count(1):
            try:
                return call()
            except FaultError as fault:
                self._pause(fault, turn)
            except DenialError as denial:
                self._stop(denial.reason, "correct the teacher's settings and run again")
        raise AssertionError

    def _pause(self, fault: FaultError, turn: int) -> None:
        if turn >= self.pace.tries:
            self._stop(fault.reason, "batches that were begun go on at the provider, run again to read them")
        wait = min(self.pace.longest_wait, self.pace.first_wait * 2 ** (turn - 1))
        time.sleep(wait if fault.wait is None else min(fault.wait, 15 * self.pace.longest_wait))

    def _stop(self, reason: str, advice: str) -> NoReturn:
        raise TeacherError(f"{self.name}: {one_line(self.secret.redact_text(reason))}; {advice}") from None


def _dump(body: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """Return JSON again; numbers and halves of characters that orjson does not write are written as they came.

    Raises:
        FaultError: it is nested deeper than any reply.
    """
    import orjson

    try:
        return orjson.dumps(body)
    except orjson.JSONEncodeError:
        pass
    try:
        return json.dumps(body).encode()
    except RecursionError:
        raise FaultError("malformed body: nested too deeply") from None
