"""The process's own connections: made at first use, shared by all clients, without cookies.

Blocking pools are keyed by origin, TLS identity, proxy and trust; asynchronous ones by event loop as well. A loop's
pools are closed by an async generator that the loop itself ends when it shuts down (``asyncio.run`` does so), which
needs no hook of ours and leaves no socket behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

import httpcore2

from skykey.values.origin import DEFAULT_PORTS, Origin
from skykey.wire.agent import agent
from skykey.wire.failures import translated
from skykey.wire.frugal import AsyncPool, Pool
from skykey.wire.hearing import HearingBackend
from skykey.wire.pooled import AsyncPooledExchange, PooledExchange, let_go
from skykey.wire.proxies import opened, proxy_for
from skykey.wire.request import Request, TlsIdentity, opened_body, opened_body_on_loop, opened_headers
from skykey.wire.slices import SlicedBackend, limited
from skykey.wire.tls import context, trust

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable

    from skykey.values.deadline import Deadline
    from skykey.values.secret import Secret

# As many as anybody asks at once in earnest; services count requests, and not connections.
_CONNECTIONS = 64
_IDLE_SECONDS = 30.0


class Key(NamedTuple):
    """What the requests of one pool have in common.

    The origin is part of it: a service whose answers take all places must not keep another one's login out.
    """

    origin: Origin
    identity: TlsIdentity | None
    proxy: Secret | None
    trust: tuple[str | None, ...]

    @classmethod
    def of(cls, request: Request) -> Key:
        """The key of a request, as the environment is now."""
        return cls(request.url.origin, request.tls, proxy_for(request.url.origin), trust())


class ProcessPools:
    """Takes requests out over the process's pools (see `Carrier`)."""

    def __init__(self) -> None:
        self._forget()
        if hasattr(os, "register_at_fork"):
            # A child that used its parent's sockets would read its parent's answers.
            os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        self._lock = threading.Lock()
        self._blocking: dict[Key, Pool] = {}
        self._abandoned: deque[httpcore2.Response] = deque()
        self._loops: dict[asyncio.AbstractEventLoop, _LoopPools] = {}
        self._contexts: dict[tuple[TlsIdentity | None, tuple[str | None, ...]], ssl.SSLContext] = {}

    def send(self, request: Request, deadline: Deadline, /) -> PooledExchange:
        """Send and wait for the head, in the calling thread."""
        key = Key.of(request)
        while self._abandoned:
            with contextlib.suppress(IndexError):  # another thread was quicker
                let_go(self._abandoned.popleft())
        with self._lock:
            pool = self._blocking.get(key)
            if pool is None:
                pool = Pool(
                    ssl_context=self._context(key),
                    proxy=opened(key.proxy),
                    max_connections=_CONNECTIONS,
                    keepalive_expiry=_IDLE_SECONDS,
                    network_backend=SlicedBackend(),
                )
                self._blocking[key] = pool
        with translated(request, sent=False), limited(deadline):
            answer = pool.handle_request(_library_request(request, opened_body(request), deadline))
        return PooledExchange(request, answer, deadline, self._abandoned)

    async def asend(self, request: Request, deadline: Deadline, /) -> AsyncPooledExchange:
        """Send and wait for the head, on the running loop."""
        pool = await self._of_this_loop().pool(Key.of(request), self._context)
        with translated(request, sent=False):
            async with asyncio.timeout(deadline.remaining()):
                answer = await pool.handle_async_request(
                    _library_request(request, opened_body_on_loop(request), deadline)
                )
            return AsyncPooledExchange(request, answer, deadline)

    def _context(self, key: Key) -> ssl.SSLContext | None:
        """One context for all pools that trust and show the same: making one takes tens of milliseconds."""
        if key.origin.scheme == "http":
            return None
        wanted = key.identity, key.trust
        if wanted not in self._contexts:
            self._contexts[wanted] = context(key.identity)
        return self._contexts[wanted]

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
        self._pools: dict[Key, AsyncPool] = {}
        self._closer: AsyncGenerator[None, None] | None = None

    async def pool(self, key: Key, context_of: Callable[[Key], ssl.SSLContext | None]) -> AsyncPool:
        if self._closer is None:
            self._closer = self._close_with_the_loop()
            await anext(self._closer)
        found = self._pools.get(key)
        if found is None:
            found = self._pools[key] = AsyncPool(
                ssl_context=context_of(key),
                proxy=opened(key.proxy),
                max_connections=_CONNECTIONS,
                keepalive_expiry=_IDLE_SECONDS,
                network_backend=HearingBackend(),
            )
        return found

    async def _close_with_the_loop(self) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            while self._pools:
                await self._pools.popitem()[1].aclose()


def _library_request(
    request: Request, body: bytes | Iterable[bytes] | AsyncIterable[bytes], deadline: Deadline
) -> httpcore2.Request:
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
        content=body,
        extensions={"timeout": timeouts},
    )


PROCESS_POOLS = ProcessPools()
