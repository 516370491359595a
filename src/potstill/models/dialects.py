"""Where servers put reasoning, answer, finish reason and usage in an OpenAI-shaped reply.

Reasoning is looked for in `reasoning_details` (OpenRouter), thinking blocks (Mistral, gateways to Anthropic),
`reasoning_content` (DeepSeek, SGLang, llama.cpp, older vLLM), `reasoning` (vLLM, Ollama, OpenRouter), `thinking`, and
marks in the content, in this order. A reply in Anthropic's own shape is made into the same `Reply` by `anthropic`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from potstill.models.faults import FaultError, told
from potstill.records import Finish, ReasoningKind
from potstill.text import MARKS, split_response

_FINISHES: dict[str, Finish] = {
    "length": "length",
    "max_tokens": "length",
    "max_length": "length",
    "model_length": "length",
    "model_context_window_exceeded": "length",
    "pause_turn": "length",
    "repetition": "length",
    "content_filter": "refused",
    "refusal": "refused",
    "safety": "refused",
    "recitation": "refused",
    "prohibited_content": "refused",
    "tool_calls": "refused",
    "function_call": "refused",
    "tool_use": "refused",
}
"""Finish reasons that are not an ordinary end; any other name is one."""
_BROKEN_OFF = ("error", "abort", "insufficient_system_resource", "network_error", "cancelled")
_ENDS_OF_TEXT = ("<｜end▁of▁sentence｜>", "<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|end|>", "<|return|>")
_OPENINGS = tuple(opening.lower() for opening, _ in MARKS.values())
_SUMMARISERS = re.compile(
    r"((us|eu|apac|jp|au|global)\.)?(anthropic\.)?claude|gemini|chatgpt|codex|gpt-[5-9]|o[1-9](-|$)", re.IGNORECASE
)
"""Models whose provider shows a summary where others show the reasoning itself, by the last part of their name."""
_LARGEST = 2**53
MOST_PIECES = 2**20
"""Lists and objects in a body: each takes a hundred times the memory of its two bytes."""


class ReplyError(Exception):
    """A body that reports an error although its HTTP status is 200."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


@dataclass(frozen=True, slots=True)
class Reply:
    """The first choice of a reply; `hidden_tokens` are reasoning tokens that usage reports."""

    message: dict[str, Any]
    finish: Finish
    failure: str
    prompt_tokens: int | None
    completion_tokens: int | None
    hidden_tokens: int


@dataclass(frozen=True, slots=True)
class Parts:
    """A message in two, and what its reasoning is."""

    reasoning: str
    content: str
    kind: ReasoningKind


