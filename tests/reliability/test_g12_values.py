"""G12: null, not-a-number, integers beyond 2^53, types that change on the way, nanoseconds, leap seconds. All exact."""

import asyncio
import datetime as dt
import json
import math
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs

import msgpack
import pandas as pd
import pyarrow as pa
import pytest

from skykey.rubin.consdb_query import AsyncConsDbFastAPI, AsyncConsDbTap, ConsDbFastAPI, ConsDbTap
from skykey.rubin.influx_query import InfluxQueryClient
from skykey.rubin.logging_query import AsyncNarrativeLogClient, NarrativeLogClient
from skykey.sandbox import Box
from skykey.tables import json_rows
from skykey.tables.influxdb import joined
from skykey.values.errors import Unreadable
from tests.reliability import databases, naive_databases, naive_rubin
from tests.reliability.test_g07_cuts import other_face
from tests.rubin.scripted_consdb import ScriptedConsDb, rows_of
from tests.rubin.scripted_log import ScriptedLog, message
from tests.tables.test_rows import MSGPACK, client_at, listing
from tests.wire.server import Answer, Seen, chunk, reply, serving

NS = 1_790_000_000_123_456_789
BIG = 2**53 + 1
TYPES = {"big": "integer", "flag": "boolean", "real": "float", "text": "string"}
COLUMNS = ["time", *TYPES]
# Three chunks; in each of them a column has other wire types, or no value at all.
PARTS: list[list[list[Any]]] = [
    [[NS, BIG, True, 1.5, "a"], [NS + 1, -(2**63), None, math.nan, ""]],
    [[NS + 2, None, False, None, None], [NS + 3, None, None, math.inf, "null"]],
    [[NS + 4, 2**63 - 1, None, 2.0, "NaN"], [NS + 5, 0, True, -0.0, '\u00fc\U0001f52d\n,"']],
]
ROWS = [row for part in PARTS for row in part]
STATEMENT, UNTYPED = "SELECT * FROM t", "SELECT last(*) FROM t"  # the schema knows the columns of the first only


def packed(rows: list[list[Any]], columns: list[str], *, partial: bool) -> bytes:
    result: dict[str, Any] = {"statement_id": 0, "series": [{"name": "t", "columns": columns, "values": rows}]}
    return bytes(msgpack.packb({"results": [result | ({"partial": True} if partial else {})]}))


def database(parts: list[list[list[Any]]], columns: list[str], types: dict[str, str]) -> Callable[[Seen], Answer]:
    """Answers any statement with these chunks, in MessagePack or in JSON."""

    def answer(seen: Seen) -> Answer:
        statement = parse_qs(seen.target.partition("?")[2])["q"][0]
        if "SHOW FIELD KEYS" in statement:
            return listing([list(pair) for pair in types.items()], "fieldKey", "fieldType")
        if "SHOW TAG KEYS" in statement:
            return listing([], "tagKey")
        return chunks() if seen.headers["accept"] == MSGPACK else whole()

    def chunks() -> Iterator[bytes]:
        yield f"HTTP/1.1 200 OK\r\nContent-Type: {MSGPACK}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        for number, part in enumerate(parts, 1):
            yield chunk(packed(part, columns, partial=number < len(parts)))
        yield chunk(b"")

    def whole() -> bytes:
        # As 1.6.7 writes JSON: 2.0 as 2, and no mark for what is not a number.
        rows = [
            [int(v) if v == 2.0 else None if isinstance(v, float) and math.isnan(v) else v for v in row]
            for part in parts
            for row in part
        ]
        rows = [[None if value == math.inf else value for value in row] for row in rows]
        return reply(200, json.dumps({"results": [{"series": [{"columns": columns, "values": rows}]}]}))

    return answer


Read = Callable[[InfluxQueryClient, str], pa.Table]


def table(client: InfluxQueryClient, statement: str) -> pa.Table:
    return client.query.table(statement).arrow


def table_async(client: InfluxQueryClient, statement: str) -> pa.Table:
    return asyncio.run(other_face(client).query.table(statement)).arrow


def stream(client: InfluxQueryClient, statement: str) -> pa.Table:
    with client.stream(statement) as rows:
        return joined(list(rows))


