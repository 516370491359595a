"""The HTTP side: `/v1/chat/completions`, whole or streamed, `/v1/models`, and a page to try it; JSON errors throughout.

Who may ask: whoever is on this machine, with the key where there is one, and no web page but our own. The `Host` is
looked at, so that a name that leads here by DNS is no way in, and so is the `Origin` that browsers send.
"""

from __future__ import annotations

import asyncio
import hmac
import itertools
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from potstill.errors import PotstillError
from potstill.models.local.model import row_seed
from potstill.recipe import Student
from potstill.serve.divided import divided
from potstill.serve.dividing import Channel, ReplyPiece
from potstill.serve.seam import Backend, BadConversationError, ReplyEnd, TooLongError
from potstill.serve.wanted import MOST_BYTES, BodyError, ChatBody, Defaults, read

MOST_OPEN = 256
"""Requests that are written or wait; those beyond are told to come again."""
HOSTS = frozenset(("127.0.0.1", "localhost", "::1"))
RETRY_SECONDS = 1
PAGE = {"/": ("page.html", "text/html"), "/page.js": ("page.js", "text/javascript"),
        "/page.css": ("page.css", "text/css")}  # fmt: skip
GUARDED = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_Pieces = AsyncIterator[ReplyPiece | ReplyEnd]
_Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(kw_only=True)
class Serving:
    """A student that is served. `key` empty asks for none; `seed` begins the seeds of requests that name none."""

    backend: Backend
    student: Student
    defaults: Defaults
    key: str = ""
    seed: int = 0
    open: int = 0
    since: int = field(default_factory=lambda: int(time.time()))
    _numbers: Any = field(default_factory=itertools.count)

    def app(self) -> web.Application:
        """Return the application."""
        made = web.Application(middlewares=[self._told_in_json, self._admitted], client_max_size=MOST_BYTES)
        made.router.add_post("/v1/chat/completions", self._complete)
        made.router.add_get("/v1/models", self._models)
        made.router.add_get("/v1/models/{name:.+}", self._model)
        for path in PAGE:
            made.router.add_get(path, _page)
        return made

    @web.middleware
    async def _told_in_json(self, request: web.Request, handler: _Answering) -> web.StreamResponse:
        try:
            return await handler(request)
        except BodyError as error:
            return _error(error.status, str(error), error.code, error.param)
        except TooLongError as error:
            return _error(400, str(error), "context_length_exceeded", "messages")
        except BadConversationError as error:
            return _error(400, str(error), None, "messages")
        except PotstillError as error:
            return _error(500, str(error), "server_error")
        except web.HTTPRequestEntityTooLarge:
            return _error(413, f"the body is larger than {MOST_BYTES >> 20} MB", "too_large")
        except web.HTTPException as error:
            return _error(error.status, f"{error.reason}: {request.method} {request.path}", None)

    @web.middleware
    async def _admitted(self, request: web.Request, handler: _Answering) -> web.StreamResponse:
        if _name(f"//{request.host}") not in HOSTS:
            return _error(403, "the Host is not this machine: ask 127.0.0.1", "forbidden")
        origin = request.headers.get("Origin")
        if origin is not None and origin != f"http://{request.host}":
            return _error(403, "pages of other origins may not ask this server", "forbidden")
        if self.key and request.path.startswith("/v1/"):
            sent = request.headers.get("Authorization", "")
            if not hmac.compare_digest(sent.encode("utf-8", "replace"), f"Bearer {self.key}".encode()):
                return _error(401, "the key is missing or wrong: send Authorization: Bearer KEY", "invalid_api_key")
        return await handler(request)

    async def _models(self, _: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [self._shown()]})

    async def _model(self, request: web.Request) -> web.Response:
        if request.match_info["name"] != self.defaults.name:
            raise BodyError(f"there is only the model {self.defaults.name!r}", code="model_not_found", status=404)
        return web.json_response(self._shown())

    def _shown(self) -> dict[str, Any]:
        return {
            "id": self.defaults.name, "object": "model", "created": self.since, "owned_by": "potstill",
            "max_model_len": self.backend.context,
        }  # fmt: skip

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        if request.content_type != "application/json":
            raise BodyError("send the body as Content-Type: application/json", status=415)
        if self.open >= MOST_OPEN:
            told = _error(429, f"{MOST_OPEN} requests are open already: ask again later", "rate_limit_exceeded")
            told.headers["Retry-After"] = str(RETRY_SECONDS)
            return told
        self.open += 1
        try:
            number = next(self._numbers)
            reading = read(await request.read(), self.defaults, row_seed(self.seed, number))
            head = {"id": f"chatcmpl-{self.since}-{number}", "created": int(time.time()), "model": self.defaults.name}
            async with aclosing(divided(self.backend, self.student, reading.request)) as pieces:
                if reading.stream:
                    return await _streamed(request, reading, head, pieces)
                return await _whole(reading, head, pieces)
        finally:
            self.open -= 1


