"""Names that somebody may have meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def similar(name: str, known: Iterable[str]) -> str | None:
    """The question to ask about a name that nobody knows.

    Parameters
    ----------
    name
        As it was written.
    known
        The names that there are.

    Returns
    -------
    str or None
        With up to three names; None if none is near.

    Examples
    --------
    >>> similar("temprature", ["temperature", "humidity"])
    'did you mean temperature?'
    """
    import difflib  # only where something is wrong: importing it costs time

    near = difflib.get_close_matches(name, known, n=3)
    return f"did you mean {' or '.join(near)}?" if near else None
