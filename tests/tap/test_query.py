"""One question to a TAP service: what is sent, in which format it comes, and what is no whole answer."""

import datetime as dt
import io
import threading
import time
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.time import Time

import skykey
from skykey.calls.perform import perform
from skykey.rubin.consdb.tap import _widened
from skykey.tables.votable import VOTableBatches
from skykey.tap.client import TapFlows
from skykey.tap.customs import Customs
from skykey.values.clock import SYSTEM_CLOCK
from skykey.values.errors import (
    Forbidden,
    Interrupted,
    LimitExceeded,
    NotAuthenticated,
    Overloaded,
    QueryError,
    RateLimited,
    Redirected,
    SkykeyError,
    TimedOut,
    Unreadable,
    UsageError,
)
from skykey.wire.pools import PROCESS_POOLS
from tests.tables.collecting import collected
from tests.tap.scripted_tap import (
    BINARY2,
    FIELDS,
    OFFERED,
    PARQUET,
    VOTABLE,
    Face,
    ScriptedTap,
    as_parquet,
    as_votable,
    capabilities,
    info,
    parts,
    refused,
    votable,
)
from tests.wire.server import reply, serving

ROWS = {"n": [1, 2], "s": ["a", "b"]}
AB = ((1, "a"), (2, "b"))
TABLEDATA = "application/x-votable+xml; serialization=tabledata"


def as_csv(text: str) -> bytes:
    return reply(200, text, Content_Type="text/csv;header=present")


def by_format(sent: dict[str, str]) -> bytes:
    match sent.get("RESPONSEFORMAT"):
        case "text/csv":
            return as_csv("n,s\r\n1,a\r\n2,b\r\n")
        case mime if mime == PARQUET:
            return as_parquet(*AB, infos=info("OK"))
        case _ if sent.get("MAXREC") == "0":
            return as_votable(after=info("OVERFLOW"))
        case _:
            return as_votable(*AB)


# -- what is sent


def test_a_question_costs_two_requests_and_the_next_one_one(face: Face) -> None:
    service = ScriptedTap(by_format)
    with serving(service) as server:
        client = face.client(server.url)
        found = face.do(client.query, "select n, s from t")
        face.do(client.query, "select n, s from t")
    assert found.arrow.to_pydict() == ROWS
    assert (found.end.complete, found.end.cut_by) == (True, None)
    assert found.facts == {"query": "select n, s from t"}
    assert service.calls == ["GET /capabilities", "POST /sync", "POST /sync"]
    sent = {"REQUEST": "doQuery", "LANG": "ADQL", "QUERY": "select n, s from t", "RESPONSEFORMAT": PARQUET}
    assert service.asked == [sent, sent]


def test_values_are_quoted_and_limits_sent(face: Face) -> None:
    service = ScriptedTap()
    with serving(service) as server:
        client = face.client(server.url)
        values = {"b": "O'Neil", "t": Time("2026-03-20T12:00:37", scale="tai"), "n": [1, 2]}
        face.do(client.query, "select * from t where b = :b and t > :t and n in :n", values, maxrec=np.int64(5))
    assert service.asked[0]["QUERY"] == (
        "select * from t where b = 'O''Neil' and t > '2026-03-20T12:00:00.000000' and n in (1, 2)"
    )
    assert service.asked[0]["MAXREC"] == "5"


@pytest.mark.parametrize(
    ("statement", "more"),
    [
        ("", {}),
        (" -- nothing\n;", {}),
        (b"select 1", {}),
        ("select :a", {"values": {"b": 1}}),
        ("select :a", {"values": {"a": None}}),
        ("select 1", {"maxrec": -1}),
        ("select 1", {"maxrec": True}),
        ("select 1", {"maxrec": "5"}),
        ("select 1", {"uploads": {"a b": {"x": [1]}}}),
        ("select 1", {"uploads": {"a": {"x": [1]}, "A": {"x": [1]}}}),
        ("select 1", {"uploads": {"a": 7}}),
        ("select 1", {"uploads": {"a": b"not a table"}}),
        ("select 1", {"uploads": {"a": "/etc/passwd"}}),
        ("select 1", {"uploads": {"a": "https://x.example/t;b,https://y.example/"}}),
        ("select 1", {"uploads": {"a": "https://x.example/t?a=1,2"}}),
        ("select '\udc80'", {}),
        ("select :a", {"values": {"a": "\udc80"}}),
        ("select :a", {}),
        ("select :a, :b", {"values": {"a": 1}}),
    ],
)
def test_what_cannot_be_asked_is_refused_before_any_request(face: Face, statement: Any, more: dict[str, Any]) -> None:
    service = ScriptedTap()
    with serving(service) as server:
        with pytest.raises(UsageError):
            face.do(face.client(server.url).query, statement, **more)
        with pytest.raises(UsageError):
            face.do(face.client(server.url).query, statement, **{**more, "as_job": True})
    assert service.calls == []


