"""G, all together, GraceDB in both faces: the whole, or an error; at once. What is written is there once.

How to read the tables stands in `matrix`.
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from skykey.gracedb import root_memory
from skykey.sandbox import Box
from skykey.testing.faults import Reply, Reset, Rewrite, Truncate, page
from skykey.testing.faults_exchange import Exchange
from skykey.testing.faults_proxy import FaultProxy
from tests.reliability import gracedb
from tests.reliability.matrix import AT_LAST, OF_THE_SERVER, ON_THE_WAY, Matrix, Row

JSON = {"Content-Type": "application/json"}
TEXT = {"Content-Type": "text/plain"}


def says(status: int, document: object) -> Reply:
    return Reply(status, json.dumps(document), JSON)


@dataclass(frozen=True)
class Done:
    """The target did it, and somebody on the way says something else."""

    told: Reply

    async def play(self, exchange: Exchange, /) -> None:
        await (await exchange.answer()).whole()
        await self.told.play(exchange)


FORBIDDEN = page("<!doctype html><html><head><title>Forbidden</title></head><body>no</body></html>", 403)
MAINTENANCE = Reply(503, "GraceDB is down for maintenance until 14:00 UTC", TEXT)
THROTTLED = "Request was throttled. Expected available in 1 second."
RETIRED = "This functionality is deprecated and will not be re-implemented"
SHAPES = {
    "text in JSON": says(400, "Event with graceid G1 does not exist."),
    "list": says(400, ["t_0: A valid number is required.", "labels: no"]),
    "error": says(400, {"error": "Invalid query"}),
    "errors": says(400, {"errors": ["group: * This field is required."]}),
    "warnings": says(400, {"warnings": ["the file could not be read"]}),
    "detail": says(400, {"detail": "Invalid query"}),
    "plain text": Reply(400, "Bad request", TEXT),
    "v2": says(400, {"error": "invalid_query", "message": "no such field", "path": "x", "version": "2"}),
}
ROWS = {
    **ON_THE_WAY,
    "no body, always": Row(Truncate(0), None),
    "answer lost, once": Row(Reset(delivered=True)),
    "answer lost, always": Row(Reset(delivered=True), None),
    "502 once": Row(Reply(502)),
    "502 though done, once": Row(Done(Reply(502))),
    "502 though done, always": Row(Done(Reply(502)), None),
    "504 though done, once": Row(Done(Reply(504))),
    "500 though done, once": Row(Done(Reply(500))),
    "408 though done, once": Row(Done(Reply(408))),
    **{f"400, {shape}": Row(reply, None) for shape, reply in SHAPES.items()},
    "403 with a detail": Row(says(403, {"detail": "Authentication credentials were not provided."}), None),
    "403 as a page": Row(FORBIDDEN, None),
    "404 in JSON": Row(says(404, "Event not found."), None),
    "409 once": Row(says(409, "Log already has tag x")),
    "409 always": Row(says(409, "Log already has tag x"), None),
    "410": Row(says(410, {"error": RETIRED}), None),
    "429 with a detail, always": Row(Reply(429, json.dumps({"detail": THROTTLED}), JSON, retry_after=1), None),
    "503 maintenance, once": Row(MAINTENANCE),
    "503 maintenance, always": Row(MAINTENANCE, None),
    "the answer twice": Row(Rewrite(lambda body: body * 2), None),
    **OF_THE_SERVER,
    **AT_LAST,
}
PATHS = {
    "event": "*/events/T*",
    "events": "*/events/",
    "superevents": "*/superevents/",
    "logs": "*/log/",
    "read": "*/files/*",
    "save": "*/files/*",
    "download_many": "*/files/*",
    "create_event": "*/events/",
    "write_log": "*/log/",
    "create_superevent": "*/superevents/",
    "write_label": "*/labels/*",
    "remove_label": "*/labels/*",
    "add_tag": "*/tag/*",
    "upload_many": "*/log/",
}
READING = "event", "events", "superevents", "logs"
FILES = "read", "save", "download_many"
WRITING = "create_event", "write_log", "create_superevent", "upload_many"
STATES = "write_label", "remove_label", "add_tag"
# What a file's bytes are to be nobody says: see the last test. A download goes on where it broke off, however often.
UNSEEN = "half of it, in valid HTTP", "nothing, in valid HTTP", "Content-Length too small", "the answer twice"
OF_TEXT = *UNSEEN, "64 MB in 65 kB", "end in mid-body, always"
# A connection that is reset after a whole answer may be found out with the next one. A question is asked again then.
AFTERWARDS = "reset behind some rows, once"
# The answer is over before that; whoever is next on this connection waits as long as it is let.
BEHIND = "silence in mid-body"
WITHOUT = {
    **dict.fromkeys(FILES, OF_TEXT),
    **dict.fromkeys((*WRITING, *STATES), (AFTERWARDS,)),
    # An answer of a few bytes, or of none, is not slow at 50 bytes a second.
    "add_tag": (AFTERWARDS, BEHIND, "50 bytes a second"),
    "remove_label": (AFTERWARDS, BEHIND, "50 bytes a second", "204", "64 MB in 65 kB"),  # the server's own is a 204
}
VERBS = {**dict.fromkeys((*WRITING, "write_label"), "POST"), "remove_label": "DELETE", "add_tag": "PUT"}
MATRIX = Matrix(ROWS, "-", PATHS, WITHOUT, {name: f"{verb} {PATHS[name]}" for name, verb in VERBS.items()})
SPARE = 2 * len(ROWS) + 10


TABLES = {
    READING: """
                               | event               | events              | superevents         | logs
