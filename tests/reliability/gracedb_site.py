"""GraceDB's client for the rows on requests and data, and a GraceDB that has a little of everything.

Each question is a function of a site's address and of a clock, as in `databases`. Nothing but the question itself is
asked: the client has the API root already.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from skykey.gracedb.rest import AsyncGraceDb, GraceDb
from tests.gracedb.scripted import LINKS, LISTS, TEMPLATES, answer
from tests.reliability.gracedb import GROUP, settled
from tests.wire.server import Answer, Seen, reply

Question = Callable[[str, Any], Any]

EVENT = {
    "graceid": "T0001",
    "group": "Test",
    "pipeline": "gstlal",
    "search": None,
    "created": "2026-11-20 10:00:00 UTC",
}
ENTRY = {"N": 1, "comment": "x", "filename": "", "created": "2026-11-20 10:00:00 UTC", "tag_names": []}
FILE = b"a file " * 100
USER = {"username": "albert.einstein@ligo.org"}


def root(base: str) -> dict[str, Any]:
    """The API root of a site."""
    return {
        "links": {name: base + end for name, end in LINKS.items()},
        "templates": {key: base + end for key, end in TEMPLATES.items()},
        **LISTS,
    }


def made(kind: type[Any], url: str, clock: Any) -> Any:
    """A client that knows the site."""
    client = kind(f"{url}/api/", force_noauth=True, remember_root=False)
    client._service_info = root(f"{url}/api/")
    client._clock = clock
    return client


def read(url: str, clock: Any) -> bytes:
    return bytes(made(GraceDb, url, clock).files("T0001", "a.bin").read())


def read_async(url: str, clock: Any) -> bytes:
    async def ask() -> bytes:
        return bytes(await (await made(AsyncGraceDb, url, clock).files("T0001", "a.bin")).read())

    return asyncio.run(ask())


def both(ask: Callable[[Any], Any]) -> tuple[Question, Question]:
    return (
        lambda url, clock: ask(made(GraceDb, url, clock)),
        lambda url, clock: settled(ask(made(AsyncGraceDb, url, clock))),
    )


def faces(questions: dict[str, tuple[Question, Question]]) -> dict[str, Question]:
    return {
        f"gracedb {name}{face}": question
        for name, pair in questions.items()
        for face, question in zip(("", ", async"), pair, strict=True)
    }


READS = faces({
    "event": both(lambda client: client.event("T0001")),
    "search": both(lambda client: settled(client.events("far < 1"))),
    "file": (read, read_async),
})  # fmt: skip
"""What only reads, and may be asked again."""

WRITES = faces({
    "log": both(lambda client: client.write_log("T0001", "x")),
    "log with a file": both(lambda client: client.write_log("T0001", "x", "a.txt", b"content")),
    "replacement": both(lambda client: client.replace_event("T0001", "a.txt", b"content")),
    "notice": both(lambda client: client.create_notice("S1", "a.json", b"{}")),
    "verb": both(lambda client: client.post(f"{client._service_url}events/T0001/log/", data={"comment": "x"})),
})  # fmt: skip
"""What would be there twice if it were sent twice."""

EVENTS = faces({
    "creation": both(lambda client: client.create_event(GROUP, "gstlal", "a.txt", filecontents=b"content")),
})  # fmt: skip
"""What is looked for by its content before it is sent again."""


def is_asked(seen: Seen) -> bool:
    """Whether this is GraceDB's, and not of another service."""
    return seen.path.startswith(("/api/events/", "/api/superevents/", "/api/user-info/"))


def site(seen: Seen) -> Answer:
    """Answers what the questions ask. It has no event by content, and no entry in a log."""
    if seen.method == "PUT":
        return reply(202, b" " * 100)  # as long as what can be slow
    if seen.method == "POST":
        return answer(EVENT if seen.path == "/api/events/" else ENTRY, 201)
    if seen.path == "/api/events/":
        return answer({"numRows": 1, "events": [EVENT], "links": {"next": None}})
    if seen.path.endswith("/files/a.bin"):
        return reply(200, FILE, Content_Type="application/octet-stream")
    if seen.path == "/api/events/T0001":
        return answer(EVENT)
    if seen.path == "/api/user-info/":
        return answer(USER)
    return answer("Event not found.", 404) if len(seen.path) > 40 else answer({"logs": [], "log": []})
