"""Nights by their number: one point in time has one of them, and their limits need no network."""

import subprocess
import sys
import time
import types
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from astropy import units
from astropy.coordinates import AltAz, EarthLocation, get_sun
from astropy.time import Time
from astropy.utils import iers
from hypothesis import given
from hypothesis import strategies as st

from skykey.rubin import dayobs_utils, sun
from skykey.rubin.dayobs_utils import (
    day_obs_int_to_str,
    day_obs_list,
    day_obs_str_to_int,
    day_obs_sunset_sunrise,
    day_obs_sunset_sunrise_df,
    day_obs_to_date,
    day_obs_to_time,
    estimated_baseline_visit_range,
    mjd_to_dayobs,
    mjd_to_dayobs_array,
    rubin_observer,
    time_to_day_obs,
    time_to_day_obs_int,
    today_day_obs,
    tomorrow_day_obs,
    yesterday_day_obs,
)
from skykey.values.errors import MissingExtra, UsageError
from skykey.values.scales import DAY, tai_from_day

Missing = Callable[..., None]


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    yield
    for remembered in (dayobs_utils._sunset_sunrise, rubin_observer, sun._rotation):
        remembered.cache_clear()


@pytest.fixture
def missing(monkeypatch: pytest.MonkeyPatch) -> Missing:
    """Make packages as if they were not installed."""

    def hidden(*names: str) -> None:
        for name in names:
            monkeypatch.setitem(sys.modules, name, None)

    return hidden


# -- points in time


@pytest.mark.parametrize(
    ("utc", "day_obs"),
    [
        ("2025-06-20T11:59:22.999999999", 20250619),
        ("2025-06-20T11:59:23.000000000", 20250620),
        ("2025-06-20T11:59:30.000000000", 20250620),  # here the release has two answers
        ("2025-06-21T11:59:22.999999999", 20250620),
        ("2024-12-31T23:59:59.000000000", 20241231),
        ("2025-01-01T03:00:00.000000000", 20241231),
        ("2016-12-31T23:59:60.500000000", 20161231),
        ("2016-12-31T11:59:23.999999999", 20161230),  # before the leap second noon came 36 s early
        ("2016-12-31T11:59:24.000000000", 20161231),
    ],
)
def test_one_point_in_time_has_one_day_obs_on_every_scale(utc: str, day_obs: int) -> None:
    astropys = Time(utc, scale="utc")
    spellings: list[Any] = [utc, f"{utc}Z", astropys, astropys.tai, astropys.tt]
    if ":60" not in utc:
        spellings.append(pd.Timestamp(utc, tz="UTC"))
        spellings.append(pd.Timestamp(utc, tz="UTC").tz_convert("America/Santiago"))
    assert {time_to_day_obs_int(when) for when in spellings} == {day_obs}
    assert {time_to_day_obs(when) for when in spellings} == {day_obs_int_to_str(day_obs)}


@pytest.mark.parametrize(
    "when",
    [None, 60846.5, "soon", datetime(2025, 6, 20), Time(["2025-06-20"]), "1960-06-20", Time("0001-01-01", scale="tai")],  # noqa: DTZ001 - the point
    ids=repr,
)
def test_what_has_no_day_obs_is_refused(when: Any) -> None:
    for ask in (time_to_day_obs, time_to_day_obs_int):
        with pytest.raises(UsageError):
            ask(when)


def test_now(monkeypatch: pytest.MonkeyPatch) -> None:
    noon = 1_735_732_763 * 10**9  # 2025-01-01T11:59:23Z, noon TAI
    for now, days in (
        (noon - 1, ["2024-12-30", "2024-12-31", "2025-01-01"]),
        (noon, ["2024-12-31", "2025-01-01", "2025-01-02"]),
    ):
        monkeypatch.setattr(time, "time_ns", lambda now=now: now)
        assert [yesterday_day_obs(), today_day_obs(), tomorrow_day_obs()] == days


def test_now_is_the_clocks() -> None:
    assert today_day_obs() in {time_to_day_obs(datetime.now(UTC)), yesterday_day_obs()}


# -- spellings


