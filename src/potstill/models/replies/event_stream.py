"""A stream of server-sent events put together into the reply that it would have been whole.

None is ever asked for, but some servers and gateways stream whatever they are asked. Chat completions, Anthropic's
messages and OpenAI's responses are known by their events.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from potstill.models.replies.loose_json import load
from potstill.models.served.faults import FaultError

_START = re.compile(rb"\A(?:\xef\xbb\xbf)?\s*(?:data|event|id|retry)?:")
"""`data: {...}`, `event: message_start`, `: keep-alive`: how a stream begins."""
_LINES = re.compile(rb"\r\n|\n|\r")
"""The ends of lines: those of `data: a`, CR, LF, `data: b` are one."""
_END = b"[DONE]"


def is_stream(body: bytes) -> bool:
    """Return whether a body is a stream of events."""
    return _START.match(body[:64]) is not None


def joined(body: bytes) -> dict[str, Any]:
    """Return the reply of a stream as a value that `shapes.read` reads.

    Raises:
        FaultError: the stream broke off, or holds no reply.
    """
    chat: dict[str, Any] = {}
    message: dict[str, Any] = {}
    ended = False
    for data in _events(body):
        if data.strip() == _END:
            ended = True
            break
        try:
            value = load(data)
        except FaultError:
            break  # cut off in the middle of an event
        if not isinstance(value, dict):
            continue
        kind = str(value.get("type", ""))
        if value.get("error") or kind == "error":
            return value
        if kind in ("response.completed", "response.incomplete", "response.failed"):
            whole = value.get("response")
            return whole if isinstance(whole, dict) else {}
        if kind.startswith(("message_", "content_block_")):
            _add_to_message(message, kind, value)
            ended = ended or kind == "message_stop"
        elif "choices" in value:
            ended = _add_to_chat(chat, value) or ended
    whole = message or chat
    if not ended:
        raise FaultError("broken off: the stream of events has no end", kind="broken")
    if not whole:
        raise FaultError("malformed body: a stream of events without a reply", cost=3)
    if message:
        message["content"] = [block for _, block in sorted(message["blocks"].items())]
    return whole


def _events(body: bytes) -> Iterator[bytes]:
    """Yield the data of each event; several `data` lines of one are joined."""
    data: list[bytes] = []
    for line in _LINES.split(body.removeprefix(b"\xef\xbb\xbf")):
        if not line and data:
            yield b"\n".join(data)
            data = []
        elif line.startswith(b"data:"):
            data.append(line[5:].removeprefix(b" "))
    if data:
        yield b"\n".join(data)


def _add_to_chat(whole: dict[str, Any], chunk: dict[str, Any]) -> bool:
    """Add a chunk to a chat completion; return whether it says why it ended."""
    whole.update({name: value for name, value in chunk.items() if name != "choices" and value is not None})
    choices = whole.setdefault("choices", [{"message": {}}])
    found = [choice for choice in chunk["choices"] or [] if isinstance(choice, dict) and choice.get("index", 0) == 0]
    for choice in found:
        for name, value in choice.items():
            if name not in ("delta", "message") and value is not None:
                choices[0][name] = value
        for part in (choice.get("message"), choice.get("delta")):
            if isinstance(part, dict):
                _merge(choices[0]["message"], part)
    return any(choice.get("finish_reason") for choice in found)


def _merge(whole: dict[str, Any], delta: dict[str, Any]) -> None:
    """Append the texts and lists of a delta to those that are there; other values replace."""
    for name, value in delta.items():
        there = whole.get(name)
        if name == "role" or value is None:
            whole.setdefault(name, value)
        elif isinstance(there, str) and isinstance(value, str):
            whole[name] = there + value
        elif isinstance(there, list) and isinstance(value, list):
            there.extend(value)
        elif isinstance(there, dict) and isinstance(value, dict):
            _merge(there, value)
        else:
            whole[name] = value


def _add_to_message(whole: dict[str, Any], kind: str, event: dict[str, Any]) -> None:
    """Add an event to one of Anthropic's messages."""
    blocks = whole.setdefault("blocks", {})
    delta, usage, begun, block = (_object(event.get(name)) for name in ("delta", "usage", "message", "content_block"))
    if kind == "message_start":
        whole.update(begun)
    elif kind == "content_block_start":
        blocks[event.get("index", len(blocks))] = block
    elif kind == "content_block_delta":
        parts = {name: value for name, value in delta.items() if name != "type"}
        _merge(blocks.setdefault(event.get("index", 0), {}), parts)
    elif kind == "message_delta":
        whole.update(delta)
        whole["usage"] = _object(whole.get("usage")) | usage
    whole.setdefault("type", "message")


def _object(value: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    return dict(value) if isinstance(value, dict) else {}