500 once                       | service 1           | service 1           | service 1           | service 1
503 + Retry-After 1, once      | full 2              | full 4              | full 2              | full 2
503 without, once              | full 2              | full 4              | full 2              | full 2
429 + Retry-After 1, once      | full 2              | full 4              | full 2              | full 2
401 once                       | not-authenticated 1 | not-authenticated 1 | not-authenticated 1 | not-authenticated 1
403 once                       | forbidden 1         | forbidden 1         | forbidden 1         | forbidden 1
cut before the answer, once    | full 2              | full 4              | full 2              | full 2
reset in mid-body, once        | full 2              | full 4              | full 2              | full 2
reset behind some rows, once   | full 1              | full 3              | full 2              | full 2
end in mid-body, length, once  | full 2              | full 4              | full 2              | full 2
end in mid-body, chunked, once | full 2              | full 4              | full 2              | full 2
end in mid-body, untold, once  | unreadable 1        | unreadable 1        | unreadable 1        | unreadable 1
end in mid-body, always        | interrupted 6       | interrupted 6       | interrupted 6       | interrupted 6
silence before the head        | timed-out 1         | timed-out 1         | timed-out 1         | timed-out 1
silence in mid-body            | timed-out 1         | timed-out 1         | timed-out 1         | timed-out 1
50 bytes a second              | timed-out 1         | timed-out 1         | timed-out 1         | timed-out 1
0.2 s late                     | full 1              | full 3              | full 1              | full 1
half of it, in valid HTTP      | unreadable 1        | unreadable 1        | unreadable 1        | unreadable 1
nothing, in valid HTTP         | unreadable 1        | unreadable 1        | unreadable 1        | unreadable 1
Content-Length too large       | full 2              | full 4              | full 2              | full 2
Content-Length too small       | unreadable 1        | unreadable 1        | unreadable 1        | unreadable 1
login page with 200            | unreadable 1        | unreadable 1        | unreadable 1        | unreadable 1
302 to a login page            | redirected 1        | redirected 1        | redirected 1        | redirected 1
302 to another host            | redirected 1        | redirected 1        | redirected 1        | redirected 1
no body, always                | interrupted 6       | interrupted 6       | interrupted 6       | interrupted 6
answer lost, once              | full 2              | full 4              | full 2              | full 2
answer lost, always            | interrupted 6       | interrupted 6       | interrupted 6       | interrupted 6
502 once                       | full 2              | full 4              | full 2              | full 2
502 though done, once          | full 2              | full 4              | full 2              | full 2
502 though done, always        | overloaded 6        | overloaded 6        | overloaded 6        | overloaded 6
504 though done, once          | full 2              | full 4              | full 2              | full 2
500 though done, once          | service 1           | service 1           | service 1           | service 1
408 though done, once          | full 2              | full 4              | full 2              | full 2
400, text in JSON              | query 1             | query 1             | query 1             | query 1
400, list                      | query 1             | query 1             | query 1             | query 1
400, error                     | query 1             | query 1             | query 1             | query 1
400, errors                    | query 1             | query 1             | query 1             | query 1
400, warnings                  | query 1             | query 1             | query 1             | query 1
400, detail                    | query 1             | query 1             | query 1             | query 1
400, plain text                | query 1             | query 1             | query 1             | query 1
400, v2                        | query 1             | query 1             | query 1             | query 1
403 with a detail              | forbidden 1         | forbidden 1         | forbidden 1         | forbidden 1
403 as a page                  | forbidden 1         | forbidden 1         | forbidden 1         | forbidden 1
404 in JSON                    | not-found 1         | not-found 1         | not-found 1         | not-found 1
409 once                       | full 2              | full 4              | full 2              | full 2
409 always                     | service 6           | service 6           | service 6           | service 6
410                            | gone 1              | gone 1              | gone 1              | gone 1
429 with a detail, always      | rate-limited 6      | rate-limited 6      | rate-limited 6      | rate-limited 6
503 maintenance, once          | full 2              | full 4              | full 2              | full 2
503 maintenance, always        | overloaded 6        | overloaded 6        | overloaded 6        | overloaded 6
the answer twice               | unreadable 1        | unreadable 1        | unreadable 1        | unreadable 1
204                            | unreadable 1        | unreadable 1        | unreadable 1        | unreadable 1
64 MB in 65 kB                 | unreadable 1        | unreadable 1        | unreadable 1        | unreadable 1
500 always                     | service 1           | service 1           | service 1           | service 1
503 always                     | overloaded 6        | overloaded 6        | overloaded 6        | overloaded 6
504 once                       | full 2              | full 4              | full 2              | full 2
504 always                     | overloaded 6        | overloaded 6        | overloaded 6        | overloaded 6
429 + Retry-After 1e10, always | rate-limited 1      | rate-limited 1      | rate-limited 1      | rate-limited 1
""",
    FILES: """
                               | read                | save                | download_many
