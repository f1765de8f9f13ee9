"""Times of the telemetry's index: their day, on TAI, under the documented names."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import pytest
from astropy.time import Time

from skykey.rubin import efd_times, influx_query
from skykey.rubin.dayobs_utils import day_obs_to_time
from skykey.rubin.influx_query import (
    convert_time_to_tz_datetime,
    day_obs_from_efd_index,
    day_obs_from_efd_index_array,
)
from skykey.values.errors import UsageError

TEXTS = ["2025-06-20T11:59:22.999999999", "2025-06-20T11:59:23.000000000", "2017-01-01T11:59:22.000000000"]
DAYS = [20250619, 20250620, 20161231]
INDEX = pd.DatetimeIndex(TEXTS, tz="UTC")


@pytest.mark.parametrize(
    "times",
    [
        INDEX,
        INDEX.tz_convert("America/Santiago"),
        INDEX.tz_localize(None),
        pd.Series(INDEX, index=[7, 8, 9]),
        pd.Series(INDEX).astype("timestamp[ns, UTC][pyarrow]"),
        np.array(TEXTS, dtype="datetime64[ns]"),
        list(INDEX),
        list(INDEX.tz_localize(None)),
        INDEX.astype(object),
        TEXTS,
        np.array(TEXTS),
        Time(TEXTS, scale="utc"),
        Time(TEXTS, scale="utc").tai,
    ],
    ids=lambda times: f"{type(times).__name__}-{getattr(times, 'dtype', '')}",
)
def test_every_row_has_the_day_of_its_time_on_tai(times: Any) -> None:
    days = day_obs_from_efd_index_array(times)
    assert (days.tolist(), days.dtype) == (DAYS, np.int64)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_the_unit_of_an_index_does_not_matter(unit: Any) -> None:
    index = pd.DatetimeIndex(["2025-06-20T11:59:22Z", "2025-06-20T11:59:23Z"]).as_unit(unit)
    assert day_obs_from_efd_index_array(index).tolist() == [20250619, 20250620]


@pytest.mark.parametrize("times", [[], np.array([]), pd.DatetimeIndex([], tz="UTC"), pd.Series([])], ids=repr)
def test_no_times_have_no_days(times: Any) -> None:
    days = day_obs_from_efd_index_array(times)
    assert (days.tolist(), days.dtype) == ([], np.int64)


@pytest.mark.parametrize(
    "times",
    [
        pd.DatetimeIndex(["2025-06-20", None], tz="UTC"),
        [pd.NaT],
        [None],
        np.array([60846.5]),
        np.array([1_750_420_800]),
        ["yesterday"],
        pd.DatetimeIndex(["1960-01-01"], tz="UTC"),
    ],
    ids=repr,
)
def test_what_is_no_time_is_refused(times: Any) -> None:
    with pytest.raises(UsageError):
        day_obs_from_efd_index_array(times)


def test_rows_have_the_same_day_one_by_one() -> None:
    for index in (INDEX, INDEX.tz_localize(None)):
        frame = pd.DataFrame({"a": [1, 2, 3]}, index=index)
        assert frame.apply(day_obs_from_efd_index, axis=1).tolist() == DAYS
    with pytest.raises(UsageError):
        day_obs_from_efd_index(pd.DataFrame({"a": [1]}).iloc[0])


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        (Time("2025-05-01T20:00:00.1234567", scale="utc"), datetime(2025, 5, 1, 20, 0, 0, 123457, tzinfo=UTC)),
        (Time("2025-05-01T20:00:37", scale="tai"), datetime(2025, 5, 1, 20, tzinfo=UTC)),
        (Time("2025-05-01T20:00:00.9999996", scale="utc"), datetime(2025, 5, 1, 20, 0, 1, tzinfo=UTC)),
        (Time("2016-12-31T23:59:60.5", scale="utc"), datetime(2017, 1, 1, 0, 0, 0, 500000, tzinfo=UTC)),
        (datetime(2025, 5, 1, 17, tzinfo=timezone(timedelta(hours=-3))), datetime(2025, 5, 1, 20, tzinfo=UTC)),
        ("1969-12-31T23:59:59.5Z", datetime(1969, 12, 31, 23, 59, 59, 500000, tzinfo=UTC)),
        (day_obs_to_time(20250501), datetime(2025, 5, 1, 11, 59, 23, tzinfo=UTC)),  # the release refuses this one
    ],
    ids=repr,
)
def test_a_time_of_any_scale_becomes_a_datetime_in_utc(time: Any, expected: datetime) -> None:
    converted = convert_time_to_tz_datetime(time)
    assert (converted, converted.utcoffset()) == (expected, timedelta(0))


def test_the_documented_module_has_them_and_nothing_made_up() -> None:
    assert influx_query.day_obs_from_efd_index_array is efd_times.day_obs_from_efd_index_array
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        influx_query.nonsense  # type: ignore[attr-defined] # noqa: B018 - the point
