"""From the rows of a topic to its curves: one for each field and index, with units as people write them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from skykey.cli.curves import Curve
from skykey.values.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

INDEX: Final = "salIndex"
_MOST_TEXTS: Final = 12
_WRITTEN: Final = {"deg_C": "°C", "um": "µm", "us": "µs", "ohm": "Ω", "Ohm": "Ω"}


def curves_of(frame: pd.DataFrame, fields: tuple[str, ...], topic: str) -> Iterable[Curve]:
    """Make the curves; none for a field without a value.

    Raises
    ------
    UsageError
        If a field holds more different texts than an axis can show.
    """
    import numpy as np

    indexes: list[Any] = sorted(frame[INDEX].dropna().unique()) if INDEX in frame and INDEX not in fields else []
    parts = [(f" [{number}]", (frame[INDEX] == number).to_numpy(dtype=bool, na_value=False)) for number in indexes]
    units: dict[str, str] = frame.attrs.get("units", {})
    index: Any = frame.index
    times = index.tz_convert(None).to_numpy(dtype="datetime64[ns]")
    for field in fields:
        values, texts = _numbers(frame[field], topic)
        for suffix, rows in parts if len(parts) > 1 else [("", slice(None))]:
            if np.isfinite(values[rows]).any():
                yield Curve(f"{field}{suffix}", times[rows], values[rows], field, written(units.get(field)), texts)


def written(unit: str | None) -> str | None:
    """A unit as people write it.

    Examples
    --------
    >>> written("deg_C"), written("um/s"), written("sum")
    ('°C', 'µm/s', 'sum')
    """
    return unit and re.sub(r"\w+", lambda found: _WRITTEN.get(found[0], found[0]), unit)


def _numbers(column: Any, topic: str) -> tuple[Any, tuple[str, ...]]:
    """The values as floats; texts by their number."""
    if column.dtype.kind != "O" and column.dtype != "string":
        return column.astype("float64").to_numpy(dtype="float64", na_value=float("nan")), ()
    codes, texts = column.factorize()
    if len(texts) > _MOST_TEXTS:
        raise UsageError(
            f"the field {column.name} holds {len(texts):,} different texts, and a picture shows {_MOST_TEXTS}",
            next=f"skykey rubin fields {topic}",
        )
    values = codes.astype("float64")
    values[codes < 0] = float("nan")
    return values, tuple(map(str, texts))