async def _whole(reading: ChatBody, head: Mapping[str, Any], pieces: _Pieces) -> web.Response:
    texts: dict[Channel, list[str]] = {channel: [] for channel in Channel}
    end = None
    async for piece in pieces:
        if isinstance(piece, ReplyEnd):
            end = piece
        else:
            texts[piece.channel].append(piece.text)
    assert end is not None  # noqa: S101 - every reply ends with one
    message = {"role": "assistant", "content": "".join(texts[Channel.CONTENT])}
    if thought := "".join(texts[Channel.REASONING]):
        message[Channel.REASONING.value] = thought
    choice = {"index": 0, "message": message, "finish_reason": end.finish}
    return web.json_response({
        **head, "object": "chat.completion", "choices": [choice], "usage": _usage(end), "seed": reading.request.seed,
    })  # fmt: skip


async def _streamed(
    request: web.Request, reading: ChatBody, head: Mapping[str, Any], pieces: _Pieces
) -> web.StreamResponse:
    """Send the pieces as they come. What goes wrong before the first has a status of its own, later an event."""
    first = await anext(pieces)
    told = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
    await told.prepare(request)

    async def send(delta: Mapping[str, str], finish: str | None = None) -> None:
        await _event(told, _chunk(head, [{"index": 0, "delta": delta, "finish_reason": finish}]))

    try:
        await send({"role": "assistant", "content": ""})
        piece = first
        while not isinstance(piece, ReplyEnd):
            await send({piece.channel.value: piece.text})
            piece = await anext(pieces)
        await send({}, piece.finish)
        if reading.usage:
            await _event(told, {**_chunk(head, []), "usage": _usage(piece)})
        await told.write(b"data: [DONE]\n\n")
    except PotstillError as error:
        await _event(told, _fault(str(error), "server_error"))
    await told.write_eof()
    return told


async def _event(told: web.StreamResponse, event: Mapping[str, Any]) -> None:
    await told.write(b"data: " + json.dumps(event).encode() + b"\n\n")


def _chunk(head: Mapping[str, Any], choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {**head, "object": "chat.completion.chunk", "choices": choices}


def _usage(end: ReplyEnd) -> dict[str, int]:
    return {
        "prompt_tokens": end.prompt_tokens, "completion_tokens": end.completion_tokens,
        "total_tokens": end.prompt_tokens + end.completion_tokens,
    }  # fmt: skip


def _fault(message: str, code: str | None, param: str | None = None, kind: str = "server_error") -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def _error(status: int, message: str, code: str | None, param: str | None = None) -> web.Response:
    kind = "server_error" if status >= 500 else "invalid_request_error"
    return web.json_response(_fault(message, code, param, kind), status=status)


async def _page(request: web.Request) -> web.Response:
    name, kind = PAGE[request.path]
    text = files("potstill.serve").joinpath("page", name).read_text("utf-8")
    return web.Response(text=text, content_type=kind, charset="utf-8", headers=GUARDED)


def _name(address: str) -> str | None:
    """Return the host of an address, None where it is no address."""
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None


async def run(serving: Serving, port: int, ready: Callable[[str], None]) -> None:
    """Serve on the loopback until SIGINT or SIGTERM; `ready` is told the address.

    Raises:
        PotstillError: the port is taken.
    """
    import signal

    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    runner = web.AppRunner(
        serving.app(), handle_signals=False, access_log=None, shutdown_timeout=0.1, handler_cancellation=True
    )
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, "127.0.0.1", port).start()
        except OSError as error:
            raise PotstillError(f"--port {port}: {error.strerror or error}; 0 takes any that is free") from None
        ready(f"http://127.0.0.1:{runner.addresses[0][1]}")
        await stopping.wait()
    finally:
        await runner.cleanup()
        await serving.backend.close()
