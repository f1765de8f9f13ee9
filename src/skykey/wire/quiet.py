"""Whether something waits in an idle connection, without asking the kernel each time.

Before each request the HTTP library looks at every idle connection of its pool, several times over: with many calls at
once that costs more than all the rest. So what a look has shown counts for a few milliseconds, and the one connection
that is taken is looked at once more before anything is written.
"""

from __future__ import annotations

import select
import time
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

import httpcore2

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable

_READABLE: Final = "is_readable"
_FRESH: Final = 0.005  # seconds


class Seen(Protocol):
    """What can be looked at: a stream of the library, or what stands for one."""

    def get_extra_info(self, info: str) -> Any:
        """What it says about something; ``is_readable`` about what waits."""
        ...


class Quiet:
    """What the latest look at a connection has shown.

    Only that nothing was there is remembered, and only until the next read or write.
    """

    __slots__ = ("_has_answered", "_until")

    def __init__(self) -> None:
        self._until = 0.0
        self._has_answered = False

    def extra_info(self, stream: Seen, info: str) -> Any:
        """What ``get_extra_info`` says.

        Parameters
        ----------
        stream
            The library's own.
        info
            What is asked.
        """
        if info != _READABLE:
            return stream.get_extra_info(info)
        now = time.monotonic()
        if now < self._until:
            return False
        readable = stream.get_extra_info(info)
        self._until = 0.0 if readable else now + _FRESH
        return readable

    def reads(self) -> None:
        """Look again next time: bytes come."""
        self._until, self._has_answered = 0.0, True

    def writes(self, stream: Seen) -> None:
        """Look before a further request: bytes go.

        Raises
        ------
        httpcore2.ConnectionNotAvailable
            If something waits, most often the end that the other side has made of an idle connection. Nothing has been
            sent, and the pool takes another connection.
        """
        self._until = 0.0
        if self._has_answered:
            self._has_answered = False
            if stream.get_extra_info(_READABLE):
                raise httpcore2.ConnectionNotAvailable


class _Eye:
    """Looks at an asynchronous connection's socket.

    The library's own look searches all layers for the socket each time, which costs far more than the look.
    """

    __slots__ = ("_socket", "_stream")

    def __init__(self, stream: httpcore2.AsyncNetworkStream) -> None:
        self._stream = stream
        self._socket: Any = None

    def get_extra_info(self, info: str) -> Any:
        if info != _READABLE:
            return self._stream.get_extra_info(info)
        if self._socket is None:
            self._socket = self._stream.get_extra_info("socket")
        return _is_readable(self._socket)


def _is_readable(connection: Any) -> bool:
    """Whether a socket has bytes, or its end, to read; one that is closed counts as its end."""
    descriptor = -1 if connection is None else connection.fileno()
    if descriptor < 0:
        return True
    if not hasattr(select, "poll"):
        return bool(select.select([descriptor], [], [], 0)[0])
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))


class AsyncStream(httpcore2.AsyncNetworkStream):
    """An asynchronous connection that is looked at rarely while it is idle."""

    def __init__(self, inner: httpcore2.AsyncNetworkStream) -> None:
        self._inner = inner
        self._eye = _Eye(inner)
        self._quiet = Quiet()

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - the library's
        """Read."""
        self._quiet.reads()
        return await self._inner.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - the library's
        """Write."""
        self._quiet.writes(self._eye)
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        """Close."""
        await self._inner.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's
    ) -> httpcore2.AsyncNetworkStream:
        """Shake hands."""
        return AsyncStream(await self._inner.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        """See `Quiet.extra_info`."""
        return self._quiet.extra_info(self._eye, info)


class AsyncBackend(httpcore2.AsyncNetworkBackend):
    """Opens connections that are looked at rarely while they are idle."""

    def __init__(self) -> None:
        self._inner = cast("httpcore2.AsyncNetworkBackend", httpcore2.AnyIOBackend())

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect."""
        return AsyncStream(await self._inner.connect_tcp(host, port, timeout, local_address, socket_options))

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._inner.sleep(seconds)
