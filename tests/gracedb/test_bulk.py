"""Many files at once: each is there exactly once, whatever ended the run before, and what fails takes nothing along."""

import asyncio
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from skykey.gracedb.bulk import NewEvent, Outcomes, SomeFailed, Upload
from skykey.gracedb.exceptions import OutcomeUnknown
from skykey.gracedb.rest import AsyncGraceDb, GraceDb
from skykey.sandbox import Box
from skykey.testing.faults import Latency, Reply, Reset
from skykey.testing.faults_exchange import Exchange
from skykey.testing.faults_proxy import FaultProxy
from skykey.values.errors import Forbidden, UsageError
from skykey.values.progress import Progress, watched
from tests.wire.askers import FastClock

BURST = "nevent: 1\nrho: 5\nlikelihood: 36\ntime: {time} {time}\nifo: L1 H1\nstart: {time}\nduration: 0.02\n"
BURST += "frequency: 120.5\n#significance based on the last day\n12 0.00019265\n"
_times = itertools.count(1_500_000_000, 100)


@pytest.fixture
def proxy(box: Box) -> Iterator[FaultProxy]:
    with FaultProxy(box.gracedb_url.removesuffix("/api/")) as made:
        yield made


@pytest.fixture(params=["sync", "async"])
def client(request: pytest.FixtureRequest, proxy: FaultProxy) -> Any:
    """Whose many-methods are called the same way on both faces."""
    if request.param == "sync":
        made: Any = GraceDb(f"{proxy.url}/api/")
        made._clock = FastClock()
        return made
    asynchronous: Any = AsyncGraceDb(f"{proxy.url}/api/")
    asynchronous._clock = FastClock()
    return Blocking(asynchronous)


class Blocking:
    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda *args, **kwargs: asyncio.run(getattr(self._client, name)(*args, **kwargs))


@pytest.fixture
def event(client: Any, tmp_path: Path) -> str:
    return str(client.create_event("Test", "CWB", str(burst(tmp_path / "event.txt"))).json()["graceid"])


def burst(path: Path) -> Path:
    path.write_text(BURST.format(time=next(_times)))
    return path


def plots(folder: Path, number: int) -> list[Path]:
    made = [folder / f"plot{each}.png" for each in range(number)]
    for each in made:
        each.write_bytes(os.urandom(2000))
    return made


def names_in(client: Any, event: str) -> list[str]:
    found = client.logs(event).json()
    entries = found.get("logs", found.get("log"))
    return sorted(entry["filename"] for entry in entries if entry["filename"].endswith("png"))


def test_they_are_all_there_once_and_in_their_order(client: Any, event: str, tmp_path: Path) -> None:
    files = plots(tmp_path, 12)
    seen: list[Progress] = []
    with watched(seen.append):
        outcomes = client.upload_many([Upload(event, name, f"scan {name.stem}", ("pe",)) for name in files], at_once=4)
    assert [outcome.result["filename"] for outcome in outcomes.check()] == [name.name for name in files]
    assert names_in(client, event) == sorted(name.name for name in files)
    assert (seen[-1].done, seen[-1].parts) == (12, 12)
    assert seen[-1].moved == seen[-1].size > 12 * 2000


class Counted:
    """Answers a tenth of a second late, and counts how many wait so at once."""

    def __init__(self) -> None:
        self.now = self.most = 0

    async def play(self, exchange: Exchange, /) -> None:
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await Latency(0.1).play(exchange)
        finally:
            self.now -= 1


def test_so_many_are_under_way_and_no_more(client: Any, event: str, proxy: FaultProxy, tmp_path: Path) -> None:
    counted = Counted()
    proxy.fault(counted, path="*/log/", times=None)
    client.upload_many([Upload(event, name, "a scan") for name in plots(tmp_path, 8)], at_once=4).check()
    assert 2 <= counted.most <= 4
    with pytest.raises(UsageError, match="at least one"):
        client.upload_many([], at_once=0)


def test_one_that_fails_takes_no_other_along(client: Any, event: str, proxy: FaultProxy, tmp_path: Path) -> None:
    files = plots(tmp_path, 5)
    proxy.fault(Reply(403, json.dumps("no"), {"Content-Type": "application/json"}), path="*/log/", times=1)
    outcomes = client.upload_many([Upload(event, name, "a scan") for name in files], at_once=1)
    assert [outcome.ok for outcome in outcomes] == [False, True, True, True, True]
    assert isinstance(outcomes.failed[0].error, Forbidden)
    with pytest.raises(SomeFailed, match="1 of 5 failed") as problem:
        outcomes.check()
    assert isinstance(problem.value.__cause__, Forbidden)
    assert problem.value.outcomes is outcomes


def test_a_file_that_is_not_there_stops_all_before_anything_is_sent(
    client: Any, proxy: FaultProxy, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="missing"):
        client.upload_many([Upload("G1", plots(tmp_path, 1)[0], "a"), Upload("G1", tmp_path / "missing", "b")])
    assert proxy.requests() == []


