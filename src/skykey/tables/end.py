"""How an answer ended."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class End:
    """Whether these are all rows there are.

    Parameters
    ----------
    complete
        True if the service said all there is.
    rows
        How many came.
    cut_by
        What limited the answer ("the statement's LIMIT", "the server's row limit"); None if nothing did.
    """

    complete: bool
    rows: int
    cut_by: str | None = None
