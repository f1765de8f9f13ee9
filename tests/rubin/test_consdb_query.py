"""Visits over HTTP: the whole table with the right types, or an error; never fewer rows that look like all."""

import asyncio
import datetime as dt
import json
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.time import Time
from pandas.testing import assert_frame_equal

from skykey.rubin.connections import get_clients
from skykey.rubin.consdb import service as consdb_service
from skykey.rubin.consdb_query import AsyncConsDbFastAPI, AsyncConsDbTap, ConsDb, ConsDbFastAPI, ConsDbTap
from skykey.sandbox import Box, running
from skykey.tables.table import Table
from skykey.values.errors import (
    Forbidden,
    Interrupted,
    LimitExceeded,
    NotAuthenticated,
    NotFound,
    Overloaded,
    QueryError,
    RateLimited,
    Redirected,
    ServiceError,
    SkykeyError,
    TimedOut,
    Unreachable,
    Unreadable,
    UsageError,
)
from tests.rubin.scripted_consdb import (
    AUTH,
    CCD_LOOK,
    LOOK,
    VISIT,
    ScriptedConsDb,
    asynchronous,
    blocking,
    failed,
    rows_of,
)
from tests.rubin.test_influx_faults import Hasty
from tests.wire.server import Answer, Seen, as_json, chunk, head, reply, serving

NIGHT = "2026-03-20T12:00:00", "2026-03-21T12:00:00"
SOME = "select visit_id, band, obs_start from cdb_lsstcam.visit1 where day_obs = 20260320 order by visit_id"
BIG = 2**53 + 1


@pytest.fixture(scope="module")
def shared_box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with running(tmp_path_factory.mktemp("sandbox")) as started:
        ConsDbFastAPI(started.site_url, ("user", started.token)).query("select 1")  # it makes its year now
        yield started


@pytest.fixture
def box(shared_box: Box) -> Iterator[Box]:
    shared_box.controls.forget()
    yield shared_box
    shared_box.controls.reset()


@pytest.fixture
def consdb(box: Box) -> ConsDbFastAPI:
    client = ConsDbFastAPI(box.site_url, ("user", box.token))
    client._clock = Hasty()
    return client


@pytest.fixture
def other(box: Box) -> AsyncConsDbFastAPI:
    client = AsyncConsDbFastAPI(box.site_url, ("user", box.token))
    client._clock = Hasty()
    return client


def asked(box: Box) -> list[tuple[str, str]]:
    return [(seen.method, seen.path.removeprefix("/consdb/")) for seen in box.controls.requests("consdb")]


# -- both faces, all shapes


def test_both_faces_and_all_shapes_agree(consdb: ConsDbFastAPI, other: AsyncConsDbFastAPI) -> None:
    async def elsewhere() -> list[Any]:
        return [
            await other.query(SOME),
            await other.query.arrow(SOME),
            await consdb.async_query(SOME),
            await other.get_visits("lsstcam", *NIGHT),
            await other.query_ccdvisits("lsstcam", 2026032000120, 90, 98),
        ]

    frame, arrow, twin, visits, detectors = asyncio.run(elsewhere())
    for each in (frame, twin, consdb.query.table(SOME).to_pandas()):
        assert_frame_equal(consdb.query(SOME), each)
        assert each.attrs == frame.attrs
    assert consdb.query.arrow(SOME).equals(arrow)
    assert consdb.query.polars(SOME).equals(pl.DataFrame(arrow))
    assert_frame_equal(consdb.get_visits("lsstcam", *NIGHT), visits)
    assert_frame_equal(consdb.query_ccdvisits("lsstcam", 2026032000120, 90, 98), detectors)


def test_a_stream_gives_the_same_rows(consdb: ConsDbFastAPI, other: AsyncConsDbFastAPI, tmp_path: Any) -> None:
    statement = "select * from cdb_lsstcam.visit1 order by visit_id"
    whole = consdb.query.arrow(statement)
    with consdb.stream(statement) as rows:
        batches = list(rows)
    assert len(batches) > 1
    assert pa.concat_tables(batches).equals(whole)
    assert (rows.end.rows, rows.end.truncated) == (whole.num_rows, False)

    async def save() -> None:
        async with other.stream(statement) as coming:
            await coming.save(tmp_path / "visits.parquet")

    asyncio.run(save())
    assert pq.read_table(tmp_path / "visits.parquet").equals(whole)


