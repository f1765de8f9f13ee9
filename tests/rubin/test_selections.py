"""A question in parts: the very table of one statement, and never more at once than was said.

Tests that take `box` run against the sandbox and, with ``--backend=influxdb``, the real server. The others ask a server
that answers from a list of rows and does to a statement whatever the test says.
"""

import asyncio
import contextlib
import gc
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import msgpack
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import skykey
from skykey.calls import windows
from skykey.rubin import selections, topic_parts
from skykey.rubin.connections import get_clients
from skykey.rubin.influx_query import AsyncInfluxQueryClient, InfluxQueryClient
from skykey.rubin.topic_parts import Selection
from skykey.sandbox import Box, running
from skykey.sandbox.influxdb import influxql as servers  # reads statements, written independently
from skykey.sandbox.influxdb.line_protocol import Point, line
from skykey.tables.end import End
from skykey.tables.table import Table
from skykey.values.errors import (
    Forbidden,
    LimitExceeded,
    Overloaded,
    QueryError,
    TimedOut,
    UnknownName,
    Unreadable,
    UsageError,
)
from skykey.values.progress import Progress, watched
from tests.rubin import guests
from tests.tables.test_rows import MSGPACK, client_at
from tests.wire.server import Answer, Seen, Server, chunk, reply, serving

SECOND = 10**9
BEGIN = 1_774_000_000 * SECOND
TYPES = {float: "float", int: "integer", str: "string", bool: "boolean"}
LIMITS = {
    "_MOST_CELLS": topic_parts,
    "_FASTEST": topic_parts,
    "_SAMPLE": topic_parts,
    "_MOST_FIELDS": topic_parts,
    "_AT_ONCE": selections,
}

# -- the limits, made tiny


