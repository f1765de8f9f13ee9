"""Stretches of time: exact to the nanosecond, in seconds that pass, and never backwards without a word."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from astropy import units
from astropy.time import Time, TimeDelta
from hypothesis import given
from hypothesis import strategies as st

from skykey.rubin.instants import rfc3339, tai_nanoseconds, utc_nanoseconds
from skykey.rubin.spans import span
from skykey.values.errors import UsageError
from skykey.values.scales import utc_from_tai

SECOND = 10**9
DAY = 86_400 * SECOND
NOON = 1_750_420_800 * SECOND  # 2025-06-20T12:00:00Z
NEW_YEAR = 1_483_228_800 * SECOND  # 2017-01-01T00:00:00Z, after a leap second

LENGTHS: list[tuple[Any, int]] = [
    (timedelta(seconds=5), 5 * SECOND),
    (timedelta(days=2, microseconds=1), 2 * DAY + 1000),
    (timedelta(0), 0),
    (pd.Timedelta("1s") + pd.Timedelta(1, "ns"), SECOND + 1),
    (pd.Timedelta(2, "s").as_unit("s"), 2 * SECOND),
    (np.timedelta64(7, "ns"), 7),
    (np.timedelta64(3, "25s"), 75 * SECOND),
    (np.timedelta64(1, "W"), 7 * DAY),
    (np.timedelta64(1, "D"), DAY),
    (np.timedelta64(1, "h"), 3600 * SECOND),
    (np.timedelta64(1, "m"), 60 * SECOND),
    (np.timedelta64(1, "ms"), 10**6),
    (np.timedelta64(1, "us"), 1000),
    (np.timedelta64(1_500, "ps"), 2),
    (np.timedelta64(900_000, "fs"), 1),
    (np.timedelta64(10**9, "as"), 1),
    (TimeDelta(5, format="sec"), 5 * SECOND),
    (TimeDelta(1e-9, format="sec"), 1),
    (TimeDelta(1000 * units.day, 1 * units.ns), 1000 * DAY + 1),
    (TimeDelta(1.5, format="jd"), DAY * 3 // 2),
    (TimeDelta(timedelta(microseconds=1)), 1000),
    (TimeDelta(5, format="sec", scale="tai"), 5 * SECOND),
    (TimeDelta(5, format="sec", scale="tt"), 5 * SECOND),
    (Time("2017-01-01T00:00:01", scale="utc") - Time("2016-12-31T23:59:59", scale="utc"), 3 * SECOND),
]


@pytest.mark.parametrize(("length", "nanoseconds"), LENGTHS, ids=repr)
def test_every_kind_of_length_is_read_to_the_nanosecond(length: Any, nanoseconds: int) -> None:
    assert span("2025-06-20T12:00:00Z", length) == (NOON, NOON + nanoseconds)
    first, last = span("2025-06-20T12:00:00Z", length, is_window=True)
    assert last - first == nanoseconds
    assert NOON - first in {nanoseconds // 2, nanoseconds - nanoseconds // 2}


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2025-06-20T12:00:00.000000001Z", "2025-06-20T12:00:00.000000002Z"),
        ("2025-06-20T12:00:00", datetime(2025, 6, 20, 13, tzinfo=UTC)),
        (pd.Timestamp("2025-06-20T12:00:00.000000001Z"), Time("2025-06-20T13:00:00", scale="tai")),
        ("2025-06-20T12:00:00Z", "2025-06-20T12:00:00Z"),
        ("1960-01-01T00:00:00Z", "2025-06-20T12:00:00Z"),  # from the beginning
        (Time("1970-01-01T00:00:00", scale="tai"), "1970-01-02T00:00:00Z"),
        ("2016-12-31T23:59:60.5Z", "2017-01-01T00:00:00.7Z"),
    ],
)
def test_points_in_time_are_what_they_are_elsewhere(start: Any, end: Any) -> None:
    assert span(start, end) == (utc_nanoseconds(start), utc_nanoseconds(end))


@pytest.mark.parametrize(
    ("start", "length", "first", "last"),
    [
        ("2016-12-31T23:59:59Z", 1, NEW_YEAR - SECOND, NEW_YEAR),  # 23:59:60, which counts as the second after it
        ("2016-12-31T23:59:59Z", 2, NEW_YEAR - SECOND, NEW_YEAR),
        ("2016-12-31T23:59:59Z", 3, NEW_YEAR - SECOND, NEW_YEAR + SECOND),
        ("2016-12-31T12:00:00Z", 86_400, NEW_YEAR - DAY // 2, NEW_YEAR + DAY // 2 - SECOND),
        ("2016-12-31T23:59:60Z", 1, NEW_YEAR, NEW_YEAR),
    ],
)
def test_a_leap_second_is_not_left_out_of_a_length(start: str, length: int, first: int, last: int) -> None:
    assert span(start, timedelta(seconds=length)) == (first, last)
    end = Time(start.rstrip("Z"), scale="utc") + TimeDelta(length, format="sec")
    assert utc_nanoseconds(end) == last


def test_a_leap_second_is_not_left_out_of_a_window() -> None:
    # Four seconds around the end of the leap second: two before it, of which it is one.
    assert span("2017-01-01T00:00:00Z", timedelta(seconds=4), is_window=True) == (
        NEW_YEAR - SECOND,
        NEW_YEAR + 2 * SECOND,
    )


def test_a_stretch_inside_of_a_leap_second_and_its_follower_is_not_empty() -> None:
    whole = (NEW_YEAR, NEW_YEAR + SECOND - 1)
    assert span("2016-12-31T23:59:60.5Z", "2017-01-01T00:00:00.2Z") == whole
    assert span("2016-12-31T23:59:60.5Z", timedelta(seconds=0.7)) == whole
    with pytest.raises(UsageError, match="before the start"):  # in the numbers of UTC it is not
        span("2017-01-01T00:00:00.2Z", "2016-12-31T23:59:60.5Z")


@given(
    st.integers(NEW_YEAR - 3 * SECOND, NEW_YEAR + 3 * SECOND),
    st.integers(0, 6 * SECOND),
    st.booleans(),
)
def test_nothing_of_a_stretch_is_outside_of_its_bounds(middle: int, length: int, is_window: bool) -> None:
    start = rfc3339(middle)
    first, last = span(start, np.timedelta64(length, "ns"), is_window=is_window)
    begin = tai_nanoseconds(start) - (length // 2 if is_window else 0)
    bounds, within = {0, length}, {length // 3, length // 2}
    # The numbers of the leap second are those of the second after it: a bound in there is one of both.
    for passed in bounds | within if NEW_YEAR not in {first - first % SECOND, last - last % SECOND} else bounds:
        inside = begin + passed
        counted = inside - 36 * SECOND if inside < NEW_YEAR + 37 * SECOND else inside - 37 * SECOND
        assert first <= counted <= last


@given(st.integers(0, 10_000 * DAY), st.integers(10**9 * SECOND, 1_790_000_000 * SECOND), st.booleans())
def test_lengths_and_times_of_astropy_lose_nothing(length: int, start: int, is_window: bool) -> None:
    day, rest = divmod(length, DAY)
    delta = TimeDelta(day, float(Fraction(rest, DAY)), format="jd")
    when = Time(2_440_587.5 + start // DAY, float(Fraction(start % DAY, DAY)), format="jd", scale="tai")
    first, last = span(when, delta, is_window=is_window)
    begin = start - (length // 2 if is_window else 0)
    assert (first, last) == (utc_from_tai(begin), utc_from_tai(begin + length))


@given(st.integers(1_500_000_000, 1_700_000_000), st.integers(0, 10**6), st.booleans())
def test_bounds_are_those_that_astropy_adds_up(start: int, length: int, is_window: bool) -> None:
    when, delta = Time(start, format="unix_tai").utc, TimeDelta(length, format="sec")
    expected = (when - delta / 2, when + delta / 2) if is_window else (when, when + delta)
    assert span(when, delta, is_window=is_window) == tuple(utc_nanoseconds(bound) for bound in expected)


@pytest.mark.parametrize("length", [length for length, nanoseconds in LENGTHS if nanoseconds], ids=repr)
@pytest.mark.parametrize("is_window", [False, True])
def test_a_negative_length_is_not_an_empty_answer(length: Any, is_window: bool) -> None:
    with pytest.raises(UsageError, match="negative"):
        span("2025-06-20T12:00:00Z", -length, is_window=is_window)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2025-06-20T12:00:00Z", "2025-06-20T11:59:59.999999999Z"),
        (Time("2025-06-20T12:00:00", scale="utc"), Time("2025-06-20T12:00:36", scale="tai")),
        ("2025-06-20T12:00:00Z", "1960-01-01T00:00:00Z"),
        ("1960-01-01T00:00:00.5Z", "1960-01-01T00:00:00Z"),
    ],
)
def test_an_end_before_the_start_is_not_an_empty_answer(start: Any, end: Any) -> None:
    with pytest.raises(UsageError, match="before the start"):
        span(start, end)


@pytest.mark.parametrize("end", ["2025-06-20T13:00:00Z", Time("2025-06-20T13:00:00", scale="utc")])
def test_a_window_with_an_end_is_not_read_as_something_else(end: Any) -> None:
    with pytest.raises(UsageError, match="window"):
        span("2025-06-20T12:00:00Z", end, is_window=True)


@pytest.mark.parametrize(
    "number",
    [5, 5.0, True, np.float64(5), np.int64(5), np.bool_(1), np.array(5.0), 5 * units.s, Fraction(1, 2)],
    ids=repr,
)
def test_the_unit_of_a_bare_number_is_not_guessed(number: Any) -> None:
    with pytest.raises(UsageError, match="unit") as refused:
        span("2025-06-20T12:00:00Z", number)
    assert "timedelta(seconds=" in str(refused.value)


def _masked() -> TimeDelta:
    lengths = TimeDelta([1.0, 2.0], format="sec")
    lengths[1] = np.ma.masked
    return lengths[1]


@pytest.mark.parametrize(
    "end",
    [
        np.timedelta64("NaT"),
        np.timedelta64("NaT", "s"),
        np.timedelta64(5),
        np.timedelta64(1, "M"),
        np.timedelta64(1, "Y"),
        np.array([1, 2], dtype="m8[s]"),
        pd.Series([pd.Timedelta(1, "s")]),
        pd.NaT,
        TimeDelta([1, 2], format="sec"),
        TimeDelta(float("nan"), format="sec"),
        _masked(),
        *(TimeDelta(5, format="sec", scale=scale) for scale in ("tdb", "tcb", "tcg", "ut1", "local")),
        "5s",
        None,
        datetime(2025, 6, 20),  # noqa: DTZ001 - the point
    ],
    ids=repr,
)
def test_what_is_neither_a_length_nor_a_point_in_time_is_refused(end: Any) -> None:
    with pytest.raises(UsageError):
        span("2025-06-20T12:00:00Z", end)


@pytest.mark.parametrize("start", [timedelta(1), TimeDelta(5, format="sec"), 5, None, "1960-01-01T00:00:00Z"], ids=repr)
def test_a_length_needs_a_point_in_time_on_tai_to_begin_at(start: Any) -> None:
    with pytest.raises(UsageError):
        span(start, timedelta(seconds=5))


@pytest.mark.parametrize(
    ("start", "length", "is_window", "said"),
    [
        ("2262-04-11T00:00:00Z", timedelta(days=1), False, "2262"),
        (Time("2500-01-01T00:00:00", scale="tai"), timedelta(0), False, "2262"),
        ("2025-06-20T12:00:00Z", timedelta.max, False, "2262"),
        ("1972-01-02T00:00:00Z", timedelta(days=4), True, "before 1972"),
    ],
)
def test_a_stretch_that_cannot_be_counted_is_refused(start: Any, length: Any, is_window: bool, said: str) -> None:
    with pytest.raises(UsageError, match=said) as refused:
        span(start, length, is_window=is_window)
    assert str(length) in refused.value.message


def test_reading_a_length_does_not_change_it() -> None:
    length = TimeDelta(5.25, format="sec")
    span("2025-06-20T12:00:00Z", length)
    assert (length.sec, length.scale, length.format) == (5.25, None, "sec")
