"""G9: no rows. The columns and types are those of rows, and it is not what a failure looks like."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from skykey.rubin.consdb_query import AsyncConsDbFastAPI, AsyncConsDbTap, ConsDbFastAPI, ConsDbTap
from skykey.rubin.logging_query import (
    AsyncExposureLogClient,
    AsyncNarrativeLogClient,
    AsyncNightReportClient,
    ExposureLogClient,
    NarrativeLogClient,
    NightReportClient,
)
from skykey.sandbox import Box
from skykey.testing.faults import Reply
from skykey.testing.faults_proxy import FaultProxy
from skykey.values.errors import SkykeyError, UnknownName
from tests.reliability import naive_databases, naive_rubin
from tests.reliability.test_g_matrix_rubin import asynchronous_client, blocking_client
from tests.wire.askers import FastClock

MOUNT, ESS = "lsst.sal.MTMount.elevation", "lsst.sal.ESS.temperature"
TAGGED = "lsst.prompt.prod.numDiaSourcesGood"
NIGHT = ("2026-03-20T22:53:00Z", "2026-03-21T00:10:00Z")
NEVER = ("1980-01-01T00:00:00Z", "1980-01-02T00:00:00Z")


def where(bounds: tuple[str, str]) -> str:
    return f"WHERE time >= '{bounds[0]}' AND time <= '{bounds[1]}'"


Ask = Callable[[Any, tuple[str, str]], Any]
WAYS: dict[str, Ask] = {
    "select, some fields": lambda client, bounds: client.select_time_series(
        MOUNT, ["demandPosition", "salIndex"], *bounds
    ),
    "select, all fields": lambda client, bounds: client.select_time_series(ESS, "*", *bounds),
    "select, an index": lambda client, bounds: client.select_time_series(
        ESS, "*", *NIGHT, index=112 if bounds is NIGHT else 999
    ),
    "latest": lambda client, bounds: client.select_top_n(MOUNT, "*", 5, time_cut=bounds[1]),
    "query, names": lambda client, bounds: client.query(
        f'SELECT "salIndex", "actualPosition" FROM "{MOUNT}" {where(bounds)}'
    ),
    "query, all": lambda client, bounds: client.query(f'SELECT * FROM "{ESS}" {where(bounds)}'),
    "query, by tags": lambda client, bounds: client.query(f'SELECT * FROM "{MOUNT}" {where(bounds)} GROUP BY *'),
}


TAGGED_WAYS: dict[str, Ask] = {
    "tags, latest": lambda client, bounds: client.select_top_n(TAGGED, "*", 5, time_cut=bounds[1]),
    "tags, all": lambda client, bounds: client.select_time_series(TAGGED, "*", *bounds),
    "tags, grouped": lambda client, bounds: client.query(f'SELECT * FROM "{TAGGED}" {where(bounds)} GROUP BY *'),
}


def blocking(url: str, token: str, database: str = "efd") -> Callable[[Ask, tuple[str, str]], pd.DataFrame]:
    client = blocking_client(url, token, database)
    return lambda ask, bounds: ask(client, bounds)


def asynchronous(url: str, token: str, database: str = "efd") -> Callable[[Ask, tuple[str, str]], pd.DataFrame]:
    client = asynchronous_client(url, token, database)
    return lambda ask, bounds: asyncio.run(ask(client, bounds))


FACES = {"blocking": blocking, "asynchronous": asynchronous}


@pytest.fixture
def proxy(box: Box) -> Iterator[FaultProxy]:
    with FaultProxy(box.site_url) as made:
        yield made


@pytest.mark.parametrize("face", FACES)
def test_g9_no_rows_have_the_columns_and_types_of_rows(face: str, box: Box, proxy: FaultProxy) -> None:
    efd, prompt = (FACES[face](proxy.url, box.token, database) for database in ("efd", "lsst.prompt"))
    for name, way in (WAYS | TAGGED_WAYS).items():
        ask = prompt if name in TAGGED_WAYS else efd
        full, empty = ask(way, NIGHT), ask(way, NEVER)
        assert len(full) > 0
        assert len(empty) == 0
        pd.testing.assert_frame_equal(empty, full.iloc[:0], check_index_type="equiv")
        assert empty.index.dtype == full.index.dtype == "datetime64[ns, UTC]"
        assert (empty.attrs["complete"], empty.attrs["columns_known"]) == (True, True)
        print(f"G9 {face}, {name}: 0 rows, {len(empty.columns)} columns of {len(full.columns)}, the same types")


@pytest.mark.parametrize("face", FACES)
def test_g9_a_failure_raises_where_no_rows_do_not(face: str, box: Box, proxy: FaultProxy) -> None:
    ask = FACES[face](proxy.url, box.token)
    for way in WAYS.values():
        assert len(ask(way, NEVER)) == 0
        proxy.fault(Reply(500), path="*/query")
        with pytest.raises(SkykeyError):
            ask(way, NEVER)
    with pytest.raises(UnknownName):  # nor is a topic that is not there an empty one
        ask(lambda client, bounds: client.select_time_series("lsst.sal.MTMount.elevatoin", "*", *bounds), NEVER)


def test_g9_a_stream_without_rows_gives_its_columns_once(box: Box, proxy: FaultProxy) -> None:
    client, other = blocking_client(proxy.url, box.token), asynchronous_client(proxy.url, box.token)

    async def batches(bounds: tuple[str, str]) -> list[Any]:
        async with other.stream(f'SELECT * FROM "{ESS}" {where(bounds)}') as rows:
            return [batch async for batch in rows]

    with client.stream(f'SELECT * FROM "{ESS}" {where(NIGHT)}') as rows:
        full = pa.concat_tables(list(rows))
    with client.stream(f'SELECT * FROM "{ESS}" {where(NEVER)}') as rows:
        (empty,) = rows
        assert rows.end.complete
    (again,) = asyncio.run(batches(NEVER))
    assert empty.schema.remove_metadata() == again.schema.remove_metadata() == full.schema.remove_metadata()
    assert (empty.num_rows, again.num_rows) == (0, 0)
    print(f"G9 stream: one batch of 0 rows, {empty.num_columns} columns of {full.num_columns}, the same types")


def test_g9_what_only_the_server_knows_is_said_to_be_unknown(box: Box, proxy: FaultProxy) -> None:
    client = blocking_client(proxy.url, box.token)
    nothing = client.query(f'SELECT * FROM "nosuch.topic" {where(NEVER)}')
    assert (len(nothing), list(nothing.columns), nothing.attrs["columns_known"]) == (0, [], False)


# -- ConsDB and the logs

DARK = ("2026-03-20T12:00:00Z", "2026-03-21T12:00:00Z")
DETECTORS = {DARK: 2026032000120, NEVER: 1}
DAY = {DARK: 20260320, NEVER: 19800101}
DATABASES: dict[str, tuple[str, Ask]] = {
    "visits": ("consdb", lambda client, bounds: client.get_visits("lsstcam", *bounds)),
    "visits, bare": ("consdb", lambda client, bounds: client.get_visits("lsstcam", *bounds, augment=False)),
    "detectors": ("consdb", lambda client, bounds: client.query_ccdvisits("lsstcam", DETECTORS[bounds])),
    "query, names": (
        "consdb",
        lambda client, bounds: client.query(
            f"select visit_id, obs_start, s_ra, band, can_see_sky from cdb_lsstcam.visit1 where day_obs = {DAY[bounds]}"
        ),
    ),
    "query, all": (
        "consdb",
        lambda client, bounds: client.query(
            "select * from cdb_lsstcam.visit1 where day_obs = :day", {"day": DAY[bounds]}
        ),
    ),
    "TAP, visits": ("tap", lambda client, bounds: client.get_visits("lsstcam", *bounds, augment=False)),
    "TAP, detectors": ("tap", lambda client, bounds: client.query_ccdvisits("lsstcam", DETECTORS[bounds])),
    "TAP, query": (
        "tap",
        lambda client, bounds: client.query(
            "select visit_id, obs_start, s_ra, band from cdb_lsstcam.visit1 where day_obs = :day", {"day": DAY[bounds]}
        ),
    ),
    "TAP, a job": (
        "tap",
        lambda client, bounds: client.query(
            f"select visit_id, obs_start, band from cdb_lsstcam.visit1 where day_obs = {DAY[bounds]}", as_job=True
        ),
    ),
    "messages": ("narrative", lambda client, bounds: client.query_log(*bounds)),
    "messages, times": ("narrative", lambda client, bounds: client.query_log(*bounds, utc=True)),
    "messages, raw": ("narrative", lambda client, bounds: client.query(min_level=0 if bounds is DARK else 10**6)),
    "about exposures": ("exposure", lambda client, bounds: client.query_log(*bounds)),
    "exposures": ("exposure", lambda client, bounds: client.query_exposures("LSSTCam", *bounds)),
}
KINDS: dict[str, dict[str, Any]] = {
    "blocking": {
        "consdb": ConsDbFastAPI,
        "tap": ConsDbTap,
        "narrative": NarrativeLogClient,
        "exposure": ExposureLogClient,
    },
    "asynchronous": {
        "consdb": AsyncConsDbFastAPI,
        "tap": AsyncConsDbTap,
        "narrative": AsyncNarrativeLogClient,
        "exposure": AsyncExposureLogClient,
    },
}


FAILING = {"consdb": "*/query", "tap": "*/sync", "narrative": "*/messages", "exposure": "*/exposurelog/*"}


def asked(face: str, kind: str, url: str, token: str) -> Callable[[Ask, tuple[str, str]], pd.DataFrame]:
    client = KINDS[face][kind](url, token if kind == "tap" else ("user", token))
    client._clock = FastClock()
    if face == "blocking":
        return lambda way, bounds: way(client, bounds)
    return lambda way, bounds: asyncio.run(way(client, bounds))


@pytest.mark.parametrize("face", KINDS)
def test_g9_no_rows_of_a_database_have_the_columns_and_types_of_rows(face: str, box: Box, proxy: FaultProxy) -> None:
    for name, (kind, way) in DATABASES.items():
        ask = asked(face, kind, proxy.url, box.token)
        full, empty = ask(way, DARK), ask(way, NEVER)
        assert len(full) > 0, name
        assert len(empty) == 0, name
        pd.testing.assert_frame_equal(empty, full.iloc[:0], check_index_type="equiv")
        assert (empty.attrs["complete"], empty.attrs["truncated"]) == (True, False)
        proxy.fault(Reply(500), path="*/async" if name == "TAP, a job" else FAILING[kind], times=None)
        with pytest.raises(SkykeyError):
            ask(way, NEVER)
        proxy.reset()
        print(f"G9 {face}, {name}: 0 rows, {len(empty.columns)} columns of {len(full.columns)}, a failure raises")


@pytest.mark.parametrize("face", ["blocking", "asynchronous"])
def test_g9_no_night_report_is_said_and_a_failure_raises(face: str, box: Box, proxy: FaultProxy) -> None:
    def reports(day: int) -> Any:
        if face == "blocking":
            return NightReportClient(proxy.url, ("user", box.token)).query_night_report(day)
        return asyncio.run(AsyncNightReportClient(proxy.url, ("user", box.token)).query_night_report(day))

    assert len(reports(20260320)[0]) > 0
    found, html = reports(19800101)
    assert found == []
    assert "no night report" in html
    proxy.fault(Reply(500), path="*/reports")
    with pytest.raises(SkykeyError):
        reports(19800101)
    print(f"G9 {face}, night report: 0 reports, {html!r}, a failure raises")


def test_g9_a_naive_client_of_databases_fails(box: Box, proxy: FaultProxy) -> None:
    client = naive_databases.Client(proxy.url, box.token, timeout=5)
    same = {}
    for name, path, ask in (
        (
            "visits",
            "*/query",
            lambda full: client.get_visits("lsstcam", 61119.5 if full else 1.0, 61120.5 if full else 2.0),
        ),
        ("messages", "*/messages", lambda full: client.log("narrativelog/messages", min_level=0 if full else 10**6)),
    ):
        full, empty = ask(True), ask(False)
        proxy.fault(Reply(503), path=path, times=None)
        failed = ask(True)
        proxy.reset()
        same[name] = (len(full), list(empty.columns), empty.equals(failed))
    client.close()
    print(f"G9 naive: rows, columns without rows, and whether a failure looks the same: {same}")
    assert all(rows > 0 and columns == [] and alike for rows, columns, alike in same.values())


def test_g9_a_naive_client_fails(box: Box, proxy: FaultProxy) -> None:
    client = naive_rubin.Client(proxy.url, box.token, timeout=5)
    full = client.select(MOUNT, ["demandPosition"], *NIGHT)
    empty = client.select(MOUNT, ["demandPosition"], *NEVER)
    proxy.fault(Reply(500))
    failed = client.select(MOUNT, ["demandPosition"], *NIGHT)
    client.close()
    print(f"G9 naive: {len(full)} rows, {len(empty)} rows, a failure: {list(empty.columns)} and {list(failed.columns)}")
    assert empty.equals(failed)
    assert list(empty.columns) != list(full.columns)
