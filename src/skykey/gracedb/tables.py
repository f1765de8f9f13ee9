"""Events and superevents as tables whose types do not depend on the values, nor on the server's version."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from skykey.values.errors import Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from skykey.tables.table import Table

EVENT: Final[Mapping[str, str]] = {
    "graceid": "text",
    "group": "text",
    "pipeline": "text",
    "search": "text",
    "submitter": "text",
    "created": "time",
    "gpstime": "gps",
    "reporting_latency": "seconds",
    "instruments": "text",
    "nevents": "count",
    "offline": "truth",
    "far": "rate",
    "far_is_upper_limit": "truth",
    "likelihood": "number",
    "labels": "texts",
    "superevent": "text",
    "replay_id": "text",
}
SUPEREVENT: Final[Mapping[str, str]] = {
    "superevent_id": "text",
    "gw_id": "text",
    "category": "text",
    "created": "time",
    "submitter": "text",
    "preferred_event": "text",
    "em_type": "text",
    "t_start": "gps",
    "t_0": "gps",
    "t_end": "gps",
    "far": "rate",
    "time_coinc_far": "rate",
    "space_coinc_far": "rate",
    "labels": "texts",
    "gw_events": "texts",
    "em_events": "texts",
}
"""Column to what it holds, in the order of the table."""

# In what a pipeline adds of its own, numbers are measured; these are counted.
_COUNTS: Final = frozenset({"end_time", "end_time_ns", "start_time", "start_time_ns", "peak_time", "peak_time_ns"})
_UNITS: Final = {"seconds": "s", "gps": "s", "rate": "Hz"}
_GPS: Final = "GPS seconds"
_CREATED: Final = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(\.\d+)? ?(?:UTC|Z|\+00:00)")
_PREFERRED: Final = re.compile(r"(^|\.)(preferred_event_data|pipeline_preferred_events\.[^.]+)$")
_EXACT: Final = 2**53
_LARGEST: Final = 2**63


def events_table(found: Sequence[Mapping[str, Any]], /, *, flatten: bool = False) -> Table:
    """Make a table of events.

    Parameters
    ----------
    found
        As the server sends them (``v1`` or ``v2``).
    flatten
        Whether nested fields become columns, named by their path: ``extra_attributes.CoincInspiral.snr``. Without it
        they are left out.

    Returns
    -------
    Table
        A row an event. ``created`` is ``timestamp[ns, UTC]``; ``gpstime`` GPS seconds (float64); ``far`` in Hz;
        ``labels`` a list of text. Columns of `EVENT` are there whatever the server sends; others follow.

    Raises
    ------
    Unreadable
        If a value is not what its column holds.
    """
    return _table(EVENT, found, flatten=flatten)


def superevents_table(found: Sequence[Mapping[str, Any]], /, *, flatten: bool = False) -> Table:
    """Make a table of superevents.

    Parameters
    ----------
    found, flatten
        As in `events_table`; a nested field is ``preferred_event_data.pipeline``.

    Returns
    -------
    Table
        A row a superevent; ``t_0``, ``t_start``, ``t_end`` are GPS seconds (float64), the rest as in `events_table`.
        What is hidden from whoever asks without a login (``preferred_event``, ``gw_events``) is null.

    Raises
    ------
    Unreadable
        If a value is not what its column holds.
    """
    return _table(SUPEREVENT, found, flatten=flatten)


def _table(kinds: Mapping[str, str], found: Sequence[Mapping[str, Any]], *, flatten: bool) -> Table:
    from skykey.tables.columns import Column
    from skykey.tables.end import End
    from skykey.tables.packages import arrow
    from skykey.tables.table import Table

    rows = [dict(_flat(item) if flatten else _outer(item)) for item in found]
    further = dict.fromkeys(name for row in rows for name in row if name not in kinds)
    every = {**kinds, **{name: _kind(name, [row.get(name) for row in rows]) for name in further}}
    data = arrow().table({name: _column(name, kind, rows) for name, kind in every.items()})
    table = Table(data, End(complete=True, rows=len(rows)), time_scale="utc")
    return table.described(
        Column(
            name,
            data.schema.field(name).type,
            unit=_UNITS.get(kind),
            description=_GPS if kind == "gps" else None,
        )
        for name, kind in every.items()
    )


def _outer(item: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Its own fields; nested ones only where a column stands for them."""
    for name, value in item.items():
        if name in EVENT or name in SUPEREVENT or not isinstance(value, dict | list):
            yield name, value


