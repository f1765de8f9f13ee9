"""Telemetry that fails must never look like telemetry that is not there, nor like the whole of it."""

import asyncio
import http.server
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import msgpack
import pandas as pd
import pytest

from skykey.credentials.credential import Basic
from skykey.credentials.held import Held
from skykey.credentials.keeper import Keeper
from skykey.credentials.provider import Ask, Keeping
from skykey.rubin.connections import get_clients
from skykey.rubin.influx_query import AsyncInfluxQueryClient, InfluxQueryClient, telemetry
from skykey.sandbox import Box, running
from skykey.values.clock import SystemClock
from skykey.values.errors import (
    Forbidden,
    Interrupted,
    NotAuthenticated,
    NotFound,
    Overloaded,
    QueryError,
    RateLimited,
    ServiceError,
    SkykeyError,
    TimedOut,
    UnknownName,
    Unreadable,
    UsageError,
)
from skykey.values.reach import Reach
from skykey.values.secret import Secret
from skykey.values.url import Url
from tests.wire.server import Answer, Seen, reply, serving
from tools import parts

MOUNT = "lsst.sal.MTMount.elevation"
SOME = f'SELECT * FROM "{MOUNT}" LIMIT 2500'  # three chunks


class Hasty(SystemClock):
    """Waits between repeats are not what is tested here."""

    def wait(self, event: threading.Event, seconds: float | None) -> bool:
        return event.is_set()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


# -- the sandbox misbehaves


@pytest.fixture(scope="module")
def shared_box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with running(tmp_path_factory.mktemp("sandbox")) as box, pytest.MonkeyPatch.context() as patch:
        for name, value in box.environment().items():
            patch.setenv(name, value)
        patch.setenv("SKYKEY_RUBIN_SITES", f"box={box.site_url}")
        yield box


Both = tuple[InfluxQueryClient, AsyncInfluxQueryClient]


def logged_in(box: Box) -> Both:
    """Both faces, on logins of their own."""
    blocking = get_clients()["efd"]
    other = AsyncInfluxQueryClient("usdf", repertoire_site="box", auth=("user", box.token))
    blocking._clock = other._clock = Hasty()
    assert len(blocking.query(SOME)) == 2500
    asyncio.run(other.get_topics())
    return blocking, other


def ways_to_ask(both: Both) -> dict[str, Callable[[], int]]:
    blocking, other = both

    def stream() -> int:
        with blocking.stream(SOME) as rows:
            return sum(batch.num_rows for batch in rows)

    async def async_stream() -> int:
        async with other.stream(SOME) as rows:
            return sum([batch.num_rows async for batch in rows])

    return {
        "query": lambda: len(blocking.query(SOME)),
        "async_query": lambda: len(asyncio.run(blocking.async_query(SOME))),
        "AsyncInfluxQueryClient": lambda: len(asyncio.run(other.query(SOME))),
        "stream": stream,
        "async stream": lambda: asyncio.run(async_stream()),
        "select": lambda: len(blocking.select_top_n(MOUNT, "*", 2500)),
    }


@pytest.fixture(scope="module")
def both(shared_box: Box) -> Both:
    return logged_in(shared_box)


@pytest.fixture
def box(shared_box: Box, both: Both) -> Iterator[Box]:
    shared_box.controls.forget()
    yield shared_box
    shared_box.controls.reset()


