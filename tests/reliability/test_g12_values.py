"""G12: null, not-a-number, integers beyond 2^53, types that change on the way, nanoseconds, leap seconds. All exact."""

import asyncio
import json
import math
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs

import msgpack
import pandas as pd
import pyarrow as pa
import pytest

from skykey.rubin.influx_query import InfluxQueryClient
from skykey.tables.influxdb import joined
from skykey.values.errors import Unreadable
from tests.reliability import naive_rubin
from tests.reliability.test_g07_cuts import other_face
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
