"""A student answered for over HTTP and in a terminal: one seam, a backend for each runtime, on the loopback alone."""

from __future__ import annotations


def needed(command: str) -> None:
    """Raise MissingExtraError where the HTTP library is absent."""
    from importlib.util import find_spec

    from potstill.errors import MissingExtraError

    if find_spec("aiohttp") is None:
        raise MissingExtraError(command, "aiohttp", "served")