def stream_async(client: InfluxQueryClient, statement: str) -> pa.Table:
    async def main() -> list[Any]:
        async with other_face(client).stream(statement) as rows:
            return [batch async for batch in rows]

    return joined(asyncio.run(main()))


READS: dict[str, Read] = {"table": table, "table, async": table_async, "stream": stream, "stream, async": stream_async}


def same(one: Any, other: Any) -> bool:
    """Of the same type and value, to the sign of zero."""
    if isinstance(one, float) and isinstance(other, float):
        return (math.isnan(one) and math.isnan(other)) or (
            one == other and math.copysign(1, one) == math.copysign(1, other)
        )
    return type(one) is type(other) and one == other


@pytest.mark.parametrize("statement", [STATEMENT, UNTYPED])
@pytest.mark.parametrize("read", READS)
def test_g12_every_value_comes_as_it_was(read: str, statement: str) -> None:
    with serving(database(PARTS, COLUMNS, TYPES)) as server:
        found = READS[read](client_at(server.url), statement)
    rows = [[row["time"].value, *(row[name] for name in COLUMNS[1:])] for row in found.to_pylist()]
    wrong = [
        (name, before, after)
        for old, new in zip(ROWS, rows, strict=True)
        for name, before, after in zip(COLUMNS, old, new, strict=True)
        if not same(before, after)
    ]
    print(f"G12 {read}, {statement}: {len(ROWS) * len(COLUMNS)} values, {len(wrong)} changed; {found.schema.types}")
    assert wrong == []
    assert found.schema.types == [pa.timestamp("ns", "UTC"), pa.int64(), pa.bool_(), pa.float64(), pa.string()]
    assert [column.null_count for column in found.columns] == [0, 2, 3, 1, 1]  # not-a-number is none of them


def test_g12_a_frame_loses_the_difference_of_null_and_not_a_number_alone() -> None:
    """Documented: in float64 both are NaN. Everything else is exact, nulls beside large integers too."""
    with serving(database(PARTS, COLUMNS, TYPES)) as server:
        client = client_at(server.url)
        frames = [client.query(STATEMENT), asyncio.run(client.async_query(STATEMENT))]
    for frame in frames:
        assert list(map(str, frame.dtypes)) == ["Int64", "boolean", "float64", "str"]
        assert frame.index.dtype == "datetime64[ns, UTC]"
        assert pd.DatetimeIndex(frame.index).asi8.tolist() == [row[0] for row in ROWS]
        assert [None if value is pd.NA else int(value) for value in frame["big"]] == [row[1] for row in ROWS]
        assert [None if value is pd.NA else bool(value) for value in frame["flag"]] == [row[2] for row in ROWS]
        expected = [math.nan if row[3] is None else row[3] for row in ROWS]
        assert all(same(one, float(other)) for one, other in zip(expected, frame["real"], strict=True))
        assert [None if pd.isna(value) else value for value in frame["text"]] == [row[4] for row in ROWS]


MIXED: dict[str, tuple[list[Any], list[Any], list[Any] | None]] = {
    "integers, then floats": ([1, 2], [0.5, 1.5], [1.0, 2.0, 0.5, 1.5]),
    "both in one chunk": ([1, 0.5], [2, 3], [1.0, 0.5, 2.0, 3.0]),
    "nulls, then integers": ([None, None], [BIG, None], [None, None, BIG, None]),
    "nulls, then text": ([None], ["a"], [None, "a"]),
    "large integers, then floats": ([BIG], [0.5], None),
    "floats, then large integers": ([0.5], [-BIG], None),
    "a large integer beside a float": ([BIG, 0.5], [1.0], None),
    "text, then numbers": (["a"], [1], None),
    "numbers, then booleans": ([1], [True], None),
    "beyond 64 bits": ([2**64 - 1], [1], None),
}


