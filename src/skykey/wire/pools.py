"""The process's own connections: made at first use, shared by all clients, without cookies.

Blocking pools are keyed by trust, TLS identity and proxy; asynchronous ones by event loop as well. A loop's pools are
closed by an async generator that the loop itself ends when it shuts down (``asyncio.run`` does so), which needs no
hook of ours and leaves no socket behind.
"""

from __future__ import annotations

import asyncio
import os
import threading
from typing import TYPE_CHECKING

import httpcore2

from skykey.values.errors import Unreachable
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

Key = tuple[TlsIdentity | None, str | None, tuple[str | None, ...]]


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
        self._loops: dict[asyncio.AbstractEventLoop, _LoopPools] = {}

    def send(self, request: Request, deadline: Deadline, /) -> _PooledExchange:
        """Send and wait for the head, in the calling thread."""
        key = _key(request)
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
            return _PooledExchange(request, pool.handle_request(_library_request(request, deadline)), deadline)

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

    def __init__(self, request: Request, answer: httpcore2.Response, deadline: Deadline) -> None:
        self.head = Head.of(answer.status, answer.headers, request.url)
        self._request = request
        self._answer = answer
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
        self._pieces.close()
        self._answer.close()


class _AsyncPooledExchange:
    """See `AsyncExchange`."""

    def __init__(self, request: Request, answer: httpcore2.Response, deadline: Deadline) -> None:
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
        await self._pieces.aclose()
        await self._answer.aclose()


def _library_request(request: Request, deadline: Deadline) -> httpcore2.Request:
    remaining = deadline.remaining()

    def most(seconds: float) -> float:
        return seconds if remaining is None else min(seconds, remaining)

    timeouts = {
        "connect": most(request.timeouts.connect),
        "pool": most(request.timeouts.connect),
        "read": request.timeouts.silence,
        "write": most(request.timeouts.silence),
    }
    return httpcore2.Request(
        request.method,
        str(request.url),
        headers=opened_headers(request, agent()),
        content=request.body,
        extensions={"timeout": timeouts},
    )


def _proxy(url: str | None) -> httpcore2.Proxy | None:
    if url is None:
        return None
    from urllib.parse import unquote, urlsplit

    parts = urlsplit(url)
    try:
        host, port = parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        host, port = None, 0
    if parts.scheme not in {"http", "https"} or not host:
        # Without the URL: it may hold a password.
        raise Unreachable(
            f"the proxy of the environment is none that can be used ({parts.scheme})",
            next="set HTTPS_PROXY and HTTP_PROXY to an http:// address, or unset them and ALL_PROXY",
        )
    bare = f"{parts.scheme}://{f'[{host}]' if ':' in host else host}:{port}"
    login = None
    if parts.username:
        login = (unquote(parts.username), unquote(parts.password or ""))
    return httpcore2.Proxy(bare, auth=login)


PROCESS_POOLS = ProcessPools()
