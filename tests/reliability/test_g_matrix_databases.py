"""G, all together, the databases: ConsDB, its TAP and the logs, in both faces. The whole, or an error; at once.

How to read the tables stands in `matrix`.
"""

import collections
import gzip
import json
import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pytest

from skykey.rubin.consdb_query import AsyncConsDbFastAPI, AsyncConsDbTap, ConsDbFastAPI, ConsDbTap
from skykey.rubin.logging_query import (
    AsyncExposureLogClient,
    AsyncNarrativeLogClient,
    AsyncNightReportClient,
    ExposureLogClient,
    NarrativeLogClient,
    NightReportClient,
)
from skykey.sandbox import Box
from skykey.tables import json_rows
from skykey.tables.table import Table
from skykey.testing.faults import Pass, Reply, Reset, Rewrite
from skykey.testing.faults_exchange import Exchange
from skykey.testing.faults_proxy import FaultProxy
from tests.reliability import matrix, naive_databases
from tests.reliability.matrix import AT_LAST, OF_THE_SERVER, ON_THE_WAY, Ask, Column, Matrix, Row
from tests.wire.askers import FastClock

JSON = {"Content-Type": "application/json"}


def client_of(kind: type[Any]) -> Callable[[str, str], Any]:
    """Makes clients that do not really wait between repeats."""

    def make(url: str, token: str) -> Any:
        client = kind(url, ("user", token))
        client._clock = FastClock()
        return client

    return make


def says(status: int, document: Any) -> Reply:
    return Reply(status, json.dumps(document), JSON)


def spoilt(change: Callable[[Any], Any]) -> Rewrite:
    """The answer with another document, whole and in flawless JSON."""
    return Rewrite(lambda body: json.dumps(change(json.loads(body))).encode())


# -- ConsDB

HOUR = "2026-03-21T00:00:00Z", "2026-03-21T00:30:00Z"  # 50 visits
NAMES = "visit_id, obs_start, obs_end_mjd, s_ra, s_dec, airmass, azimuth, band"
SOME = f"select {NAMES} from cdb_lsstcam.visit1 where day_obs = 20260320 order by visit_id"  # 398 rows
DETECTORS = 2026032000120, 0, 60


