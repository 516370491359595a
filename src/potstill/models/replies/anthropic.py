"""Anthropic's Messages API: how a request is written for it, and how its reply is read.

Other servers speak it too (DeepSeek, vLLM, llama.cpp, Ollama); whether their thinking is a summary is for `dialects` to
say, from the model's name.
"""

from __future__ import annotations

from typing import Any

from potstill.models.replies.dialects import Reply, ReplyError, reply_of
from potstill.models.replies.fields import names_reasoning
from potstill.models.replies.finishes import ends_in_call, finish_of
from potstill.models.replies.native_calls import CallTurn, ResultTurn, arguments, offered, turns_of
from potstill.models.replies.usage import usage_of
from potstill.models.requests import Message, Request
from potstill.models.served.faults import FaultError, told
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
    """Return the body of a request: the system prompt apart, no seed, `max_tokens` always, stops by their name here.

    The API has no seed; the samples of a problem differ by chance alone.
    """
    system = "\n\n".join(message.content for message in request.messages if message.role == "system")
    turns = [turn for message in turns_of(request) if (turn := _turn(message))["role"] != "system"]
    fields = {name: value for name, value in request.sampling.items() if name != "seed" and value is not None}
    if functions := offered(request.sampling):
        fields["tools"] = [
            {"name": one["name"], "description": one["description"], "input_schema": one["parameters"]}
            for one in functions
        ]
    fields.setdefault("max_tokens", Sampling().max_tokens)
    if "stop" in fields:
        fields["stop_sequences"] = fields.pop("stop")
    body: dict[str, Any] = {"model": request.model, "messages": turns, **fields}
    return {**body, "system": system} if system else body


def _turn(turn: Message | CallTurn | ResultTurn) -> dict[str, Any]:
    if isinstance(turn, Message):
        return {"role": turn.role, "content": turn.content}
    if isinstance(turn, ResultTurn):
        return {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": turn.number, "content": turn.result}],
        }
    said = [{"type": "text", "text": turn.before}] if turn.before else []
    call = {"type": "tool_use", "id": turn.number, "name": turn.tool, "input": arguments(turn.given)}
    return {"role": "assistant", "content": [*said, call]}


def read(value: dict[str, Any]) -> Reply:
    """Read a message from parsed JSON. Its content is a list of text, thinking and redacted thinking blocks.

    Raises:
        FaultError: the message is empty or broken off.
        ReplyError: it is an error object.
    """
    if value.get("error"):
        raise error_in(value)
    content = value.get("content")
    if not isinstance(content, list | str | dict):
        raise FaultError("malformed body: no content", cost=3)
    blocks = content if isinstance(content, list) else []
    used = [block for block in blocks if isinstance(block, dict) and block.get("type") == "tool_use"]
    calls = [(block.get("name"), block.get("input")) for block in used]
    reason = value.get("stop_reason")
    finish, failure = finish_of(None if calls and ends_in_call(reason) else reason)
    details = value.get("stop_details")
    if finish == "refused" and isinstance(details, dict):
        said = details.get("explanation") or details.get("category")
        failure = f"refusal: {said}" if isinstance(said, str) else failure
    beside = {name: field for name, field in value.items() if names_reasoning(name)}
    return reply_of({**beside, "content": content}, finish, failure, usage_of(value.get("usage")), calls)


def error_in(value: dict[str, Any]) -> ReplyError:
    """Return what an error object says, with the HTTP status that belongs to its type, or 500."""
    code, message = told(value)
    return ReplyError(_STATUSES.get(code, 500), code, message)
