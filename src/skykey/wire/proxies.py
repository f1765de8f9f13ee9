"""The proxy that the environment names for an origin."""

from __future__ import annotations

import os
import time
import urllib.request
from typing import TYPE_CHECKING, Final

import httpcore2

from skykey.values.errors import Unreachable
from skykey.values.secret import Secret

if TYPE_CHECKING:
    from skykey.values.origin import Origin

_NAMES: Final = tuple(
    form for name in ("https_proxy", "http_proxy", "all_proxy", "no_proxy") for form in (name, name.upper())
)
_SECOND: Final = 1.0
_MOST: Final = 64
# By origin: what the variables said (hashed, because a proxy may have a password), until when it counts, the proxy.
_known: Final[dict[Origin, tuple[int, float, Secret | None]]] = {}


def proxy_for(origin: Origin) -> Secret | None:
    """Read ``HTTPS_PROXY``, ``HTTP_PROXY``, ``ALL_PROXY``, ``NO_PROXY`` (and the system's settings) for one origin.

    A loopback address never goes through a proxy: there it would mean another machine. The address is secret: it may
    hold a password.
    """
    if origin.is_loopback:
        return None
    # The whole environment, or the system's settings, are not searched for each of many requests.
    said, now = hash(tuple(map(os.environ.get, _NAMES))), time.monotonic()
    known = _known.get(origin)
    if known is None or known[0] != said or now >= known[1]:
        if len(_known) >= _MOST:
            _known.clear()
        known = _known[origin] = said, now + _SECOND, _searched(origin)
    return known[2]


def _searched(origin: Origin) -> Secret | None:
    proxies = urllib.request.getproxies()
    proxy = proxies.get(origin.scheme) or proxies.get("all")
    if not proxy or urllib.request.proxy_bypass(f"{origin.host}:{origin.port}"):
        return None
    return Secret(proxy if "://" in proxy else f"http://{proxy}")


def opened(url: Secret | None) -> httpcore2.Proxy | None:
    """The HTTP library's own object for a proxy.

    Raises
    ------
    Unreachable
        If it is of a kind that cannot be used.
    """
    if url is None:
        return None
    proxy = _parsed(url)
    if isinstance(proxy, str):
        # Raised here, without the URL and where no local variable holds it: it may have a password.
        raise Unreachable(
            f"the proxy of the environment is none that can be used ({proxy})",
            next="set HTTPS_PROXY and HTTP_PROXY to an http:// address, or unset them and ALL_PROXY",
        )
    return proxy


def _parsed(url: Secret) -> httpcore2.Proxy | str:
    """The proxy, or the scheme of one that cannot be used."""
    from urllib.parse import unquote, urlsplit

    try:
        parts = urlsplit(url.reveal())
    except ValueError:
        return "not a URL"
    try:
        host, port = parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        host, port = None, 0
    if parts.scheme not in {"http", "https"} or not host or not host.isascii():
        return parts.scheme
    bare = f"{parts.scheme}://{f'[{host}]' if ':' in host else host}:{port}"
    login = None
    if parts.username:
        login = (unquote(parts.username), unquote(parts.password or ""))
    return httpcore2.Proxy(bare, auth=login)
