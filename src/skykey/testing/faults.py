"""What can go wrong with an answer, as values. `skykey.testing.faults_proxy.FaultProxy` plays them.

::

    with FaultProxy(box.site_url) as proxy:
        proxy.fault(Reset(), path="*/query", times=2)                      # the next two queries
        proxy.fault(Reply(503, retry_after=1), Pass(), path="*/discovery")  # one no, then a yes
        proxy.fault(Truncate(1000, framing="chunked"), method="POST", times=None)
        my_program(proxy.url)

Anything with a method ``play`` is a fault, so a test may bring its own.
"""

from __future__ import annotations

import asyncio
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from skykey.testing.faults_exchange import header

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from skykey.testing.faults_exchange import Answer, Exchange, Framing, Headers

LOGIN_PAGE: Final = b"<!doctype html><html><head><title>Log in</title></head><body><form>Log in</form></body></html>"
_BLOCK = 2**20
_TICK = 0.05


class Fault(Protocol):
    """One way for an answer to go wrong."""

    async def play(self, exchange: Exchange, /) -> None:
        """Answer, or do not.

        Parameters
        ----------
        exchange
            The request, the target, and the way back.
        """
        ...


@dataclass(frozen=True)
class Pass:
    """The target's own answer, as it is: nothing goes wrong."""

    async def play(self, exchange: Exchange, /) -> None:
        """See `Fault.play`."""
        answer = await exchange.answer()
        await _begin(exchange, answer, None)
        async for piece in answer.pieces:
            await exchange.send(piece)
        await exchange.end()


@dataclass(frozen=True)
class Latency:
    """Silence for a while, then another fault, or the target's own answer.

    Parameters
    ----------
    seconds
        How long.
    then
        What comes after it.
    """

    seconds: float
    then: Fault = field(default_factory=Pass)

    async def play(self, exchange: Exchange, /) -> None:
        """See `Fault.play`."""
        await exchange.silence(self.seconds)
        await self.then.play(exchange)


@dataclass(frozen=True)
class Reset:
    """The connection is broken off, so that the client gets an error.

    Parameters
    ----------
    after
        So many bytes of the body come first; None for none, nor the head.
    delivered
        Without `after`: whether the target gets the request, so that only its answer is lost.
    """

    after: int | None = None
    delivered: bool = False

    async def play(self, exchange: Exchange, /) -> None:
        """See `Fault.play`."""
        if self.after is not None:
            await _first(exchange, self.after, None)
        elif self.delivered:
            await (await exchange.answer()).whole()
        await exchange.reset()


@dataclass(frozen=True)
class Truncate:
    """The answer ends early, on a connection that is closed in good order.

    Parameters
    ----------
    after
        So many bytes of the body come.
    framing
        How the end was announced that never comes: a ``Content-Length`` that is not reached (``length``), a last chunk
        that is missing (``chunked``), or not at all (``close``): then HTTP itself cannot tell. None is as the target
        has it.
    """

    after: int = 0
    framing: Framing | None = None

    async def play(self, exchange: Exchange, /) -> None:
        """See `Fault.play`."""
        await _first(exchange, self.after, self.framing)
        await exchange.close()


@dataclass(frozen=True)
class Stall:
    """Silence for ever.

    Parameters
    ----------
    after
        So many bytes of the body come first; None for none, nor the head.
    """

    after: int | None = None

    async def play(self, exchange: Exchange, /) -> None:
        """See `Fault.play`."""
        if self.after is not None:
            await _first(exchange, self.after, None)
        await exchange.silence()


@dataclass(frozen=True)
class Drip:
    """The target's answer, a few bytes at a time: no read ever waits for long.

    Parameters
    ----------
    rate
        Bytes a second.
    """

    rate: float = 1.0

    async def play(self, exchange: Exchange, /) -> None:
        """See `Fault.play`."""
        answer = await exchange.answer()
        await _begin(exchange, answer, None)
        size = max(1, int(self.rate * _TICK))
        async for piece in answer.pieces:
            for at in range(0, len(piece), size):
                await exchange.send(piece[at : at + size])
                await exchange.silence(size / self.rate)
        await exchange.end()


