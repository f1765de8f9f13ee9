"""What type checkers make of both faces (shape test a). It only needs to type-check; test_faces.py runs it too."""

from collections.abc import Callable, Coroutine
from typing import Any, assert_type

import pandas as pd
import polars as pl

from skykey.calls.call import Call
from skykey.calls.faces import Async, Sync, method, twin
from skykey.calls.flow import Flow, ask, need, stream
from skykey.credentials.credential import Bearer
from skykey.credentials.held import Held
from skykey.credentials.keeper import Keeper
from skykey.repertoire import Discovery, DiscoveryClient, InfluxDatabaseWithCredentials, SyncDiscoveryClient
from skykey.rubin.consdb_query import AsyncConsDbFastAPI, ConsDbFastAPI
from skykey.rubin.influx_query import AsyncInfluxQueryClient, InfluxQueryClient
from skykey.rubin.logging_query import (
    AsyncNarrativeLogClient,
    AsyncNightReportClient,
    NarrativeLogClient,
    NightReportClient,
)
from skykey.tables.arrow import ArrowTable
from skykey.tables.end import End
from skykey.tables.rows import AsyncRows, Rows, rows
from skykey.tables.table import Table


class ClockFlows:
    """A client without a service: its flows ask for nothing."""

    def __init__(self, hour: int = 1) -> None:
        self.hour = hour

    @method
    def now(self) -> Flow[int]:
        """Tell the hour."""
        yield from ()
        return self.hour

    @method
    def later(self, hours: int, *, zone: str = "UTC") -> Flow[str]:
        """Add to it."""
        now = yield from self.now()
        assert_type(now, int)
        return f"{now + hours} {zone}"

    @rows
    def ticks(self, count: int) -> Flow[End]:
        """Stream nothing."""
        yield from ()
        return End(complete=True, rows=count)


class Clock(ClockFlows, Sync):
    """Blocking."""

    async_later = twin(ClockFlows.later)


class AsyncClock(ClockFlows, Async):
    """Asynchronous."""


class SummerFlows(ClockFlows):
    """Overriding happens in the class of flows."""

    @method
    def now(self) -> Flow[int]:
        """One hour more."""
        before = yield from super().now()
        assert_type(before, int)
        return before + 1


class SummerClock(SummerFlows, Sync):
    """Blocking."""

    async_later = twin(SummerFlows.later)


class AsyncSummerClock(SummerFlows, Async):
    """Asynchronous."""


def blocking(clock: Clock, summer: SummerClock) -> None:
    """On a Sync class a method gives its result."""
    assert_type(clock.now(), int)
    assert_type(clock.later(2), str)
    assert_type(clock.later(hours=2, zone="TAI"), str)
    assert_type(clock.ticks(3), Rows)
    assert_type(summer.now(), int)
    assert_type(summer.later(1), str)
    for batch in clock.ticks(1):
        assert_type(batch, ArrowTable)
    with clock.ticks(1) as found:
        assert_type(found, Rows)
        assert_type(found.end, End)


async def asynchronous(clock: AsyncClock, summer: AsyncSummerClock, both: Clock) -> None:
    """On an Async class it gives a coroutine, which `create_task` takes."""
    _ = assert_type(clock.now(), Coroutine[Any, Any, int])
    assert_type(await clock.later(2, zone="TAI"), str)
    assert_type(clock.ticks(3), AsyncRows)
    assert_type(await summer.now(), int)
    _ = assert_type(both.async_later(2), Coroutine[Any, Any, str])
    async with clock.ticks(1) as found:
        assert_type(found, AsyncRows)
        assert_type(found.end, End)


def flows(flowing: ClockFlows) -> None:
    """On the class of flows, and so inside every flow, it gives a flow."""
    assert_type(flowing.now(), Flow[int])
    assert_type(flowing.later(2), Flow[str])
    assert_type(flowing.ticks(3), Flow[End])


def helpers(call: Call[bytes], keeper: Keeper[Bearer]) -> Flow[bytes]:
    """The typed helpers keep the types."""
    assert_type(ask(call), Flow[bytes])
    assert_type(stream(call), Flow[bytes])
    assert_type((yield from need(keeper)), Held[Bearer])
    return (yield from ask(call))


def bound(clock: Clock) -> Callable[[], int]:
    """A bound method is an ordinary callable."""
    return clock.now


