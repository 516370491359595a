"""Which proxy an address is asked by, from the environment: `https_proxy`, `http_proxy`, `all_proxy` and `no_proxy`.

As curl and most clients read them, but never for this machine. Not by aiohttp's `trust_env`: that would also take
passwords for the address from `~/.netrc`, in place of the key. The standard library knows no networks in `no_proxy`.
"""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from urllib.parse import urlsplit

from potstill.errors import TeacherError

PRIVATE_DOMAINS = (".localhost", ".local", ".internal", ".lan", ".home", ".corp", ".intranet", ".private", ".home.arpa")
"""Ends of names that no name server of the open network knows."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """An address to ask by, and the variable that names it. Shown without its password."""

    url: str
    variable: str

    def __str__(self) -> str:
        parts = urlsplit(self.url)
        return f"the proxy {parts.scheme}://{parts.netloc.rpartition('@')[2]} of {self.variable}"


def proxy_of(url: str) -> Proxy | None:
    """Return the proxy that the environment names for an address, None for one that is asked directly.

    Raises:
        TeacherError: it is of a kind that cannot be used.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if is_loopback(url) or _is_exempt(host, parts.port, _variable("no_proxy")[1]):
        return None
    name, said = next((found for found in map(_variable, (f"{parts.scheme}_proxy", "all_proxy")) if found[1]), ("", ""))
    if not said:
        return None
    found = said if "://" in said else f"http://{said}"
    if urlsplit(found).scheme not in ("http", "https"):
        raise TeacherError(
            f"{Proxy(found, name)} is no HTTP proxy, and others cannot be used: name one as http://HOST:PORT, or put "
            f"{host} into no_proxy"
        )
    return Proxy(found, name)


def is_loopback(url: str) -> bool:
    """Return whether an address is of this machine."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return address.is_loopback or address.is_unspecified


def is_public(url: str) -> bool:
    """Return whether an address can be of use to strangers: a host of the open network, by a whole name or a number."""
    host = (urlsplit(url).hostname or "").rstrip(".").lower()
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith(PRIVATE_DOMAINS)


def _variable(name: str) -> tuple[str, str]:
    """Return a variable's name as it is set, and its value; in small letters it wins, as everywhere."""
    for spelt in (name, name.upper()):
        # As a web server's program, HTTP_PROXY would be a header of whoever asks.
        if os.environ.get(spelt, "").strip() and not (spelt == "HTTP_PROXY" and "REQUEST_METHOD" in os.environ):
            return spelt, os.environ[spelt].strip()
    return name, ""


def _is_exempt(host: str, port: int | None, said: str) -> bool:
    """Return whether `no_proxy` has a host: by name, domain, address, network (10.0.0.0/8), with a port or without."""
    for entry in said.replace(" ", ",").split(","):
        name, colon, wanted = entry.strip().lower().rpartition(":")
        if not colon or not wanted.isdigit() or (name.count(":") > 0 and not name.startswith("[")):
            name, wanted = entry.strip().lower(), ""
        if name == "*":
            return True
        if not name or (wanted and str(port) != wanted):
            continue
        if _is_in_network(host, name.strip("[]")) or _is_in_domain(host.lower(), name):
            return True
    return False


def _is_in_network(host: str, network: str) -> bool:
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(network, strict=False)
    except (ValueError, TypeError):
        return False


def _is_in_domain(host: str, name: str) -> bool:
    domain = name.removeprefix("*").lstrip(".").rstrip(".")
    host = host.rstrip(".")
    return bool(domain) and (host == domain or host.endswith(f".{domain}"))
