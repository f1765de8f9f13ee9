"""What is sent again although it changes something: only what has shown that nothing was done."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from email.utils import formatdate
from typing import Any

import pytest

import skykey
from skykey.calls.call import Patience, Redirects, Repeat
from skykey.calls.repeats import is_undone
from skykey.values.errors import (
    Interrupted,
    NotAuthenticated,
    Overloaded,
    QueryError,
    RateLimited,
    ServiceError,
    SkykeyError,
    TimedOut,
    Unreachable,
)
from skykey.wire.request import Timeouts
from tests.wire.askers import Asker, AsyncAsker, FastClock, get, renewable
from tests.wire.server import Answer, Authority, Seen, reply, serve, serving


class Performer:
    def __init__(self, face: str) -> None:
        self.face = face
        self.clock = FastClock()

    def __call__(self, call: Any) -> Any:
        client = Asker() if self.face == "sync" else AsyncAsker()
        client._clock = self.clock
        return client.ask(call) if self.face == "sync" else asyncio.run(client.ask(call))


@pytest.fixture(params=["sync", "async"])
def perform(request: pytest.FixtureRequest) -> Performer:
    return Performer(request.param)


def post(url: str, **changes: Any) -> Any:
    return get(url, **{"method": "POST", "body": b"an event", "repeat": Repeat.UNDONE, **changes})


def stalled() -> Iterator[bytes]:
    threading.Event().wait(0.6)
    yield b""


OPEN: dict[str, Callable[[], Answer]] = {
    "502": lambda: reply(502),
    "502, come back": lambda: reply(502, Retry_After="1"),
    "504": lambda: reply(504),
    "504, come back": lambda: reply(504, Retry_After="1"),
    "503": lambda: reply(503),
    "503, come back some time": lambda: reply(503, Retry_After="soon"),
    "500": lambda: reply(500),
    "408": lambda: reply(408),
    "closed": lambda: None,
    "cut in the head": lambda: (b"HTTP/1.1 201 Cre",),
    "cut in the body": lambda: (b"HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\nx",),
    "no HTTP": lambda: (b"what?\r\n\r\n",),
    "silence": stalled,
}


@pytest.mark.parametrize("fault", OPEN)
def test_what_may_have_been_done_is_sent_once(perform: Performer, fault: str) -> None:
    with serving(lambda _: OPEN[fault]()) as server:
        with pytest.raises(SkykeyError) as caught:
            perform(post(server.url, patience=Patience(5), timeouts=Timeouts(5, 0.2)))
        assert len(server.seen) == 1
    assert not is_undone(caught.value)
    assert caught.value.attempts == 1
    assert perform.clock.waits == []


NOTHING_DONE: dict[str, tuple[Callable[[], Answer], list[float] | None]] = {
    "429": (lambda: reply(429), None),
    "429, come back": (lambda: reply(429, Retry_After="7"), [7.0] * 3),
    "503, come back": (lambda: reply(503, Retry_After="7"), [7.0] * 3),
    "503, come back at": (
        lambda: reply(503, Retry_After=formatdate(1_700_000_007, usegmt=True), Date=formatdate(1.7e9, usegmt=True)),
        [7.0] * 3,
    ),
}


@pytest.mark.parametrize("fault", NOTHING_DONE)
def test_what_was_not_begun_is_sent_again(perform: Performer, fault: str) -> None:
    make, waits = NOTHING_DONE[fault]
    answers = [make() for _ in range(3)]
    with serving(lambda _: answers.pop() if answers else reply(201, "made")) as server:
        assert perform(post(server.url)) == b"made"
        assert [seen.body for seen in server.seen] == [b"an event"] * 4
    assert len(perform.clock.waits) == 3
    assert perform.clock.waits == (waits or perform.clock.waits)


@pytest.mark.parametrize("repeats", [0, 1, 2, 5])
def test_it_is_sent_again_as_often_as_patience_allows(perform: Performer, repeats: int) -> None:
    with serving(lambda _: reply(429)) as server:
        with pytest.raises(RateLimited) as caught:
            perform(post(server.url, patience=Patience(repeats, first=1.0, longest=3.0)))
        assert len(server.seen) == repeats + 1
    assert caught.value.attempts == repeats + 1
    assert len(perform.clock.waits) == repeats
    assert all(wait <= min(2**tried, 3.0) for tried, wait in enumerate(perform.clock.waits))


def test_the_first_thing_that_may_have_been_done_ends_it(perform: Performer) -> None:
    answers = [reply(429), reply(503, Retry_After="1"), reply(502)]
    with serving(lambda _: answers.pop(0)) as server:
        with pytest.raises(Overloaded, match="502") as caught:
            perform(post(server.url))
        assert len(server.seen) == 3
    assert caught.value.attempts == 3


# -- nobody there


@contextlib.contextmanager
def closed_door(*, opens_after: int | None = None) -> Iterator[tuple[str, FastClock, list[Seen]]]:
    """An address where nobody listens, until a caller has waited so often."""
    seen: list[Seen] = []
    door = socket.socket()
    door.bind(("127.0.0.1", 0))

    class Opening(FastClock):
        def open(self) -> None:
            if len(self.waits) == opens_after:
                door.listen()
                threading.Thread(target=answer, daemon=True).start()

        def wait(self, event: Any, seconds: float | None) -> bool:
            found = super().wait(event, seconds)
            self.open()
            return found

        async def sleep(self, seconds: float) -> None:
            await super().sleep(seconds)
            self.open()

    def made(one: Seen) -> Answer:
        seen.append(one)
        return reply(201, "made")

    def answer() -> None:
        with door.accept()[0] as connection:
            serve(connection, made)

    with door:
        yield f"http://127.0.0.1:{door.getsockname()[1]}", Opening(), seen


def test_where_nobody_listens_yet_it_is_tried_again(perform: Performer) -> None:
    with closed_door(opens_after=2) as (url, clock, seen):
        perform.clock = clock
        assert perform(post(url)) == b"made"
        assert len(seen) == 1
        assert len(clock.waits) == 2


def test_where_nobody_listens_it_is_given_up(perform: Performer) -> None:
    with closed_door() as (url, clock, _):
        perform.clock = clock
        with pytest.raises(Unreachable) as caught:
            perform(post(url, patience=Patience(2)))
    assert caught.value.unsent
    assert caught.value.attempts == 3


def test_where_nobody_takes_the_connection_it_is_tried_again(perform: Performer) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        address = full.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(address)
        with pytest.raises(TimedOut) as caught:
            perform(post(f"http://127.0.0.1:{address[1]}", patience=Patience(1), timeouts=Timeouts(0.1, 5)))
        for one in waiting:
            one.close()
    assert caught.value.unsent
    assert caught.value.attempts == 2


def test_a_handshake_that_fails_has_sent_nothing(perform: Performer, authority: Authority) -> None:
    with serving(lambda _: reply(200), tls=authority.server()) as server:
        with pytest.raises(Unreachable, match="not trusted") as caught:
            perform(post(server.url, patience=Patience(1)))
        assert server.seen == []
    assert caught.value.unsent
    assert caught.value.attempts == 2


# -- what it leads to

LOOKS: dict[str, Callable[[], Answer]] = {
    **OPEN,
    **{name: make for name, (make, _) in NOTHING_DONE.items()},
}


@pytest.mark.parametrize("fault", [name for name in LOOKS if name not in {"500", "408", "silence", "no HTTP"}])
@pytest.mark.parametrize("repeat", [Repeat.UNDONE, Repeat.NEVER])
def test_a_lost_look_at_what_was_made_does_not_make_it_again(perform: Performer, fault: str, repeat: Repeat) -> None:
    """A 303 says that it was done: what fails behind it is the look, and not the deed."""
    looks = [LOOKS[fault](), LOOKS[fault](), reply(200, "made")]
    with serving(lambda seen: reply(303, Location="/1") if seen.method == "POST" else looks.pop(0)) as server:
        assert perform(post(server.url, repeat=repeat)) == b"made"
        assert [seen.method for seen in server.seen] == ["POST", "GET", "GET", "GET"]


def test_a_look_that_stays_lost_is_given_up(perform: Performer) -> None:
    with serving(lambda seen: reply(303, Location="/1") if seen.method == "POST" else reply(429)) as server:
        with pytest.raises(RateLimited):
            perform(post(server.url))
        assert [seen.method for seen in server.seen] == ["POST"] + ["GET"] * 4


def test_a_service_that_is_gone_after_a_303_has_not_been_reached(perform: Performer) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]

    def once() -> None:
        connection, _ = listener.accept()
        listener.close()
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 303 X\r\nLocation: /1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    thread = threading.Thread(target=once)
    thread.start()
    with pytest.raises(Unreachable) as caught:
        perform(post(f"http://127.0.0.1:{port}/"))
    thread.join()
    assert not caught.value.unsent


def test_where_the_303_is_the_answer_it_is_not_sent_again(perform: Performer) -> None:
    with serving(lambda _: reply(303, Location="/1")) as server:
        perform(post(server.url, redirects=Redirects.DONE))
        assert len(server.seen) == 1


def test_after_a_redirect_that_keeps_the_method_the_same_holds(perform: Performer) -> None:
    with serving(lambda seen: reply(502) if seen.path == "/there" else reply(307, Location="/there")) as server:
        with pytest.raises(Overloaded):
            perform(post(server.url))
        assert len(server.seen) == 2
    answers = [reply(429)]
    with serving(
        lambda seen: (
            reply(307, Location="/there") if seen.path == "/" else answers.pop() if answers else reply(201, "made")
        )
    ) as server:
        assert perform(post(server.url)) == b"made"
        assert [seen.path for seen in server.seen] == ["/", "/there"] * 2


def test_a_renewed_token_is_one_more_time(perform: Performer) -> None:
    def answer(seen: Seen) -> Answer:
        if seen.headers["authorization"] != "Bearer token-2":
            return reply(401)
        return answers.pop(0)

    answers = [reply(429), reply(502)]
    with serving(answer) as server:
        keeper, provider = renewable(server.url)
        with pytest.raises(Overloaded) as caught:
            perform(post(server.url, auth=(keeper,)))
        assert len(server.seen) == 3
    assert provider.made == 2
    assert caught.value.attempts == 3
    with serving(lambda _: reply(401)) as server:
        with pytest.raises(NotAuthenticated) as refused:
            perform(post(server.url, auth=(renewable(server.url)[0],)))
        assert refused.value.attempts == len(server.seen) == 2


# -- patience


def test_a_longer_wait_ends_the_tries_or_is_shortened(perform: Performer) -> None:
    with serving(lambda _: reply(429, Retry_After="100")) as server:
        with pytest.raises(RateLimited):
            perform(post(server.url, patience=Patience(2, longest=30.0)))
        assert len(server.seen) == 1
        with pytest.raises(RateLimited) as caught:
            perform(post(server.url, patience=Patience(2, longest=30.0, shortens=True)))
        assert len(server.seen) == 1 + 3
    assert perform.clock.waits == [30.0, 30.0]
    assert caught.value.retry_after == 100.0


def test_no_wait_goes_beyond_the_time_limit(perform: Performer) -> None:
    with serving(lambda _: reply(429, Retry_After="7")) as server:
        with skykey.within(5), pytest.raises(RateLimited):
            perform(post(server.url))
        with pytest.raises(RateLimited):
            perform(post(server.url, total=5.0, patience=Patience(shortens=True)))
        assert len(server.seen) == 2
    assert perform.clock.waits == []


STATUSES = (400, 403, 408, 425, 429, 500, 502, 503, 504)


@pytest.mark.parametrize(
    "statuses", [None, frozenset(), frozenset({500}), frozenset({408, 425, 503}), frozenset({429})]
)
def test_what_is_safe_is_repeated_after_the_statuses_that_were_named(
    perform: Performer, statuses: frozenset[int] | None
) -> None:
    repeated = set()
    for status in STATUSES:
        with serving(lambda _, status=status: reply(status, Retry_After="1")) as server:  # type: ignore[misc]
            with pytest.raises(ServiceError):
                perform(get(server.url, repeat=Repeat.SAFE, patience=Patience(1, statuses=statuses)))
            if len(server.seen) == 2:
                repeated.add(status)
    assert repeated == ({429, 502, 503, 504} if statuses is None else statuses)


@pytest.mark.parametrize(
    "statuses", [None, frozenset(), frozenset({500, 502}), frozenset({503}), frozenset({429, 504})]
)
def test_to_name_a_status_does_not_make_it_harmless(perform: Performer, statuses: frozenset[int] | None) -> None:
    repeated = set()
    for status in STATUSES:
        with serving(lambda _, status=status: reply(status, Retry_After="1")) as server:  # type: ignore[misc]
            with pytest.raises(ServiceError):
                perform(post(server.url, patience=Patience(1, statuses=statuses)))
            if len(server.seen) == 2:
                repeated.add(status)
    assert repeated == {429, 503} & (statuses if statuses is not None else set(STATUSES))


def test_a_lost_connection_is_no_status(perform: Performer) -> None:
    with serving(lambda _: None) as server:
        with pytest.raises(Interrupted):
            perform(get(server.url, repeat=Repeat.SAFE, patience=Patience(2, statuses=frozenset())))
        assert len(server.seen) == 3
    with closed_door(opens_after=1) as (url, clock, _):
        perform.clock = clock
        assert perform(post(url, patience=Patience(2, statuses=frozenset()))) == b"made"


def test_a_429_that_a_gatekeeper_can_only_say_by_403_is_one(perform: Performer) -> None:
    for statuses, expected in ((None, 2), (frozenset({429}), 2), (frozenset({403}), 1)):
        with serving(lambda _: reply(403, X_Error_Status="429")) as server:
            with pytest.raises(RateLimited):
                perform(post(server.url, patience=Patience(1, statuses=statuses)))
            assert len(server.seen) == expected


def test_a_status_that_was_named_is_repeated_whatever_its_class(perform: Performer) -> None:
    answers = [reply(400), reply(422)]
    with serving(lambda _: answers.pop() if answers else reply(200, "ok")) as server:
        assert perform(get(server.url, repeat=Repeat.SAFE, patience=Patience(statuses=frozenset({400, 422})))) == b"ok"
        answers.append(reply(400))
        with pytest.raises(QueryError):
            perform(get(server.url, repeat=Repeat.NEVER, patience=Patience(statuses=frozenset({400}))))