@pytest.fixture(params=["query", "AsyncInfluxQueryClient", "stream", "async stream"])
def ask(request: pytest.FixtureRequest, both: Both) -> Callable[[], int]:
    return ways_to_ask(both)[request.param]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "truncate"}, Interrupted),
        ({"kind": "truncate", "after": 60_000}, Interrupted),
        ({"kind": "truncate", "after": 0}, Interrupted),
        ({"kind": "close"}, Interrupted),
        ({"kind": "html"}, Unreadable),
        ({"status": 401}, NotAuthenticated),
        ({"status": 403}, Forbidden),
        ({"status": 404}, NotFound),
        ({"status": 429}, RateLimited),
        ({"status": 400, "body": "no"}, QueryError),
        ({"status": 500}, ServiceError),
        ({"status": 503}, Overloaded),
        ({"status": 200, "body": ""}, Unreadable),
        ({"status": 204, "body": ""}, Unreadable),
        ({"status": 302, "headers": {"Location": "/login"}}, SkykeyError),
    ],
    ids=str,
)
def test_no_fault_looks_like_an_answer(box: Box, ask: Any, fault: dict[str, Any], error: type[Exception]) -> None:
    box.controls.fault(**fault, service="influxdb", times=50)
    with pytest.raises(error) as caught:
        ask()
    assert isinstance(caught.value, SkykeyError)
    assert not isinstance(caught.value, UnknownName)
    # As soon as it is over, everything is there again.
    box.controls.reset()
    assert ask() == 2500


def test_what_is_over_soon_is_repeated(box: Box, ask: Any, request: pytest.FixtureRequest) -> None:
    # An answer that was cut has cost the server what a whole one does: it is asked for once more.
    for fault, times in (({"kind": "close"}, 2), ({"status": 503}, 2), ({"status": 429}, 2), ({"kind": "truncate"}, 1)):
        box.controls.fault(**{"after": 100, **fault}, service="influxdb", times=times)
        assert ask() == 2500


def test_a_stream_that_was_cut_is_not_begun_again(box: Box, both: Both) -> None:
    """The rows that were handed out would come twice."""
    assert len(both[0].select_top_n(MOUNT, "*", 1)) == 1  # it knows the schema, so that the cut meets the rows
    box.controls.forget()
    box.controls.fault("truncate", after=60_000, service="influxdb")
    seen: list[int] = []
    with both[0].stream(SOME) as rows, pytest.raises(Interrupted):
        seen.extend(batch.num_rows for batch in rows)
    assert seen == [1000]
    assert len(box.controls.requests("influxdb")) == 1


def test_a_new_password_is_fetched_once(box: Box) -> None:
    for name in ways_to_ask(logged_in(box)):
        ask = ways_to_ask(logged_in(box))[name]  # new clients: a keeper remembers for a while what was refused
        box.controls.change_password()
        box.controls.forget()
        assert ask() == 2500, name
        assert len([seen for seen in box.controls.requests("repertoire") if "/influxdb/" in seen.path]) == 1, name


# -- a server answers whatever it likes


@dataclass
class Fixed:
    """A login that is known."""

    url: str
    database: str = "d"
    name: str = "the test's login"
    keeping: Keeping = Keeping.IN_PROCESS

    def obtain(self, held: Held[Basic] | None, ask: Ask, /) -> Held[Basic]:
        reach = Reach.named(Url(self.url), said_by=self.name)
        facts = MappingProxyType({"url": self.url, "database": self.database})
        return Held(Basic("reader", Secret("a-password"), reach), self.name, facts=facts)

    def changed(self, held: Held[Basic], /) -> bool:
        return False


def client_of(url: str) -> InfluxQueryClient:
    client = telemetry("usdf", "d", Keeper(Fixed(url)))
    client._clock = Hasty()
    return client


@pytest.fixture
def canned() -> Iterator[tuple[list[bytes], InfluxQueryClient]]:
    """Answers every question with these bytes."""
    answer: list[bytes] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = b"".join(answer)
            self.send_response(200)
            self.send_header("Content-Type", "application/x-msgpack")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield answer, client_of(f"http://127.0.0.1:{server.server_port}/")
        server.shutdown()
        thread.join()


def document(*values: list[Any], partial: bool = False, **more: Any) -> bytes:
    series = {"name": "m", "columns": ["time", "f"], "values": [list(value) for value in values]}
    result: dict[str, Any] = {"statement_id": 0, "series": [series], **({"partial": True} if partial else {})}
    packed: bytes = msgpack.packb({"results": [{**result, **more}]})
    return packed


WHOLE = [document([1, 1.5], partial=True), document([2, 2.5])]
KILLED = msgpack.packb({"results": [{"error": "query-timeout limit exceeded"}]})


