"""An OpenAI-shaped reply: its reasoning and answer wherever they stand, why it ended, and what it cost.

Reasoning is looked for in `reasoning_details` (OpenRouter), thinking blocks (Mistral, gateways to Anthropic),
`reasoning_content` (DeepSeek, SGLang, llama.cpp, older vLLM), `reasoning` (vLLM, Ollama, OpenRouter), `thinking`, any
other field that is named for it, beside the message too, and in marks in the content, in this order. A reply in
Anthropic's own shape is made into the same `Reply` by `anthropic`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from potstill.models.replies.fields import answer_of, names_reasoning, reasoning_of
from potstill.models.replies.finishes import ends_in_call, finish_of, is_cut
from potstill.models.replies.native_calls import offered, with_calls
from potstill.models.replies.usage import Usage, believable, usage_in, usage_of
from potstill.models.requests import Request
from potstill.models.served.faults import FaultError, told
from potstill.records import Failure, Finish, ReasoningKind
from potstill.text import divide_fields

_SUMMARISERS = re.compile(
    r"((us|eu|apac|jp|au|global)\.)?(anthropic\.)?claude|gemini|chatgpt|codex|gpt-[5-9]|o[1-9](-|$)", re.IGNORECASE
)
"""`us.anthropic.claude-opus-4`, `o3-mini`: models whose provider shows a summary where others show the reasoning,
by the last part of their name."""

LARGEST_TEXT = 4 * 2**20
"""Characters of reasoning and answer: several times what the longest contexts of today hold."""
SMALL_TEXT = 2**16
CHARACTERS_PER_TOKEN = 64
"""More than any tokenizer packs into the mean token: a reply of more than its budget times this is none."""


class ReplyError(Exception):
    """A body that reports an error although its HTTP status is 200."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """The first choice of a reply.

    `completion_tokens` are those to be paid for, reasoning included; None where the server gives no number, or one that
    cannot be. `hidden_tokens` are the tokens of reasoning that it reports. `calls`: it calls tools, which is of use
    only to a request that offers them (`answers`).
    """

    message: Mapping[str, Any]
    finish: Finish
    failure: str
    prompt_tokens: int | None
    completion_tokens: int | None
    hidden_tokens: int
    calls: bool = False


@dataclass(frozen=True, slots=True)
class Parts:
    """A message in two, and what its reasoning is."""

    reasoning: str
    content: str
    kind: ReasoningKind


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
        raise FaultError("malformed body: no choices", cost=3)
    if choice.get("error"):
        raise error_in(choice)
    message = choice.get("message")
    if not isinstance(message, dict):
        raise FaultError("malformed body: no message", cost=3)
    beside = {name: field for place in (value, choice) for name, field in place.items() if names_reasoning(name)}
    cut = "length" if is_cut(value, choice, message) else None
    calls = _calls(message)
    reasons = (choice.get("finish_reason"), choice.get("native_finish_reason"))
    finish, failure = finish_of(*(reason for reason in reasons if not (calls and ends_in_call(reason))), cut)
    refusal = message.get("refusal")
    if isinstance(refusal, str) and refusal and not message.get("content"):
        finish, failure = "refused", f"refusal: {refusal}"
    return reply_of({**beside, **message}, finish, failure, usage_of(usage_in(value, choice)), calls)


def _calls(message: Mapping[str, Any]) -> list[tuple[Any, Any]]:
    """Return the calls of tools that a message makes: name and arguments of each."""
    calls = message.get("tool_calls")
    functions = [one.get("function") for one in calls if isinstance(one, dict)] if isinstance(calls, list) else []
    return [(one.get("name"), one.get("arguments")) for one in functions if isinstance(one, dict)]


def answers(reply: Reply, request: Request) -> Reply:
    """Return a reply as its request may take it: one that calls tools where none were offered is refused."""
    if reply.calls and not offered(request.sampling):
        return replace(reply, finish="refused", failure="finish_reason tool_calls: no tool was offered")
    return reply


def reply_of(
    message: Mapping[str, Any], finish: Finish, failure: str, usage: Usage, calls: Sequence[tuple[Any, Any]] = ()
) -> Reply:
    """Return a reply of any shape from its parts; `calls` of tools become text behind its answer.

    Raises:
        FaultError: the message says nothing although it is whole.
    """
    if calls:
        message = {**message, "content": with_calls(message.get("content"), calls)}
    texts = answer_of(message), reasoning_of(message)[0]
    if finish == "stop" and not any(text.strip() for text in texts):
        raise FaultError(Failure.EMPTY)
    completion = believable(usage.completion, sum(len(text) for text in texts))
    return Reply(
        message=message,
        finish=finish,
        failure=failure,
        prompt_tokens=usage.prompt or None,
        completion_tokens=completion,
        hidden_tokens=usage.hidden,
        calls=bool(calls),
    )


def divide(reply: Reply, model: str) -> Parts:
    """Divide a message into reasoning and answer and say what the reasoning is.

    Text that a provider is known to summarise is a summary wherever it stands. `encrypted` is reasoning that the
    message holds and nobody can read; what usage merely counts is `none`, and `Reply.hidden_tokens` tells of it.
    """
    reasoning, kind = reasoning_of(reply.message)
    reasoning, content = divide_fields(_whole_characters(reasoning), _whole_characters(answer_of(reply.message)))
    if not reasoning:
        kind = "encrypted" if kind == "encrypted" else "none"
    elif kind == "none":
        kind = "raw"
    if kind == "raw" and _SUMMARISERS.match(model.rsplit("/", 1)[-1]):
        kind = "summary"
    return Parts(reasoning, content, kind)


def size_of(reply: Reply) -> int:
    """Return the characters of a message's reasoning and answer together, before anything divides them."""
    return len(answer_of(reply.message)) + len(reasoning_of(reply.message)[0])


def check_size(reply: Reply, raw: bytes, budget: int | None) -> None:
    """Raise FaultError for a reply with more text than a model can have written within a budget of tokens.

    A request without a budget is bounded by what the longest contexts of any model hold.
    """
    if len(raw) <= SMALL_TEXT:
        return
    most = LARGEST_TEXT if budget is None else min(LARGEST_TEXT, max(SMALL_TEXT, CHARACTERS_PER_TOKEN * budget))
    if size_of(reply) > most:
        raise FaultError(f"oversized text: more than {most:,} characters", cost=99)


def error_in(value: dict[str, Any]) -> ReplyError:
    """Return what an error object says, with the HTTP status that it names or 500."""
    code, message = told(value)
    status = int(code) if len(code) == 3 and code.isascii() and code.isdigit() and 300 <= int(code) < 600 else 500
    return ReplyError(status, code, message)


def _whole_characters(text: str) -> str:
    """Join halves of characters that JSON escapes can leave apart; what stays half becomes U+FFFD."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
