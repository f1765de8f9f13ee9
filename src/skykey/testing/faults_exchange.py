"""One exchange under way in the fault proxy: what was asked, what the target answers, and the way back to who asked."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Sequence

    from skykey.testing.faults_proxy import Seen

Framing = Literal["length", "chunked", "close"]
"""How the reader of an answer learns where it ends."""
Headers = list[tuple[str, str]]

MOST_HEAD: Final = 2**20
_PIECE = 64 * 1024
_HOP = frozenset({"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"})
_BODILESS = frozenset({204, 304})
_INFORMATIONAL = range(100, 200)
_GOODBYE = 1.0
_LOOK = 0.005


@dataclass(frozen=True)
class Asked:
    """A request as it arrived. It holds credentials: the log never has it."""

    method: str
    target: str
    headers: Headers = field(repr=False)
    body: bytes = field(repr=False)

    def header(self, name: str) -> str:
        """Its value, or nothing."""
        return header(self.headers, name)


@dataclass(frozen=True)
class Answer:
    """What the target answers: the head, and the body while it comes, without transfer coding.

    Parameters
    ----------
    status, headers
        As they came; headers of the connection are left out.
    pieces
        The body.
    framing, length
        How its end was announced, and the length if that was said.
    """

    status: int
    headers: Headers
    pieces: AsyncIterator[bytes]
    framing: Framing
    length: int | None

    async def whole(self) -> bytes:
        """Read the body to its end."""
        return b"".join([piece async for piece in self.pieces])


def header(headers: Headers, name: str) -> str:
    """The value of a header, or nothing."""
    return next((value for each, value in headers if each.lower() == name), "")


@dataclass(frozen=True)
class Target:
    """Who is asked in earnest."""

    url: str
    trust: ssl.SSLContext | None

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection; each request has its own."""
        parts = urlsplit(self.url)
        return await asyncio.open_connection(
            parts.hostname, parts.port or (443 if parts.scheme == "https" else 80), ssl=self.trust, limit=MOST_HEAD
        )


class Exchange:
    """What a fault has in its hands.

    Attributes
    ----------
    asked
        The request.
    goes_on
        Whether the connection is good for another request.
    """

    def __init__(
        self, asked: Asked, seen: Seen, target: Target, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.asked = asked
        self.goes_on = asked.header("connection").lower() != "close"
        self._seen = seen
        self._target = target
        self._reader, self._writer = reader, writer
        self._framing: Framing = "length"
        self._far: list[asyncio.StreamWriter] = []
        self._closed = False

    async def answer(self) -> Answer:
        """Ask the target.

        Raises
        ------
        OSError
            If it cannot be asked.
        """
        reader, writer = await self._target.connect()
        self._far.append(writer)
        lines = [f"{self.asked.method} {self.asked.target} HTTP/1.1"]
        left_out = _HOP | {"expect", "content-length"}
        lines += [f"{name}: {value}" for name, value in self.asked.headers if name.lower() not in left_out]
        lines += [f"Content-Length: {len(self.asked.body)}"] if self.asked.body else []
        writer.write("\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1") + self.asked.body)
        await writer.drain()
        status = 100
        headers: Headers = []
        while status in _INFORMATIONAL:
            first, headers = await _head(reader)
            status = int(f"{first} ".split(" ")[1])
        has_body = self.asked.method != "HEAD" and status not in _BODILESS
        framing, length = _framing(headers) if has_body else ("length", 0)
        kept = [(name, value) for name, value in headers if name.lower() not in _HOP | {"content-length"}]
        return Answer(status, kept, _body(reader, framing, length), framing, length)

    async def begin(
        self, status: int, headers: Sequence[tuple[str, str]], framing: Framing, length: int | None = None
    ) -> None:
        """Send a head.

        Parameters
        ----------
        status, headers
            Of the answer.
        framing
            How its end is announced.
        length
            What ``Content-Length`` says, whether it is so or not.
        """
        self._seen.status = status
        self._framing = framing
        lines = [f"HTTP/1.1 {status} Scripted", *(f"{name}: {value}" for name, value in headers)]
        if framing == "length" and status not in _BODILESS:
            lines.append(f"Content-Length: {length or 0}")
        elif framing == "chunked":
            lines.append("Transfer-Encoding: chunked")
        elif framing == "close":
            lines.append("Connection: close")
            self.goes_on = False
        self._writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
        await self._writer.drain()

    async def send(self, piece: bytes) -> None:
        """Send a piece of the body."""
        if piece and self.asked.method != "HEAD":
            self._seen.sent += len(piece)
            self._writer.write(b"%x\r\n%b\r\n" % (len(piece), piece) if self._framing == "chunked" else piece)
            await self._writer.drain()

    async def end(self) -> None:
        """Say that this was all."""
        if self._framing == "chunked":
            self._writer.write(b"0\r\n\r\n")
            await self._writer.drain()

    async def reset(self) -> None:
        """Break the connection off: the other side gets an error, and not an end."""
        self.goes_on, self._closed = False, True
        connection = self._writer.get_extra_info("socket")
        if connection is not None:  # else the other side has gone already
            with contextlib.suppress(OSError, ValueError):  # it has gone in the meantime
                await _taken(connection)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def close(self) -> None:
        """Close the connection in good order."""
        self.goes_on = False
        if self._closed:
            # In Python 3.11 a second close takes a TLS transport its inside, and no abort reaches it then.
            return
        self._closed = True
        self._writer.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._writer.wait_closed()), _GOODBYE)

    async def silence(self, seconds: float | None = None) -> None:
        """Say nothing: for so long, or until the other side has gone."""
        if seconds is not None:
            await asyncio.sleep(seconds)
            return
        self.goes_on = False
        while await self._reader.read(_PIECE):
            pass

    def let_go(self) -> None:
        """Close what was opened to the target."""
        for writer in self._far:
            writer.transport.abort()


