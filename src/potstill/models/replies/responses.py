"""OpenAI's Responses API: the one place where OpenAI shows anything of its models' reasoning, as summaries.

Ask for them with `sampling.extra: {reasoning: {summary: auto}}`. Servers of open models (vLLM) that speak it show the
reasoning itself.
"""

from __future__ import annotations

from typing import Any

from potstill.models.replies.dialects import Reply, error_in, reply_of
from potstill.models.replies.finishes import finish_of
from potstill.models.replies.usage import usage_of
from potstill.models.requests import Request
from potstill.models.served.faults import FaultError


def response_body(request: Request) -> dict[str, Any]:
    """Return the body of a request: system prompt apart, no seed (the API has none), nothing stored at the provider."""
    system = "\n\n".join(message.content for message in request.messages if message.role == "system")
    turns = [
        {"role": message.role, "content": message.content} for message in request.messages if message.role != "system"
    ]
    fields = {
        name: value
        for name, value in request.sampling.items()
        if name not in ("seed", "max_tokens") and value is not None
    }
    if "max_tokens" in request.sampling:
        fields.setdefault("max_output_tokens", request.sampling["max_tokens"])
    body: dict[str, Any] = {"model": request.model, "input": turns, "store": False, **fields}
    return {**body, "instructions": system} if system else body


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
    return reply_of({"reasoning_details": reasoning, "content": blocks}, finish, failure, usage_of(value.get("usage")))


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