@pytest.mark.parametrize("read", ["table", "table, async"])
def test_g12_types_that_change_on_the_way_are_exact_or_an_error(read: str) -> None:
    """What only a float could hold, and would round, is an error; never a number that is nearly it."""
    outcomes = {}
    for name, (first, second, expected) in MIXED.items():
        parts = [[[NS, value] for value in part] for part in (first, second)]
        with serving(database(parts, ["time", "x"], {})) as server:
            client = client_at(server.url)
            if expected is None:
                with pytest.raises(Unreadable):
                    READS[read](client, "SELECT mean(x) FROM t")
                outcomes[name] = "an error"
                continue
            found = READS[read](client, "SELECT mean(x) FROM t")["x"].to_pylist()
        assert all(same(one, other) for one, other in zip(expected, found, strict=True)), (name, found)
        outcomes[name] = "exact"
    print(f"G12 {read}: {outcomes}")


LEAPS = {
    "2016-12-31T23:59:60Z": "2017-01-01T00:00:00.000000000Z",
    "2016-12-31T23:59:60.5Z": "2017-01-01T00:00:00.500000000Z",
    "2016-12-31T23:59:59.999999999Z": "2016-12-31T23:59:59.999999999Z",
    "2025-06-20T12:00:00.000000001Z": "2025-06-20T12:00:00.000000001Z",
}


@pytest.mark.parametrize("written", LEAPS)
def test_g12_a_bound_is_exact_and_a_leap_second_is_the_second_after_it(written: str) -> None:
    from astropy.time import Time

    for bound in (
        written,
        Time(written.removesuffix("Z"), scale="utc"),
        Time(written.removesuffix("Z"), scale="utc").tai,
    ):
        with serving(database(PARTS, COLUMNS, TYPES)) as server:
            client = client_at(server.url)
            client.select_time_series("t", ["big"], bound, "2100-01-01")
        print(f"G12 {bound!r}: {client.last_query[-70:]}")
        assert f"time >= '{LEAPS[written]}'" in client.last_query


# -- ConsDB: types from its schema, or from the values

CONSDB_TABLE = {
    "big": ["BIGINT", None],
    "flag": ["BOOLEAN", None],
    "real": ["DOUBLE PRECISION", None],
    "text": ["VARCHAR(32)", None],
    "began": ["TIMESTAMP", None],
    "exact": ["NUMERIC(30, 10)", None],
}
# As the service writes JSON: not-a-number is null in it, an exact number is text.
CONSDB_ROWS: list[list[Any]] = [
    [BIG, True, 1.5, "a", "2025-06-20T23:00:00.123456", "12345678901234567890.0123456789"],
    [-(2**63), None, None, "", "2016-12-31T23:59:59.999999", "-0.0000000001"],
    [None, False, None, None, None, None],
    [2**63 - 1, None, -0.0, "NaN", "2025-06-20T23:00:00", "1"],
    [0, True, 1e-310, '\u00fc\U0001f52d\n,"', "1970-01-01T00:00:00.000001", "0"],
]
CONSDB_TYPES = [
    pa.int64(),
    pa.bool_(),
    pa.float64(),
    pa.string(),
    pa.timestamp("us"),
    pa.decimal128(30, 10),
]


def consdb_reads() -> dict[str, Callable[[str, str], pa.Table]]:
    return {
        "table": lambda url, statement: databases.made(ConsDbFastAPI, url).query.arrow(statement),
        "table, async": lambda url, statement: asyncio.run(
            databases.made(AsyncConsDbFastAPI, url).query.arrow(statement)
        ),
        "stream": lambda url, statement: pa.concat_tables(
            databases.streamed(databases.made(ConsDbFastAPI, url), statement)
        ),
        "stream, async": lambda url, statement: pa.concat_tables(
            databases.streamed_async(databases.made(AsyncConsDbFastAPI, url), statement)
        ),
    }


def consdb_value(kind: pa.DataType, sent: Any) -> Any:
    """What a value of the answer means."""
    if sent is None:
        return None
    if pa.types.is_timestamp(kind):
        return dt.datetime.fromisoformat(sent)
    return Decimal(sent) if pa.types.is_decimal(kind) else sent


