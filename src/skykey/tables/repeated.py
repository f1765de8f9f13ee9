"""Columns of one name: ``SELECT a.*, b.*`` sends the columns that both tables have twice.

A table that people work with has each name once. Whether two columns may be one is seen by their values, so that only
who has all rows can tell; until then, and where they differ, each has a name of its own.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from skykey.tables.packages import arrow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

# Columns of one name and different values that another one is compared with: thousands would take minutes.
_MOST_COMPARED: Final = 20


def apart(names: Sequence[str]) -> list[str]:
    """Names that differ: the second of a name gets ``_1``, the third ``_2``, past those that stand there already.

    Examples
    --------
    >>> apart(["visit_id", "band", "visit_id"])
    ['visit_id', 'band', 'visit_id_1']
    >>> apart(["a", "a", "a_1"])
    ['a', 'a_2', 'a_1']
    """
    taken, seen, numbers = set(names), set[str](), Counter[str]()
    different: list[str] = []
    for name in names:
        new = name
        while new in seen or (new != name and new in taken):
            numbers[name] += 1
            new = f"{name}_{numbers[name]}"
        seen.add(new)
        different.append(new)
    return different


def repeats(names: Sequence[str]) -> dict[str, list[str]]:
    """Names that come more than once, with the names that `apart` gives their columns.

    Examples
    --------
    >>> repeats(["visit_id", "band", "visit_id"])
    {'visit_id': ['visit_id', 'visit_id_1']}
    """
    if len(set(names)) == len(names):
        return {}
    found: dict[str, list[str]] = {}
    for name, new in zip(names, apart(names), strict=True):
        found.setdefault(name, []).append(new)
    return {name: several for name, several in found.items() if len(several) > 1}


def once(table: pa.Table, repeated: Mapping[str, Sequence[str]]) -> tuple[pa.Table, dict[str, list[str]]]:
    """Take away the columns that repeat another one of their name, value for value.

    Parameters
    ----------
    table
        All rows, with the names that `apart` gives.
    repeated
        From `repeats`.

    Returns
    -------
    tuple
        The table, and for each name that came more than once the columns that hold it now: one if all were equal. Each
        is compared with the first 20 different ones of its name.
    """
    kept = {name: list(several[:1]) for name, several in repeated.items()}
    doubles = []
    for name, several in repeated.items():
        for new in several[1:]:
            if any(_equal(table.column(new), table.column(other)) for other in kept[name][:_MOST_COMPARED]):
                doubles.append(new)
            else:
                kept[name].append(new)
    return (table.drop_columns(doubles) if doubles else table), kept


def _equal(one: Any, other: Any) -> bool:
    """Whether two columns are the same to the last bit; NaN is equal to itself here."""
    pa = arrow()
    if one.type != other.type or one.null_count != other.null_count:
        return False
    if not pa.types.is_floating(one.type):
        return bool(one.equals(other))
    bits = pa.int64() if one.type == pa.float64() else pa.int32()
    # As bits: to Arrow NaN is not NaN, and -0.0 is 0.0.
    pairs = zip(one.chunks, other.chunks, strict=True)
    return all(a.view(bits).equals(b.view(bits)) for a, b in pairs)
