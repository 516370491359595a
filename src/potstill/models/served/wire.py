"""One POST to a server: sent, bounded in size and time, its troubles given their names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from potstill.errors import MissingExtraError, TeacherError
from potstill.models.replies.shapes import joined
from potstill.models.served.faults import FaultError
from potstill.models.served.proxies import Proxy, proxy_of

LARGEST_BODY = 16 * 2**20
"""Bytes of a reply, decompressed."""
MOST_BUFFERED = 256 * 2**20
"""Bytes of all replies that are coming in at a time; beyond it one that is already large is given up."""
SMALL = 2**20
_QUOTATION = re.compile("[:'\"\n]")
"""What begins a quotation in an error's text: the `:` of `Cannot connect to host: [...]`."""
CONNECT_SECONDS = 30.0
_SECRET = re.compile(r"key|token|secret|passw|auth|sig(?:nature)?$|credential|subscription", re.IGNORECASE)
"""`api-key`, `sig`: names of what a query may hold and a base URL may not: it is written into recipes,
messages and reports."""
_VERSION = re.compile(r"/(?:v\d|openai|api/paas)")
"""`/v1`, `/openai`: a path that has a version, or stands where the provider has its own."""


def endpoint(base_url: str, path: str, section: str = "teacher") -> str:
    """Return the address of a shape's path below a base URL; `section` is where the recipe has it, for messages.

    A query, such as Azure's `?api-version=2024-10-21`, stays behind the path.

    Raises:
        TeacherError: it is no plain http address, or carries what does not belong there, such as a key.
    """
    parts = urlsplit(base_url)
    try:
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if parts.scheme not in ("http", "https") or not host:
        raise TeacherError(f"{section}.base_url is no address: write one such as http://localhost:8000/v1")
    secret = any(_SECRET.search(name) for name, _ in parse_qsl(parts.query, keep_blank_values=True))
    if "@" in parts.netloc or parts.fragment or secret:
        raise TeacherError(f"{section}.base_url has more than an address: a key goes into the variable of api_key_env")
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{parts.netloc}{joined(parts.path, path)}{query}"


def endpoints(base_url: str, path: str, section: str = "teacher") -> tuple[str, ...]:
    """Return the addresses that a base URL may mean, the likeliest first: as it is written, and with the version `/v1`.

    One that names a version, or the whole path, means itself.

    Raises:
        TeacherError: see `endpoint`.
    """
    written = endpoint(base_url, path, section)
    parts = urlsplit(base_url)
    if _VERSION.search(parts.path) or path.startswith("/v1") or parts.path.rstrip("/").endswith(path):
        return (written,)
    return written, endpoint(parts._replace(path=f"{parts.path.rstrip('/')}/v1").geturl(), path, section)


class Wire:
    """An open connection pool. `timeout` is in seconds for one request."""

    def __init__(self, connections: int, timeout: float) -> None:
        try:
            import aiohttp
        except ImportError:
            raise MissingExtraError("a served teacher", "aiohttp", "served") from None
        self._aiohttp = aiohttp
        self._buffered = 0
        self._proxies: dict[str, Proxy | None] = {}
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=connections),
            timeout=aiohttp.ClientTimeout(total=timeout, sock_connect=min(timeout, CONNECT_SECONDS)),
            headers={"Content-Type": "application/json", "User-Agent": "potstill"},
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def __aenter__(self) -> Wire:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def post(self, url: str, headers: Mapping[str, str], payload: bytes) -> tuple[int, Mapping[str, str], bytes]:
        """Send a JSON body; return status, headers and body. `headers` may hold a key. Redirects are not followed.

        Raises:
            FaultError: no whole reply came back.
            TeacherError: the proxy of the address is of a kind that cannot be used.
        """
        client = self._aiohttp
        if url not in self._proxies:
            self._proxies[url] = proxy_of(url)
        proxy = self._proxies[url]
        try:
            async with self._session.post(
                url, data=payload, headers=headers, proxy=proxy.url if proxy else None, allow_redirects=False
            ) as response:
                return response.status, response.headers, await self._bounded(response)
        except (client.ClientConnectorError, client.ConnectionTimeoutError) as error:
            by = f" (by {proxy})" if proxy else ""
            raise FaultError(f"unreachable: {error}{by}", kind="unreachable") from None
        except TimeoutError:
            # Whatever took so long may have been paid for, so it is tried less often.
            raise FaultError("timeout", kind="overloaded", cost=2) from None
        except client.ClientPayloadError:
            raise FaultError("connection: the body was cut off") from None
        except client.ClientHttpProxyError as error:
            raise FaultError(f"unreachable: {proxy} says HTTP {error.status}", kind="unreachable") from None
        except client.ClientResponseError as error:
            # Up to the first quotation, which is of what the server sent: it may hold the key, or half of it.
            said = _QUOTATION.split(error.message, maxsplit=1)[0].strip()
            raise FaultError(f"connection: no valid HTTP ({said})") from None
        except client.ClientError as error:
            raise FaultError(f"connection: {error or type(error).__name__}") from None

    async def _bounded(self, response: Any) -> bytes:  # noqa: ANN401 - an aiohttp response
        chunks: list[bytes] = []
        size = 0
        try:
            async for chunk in response.content.iter_any():
                size += len(chunk)
                self._buffered += len(chunk)
                if size > LARGEST_BODY or (size > SMALL and self._buffered > MOST_BUFFERED):
                    response.close()
                    raise FaultError(f"oversized body: more than {(size - 1) // 2**20} MB", cost=99)
                chunks.append(chunk)
        finally:
            self._buffered -= size
        return b"".join(chunks)