@pytest.mark.parametrize("piece", [1, 2000])  # rows of a batch: a column of nulls alone has no type of its own
@pytest.mark.parametrize("read", consdb_reads())
def test_g12_every_value_of_consdb_comes_as_it_was(read: str, piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_rows, "_PIECE", piece)
    script = ScriptedConsDb(lambda _: rows_of(CONSDB_TABLE, *CONSDB_ROWS), t=CONSDB_TABLE)
    with serving(script) as server:
        found = consdb_reads()[read](server.url, "select * from cdb_lsstcam.t")
    expected = [
        [consdb_value(kind, value) for kind, value in zip(CONSDB_TYPES, row, strict=True)] for row in CONSDB_ROWS
    ]
    values = [list(row.values()) for row in found.to_pylist()]
    wrong = [
        (before, after)
        for old, new in zip(expected, values, strict=True)
        for before, after in zip(old, new, strict=True)
        if not (same(before, after) or (isinstance(before, Decimal) and before == after))
    ]
    print(f"G12 ConsDB, {read}, {piece} rows a batch: {sum(map(len, values))} values, {len(wrong)} changed")
    assert wrong == []
    assert found.schema.types == CONSDB_TYPES


CONSDB_MIXED: dict[str, tuple[list[Any], list[Any] | None]] = {
    "integers, then floats": ([1, 0.5], [1.0, 0.5]),
    "nulls, then integers": ([None, BIG], [None, BIG]),
    "large integers beside floats": ([BIG, 0.5], None),
    "text beside numbers": (["a", 1], None),
    "numbers beside booleans": ([1, True], None),
    "beyond 64 bits": ([2**64, None], [Decimal(2**64), None]),
}


@pytest.mark.parametrize("read", ["table", "table, async"])
def test_g12_types_of_consdb_that_change_on_the_way_are_exact_or_an_error(read: str) -> None:
    outcomes = {}
    for name, (values, expected) in CONSDB_MIXED.items():
        answer = rows_of(["x"], *[[value] for value in values])
        with serving(ScriptedConsDb(lambda _, answer=answer: answer)) as server:
            if expected is None:
                with pytest.raises(Unreadable):
                    consdb_reads()[read](server.url, "select 1 as x")
                outcomes[name] = "an error"
                continue
            found = consdb_reads()[read](server.url, "select 1 as x")["x"].to_pylist()
        assert all(same(one, other) for one, other in zip(expected, found, strict=True)), (name, found)
        outcomes[name] = "exact"
    print(f"G12 ConsDB, {read}: {outcomes}")


def test_g12_a_frame_of_consdb_loses_no_integer_beside_nulls() -> None:
    script = ScriptedConsDb(lambda _: rows_of(CONSDB_TABLE, *CONSDB_ROWS), t=CONSDB_TABLE)
    with serving(script) as server:
        frame = databases.made(ConsDbFastAPI, server.url).query("select * from cdb_lsstcam.t")
    assert list(map(str, frame.dtypes))[:5] == ["Int64", "boolean", "float64", "str", "datetime64[us]"]
    assert [None if value is pd.NA else int(value) for value in frame["big"]] == [row[0] for row in CONSDB_ROWS]


TAI = {
    "2016-12-31T23:59:59.5Z": "2017-01-01T00:00:35.500000",
    "2016-12-31T23:59:60Z": "2017-01-01T00:00:36.000000",
    "2016-12-31T23:59:60.5Z": "2017-01-01T00:00:36.500000",
    "2017-01-01T00:00:00Z": "2017-01-01T00:00:37.000000",
    "2025-06-20T12:00:00.000001Z": "2025-06-20T12:00:37.000001",
}


@pytest.mark.parametrize("written", TAI)
def test_g12_a_bound_in_a_leap_second_is_a_second_of_its_own_where_the_service_counts_tai(written: str) -> None:
    from astropy.time import Time

    script, log = ScriptedConsDb(lambda _: databases.PLAIN), ScriptedLog([])
    bounds = [written, *(getattr(Time(written.removesuffix("Z"), scale="utc"), scale) for scale in ("utc", "tai"))]
    with serving(script) as consdb, serving(log) as service:
        for bound in bounds:
            databases.made(ConsDbFastAPI, consdb.url).query("select a, b from t where a > :t", {"t": bounds[-1]})
            databases.made(NarrativeLogClient, service.url).query_log(bound, "2100-01-01")
    sent = {asked["min_date_begin"][0] for asked in log.asked}
    print(f"G12 {written}: {script.statements[-1][-40:]}, {sent}")
    assert {statement[-28:] for statement in script.statements} == {f"'{TAI[written].replace('T', ' ')}'"}
    assert {dt.datetime.fromisoformat(each) for each in sent} == {dt.datetime.fromisoformat(TAI[written])}


