"""What goes out and what comes back first."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Protocol

from skykey.values.errors import UsageError
from skykey.values.secret import Secret

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from skykey.values.url import Url

# RFC 9110, 5.6.2: a header's name is a token.
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# RFC 9110, 5.5: visible characters, blanks and tabs inside; no CR, LF, NUL.
_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e\t]*[\x21-\x7e])?")
# An empty value stands for the program's own name. Compression is asked for by whoever can use it.
_DEFAULTS: Final = (("Accept", "*/*"), ("Accept-Encoding", "identity"), ("User-Agent", ""))


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait for what, in seconds.

    Parameters
    ----------
    connect
        For a connection with its TLS handshake.
    silence
        Between two pieces of the answer, and for its first one; without a deadline also for a free place in the pool.
    """

    connect: float = 10.0
    silence: float = 60.0


@dataclass(frozen=True, slots=True)
class TlsIdentity:
    """A client certificate: PEM files, read by the TLS library when the first connection needs them.

    Parameters
    ----------
    certificate, key
        The files; both may be the same.
    stamp
        What tells the files from those that lay there before: another stamp, other connections.
    """

    certificate: Path
    key: Path
    stamp: tuple[int, ...] = ()


class Body(Protocol):
    """What is sent piece by piece, because it may be larger than memory. It can be read again from its start."""

    @property
    def size(self) -> int:
        """How many bytes, exactly."""
        ...

    def __iter__(self) -> Iterator[bytes]:
        """From the first byte on, each time."""
        ...


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request as a value.

    Parameters
    ----------
    method
        ``GET``, ``POST``, …
    url
        Where to.
    headers
        Pairs; a value that is a `Secret` opens only when the HTTP library's own request is built.
    body
        Bytes, or a `Body`, so that the request can be sent again; or a `Secret`, which opens like those in headers.
    tls
        A client certificate to show.
    cap
        Most decoded bytes of the answer; more is an error. None for streams that are read piece by piece.
    timeouts
        See `Timeouts`.
    """

    method: str
    url: Url
    headers: tuple[tuple[str, str | Secret], ...] = ()
    body: bytes | Secret | Body = field(default=b"", repr=False)
    tls: TlsIdentity | None = None
    cap: int | None = 32 * 2**20
    timeouts: Timeouts = Timeouts()

    def with_headers(self, *headers: tuple[str, str | Secret]) -> Request:
        """Add headers.

        Raises
        ------
        UsageError
            If one of the names is there already, in any case of its letters.
        """
        present = {name.lower() for name, _ in self.headers}
        if doubled := present & {name.lower() for name, _ in headers}:
            raise UsageError(f"the request already has the header {', '.join(sorted(doubled))}")
        return replace(self, headers=(*self.headers, *headers))


def opened_headers(request: Request, agent: str) -> list[tuple[bytes, bytes]]:
    """Headers for the HTTP library, with the secrets open: the one place on the way out where they are.

    Raises
    ------
    UsageError
        If a name or value is not one line of visible characters. The message never shows a secret.
    """
    opened = _opened(request, agent)
    if isinstance(opened, str):
        # Raised here, where no local variable holds an open secret that a traceback could show.
        raise UsageError(f"the value of the header {opened!r} is not one line of visible ASCII characters")
    return opened


def opened_body(request: Request) -> bytes | Body:
    """The body for the HTTP library."""
    return request.body.reveal().encode() if isinstance(request.body, Secret) else request.body


def opened_body_on_loop(request: Request) -> bytes | AsyncIterator[bytes]:
    """The body for the asynchronous HTTP library; what is read from a disk is read on a thread."""
    body = opened_body(request)
    return body if isinstance(body, bytes) else _on_threads(body)


async def _on_threads(body: Body) -> AsyncIterator[bytes]:
    import asyncio

    pieces = iter(body)
    while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
        yield piece


def _opened(request: Request, agent: str) -> list[tuple[bytes, bytes]] | str:
    """The headers, or the name of one that cannot be sent."""
    opened = [(b"Host", request.url.origin.authority.encode())]
    names = {name.lower() for name, _ in request.headers}
    opened += [(n.encode(), (v or agent).encode()) for n, v in _DEFAULTS if n.lower() not in names]
    if request.body or request.method in {"POST", "PUT", "PATCH"}:
        body = opened_body(request)
        size = len(body) if isinstance(body, bytes) else body.size
        opened.append((b"Content-Length", str(size).encode()))
    for name, value in request.headers:
        text = value.reveal() if isinstance(value, Secret) else value
        if not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(text):
            return name
        opened.append((name.encode(), text.encode()))
    return opened


@dataclass(frozen=True, slots=True)
class Head:
    """Status and headers of an answer; names in lower case, several values joined as in RFC 9110, 5.3."""

    status: int
    headers: dict[str, str]
    url: Url

    @property
    def media_type(self) -> str:
        """The content type without its parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @classmethod
    def of(cls, status: int, pairs: list[tuple[bytes, bytes]], url: Url) -> Head:
        """From an HTTP library's pairs of bytes."""
        headers: dict[str, str] = {}
        for raw_name, raw_value in pairs:
            name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        return cls(status, headers, url)
