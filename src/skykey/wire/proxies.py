"""The proxy that the environment names for an origin."""

from __future__ import annotations

import urllib.request
from typing import TYPE_CHECKING

from skykey.values.secret import Secret

if TYPE_CHECKING:
    from skykey.values.origin import Origin


def proxy_for(origin: Origin) -> Secret | None:
    """Read ``HTTPS_PROXY``, ``HTTP_PROXY``, ``ALL_PROXY``, ``NO_PROXY`` (and the system's settings) for one origin.

    A loopback address never goes through a proxy: there it would mean another machine. The address is secret: it may
    hold a password.
    """
    if origin.is_loopback:
        return None
    proxies = urllib.request.getproxies()
    proxy = proxies.get(origin.scheme) or proxies.get("all")
    if not proxy or urllib.request.proxy_bypass(f"{origin.host}:{origin.port}"):
        return None
    return Secret(proxy if "://" in proxy else f"http://{proxy}")