def documented(
    influx: InfluxQueryClient,
    async_influx: AsyncInfluxQueryClient,
    discovery: DiscoveryClient,
    sync_discovery: SyncDiscoveryClient,
) -> None:
    """The documented clients."""
    assert_type(influx.query("SELECT 1"), pd.DataFrame)
    assert_type(influx.query.table("SELECT 1"), Table)
    assert_type(influx.query.arrow("SELECT 1"), ArrowTable)
    assert_type(influx.select_top_n.polars("topic", "*", 1), pl.DataFrame)
    assert_type(influx.stream("SELECT 1"), Rows)
    _ = assert_type(influx.async_query("SELECT 1"), Coroutine[Any, Any, pd.DataFrame])
    assert_type(influx.get_topics(), list[str])
    _ = assert_type(async_influx.query("SELECT 1"), Coroutine[Any, Any, pd.DataFrame])
    _ = assert_type(async_influx.query.table("SELECT 1"), Coroutine[Any, Any, Table])
    _ = assert_type(influx.async_get_fields.polars("topic"), Coroutine[Any, Any, pl.DataFrame])
    assert_type(async_influx.stream("SELECT 1"), AsyncRows)
    assert_type(influx.stream_time_series("topic", "*", "2025-06-20", "2025-06-21"), Rows)
    assert_type(sync_discovery.discovery(), Discovery)
    _ = assert_type(discovery.influxdb_databases(local=True), Coroutine[Any, Any, list[str]])
    assert_type(sync_discovery.get_influxdb_connection_info("efd", "token"), InfluxDatabaseWithCredentials | None)


def logs(
    narrative: NarrativeLogClient,
    async_narrative: AsyncNarrativeLogClient,
    reports: NightReportClient,
    async_reports: AsyncNightReportClient,
) -> None:
    """The documented clients of the logs; the service's parameters are keywords of any name."""
    assert_type(narrative.query({"min_level": 10}), pd.DataFrame)
    assert_type(narrative.query_log("2025-06-20", "2025-06-21", min_level=10, utc=True), pd.DataFrame)
    assert_type(narrative.query_log.table("2025-06-20", "2025-06-21"), Table)
    assert_type(narrative.query_params("2025-06-20", "2025-06-21"), dict[str, Any])
    assert_type(narrative.add_message("text", user_id="ada", is_human=True, tags=["a"]), dict[str, Any])
    assert_type(narrative.delete_message("id"), None)
    _ = assert_type(narrative.async_query_log("2025-06-20", "2025-06-21"), Coroutine[Any, Any, pd.DataFrame])
    _ = assert_type(async_narrative.query_log.arrow("2025-06-20", "2025-06-21"), Coroutine[Any, Any, ArrowTable])
    assert_type(reports.query(min_day_obs=20250620), list[dict[str, Any]])
    assert_type(reports.query_night_report(20250620, "AuxTel", False), tuple[list[dict[str, Any]], str])
    assert_type(reports.format_night_report({}), str)
    _ = assert_type(reports.async_query_night_report(20250620), Coroutine[Any, Any, tuple[list[dict[str, Any]], str]])
    _ = assert_type(
        async_reports.query_night_report("2025-06-20"), Coroutine[Any, Any, tuple[list[dict[str, Any]], str]]
    )


def visits(consdb: ConsDbFastAPI, async_consdb: AsyncConsDbFastAPI) -> None:
    """The documented client of ConsDB, and its other face."""
    assert_type(consdb.query("select 1"), pd.DataFrame)
    assert_type(consdb.query.polars("select :a", {"a": 1}), pl.DataFrame)
    assert_type(consdb.get_visits("lsstcam", "2025-06-20", "2025-06-21", augment=False), pd.DataFrame)
    assert_type(consdb.get_visits.table("lsstcam"), Table)
    assert_type(consdb.query_ccdvisits.arrow("lsstcam", 2025062000001, 90, 98), ArrowTable)
    assert_type(consdb.stream("select 1"), Rows)
    assert_type(consdb.instruments(), list[str])
    assert_type(consdb.columns("lsstcam", "visit1"), pd.DataFrame)
    assert_type(consdb.obs("lsstcam", "visit1", 1), dict[str, Any])
    _ = assert_type(consdb.async_query("select 1"), Coroutine[Any, Any, pd.DataFrame])
    _ = assert_type(async_consdb.get_visits("lsstcam"), Coroutine[Any, Any, pd.DataFrame])
    _ = assert_type(async_consdb.tables("lsstcam"), Coroutine[Any, Any, list[str]])
    assert_type(async_consdb.stream("select 1"), AsyncRows)
