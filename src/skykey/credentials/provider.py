"""Where credentials come from: the one interface of sources, grants and the chain."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol

from skykey.credentials.held import C
from skykey.credentials.trace import Trace
from skykey.values.clock import SYSTEM_CLOCK, Clock
from skykey.values.deadline import Deadline

if TYPE_CHECKING:
    from skykey.credentials.held import Held
    from skykey.wire.exchange import Carrier, Exchange
    from skykey.wire.request import Request


class Keeping(Enum):
    """How long what a provider gives is worth keeping."""

    NOT_AT_ALL = "looked up at its source each time; nothing is copied"
    IN_PROCESS = "in this process's memory"
    STORED = "in a store, across processes"


@dataclass(frozen=True, slots=True)
class Ask:
    """What goes along with a request for a credential.

    Parameters
    ----------
    clock, deadline
        Time, and when to give up.
    rejected
        What a service has just refused: do not give the same again without looking.
    trace
        Where attempts are written down.
    carrier
        Who takes a grant's requests out; None for the process's own connections.
    """

    clock: Clock = SYSTEM_CLOCK
    deadline: Deadline = Deadline(None)
    rejected: Held[Any] | None = None
    trace: Trace = field(default_factory=Trace)
    carrier: Carrier | None = None

    def send(self, request: Request) -> Exchange:
        """Send over the wire: no redirects, no repeats, no credentials but what the request itself holds."""
        if self.carrier is not None:
            return self.carrier.send(request, self.deadline)
        # Here and not at the top: the HTTP library loads with the first request.
        from skykey.wire.pools import PROCESS_POOLS

        return PROCESS_POOLS.send(request, self.deadline)


class Provider(Protocol[C]):
    """A source, a grant, or a chain of them. Nothing to inherit."""

    @property
    def name(self) -> str:
        """What ``skykey why`` calls it."""
        ...

    @property
    def keeping(self) -> Keeping:
        """How long what it gives is worth keeping."""
        ...

    def obtain(self, held: Held[C] | None, ask: Ask, /) -> Held[C]:
        """Get a credential; it may block.

        Parameters
        ----------
        held
            The latest one, with its renewal secret; None at first.
        ask
            See `Ask`.

        Raises
        ------
        Unavailable
            There is nothing here: try the next source.
        Failed
            There is something, and it cannot be used: stop.
        """
        ...

    def changed(self, held: Held[C], /) -> bool:
        """Whether the source looks different from when it gave this one. Local and cheap: one ``stat``."""
        ...
