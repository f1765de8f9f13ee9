"""A TAP service that does what a test says, and counts what it is asked."""

import asyncio
import io
import re
from collections.abc import Callable, Iterable
from email.parser import BytesParser
from typing import Any
from urllib.parse import parse_qs, parse_qsl
from xml.sax.saxutils import escape, quoteattr

import pyarrow as pa
import pyarrow.parquet as pq

from skykey.credentials.keeper import Keeper
from skykey.tap.client import AsyncTapClient, TapClient
from tests.rubin.test_influx_faults import Hasty
from tests.wire.server import Answer, Seen, reply

VOTABLE = "application/x-votable+xml"
PARQUET = "application/vnd.apache.parquet"
BINARY2 = f"{VOTABLE};serialization=BINARY2"
OFFERED = (VOTABLE, BINARY2, "text/csv", "text/tab-separated-values", PARQUET)
FIELDS = '<FIELD name="n" datatype="int" unit="m" ucd="meta.number"/><FIELD name="s" datatype="char" arraysize="*"/>'


def capabilities(
    formats: Iterable[str] = OFFERED, *, default: int | None = None, hard: int | None = None, more: str = ""
) -> str:
    listed = "".join(
        f"<outputFormat><mime>{escape(mime)}</mime><alias>{escape(mime.partition('/')[2][:9])}</alias></outputFormat>"
        for mime in formats
    )
    limits = [f'<{name} unit="row">{rows}</{name}>' for name, rows in (("default", default), ("hard", hard)) if rows]
    limit = f"<outputLimit>{''.join(limits)}</outputLimit>" if limits else ""
    upload = '<uploadMethod ivo-id="ivo://ivoa.net/std/TAPRegExt#upload-inline"/>'
    return (
        '<?xml version="1.0"?><vosi:capabilities xmlns:vosi="http://www.ivoa.net/xml/VOSICapabilities/v1.0">'
        '<capability standardID="ivo://ivoa.net/std/VOSI#tables"/>'
        f'<capability standardID="ivo://ivoa.net/std/TAP">{listed}{upload}{limit}{more}</capability></vosi:capabilities>'
    )


def info(value: str, text: str = "") -> str:
    return f'<INFO name="QUERY_STATUS" value="{value}">{escape(text)}</INFO>'


def votable(*rows: tuple[Any, ...], fields: str = FIELDS, after: str = "") -> bytes:
    cells = "".join(f"<TR>{''.join(f'<TD>{escape(str(cell))}</TD>' for cell in row)}</TR>" for row in rows)
    return (
        f'<VOTABLE version="1.4"><RESOURCE type="results">{info("OK")}<TABLE>{fields}<DATA><TABLEDATA>{cells}'
        f"</TABLEDATA></DATA></TABLE>{after}</RESOURCE></VOTABLE>"
    ).encode()


def refused(words: str, status: int = 400) -> bytes:
    text = f'<VOTABLE><RESOURCE type="results">{info("ERROR", words)}</RESOURCE></VOTABLE>'
    return reply(status, text, Content_Type=VOTABLE)


def as_votable(*rows: tuple[Any, ...], **more: Any) -> bytes:
    return reply(200, votable(*rows, **more), Content_Type=VOTABLE)


def as_parquet(*rows: tuple[Any, ...], infos: str | None = None) -> bytes:
    columns = list(zip(*rows, strict=True)) or [(), ()]
    table = pa.table({"n": pa.array(columns[0], pa.int32()), "s": pa.array(columns[1], pa.string())})
    if infos is not None:
        content = f'<VOTABLE><RESOURCE type="results">{infos}<TABLE>{FIELDS}</TABLE></RESOURCE></VOTABLE>'
        table = table.replace_schema_metadata({"IVOA.VOTable-Parquet.content": content})
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return reply(200, sink.getvalue(), Content_Type=PARQUET)


def form(seen: Seen) -> dict[str, str]:
    """The fields of a question, however they were sent."""
    kind = seen.headers.get("content-type", "")
    if not kind.startswith("multipart/"):
        return dict(parse_qsl(seen.body.decode(), keep_blank_values=True))
    return {name: content.decode() for name, content in parts(seen).items()}


def parts(seen: Seen) -> dict[str, bytes]:
    """The parts of a form with files, read by the standard library."""
    message = BytesParser().parsebytes(f"Content-Type: {seen.headers['content-type']}\r\n\r\n".encode() + seen.body)
    assert message.is_multipart()
    assert not message.defects
    found = {}
    for part in message.walk():
        name = part.get_param("name", header="content-disposition")
        if name:
            found[str(name)] = part.get_payload(decode=True)
    return found