def test_tables_go_along(face: Face) -> None:
    seen = []
    service = ScriptedTap()

    def watched(one: Any) -> Any:
        seen.append(one)
        return service(one)

    frame = pd.DataFrame({"ra": [1.5, None], "name": ["ä", "b"]})
    with serving(watched) as server:
        uploads = {"mine": frame, "raw": votable((1, "a"))}
        face.do(face.client(server.url).query, "select * from tap_upload.mine", uploads=uploads)
    sent = parts(seen[-1])
    assert sent["UPLOAD"] == b"mine,param:mine;raw,param:raw"
    assert sent["QUERY"] == b"select * from tap_upload.mine"
    assert sent["raw"] == votable((1, "a"))
    assert collected(VOTableBatches(), sent["mine"]).arrow.to_pydict() == {"ra": [1.5, None], "name": ["ä", "b"]}


@pytest.mark.parametrize("second", ["1", "2"])
def test_columns_of_one_name_are_one_where_they_are_equal(face: Face, second: str) -> None:
    fields = '<FIELD name="x" datatype="int"/>' * 2
    with serving(ScriptedTap(lambda _: as_votable(("1", second), fields=fields))) as server:
        client = face.client(server.url)
        found = face.do(client.query, "select * from a, b")
        *batches, _ = face.batches(client.stream("select * from a, b"))
        bare = TapFlows(f"{server.url}/tap")
        apart = perform(bare._columns_apart("select * from a, b"), PROCESS_POOLS, SYSTEM_CLOCK)
    names = ["x"] if second == "1" else ["x", "x_1"]
    assert found.arrow.column_names == names
    assert found.facts["repeated_columns"] == {"x": names}
    assert batches[0].column_names == ["x", "x_1"]
    # For clients that know better than the values which columns are the same.
    assert apart.arrow.column_names == ["x", "x_1"]
    assert apart.facts["repeated_columns"] == {"x": ["x", "x_1"]}


def test_an_address_goes_as_it_is_where_the_service_fetches(face: Face) -> None:
    method = '<uploadMethod ivo-id="ivo://ivoa.net/std/TAPRegExt#upload-https"/>'
    service = ScriptedTap(able=capabilities(more=method))
    with serving(service) as server:
        face.do(face.client(server.url).query, "select 1 from a", uploads={"a": "https://b.example/t.xml"})
    assert service.asked[0]["UPLOAD"] == "a,https://b.example/t.xml"


def test_what_the_service_does_not_take_is_said_before_the_query(face: Face) -> None:
    plain = capabilities().replace('<uploadMethod ivo-id="ivo://ivoa.net/std/TAPRegExt#upload-inline"/>', "")
    small = capabilities(more='<uploadLimit><hard unit="byte">100</hard></uploadLimit>')
    for able, given, words in (
        (plain, {"x": [1]}, "does not take tables"),
        (small, {"x": [1]}, "this service takes 100"),
        (small, "https://b.example/t.xml", "does not fetch"),
    ):
        service = ScriptedTap(able=able)
        with serving(service) as server, pytest.raises(UsageError, match=words):
            face.do(face.client(server.url).query, "select 1 from a", uploads={"a": given})
        assert service.calls == ["GET /capabilities"]


# -- formats


