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
    """

    clock: Clock = SYSTEM_CLOCK
    deadline: Deadline = Deadline(None)
    rejected: Held[Any] | None = None
    trace: Trace = field(default_factory=Trace)


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