def test_spellings() -> None:
    assert day_obs_int_to_str(20250503) == "2025-05-03"
    assert day_obs_int_to_str(np.int64(20250503)) == "2025-05-03"  # type: ignore[arg-type]
    assert day_obs_str_to_int("2025-05-03") == 20250503
    for day_obs in (20250503, "2025-05-03", "20250503", np.int64(20250503)):
        assert day_obs_to_date(day_obs) == date(2025, 5, 3)  # type: ignore[arg-type]
        night = day_obs_to_time(day_obs)  # type: ignore[arg-type]
        assert (night.scale, night.format, str(night)) == ("tai", "isot", "2025-05-03T12:00:00.000")


@given(st.dates())
def test_spellings_come_back(day: date) -> None:
    text = day.isoformat()
    assert day_obs_int_to_str(day_obs_str_to_int(text)) == text
    assert day_obs_to_date(day_obs_str_to_int(text)) == day_obs_to_date(text) == day


@pytest.mark.parametrize(
    "day_obs",
    [
        *("2025-6-2", "2025-06-31", "2025-0602", "202506-02", " 2025-06-02", "", "today", "2025-06-02T00"),
        "\u0662\u0660\u0662\u0665-06-02",
        *(20250631, 202562, 2025, 0, -20250602, 20250602.0, None, True, b"2025-06-02", 120250602, Time("2025-06-02")),
    ],
    ids=repr,
)  # fmt: skip
def test_what_is_no_day_is_refused(day_obs: Any) -> None:
    for ask in (day_obs_to_date, day_obs_str_to_int, day_obs_int_to_str, day_obs_to_time, day_obs_sunset_sunrise):
        with pytest.raises(UsageError, match="is not a day_obs"):
            ask(day_obs)


@given(st.dates(date(1972, 1, 2), date(2100, 1, 1)))
def test_a_day_obs_begins_at_its_noon(day: date) -> None:
    number = day_obs_str_to_int(day.isoformat())
    noon = tai_from_day((day - date(1858, 11, 17)).days) + DAY // 2
    assert dayobs_utils._day(noon) - dayobs_utils._day(noon - 1) == 1
    assert time_to_day_obs_int(day_obs_to_time(number)) == number
    assert mjd_to_dayobs(day_obs_to_time(number).mjd) == number


# -- modified Julian dates


def test_mjd() -> None:
    dates = [60798.5, np.nextafter(60798.5, 0), 60798.49, 60799.499999, 41317.0, -678575.5 + 1]
    expected = [20250503, 20250502, 20250502, 20250503, 19711231, 10101]
    assert [mjd_to_dayobs(mjd) for mjd in dates] == expected
    days = mjd_to_dayobs_array(dates)
    assert days.tolist() == expected
    assert days.dtype == np.int64
    assert mjd_to_dayobs_array(pd.Series(dates, index=range(5, 11))).tolist() == expected
    assert mjd_to_dayobs_array(np.array(dates).reshape(3, 2)).tolist() == np.array(expected).reshape(3, 2).tolist()
    assert mjd_to_dayobs_array([60798, 60799]).tolist() == [20250502, 20250503]
    assert mjd_to_dayobs_array(60798.5).tolist() == 20250503
    assert mjd_to_dayobs_array([]).tolist() == []


@given(st.lists(st.floats(-600_000, 2_900_000), max_size=20))
def test_mjd_arrays_are_as_one_by_one(dates: list[float]) -> None:
    assert mjd_to_dayobs_array(dates).tolist() == list(map(mjd_to_dayobs, dates))


@pytest.mark.parametrize(
    "dates",
    [
        *([np.nan], [60798.5, np.inf], [3e6], [-1e6], [1e300], ["x"], [None], [1j]),
        np.ma.array([60798.5], mask=[True]),
        *(np.array(["2025-06-02"], "datetime64[D]"), [True], pd.Series([60798.5, None], dtype="Float64")),
    ],
    ids=repr,
)  # fmt: skip
def test_mjd_that_is_none_is_refused(dates: Any) -> None:
    with pytest.raises(UsageError):
        mjd_to_dayobs_array(dates)


@pytest.mark.parametrize("mjd", [np.nan, np.inf, 3e6, -1e6])
def test_one_mjd_that_is_none_is_refused(mjd: float) -> None:
    with pytest.raises(UsageError):
        mjd_to_dayobs(mjd)


# -- lists


