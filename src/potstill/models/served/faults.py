"""What can go wrong with one request, and what follows: ask again, record a refusal, or stop."""

from __future__ import annotations

import datetime
import email.utils
import json
import re
import reprlib
import time
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from potstill.errors import TeacherError

REASON_CHARACTERS = 300
_MODEL_MISSING = ("not found", "not_found", "not exist", "unknown model", "invalid model", "no such model")
_FLAGGED = ("moderation", "flagged", "content policy", "content_policy", "safety", "content_filter")
_OVERLOADED = (503, 529)
_ALLOWANCES: tuple[tuple[Literal["requests", "tokens"], str], ...] = (
    ("requests", "x-ratelimit-{}-requests"),
    ("tokens", "x-ratelimit-{}-tokens"),
    ("requests", "x-ratelimit-{}"),
    ("requests", "anthropic-ratelimit-requests-{}"),
    ("tokens", "anthropic-ratelimit-tokens-{}"),
    ("tokens", "anthropic-ratelimit-output-tokens-{}"),
)
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(?:\d{1,12}(?:\.\d{1,12})?(?:ms|[smhd]))+")
"""`6m0s`, `1.5s`, `250ms`: how rate-limit headers write a time."""
_SHOWN = reprlib.Repr()
"""Values that are no text, as text: bounded in depth and size, whatever a server nests."""
_SHOWN.maxlevel, _SHOWN.maxstring = 4, REASON_CHARACTERS
_INNER = ("metadata", "raw", "innererror", "inner_error", "cause", "details", "detail", "errors", "error", "body")
"""Where gateways keep what the provider behind them said; OpenRouter in `metadata.raw`, as text that is JSON again."""
_DEEPEST = 4
FEW = 4
"""Refusals of one reason before any answer from which it is the settings that are refused, not the questions."""
_NUMBERS = re.compile(r"\d+")
"""The `17` of `message 17 is too long`, which is otherwise the same reason as that of message 18."""
_ACCOUNT = ("insufficient_quota", "insufficient balance", "billing_hard_limit", "exceeded your current quota")


class FaultError(Exception):
    """What may pass: the same request is sent again after a wait.

    `wait` is what the server asked for, in seconds; `kind` tells a rate limit, a server that has too much to do, one
    that could not be connected to, and a reply that was broken off from all else; `cost` is how many of the tries it
    uses up.
    """

    def __init__(
        self,
        reason: str,
        *,
        wait: float | None = None,
        kind: Literal["limited", "overloaded", "unreachable", "broken", "other"] = "other",
        cost: int = 1,
    ) -> None:
        super().__init__(reason)
        self.reason, self.wait, self.kind, self.cost = reason, wait, kind, cost


class RefusalError(Exception):
    """What the server will always say to this request: recorded once, the rest goes on."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class DenialError(Exception):
    """What the server would say to every request: wrong key, wrong address, unknown model, empty account.

    `no_such_path`: it does not know the address, so another one may do.
    """

    def __init__(self, reason: str, *, no_such_path: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.no_such_path = reason, no_such_path


def classify(
    status: int, headers: Mapping[str, str], code: str, message: str, *, proven: bool
) -> FaultError | RefusalError | DenialError:
    """Return what an error reply means; `proven` says that this process has had an answer from the server."""
    reason = one_line(f"HTTP {status}: {message or code}" if message or code else f"HTTP {status}")
    said = f"{code} {message}".casefold()
    if status in (401, 402) or (status == 429 and any(word in said for word in _ACCOUNT)):
        return DenialError(reason)
    if status in (408, 409, 425, 429) or status >= 500:
        wait = asked_wait(headers, time.time())
        if status == 429:
            wait = _refilled(headers, time.time()) if wait is None else wait
            return FaultError(reason, wait=wait, kind="limited")
        return FaultError(reason, wait=wait, kind="overloaded" if status in _OVERLOADED else "other")
    if status == 403:
        if any(word in said for word in _FLAGGED):
            return RefusalError(reason)
        return FaultError(reason) if proven else DenialError(reason)
    if status < 400:
        # Whole, since the address may hold the key, and half of a key is not found any more.
        reason = f"HTTP {status}: redirects to {headers.get('Location', 'elsewhere')}, which is not followed"
        return FaultError(reason) if proven else DenialError(reason)
    model_missing = "model" in said and any(word in said for word in _MODEL_MISSING)
    if not proven and (status in (404, 405) or model_missing):
        return DenialError(reason, no_such_path=not model_missing)
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


def allowances(headers: Mapping[str, str], now: float) -> Iterator[tuple[Literal["requests", "tokens"], float, float]]:
    """Yield what rate-limit headers say: the kind, how much is left, and how much comes back a second.

    `now` is Unix time. Read are OpenAI's shape (most others copy it), Anthropic's, and the plain one. A reset is when
    all of it is back, which is how the large providers document theirs.
    """
    for kind, name in _ALLOWANCES:
        said = headers.get(name.format("remaining"))
        if said is None:
            continue
        left, limit = _number(said), _number(headers.get(name.format("limit"), ""))
        reset = _seconds(headers.get(name.format("reset"), ""), now)
        if left is not None and limit is not None and reset and limit > left >= 0:
            yield kind, left, (limit - left) / reset


def _refilled(headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds until no allowance is empty; None where none is."""
    waits = [(1.0 - left) / refill for _, left, refill in allowances(headers, now) if left < 1]
    return max(waits, default=None)


