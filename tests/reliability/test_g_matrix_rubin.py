"""G, all together: each measured fault against telemetry and discovery, in both faces. The whole, or an error; at once.

How to read the tables stands in `matrix`.
"""

import asyncio
import io
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import msgpack
import pyarrow as pa
import pytest

from skykey.credentials.keeper import Keeper
from skykey.credentials.sources.argument import Argument
from skykey.repertoire import DiscoveryClient, SyncDiscoveryClient
from skykey.rubin import influx_database
from skykey.rubin.influx_query import AsyncInfluxQueryClient, InfluxQueryClient, telemetry
from skykey.rubin.logins import login_keeper
from skykey.rubin.sites import Site
from skykey.sandbox import Box
from skykey.testing.faults import Reply, Rewrite
from skykey.testing.faults_exchange import Exchange
from skykey.values.secret import Secret
from skykey.values.url import Url
from tests.reliability import matrix, naive_rubin
from tests.reliability.matrix import AT_LAST, OF_THE_SERVER, ON_THE_WAY, Ask, Cells, Column, Matrix, Row
from tests.wire.askers import FastClock

MOUNT, RECORDED = "lsst.sal.MTMount.elevation", "lsst.sal.fooSubSys.test"
SOME = f'SELECT * FROM "{MOUNT}" LIMIT 250'  # three chunks of a hundred
FIRST, LAST = "2026-03-20T22:53:00Z", "2026-03-20T22:57:10Z"  # 250 rows
LABEL = "usdf_efd"

# -- the faults


@dataclass(frozen=True)
class Refused:
    """A success that says no inside, in the format that was asked for."""

    words: str = "refused"

    async def play(self, exchange: Exchange, /) -> None:
        said = {"results": [{"statement_id": 0, "error": self.words}]}
        if "msgpack" in exchange.asked.header("accept"):
            kind, body = "application/x-msgpack", msgpack.packb(said)
        elif "/query" in exchange.asked.target:
            kind, body = "application/json", json.dumps(said).encode()
        else:
            kind, body = "application/json", b'{"detail": [{"msg": "refused", "type": "refused"}]}'
        await Reply(200, body, {"Content-Type": kind}).play(exchange)


