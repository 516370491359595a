"""The shapes that requests to a server can have: path, headers and body; replies say themselves which shape they have.

A new shape is one entry of `SHAPES` and, where its replies are of a new kind, one line of `read`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from potstill.models.replies import anthropic, dialects, event_stream, local_wire, responses
from potstill.models.replies.dialects import Reply
from potstill.models.replies.loose_json import load
from potstill.models.replies.native_calls import CallTurn, ResultTurn, arguments, turns_of
from potstill.models.requests import Message, Request
from potstill.models.served.secrets import Secret

_WANTS_COMPLETION_TOKENS = re.compile(r"(o[1-9]|gpt-[5-9])(?![0-9a-z])", re.IGNORECASE)
"""`o3-mini`, `gpt-5.1`: OpenAI's reasoning models by their plain names; they refuse `max_tokens`. Gateways write
`openai/` and take it."""
_ACCESS = "eyJ"
"""The beginning of an access token (a JSON object in base64), which Azure takes as a bearer's."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How one kind of server is spoken to. `path` goes after the base address, see `joined`."""

    path: str
    headers: Callable[[Secret, str], dict[str, str]]
    body: Callable[[Request], dict[str, Any]]
    parse: Callable[[bytes], Reply]
    """Raises what `read` raises."""


def joined(base: str, path: str) -> str:
    """Return the path of a request under the path of a base address.

    What the end of the base and the start of the path have in common is written once, so that a base may hold the
    version, the whole path, or neither: `/v1` and `/v1/messages` give `/v1/messages`.
    """
    base = base.rstrip("/")
    parts = path.split("/")
    common = (("/".join(parts[:length])) for length in range(len(parts), 1, -1))
    end = next((start for start in common if base.endswith(start)), "")
    return base.removesuffix(end) + path


def read(raw: bytes) -> Reply:
    """Read a reply of any shape, also one that came as a stream of events although none was asked for.

    Raises:
        FaultError: the body is no completion, or an empty or broken-off one.
        ReplyError: the body is an error object.
    """
    value = event_stream.joined(raw) if event_stream.is_stream(raw) else load(raw)
    if isinstance(value, dict) and "choices" not in value:
        if value.get("type") in ("message", "error"):
            return anthropic.read(value)
        if value.get("object") == "response":
            return responses.read(value)
        if value.get("object") == local_wire.OBJECT:
            return local_wire.read(value)
    return dialects.read(value)


def _bearer(secret: Secret, url: str) -> dict[str, str]:
    """Return the header of a key; Azure's deployments, known by the version in the query, name it otherwise."""
    key = secret.key
    return {"api-key": key} if key and "api-version=" in url and not key.startswith(_ACCESS) else secret.header


def _api_key(secret: Secret, url: str) -> dict[str, str]:
    del url
    version = {"anthropic-version": anthropic.VERSION}
    return version | {"x-api-key": secret.key} if secret.key else version


def _chat_turn(turn: Message | CallTurn | ResultTurn) -> dict[str, Any]:
    if isinstance(turn, Message):
        return {"role": turn.role, "content": turn.content}
    if isinstance(turn, ResultTurn):
        return {"role": "tool", "tool_call_id": turn.number, "content": turn.result}
    function = {"name": turn.tool, "arguments": json.dumps(arguments(turn.given), ensure_ascii=False)}
    call = {"id": turn.number, "type": "function", "function": function}
    return {"role": "assistant", "content": turn.before, "tool_calls": [call]}


def _chat_body(request: Request) -> dict[str, Any]:
    turns = [_chat_turn(turn) for turn in turns_of(request)]
    body = {"model": request.model, "messages": turns, **request.sampling}
    if "max_completion_tokens" in body and body["max_completion_tokens"] is None:
        del body["max_completion_tokens"]  # the recipe's null: a server that does not know the field
    elif "max_tokens" in body and _WANTS_COMPLETION_TOKENS.match(request.model):
        most = body.pop("max_tokens")
        body.setdefault("max_completion_tokens", most)
    return body


SHAPES: dict[str, Shape] = {
    "openai": Shape("/chat/completions", _bearer, _chat_body, read),
    "anthropic": Shape("/v1/messages", _api_key, anthropic.message_body, read),
    "responses": Shape("/responses", _bearer, responses.response_body, read),
}
"""`teacher.wire` -> shape."""
