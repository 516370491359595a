"""A GGUF file in llama.cpp's server as a backend: it renders and writes, thinking is divided here as everywhere."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Literal

import aiohttp

from potstill.models.llama_server import DRAWN_FROM, LlamaError, LlamaServer
from potstill.recipe import Student
from potstill.serve.seam import BadConversationError, ChatRequest, ReplyEnd, TooLongError

TOGETHER = 4
"""Replies that llama.cpp writes side by side, each with the whole context; the others wait in its queue."""
_SEEDS = 2**32 - 1
"""Seeds are below it: it means a random one to llama.cpp."""
_TOO_LONG = "exceed_context_size_error"


class LlamaBackend:
    """A file in a llama.cpp server of our own, which asks for a key that nobody else is told.

    What it remembers of one conversation it need not read again for the next turn of it.
    """

    def __init__(self, server: LlamaServer, student: Student, key: str) -> None:
        self._server, self.context, self._key = server, server.context(), key
        mark = student.reasoning_open.strip()
        prompt = server.rendered([{"role": "user", "content": "?"}], ask=True)
        self.opened = bool(mark) and prompt.rstrip().endswith(mark)
        self._session: aiohttp.ClientSession | None = None

    async def reply(self, request: ChatRequest) -> AsyncGenerator[str | ReplyEnd, None]:
        """Yield the reply; see `Backend.reply`."""
        if self._session is None:
            # No proxy, for it is on this machine, and no limit of time, which is for who asks to say. It closes its
            # connections after a stream, so that none is used twice.
            self._session = aiohttp.ClientSession(
                trust_env=False,
                timeout=aiohttp.ClientTimeout(total=None),
                connector=aiohttp.TCPConnector(limit=0, force_close=True),
            )
        headers = {"Authorization": f"Bearer {self._key}"}
        try:
            async with self._session.post(
                f"{self._server.address}/v1/chat/completions", json=_body(request), headers=headers
            ) as told:
                if told.status != 200:
                    raise _refusal(await told.read(), self.context)
                async for piece in _pieces(told.content):
                    yield piece
        except (aiohttp.ClientError, asyncio.IncompleteReadError, ValueError) as error:
            raise LlamaError(f"{self._server.file}: llama.cpp's server has ended ({error}): serve it again") from error

    async def close(self) -> None:
        """End llama.cpp."""
        if self._session is not None:
            await self._session.close()
        self._server.close()


def _body(request: ChatRequest) -> dict[str, Any]:
    return {
        "messages": [dict(message) for message in request.messages], "stream": True, "cache_prompt": True,
        "stream_options": {"include_usage": True}, "reasoning_format": "none",  # divided here
        "max_tokens": -1 if request.max_tokens is None else request.max_tokens, "stop": list(request.stop),
        "temperature": request.temperature, "top_p": request.top_p, "seed": request.seed % _SEEDS, **DRAWN_FROM,
    }  # fmt: skip


async def _pieces(lines: aiohttp.StreamReader) -> AsyncIterator[str | ReplyEnd]:
    """Yield what a stream of server-sent events says: the text, then the end.

    Raises:
        ValueError: it ends before the reply does, or is no such stream.
    """
    finish: Literal["stop", "length"] | None = None
    usage: Mapping[str, Any] | None = None
    async for line in lines:
        # `data: {"choices": [{"delta": {"content": "4"}}]}`
        if not line.startswith(b"data: ") or line.strip() == b"data: [DONE]":
            continue
        event = json.loads(line[len(b"data: ") :])
        if "error" in event:
            raise ValueError(str(event["error"].get("message", "an error without words"))[:200])
        usage = event.get("usage") or usage
        for choice in event["choices"]:
            finish = choice["finish_reason"] or finish
            if text := choice["delta"].get("content"):
                yield str(text)
    if finish is None or usage is None:
        raise ValueError("a reply broke off")
    yield ReplyEnd("stop" if finish == "stop" else "length", usage["prompt_tokens"], usage["completion_tokens"])


def _refusal(raw: bytes, context: int) -> Exception:
    try:
        error = json.loads(raw)["error"]
    except (ValueError, KeyError, TypeError):
        error = {}
    if error.get("type") == _TOO_LONG:
        return TooLongError(int(error.get("n_prompt_tokens", context)), context)
    said = " ".join(str(error.get("message", "")).split())[:200]
    return BadConversationError(f"llama.cpp refuses the conversation ({said})")


def backend_of(file: Path, student: Student, context: int) -> LlamaBackend:
    """Start llama.cpp with a file as a backend.

    Raises:
        MissingExtraError: xllamacpp is absent.
        LlamaError: llama.cpp cannot load the file.
    """
    key = secrets.token_hex(16)
    server = LlamaServer(file, context=context, parallel=TOGETHER, key=key).__enter__()
    try:
        return LlamaBackend(server, student, key)
    except BaseException:
        server.close()
        raise
