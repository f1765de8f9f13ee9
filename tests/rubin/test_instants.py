"""Points in time: exact to the nanosecond, on the right scale, and never guessed."""

from contextlib import nullcontext
from datetime import UTC, date, datetime, timedelta, timezone
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from astropy.time import Time, TimeDelta
from hypothesis import given
from hypothesis import strategies as st

from skykey.rubin.instants import rfc3339, tai_nanoseconds, tai_text, utc_nanoseconds
from skykey.values.errors import UsageError

NOON = 1_750_420_800 * 10**9  # 2025-06-20T12:00:00Z
# Since 2017 TAI is 37 s ahead of UTC (IERS Bulletin C 52).
TAI_AHEAD = 37 * 10**9


@pytest.mark.parametrize(
    ("written", "nanoseconds"),
    [
        ("2025-06-20T12:00:00.000000001Z", NOON + 1),
        ("2025-06-20T12:00:00.999999999", NOON + 999_999_999),
        ("2025-06-20 12:00:00.1", NOON + 100_000_000),
        (" 2025-06-20T12:00Z\n", NOON),
        ("2025-06-20T14:00:00+02:00", NOON),
        ("2025-06-20T08:30:00-0330", NOON),
        ("2025-06-20", NOON - 12 * 3600 * 10**9),
        ("1969-12-31T23:59:59.999999999Z", -1),
        ("2016-12-31T23:59:60.5Z", 1_483_228_800 * 10**9 + 500_000_000),  # a leap second counts as the one after
        ("1677-09-21T00:12:43.145224193Z", -(2**63 - 1)),
        ("2262-04-11T23:47:16.854775807Z", 2**63 - 1),
    ],
)
def test_text(written: str, nanoseconds: int) -> None:
    assert utc_nanoseconds(written) == nanoseconds


@pytest.mark.parametrize(
    ("when", "nanoseconds"),
    [
        (datetime(2025, 6, 20, 12, 0, 0, 1, tzinfo=UTC), NOON + 1000),
        (datetime(2025, 6, 20, 9, tzinfo=timezone(timedelta(hours=-3))), NOON),
        (datetime(2025, 6, 20, 8, tzinfo=ZoneInfo("America/Santiago")), NOON),
        (pd.Timestamp("2025-06-20T12:00:00.000000001Z"), NOON + 1),
        (pd.Timestamp("1960-01-01T00:00:00.123456789", tz="UTC"), -315_619_199_876_543_211),
        (pd.Timestamp("2025-06-20T12:00:00Z").as_unit("s"), NOON),
    ],
)
def test_datetimes(when: datetime, nanoseconds: int) -> None:
    assert utc_nanoseconds(when) == nanoseconds


def test_astropy_times_of_any_scale_format_and_setting() -> None:
    text = "2025-06-20T12:00:00.123456789"
    assert utc_nanoseconds(Time(text, scale="utc")) == NOON + 123_456_789
    assert utc_nanoseconds(Time(text, scale="tai")) == NOON + 123_456_789 - TAI_AHEAD
    assert utc_nanoseconds(Time(text, scale="tt")) == NOON + 123_456_789 - TAI_AHEAD - 32_184_000_000
    assert utc_nanoseconds(Time(text, scale="utc").tai) == NOON + 123_456_789
    assert utc_nanoseconds(Time(60846.5, format="mjd", scale="utc")) == NOON
    assert utc_nanoseconds(Time(text, scale="utc", precision=0)) == NOON + 123_456_789
    # What the object prints is not what it is: this one prints the date alone.
    assert utc_nanoseconds(Time(text, scale="utc", out_subfmt="date")) == NOON + 123_456_789
    assert utc_nanoseconds(Time("2016-12-31T23:59:60.5", scale="utc")) == 1_483_228_800_500_000_000


@pytest.mark.parametrize("scale", ["tai", "tt", "tdb", "tcg"])
@pytest.mark.parametrize("beside", [-1.0, 0.0, 0.25, 0.999999999, 1.0, 1.5, 2.0])
def test_times_near_a_leap_second_are_what_astropy_says(beside: float, scale: str) -> None:
    when = getattr(Time("2016-12-31T23:59:60", scale="utc") + TimeDelta(beside, format="sec"), scale)
    utc = when.utc.replicate()
    utc.precision = 9
    assert utc_nanoseconds(when) == utc_nanoseconds(str(utc.isot))
    assert tai_nanoseconds(when) == 1_483_228_836 * 10**9 + round(beside * 10**9)


@pytest.mark.parametrize("scale", ["tai", "tt"])
def test_from_the_beginning_works_with_times_too(scale: str) -> None:
    when = Time("1970-01-01T00:00:00", scale=scale)
    utc = when.utc.replicate()
    utc.precision = 9
    assert utc_nanoseconds(when) == utc_nanoseconds(str(utc.isot)) < -8 * 10**9


@pytest.mark.parametrize(
    ("when", "nanoseconds"),
    [
        ("2025-06-20T12:00:00Z", NOON + TAI_AHEAD),
        ("2025-06-20T12:00:00.000000001", NOON + TAI_AHEAD + 1),
        (datetime(2025, 6, 20, 12, 0, 0, 1, tzinfo=UTC), NOON + TAI_AHEAD + 1000),
        (pd.Timestamp("2025-06-20T12:00:00.000000001Z"), NOON + TAI_AHEAD + 1),
        (Time("2025-06-20T12:00:00.123456789", scale="utc"), NOON + TAI_AHEAD + 123_456_789),
        (Time("2025-06-20T12:00:00.123456789", scale="tai"), NOON + 123_456_789),
        (Time("1960-01-01T00:00:00", scale="tai"), -315_619_200 * 10**9),
        ("2016-12-31T23:59:59.5Z", 1_483_228_835_500_000_000),
        ("2016-12-31T23:59:60.5Z", 1_483_228_836_500_000_000),
        ("2017-01-01T00:00:00.5Z", 1_483_228_837_500_000_000),
        ("2017-01-01T01:59:60.5+02:00", 1_483_228_836_500_000_000),
        (Time("2016-12-31T23:59:60.5", scale="utc"), 1_483_228_836_500_000_000),
    ],
)
def test_tai(when: Any, nanoseconds: int) -> None:
    assert tai_nanoseconds(when) == nanoseconds