def a_part(body: bytes) -> bytes:
    """A part of an answer that says so: in chunks without the last one, as one document half of it with a mark."""
    if body[:1] == b"{":
        document = json.loads(body)
        for series in document["results"][0]["series"]:
            series["values"], series["partial"] = series["values"][: len(series["values"]) // 2], True
        return json.dumps(document).encode()
    documents = list(msgpack.Unpacker(io.BytesIO(body)))
    documents[0]["results"][0]["partial"] = True
    return b"".join(map(msgpack.packb, documents[:-1] or documents))


KILLED = Refused("query-timeout limit exceeded")


ROWS = {
    **ON_THE_WAY,
    "200 with an error inside": Row(Refused(), None),
    "200 with a part": Row(Rewrite(a_part), None),
    **OF_THE_SERVER,
    "killed by its time limit, once": Row(KILLED),
    "killed by its time limit": Row(KILLED, None),
    **AT_LAST,
}

# -- the clients

Client = TypeVar("Client", InfluxQueryClient, AsyncInfluxQueryClient)


def site_at(url: str) -> Site:
    return Site("box", Url(url), Url(url) / "repertoire", "a test")


def blocking_client(url: str, token: str, database: str = "efd") -> InfluxQueryClient:
    """A telemetry client of a site at this address, which does not really wait between repeats."""
    site = site_at(url)
    discovery = SyncDiscoveryClient(base_url=site.repertoire)
    keeper = Keeper(Argument(Secret(token), site.reach))
    client = telemetry("usdf", database, login_keeper(site, "usdf", database, keeper, discovery=discovery))
    client._clock = discovery._clock = FastClock()
    return client


def asynchronous_client(url: str, token: str, database: str = "efd") -> AsyncInfluxQueryClient:
    client = AsyncInfluxQueryClient.__new__(AsyncInfluxQueryClient)
    client.__dict__.update(blocking_client(url, token, database).__dict__)
    return client


SELECTED = (MOUNT, ["demandPosition", "actualPosition"])
SERIES = (*SELECTED, FIRST, LAST)
PACKED = (RECORDED, ["ham"], "2020-01-28T23:07:00Z", timedelta(minutes=10))


def blocking(ask: Callable[[InfluxQueryClient], Any]) -> Column:
    return matrix.blocking(blocking_client, ask)


def asynchronous(ask: Callable[[AsyncInfluxQueryClient], Any]) -> Column:
    return matrix.asynchronous(asynchronous_client, ask)


def streamed(client: InfluxQueryClient) -> pa.Table:
    with client.stream(SOME) as rows:
        return pa.concat_tables(list(rows))


async def streamed_async(client: AsyncInfluxQueryClient) -> pa.Table:
    async with client.stream(SOME) as rows:
        return pa.concat_tables([batch async for batch in rows])


def streamed_series(client: InfluxQueryClient) -> pa.Table:
    with client.stream_time_series(*SERIES) as rows:
        return pa.concat_tables(list(rows))


async def streamed_series_async(client: AsyncInfluxQueryClient) -> pa.Table:
    async with client.stream_time_series(*SERIES) as rows:
        return pa.concat_tables([batch async for batch in rows])


def forgetting(client: Client) -> Client:
    """One that has not asked the registry yet; what it said is remembered."""
    client._registry = None
    return client


def discovering(kind: type[Any]) -> Callable[[str], Any]:
    def make(url: str) -> Any:
        client = kind(base_url=f"{url}/repertoire")
        client._clock = FastClock()
        return client

    return make


new_sync, new_async = discovering(SyncDiscoveryClient), discovering(DiscoveryClient)


def buying(url: str, token: str) -> Ask:
    client = new_sync(url)
    return lambda: client.influxdb_credentials(LABEL, token)


def buying_async(url: str, token: str) -> Ask:
    client = new_async(url)
    return lambda: asyncio.run(client.influxdb_credentials(LABEL, token))


TELEMETRY: dict[str, dict[str, Column]] = {
    "blocking": {
        "query": blocking(lambda client: client.query(SOME)),
        "select_time_series": blocking(lambda client: client.select_time_series(*SELECTED, FIRST, LAST)),
        "get_topics": blocking(lambda client: client.get_topics()),
        "stream": blocking(streamed),
    },
    "asynchronous": {
        "query": asynchronous(lambda client: client.query(SOME)),
        "select_time_series": asynchronous(lambda client: client.select_time_series(*SELECTED, FIRST, LAST)),
        "get_topics": asynchronous(lambda client: client.get_topics()),
        "stream": asynchronous(streamed_async),
    },
}
MORE: dict[str, dict[str, Column]] = {
    "blocking": {
        "select_top_n": blocking(lambda client: client.select_top_n(*SELECTED, 250)),
        "select_packed_time_series": blocking(lambda client: client.select_packed_time_series(*PACKED)),
        "stream_time_series": blocking(streamed_series),
        "get_schema": blocking(lambda client: forgetting(client).get_schema(MOUNT)),
    },
    "asynchronous": {
        "select_top_n": asynchronous(lambda client: client.select_top_n(*SELECTED, 250)),
        "select_packed_time_series": asynchronous(lambda client: client.select_packed_time_series(*PACKED)),
        "stream_time_series": asynchronous(streamed_series_async),
        "get_schema": asynchronous(lambda client: forgetting(client).get_schema(MOUNT)),
    },
}
# The document is remembered, so each question about it is a new client's; "first query" buys its login first.
SITE: dict[str, dict[str, Column]] = {
    "blocking": {
        "discovery": lambda url, _: lambda: new_sync(url).discovery(),
        "login": buying,
        "first query": lambda url, token: lambda: blocking_client(url, token).query(SOME),
    },
    "asynchronous": {
        "discovery": lambda url, _: lambda: asyncio.run(new_async(url).discovery()),
        "login": buying_async,
        "first query": lambda url, token: lambda: asyncio.run(asynchronous_client(url, token).query(SOME)),
    },
}
PATHS = {
    "discovery": "*/discovery",
    "login": f"*/{LABEL}",
    "first query": f"*/{LABEL}",
    "get_schema": "*/schema-registry/*",
}
ONE_DOCUMENT = set(PATHS)  # a part of it is no document


def naive(ask: Callable[[naive_rubin.Client], Any]) -> Column:
    def column(url: str, token: str) -> Ask:
        client = naive_rubin.Client(url, token)
        OPEN.append(client)
        return lambda: ask(client)

    return column


OPEN: list[naive_rubin.Client] = []
NAIVE: dict[str, Column] = {
    "query": naive(lambda client: client.query(SOME)),
    "select": naive(lambda client: client.select(*SELECTED, FIRST, LAST)),
    "topics": naive(lambda client: client.topics()),
    "discovery": naive(lambda client: client.discovery()),
}

# -- the tables

MATRIX = Matrix(ROWS, "*/query", PATHS, dict.fromkeys(ONE_DOCUMENT, ("200 with a part",)))


def table(box: Box, columns: dict[str, Column]) -> Cells:
    blocking_client(box.site_url, box.token).query(SOME)  # the sandbox reads its data at its first query
    return MATRIX.table(box, columns)


TELEMETRY_TABLE = """
                               | query            | select_time_series | get_topics       | stream
500 once                       | service 1        | service 1          | service 1        | service 1
503 + Retry-After 1, once      | full 2           | full 2             | full 2           | full 2
503 without, once              | full 2           | full 2             | full 2           | full 2
429 + Retry-After 1, once      | full 2           | full 2             | full 2           | full 2
401 once                       | full 3           | full 3             | full 3           | full 3
403 once                       | forbidden 1      | forbidden 1        | forbidden 1      | forbidden 1
cut before the answer, once    | full 2           | full 2             | full 2           | full 2
reset in mid-body, once        | full 2           | full 2             | full 2           | full 2
reset behind some rows, once   | full 2           | full 2             | full 2           | interrupted 1
end in mid-body, length, once  | full 2           | full 2             | full 2           | full 2
end in mid-body, chunked, once | full 2           | full 2             | full 2           | full 2
end in mid-body, untold, once  | full 2           | full 2             | full 2           | full 2
end in mid-body, always        | interrupted 2    | interrupted 2      | interrupted 4    | interrupted 2
silence before the head        | timed-out 1      | timed-out 1        | timed-out 1      | timed-out 1
silence in mid-body            | timed-out 1      | timed-out 1        | timed-out 1      | timed-out 1
50 bytes a second              | timed-out 1      | timed-out 1        | timed-out 1      | timed-out 1
0.2 s late                     | full 1           | full 1             | full 1           | full 1
half of it, in valid HTTP      | interrupted 2    | interrupted 2      | interrupted 4    | interrupted 1
nothing, in valid HTTP         | interrupted 2    | interrupted 2      | interrupted 4    | interrupted 2
Content-Length too large       | full 2           | full 2             | full 2           | interrupted 1
Content-Length too small       | full 2           | full 2             | full 2           | interrupted 1
login page with 200            | unreadable 1     | unreadable 1       | unreadable 1     | unreadable 1
302 to a login page            | redirected 1     | redirected 1       | redirected 1     | redirected 1
302 to another host            | redirected 1     | redirected 1       | redirected 1     | redirected 1
200 with an error inside       | query 1          | query 1            | query 1          | query 1
200 with a part                | interrupted 2    | interrupted 2      | interrupted 4    | interrupted 1
204                            | unreadable 1     | unreadable 1       | unreadable 1     | unreadable 1
64 MB in 65 kB                 | unreadable 1     | unreadable 1       | unreadable 1     | unreadable 1
500 always                     | service 1        | service 1          | service 1        | service 1
503 always                     | overloaded 4     | overloaded 4       | overloaded 4     | overloaded 4
504 once                       | overloaded 1     | full 3             | full 2           | overloaded 1
504 always                     | overloaded 1     | limit-exceeded 9   | overloaded 4     | overloaded 1
killed by its time limit, once | limit-exceeded 1 | full 3             | limit-exceeded 1 | limit-exceeded 1
killed by its time limit       | limit-exceeded 1 | limit-exceeded 9   | limit-exceeded 1 | limit-exceeded 1
429 + Retry-After 1e10, always | rate-limited 1   | rate-limited 1     | rate-limited 1   | rate-limited 1
"""
MORE_TABLE = """
                               | select_top_n     | select_packed_time_series | stream_time_series | get_schema
500 once                       | service 1        | service 1                 | service 1          | service 1
503 + Retry-After 1, once      | full 2           | full 2                    | full 2             | full 2
503 without, once              | full 2           | full 2                    | full 2             | full 2
429 + Retry-After 1, once      | full 2           | full 2                    | full 2             | full 2
401 once                       | full 3           | full 3                    | full 3             | not-authenticated 1
403 once                       | forbidden 1      | forbidden 1               | forbidden 1        | forbidden 1
cut before the answer, once    | full 2           | full 2                    | full 2             | full 2
reset in mid-body, once        | full 2           | full 2                    | full 2             | full 2
reset behind some rows, once   | full 2           | full 2                    | interrupted 1      | full 1
end in mid-body, length, once  | full 2           | full 2                    | full 2             | full 2
end in mid-body, chunked, once | full 2           | full 2                    | full 2             | full 2
end in mid-body, untold, once  | full 2           | full 2                    | full 2             | unreadable 1
end in mid-body, always        | interrupted 2    | interrupted 2             | interrupted 2      | interrupted 4
silence before the head        | timed-out 1      | timed-out 1               | timed-out 1        | timed-out 1
silence in mid-body            | timed-out 1      | timed-out 1               | timed-out 1        | timed-out 1
50 bytes a second              | timed-out 1      | timed-out 1               | timed-out 1        | timed-out 1
0.2 s late                     | full 1           | full 1                    | full 1             | full 1
half of it, in valid HTTP      | interrupted 2    | interrupted 2             | interrupted 1      | unreadable 1
nothing, in valid HTTP         | interrupted 2    | interrupted 2             | interrupted 2      | unreadable 1
Content-Length too large       | full 2           | full 2                    | interrupted 1      | full 2
Content-Length too small       | full 2           | full 2                    | interrupted 1      | unreadable 1
login page with 200            | unreadable 1     | unreadable 1              | unreadable 1       | unreadable 1
302 to a login page            | redirected 1     | redirected 1              | redirected 1       | redirected 1
302 to another host            | redirected 1     | redirected 1              | redirected 1       | redirected 1
200 with an error inside       | query 1          | query 1                   | query 1            | unreadable 1
200 with a part                | interrupted 2    | interrupted 2             | interrupted 1      | - 0
204                            | unreadable 1     | unreadable 1              | unreadable 1       | unreadable 1
64 MB in 65 kB                 | unreadable 1     | unreadable 1              | unreadable 1       | unreadable 1
500 always                     | service 1        | service 1                 | service 1          | service 1
503 always                     | overloaded 4     | overloaded 4              | overloaded 4       | overloaded 4
504 once                       | limit-exceeded 1 | full 3                    | full 3             | full 2
504 always                     | limit-exceeded 1 | limit-exceeded 11         | limit-exceeded 9   | overloaded 4
killed by its time limit, once | limit-exceeded 1 | full 3                    | full 3             | unreadable 1
killed by its time limit       | limit-exceeded 1 | limit-exceeded 11         | limit-exceeded 9   | unreadable 1
429 + Retry-After 1e10, always | rate-limited 1   | rate-limited 1            | rate-limited 1     | rate-limited 1
"""
SITE_TABLE = """
                               | discovery               | login                   | first query
500 once                       | repertoire-web 1        | repertoire-web 1        | no-credential 2
503 + Retry-After 1, once      | full 2                  | full 2                  | full 4
503 without, once              | full 2                  | full 2                  | full 4
429 + Retry-After 1, once      | full 2                  | full 2                  | full 4
401 once                       | not-authenticated 1     | not-authenticated 1     | source-failed 2
403 once                       | forbidden 1             | forbidden 1             | no-credential 2
cut before the answer, once    | full 2                  | full 2                  | full 4
reset in mid-body, once        | full 2                  | full 2                  | full 4
reset behind some rows, once   | full 1                  | full 1                  | full 3
end in mid-body, length, once  | full 2                  | full 2                  | full 4
end in mid-body, chunked, once | full 2                  | full 2                  | full 4
end in mid-body, untold, once  | unreadable 1            | unreadable 1            | no-credential 2
end in mid-body, always        | interrupted 4           | interrupted 4           | sources-away 5
silence before the head        | timed-out 1             | timed-out 1             | timed-out 2
silence in mid-body            | timed-out 1             | timed-out 1             | timed-out 2
50 bytes a second              | timed-out 1             | timed-out 1             | timed-out 2
0.2 s late                     | full 1                  | full 1                  | full 3
half of it, in valid HTTP      | unreadable 1            | unreadable 1            | no-credential 2
nothing, in valid HTTP         | unreadable 1            | unreadable 1            | no-credential 2
Content-Length too large       | full 2                  | full 2                  | full 4
Content-Length too small       | unreadable 1            | unreadable 1            | no-credential 2
login page with 200            | unreadable 1            | unreadable 1            | no-credential 2
302 to a login page            | redirected 1            | redirected 1            | redirected 2
302 to another host            | redirected 1            | redirected 1            | redirected 2
200 with an error inside       | repertoire-validation 1 | repertoire-validation 1 | no-credential 2
200 with a part                | - 0                     | - 0                     | - 0
204                            | unreadable 1            | unreadable 1            | no-credential 2
64 MB in 65 kB                 | unreadable 1            | unreadable 1            | no-credential 2
500 always                     | repertoire-web 1        | repertoire-web 1        | no-credential 2
503 always                     | overloaded 4            | overloaded 4            | sources-away 5
504 once                       | full 2                  | full 2                  | full 4
504 always                     | overloaded 4            | overloaded 4            | sources-away 5
killed by its time limit, once | repertoire-validation 1 | repertoire-validation 1 | no-credential 2
killed by its time limit       | repertoire-validation 1 | repertoire-validation 1 | no-credential 2
429 + Retry-After 1e10, always | rate-limited 1          | rate-limited 1          | sources-away 2
"""


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a short answer has several; what is tested here does not depend on their size."""
    monkeypatch.setattr(influx_database, "_CHUNK", 100)


@pytest.mark.parametrize("face", ["blocking", "asynchronous"])
def test_g_every_fault_ends_in_the_whole_or_in_an_error(face: str, box: Box, ceiling: Callable[[float], float]) -> None:
    begin = time.monotonic()
    found = table(box, TELEMETRY[face] | MORE[face] | SITE[face])
    telemetry_table = MATRIX.printed(found, TELEMETRY[face])
    more_table = MATRIX.printed(found, MORE[face])
    site_table = MATRIX.printed(found, SITE[face])
    print(f"\nG, {face}\n{telemetry_table}\n\n{more_table}\n\n{site_table}\n{time.monotonic() - begin:.1f} s")
    MATRIX.check(found, ceiling)
    assert telemetry_table == TELEMETRY_TABLE.strip("\n")
    assert more_table == MORE_TABLE.strip("\n")
    assert site_table == SITE_TABLE.strip("\n")


def test_g_a_naive_client_fails(box: Box) -> None:
    try:
        found = table(box, NAIVE)
    finally:
        while OPEN:
            OPEN.pop().close()
    print(f"\nG, naive\n{MATRIX.printed(found)}")
    outcomes = [cell.outcome for cells in found.values() for cell in cells.values()]
    print(f"{outcomes.count('LOSS')} silent losses, {outcomes.count('HANG')} hangs")
    assert outcomes.count("LOSS") >= 10
    assert outcomes.count("HANG") >= 1
