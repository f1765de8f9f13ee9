"""UTC and TAI: to the nanosecond, also in leap seconds and beside them, and the same as astropy's."""

import random
import warnings
from datetime import date
from fractions import Fraction
from typing import Any

import erfa
import numpy as np
import pytest
from astropy.time import Time
from astropy.utils import iers
from hypothesis import given
from hypothesis import strategies as st

from skykey.values import scales
from skykey.values.errors import UsageError
from skykey.values.scales import (
    DAY,
    FIRST_TAI,
    KNOWN_UNTIL,
    SECOND,
    day_from_tai,
    is_leap_second,
    mjd_from_tai,
    mjd_from_tai_array,
    tai_from_day,
    tai_from_mjd,
    tai_from_mjd_array,
    tai_from_utc,
    tai_from_utc_array,
    utc_from_tai,
    utc_from_tai_array,
)

NAT = np.datetime64("NaT").astype(np.int64)
END = (date(2041, 1, 1) - date(1970, 1, 1)).days * DAY
MIDNIGHT = 1_483_228_800 * SECOND  # 2017-01-01T00:00:00Z, after the last leap second
LAST = MIDNIGHT + 36 * SECOND  # where that one begins
NEAR = (-SECOND, -1, 0, 1, SECOND // 2, SECOND - 1, SECOND, SECOND + 1, 2 * SECOND - 1, 2 * SECOND)
LEAPS = [begin + before for begin, before in zip(scales._UTC[1:], scales._AHEAD, strict=False)]  # in TAI

instants = st.one_of(
    st.integers(FIRST_TAI, END),
    st.builds(lambda leap, beside: leap + beside, st.sampled_from(LEAPS), st.integers(-2 * SECOND, 3 * SECOND)),
)


def some_instants() -> list[int]:
    """10^4 anywhere, and each leap second with its neighbours."""
    chance = random.Random(20170101)
    return [chance.randrange(FIRST_TAI, END) for _ in range(10_000)] + [leap + near for leap in LEAPS for near in NEAR]


def as_astropy(tai: list[int]) -> Any:
    days, rests = zip(*(divmod(one, DAY) for one in tai), strict=True)
    return Time(2_440_587.5 + np.array(days), np.array(rests) / DAY, format="jd", scale="tai")


def written(time: Any) -> list[str]:
    """As clocks show it, with nine digits. Astropy doubts years soon after its table's end."""
    exact = time.replicate()
    exact.precision = 9
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", erfa.ErfaWarning)
        return [str(text) for text in exact.isot]


def on_the_clock(text: str) -> tuple[int, bool]:
    """Nanoseconds since 1970 of a clock's reading, second 60 as the second after; and whether it was that."""
    minute = np.datetime64(text[:16], "m").astype(np.int64) * 60
    seconds, _, fraction = text[17:].partition(".")
    return int(minute + int(seconds)) * SECOND + int(fraction), seconds == "60"


def test_the_table_is_that_of_the_iers() -> None:
    theirs = [(row["year"], row["month"], row["tai_utc"]) for row in erfa.leap_seconds.get() if row["year"] >= 1972]
    ours = [(int(day[:4]), int(day[5:7]), float(ahead)) for day, ahead in scales._OFFSETS]
    assert ours == theirs
    assert all(day.endswith("-01") for day, _ in scales._OFFSETS)


def test_no_more_is_called_known_than_the_bulletin_says() -> None:
    expires = iers.LeapSeconds.from_iers_leap_seconds(iers.IERS_LEAP_SECOND_FILE).expires
    assert np.datetime64(KNOWN_UNTIL, "ns") <= np.datetime64(expires.isot)


def test_tai_to_utc_is_astropys_to_the_nanosecond() -> None:
    tai = some_instants()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", erfa.ErfaWarning)
        theirs = written(as_astropy(tai).utc)
    assert [(utc_from_tai(one), is_leap_second(one)) for one in tai] == [on_the_clock(text) for text in theirs]
    assert sum(text[17:19] == "60" for text in theirs) == 4 * len(LEAPS)


def test_utc_to_tai_is_astropys_to_the_nanosecond() -> None:
    tai = some_instants()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", erfa.ErfaWarning)
        texts = written(as_astropy(tai).utc)
        theirs = written(Time(texts, format="isot", scale="utc").tai)
    read = [on_the_clock(text) for text in texts]
    assert [tai_from_utc(utc, leap=leap) for utc, leap in read] == [on_the_clock(text)[0] for text in theirs] == tai


@given(instants)
def test_every_instant_comes_back(tai: int) -> None:
    assert tai_from_utc(utc_from_tai(tai), leap=is_leap_second(tai)) == tai


@given(instants)
def test_utc_stands_still_never_and_goes_back_by_a_leap_second_only(tai: int) -> None:
    step = utc_from_tai(tai + 1) - utc_from_tai(tai)
    assert step == (1 - SECOND if is_leap_second(tai) and not is_leap_second(tai + 1) else 1)


def test_a_leap_second_counts_as_the_second_after_it() -> None:
    assert utc_from_tai(LAST + SECOND // 2) == utc_from_tai(LAST + 3 * SECOND // 2) == MIDNIGHT + SECOND // 2
    assert [is_leap_second(LAST + near) for near in NEAR] == [False] * 2 + [True] * 4 + [False] * 4
    assert tai_from_utc(MIDNIGHT + SECOND - 1, leap=True) == LAST + SECOND - 1
    assert tai_from_utc(MIDNIGHT) == LAST + SECOND


@pytest.mark.parametrize("utc", [MIDNIGHT - 1, MIDNIGHT + SECOND, MIDNIGHT + 365 * DAY, 63_072_000 * SECOND])
def test_a_leap_second_that_was_none_is_refused(utc: int) -> None:
    with pytest.raises(UsageError, match="no leap second"):
        tai_from_utc(utc, leap=True)


def test_before_1972_nothing_is_guessed() -> None:
    first = 63_072_000 * SECOND
    assert tai_from_utc(first) == FIRST_TAI == first + 10 * SECOND
    assert utc_from_tai(FIRST_TAI) == first
    for refused in (
        lambda: tai_from_utc(first - 1),
        lambda: utc_from_tai(FIRST_TAI - 1),
        lambda: is_leap_second(FIRST_TAI - 1),
        lambda: tai_from_utc_array([first, first - 1]),
        lambda: utc_from_tai_array([FIRST_TAI, FIRST_TAI - 1]),
    ):
        with pytest.raises(UsageError, match="before 1972"):
            refused()


def test_beyond_the_table_the_last_offset_holds() -> None:
    for utc in (KNOWN_UNTIL, KNOWN_UNTIL + 10_000 * DAY):
        assert tai_from_utc(utc) - utc == 37 * SECOND


def test_arrays_are_as_one_by_one() -> None:
    tai = some_instants()
    utc = utc_from_tai_array(tai)
    assert utc.dtype == np.int64
    assert utc.tolist() == list(map(utc_from_tai, tai))
    assert tai_from_utc_array(utc).tolist() == list(map(tai_from_utc, utc.tolist()))
    assert utc_from_tai_array(np.array(tai[:6]).reshape(2, 3)).tolist() == utc[:6].reshape(2, 3).tolist()


def test_arrays_keep_no_time_and_nothing() -> None:
    for convert in (tai_from_utc_array, utc_from_tai_array):
        assert convert([NAT, MIDNIGHT])[0] == NAT
        assert convert([]).dtype == np.int64
    assert np.isnan(mjd_from_tai_array([NAT])).all()
    assert tai_from_mjd_array([np.nan]).tolist() == [NAT]


@pytest.mark.parametrize("values", [[1.5e18], ["2025-06-20"], np.array([MIDNIGHT], "datetime64[ns]"), [True]], ids=repr)
def test_arrays_of_anything_but_whole_nanoseconds_are_refused(values: Any) -> None:
    for convert in (tai_from_utc_array, utc_from_tai_array, mjd_from_tai_array):
        with pytest.raises(UsageError, match="whole nanoseconds"):
            convert(values)


def test_arrays_do_not_overflow_unseen() -> None:
    assert tai_from_utc_array([2**63 - 1 - 37 * SECOND]).tolist() == [2**63 - 1]
    with pytest.raises(UsageError, match="2261"):
        tai_from_utc_array([2**63 - 37 * SECOND])
    for mjd in (148_000.0, -70_000.0, np.inf):
        with pytest.raises(UsageError, match="2261"):
            tai_from_mjd_array([mjd])


# -- modified Julian dates


@given(st.integers(-(10**20), 10**20))
def test_day_and_nanoseconds_are_exact(tai: int) -> None:
    day, rest = day_from_tai(tai)
    assert 0 <= rest < DAY
    assert tai_from_day(day, rest) == tai


@given(instants)
def test_mjd_is_the_nearest_float(tai: int) -> None:
    mjd, exact = mjd_from_tai(tai), Fraction(tai, DAY) + 40_587
    assert abs(Fraction(mjd) - exact) == min(
        abs(Fraction(near) - exact) for near in (mjd, np.nextafter(mjd, 0).item(), np.nextafter(mjd, 1e9).item())
    )
    assert mjd_from_tai_array([tai])[0] == pytest.approx(mjd, rel=2**-52, abs=0)


@given(st.floats(40_000, 80_000))
def test_mjd_comes_back(mjd: float) -> None:
    tai = tai_from_mjd(mjd)
    assert tai == round((Fraction(mjd) - 40_587) * DAY)
    assert mjd_from_tai(tai) == mjd
    assert abs(int(tai_from_mjd_array([mjd])[0]) - tai) <= 1


def test_mjd_is_astropys() -> None:
    tai = some_instants()[:500]
    assert mjd_from_tai_array(tai) == pytest.approx(as_astropy(tai).mjd, rel=2**-52, abs=0)
    assert tai_from_mjd(60_846.5) == 1_750_420_800 * SECOND


@pytest.mark.parametrize("mjd", [float("nan"), float("inf"), -1e9, 3e6])
def test_mjd_outside_of_the_calendar_is_refused(mjd: float) -> None:
    with pytest.raises(UsageError, match="modified Julian date"):
        tai_from_mjd(mjd)