def test_a_second_run_repeats_nothing(client: Any, event: str, proxy: FaultProxy, tmp_path: Path) -> None:
    items: list[Upload | NewEvent] = [Upload(event, name, "a scan") for name in plots(tmp_path, 3)]
    items += [items[0], NewEvent("Test", "CWB", burst(tmp_path / "new.txt"))]
    journal = tmp_path / "journal"
    first = client.upload_many(items, journal=journal).check()
    proxy.forget()
    second = client.upload_many(items, journal=journal).check()
    assert [outcome.was_done for outcome in second] == [True] * 5
    assert [outcome.result for outcome in second] == [outcome.result for outcome in first]
    assert [seen for seen in proxy.requests() if seen.method == "POST"] == []
    assert len(names_in(client, event)) == 4  # that one was asked for twice


@pytest.mark.parametrize("is_done", [True, False], ids=["done", "not done"])
def test_what_became_of_the_last_run_is_asked_before_anything_is_sent_again(
    client: Any, event: str, proxy: FaultProxy, tmp_path: Path, is_done: bool
) -> None:
    items = [Upload(event, plots(tmp_path, 1)[0], "a scan"), NewEvent("Test", "CWB", burst(tmp_path / "new.txt"))]
    journal = tmp_path / "journal"
    outcomes = client.upload_many(items, journal=journal).check()
    graceid = outcomes[1].result["graceid"]
    lines = journal.read_text().splitlines(keepends=True)
    if is_done:  # killed between the server's doing and our writing it down
        journal.write_text("".join(line for line in lines if '"begun"' in line))
    else:  # killed before anything went out: the next ones have other bytes
        items = [Upload(event, plots(tmp_path, 2)[1], "a scan"), NewEvent("Test", "CWB", burst(tmp_path / "new.txt"))]
        journal.unlink()
        proxy.fault(Reset(), path="*", method="POST", times=None)
        proxy.fault(Reply(503), path="*", method="GET", times=None)
        assert not any(outcome.ok for outcome in client.upload_many(items, journal=journal))
        proxy.reset()
    again = client.upload_many(items, journal=journal).check()
    assert [outcome.was_done for outcome in again] == [is_done, is_done]
    assert (again[1].result["graceid"] == graceid) is is_done
    assert len(names_in(client, event)) == (1 if is_done else 2)


def test_what_a_killed_run_had_on_its_way_is_waited_for(
    client: Any, event: str, proxy: FaultProxy, tmp_path: Path
) -> None:
    """The server does it after the next run has asked for the first time."""
    item, journal = Upload(event, plots(tmp_path, 1)[0], "a scan"), tmp_path / "journal"
    asynchronous = isinstance(client, Blocking)
    clock = (client._client if asynchronous else client)._clock
    client.upload_many([item], journal=journal).check()
    line = json.loads(journal.read_text().splitlines()[0])
    journal.write_text(json.dumps(line | {"time": clock.wall()}) + "\n")
    nothing = Reply(200, json.dumps({"log": []}), {"Content-Type": "application/json"})
    proxy.fault(nothing, path="*/log/", method="GET", times=1)
    assert client.upload_many([item], journal=journal).check()[0].was_done
    assert len(names_in(client, event)) == 1


