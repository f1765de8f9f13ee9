"""How often a token endpoint is asked again, and when. Rules of its own: its POST may have rotated a secret."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_TEMPORARY: Final = frozenset({429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Retries:
    """The policy of one endpoint; the renewal's own deadline ends everything sooner.

    Parameters
    ----------
    total
        Most requests after the first one.
    statuses
        Answers after which it is asked again; a lost connection always counts.
    first, longest
        The first wait and the longest one, in seconds. Waits double, and each is spread by chance over its upper half:
        clients that met the same outage must not come back together.
    asked
        Answers whose ``Retry-After`` is obeyed, up to `longest`; a longer one ends the attempts.
    """

    total: int = 3
    statuses: frozenset[int] = _TEMPORARY
    first: float = 0.5
    longest: float = 30.0
    asked: frozenset[int] = field(default=frozenset({403, 413, 429, 503}))

    def waits(self) -> Iterator[float]:
        """The seconds before each repeat."""
        wait = min(self.first, self.longest)
        for _ in range(self.total):
            yield random.uniform(wait / 2, wait)  # noqa: S311 - not a secret
            wait = min(2 * wait, self.longest)
