"""Columns of a search: names, and dotted paths into what has parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from skykey.values.errors import UnknownName

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

EVENTS: Final = ("graceid", "labels", "group", "pipeline", "far", "gpstime", "created")
SUPEREVENTS: Final = ("superevent_id", "preferred_event", "gw_events", "labels", "far", "links.files")
"""What a search shows by default."""


def cell(row: Mapping[str, Any], path: str) -> Any:
    """What a row has at a path; None if nothing.

    Examples
    --------
    >>> cell({"extra_attributes": {"CoincInspiral": {"snr": 9.5}}}, "extra_attributes.CoincInspiral.snr")
    9.5
    """
    value: Any = row
    for part in path.split("."):
        if isinstance(value, list) and part.isdecimal():
            value = value[int(part)] if int(part) < len(value) else None
        else:
            value = value.get(part) if isinstance(value, dict) else None
    return value


def refuse(there: Iterable[str], columns: Sequence[str]) -> None:
    """Check the columns that somebody asked for by name.

    Parameters
    ----------
    there
        What rows have, all of them together.
    columns
        The paths.

    Raises
    ------
    UnknownName
        If no row has one of them, not even empty.
    """
    from skykey.values.similar import similar

    known = sorted(there)
    missing = [path for path in columns if path.partition(".")[0] not in known]
    if missing:
        remedy = similar(missing[0].partition(".")[0], known) or f"columns are {', '.join(known)}"
        raise UnknownName(f"no row has {' or '.join(missing)}; anonymous users are shown less", next=remedy)