def test_another_file_of_the_same_name_and_text_is_not_taken_for_it(client: Any, event: str, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    first, second = (tmp_path / name for name in ("first", "second"))
    for folder in (first, second):
        folder.mkdir()
    client.upload_many([Upload(event, plots(first, 1)[0], "a scan")]).check()
    item = Upload(event, plots(second, 1)[0], "a scan")
    client.upload_many([item], journal=journal).check()
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text(lines[0])  # killed before the answer came, and both are there
    found = client.upload_many([item], journal=journal).check()[0]
    assert found.was_done
    assert (
        client.download_many([(event, "plot0.png,1")], tmp_path).check()[0].result.read_bytes()
        == (second / "plot0.png").read_bytes()
    )
    assert found.result["file"].endswith("plot0.png,1")
    assert len(names_in(client, event)) == 2


def test_an_event_of_the_same_content_that_was_asked_for_otherwise_is_not_taken_for_it(
    client: Any, proxy: FaultProxy, tmp_path: Path
) -> None:
    journal, file = tmp_path / "journal", burst(tmp_path / "new.txt")
    theirs = client.create_event("Test", "CWB", str(file), search="AllSky").json()["graceid"]
    item = NewEvent("Test", "CWB", file)
    proxy.fault(Reset(), path="*", method="POST", times=None)
    proxy.fault(Reply(500), path="*", method="GET", times=None)
    assert not client.upload_many([item], journal=journal)[0].ok
    proxy.reset()
    found = client.upload_many([item], journal=journal).check()[0]
    assert (found.was_done, found.result["search"]) == (False, None)
    assert found.result["graceid"] != theirs


def test_what_is_not_known_is_said_and_kept(client: Any, event: str, proxy: FaultProxy, tmp_path: Path) -> None:
    items = [Upload(event, plots(tmp_path, 1)[0], "a scan")]
    journal = tmp_path / "journal"
    proxy.fault(Reset(0), path="*/log/", method="POST", times=1)
    proxy.fault(Reply(500), path="*", method="GET", times=None)
    outcomes = client.upload_many(items, journal=journal)
    assert isinstance(outcomes[0].error, OutcomeUnknown)
    assert json.loads(journal.read_text().splitlines()[-1])["state"] == "begun"
    proxy.reset()
    client.upload_many(items, journal=journal).check()
    assert len(names_in(client, event)) == 1


KILLED = """
import sys
from skykey.gracedb import bulk
from skykey.gracedb.bulk import Upload
from skykey.gracedb.rest import GraceDb
bulk._ON_ITS_WAY = 0.3
url, event, journal, *files = sys.argv[1:]
print("begun", flush=True)
GraceDb(url).upload_many([Upload(event, name, "a scan") for name in files], at_once=2, journal=journal).check()
print("done", flush=True)
"""


def test_a_run_that_is_killed_again_and_again_leaves_each_file_once(
    box: Box, proxy: FaultProxy, tmp_path: Path
) -> None:
    blocking = GraceDb(box.gracedb_url)
    event = str(blocking.create_event("Test", "CWB", str(burst(tmp_path / "event.txt"))).json()["graceid"])
    files = plots(tmp_path, 20)
    proxy.fault(Latency(0.02), path="*/log/", times=None)
    arguments = [f"{proxy.url}/api/", event, str(tmp_path / "journal"), *map(str, files)]
    kills = 0
    for wait in range(1, 60):
        run = subprocess.Popen([sys.executable, "-c", KILLED, *arguments], stdout=subprocess.PIPE, text=True)
        assert run.stdout is not None
        run.stdout.readline()
        time.sleep(0.05 + 0.013 * wait)
        run.send_signal(signal.SIGKILL)
        said = run.communicate(timeout=30)[0]
        if "done" in said:
            break
        kills += 1
    print(f"{kills} kills, {len(names_in(blocking, event))} files")
    assert names_in(blocking, event) == sorted(name.name for name in files)
    assert kills >= 3


# -- downloads


def test_they_are_whole_and_each_in_the_folder_of_its_object(client: Any, event: str, tmp_path: Path) -> None:
    files = plots(tmp_path, 6)
    client.upload_many([Upload(event, name, "a scan") for name in files]).check()
    found: Outcomes[Any] = client.download_many([(event, name.name) for name in files], tmp_path / "maps", at_once=3)
    assert [outcome.result for outcome in found.check()] == [tmp_path / "maps" / event / name.name for name in files]
    assert [outcome.result.read_bytes() for outcome in found] == [name.read_bytes() for name in files]
    assert sorted(path.name for path in (tmp_path / "maps" / event).iterdir()) == sorted(name.name for name in files)


def test_a_file_that_is_not_there_takes_no_other_along(client: Any, event: str, tmp_path: Path) -> None:
    client.upload_many([Upload(event, name, "a scan") for name in plots(tmp_path, 1)]).check()
    found = client.download_many([(event, "nothing.fits"), (event, "plot0.png")], tmp_path / "maps")
    assert [outcome.ok for outcome in found] == [False, True]
    assert not (tmp_path / "maps" / event / "nothing.fits").exists()


def test_a_version_that_is_there_is_not_fetched_again(
    client: Any, event: str, proxy: FaultProxy, tmp_path: Path
) -> None:
    client.upload_many([Upload(event, name, "a scan") for name in plots(tmp_path, 1)]).check()
    wanted = [(event, "plot0.png,0"), (event, "plot0.png")]
    client.download_many(wanted, tmp_path).check()
    proxy.forget()
    again = client.download_many(wanted, tmp_path).check()
    assert [outcome.was_done for outcome in again] == [True, False]
    assert [seen.path.rpartition("/")[2] for seen in proxy.requests("*/files/*")] == ["plot0.png"]
    assert [outcome.was_done for outcome in client.download_many(wanted, tmp_path, again=True)] == [False, False]


@pytest.mark.parametrize(("object_id", "name"), [("..", "a"), ("G1", "../a"), ("G1", "/etc/passwd"), ("G1/..", "a")])
def test_nothing_is_written_outside_the_folder(
    client: Any, proxy: FaultProxy, tmp_path: Path, object_id: str, name: str
) -> None:
    found = client.download_many([(object_id, name)], tmp_path / "maps")
    assert isinstance(found[0].error, UsageError)
    assert list(tmp_path.glob("**/*.part")) == []
    assert proxy.requests() == []
