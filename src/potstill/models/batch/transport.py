"""HTTP for batch interfaces: few calls, large bodies; bounded in size and time, and every trouble with its name."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast
from urllib.parse import urlsplit

from potstill.models.replies.loose_json import load
from potstill.models.served.faults import FaultError, classify, told
from potstill.models.served.proxies import proxy_of
from potstill.models.served.secrets import Secret
from potstill.models.served.wire import LARGEST_BODY

SILENCE = 300.0
"""Seconds that a server may say nothing."""
LONGEST = 3600.0
"""Seconds for one reply from its first byte to its last."""
_CHUNK = 65536


class Transport:
    """Calls below one address with the headers of one key. Redirects are not followed, so the key goes nowhere else."""

    def __init__(self, root: str, headers: Mapping[str, str], secret: Secret) -> None:
        self.root, self.headers, self.secret = root, headers, secret
        proxy = proxy_of(root)
        proxies = {} if proxy is None else {urlsplit(root).scheme: proxy.url}
        self._opener = urllib.request.build_opener(_Stay, urllib.request.ProxyHandler(proxies))

    def call(self, method: str, path: str, body: bytes | None = None, kind: str = "application/json") -> Any:  # noqa: ANN401 - any JSON value
        """Return the JSON of a reply.

        Raises:
            FaultError: what may pass, or a reply that is no JSON.
            RefusalError, DenialError: what the server will always say, to this call or to any.
        """
        with self._open(method, path, body, kind) as response:
            data = bytearray()
            for chunk in _chunks(response):
                data += chunk
                if len(data) > LARGEST_BODY:
                    raise FaultError(f"oversized body: more than {LARGEST_BODY // 2**20} MB")
        return load(self.secret.redact(bytes(data)))

    def lines(self, path: str) -> Iterator[bytes]:
        """Yield the lines of a file as they come, the key redacted out; a line too long for any reply is empty.

        Raises:
            FaultError: it broke off; what was yielded is whole.
            RefusalError, DenialError: as `call`.
        """
        with self._open("GET", path, None, "") as response:
            rest = bytearray()
            oversized = False
            for chunk in _chunks(response):
                first, *others = chunk.split(b"\n")
                oversized = oversized or len(rest) + len(first) > LARGEST_BODY
                rest += b"" if oversized else first
                for piece in others:
                    yield b"" if oversized else self.secret.redact(bytes(rest))
                    rest, oversized = bytearray(piece), False
            if rest:
                yield self.secret.redact(bytes(rest))

    @contextmanager
    def _open(self, method: str, path: str, body: bytes | None, kind: str) -> Iterator[http.client.HTTPResponse]:
        headers = {"User-Agent": "potstill", **self.headers} | ({"Content-Type": kind} if body is not None else {})
        request = urllib.request.Request(self.root + path, body, headers, method=method)  # noqa: S310 - http by `endpoint`
        try:
            with self._opener.open(request, timeout=SILENCE) as response:
                yield response
        except urllib.error.HTTPError as error:
            with error:
                raise self._told(error) from None
        except urllib.error.URLError as error:
            raise FaultError(f"unreachable: {error.reason}", kind="unreachable") from None
        except TimeoutError:
            raise FaultError("timeout", kind="overloaded") from None
        except (http.client.HTTPException, OSError) as error:
            raise FaultError(f"connection: {error or type(error).__name__}") from None

    def _told(self, error: urllib.error.HTTPError) -> Exception:
        try:
            said = told(load(self.secret.redact(error.read(_CHUNK))))
        except (FaultError, http.client.HTTPException, OSError):
            said = ("", "")
        return classify(error.code, cast("Mapping[str, str]", error.headers), *said, proven=True)


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def _chunks(response: http.client.HTTPResponse) -> Iterator[bytes]:
    """Yield a body as it comes; the standard library takes one that was cut off for a whole one."""
    until = time.monotonic() + LONGEST
    promised = response.length
    received = 0
    while chunk := response.read1(_CHUNK):
        received += len(chunk)
        yield chunk
        if time.monotonic() > until:
            raise FaultError("timeout: the body has no end")
    if promised is not None and received < promised:
        raise FaultError("connection: the body was cut off")
