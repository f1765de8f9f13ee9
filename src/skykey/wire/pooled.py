"""Answers that come over the process's pools, while they are being read."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

from skykey.wire.decoding import Decoder
from skykey.wire.failures import translated
from skykey.wire.leftovers import retire
from skykey.wire.request import Head
from skykey.wire.slices import limited

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import AsyncGenerator, Generator

    import httpcore2

    from skykey.values.deadline import Deadline
    from skykey.wire.request import Request


_MOST_AT_ONCE: Final = 64 * 1024


class PooledExchange:
    """See `Exchange`."""

    _closed = False

    def __init__(
        self, request: Request, answer: httpcore2.Response, deadline: Deadline, abandoned: deque[httpcore2.Response]
    ) -> None:
        self.head = Head.of(answer.status, answer.headers, request.url)
        self._request = request
        self._answer = answer
        self._abandoned = abandoned
        self._deadline = deadline
        self._pieces = self._decoded()

    def read(self) -> bytes | None:
        """See `Exchange.read`."""
        return next(self._pieces, None)

    def _decoded(self) -> Generator[bytes, None, None]:
        decoder = Decoder(self.head, self._request.cap)
        chunks = _Gathered(self._answer)
        while True:
            with translated(self._request, sent=True), limited(self._deadline):
                chunk = chunks.next()
            if chunk is None:
                break
            self._deadline.check("reading the answer")
            yield from decoder.pieces(chunk)
        decoder.finish()

    def close(self) -> None:
        """See `Exchange.close`."""
        self._closed = True
        self._pieces.close()
        let_go(self._answer)

    def __del__(self) -> None:
        # The socket goes with the generator. The pool's own books are closed by the next who sends: here the pool may
        # be in the middle of its work, in this very thread.
        if not self._closed:
            self._abandoned.append(self._answer)


def let_go(answer: httpcore2.Response) -> None:
    """End an answer: the connection goes back to its pool if the answer was read to its end and nothing is behind."""
    retire(answer)
    answer.close()


class _Gathered:
    """An answer's bytes, as many at a time as are here already.

    Some servers send a great answer in thousands of small pieces, and each costs as much on its way up as a large one.
    """

    def __init__(self, answer: httpcore2.Response) -> None:
        self._chunks = answer.iter_stream()
        self._stream: httpcore2.NetworkStream | None = answer.extensions.get("network_stream")
        self._failure: Exception | None = None

    def next(self) -> bytes | None:
        """The next bytes; None at the end. What fails behind bytes is raised when they have been handed out."""
        if self._failure is not None:
            raise self._failure
        chunk = next(self._chunks, None)
        if chunk is None or not self._has_more():
            return chunk
        chunks = [chunk]
        size = len(chunk)
        try:
            while size < _MOST_AT_ONCE and self._has_more() and (chunk := next(self._chunks, None)) is not None:
                chunks.append(chunk)
                size += len(chunk)
        except Exception as problem:  # noqa: BLE001 - raised above
            self._failure = problem
        return b"".join(chunks)

    def _has_more(self) -> bool:
        return self._stream is not None and bool(self._stream.get_extra_info("is_readable"))


class AsyncPooledExchange:
    """See `AsyncExchange`."""

    _closed = False

    def __init__(self, request: Request, answer: httpcore2.Response, deadline: Deadline) -> None:
        self._loop = asyncio.get_running_loop()
        self.head = Head.of(answer.status, answer.headers, request.url)
        self._request = request
        self._answer = answer
        self._deadline = deadline
        self._pieces = self._decoded()

    async def read(self) -> bytes | None:
        """See `AsyncExchange.read`."""
        return await anext(self._pieces, None)

    async def _decoded(self) -> AsyncGenerator[bytes, None]:
        decoder = Decoder(self.head, self._request.cap)
        chunks = self._answer.aiter_stream()
        while True:
            with translated(self._request, sent=True):
                self._deadline.check("reading the answer")
                async with asyncio.timeout(self._deadline.remaining()):
                    chunk = await anext(chunks, None)
            if chunk is None:
                break
            for piece in decoder.pieces(chunk):
                yield piece
        decoder.finish()

    async def close(self) -> None:
        """See `AsyncExchange.close`."""
        self._closed = True
        await _closed(self._pieces, self._answer)

    def __del__(self) -> None:
        if not self._closed:
            with contextlib.suppress(RuntimeError):  # the loop is closed, and its connections with it
                self._loop.call_soon_threadsafe(_close_soon, self._pieces, self._answer)


_closing: set[asyncio.Task[None]] = set()


def _close_soon(pieces: AsyncGenerator[bytes, None], answer: httpcore2.Response) -> None:
    """Close what was abandoned. In this order: generators that the loop ends at once get into each other's way."""
    task = asyncio.ensure_future(_closed(pieces, answer))
    _closing.add(task)  # the loop alone would forget it
    task.add_done_callback(_closing.discard)


async def _closed(pieces: AsyncGenerator[bytes, None], answer: httpcore2.Response) -> None:
    await pieces.aclose()
    retire(answer)
    await answer.aclose()