def test_clients_ask_nothing_before_their_first_question(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in box.environment().items():
        monkeypatch.setenv(name, value)
    client = get_clients()["consdb"]
    assert isinstance(client, ConsDbFastAPI)
    assert isinstance(client, ConsDb)
    assert client.base_url == f"{box.site_url}/consdb"
    assert "gt-" not in repr(client)
    assert asked(box) == []
    assert len(client.query(SOME)) == 398
    client.get_visits("lsstcam", *NIGHT, augment=False)
    assert client.query_timeout == 600


# -- times


@pytest.mark.parametrize("scale", ["utc", "tai", "tt", "tdb"])
def test_a_night_is_the_same_visits_whatever_the_scale(consdb: ConsDbFastAPI, scale: str) -> None:
    """Noon TAI as it is taken for noon UTC would be 37 seconds of another night at either end."""
    start, end = (
        getattr(Time(each, scale="tai"), scale) for each in ("2026-03-20T12:00:00", "2026-03-21T11:59:59.9999995")
    )
    found = consdb.get_visits("lsstcam", start, end, augment=False)
    assert set(found["day_obs"]) == {20260320}
    assert {1, 2, 400} <= set(found["seq_num"])


def test_a_night_in_utc_begins_37_seconds_later(consdb: ConsDbFastAPI) -> None:
    utc = [f"{each}Z" for each in NIGHT]
    times = [dt.datetime.fromisoformat(each).replace(tzinfo=dt.UTC) for each in NIGHT]
    found = [
        consdb.get_visits("lsstcam", *night, augment=False) for night in (utc, times, [pd.Timestamp(t) for t in times])
    ]
    for each in found:
        assert_frame_equal(each, found[0])
    # 12:00:00 and 12:00:36.5 TAI are before noon UTC, and the next day's noon TAI is within.
    assert not {1, 2} & set(found[0][found[0]["day_obs"] == 20260320]["seq_num"])
    assert 20260321 in set(found[0]["day_obs"])


def test_bounds_are_inclusive(consdb: ConsDbFastAPI) -> None:
    noon = Time("2026-03-20T12:00:00", scale="tai")
    assert consdb.get_visits("lsstcam", noon, noon, augment=False)["visit_id"].tolist() == [2026032000001]


# -- types


def test_types_are_the_schemas_with_and_without_rows(consdb: ConsDbFastAPI) -> None:
    full = consdb.get_visits.table("lsstcam", *NIGHT)
    none = consdb.get_visits.table("lsstcam", *NIGHT, "visit1.band = 'none'")
    assert (len(full), len(none)) == (397, 0)
    assert full.arrow.schema.equals(none.arrow.schema, check_metadata=True)
    assert full.time_scale == none.time_scale == "tai"
    frame = none.to_pandas()
    kinds = {
        "visit_id": "Int64",
        "obs_start": "datetime64[us]",
        "s_ra": "float64",
        "band": "str",
        "can_see_sky": "boolean",
    }
    assert {name: str(frame[name].dtype) for name in kinds} == kinds
    assert frame.attrs["columns_known"]
    for statement in (SOME, f"{SOME} limit 0", SOME.replace("20260320", "1")):
        schema = consdb.query.arrow(statement).schema
        assert list(map(str, schema.types)) == ["int64", "string", "timestamp[us]"]
    assert consdb.query(SOME).attrs["time_scale"] == "tai"
    empty = consdb.query_ccdvisits.arrow("lsstcam", 1)
    assert empty.num_rows == 0
    assert empty.schema.equals(consdb.query_ccdvisits.arrow("lsstcam", 2026032000120).schema, check_metadata=True)


def test_times_are_to_the_microsecond(consdb: ConsDbFastAPI) -> None:
    found = consdb.query("select obs_start, obs_start_mjd from cdb_lsstcam.visit1 where visit_id = 2026032000400")
    assert found["obs_start"].tolist() == [pd.Timestamp("2026-03-21T11:59:59.999999")]
    assert found["obs_start"].dtype == "datetime64[us]"


def test_detectors_beyond_a_double_are_exact(consdb: ConsDbFastAPI) -> None:
    """Also beside nulls, where a float would be taken."""
    wrong = "case when c.detector > 94 then c.ccdvisit_id end as other"
    found = consdb.query(
        f"select c.ccdvisit_id, {wrong} from cdb_lsstcam.ccdvisit1 c where c.visit_id = 2026032000120 "
        "and c.detector between 90 and 98 order by c.detector"
    )
    assert found.dtypes.astype(str).tolist() == ["Int64", "Int64"]
    assert found["other"].isna().tolist() == [True] * 5 + [False] * 4
    assert found["ccdvisit_id"].tolist()[5:] == found["other"].dropna().tolist()
    assert min(found["ccdvisit_id"]) > 2**53
    assert len(set(found["ccdvisit_id"])) == 9


def test_identifiers_beyond_a_double_stay_beside_nulls() -> None:
    data = [[BIG, None], [None, BIG], [BIG + 2, -BIG]]
    with serving(ScriptedConsDb(lambda _: rows_of(["visit_id", "x"], *data))) as server:
        for statement in ("select visit_id, 1 as x from cdb_lsstcam.visit1", "select 1 as visit_id, 2 as x"):
            found = blocking(server.url).query(statement)
            assert found.dtypes.astype(str).tolist() == ["Int64", "Int64"]
            assert [None if pd.isna(x) else int(x) for x in found.to_numpy().ravel()] == [
                x for row in data for x in row
            ]


def test_a_night_times_a_hundred_thousand_does_not_overflow() -> None:
    """The service says INTEGER, and people make visit ids of it."""
    data = [1, 20260320, "2026-03-20T12:00:00", 61119.5, "r"]
    with serving(ScriptedConsDb(lambda _: rows_of(VISIT, data))) as server:
        found = blocking(server.url).query("select * from cdb_lsstcam.visit1")
        assert (found["day_obs"] * 100_000 + 1).tolist() == [2026032000001]


def test_descriptions_come_from_the_schema() -> None:
    answer = rows_of([*VISIT, *LOOK])
    with serving(ScriptedConsDb(lambda _: rows_of(["visit_id", "day_obs"], [1, "x"]))) as server:
        found = blocking(server.url).query("select visit_id, upper(band) as day_obs from cdb_lsstcam.visit1")
        assert found.attrs["descriptions"] == {"visit_id": "the visit"}  # the other is none of the table's
    with serving(ScriptedConsDb(lambda _: answer)) as server:
        client = blocking(server.url)
        schema = client.get_visits.arrow("lsstcam").schema
        assert schema.field("obs_start").metadata == {b"description": b"when it began"}
        assert schema.metadata == {b"time_scale": b"tai"}
        told = {"visit_id": "the visit", "day_obs": "the night", "obs_start": "when it began", "psf_sigma": "blur"}
        assert client.get_visits("lsstcam", augment=False).attrs["descriptions"] == told


# -- columns of one name


def joined(*looks: list[Any]) -> Callable[[str], Answer]:
    visits = [[n, 20260320, "2026-03-20T12:00:00", 61119.5, "r"] for n in range(1, len(looks) + 1)]
    return lambda _: rows_of([*VISIT, *LOOK], *(visit + look for visit, look in zip(visits, looks, strict=True)))


@pytest.mark.parametrize(
    ("looks", "second"),
    [
        ([[1, 20260320, 0.5], [2, 20260320, 0.6]], None),
        ([[1, 20260320, 0.5], [None, None, None]], None),  # a visit without quality
        ([[None, None, None], [None, None, None]], None),
        ([[1, 20260320, 0.5], [2, 20260321, 0.6]], [20260320, 20260321]),
        ([[1, 20260321, 0.5], [None, None, None]], [20260321, None]),
    ],
)
def test_a_column_of_both_tables_is_there_twice_only_if_it_differs(looks: Any, second: list[Any] | None) -> None:
    with serving(ScriptedConsDb(joined(*looks))) as server:
        table = blocking(server.url).get_visits.table("lsstcam")
    data = table.arrow
    assert data.column_names == [*VISIT, *(["day_obs_1"] if second else []), "psf_sigma"]
    assert data.column("visit_id").to_pylist() == [1, 2]
    told = {"visit_id": ["visit_id"], "day_obs": ["day_obs", "day_obs_1"] if second else ["day_obs"]}
    assert table.facts["repeated_columns"] == told
    if second:
        assert data.column("day_obs_1").to_pylist() == second
        assert data.schema.field("day_obs_1").metadata == {b"description": b"again"}
        assert data.schema.field("day_obs").metadata == {b"description": b"the night"}


def test_a_value_that_only_the_second_has_is_not_lost() -> None:
    rows = [[1, None, "2026-03-20T12:00:00", 61119.5, "r", 1, 20260320, 0.5]]
    with serving(ScriptedConsDb(lambda _: rows_of([*VISIT, *LOOK], *rows))) as server:
        assert blocking(server.url).get_visits("lsstcam", augment=False)["day_obs_1"].tolist() == [20260320]


def test_columns_of_one_name_may_have_different_types() -> None:
    """The first table's type would make an answer unreadable that is right."""
    looks = {**LOOK, "band": ["INTEGER", None]}
    rows = [[1, 20260320, "2026-03-20T12:00:00", 61119.5, "r", 1, 20260320, 0.5, 7]]
    scripted = ScriptedConsDb(lambda _: rows_of([*VISIT, *looks], *rows), visit1_quicklook=looks)
    with serving(scripted) as server:
        found = blocking(server.url).get_visits("lsstcam", augment=False)
    assert (found["band"].tolist(), found["band_1"].tolist()) == (["r"], [7])


@pytest.mark.parametrize("detectors", [[], [(1, 5.5)], [(1, 5.5), (2, 6.5)], [(1, None)]])
def test_measurements_of_one_name_are_both_there_whatever_they_are(detectors: list[Any]) -> None:
    """Columns must not come and go with the values, nor be lost because they are equal by chance."""
    visit, look = {**VISIT, "s_ra": ["REAL", "of the boresight"]}, {**CCD_LOOK, "s_ra": ["REAL", "of the detector"]}
    data = [[7, 20260320, None, None, "r", 5.5, number, 70 + number, number, 0.5, ra] for number, ra in detectors]
    scripted = ScriptedConsDb(
        lambda _: rows_of([*visit, "detector", *look], *data), visit1=visit, ccdvisit1_quicklook=look
    )
    with serving(scripted) as server:
        table = blocking(server.url).query_ccdvisits.table("lsstcam", 7)
    assert table.arrow.column_names == [*visit, "detector", "ccdvisit_id", "psf_sigma", "s_ra_1"]
    assert table.arrow.column("s_ra_1").to_pylist() == [ra for _, ra in detectors]
    assert table.facts["repeated_columns"] == {"s_ra": ["s_ra", "s_ra_1"], "detector": ["detector"]}
    told = {name: table.arrow.schema.field(name).metadata[b"description"] for name in ("s_ra", "s_ra_1", "detector")}
    assert told == {"s_ra": b"of the boresight", "s_ra_1": b"of the detector", "detector": b"its number"}


def test_an_answer_that_the_schema_does_not_expect_is_taken_as_it_is() -> None:
    """A column may have been added a minute ago."""
    data = [1, 20260320, None, None, "r", True, 1, 20260320, 0.5]
    scripted = ScriptedConsDb(lambda _: rows_of([*VISIT, "new", *LOOK], data))
    with serving(scripted) as server:
        found = blocking(server.url).get_visits("lsstcam", augment=False)
    assert list(found.columns) == [*VISIT, "new", "psf_sigma"]
    assert found.attrs["repeated_columns"] == {"visit_id": ["visit_id"], "day_obs": ["day_obs"]}


def test_a_query_of_two_tables_says_what_it_did(consdb: ConsDbFastAPI) -> None:
    statement = (
        "select v.*, q.* from cdb_lsstcam.visit1 v {} join cdb_lsstcam.visit1_quicklook q on v.visit_id = q.visit_id "
        "where v.day_obs = 20260320"
    )
    inner = consdb.query.table(statement.format(""))
    assert inner.facts["repeated_columns"] == {name: [name] for name in ("visit_id", "day_obs", "seq_num")}
    outer = consdb.query.table(statement.format("left"))
    assert outer.facts["repeated_columns"] == {name: [name, f"{name}_1"] for name in ("visit_id", "day_obs", "seq_num")}
    assert outer.arrow.column("visit_id_1").null_count > 0


# -- augment


def test_derived_columns_are_in_pandas_and_not_in_the_databases_table(consdb: ConsDbFastAPI) -> None:
    plain = consdb.get_visits("lsstcam", *NIGHT, augment=False)
    frame = consdb.get_visits("lsstcam", *NIGHT)
    table = consdb.get_visits.table("lsstcam", *NIGHT)
    assert isinstance(table, Table)
    assert table.arrow.column_names == list(plain.columns) == consdb.get_visits.polars("lsstcam", *NIGHT).columns
    assert_frame_equal(table.to_pandas(), frame)
    added = {"prev_obs_start_mjd", "prev_obs_end_mjd", "visit_gap", "ecliptic_lat", "ecliptic_lon"}
    assert set(frame.columns) - set(plain.columns) >= added
    assert {name: frame.attrs[name] for name in plain.attrs} == plain.attrs
    assert set(consdb.get_visits("lsstcam", *NIGHT, "visit1.band = 'x'").columns) == set(frame.columns)


# -- statements


def test_percent_signs_may_stand_once_or_twice(consdb: ConsDbFastAPI) -> None:
    one, two = (
        consdb.query(f"select count(*) as n from cdb_lsstcam.visit1 where band like '{like}' and seq_num {mod} 2 = 0")
        for like, mod in (("r%", "%"), ("r%%", "%%"))
    )
    assert_frame_equal(one, two)
    assert one["n"].tolist()[0] > 0


def test_values_stay_values(consdb: ConsDbFastAPI) -> None:
    nasty = "'; drop table x; -- :b %s %% \\"
    found = consdb.query("select :a as a, 'x:b' as b, :c as c", {"a": nasty, "c": 5})
    assert found.iloc[0].tolist() == [nasty, "x:b", 5]
    chosen = consdb.query(
        "select visit_id, band from cdb_lsstcam.visit1 where band in :bands and obs_start between :start and :end",
        {
            "bands": ["r", "i"],
            "start": Time("2026-03-20T12:00:00", scale="tai").utc,
            "end": Time("2026-03-21T12:00:00", scale="tai"),
        },
    )
    assert set(chosen["band"]) == {"r", "i"}
    assert str(chosen["visit_id"].dtype) == "Int64"


@pytest.mark.parametrize("statement", ["", " ;", "-- only a comment", "/* /* */ ; */"])
def test_a_statement_that_asks_nothing_is_not_sent(statement: str) -> None:
    with serving(ScriptedConsDb(lambda _: rows_of([]))) as server:
        with pytest.raises(UsageError, match="empty"):
            blocking(server.url).query(statement)
        assert not server.seen


def test_what_cannot_be_asked_is_not_sent() -> None:
    with serving(lambda _: reply(500)) as server:
        client = blocking(server.url)
        for ask in (
            lambda: client.get_visits("lsstcam", "yesterday"),
            lambda: client.get_visits("lsstcam", dt.datetime(2026, 3, 20)),  # noqa: DTZ001 - what is refused
            lambda: client.get_visits("lsstcam", visit_constraint="1=1) or (1=1"),
            lambda: client.get_visits("cdb_"),
            lambda: client.query_ccdvisits("lsstcam", "1 or 1=1"),  # type: ignore[arg-type]
            lambda: client.query_ccdvisits("lsstcam", 1, 0.5),  # type: ignore[arg-type]
            lambda: client.query("select band from cdb_lsstcam.visit1 where 1 = :a", {"b": 1}),
            lambda: client.query("select :a", {"a": object()}),
        ):
            with pytest.raises(UsageError):
                ask()
        assert not server.seen


# -- how often is asked


def test_a_first_question_costs_two_round_trips_and_the_next_one_one(box: Box, consdb: ConsDbFastAPI) -> None:
    consdb.get_visits("lsstcam", *NIGHT, augment=False)
    first = asked(box)
    assert sorted(first[:2]) == [("GET", "schema/lsstcam/visit1"), ("GET", "schema/lsstcam/visit1_quicklook")]
    assert first[2:] == [("POST", "query")]
    consdb.get_visits("LSSTCam", *NIGHT, augment=False)
    consdb.query(SOME)
    assert asked(box)[3:] == [("POST", "query")] * 2
    consdb.query_ccdvisits("lsstcam", 2026032000120)
    assert sorted(asked(box)[5:]) == [
        ("GET", "schema/lsstcam/ccdvisit1"),
        ("GET", "schema/lsstcam/ccdvisit1_quicklook"),
        ("POST", "query"),
    ]


def test_the_schemas_of_a_question_are_asked_side_by_side() -> None:
    """Each waits for the other: one after the other they would never be answered."""
    import threading

    together = threading.Barrier(2)
    scripted = ScriptedConsDb(lambda _: rows_of([*VISIT, *LOOK]))

    def answer(seen: Seen) -> Answer:
        if seen.method == "GET":
            together.wait(10)
        return scripted(seen)

    with serving(answer) as server:
        blocking(server.url).get_visits("lsstcam", augment=False)
        asyncio.run(asynchronous(server.url).get_visits("lsstcam", augment=False))


def test_computed_columns_need_no_schema(box: Box, consdb: ConsDbFastAPI) -> None:
    consdb.query("select count(*), max(obs_start) from cdb_lsstcam.visit1")
    consdb.query("select * from (select 1) a")
    assert asked(box) == [("POST", "query")] * 2


# -- the server's limits


@pytest.mark.parametrize(("rows", "is_cut"), [(6, False), (7, True)])
def test_rows_that_the_server_keeps_are_missed(monkeypatch: pytest.MonkeyPatch, rows: int, is_cut: bool) -> None:
    """Exactly as many as it gives at most; nothing in the answer says so."""
    monkeypatch.setattr(consdb_service, "MOST_ROWS", 7)
    data = [[n, 20260320, None, None, None] for n in range(rows)]
    with serving(ScriptedConsDb(lambda _: rows_of(VISIT, *data))) as server:
        client = blocking(server.url)
        statement = "select * from cdb_lsstcam.visit1"
        table = client.query.table(statement)
        with client.stream(statement) as coming:
            list(coming)
        visits = client.get_visits("lsstcam", augment=False)
    for end in (table.end, coming.end):
        assert (end.rows, end.truncated, end.cut_by) == (
            rows,
            is_cut,
            "the server's limit of 7 rows" if is_cut else None,
        )
    assert visits.attrs["truncated"] is is_cut


def test_the_limit_is_the_servers_number() -> None:
    assert consdb_service.MOST_ROWS == 1_000_000


def test_a_statements_own_limit_is_told(consdb: ConsDbFastAPI) -> None:
    assert consdb.query(f"{SOME} limit 3").attrs["cut_by"] == "the statement's LIMIT"
    assert consdb.query(f"{SOME} limit :most", {"most": 3}).attrs["truncated"]
    assert not consdb.query(f"{SOME} limit 3000").attrs["truncated"]


# -- faults


def ways_to_ask(blocking_one: ConsDbFastAPI, other: AsyncConsDbFastAPI) -> dict[str, Callable[[], int]]:
    def stream() -> int:
        with blocking_one.stream(SOME) as rows:
            return sum(batch.num_rows for batch in rows)

    async def async_stream() -> int:
        async with other.stream(SOME) as rows:
            return sum([batch.num_rows async for batch in rows])

    return {
        "query": lambda: len(blocking_one.query(SOME)),
        "async_query": lambda: len(asyncio.run(blocking_one.async_query(SOME))),
        "AsyncConsDbFastAPI": lambda: len(asyncio.run(other.query(SOME))),
        "stream": stream,
        "async stream": lambda: asyncio.run(async_stream()),
        "get_visits": lambda: len(blocking_one.get_visits("lsstcam", *NIGHT)) + 1,
    }


@pytest.fixture(params=["query", "async_query", "AsyncConsDbFastAPI", "stream", "async stream", "get_visits"])
def ask(request: pytest.FixtureRequest, consdb: ConsDbFastAPI, other: AsyncConsDbFastAPI) -> Callable[[], int]:
    return ways_to_ask(consdb, other)[request.param]


@pytest.mark.parametrize("is_first", [True, False], ids=["at the schema", "at the rows"])
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "truncate"}, Interrupted),
        ({"kind": "truncate", "after": 0}, Interrupted),
        ({"kind": "close"}, Interrupted),
        ({"kind": "html"}, Unreadable),
        ({"status": 401}, NotAuthenticated),
        ({"status": 403}, Forbidden),
        ({"status": 404}, NotFound),
        ({"status": 422, "body": '{"detail": [{"msg": "no"}]}'}, QueryError),
        ({"status": 429}, RateLimited),
        ({"status": 500, "body": "Internal Server Error"}, ServiceError),
        ({"status": 500, "body": '{"message": "(psycopg2.OperationalError) gone"}'}, Overloaded),
        ({"status": 500, "body": '{"other": 5}'}, ServiceError),
        ({"status": 503}, Overloaded),
        ({"status": 504}, Overloaded),
        ({"status": 200, "body": ""}, (Unreadable, Interrupted)),
        ({"status": 200, "body": "{}"}, Unreadable),
        ({"status": 200, "body": "[]"}, Unreadable),
        ({"status": 200, "body": '{"columns": ["visit_id"]}'}, Unreadable),
        ({"status": 204, "body": ""}, (Unreadable, Interrupted)),
        ({"status": 302, "headers": {"Location": "/login"}}, Redirected),
        ({"status": 302, "headers": {"Location": "https://login.example.org/"}}, Redirected),
    ],
    ids=str,
)
def test_no_fault_looks_like_no_visits(box: Box, ask: Any, fault: dict[str, Any], error: Any, is_first: bool) -> None:
    if not is_first:
        assert ask() == 398
    elif fault == {"status": 200, "body": "{}"}:
        error = SkykeyError  # a table without columns, as far as the schema goes
    box.controls.fault(**fault, service="consdb", times=50)
    with pytest.raises(error) as caught:
        ask()
    assert isinstance(caught.value, SkykeyError)
    box.controls.reset()
    assert ask() == 398


