"""ConsDB's clients and the logs' for the rows on requests and data, and a site that has a little of everything.

Each question is a function of a site's address and of a clock; None is the real one. A later client adds its lines to
`QUESTIONS`, and what it asks to `site`.
"""

import asyncio
import json
from collections.abc import Callable, Iterable
from typing import Any

from skykey.rubin.consdb.tap import ConsDbTapFlows
from skykey.rubin.consdb_query import AsyncConsDbFastAPI, AsyncConsDbTap, ConsDbFastAPI, ConsDbTap
from skykey.rubin.logging_query import AsyncNarrativeLogClient, AsyncNightReportClient, NarrativeLogClient
from tests.rubin.scripted_consdb import VISIT, rows_of
from tests.rubin.scripted_log import AUTH, ScriptedLog, message, report
from tests.wire.askers import FastClock
from tests.wire.server import Answer, Seen, as_json, reply

STATEMENT = "select a, b from t"  # of a table that no schema knows
PLAIN = rows_of(["a", "b"], *[[n, f"text {n}"] for n in range(10)])
LOG = ScriptedLog([message(number) for number in range(10)])
XML = "application/x-votable+xml"
FIELDS = '<FIELD name="a" datatype="int"/><FIELD name="b" datatype="char" arraysize="*"/>'
REPORTS = ScriptedLog([report(number) for number in range(3)])


def votable(rows: Iterable[str], *, status: str = "OK", behind: str = "", fields: str = FIELDS) -> str:
    """An answer of TAP in plain text."""
    return (
        '<?xml version="1.0"?><VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">'
        f'<RESOURCE type="results"><INFO name="QUERY_STATUS" value="{status}"/><TABLE>{fields}<DATA><TABLEDATA>'
        f"{''.join(rows)}</TABLEDATA></DATA></TABLE>{behind}</RESOURCE></VOTABLE>"
    )


def refused(words: str) -> str:
    """TAP's way to say no."""
    return (
        '<?xml version="1.0"?><VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">'
        f'<RESOURCE type="results"><INFO name="QUERY_STATUS" value="ERROR">{words}</INFO></RESOURCE></VOTABLE>'
    )


TAP_ROWS = [f"<TR><TD>{n}</TD><TD>text {n}</TD></TR>" for n in range(10)]
VOTABLE = reply(200, votable(TAP_ROWS), Content_Type=XML)

Question = Callable[[str, Any], Any]


def made(kind: type[Any], url: str, clock: Any = None) -> Any:
    """A client of the site."""
    client = kind(url, AUTH[1] if issubclass(kind, ConsDbTapFlows) else AUTH)
    client._clock = clock or FastClock()
    return client


def streamed(client: Any, statement: str = STATEMENT, seen: list[Any] | None = None) -> list[Any]:
    """The batches of a stream, which are in `seen` too if it breaks off."""
    batches: list[Any] = [] if seen is None else seen
    with client.stream(statement) as rows:
        batches.extend(rows)
    return batches


def streamed_async(client: Any, statement: str = STATEMENT, seen: list[Any] | None = None) -> list[Any]:
    batches: list[Any] = [] if seen is None else seen

    async def main() -> None:
        async with client.stream(statement) as rows:
            async for batch in rows:
                batches.append(batch)  # noqa: PERF401 - what came before an error counts

    asyncio.run(main())
    return batches


CONSDB: dict[str, Question] = {
    "consdb": lambda url, clock: made(ConsDbFastAPI, url, clock).query(STATEMENT),
    "consdb, async": lambda url, clock: asyncio.run(made(AsyncConsDbFastAPI, url, clock).query(STATEMENT)),
    "consdb stream": lambda url, clock: streamed(made(ConsDbFastAPI, url, clock)),
    "consdb stream, async": lambda url, clock: streamed_async(made(AsyncConsDbFastAPI, url, clock)),
}
LOGS: dict[str, Question] = {
    "log": lambda url, clock: made(NarrativeLogClient, url, clock).query(),
    "log, async": lambda url, clock: asyncio.run(made(AsyncNarrativeLogClient, url, clock).query()),
    "reports, async": lambda url, clock: asyncio.run(made(AsyncNightReportClient, url, clock).query()),
}
TAP: dict[str, Question] = {
    "tap": lambda url, clock: made(ConsDbTap, url, clock).query(STATEMENT),
    "tap, async": lambda url, clock: asyncio.run(made(AsyncConsDbTap, url, clock).query(STATEMENT)),
    "tap stream": lambda url, clock: streamed(made(ConsDbTap, url, clock)),
    "tap stream, async": lambda url, clock: streamed_async(made(AsyncConsDbTap, url, clock)),
}
QUESTIONS = {**CONSDB, **LOGS, **TAP}


def site(seen: Seen) -> Answer:
    """Answers what the questions ask."""
    if seen.path == "/consdb/query":
        return PLAIN
    if seen.path.startswith("/consdb/schema"):
        told = {"message": "Invalid table", "value": seen.path.rpartition("/")[2], "valid": ["cdb_lsstcam.visit1"]}
        return as_json(json.dumps(VISIT)) if seen.path.endswith("/visit1") else as_json(json.dumps(told), 404)
    if seen.path.startswith("/api/consdbtap"):
        return VOTABLE if seen.path.endswith("/sync") else reply(404, "")
    if seen.path.startswith("/nightreport"):
        return REPORTS(seen)
    return as_json(json.dumps(message(1))) if seen.method == "POST" else LOG(seen)


def is_asked(seen: Seen) -> bool:
    """Whether this is one of theirs, and not of telemetry."""
    return seen.path.startswith(("/api/consdbtap", "/consdb", "/narrativelog", "/exposurelog", "/nightreport"))