# -- TAP

TAP_FIELDS = (
    '<FIELD name="big" datatype="long"/><FIELD name="flag" datatype="boolean"/><FIELD name="real" datatype="double"/>'
    '<FIELD name="text" datatype="unicodeChar" arraysize="*"/>'
    '<FIELD name="began" datatype="char" arraysize="*" xtype="timestamp"/>'
)
TAP_VALUES: list[list[tuple[str, Any]]] = [
    [(str(BIG), BIG), ("true", True), ("1.5", 1.5), ("a", "a"), ("2025-06-20T23:00:00.123456", 123456)],
    [(str(-(2**63)), -(2**63)), ("", None), ("NaN", math.nan), ("null", "null"), ("", None)],
    [
        ("", None),
        ("F", False),
        ("", None),
        ("&lt;&#252;&#x1F52D;&gt;", "<\u00fc\U0001f52d>"),
        ("2016-12-31T23:59:59.999999", 999999),
    ],
    [(str(2**63 - 1), 2**63 - 1), ("1", True), ("-0.0", -0.0), ("NaN", "NaN"), ("1970-01-01T00:00:00.000001", 1)],
    [("0", 0), ("0", False), ("+Inf", math.inf), ("x", "x"), ("2025-06-20T23:00:00", 0)],
]


def tap_reads() -> dict[str, Callable[[str], pa.Table]]:
    return {
        "table": lambda url: databases.made(ConsDbTap, url).query.arrow(databases.STATEMENT),
        "table, async": lambda url: asyncio.run(databases.made(AsyncConsDbTap, url).query.arrow(databases.STATEMENT)),
        "stream": lambda url: pa.concat_tables(databases.streamed(databases.made(ConsDbTap, url))),
        "stream, async": lambda url: pa.concat_tables(databases.streamed_async(databases.made(AsyncConsDbTap, url))),
    }


@pytest.mark.parametrize("read", tap_reads())
def test_g12_every_value_of_tap_comes_as_it_was(read: str) -> None:
    rows = ["<TR>" + "".join(f"<TD>{text}</TD>" for text, _ in row) + "</TR>" for row in TAP_VALUES]
    body = databases.votable(rows, fields=TAP_FIELDS)

    def service(seen: Seen) -> Answer:
        return reply(200, body, Content_Type=databases.XML) if seen.path.endswith("/sync") else reply(404, "")

    with serving(service) as server:
        found = tap_reads()[read](server.url)
    values = [
        [*list(row.values())[:4], None if row["began"] is None else row["began"].microsecond]
        for row in found.to_pylist()
    ]
    wrong = [
        (text, after)
        for old, new in zip(TAP_VALUES, values, strict=True)
        for (text, before), after in zip(old, new, strict=True)
        if not same(before, after)
    ]
    print(f"G12 TAP, {read}: {sum(map(len, values))} values, {len(wrong)} changed; {found.schema.types}")
    assert wrong == []
    assert found.schema.types == [pa.int64(), pa.bool_(), pa.float64(), pa.string(), pa.timestamp("us")]


@pytest.mark.parametrize("as_job", [False, True], ids=["at once", "a job"])
def test_g12_each_format_of_tap_has_the_values_of_the_other_service(as_job: bool, box: Box) -> None:
    """Text, two binary forms, and a column format: of the same visits to the last bit."""
    statement = "select * from cdb_lsstcam.visit1 where day_obs = 20260320 order by visit_id"
    over_http = ConsDbFastAPI(box.site_url, ("user", box.token)).query(statement)
    client = ConsDbTap(box.site_url, box.token)
    for response_format in ("parquet", "binary2", "votable", "csv"):
        found = client.query(statement, response_format=response_format, as_job=as_job)
        expected = over_http
        if response_format in {"votable", "csv"}:
            # No text at all and an empty one are the same in them; which is why neither is asked for by default.
            texts = over_http.select_dtypes("str").columns
            expected, found[texts] = over_http.fillna(dict.fromkeys(texts, "")), found[texts].fillna("")
        differ = [name for name in expected if not expected[name].equals(found[name])]
        print(f"G12 TAP, {response_format}: {found.shape}, columns that differ: {differ}")
        assert differ == []
        assert list(found.columns) == list(over_http.columns)


