"""Whether to ask again, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skykey.calls.call import Repeat
from skykey.values.errors import Interrupted, Overloaded, RateLimited, ServiceError, TransportError, Unreachable

if TYPE_CHECKING:
    from skykey.calls.call import Patience
    from skykey.values.deadline import Deadline
    from skykey.values.errors import SkykeyError

TOO_MANY = 429
UNAVAILABLE = 503
GATEWAY_TIMEOUT = 504


class Repeats:
    """Counts repeats of one call; waits grow, are spread by chance, and end with the deadline.

    Parameters
    ----------
    deadline
        No wait goes beyond it.
    repeat
        What may be sent twice.
    patience
        How often, and after how long.
    """

    def __init__(self, deadline: Deadline, repeat: Repeat, patience: Patience) -> None:
        self._deadline = deadline
        self._repeat = repeat
        self._patience = patience
        self._left = 0 if repeat is Repeat.NEVER else patience.repeats
        self._cuts_left = 1 if repeat is Repeat.COSTLY else patience.repeats
        self._tried = 1

    def wait_after(self, problem: SkykeyError, *, begun: bool) -> float | None:
        """Seconds to wait before the next try; None to give up.

        Parameters
        ----------
        problem
            What went wrong.
        begun
            Whether it did so within an answer.
        """
        if self._left == 0 or not self._is_worthwhile(problem):
            return None
        if begun and isinstance(problem, Interrupted):
            if self._cuts_left == 0:
                return None
            self._cuts_left -= 1
        self._left -= 1
        asked = problem.retry_after if isinstance(problem, Overloaded | RateLimited) else None
        if asked is None:
            asked = min(backed_off(self._patience.first, self._tried), self._patience.longest)
            self._tried += 1
        elif self._patience.shortens:
            asked = min(asked, self._patience.longest)
        remaining = self._deadline.remaining()
        return None if asked > self._patience.longest or (remaining is not None and asked >= remaining) else asked

    def _is_worthwhile(self, problem: SkykeyError) -> bool:
        if isinstance(problem, ServiceError) and not self._is_named(problem):
            return False
        if self._repeat is Repeat.UNDONE:
            return is_undone(problem)
        if isinstance(problem, Unreachable | Interrupted):
            return True
        if self._repeat is Repeat.COSTLY and isinstance(problem, Overloaded) and problem.status == GATEWAY_TIMEOUT:
            return False  # the service may still be at it; a second time would double its load
        return isinstance(problem, ServiceError)

    def _is_named(self, problem: ServiceError) -> bool:
        if self._patience.statuses is None:
            return isinstance(problem, Overloaded | RateLimited)
        # Some gatekeepers can say it by a 403 only.
        status = TOO_MANY if isinstance(problem, RateLimited) else problem.status
        return status in self._patience.statuses


def backed_off(first: float, tried: int) -> float:
    """Seconds to wait after so many tries: twice as long each time, and never the same for two clients.

    Parameters
    ----------
    first
        The longest wait after the first one.
    tried
        How often it was tried, from 1 on.
    """
    import random

    # Jitter: clients that met the same outage must not come back together.
    longest = first * 2 ** min(tried - 1, 30)
    return random.uniform(longest / 2, longest)  # noqa: S311 - not a secret


def is_undone(problem: SkykeyError) -> bool:
    """Whether a failure shows that the service did nothing, so that what was asked for may be sent again.

    It was not reached; or it said by 429 that it does not begin, or by 503 when to come back.
    """
    if isinstance(problem, TransportError):
        return problem.unsent
    if isinstance(problem, Overloaded):
        return problem.status == UNAVAILABLE and problem.retry_after is not None
    return isinstance(problem, RateLimited)
