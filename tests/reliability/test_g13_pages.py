"""G13: pages that lead nowhere: the loop is found after two repeats at most. Jobs that never end: after their time.

A log's pages go by offset, so there is no token to repeat: a service repeats itself by ignoring it. Then nobody knows
what else there is, and the answer is an error. Short pages, pages that move and new rows are no loops.
GraceDB's pages name the next one, and may name one that was read.
"""

import asyncio
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from skykey.gracedb.rest import AsyncGraceDb, GraceDb
from skykey.rubin.consdb_query import AsyncConsDbTap, ConsDbTap
from skykey.rubin.logging_query import AsyncNarrativeLogClient, NarrativeLogClient
from skykey.sandbox import Box
from skykey.testing import FakeClock
from skykey.values.deadline import within
from skykey.values.errors import ServiceError, SkykeyError, TimedOut, Unreadable
from tests.reliability import databases, gracedb_site, naive_databases, naive_gracedb
from tests.reliability.gracedb import settled
from tests.rubin.scripted_log import Row, ScriptedLog, identity, message
from tests.wire.server import Answer, Seen, as_json, serving

MOST_REPEATS = 2
ASKED = 2000  # rows of a page
FACES = ("blocking", "asynchronous")


class Pages(ScriptedLog):
    """A log of so many messages that gives another page than the one that was asked for, and remembers what it gave."""

    def __init__(self, count: int, page: Callable[[list[Row], int, int], list[Row]]) -> None:
        super().__init__([message(number) for number in range(count)])
        self._page = page
        self.given: list[list[str]] = []

    def page(self, order: list[str], offset: int, limit: int) -> list[Row]:
        found = self._page(self.rows, offset, limit)
        self.given.append([row["id"] for row in found])
        return found

    @property
    def repeats(self) -> int:
        """How often a page came that had come for another offset."""
        came: dict[tuple[str, ...], str] = {}
        offsets = [asked["offset"][0] for asked in self.asked]
        pages = [tuple(page) for page in self.given]
        return sum(came.setdefault(page, at) != at for page, at in zip(pages, offsets, strict=True) if page)


def read(face: str, url: str, **more: Any) -> Any:
    if face == "blocking":
        return databases.made(NarrativeLogClient, url).query(order_by="id", **more)
    return asyncio.run(databases.made(AsyncNarrativeLogClient, url).query(order_by="id", **more))


OTHERS = itertools.count(10**6)
Page = Callable[[list[Row], int, int], list[Row]]
LOOPS: dict[str, Page] = {
    "ignores the offset": lambda rows, _, limit: rows[:limit],
    "ignores the offset, a hundred at once": lambda rows, _, limit: rows[: min(limit, 100)],
    "ignores both": lambda rows, _offset, _limit: rows,
    "stays at its second page": lambda rows, offset, limit: rows[min(offset, ASKED - 1) :][:limit],
    "stays at its third page": lambda rows, offset, limit: rows[min(offset, 2 * (ASKED - 1)) :][:limit],
    "goes back to the first after the second": lambda rows, offset, limit: rows[offset % (2 * (ASKED - 1)) :][:limit],
    "nothing behind the first": lambda rows, offset, limit: [] if offset else rows[:limit],
    "the same others in front": lambda rows, offset, limit: (
        [*rows[5000:5010], rows[ASKED - 1]] if offset else rows[:limit]
    ),
    "always others in front": lambda rows, offset, limit: (
        [message(next(OTHERS)), rows[ASKED - 1]] if offset else rows[:limit]
    ),
    "the last row alone, of others": lambda rows, offset, limit: rows[-1:] if offset else rows[:limit],
}


@pytest.mark.parametrize("face", FACES)
def test_g13_a_log_that_repeats_a_page_is_found_out(face: str) -> None:
    for name, page in LOOPS.items():
        log = Pages(9000, page)
        with serving(log) as server, pytest.raises(Unreadable):
            read(face, server.url)
        print(f"G13 {face}, {name}: {len(log.asked)} requests, {log.repeats} repeats, an error")
        assert log.repeats <= MOST_REPEATS
        assert len(log.asked) <= 9


@pytest.mark.parametrize("most", [50, 77, 100, 500, 1999, 2000, 2001])
@pytest.mark.parametrize("face", FACES)
def test_g13_pages_shorter_than_was_asked_for_are_no_end(face: str, most: int) -> None:
    """A service that caps them says so nowhere, or only in its documentation."""
    for count in (most - 1, most, most + 1, 3 * most + 10):
        log = Pages(count, lambda rows, offset, limit: rows[offset:][: min(limit, most)])
        with serving(log) as server:
            found = read(face, server.url)
        assert found["id"].tolist() == [identity(number) for number in range(count)]
        assert found.attrs["truncated"] is False
    print(f"G13 {face}, {most} rows a page at most: all of {count}, requests {len(log.asked)}")


