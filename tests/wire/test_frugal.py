"""Pools look at few of their connections, and none that is over stays."""

import asyncio
from typing import Any

import httpcore2
import pytest

from skykey.wire import frugal

ORIGIN = httpcore2.Origin(b"http", b"service.example", 80)
URL = "http://service.example/"


class Line(httpcore2.ConnectionInterface):
    """A connection that answers without a word, and counts how often it is looked at."""

    def __init__(self) -> None:
        self.looks = 0
        self.answers = 0
        self.is_over = False
        self.was_closed = False
        self._is_busy = False

    def handle_request(self, request: httpcore2.Request) -> httpcore2.Response:
        assert not self.was_closed
        assert not self._is_busy
        self.answers += 1
        self._is_busy = True
        return httpcore2.Response(200, content=Ending(self))

    async def handle_async_request(self, request: httpcore2.Request) -> httpcore2.Response:
        await asyncio.sleep(0)  # it is idle for a while yet
        return self.handle_request(request)

    def done(self) -> None:
        self._is_busy = False

    def has_expired(self) -> bool:
        self.looks += 1
        return self.is_over

    def close(self) -> None:
        self.was_closed = True

    async def aclose(self) -> None:
        self.close()

    def can_handle_request(self, origin: httpcore2.Origin) -> bool:
        return origin == ORIGIN

    def can_multiplex(self) -> bool:
        return False

    def is_available(self) -> bool:
        return self.is_idle()

    def is_idle(self) -> bool:
        return not self._is_busy and not self.was_closed

    def is_closed(self) -> bool:
        return self.was_closed

    def is_connected(self) -> bool:
        return not self.was_closed

    def info(self) -> str:
        return "made up"


class Ending:
    """The end of an answer, for both kinds of pools."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def __iter__(self) -> Any:
        return iter(())

    async def __aiter__(self) -> Any:
        for nothing in ():
            yield nothing

    def close(self) -> None:
        self._line.done()

    async def aclose(self) -> None:
        self._line.done()


class Asked:
    """A pool of either kind with idle connections, asked in the same way."""

    def __init__(self, lines: list[Line], *, is_async: bool) -> None:
        self.pool: Any = (frugal.AsyncPool if is_async else frugal.Pool)(max_connections=64)
        self.pool._connections = list(lines)
        self._is_async = is_async

    def ask(self, times: int = 1, *, at_once: int = 1) -> None:
        asyncio.run(self._aask(times, at_once)) if self._is_async else self._ask(times, at_once)

    def _ask(self, times: int, at_once: int) -> None:
        for _ in range(times):
            answers = [self.pool.handle_request(httpcore2.Request("GET", URL)) for _ in range(at_once)]
            for answer in answers:
                answer.close()

    async def _aask(self, times: int, at_once: int) -> None:
        for _ in range(times):
            requests = [self.pool.handle_async_request(httpcore2.Request("GET", URL)) for _ in range(at_once)]
            for answer in await asyncio.gather(*requests):
                await answer.aclose()


@pytest.fixture(params=["blocking", "on a loop"])
def is_async(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "on a loop")


def test_a_request_does_not_look_at_each_idle_connection(is_async: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frugal, "_SECOND", 60.0)
    lines = [Line() for _ in range(64)]
    asked = Asked(lines, is_async=is_async)
    asked.ask()
    before = sum(line.looks for line in lines)
    asked.ask(10)
    assert sum(line.looks for line in lines) - before == 10
    assert [line.answers for line in lines] == [11] + [0] * 63


def test_several_at_once_share_no_connection(is_async: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frugal, "_SECOND", 60.0)
    lines = [Line() for _ in range(4)]
    Asked(lines, is_async=is_async).ask(3, at_once=4)
    assert [line.answers for line in lines] == [3] * 4


def test_connections_that_are_over_are_closed_though_others_are_in_use(
    is_async: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frugal, "_SECOND", 60.0)
    lines = [Line() for _ in range(3)]
    asked = Asked(lines, is_async=is_async)
    asked.ask()
    lines[2].is_over = True
    asked.ask()
    assert not lines[2].was_closed  # not yet
    monkeypatch.setattr(frugal, "_SECOND", 0.0)  # it is past
    asked.ask()
    assert [line.was_closed for line in lines] == [False, False, True]
    assert asked.pool.connections == lines[:2]


def test_a_connection_that_is_over_is_not_taken(is_async: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frugal, "_SECOND", 60.0)
    lines = [Line(), Line()]
    asked = Asked(lines, is_async=is_async)
    asked.ask()
    lines[0].is_over = True
    asked.ask()
    assert [(line.answers, line.was_closed) for line in lines] == [(1, True), (1, False)]


@pytest.mark.parametrize("before", [0, 1])
def test_a_connection_that_was_closed_leaves_the_books_with_its_answer(
    is_async: bool, before: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frugal, "_SECOND", 60.0)
    line = Line()
    asked = Asked([line], is_async=is_async)
    asked.ask(before)
    line.done = line.close  # type: ignore[method-assign]
    asked.ask()
    assert asked.pool.connections == []


@pytest.mark.parametrize("pool", [httpcore2.ConnectionPool, httpcore2.AsyncConnectionPool])
def test_a_release_without_these_methods_is_noticed(pool: type[Any]) -> None:
    assert {"_assign_requests_to_connections", "_close_connections"} <= vars(pool).keys()
