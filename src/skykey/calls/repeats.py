"""Whether to ask again, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skykey.calls.call import Repeat
from skykey.values.errors import Interrupted, Overloaded, RateLimited, SkykeyError, Unreachable

if TYPE_CHECKING:
    from skykey.values.deadline import Deadline

_MOST_REPEATS = 3
_FIRST_WAIT = 0.5
_LONGEST_WAIT = 60.0
GATEWAY_TIMEOUT = 504


class Repeats:
    """Counts repeats of one call; waits grow, are spread by chance, and end with the deadline.

    Parameters
    ----------
    deadline
        No wait goes beyond it.
    repeat
        What may be sent twice.
    """

    def __init__(self, deadline: Deadline, repeat: Repeat) -> None:
        self._deadline = deadline
        self._left = 0 if repeat is Repeat.NEVER else _MOST_REPEATS
        self._cuts_left = 1 if repeat is Repeat.COSTLY else _MOST_REPEATS
        self._is_costly = repeat is Repeat.COSTLY
        self._next = _FIRST_WAIT

    def wait_after(self, problem: SkykeyError, *, begun: bool) -> float | None:
        """Seconds to wait before the next try; None to give up.

        Parameters
        ----------
        problem
            What went wrong.
        begun
            Whether it did so within an answer.
        """
        if self._left == 0 or not isinstance(problem, Unreachable | Interrupted | Overloaded | RateLimited):
            return None
        if self._is_costly and isinstance(problem, Overloaded) and problem.status == GATEWAY_TIMEOUT:
            return None  # the service may still be at it; a second time would double its load
        if begun and isinstance(problem, Interrupted):
            if self._cuts_left == 0:
                return None
            self._cuts_left -= 1
        self._left -= 1
        asked = problem.retry_after if isinstance(problem, Overloaded | RateLimited) else None
        if asked is None:
            import random

            # Full jitter: clients that met the same outage must not come back together.
            asked = random.uniform(self._next / 2, self._next)  # noqa: S311 - not a secret
            self._next *= 2
        remaining = self._deadline.remaining()
        return None if asked > _LONGEST_WAIT or (remaining is not None and asked >= remaining) else asked