@pytest.mark.parametrize(
    ("offered", "wanted", "sent"),
    [
        (OFFERED, None, PARQUET),
        ((VOTABLE, BINARY2), None, BINARY2),
        ((VOTABLE, "text/csv"), None, None),
        ((), None, None),
        (OFFERED, "parquet", PARQUET),
        (OFFERED, "binary2", BINARY2),
        (OFFERED, "votable", VOTABLE),
        (OFFERED, "VOTABLE", VOTABLE),
        ((BINARY2,), "votable", None),
        (OFFERED, 'application/x-votable+xml; Serialization="binary2"', BINARY2),
        ((TABLEDATA,), "tabledata", TABLEDATA),
        (OFFERED, "vnd.apach", PARQUET),  # an alias
    ],
)  # fmt: skip
def test_formats_are_chosen_from_what_the_service_has(
    face: Face, offered: tuple[str, ...], wanted: str | None, sent: str | None
) -> None:
    service = ScriptedTap(able=capabilities(offered))
    with serving(service) as server:
        face.do(face.client(server.url).query, "select 1", response_format=wanted)
    assert service.asked[0].get("RESPONSEFORMAT") == sent


@pytest.mark.parametrize("wanted", ["csv", "fits", "text/tab-separated-values", ""])
def test_a_format_that_cannot_be_had_is_refused_with_those_that_can(face: Face, wanted: str) -> None:
    service = ScriptedTap(able=capabilities((VOTABLE, BINARY2, "text/tab-separated-values")))
    with serving(service) as server, pytest.raises(UsageError) as caught:
        face.do(face.client(server.url).query, "select 1", response_format=wanted)
    assert caught.value.next == "use votable, binary2"
    assert service.calls == ["GET /capabilities"]


@pytest.mark.parametrize("able", ["", "<html/>", "<VOTABLE/>", "<a", "<capabilities/>", "<!DOCTYPE a><capabilities/>"])
def test_without_capabilities_a_plain_votable_will_do(face: Face, able: str) -> None:
    service = ScriptedTap(able=able)
    with serving(service) as server:
        found = face.do(face.client(server.url).query, "select 1")
    assert found.arrow.to_pydict() == {"n": [1], "s": ["a"]}
    assert "RESPONSEFORMAT" not in service.asked[0]


@pytest.mark.parametrize("kind", [VOTABLE, "text/xml", "application/octet-stream", "", "text/plain", PARQUET])
def test_what_comes_is_read_whatever_was_asked_for(face: Face, kind: str) -> None:
    for body in (votable(*AB), as_parquet(*AB).partition(b"\r\n\r\n")[2]):
        service = ScriptedTap(lambda _, body=body: reply(200, body, Content_Type=kind))
        with serving(service) as server:
            assert face.do(face.client(server.url).query, "select 1").arrow.to_pydict() == ROWS


def test_a_service_that_refuses_its_own_format_is_asked_without(face: Face) -> None:
    def answer(sent: dict[str, str]) -> bytes:
        return refused("unknown RESPONSEFORMAT") if "RESPONSEFORMAT" in sent else as_votable(*AB)

    service = ScriptedTap(answer)
    with serving(service) as server:
        client = face.client(server.url)
        assert face.do(client.query, "select 1").arrow.to_pydict() == ROWS
        assert ["RESPONSEFORMAT" in sent for sent in service.asked] == [True, False]
        with pytest.raises(QueryError, match="RESPONSEFORMAT"):  # who asks for it by name is told
            face.do(client.query, "select 1", response_format="parquet")


def test_csv_has_the_types_of_a_votable_without_rows(face: Face) -> None:
    service = ScriptedTap(by_format)
    with serving(service) as server:
        found = face.do(face.client(server.url).query, "select n, s from t", response_format="csv")
    assert found.arrow.to_pydict() == ROWS
    assert found.arrow.schema.field("n").type == pa.int32()
    assert found.arrow.schema.field("n").metadata == {b"unit": b"m", b"ucd": b"meta.number"}
    assert sorted(sent.get("MAXREC", "") for sent in service.asked) == ["", "0"]


ONE = '<FIELD name="n" datatype="char" arraysize="*"/>'


