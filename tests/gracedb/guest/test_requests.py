"""Every documented method, called in the same way with the official client and with ours: what the server gets.

Method, path, query, fields, files and JSON, on both generations of servers. Where ours asks something else, it is
listed here with its reason, and has to show: a difference that is gone is to go from the lists, too.
"""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from skykey.gracedb.rest import GraceDb
from skykey.sandbox import running
from tests.gracedb.guest.capturing import Capturing
from tests.gracedb.guest.guests import Client, same, samples

if TYPE_CHECKING:
    from tests.gracedb.guest.capturing import Sent

pytestmark = pytest.mark.interop

PROGRAM = Path(__file__).with_name("requests_script.py")
GENERATIONS = ("current", "classic")
CURRENT = ("current",)
ROOT = "GET "
#: What no call of the script is for: a connection closed, and a producer for a program that is not there.
NOT_CALLED = {"close", "create_kafka_producer"}


class Different(NamedTuple):
    """A call that asks the server something else, on servers of these generations."""

    reason: str
    theirs: tuple[str, ...]
    ours: tuple[str, ...]
    generations: tuple[str, ...] = GENERATIONS


_BYTES = "standard input is read as bytes"
_ZERO = "zero is a value"
_SIZE = "a page of the size that is wanted, and none after the last that is"
_IDS = "ids of events are known in any case of their letter, those of catalogues too"
_QUOTED = "the name of a file is quoted, so that any can be had"
_OBSERVERS = "a server without em-groups breaks theirs; ours leaves the judgement to it (410)"
_INSTRUMENTS = "a server without instruments breaks theirs; ours knows the three that there are"
_PAGES = "all pages are read, and not only the first"
_FOOTPRINTS = (
    '"ra_list": [1.0, 2.5], "ra_width_list": [3, 3], "dec_list": [-4, 5.0], "dec_width_list": [6, 7], '
    '"start_time_list": ["2026-01-01T00:00:00", "2026-01-02T00:00:00"], "duration_list": [8.5, 8.5]'
)
_FOOTPRINT = (
    '"ra_list": [1], "ra_width_list": [2], "dec_list": [3], "dec_width_list": [4], '
    '"start_time_list": ["2026-01-01T00:00:00"], "duration_list": [5]'
)
_SUM = "8bc8085d-7e6e-9c09-af05-f4e847d79b05"
_FILES = "GET superevents/SUPEREVENT/files/"
_SIGNOFF = "superevents/SUPEREVENT/signoffs/"


def _observed(
    group: str, footprints: str = _FOOTPRINTS, comment: str = "", of: str = "events/EVENT/emobservation/"
) -> str:
    return f'POST {of} {{"group": "{group}", {footprints}, "comment": "{comment}"}}'


