"""How an answer ended."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class End:
    """Whether these are all rows there are.

    An answer that broke off has no end: it raises. So there are two ways in which rows may be missing, and both were
    said by somebody: the service said that there is more, or the question asked for no more.

    Parameters
    ----------
    complete
        True if the service said that the answer is whole.
    rows
        How many came.
    cut_by
        What limited the answer ("the statement's LIMIT", "the server's row limit"); None if nothing did. It may be set
        on a complete answer: one that is whole, to a question that asked for a part.
    """

    complete: bool
    rows: int
    cut_by: str | None = None

    @property
    def truncated(self) -> bool:
        """Whether there may be more rows than these."""
        return not self.complete or self.cut_by is not None
