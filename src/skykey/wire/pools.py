"""The process's own connections: made at first use, shared by all clients, without cookies.

Blocking pools are keyed by trust, TLS identity and proxy; asynchronous ones by event loop as well. A loop's pools are
closed by an async generator that the loop itself ends when it shuts down (``asyncio.run`` does so), which needs no
hook of ours and leaves no socket behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections import deque
from typing import TYPE_CHECKING

import httpcore2

from skykey.values.errors import Unreachable
from skykey.values.origin import DEFAULT_PORTS
from skykey.values.secret import Secret
from skykey.wire.agent import agent
from skykey.wire.decoding import Decoder
from skykey.wire.failures import translated
from skykey.wire.proxies import proxy_for
from skykey.wire.request import Head, Request, TlsIdentity, opened_headers
from skykey.wire.slices import SlicedBackend, limited
from skykey.wire.tls import context, trust

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from skykey.values.deadline import Deadline

_CONNECTIONS = 32
_IDLE_SECONDS = 30.0

Key = tuple[TlsIdentity | None, Secret | None, tuple[str | None, ...]]


def _key(request: Request) -> Key:
    return request.tls, proxy_for(request.url.origin), trust()


class ProcessPools:
    """Takes requests out over the process's pools (see `Carrier`)."""

    def __init__(self) -> None:
        self._forget()
        if hasattr(os, "register_at_fork"):
            # A child that used its parent's sockets would read its parent's answers.
            os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        self._lock = threading.Lock()
        self._blocking: dict[Key, httpcore2.ConnectionPool] = {}
        self._abandoned: deque[httpcore2.Response] = deque()
        self._loops: dict[asyncio.AbstractEventLoop, _LoopPools] = {}

    def send(self, request: Request, deadline: Deadline, /) -> _PooledExchange:
        """Send and wait for the head, in the calling thread."""
        key = _key(request)
        while self._abandoned:
            with contextlib.suppress(IndexError):  # another thread was quicker
                self._abandoned.popleft().close()
        with self._lock:
            pool = self._blocking.get(key)
            if pool is None:
                pool = httpcore2.ConnectionPool(
                    ssl_context=context(request.tls),
                    proxy=_proxy(key[1]),
                    max_connections=_CONNECTIONS,
                    keepalive_expiry=_IDLE_SECONDS,
                    network_backend=SlicedBackend(),
                )
                self._blocking[key] = pool
        with translated(request, sent=False), limited(deadline):
            answer = pool.handle_request(_library_request(request, deadline))
        return _PooledExchange(request, answer, deadline, self._abandoned)

    async def asend(self, request: Request, deadline: Deadline, /) -> _AsyncPooledExchange:
        """Send and wait for the head, on the running loop."""
        pool = await self._of_this_loop().pool(_key(request))
        with translated(request, sent=False):
            async with asyncio.timeout(deadline.remaining()):
                answer = await pool.handle_async_request(_library_request(request, deadline))
            return _AsyncPooledExchange(request, answer, deadline)

    def _of_this_loop(self) -> _LoopPools:
        loop = asyncio.get_running_loop()
        with self._lock:
            found = self._loops.get(loop)
            if found is None:
                # A pool refers to its loop, so weak keys would keep both alive: closed loops are pruned here instead.
                self._loops = {known: pools for known, pools in self._loops.items() if not known.is_closed()}
                found = self._loops[loop] = _LoopPools()
        return found


class _LoopPools:
    """The pools of one event loop."""

    def __init__(self) -> None:
        self._pools: dict[Key, httpcore2.AsyncConnectionPool] = {}
        self._closer: AsyncGenerator[None, None] | None = None

    async def pool(self, key: Key) -> httpcore2.AsyncConnectionPool:
        if self._closer is None:
            self._closer = self._close_with_the_loop()
            await anext(self._closer)
        found = self._pools.get(key)
        if found is None:
            found = self._pools[key] = httpcore2.AsyncConnectionPool(
                ssl_context=context(key[0]),
                proxy=_proxy(key[1]),
                max_connections=_CONNECTIONS,
                keepalive_expiry=_IDLE_SECONDS,
            )
        return found

    async def _close_with_the_loop(self) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            while self._pools:
                await self._pools.popitem()[1].aclose()


class _PooledExchange:
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
        return next(self._pieces, None)

    def _decoded(self) -> Generator[bytes, None, None]:
        decoder = Decoder(self.head, self._request.cap)
        chunks = self._answer.iter_stream()
        while True:
            with translated(self._request, sent=True), limited(self._deadline):
                chunk = next(chunks, None)
            if chunk is None:
                break
            self._deadline.check("reading the answer")
            yield from decoder.pieces(chunk)
        decoder.finish()

    def close(self) -> None:
        self._closed = True
        self._pieces.close()
        self._answer.close()

    def __del__(self) -> None:
        # The socket goes with the generator. The pool's own books are closed by the next who sends: here the pool may
        # be in the middle of its work, in this very thread.
        if not self._closed:
            self._abandoned.append(self._answer)


class _AsyncPooledExchange:
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
    await answer.aclose()


def _library_request(request: Request, deadline: Deadline) -> httpcore2.Request:
    remaining = deadline.remaining()

    def most(seconds: float) -> float:
        return seconds if remaining is None else min(seconds, remaining)

    timeouts = {
        "connect": most(request.timeouts.connect),
        # However many ask at once, each gets its turn as long as its own time lasts.
        "pool": request.timeouts.silence if remaining is None else remaining,
        "read": request.timeouts.silence,
        "write": most(request.timeouts.silence),
    }
    url, origin = request.url, request.url.origin
    return httpcore2.Request(
        request.method,
        # Taken apart already: the library's own parser drops what follows a semicolon.
        httpcore2.URL(
            scheme=origin.scheme,
            host=origin.host,
            port=None if origin.port == DEFAULT_PORTS[origin.scheme] else origin.port,
            target=f"{url.path}{'?' + url.query if url.query else ''}",
        ),
        headers=opened_headers(request, agent()),
        content=request.body,
        extensions={"timeout": timeouts},
    )


def _proxy(url: Secret | None) -> httpcore2.Proxy | None:
    if url is None:
        return None
    proxy = _parsed_proxy(url)
    if isinstance(proxy, str):
        # Raised here, without the URL and where no local variable holds it: it may have a password.
        raise Unreachable(
            f"the proxy of the environment is none that can be used ({proxy})",
            next="set HTTPS_PROXY and HTTP_PROXY to an http:// address, or unset them and ALL_PROXY",
        )
    return proxy


def _parsed_proxy(url: Secret) -> httpcore2.Proxy | str:
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


PROCESS_POOLS = ProcessPools()