def test_one_question_has_one_time_limit() -> None:
    """The login, the schema and the rows share it; each of them alone would be in time."""

    def slow(seen: Seen) -> Answer:
        time.sleep(0.4)
        shape = (["fieldKey", "fieldType"], ["f", "float"]) if "FIELD" in seen.target else (["tagKey"], ["t"])
        series = {"name": "m", "columns": shape[0], "values": [shape[1]]}
        body = msgpack.packb({"results": [{"statement_id": 0, "series": [series]}]})
        return reply(200, body, Content_Type="application/x-msgpack")

    class SlowLogin(Fixed):
        def obtain(self, held: Held[Basic] | None, ask: Ask, /) -> Held[Basic]:
            time.sleep(0.8)
            return super().obtain(held, ask)

    with serving(slow) as server:
        for login, limit in ((Fixed(server.url), 0.6), (SlowLogin(server.url), 0.3)):
            client = telemetry("usdf", "d", Keeper(login))
            client.query_timeout = limit
            with pytest.raises(TimedOut):
                client.select_top_n("m", "*", 1)
            with pytest.raises(TimedOut):
                asyncio.run(client.async_select_top_n("m", "*", 1))


def test_what_changes_the_server_is_sent_once() -> None:
    with serving(lambda _: reply(503, "away")) as server:
        client = client_of(server.url)
        for statement, times in (
            ("SELECT f INTO n FROM m", 1),
            ("DROP SERIES FROM m", 1),
            ("SELECT mean(f) FROM m", 4),
        ):
            server.seen.clear()
            with pytest.raises(Overloaded):
                client.query(statement)
            assert len(server.seen) == times, statement


def test_a_statement_of_comments_only_is_not_sent() -> None:
    with serving(lambda _: reply(200)) as server:
        for statement in ("", ";", "/* only a comment */"):
            with pytest.raises(UsageError, match="empty"):
                client_of(server.url).query(statement)
        assert not server.seen


def test_a_canned_answer_is_read(canned: tuple[list[bytes], InfluxQueryClient]) -> None:
    answer, client = canned
    answer[:] = WHOLE
    frame = client.query("SELECT mean(f) FROM m")
    assert frame["f"].tolist() == [1.5, 2.5]
    assert pd.DatetimeIndex(frame.index).asi8.tolist() == [1, 2]


def test_tags_stand_in_one_order_whatever_the_server_makes_of_it(canned: tuple[list[bytes], InfluxQueryClient]) -> None:
    """The real one sends them in MessagePack in the order of a Go map, which is another each time."""
    answer, client = canned
    for tags in ({"a": "1", "b": "2", "c": "3"}, {"c": "3", "a": "1", "b": "2"}, {"b": "2", "c": "3", "a": "1"}):
        series = {"name": "m", "tags": tags, "columns": ["time", "f"], "values": [[1, 1.5]]}
        answer[:] = [msgpack.packb({"results": [{"statement_id": 0, "series": [series]}]})]
        assert list(client.query("SELECT mean(f) FROM m GROUP BY *").columns) == ["a", "b", "c", "f"]


@pytest.mark.parametrize(
    ("parts", "error", "words"),
    [
        (WHOLE[:1], Interrupted, "before it was whole, after 1 rows"),
        ([*WHOLE, WHOLE[0][:20]], Interrupted, "before it was whole"),
        ([], Interrupted, "before it was whole"),
        ([WHOLE[0], KILLED], QueryError, "query-timeout limit exceeded"),
        ([WHOLE[0], msgpack.packb({"error": "query killed"})], QueryError, "query killed"),
        ([document([1, 1.5], error="max-select-point limit exceeded")], QueryError, "max-select-point"),
        ([WHOLE[0], document(statement_id=1)], QueryError, "several statements"),
        ([b"\xc1" * 10], Unreadable, "not an answer"),
        ([b"<html>"], Unreadable, "not an answer"),
        ([msgpack.packb([1, 2])], Unreadable, "not an answer"),
        ([msgpack.packb({})], Unreadable, "not an answer"),
        ([document([1])], Unreadable, "not an answer"),
        ([document([1, 2**63])], Unreadable, "not an answer"),
        ([document(["yesterday", 1.5])], Unreadable, "not an answer"),
        ([document([None, 1.5], [2, "text"])], Unreadable, "not an answer"),
    ],
    ids=str,
)
def test_a_killed_cut_or_garbled_answer_raises(
    canned: tuple[list[bytes], InfluxQueryClient], parts: list[bytes], error: type[Exception], words: str
) -> None:
    answer, client = canned
    answer[:] = parts
    with pytest.raises(error, match=words):
        client.query("SELECT mean(f) FROM m")
    with pytest.raises(error, match=words), client.stream("SELECT mean(f) FROM m") as rows:
        list(rows)
    with pytest.raises(error, match=words):
        asyncio.run(client.async_query("SELECT mean(f) FROM m"))


