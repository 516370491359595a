"""What can go wrong with one request, and what follows: ask again, record a refusal, or stop."""

from __future__ import annotations

import email.utils
import time
from collections.abc import Mapping
from typing import Any

from potstill.errors import TeacherError

REASON_CHARACTERS = 300
_MODEL_MISSING = ("not found", "not_found", "not exist", "unknown model", "invalid model", "no such model")
_FLAGGED = ("moderation", "flagged", "content policy", "content_policy", "safety", "content_filter")
_ACCOUNT = ("insufficient_quota", "insufficient balance", "billing_hard_limit", "exceeded your current quota")


class FaultError(Exception):
    """What may pass: the same request is sent again after a wait.

    `wait` is what the server asked for, in seconds; `limited` marks a rate limit, `unreachable` a server that could
    not be connected to, `cost` how many of the tries it uses up.
    """

    def __init__(
        self, reason: str, *, wait: float | None = None, limited: bool = False, unreachable: bool = False, cost: int = 1
    ) -> None:
        super().__init__(reason)
        self.reason, self.wait, self.limited, self.unreachable, self.cost = reason, wait, limited, unreachable, cost


class RefusalError(Exception):
    """What the server will always say to this request: recorded once, the rest goes on."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class DenialError(Exception):
    """What the server would say to every request: wrong key, wrong address, unknown model, empty account."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def classify(
    status: int, headers: Mapping[str, str], code: str, message: str, *, proven: bool
) -> FaultError | RefusalError | DenialError:
    """Return what an error reply means; `proven` says that this process has had an answer from the server."""
    reason = one_line(f"HTTP {status}: {message or code}" if message or code else f"HTTP {status}")
    said = f"{code} {message}".casefold()
    if status in (401, 402) or (status == 429 and any(word in said for word in _ACCOUNT)):
        return DenialError(reason)
    if status in (408, 409, 425, 429) or status >= 500:
        return FaultError(reason, wait=asked_wait(headers, time.time()), limited=status == 429)
    if status == 403:
        if any(word in said for word in _FLAGGED):
            return RefusalError(reason)
        return FaultError(reason) if proven else DenialError(reason)
    if status < 400:
        target = headers.get("Location", "elsewhere")
        reason = one_line(f"HTTP {status}: redirects to {target}, which is not followed")
        return FaultError(reason) if proven else DenialError(reason)
    model_missing = "model" in said and any(word in said for word in _MODEL_MISSING)
    if not proven and (status in (404, 405) or model_missing):
        return DenialError(reason)
    return RefusalError(reason)


def asked_wait(headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds that `Retry-After` (seconds or an HTTP date) or `retry-after-ms` ask for.

    `now` is Unix time. Headers that say nothing sensible are no request to wait.
    """
    for name, unit in (("retry-after-ms", 1000.0), ("Retry-After", 1.0)):
        value = headers.get(name, "").strip()
        try:
            seconds = float(value) / unit
        except ValueError:
            continue
        if 0 <= seconds < float("inf"):
            return seconds
    try:
        return max(0.0, email.utils.parsedate_to_datetime(headers.get("Retry-After", "")).timestamp() - now)
    except (TypeError, ValueError, OverflowError):
        return None


def told(value: Any) -> tuple[str, str]:  # noqa: ANN401 - any JSON value
    """Return (code, message) of an error body: an `error` object or text, vLLM's flat shape, or FastAPI's `detail`."""
    if isinstance(value, dict):
        error = value.get("error") or value
        if isinstance(error, dict):
            message = error.get("message") or error.get("detail") or error.get("msg") or ""
            code = error.get("code") or error.get("type") or ""
            return str(code), message if isinstance(message, str) else repr(message)
        return "", str(error)
    return "", value if isinstance(value, str) else ""


def one_line(text: str) -> str:
    """Return printable text on one line, at most 300 characters."""
    clean = "".join(character if character.isprintable() else " " for character in text[: 4 * REASON_CHARACTERS])
    line = " ".join(clean.split())
    return line if len(line) <= REASON_CHARACTERS else line[: REASON_CHARACTERS - 1] + "…"


class Health:
    """Tells single failures from a teacher that cannot teach.

    `most_failures` requests in a row that failed in spite of their retries stop the run; so do `most_refusals`
    refusals before anything was ever answered, for then it is the settings that are refused, not the questions.
    """

    def __init__(self, name: str, most_failures: int, most_refusals: int) -> None:
        self.name, self.most_failures, self.most_refusals = name, most_failures, most_refusals
        self.proven = False
        self.failures = 0
        self.refused: list[str] = []

    @property
    def refused_everything(self) -> bool:
        """Whether the run was stopped because nothing but refusals came."""
        return not self.proven and len(self.refused) >= self.most_refusals

    def answered(self) -> None:
        """Note an answer: the teacher works."""
        self.proven = True
        self.failures = 0
        self.refused.clear()

    def failed(self, reason: str) -> None:
        """Note a request that failed for good; raise TeacherError when it is one too many in a row."""
        self.failures += 1
        if self.failures >= self.most_failures:
            raise TeacherError(
                f"{self.name}: {self.failures} requests in a row failed, the last with {reason!r}; "
                "what was answered is kept, run again to go on"
            )

    def refusing(self, key: str) -> None:
        """Note a refused request."""
        if not self.proven:
            self.refused.append(key)

    def consider_refusals(self, reason: str) -> None:
        """Raise TeacherError when nothing but refusals has come."""
        if self.refused_everything:
            raise TeacherError(
                f"{self.name}: refused each of the first {len(self.refused)} requests, the last with {reason!r}; "
                "correct the teacher's settings and run again"
            )
