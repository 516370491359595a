"""The body of a request for a chat completion, read: what is not known or cannot be done is refused, never left out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from potstill.serve.seam import ChatRequest

MOST_BYTES = 4 * 2**20
"""Of a request's body."""
MOST_MESSAGES = 1000
MOST_STOPS, LONGEST_STOP = 16, 200
MOST_TOKENS = 2**31 - 1
ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
UNHEEDED = frozenset((
    "user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key", "prompt_cache_retention",
    "parallel_tool_calls", "reasoning_effort", "verbosity",
))  # fmt: skip
"""Fields that change nothing of what a student writes."""
NEUTRAL: dict[str, tuple[Any, ...]] = {
    "n": (1,), "logprobs": (False,), "presence_penalty": (0,), "frequency_penalty": (0,), "tools": ([],),
    "tool_choice": ("none", "auto"), "response_format": ({"type": "text"},), "logit_bias": ({},),
    "modalities": (["text"],), "echo": (False,),
}  # fmt: skip
"""Fields that are taken at these values, where they ask for nothing that is not done here."""
READ = frozenset((
    "model", "messages", "max_tokens", "max_completion_tokens", "temperature", "top_p", "seed", "stop", "stream",
    "stream_options",
))  # fmt: skip


class BodyError(Exception):
    """What is wrong with a request: `param` is the field, `code` and `status` what clients tell errors by."""

    def __init__(self, message: str, param: str | None = None, *, code: str | None = None, status: int = 400) -> None:
        super().__init__(message)
        self.param, self.code, self.status = param, code, status


@dataclass(frozen=True, kw_only=True)
class Defaults:
    """What holds where a request does not say: how the student was measured."""

    name: str
    temperature: float = 0.0
    top_p: float = 1.0


@dataclass(frozen=True)
class ChatBody:
    """A body that was read: what is asked, whether it is answered in a stream, and whether that ends with the usage."""

    request: ChatRequest
    stream: bool
    usage: bool


def read(raw: bytes, defaults: Defaults, seed: int) -> ChatBody:
    """Read a body; `seed` holds where it names none.

    Raises:
        BodyError: it is not JSON, or asks for what is not done here.
    """
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise BodyError(f"the body is not JSON ({error})") from None
    if not isinstance(body, dict):
        raise BodyError("the body is not a JSON object")
    given = {key: value for key, value in body.items() if value is not None}
    _known(given)
    if given.get("model") != defaults.name:
        if not isinstance(given.get("model"), str):
            _refuse("model", "is missing: GET /v1/models names it")
        raise BodyError(
            f"there is no model {given['model'][:80]!r} here, only {defaults.name!r}", "model", code="model_not_found",
            status=404,
        )  # fmt: skip
    most = [int(_number(given, key, 1, MOST_TOKENS, 0, whole=True))
            for key in ("max_completion_tokens", "max_tokens") if key in given]  # fmt: skip
    options = given.get("stream_options", {})
    return ChatBody(
        ChatRequest(
            messages=_messages(given.get("messages")),
            max_tokens=most[0] if most else None,
            temperature=_temperature(given, defaults.temperature),
            top_p=_number(given, "top_p", 1e-6, 1, defaults.top_p),
            seed=int(_number(given, "seed", -(2**63), 2**63 - 1, seed, whole=True)) % 2**62,
            stop=_stops(given.get("stop", [])),
        ),
        stream=_flag(given, "stream"),
        usage=isinstance(options, dict) and _flag(options, "include_usage"),
    )


def _refuse(field: str, why: str) -> NoReturn:
    raise BodyError(f"{field} {why}", field)


def _known(given: Mapping[str, Any]) -> None:
    for key, value in given.items():
        if key in NEUTRAL:
            if value not in NEUTRAL[key]:
                _refuse(key, "of another value than the usual one is not done here: leave it out")
        elif key not in READ and key not in UNHEEDED:
            _refuse(key[:80], "is not known here: leave it out")


def _number(
    given: Mapping[str, Any], key: str, least: float, most: float, default: float, *, whole: bool = False
) -> float:
    value = given.get(key, default)
    good = isinstance(value, int if whole else int | float) and not isinstance(value, bool) and least <= value <= most
    if not good:
        _refuse(key, f"is a {'whole ' if whole else ''}number from {least:g} to {most:g}")
    return value  # type: ignore[no-any-return]


def _temperature(given: Mapping[str, Any], default: float) -> float:
    value = _number(given, "temperature", 0, 2, default)
    return 0.0 if value < 1e-4 else float(value)


def _flag(given: Mapping[str, Any], key: str) -> bool:
    value = given.get(key, False)
    if not isinstance(value, bool):
        _refuse(key, "is true or false")
    return value


def _stops(given: Any) -> tuple[str, ...]:  # noqa: ANN401 - of a body
    stops = [given] if isinstance(given, str) else given
    good = isinstance(stops, list) and len(stops) <= MOST_STOPS
    if not good or not all(isinstance(stop, str) and 0 < len(stop) <= LONGEST_STOP for stop in stops):
        _refuse("stop", f"is a text or a list of at most {MOST_STOPS}, each of 1 to {LONGEST_STOP} characters")
    return tuple(stops)


def _messages(given: Any) -> tuple[Mapping[str, str], ...]:  # noqa: ANN401 - of a body
    if not isinstance(given, list) or not 0 < len(given) <= MOST_MESSAGES:
        _refuse("messages", f"is a list of 1 to {MOST_MESSAGES} messages")
    return tuple(_message(turn, f"messages.{number}") for number, turn in enumerate(given))


def _message(turn: Any, where: str) -> Mapping[str, str]:  # noqa: ANN401 - of a body
    if not isinstance(turn, dict):
        _refuse(where, "is not an object")
    role = turn.get("role")
    if not isinstance(role, str) or role not in ROLES:
        _refuse(f"{where}.role", f"is one of {', '.join(ROLES)}")
    if turn.get("tool_calls"):
        _refuse(f"{where}.tool_calls", "is not done here: this student calls no tools")
    found = {"role": ROLES[role], "content": _text(turn.get("content"), f"{where}.content")}
    if thought := turn.get("reasoning_content"):
        found["reasoning_content"] = _text(thought, f"{where}.reasoning_content")
    return found


def _text(content: Any, where: str) -> str:  # noqa: ANN401 - of a body
    """Return a content that is text, or parts of type `text`."""
    parts = content if isinstance(content, list) else [{"type": "text", "text": content}]
    texts = [part.get("text") if isinstance(part, dict) and part.get("type") == "text" else None for part in parts]
    if not all(isinstance(text, str) for text in texts):
        _refuse(where, "is a text, or a list of parts of type text: this student reads nothing else")
    joined = "".join(map(str, texts))
    try:
        joined.encode()
    except UnicodeEncodeError:
        _refuse(where, "has half a character in it")
    return joined