def _seconds(said: str, now: float) -> float | None:
    """Return seconds from `6m0s`, `120ms`, `59.5`, a Unix time (also in ms) or an RFC 3339 time; None for none."""
    said = said.strip()
    if _DURATION.fullmatch(said):
        return sum(float(number) * _UNITS[unit] for number, unit in re.findall(r"([\d.]+)(ms|[smhd])", said))
    value = _number(said)
    if value is None:
        try:
            value = datetime.datetime.fromisoformat(said).timestamp()
        except (ValueError, OverflowError):
            return None
    for unit in (1000.0, 1.0):
        if value > 1e9 * unit:
            return max(0.0, value / unit - now)
    return value


def _number(said: str) -> float | None:
    try:
        value = float(said)
    except ValueError:
        return None
    return value if 0 <= value < float("inf") else None


def told(value: Any) -> tuple[str, str]:  # noqa: ANN401 - any JSON value
    """Return (code, message) of an error body: an `error` object or text, vLLM's flat shape, or FastAPI's `detail`."""
    if isinstance(value, dict):
        error = value.get("error") or value
        if isinstance(error, dict):
            message = error.get("message") or error.get("detail") or error.get("msg") or ""
            code = error.get("code") or error.get("type") or ""
            inner = next((said for said in _inner(error, 0) if said and said not in _shown(message)), "")
            return _shown(code), f"{_shown(message)} ({inner})" if inner and message else inner or _shown(message)
        return "", _shown(error)
    return "", value if isinstance(value, str) else ""


def _inner(value: Any, depth: int) -> Iterator[str]:  # noqa: ANN401 - any JSON value
    """Yield what the error of a provider behind a gateway says, the innermost first."""
    if depth > _DEEPEST:
        return
    if isinstance(value, str) and value[:1] in "{[" and len(value) < 65536:
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return
    if isinstance(value, list):
        value = value[0] if value else None
    if not isinstance(value, dict):
        return
    for name in _INNER:
        yield from _inner(value.get(name), depth + 1)
        if depth and isinstance(value.get(name), str):
            yield value[name]
    if depth and isinstance(value.get("message"), str):
        yield value["message"]


def _shown(value: Any) -> str:  # noqa: ANN401 - any JSON value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value}" if abs(value) < 10**15 else ""  # no code has so many digits
    return value if isinstance(value, str) else _SHOWN.repr(value)


def one_line(text: str) -> str:
    """Return printable text on one line, at most 300 characters."""
    clean = "".join(character if character.isprintable() else " " for character in text[: 4 * REASON_CHARACTERS])
    line = " ".join(clean.split())
    return line if len(line) <= REASON_CHARACTERS else line[: REASON_CHARACTERS - 1] + "…"


class Health:
    """Tells single failures from a teacher that cannot teach.

    `most_failures` requests in a row that failed in spite of their retries stop the run, or `FEW` of them before
    anything was ever answered. So do `most_refusals` refusals before that, or `FEW` of one and the same reason: then it
    is the settings that are refused, not the questions.
    """

    def __init__(self, name: str, most_failures: int, most_refusals: int) -> None:
        self.name, self.most_failures, self.most_refusals = name, most_failures, most_refusals
        self.proven = False
        self.failures = 0
        self.refused: list[str] = []
        self._reasons: set[str] = set()

    @property
    def refused_everything(self) -> bool:
        """Whether the run was stopped because nothing but refusals came."""
        most = FEW if len(self._reasons) == 1 else self.most_refusals
        return not self.proven and len(self.refused) >= most

    def answered(self) -> None:
        """Note an answer: the teacher works."""
        self.proven = True
        self.failures = 0
        self.refused.clear()
        self._reasons.clear()

    def failed(self, reason: str) -> None:
        """Note a request that failed for good; raise TeacherError when it is one too many in a row."""
        self.failures += 1
        if self.failures >= (self.most_failures if self.proven else min(FEW, self.most_failures)):
            raise TeacherError(
                f"{self.name}: {self.failures} requests in a row failed, the last with {reason!r}; "
                "what was answered is kept, run again to go on"
            )

    def refusing(self, key: str, reason: str) -> None:
        """Note a refused request."""
        if not self.proven:
            self.refused.append(key)
            self._reasons.add(_NUMBERS.sub("0", reason))

    def consider_refusals(self, reason: str) -> None:
        """Raise TeacherError when nothing but refusals has come."""
        if self.refused_everything:
            raise TeacherError(
                f"{self.name}: refused each of the first {len(self.refused)} requests, the last with {reason!r}; "
                "correct the teacher's settings and run again"
            )