@dataclass(frozen=True)
class Unfinished:
    """Compressed, and the compression has no end; HTTP is content."""

    async def play(self, exchange: Exchange, /) -> None:
        answer = await exchange.answer()
        body = await answer.whole()
        if body[:2] != b"\x1f\x8b":
            body = gzip.compress(body)
        kept = [(name, value) for name, value in answer.headers if name.lower() != "content-encoding"]
        await exchange.begin(answer.status, [*kept, ("Content-Encoding", "gzip")], "length", len(body) * 9 // 10)
        await exchange.send(body[: len(body) * 9 // 10])


def ragged(document: Any) -> Any:
    """The last row, or the last column's description, lacks its end."""
    if "data" not in document:
        return {**document, list(document)[-1]: []}
    return {**document, "data": [*document["data"][:-1], document["data"][-1][:-1]]}


def without(name: str) -> Callable[[Any], Any]:
    return lambda document: {key: value for key, value in document.items() if key != name} if name in document else []


def database(kind: str, words: str) -> Reply:
    """As SQLAlchemy says what the driver said."""
    return says(500, {"message": f"(psycopg2.{kind}) {words}\n[SQL: select 1]\n(Background on this error at: …)"})


AWAY = database("OperationalError", "server closed the connection unexpectedly")
CONSDB_ROWS = {
    **ON_THE_WAY,
    "gzip without its end": Row(Unfinished(), None),
    "200 with an error inside": Row(says(200, {"message": "(psycopg2.OperationalError) refused"}), None),
    "200 with an empty document": Row(says(200, {}), None),
    "200 with a list": Row(says(200, []), None),
    "200 without columns": Row(spoilt(without("columns")), None),
    "200 without rows": Row(spoilt(without("data")), None),
    "200 with a short row": Row(spoilt(ragged), None),
    "200 with two documents": Row(Rewrite(lambda body: body * 2), None),
    **OF_THE_SERVER,
    "500 OperationalError, once": Row(AWAY),
    "500 OperationalError, always": Row(AWAY, None),
    "500 QueryCanceled, once": Row(database("errors.QueryCanceled", "canceling statement due to statement timeout")),
    "500 QueryCanceled, always": Row(database("errors.QueryCanceled", "canceling statement"), None),
    "500 UndefinedColumn": Row(database("errors.UndefinedColumn", 'column "x" does not exist'), None),
    "500 without a message": Row(says(500, {}), None),
    **AT_LAST,
}
STATEMENTS = "query", "get_visits", "query_ccdvisits", "stream"
CONSDB_PATHS = {"columns": "*/consdb/schema/*", "first query": "*/consdb/schema/*"}
CONSDB = Matrix(CONSDB_ROWS, "*/consdb/query", CONSDB_PATHS)
new_consdb, new_consdb_async = client_of(ConsDbFastAPI), client_of(AsyncConsDbFastAPI)


def forgetting(client: Any) -> Any:
    """One that has not asked for the schema yet; what it said is remembered."""
    client._memos.clear()
    return client


def streamed(client: Any) -> pa.Table:
    with client.stream(SOME) as rows:
        return pa.concat_tables(list(rows))


async def streamed_async(client: Any) -> pa.Table:
    async with client.stream(SOME) as rows:
        return pa.concat_tables([batch async for batch in rows])


CONSDB_COLUMNS: dict[str, dict[str, Column]] = {
    face: {
        "query": column(make, lambda client: client.query(SOME)),
        "get_visits": column(make, lambda client: client.get_visits("lsstcam", *HOUR)),
        "query_ccdvisits": column(make, lambda client: client.query_ccdvisits("lsstcam", *DETECTORS)),
        "stream": column(make, stream),
        "columns": column(make, lambda client: forgetting(client).columns("lsstcam", "visit1")),
        "first query": column(make, lambda client: forgetting(client).query(SOME)),
    }
    for face, column, make, stream in (
        ("blocking", matrix.blocking, new_consdb, streamed),
        ("asynchronous", matrix.asynchronous, new_consdb_async, streamed_async),
    )
}

# -- logs

NIGHTS = "2026-03-18T12:00:00Z", "2026-03-22T12:00:00Z"
MESSAGES = "narrativelog/messages"


def half(rows: Any) -> Any:
    """Fewer than there are, without a word; never less than the services' own least limit."""
    return rows[: max(2, len(rows) // 2)] if isinstance(rows, list) else rows


@dataclass(frozen=True)
class Asking:
    """The target's answer to another question than the one that was asked."""

    offset: int | None = None
    most: int | None = None

    async def play(self, exchange: Exchange, /) -> None:
        target = exchange.asked.target
        if self.offset is not None:
            target = re.sub(r"\boffset=\d+", f"offset={self.offset}", target)
        if self.most is not None:
            most = self.most
            target = re.sub(r"\blimit=(\d+)", lambda found: f"limit={min(int(found[1]), most)}", target)
        exchange.asked = replace(exchange.asked, target=target)
        await Pass().play(exchange)


DETAIL = {"detail": [{"loc": ["query", "limit"], "msg": "ensure this value is greater than 1", "type": "x"}]}


def nameless(rows: Any) -> Any:
    """One row has no id."""
    if isinstance(rows, dict):
        return {**rows, "id": None}
    return [*rows[:-1], {**rows[-1], "id": None}] if rows else rows


LOG_ROWS = {
    **ON_THE_WAY,
    "answer lost, once": Row(Reset(delivered=True)),
    "200 with an error inside": Row(says(200, {"detail": "Internal Server Error"}), None),
    "200 with null": Row(says(200, None), None),
    "200 with a row without id": Row(spoilt(nameless), None),
    "200 with half the rows, once": Row(spoilt(half)),
    "200 with half the rows": Row(spoilt(half), None),
    "50 rows at most": Row(Asking(most=50), None),
    "the first page again": Row(Asking(offset=0), None),
    "the first 50 rows again": Row(Asking(offset=0, most=50), None),
    "422": Row(says(422, DETAIL), None),
    **OF_THE_SERVER,
    **AT_LAST,
}
# Of less than fifty rows nobody can see it: see the last test.
FEW = "200 with half the rows, once", "200 with half the rows"
WRITTEN: list[str] = []
LOG_PATHS = {
    "narrative": f"*/{MESSAGES}",
    "exposure": "*/exposurelog/messages",
    "night report": "*/nightreport/reports",
    "write": f"*/{MESSAGES}",
}
PAGES = *FEW, "50 rows at most", "the first page again", "the first 50 rows again"
# A connection that is reset after a whole answer may be found out with the next one: a question is asked again then, a
# message is not.
AFTERWARDS = "reset behind some rows, once"
LOGS = Matrix(LOG_ROWS, "-", LOG_PATHS, {"night report": FEW, "write": (*PAGES, AFTERWARDS)})


def said() -> str:
    """A text of its own for each message, so that its fate can be told afterwards."""
    WRITTEN.append(f"matrix {uuid.uuid4()}")
    return WRITTEN[-1]


def about(message: Any) -> dict[str, Any]:
    """What is the same in all of them."""
    return {name: value for name, value in message.items() if name not in {"id", "message_text", "date_added"}}


def written(client: NarrativeLogClient) -> Any:
    return about(client.add_message(said(), user_id="matrix", is_human=False))


async def written_async(client: AsyncNarrativeLogClient) -> Any:
    return about(await client.add_message(said(), user_id="matrix", is_human=False))


LOG_COLUMNS: dict[str, dict[str, Column]] = {
    face: {
        "narrative": column(client_of(narrative), lambda client: client.query_log(*NIGHTS)),
        "exposure": column(client_of(exposure), lambda client: client.query_log(*NIGHTS, is_valid="either")),
        "night report": column(client_of(report), lambda client: client.query_night_report(20260321)),
        "write": column(client_of(narrative), write),
    }
    for face, column, narrative, exposure, report, write in (
        ("blocking", matrix.blocking, NarrativeLogClient, ExposureLogClient, NightReportClient, written),
        (
            "asynchronous",
            matrix.asynchronous,
            AsyncNarrativeLogClient,
            AsyncExposureLogClient,
            AsyncNightReportClient,
            written_async,
        ),
    )
}


def fates(box: Box) -> collections.Counter[str]:
    """How often each message that was to be written is there."""
    log = NarrativeLogClient(box.site_url, ("user", box.token))
    there = collections.Counter(log.query(user_ids=["matrix", "naive"])["message_text"])
    return collections.Counter({text: there[text] for text in WRITTEN})


# -- TAP


@dataclass(frozen=True)
class Bounded:
    """The target's answer to the same question with a limit of rows."""

    most: int

    async def play(self, exchange: Exchange, /) -> None:
        exchange.asked = replace(exchange.asked, body=exchange.asked.body + f"&MAXREC={self.most}".encode())
        await Pass().play(exchange)


def votable(status: str, words: str) -> str:
    return (
        '<?xml version="1.0"?><VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">'
        '<RESOURCE type="results">'
        f'<INFO name="QUERY_STATUS" value="{status}">{words}</INFO></RESOURCE></VOTABLE>'
    )


def broken_off(body: bytes) -> bytes:
    """Half of the rows, then what the service says of it; Parquet has no place for that, and no end then."""
    if body[:4] == b"PAR1":
        return body[: len(body) // 2] + b"the connection to the database was lost"
    return body.replace(b"</TABLE>", b'</TABLE><INFO name="QUERY_STATUS" value="ERROR">the connection was lost</INFO>')


def in_phase(phase: str) -> Rewrite:
    """The job is in another phase than it is."""
    return Rewrite(lambda body: re.sub(rb"(phase>)[A-Z]+<", rb"\g<1>" + phase.encode() + b"<", body))


XML = {"Content-Type": "application/x-votable+xml"}
TAP_ROWS = {
    **ON_THE_WAY,
    "gzip without its end": Row(Unfinished(), None),
    "200 with an error inside": Row(Reply(200, votable("ERROR", "refused"), XML), None),
    "200 with an OK and no table": Row(Reply(200, votable("OK", ""), XML), None),
    "400 with an error inside": Row(Reply(400, votable("ERROR", "no such column"), XML), None),
    "400 timed out": Row(Reply(400, votable("ERROR", "canceling statement due to statement timeout"), XML), None),
    "500 with an error inside": Row(Reply(500, votable("ERROR", "no more connections"), XML), None),
    "an error behind the rows": Row(Rewrite(broken_off), None),
    "100 rows and OVERFLOW": Row(Bounded(100), None),
    "the table twice": Row(Rewrite(lambda body: body * 2), None),
    "text in its place": Row(Reply(200, "out of memory", {"Content-Type": "text/plain"}), None),
    "the job in phase ERROR": Row(in_phase("ERROR"), None),
    "the job in phase ABORTED": Row(in_phase("ABORTED"), None),
    "the job in phase ARCHIVED": Row(in_phase("ARCHIVED"), None),
    "the job in a phase of its own": Row(in_phase("BROKEN"), None),
    **OF_THE_SERVER,
    **AT_LAST,
}
PHASES = tuple(title for title in TAP_ROWS if "the job in" in title)
JOB_PATHS = {
    "job, sent": "*/async",
    "job, asked for": "*/async/????????????????",
    "job, its result": "*/results/result",
}
OF_ROWS = "an error behind the rows", "100 rows and OVERFLOW"
AT_ONCE = "query", "query, binary2", "get_visits", "stream"
TAP = Matrix(
    TAP_ROWS,
    "*/sync",
    JOB_PATHS,
    {
        **dict.fromkeys(AT_ONCE, PHASES),
        "job, sent": (*PHASES, OF_ROWS[0], "the table twice", AFTERWARDS),
        "job, asked for": (*OF_ROWS, "the table twice", AFTERWARDS),
        "job, its result": (*PHASES, OF_ROWS[1], "302 to another host"),  # where results may lie; tests stay here
    },
    {"job, sent": "POST */async", "job, asked for": "POST */async", "job, its result": "GET */results/result"},
)


def new_tap(url: str, token: str) -> ConsDbTap:
    client = ConsDbTap(url, token)
    client._clock = FastClock()
    return client


def new_tap_async(url: str, token: str) -> AsyncConsDbTap:
    client = AsyncConsDbTap(url, token)
    client._clock = FastClock()
    return client


def streamed_tap(client: ConsDbTap) -> Table:
    with client.stream(SOME) as rows:
        return Table(pa.concat_tables(list(rows)), rows.end)


async def streamed_tap_async(client: AsyncConsDbTap) -> Table:
    async with client.stream(SOME) as rows:
        return Table(pa.concat_tables([batch async for batch in rows]), rows.end)


def job(client: Any) -> Any:
    return client.query.table(SOME, as_job=True)


TAP_COLUMNS: dict[str, dict[str, Column]] = {
    face: {
        "query": column(make, lambda client: client.query.table(SOME)),
        "query, binary2": column(make, lambda client: client.query(SOME, response_format="binary2")),
        "get_visits": column(make, lambda client: client.get_visits("lsstcam", *HOUR)),
        "stream": column(make, stream),
        **dict.fromkeys(JOB_PATHS, column(make, job)),
    }
    for face, column, make, stream in (
        ("blocking", matrix.blocking, new_tap, streamed_tap),
        ("asynchronous", matrix.asynchronous, new_tap_async, streamed_tap_async),
    )
}

# -- the naive control

OPEN: list[naive_databases.Client] = []


def naive(ask: Callable[[naive_databases.Client], Any]) -> Column:
    def column(url: str, token: str) -> Ask:
        client = naive_databases.Client(url, token)
        OPEN.append(client)
        return lambda: ask(client)

    return column


NAIVE_CONSDB: dict[str, Column] = {
    "query": naive(lambda client: client.query(SOME)),
    "visits": naive(lambda client: client.get_visits("lsstcam", 61119.5, 61120.5)),
}
NAIVE_LOGS: dict[str, Column] = {
    "narrative": naive(lambda client: client.log(MESSAGES, min_date_begin=NIGHTS[0][:-1], order_by="date_begin")),
    "exposure": naive(lambda client: client.log("exposurelog/messages", is_valid="either")),
    "night report": naive(lambda client: client.log("nightreport/reports", min_day_obs=20260321)),
    "write": naive(
        lambda client: (
            client.write(MESSAGES, message_text=said(), level=10, user_id="naive", user_agent="x", is_human=False)
            is not None
        )
    ),
}

NAIVE_TAP: dict[str, Column] = dict.fromkeys(JOB_PATHS, naive(lambda client: client.tap(SOME, most=100)))

STATEMENT_TABLE = """
                               | query               | get_visits          | query_ccdvisits     | stream
500 once                       | service 1           | service 1           | service 1           | service 1
503 + Retry-After 1, once      | full 2              | full 2              | full 2              | full 2
503 without, once              | full 2              | full 2              | full 2              | full 2
429 + Retry-After 1, once      | full 2              | full 2              | full 2              | full 2
401 once                       | not-authenticated 1 | not-authenticated 1 | not-authenticated 1 | not-authenticated 1
403 once                       | forbidden 1         | forbidden 1         | forbidden 1         | forbidden 1
cut before the answer, once    | full 2              | full 2              | full 2              | full 2
reset in mid-body, once        | full 2              | full 2              | full 2              | full 2
reset behind some rows, once   | full 2              | full 2              | full 2              | interrupted 1
end in mid-body, length, once  | full 2              | full 2              | full 2              | full 2
end in mid-body, chunked, once | full 2              | full 2              | full 2              | full 2
end in mid-body, untold, once  | full 2              | full 2              | full 2              | full 2
end in mid-body, always        | interrupted 2       | interrupted 2       | interrupted 2       | interrupted 2
silence before the head        | timed-out 1         | timed-out 1         | timed-out 1         | timed-out 1
silence in mid-body            | timed-out 1         | timed-out 1         | timed-out 1         | timed-out 1
50 bytes a second              | timed-out 1         | timed-out 1         | timed-out 1         | timed-out 1
0.2 s late                     | full 1              | full 1              | full 1              | full 1
half of it, in valid HTTP      | interrupted 2       | interrupted 2       | interrupted 2       | interrupted 1
nothing, in valid HTTP         | interrupted 2       | interrupted 2       | interrupted 2       | interrupted 2
Content-Length too large       | full 2              | full 2              | full 2              | interrupted 1
Content-Length too small       | full 2              | full 2              | full 2              | interrupted 1
login page with 200            | unreadable 1        | unreadable 1        | unreadable 1        | unreadable 1
302 to a login page            | redirected 1        | redirected 1        | redirected 1        | redirected 1
302 to another host            | redirected 1        | redirected 1        | redirected 1        | redirected 1
gzip without its end           | interrupted 2       | interrupted 2       | interrupted 2       | interrupted 1
200 with an error inside       | unreadable 1        | unreadable 1        | unreadable 1        | unreadable 1
200 with an empty document     | unreadable 1        | unreadable 1        | unreadable 1        | unreadable 1
200 with a list                | unreadable 1        | unreadable 1        | unreadable 1        | unreadable 1
200 without columns            | unreadable 1        | unreadable 1        | unreadable 1        | unreadable 1
200 without rows               | unreadable 1        | unreadable 1        | unreadable 1        | unreadable 1
200 with a short row           | unreadable 1        | unreadable 1        | unreadable 1        | unreadable 1
200 with two documents         | unreadable 1        | unreadable 1        | unreadable 1        | unreadable 1
204                            | interrupted 2       | interrupted 2       | interrupted 2       | interrupted 2
64 MB in 65 kB                 | unreadable 1        | unreadable 1        | unreadable 1        | unreadable 1
500 always                     | service 1           | service 1           | service 1           | service 1
503 always                     | overloaded 4        | overloaded 4        | overloaded 4        | overloaded 4
504 once                       | overloaded 1        | overloaded 1        | overloaded 1        | overloaded 1
504 always                     | overloaded 1        | overloaded 1        | overloaded 1        | overloaded 1
500 OperationalError, once     | full 2              | full 2              | full 2              | full 2
500 OperationalError, always   | overloaded 2        | overloaded 2        | overloaded 2        | overloaded 2
500 QueryCanceled, once        | limit-exceeded 1    | limit-exceeded 1    | limit-exceeded 1    | limit-exceeded 1
500 QueryCanceled, always      | limit-exceeded 1    | limit-exceeded 1    | limit-exceeded 1    | limit-exceeded 1
500 UndefinedColumn            | query 1             | query 1             | query 1             | query 1
500 without a message          | service 1           | service 1           | service 1           | service 1
429 + Retry-After 1e10, always | rate-limited 1      | rate-limited 1      | rate-limited 1      | rate-limited 1
"""
SCHEMA_TABLE = """
                               | columns             | first query
500 once                       | service 1           | service 1
503 + Retry-After 1, once      | full 2              | full 3
503 without, once              | full 2              | full 3
429 + Retry-After 1, once      | full 2              | full 3
401 once                       | not-authenticated 1 | not-authenticated 1
403 once                       | forbidden 1         | forbidden 1
cut before the answer, once    | full 2              | full 3
reset in mid-body, once        | full 2              | full 3
reset behind some rows, once   | full 1              | full 2
end in mid-body, length, once  | full 2              | full 3
end in mid-body, chunked, once | full 2              | full 3
end in mid-body, untold, once  | full 2              | full 3
end in mid-body, always        | interrupted 4       | interrupted 4
silence before the head        | timed-out 1         | timed-out 1
silence in mid-body            | timed-out 1         | timed-out 1
50 bytes a second              | timed-out 1         | timed-out 1
0.2 s late                     | full 1              | full 2
half of it, in valid HTTP      | unreadable 1        | unreadable 1
nothing, in valid HTTP         | unreadable 1        | unreadable 1
Content-Length too large       | full 2              | full 3
Content-Length too small       | full 2              | full 3
login page with 200            | unreadable 1        | unreadable 1
302 to a login page            | redirected 1        | redirected 1
302 to another host            | redirected 1        | redirected 1
gzip without its end           | interrupted 4       | interrupted 4
200 with an error inside       | unreadable 1        | unreadable 1
200 with an empty document     | unreadable 1        | unreadable 1
200 with a list                | unreadable 1        | unreadable 1
200 without columns            | unreadable 1        | unreadable 1
200 without rows               | unreadable 1        | unreadable 1
200 with a short row           | unreadable 1        | unreadable 1
200 with two documents         | unreadable 1        | unreadable 1
204                            | unreadable 1        | unreadable 1
64 MB in 65 kB                 | unreadable 1        | unreadable 1
500 always                     | service 1           | service 1
503 always                     | overloaded 4        | overloaded 4
504 once                       | full 2              | full 3
504 always                     | overloaded 4        | overloaded 4
500 OperationalError, once     | full 2              | full 3
500 OperationalError, always   | overloaded 2        | overloaded 2
500 QueryCanceled, once        | limit-exceeded 1    | limit-exceeded 1
500 QueryCanceled, always      | limit-exceeded 1    | limit-exceeded 1
500 UndefinedColumn            | query 1             | query 1
500 without a message          | service 1           | service 1
429 + Retry-After 1e10, always | rate-limited 1      | rate-limited 1
"""
LOG_TABLE = """
                               | narrative           | exposure            | night report        | write
500 once                       | service 1           | service 1           | service 1           | service 1
503 + Retry-After 1, once      | full 3              | full 3              | full 2              | overloaded 1
503 without, once              | full 3              | full 3              | full 2              | overloaded 1
429 + Retry-After 1, once      | full 3              | full 3              | full 2              | rate-limited 1
401 once                       | not-authenticated 1 | not-authenticated 1 | not-authenticated 1 | not-authenticated 1
403 once                       | forbidden 1         | forbidden 1         | forbidden 1         | forbidden 1
cut before the answer, once    | full 3              | full 3              | full 2              | interrupted 1
reset in mid-body, once        | full 3              | full 3              | full 2              | interrupted 1
reset behind some rows, once   | full 3              | full 3              | full 1              | - 0
end in mid-body, length, once  | full 3              | full 3              | full 2              | interrupted 1
end in mid-body, chunked, once | full 3              | full 3              | full 2              | interrupted 1
end in mid-body, untold, once  | unreadable 1        | unreadable 1        | unreadable 1        | unreadable 1
end in mid-body, always        | interrupted 4       | interrupted 4       | interrupted 4       | interrupted 1
silence before the head        | timed-out 1         | timed-out 1         | timed-out 1         | timed-out 1
silence in mid-body            | timed-out 1         | timed-out 1         | timed-out 1         | timed-out 1
50 bytes a second              | timed-out 1         | timed-out 1         | timed-out 1         | timed-out 1
0.2 s late                     | full 2              | full 2              | full 1              | full 1
half of it, in valid HTTP      | unreadable 1        | unreadable 1        | unreadable 1        | unreadable 1
nothing, in valid HTTP         | unreadable 1        | unreadable 1        | unreadable 1        | unreadable 1
Content-Length too large       | full 3              | full 3              | full 2              | interrupted 1
Content-Length too small       | unreadable 1        | unreadable 1        | unreadable 1        | unreadable 1
login page with 200            | unreadable 1        | unreadable 1        | unreadable 1        | unreadable 1
302 to a login page            | redirected 1        | redirected 1        | redirected 1        | redirected 1
302 to another host            | redirected 1        | redirected 1        | redirected 1        | redirected 1
answer lost, once              | full 3              | full 3              | full 2              | interrupted 1
200 with an error inside       | unreadable 1        | unreadable 1        | unreadable 1        | unreadable 1
200 with null                  | unreadable 1        | unreadable 1        | unreadable 1        | unreadable 1
200 with a row without id      | unreadable 1        | unreadable 1        | unreadable 1        | unreadable 1
200 with half the rows, once   | full 3              | full 3              | - 0                 | - 0
200 with half the rows         | full 11             | full 10             | - 0                 | - 0
50 rows at most                | full 5              | full 4              | full 1              | - 0
the first page again           | unreadable 4        | unreadable 4        | full 1              | - 0
the first 50 rows again        | unreadable 4        | unreadable 4        | full 1              | - 0
422                            | query 1             | query 1             | query 1             | query 1
204                            | unreadable 1        | unreadable 1        | unreadable 1        | unreadable 1
64 MB in 65 kB                 | unreadable 1        | unreadable 1        | unreadable 1        | unreadable 1
500 always                     | service 1           | service 1           | service 1           | service 1
503 always                     | overloaded 4        | overloaded 4        | overloaded 4        | overloaded 1
504 once                       | full 3              | full 3              | full 2              | overloaded 1
504 always                     | overloaded 4        | overloaded 4        | overloaded 4        | overloaded 1
429 + Retry-After 1e10, always | rate-limited 1      | rate-limited 1      | rate-limited 1      | rate-limited 1
"""


TAP_TABLE = """
                               | query               | query, binary2      | get_visits          | stream
500 once                       | service 1           | service 1           | service 1           | service 1
503 + Retry-After 1, once      | full 2              | full 2              | full 2              | full 2
503 without, once              | full 2              | full 2              | full 2              | full 2
429 + Retry-After 1, once      | full 2              | full 2              | full 2              | full 2
401 once                       | not-authenticated 1 | not-authenticated 1 | not-authenticated 1 | not-authenticated 1
403 once                       | forbidden 1         | forbidden 1         | forbidden 1         | forbidden 1
cut before the answer, once    | full 2              | full 2              | full 2              | full 2
reset in mid-body, once        | full 2              | full 2              | full 2              | full 2
reset behind some rows, once   | full 2              | full 2              | full 2              | full 2
end in mid-body, length, once  | full 2              | full 2              | full 2              | full 2
end in mid-body, chunked, once | full 2              | full 2              | full 2              | full 2
end in mid-body, untold, once  | full 2              | full 2              | full 2              | full 2
end in mid-body, always        | interrupted 2       | interrupted 2       | interrupted 2       | interrupted 2
silence before the head        | timed-out 1         | timed-out 1         | timed-out 1         | timed-out 1
silence in mid-body            | timed-out 1         | timed-out 1         | timed-out 1         | timed-out 1
50 bytes a second              | timed-out 1         | timed-out 1         | timed-out 1         | timed-out 1
0.2 s late                     | full 1              | full 1              | full 1              | full 1
half of it, in valid HTTP      | interrupted 2       | interrupted 2       | interrupted 2       | interrupted 2
nothing, in valid HTTP         | interrupted 2       | interrupted 2       | interrupted 2       | interrupted 2
Content-Length too large       | full 2              | full 2              | full 2              | interrupted 1
Content-Length too small       | full 2              | full 2              | full 2              | interrupted 1
login page with 200            | unreadable 1        | unreadable 1        | unreadable 1        | unreadable 1
302 to a login page            | redirected 1        | redirected 1        | redirected 1        | redirected 1
302 to another host            | redirected 1        | redirected 1        | redirected 1        | redirected 1
gzip without its end           | interrupted 2       | interrupted 2       | interrupted 2       | interrupted 2
200 with an error inside       | query 1             | query 1             | query 2             | query 1
200 with an OK and no table    | unreadable 1        | unreadable 1        | unreadable 1        | unreadable 1
400 with an error inside       | query 1             | query 1             | query 2             | query 1
400 timed out                  | limit-exceeded 1    | limit-exceeded 1    | limit-exceeded 2    | limit-exceeded 1
500 with an error inside       | query 1             | query 1             | query 2             | query 1
an error behind the rows       | interrupted 2       | query 1             | interrupted 2       | query 1
100 rows and OVERFLOW          | flagged 1           | flagged 1           | full 1              | flagged 1
the table twice                | full 1              | unreadable 1        | full 1              | unreadable 1
text in its place              | unreadable 1        | unreadable 1        | unreadable 1        | unreadable 1
the job in phase ERROR         | - 0                 | - 0                 | - 0                 | - 0
the job in phase ABORTED       | - 0                 | - 0                 | - 0                 | - 0
the job in phase ARCHIVED      | - 0                 | - 0                 | - 0                 | - 0
the job in a phase of its own  | - 0                 | - 0                 | - 0                 | - 0
204                            | interrupted 2       | interrupted 2       | interrupted 2       | interrupted 2
64 MB in 65 kB                 | unreadable 1        | unreadable 1        | unreadable 1        | unreadable 1
500 always                     | service 1           | service 1           | service 1           | service 1
503 always                     | overloaded 4        | overloaded 4        | overloaded 4        | overloaded 4
504 once                       | overloaded 1        | overloaded 1        | overloaded 1        | overloaded 1
504 always                     | overloaded 1        | overloaded 1        | overloaded 1        | overloaded 1
429 + Retry-After 1e10, always | rate-limited 1      | rate-limited 1      | rate-limited 1      | rate-limited 1
"""
JOB_TABLE = """
                               | job, sent           | job, asked for      | job, its result
500 once                       | service 1           | service 1           | service 1
503 + Retry-After 1, once      | overloaded 1        | full 1              | full 2
503 without, once              | overloaded 1        | full 1              | full 2
429 + Retry-After 1, once      | rate-limited 1      | full 1              | full 2
401 once                       | not-authenticated 1 | not-authenticated 1 | not-authenticated 1
403 once                       | forbidden 1         | forbidden 1         | forbidden 1
cut before the answer, once    | interrupted 1       | full 1              | full 2
reset in mid-body, once        | full 1              | full 1              | full 2
reset behind some rows, once   | - 0                 | - 0                 | full 2
end in mid-body, length, once  | full 1              | full 1              | full 2
end in mid-body, chunked, once | full 1              | full 1              | full 2
end in mid-body, untold, once  | full 1              | unreadable 1        | full 2
end in mid-body, always        | full 1              | interrupted 1       | interrupted 2
silence before the head        | timed-out 1         | timed-out 1         | timed-out 1
silence in mid-body            | full 1              | timed-out 1         | timed-out 1
50 bytes a second              | full 1              | timed-out 1         | timed-out 1
0.2 s late                     | full 1              | full 1              | full 1
half of it, in valid HTTP      | full 1              | unreadable 1        | interrupted 2
nothing, in valid HTTP         | full 1              | unreadable 1        | interrupted 2
Content-Length too large       | full 1              | full 1              | full 2
Content-Length too small       | full 1              | unreadable 1        | full 2
login page with 200            | unreadable 1        | unreadable 1        | unreadable 1
302 to a login page            | redirected 1        | redirected 1        | redirected 1
302 to another host            | redirected 1        | redirected 1        | - 0
gzip without its end           | full 1              | interrupted 1       | interrupted 2
200 with an error inside       | unreadable 1        | unreadable 1        | query 1
200 with an OK and no table    | unreadable 1        | unreadable 1        | unreadable 1
400 with an error inside       | query 1             | query 1             | query 1
400 timed out                  | limit-exceeded 1    | limit-exceeded 1    | limit-exceeded 1
500 with an error inside       | query 1             | query 1             | query 1
an error behind the rows       | - 0                 | - 0                 | interrupted 2
100 rows and OVERFLOW          | flagged 1           | - 0                 | - 0
the table twice                | - 0                 | - 0                 | full 1
text in its place              | unreadable 1        | unreadable 1        | unreadable 1
the job in phase ERROR         | - 0                 | query 1             | - 0
the job in phase ABORTED       | - 0                 | query 1             | - 0
the job in phase ARCHIVED      | - 0                 | not-found 1         | - 0
the job in a phase of its own  | - 0                 | unreadable 1        | - 0
204                            | unreadable 1        | unreadable 1        | interrupted 2
64 MB in 65 kB                 | full 1              | unreadable 1        | unreadable 1
500 always                     | service 1           | service 1           | service 1
503 always                     | overloaded 1        | overloaded 1        | overloaded 4
504 once                       | overloaded 1        | full 1              | overloaded 1
504 always                     | overloaded 1        | overloaded 1        | overloaded 1
429 + Retry-After 1e10, always | rate-limited 1      | rate-limited 1      | rate-limited 1
"""


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a short answer has several; what is tested here does not depend on their size."""
    monkeypatch.setattr(json_rows, "_PIECE", 20)


@pytest.mark.parametrize("face", CONSDB_COLUMNS)
def test_g_consdb_every_fault_ends_in_the_whole_or_in_an_error(
    face: str, box: Box, ceiling: Callable[[float], float]
) -> None:
    begin = time.monotonic()
    new_consdb(box.site_url, box.token).query("select 1")  # the sandbox makes its year at its first query
    found = CONSDB.table(box, CONSDB_COLUMNS[face])
    statement_table = CONSDB.printed(found, STATEMENTS)
    schema_table = CONSDB.printed(found, CONSDB_PATHS)
    print(f"\nG ConsDB, {face}\n{statement_table}\n\n{schema_table}\n{time.monotonic() - begin:.1f} s")
    CONSDB.check(found, ceiling)
    assert statement_table == STATEMENT_TABLE.strip("\n")
    assert schema_table == SCHEMA_TABLE.strip("\n")


@pytest.mark.parametrize("face", LOG_COLUMNS)
def test_g_logs_every_fault_ends_in_the_whole_or_in_an_error(
    face: str, box: Box, ceiling: Callable[[float], float]
) -> None:
    begin = time.monotonic()
    WRITTEN.clear()
    found = LOGS.table(box, LOG_COLUMNS[face])
    print(f"\nG logs, {face}\n{LOGS.printed(found)}\n{time.monotonic() - begin:.1f} s")
    there = fates(box)
    doubled = [text for text, times in there.items() if times > 1]
    claimed = [cell for cell in found["write"].values() if cell.outcome == "full"]
    print(f"G writing, {face}: {len(there)} messages, {sum(there.values())} there, {len(doubled)} of them twice")
    LOGS.check(found, ceiling)
    assert doubled == []
    assert sum(there.values()) >= len(claimed)
    assert {title: cell.requests for title, cell in found["write"].items() if cell.requests > 1} == {}
    assert LOGS.printed(found) == LOG_TABLE.strip("\n")


@pytest.mark.parametrize("face", TAP_COLUMNS)
def test_g_tap_every_fault_ends_in_the_whole_or_in_an_error(
    face: str, box: Box, ceiling: Callable[[float], float]
) -> None:
    begin = time.monotonic()
    new_tap(box.site_url, box.token).query("select top 1 visit_id from cdb_lsstcam.visit1")
    found = TAP.table(box, TAP_COLUMNS[face])
    tap_table, job_table = TAP.printed(found, AT_ONCE), TAP.printed(found, JOB_PATHS)
    print(f"\nG TAP, {face}\n{tap_table}\n\n{job_table}\n{time.monotonic() - begin:.1f} s")
    TAP.check(found, ceiling)
    jobs = {title: cell.requests for name in ("job, sent", "job, asked for") for title, cell in found[name].items()}
    assert {title: count for title, count in jobs.items() if count > 1} == {}  # a job is never sent twice
    assert tap_table == TAP_TABLE.strip("\n")
    assert job_table == JOB_TABLE.strip("\n")


def test_g_tap_a_naive_client_fails(box: Box) -> None:
    new_tap(box.site_url, box.token).query("select top 1 visit_id from cdb_lsstcam.visit1")
    elsewhere = "302 to a login page", "302 to another host"  # it would go there, and tests stay here
    found = naive_table(replace(TAP, without=dict.fromkeys(JOB_PATHS, elsewhere)), box, NAIVE_TAP)
    outcomes = [cell.outcome for cells in found.values() for cell in cells.values()]
    assert outcomes.count("LOSS") >= 10
    assert outcomes.count("HANG") >= 1


def test_g_consdb_a_naive_client_fails(box: Box) -> None:
    new_consdb(box.site_url, box.token).query("select 1")
    found = naive_table(CONSDB, box, NAIVE_CONSDB)
    outcomes = [cell.outcome for cells in found.values() for cell in cells.values()]
    assert outcomes.count("LOSS") >= 10
    assert outcomes.count("HANG") >= 1


def test_g_logs_a_naive_client_fails(box: Box) -> None:
    WRITTEN.clear()
    found = naive_table(LOGS, box, NAIVE_LOGS)
    outcomes = [cell.outcome for name in found if name != "write" for cell in found[name].values()]
    doubled = [text for text, times in fates(box).items() if times > 1]
    print(f"{len(doubled)} messages were written twice or more")
    assert outcomes.count("LOSS") >= 10
    assert outcomes.count("HANG") >= 1
    assert len(doubled) >= 3


def naive_table(played: Matrix, box: Box, columns: dict[str, Column]) -> matrix.Cells:
    try:
        found = played.table(box, columns)
    finally:
        while OPEN:
            OPEN.pop().close()
    outcomes = [cell.outcome for cells in found.values() for cell in cells.values()]
    print(f"\nG, naive\n{played.printed(found)}")
    print(f"{outcomes.count('LOSS')} silent losses, {outcomes.count('HANG')} hangs")
    return found


# -- what no client can see


def test_g_what_is_less_and_shows_it_nowhere_is_not_seen(box: Box) -> None:
    """Half of the rows, in whole HTTP, whole compression, whole JSON and whole rows; no answer says how many there are.

    ConsDB is not known to do this but at its limit of rows (see G8); a log whose pages are fifty rows or more is asked
    on. A log that gives fewer than fifty rows of more is not found out, nor is a statement's answer.
    """
    consdb, reports = new_consdb(box.site_url, box.token), client_of(NightReportClient)(box.site_url, box.token)
    whole, whole_reports = consdb.query(SOME), reports.query()
    with FaultProxy(box.site_url) as proxy:
        proxy.fault(spoilt(lambda document: {**document, "data": document["data"][::2]}), path="*/consdb/query")
        proxy.fault(spoilt(half), path="*/nightreport/*")
        found = new_consdb(proxy.url, box.token).query(SOME)
        found_reports = client_of(NightReportClient)(proxy.url, box.token).query()
    print(f"G not to be seen: {len(found)} of {len(whole)} rows, {len(found_reports)} of {len(whole_reports)} reports")
    assert (len(found), found.attrs["truncated"]) == (len(whole) // 2, False)
    assert len(found_reports) < len(whole_reports)
