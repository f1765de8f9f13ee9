"""A socket whose blocking reads look up every tenth of a second.

The HTTP library's time-out is for one read; a server that sends a byte a second never trips it. A total deadline, and
a flag by which another thread calls a read off, need a look in between.
"""

from __future__ import annotations

import socket
import time
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import httpcore2

from skykey.values.calloff import LOOK, stop_flag
from skykey.values.errors import Interrupted, TransportError
from skykey.wire.quiet import Quiet

if TYPE_CHECKING:
    import ssl
    import threading
    from collections.abc import Iterable

    from skykey.values.deadline import Deadline


_CONNECTING: Final = "connecting"


@dataclass(frozen=True, slots=True)
class Limits:
    """What ends a blocking call early."""

    deadline: Deadline
    stop: threading.Event | None = None

    def slice(self, doing: str) -> float:
        """How long the next slice may last.

        Raises
        ------
        TimedOut, Interrupted
            If the deadline is over or the stop flag is set.
        """
        if self.stop is not None and self.stop.is_set():
            raise Interrupted(f"called off while {doing}")
        self.deadline.check(doing)
        remaining = self.deadline.remaining()
        return LOOK if remaining is None else min(LOOK, max(remaining, 0.001))


_limits: ContextVar[Limits | None] = ContextVar("skykey_limits", default=None)


class limited:  # noqa: N801 - used as a statement: with limited(deadline)
    """Put a deadline, and the surrounding stop flag, over the blocking calls of this block.

    A class and not a generator: it is entered once for every piece of an answer.
    """

    __slots__ = ("_limits", "_token")

    def __init__(self, deadline: Deadline) -> None:
        self._limits = Limits(deadline, stop_flag.get())

    def __enter__(self) -> None:
        self._token = _limits.set(self._limits)

    def __exit__(self, *_: object) -> None:
        _limits.reset(self._token)


class SlicedStream(httpcore2.NetworkStream):
    """A connection whose reads come in slices."""

    def __init__(self, inner: httpcore2.NetworkStream) -> None:
        self._inner = inner
        self._quiet = Quiet()

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read in slices, within the limits of the exchange that is under way."""
        self._quiet.reads()
        limits = _limits.get()
        if limits is None:
            return self._inner.read(max_bytes, timeout)
        silent_until = None if timeout is None else time.monotonic() + timeout
        while True:
            try:
                return self._inner.read(max_bytes, limits.slice("waiting for the answer"))
            except httpcore2.ReadTimeout:
                if silent_until is not None and time.monotonic() >= silent_until:
                    raise

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write, for no longer than the deadline allows."""
        self._quiet.writes(self._inner)
        self._inner.write(buffer, _shorter(timeout, "sending"))

    def close(self) -> None:
        """Close the socket."""
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        """Shake hands, for no longer than the deadline allows."""
        return SlicedStream(self._inner.start_tls(ssl_context, server_hostname, _shorter(timeout, _CONNECTING)))

    def get_extra_info(self, info: str) -> Any:
        """See `Quiet.extra_info`."""
        return self._quiet.extra_info(self._inner, info)


class SlicedBackend(httpcore2.NetworkBackend):
    """Opens connections whose reads come in slices."""

    def __init__(self) -> None:
        self._inner = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect, for no longer than the deadline allows.

        The addresses of a host share the time; the library would give each of them the whole.
        """
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as problem:
            raise httpcore2.ConnectError(str(problem)) from None
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        ends = None if timeout is None else time.monotonic() + timeout
        failure: Exception = httpcore2.ConnectError(f"{host} has no address")
        for tried, address in enumerate(addresses):
            left = _shorter(None if ends is None else max(ends - time.monotonic(), 0.001), _CONNECTING)
            share = None if left is None else left / (len(addresses) - tried)
            try:
                return SlicedStream(self._inner.connect_tcp(address, port, share, local_address, socket_options))
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as problem:
                failure = problem
        raise failure


def _shorter(timeout: float | None, doing: str) -> float | None:
    limits = _limits.get()
    if limits is None:
        return timeout
    try:
        limits.slice(doing)
    except TransportError as problem:
        problem.unsent = doing == _CONNECTING
        raise
    remaining = limits.deadline.remaining()
    if remaining is None:
        return timeout
    return remaining if timeout is None else min(timeout, remaining)
