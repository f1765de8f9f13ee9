"""Where a credential may be at home."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Final

DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port (RFC 6454), compared for equality and for nothing else.

    There is no "starts with", no "same site", no wildcard. Get one from ``Url(text).origin``, which normalises.

    Examples
    --------
    >>> from skykey.values.url import Url
    >>> Url("https://Example.org:443/a").origin == Url("https://example.org/b").origin
    True
    """

    scheme: str
    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether it can only be this machine: 127.0.0.0/8, ::1 or ``localhost`` (RFC 6761, 6.3)."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def authority(self) -> str:
        """Host and, unless it is the scheme's own, port: what a ``Host`` header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"
