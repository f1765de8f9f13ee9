"""Visits over TAP: the same as over HTTP, whatever the format; jobs that do not stay; tokens that do not travel."""

import asyncio
import datetime as dt
import io
import pickle
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.time import Time
from pandas.testing import assert_frame_equal

from skykey.credentials.handoff.requests_session import KeptSession
from skykey.rubin import consdb_query
from skykey.rubin.connections import get_clients
from skykey.rubin.consdb.tap import _widened
from skykey.rubin.consdb_query import AsyncConsDbTap, ConsDb, ConsDbFastAPI, ConsDbTap
from skykey.sandbox import Box, running
from skykey.tables.dtypes import frame_of
from skykey.tap.jobs import AsyncJob, Job
from skykey.values.clock import SYSTEM_CLOCK
from skykey.values.errors import (
    Forbidden,
    Interrupted,
    LimitExceeded,
    NotAuthenticated,
    OutOfReach,
    QueryError,
    SkykeyError,
    TimedOut,
    UnknownName,
    Unreadable,
    UsageError,
)
from tests.rubin.consdb.answers import closing_all
from tests.rubin.test_influx_faults import Hasty
from tests.wire.server import Seen, reply, serving

NIGHT = "2026-03-20T12:00:00", "2026-03-21T12:00:00"
SOME = "select visit_id, band, obs_start from cdb_lsstcam.visit1 where day_obs = 20260320 order by visit_id"
ALL = "select * from cdb_lsstcam.visit1 where day_obs = 20260320 order by visit_id"
TOKEN = "gt-aaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbb"


@pytest.fixture(scope="module")
def shared_box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with running(tmp_path_factory.mktemp("sandbox")) as started:
        ConsDbTap(started.site_url, started.token).query("select top 1 visit_id from cdb_lsstcam.visit1")
        yield started


@pytest.fixture
def box(shared_box: Box) -> Iterator[Box]:
    shared_box.controls.forget()
    yield shared_box
    jobs = shared_box.controls.tap_jobs()
    shared_box.controls.reset()
    assert jobs == [], "a job was left there"


def blocking(url: str, token: str = TOKEN, **more: Any) -> ConsDbTap:
    made = ConsDbTap(url, token, **more)
    made._clock = Hasty()
    return made


def asynchronous(url: str, token: str = TOKEN, **more: Any) -> AsyncConsDbTap:
    made = AsyncConsDbTap(url, token, **more)
    made._clock = Hasty()
    return made


@pytest.fixture
def tap(box: Box) -> ConsDbTap:
    return blocking(box.site_url, box.token)


@pytest.fixture
def other(box: Box) -> AsyncConsDbTap:
    return asynchronous(box.site_url, box.token)


@pytest.fixture
def http(box: Box) -> ConsDbFastAPI:
    return ConsDbFastAPI(box.site_url, ("user", box.token))


def asked(box: Box) -> list[tuple[str, str]]:
    return [(seen.method, seen.path.removeprefix("/api/consdbtap")) for seen in box.controls.requests("consdbtap")]


# -- the same as over HTTP


def test_visits_are_those_of_the_other_way_cell_by_cell(tap: ConsDbTap, http: ConsDbFastAPI) -> None:
    one, same = http.get_visits("lsstcam", *NIGHT), tap.get_visits("lsstcam", *NIGHT)
    assert len(one) > 100
    assert_frame_equal(one, same, check_exact=True)
    for name in ("query", "repeated_columns", "time_scale", "complete", "truncated"):
        assert one.attrs[name] == same.attrs[name]
    one, same = (client.query_ccdvisits("lsstcam", 2026032000120, 90, 98) for client in (http, tap))
    assert len(one) == 9
    assert_frame_equal(one, same, check_exact=True)


def test_no_visits_have_the_same_columns(tap: ConsDbTap, http: ConsDbFastAPI) -> None:
    never = "2020-01-01T12:00:00", "2020-01-02T12:00:00"
    one, same = (client.get_visits("lsstcam", *never) for client in (http, tap))
    assert len(same) == 0
    assert_frame_equal(one, same)


@pytest.mark.parametrize("form", ["parquet", "binary2", "votable", "csv"])
def test_every_format_gives_the_same_table(tap: ConsDbTap, http: ConsDbFastAPI, form: str) -> None:
    frame = http.query(ALL)
    found = tap.query(ALL, response_format=form)
    if form == "votable":  # its rows as text tell no empty text from null
        frame = frame.assign(**{name: frame[name].replace("", None) for name in frame if frame[name].dtype == "str"})
    assert_frame_equal(frame, found, check_exact=True)
    assert found.attrs["time_scale"] == "tai"