# -- what the real server does, and the sandbox has no means to do


@pytest.fixture(scope="module")
def influxd() -> Iterator[tuple[InfluxQueryClient, Callable[[str], None]]]:
    with parts.influxdb(auth=False, settings={"coordinator": {"query-timeout": "1s"}}) as server:
        print(f"\nInfluxDB {server.version}")

        def post(path: str, body: str) -> None:
            with urllib.request.urlopen(f"{server.url.rstrip('/')}/{path}", body.encode()) as response:
                response.read()

        post("query?q=CREATE+DATABASE+d", "")
        yield client_of(server.url), lambda lines: post("write?db=d&precision=ns", lines)


@pytest.mark.interop
def test_a_field_may_be_called_like_a_tag(influxd: tuple[InfluxQueryClient, Callable[[str], None]]) -> None:
    client, write = influxd
    write("same,x=v,t=w x=1.5,y=2i 10")
    night = ("1970-01-01T00:00Z", "1970-01-02T00:00Z")
    later = ("1971-01-01T00:00Z", "1971-01-02T00:00Z")
    every = client.select_time_series("same", "*", *night)
    assert every.iloc[0].to_dict() == {"t": "w", "x": 1.5, "x_1": "v", "y": 2}
    assert client.select_time_series("same", ["x"], *night)["x"].tolist() == [1.5]
    latest = client.select_top_n("same", "*", 1)
    assert latest.iloc[0].to_dict() == {"t": "w", "x_1": "v", "x": 1.5, "y": 2}
    with client.stream("SELECT * FROM same") as rows:
        assert [batch.column("x").to_pylist() for batch in rows] == [[1.5]]
    for empty, full in ((client.select_time_series("same", "*", *later), every),):
        assert dict(empty.dtypes) == dict(full.dtypes)
        assert list(empty.columns) == list(full.columns)


@pytest.mark.interop
def test_a_field_that_appeared_since_the_schema_was_asked_is_found(
    influxd: tuple[InfluxQueryClient, Callable[[str], None]],
) -> None:
    client, write = influxd
    write("growing old=1 1000000000")
    assert client.select_time_series("growing", "old", "1970-01-01", "1970-01-02")["old"].to_list() == [1.0]
    write("growing new=2 2000000000")
    assert client.select_time_series("growing", ["new"], "1970-01-01", "1970-01-02")["new"].to_list() == [2.0]


@pytest.mark.interop
def test_tags_alone_are_an_error_and_not_an_empty_answer(
    influxd: tuple[InfluxQueryClient, Callable[[str], None]],
) -> None:
    client, write = influxd
    write("tagged,host=a f=1.5 10")
    with pytest.raises(UsageError, match="tags only"):
        client.select_top_n("tagged", ["host"], 1)
    assert client.select_top_n("tagged", ["host", "f"], 1).iloc[0].to_dict() == {"host": "a", "f": 1.5}


