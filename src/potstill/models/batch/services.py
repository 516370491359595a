"""The batch interfaces of OpenAI (files and batches) and Anthropic (message batches), made alike.

Shapes as the providers document them: developers.openai.com/api/docs/guides/batch and
platform.claude.com/docs/en/api/messages/batches, read 2026-11-21.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from potstill.models.batch.book import Part
from potstill.models.batch.transport import Transport
from potstill.models.replies import anthropic
from potstill.models.replies.loose_json import load
from potstill.models.replies.usage import count
from potstill.models.served.faults import FaultError, told

PAGES = 20
"""Pages of a hundred batches that are looked through for a lost one."""
SKEW = 600.0
"""Seconds by which the provider's clock and ours may differ."""
FULL = "token_limit_exceeded"
"""OpenAI's word for a batch that would be more than it keeps waiting at a time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """How a batch stands. `files` are those its results are in; `failure` is (code, message) of one refused whole.

    `faulty` are the numbers, from 0, of the requests for which it was refused, with the reason of each.
    """

    ended: bool
    done: int = 0
    files: tuple[str, ...] = ()
    failure: tuple[str, str] | None = None
    faulty: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """The result of one request: `body` is a reply, or None where `status` (HTTP), `code` and `message` say why."""

    key: str
    body: Any = None
    status: int = 200
    code: str = ""
    message: str = ""


class Service(Protocol):
    """One provider's batch interface. Methods raise what `Transport.call` raises."""

    most_requests: int
    most_bytes: int
    uploads: bool
    """Whether requests are sent as a file first; otherwise together with the order to begin."""

    def line(self, key: str, body: dict[str, Any]) -> bytes:
        """Return one request as it is sent."""

    def upload(self, lines: Sequence[bytes]) -> str:
        """Send requests as a file and return its name."""

    def uploaded(self, file: str) -> Iterator[bytes]:
        """Yield the requests of a file."""

    def create(self, file: str, lines: Sequence[bytes]) -> str:
        """Order a batch to begin and return its name."""

    def find(self, part: Part, known: set[str]) -> str | None:
        """Return the batch of a part, of which it is not known whether it was ordered."""

    def look(self, batch: str) -> Look:
        """Return how a batch stands."""

    def results(self, batch: str, look: Look) -> Iterator[Item]:
        """Yield the results of a batch that has ended, in any order."""