def test_narrow_numbers_become_those_that_people_read() -> None:
    narrow = pa.table(
        {
            "a": pa.array([1, None], pa.int16()),
            "b": pa.array([0.1, None], pa.float32()),
            "c": pa.array([float("nan"), float("-inf")], pa.float32()),
            "d": pa.array([255, 0], pa.uint8()),
            "e": ["x", None],
        }
    )
    found = _widened(narrow.replace_schema_metadata({b"time_scale": b"tai"}))
    assert [str(kind) for kind in found.schema.types] == ["int64", "double", "double", "int64", "string"]
    assert found.column("b").to_pylist() == [0.1, None]
    assert np.isnan(found.column("c")[0].as_py())
    assert found.column("c")[1].as_py() == float("-inf")
    assert found.schema.metadata == {b"time_scale": b"tai"}


def test_times_in_values_are_tai(tap: ConsDbTap, http: ConsDbFastAPI) -> None:
    first = http.query(SOME).iloc[5]
    in_tai = Time(first["obs_start"].to_pydatetime(), scale="tai")
    in_utc = (first["obs_start"] - dt.timedelta(seconds=37)).tz_localize("UTC").to_pydatetime()
    for when in (in_tai, in_tai.utc, in_utc):
        found = tap.query("select visit_id from cdb_lsstcam.visit1 where obs_start = :t", {"t": when})
        assert found["visit_id"].tolist() == [first["visit_id"]]


# -- both faces, all shapes


def test_both_faces_and_all_shapes_agree(tap: ConsDbTap, other: AsyncConsDbTap) -> None:
    async def elsewhere() -> list[Any]:
        return [
            await other.query(SOME),
            await other.query(SOME, as_job=True),
            await tap.async_query(SOME),
            await tap.async_query.polars(SOME),
            await other.get_visits("lsstcam", *NIGHT),
        ]

    frame, by_job, twin, polars, visits = asyncio.run(elsewhere())
    for each in (frame, by_job, twin, tap.query(SOME, as_job=True)):
        assert_frame_equal(tap.query(SOME), each)
        assert each.attrs == frame.attrs
    assert polars.equals(pl.DataFrame(tap.query.arrow(SOME)))
    assert_frame_equal(tap.get_visits("lsstcam", *NIGHT), visits)


def test_a_stream_gives_the_same_rows(tap: ConsDbTap, other: AsyncConsDbTap, tmp_path: Any) -> None:
    statement = "select * from cdb_lsstcam.visit1 order by visit_id"
    whole = tap.query.arrow(statement)
    with tap.stream(statement) as rows:
        batches = list(rows)
    assert len(batches) > 1
    assert_frame_equal(frame_of(pa.concat_tables(batches)), frame_of(whole), check_exact=True)
    assert (rows.end.rows, rows.end.truncated) == (whole.num_rows, False)

    async def save() -> None:
        async with other.stream(statement) as coming:
            await coming.save(tmp_path / "visits.parquet")

    asyncio.run(save())
    assert_frame_equal(frame_of(pq.read_table(tmp_path / "visits.parquet")), frame_of(whole), check_exact=True)