@pytest.mark.parametrize("face", FACES)
def test_g13_rows_that_move_between_pages_come_once(face: str) -> None:
    """Of those that are there all the time each comes once; those that come or go may or may not."""

    def before(asked: int) -> None:
        # In front of what was read already: pages move on by seven, and back by five.
        if asked == 1:
            log.rows = [message(10**6 + number) for number in range(7)] + log.rows
        if asked == 2:
            log.rows = log.rows[5:]

    log = Pages(5000, lambda rows, offset, limit: rows[offset:][:limit])
    log._before = before
    with serving(log) as server:
        found = read(face, server.url)["id"].tolist()
    kept = [identity(number) for number in range(5000)]
    missing = len(set(kept) - set(found))
    print(f"G13 {face}, rows that move: {len(found)} rows, {missing} missing, {len(log.asked)} requests")
    assert [each for each in found if each in set(kept)] == kept
    assert len(found) == len(set(found))


@pytest.mark.parametrize("face", FACES)
def test_g13_a_log_without_end_ends_with_the_limit(face: str) -> None:
    numbers = iter(range(10**9))

    def more(rows: list[Row], offset: int, limit: int) -> list[Row]:
        rows += [message(next(numbers)) for _ in range(max(0, offset + limit - len(rows)))]
        return rows[offset : offset + limit]

    log = Pages(0, more)
    with serving(log) as server:
        found = read(face, server.url, limit=5000)
    print(
        f"G13 {face}, without end: {len(found):,} rows, truncated {found.attrs['truncated']}, {len(log.asked)} requests"
    )
    assert (len(found), found.attrs["truncated"]) == (5000, True)
    assert len(log.asked) == 3


# -- TAP: a job that is asked for again and again

HELD = ("PENDING", "QUEUED", "EXECUTING", "UNKNOWN", "HELD", "SUSPENDED")
TIME = 600.0
STATEMENT = "select visit_id from cdb_lsstcam.visit1"


def job(face: str, box: Box) -> tuple[SkykeyError, list[float]]:
    """What comes of a job that stays in its phase, and the waits; the clock goes on by waiting alone."""
    client = (ConsDbTap if face == "blocking" else AsyncConsDbTap)(box.site_url, box.token, 10 * TIME)
    client._clock = clock = FakeClock(steady=-1e6, hasty=True)  # before every other limit

    def ask() -> Any:
        found = client.query(STATEMENT, as_job=True)
        return asyncio.run(found) if face == "asynchronous" else found

    with within(TIME, clock), pytest.raises(SkykeyError) as caught:
        ask()
    return caught.value, [seconds or 0.0 for seconds in clock.waited]


@pytest.mark.parametrize("phase", HELD)
@pytest.mark.parametrize("face", FACES)
def test_g13_a_job_that_never_changes_has_its_time_and_is_asked_seldom(face: str, phase: str, box: Box) -> None:
    """The service answers at once that nothing is new, whatever it was asked to wait for."""
    box.controls.tap(hold=phase, early=True)
    problem, waits = job(face, box)
    polls = [seen for seen in box.controls.requests("consdbtap") if seen.method == "GET" and "/async/" in seen.path]
    print(f"G13 TAP, {face}, {phase}: {problem.code}, {len(polls)} polls, {sum(waits):.0f} s of {TIME:.0f} s in waits")
    assert isinstance(problem, TimedOut | ServiceError)
    assert sum(waits) <= TIME + 1
    assert len(polls) <= 60
    if phase == "EXECUTING":
        assert isinstance(problem, TimedOut)
        assert sum(waits) > TIME / 2
        assert max(waits) > 5  # the pauses grow


# -- GraceDB: pages that name the next one

GRACEDB_LISTS: dict[str, Callable[[Any], Any]] = {
    "events": lambda client: client.events("far < 1", count=2),
    "superevents": lambda client: client.superevents("far < 1", count=2),
    "table": lambda client: client.superevents.table("far < 1", count=2),
    "gwtc_list": lambda client: client.gwtc_list(),
}


class Chain:
    """A GraceDB whose pages lead as a test says: number of the page that is asked for to its rows, and the next one."""

    def __init__(self, page: Callable[[int], tuple[int, int]]) -> None:
        self._page = page
        self.given: list[int] = []

    def __call__(self, seen: Seen) -> Answer:
        number = int(seen.target.partition("at=")[2] or 0)
        rows, following = self._page(number)
        self.given.append(rows)
        base, _, _ = seen.target.partition("?")
        link = f"http://{seen.headers['host']}{base}?at={following}"
        found = [] if rows < 0 else [{"graceid": f"G{rows}", "superevent_id": f"S{rows}", "number": str(rows)}]
        links = {"next": link}
        return as_json(json.dumps({"events": found, "superevents": found, "results": found, "links": links, **links}))

    @property
    def repeats(self) -> int:
        return len(self.given) - len(set(self.given))