def load(body: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """Parse JSON that a server sent; NaN, half surrogates and broken UTF-8 are let pass.

    Raises:
        FaultError: the body is no JSON, or in more pieces or nested deeper than any reply.
    """
    import orjson

    if len(body) > MOST_PIECES and body.count(b"[") + body.count(b"{") > MOST_PIECES:
        raise FaultError("malformed body: in too many pieces", cost=99)
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(body.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        raise FaultError("malformed body: no JSON") from None


def read(value: Any) -> Reply:  # noqa: ANN401 - any JSON value
    """Read a chat completion from parsed JSON.

    Raises:
        FaultError: it is no completion, or an empty or broken-off one.
        ReplyError: it is an error object.
    """
    choices = value.get("choices") if isinstance(value, dict) else None
    if not choices and isinstance(value, dict) and value.get("error"):
        raise error_in(value)
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict):
        raise FaultError("malformed body: no choices")
    if choice.get("error"):
        raise error_in(choice)
    message = choice.get("message")
    if not isinstance(message, dict):
        raise FaultError("malformed body: no message")
    finish, failure = finish_of(choice.get("finish_reason"))
    refusal = message.get("refusal")
    if isinstance(refusal, str) and refusal and not message.get("content"):
        finish, failure = "refused", f"refusal: {refusal}"
    usage = value.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    details = usage.get("completion_tokens_details")
    details = details if isinstance(details, dict) else usage  # SGLang has them beside the others
    reply = Reply(
        message=message,
        finish=finish,
        failure=failure,
        prompt_tokens=count(usage.get("prompt_tokens", usage.get("input_tokens"))),
        completion_tokens=count(usage.get("completion_tokens", usage.get("output_tokens"))),
        hidden_tokens=count(details.get("reasoning_tokens")) or 0,
    )
    if finish == "stop" and not says_anything(message):
        raise FaultError("empty completion")
    return reply


def finish_of(reason: Any) -> tuple[Finish, str]:  # noqa: ANN401 - any JSON value
    """Return the finish that a server's word for it means, and why for a refusal.

    Raises:
        FaultError: the server broke the reply off.
    """
    said = reason.casefold() if isinstance(reason, str) and reason else "stop"
    if said in _BROKEN_OFF:
        raise FaultError(f"broken off: finish_reason {said}")
    finish = _FINISHES.get(said, "stop")
    return finish, f"finish_reason {said}" if finish == "refused" else ""


def divide(reply: Reply, model: str) -> Parts:
    """Divide a message into reasoning and answer and say what the reasoning is.

    Text that a provider is known to summarise is a summary wherever it stands. Reasoning that usage counts and the
    message lacks is `encrypted`.
    """
    content, blocks = _content(reply.message.get("content"))
    reasoning = ""
    kind: ReasoningKind = "none"
    details, apart = (_details(reply.message.get(name)) for name in ("reasoning_details", "thinking_blocks"))
    for text, found in (details, blocks, apart):
        if not reasoning and found != "none":
            reasoning, kind = text, found
    for name in ("reasoning_content", "reasoning", "thinking"):
        text = _text(reply.message.get(name))
        if text.strip() and not reasoning.strip():
            reasoning, kind = text, "summary" if kind == "encrypted" else "raw"
    reasoning, content = _without_tags(reasoning, content)
    if reasoning and kind == "none":
        kind = "raw"
    if not reasoning and kind != "encrypted":
        kind = "encrypted" if reply.hidden_tokens else "none"
    if kind == "raw" and _SUMMARISERS.match(model.rsplit("/", 1)[-1]):
        kind = "summary"
    return Parts(reasoning, content, kind)


def error_in(value: dict[str, Any]) -> ReplyError:
    """Return what an error object says, with the HTTP status that it names or 500."""
    code, message = told(value)
    status = int(code) if code.isascii() and code.isdigit() and 300 <= int(code[:4]) < 600 else 500
    return ReplyError(status, code, message)


def count(value: Any) -> int | None:  # noqa: ANN401 - any JSON value
    """Return a number of tokens, None for what is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _LARGEST else None


def says_anything(message: dict[str, Any]) -> bool:
    """Return whether a message has any visible text or reasoning."""
    fields = ("content", "reasoning_content", "reasoning", "reasoning_details", "thinking", "thinking_blocks")
    return any(_text(message.get(name)).strip() or _details(message.get(name))[0].strip() for name in fields)


def _text(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return a string, or the texts of a list of text blocks; blocks within blocks are no text."""
    blocks = value if isinstance(value, list) else [{"text": value}]
    texts = (block.get("text") for block in blocks if isinstance(block, dict))
    return _whole_characters("".join(text for text in texts if isinstance(text, str)))


def _content(value: Any) -> tuple[str, tuple[str, ReasoningKind]]:  # noqa: ANN401 - any JSON value
    """Return the visible text, and the reasoning of thinking blocks among it."""
    if not isinstance(value, list):
        return _text(value), ("", "none")
    visible = [item for item in value if isinstance(item, dict) and item.get("type") in ("text", "output_text", None)]
    return _text(visible), _details(value)


def _details(value: Any) -> tuple[str, ReasoningKind]:  # noqa: ANN401 - any JSON value
    """Read a list of reasoning blocks: OpenRouter's details, Anthropic's and Mistral's thinking blocks.

    A block that has a signature and no text is reasoning that the provider keeps to itself.
    """
    texts: list[str] = []
    summaries: list[str] = []
    sealed = signed = False
    for item in value if isinstance(value, list) else ():
        kind = item.get("type") if isinstance(item, dict) else None
        if kind in ("reasoning.text", "reasoning"):
            texts.append(_text(item.get("text")))
        elif kind == "thinking":
            texts.append(_text(item.get("thinking")))
        elif kind == "reasoning.summary":
            summaries.append(_text(item.get("summary")))
        sealed = sealed or kind in ("reasoning.encrypted", "redacted_thinking")
        signed = signed or (kind in ("reasoning.text", "thinking") and bool(item.get("signature")))
    if any(texts):
        return "".join(texts), "encrypted" if sealed else "raw"
    if any(summaries):
        return "\n\n".join(summaries), "summary"
    return "", "encrypted" if sealed or signed else "none"


def _without_tags(reasoning: str, content: str) -> tuple[str, str]:
    """Split tags that a server's parser left in, in either field, and drop end-of-text marks."""
    reasoning, content = _stripped(reasoning), _stripped(content)
    if not reasoning:
        split = split_response(content)
        return _stripped(split.reasoning), _stripped(split.answer)
    if content.casefold().startswith(_OPENINGS):
        split = split_response(content)
        content = split.answer
        if split.reasoning not in reasoning:
            reasoning = f"{reasoning}\n\n{split.reasoning}"
    split = split_response(reasoning)
    if not content and split.reasoning and split.answer:
        return split.reasoning, split.answer
    for opening, _ in MARKS.values():
        if reasoning[: len(opening)].casefold() == opening.casefold():
            reasoning = reasoning[len(opening) :].lstrip()
    return reasoning, content


def _stripped(text: str) -> str:
    text = text.strip()
    while text.endswith(_ENDS_OF_TEXT):
        mark = next(mark for mark in _ENDS_OF_TEXT if text.endswith(mark))
        text = text.removesuffix(mark).rstrip()
    return text


def _whole_characters(text: str) -> str:
    """Join halves of characters that JSON escapes can leave apart; what stays half becomes U+FFFD."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
