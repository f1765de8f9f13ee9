"""GraceDB's columns of the fault matrix, and what they write: each thing has a name, and is counted at the server.

A writing column claims a thing when its method returned. Whatever was claimed has to be there once; whatever was not,
once or not at all.
"""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import inspect
import itertools
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skykey.gracedb.bulk import Upload
from skykey.gracedb.rest import AsyncGraceDb, GraceDb
from skykey.sandbox.gracedb.constants import LABELS, PROTECTED, REQUESTS
from tests.reliability import naive_gracedb
from tests.wire.askers import FastClock

if TYPE_CHECKING:
    from skykey.sandbox import Box

BURST = (
    "nevent: 1\nrho: 5.017162\nlikelihood: 36\ntime: {time} {time}\nifo: L1 H1\nstart: {time}\nduration: 0.02\n"
    "frequency: 120.5\n#significance based on the last day\n12 0.00019265\n"
)
GROUP, PIPELINE = "Test", "CWB"
SETTABLE = sorted(set(LABELS) - PROTECTED - set(REQUESTS))
LONG = "a log entry that is long enough for an answer to be cut in several places " * 4
FILE = bytes(range(256)) * 120
NAMES = ("a.bin", "b #1.bin", "c.bin")
T_0 = 1_300_000_000
_numbers = itertools.count(1)
_times = itertools.count(1_400_000_000)


def at_gracedb(box: Box) -> Box:
    """The sandbox as the matrix takes it: what stands behind the proxy is GraceDB."""
    return dataclasses.replace(box, site_url=box.gracedb_url.removesuffix("/api/"))


def client(url: str, _token: str = "", kind: type[Any] = GraceDb, **more: Any) -> Any:
    """One that does not really wait between repeats; the token is found where programs find it."""
    made = kind(f"{url}/api/", **more)
    made._clock = FastClock()
    return made


def burst() -> bytes:
    """A data file of its own."""
    return BURST.format(time=next(_times) + 0.25).encode()


def named(_: object = None) -> str:
    """A name of its own, so that its fate can be told afterwards."""
    return f"matrix-{next(_numbers)}"