@pytest.mark.parametrize(
    ("start", "end", "listed"),
    [
        ("2025-05-01T20:00Z", "2025-05-03T20:00Z", [20250501, 20250502]),
        ("2025-05-01T20:00Z", "2025-05-03T20:00:00.000000001Z", [20250501, 20250502, 20250503]),
        ("2025-05-01T20:00Z", "2025-05-01T21:00Z", [20250501]),
        ("2025-05-01T20:00Z", "2025-05-01T20:00Z", [20250501]),
        ("2025-02-27T11:59:22Z", "2025-03-01T11:59:23Z", [20250226, 20250227, 20250228]),
        ("2016-12-31T11:59:24Z", "2017-01-01T11:59:23Z", [20161231]),  # a day of 86 401 s by UTC's clock
    ],
)
def test_a_list_begins_with_its_start_and_ends_before_its_end(start: str, end: str, listed: list[int]) -> None:
    for scale in ("utc", "tai"):
        times = [getattr(Time(text.rstrip("Z"), scale="utc"), scale) for text in (start, end)]
        assert day_obs_list(*times) == listed
    assert day_obs_list(start, end) == listed


def test_a_list_from_noon_to_noon_is_all_days() -> None:
    listed = day_obs_list(day_obs_to_time(20240201), day_obs_to_time(20250201))
    assert len(listed) == 366
    assert (listed[0], listed[28], listed[-1]) == (20240201, 20240229, 20250131)


def test_a_list_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(UsageError, match="is before"):
        day_obs_list("2025-05-02", "2025-05-01")


# -- nights


REFERENCE = (60798.95802903221, 60799.431616983835)  # of the release, for the night of 2025-05-03


def test_a_night_is_the_releases() -> None:
    for day_obs in (20250503, "2025-05-03"):
        limits = day_obs_sunset_sunrise(day_obs)
        assert [limit.mjd for limit in limits] == pytest.approx(REFERENCE, abs=1e-6, rel=0)
        assert {(limit.scale, limit.format) for limit in limits} == {("tai", "jd")}
    assert [limit.mjd for limit in limits] == pytest.approx((60798.958029029, 60799.431616988), abs=1e-7, rel=0)


@pytest.mark.parametrize("height", [0.0, -12.0, -18.0])
@pytest.mark.parametrize("day_obs", [20130105, 20250503, 20251221, 20260320, 20260621])
def test_a_night_is_within_two_seconds_of_the_truth(day_obs: int, height: float) -> None:
    """By astropy's own frames."""
    place = EarthLocation.from_geodetic(sun.LONGITUDE * units.deg, sun.LATITUDE * units.deg, sun.HEIGHT * units.m)
    with iers.conf.set_temp("auto_download", False):
        for limit, falls in zip(day_obs_sunset_sunrise(day_obs, height), (1, -1), strict=True):
            times = limit + [-2, 2] * units.s
            heights = get_sun(times).transform_to(AltAz(obstime=times, location=place)).alt.deg
            assert falls * heights[0] > falls * height > falls * heights[1]


def test_higher_is_earlier_in_the_evening() -> None:
    sets, rises = zip(*(day_obs_sunset_sunrise(20250503, height) for height in (0, -6, -12, -18)), strict=True)
    assert sorted(sets) == list(sets)
    assert sorted(rises, reverse=True) == list(rises)


def test_a_night_asks_nobody_and_leaves_astropys_settings_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where astropy's table has ended, and its own way would be to download a new one."""

    def refused(*_: object, **__: object) -> None:
        raise AssertionError("astropy went for its own table, which may download")

    assert iers.conf.auto_download is True
    monkeypatch.setattr(iers.IERS_Auto, "open", refused)
    monkeypatch.setattr(iers.iers, "download_file", refused)
    monkeypatch.setattr(type(iers.conf), "set_temp", refused)
    before = iers.earth_orientation_table._value, iers.IERS_A.iers_table
    for day_obs in (20250503, 20350503):
        sunset, sunrise = day_obs_sunset_sunrise(day_obs)
        assert 11.3 < (sunrise - sunset).to_value("hour") < 11.4
    assert (iers.earth_orientation_table._value, iers.IERS_A.iers_table) == before


def test_a_sun_that_does_not_get_there_is_no_time() -> None:
    for height in (85.0, -85.0, float("nan")):
        with pytest.raises(UsageError, match="does not pass"):
            day_obs_sunset_sunrise(20250503, height)