DIFFERENT = {
    "create_event from standard input that is no text": Different(
        _BYTES,
        (),
        (f"POST events/ group=Test pipeline=gstlal offline=False content_id={_SUM} eventFile=<initial.data>",),
    ),
    "write_log from standard input that is no text": Different(
        _BYTES, (), ("POST events/EVENT/log/ comment=x upload=<stdin>",)
    ),
    "update_grbevent with zero": Different(_ZERO, (), ("PATCH events/ALERT/update-grbevent/ ra=0.0",)),
    "update_superevent with zero": Different(_ZERO, (), ("PATCH superevents/SUPEREVENT/ time_coinc_far=0",)),
    "events in the order of several fields": Different(
        "a list of fields is sent with commas, and not as Python writes it",
        ("GET events/ ?query=MDC&sort=['far', '-gpstime']",),
        ("GET events/ ?query=MDC&sort=far,-gpstime",),
    ),
    "events, so many at most": Different(_SIZE, ("GET events/ ?query=MDC",), ("GET events/ ?count=7&query=MDC",)),
    "events, so many at most, at the end of a page": Different(
        _SIZE,
        ("GET events/ ?count=5&query=MDC", "GET events/ ?count=5&query=MDC&start=5"),
        ("GET events/ ?count=5&query=MDC",),
    ),
    "num_events": Different(_SIZE, ("GET events/ ?query=MDC",), ("GET events/ ?count=1&query=MDC",)),
    "old: numEvents": Different(_SIZE, ("GET events/ ?query=MDC",), ("GET events/ ?count=1&query=MDC",)),
    "superevents, so many at most": Different(
        _SIZE, ("GET superevents/ ?query=MDC",), ("GET superevents/ ?count=7&query=MDC",)
    ),
    "logs: event": Different(_IDS, ("GET superevents/event/logs/",), ("GET events/event/log/",)),
    "logs: C1234": Different(_IDS, ("GET superevents/C1234/logs/",), ("GET events/C1234/log/",)),
    "files_the_file: a#b.txt": Different(_QUOTED, (f"{_FILES}a",), (f"{_FILES}a#b.txt",)),
    "files_the_file: a?b=c.txt": Different(_QUOTED, (f"{_FILES}a ?b=c.txt",), (f"{_FILES}a?b=c.txt",)),
    "files_the_file: a%20b.txt": Different(_QUOTED, (f"{_FILES}a b.txt",), (f"{_FILES}a%20b.txt",)),
    "write_emobservation: EVENT": Different(_OBSERVERS, (), (_observed("ZTF", comment="é"),), CURRENT),
    "write_emobservation: SUPEREVENT": Different(
        _OBSERVERS, (), (_observed("ZTF", comment="é", of="superevents/SUPEREVENT/emobservations/"),), CURRENT
    ),
    "write_emobservation of a group that there is not": Different(_OBSERVERS, (), (_observed("Nonsense"),), CURRENT),
    "old: writeEMObservation": Different(_OBSERVERS, (), (_observed("ZTF"),), CURRENT),
    "write_emobservation of one footprint": Different(
        "one number is a list of one", (), (_observed("Test", _FOOTPRINT),)
    ),
    "create_signoff in words": Different(
        _INSTRUMENTS,
        ("POST superevents/SUPEREVENT/labels/ name=H1OPS",),
        (
            "POST superevents/SUPEREVENT/labels/ name=H1OPS",
            f"POST {_SIGNOFF} signoff_type=OP instrument=H1 comment= status=NO",
        ),
        CURRENT,
    ),
    "signoffs, one of an operator": Different(_INSTRUMENTS, (), (f"GET {_SIGNOFF}OPH1/",), CURRENT),
    "update_signoff, its comment": Different(_INSTRUMENTS, (), (f"PATCH {_SIGNOFF}OPH1/ comment=é",), CURRENT),
    "delete_signoff of an operator": Different(_INSTRUMENTS, (), (f"DELETE {_SIGNOFF}OPH1/",), CURRENT),
    "gwtc_numbers": Different(
        _PAGES, ("GET gwtc/",), ("GET gwtc/", "GET gwtc/ ?count=1&start=1", "GET gwtc/ ?count=1&start=2")
    ),
    "gwtc_versions": Different(_PAGES, ("GET gwtc/5/",), ("GET gwtc/5/", "GET gwtc/5/ ?count=1&start=1")),
    "version: default": Different(
        "an API root is remembered, by further clients too",
        (ROOT, "GET events/EVENT"),
        ("GET events/EVENT",),
    ),
}
#: Before a name is refused that is not in the remembered API root, or something that it does not offer, the root is
#: asked for once more: it may be there by now.
LOOKED_UP_AGAIN = {
    "create_event with a bad group",
    "create_event with a bad pipeline",
    "create_event with a bad search",
    "create_event with a bad label",
    "create_superevent with a bad category",
    "create_superevent with a bad label",
    "write_log with a bad label",
    "write_label_that_there_is_not: EVENT",
    "write_label_that_there_is_not: SUPEREVENT",
    "labels, one that there is not",
    "create_voevent of a kind that there is not",
    "create_signoff_of: nonsense",
    "create_signoff_of: ADV",
}
LOOKED_UP_AGAIN_IF_CLASSIC = {
    "_reserve_graceid",
    "_reserve_graceid with all there is",
    "upload_reserved_event",
    "write_emobservation of a group that there is not",
    "create_notice",
    "create_notice with contents",
    "create_notice from standard input",
    "notices",
    "notices, one",
}


@dataclass
class Run:
    """What one client asked, and what came of it; with words in place of ids, and without its port."""

    told: dict[str, Any]
    methods: list[str]
    chapters: dict[str, list[Sent]]
    ids: dict[str, str]

    def plain(self, what: Any) -> Any:
        text = re.sub(r"127\.0\.0\.1:\d+", "HOST", json.dumps(what, ensure_ascii=False))
        return json.loads(re.sub("|".join(map(re.escape, self.ids)), lambda found: self.ids[found[0]], text))

    def asked(self, call: str) -> Any:
        return self.plain([sent.asked for sent in self.chapters[call]])

    def lines(self, call: str) -> list[str]:
        lines: list[str] = self.plain([sent.line for sent in self.chapters[call]])
        return lines


def run(client: Client, capturing: Capturing) -> Run:
    target = client.folder / "told.json"
    # The official client sends the token of the real hosts anywhere, ours only where its issuer's tokens are for.
    own = {} if client.is_official else {"BEARER_TOKEN_FILE": str(client.box.gracedb_token_file)}
    ran = client.program(PROGRAM, capturing.url, samples(), target, variables=own)
    assert (ran.code, ran.err) == (0, "")
    found = json.loads(target.read_text())
    made = Run({}, found["methods"], capturing.chapters, found["ids"])
    made.told = {name: made.plain(same(what)) for name, what in found["told"].items()}
    return made