500 once                       | service 1           | service 1           | service 3
503 + Retry-After 1, once      | full 2              | full 2              | full 4
503 without, once              | full 2              | full 2              | full 4
429 + Retry-After 1, once      | full 2              | full 2              | full 4
401 once                       | not-authenticated 1 | not-authenticated 1 | not-authenticated 3
403 once                       | forbidden 1         | forbidden 1         | forbidden 3
cut before the answer, once    | full 2              | full 2              | full 4
reset in mid-body, once        | full 2              | full 2              | full 4
reset behind some rows, once   | full 2              | full 2              | full 4
end in mid-body, length, once  | full 2              | full 2              | full 4
end in mid-body, chunked, once | full 2              | full 2              | full 4
end in mid-body, untold, once  | unreadable 1        | unreadable 1        | unreadable 3
end in mid-body, always        | - 0                 | - 0                 | - 0
silence before the head        | timed-out 1         | timed-out 1         | timed-out 3
silence in mid-body            | timed-out 1         | timed-out 1         | timed-out 3
50 bytes a second              | timed-out 1         | timed-out 1         | timed-out 3
0.2 s late                     | full 1              | full 1              | full 3
half of it, in valid HTTP      | - 0                 | - 0                 | - 0
nothing, in valid HTTP         | - 0                 | - 0                 | - 0
Content-Length too large       | service 2           | full 3              | full 5
Content-Length too small       | - 0                 | - 0                 | - 0
login page with 200            | unreadable 1        | unreadable 1        | unreadable 3
302 to a login page            | redirected 1        | redirected 1        | redirected 3
302 to another host            | redirected 1        | redirected 1        | redirected 3
no body, always                | interrupted 6       | interrupted 6       | interrupted 18
answer lost, once              | full 2              | full 2              | full 4
answer lost, always            | interrupted 6       | interrupted 6       | interrupted 18
502 once                       | full 2              | full 2              | full 4
502 though done, once          | full 2              | full 2              | full 4
502 though done, always        | overloaded 6        | overloaded 6        | overloaded 18
504 though done, once          | full 2              | full 2              | full 4
500 though done, once          | service 1           | service 1           | service 3
408 though done, once          | full 2              | full 2              | full 4
400, text in JSON              | query 1             | query 1             | query 3
400, list                      | query 1             | query 1             | query 3
400, error                     | query 1             | query 1             | query 3
400, errors                    | query 1             | query 1             | query 3
400, warnings                  | query 1             | query 1             | query 3
400, detail                    | query 1             | query 1             | query 3
400, plain text                | query 1             | query 1             | query 3
400, v2                        | query 1             | query 1             | query 3
403 with a detail              | forbidden 1         | forbidden 1         | forbidden 3
403 as a page                  | forbidden 1         | forbidden 1         | forbidden 3
404 in JSON                    | not-found 1         | not-found 1         | not-found 3
409 once                       | full 2              | full 2              | full 4
409 always                     | service 6           | service 6           | service 18
410                            | gone 1              | gone 1              | gone 3
429 with a detail, always      | rate-limited 6      | rate-limited 6      | rate-limited 18
503 maintenance, once          | full 2              | full 2              | full 4
503 maintenance, always        | overloaded 6        | overloaded 6        | overloaded 18
the answer twice               | - 0                 | - 0                 | - 0
204                            | unreadable 1        | unreadable 1        | unreadable 3
64 MB in 65 kB                 | - 0                 | - 0                 | - 0
500 always                     | service 1           | service 1           | service 3
503 always                     | overloaded 6        | overloaded 6        | overloaded 18
504 once                       | full 2              | full 2              | full 4
504 always                     | overloaded 6        | overloaded 6        | overloaded 18
429 + Retry-After 1e10, always | rate-limited 1      | rate-limited 1      | rate-limited 3
""",
    WRITING: """
                               | create_event        | write_log           | create_superevent   | upload_many