def csv_of(text: str, kind: str, fields: str = ONE) -> Any:
    """A service that promises one thing and sends another."""

    def answer(sent: dict[str, str]) -> bytes:
        if sent.get("MAXREC") == "0":
            return as_votable(after=info("OVERFLOW"), fields=fields)
        return reply(200, text, Content_Type=kind)

    return answer


WAYS = {
    "query": lambda face, client: face.do(client.query, "select n from t", response_format="csv"),
    "job": lambda face, client: face.do(client.query, "select n from t", response_format="csv", as_job=True),
    "stream": lambda face, client: face.batches(client.stream("select n from t", response_format="csv")),
    "submit": lambda face, client: face.do(face.do(client.submit, "select n from t", response_format="csv").result),
}


class ByQuestion(ScriptedTap):
    """Its jobs' results are what they were asked for, whatever was asked beside them."""

    def __call__(self, seen: Any) -> Any:
        if seen.path.endswith("/results/result"):
            return self.answer({})
        return super().__call__(seen)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("upstream connect error\n", "text/plain"),
        ("upstream connect error", "text/csv"),
        ("oops\n", "application/octet-stream"),
        ("oops\n", ""),
        ('{"detail":"Bad gateway"}', "application/json"),
        ("n\n1\n", "application/json"),
        ("N\n1\n", "text/csv"),
        ("n,s\n1,a\n", "text/csv"),
        ("\n", "text/csv"),
        ("s\n1\n", "text/csv"),
    ],
)
def test_words_in_place_of_csv_are_no_table(face: Face, way: str, text: str, kind: str) -> None:
    with serving(ByQuestion(csv_of(text, kind))) as server, pytest.raises(Unreadable):
        WAYS[way](face, face.client(server.url))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["text/csv", "text/plain", "application/octet-stream", "binary/octet-stream", ""])
def test_csv_of_a_host_that_knows_no_media_types_is_read(face: Face, way: str, kind: str) -> None:
    with serving(ByQuestion(csv_of("n\n1\n", kind))) as server:
        found = WAYS[way](face, face.client(server.url))
    assert (found[0] if way == "stream" else found.arrow).to_pydict() == {"n": ["1"]}


@pytest.mark.parametrize("way", WAYS)
def test_csv_in_another_order_goes_by_names(face: Face, way: str) -> None:
    with serving(ByQuestion(csv_of("s,n\nb,1\n", "text/csv", FIELDS))) as server:
        found = WAYS[way](face, face.client(server.url))
    assert (found[0] if way == "stream" else found.arrow).to_pydict() == {"s": ["b"], "n": [1]}


def test_columns_of_one_name_in_csv_are_one_if_their_values_are(face: Face) -> None:
    fields = '<FIELD name="n" datatype="double"/><FIELD name="n" datatype="double"/>'
    for text, names in (("n,n\n1,1.0\n", ["n"]), ("n,n\n1,2\n", ["n", "n_1"])):
        with serving(ScriptedTap(csv_of(text, "text/csv", fields))) as server:
            found = face.do(face.client(server.url).query, "select n from t", response_format="csv")
        assert found.arrow.column_names == names
        assert found.facts["repeated_columns"] == {"n": names}


def test_csv_that_nobody_asked_for_has_no_types_and_is_refused(face: Face) -> None:
    with (
        serving(ScriptedTap(lambda _: as_csv("n,s\n1,a\n"))) as server,
        pytest.raises(Unreadable, match="CSV") as caught,
    ):
        face.do(face.client(server.url).query, "select 1")
    assert "response_format" in (caught.value.next or "")


def test_a_stream_has_the_same_rows(face: Face) -> None:
    service = ScriptedTap(by_format)
    with serving(service) as server:
        client = face.client(server.url)
        for wanted in (None, "parquet", "csv", "votable"):
            *batches, end = face.batches(client.stream("select n, s from t", response_format=wanted))
            assert pa.concat_tables(batches).to_pydict() == ROWS
            assert pa.concat_tables(batches).schema.field("n").type == pa.int32()
            assert (end.rows, end.complete) == (2, True)
    assert service.asked[0]["RESPONSEFORMAT"] == BINARY2  # rows that come as they are made


