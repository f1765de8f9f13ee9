"""An answer that is remembered for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from skykey.values.errors import SkykeyError

if TYPE_CHECKING:
    from collections.abc import Callable

    from skykey.calls.flow import Flow
    from skykey.values.clock import Clock

T = TypeVar("T")

_PAUSE = 30.0


class Memo(Generic[T]):
    """Holds the latest good answer of a flow.

    When asking again fails, the old answer is served on while it is younger than `stale` seconds, and no new try is
    made for half a minute; with nothing young enough the failure is raised. Failures themselves are not remembered.

    Parameters
    ----------
    seconds
        How long an answer counts as fresh.
    stale
        Up to which age it is served when a fresh one cannot be had; 0 for never.
    warn
        Told the failure when an old answer is served.
    """

    def __init__(
        self, seconds: float, *, stale: float = 0.0, warn: Callable[[SkykeyError], None] | None = None
    ) -> None:
        self._seconds = seconds
        self._stale = stale
        self._warn = warn
        # One tuple, replaced as a whole: threads see an old pair or a new one.
        self._latest: tuple[float, T] | None = None
        self._not_before = 0.0

    def flow(self, make: Callable[[], Flow[T]], clock: Clock) -> Flow[T]:
        """Give the remembered answer, or make a new one. The age counts from the question, not from the answer."""
        now, latest = clock.steady(), self._latest
        age = None if latest is None else now - latest[0]
        if latest is not None and age is not None and (age < self._seconds or now < self._not_before):
            return latest[1]
        try:
            answer = yield from make()
        except SkykeyError as problem:
            if latest is None or age is None or age >= self._stale:
                raise
            self._not_before = min(now + _PAUSE, latest[0] + self._stale)
            if self._warn is not None:
                self._warn(problem)
            return latest[1]
        self._latest = (now, answer)
        return answer

    def forget(self) -> None:
        """Ask again next time."""
        self._latest = None