500 once                       | service 1           | service 1           | service 1           | full 4
503 + Retry-After 1, once      | full 2              | full 2              | full 2              | full 4
503 without, once              | overloaded 1        | overloaded 1        | overloaded 1        | full 4
429 + Retry-After 1, once      | full 2              | full 2              | full 2              | full 4
401 once                       | not-authenticated 1 | not-authenticated 1 | not-authenticated 1 | full 4
403 once                       | forbidden 1         | forbidden 1         | forbidden 1         | full 4
cut before the answer, once    | full 2              | outcome-unknown 1   | full 2              | full 4
reset in mid-body, once        | full 1              | full 1              | full 1              | full 3
reset behind some rows, once   | - 0                 | - 0                 | - 0                 | - 0
end in mid-body, length, once  | full 1              | full 1              | full 1              | full 3
end in mid-body, chunked, once | full 1              | full 1              | full 1              | full 3
end in mid-body, untold, once  | full 1              | full 1              | full 1              | full 3
end in mid-body, always        | full 1              | outcome-unknown 1   | full 1              | interrupted 3
silence before the head        | outcome-unknown 1   | outcome-unknown 1   | outcome-unknown 1   | timed-out 3
silence in mid-body            | outcome-unknown 1   | outcome-unknown 1   | outcome-unknown 1   | timed-out 3
50 bytes a second              | outcome-unknown 1   | outcome-unknown 1   | outcome-unknown 1   | timed-out 3
0.2 s late                     | full 1              | full 1              | full 1              | full 3
half of it, in valid HTTP      | full 1              | full 1              | full 1              | unreadable 3
nothing, in valid HTTP         | full 1              | full 1              | full 1              | unreadable 3
Content-Length too large       | full 1              | full 1              | full 1              | full 3
Content-Length too small       | full 1              | full 1              | full 1              | full 3
login page with 200            | unreadable 1        | unreadable 1        | unreadable 1        | unreadable 3
302 to a login page            | redirected 1        | redirected 1        | redirected 1        | redirected 3
302 to another host            | redirected 1        | redirected 1        | redirected 1        | redirected 3
no body, always                | full 1              | outcome-unknown 1   | full 1              | interrupted 3
answer lost, once              | full 1              | full 1              | full 1              | full 3
answer lost, always            | full 1              | outcome-unknown 1   | full 1              | interrupted 3
502 once                       | full 2              | outcome-unknown 1   | full 2              | full 4
502 though done, once          | full 1              | full 1              | full 1              | full 3
502 though done, always        | full 1              | outcome-unknown 1   | full 1              | overloaded 3
504 though done, once          | full 1              | full 1              | full 1              | full 3
500 though done, once          | service 1           | service 1           | service 1           | full 3
408 though done, once          | full 1              | full 1              | full 1              | full 3
400, text in JSON              | query 1             | query 1             | query 1             | query 6
400, list                      | query 1             | query 1             | query 1             | query 6
400, error                     | query 1             | query 1             | query 1             | query 6
400, errors                    | query 1             | query 1             | query 1             | query 6
400, warnings                  | query 1             | query 1             | query 1             | query 6
400, detail                    | query 1             | query 1             | query 1             | query 6
400, plain text                | query 1             | query 1             | query 1             | query 6
400, v2                        | query 1             | query 1             | query 1             | query 6
403 with a detail              | forbidden 1         | forbidden 1         | forbidden 1         | forbidden 6
403 as a page                  | forbidden 1         | forbidden 1         | forbidden 1         | forbidden 6
404 in JSON                    | not-found 1         | not-found 1         | not-found 1         | not-found 6
409 once                       | service 1           | service 1           | service 1           | full 4
409 always                     | service 1           | service 1           | service 1           | service 6
410                            | gone 1              | gone 1              | gone 1              | gone 6
429 with a detail, always      | rate-limited 6      | rate-limited 6      | rate-limited 6      | rate-limited 36
503 maintenance, once          | overloaded 1        | overloaded 1        | overloaded 1        | full 4
503 maintenance, always        | overloaded 1        | overloaded 1        | overloaded 1        | overloaded 3
the answer twice               | full 1              | full 1              | full 1              | unreadable 3
204                            | unreadable 1        | unreadable 1        | unreadable 1        | unreadable 3
64 MB in 65 kB                 | full 1              | full 1              | full 1              | unreadable 3
500 always                     | service 1           | service 1           | service 1           | service 3
503 always                     | overloaded 1        | overloaded 1        | overloaded 1        | overloaded 3
504 once                       | outcome-unknown 1   | outcome-unknown 1   | full 2              | full 4
504 always                     | outcome-unknown 1   | outcome-unknown 1   | overloaded 6        | overloaded 3
429 + Retry-After 1e10, always | rate-limited 1      | rate-limited 1      | rate-limited 1      | rate-limited 6
""",
    STATES: """
                               | write_label         | remove_label        | add_tag
