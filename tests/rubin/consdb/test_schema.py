"""What ConsDB says about itself: asked once, typed so that nothing overflows, names that help."""

import asyncio
import json
import threading
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

from skykey.rubin.consdb import schema as consdb_schema
from skykey.rubin.consdb.schema import arrow_type
from skykey.rubin.consdb_query import AsyncConsDbFastAPI, ConsDbFastAPI
from skykey.sandbox import Box, running
from skykey.sandbox.consdb import schema
from skykey.values.errors import NotFound, QueryError, UnknownName, Unreadable, UsageError
from tests.rubin.scripted_consdb import AUTH, ScriptedConsDb, asynchronous, blocking, failed, rows_of
from tests.wire.server import Seen, as_json, reply, serving


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with running(tmp_path_factory.mktemp("sandbox")) as started:
        yield started


@pytest.fixture
def consdb(box: Box) -> ConsDbFastAPI:
    box.controls.forget()
    return ConsDbFastAPI(box.site_url, ("user", box.token))


# -- the routes, in both faces


def test_what_there_is_can_be_listed(box: Box, consdb: ConsDbFastAPI) -> None:
    async def other() -> Any:
        client = AsyncConsDbFastAPI(box.site_url, ("user", box.token))
        return (
            await client.metadata(),
            await client.instruments(),
            await client.tables("lsstcam"),
            await client.columns.arrow("lsstcam", "visit1"),
        )

    metadata, instruments = consdb.metadata(), consdb.instruments()
    tables, columns = consdb.tables("LSSTCam"), consdb.columns.arrow("lsstcam", "cdb_lsstcam.visit1")
    assert (metadata, instruments, tables, columns) == asyncio.run(other())
    assert instruments == metadata["instruments"] == ["latiss", "lsstcam", "lsstcomcam"]
    assert tables == [name for name in schema.tables() if name.startswith("cdb_lsstcam.")]
    expected = schema.tables()["cdb_lsstcam.visit1"]
    assert columns.column("name").to_pylist() == [column.name for column in expected]
    assert columns.column("type").to_pylist() == [column.sql for column in expected]
    assert list(map(str, consdb.columns("lsstcam", "visit1").dtypes)) == ["str"] * 3


def test_everything_is_asked_once(box: Box, consdb: ConsDbFastAPI) -> None:
    for _ in range(2):
        consdb.metadata(), consdb.instruments(), consdb.tables("lsstcam"), consdb.columns("LSSTCam", "visit1")
        consdb.columns("cdb_lsstcam", "cdb_lsstcam.VISIT1")
    assert [seen.path for seen in box.controls.requests("consdb")] == [
        "/consdb/",
        "/consdb/schema",
        "/consdb/schema/lsstcam",
        "/consdb/schema/lsstcam/visit1",
    ]


def test_who_changes_a_list_changes_it_for_nobody_else(consdb: ConsDbFastAPI) -> None:
    for give in (consdb.metadata, consdb.instruments, lambda: consdb.tables("latiss")):
        give().clear()
        assert give()


def test_one_observation_is_all_that_is_known_of_it(consdb: ConsDbFastAPI) -> None:
    found = consdb.obs("lsstcam", "visit1", 2026032000120)
    assert (found["visit_id"], found["band"], found["obs_start"]) == (2026032000120, "r", "2026-03-21T02:07:20")
    assert set(consdb.obs("lsstcam", "exposure", 2026032000120, flex=True)) >= {"exposure_id"}
    with pytest.raises(NotFound, match="not found"):
        consdb.obs("lsstcam", "visit1", 1)
    with pytest.raises(LookupError):
        consdb.obs("lsstcam", "visit1", 1)
    with pytest.raises(QueryError, match="'exposure', 'visit1'"):
        consdb.obs("lsstcam", "night", 1)


# -- names


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda consdb: consdb.tables("lsstcan"), "lsstcam"),
        (lambda consdb: consdb.tables("decam"), "lsstcomcam"),  # few enough to name them all
        (lambda consdb: consdb.columns("lsstcam", "visit2"), "visit1"),
        (lambda consdb: consdb.columns("lsstcam", "zzz"), "tables\\(instrument\\)"),
        (lambda consdb: consdb.get_visits("lsstcan"), "lsstcam"),
        (lambda consdb: consdb.query_ccdvisits("lsstcan", 1), "lsstcam"),
        (lambda consdb: consdb.obs("lsstcan", "visit1", 1), "lsstcam"),
    ],
)
def test_an_unknown_name_brings_similar_ones(consdb: ConsDbFastAPI, ask: Any, words: str) -> None:
    with pytest.raises(UnknownName, match=words) as caught:
        ask(consdb)
    assert isinstance(caught.value, KeyError)


def test_no_name_goes_out_that_is_none() -> None:
    with serving(lambda _: reply(500)) as server:
        client = blocking(server.url)
        for ask in (
            lambda: client.tables("lsstcam/../.."),
            lambda: client.tables(""),
            lambda: client.columns("lsstcam", "visit1?x"),
            lambda: client.columns("lsstcam", "cdb_latiss.visit1"),
            lambda: client.obs("lsstcam", "../x", 1),
            lambda: client.obs("lsstcam", "visit1", "1/x"),  # type: ignore[arg-type]
            lambda: client.get_visits("lsstcam; drop table x"),
        ):
            with pytest.raises(UsageError):
                ask()
        assert not server.seen


