"""Times of the telemetry's index, in the words of ``rubin_nights.influx_query``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from skykey.rubin.dayobs_utils import day_obs_array, time_to_day_obs_int
from skykey.rubin.instants import tai_nanoseconds, utc_nanoseconds
from skykey.values.errors import UsageError
from skykey.values.scales import DAY, tai_from_utc_array

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def day_obs_from_efd_index_array(utc_time_format: Any) -> NDArray[np.int64]:
    """The ``day_obs`` of each time of a telemetry index.

    Parameters
    ----------
    utc_time_format
        An index, column or array of times, or any sequence of points in time. What names no zone is UTC.

    Returns
    -------
    numpy.ndarray
        ``int64``, one for each; empty if there are none.

    Raises
    ------
    UsageError
        For a missing time, one before 1972, and for what is not a time.

    Examples
    --------
    >>> day_obs_from_efd_index_array(["2025-06-20T11:59:22Z", "2025-06-20T11:59:23Z"]).tolist()  # noon TAI
    [20250619, 20250620]
    """
    import numpy as np

    if getattr(getattr(utc_time_format, "dtype", None), "kind", "") == "M":
        from skykey.tables.packages import pandas

        index = pandas().DatetimeIndex(utc_time_format)
        if index.hasnans:
            raise UsageError(f"there is no time at {int(index.isna().argmax())}")
        tai = tai_from_utc_array(index.as_unit("ns").asi8)
    else:
        tai = np.array([tai_nanoseconds(_in_utc(when)) for when in utc_time_format], dtype=np.int64)
    return day_obs_array((tai - DAY // 2) // DAY)


def day_obs_from_efd_index(x: pd.Series[Any]) -> int:
    """The ``day_obs`` of a row of telemetry, by its name; for ``frame.apply(…, axis=1)``.

    .. deprecated:: 0.2
        As in the release: `day_obs_from_efd_index_array` does it for all rows at once.
    """
    return time_to_day_obs_int(_in_utc(x.name))


def convert_time_to_tz_datetime(time: Any) -> datetime:
    """A point in time as a ``datetime`` in UTC, to the nearest microsecond.

    Parameters
    ----------
    time
        An astropy ``Time`` of any scale, an aware ``datetime``, or ISO text (UTC).

    Raises
    ------
    UsageError
        For what is not one point in time.
    """
    return _EPOCH + timedelta(microseconds=(utc_nanoseconds(time) + 500) // 1000)


def _in_utc(when: Any) -> Any:
    """Times of an index that names no zone are UTC, as everything in InfluxDB."""
    return when.replace(tzinfo=UTC) if isinstance(when, datetime) and when.tzinfo is None else when
