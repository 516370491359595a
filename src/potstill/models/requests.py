"""What is asked of a model and what came back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from potstill.records import Finish, ReasoningKind, content_key


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One sample of one conversation; `sampling` holds the further fields of the request body as they are sent.

    `attempt` counts deliberate repetitions with other settings (0 for the first), never retries after a fault. `call`
    tells apart the requests of a sample that takes several; it is empty where it takes one.
    """

    messages: tuple[Message, ...]
    model: str
    sampling: dict[str, Any]
    sample: int
    attempt: int = 0
    call: str = ""

    @property
    def key(self) -> str:
        """Content key: the same question to the same model with the same settings is asked once."""
        turns = [[message.role, message.content] for message in self.messages]
        told = (self.call,) if self.call else ()
        return content_key("request", turns, self.model, self.sampling, self.sample, self.attempt, *told)

    @property
    def prompt_key(self) -> str:
        """Content key of the conversation alone."""
        return content_key("prompt", [[message.role, message.content] for message in self.messages])


@dataclass(frozen=True, kw_only=True, slots=True)
class Completion:
    """What a model returned: `content` is the answer without its reasoning.

    `failure` says why when `finish` is refused (never asked again) or failed (asked again by the next run).
    `prompt_tokens` are estimated from the request's size where the server gave no number; `completion_tokens` are then
    None. `hidden_tokens` are tokens of reasoning that it reported. `raw` is the body as received, the key redacted out.
    """

    key: str
    content: str = ""
    reasoning: str = ""
    reasoning_kind: ReasoningKind = "none"
    finish: Finish
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    failure: str = ""
    raw: bytes
    hidden_tokens: int = 0
