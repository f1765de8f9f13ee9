"""One renewal under way, and everybody who waits for it."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Final, Generic

from skykey.credentials.held import C
from skykey.values.bell import Bell
from skykey.values.clock import SYSTEM_CLOCK
from skykey.values.errors import Failed, TimedOut

if TYPE_CHECKING:
    from skykey.credentials.held import Held
    from skykey.values.clock import Clock
    from skykey.values.deadline import Deadline


_OVER: Final = "the time limit was over while waiting for the credential's renewal"


class Ticket(Generic[C]):
    """The outcome of a renewal that runs on its own thread.

    Nobody who waits can end it: a waiter that is cancelled or runs out of time leaves, and the renewal goes on for the
    others. Each waiter gets its own copy of a failure, because raising one object in two places mixes up its traceback.
    """

    def __init__(self) -> None:
        self._settled = Bell()
        self._held: Held[C] | None = None
        self._error: BaseException | None = None

    def settle(self, held: Held[C] | None, error: BaseException | None) -> None:
        """Say how it went; called once, by the renewal's thread."""
        self._held, self._error = held, error
        self._settled.ring()

    def wait(self, deadline: Deadline, clock: Clock) -> Held[C]:
        """Block until it is settled.

        Raises
        ------
        TimedOut
            If the waiter's own time is over first.
        """
        if not self._settled.wait(deadline.remaining(), clock):
            raise TimedOut(_OVER)
        return self._outcome()

    async def await_(self, deadline: Deadline) -> Held[C]:
        """As `wait`, on the running event loop, which stays free."""
        if not await self._settled.await_(deadline.remaining()):
            raise TimedOut(_OVER)
        return self._outcome()

    def ended(self, seconds: float) -> bool:
        """Block until it is settled, for so many real seconds at most; whether it is."""
        return self._settled.wait(seconds, SYSTEM_CLOCK)

    def _outcome(self) -> Held[C]:
        if self._error is not None:
            raise own_copy(self._error)
        if self._held is None:
            raise Failed("the renewal ended without a credential")
        return self._held


def own_copy(error: BaseException) -> BaseException:
    """A failure that one waiter can raise without touching the others'.

    What is no `Exception` (an exit, a cancellation) concerned the renewal, not those who wait: they get a `Failed`.
    """
    twin: BaseException
    if not isinstance(error, Exception):
        twin = Failed(f"the renewal was ended by {type(error).__name__}")
    else:
        try:
            twin = copy.copy(error)
        except Exception:  # noqa: BLE001 - an exception class may refuse to be copied in any way it likes
            twin = Failed(f"the renewal failed: {type(error).__name__}: {error}")
    if isinstance(error, OSError) and isinstance(twin, OSError):  # these do not live in its __dict__
        twin.errno, twin.strerror, twin.filename = error.errno, error.strerror, error.filename
    if hasattr(error, "__notes__"):
        twin.__notes__ = list(error.__notes__)
    twin.__cause__ = error.__cause__
    twin.__suppress_context__ = True
    return twin
