"""Telemetry of arrays: what a topic keeps as numbered columns, as one sample a row.

A device that measures faster than it reports sends an array with each report, and InfluxDB has a field for each place
in it: ``accel0``, ``accel1``, …. A report's stamp is the time of its first sample.
"""

from __future__ import annotations

import re
from functools import reduce
from typing import TYPE_CHECKING, Any, Final

from skykey.tables.influxdb import apart, common_type
from skykey.tables.packages import arrow
from skykey.values.errors import UnknownName, UsageError
from skykey.values.scales import FIRST_TAI, SECOND, tai_from_utc_array, utc_from_tai, utc_from_tai_array
from skykey.values.similar import similar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

# No leading zeros: no array has them, and a01 beside a1 would be the same place twice.
_NUMBERED: Final = re.compile(r"(.*?)(0|[1-9][0-9]{0,8})", re.DOTALL)
_MOST: Final = 2**63 - 1
_MOST_SECONDS: Final = _MOST // SECOND
_NAT: Final = -(2**63)
_FIRST: Final = {"unix_tai": FIRST_TAI, "unix": utc_from_tai(FIRST_TAI)}
_SCALES: Final = ("tai", "utc")


# -- which fields


def packed_fields(known: Iterable[str], bases: str | Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Find the numbered fields of arrays.

    Parameters
    ----------
    known
        The topic's fields.
    bases
        The arrays: their fields' names without the number. A field belongs to one if digits are all that follows:
        ``a10`` is place 10 of ``a`` and place 0 of ``a1``, ``a1b`` and ``a01`` are of neither.

    Returns
    -------
    dict
        The fields of each, by place: 0, 1, …, 9, 10, ….

    Raises
    ------
    UnknownName
        For an array without any field; also a ``KeyError``. It names similar ones.
    UsageError
        If arrays differ in length, if a place between 0 and the last is missing (then the fields are no array, or they
        are two: ``a`` and ``a1``), or if no array is asked for.

    Examples
    --------
    >>> packed_fields(["ax1", "ax0", "ay0", "ay1", "axis"], ["ax", "ay"])
    {'ax': ('ax0', 'ax1'), 'ay': ('ay0', 'ay1')}
    """
    bases = (bases,) if isinstance(bases, str) else tuple(bases)
    if not bases:
        raise UsageError("no array is asked for", next="name at least one, without its numbers")
    known = list(known)
    found = {base: _places(known, base) for base in bases}
    lengths = {base: len(fields) for base, fields in found.items()}
    if len(set(lengths.values())) > 1:
        counts = ", ".join(f"{base} has {length}" for base, length in lengths.items())
        raise UsageError(f"the arrays differ in length: {counts}", next="ask for each length by itself")
    return found


def _places(known: Sequence[str], base: str) -> tuple[str, ...]:
    by_place: dict[int, str] = {}
    for field in known:
        number = _NUMBERED.fullmatch(field[len(base) :]) if field.startswith(base) else None
        if number and not number[1]:
            by_place[int(number[2])] = field
    if not by_place:
        raise _no_array(known, base)
    for place in range(len(by_place)):
        if place not in by_place:
            raise UsageError(
                f"the fields {base}… are not one array: there is {by_place[max(by_place)]}, but no {base}{place}"
            )
    return tuple(by_place[place] for place in range(len(by_place)))


def _no_array(known: Sequence[str], base: str) -> UnknownName:
    if base in known:
        return UnknownName(f"{base} is one value and not an array", next="use select_time_series")
    numbered = (_NUMBERED.fullmatch(field) for field in known)
    arrays = sorted({match[1] for match in numbered if match and match[1]})
    if meant := similar(base, arrays):
        return UnknownName(f"there is no array {base!r}", next=meant)
    listed = ", ".join(arrays[:5]) + (", …" if len(arrays) > 5 else "")  # noqa: PLR2004 - what is read at a glance
    return UnknownName(f"there is no array {base!r}" + (f"; there are {listed}" if arrays else " and no other either"))


# -- when


def check_reference(fmt: str, scale: str) -> None:
    """Refuse stamps that `unpack` does not read.

    Parameters
    ----------
    fmt
        What the stamps count: ``unix_tai`` for seconds since 1970 on a TAI clock, ``unix`` for those of Unix (UTC
        without leap seconds).
    scale
        ``tai`` or ``utc``. As in astropy it does not change which time a stamp is: the format has said it.

    Raises
    ------
    UsageError
        For all others. Days in one float, as ``mjd`` and ``jd``, do not hold the time of a sample.
    """
    if fmt not in _FIRST:
        raise UsageError(f"stamps of the format {fmt!r} are not read", next=f"use {' or '.join(_FIRST)}")
    if scale not in _SCALES:
        raise UsageError(f"stamps on the scale {scale!r} are not read", next=f"use {' or '.join(_SCALES)}")


def check_stamps(kind: pa.DataType, reference: str) -> None:
    """Refuse a column of another type than numbers.

    Raises
    ------
    UsageError
        It names the column and what it holds.
    """
    types = arrow().types
    if not (types.is_floating(kind) or types.is_integer(kind) or types.is_null(kind)):
        raise UsageError(f"{reference} holds {kind} and not seconds", next="name another column of stamps")


def unpack(
    table: pa.Table,
    packed: Mapping[str, Sequence[str]],
    reference: str,
    *,
    fmt: str = "unix_tai",
    scale: str = "tai",
) -> pa.Table:
    """Give each sample of an array its own row.

    A row with n samples becomes n rows, in order. The samples of all rows have one distance: a nth of that between the
    first two rows that have a stamp each and follow one another. Where there are no such rows it is 0. A rate that
    changes later, and rows that are lost there, are not seen. Samples go forward in time also where rows go backward.

    Parameters
    ----------
    table
        The rows.
    packed
        Arrays and their fields, from `packed_fields`.
    reference
        The column of stamps: seconds, as float or integer.
    fmt, scale
        See `check_reference`.

    Returns
    -------
    pyarrow.Table
        ``time`` (UTC, nanoseconds), the arrays, and ``times``: seconds as the stamps count them. An array with the name
        of one of these two gets ``_1``. Values and their nulls are as they came; integers become floats only beside
        floats. A sample is never left out: both times are null where the stamp is, and ``time`` is null for a stamp
        before 1972, when UTC had seconds of other lengths. Such stamps are mostly 0, of a clock that is not set.

    Raises
    ------
    UsageError
        As `check_reference`; for stamps that are not seconds, or so many that nanoseconds cannot count them; and for
        fields of one array whose types have none in common.
    """
    import numpy as np

    check_reference(fmt, scale)
    pa = arrow()
    length = len(next(iter(packed.values())))
    count = _stamps(table.column(reference), reference)
    tai = np.where(count < _FIRST[fmt], _NAT, count)
    if fmt == "unix":
        tai = tai_from_utc_array(tai)
    offsets = _offsets(tai, length)
    if count.size and int(max(count.max(), tai.max())) + int(offsets[-1]) > _MOST:
        raise _uncountable(reference)
    moments = _spread(tai, offsets)
    utc = utc_from_tai_array(moments)
    shown = np.where(moments == _NAT, _spread(count, offsets), utc if fmt == "unix" else moments)
    time, times, *arrays = apart(["time", "times", *packed])
    columns = {time: pa.array(utc.view("datetime64[ns]"), pa.timestamp("ns", "UTC"))}
    columns |= {name: _values(table, base, packed[base]) for name, base in zip(arrays, packed, strict=True)}
    columns[times] = pa.array(_seconds(shown), pa.float64(), mask=shown == _NAT)
    return pa.table(columns)


def _stamps(column: Any, reference: str) -> NDArray[np.int64]:
    """Nanoseconds as the stamps count; ``NaT`` for none."""
    import numpy as np

    pa = arrow()
    check_stamps(column.type, reference)
    # Integers that no float has are far beyond all seconds that can be counted.
    floats = column.cast(pa.float64(), safe=False).combine_chunks()
    seconds = np.asarray(floats.to_numpy(zero_copy_only=False), dtype=np.float64)
    missing = np.isnan(seconds)
    seconds = np.where(missing, 0.0, seconds)
    if np.any(np.abs(seconds) >= _MOST_SECONDS):
        raise _uncountable(reference)
    whole = np.floor(seconds)
    # Exact since 1972: of so large a float the fraction has few enough bits for this product.
    fraction = np.rint((seconds - whole) * SECOND).astype(np.int64)
    return np.where(missing, _NAT, whole.astype(np.int64) * SECOND + fraction)


def _offsets(tai: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    """How long after the first sample of a row each one is, to the nearest nanosecond."""
    import numpy as np

    stamped = tai != _NAT
    pairs = np.flatnonzero(stamped[1:] & stamped[:-1])
    step = abs(int(tai[pairs[0] + 1]) - int(tai[pairs[0]])) if pairs.size else 0
    # Added up from steps that are rounded once, a long array would drift.
    return np.array([(2 * place * step + length) // (2 * length) for place in range(length)], dtype=np.int64)


def _spread(stamps: NDArray[np.int64], offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    import numpy as np

    missing = stamps == _NAT
    spread = np.where(missing, 0, stamps)[:, np.newaxis] + offsets
    return np.where(missing[:, np.newaxis], _NAT, spread).ravel()


def _seconds(nanoseconds: NDArray[np.int64]) -> NDArray[np.float64]:
    import numpy as np

    # Divided in one step, the number would be rounded to a float before it is divided.
    whole, rest = np.divmod(nanoseconds, SECOND)
    seconds: NDArray[np.float64] = whole + rest / SECOND
    return seconds


def _uncountable(reference: str) -> UsageError:
    return UsageError(
        f"{reference} has stamps that are not within the years 1678 to 2261, counted in seconds",
        next="name another column of stamps",
    )


# -- what


def _values(table: pa.Table, base: str, fields: Sequence[str]) -> pa.Array:
    import numpy as np

    pa = arrow()
    columns = [table.column(field).combine_chunks() for field in fields]
    kinds = {column.type: field for column, field in zip(columns, fields, strict=True) if column.type != pa.null()}
    kind = reduce(common_type, kinds) if kinds else pa.null()
    try:
        if kinds and kind == pa.null():
            raise UsageError(_mixed(base, kinds))
        columns = [column.cast(kind) for column in columns]
    except pa.ArrowInvalid as problem:  # an integer that no float has
        raise UsageError(f"{_mixed(base, kinds)} ({problem})") from None
    places = np.arange(len(fields) * table.num_rows).reshape(len(fields), table.num_rows)
    return pa.concat_arrays(columns).take(pa.array(places.T.ravel()))


def _mixed(base: str, kinds: Mapping[Any, str]) -> str:
    held = ", ".join(f"{field} {kind}" for kind, field in kinds.items())
    return f"the fields of {base} have no type in common: {held}"