class ScriptedTap:
    """Answers capabilities, `/sync` by a function of the question, and jobs phase by phase.

    Parameters
    ----------
    answer
        From a question's fields to what is sent; also the result of jobs.
    able
        The document of capabilities; None for a service without.
    phases
        Of a job, one for each look at it; the last stays.
    """

    def __init__(
        self,
        answer: Callable[[dict[str, str]], Answer] = lambda _: as_votable((1, "a")),
        able: str | None = None,
        phases: Iterable[str] = ("COMPLETED",),
        **more: Any,
    ) -> None:
        self.answer = answer
        self.able: str | None = capabilities() if able is None else able
        self.phases = list(phases)
        self.more = {"summary": "", "href": "", "errors": None, "create": None, "detail": None, **more}
        self.asked: list[dict[str, str]] = []
        self.calls: list[str] = []
        self.deleted = 0
        self.waits: list[str] = []
        self.known: list[str] = []
        self.url = ""

    def __call__(self, seen: Seen) -> Answer:
        path = re.sub(r"^/tap", "", seen.path)
        self.calls.append(f"{seen.method} {path}")
        match seen.method, path:
            case "GET", "/capabilities":
                return reply(404) if not self.able else reply(200, self.able, Content_Type="text/xml")
            case "POST", "/sync":
                self.asked.append(form(seen))
                return self.answer(self.asked[-1])
            case "POST", "/async":
                self.asked.append(form(seen))
                return self.more["create"] or reply(303, Location="/tap/async/7")
            case "GET", "/async":
                return reply(200, self.listed(), Content_Type="text/xml")
            case "GET", "/async/7":
                query = parse_qs(seen.target.partition("?")[2])
                self.waits += query.get("WAIT", [])
                self.known += query.get("PHASE", [])
                return reply(200, self.job(), Content_Type="text/xml")
            case "POST", "/async/7/phase":
                self.asked.append(form(seen))
                return reply(303, Location="/tap/async/7")
            case "DELETE", "/async/7":
                self.deleted += 1
                return reply(303, Location="/tap/async")
            case "GET", "/async/7/results/result":
                return self.answer(self.asked[-1] if self.asked else {})
            case "GET", "/async/7/error":
                return self.more["detail"] or refused("the whole story, which is longer", 200)
            case _:
                return reply(404)

    def job(self) -> str:
        phase = self.phases.pop(0) if len(self.phases) > 1 else self.phases[0]
        href = self.more["href"]
        result = f'<uws:result id="result" xlink:href={quoteattr(href)}/>' if href else ""
        return (
            '<?xml version="1.0"?><uws:job xmlns:uws="http://www.ivoa.net/xml/UWS/v1.0" '
            'xmlns:xlink="http://www.w3.org/1999/xlink" version="1.1">'
            f"<uws:jobId>7</uws:jobId><uws:phase>{phase}</uws:phase>"
            f"{self.more['summary']}<uws:results>{result}</uws:results></uws:job>"
        )

    def listed(self) -> str:
        return (
            '<uws:jobs xmlns:uws="http://www.ivoa.net/xml/UWS/v1.0"><uws:jobref id="7"><uws:phase>EXECUTING</uws:phase>'
            "<uws:runId>mine</uws:runId><uws:creationTime>2026-03-20T12:00:00Z</uws:creationTime></uws:jobref></uws:jobs>"
        )


class Face:
    """One face of a client, used in the same way as the other.

    Parameters
    ----------
    name
        ``sync`` or ``async``.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def client(self, url: str, keeper: Keeper[Any] | None = None, **more: Any) -> Any:
        kind = TapClient if self.name == "sync" else AsyncTapClient
        made = kind(f"{url}/tap", keeper, **more)
        made._clock = Hasty()
        return made

    def do(self, method: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
        """Call a method; of one that gives a DataFrame, the `Table`."""
        method = getattr(method, "table", method)
        if self.name == "sync":
            return method(*arguments, **more)

        async def awaited() -> Any:
            return await method(*arguments, **more)

        return asyncio.run(awaited())

    def batches(self, stream: Any) -> list[Any]:
        """All batches of a stream, then its end."""
        if self.name == "sync":
            with stream as rows:
                return [*rows, rows.end]

        async def read() -> list[Any]:
            async with stream as rows:
                return [*[batch async for batch in rows], rows.end]

        return asyncio.run(read())
