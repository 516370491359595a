"""The one seam of serving: what is asked of a backend, and what comes back piece by piece."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from potstill.errors import PotstillError


@dataclass(frozen=True, kw_only=True)
class ChatRequest:
    """A conversation to go on from. `messages` have `role`, `content` and, of answers, perhaps `reasoning_content`.

    `max_tokens` None is the rest of the context; `stop` are texts that end the reply and are not part of it. Equal
    requests with equal seeds have equal replies, but for the rounding of what is computed beside them.
    """

    messages: tuple[Mapping[str, str], ...]
    max_tokens: int | None
    temperature: float
    top_p: float
    seed: int
    stop: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReplyEnd:
    """Why a reply ended, and its tokens: the end-of-text token counts as one that was written."""

    finish: Literal["stop", "length"]
    prompt_tokens: int
    completion_tokens: int


class TooLongError(PotstillError):
    """A conversation that leaves no room in the context."""

    def __init__(self, tokens: int, context: int) -> None:
        super().__init__(
            f"the conversation takes {tokens:,} tokens of a context of {context:,}, and an answer needs room too: "
            "shorten it, or begin another"
        )


class BadConversationError(PotstillError):
    """A conversation that the student's chat template refuses."""


class Backend(Protocol):
    """A runtime with a student in it. `context` is in tokens, prompt and reply together.

    `opened` says whether the prompt for an answer ends with the opening mark of thinking.
    """

    context: int
    opened: bool

    def reply(self, request: ChatRequest) -> AsyncGenerator[str | ReplyEnd, None]:
        """Yield the reply as raw text in pieces, then how it ended; whoever leaves early ends the work on it.

        Raises:
            TooLongError: before anything is yielded.
            BadConversationError: likewise.
            PotstillError: the runtime is gone.
        """
        ...

    async def close(self) -> None:
        """End the runtime, and replies that are still written."""
        ...
