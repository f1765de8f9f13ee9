"""Pools that do not look through all their connections twice a request.

The HTTP library does so when a request comes and when its answer has been read. With dozens of idle connections that
costs more than the request. Here the first idle connection that fits is taken, as it would be anyway; all of them are
looked at where none fits, where several requests wait, and once a second, so that those that are over get closed.
"""

from __future__ import annotations

import time
from typing import Any, Final

import httpcore2

_SECOND: Final = 1.0


class _Frugal:
    """What both pools have in common.

    The methods are the library's own, and it shows them to nobody; a release that has them elsewhere works as it does
    without this class.
    """

    _connections: list[Any]
    _requests: list[Any]
    _taken: frozenset[Any] = frozenset()
    _looked = 0.0

    def _assign_requests_to_connections(self) -> list[Any]:
        taken = frozenset([request.connection for request in self._requests])
        given_back, self._taken = self._taken - taken, taken
        for connection in given_back:
            if connection is not None and connection.is_closed() and connection in self._connections:
                self._connections.remove(connection)
        if None not in taken:  # nobody waits
            return []
        waiting = [request for request in self._requests if request.connection is None]
        now = time.monotonic()
        if len(waiting) == 1 and now < self._looked + _SECOND:
            found = self._idle(waiting[0].request.url.origin)
            if found is not None:
                waiting[0].assign_to_connection(found)
                self._taken |= {found}
                return []
        self._looked = now
        closing: list[Any] = super()._assign_requests_to_connections()  # type: ignore[misc]
        self._taken = frozenset([request.connection for request in self._requests])
        return closing

    def _idle(self, origin: httpcore2.Origin) -> Any:
        """The first connection that is free; None if there is none, or it is over."""
        for connection in self._connections:
            if connection.is_available() and connection not in self._taken and connection.can_handle_request(origin):
                return None if connection.has_expired() else connection
        return None


class Pool(_Frugal, httpcore2.ConnectionPool):
    """For blocking calls."""


class AsyncPool(_Frugal, httpcore2.AsyncConnectionPool):
    """For calls on an event loop."""

    async def _close_connections(self, closing: list[Any]) -> None:
        # What shields this from being cancelled costs as much where there is nothing to close.
        if closing:
            await super()._close_connections(closing)