@contextlib.contextmanager
def limits(*, most_windows: int = 12, **changed: float) -> Iterator[None]:
    """Other limits of one statement than those of the modules."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(windows, "_MOST_WINDOWS", most_windows)
        for name, value in changed.items():
            patch.setattr(LIMITS[f"_{name}"], f"_{name}", value)
        yield


@contextlib.contextmanager
def in_windows(of_rows: float, *, most_windows: int = 12, **changed: float) -> Iterator[None]:
    """Every range is sampled, and cut into windows of about so many rows of one field."""
    tiny: dict[str, float] = {"MOST_CELLS": of_rows * 2, "FASTEST": 1e15, "SAMPLE": 2} | changed
    with limits(most_windows=most_windows, **tiny):
        yield


# -- both faces, and both ways to ask

Way = Callable[..., Table]


def other(client: InfluxQueryClient) -> AsyncInfluxQueryClient:
    made = AsyncInfluxQueryClient.__new__(AsyncInfluxQueryClient)
    made.__dict__.update(client.__dict__)
    return made


def of(batches: Sequence[Any], end: End) -> Table:
    return Table(pa.concat_tables(batches), end)


def streamed(client: InfluxQueryClient, *arguments: Any, **named: Any) -> Table:
    with client.stream_time_series(*arguments, **named) as rows:
        batches = list(rows)
    return of(batches, rows.end)


async def streamed_async(client: InfluxQueryClient, *arguments: Any, **named: Any) -> Table:
    async with other(client).stream_time_series(*arguments, **named) as rows:
        batches = [batch async for batch in rows]
    return of(batches, rows.end)


WAYS: dict[str, Way] = {
    "select": lambda client, *a, **n: client.select_time_series.table(*a, **n),
    "select, async": lambda client, *a, **n: asyncio.run(other(client).select_time_series.table(*a, **n)),
    "stream": streamed,
    "stream, async": lambda client, *a, **n: asyncio.run(streamed_async(client, *a, **n)),
}
SELECTS = [WAYS["select"], WAYS["select, async"]]


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Way:
    return WAYS[request.param]


def rows_of(table: Any) -> list[dict[str, Any]]:
    """As text, because -0.0 equals 0.0, and True equals 1; times as they are counted."""
    data = table.arrow if isinstance(table, Table) else table
    counts = data.column("time").cast(pa.int64()).to_pylist()
    cells = data.drop_columns(["time"]).to_pylist()
    return [
        {"time": count} | {name: repr(cell) for name, cell in row.items()}
        for count, row in zip(counts, cells, strict=True)
    ]


def instant(count: int) -> str:
    return pd.Timestamp(count, tz="UTC").isoformat()


def leftover() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "skykey-gather"]


# -- a server of a list of rows

Hook = Callable[[servers.Select, tuple[int, int]], Answer]


class Influx:
    """Answers SHOW … KEYS and SELECT from rows; `hook` may answer first, with something else."""

    def __init__(
        self, rows: dict[int, dict[str, Any]], *, tags: Sequence[str] = (), schema: dict[str, str] | None = None
    ) -> None:
        self.rows = dict(sorted(rows.items()))
        self.tags = tuple(tags)
        written = {name: TYPES[type(value)] for row in rows.values() for name, value in row.items()}
        self.schema = schema or {name: kind for name, kind in sorted(written.items()) if name not in tags}
        self.hook: Hook = lambda *_: b""
        self.delay = 0.0
        self.asked: list[tuple[int, int]] = []
        self.selects: list[servers.Select] = []
        self.listed = 0
        self.under_way = self.most = 0
        self.full = threading.Event()  # as many are under way as there may be
        self._lock = threading.Lock()

    def __call__(self, seen: Seen) -> Answer:
        form = seen.body.decode() if seen.method == "POST" else seen.target.partition("?")[2]
        (statement,) = servers.parse(parse_qs(form)["q"][0])
        if isinstance(statement, servers.Show):
            self.listed += 1
            if statement.topic == "measurements":
                return documents(["name"], [["t"]])
            if statement.source is not None and statement.source.measurement != "t":
                return documents(["fieldKey"], [])
            if statement.topic == "tag keys":
                return documents(["tagKey"], [[tag] for tag in self.tags])
            return documents(["fieldKey", "fieldType"], [list(pair) for pair in self.schema.items()])
        with self._lock:
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            if self.most == 4:
                self.full.set()
        try:
            return self._select(statement)
        finally:
            with self._lock:
                self.under_way -= 1

    def _select(self, statement: servers.Select) -> Answer:
        window = self.window(statement)
        self.asked.append(window)
        self.selects.append(statement)
        if self.delay:
            time.sleep(self.delay)
        instead = self.hook(statement, window)
        if instead is None or instead:
            return instead
        star = statement.columns == (servers.Star.STAR,)
        chosen = sorted({*self.schema, *self.tags}) if star else [str(item) for item in statement.columns]
        found = [
            [when, *(row.get(name) for name in chosen)]
            for when, row in self.rows.items()
            if window[0] <= when <= window[1] and any(row.get(name) is not None for name in chosen)
        ]
        if statement.descending:
            found.reverse()
        return documents(["time", *chosen], found[: statement.limit or None])

    @staticmethod
    def window(statement: servers.Select) -> tuple[int, int]:
        bounds = {each.operator: pd.Timestamp(each.value).value for each in statement.where if each.column == "time"}  # type: ignore[arg-type]
        return bounds.get(">=", -(2**63)), bounds.get("<=", 2**63 - 1)


def documents(columns: list[str], rows: list[list[Any]]) -> bytes:
    result: dict[str, Any] = {"statement_id": 0}
    if rows:
        result["series"] = [{"name": "t", "columns": columns, "values": rows}]
    return packed({"results": [result]})


def packed(document: Any, status: int = 200) -> bytes:
    return reply(status, msgpack.packb(document), Content_Type=MSGPACK)


KILLED = packed({"results": [{"statement_id": 0, "error": "query-timeout limit exceeded"}]})
STOPPED: dict[str, bytes] = {
    "killed by its time limit": KILLED,
    "too many points": packed({"results": [{"statement_id": 0, "error": "max-select-point limit exceeed: (11/10)"}]}),
    "504 of a gateway": reply(504, "<html>", Content_Type="text/html"),
}


@contextlib.contextmanager
def asking(influx: Influx) -> Iterator[tuple[InfluxQueryClient, Server]]:
    with serving(influx) as server:
        yield client_at(server.url), server


def regular(count: int, *, step: int = SECOND, fields: int = 1) -> Influx:
    return Influx({BEGIN + n * step: {f"f{at}": float(n * fields + at) for at in range(fields)} for n in range(count)})


def last(count: int, step: int = SECOND) -> str:
    return instant(BEGIN + (count - 1) * step)


# -- the backend, with topics of our own

WIDE, EDGES, INDEXED, GREW, TAGGED = (f"skykey.parts.{name}" for name in ("wide", "edges", "indexed", "grew", "tagged"))
WIDTH = 350
EDGE = 7 * SECOND + 3  # no window's length, so that they drift over the rows
OLD = 1_580_000_000 * SECOND  # years, and so many shards, before


def wide_row(number: int) -> dict[str, Any]:
    """Of each hundred fields another part is missing in each row, and in some rows whole groups are."""
    kinds: list[Callable[[int], Any]] = [float, int, str, lambda value: value % 3 == 0]
    return {
        f"w{at}": kinds[at % 4](number * WIDTH + at)
        for at in range(WIDTH)
        if (at + number) % 3 and (at // 100) not in {number % 7, number % 5}
    }


def written() -> dict[str, list[Point]]:
    edges = sorted(
        {BEGIN + k * EDGE + d for k in range(40) for d in (-1, 0, 1)} | {BEGIN + n * SECOND for n in range(60)}
    )
    wide = [Point(WIDE, {}, row, BEGIN + n * SECOND // 3) for n in range(60) if (row := wide_row(n))]
    grew = [Point(GREW, {}, {"a": 1.5}, OLD), Point(GREW, {}, {"a": 2.5, "b": True}, BEGIN)]
    return {
        EDGES: [Point(EDGES, {}, {"n": n}, when) for n, when in enumerate(edges)],
        WIDE: wide,
        INDEXED: [Point(INDEXED, {}, {"salIndex": n % 3, "v": float(n)}, BEGIN + n * SECOND) for n in range(30)],
        GREW: grew,
        TAGGED: [
            Point(TAGGED, {"band": band}, {"x": float(n), "y": n, **({"z": "s"} if n % 2 else {})}, BEGIN + n * SECOND)
            for n in range(20)
            for band in "gri"
        ],
    }


@pytest.fixture(scope="module")
def box(backend: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    real = () if backend == "sandbox" else (backend,)
    with running(tmp_path_factory.mktemp("sandbox"), real=real) as box:
        for topic, found in written().items():
            if real or topic != GREW:  # the sandbox has no weeks
                guests.write(box, "efd", "\n".join(map(line, found)))
        yield box


@pytest.fixture(scope="module")
def efd(box: Box) -> Iterator[InfluxQueryClient]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in box.environment().items():
            patch.setenv(name, value)
        yield get_clients()["efd"]


def expected(topic: str, fields: Sequence[str] = ()) -> list[dict[str, Any]]:
    found = sorted(written()[topic], key=lambda point: point.time)
    names = list(fields) or sorted({name for point in found for name in point.fields})
    return [
        {"time": point.time} | {name: repr(point.fields.get(name)) for name in names}
        for point in found
        if any(name in point.fields for name in names)
    ]


FIELDS = {
    "lsst.sal.ESS.temperature": ["temperatureItem0", "temperatureItem3", "sensorName", "salIndex", "numChannels"],
    "lsst.sal.MTMount.elevation": ["actualPosition", "demandVelocity", "salIndex"],
    "lsst.sal.fooSubSys.test": ["foo", "bar", "tstamp", "egg3"],
    WIDE: ["w0", "w1", "w100", "w101", "w202", "w303", "w349"],
    EDGES: ["n"],
    TAGGED: ["x", "y", "z", "band"],
}
STARTS = {"lsst.sal.fooSubSys.test": (1_580_252_655, 600)} | dict.fromkeys((WIDE, EDGES, TAGGED), (BEGIN // SECOND, 60))


@st.composite
def questions(draw: st.DrawFn) -> tuple[str, list[str], int, int]:
    topic = draw(st.sampled_from(sorted(FIELDS)))
    # A field may be asked for twice, and the time among them.
    chosen = draw(st.lists(st.sampled_from([*FIELDS[topic], "time"]), max_size=5))
    chosen = chosen if set(chosen) - {"time", "band"} else []
    first, length = STARTS.get(topic, (1_774_047_180, 3600))
    since = first * SECOND + draw(st.one_of(st.integers(-5 * SECOND, length * SECOND), st.integers(-3, 3)))
    return topic, chosen, since, since + draw(st.integers(0, length * SECOND))


TINY = st.fixed_dictionaries(
    {
        "MOST_CELLS": st.sampled_from([1, 7, 60, 1000, 30_000]),
        "FASTEST": st.sampled_from([50.0, 1e15]),
        "SAMPLE": st.sampled_from([1, 2, 5, 40]),
        "MOST_FIELDS": st.sampled_from([1, 2, 3, 100]),
        "AT_ONCE": st.integers(1, 5),
    }
)
SLOW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@SLOW
@given(questions(), TINY, st.sampled_from(sorted(WAYS)))
def test_parts_give_the_very_table_of_one_statement(
    efd: InfluxQueryClient, question: tuple[str, list[str], int, int], tiny: dict[str, float], how: str
) -> None:
    topic, fields, since, until = question
    whole = efd.query.table(Selection.of(topic, fields).within(windows.Window(since, until)))
    with limits(**tiny):
        table = WAYS[how](efd, topic, fields, instant(since), instant(until))
    # Batches say which topic they are of, as those of all streams do.
    said = {b"series": topic.encode()} if b"series" in (table.arrow.schema.metadata or {}) else {}
    promised = whole.arrow.schema.with_metadata({**whole.arrow.schema.metadata, **said})
    assert table.arrow.schema.equals(promised, check_metadata=True)
    assert rows_of(table) == rows_of(whole)
    assert table.end == whole.end


def test_what_is_said_about_the_table_is_that_of_one_statement(efd: InfluxQueryClient) -> None:
    question = (EDGES, "*", instant(BEGIN), instant(BEGIN + 60 * SECOND))
    whole = efd.select_time_series(*question)
    with in_windows(of_rows=10):
        parts = efd.select_time_series(*question)
    assert len(whole) > 80
    assert parts.attrs == whole.attrs
    assert parts.attrs["query"].count("time") == 2  # of the whole range
    pd.testing.assert_frame_equal(parts, whole, check_exact=True)


# -- edges


@pytest.mark.parametrize("rows", [1, 3, 20])
def test_rows_at_the_edges_of_windows_are_neither_lost_nor_doubled(efd: InfluxQueryClient, way: Way, rows: int) -> None:
    for first in (BEGIN - 1, BEGIN, BEGIN + 1):
        with in_windows(of_rows=rows, most_windows=80):
            table = way(efd, EDGES, "n", instant(first), instant(BEGIN + 290 * SECOND))
        assert rows_of(table) == [row for row in expected(EDGES) if row["time"] >= first]


def test_windows_ask_for_each_nanosecond_once(way: Way) -> None:
    influx = regular(40)
    with asking(influx) as (client, _), in_windows(of_rows=3):
        way(client, "t", "*", instant(BEGIN + 1), last(40))
    assert influx.selects[0].limit == 2  # the sample
    asked = sorted(influx.asked[1:])
    # The sample has shown that nothing is before its first row.
    assert (asked[0][0], asked[-1][1]) == (BEGIN + SECOND, BEGIN + 39 * SECOND)
    assert len(asked) == 10
    assert all(before[1] + 1 == after[0] for before, after in itertools.pairwise(asked))
    assert all((end - begin + 1) % SECOND == 0 for begin, end in asked[:-1])


def test_a_topic_that_is_younger_than_the_range_is_not_asked_in_one_window(way: Way) -> None:
    """All its rows would be in the last one, and be too much."""
    influx = regular(40)
    with asking(influx) as (client, _), in_windows(of_rows=3):
        table = way(client, "t", "*", instant(BEGIN - 10**9 * SECOND), last(40))
    assert len(table) == 40
    held = [sum(begin <= when <= end for when in influx.rows) for begin, end in influx.asked[1:]]
    assert sum(held) == 40
    assert max(held) <= 6


def test_rows_before_those_of_the_first_group_are_not_left_out(way: Way) -> None:
    rows: dict[int, dict[str, Any]] = {BEGIN + n * SECOND: {"b": float(n)} for n in range(5)}
    rows |= {BEGIN + n * SECOND: {"a": float(n)} for n in range(5, 40)}
    influx = Influx(rows, schema={"a": "float", "b": "float"})
    with asking(influx) as (client, _), in_windows(of_rows=3, MOST_FIELDS=1):
        table = way(client, "t", ["a", "b"], instant(BEGIN), last(40))
    assert table.arrow.column("b").to_pylist() == [0.0, 1.0, 2.0, 3.0, 4.0, *[None] * 35]


# -- how much is asked


@pytest.mark.parametrize("count", [0, 1, 999])
def test_a_sparse_topic_is_asked_once(way: Way, count: int) -> None:
    """A year would be too much at 50 Hz; what it has is all in the first answer."""
    influx = Influx({BEGIN + n * 3600 * SECOND: {"x": float(n)} for n in range(count)}, schema={"x": "float"})
    with asking(influx) as (client, _):
        table = way(client, "t", "*", instant(BEGIN), instant(BEGIN + 365 * 86_400 * SECOND))
    assert rows_of(table) == [{"time": when} | {"x": repr(row["x"])} for when, row in influx.rows.items()]
    assert table.arrow.schema.types == [pa.timestamp("ns", "UTC"), pa.float64()]
    assert table.end == End(complete=True, rows=count)
    assert len(influx.asked) == 1


def test_a_sample_that_is_not_all_is_not_taken_for_it(way: Way) -> None:
    influx = Influx({BEGIN + n * 3600 * SECOND: {"x": float(n)} for n in range(1000)})
    with asking(influx) as (client, _):
        table = way(client, "t", "*", instant(BEGIN), instant(BEGIN + 365 * 86_400 * SECOND))
    assert len(table) == 1000
    assert len(influx.asked) == 2


def test_a_short_range_is_asked_once(way: Way) -> None:
    influx = regular(100)
    with asking(influx) as (client, _):
        assert len(way(client, "t", ["f0", "f0"], instant(BEGIN), last(100))) == 100
    assert (len(influx.asked), influx.listed) == (1, 2)


def test_bursts_do_not_make_more_windows_than_there_may_be() -> None:
    """A thousand rows within a microsecond, and then nothing for years."""
    influx = Influx({BEGIN + n: {"x": float(n)} for n in range(1000)})
    with asking(influx) as (client, _):
        table = client.select_time_series("t", "*", instant(BEGIN), instant(BEGIN + 1000 * 86_400 * SECOND))
    assert len(table) == 1000
    assert len(influx.asked) <= 1001


@pytest.mark.parametrize("at_once", [1, 2, 4])
def test_no_more_statements_are_under_way_than_was_said(way: Way, at_once: int) -> None:
    narrow, wide = regular(24), regular(4, fields=9)
    cases: list[tuple[Influx, int, dict[str, int]]] = [(narrow, 12, {}), (wide, 3, {"MOST_FIELDS": 1})]
    for influx, windows_, more in cases:
        influx.delay = 0.02
        with asking(influx) as (client, _), in_windows(of_rows=2, most_windows=windows_, AT_ONCE=at_once, **more):
            way(client, "t", "*", instant(BEGIN), last(24))
        assert min(at_once, 2) <= influx.most <= at_once
        assert len(influx.asked) > 9
    # Groups of one window, and windows that are halved.
    wide = regular(4, fields=9)
    wide.delay = 0.02

    def too_much(statement: servers.Select, window: tuple[int, int]) -> Answer:
        if "f0" not in statement.columns or window[1] - window[0] <= SECOND:
            return b""
        time.sleep(0.4)  # the other groups are done: a server needs a moment to see that somebody has gone
        return KILLED

    wide.hook = too_much
    with asking(wide) as (client, _), limits(MOST_FIELDS=1, AT_ONCE=at_once):
        assert len(way(client, "t", "*", instant(BEGIN), last(4))) == 4
    assert min(at_once, 2) <= wide.most <= at_once


# -- wide topics


@pytest.mark.parametrize("group", [17, 99, 100, 349, 350])
def test_a_wide_topic_has_every_value_whatever_the_groups(efd: InfluxQueryClient, way: Way, group: int) -> None:
    with limits(MOST_FIELDS=group):
        table = way(efd, WIDE, "*", instant(BEGIN), instant(BEGIN + 60 * SECOND))
    found = expected(WIDE)
    assert len(found) > 20
    assert table.arrow.column_names == list(found[0])
    assert rows_of(table) == found


def test_a_wide_topic_keeps_the_order_and_doubles_of_the_question(efd: InfluxQueryClient, way: Way) -> None:
    asked = [f"w{at}" for at in range(WIDTH - 1, -1, -1)] + ["w5", "w5"]
    table = way(efd, WIDE, asked, instant(BEGIN), instant(BEGIN + 60 * SECOND))
    assert table.arrow.column_names == ["time", *asked[:WIDTH], "w5_1", "w5_2"]
    assert [{k: row[k] for k in asked[:WIDTH]} for row in rows_of(table)] == [
        {k: row[k] for k in asked[:WIDTH]} for row in expected(WIDE)
    ]
    assert table.arrow.column("w5_2").equals(table.arrow.column("w5"))


@pytest.mark.parametrize("number", [1, 2, 10, 1000])
def test_the_latest_rows_of_a_wide_topic(efd: InfluxQueryClient, number: int) -> None:
    newest = expected(WIDE)[::-1]
    for table in (
        efd.select_top_n.table(WIDE, "*", number),
        asyncio.run(other(efd).select_top_n.table(WIDE, "*", number)),
    ):
        assert rows_of(table) == newest[:number]
        assert table.truncated == (number <= len(newest))
    cut = newest[3]["time"]
    assert rows_of(efd.select_top_n.table(WIDE, "*", 5, instant(cut)))[0]["time"] == cut
    assert rows_of(efd.select_top_n.table(WIDE, "*", 1, instant(cut - 1))) == [newest[4]]


def test_a_wide_topic_in_windows_and_groups(efd: InfluxQueryClient, way: Way) -> None:
    with in_windows(of_rows=300):
        table = way(efd, WIDE, "*", instant(BEGIN), instant(BEGIN + 60 * SECOND))
    assert rows_of(table) == expected(WIDE)


def test_a_tagged_topic_is_not_asked_in_groups(efd: InfluxQueryClient, way: Way) -> None:
    """Its times have several rows: nothing would say which of one group belongs to which of another."""
    question = (TAGGED, "*", instant(BEGIN), instant(BEGIN + 60 * SECOND))
    whole = way(efd, *question)
    assert len(whole) == 60
    with limits(MOST_FIELDS=1):
        assert rows_of(way(efd, *question)) == rows_of(whole)
        latest = efd.select_top_n.table(TAGGED, "*", 2)
        assert latest.arrow.column_names == ["time", "band", "x", "y", "z"]
        assert latest.arrow.column("x").to_pylist() == [19.0, 18.0] * 3
    influx = Influx({BEGIN: {"x": 1.5, "y": 2, "band": "r"}}, tags=["band"])
    with asking(influx) as (client, _), limits(MOST_FIELDS=1):
        assert len(way(client, "t", "*", instant(BEGIN), last(1))) == 1
    assert len(influx.asked) == 1


def test_rows_of_all_series_together_do_not_make_a_series_look_cut(efd: InfluxQueryClient) -> None:
    assert len(efd.select_top_n(TAGGED, "*", 20)) == 60
    assert efd.select_top_n(TAGGED, "*", 20).attrs["truncated"] is True
    assert len(efd.select_top_n(TAGGED, "*", 30)) == 60
    assert efd.select_top_n(TAGGED, "*", 30).attrs["truncated"] is False
    assert efd.select_top_n(EDGES, "*", 10).attrs["cut_by"] == "the number of rows that was asked for"


# -- columns


@pytest.fixture
def grown(efd: InfluxQueryClient, backend: str) -> Iterator[tuple[InfluxQueryClient, str]]:
    """A topic that has got another field: for * 1.6.7 looks at the weeks of the range only, and leaves it out there."""
    if backend == "influxdb":
        yield efd, GREW
        return
    influx = Influx({point.time: point.fields for point in written()[GREW]})
    influx.hook = lambda statement, window: (
        documents(["time", "a"], [[OLD, 1.5]])
        if statement.columns == (servers.Star.STAR,) and window[1] < BEGIN and window[0] <= OLD
        else b""
    )
    with asking(influx) as (client, _):
        yield client, "t"


def test_columns_are_those_of_the_topic_where_the_server_leaves_some_out(
    grown: tuple[InfluxQueryClient, str], way: Way
) -> None:
    client, topic = grown
    table = way(client, topic, "*", instant(OLD - 1), instant(OLD + 1))
    assert table.arrow.to_pylist() == [{"time": pd.Timestamp(OLD, tz="UTC"), "a": 1.5, "b": None}]
    assert table.arrow.schema.field("b").type == pa.bool_()
    with in_windows(of_rows=1):
        parts = way(client, topic, "*", instant(OLD - 1), instant(BEGIN))
    assert rows_of(parts) == expected(GREW)
    latest = client.select_top_n(topic, "*", 1, instant(OLD))
    assert latest.dtypes.astype(str).to_dict() == {"a": "float64", "b": "boolean"}


def test_a_column_that_nobody_announced_is_not_dropped(way: Way) -> None:
    influx = regular(2)
    influx.hook = lambda *_: documents(["time", "f0", "new"], [[BEGIN, 1.5, "x"]])
    with asking(influx) as (client, _):
        table = way(client, "t", "*", instant(BEGIN), last(2))
    assert table.arrow.select(["f0", "new"]).to_pylist() == [{"f0": 1.5, "new": "x"}]


def test_a_tag_called_like_a_field_that_was_not_asked_for_does_no_harm() -> None:
    influx = Influx({BEGIN: {"x": 1.5, "y": 2}}, tags=["x"], schema={"x": "float", "y": "integer"})
    series = {"name": "t", "tags": {"x": "v"}, "columns": ["time", "y"], "values": [[BEGIN, 2]]}
    influx.hook = lambda *_: packed({"results": [{"statement_id": 0, "series": [series]}]})
    with asking(influx) as (client, _):
        assert client.select_top_n("t", ["y"], 1).iloc[0].to_dict() == {"x": "v", "y": 2}


@pytest.mark.parametrize("way", SELECTS)
def test_types_of_windows_that_have_none_in_common_are_an_error_of_ours(way: Way) -> None:
    influx = regular(8)
    influx.schema = {"f0": "of no known kind"}
    influx.hook = lambda statement, window: (
        b"" if window[0] < BEGIN + 4 * SECOND else documents(["time", "f0"], [[window[0], "text"]])
    )
    with asking(influx) as (client, _), in_windows(of_rows=1), pytest.raises(Unreadable, match="do not fit"):
        way(client, "t", "*", instant(BEGIN), last(8))


# -- one component


def test_index_0_is_an_index_in_every_part(efd: InfluxQueryClient, way: Way) -> None:
    question = (INDEXED, ["v"], instant(BEGIN), instant(BEGIN + 29 * SECOND))
    for index in (0, 2):
        values = [float(n) for n in range(30) if n % 3 == index]
        assert way(efd, *question, index=index).arrow.column("v").to_pylist() == values
        with in_windows(of_rows=2):
            assert way(efd, *question, index=index).arrow.column("v").to_pylist() == values
        assert efd.select_top_n(INDEXED, ["v"], 2, index=index)["v"].tolist() == values[::-1][:2]
    assert len(way(efd, *question, index=7)) == 0


def test_an_index_of_a_topic_that_has_none_does_not_look_like_no_rows(efd: InfluxQueryClient, way: Way) -> None:
    with pytest.raises(UsageError, match=f"{EDGES} has no salIndex"):
        way(efd, EDGES, "*", instant(BEGIN), instant(BEGIN + SECOND), index=1)
    with pytest.raises(UsageError, match="has no salIndex"):
        efd.select_top_n(EDGES, "*", 1, index=0)


@pytest.mark.parametrize("tags", [["salIndex"], []])
def test_an_index_that_is_text_is_not_asked_for_as_a_number(way: Way, tags: list[str]) -> None:
    """InfluxDB compares the two without a word, and finds no row."""
    influx = Influx({BEGIN: {"x": 1.5, "salIndex": "201"}}, tags=tags)
    with asking(influx) as (client, _):
        with pytest.raises(UsageError, match="salIndex of the topic t is text") as caught:
            way(client, "t", "*", instant(BEGIN), last(1), 201)
        assert "= '201'" in str(caught.value.next)
        with pytest.raises(UsageError, match="is text"):
            client.select_top_n("t", "x", 1, index=201)
    assert influx.asked == []


def test_the_time_alone_is_no_field(efd: InfluxQueryClient, way: Way) -> None:
    with pytest.raises(UsageError, match="the time only"):
        way(efd, EDGES, ["time"], instant(BEGIN), instant(BEGIN + SECOND))


# -- stopped by the server


@pytest.mark.parametrize("stop", STOPPED)
@pytest.mark.parametrize("first", [True, False], ids=["one window", "many windows"])
def test_what_the_server_stops_is_halved(way: Way, stop: str, first: bool) -> None:
    influx = regular(64)
    influx.hook = lambda statement, window: (
        STOPPED[stop] if not statement.limit and window[1] - window[0] >= 4 * SECOND else b""
    )
    tiny = contextlib.nullcontext() if first else in_windows(of_rows=16)
    with asking(influx) as (client, _), tiny:
        table = way(client, "t", "*", instant(BEGIN), last(64))
    assert table.arrow.column("f0").to_pylist() == [float(n) for n in range(64)]
    assert len(set(influx.asked)) == len(influx.asked)  # nothing is asked again as it was


@pytest.mark.parametrize("stop", STOPPED)
def test_groups_of_a_window_that_is_stopped_are_halved_with_it(way: Way, stop: str) -> None:
    influx = regular(16, fields=5)
    influx.hook = lambda statement, window: (
        STOPPED[stop] if "f3" in statement.columns and window[1] - window[0] >= 4 * SECOND else b""
    )
    with asking(influx) as (client, _), limits(MOST_FIELDS=2):
        table = way(client, "t", "*", instant(BEGIN), last(16))
    assert [list(row.values())[1:] for row in table.arrow.to_pylist()] == [
        [float(n * 5 + at) for at in range(5)] for n in range(16)
    ]


def test_a_sample_that_is_stopped_does_not_end_it_all(way: Way) -> None:
    """Rows that are rare are looked for in the whole range, LIMIT or not."""
    influx = regular(30)
    influx.hook = lambda statement, _: KILLED if statement.limit else b""
    with asking(influx) as (client, _), in_windows(of_rows=5):
        assert len(way(client, "t", "*", instant(BEGIN), last(30))) == 30


def test_a_window_that_is_always_too_much_raises_the_servers_words(way: Way) -> None:
    influx = regular(16)
    influx.hook = lambda *_: KILLED
    with asking(influx) as (client, _), pytest.raises(LimitExceeded, match="query-timeout limit exceeded"):
        way(client, "t", "*", instant(BEGIN), last(16))
    assert min(end - begin for begin, end in influx.asked) >= SECOND // 2 - 1
    assert len(influx.asked) < 10  # halves of the first half only
    assert leftover() == []


def test_a_statement_that_an_operator_kills_is_not_repeated(way: Way) -> None:
    for words in ("query interrupted", "query killed"):
        influx = regular(16)
        influx.hook = lambda *_, words=words: packed({"results": [{"statement_id": 0, "error": words}]})  # type: ignore[misc]
        with asking(influx) as (client, _), pytest.raises(QueryError, match=words):
            way(client, "t", "*", instant(BEGIN), last(16))
        assert len(influx.asked) == 1


def test_a_stream_that_is_stopped_behind_its_first_row_is_an_error() -> None:
    """The rows that were handed on would come twice."""
    influx = regular(16)
    part = {"statement_id": 0, "partial": True}
    series = [{"name": "t", "columns": ["time", "f0"], "values": [[BEGIN, 1.5]]}]
    killed = {"results": [{"statement_id": 0, "error": "query-timeout limit exceeded"}]}

    def begun(*_: Any) -> Iterator[bytes]:
        yield f"HTTP/1.1 200 OK\r\nContent-Type: {MSGPACK}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        yield chunk(msgpack.packb({"results": [part | {"series": series}]}))
        handed_on.wait(20)
        yield chunk(msgpack.packb(killed))
        yield chunk(b"")

    influx.hook, handed_on = begun, threading.Event()
    with asking(influx) as (client, _), client.stream_time_series("t", "*", instant(BEGIN), last(16)) as rows:
        assert next(rows).num_rows == 1
        handed_on.set()
        with pytest.raises(LimitExceeded):
            next(rows)
    assert len(influx.asked) == 1


def test_a_gateway_that_is_away_is_not_a_limit(way: Way) -> None:
    influx = regular(16)
    influx.hook = lambda *_: reply(503)
    with asking(influx) as (client, _), pytest.raises(Overloaded):
        way(client, "t", "*", instant(BEGIN), last(16))
    assert set(influx.asked) == {(BEGIN, BEGIN + 15 * SECOND)}


# -- ended early


def failing(event: threading.Event) -> Influx:
    """The window in the middle is refused; the others take for ever."""
    influx, both_asked = regular(40), threading.Event()

    def hook(statement: servers.Select, window: tuple[int, int]) -> Answer:
        if statement.limit:
            return b""
        if window[0] > BEGIN:
            both_asked.wait(5)
            return reply(403, "no")
        both_asked.set()
        event.wait(20)
        return None

    influx.hook = hook
    return influx


def test_the_first_failure_calls_the_others_off(way: Way, ceiling: Callable[[float], float]) -> None:
    event = threading.Event()
    influx = failing(event)
    try:
        with asking(influx) as (client, _), in_windows(of_rows=4, AT_ONCE=2):
            begin = time.monotonic()
            with pytest.raises(Forbidden):
                way(client, "t", "*", instant(BEGIN), last(40))
            assert time.monotonic() - begin < ceiling(2)
            assert leftover() == []
            assert len(influx.asked) == 3  # the sample, and no third window is begun
            event.set()
    finally:
        event.set()


def stuck(event: threading.Event, rows: int = 40) -> Influx:
    influx = regular(rows)

    def hook(statement: servers.Select, _: tuple[int, int]) -> Answer:
        if not statement.limit:
            event.wait(20)
        return b""

    influx.hook = hook
    return influx


def test_a_time_limit_is_that_of_all_parts_together(way: Way, ceiling: Callable[[float], float]) -> None:
    """Each of the windows alone would be in time."""
    influx = regular(40)
    influx.delay = 0.15
    with asking(influx) as (client, _), in_windows(of_rows=4, AT_ONCE=2):
        begin = time.monotonic()
        with skykey.within(0.5), pytest.raises(TimedOut):
            way(client, "t", "*", instant(BEGIN), last(40))
        assert time.monotonic() - begin < 0.5 + ceiling(0.5)
        assert leftover() == []
        client.query_timeout = 0.5  # is that of each statement
        assert len(way(client, "t", "*", instant(BEGIN), last(40))) == 40


@pytest.mark.parametrize("how", ["select, async", "stream, async"])
def test_a_cancelled_question_leaves_no_statement_under_way(how: str, ceiling: Callable[[float], float]) -> None:
    event = threading.Event()
    influx = stuck(event)
    full = influx.full
    with asking(influx) as (client, _), in_windows(of_rows=4):

        async def main() -> None:
            question = (client, "t", "*", instant(BEGIN), last(40))
            asking = other(client).select_time_series(*question[1:]) if how[:3] == "sel" else streamed_async(*question)
            task = asyncio.ensure_future(asking)
            await asyncio.to_thread(full.wait, 20)
            begin = time.monotonic()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert time.monotonic() - begin < ceiling(1)
            assert asyncio.all_tasks() == {asyncio.current_task()}

        try:
            asyncio.run(main())
        finally:
            event.set()
        assert len(influx.asked) == 5  # the sample, and the first four


PROGRAM = """
import sys
from tests.rubin.test_selections import BEGIN, in_windows, instant, last, leftover, streamed
from tests.tables.test_rows import client_at