# -- limits


@pytest.mark.parametrize("form", ["votable", "parquet", "csv"])
@pytest.mark.parametrize(
    ("maxrec", "default", "hard", "cut_by"),
    [
        (2, None, None, "the question's limit of 2 rows"),
        (2, 1, 9, "the question's limit of 2 rows"),
        (None, 2, 9, "the service's limit of 2 rows"),
        (None, None, 2, "the service's limit of 2 rows"),
        (5, None, 2, "the service's limit of 2 rows, less than the 5 that the question asked for"),
    ],
)
def test_an_answer_that_was_cut_says_by_what(  # noqa: PLR0917 - one row of the table
    face: Face, form: str, maxrec: int | None, default: int | None, hard: int | None, cut_by: str
) -> None:
    def answer(sent: dict[str, str]) -> bytes:
        if sent.get("MAXREC") == "0":
            return as_votable(after=info("OVERFLOW"))
        cut = {"csv": as_csv("n,s\n1,a\n2,b\n"), "parquet": as_parquet(*AB)}
        return cut.get(form) or as_votable(*AB, after=info("OVERFLOW"))

    service = ScriptedTap(answer, able=capabilities(default=default, hard=hard))
    with serving(service) as server:
        found = face.do(face.client(server.url).query, "select 1", maxrec=maxrec, response_format=form)
    assert found.truncated
    assert found.end.cut_by == cut_by
    assert found.end.complete == (form != "votable")


@pytest.mark.parametrize("form", ["TABLEDATA", "BINARY2"])
def test_a_votable_that_does_not_say_how_it_ended_may_be_cut(face: Face, form: str) -> None:
    rows = {"TABLEDATA": "<TABLEDATA><TR><TD>1</TD></TR></TABLEDATA>"}
    rows["BINARY2"] = '<BINARY2><STREAM encoding="base64">AAAAAAE=</STREAM></BINARY2>'
    field = '<FIELD name="n" datatype="int"/>'
    body = f"<VOTABLE><RESOURCE><TABLE>{field}<DATA>{rows[form]}</DATA></TABLE></RESOURCE></VOTABLE>"
    service = ScriptedTap(lambda _: reply(200, body, Content_Type=VOTABLE), able=capabilities(hard=1))
    with serving(service) as server:
        client = face.client(server.url)
        assert face.do(client.query, "select 1").end.cut_by == "the service's limit of 1 rows"
        assert face.do(client.query, "select 1", maxrec=1).end.cut_by == "the question's limit of 1 rows"
        assert face.batches(client.stream("select 1"))[-1].truncated
        service.able = capabilities(hard=2)
        other = face.client(server.url)
        assert not face.do(other.query, "select 1", maxrec=2).truncated


@pytest.mark.parametrize("form", ["votable", "parquet", "csv"])
def test_fewer_rows_than_the_limit_are_all(face: Face, form: str) -> None:
    with serving(ScriptedTap(by_format, able=capabilities(hard=3))) as server:
        found = face.do(face.client(server.url).query, "select 1", maxrec=7, response_format=form)
    assert (found.end.complete, found.end.cut_by) == (True, None)


def test_an_overflow_that_the_service_declares_counts_whatever_the_numbers(face: Face) -> None:
    for body in (as_votable(*AB, after=info("OVERFLOW")), as_parquet(*AB, infos=info("OVERFLOW"))):
        with serving(ScriptedTap(lambda _, body=body: body)) as server:
            found = face.do(face.client(server.url).query, "select 1", maxrec=100)
        assert (found.end.complete, found.end.cut_by) == (False, "the service's row limit")


def test_a_service_that_says_that_all_is_well_is_believed(face: Face) -> None:
    with serving(ScriptedTap(lambda _: as_parquet(*AB, infos=info("OK")))) as server:
        assert not face.do(face.client(server.url).query, "select 1", maxrec=2).truncated


def test_the_statements_own_limit_is_one(face: Face) -> None:
    with serving(ScriptedTap(by_format)) as server:
        client = face.client(server.url)
        assert face.do(client.query, "select top 2 * from t").end.cut_by == "the statement's TOP"
        assert face.do(client.query, "select top 3 * from t").end.cut_by is None


