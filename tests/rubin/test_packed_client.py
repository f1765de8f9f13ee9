"""Arrays through the client: every sample at its time, and what cannot be unpacked refused before it is asked for."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta
from fractions import Fraction
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from astropy.time import Time, TimeDelta

from skykey.rubin.connections import get_clients
from skykey.rubin.influx_query import InfluxQueryClient
from skykey.sandbox import Box, running
from skykey.sandbox.influxdb.line_protocol import Point, line
from skykey.tables.table import Table
from skykey.values.errors import SkykeyError, UnknownName, UsageError
from tests.rubin import guests
from tests.rubin.test_selections import BEGIN, SECOND, Influx, asking, in_windows, instant, limits, other

TOPIC = "skykey.samples"
PLACES = 14  # place 10 comes after 9, and not after 1
NEW_YEAR = 1_483_228_800  # 2017-01-01T00:00:00Z; TAI is 37 s ahead then, and 36 s before the leap second
STAMP = "cRIO_timestamp"
# Reports of one second each, across the leap second; when they were written is not when they were measured.
STAMPS = [NEW_YEAR + 34.0, NEW_YEAR + 35.0, NEW_YEAR + 36.0, NEW_YEAR + 37.0, NEW_YEAR + 38.0]
WRITTEN = [(NEW_YEAR - 2 + n) * SECOND + n * 1000 for n in range(5)]
SINCE, UNTIL = instant(WRITTEN[0]), instant(WRITTEN[-1])

Ask = Callable[..., Table]
FACES: dict[str, Ask] = {
    "sync": lambda client, *a, **n: client.select_packed_time_series.table(*a, **n),
    "async": lambda client, *a, **n: asyncio.run(other(client).select_packed_time_series.table(*a, **n)),
}


@pytest.fixture(params=FACES)
def ask(request: pytest.FixtureRequest) -> Ask:
    return FACES[request.param]


def report(number: int) -> dict[str, Any]:
    """Samples that say which they are; one of them is missing, and integers stand beside floats."""
    samples: dict[str, Any] = {f"a{place}": float(number * PLACES + place) for place in range(PLACES)}
    samples |= {f"n{place}": number * PLACES + place for place in range(PLACES)}
    del samples["a0" if number == 0 else "n13"]
    return samples | {STAMP: STAMPS[number], "label": "x", "one": 1.5, "salIndex": number % 2}


def expected(reports: range | list[int]) -> list[tuple[int, float, float | None, int | None]]:
    """Time, times, a, n of each sample: a fourteenth of a second apart."""
    found = []
    for number in reports:
        for place in range(PLACES):
            tai = Fraction(STAMPS[number]) + Fraction(place, PLACES)
            # The leap second and the one behind it have the same numbers.
            utc = tai - (37 if tai >= NEW_YEAR + 37 else 36)
            value = number * PLACES + place
            a = None if (number, place) == (0, 0) else float(value)
            found.append((round(utc * SECOND), float(tai), a, None if number and place == 13 else value))
    return found


def cells(table: Table) -> list[tuple[int, float, float | None, int | None]]:
    data = table.arrow
    times = data.column("time").cast(pa.int64())
    return list(zip(*(each.to_pylist() for each in (times, *map(data.column, ("times", "a", "n")))), strict=True))


def check(table: Table, reports: range | list[int]) -> None:
    wanted = expected(reports)
    found = cells(table)
    assert [row[2:] for row in found] == [row[2:] for row in wanted]
    # A fourteenth is no whole number of nanoseconds.
    assert max(abs(mine[0] - theirs[0]) for mine, theirs in zip(found, wanted, strict=True)) <= 1
    assert [row[1] for row in found] == pytest.approx([row[1] for row in wanted], abs=3e-7)


@pytest.fixture(scope="module")
def box(backend: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    real = () if backend == "sandbox" else (backend,)
    with running(tmp_path_factory.mktemp("sandbox"), real=real) as box:
        points = [Point(TOPIC, {}, report(n), when) for n, when in enumerate(WRITTEN)]
        guests.write(box, "efd", "\n".join(map(line, points)))
        yield box


@pytest.fixture(scope="module")
def efd(box: Box) -> Iterator[InfluxQueryClient]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in box.environment().items():
            patch.setenv(name, value)
        yield get_clients()["efd"]


# -- samples


def test_samples_across_a_leap_second_are_each_at_their_time(efd: InfluxQueryClient, ask: Ask) -> None:
    table = ask(efd, TOPIC, ["a", "n"], SINCE, UNTIL)
    check(table, range(5))
    assert table.arrow.column_names == ["time", "a", "n", "times"]
    assert table.arrow.schema.types == [pa.timestamp("ns", "UTC"), pa.float64(), pa.int64(), pa.float64()]
    assert (table.end.rows, table.end.complete, table.time_scale) == (5 * PLACES, True, "utc")
    frame = efd.select_packed_time_series(TOPIC, "a", SINCE, UNTIL)
    assert list(frame.columns) == ["a", "times"]
    assert str(frame.index.dtype) == "datetime64[ns, UTC]"
    assert frame.attrs["name"] == TOPIC


@pytest.mark.parametrize(
    ("since", "length"),
    [
        (Time("2016-12-31T23:59:59", scale="utc"), timedelta(seconds=2, milliseconds=1)),
        (Time("2016-12-31T23:59:59", scale="utc").tai, TimeDelta(2.001, format="sec")),
        ("2016-12-31T23:59:59Z", pd.Timedelta("2001ms")),
    ],
    ids=["timedelta", "TimeDelta", "Timedelta"],
)
def test_a_length_counts_the_leap_second(efd: InfluxQueryClient, ask: Ask, since: Any, length: Any) -> None:
    """Two seconds and a little from 23:59:59 end in the first second of the year."""
    check(ask(efd, TOPIC, ["a", "n"], since, length), [1, 2])


def test_a_window_is_around_its_middle(efd: InfluxQueryClient, ask: Ask) -> None:
    middle = instant(WRITTEN[3])
    # Its first half has the leap second in it: without it a row more would be there.
    check(ask(efd, TOPIC, ["a", "n"], middle, timedelta(seconds=4.5), is_window=True), [2, 3, 4])
    with pytest.raises(UsageError, match="a window has a length"):
        ask(efd, TOPIC, "a", middle, UNTIL, is_window=True)


def test_one_device_alone_has_its_own_distance_of_samples(efd: InfluxQueryClient, ask: Ask) -> None:
    table = ask(efd, TOPIC, ["n"], SINCE, UNTIL, index=1)
    assert table.arrow.column("n").to_pylist()[:3] == [14, 15, 16]
    times = table.arrow.column("times").to_pylist()
    assert times[1] - times[0] == pytest.approx(2 / PLACES, abs=1e-6)


def test_windows_and_groups_of_fields_change_no_sample(efd: InfluxQueryClient, ask: Ask) -> None:
    """The distance is that of the first two rows of all, not of each part."""
    for changed in ({"MOST_FIELDS": 3}, {"MOST_FIELDS": 100}, {"MOST_FIELDS": 1, "AT_ONCE": 2}):
        with in_windows(of_rows=0.5, **changed):
            check(ask(efd, TOPIC, ["a", "n"], SINCE, UNTIL), range(5))
        with limits(**changed):
            check(ask(efd, TOPIC, ["a", "n"], SINCE, UNTIL), range(5))


def test_no_rows_have_the_columns_and_types_of_rows(efd: InfluxQueryClient, ask: Ask) -> None:
    some, none = (ask(efd, TOPIC, ["n", "a"], *when) for when in ((SINCE, UNTIL), ("1999-01-01", "1999-01-02")))
    assert len(none) == 0
    assert none.arrow.schema.equals(some.arrow.schema)


def test_the_bounds_are_those_of_the_reports(efd: InfluxQueryClient, ask: Ask) -> None:
    one = instant(WRITTEN[2])
    table = ask(efd, TOPIC, "n", one, one)
    assert len(table) == PLACES
    assert len(set(table.arrow.column("time").to_pylist())) == 1  # one report alone has no distance


# -- refused before any row is asked for


def topic() -> Influx:
    row = {"a0": 1.5, "a1": 2.5, "b0": 1.5, "gap0": 1.5, "gap2": 1.5, "one": 1.5, "label": "x", STAMP: 1.5}
    return Influx({BEGIN: row})


REFUSED: dict[str, tuple[dict[str, Any], type[SkykeyError], str]] = {
    "an unknown array": ({"base_fields": "aa"}, UnknownName, "no array 'aa'"),
    "one value": ({"base_fields": "one"}, UnknownName, "one value and not an array"),
    "lengths that differ": ({"base_fields": ["a", "b"]}, UsageError, "a has 2, b has 1"),
    "a place that is missing": ({"base_fields": "gap"}, UsageError, "there is gap2, but no gap1"),
    "nothing": ({"base_fields": []}, UsageError, "no array is asked for"),
    "unknown stamps": ({"ref_timestamp_col": "stamp"}, UnknownName, "no field 'stamp'"),
    "stamps of text": ({"ref_timestamp_col": "label"}, UsageError, "label holds string and not seconds"),
    "the rows' own time": ({"ref_timestamp_col": "time"}, UsageError, "time is that of the reports"),
    "another format": ({"ref_timestamp_fmt": "mjd"}, UsageError, "'mjd'"),
    "another scale": ({"ref_timestamp_scale": "tt"}, UsageError, "'tt'"),
    "another component": ({"index": 3}, UsageError, "no salIndex"),
    "another topic": ({"topic_name": "u"}, UnknownName, "no topic 'u'"),
    "an end before the start": ({"t_end": instant(BEGIN - 1)}, UsageError, "before the start"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_unpacked_is_refused_before_any_row_is_asked_for(ask: Ask, case: str) -> None:
    changed, error, words = REFUSED[case]
    influx = topic()
    with asking(influx) as (client, _):
        question = {"topic_name": "t", "base_fields": "a", "t_start": instant(BEGIN), "t_end": instant(BEGIN + 1)}
        assert len(ask(client, **question)) == 2
        influx.asked.clear()
        with pytest.raises(error, match=words):
            ask(client, **question | changed)
    assert influx.asked == []


def test_an_array_that_came_since_the_schema_was_asked_is_found(ask: Ask) -> None:
    influx = topic()
    with asking(influx) as (client, _):
        client.select_time_series("t", "*", instant(BEGIN), instant(BEGIN))
        influx.schema |= {"new0": "float", "new1": "float"}
        influx.rows[BEGIN] |= {"new0": 7.5, "new1": 8.5}
        table = ask(client, "t", "new", instant(BEGIN), instant(BEGIN))
    assert table.arrow.column("new").to_pylist() == [7.5, 8.5]
