"""One instant is one instant, whatever scale it is written in: the same visits, with some placed to show it.

UTC is 37 seconds behind TAI, which ConsDB counts. The made-up year has visits so near to the bounds of a night that a
client which does not convert finds others; `naive` is such a client, and has to fail.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from astropy.time import Time
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from skykey.rubin.consdb_query import ConsDbFastAPI
from skykey.sandbox import Box, running
from skykey.sandbox.consdb.visits import EDGES

SCALES = ["utc", "tai", "tt", "tdb", "tcg"]
DAY_BEGINS, DAY_ENDS = datetime(2026, 3, 20, 12), datetime(2026, 3, 21, 12)  # noqa: DTZ001 - TAI
BEFORE, FIRST, SOON, LAST, AFTER = (day * 100_000 + number for day, number in EDGES)
MARK = "visit1.img_type = 'engtest'"  # the visits at the edges, and no others


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with running(tmp_path_factory.mktemp("sandbox")) as box:
        yield box


@pytest.fixture(scope="module")
def consdb(box: Box) -> ConsDbFastAPI:
    return ConsDbFastAPI(box.site_url, ("user", box.token))


def instant(tai: datetime, scale: str) -> Time:
    when = Time(tai.isoformat(), format="isot", scale="tai")
    found: Time = getattr(when, scale)
    assert found.scale == scale
    return found


def visits(consdb: ConsDbFastAPI, start: Time, end: Time) -> list[int]:
    found: list[int] = consdb.get_visits("lsstcam", start, end, MARK, augment=False)["visit_id"].tolist()
    return found


def naive(consdb: ConsDbFastAPI, start: Time, end: Time) -> list[int]:
    """As a client that writes down what the Time shows on its own scale."""
    found: list[int] = consdb.query(
        f"select visit_id from cdb_lsstcam.visit1 where {MARK} and obs_start_mjd between {float(start.mjd)!r} and "
        f"{float(end.mjd)!r} order by visit_id"
    )["visit_id"].tolist()
    return found


def test_there_are_visits_within_37_seconds_on_either_side_of_both_bounds() -> None:
    starts = [datetime.fromisoformat(text) for text in EDGES.values()]
    near = [
        [start - bound for start in starts if abs(start - bound).total_seconds() < 37]
        for bound in (DAY_BEGINS, DAY_ENDS)
    ]
    for aside in near:
        assert min(aside) < timedelta() < max(aside) or timedelta() in aside
    assert [len(aside) for aside in near] == [3, 2]


@pytest.mark.parametrize("scale", SCALES)
def test_a_night_is_the_same_visits_in_each_scale(consdb: ConsDbFastAPI, scale: str) -> None:
    bounds = [instant(each, scale) for each in (DAY_BEGINS, DAY_ENDS - timedelta(microseconds=1))]
    assert visits(consdb, *bounds) == [FIRST, SOON, LAST]


def test_whole_rows_are_the_same(consdb: ConsDbFastAPI) -> None:
    expected = consdb.get_visits("lsstcam", instant(DAY_BEGINS, "tai"), instant(DAY_ENDS, "tai"))
    for scale in SCALES:
        assert_frame_equal(consdb.get_visits("lsstcam", instant(DAY_BEGINS, scale), instant(DAY_ENDS, scale)), expected)
    assert len(expected) == 399


def test_without_conversion_the_night_has_others_at_both_ends(consdb: ConsDbFastAPI) -> None:
    bounds = [DAY_BEGINS, DAY_ENDS - timedelta(microseconds=1)]
    assert naive(consdb, *(instant(each, "tai") for each in bounds)) == [FIRST, SOON, LAST]
    assert naive(consdb, *(instant(each, "utc") for each in bounds)) == [BEFORE, FIRST, SOON]
    assert LAST not in naive(consdb, *(instant(each, "utc") for each in bounds))


@settings(max_examples=25)
@given(
    begins=st.sampled_from([DAY_BEGINS, DAY_ENDS]),
    ahead=st.integers(-60_000_000, 60_000_000),
    length=st.one_of(st.integers(0, 60_000_000), st.integers(86_300_000_000, 86_500_000_000)),
)
@example(begins=DAY_BEGINS, ahead=0, length=0)
@example(begins=DAY_BEGINS, ahead=36_500_000, length=86_400_000_000 - 36_500_001)
@example(begins=DAY_ENDS, ahead=-1, length=1)
def test_any_stretch_is_the_same_in_utc_and_in_tai(
    consdb: ConsDbFastAPI, begins: datetime, ahead: int, length: int
) -> None:
    start = begins + timedelta(microseconds=ahead)
    end = start + timedelta(microseconds=length)
    expected = [
        day * 100_000 + number for (day, number), text in EDGES.items() if start <= datetime.fromisoformat(text) <= end
    ]
    found = {scale: visits(consdb, instant(start, scale), instant(end, scale)) for scale in ("utc", "tai")}
    assert found["utc"] == found["tai"] == expected


def test_values_in_a_statement_are_the_same_too(consdb: ConsDbFastAPI) -> None:
    sql = f"select visit_id from cdb_lsstcam.visit1 where obs_start = :when and {MARK}"
    for scale in SCALES:
        assert consdb.query(sql, {"when": instant(DAY_BEGINS, scale)})["visit_id"].tolist() == [FIRST]