# -- logs

LOG_ROWS = [
    {
        "date_begin": "2025-06-20T23:00:00.123456",
        "level": BIG,
        "time_lost": 0.1,
        "message_text": "\u00fc\U0001f52d \x7f",
    },
    {"date_begin": "2017-01-01T00:00:36", "level": None, "time_lost": None, "message_text": "NaN"},
    {"date_begin": "2017-01-01T00:00:36.999999", "level": -(2**63), "time_lost": 1e-310, "message_text": ""},
    {"date_begin": "2017-01-01T00:00:37", "level": 2**63 - 1, "time_lost": "PT0.000001S", "message_text": "null"},
]
# The leap second is the second after it in what pandas can count.
LOG_TIMES = [
    "2025-06-20T22:59:23.123456Z",
    "2017-01-01T00:00:00Z",
    "2017-01-01T00:00:00.999999Z",
    "2017-01-01T00:00:00Z",
]


@pytest.mark.parametrize("face", ["blocking", "asynchronous"])
def test_g12_every_value_of_a_log_comes_as_it_was(face: str) -> None:
    tree = {"name": "Simonyi", "children": [{"name": "x", "n": BIG, "none": None, "real": -0.0}]}
    rows = [message(number, components_json=tree) | row | {"date_end": None} for number, row in enumerate(LOG_ROWS)]
    with serving(ScriptedLog(rows)) as server:
        if face == "blocking":
            table = databases.made(NarrativeLogClient, server.url).query.table(order_by="id")
        else:
            table = asyncio.run(databases.made(AsyncNarrativeLogClient, server.url).query.table(order_by="id"))
        times = databases.made(NarrativeLogClient, server.url).query(order_by="id", utc=True)["date_begin"]
    found, frame = table.arrow.to_pylist(), table.to_pandas()
    expected = [row | ({"time_lost": 1e-06} if isinstance(row["time_lost"], str) else {}) for row in LOG_ROWS]
    wrong = [
        (name, value, got[name])
        for row, got in zip(expected, found, strict=True)
        for name, value in row.items()
        if not same(value, got[name])
    ]
    print(f"G12 log, {face}: {sum(map(len, expected))} values, {len(wrong)} changed; times {list(map(str, times))}")
    assert wrong == []
    assert [None if value is pd.NA else int(value) for value in frame["level"]] == [row["level"] for row in LOG_ROWS]
    assert [repr(value) for value in frame["components_json"]] == [repr(tree)] * len(rows)
    assert times.tolist() == [pd.Timestamp(each) for each in LOG_TIMES]


def test_g12_a_naive_client_of_databases_fails() -> None:
    with serving(ScriptedConsDb(lambda _: rows_of(CONSDB_TABLE, *CONSDB_ROWS))) as server:
        client = naive_databases.Client(server.url, timeout=5)
        frame = client.query("select * from cdb_lsstcam.t")
        client.close()
    changed = [
        (name, row[at])
        for at, name in enumerate(CONSDB_TABLE)
        for row, value in zip(CONSDB_ROWS, frame[name], strict=True)
        if not same(row[at], value.item() if hasattr(value, "item") else value)
    ]
    print(f"G12 naive, ConsDB: {len(changed)} of {len(CONSDB_ROWS) * len(CONSDB_TABLE)} values changed: {changed}")
    assert {("big", BIG), ("big", 2**63 - 1), ("big", 0)} <= set(changed)


def test_g12_a_naive_client_fails() -> None:
    with serving(database(PARTS, COLUMNS, TYPES)) as server:
        client = naive_rubin.Client("", timeout=5, url=server.url)
        frame = client.query(STATEMENT)
        client.close()
    changed = [
        (name, row[at])
        for at, name in enumerate(COLUMNS[1:], 1)
        for row, value in zip(ROWS, frame[name], strict=True)
        if not same(row[at], value.item() if hasattr(value, "item") else value)
    ]
    print(f"G12 naive: {len(changed)} of {len(ROWS) * len(COLUMNS)} values changed: {changed}")
    assert {("big", BIG), ("big", 2**63 - 1), ("real", math.inf)} <= set(changed)