client = client_at(sys.argv[1])
ask = streamed if sys.argv[2] == "stream" else lambda client, *question: client.select_time_series(*question)
with in_windows(of_rows=4):
    print("begun", flush=True)
    try:
        ask(client, "t", "*", instant(BEGIN), last(40))
    except KeyboardInterrupt:
        print("interrupted", leftover(), flush=True)
"""


@pytest.mark.parametrize("how", ["select", "stream"])
def test_ctrl_c_ends_a_question_that_is_under_way_in_threads(how: str, ceiling: Callable[[float], float]) -> None:
    event = threading.Event()
    influx = stuck(event)
    folder = Path(__file__).parents[2]
    with asking(influx) as (_, server):
        command = [sys.executable, "-c", PROGRAM, server.url, how]
        with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as child:
            try:
                assert child.stdout is not None
                assert child.stdout.readline() == "begun\n"
                assert influx.full.wait(20)
                begin = time.monotonic()
                os.kill(child.pid, signal.SIGINT)
                assert child.stdout.readline() == "interrupted []\n"
                assert child.wait(20) == 0
                assert time.monotonic() - begin < ceiling(2)
            finally:
                event.set()
                child.kill()


# -- how far it is


def test_progress_adds_up(way: Way) -> None:
    for tiny in (contextlib.nullcontext(), in_windows(of_rows=4), in_windows(of_rows=4, SAMPLE=100)):
        influx = regular(40)
        heard: list[Progress] = []
        with asking(influx) as (client, _), tiny:
            client.get_fields("t")
            way(client, "t", "*", instant(BEGIN), instant(BEGIN))
            with watched(heard.append):
                way(client, "t", "*", instant(BEGIN), last(40))
        assert heard[-1].done == heard[-1].parts > 0
        assert heard[-1].rows - 40 in {0, 2}  # those of the sample come twice
        pairs = [(progress.rows, progress.done) for progress in heard]
        assert pairs == sorted(pairs)
        assert all(progress.done <= progress.parts for progress in heard)


def test_progress_adds_up_where_windows_are_halved(way: Way) -> None:
    for tiny in (contextlib.nullcontext(), in_windows(of_rows=4)):
        influx = regular(40)
        influx.hook = lambda _, window: KILLED if window[1] - window[0] >= 2 * SECOND else b""
        heard: list[Progress] = []
        with asking(influx) as (client, _), tiny, watched(heard.append):
            way(client, "t", "*", instant(BEGIN), last(40))
        assert heard[-1].done == heard[-1].parts > 20


# -- streams


@pytest.mark.parametrize("face", ["sync", "async"])
def test_a_stream_holds_a_few_windows_at_a_time(face: str) -> None:
    count, size = 20_000, 2_000
    with asking(regular(count)) as (client, _), in_windows(of_rows=size, most_windows=100):
        question = ("t", "*", instant(BEGIN), last(count))
        gc.collect()
        before = pa.total_allocated_bytes()
        peak, rows = 0, 0

        def one(batch: Any) -> None:
            nonlocal peak, rows
            rows += batch.num_rows
            peak = max(peak, pa.total_allocated_bytes() - before)

        async def main() -> None:
            async with other(client).stream_time_series(*question) as batches:
                async for batch in batches:
                    one(batch)

        if face == "async":
            asyncio.run(main())
        else:
            with client.stream_time_series(*question) as batches:
                for batch in batches:
                    one(batch)
        whole = client.select_time_series.table(*question)
        everything = pa.total_allocated_bytes() - before
    assert rows == len(whole) == count
    assert peak < everything / 4


@pytest.mark.parametrize("face", ["sync", "async"])
def test_who_leaves_a_stream_early_asks_no_further_window(face: str) -> None:
    influx = regular(40)
    with asking(influx) as (client, _), in_windows(of_rows=2, AT_ONCE=2):
        question = ("t", "*", instant(BEGIN), last(40))
        if face == "sync":
            with client.stream_time_series(*question) as rows:
                first = next(iter(rows))
            with pytest.raises(UsageError, match="closed before"):
                next(rows)
        else:

            async def main() -> Any:
                async with other(client).stream_time_series(*question) as rows:
                    return await anext(aiter(rows))

            first = asyncio.run(main())
        assert first.num_rows > 0
        asked = len(influx.asked)
        assert asked == 3  # the sample, and the first two
        time.sleep(0.05)
        assert len(influx.asked) == asked
        assert leftover() == []


def test_a_stream_asks_nothing_before_its_first_batch_is_wanted(efd: InfluxQueryClient) -> None:
    influx = regular(4)
    with asking(influx) as (client, _):
        with client.stream_time_series("t", "*", instant(BEGIN), last(4)):
            pass
        assert (influx.asked, influx.listed) == ([], 0)


def test_what_cannot_be_asked_makes_no_request(way: Way) -> None:
    influx = regular(4)
    with asking(influx) as (client, server):
        for bounds in ((last(4), instant(BEGIN)), ("yesterday", last(4))):
            with pytest.raises(UsageError):
                way(client, "t", "*", *bounds)
        with pytest.raises(UsageError, match="not a whole number"):
            way(client, "t", "*", instant(BEGIN), last(4), index=1.5)
        assert server.seen == []
        with pytest.raises(UnknownName, match="no field 'fO'"):
            way(client, "t", ["fO"], instant(BEGIN), last(4))
        assert influx.asked == []


def test_saved_windows_have_the_rows_of_one_table(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    influx = regular(50, fields=3)
    with asking(influx) as (client, _), in_windows(of_rows=10, MOST_FIELDS=2):
        question = ("t", "*", instant(BEGIN), last(50))
        with client.stream_time_series(*question) as rows:
            rows.save(tmp_path / "rows.parquet")
        whole = client.select_time_series.arrow(*question)
    assert pq.read_table(tmp_path / "rows.parquet").to_pylist() == whole.to_pylist()


def test_nothing_is_left_of_the_limits() -> None:
    assert [getattr(where, name) for name, where in LIMITS.items()] == [5e7, 50.0, 1000, 100, 4]