def test_columns_alone(face: Face) -> None:
    with serving(ScriptedTap(lambda _: as_votable(after=info("OVERFLOW")))) as server:
        found = face.do(face.client(server.url).query, "select 1", maxrec=0)
    assert (len(found), found.arrow.schema.names, found.truncated) == (0, ["n", "s"], True)


# -- refusals


@pytest.mark.parametrize("status", [400, 500, 200])
def test_a_refusal_has_the_services_words(face: Face, status: int) -> None:
    with serving(ScriptedTap(lambda _: refused("no table x, line 1", status))) as server:
        client = face.client(server.url)
        for ask in (lambda: face.do(client.query, "select 1"), lambda: face.batches(client.stream("select 1"))):
            with pytest.raises(QueryError) as caught:
                ask()
            assert caught.value.words == "no table x, line 1"


@pytest.mark.parametrize("status", [400, 500])
def test_a_query_that_took_too_long_may_be_left_to_a_job(face: Face, status: int) -> None:
    words = "canceling statement due to statement timeout"
    with serving(ScriptedTap(lambda _: refused(words, status))) as server, pytest.raises(LimitExceeded) as caught:
        face.do(face.client(server.url).query, "select 1")
    assert "as_job=True" in (caught.value.next or "")


def test_a_gateway_that_gave_up_is_not_asked_again(face: Face) -> None:
    service = ScriptedTap(lambda _: reply(504))
    with serving(service) as server, pytest.raises(Overloaded) as caught:
        face.do(face.client(server.url).query, "select 1")
    assert "as_job=True" in (caught.value.next or "")
    assert service.calls == ["GET /capabilities", "POST /sync"]


def test_the_total_time_ends_a_query(face: Face) -> None:
    over = threading.Event()

    def slow(_: dict[str, str]) -> bytes:
        over.wait(5)
        return as_votable()

    with serving(ScriptedTap(slow)) as server:
        with pytest.raises(TimedOut) as caught:
            face.do(face.client(server.url, query_timeout=0.3).query, "select 1")
        over.set()
    assert "as_job=True" in (caught.value.next or "")


@pytest.mark.parametrize(
    "body",
    [
        votable(*AB)[:-30],
        b"",
        b"   ",
        as_parquet(*AB).partition(b"\r\n\r\n")[2][:-9] + b"disk full",
    ],
)
def test_half_an_answer_is_none(face: Face, body: bytes) -> None:
    with serving(ScriptedTap(lambda _: reply(200, body, Content_Type="application/octet-stream"))) as server:
        with pytest.raises(Interrupted):
            face.do(face.client(server.url).query, "select 1")
        with pytest.raises(Interrupted):
            face.batches(face.client(server.url).stream("select 1"))


def test_an_error_behind_the_rows_is_one(face: Face) -> None:
    for said in (
        info("ERROR", "disk full"),
        '<INFO name="QUERY_STATUS" value=" ERROR ">disk full</INFO>',
        '<INFO name=" query_status" value="error">disk full</INFO>',
    ):
        service = ScriptedTap(lambda _, said=said: as_votable(*AB, after=said))
        with serving(service) as server, pytest.raises(QueryError, match="disk full"):
            face.do(face.client(server.url).query, "select 1")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_votable_in_wide_letters_is_read(face: Face, encoding: str) -> None:
    body = (f'<?xml version="1.0" encoding="{encoding.upper()}"?>' + votable((1, "é")).decode()).encode(encoding)
    with serving(ScriptedTap(lambda _: reply(200, body, Content_Type="application/octet-stream"))) as server:
        assert face.do(face.client(server.url).query, "select 1").arrow.to_pydict() == {"n": [1], "s": ["é"]}