class OpenAIBatches:
    """Files of JSON lines; half the price, done within 24 hours."""

    most_requests = 50_000
    most_bytes = 200 * 10**6
    uploads = True

    def __init__(self, transport: Transport, path: str) -> None:
        self.transport, self.url = transport, f"/v1{path}"

    def line(self, key: str, body: dict[str, Any]) -> bytes:
        """Return one line of a batch file."""
        return _dump({"custom_id": key, "method": "POST", "url": self.url, "body": body})

    def upload(self, lines: Sequence[bytes]) -> str:
        """Send a file with the purpose `batch`."""
        mark = uuid.uuid4().hex
        head = (
            f'--{mark}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
            f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="requests.jsonl"\r\n'
            "Content-Type: application/jsonl\r\n\r\n"
        )
        body = b"".join((head.encode(), b"\n".join(lines), f"\r\n--{mark}--\r\n".encode()))
        return _name(self.transport.call("POST", "/files", body, f"multipart/form-data; boundary={mark}"))

    def uploaded(self, file: str) -> Iterator[bytes]:
        """Yield the lines of a file that was sent."""
        return (line for line in self.transport.lines(f"/files/{file}/content") if line.strip())

    def create(self, file: str, lines: Sequence[bytes]) -> str:
        """Begin a batch over a file."""
        order = {"input_file_id": file, "endpoint": self.url, "completion_window": "24h"}
        return _name(self.transport.call("POST", "/batches", _dump(order)))

    def find(self, part: Part, known: set[str]) -> str | None:
        """Return the batch that was begun over the file of this part."""
        for batch in _pages(self.transport, "/batches", "after"):
            if batch.get("input_file_id") == part.file and batch.get("status") != "failed":
                return _name(batch)
            if isinstance(made := batch.get("created_at"), int) and made < part.at - SKEW:
                return None
        return None

    def look(self, batch: str) -> Look:
        """Return how a batch stands; one that expired or was cancelled has the results there were until then."""
        found = _object(self.transport.call("GET", f"/batches/{batch}"))
        status = found.get("status")
        counts = found.get("request_counts")
        done = sum(_number(counts, name) for name in ("completed", "failed"))
        if status == "failed":
            errors = found.get("errors")
            errors = errors.get("data") if isinstance(errors, dict) else None
            errors = [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
            code, message = told(errors[0]) if errors else ("", "the batch failed and no reason is given")
            faulty = {error["line"] - 1: told(error)[1] for error in errors if isinstance(error.get("line"), int)}
            return Look(ended=True, failure=(code, message), faulty=faulty)
        if status not in ("completed", "expired", "cancelled"):
            return Look(ended=False, done=done)
        files = (found.get("output_file_id"), found.get("error_file_id"))
        return Look(ended=True, done=done, files=tuple(file for file in files if isinstance(file, str) and file))

    def results(self, batch: str, look: Look) -> Iterator[Item]:
        """Yield what is in the output file and in the error file."""
        for file in look.files:
            for value in _values(self.transport.lines(f"/files/{_safe(file)}/content")):
                response, error = value.get("response"), value.get("error")
                response = response if isinstance(response, dict) else {}
                status, body = response.get("status_code"), response.get("body")
                if status == 200:
                    yield Item(key=str(value.get("custom_id")), body=body)
                elif isinstance(status, int):
                    code, message = told(body)
                    yield Item(key=str(value.get("custom_id")), status=status, code=code, message=message)
                else:
                    code, message = told(error)
                    yield Item(
                        key=str(value.get("custom_id")),
                        body=None,
                        status=0,
                        code=code.removeprefix("batch_"),
                        message=message,
                    )


class AnthropicBatches:
    """Requests sent with the order to begin; half the price, ended within 24 hours, results kept for 29 days."""

    most_requests = 100_000
    most_bytes = 256 * 10**6
    uploads = False

    def __init__(self, transport: Transport) -> None:
        self.transport = transport

    def line(self, key: str, body: dict[str, Any]) -> bytes:
        """Return one entry of `requests`."""
        return _dump({"custom_id": key, "params": body})

    def upload(self, lines: Sequence[bytes]) -> str:
        """Do nothing: there are no files here."""
        return ""

    def uploaded(self, file: str) -> Iterator[bytes]:
        """Yield nothing: there are no files here."""
        return iter(())

    def create(self, file: str, lines: Sequence[bytes]) -> str:
        """Send the requests."""
        body = b"".join((b'{"requests":[', b",".join(lines), b"]}"))
        return _name(self.transport.call("POST", "/batches", body))

    def find(self, part: Part, known: set[str]) -> str | None:
        """Return the unknown batch of this size that was made when this part was sent.

        Batches carry no name of ours. Were it not this part's batch, its results would be of other requests, and the
        part's would count as failed, to be asked again.
        """
        near: list[tuple[float, str]] = []
        for batch in _pages(self.transport, "/batches", "after_id"):
            made = _time(batch.get("created_at"))
            if made < part.at - SKEW:
                break
            counts = batch.get("request_counts")
            size = sum(_number(counts, name) for name in counts) if isinstance(counts, dict) else 0
            if size == part.size and (name := _name(batch)) not in known:
                near.append((abs(made - part.at), name))
        return min(near)[1] if near else None

    def look(self, batch: str) -> Look:
        """Return how a batch stands."""
        found = _object(self.transport.call("GET", f"/batches/{batch}"))
        counts = found.get("request_counts")
        done = sum(_number(counts, name) for name in ("succeeded", "errored", "canceled", "expired"))
        return Look(ended=found.get("processing_status") == "ended", done=done)

    def results(self, batch: str, look: Look) -> Iterator[Item]:
        """Yield the results; the address that the server names for them is not followed, the documented one is."""
        for value in _values(self.transport.lines(f"/batches/{batch}/results")):
            key, result = str(value.get("custom_id")), value.get("result")
            result = result if isinstance(result, dict) else {}
            kind = str(result.get("type"))
            if kind == "succeeded":
                yield Item(key=key, body=result.get("message"))
            elif kind == "errored":
                error = result.get("error")
                reason = anthropic.error_in(error if isinstance(error, dict) else {})
                yield Item(key=key, body=None, status=reason.status, code=reason.code, message=reason.message)
            else:
                yield Item(
                    key=key,
                    body=None,
                    status=0,
                    code=kind,
                    message=f"the batch ended before this request was answered ({kind})",
                )


def _dump(value: Any) -> bytes:  # noqa: ANN401 - any JSON value
    import orjson

    return orjson.dumps(value)


def _object(value: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    if not isinstance(value, dict):
        raise FaultError("malformed body: no object")
    return value


def _name(value: Any) -> str:  # noqa: ANN401 - any JSON value
    return _safe(_object(value).get("id"))


def _safe(name: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return a name that goes into a path; nothing a server says can lead to another one."""
    if not isinstance(name, str) or not name.replace("-", "").replace("_", "").isalnum() or len(name) > 200:
        raise FaultError("malformed body: no id")
    return name


def _number(counts: Any, name: str) -> int:  # noqa: ANN401 - any JSON value
    return (count(counts.get(name)) or 0) if isinstance(counts, dict) else 0


def _time(said: Any) -> float:  # noqa: ANN401 - any JSON value
    try:
        return datetime.datetime.fromisoformat(str(said)).timestamp()
    except (ValueError, OverflowError):
        return 0.0


def _pages(transport: Transport, path: str, cursor: str) -> Iterator[dict[str, Any]]:
    """Yield batches, the newest first."""
    after = ""
    for _ in range(PAGES):
        page = _object(transport.call("GET", f"{path}?limit=100{after}"))
        batches = page.get("data")
        batches = [batch for batch in batches if isinstance(batch, dict)] if isinstance(batches, list) else []
        yield from batches
        if not batches or not page.get("has_more"):
            return
        after = f"&{cursor}={_name(batches[-1])}"


def _values(lines: Iterator[bytes]) -> Iterator[dict[str, Any]]:
    """Yield the objects of JSON lines; a line that is none, or was too long, is left out and so has no result."""
    for line in lines:
        try:
            value = load(line) if line.strip() else None
        except FaultError:
            continue
        if isinstance(value, dict):
            yield value
