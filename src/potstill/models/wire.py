"""One POST to a chat-completions server: sent, bounded in size and time, its troubles given their names."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from potstill.errors import MissingExtraError, TeacherError
from potstill.models.faults import FaultError
from potstill.models.secrets import Secret

LARGEST_BODY = 16 * 2**20
"""Bytes of a reply, decompressed."""
CONNECT_SECONDS = 30.0


def endpoint(base_url: str) -> str:
    """Return the address of chat completions below a base URL.

    Raises:
        TeacherError: it is no plain http address, or carries what does not belong there, such as a key.
    """
    parts = urlsplit(base_url)
    try:
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if parts.scheme not in ("http", "https") or not host:
        raise TeacherError("teacher.base_url is no address: write one such as http://localhost:8000/v1")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise TeacherError("teacher.base_url has more than an address: a key goes into the variable of api_key_env")
    path = parts.path.rstrip("/").removesuffix("/chat/completions")
    return f"{parts.scheme}://{parts.netloc}{path}/chat/completions"


class Wire:
    """An open connection pool to one server."""

    def __init__(self, base_url: str, secret: Secret, connections: int, timeout: float) -> None:
        try:
            import aiohttp
        except ImportError:
            raise MissingExtraError("a served teacher", "aiohttp", "served") from None
        self._aiohttp = aiohttp
        self.url = endpoint(base_url)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=connections),
            timeout=aiohttp.ClientTimeout(total=timeout, sock_connect=min(timeout, CONNECT_SECONDS)),
            headers={"Content-Type": "application/json", "User-Agent": "potstill", **secret.header},
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=not _is_loopback(self.url),  # proxies of the environment, for what is not on this machine
        )

    async def __aenter__(self) -> Wire:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def post(self, payload: bytes) -> tuple[int, Mapping[str, str], bytes]:
        """Send a JSON body; return status, headers and body. Redirects are not followed.

        Raises:
            FaultError: no whole reply came back.
        """
        client = self._aiohttp
        try:
            async with self._session.post(self.url, data=payload, allow_redirects=False) as response:
                return response.status, response.headers, await _bounded(response)
        except (client.ClientConnectorError, client.ConnectionTimeoutError) as error:
            raise FaultError(f"unreachable: {error}", unreachable=True) from None
        except TimeoutError:
            # Whatever took so long may have been paid for, so it is tried less often.
            raise FaultError("timeout", cost=2) from None
        except client.ClientPayloadError:
            raise FaultError("connection: the body was cut off") from None
        except client.ClientError as error:
            raise FaultError(f"connection: {error or type(error).__name__}") from None


async def _bounded(response: Any) -> bytes:  # noqa: ANN401 - an aiohttp response
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > LARGEST_BODY:
            response.close()
            raise FaultError(f"oversized body: more than {LARGEST_BODY // 2**20} MB", cost=99)
        chunks.append(chunk)
    return b"".join(chunks)


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
