"""OpenAI's Responses API: the one place where OpenAI shows anything of its models' reasoning, as summaries.

Ask for them with `sampling.extra: {reasoning: {summary: auto}}`. Servers of open models (vLLM) that speak it show the
reasoning itself.
"""

from __future__ import annotations

import json
from typing import Any

from potstill.models.replies.dialects import Reply, error_in, reply_of
from potstill.models.replies.finishes import finish_of
from potstill.models.replies.native_calls import CallTurn, ResultTurn, arguments, offered, turns_of
from potstill.models.replies.usage import usage_of
from potstill.models.requests import Message, Request
from potstill.models.served.faults import FaultError


def response_body(request: Request) -> dict[str, Any]:
    """Return the body of a request: system prompt apart, no seed (the API has none), nothing stored at the provider."""
    system = "\n\n".join(message.content for message in request.messages if message.role == "system")
    turns = [item for turn in turns_of(request) for item in _items(turn) if item.get("role") != "system"]
    fields = {
        name: value
        for name, value in request.sampling.items()
        if name not in ("seed", "max_tokens") and value is not None
    }
    if "max_tokens" in request.sampling:
        fields.setdefault("max_output_tokens", request.sampling["max_tokens"])
    if functions := offered(request.sampling):
        fields["tools"] = [{"type": "function", **function} for function in functions]
    body: dict[str, Any] = {"model": request.model, "input": turns, "store": False, **fields}
    return {**body, "instructions": system} if system else body


def _items(turn: Message | CallTurn | ResultTurn) -> list[dict[str, Any]]:
    if isinstance(turn, Message):
        return [{"role": turn.role, "content": turn.content}]
    if isinstance(turn, ResultTurn):
        return [{"type": "function_call_output", "call_id": turn.number, "output": turn.result}]
    said = [{"role": "assistant", "content": turn.before}] if turn.before else []
    given = json.dumps(arguments(turn.given), ensure_ascii=False)
    return [*said, {"type": "function_call", "call_id": turn.number, "name": turn.tool, "arguments": given}]


def read(value: dict[str, Any]) -> Reply:
    """Read a response from parsed JSON; its items of reasoning become blocks as `dialects.divide` knows them.

    Raises:
        FaultError: the response is empty or broken off.
        ReplyError: it is an error object.
    """
    if value.get("error"):
        raise error_in(value)
    output = value.get("output")
    items = [item for item in output if isinstance(item, dict)] if isinstance(output, list) else []
    status, details = value.get("status"), value.get("incomplete_details")
    if status in ("failed", "cancelled", "in_progress", "queued"):
        raise FaultError(f"broken off: status {status}", kind="broken")
    reason = details.get("reason") if status == "incomplete" and isinstance(details, dict) else None
    finish, failure = finish_of(reason or ("incomplete" if status == "incomplete" else None))
    blocks = [block for item in items if item.get("type") == "message" for block in _list(item.get("content"))]
    refusal = next((block.get("refusal") for block in blocks if block.get("type") == "refusal"), None)
    if isinstance(refusal, str) and refusal:
        finish, failure = "refused", f"refusal: {refusal}"
    reasoning = [block for item in items if item.get("type") == "reasoning" for block in _reasoning(item)]
    calls = [(item.get("name"), item.get("arguments")) for item in items if item.get("type") == "function_call"]
    message = {"reasoning_details": reasoning, "content": blocks}
    return reply_of(message, finish, failure, usage_of(value.get("usage")), calls)


def _reasoning(item: dict[str, Any]) -> list[dict[str, Any]]:
    """Return an item of reasoning as blocks: its text, else its summaries, else that it is committed."""
    found: list[dict[str, Any]] = []
    if item.get("content") or item.get("text"):
        found.append({"type": "reasoning.text", "content": item.get("content") or item.get("text")})
    if item.get("summary"):
        found.append({"type": "reasoning.summary", "summary": item["summary"]})
    return found or [{"type": "reasoning.encrypted"}] * bool(item.get("encrypted_content"))


def _list(value: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - any JSON value
    if isinstance(value, str):
        return [{"type": "output_text", "text": value}]
    return [block for block in value if isinstance(block, dict)] if isinstance(value, list) else []