def stored(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return reply(200, sink.getvalue(), Content_Type=PARQUET)


@pytest.mark.parametrize("way", ["query", "stream", "job"])
def test_values_that_have_no_place_are_no_error_of_a_library(face: Face, way: str) -> None:
    service = ScriptedTap(lambda _: stored(pa.table({"n": pa.array([2**63], pa.uint64())})))
    with serving(service) as server:
        client = face.client(server.url, customs=Customs(treat=_widened))
        ways = {
            "query": lambda: face.do(client.query, "select 1"),
            "stream": lambda: face.batches(client.stream("select 1")),
            "job": lambda: face.do(client.query, "select 1", as_job=True),
        }
        with pytest.raises(Unreadable, match="values that have no place"):
            ways[way]()
    assert service.deleted == (way == "job")


@pytest.mark.parametrize("datatype", ["double", "char", "boolean"])
def test_a_row_that_no_memory_could_hold_is_refused(face: Face, datatype: str) -> None:
    field = f'<FIELD name="a" datatype="{datatype}" arraysize="999999999"/>'
    rows = '<BINARY2><STREAM encoding="base64">AAAAAAE=</STREAM></BINARY2>'
    body = f"<VOTABLE><RESOURCE><TABLE>{field}<DATA>{rows}</DATA></TABLE></RESOURCE></VOTABLE>"
    service = ScriptedTap(lambda _: reply(200, body, Content_Type=VOTABLE))
    with serving(service) as server, pytest.raises(Unreadable, match="a row of more than"):
        face.do(face.client(server.url).query, "select 1")


@pytest.mark.parametrize("way", ["query", "stream", "job"])
def test_a_time_limit_that_is_raised_later_counts(face: Face, way: str) -> None:
    def slow(_: dict[str, str]) -> bytes:
        time.sleep(0.6)
        return as_votable(*AB)

    with serving(ScriptedTap(slow)) as server:
        client = face.client(server.url, query_timeout=0.2)
        client._clock = SYSTEM_CLOCK
        client.query_timeout = 20
        if way == "stream":
            assert face.batches(client.stream("select 1"))[-1].rows == 2
        else:
            assert len(face.do(client.query, "select 1", as_job=way == "job")) == 2


@pytest.mark.parametrize("kind", ["text/html", "application/pdf", "image/png"])
def test_what_is_no_table_is_an_error(face: Face, kind: str) -> None:
    service = ScriptedTap(lambda _: reply(200, "n,s\n1,a\n", Content_Type=kind))
    with serving(service) as server, pytest.raises(Unreadable):
        face.do(face.client(server.url).query, "select 1")


def test_401_is_no_missing_capability(face: Face) -> None:
    with serving(lambda _: reply(401, WWW_Authenticate="Bearer")) as server, pytest.raises(NotAuthenticated):
        face.do(face.client(server.url).query, "select 1")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (reply(403), Forbidden),
        (reply(429), RateLimited),
        (reply(503), Overloaded),
        (reply(302, Location="https://login.example/"), Redirected),
    ],
    ids=["403", "429", "503", "302"],
)
def test_capabilities_that_are_kept_from_the_user_are_no_missing_ones(
    face: Face, answer: bytes, kind: type[SkykeyError]
) -> None:
    service = ScriptedTap()

    def closed(seen: Any) -> Any:
        return answer if seen.path.endswith("/capabilities") else service(seen)

    with serving(closed) as server, pytest.raises(kind):
        face.do(face.client(server.url).query, "select 1")
    assert service.asked == []


def test_a_cut_connection_is_an_error_and_not_fewer_rows(face: Face) -> None:
    def cut(_: Any) -> Any:
        whole = votable(*((n, "x") for n in range(5000)))
        return [b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 999999\r\n\r\n", whole[:60_000]]

    with serving(ScriptedTap(cut)) as server, pytest.raises(SkykeyError) as caught:
        face.do(face.client(server.url).query, "select 1")
    assert isinstance(caught.value, Interrupted)


def test_a_block_s_own_limit_counts(face: Face) -> None:
    with serving(lambda _: [b""]) as server, skykey.within(0.5), pytest.raises(SkykeyError):
        face.do(face.client(server.url).query, "select 1")


def test_dates_and_times_without_zone(face: Face) -> None:
    client = face.client("https://nowhere.example")
    with pytest.raises(UsageError, match="time zone"):
        face.do(client.query, "select :t", {"t": dt.datetime(2026, 3, 20)})  # noqa: DTZ001 - that is the point
