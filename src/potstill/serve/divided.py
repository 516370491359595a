"""A backend's reply with its thinking apart: what the HTTP side and the terminal both show."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from potstill.recipe import Student
from potstill.serve.dividing import Divider, ReplyPiece
from potstill.serve.seam import Backend, ChatRequest, ReplyEnd


async def divided(
    backend: Backend, student: Student, request: ChatRequest
) -> AsyncGenerator[ReplyPiece | ReplyEnd, None]:
    """Yield a reply with its thinking apart, then how it ended.

    Raises:
        PotstillError: as `Backend.reply` does.
    """
    divider = Divider(student.reasoning_open, student.reasoning_close, opened=backend.opened)
    async with aclosing(backend.reply(request)) as pieces:
        async for piece in pieces:
            if isinstance(piece, ReplyEnd):
                for passed in divider.end():
                    yield passed
                yield piece
                return
            for passed in divider.feed(piece):
                yield passed
