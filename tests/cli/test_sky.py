"""The ground and the head of a picture: the Sun, the days of observing, and which time it is."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skykey.cli.rubin.sky import axis_of, days_of, sky_of
from skykey.rubin.instants import utc_nanoseconds
from skykey.rubin.night_sun import sun_height
from skykey.rubin.sun import heights
from skykey.values.scales import tai_from_utc

HOUR = 3600 * 10**9


def at(text: str) -> int:
    return int(utc_nanoseconds(text))


def said(start: str, end: str) -> list[str]:
    return [mark.text.replace("\n", " ") for mark in sky_of(at(start), at(end)).marks]


@pytest.mark.parametrize("day", ["2015-01-03", "2025-03-20", "2026-06-21", "2026-12-21", "2035-09-01"])
def test_the_short_series_agrees_with_the_exact_one(day: str) -> None:
    utc = at(f"{day}T00:00Z") + np.arange(0, 24 * HOUR, HOUR // 4)
    exact = heights(utc + (tai_from_utc(int(utc[0])) - int(utc[0])))
    assert np.abs(sun_height(utc) - exact).max() < 0.02 + 0.01  # its own error, and the Earth's rotation


def test_a_night_is_named_to_the_minute() -> None:
    shown = said("2026-03-20T21:00Z", "2026-03-21T13:00Z")
    assert {"Sun \u221212\u00b0 23:46", "Sun \u221212\u00b0 09:55", "day_obs 20260321"} < set(shown)
    assert "sunset 22:54" in shown


def test_the_ground_is_day_dusk_and_night() -> None:
    sky = sky_of(at("2026-03-20T12:00Z"), at("2026-03-21T12:00Z"))
    assert [len(sky.days), len(sky.dusks)] == [2, 2]
    lengths = [float((end - begin) / np.timedelta64(1, "m")) for begin, end in sky.dusks]
    assert lengths == pytest.approx([52, 52], abs=2)
    assert sky.days[0][1] == sky.dusks[0][0]  # without a seam


@pytest.mark.parametrize("days", [3, 14, 40])
def test_many_nights_have_their_days_only(days: int) -> None:
    begin = at("2026-03-20T18:00Z")
    shown = sky_of(begin, begin + days * 24 * HOUR).marks
    assert len(shown) == days
    assert {mark.text[:7] for mark in shown} <= {"day_obs", ""}


def test_a_year_has_no_stripes() -> None:
    assert sky_of(at("2025-01-01"), at("2026-01-01")).days == ()


instants = st.datetimes(datetime(1972, 1, 2), datetime(2200, 1, 1)).map(  # noqa: DTZ001 - made aware below
    lambda moment: int(moment.replace(tzinfo=UTC).timestamp()) * 10**9
)


@given(begin=instants, length=st.integers(1, 60 * 24 * HOUR))
def test_names_never_stand_on_each_other(begin: int, length: int) -> None:
    taken: list[tuple[Any, Any]] = []
    for mark in sky_of(begin, begin + length).marks:
        place = float((mark.when - np.datetime64(begin, "ns")) / np.timedelta64(length, "ns"))
        assert 0 <= place <= 1
        if mark.text:
            first = place - 0.065 * mark.is_left
            assert all(first + 0.06 < low or first > low + 0.06 for low, _ in taken)
            taken.append((first, mark))


def test_the_axis_names_both_times() -> None:
    assert axis_of(at("2026-03-20"), at("2026-03-21")) == "UTC (TAI \u2212 37 s)"
    assert axis_of(at("2016-12-31"), at("2017-01-02")) == "UTC"  # it changes within
    assert axis_of(0, 1) == "UTC"  # there was none yet


def test_days_of_observing_begin_at_noon_tai() -> None:
    assert days_of(at("2026-03-20T11:59:23Z"), at("2026-03-21T11:59:22Z")) == "day_obs 20260320"
    assert days_of(at("2026-03-20T11:59:22Z"), at("2026-03-20T11:59:23Z")) == "day_obs 20260319 to 20260320"
    assert days_of(0, 1) == ""
