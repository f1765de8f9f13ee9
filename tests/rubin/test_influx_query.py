"""Telemetry, cell by cell: the same tests against the sandbox and, with ``--backend=influxdb``, the real server.

What is expected is computed here from line protocol, by pandas, without any InfluxQL.
"""

import asyncio
import contextlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs

import pandas as pd
import pyarrow as pa
import pytest
from astropy.time import Time, TimeDelta
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from skykey.rubin.connections import Clients, get_clients
from skykey.rubin.influx_query import AsyncInfluxQueryClient, InfluxQueryClient
from skykey.sandbox import Box, running
from skykey.sandbox.influxdb import databases, line_protocol
from skykey.sandbox.influxdb.line_protocol import Point, points
from skykey.values.errors import QueryError, UnknownName, UsageError
from tools import parts

ESS, MOUNT, RECORDED = "lsst.sal.ESS.temperature", "lsst.sal.MTMount.elevation", "lsst.sal.fooSubSys.test"
SUMMARY, ALERTS, SOURCES = "lsst.obsenv.summary", "lsst.scimma.gw_alert", "lsst.prompt.prod.numDiaSourcesGood"
KEYS = {"efd": "efd", "lsst.obsenv": "obsenv", "lsst.prompt": "pp", "lsst.scimma": "too"}
HOME = {SUMMARY: "obsenv", ALERTS: "too", SOURCES: "pp"}

# -- what is there


class Topic:
    """A topic as it was written."""

    def __init__(self, found: list[Point]) -> None:
        self.points = sorted(found, key=lambda point: point.time)
        self.tags = sorted({tag for point in found for tag in point.tags})
        self.types = {name: type(value) for point in found for name, value in point.fields.items()}

    def frame(self, fields: Sequence[str] = ()) -> pd.DataFrame:
        """All rows that have a value in one of these fields, in the dtypes that are promised."""
        chosen = list(fields) or sorted({*self.types, *self.tags})
        rows = [p for p in self.points if any(f in p.fields for f in (fields or self.types))]
        index = pd.DatetimeIndex(pd.to_datetime([p.time for p in rows], utc=True), name="time").as_unit("ns")
        columns = {}
        for name in chosen:
            values = [p.fields.get(name, p.tags.get(name)) for p in rows]
            columns[name] = pd.Series(values, index, DTYPES[self.types.get(name, str)])
        return pd.DataFrame(columns, index)


DTYPES: dict[type, str] = {bool: "boolean", int: "Int64", float: "float64", str: "str"}


@pytest.fixture(scope="module")
def truth() -> dict[str, Topic]:
    found: dict[str, list[Point]] = defaultdict(list)
    for database in databases():
        for batch in line_protocol(database):
            for point in points(batch):
                found[point.measurement].append(point)
    # The recorded topics as the file has them, which nothing of the sandbox has touched.
    for name in [name for name in found if "SubSys" in name]:
        del found[name]
    recorded = Path(__file__).parents[2] / "src" / "skykey" / "sandbox" / "data" / "efd_sample.lp"
    for point in points(recorded.read_text(encoding="utf-8")):
        found[point.measurement].append(point)
    return {name: Topic(each) for name, each in found.items()}


# -- who answers


@contextlib.contextmanager
def meeting(box: Box) -> Iterator[Clients]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in box.environment().items():
            patch.setenv(name, value)
        patch.setenv("SKYKEY_RUBIN_SITES", f"box={box.site_url}")
        yield get_clients()


