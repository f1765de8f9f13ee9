"""Addresses that a document must not name: what lies nearer to this machine than the document's own server."""

from __future__ import annotations

import ipaddress
from enum import IntEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from skykey.values.url import Url

_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")


class _Nearness(IntEnum):
    PUBLIC = 0
    PRIVATE = 1
    LOOPBACK = 2
    NEVER = 3
    """Link-local addresses (there, clouds hand out their machines' own credentials), and those that are no host."""


def too_near(url: Url, document: Url | None) -> str | None:
    """Say why a document may not name a URL: in words, or None if it may.

    A server in the public net has no business with a private network or with this machine: a program that believes it
    becomes its hand there. A site that the user named at such an address may name others of the kind. Names are looked
    at as names; what they resolve to is the business of TLS.

    Parameters
    ----------
    url
        What the document names.
    document
        Where the document comes from, as the user named it; None for a file.
    """
    allowed = _Nearness.PUBLIC if document is None else min(_nearness(document.host), _Nearness.LOOPBACK)
    found = _nearness(url.host)
    if found <= allowed:
        return None
    kind = {
        _Nearness.PRIVATE: "a private network's address",
        _Nearness.LOOPBACK: "an address of this machine",
        _Nearness.NEVER: "an address that no service has",
    }[found]
    return f"names {url.origin}, {kind}"


def _nearness(host: str) -> _Nearness:
    try:
        address: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(host)
    except ValueError:
        # The one name that means this machine wherever it is looked up (RFC 6761, 6.3).
        return _Nearness.LOOPBACK if f".{host}".endswith(".localhost") else _Nearness.PUBLIC
    inner = _inner(address)
    if inner.is_loopback:
        return _Nearness.LOOPBACK
    if inner.is_link_local or inner.is_multicast or inner.is_unspecified or inner.is_reserved:
        return _Nearness.NEVER
    return _Nearness.PUBLIC if inner.is_global else _Nearness.PRIVATE


def _inner(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The IPv4 address that an IPv6 address stands for, if it does."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address