@pytest.mark.interop
def test_a_query_that_the_server_kills_raises(influxd: tuple[InfluxQueryClient, Callable[[str], None]]) -> None:
    client, write = influxd
    write("big a=1.5 1\nbig a=2.5 99999999999")
    statement = "SELECT mean(a) FROM big WHERE time >= 0 AND time <= 100s GROUP BY time(1u) fill(0)"  # 1e8 rows
    with pytest.raises(QueryError, match="timeout"):
        client.query(statement)
    with pytest.raises(QueryError, match="timeout"):
        asyncio.run(client.async_query(statement))
    seen: list[int] = []
    with client.stream(statement) as rows, pytest.raises(QueryError, match="timeout"):
        seen.extend(batch.num_rows for batch in rows)
    assert 0 < sum(seen) < 10**8


@pytest.mark.interop
def test_a_field_that_changed_its_type_comes_as_the_server_casts_it(
    influxd: tuple[InfluxQueryClient, Callable[[str], None]], caplog: pytest.LogCaptureFixture
) -> None:
    """InfluxDB knows a field's type by the week; one written as 3i in one and as 3.5 in another is a float."""
    client, write = influxd
    week = 7 * 86_400 * 10**9
    write(f'mixed n=3i,s="a",k=1i 1\nmixed n=3.5,s=true,k=2i {week * 4}\nmixed n=4i,s=7i,k=3i {week * 8}')
    first, last = "1970-01-01", "1970-03-31"
    frame = client.select_time_series("mixed", ["n", "k"], first, last)
    assert frame["n"].tolist() == [3.0, 3.5, 4.0]
    assert list(map(str, frame.dtypes)) == ["float64", "Int64"]
    # The same type where only whole numbers are.
    early = client.select_time_series("mixed", ["n"], first, "1970-01-02")
    assert (early["n"].tolist(), str(early["n"].dtype)) == ([3.0], "float64")
    assert str(client.select_time_series("mixed", ["n"], "1980-01-01", "1980-01-02")["n"].dtype) == "float64"
    assert "mixed_types" not in frame.attrs
    # What has no common type is given as it comes, which is said, and it can be asked for by its name.
    strings = client.select_time_series("mixed", ["s"], first, "1970-01-02")
    assert (strings["s"].tolist(), str(strings["s"].dtype)) == (["a"], "str")
    assert strings.attrs["mixed_types"] == ["s"]
    assert 'the field s of "mixed" has different types' in caplog.text
    numbers = client.select_time_series("mixed", ["s"], "1970-02-20", last)
    assert (numbers["s"].tolist(), str(numbers["s"].dtype)) == ([7], "Int64")
    fields = client.get_fields("mixed")
    assert sorted(fields.loc[fields["fieldKey"] == "s", "fieldType"]) == ["boolean", "integer", "string"]


@pytest.mark.interop
def test_strange_names_and_values_survive(influxd: tuple[InfluxQueryClient, Callable[[str], None]]) -> None:
    client, write = influxd
    topic, field, tag = 'a "topic", with\\signs = 1', "the 'field' \"x\", ü", "t g"

    def escaped(text: str) -> str:
        return text.replace(",", "\\,").replace(" ", "\\ ").replace("=", "\\=")

    text = 'two\nlines, "quoted" \\ and ü\U0001f52d'
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    measurement = topic.replace(",", "\\,").replace(" ", "\\ ")
    write(f'{measurement},{escaped(tag)}={escaped("v 1,=2")} {escaped(field)}="{quoted}",i=-9223372036854775808i 5')
    write(f'{measurement},{escaped(tag)}=w {escaped(field)}="",i=9223372036854775807i 6')
    for frame in (
        client.select_time_series(topic, [field, "i", tag], "1970-01-01", "1970-01-02"),
        client.select_time_series(topic, "*", "1970-01-01", "1970-01-02"),
        client.select_top_n(topic, [field, "i"], 1).sort_index(),
    ):
        assert frame[field].tolist() == [text, ""]
        assert frame["i"].tolist() == [-(2**63), 2**63 - 1]
        assert frame[tag].tolist() == ["v 1,=2", "w"]
        assert isinstance(frame["i"].dtype, pd.Int64Dtype)
    empty = client.select_time_series(topic, [field, "i"], "1980-01-01", "1980-01-02")
    assert list(empty.columns) == [field, "i"]