@pytest.fixture(scope="module")
def box(backend: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    real = () if backend == "sandbox" else (backend,)
    with running(tmp_path_factory.mktemp("sandbox"), real=real) as box:
        for name in real:
            print(f"\n{name} {parts.version(name)}")
        yield box


@pytest.fixture(scope="module")
def clients(box: Box) -> Iterator[Clients]:
    with meeting(box) as clients:
        yield clients


@pytest.fixture
def efd(clients: Clients) -> InfluxQueryClient:
    return clients["efd"]


def home(clients: Clients, topic: str) -> InfluxQueryClient:
    return cast("InfluxQueryClient", cast("dict[str, Any]", clients)[HOME.get(topic, "efd")])


def instant(count: int) -> str:
    return pd.Timestamp(count, tz="UTC").isoformat()


def nanoseconds(frame: pd.DataFrame) -> Any:
    return pd.DatetimeIndex(frame.index).asi8


FIRST, LAST = 1_774_047_180 * 10**9, 1_774_090_020 * 10**9  # the night

# -- ranges, fields, limits


@pytest.mark.parametrize("topic", [ESS, MOUNT, RECORDED, SUMMARY, ALERTS, SOURCES])
def test_a_whole_topic_cell_by_cell(clients: Clients, truth: dict[str, Topic], topic: str) -> None:
    expected = truth[topic].frame()
    client = home(clients, topic)
    frame = client.query(f'SELECT * FROM "{topic}"')
    assert len(frame) > 0
    assert_frame_equal(frame, expected, check_exact=True)
    assert_frame_equal(client.select_time_series(topic, "*", instant(0), instant(2**62)), expected, check_exact=True)
    assert_frame_equal(client.select_time_series(topic, [], instant(0), instant(2**62)), expected, check_exact=True)
    assert str(frame.index.dtype) == "datetime64[ns, UTC]"
    assert (frame.attrs["complete"], frame.attrs["columns_known"]) == (True, True)


def test_dtypes_are_those_of_the_fields_and_not_of_the_values(clients: Clients) -> None:
    temperatures = clients["efd"].select_time_series(ESS, "*", instant(FIRST), instant(FIRST + 10**10))
    assert {str(dtype) for dtype in temperatures.dtypes} == {"Int64", "float64", "str"}
    # One row, in which half is missing, has the same types as all rows.
    for frame in (temperatures.head(0), clients["efd"].query(f'SELECT * FROM "{ESS}" LIMIT 1')):
        assert list(frame.dtypes.items()) == list(temperatures.dtypes.items())
    alerts = clients["too"].query(f'SELECT "significant", "event", "far" FROM "{ALERTS}"')
    assert list(map(str, alerts.dtypes)) == ["boolean", "str", "float64"]
    assert set(alerts["significant"]) == {True, False}


def test_a_column_without_any_value_has_its_fields_type(efd: InfluxQueryClient, truth: dict[str, Topic]) -> None:
    everything = truth[ESS].frame()
    lacking = everything[everything["temperatureItem0"].isna()].index[0]
    one = everything.loc[[lacking]]
    statement = f"SELECT * FROM \"{ESS}\" WHERE time = '{lacking.isoformat().replace('+00:00', 'Z')}'"
    assert_frame_equal(efd.query(statement), one, check_exact=True)
    assert_frame_equal(efd.select_time_series(ESS, "*", lacking, lacking), one, check_exact=True)
    with efd.stream(statement) as rows:
        assert [batch.schema.field("temperatureItem0").type for batch in rows] == [pa.float64()]


def test_bounds_are_inclusive_and_exact_to_the_nanosecond(efd: InfluxQueryClient, truth: dict[str, Topic]) -> None:
    times = nanoseconds(truth[MOUNT].frame())
    first, last = int(times[1000]), int(times[1010])

    def count(since: Any, until: Any) -> int:
        return len(efd.select_time_series(MOUNT, "actualPosition", since, until))

    assert count(instant(first), instant(last)) == 11
    assert count(instant(first + 1), instant(last)) == 10
    assert count(instant(first), instant(last - 1)) == 10
    assert count(instant(first + 1), instant(last - 1)) == 9
    assert count(instant(first - 1), instant(last + 1)) == 11
    with pytest.raises(UsageError, match="before the start"):  # no rows would look as if there were none
        count(instant(last), instant(first))


def test_tai_times_are_converted(efd: InfluxQueryClient, truth: dict[str, Topic]) -> None:
    index = truth[MOUNT].frame().index
    first, last = index[1000], index[1010]

    def as_time(stamp: pd.Timestamp, scale: str) -> Time:
        utc = Time(stamp.isoformat().removesuffix("+00:00"), scale="utc", format="isot")
        return getattr(utc, scale)

    for scale in ("utc", "tai", "tt"):
        frame = efd.select_time_series(MOUNT, ["salIndex"], as_time(first, scale), as_time(last, scale))
        assert frame.index.tolist() == index[1000:1011].tolist(), scale
    # The same digits on another scale are another time: 37 s earlier.
    digits = Time(first.isoformat().removesuffix("+00:00"), scale="tai", format="isot")
    frame = efd.select_time_series(MOUNT, ["salIndex"], digits, digits + TimeDelta(10, format="sec"))
    assert frame.index[0] == index[1000 - 37]


def test_datetimes_are_bounds_too(efd: InfluxQueryClient, truth: dict[str, Topic]) -> None:
    index = truth[MOUNT].frame().index
    frame = efd.select_time_series(MOUNT, ["salIndex"], index[5], index[7].to_pydatetime(warn=False))
    assert frame.index.tolist() == index[5:7].tolist()  # a datetime has microseconds: the last row is after it


def test_fields_come_in_the_order_of_the_question(efd: InfluxQueryClient, truth: dict[str, Topic]) -> None:
    chosen = ["sensorName", "temperatureItem2", "salIndex"]
    frame = efd.select_time_series(ESS, chosen, instant(FIRST), instant(LAST))
    assert_frame_equal(frame, truth[ESS].frame(chosen), check_exact=True)
    one = efd.select_time_series(ESS, "temperatureItem2", instant(FIRST), instant(LAST))
    assert_frame_equal(one, truth[ESS].frame(["temperatureItem2"]), check_exact=True)


def test_time_may_stand_among_the_fields(efd: InfluxQueryClient, truth: dict[str, Topic]) -> None:
    frame = efd.select_time_series(ESS, ["time", "salIndex"], instant(FIRST), instant(LAST))
    assert_frame_equal(frame, truth[ESS].frame(["salIndex"]), check_exact=True)


def test_index_chooses_one_component_and_0_is_one(efd: InfluxQueryClient, truth: dict[str, Topic]) -> None:
    everything = truth[ESS].frame()
    for index in (111, 112):
        frame = efd.select_time_series(ESS, "*", instant(FIRST), instant(LAST), index=index)
        assert_frame_equal(frame, everything[everything["salIndex"] == index], check_exact=True)
    none = efd.select_time_series(ESS, "*", instant(FIRST), instant(LAST), index=0)
    assert len(none) == 0
    assert list(none.dtypes.items()) == list(everything.dtypes.items())
    assert len(efd.select_top_n(MOUNT, "*", 3, index=0)) == 3  # this one's salIndex is 0
    assert len(efd.select_top_n(MOUNT, "*", 3, index=1)) == 0


# -- the latest


def test_the_latest_rows_newest_first(efd: InfluxQueryClient, truth: dict[str, Topic]) -> None:
    everything = truth[MOUNT].frame()
    assert_frame_equal(efd.select_top_n(MOUNT, "*", 5), everything[::-1].head(5), check_exact=True)
    cut = everything.index[1234]
    frame = efd.select_top_n(MOUNT, ["actualPosition"], 3, time_cut=cut)
    assert_frame_equal(frame, everything[["actualPosition"]][1232:1235][::-1], check_exact=True)
    before = efd.select_top_n(MOUNT, ["actualPosition"], 1, time_cut=instant(cut.value - 1))
    assert before.index.tolist() == [everything.index[1233]]


def test_rows_without_a_value_do_not_count_as_latest(efd: InfluxQueryClient, truth: dict[str, Topic]) -> None:
    expected = truth[ESS].frame(["temperatureItem0"])[::-1].head(50)
    assert_frame_equal(efd.select_top_n(ESS, "temperatureItem0", 50), expected, check_exact=True)


def test_the_latest_of_each_series(clients: Clients, truth: dict[str, Topic]) -> None:
    frame = clients["pp"].select_top_n(SOURCES, "*", 2)
    tags = truth[SOURCES].tags
    assert tags == ["band", "detector", "instrument"]
    assert list(frame.columns[:3]) == tags
    everything = truth[SOURCES].frame()
    expected = everything[::-1].groupby(tags, sort=False).head(2)
    assert len(expected) > 2 * 3  # several series, two rows of each
    key = [*tags, "time"]
    assert_frame_equal(
        frame.reset_index().sort_values(key, ignore_index=True),
        expected.reset_index()[["time", *frame.columns]].sort_values(key, ignore_index=True),
        check_exact=True,
    )
    # Within a series newest first.
    assert all(series.index.is_monotonic_decreasing for _, series in frame.groupby(tags))


@pytest.mark.parametrize("num", [0, -1, 1.5])
def test_a_number_of_rows_that_makes_no_sense_is_refused(efd: InfluxQueryClient, num: Any) -> None:
    with pytest.raises(UsageError):
        efd.select_top_n(MOUNT, "*", num)


# -- series, tags


def test_every_series_comes_back_with_its_tags(clients: Clients, truth: dict[str, Topic]) -> None:
    everything = truth[SOURCES].frame()
    grouped = clients["pp"].query(f'SELECT "numDiaSourcesGood" FROM "{SOURCES}" GROUP BY *')
    assert list(grouped.columns) == ["band", "detector", "instrument", "numDiaSourcesGood"]
    expected = everything.sort_values(["band", "detector", "instrument"], kind="stable")[grouped.columns]
    assert_frame_equal(grouped, expected, check_exact=True)
    some = clients["pp"].query(f'SELECT "numDiaSourcesGood" FROM "{SOURCES}" GROUP BY "band"')
    assert list(some.columns) == ["band", "numDiaSourcesGood"]
    assert set(some["band"]) == set(everything["band"])
    assert len(some) == len(everything)


# -- nothing


@pytest.mark.parametrize("topic", [ESS, SUMMARY, ALERTS, SOURCES])
def test_an_empty_answer_has_the_columns_of_a_full_one(clients: Clients, topic: str) -> None:
    client = home(clients, topic)
    full = client.query(f'SELECT * FROM "{topic}" LIMIT 1')
    for empty in (
        client.select_time_series(topic, "*", instant(0), instant(1)),
        client.query(f"SELECT * FROM \"{topic}\" WHERE time < '1999-12-31T00:00:00Z'"),
    ):
        assert len(empty) == 0
        assert list(empty.dtypes.items()) == list(full.dtypes.items())
        assert (empty.index.name, empty.index.dtype) == (full.index.name, full.index.dtype)
        assert (empty.attrs["complete"], empty.attrs["columns_known"]) == (True, True)
    latest, none = client.select_top_n(topic, "*", 1), client.select_top_n(topic, "*", 1, time_cut=instant(1))
    assert len(none) == 0
    assert list(none.dtypes.items()) == list(latest.dtypes.items())


def test_an_empty_answer_says_when_its_columns_are_unknown(clients: Clients) -> None:
    grouped = clients["pp"].query(f'SELECT "visit" FROM "{SOURCES}" WHERE time < 0 GROUP BY "band"')
    nowhere = clients["efd"].query("SELECT * FROM no_such_topic")
    mean = clients["efd"].query(f'SELECT mean("actualPosition") FROM "{MOUNT}" WHERE time < 0')
    for frame in (grouped, nowhere, mean):
        assert frame.shape == (0, 0)
        assert frame.attrs["columns_known"] is False


# -- topics and fields


def test_topics_and_fields(clients: Clients, truth: dict[str, Topic]) -> None:
    listed = [topic for key in KEYS.values() for topic in cast("dict[str, Any]", clients)[key].get_topics()]
    assert sorted(listed) == sorted(truth)
    written = {bool: "boolean", int: "integer", float: "float", str: "string"}
    for topic, known in truth.items():
        fields = home(clients, topic).get_fields(topic)
        assert list(fields.columns) == ["fieldKey", "fieldType"]
        assert dict(fields.to_numpy().tolist()) == {name: written[kind] for name, kind in known.types.items()}


def test_an_unknown_topic_or_field_is_an_error_with_a_suggestion(efd: InfluxQueryClient) -> None:
    anything = (instant(FIRST), instant(LAST))
    asked: list[Callable[[], object]] = [
        lambda: efd.select_time_series("lsst.sal.MTMount.elevatoin", "*", *anything),
        lambda: efd.select_top_n("lsst.sal.MTMount.elevatoin", "*", 1),
        lambda: efd.get_fields("lsst.sal.MTMount.elevatoin"),
    ]
    for ask in asked:
        with pytest.raises(UnknownName, match=f"did you mean {MOUNT}") as caught:
            ask()
        assert isinstance(caught.value, KeyError)
    with pytest.raises(KeyError, match=r"no field 'actualPositon'(?s:.*)did you mean actualPosition"):
        efd.select_time_series(MOUNT, ["salIndex", "actualPositon"], *anything)
    with pytest.raises(UnknownName, match="skykey rubin fields"):
        efd.select_top_n(MOUNT, "xyzzy", 1)


# -- refusals


def test_the_servers_words_for_a_statement_that_it_refuses(efd: InfluxQueryClient) -> None:
    with pytest.raises(QueryError) as caught:
        efd.query("SELEC foo")
    assert "error parsing query: found SELEC, expected" in str(caught.value)
    assert caught.value.status == 400
    with pytest.raises(QueryError, match=r"yesterday|invalid|time"):
        efd.query(f"SELECT * FROM \"{MOUNT}\" WHERE time > 'yesterday'")


def test_several_statements_are_refused(efd: InfluxQueryClient) -> None:
    for statements in (
        f'SELECT * FROM "{ESS}" LIMIT 1; SELECT * FROM "{MOUNT}" LIMIT 1',
        f'SELECT * FROM "{ESS}" WHERE time < 0; SELECT * FROM "{MOUNT}" LIMIT 1',
        "SHOW MEASUREMENTS; SHOW MEASUREMENTS",
    ):
        with pytest.raises(QueryError, match="several statements"):
            efd.query(statements)
    assert len(efd.query(f'SELECT * FROM "{ESS}" LIMIT 1;')) == 1


@pytest.mark.parametrize("statement", ["", " \n", None])
def test_an_empty_statement_makes_no_request(efd: InfluxQueryClient, box: Box, statement: Any) -> None:
    efd.get_topics()
    box.controls.forget()
    with pytest.raises(UsageError, match="empty"):
        efd.query(statement)
    assert box.controls.requests() == []


# -- how it is asked


def test_a_long_statement_goes_into_the_body(efd: InfluxQueryClient, box: Box, backend: str) -> None:
    conditions = " AND ".join(f"salIndex <> {1000 + n}" for n in range(300))
    statement = f'SELECT "salIndex" FROM "{MOUNT}" WHERE {conditions} LIMIT 3'
    assert len(statement) > 6_000
    box.controls.forget()
    assert len(efd.query(statement)) == 3
    if backend == "sandbox":
        (seen,) = box.controls.requests("influxdb")
        assert (seen.method, seen.query) == ("POST", "")


def test_who_asks_is_said_in_front_of_the_statement(efd: InfluxQueryClient, box: Box, backend: str) -> None:
    client = InfluxQueryClient("usdf", repertoire_site="box", auth=("user", box.token), id_tag="**// night */ watch /*")
    box.controls.forget()
    frame = client.query(f'/* mine */ SELECT "salIndex" FROM "{MOUNT}" LIMIT 1 /* really */')
    assert len(frame) == 1
    assert client.last_query.startswith("/* source: // night / watch / via skykey */ /* mine */ SELECT")
    if backend == "sandbox":
        asked = parse_qs(box.controls.requests("influxdb")[-1].query)
        assert asked["q"] == [client.last_query]
        assert (asked["db"], asked["epoch"], asked["chunked"]) == (["efd"], ["ns"], ["true"])


def test_a_name_of_a_retention_policy_may_stand_before_the_topic(efd: InfluxQueryClient) -> None:
    frame = efd.query(f'SELECT "salIndex" FROM "efd"."autogen"."{MOUNT}" LIMIT 2')
    assert len(frame) == 2
    assert list(efd.query(f'SELECT "salIndex" FROM "efd"."autogen"."{MOUNT}" WHERE time < 0').dtypes.items()) == list(
        frame.dtypes.items()
    )


# -- the faces


def test_all_faces_give_equal_frames(efd: InfluxQueryClient, box: Box) -> None:
    statement = f'SELECT * FROM "{ESS}" LIMIT 2500'
    bounds = (instant(FIRST), instant(FIRST + 3600 * 10**9))
    other = AsyncInfluxQueryClient("usdf", repertoire_site="box", auth=("user", box.token))

    async def asked() -> list[list[Any]]:
        twins = [
            efd.async_query(statement),
            efd.async_get_fields(ESS),
            efd.async_select_time_series(ESS, "*", *bounds, index=111),
            efd.async_select_top_n(ESS, "*", 7),
        ]
        others = [
            other.query(statement),
            other.get_fields(ESS),
            other.select_time_series(ESS, "*", *bounds, index=111),
            other.select_top_n(ESS, "*", 7),
        ]
        return [await asyncio.gather(*twins), await asyncio.gather(*others)]

    blocking = [
        efd.query(statement),
        efd.get_fields(ESS),
        efd.select_time_series(ESS, "*", *bounds, index=111),
        efd.select_top_n(ESS, "*", 7),
    ]
    assert [len(frame) for frame in blocking] == [2500, 7, 360, 7]
    for _ in range(2):  # a second event loop
        for frames in asyncio.run(asked()):
            for mine, theirs in zip(blocking, frames, strict=True):
                assert_frame_equal(mine, theirs, check_exact=True)
                assert mine.attrs == theirs.attrs

    assert asyncio.run(other.get_topics()) == efd.get_topics()


def test_a_stream_has_the_same_rows_in_batches(efd: InfluxQueryClient, box: Box) -> None:
    statement = f'SELECT * FROM "{ESS}" LIMIT 2500'
    table = efd.query.table(statement)
    with efd.stream(statement) as rows:
        batches = list(rows)
    assert [batch.num_rows for batch in batches] == [1000, 1000, 500]
    assert pa.concat_tables(batches).to_pylist() == table.arrow.to_pylist()
    assert batches[0].schema.types == table.arrow.schema.types
    assert rows.end == table.end
    other = AsyncInfluxQueryClient("usdf", repertoire_site="box", auth=("user", box.token))

    async def asked() -> list[Any]:
        async with other.stream(statement) as rows:
            return [batch async for batch in rows]

    assert [batch.to_pylist() for batch in asyncio.run(asked())] == [batch.to_pylist() for batch in batches]
    with efd.stream(f'SELECT * FROM "{ESS}" WHERE time < 0') as rows:
        (empty,) = rows
    assert (empty.num_rows, empty.schema.names, empty.schema.types) == (
        0,
        table.arrow.schema.names,
        table.arrow.schema.types,
    )


# -- anything


@st.composite
def questions(draw: st.DrawFn) -> tuple[str, list[str], int, int, int | None, int | None]:
    topic = draw(st.sampled_from([ESS, RECORDED, SUMMARY, ALERTS, MOUNT]))
    fields = {
        ESS: ["temperatureItem0", "temperatureItem3", "sensorName", "salIndex", "numChannels"],
        RECORDED: ["foo", "bar", "tstamp", "egg3", "cRIO_timestamp"],
        SUMMARY: ["branch_is_clean", "commits_ahead", "obsenv_version"],
        ALERTS: ["significant", "far", "event", "instruments"],
        MOUNT: ["actualPosition", "demandVelocity", "salIndex"],
    }[topic]
    chosen = draw(st.lists(st.sampled_from(fields), unique=True))
    begin, end = (1_580_252_655, 600) if topic == RECORDED else (FIRST // 10**9, 42_840)
    since = begin * 10**9 + draw(st.integers(-(10**9), end * 10**9))
    width = draw(st.one_of(st.integers(0, 20 * 10**9), st.integers(0, end * 10**9)))
    latest = draw(st.one_of(st.none(), st.integers(1, 3000)))
    index = draw(st.sampled_from([None, None, 0, 111, 112])) if topic in {ESS, MOUNT} else None
    return topic, chosen, since, since + width, latest, index


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(questions(), st.booleans())
def test_random_questions(
    clients: Clients,
    truth: dict[str, Topic],
    question: tuple[str, list[str], int, int, int | None, int | None],
    snap: bool,
) -> None:
    topic, fields, since, until, latest, index = question
    expected = truth[topic].frame(fields)
    if snap and len(expected):  # bounds that a row has: there the nanosecond counts
        times = nanoseconds(expected)
        since = int(times[min(times.searchsorted(since), len(times) - 1)])
        until = max(since, int(times[max(times.searchsorted(until) - 1, 0)]))
    if index is not None:
        everything = truth[topic].frame()
        expected = expected[expected.index.isin(everything.index[everything["salIndex"] == index])]
    client = home(clients, topic)
    if latest is None:
        frame = client.select_time_series(topic, fields, instant(since), instant(until), index)
        times = nanoseconds(expected)
        expected = expected[(times >= since) & (times <= until)]
    else:
        frame = client.select_top_n(topic, fields, latest, instant(until), index)
        expected = expected[nanoseconds(expected) <= until][::-1].head(latest)
    assert_frame_equal(frame, expected, check_exact=True)


def test_attrs_can_be_written_as_json(efd: InfluxQueryClient) -> None:
    frame = efd.select_top_n(MOUNT, "*", 1)
    assert json.loads(json.dumps(frame.attrs))["name"] == MOUNT