def test_what_is_over_soon_is_asked_again(box: Box, ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("skykey.calls.repeats.backed_off", lambda *_: 0.001)
    assert ask() == 398
    away = {"status": 500, "body": '{"message": "(psycopg2.OperationalError) server closed the connection"}'}
    for fault, times in (({"kind": "close"}, 2), ({"status": 503}, 2), ({"status": 429}, 2), (away, 1)):
        box.controls.fault(**fault, service="consdb", times=times)
        assert ask() == 398


def test_a_refused_connection_is_one_error_of_a_kind() -> None:
    with serving(lambda _: None) as server:
        url = server.url
    for ask in ways_to_ask(blocking(url), asynchronous(url)).values():
        with pytest.raises(Unreachable):
            ask()


def test_every_place_where_an_answer_may_break_off_is_an_error() -> None:
    """Plain, chunked and packed: never a short table."""
    data = [[n, 20260320, "2026-03-20T12:00:00", 61119.5, "r"] for n in range(40)]
    body = json.dumps({"columns": list(VISIT), "data": data}).encode()
    packed = zlib.compress(body, wbits=31)
    cut = [0]

    def answer(_: str) -> Answer:
        kind, at = divmod(cut[0], 1000)
        if kind == 0:
            return [head(Content_Type="application/json") + body[:at]]
        if kind == 1:
            return [head(Content_Type="application/json", Transfer_Encoding="chunked") + chunk(body[:at] or b" ")]
        return [head(Content_Type="application/json", Content_Encoding="gzip") + packed[: min(at, len(packed) - 1)]]

    with serving(ScriptedConsDb(answer)) as server:
        client = blocking(server.url)
        for place in (*range(0, 999, 111), *range(1001, 1999, 111), *range(2000, 2000 + len(packed) + 9, 15)):
            cut[0] = place
            with pytest.raises((Interrupted, Unreadable)):
                client.query("select * from cdb_lsstcam.visit1")


@pytest.mark.parametrize(
    ("message", "error", "times"),
    [
        ('(psycopg2.errors.UndefinedColumn) column "x" does not exist\n\n[SQL: select x]', QueryError, 1),
        ("(psycopg2.OperationalError) server closed the connection unexpectedly\n[SQL: select 1]", Overloaded, 2),
        ("(psycopg2.errors.AdminShutdown) terminating connection\n[SQL: select 1]", Overloaded, 2),
        ("(psycopg2.errors.SerializationFailure) conflict with recovery\n[SQL: select 1]", Overloaded, 2),
        ("(psycopg2.errors.QueryCanceled) canceling statement due to statement timeout", LimitExceeded, 1),
        ("(psycopg2.errors.OutOfMemory) out of memory", LimitExceeded, 1),
        ("This result object does not return rows", QueryError, 1),
        # what a statement quotes is not what happened
        ("(psycopg2.errors.UndefinedColumn) no\n[SQL: select 'psycopg2.OperationalError']", QueryError, 1),
    ],
)
def test_the_databases_words_become_the_error_that_fits(message: str, error: type[Exception], times: int) -> None:
    scripted = ScriptedConsDb(lambda _: failed(message))
    with serving(scripted) as server:
        for ask in (
            lambda: blocking(server.url).query("select 1"),
            lambda: asyncio.run(asynchronous(server.url).query("select 1")),
            lambda: list(blocking(server.url).stream("select 1")),
        ):
            scripted.statements.clear()
            with pytest.raises(error) as caught:
                ask()
            assert type(caught.value) is error
            assert caught.value.words == " ".join(message.partition("[SQL")[0].split())  # type: ignore[attr-defined]
            assert caught.value.status == 500  # type: ignore[attr-defined]
            assert len(scripted.statements) == times


def test_a_database_that_was_away_for_a_moment_says_its_schema_too() -> None:
    asked: list[str] = []

    def answer(seen: Seen) -> Answer:
        asked.append(seen.path)
        return failed("(psycopg2.OperationalError) gone") if len(asked) == 1 else as_json('["lsstcam"]')

    with serving(answer) as server:
        assert blocking(server.url).instruments() == ["lsstcam"]
    assert asked == ["/consdb/schema"] * 2


def test_what_may_change_something_is_sent_once() -> None:
    for body in (failed("(psycopg2.OperationalError) gone"), reply(503)):
        scripted = ScriptedConsDb(lambda _, body=body: body)
        with serving(scripted) as server:
            for statement in ("delete from a", "select 1; drop table a", "select nextval('a')"):
                scripted.statements.clear()
                with pytest.raises(Overloaded):
                    blocking(server.url).query(statement)
                assert len(scripted.statements) == 1


def test_rows_that_were_handed_out_are_not_asked_again() -> None:
    first = b'{"columns": ["a"], "data": [' + b"[1]," * 5000
    scripted = ScriptedConsDb(lambda _: [head(Content_Type="application/json") + first])
    with serving(scripted) as server, blocking(server.url).stream("select 1 as a") as rows:
        assert next(rows).num_rows > 0
        with pytest.raises(Interrupted):
            list(rows)
        assert len(scripted.statements) == 1


@pytest.mark.parametrize(
    "data",
    [
        [["x", 1, None, None, None]],
        [[1, 1.5, None, None, None]],
        [[1, 1, "yesterday", None, None]],
        [[1, 1, "2026-03-20T12:00:00", "much", None]],
        [[1, 1, None, None, 5]],
        [[2**63, 1, None, None, None]],
        [[1, 1, None, None]],
        [[1, 1, None, None, None, None]],
        [{"visit_id": 1}],
    ],
)
def test_values_that_are_not_what_the_schema_says_are_an_error(data: Any) -> None:
    with serving(ScriptedConsDb(lambda _: rows_of(VISIT, *data))) as server:
        for ask in (
            lambda: blocking(server.url).query("select * from cdb_lsstcam.visit1"),
            lambda: list(blocking(server.url).stream("select * from cdb_lsstcam.visit1")),
        ):
            with pytest.raises(Unreadable):
                ask()


def test_the_time_limit_is_that_of_the_whole_question() -> None:
    """The schema and the rows share it; each of them alone would be in time."""
    import time

    scripted = ScriptedConsDb(lambda _: rows_of([*VISIT, *LOOK]))

    def slow(seen: Seen) -> Answer:
        time.sleep(0.3)
        return scripted(seen)

    with serving(slow) as server:
        with pytest.raises(TimedOut):
            blocking(server.url, query_timeout=0.45).get_visits("lsstcam")
        with pytest.raises(TimedOut):
            asyncio.run(asynchronous(server.url, query_timeout=0.45).query("select * from cdb_lsstcam.visit1"))


def test_a_login_page_says_what_to_do() -> None:
    with (
        serving(lambda _: reply(200, "<html>", Content_Type="text/html")) as server,
        pytest.raises(Unreadable, match="/auth/tokens"),
    ):
        blocking(server.url).query("select 1")


def test_what_a_token_lacks_is_named(box: Box) -> None:
    client = ConsDbFastAPI(box.site_url, ("user", box.controls.mint(scopes=["read:tap"])))
    with pytest.raises(Forbidden, match="read:image") as caught:
        client.query(SOME)
    assert "read:image" in (caught.value.next or "")


@pytest.mark.parametrize("status", [200, 401, 403, 404, 500, 503])
def test_a_token_that_the_service_says_back_is_in_no_error(status: int) -> None:
    document = {"message": f"(psycopg2.errors.X) {AUTH[1]}", "value": AUTH[1], "valid": [AUTH[1]], "columns": [AUTH[1]]}
    with serving(lambda _: as_json(json.dumps(document), status)) as server:
        client = blocking(server.url)
        for ask in (client.query, client.tables, client.get_visits):
            with pytest.raises(SkykeyError) as caught:
                ask("lsstcam")
            shown = [str(each) for each in (caught.value, caught.value.__cause__, caught.value.__context__)]
            assert AUTH[1] not in " ".join([*shown, *getattr(caught.value, "__notes__", [])])


# -- the documented base, for programs that ask in a way of their own


class Recorded(ConsDb):
    """What programs write: a constructor and a `query` of their own."""

    def __init__(self, answer: pd.DataFrame) -> None:
        super().__init__()
        self.answer = answer
        self.asked: list[str] = []

    def query(self, query: str) -> pd.DataFrame:
        self.asked.append(query)
        return self.answer


def test_a_program_s_own_way_to_ask_has_the_other_questions() -> None:
    answer = pd.DataFrame({"visit_id": [2, 1], "exp_midpt_mjd": [61119.6, 61119.5], "band": ["r", "g"]})
    mine = Recorded(answer)
    found = mine.get_visits("LSSTCam", "2026-03-20T12:00Z", visit_constraint="visit1.band = 'r'")
    assert list(found["visit_id"]) == [1, 2]  # by time, and nothing of a derived column that has no source
    assert list(answer["visit_id"]) == [2, 1]
    assert mine.get_visits("lsstcam", augment=False) is answer
    assert mine.query_ccdvisits("lsstcam", 5, 90, detector_max=98) is answer
    assert [said.count("cdb_lsstcam.visit1") > 0 for said in mine.asked] == [True] * 3
    assert "(visit1.band = 'r')" in mine.asked[0]
    assert "detector <= 98" in mine.asked[2]
    with pytest.raises(UsageError):
        mine.get_visits("no instrument; drop table x")
    assert len(mine.asked) == 3


def test_the_base_asks_nobody() -> None:
    base = ConsDb()
    for ask in (lambda: base.query("select 1"), lambda: base.get_visits("lsstcam")):
        with pytest.raises(NotImplementedError):
            ask()


@pytest.mark.parametrize("kind", [ConsDbFastAPI, AsyncConsDbFastAPI, ConsDbTap, AsyncConsDbTap])
def test_every_client_is_one_and_asks_in_its_own_way(kind: type[ConsDb]) -> None:
    assert issubclass(kind, ConsDb)
    for name in ("query", "get_visits", "query_ccdvisits"):
        assert getattr(kind, name) is not getattr(ConsDb, name)
        assert hasattr(getattr(kind, name), "flow")