# -- remembered


def test_many_at_once_ask_once() -> None:
    consdb = ScriptedConsDb(lambda _: rows_of(["visit_id"]))
    held = threading.Event()

    def slow(seen: Seen) -> Any:
        held.wait(10)
        return consdb(seen)

    with serving(slow) as server:
        client = ConsDbFastAPI(server.url, AUTH)
        threads = [threading.Thread(target=client.columns, args=("lsstcam", "visit1")) for _ in range(5)]
        for thread in threads:
            thread.start()
        while not server.seen:
            threading.Event().wait(0.01)
        held.set()
        for thread in threads:
            thread.join(10)
        assert consdb.schemas == ["/consdb/schema/lsstcam/visit1"]


def test_a_table_that_came_to_be_is_found_at_once() -> None:
    """That there is none is not remembered."""
    consdb = ScriptedConsDb(lambda _: rows_of([]))
    with serving(consdb) as server:
        client = blocking(server.url)
        with pytest.raises(UnknownName):
            client.columns("lsstcam", "new")
        consdb.tables["new"] = {"a": ["TEXT", None]}
        assert client.columns("lsstcam", "new")["name"].tolist() == ["a"]


def test_names_from_anywhere_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consdb_schema, "_MOST_MEMOS", 10)
    with serving(ScriptedConsDb(lambda _: rows_of([]))) as server:
        client = blocking(server.url)
        for number in range(25):
            with pytest.raises(UnknownName):
                client.columns("lsstcam", f"t{number}")
        assert len(client._memos) <= 10


# -- types


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        *((sql, pa.int64()) for sql in ("BIGINT", "INTEGER", "smallint")),
        *((sql, pa.float64()) for sql in ("DOUBLE PRECISION", "double  precision", "REAL", "FLOAT(53)")),
        *((sql, pa.string()) for sql in ("VARCHAR", "VARCHAR(20)", "TEXT", "CHAR(1)")),
        ("BOOLEAN", pa.bool_()),
        ("TIMESTAMP", pa.timestamp("us")),
        ("TIMESTAMP WITHOUT TIME ZONE", pa.timestamp("us")),
        ("TIMESTAMP WITH TIME ZONE", pa.timestamp("us", "UTC")),
        ("DATE", pa.date32()),
        ("NUMERIC(10, 2)", pa.decimal128(10, 2)),
        ("NUMERIC(10)", pa.decimal128(10, 0)),
        *((sql, None) for sql in ("NUMERIC", "NUMERIC(99)", "JSONB", "INTEGER[]", "TIMESTAMP[]", "VARCHAR(2)[]", "")),
    ],
)
def test_a_type_in_sql_is_one_in_arrow(sql: str, kind: pa.DataType | None) -> None:
    assert arrow_type(sql) == kind


def test_every_type_of_the_public_schemas_is_known() -> None:
    kinds = {column.sql for columns in schema.tables().values() for column in columns}
    assert len(kinds) > 8
    assert None not in map(arrow_type, kinds)


@pytest.mark.parametrize(
    "document", ["[]", '"x"', "null", '{"a": "BIGINT"}', '{"a": [1, null]}', '{"a": []}', '{"a": ["TEXT", 5]}', "{"]
)
def test_an_odd_schema_is_an_error_and_no_table(document: str) -> None:
    def odd(seen: Seen) -> Any:
        return as_json(document) if seen.method == "GET" else rows_of(["visit_id"], [1])

    with serving(odd) as server:
        client = blocking(server.url)
        for ask in (
            lambda: client.columns("lsstcam", "visit1"),
            lambda: client.get_visits("lsstcam"),
            lambda: client.query("select * from cdb_lsstcam.visit1"),
            lambda: asyncio.run(asynchronous(server.url).get_visits("lsstcam")),
        ):
            with pytest.raises(Unreadable):
                ask()
        if document != "[]":
            with pytest.raises(Unreadable):
                client.tables("lsstcam")


@pytest.mark.parametrize("said", [{"valid": 5}, {"valid": [1, None]}, {"valid": [], "value": None}, [], "no"])
def test_an_odd_refusal_is_still_one(said: Any) -> None:
    body = {"message": "Invalid \x1b[31mthing", "value": "x\n", **said} if isinstance(said, dict) else said
    with serving(lambda _: as_json(json.dumps(body), 404)) as server:
        with pytest.raises((UnknownName, NotFound)) as caught:
            blocking(server.url).tables("lsstcam")
        assert str(caught.value).isprintable() or "\n" in str(caught.value)
        assert "\x1b" not in str(caught.value)


def test_an_error_of_the_database_is_one_here_too() -> None:
    with (
        serving(lambda _: failed("(psycopg2.errors.UndefinedTable) no")) as server,
        pytest.raises(QueryError, match="UndefinedTable"),
    ):
        blocking(server.url).tables("lsstcam")