def test_names_and_attributes_are_the_documented_ones(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in box.environment().items():
        monkeypatch.setenv(name, value)
    client = get_clients()["consdb_tap"]
    assert isinstance(client, ConsDbTap)
    assert isinstance(client, ConsDb)
    assert client.url == f"{box.site_url}/api/consdbtap"
    assert client.query_timeout == 600
    assert "gt-" not in repr(client)
    assert consdb_query.ConsDbTap is ConsDbTap
    assert asked(box) == []
    client.query_timeout = 5
    assert len(client.query(SOME)) > 100
    assert client._flows().query_timeout == 5


ONE_ROW = (
    '<VOTABLE><RESOURCE><TABLE><FIELD name="n" datatype="int"/><DATA><TABLEDATA><TR><TD>1</TD></TR></TABLEDATA></DATA>'
    "</TABLE></RESOURCE></VOTABLE>"
)


def asked_of(client: Any) -> Any:
    """The answer to a question, from either face."""

    async def asked() -> Any:
        return await client.query.table("select 1")

    return asyncio.run(asked()) if isinstance(client, AsyncConsDbTap) else client.query.table("select 1")


@pytest.mark.parametrize("make", [blocking, asynchronous])
def test_a_time_limit_that_is_raised_after_the_first_question_counts(make: Callable[..., Any]) -> None:
    def slow(seen: Seen) -> bytes:
        if not seen.path.endswith("/sync"):
            return reply(404)
        time.sleep(0.6)
        return reply(200, ONE_ROW, Content_Type="text/xml")

    with serving(slow) as server:
        client = make(server.url, query_timeout=0.2)
        client._clock = SYSTEM_CLOCK
        with pytest.raises(TimedOut):
            asked_of(client)
        client.query_timeout = 20
        assert len(asked_of(client)) == 1


@pytest.mark.parametrize("make", [blocking, asynchronous])
def test_numbers_that_64_bits_with_a_sign_cannot_hold_are_no_error_of_a_library(make: Callable[..., Any]) -> None:
    sink = io.BytesIO()
    pq.write_table(pa.table({"n": pa.array([2**63], pa.uint64())}), sink)
    answer = reply(200, sink.getvalue(), Content_Type="application/vnd.apache.parquet")
    faults = pytest.raises(Unreadable, match="no place")
    with serving(lambda seen: answer if seen.path.endswith("/sync") else reply(404)) as server, faults:
        asked_of(make(server.url))


def test_two_clients_at_once_cost_two_round_trips_each(box: Box, tap: ConsDbTap, http: ConsDbFastAPI) -> None:
    tap.query(SOME)
    assert asked(box) == [("GET", "/capabilities"), ("POST", "/sync")]
    tap.query(SOME)
    assert asked(box)[2:] == [("POST", "/sync")]


def test_tables_and_columns_are_described(tap: ConsDbTap, other: AsyncConsDbTap) -> None:
    assert "cdb_lsstcam.visit1" in set(tap.tables()["table_name"])
    columns = asyncio.run(other.columns("cdb_lsstcam.visit1")).set_index("column_name")
    assert columns.loc["obs_start", "xtype"] == "timestamp"
    with pytest.raises(UnknownName, match="no table") as caught:
        tap.columns("cdb_lsstcam.vist1")
    assert "cdb_lsstcam.visit1" in (caught.value.next or "")


def test_a_table_goes_along(tap: ConsDbTap, other: AsyncConsDbTap) -> None:
    mine = pd.DataFrame({"visit_id": tap.query(SOME)["visit_id"][:3], "note": ["ä", None, "<b>"]})
    statement = (
        "select v.visit_id, m.note from cdb_lsstcam.visit1 as v "
        "join tap_upload.mine as m on v.visit_id = m.visit_id order by v.visit_id"
    )
    found = tap.query(statement, uploads={"mine": mine})
    assert found["visit_id"].tolist() == mine["visit_id"].tolist()
    assert found["note"].tolist()[0] == "ä"
    assert found["note"].isna().tolist() == [False, True, False]
    assert_frame_equal(found, tap.query(statement, uploads={"mine": mine}, as_job=True))
    assert_frame_equal(found, asyncio.run(other.query(statement, uploads={"mine": mine})))


# -- limits


def test_limits_are_told(box: Box, tap: ConsDbTap) -> None:
    found = tap.query(ALL, maxrec=5)
    assert (len(found), found.attrs["truncated"]) == (5, True)
    assert found.attrs["cut_by"] == "the question's limit of 5 rows"
    assert tap.query(ALL, maxrec=0).shape[0] == 0
    box.controls.tap(limit=7)
    client = blocking(box.site_url, box.token)
    for form in ("parquet", "csv", "votable"):
        found = client.query(ALL, maxrec=50, response_format=form)
        assert found.attrs["cut_by"] == "the service's limit of 7 rows, less than the 50 that the question asked for"
        assert len(found) == 7
    assert client.query("select top 3 visit_id from cdb_lsstcam.visit1").attrs["cut_by"] == "the statement's TOP"


# -- refusals


def test_a_refusal_has_the_databases_words(tap: ConsDbTap, other: AsyncConsDbTap) -> None:
    for ask in (
        lambda: tap.query("select nonsense from cdb_lsstcam.visit1"),
        lambda: tap.query("select nonsense from cdb_lsstcam.visit1", as_job=True),
        lambda: asyncio.run(other.query("select nonsense from cdb_lsstcam.visit1")),
    ):
        with pytest.raises(QueryError) as caught:
            ask()
        assert "nonsense" in (caught.value.words or "")


def test_an_unknown_instrument_is_named_with_those_that_there_are(tap: ConsDbTap, other: AsyncConsDbTap) -> None:
    for ask in (lambda: tap.get_visits("nocam"), lambda: asyncio.run(other.query_ccdvisits("nocam", 1))):
        with pytest.raises(UnknownName, match="nocam") as caught:
            ask()
        assert "lsstcam" in (caught.value.next or "")
    with pytest.raises(QueryError):
        tap.get_visits("lsstcam", visit_constraint="nonsense = 1")


def test_what_cannot_be_asked_makes_no_request(box: Box, tap: ConsDbTap) -> None:
    for ask in (
        lambda: tap.query(" "),
        lambda: tap.get_visits("a'b"),
        lambda: tap.query_ccdvisits("lsstcam", "1; drop"),  # type: ignore[arg-type]
        lambda: tap.query("select :a", {"a": dt.datetime(2026, 3, 20)}),  # noqa: DTZ001 - that is the point
        lambda: tap.job("https://other.example/api/consdbtap/async/1"),
    ):
        with pytest.raises((UsageError, OutOfReach)):
            ask()
    assert asked(box) == []


def test_what_a_token_lacks_is_named(box: Box) -> None:
    client = blocking(box.site_url, box.controls.mint(scopes=["read:image"]))
    with pytest.raises(Forbidden) as caught:
        client.query(SOME)
    assert "read:tap" in (caught.value.next or "")
    with pytest.raises(NotAuthenticated) as refused:
        blocking(box.site_url, "gt-aaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbb").query(SOME)
    assert "/auth/tokens" in (refused.value.next or "")


@pytest.mark.parametrize("form", ["parquet", "binary2", "votable"])
def test_an_answer_that_fails_in_its_middle_is_none(box: Box, tap: ConsDbTap, form: str) -> None:
    box.controls.tap(stop_after=3)
    with pytest.raises((QueryError, Interrupted)):
        tap.query(ALL, response_format=form)
    with pytest.raises((QueryError, Interrupted)):
        tap.query(ALL, response_format=form, as_job=True)
    for job in tap.jobs()["url"]:
        tap.job(job).delete()  # of an answer that broke off the job stays, to be read again


def test_a_service_that_redirects_is_followed(box: Box, tap: ConsDbTap, other: AsyncConsDbTap) -> None:
    expected = tap.query(SOME)
    box.controls.tap(redirect=True)
    assert_frame_equal(tap.query(SOME), expected)
    assert_frame_equal(asyncio.run(other.query(SOME)), expected)


def test_results_on_a_storage_host_are_read_without_the_token(
    box: Box, tap: ConsDbTap, other: AsyncConsDbTap, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = tap.query(SOME)
    monkeypatch.setenv("SSL_CERT_FILE", str(box.ca_file))
    box.controls.tap(storage=True, redirect=True)  # the storage refuses whoever shows a credential
    for more in ({}, {"as_job": True}):
        assert_frame_equal(tap.query(SOME, **more), expected)
        assert_frame_equal(asyncio.run(other.query(SOME, **more)), expected)


# -- jobs


def test_a_job_outlives_its_client(box: Box, tap: ConsDbTap, other: AsyncConsDbTap) -> None:
    job = tap.submit(SOME)
    assert isinstance(job, Job)
    found = other.job(job.url)
    assert isinstance(found, AsyncJob)
    asyncio.run(found.wait(30))
    assert_frame_equal(asyncio.run(found.result()), tap.query(SOME))
    assert tap.jobs()["url"].tolist() == [job.url]
    with tap.job(job.url) as again:
        assert_frame_equal(again.result(), tap.query(SOME))
    assert len(tap.jobs()) == 0


def test_a_job_that_takes_too_long_goes_on(box: Box, ceiling: Callable[[float], float]) -> None:
    box.controls.tap(hold="EXECUTING")
    client = ConsDbTap(box.site_url, box.token, query_timeout=1.0)
    with pytest.raises(TimedOut) as caught:
        client.query(SOME, as_job=True)
    (job,) = box.controls.tap_jobs()
    assert job["phase"] == "EXECUTING"
    box.controls.tap(hold="")
    found = blocking(box.site_url, box.token)
    url: str = caught.value.job_url  # type: ignore[attr-defined]
    with found.job(url) as again:
        assert_frame_equal(again.result(), found.query(SOME))


@pytest.mark.parametrize("phase", ["ERROR", "ABORTED", "ARCHIVED"])
def test_jobs_that_end_otherwise_are_errors(box: Box, tap: ConsDbTap, other: AsyncConsDbTap, phase: str) -> None:
    box.controls.tap(hold=phase, words="the replica is away")
    for ask in (lambda: tap.query(SOME, as_job=True), lambda: asyncio.run(other.query(SOME, as_job=True))):
        with pytest.raises(SkykeyError) as caught:
            ask()
        if phase == "ERROR":
            assert caught.value.words == "the replica is away"
    assert box.controls.tap_jobs() == []


def test_waiting_is_not_asking_over_and_over(box: Box, tap: ConsDbTap) -> None:
    tap.query("select count(*) as n from cdb_lsstcam.visit1", as_job=True)
    looked = [each for each in asked(box) if each[0] == "GET" and each[1].startswith("/async/")]
    assert len(looked) <= 5  # the job, perhaps a change of phase or two, the result


def test_a_job_that_was_cancelled_is_deleted(box: Box, other: AsyncConsDbTap) -> None:
    box.controls.tap(hold="EXECUTING")

    async def main() -> None:
        task = asyncio.ensure_future(other.query(SOME, as_job=True))
        while not box.controls.tap_jobs():  # noqa: ASYNC110 - it is in another process
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert box.controls.tap_jobs() == []


# -- pyvo


def test_pyvo_gets_the_same_with_the_same_token(box: Box, tap: ConsDbTap) -> None:
    service = tap.tap
    assert service is tap.tap
    assert type(service).__name__ == "TAPService"
    assert service.baseurl == f"{box.site_url}/api/consdbtap"
    with closing_all(tap.credential):
        found = service.run_sync(SOME).to_table().to_pandas()
        assert found["visit_id"].tolist() == tap.query(SOME)["visit_id"].tolist()
        by_job = service.run_async(SOME).to_table()
        assert len(by_job) == len(found)


def test_pyvo_reads_the_columns_of_a_table_with_the_same_token(box: Box, tap: ConsDbTap) -> None:
    """Its own list of tables forgets the session."""
    with closing_all(tap.credential):
        tables = tap.tap.tables
        assert tables is tap.tap.tables
        assert "cdb_lsstcam.visit1" in tables
        named = [column.name for column in tables["cdb_lsstcam.visit1"].columns]
        assert sorted(named) == sorted(tap.columns("cdb_lsstcam.visit1")["column_name"])
    assert ("GET", "/tables/cdb_lsstcam.visit1") in asked(box)


def test_a_new_token_is_used_by_whoever_has_the_session() -> None:
    def answer(seen: Seen) -> bytes:
        return reply(200, seen.headers.get("authorization", ""))

    with serving(answer) as server:
        client = blocking(server.url)
        session = client.credential
        assert isinstance(session, KeptSession)
        assert session is client.credential
        assert session.get(server.url).text == f"Bearer {TOKEN}"
        with serving(answer) as elsewhere:
            assert session.get(elsewhere.url).text == ""


def test_a_client_that_has_a_session_can_be_pickled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCESS_TOKEN", TOKEN)
    client = get_clients(site="usdf")["consdb_tap"]
    assert client.tap is not None
    client._flows()
    data = pickle.dumps(client)
    assert TOKEN.encode() not in data
    assert pickle.loads(data).url == client.url


@pytest.mark.parametrize(("missing", "attribute"), [("pyvo", "tap"), ("requests", "credential")])
def test_without_the_extra_it_says_which(monkeypatch: pytest.MonkeyPatch, missing: str, attribute: str) -> None:
    import sys

    from skykey.values.errors import MissingExtra

    gone = [
        name
        for name in sys.modules
        if name.partition(".")[0] == missing or name.startswith("skykey.credentials.handoff")
    ]
    for name in gone:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingExtra, match="vo") as caught:
        getattr(blocking("https://a.example"), attribute)
    assert "skykey[vo]" in (caught.value.next or "")


@pytest.mark.parametrize("status", [200, 400, 401, 403, 500])
def test_a_token_that_the_service_says_back_is_in_no_error(status: int) -> None:
    words = f'<VOTABLE><RESOURCE><INFO name="QUERY_STATUS" value="ERROR">{TOKEN}</INFO></RESOURCE></VOTABLE>'
    with serving(lambda _: reply(status, words, Content_Type="text/xml")) as server:
        client = blocking(server.url)
        for ask in (lambda: client.query("select 1"), lambda: client.query("select 1", as_job=True)):
            with pytest.raises(SkykeyError) as caught:
                ask()
            shown = [str(each) for each in (caught.value, caught.value.__cause__, caught.value.__context__)]
            assert TOKEN not in " ".join(shown)


def test_a_database_that_gave_up_names_the_other_way(box: Box) -> None:
    words = '<VOTABLE><RESOURCE><INFO name="QUERY_STATUS" value="ERROR">statement timeout</INFO></RESOURCE></VOTABLE>'
    with (
        serving(lambda _: reply(400, words, Content_Type="text/xml")) as server,
        pytest.raises(LimitExceeded) as caught,
    ):
        blocking(server.url).query("select 1")
    assert "as_job=True" in (caught.value.next or "")