@dataclass(frozen=True)
class WrongLength:
    """The whole answer under a ``Content-Length`` that is not its length.

    Parameters
    ----------
    by
        How many bytes it says too many; below zero too few, and the rest lies in front of the next answer.
    """

    by: int = 10

    async def play(self, exchange: Exchange, /) -> None:
        """See `Fault.play`."""
        answer = await exchange.answer()
        body = await answer.whole()
        await exchange.begin(answer.status, answer.headers, "length", max(0, len(body) + self.by))
        await exchange.send(body)
        if self.by > 0:
            await exchange.close()


@dataclass(frozen=True)
class Rewrite:
    """The target's answer with another body, in flawless HTTP.

    Parameters
    ----------
    change
        From the body to what is sent in its place; without compression, before and after.
    """

    change: Callable[[bytes], bytes]

    async def play(self, exchange: Exchange, /) -> None:
        """See `Fault.play`."""
        answer = await exchange.answer()
        body = await answer.whole()
        if header(answer.headers, "content-encoding").lower() in {"gzip", "deflate"}:
            body = zlib.decompress(body, zlib.MAX_WBITS | 32)
        body = self.change(body)
        await exchange.begin(answer.status, _unencoded(answer), "length", len(body))
        await exchange.send(body)


@dataclass(frozen=True)
class Bomb:
    """A body of zeros that is small on the way and large when it is unpacked, under the target's own head.

    Parameters
    ----------
    size
        Bytes when unpacked.
    """

    size: int = 256 * 2**20

    async def play(self, exchange: Exchange, /) -> None:
        """See `Fault.play`."""
        answer = await exchange.answer()
        await exchange.begin(answer.status, [*_unencoded(answer), ("Content-Encoding", "gzip")], "chunked")
        for piece in _bomb(self.size):
            await exchange.send(piece)
            await asyncio.sleep(0)
        await exchange.end()


@dataclass(frozen=True)
class Reply:
    """An answer of the proxy's own; the target is not asked.

    Parameters
    ----------
    status
        Its status; 204 has no body.
    body, headers
        What it says.
    retry_after
        Written into ``Retry-After`` as it is: seconds, a date, a huge or negative number, or garbage; None for none.
    """

    status: int = 503
    body: bytes | str = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    retry_after: Any = None

    async def play(self, exchange: Exchange, /) -> None:
        """See `Fault.play`."""
        data = self.body.encode() if isinstance(self.body, str) else self.body
        more = [] if self.retry_after is None else [("Retry-After", str(self.retry_after))]
        await exchange.begin(self.status, [*self.headers.items(), *more], "length", len(data))
        await exchange.send(data)


def page(body: bytes | str = LOGIN_PAGE, status: int = 200) -> Reply:
    """HTML where data was promised: somebody's login page, as a success."""
    return Reply(status, body, {"Content-Type": "text/html; charset=utf-8"})


def redirect(to: str, status: int = 302) -> Reply:
    """A redirect, for instance to a login page at another host."""
    return Reply(status, "", {"Location": to})


# -- beginnings


async def _begin(exchange: Exchange, answer: Answer, framing: Framing | None) -> None:
    await exchange.begin(answer.status, answer.headers, framing or answer.framing, answer.length)


async def _first(exchange: Exchange, count: int, framing: Framing | None) -> None:
    """Send the head and so many bytes of the target's answer, and leave it there."""
    answer = await exchange.answer()
    if framing == "length" and answer.length is None:
        body = await answer.whole()
        await exchange.begin(answer.status, answer.headers, "length", len(body))
        await exchange.send(body[:count])
        return
    await _begin(exchange, answer, framing)
    async for piece in answer.pieces:
        await exchange.send(piece[:count])
        count -= len(piece)
        if count <= 0:
            return


def _unencoded(answer: Answer) -> Headers:
    return [(name, value) for name, value in answer.headers if name.lower() != "content-encoding"]


def _bomb(size: int) -> Iterator[bytes]:
    """One gzip member, block by block: each block is the same, and packed once."""
    squeeze = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    zeros = bytes(min(size, _BLOCK))
    block = squeeze.compress(zeros) + squeeze.flush(zlib.Z_FULL_FLUSH)
    check, left = 0, size
    yield b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"  # RFC 1952, 2.3
    while left >= len(zeros) > 0:
        yield block
        check = zlib.crc32(zeros, check)
        left -= len(zeros)
    last = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    yield last.compress(zeros[:left]) + last.flush()
    check = zlib.crc32(zeros[:left], check)
    yield check.to_bytes(4, "little") + (size % 2**32).to_bytes(4, "little")
