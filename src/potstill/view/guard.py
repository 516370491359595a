"""Who may ask the server: whoever holds the token, from a page of this very server, on this machine."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web

HEADER = "X-Potstill"
"""A header of our own: no page of another origin can send it without asking first, which is refused."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
    "trusted-types 'none'"
)
REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; sandbox allow-same-origin allow-top-navigation-by-user-activation"
)
"""Of a report that is served here: its own styles, and no script whatever."""
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
NAMES = ("127.0.0.1", "localhost")
OPEN = ("/", "/api/session")
"""What is answered without the token: the page itself, which holds no data, and the exchange of token for cookie."""

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Guard:
    """The rules of one server. `port` is known once it listens."""

    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    port: int = 0

    @property
    def cookie(self) -> str:
        """The name of the cookie; cookies do not tell ports apart, so that the name has to."""
        return f"potstill-{self.port}"

    @property
    def hosts(self) -> frozenset[str]:
        """What a browser may call this server: a name that was bound to 127.0.0.1 by others is none of these."""
        return frozenset(f"{name}:{self.port}" for name in NAMES)

    def holds(self, token: object) -> bool:
        """Whether this is the token; takes as long whatever is asked."""
        return isinstance(token, str) and hmac.compare_digest(token.encode(), self.token.encode())

    def refusal(self, request: web.Request) -> str:
        """Return why a request is refused, or nothing."""
        if request.host not in self.hosts:
            return "this server answers to 127.0.0.1 and localhost alone"
        if request.method not in ("GET", "POST"):
            return "only GET and POST are answered"
        # A link to the page may be followed from anywhere, such as a terminal in a browser: the page holds no data.
        if request.path != "/" and request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
            return "the request came from another page"
        if request.method == "POST":
            if request.headers.get("Origin") not in {f"http://{host}" for host in self.hosts}:
                return "the request came from another page"
            if request.headers.get(HEADER) != "1" or request.content_type != "application/json":
                return "the request is not of this page"
        closed = request.path.startswith("/api/") and request.path not in OPEN
        if closed and not self.holds(request.cookies.get(self.cookie)):
            return "open the link that `potstill view` printed: it holds the token"
        return ""

    @web.middleware
    async def check(self, request: web.Request, handler: Answer) -> web.StreamResponse:
        """Refuse or answer, and set the headers of every reply."""
        if told := self.refusal(request):
            return web.json_response({"error": told}, status=403, headers=HEADERS)
        try:
            reply = await handler(request)
        except web.HTTPException as error:
            return web.json_response({"error": error.reason}, status=error.status, headers=HEADERS)
        if not reply.prepared:
            for name, value in HEADERS.items():
                reply.headers.setdefault(name, value)
        return reply