def test_a_night_is_remembered_and_cannot_be_spoiled(monkeypatch: pytest.MonkeyPatch) -> None:
    first, _ = day_obs_sunset_sunrise(20250503)
    before = first.mjd
    monkeypatch.setattr(sun, "heights", None)
    first.format = "isot"
    first += 1 * units.day
    second, _ = day_obs_sunset_sunrise("2025-05-03", -12.0)
    assert (second.format, second.mjd) == ("jd", before)


def test_a_table_of_nights() -> None:
    nights = day_obs_sunset_sunrise_df(20250228, 20250302)
    assert nights["day_obs"].tolist() == [20250228, 20250301, 20250302]
    assert list(map(str, nights.dtypes)) == ["int64", "datetime64[ns]", "datetime64[ns]", "float64"]
    assert list(nights.columns) == ["day_obs", "sunset12", "sunrise12", "night_hours"]
    for night in nights.itertuples():
        sunset, sunrise = day_obs_sunset_sunrise(night.day_obs)
        for limit, column in ((sunset, night.sunset12), (sunrise, night.sunrise12)):
            assert abs(Time(column.isoformat(), scale="utc") - limit) < 1e-6 * units.s
        assert night.night_hours == pytest.approx((sunrise - sunset).to_value("hour"), abs=1e-9)
    one = day_obs_sunset_sunrise_df(20250503, 20250503)
    assert one["sunset12"][0].isoformat(timespec="milliseconds") == "2025-05-03T22:58:56.708"
    with pytest.raises(UsageError, match="is before"):
        day_obs_sunset_sunrise_df(20250505, 20250503)


def test_a_month_of_nights_takes_no_second(ceiling: Callable[[float], float]) -> None:
    begin = time.perf_counter()
    nights = day_obs_sunset_sunrise_df(20250601, 20250701)
    took = time.perf_counter() - begin
    assert len(nights) == 31
    assert took <= ceiling(1.0)


def test_visits_of_a_night() -> None:
    assert estimated_baseline_visit_range(20250503) == {"n_vis_ave": 1027, "n_vis_high": 1063}
    assert estimated_baseline_visit_range(20250503, 0.5) == {"n_vis_ave": 513, "n_vis_high": 531}
    assert estimated_baseline_visit_range(20251221) == {"n_vis_ave": 679, "n_vis_high": 736}


# -- without optional packages


def test_what_needs_astropy_says_so(missing: Missing) -> None:
    missing("astropy.time", "erfa")
    for ask in (
        lambda: day_obs_to_time(20250503),
        lambda: day_obs_sunset_sunrise(20250503),
        lambda: day_obs_sunset_sunrise_df(20250503, 20250503),
        lambda: estimated_baseline_visit_range(20250503),
    ):
        with pytest.raises(MissingExtra, match=r"pip install 'skykey\[vo\]'"):
            ask()
    assert time_to_day_obs("2025-06-20T12:00:00Z") == "2025-06-20"
    assert mjd_to_dayobs(60798.5) == 20250503


def test_the_observer_is_there_without_a_download(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}
    fake = types.ModuleType("astroplan")
    fake.Observer = lambda **told: asked.update(told) or "observer"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "astroplan", fake)
    assert rubin_observer() == "observer"
    place = asked["location"].to_geodetic()
    assert asked["name"] == "Rubin"
    assert [place.lon.deg, place.lat.deg, place.height.value] == pytest.approx([-70.749417, -30.244639, 2663.0])


def test_the_observer_without_astroplan_says_what_to_install(missing: Missing) -> None:
    missing("astroplan")
    with pytest.raises(MissingExtra, match="pip install astroplan"):
        rubin_observer()


def test_connections_load_none_of_it() -> None:
    code = (
        "import skykey.rubin.connections, skykey.rubin.influx_query, sys\n"
        "print(sorted(n for n in sys.modules if n.startswith('skykey') and n.rpartition('.')[2] in "
        "{'dayobs_utils', 'efd_times', 'scales', 'sun'} or n in {'numpy', 'astropy', 'erfa'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"


def test_no_warning_of_astropy_comes_up() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        day_obs_sunset_sunrise(20400101)
        assert time_to_day_obs(Time("2040-01-01T12:00:00", scale="tai")) == "2040-01-01"
