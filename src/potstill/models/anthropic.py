"""Anthropic's Messages API: how a request is written for it, and how its reply is read.

Other servers speak it too (DeepSeek, vLLM, llama.cpp, Ollama); whether their thinking is a summary is for `dialects` to
say, from the model's name.
"""

from __future__ import annotations

from typing import Any

from potstill.models.dialects import Reply, ReplyError, count, finish_of, says_anything
from potstill.models.faults import FaultError, told
from potstill.models.requests import Request
from potstill.recipe import Sampling

VERSION = "2023-06-01"
_STATUSES = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
"""HTTP status of an error by its type, for errors that come inside a body."""


def message_body(request: Request) -> dict[str, Any]:
    """Return the body of a request: the system prompt apart from the turns, no seed, `max_tokens` always.

    The API has no seed; the samples of a problem differ by chance alone.
    """
    system = "\n\n".join(message.content for message in request.messages if message.role == "system")
    turns = [
        {"role": message.role, "content": message.content} for message in request.messages if message.role != "system"
    ]
    fields = {name: value for name, value in request.sampling.items() if name != "seed"}
    fields.setdefault("max_tokens", Sampling().max_tokens)
    body: dict[str, Any] = {"model": request.model, "messages": turns, **fields}
    return {**body, "system": system} if system else body


def read(value: dict[str, Any]) -> Reply:
    """Read a message from parsed JSON. Its content is a list of text, thinking and redacted thinking blocks.

    Raises:
        FaultError: the message is empty or broken off.
        ReplyError: it is an error object.
    """
    if value.get("error"):
        raise error_in(value)
    content = value.get("content")
    if not isinstance(content, list):
        raise FaultError("malformed body: no content")
    finish, failure = finish_of(value.get("stop_reason"))
    details = value.get("stop_details")
    if finish == "refused" and isinstance(details, dict):
        said = details.get("explanation") or details.get("category")
        failure = f"refusal: {said}" if isinstance(said, str) else failure
    usage = value.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    apart = usage.get("output_tokens_details")
    message = {"content": content}
    if finish == "stop" and not says_anything(message):
        raise FaultError("empty completion")
    return Reply(
        message=message,
        finish=finish,
        failure=failure,
        prompt_tokens=_prompt_tokens(usage),
        completion_tokens=count(usage.get("output_tokens")),
        hidden_tokens=count(apart.get("thinking_tokens")) or 0 if isinstance(apart, dict) else 0,
    )


def error_in(value: dict[str, Any]) -> ReplyError:
    """Return what an error object says, with the HTTP status that belongs to its type, or 500."""
    code, message = told(value)
    return ReplyError(_STATUSES.get(code, 500), code, message)


def _prompt_tokens(usage: dict[str, Any]) -> int | None:
    """Return all tokens of the prompt; what was written to or read from a cache is counted apart from the rest."""
    fresh = count(usage.get("input_tokens"))
    if fresh is None:
        return None
    cached = (count(usage.get(f"cache_{done}_input_tokens")) or 0 for done in ("creation", "read"))
    return fresh + sum(cached)