async def _taken(connection: socket.socket) -> None:
    """Wait until the other side's system has what was sent, or will not have it: a reset throws away the rest."""
    await asyncio.sleep(_LOOK)
    try:
        import fcntl
        import termios
    except ImportError:  # a system that does not tell
        return
    for _ in range(int(_GOODBYE / _LOOK)):  # the kernel calls nobody when its queue is empty
        if not any(fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, bytes(4))):
            return
        await asyncio.sleep(_LOOK)


# -- reading


async def asked(reader: asyncio.StreamReader) -> Asked | None:
    """Read a request; None if there is none any more.

    Raises
    ------
    OSError, EOFError, ValueError
        If the other side goes away, or what it says is no HTTP. Where a body is read it is the same.
    """
    try:
        first, headers = await _head(reader)
    except asyncio.IncompleteReadError:
        return None
    method, _, rest = first.partition(" ")
    target = rest.partition(" ")[0]
    framing, length = _framing(headers)
    has_body = framing == "chunked" or bool(length)
    body = b"".join([piece async for piece in _body(reader, framing, length)]) if has_body else b""
    return Asked(method, target, headers, body)


async def _head(reader: asyncio.StreamReader) -> tuple[str, Headers]:
    raw = await reader.readuntil(b"\r\n\r\n")
    first, *lines = raw[:-4].decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return first, [(name.strip(), value.strip()) for name, _, value in pairs]


def _framing(headers: Headers) -> tuple[Framing, int | None]:
    if "chunked" in header(headers, "transfer-encoding").lower():
        return "chunked", None
    length = header(headers, "content-length")
    return ("length", int(length)) if length else ("close", None)


async def _body(reader: asyncio.StreamReader, framing: Framing, length: int | None) -> AsyncIterator[bytes]:
    if framing == "chunked":
        while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
            yield await reader.readexactly(size)
            await reader.readexactly(2)
        while await reader.readuntil(b"\r\n") != b"\r\n":
            pass  # trailers
    elif length is not None:
        while length:
            piece = await reader.read(min(length, _PIECE))
            if not piece:
                raise asyncio.IncompleteReadError(b"", length)
            length -= len(piece)
            yield piece
    else:
        while piece := await reader.read(_PIECE):
            yield piece
