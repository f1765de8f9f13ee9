"""Requests through a client object that the user brought.

Its pools, proxies, trust and event loop are the user's business. Redirects, cookies' consequences and credentials stay
ours: redirects are not followed by it, and its own authentication is switched off.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from skykey.values.errors import Interrupted, TimedOut, Unreachable, UsageError
from skykey.wire.agent import agent
from skykey.wire.decoding import Decoder
from skykey.wire.frames import frameless
from skykey.wire.request import Head, Request, opened_body_on_loop, opened_headers

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from skykey.values.deadline import Deadline


class ClientObject(Protocol):
    """What is used of ``httpx.AsyncClient`` (or ``httpx2.AsyncClient``, which has the same face)."""

    def build_request(self, method: str, url: str, *, content: Any, headers: Any, timeout: Any) -> Any:
        """Make the library's own request."""
        ...

    async def send(self, request: Any, *, stream: bool, auth: Any, follow_redirects: bool) -> Any:
        """Send it."""
        ...


class GuestClient:
    """Takes requests out through the user's client (see `Carrier`).

    Parameters
    ----------
    client
        An ``httpx.AsyncClient`` or one like it. It is never closed here.
    """

    def __init__(self, client: ClientObject) -> None:
        self._client = client

    def send(self, request: Request, deadline: Deadline, /) -> NoReturn:
        """Refuse.

        Raises
        ------
        UsageError
            Always: the client object is asynchronous.
        """
        raise UsageError("the client object that was given is asynchronous; use the asynchronous methods")

    async def asend(self, request: Request, deadline: Deadline, /) -> _GuestExchange:
        """Send and wait for the head.

        Raises
        ------
        UsageError
            If the request shows a certificate: only the client's owner can give it one.
        TimedOut, Unreachable
            What the client raised, in our words.
        """
        if request.tls is not None:
            raise UsageError(
                "a client certificate cannot be shown through a client object that was given",
                next="give the certificate to that client, or leave the client out",
            )
        origin, handled = request.url.origin, sys.exception()
        try:
            async with asyncio.timeout(deadline.remaining()):
                # The headers go in as an expression: as a local variable they would stand open in a traceback.
                answer = await self._client.send(
                    self._client.build_request(
                        request.method,
                        str(request.url),
                        content=opened_body_on_loop(request) or None,
                        headers=opened_headers(request, agent()),
                        timeout=request.timeouts.silence,
                    ),
                    stream=True,
                    auth=None,
                    follow_redirects=False,
                )
        except TimeoutError as problem:
            frameless(problem, handled=handled)
            raise TimedOut(f"the time limit was over while waiting for {origin}") from None
        except _their_errors(self._client) as problem:
            what = str(problem) or type(problem).__name__
            if "Timeout" in type(problem).__name__:
                raise TimedOut(f"{origin} was silent ({what})") from frameless(problem, handled=handled)
            raise Unreachable(f"{origin} cannot be reached ({what})") from frameless(problem, handled=handled)
        return _GuestExchange(self._client, request, answer, deadline)


class _GuestExchange:
    """See `AsyncExchange`. Decoding is ours: the client's own would unpack a small answer to gigabytes at once."""

    def __init__(self, client: ClientObject, request: Request, answer: Any, deadline: Deadline) -> None:
        self.head = Head.of(answer.status_code, list(answer.headers.raw), request.url)
        self._client = client
        self._request = request
        self._answer = answer
        self._deadline = deadline
        self._pieces = self._decoded()

    async def read(self) -> bytes | None:
        return await anext(self._pieces, None)

    async def _decoded(self) -> AsyncGenerator[bytes, None]:
        decoder = Decoder(self.head, self._request.cap)
        chunks = self._answer.aiter_raw()
        while (chunk := await self._chunk(chunks)) is not None:
            for piece in decoder.pieces(chunk):
                yield piece
        decoder.finish()

    async def _chunk(self, chunks: AsyncGenerator[bytes, None]) -> bytes | None:
        origin, handled = self._request.url.origin, sys.exception()
        try:
            async with asyncio.timeout(self._deadline.remaining()):
                return await anext(chunks, None)
        except TimeoutError as problem:
            frameless(problem, handled=handled)
            raise TimedOut(f"the time limit was over while reading from {origin}") from None
        except _their_errors(self._client) as problem:
            what = str(problem) or type(problem).__name__
            if "Timeout" in type(problem).__name__:
                raise TimedOut(f"{origin} was silent ({what})") from frameless(problem, handled=handled)
            raise Interrupted(f"the answer of {origin} ended before it was whole ({what})") from frameless(
                problem, handled=handled
            )

    async def close(self) -> None:
        await self._pieces.aclose()
        await self._answer.aclose()


def _their_errors(client: ClientObject) -> type[Exception]:
    """The base error of the library that the client comes from (httpx and httpx2 call it the same)."""
    for kind in type(client).__mro__:
        found = getattr(sys.modules.get(kind.__module__.partition(".")[0]), "TransportError", None)
        if isinstance(found, type) and issubclass(found, Exception):
            return found
    return OSError