def _flat(item: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Its fields, nested ones by their path; members of lists by their number, lists of plain values whole."""
    for name, value in item.items():
        yield from _flat_value(f"{path}{name}", value)


def _flat_value(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from _flat(value, f"{path}.")
    elif isinstance(value, list) and any(isinstance(member, dict | list) for member in value):
        for place, member in enumerate(value):
            yield from _flat_value(f"{path}.{place}", member)
    else:
        yield path, value


def _kind(path: str, values: Sequence[Any]) -> str:
    """What a column holds that has no line of its own: by its name where that says it, else by its values."""
    head, _, last = path.rpartition(".")
    if _PREFERRED.search(head) and last in EVENT:
        return EVENT[last]
    given = [value for value in values if value is not None]
    if not given or all(isinstance(value, str) for value in given):
        return "text"
    if all(isinstance(value, bool) for value in given):
        return "truth"
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in given):
        measured = "extra_attributes." in path or any(isinstance(value, float) for value in given)
        return "number" if measured and last not in _COUNTS else "count"
    if all(isinstance(value, list) and all(isinstance(member, str) for member in value) for value in given):
        return "texts"
    return "document"


def _column(name: str, kind: str, rows: Sequence[Mapping[str, Any]]) -> Any:
    from skykey.tables.packages import arrow

    pa = arrow()
    types = {
        "text": pa.string(),
        "texts": pa.list_(pa.string()),
        "time": pa.timestamp("ns", "UTC"),
        "truth": pa.bool_(),
        "count": pa.int64(),
        "document": pa.string(),
    }
    read: Callable[[Any], Any] = _READ.get(kind, _number)
    values: list[Any] = []
    for row in rows:
        value = row.get(name)
        made = None if value is None else read(value)
        if made is None and value is not None:
            raise Unreadable(f"the server's {name} is no {_CALLED.get(kind, 'number')}: {str(value)[:100]!r}")
        values.append(made)
    return pa.array(values, types.get(kind, pa.float64()))


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _texts(value: Any) -> list[str] | None:
    return value if isinstance(value, list) and all(isinstance(member, str) for member in value) else None


def _truth(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _count(value: Any) -> int | None:
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    return int(value) if whole and not isinstance(value, bool) and -_LARGEST <= value < _LARGEST else None


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if isinstance(value, float) or abs(value) <= _EXACT else None


def _time(value: Any) -> int | None:
    """Nanoseconds since 1970, from ``2024-07-16 15:11:12 UTC``."""
    from datetime import UTC, datetime

    found = _CREATED.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    try:
        whole = datetime.fromisoformat(f"{found[1]}T{found[2]}").replace(tzinfo=UTC)
    except ValueError:
        return None
    nanoseconds = int(whole.timestamp()) * 10**9 + int(((found[3] or ".")[1:] + "000000000")[:9])
    return nanoseconds if abs(nanoseconds) < _LARGEST else None


def _document(value: Any) -> str:
    return json.dumps(value)


_READ: Final[Mapping[str, Callable[[Any], Any]]] = {
    "text": _text,
    "texts": _texts,
    "truth": _truth,
    "count": _count,
    "time": _time,
    "document": _document,
}
_CALLED: Final = {"text": "text", "texts": "list of texts", "truth": "truth value", "count": "count", "time": "time"}
