"""G: a thousand log entries while the way to the server breaks in many ways, and the server is started anew.

Each entry is there exactly once or was reported, and none is there twice. Who sends again whatever was lost fails.
"""

import collections
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests

from skykey.gracedb import root_memory
from skykey.gracedb.bulk import Upload
from skykey.gracedb.exceptions import OutcomeUnknown
from skykey.gracedb.rest import GraceDb
from skykey.sandbox import Box
from skykey.testing.faults import Fault, Pass, Reply, Reset
from skykey.testing.faults_exchange import Exchange
from skykey.testing.faults_proxy import FaultProxy
from skykey.values.errors import SkykeyError
from tests.reliability import naive_gracedb
from tests.reliability.gracedb import GROUP, PIPELINE, burst
from tests.reliability.test_g_matrix_gracedb import Done, credentials

__all__ = ["credentials"]

COUNT = 1000
AT_ONCE = 8
AWAY = 1.5  # seconds for which the server is away
LONGEST = 60.0
FAULTS: tuple[Fault, ...] = (Reply(502), Done(Reply(502)), Reset(), Reset(delivered=True))
SHARE = 0.12  # of the requests


@dataclass
class Weather:
    """A fault now and then, always the same ones for the same seed; in the middle the server is started anew.

    While it is away there is a gateway's 502.
    """

    box: Box
    seed: int
    counts: collections.Counter[str] = field(default_factory=collections.Counter)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._restart = threading.Thread(target=self.box.controls.gracedb_restart, args=[AWAY])
        self._played = 0

    def join(self) -> None:
        """Wait until the server is back."""
        self._restart.join()

    async def play(self, exchange: Exchange, /) -> None:
        self._played += 1
        if self._played == COUNT // 2:
            self._restart.start()
        fault: Fault = self._random.choice(FAULTS) if self._random.random() < SHARE else Pass()
        if not isinstance(fault, Pass):
            self.counts[repr(fault)] += 1
        try:
            await fault.play(exchange)
        except OSError:
            self.counts["away"] += 1
            await Reply(502).play(exchange)


@dataclass
class Fates:
    """What became of the entries."""

    claimed: set[str] = field(default_factory=set)
    reported: dict[str, Exception] = field(default_factory=dict)

    def told(self, there: "collections.Counter[str]", took: float, weather: Weather) -> tuple[int, int]:
        """How many are there twice, and how many were lost without a word."""
        doubled = sum(times > 1 for times in there.values())
        lost = len([text for text in self.claimed if not there[text]])
        unknown = [problem for problem in self.reported.values() if isinstance(problem, OutcomeUnknown)]
        print(
            f"{len(self.claimed)} written, {len(self.reported)} reported ({len(unknown)} as unknown, "
            f"{sum(there[text] > 0 for text in self.reported)} of all of them are there), {len(there)} there, "
            f"{doubled} twice, {lost} lost; {sum(weather.counts.values())} faults, {took:.1f} s"
        )
        return doubled, lost


@pytest.fixture
def event(box: Box) -> str:
    direct = GraceDb(box.gracedb_url)
    return str(direct.create_event(GROUP, PIPELINE, "burst.txt", filecontents=burst()).json()["graceid"])


def there(box: Box, event: str) -> "collections.Counter[str]":
    """How often each entry is there; the first is the event's own."""
    root_memory.forget()
    entries = GraceDb(box.gracedb_url).logs(event).json()["logs"]
    return collections.Counter(entry["comment"] for entry in entries[1:])


def texts(name: str) -> list[str]:
    return [f"{name} {number}" for number in range(COUNT)]


def written(write: Callable[[str], object], name: str) -> Fates:
    """Write them from several threads."""
    fates = Fates()

    def one(text: str) -> None:
        try:
            write(text)
        except (SkykeyError, requests.RequestException) as problem:
            fates.reported[text] = problem
        else:
            fates.claimed.add(text)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(one, texts(name)))
    return fates


def test_g_a_thousand_log_entries_are_written_once_or_reported(
    box: Box, event: str, ceiling: Callable[[float], float]
) -> None:
    weather = Weather(box, seed=1)
    with FaultProxy(box.gracedb_url.removesuffix("/api/")) as proxy, GraceDb(f"{proxy.url}/api/") as client:
        assert client.get_user_info().status_code == 200
        proxy.fault(weather, times=None)
        begin = time.monotonic()
        fates = written(lambda text: client.write_log(event, text), "entry")
        took = time.monotonic() - begin
        weather.join()
    print("\nG a thousand log entries: ", end="")
    assert fates.told(there(box, event), took, weather) == (0, 0)
    assert len(fates.claimed) + len(fates.reported) == COUNT
    assert len(fates.claimed) > COUNT * 0.9
    assert weather.counts["away"] > 0  # the restart came in the middle
    assert took <= ceiling(LONGEST)


def test_g_a_thousand_uploads_are_all_there_once_at_last(
    box: Box, event: str, tmp_path: Path, ceiling: Callable[[float], float]
) -> None:
    """With a journal, whatever was reported is settled by further runs, through the same weather."""
    file = tmp_path / "plot.png"
    file.write_bytes(b"the same in all of them")
    uploads = [Upload(event, file, text) for text in texts("upload")]
    weather = Weather(box, seed=2)
    with FaultProxy(box.gracedb_url.removesuffix("/api/")) as proxy, GraceDb(f"{proxy.url}/api/") as client:
        assert client.get_user_info().status_code == 200
        proxy.fault(weather, times=None)
        begin = time.monotonic()
        failed = []
        for _ in range(5):
            found = client.upload_many(uploads, at_once=AT_ONCE, journal=tmp_path / "journal")
            failed.append(len(found.failed))
            if not found.failed:
                break
        took = time.monotonic() - begin
        weather.join()
    fates = Fates({outcome.item.message for outcome in found if outcome.ok})
    print(f"\nG a thousand uploads, failed in each run {failed}: ", end="")
    counted = there(box, event)
    assert fates.told(counted, took, weather) == (0, 0)
    assert counted == collections.Counter(texts("upload"))
    assert weather.counts["away"] > 0
    assert took <= ceiling(LONGEST)


def test_g_a_thousand_log_entries_a_naive_client_writes_some_twice(box: Box, event: str) -> None:
    weather = Weather(box, seed=1)
    with FaultProxy(box.gracedb_url.removesuffix("/api/")) as proxy:
        client = naive_gracedb.GraceDb(proxy.url, backoff=0.1)
        proxy.fault(weather, times=None)
        begin = time.monotonic()
        fates = written(lambda text: client.write_log(event, text, "same.txt", b"x"), "entry")
        took = time.monotonic() - begin
        weather.join()
        client.close()
    print("\nG a thousand log entries, naive: ", end="")
    assert weather.counts["away"] > 0
    doubled, _ = fates.told(there(box, event), took, weather)
    assert doubled > COUNT / 50