500 once                       | service 1           | service 1           | service 1
503 + Retry-After 1, once      | full 2              | full 2              | full 2
503 without, once              | overloaded 1        | overloaded 1        | overloaded 1
429 + Retry-After 1, once      | full 2              | full 2              | full 2
401 once                       | not-authenticated 1 | not-authenticated 1 | not-authenticated 1
403 once                       | forbidden 1         | forbidden 1         | forbidden 1
cut before the answer, once    | full 2              | full 2              | full 2
reset in mid-body, once        | full 1              | full 1              | full 1
reset behind some rows, once   | - 0                 | - 0                 | - 0
end in mid-body, length, once  | full 1              | full 1              | full 1
end in mid-body, chunked, once | full 1              | full 1              | full 1
end in mid-body, untold, once  | full 1              | full 1              | full 1
end in mid-body, always        | outcome-unknown 1   | full 1              | full 1
silence before the head        | outcome-unknown 1   | outcome-unknown 1   | outcome-unknown 1
silence in mid-body            | outcome-unknown 1   | - 0                 | - 0
50 bytes a second              | outcome-unknown 1   | - 0                 | - 0
0.2 s late                     | full 1              | full 1              | full 1
half of it, in valid HTTP      | full 1              | full 1              | full 1
nothing, in valid HTTP         | full 1              | full 1              | full 1
Content-Length too large       | full 1              | full 1              | full 1
Content-Length too small       | full 1              | full 1              | full 1
login page with 200            | unreadable 1        | unreadable 1        | unreadable 1
302 to a login page            | redirected 1        | redirected 1        | redirected 1
302 to another host            | redirected 1        | redirected 1        | redirected 1
no body, always                | outcome-unknown 1   | full 1              | outcome-unknown 1
answer lost, once              | full 1              | full 1              | full 1
answer lost, always            | outcome-unknown 1   | outcome-unknown 1   | outcome-unknown 1
502 once                       | full 2              | full 2              | full 2
502 though done, once          | full 1              | full 1              | full 1
502 though done, always        | outcome-unknown 1   | outcome-unknown 1   | outcome-unknown 1
504 though done, once          | full 1              | full 1              | full 1
500 though done, once          | service 1           | service 1           | service 1
408 though done, once          | full 1              | full 1              | full 1
400, text in JSON              | query 1             | query 1             | query 1
400, list                      | query 1             | query 1             | query 1
400, error                     | query 1             | query 1             | query 1
400, errors                    | query 1             | query 1             | query 1
400, warnings                  | query 1             | query 1             | query 1
400, detail                    | query 1             | query 1             | query 1
400, plain text                | query 1             | query 1             | query 1
400, v2                        | query 1             | query 1             | query 1
403 with a detail              | forbidden 1         | forbidden 1         | forbidden 1
403 as a page                  | forbidden 1         | forbidden 1         | forbidden 1
404 in JSON                    | not-found 1         | not-found 1         | not-found 1
409 once                       | service 1           | service 1           | service 1
409 always                     | service 1           | service 1           | service 1
410                            | gone 1              | gone 1              | gone 1
429 with a detail, always      | rate-limited 6      | rate-limited 6      | rate-limited 6
503 maintenance, once          | overloaded 1        | overloaded 1        | overloaded 1
503 maintenance, always        | overloaded 1        | overloaded 1        | overloaded 1
the answer twice               | full 1              | full 1              | full 1
204                            | unreadable 1        | - 0                 | unreadable 1
64 MB in 65 kB                 | full 1              | - 0                 | full 1
500 always                     | service 1           | service 1           | service 1
503 always                     | overloaded 1        | overloaded 1        | overloaded 1
504 once                       | full 2              | full 2              | full 2
504 always                     | outcome-unknown 1   | outcome-unknown 1   | outcome-unknown 1
429 + Retry-After 1e10, always | rate-limited 1      | rate-limited 1      | rate-limited 1
""",
}


@pytest.fixture(autouse=True)
def credentials(box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("BEARER_TOKEN_FILE", str(box.gracedb_token_file))
    for name in ("SCITOKEN", "SCITOKEN_FILE", "BEARER_TOKEN", "_CONDOR_CREDS"):
        monkeypatch.delenv(name, raising=False)
    root_memory.forget()
    yield
    root_memory.forget()


@pytest.mark.parametrize("face", ["blocking", "asynchronous"])
def test_g_gracedb_every_fault_ends_in_the_whole_or_in_an_error(
    face: str, box: Box, tmp_path: Path, ceiling: Callable[[float], float]
) -> None:
    begin = time.monotonic()
    ground = gracedb.Ground(box.gracedb_url.removesuffix("/api/"), SPARE, tmp_path)
    found = MATRIX.table(gracedb.at_gracedb(box), gracedb.columns(face, ground))
    tables = {names: MATRIX.printed(found, names) for names in TABLES}
    print(f"\nG GraceDB, {face}\n" + "\n\n".join(tables.values()) + f"\n{time.monotonic() - begin:.1f} s")
    MATRIX.check(found, ceiling)
    assert fates(ground) == dict.fromkeys(VERBS, (0, 0))
    for names, table in tables.items():
        assert table == TABLES[names].strip("\n")


def fates(ground: gracedb.Ground) -> dict[str, tuple[int, int]]:
    """Of each writing column, how many things are there twice or more, and how many are not that were said to be."""
    counted, found = ground.counted(), {}
    for column, tried in ground.ledger.tried.items():
        there, claimed = counted[column], ground.ledger.claimed[column]
        doubled, lost = sum(there[thing] > 1 for thing in tried), sum(there[thing] == 0 for thing in claimed)
        print(
            f"G GraceDB, {column}: {len(tried)} tried, {len(set(claimed))} claimed, "
            f"{sum(there[thing] > 0 for thing in tried)} there, {doubled} doubled, {lost} lost"
        )
        found[column] = doubled, lost
    return found


def test_g_gracedb_a_naive_client_fails(box: Box, tmp_path: Path) -> None:
    ground = gracedb.Ground(box.gracedb_url.removesuffix("/api/"), SPARE, tmp_path)
    elsewhere = "302 to a login page", "302 to another host"  # it would go there, and tests stay here
    columns = gracedb.naive_columns(ground)
    # Minutes of waiting, as it is told to.
    patient = "503 + Retry-After 1, once", "429 + Retry-After 1, once", "429 with a detail, always", *AT_LAST
    without = {name: (*WITHOUT.get(name, ()), *elsewhere, *patient) for name in columns}
    try:
        found = replace(MATRIX, without=without).table(gracedb.at_gracedb(box), columns)
    finally:
        for client in ground.closing:
            client.close()
    outcomes = [cell.outcome for cells in found.values() for cell in cells.values()]
    print(f"\nG GraceDB, naive\n{MATRIX.printed(found)}")
    losses, doubles = zip(*((lost, doubled) for doubled, lost in fates(ground).values()), strict=True)
    parts = sum(path.exists() and path.read_bytes() != gracedb.FILE for path in ground.saved)
    print(
        f"{outcomes.count('LOSS')} silent losses in answers, {sum(losses)} in what was written, {sum(doubles)} doubled,"
        f" {parts} parts under a file's name, {outcomes.count('HANG')} hangs"
    )
    assert outcomes.count("HANG") >= 10
    assert sum(doubles) >= 10
    assert sum(losses) >= 3
    assert parts >= 3


# -- what no client can see


def test_g_a_file_that_is_another_one_and_shows_it_nowhere_is_not_seen(box: Box, tmp_path: Path) -> None:
    """Half of its bytes, in whole HTTP, under a length of their own: the server says nowhere what they should be."""
    ground = gracedb.Ground(box.gracedb_url.removesuffix("/api/"), 0, tmp_path)
    with FaultProxy(ground.url) as proxy:
        proxy.fault(Rewrite(lambda body: body[: len(body) // 2]), path="*/files/*")
        read = gracedb.client(proxy.url).files(ground.event, gracedb.NAMES[0]).read()
    print(f"G not to be seen: {len(read)} of {len(gracedb.FILE)} bytes")
    assert read == gracedb.FILE[: len(gracedb.FILE) // 2]
