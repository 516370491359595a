"""A conversation in a terminal: thinking apart, Ctrl-C ends a reply and, between replies, the conversation."""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import aclosing, suppress
from dataclasses import dataclass, field

from potstill.errors import PotstillError
from potstill.evaluate.conditions import Conditions
from potstill.models.local.model import row_seed
from potstill.printed import control
from potstill.serve.divided import divided
from potstill.serve.dividing import Channel
from potstill.serve.seam import Backend, ChatRequest, ReplyEnd
from potstill.train.render import ask

ANEW, LEAVE = "/new", "/quit"
FAINT, PLAIN = "\x1b[2m", "\x1b[0m"


@dataclass(kw_only=True)
class Conversation:
    """What was said so far; asked as its run asked, with what the command line says in its place.

    Earlier thinking is not shown to the student again, as chat templates have it.
    """

    backend: Backend
    conditions: Conditions
    max_tokens: int | None = None
    temperature: float | None = None
    turns: list[dict[str, str]] = field(default_factory=list)
    asked: int = 0

    def request(self, question: str) -> ChatRequest:
        """Return the request for an answer to the next question."""
        evaluate = self.conditions.evaluate
        self.asked += 1
        said = {"role": "user", "content": ask(self.conditions.student, question)}
        return ChatRequest(
            messages=(*self.turns, said), max_tokens=self.max_tokens, top_p=evaluate.top_p,
            temperature=evaluate.temperature if self.temperature is None else self.temperature,
            seed=row_seed(self.conditions.seed, "chat", self.asked),
        )  # fmt: skip

    async def answer(self, question: str) -> None:
        """Print an answer as it is written, and keep it as a turn where it is whole."""
        request, said, shown, end = self.request(question), "", None, None
        begun = first = time.monotonic()
        live = sys.stdout.isatty()
        try:
            async with aclosing(divided(self.backend, self.conditions.student, request)) as pieces:
                async for piece in pieces:
                    if isinstance(piece, ReplyEnd):
                        end = piece
                        continue
                    if shown is None:
                        first = time.monotonic()
                    if piece.channel is not shown:
                        _change(shown, piece.channel, live=live)
                        shown = piece.channel
                    said += piece.text if piece.channel is Channel.CONTENT else ""
                    sys.stdout.write(piece.text)
                    sys.stdout.flush()
        finally:
            if shown is not None:
                _change(shown, None, live=live)
        assert end is not None  # noqa: S101 - every reply ends with one
        self.turns = [*map(dict, request.messages), {"role": "assistant", "content": said}]
        rate = end.completion_tokens / max(time.monotonic() - begun, 1e-6)
        cut = "; cut off, no room for more" if end.finish == "length" else ""
        told = f"{end.completion_tokens} tokens, first after {first - begun:.2f} s, {rate:.1f}/s{cut}"
        print(f"[{told}]", file=sys.stderr)


def talk(conversation: Conversation, name: str) -> None:
    """Read questions from standard input and answer them, until it ends or Ctrl-C at a question."""
    with suppress(ImportError):
        import readline  # noqa: F401 - so that a line can be edited

    backend = conversation.backend
    with asyncio.Runner() as runner:
        try:
            print(f"{name}, context {backend.context:,}; {ANEW} begins another conversation, {LEAVE} ends",
                  file=sys.stderr)  # fmt: skip
            while (question := _question()) is not None:
                if question == ANEW:
                    conversation.turns = []
                elif question:
                    _answered(runner, conversation, question)
        finally:
            runner.run(backend.close())


def _answered(runner: asyncio.Runner, conversation: Conversation, question: str) -> None:
    try:
        runner.run(conversation.answer(question))
    except KeyboardInterrupt:
        print("[stopped; the question is not kept]", file=sys.stderr)
    except PotstillError as error:
        print(f"[{error}; {ANEW} begins another]", file=sys.stderr)


def _question() -> str | None:
    """Return the next question, None at the end."""
    try:
        said = input("> " if sys.stdin.isatty() else "").strip()
    except (EOFError, KeyboardInterrupt):
        print(file=sys.stderr)
        return None
    except UnicodeDecodeError:
        print("[that is no text in UTF-8]", file=sys.stderr)
        return ""
    return None if said == LEAVE else said


def _change(before: Channel | None, after: Channel | None, *, live: bool) -> None:
    """Go from one part of a reply to the next: faint on a terminal, between marks of ours elsewhere."""
    if before is not None:
        sys.stdout.write("\n")
    if live:
        control(sys.stdout, FAINT if after is Channel.REASONING else PLAIN)
    elif after is not None:
        sys.stdout.write("[thinking]\n" if after is Channel.REASONING else "[answer]\n")
    sys.stdout.flush()
