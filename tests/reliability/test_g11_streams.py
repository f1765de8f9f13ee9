"""G11: more rows than fit into memory. Streamed, in a memory that does not grow with them."""

import asyncio
import functools
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import msgpack
import pytest

from tests.tables.test_rows import MSGPACK, client_at, listing
from tests.wire.server import Answer, Seen, chunk, serving

MEGABYTE = 2**20
LIMIT = 300 * MEGABYTE
ROWS_PER_SECOND = 50_000  # on any machine; benchmarks show what it is
CHUNK = 1000
FIELDS = {f"f{n:02}": "float" for n in range(13)} | {f"i{n}": "integer" for n in range(3)}
FIELDS |= {"s0": "string", "s1": "string", "b": "boolean"}
COLUMNS = ["time", *sorted(FIELDS)]  # 20

PROGRAM = """
import json, sys, time
sys.path.insert(0, sys.argv[3])
from tests.reliability import test_g11_streams as streams

begin = time.monotonic()
rows, columns, before = streams.CLIENTS[sys.argv[1]](sys.argv[2])
print(json.dumps([rows, columns, time.monotonic() - begin, before, streams.peak()]))
"""


def peak() -> int:
    """The most memory that this program ever had; ru_maxrss would begin with its parent's."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(re.search(r"VmHWM:\s*([0-9]+)", status)[1]) * 1024  # type: ignore[index]


# -- the server


@functools.lru_cache(maxsize=2)
def packed(*, partial: bool) -> bytes:
    """One chunk of rows in InfluxDB's shape; all chunks are the same."""
    values = {"float": 0.1234567, "integer": 123_456, "string": "TRACKING", "boolean": True}
    row = [values[FIELDS[name]] for name in COLUMNS[1:]]
    rows = [[1_790_000_000_000_000_000 + n, *row] for n in range(CHUNK)]
    result: dict[str, Any] = {"statement_id": 0, "series": [{"name": "t", "columns": COLUMNS, "values": rows}]}
    return bytes(msgpack.packb({"results": [result | ({"partial": True} if partial else {})]}))


def telemetry(seen: Seen) -> Answer:
    """So many rows as the path says: in chunked MessagePack, or in whole JSON."""
    statement = parse_qs(seen.target.partition("?")[2])["q"][0]
    if "SHOW FIELD KEYS" in statement:
        return listing([list(pair) for pair in FIELDS.items()], "fieldKey", "fieldType")
    if "SHOW TAG KEYS" in statement:
        return listing([], "tagKey")
    count = int(seen.path.split("/")[1]) // CHUNK
    return chunks(count) if seen.headers["accept"] == MSGPACK else whole(count)


def chunks(count: int) -> Iterator[bytes]:
    yield f"HTTP/1.1 200 OK\r\nContent-Type: {MSGPACK}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    for _ in range(count - 1):
        yield chunk(packed(partial=True))
    yield chunk(packed(partial=False)) + chunk(b"")


def whole(count: int) -> Iterator[bytes]:
    rows = msgpack.unpackb(packed(partial=False))["results"][0]["series"][0]["values"]
    text = json.dumps(rows)[1:-1].encode()
    yield b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
    yield b'{"results": [{"series": [{"columns": ' + json.dumps(COLUMNS).encode() + b', "values": [' + text
    for _ in range(count - 1):
        yield b"," + text
    yield b"]}]}]}"


# -- the clients, each in a process of its own


def stream(url: str) -> tuple[int, int, int]:
    client = client_at(url)
    client.query_timeout = 3600.0
    with client.stream("SELECT * FROM t") as rows:
        first = next(rows)
        count, before = first.num_rows, peak()
        for batch in rows:
            count += batch.num_rows
        assert rows.end.complete
        assert rows.end.rows == count
    return count, first.num_columns, before


def stream_async(url: str) -> tuple[int, int, int]:
    from tests.reliability.test_g07_cuts import other_face

    async def main() -> tuple[int, int, int]:
        client = other_face(client_at(url))
        client.query_timeout = 3600.0
        count = columns = before = 0
        async with client.stream("SELECT * FROM t") as rows:
            async for batch in rows:
                before = before or peak()
                count, columns = count + batch.num_rows, batch.num_columns
            assert rows.end.complete
        return count, columns, before

    return asyncio.run(main())


def naive(url: str) -> tuple[int, int, int]:
    from tests.reliability import naive_rubin

    client, before = naive_rubin.Client("", timeout=60, url=url), peak()
    frame = client.query("SELECT * FROM t")
    return len(frame), len(frame.columns) + 1, before


CLIENTS: dict[str, Callable[[str], tuple[int, int, int]]] = {
    "stream": stream,
    "stream, async": stream_async,
    "naive": naive,
}


def measured(client: str, rows: int, root: Path) -> tuple[float, int, int]:
    """Rows a second, peak, and how much of it came after the first rows."""
    with serving(telemetry) as server:
        begin = time.monotonic()
        command = [sys.executable, "-c", PROGRAM, client, f"{server.url}/{rows}", str(root)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=1800, check=False)
    assert done.returncode == 0, done.stderr
    count, columns, seconds, before, most = json.loads(done.stdout)
    print(
        f"G11 {client}: {count:,} rows x {columns} columns, {count / seconds:,.0f} rows/s,"
        f" peak {most / MEGABYTE:.0f} MB (+{(most - before) / MEGABYTE:.0f}), {time.monotonic() - begin:.1f} s in all"
    )
    assert (count, columns) == (rows, len(COLUMNS))
    return count / seconds, most, most - before


def check(client: str, rows: int, root: Path, factor: float) -> None:
    speed, most, growth = measured(client, rows, root)
    assert most <= LIMIT
    assert growth <= 32 * MEGABYTE  # whatever the number of rows
    assert speed >= ROWS_PER_SECOND / factor


@pytest.mark.parametrize("client", ["stream", "stream, async"])
def test_g11_rows_are_streamed(client: str, pytestconfig: pytest.Config, ceiling: Callable[[float], float]) -> None:
    check(client, 100_000, pytestconfig.rootpath, ceiling(1))


@pytest.mark.long
@pytest.mark.parametrize("client", ["stream", "stream, async"])
def test_g11_ten_million_rows_are_streamed(
    client: str, pytestconfig: pytest.Config, ceiling: Callable[[float], float]
) -> None:
    check(client, 10_000_000, pytestconfig.rootpath, ceiling(1))


def test_g11_a_naive_client_fails(pytestconfig: pytest.Config) -> None:
    """At three hundred thousand rows already, and it grows with them."""
    _, most, growth = measured("naive", 300_000, pytestconfig.rootpath)
    assert most > LIMIT
    assert growth > 32 * MEGABYTE