class Ledger:
    """What was to be written, by column; and what was said to be."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.tried: collections.defaultdict[str, list[str]] = collections.defaultdict(list)
        self.claimed: collections.defaultdict[str, list[str]] = collections.defaultdict(list)

    def note(self, column: str, thing: str, *, is_claim: bool = False) -> None:
        with self._lock:
            (self.claimed if is_claim else self.tried)[column].append(thing)


@dataclasses.dataclass
class Ground:
    """What the columns read and write, made at the server beforehand, without faults.

    Parameters
    ----------
    url
        The server's origin.
    spare
        How many things each writing column can write.
    """

    url: str
    spare: int
    folder: Path
    ledger: Ledger = dataclasses.field(default_factory=Ledger)
    closing: list[naive_gracedb.GraceDb] = dataclasses.field(default_factory=list)
    saved: list[Path] = dataclasses.field(default_factory=list)

    def __post_init__(self) -> None:
        self.direct = GraceDb(f"{self.url}/api/")
        self.event = self._event()
        self.written, self.tagged, self.many = (self._event() for _ in range(3))
        for each in NAMES:
            self.direct.write_log(self.event, LONG, filename=each, filecontents=FILE)
        for _ in range(40):
            self.direct.write_log(self.event, LONG)
        for each in NAMES:
            (self.folder / each).write_bytes(FILE)
        with ThreadPoolExecutor(4) as pool:
            first = next(_times)
            list(pool.map(lambda _: self._event(), range(12)))
            self.query = f"Test gpstime: {first} .. {next(_times)}"
            self.preferred = iter(list(pool.map(lambda _: self._event(), range(self.spare))))
            sets = -(-self.spare // len(SETTABLE))
            self.without = list(pool.map(lambda _: self._superevent([]), range(sets)))
            self.with_all = list(pool.map(lambda _: self._superevent(SETTABLE), range(sets)))
        self.to_give = ((one, label) for one in self.without for label in SETTABLE)
        self.to_take = ((one, label) for one in self.with_all for label in SETTABLE)

    def _event(self) -> str:
        made = self.direct.create_event(GROUP, PIPELINE, "burst.txt", filecontents=burst())
        return str(made.json()["graceid"])

    def _superevent(self, labels: list[str]) -> str:
        made = self.direct.create_superevent(T_0, T_0 + 1, T_0 + 2, self._event(), "test", labels=labels)
        return str(made.json()["superevent_id"])

    # -- what became of it

    def counted(self) -> dict[str, collections.Counter[str]]:
        """How often each thing is there, by column."""
        logs = collections.Counter(entry["comment"] for entry in self._logs(self.written))
        many = collections.Counter(entry["comment"] for entry in self._logs(self.many))
        tags = collections.Counter(entry["comment"] for entry in self._logs(self.tagged))
        events = collections.Counter(str(event["gpstime"]) for event in self.direct.events("Test", count=500))
        superevents = collections.Counter(
            event for one in self.direct.superevents("category: Test", count=500) for event in one["gw_events"]
        )
        labels = collections.Counter(
            f"{one} {entry['comment']}" for one in {*self.without, *self.with_all} for entry in self._logs(one)
        )
        return {
            "create_event": events,
            "write_log": logs,
            "create_superevent": superevents,
            "write_label": _renamed(labels, "Added label: "),
            "remove_label": _renamed(labels, "Removed label: "),
            "add_tag": collections.Counter(
                {text.split(": ")[1].rstrip("."): count for text, count in tags.items() if "Tagged" in text}
            ),
            "upload_many": many,
        }

    def _logs(self, object_id: str) -> list[dict[str, Any]]:
        return list(self.direct.logs(object_id).json()["logs"])


def _renamed(counts: collections.Counter[str], words: str) -> collections.Counter[str]:
    return collections.Counter({text.replace(words, ""): count for text, count in counts.items() if words in text})


# -- columns

Ask = Callable[[], Any]
Column = Callable[[str, str], Ask]


def settled(given: Any) -> Any:
    """What comes of a call in either face."""
    if inspect.isasyncgen(given):
        return asyncio.run(_rows(given))
    if inspect.isgenerator(given):
        return list(given)
    return asyncio.run(_awaited(given)) if inspect.isawaitable(given) else given


async def _rows(given: Any) -> list[Any]:
    return [row async for row in given]


async def _awaited(given: Any) -> Any:
    return await given


def downloaded(made: Any, ground: Ground, method: str, *given: Any) -> Any:
    """Get a file, and do something with it while it comes."""
    if isinstance(made, GraceDb):
        return getattr(made.files(ground.event, NAMES[0]), method)(*given)

    async def ask() -> Any:
        return await getattr(await made.files(ground.event, NAMES[0]), method)(*given)

    return asyncio.run(ask())


def columns(face: str, ground: Ground) -> dict[str, Column]:
    """All of them, of one face."""
    kind = GraceDb if face == "blocking" else AsyncGraceDb

    def column(ask: Callable[[Any], Any]) -> Column:
        def at(url: str, token: str) -> Ask:
            made = client(url, token, kind)
            return lambda: ask(made)

        return at

    def writing(title: str, things: Iterator[Any], write: Callable[[Any, Any], Any]) -> Column:
        def ask(made: Any) -> Any:
            thing = next(things)
            key = thing if isinstance(thing, str) else " ".join(thing)
            ground.ledger.note(title, key)
            status = settled(write(made, thing)).status_code
            ground.ledger.note(title, key, is_claim=True)
            return status

        return column(ask)

    def save(made: Any) -> Any:
        with tempfile.TemporaryDirectory(dir=ground.folder) as folder:
            path = Path(folder) / "kept"
            try:
                downloaded(made, ground, "save", path)
            except BaseException:
                assert not path.exists()  # never a part of it under its name
                raise
            return path.read_bytes()

    def download_many(made: Any) -> Any:
        with tempfile.TemporaryDirectory(dir=ground.folder) as folder:
            found = settled(made.download_many([(ground.event, each) for each in NAMES], folder))
            kept = [path for path in Path(folder).rglob("*") if path.name in NAMES]
            assert all(path.read_bytes() == FILE for path in kept)
            assert len(kept) == sum(outcome.ok for outcome in found)
            return _checked(found)

    return {
        "event": column(lambda made: settled(made.event(ground.event)).json()),
        "events": column(lambda made: settled(made.events(ground.query, count=5))),
        "superevents": column(lambda made: settled(made.superevents.table("category: Production", count=40))),
        "logs": column(lambda made: settled(made.logs(ground.event)).json()),
        "read": column(lambda made: downloaded(made, ground, "read")),
        "save": column(save),
        "download_many": column(download_many),
        "create_event": writing(
            "create_event",
            (str(next(_times) + 0.25) for _ in itertools.count()),
            lambda made, time: made.create_event(GROUP, PIPELINE, "a.txt", filecontents=BURST.format(time=time)),
        ),
        "write_log": writing(
            "write_log",
            map(named, itertools.count()),
            lambda made, text: made.write_log(ground.written, text, filename="same.txt", filecontents=text),
        ),
        "create_superevent": writing(
            "create_superevent",
            ground.preferred,
            lambda made, event: made.create_superevent(T_0, T_0 + 1, T_0 + 2, event, "test"),
        ),
        "write_label": writing("write_label", ground.to_give, lambda made, pair: made.write_label(*pair)),
        "remove_label": writing("remove_label", ground.to_take, lambda made, pair: made.remove_label(*pair)),
        "add_tag": writing(
            "add_tag", map(named, itertools.count()), lambda made, tag: made.add_tag(ground.tagged, 1, tag)
        ),
        "upload_many": column(Uploading(ground)),
    }


def naive_columns(ground: Ground) -> dict[str, Column]:
    """The same as `columns`, asked by a program without Skykey. Its clients are in `Ground.closing`."""

    def column(ask: Callable[[naive_gracedb.GraceDb], Any]) -> Column:
        def at(url: str, _token: str) -> Ask:
            made = naive_gracedb.GraceDb(url)
            ground.closing.append(made)
            return lambda: ask(made)

        return at

    def writing(title: str, things: Iterator[Any], write: Callable[[Any, Any], Any]) -> Column:
        def ask(made: naive_gracedb.GraceDb) -> Any:
            thing = next(things)
            key = thing if isinstance(thing, str) else " ".join(thing)
            ground.ledger.note(title, key)
            write(made, thing)
            ground.ledger.note(title, key, is_claim=True)
            return True  # as it would be taken

        return column(ask)

    def save(made: naive_gracedb.GraceDb) -> Any:
        path = ground.folder / named()
        ground.saved.append(path)
        made.save(ground.event, NAMES[0], path)
        return path.read_bytes()

    def upload_many(made: naive_gracedb.GraceDb) -> Any:
        run = named()
        uploads = {f"{run} {each}": ground.folder / each for each in NAMES}
        for text in uploads:
            ground.ledger.note("upload_many", text)
        for _ in range(2):
            uploads = {text: uploads[text] for text in made.upload_many(ground.many, uploads)}
        if uploads:
            raise ValueError(f"{len(uploads)} failed")
        return True

    return {
        "event": column(lambda made: made.event(ground.event)),
        "events": column(lambda made: made.events(ground.query, count=5)),
        "logs": column(lambda made: made.logs(ground.event)),
        "read": column(lambda made: made.read(ground.event, NAMES[0])),
        "save": column(save),
        "create_event": writing(
            "create_event",
            (str(next(_times) + 0.25) for _ in itertools.count()),
            lambda made, time: made.create_event(GROUP, PIPELINE, BURST.format(time=time)),
        ),
        "write_log": writing(
            "write_log",
            map(named, itertools.count()),
            lambda made, text: made.write_log(ground.written, text, "same.txt", text.encode()),
        ),
        "create_superevent": writing(
            "create_superevent", ground.preferred, lambda made, event: made.create_superevent(T_0, event)
        ),
        "write_label": writing("write_label", ground.to_give, lambda made, pair: made.write_label(*pair)),
        "remove_label": writing("remove_label", ground.to_take, lambda made, pair: made.remove_label(*pair)),
        "add_tag": writing(
            "add_tag", map(named, itertools.count()), lambda made, tag: made.add_tag(ground.tagged, 1, tag)
        ),
        "upload_many": column(upload_many),
    }


class Uploading:
    """Three files, and their journal worked through twice; what is unknown then is settled when the fault is over."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._left: tuple[list[Upload], Path] | None = None

    def __call__(self, made: Any) -> Any:
        if self._left is not None:
            left, self._left = self._left, None
            self._run(made, *left)
        run = named()
        journal = self._ground.folder / f"{run}.journal"
        uploads = [Upload(self._ground.many, self._ground.folder / each, f"{run} {each}") for each in NAMES]
        for upload in uploads:
            self._ground.ledger.note("upload_many", upload.message)
        self._left = uploads, journal
        settled(made.upload_many(uploads, journal=journal))
        self._run(made, uploads, journal)
        self._left = None
        return len(uploads)

    def _run(self, made: Any, uploads: list[Upload], journal: Path) -> None:
        found = settled(made.upload_many(uploads, journal=journal))
        for outcome in found:
            if outcome.ok:
                self._ground.ledger.note("upload_many", outcome.item.message, is_claim=True)
        _checked(found)


def _checked(found: Any) -> int:
    """How many; raises what the first one failed for."""
    for outcome in found.failed:
        raise outcome.error
    return len(found)