def test_text_without_a_zone_is_what_the_caller_says() -> None:
    assert tai_nanoseconds("2025-06-20T12:00:00.1", scale="tai") == NOON + 100_000_000
    assert utc_nanoseconds("2025-06-20T12:00:00.1", scale="tai") == NOON + 100_000_000 - TAI_AHEAD
    for zoned in ("2025-06-20T12:00:00Z", "2025-06-20T14:00:00+02:00"):
        assert utc_nanoseconds(zoned, scale="tai") == NOON


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ("2025-06-20T23:59:60Z", "no leap second"),
        ("2016-12-31T22:59:60Z", "no leap second"),
        ("9999-12-31T23:59:60Z", "no leap second"),
        ("1969-06-20T12:00:00Z", "before 1972"),
        (Time("1969-06-20T12:00:00", scale="utc"), "before 1972"),
    ],
)
def test_what_has_no_tai_is_refused_with_its_value(when: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said) as refused:
        tai_nanoseconds(when)
    assert str(when) in refused.value.message


def test_tai_text_has_no_leap_seconds() -> None:
    for read in (tai_nanoseconds, utc_nanoseconds):
        with pytest.raises(UsageError, match="TAI has no leap seconds"):
            read("2016-12-31T23:59:60", scale="tai")
        with pytest.raises(UsageError, match="before 1972") if read is utc_nanoseconds else nullcontext():
            read("1960-01-01", scale="tai")


def test_reading_a_time_does_not_change_it() -> None:
    when = Time("2025-06-20T12:00:00.5", scale="tai", precision=3)
    before = (when.isot, when.scale, when.precision)
    utc_nanoseconds(when)
    assert (when.isot, when.scale, when.precision) == before


@given(st.integers(-(2**63 - 1), 2**63 - 1))
def test_nanoseconds_come_back_from_text(nanoseconds: int) -> None:
    assert utc_nanoseconds(rfc3339(nanoseconds)) == nanoseconds


@given(st.integers(1_500_000_000 * 10**9, 1_790_000_000 * 10**9), st.sampled_from(["utc", "tai", "tt", "tcg"]))
def test_nanoseconds_come_back_from_astropy(nanoseconds: int, scale: str) -> None:
    day, rest = divmod(nanoseconds, 86_400 * 10**9)
    # Two doubles: the day, and its fraction, which alone would not hold nanoseconds.
    when = Time(2_440_587.5 + day, float(Fraction(rest, 86_400 * 10**9)), format="jd", scale="utc")
    assert utc_nanoseconds(getattr(when, scale)) == nanoseconds


@pytest.mark.parametrize(
    "when",
    [
        None,
        0,
        60846.5,
        "",
        "now",
        "2025-06-31",
        "2025-13-01T00:00:00Z",
        "2025-06-20T24:00:00Z",
        "2025-06-20T12:60:00Z",
        "2025-06-20T12:00:61Z",
        "2025-06-20T12:00:75Z",
        "2025-06-20T12:00:00+99:99",
        "2025-06-20T12:00:00+24:00",
        "2025-06-20T12:00:00.1234567890Z",
        "2025-06-20T12:00:00Z' OR 1 = 1",
        "\uff12\uff10\uff12\uff15-06-20",  # digits, but not of ISO
        "1677-09-20T00:00:00Z",
        "2262-04-12T00:00:00Z",
        "9999-12-31T23:59:60Z",
        b"2025-06-20",
        datetime(2025, 6, 20),  # noqa: DTZ001 - the point
        pd.NaT,
        pd.Timestamp("1500-01-01T00:00:00Z").as_unit("us"),
        date(2025, 6, 20),
        np.datetime64("2025-06-20"),
        TimeDelta(5, format="sec"),
        Time(["2025-06-20", "2025-06-21"]),
        Time("2025-06-20T12:00:00", scale="local"),
    ],
    ids=repr,
)
def test_what_is_no_point_in_time_is_refused(when: Any) -> None:
    with pytest.raises(UsageError):
        utc_nanoseconds(when)


@pytest.mark.parametrize("when", [None, 60846.5, "now", "2025-06-31", datetime(2025, 6, 20), pd.NaT], ids=repr)  # noqa: DTZ001
def test_tai_of_what_is_no_point_in_time_is_refused(when: Any) -> None:
    with pytest.raises(UsageError):
        tai_nanoseconds(when)


@pytest.mark.parametrize(
    ("when", "text"),
    [
        ("2025-06-20T12:00:00.000000499Z", "12:00:37.000000"),
        ("2025-06-20T12:00:00.0000005Z", "12:00:37.000001"),
        ("2025-06-20T12:00:00.9999996Z", "12:00:38.000000"),
        (Time("2025-06-20T12:00:37.0000015", scale="tai"), "12:00:37.000002"),
    ],
)
def test_text_for_a_database_is_the_nearest_microsecond_in_tai(when: Any, text: str) -> None:
    assert tai_text(when) == f"2025-06-20T{text}"
    assert tai_text(when, sep=" ") == f"2025-06-20 {text}"


def test_a_moment_after_the_last_year_is_no_error_of_a_library() -> None:
    with pytest.raises(UsageError, match="9999"):
        tai_text(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))
