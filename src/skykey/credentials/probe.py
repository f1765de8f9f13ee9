"""A source on the network that may not be there: it gets a moment, and the search goes on without it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Generic

from skykey.credentials.held import C
from skykey.values.deadline import Deadline
from skykey.values.errors import TimedOut, Unavailable, Unreachable

if TYPE_CHECKING:
    from skykey.credentials.held import Held
    from skykey.credentials.provider import Ask, Keeping, Provider

# The rest is for noticing that the time is over, so that the whole does not take longer than was promised.
_WAITED: Final = 0.9


@dataclass(frozen=True, slots=True)
class Probe(Generic[C]):
    """A provider that counts as unavailable if nobody answers soon (see `Provider`).

    Black holes exist: a network that drops what it does not know makes each connection wait for its time-out. Once the
    source has given something it is known to be there: it gets all the time then, and its silence is a failure, because
    the search must not slide on to another identity.

    Parameters
    ----------
    provider
        The source. It keeps to the deadline of its `Ask`; a host is best named by address, since looking a name up
        cannot be cut short.
    seconds
        How long a first answer may take.
    """

    provider: Provider[C]
    seconds: float = 1.0

    @property
    def name(self) -> str:
        """See `Provider.name`."""
        return self.provider.name

    @property
    def keeping(self) -> Keeping:
        """See `Provider.keeping`."""
        return self.provider.keeping

    def obtain(self, held: Held[C] | None, ask: Ask, /) -> Held[C]:
        """Get a credential, or find out soon that there is none.

        Raises
        ------
        Unavailable
            If nobody answers in time; or as the provider says.
        """
        if held is not None:
            return self.provider.obtain(held, ask)
        moment = Deadline.after(_WAITED * self.seconds, ask.clock)
        try:
            return self.provider.obtain(None, replace(ask, deadline=moment.sooner(ask.deadline)))
        except (TimedOut, Unreachable):
            ask.deadline.check(f"looking for {self.name}")  # then it was not the moment that was too short
            raise Unavailable(f"nobody answered within {self.seconds:g} s") from None

    def changed(self, held: Held[C], /) -> bool:
        """See `Provider.changed`."""
        return self.provider.changed(held)