def compared(generation: str) -> tuple[Run, Run]:
    """Run the script with both clients, each at a sandbox of its own."""
    from tempfile import TemporaryDirectory

    with ExitStack() as stack, ThreadPoolExecutor() as pool:

        def one(name: str) -> Run:
            box = stack.enter_context(running(Path(stack.enter_context(TemporaryDirectory()))))
            box.controls.gracedb(generation=generation)  # type: ignore[arg-type]  # one of the two
            capturing = stack.enter_context(Capturing(box))
            client = Client(name, box, Path(stack.enter_context(TemporaryDirectory())))
            return run(client, capturing)

        theirs, ours = pool.map(one, ("official", "ours"))
    return theirs, ours


def fits(theirs: Any, ours: Any) -> bool:
    """Whether a program that knows the official client gets what it expects: ours may be of further kinds."""
    if "raised" in theirs and "raised" in ours:
        return set(theirs["raised"]) <= set(ours["raised"]) and theirs["status"] == ours["status"]
    return bool(theirs == ours)


@pytest.fixture(scope="module", params=GENERATIONS)
def generation(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def both(generation: str) -> tuple[Run, Run]:
    return compared(generation)


def looked_up_again(generation: str) -> set[str]:
    return LOOKED_UP_AGAIN | (LOOKED_UP_AGAIN_IF_CLASSIC if generation == "classic" else set())


def different(generation: str) -> dict[str, Different]:
    return {name: one for name, one in DIFFERENT.items() if generation in one.generations}


def test_a_method_is_not_called(both: tuple[Run, Run]) -> None:
    methods = set(both[0].methods)
    script = PROGRAM.read_text()
    called = set(re.findall(r"client\.(\w+)\(", script)) | set(re.findall(r'"([a-z]+[A-Z]\w+)": \(', script))
    assert len(methods) > 60
    assert methods - called == NOT_CALLED
    assert {name for name in methods if not hasattr(GraceDb, name)} == set()


def test_a_call_was_left_out(both: tuple[Run, Run]) -> None:
    theirs, ours = both
    assert len(theirs.told) > 200
    assert list(theirs.told) == list(ours.told)
    assert list(theirs.ids.values()) == list(ours.ids.values())
    assert set(theirs.chapters) == set(ours.chapters) == set(theirs.told) | {"between"}
    assert theirs.chapters["between"] == ours.chapters["between"] == []  # nothing is asked behind a call's back


def test_a_call_asks_the_server_something_else(both: tuple[Run, Run], generation: str) -> None:
    theirs, ours = both
    found = {name for name in theirs.told if theirs.asked(name) != ours.asked(name)}
    known = different(generation).keys() | looked_up_again(generation)
    assert {name: (theirs.lines(name), ours.lines(name)) for name in found - known} == {}
    assert known - found == set()


@pytest.mark.parametrize("name", DIFFERENT)
def test_a_known_difference_is_another_one(both: tuple[Run, Run], generation: str, name: str) -> None:
    theirs, ours = both
    if generation in DIFFERENT[name].generations:
        _, *expected = DIFFERENT[name]
        assert [tuple(theirs.lines(name)), tuple(ours.lines(name))] == expected[:2]


def test_a_name_is_refused_by_an_old_root(both: tuple[Run, Run], generation: str) -> None:
    theirs, ours = both
    for name in looked_up_again(generation):
        assert (name, theirs.lines(name), ours.lines(name)) == (name, [], [ROOT])
        assert "raised" in ours.told[name]


def test_a_call_gives_something_else(both: tuple[Run, Run], generation: str) -> None:
    theirs, ours = both
    found = {name: (told, ours.told[name]) for name, told in theirs.told.items() if not fits(told, ours.told[name])}
    assert {name: what for name, what in found.items() if name not in different(generation)} == {}


def test_a_header_is_another_one(both: tuple[Run, Run]) -> None:
    theirs, ours = (headers(run) for run in both)
    downloads = {"accept-encoding": {"gzip, deflate", "identity"}}  # the length of a file is counted as it is on disk
    assert theirs.pop("connection") == {"keep-alive"}  # which HTTP/1.1 does anyway
    (agent,) = ours["user-agent"]
    assert re.fullmatch(r"skykey/\S+", agent)
    assert ours == theirs | downloads | {"user-agent": {agent}}


def headers(run: Run) -> dict[str, set[str]]:
    """Each header with all that it ever was, but for what differs with each request."""
    found: dict[str, set[str]] = {}
    for sent in (sent for chapter in run.chapters.values() for sent in chapter):
        for name, value in sent.headers.items():
            kept = {"authorization": "Bearer", "content-type": sent.kind, "host": "", "content-length": ""}
            found.setdefault(name, set()).add(kept.get(name, value))
    return found