CHAINS: dict[str, Callable[[int], tuple[int, int]]] = {
    "the same page, by the same URL": lambda number: (number, number),
    "the first page again": lambda number: (number, (number + 1) % 3),
    "a circle of five": lambda number: (number, number + 1 if number < 6 else 2),
    "the same rows by ever new URLs": lambda number: (0, number + 1),
    "two pages in turn by ever new URLs": lambda number: (number % 2, number + 1),
    "a circle of five by ever new URLs": lambda number: (number % 5, number + 1),
    "empty pages by ever new URLs": lambda number: (number if number < 3 else -1, number + 1),
}


@pytest.mark.parametrize("name", GRACEDB_LISTS)
@pytest.mark.parametrize("kind", [GraceDb, AsyncGraceDb])
def test_g13_a_search_that_leads_in_a_circle_is_found_out(kind: type[Any], name: str) -> None:
    for title, page in CHAINS.items():
        chain = Chain(page)
        with serving(chain) as server, pytest.raises(Unreadable):
            settled(GRACEDB_LISTS[name](gracedb_site.made(kind, server.url, FakeClock(hasty=True))))
        print(f"G13 GraceDB, {name}, {title}: {len(chain.given)} requests, {chain.repeats} repeats, an error")
        assert chain.repeats <= MOST_REPEATS
        assert len(chain.given) <= 9


@pytest.mark.parametrize("kind", [GraceDb, AsyncGraceDb])
def test_g13_a_search_without_end_ends_with_what_is_wanted(kind: type[Any]) -> None:
    chain = Chain(lambda number: (number, number + 1))
    with serving(chain) as server:
        client = gracedb_site.made(kind, server.url, FakeClock(hasty=True))
        found = settled(client.events("far < 1", count=1, max_results=7))
    print(f"G13 GraceDB, without end: {len(found)} rows, {len(chain.given)} requests")
    assert [row["graceid"] for row in found] == [f"G{number}" for number in range(7)]
    assert len(chain.given) == 7


def test_g13_a_naive_client_of_gracedb_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("none")
    monkeypatch.setenv("BEARER_TOKEN_FILE", str(tmp_path / "token"))
    for title, page in CHAINS.items():
        chain = Chain(page)
        with serving(chain) as server:
            client = naive_gracedb.GraceDb(server.url)
            client.events("far < 1", count=2, most=50)
            client.close()
        print(f"G13 naive GraceDB, {title}: {chain.repeats} repeats, and only the test ends it")
        assert chain.repeats > 10 * MOST_REPEATS


# -- naive


def test_g13_a_naive_client_fails() -> None:
    log = Pages(9000, LOOPS["ignores the offset"])
    with serving(log) as server:
        client = naive_databases.Client(server.url, databases.AUTH[1], timeout=5)
        rows = client.paged("narrativelog/messages", page=100, most=50)
        client.close()
    capped = Pages(300, lambda rows, offset, limit: rows[offset:][: min(limit, 100)])
    with serving(capped) as server:
        client = naive_databases.Client(server.url, databases.AUTH[1], timeout=5)
        few = client.paged("narrativelog/messages", page=2000)
        client.close()
    print(f"G13 naive: {log.repeats} repeats, and only the test ends it, {len(rows)} rows; {len(few)} of 300 rows")
    assert log.repeats > 10 * MOST_REPEATS
    assert len(few) < 300


def test_g13_a_naive_client_of_tap_fails(box: Box) -> None:
    box.controls.tap(hold="EXECUTING", early=True)
    client = naive_databases.Client(box.site_url, box.token, timeout=5)
    with pytest.raises(RecursionError):  # by the test: it would go on
        client.tap(STATEMENT, most=200)
    client.close()
    polls = [
        seen for seen in box.controls.requests("consdbtap") if seen.path.endswith("/phase") and seen.method == "GET"
    ]
    print(f"G13 naive TAP: {len(polls)} polls, and only the test ends it")
    assert len(polls) >= 200


def test_g13_a_page_that_is_no_page_is_an_error() -> None:
    """Neither its length nor its rows say how to go on."""
    for body in ({"rows": []}, {"next": "/messages?offset=0"}, [[]], "rows"):
        with serving(answering(body)) as server, pytest.raises(Unreadable):
            read("blocking", server.url)


def answering(body: Any) -> Callable[[Seen], Answer]:
    return lambda _: as_json(json.dumps(body))
