"""H12: fakes are used without network: sockets are blocked during tests, 0 connects."""

import asyncio
import contextlib
import socket
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

# Addresses that are nobody's by their RFC; names below .invalid are too.
ELSEWHERE = ["192.0.2.1", "198.51.100.7", "2001:db8::1"]


@pytest.mark.parametrize("host", ELSEWHERE)
def test_h12_connect_elsewhere_is_refused(host: str, sockets: Any) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for connect in ("connect", "connect_ex"):
        with socket.socket(family) as sock, pytest.raises(RuntimeError, match="stay on this machine"):
            getattr(sock, connect)((host, 443))
    assert len(sockets.blocked) == 2
    sockets.blocked.clear()


@pytest.mark.parametrize(
    "look_up",
    [
        lambda name: socket.getaddrinfo(name, 443),
        socket.gethostbyname,
        socket.gethostbyname_ex,
        socket.gethostbyaddr,
        lambda name: socket.create_connection((name, 443), timeout=1),
        lambda name: urllib.request.urlopen(f"http://{name}/", timeout=1),
    ],
    ids=["getaddrinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr", "create_connection", "urlopen"],
)
def test_h12_looking_up_a_name_elsewhere_is_refused(
    look_up: Callable[[str], object], sockets: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(RuntimeError, match=r"skykey\.invalid"):
        look_up("skykey.invalid")
    assert sockets.blocked
    sockets.blocked.clear()


def test_h12_datagrams_elsewhere_are_refused(sockets: Any) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as sock, pytest.raises(RuntimeError):
        sock.sendto(b"who is there", ("192.0.2.1", 53))
    sockets.blocked.clear()


@pytest.mark.parametrize("target", ["192.0.2.1", "skykey.invalid"])
def test_h12_asyncio_is_refused_too(target: str, sockets: Any) -> None:
    async def reach() -> None:
        await asyncio.open_connection(target, 443)

    with pytest.raises(RuntimeError, match="stay on this machine"):
        asyncio.run(reach())
    sockets.blocked.clear()


def test_h12_a_swallowed_refusal_is_remembered(sockets: Any) -> None:
    with contextlib.suppress(Exception):
        socket.create_connection(("skykey.invalid", 443))
    assert sockets.blocked == ["socket.getaddrinfo skykey.invalid"]
    sockets.blocked.clear()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.8.9.10"])
def test_h12_loopback_is_open(host: str, sockets: Any) -> None:
    with socket.create_server(("", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection((host, port), timeout=5) as client:
            client.sendall(b"")
    assert sockets.blocked == []


@pytest.mark.parametrize(
    ("host", "here"),
    [
        (None, True),
        ("", True),
        ("127.0.0.1", True),
        (b"127.0.0.1", True),
        ("::1", True),
        ("0.0.0.0", True),
        ("localhost", True),
        ("usdf.localhost", True),
        ("localhost.example.org", False),
        ("127.0.0.1.example.org", False),
        ("10.0.0.1", False),
        ("fe80::1%eth0", False),
        ("example.org", False),
    ],
)
def test_h12_what_counts_as_this_machine(host: object, here: bool, sockets: Any) -> None:
    assert sockets.is_here(host) is here
