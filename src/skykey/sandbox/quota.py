"""Gafaelfawr's rate limit: so many requests per user, service and fixed window."""

from collections import Counter
from collections.abc import Callable
from email.utils import formatdate


class Quota:
    """No limit until a control sets one.

    Attributes
    ----------
    limit
        Requests per window; None is no limit, and 0 blocks the user for good.
    window
        Seconds. The real one is always a minute; a shorter one spares a test the wait.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._used: Counter[tuple[str, str, int]] = Counter()
        self.limit: int | None = None
        self.window = 60

    def set(self, limit: int | None, window: int) -> None:
        """Start counting anew."""
        self.limit, self.window = limit, max(1, window)
        self._used.clear()

    def count(self, user: str, service: str) -> tuple[bool, dict[str, str]]:
        """Count one request; return whether it is admitted, and the headers that tell the user so."""
        if self.limit is None:
            return True, {}
        number = int(self._now() // self.window)
        place = (user, service, number)
        admitted = self._used[place] < self.limit
        self._used[place] += admitted
        reset = (number + 1) * self.window
        headers = {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.limit - self._used[place]),
            "X-RateLimit-Used": str(self._used[place]),
            "X-RateLimit-Reset": str(reset),
            "X-RateLimit-Resource": service,
        }
        if not admitted:
            headers["Retry-After"] = formatdate(reset, usegmt=True)
        return admitted, headers
