"""One request and its answer, under way: the two shapes that drivers work with, and who makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from skykey.values.deadline import Deadline
    from skykey.wire.request import Head, Request


class Exchange(Protocol):
    """An answer that is being read in the calling thread."""

    head: Head

    def read(self) -> bytes | None:
        """The next decoded piece; None when the answer is whole.

        Raises
        ------
        TransportError
            If it ends before it is whole, or the deadline is over.
        """
        ...

    def close(self) -> None:
        """Let the connection go: back to the pool if the answer was read to its end, else closed."""
        ...


class AsyncExchange(Protocol):
    """An answer that is being read on an event loop."""

    head: Head

    async def read(self) -> bytes | None:
        """As `Exchange.read`."""
        ...

    async def close(self) -> None:
        """As `Exchange.close`."""
        ...


class Carrier(Protocol):
    """Whoever takes requests out: the process's own pools, or a client object that the user brought."""

    def send(self, request: Request, deadline: Deadline, /) -> Exchange:
        """Send and wait for the head."""
        ...

    async def asend(self, request: Request, deadline: Deadline, /) -> AsyncExchange:
        """Send and wait for the head, on the running loop."""
        ...
