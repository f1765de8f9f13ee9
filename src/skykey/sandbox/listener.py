"""One listening socket under uvicorn's HTTP/1.1 protocol.

uvicorn's own ``Server`` wants the process: it catches signals, ticks ten times a second and takes its time to
stop. The sandbox has several origins in one loop, and must stop at once, so it uses the protocol alone.
"""

import asyncio
import contextlib
import logging
import socket
import ssl
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

_ROUNDS_TO_ACCEPT = 8
_GRACE = 0.3
_KEEP_ALIVE = 75  # seconds, as NGINX


_log = logging.getLogger("skykey.sandbox")
_log.setLevel(logging.ERROR)  # a client's nonsense is no news
# What is broken off because the sandbox stops is no mishap either.
_log.addFilter(lambda record: not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError)))


class _Protocol(H11Protocol):
    """Lets the application reach its connection, so that a fault can cut it."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.logger = _log  # uvicorn's own belongs to whoever else runs it in this process

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        inner = self.app

        async def with_transport(scope: Scope, receive: Receive, send: Send) -> None:
            await inner({**scope, "skykey.transport": transport}, receive, send)

        self.app = with_transport


def free_socket(port: int = 0) -> socket.socket:
    """Listen on a free loopback port, or on this one. Early clients wait in its queue until somebody serves it."""
    listening = socket.create_server(("127.0.0.1", port), backlog=512)
    # Connections inherit it. Without it each answer on a connection that is kept waits 40 ms for an acknowledgement.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def port_of(sock: socket.socket) -> int:
    return int(sock.getsockname()[1])


async def accepted() -> None:
    """Wait until connections that are just being accepted are there, before a server is closed.

    From the kernel's queue to the protocol it takes a callback, a task and a transport. A server that is closed in
    between forgets the socket (CPython 3.11: ``Server._attach`` fails), which is then never closed.
    """
    for _ in range(_ROUNDS_TO_ACCEPT):
        await asyncio.sleep(0)


class Listener:
    """An application on a socket."""

    def __init__(self, app: ASGIApp, sock: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        self._config = Config(
            app,
            http=_Protocol,
            interface="asgi3",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,  # the switchboard's clock sets it
            timeout_keep_alive=_KEEP_ALIVE,
        )
        self._sock, self._tls = sock, tls
        self._state = ServerState()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        if not self._config.loaded:
            self._config.load()
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Protocol(self._config, self._state, {}, loop), sock=self._sock, ssl=self._tls
        )

    async def close(self) -> None:
        """Stop listening, let running answers end for a moment, then drop what is left."""
        if self._server is None:
            self._sock.close()
            return
        await accepted()
        self._server.close()
        for connection in list(self._state.connections):
            if connection.transport.is_closing():
                # Not a second close: in Python 3.11 that takes a TLS transport its inside, and no abort reaches it.
                connection.transport.abort()
            else:
                connection.shutdown()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._drained(), _GRACE)
        for connection in list(self._state.connections):
            if connection.transport is not None:
                connection.transport.abort()
        tasks = list(self._state.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # an aborted transport closes its socket in the loop's next round

    async def away(self, seconds: float) -> None:
        """Drop every connection, refuse new ones for so long, and serve the same port again."""
        port = port_of(self._sock)
        await self.close()
        await asyncio.sleep(seconds)
        self._sock = free_socket(port)
        await self.open()

    async def _drained(self) -> None:
        # uvicorn keeps two plain sets and tells nobody when they become empty.
        while self._state.connections or self._state.tasks:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
