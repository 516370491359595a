"""Starting the server on 127.0.0.1, telling its link, and stopping with Ctrl-C."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from aiohttp import web

from potstill.errors import PotstillError
from potstill.view.guard import Guard
from potstill.view.room import Viewer
from potstill.view.server import application

HERE = "127.0.0.1"
"""The only address that is bound: whoever is not on this machine sees nothing."""


def bound(port: int) -> socket.socket:
    """Return a listening socket; port 0 takes a free one.

    Raises:
        PotstillError: the port is taken or not ours to take.
    """
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((HERE, port))
    except OSError as error:
        made.close()
        raise PotstillError(f"port {port} cannot be used: {error.strerror}; name another, or none") from None
    return made


def serve(room: Viewer, port: int, tell: Callable[[str], None]) -> None:
    """Serve until it is interrupted; `tell` gets the link, which holds the token."""
    listening, guard = bound(port), Guard()
    guard.port = listening.getsockname()[1]
    asyncio.run(_serve(application(room, guard), listening, lambda: tell(link(guard))))


def link(guard: Guard) -> str:
    """Return the link; the token stands behind the `#`, which browsers send to nobody."""
    return f"http://{HERE}:{guard.port}/#token={guard.token}"


async def _serve(app: web.Application, listening: socket.socket, ready: Callable[[], None]) -> None:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=2)
    await runner.setup()
    try:
        await web.SockSite(runner, listening).start()
        ready()
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()
