"""What is sent twice, and when."""

import asyncio
from collections.abc import Callable, Iterator
from email.utils import formatdate
from typing import Any

import pytest

import skykey
from skykey.calls.call import Redirects, Repeat
from skykey.values.errors import Interrupted, Overloaded, QueryError, RateLimited, SkykeyError
from skykey.values.url import Url
from skykey.wire.request import Head
from skykey.wire.times import retry_after
from tests.wire.askers import Asker, AsyncAsker, Body, FastClock, Passing, bearer, get, renewable
from tests.wire.server import Answer, Seen, World, reply, serving

CLOCK = 1_700_000_000.0
NOW = formatdate(CLOCK, usegmt=True)


class Performer:
    def __init__(self, face: str) -> None:
        self.face = face
        self.clock = FastClock()

    def __call__(self, call: Any) -> Any:
        client = Asker() if self.face == "sync" else AsyncAsker()
        client._clock = self.clock
        return client.ask(call) if self.face == "sync" else asyncio.run(client.ask(call))  # type: ignore[arg-type]


@pytest.fixture(params=["sync", "async"])
def perform(request: pytest.FixtureRequest) -> Performer:
    return Performer(request.param)


def failing(times: int, answer: Answer) -> Callable[[Seen], Answer]:
    left = [times]

    def handler(_: Seen) -> Answer:
        left[0] -= 1
        return answer if left[0] >= 0 else reply(200, "ok")

    return handler


FAULTS: dict[str, Callable[[], Answer]] = {
    "429": lambda: reply(429),
    "502": lambda: reply(502),
    "503": lambda: reply(503),
    "504": lambda: reply(504),
    "closed": lambda: None,
    "cut": lambda: (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx",),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_safe_call_outlives_a_passing_fault(perform: Performer, fault: str) -> None:
    with serving(failing(2, FAULTS[fault]())) as server:
        assert perform(get(server.url, repeat=Repeat.SAFE)) == b"ok"
        assert len(server.seen) == 3
    assert len(perform.clock.waits) == 2
    assert perform.clock.waits[0] < perform.clock.waits[1] <= 1


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_call_that_is_not_safe_is_sent_once(perform: Performer, fault: str, method: str) -> None:
    """A POST that got a 502 may have been done."""
    with serving(failing(9, FAULTS[fault]())) as server:
        with pytest.raises(SkykeyError):
            perform(get(server.url, method=method))
        assert len(server.seen) == 1
    assert perform.clock.waits == []


def led(answers: list[Answer], made: str = "/made") -> Callable[[Seen], Answer]:
    """A POST is done and leads to another place, which answers so, one time after the other."""
    return lambda seen: reply(303, Location=made) if seen.method == "POST" else answers.pop(0)


@pytest.mark.parametrize("fault", FAULTS)
def test_what_a_post_has_led_to_is_asked_again_and_the_post_is_not(perform: Performer, fault: str) -> None:
    """It was done; a lost look at what it made is no reason to lose that."""
    with serving(led([FAULTS[fault](), FAULTS[fault](), reply(200, "ok")])) as server:
        assert perform(get(f"{server.url}/make", method="POST", body=b"x")) == b"ok"
        assert [(seen.method, seen.path) for seen in server.seen] == [("POST", "/make")] + [("GET", "/made")] * 3
        assert [seen.body for seen in server.seen] == [b"x", b"", b"", b""]
    assert len(perform.clock.waits) == 2


def test_what_a_post_has_led_to_is_not_asked_for_ever(perform: Performer) -> None:
    with serving(led([reply(503)] * 9)) as server:
        with pytest.raises(Overloaded):
            perform(get(server.url, method="POST"))
        assert [seen.method for seen in server.seen] == ["POST"] + ["GET"] * 4
    with serving(led([reply(500)] * 9)) as server:
        with pytest.raises(SkykeyError):
            perform(get(server.url, method="POST"))
        assert [seen.method for seen in server.seen] == ["POST", "GET"]


def test_what_a_post_has_led_to_is_asked_with_a_new_token_and_the_post_is_not_sent_again(perform: Performer) -> None:
    with serving(led([reply(401), reply(503), reply(200, "ok")])) as server:
        keeper, provider = renewable(server.url)
        assert perform(get(server.url, method="POST", auth=(keeper,))) == b"ok"
        assert [(seen.method, seen.headers["authorization"]) for seen in server.seen] == [
            ("POST", "Bearer token-1"),
            ("GET", "Bearer token-1"),
            ("GET", "Bearer token-2"),
            ("GET", "Bearer token-2"),
        ]
        assert provider.made == 2


def test_a_post_that_may_be_repeated_is_begun_anew(perform: Performer) -> None:
    """The place that it led to may be good for once only."""
    with serving(led([reply(503), reply(200, "ok")])) as server:
        assert perform(get(server.url, method="POST", repeat=Repeat.SAFE)) == b"ok"
        assert [seen.method for seen in server.seen] == ["POST", "GET"] * 2


def test_a_redirect_that_did_nothing_yet_makes_no_post_repeatable(perform: Performer) -> None:
    with serving(lambda seen: reply(307, Location="/b") if seen.path == "/a" else reply(503)) as server:
        with pytest.raises(Overloaded):
            perform(get(f"{server.url}/a", method="POST"))
        assert [seen.path for seen in server.seen] == ["/a", "/b"]
    with serving(lambda seen: reply(303, Location="/b") if seen.path == "/a" else reply(503)) as server:
        with pytest.raises(Overloaded):
            perform(get(f"{server.url}/a"))
        assert [seen.path for seen in server.seen] == ["/a", "/b"]


def test_a_credential_that_was_left_behind_stays_so_when_a_request_is_repeated(
    perform: Performer, world: World
) -> None:
    world.answer = led([reply(503), reply(200, "ok")], "https://b.example/made")
    keeper = bearer("https://a.example")
    call = get("https://a.example/", method="POST", body=b"x", auth=(keeper,), redirects=Redirects.DROP)
    assert perform(call) == b"ok"
    assert ["authorization" in seen.headers for seen in world.seen] == [True, False, False]
    assert all(seen.body == b"" for seen in world.elsewhere("https://a.example"))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422, 500, 501])
def test_a_refusal_is_not_repeated(perform: Performer, status: int) -> None:
    with serving(failing(9, reply(status))) as server:
        with pytest.raises(SkykeyError):
            perform(get(server.url, repeat=Repeat.SAFE))
        assert len(server.seen) == 1


def test_repeats_end(perform: Performer) -> None:
    with serving(failing(99, reply(503))) as server:
        with pytest.raises(Overloaded):
            perform(get(server.url, repeat=Repeat.SAFE))
        print(f"{len(server.seen)} requests, waits {perform.clock.waits}")
        assert len(server.seen) == 4


def test_waits_are_spread_by_chance() -> None:
    """Clients that met the same outage must not come back together."""
    waits = set()
    with serving(lambda _: reply(503)) as server:
        for _ in range(10):
            perform = Performer("sync")
            with pytest.raises(Overloaded):
                perform(get(server.url, repeat=Repeat.SAFE))
            waits.add(round(perform.clock.waits[0], 6))
    assert len(waits) > 5


@pytest.mark.parametrize(
    ("header", "waits"),
    [
        ("1", [1.0]),
        ("0", [0.0]),
        ("60", [60.0]),
        (formatdate(CLOCK + 7, usegmt=True), [7.0]),
        (formatdate(CLOCK - 3600, usegmt=True), [0.0]),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_honoured(perform: Performer, header: str, waits: list[float], status: int) -> None:
    with serving(failing(1, reply(status, Retry_After=header, Date=NOW))) as server:
        assert perform(get(server.url, repeat=Repeat.SAFE)) == b"ok"
    assert perform.clock.waits == waits


@pytest.mark.parametrize(
    "header", ["soon", "-5", "1.5", "\u0661", "1, 2", "Fri, 99 Nov 2026", "NaN", "Infinity", "0x10", ""]
)
def test_an_unreadable_retry_after_is_ignored(perform: Performer, header: str) -> None:
    answer = reply(503, Date=NOW).replace(b"Date:", b"Retry-After: " + header.encode() + b"\r\nDate:")
    with serving(failing(1, answer)) as server:
        assert perform(get(server.url, repeat=Repeat.SAFE)) == b"ok"
    assert len(perform.clock.waits) == 1
    assert perform.clock.waits[0] <= 0.5


@pytest.mark.parametrize("header", ["61", "9999999999", "9" * 400, formatdate(CLOCK + 86_400, usegmt=True)])
def test_nobody_waits_longer_than_a_minute(perform: Performer, header: str) -> None:
    """The error comes at once and says for how long the service wanted us to wait."""
    with serving(failing(9, reply(429, Retry_After=header, Date=NOW))) as server:
        with pytest.raises(RateLimited) as caught:
            perform(get(server.url, repeat=Repeat.SAFE))
        assert len(server.seen) == 1
    assert caught.value.retry_after is not None
    assert caught.value.retry_after > 60
    assert perform.clock.waits == []


def test_a_date_is_read_against_the_servers_clock_and_not_ours() -> None:
    head = {"retry-after": formatdate(CLOCK + 5, usegmt=True), "date": NOW}
    assert retry_after(Head(503, head, Url("https://a.example"))) == 5.0


def test_no_wait_goes_beyond_the_deadline(perform: Performer) -> None:
    with serving(failing(9, reply(503, Retry_After="30"))) as server:
        with skykey.within(5), pytest.raises(Overloaded):
            perform(get(server.url, repeat=Repeat.SAFE))
        assert len(server.seen) == 1
        with pytest.raises(Overloaded):
            perform(get(server.url, repeat=Repeat.SAFE, total=5))
    assert perform.clock.waits == []


def test_each_repeat_reads_with_a_fresh_reader(perform: Performer) -> None:
    """The bytes of a cut answer must not stand in front of the whole one's."""
    with serving(failing(1, (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nrest of a cut answer",))) as server:
        assert perform(get(server.url, repeat=Repeat.SAFE)) == b"ok"


@pytest.mark.parametrize("face", ["sync", "async"])
def test_a_stream_whose_batches_are_out_is_not_begun_again(face: str) -> None:
    """Repeating it would give the first batches twice."""

    def cut(_: Seen) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nfirst"

    async def read(call: Any) -> None:
        rows = AsyncAsker().stream(call)
        batches.extend([batch async for batch in rows])

    batches: list[Any] = []
    with serving(cut) as server:
        call = get(server.url, reader=Passing, repeat=Repeat.SAFE)
        with pytest.raises(Interrupted):
            batches.extend(Asker().stream(call)) if face == "sync" else asyncio.run(read(call))
        assert len(server.seen) == 1


def test_a_statement_that_the_server_killed_is_not_sent_again(perform: Performer) -> None:
    class Killed(Body):
        def finish(self) -> bytes:
            raise QueryError("killed")

    with serving(lambda _: reply(200, "x")) as server:
        with pytest.raises(QueryError):
            perform(get(server.url, reader=Killed, repeat=Repeat.SAFE))
        assert len(server.seen) == 1


@pytest.mark.parametrize(("status", "sent"), [(504, 1), (503, 4), (502, 4), (429, 4)])
def test_what_costs_much_is_not_sent_again_while_the_service_may_still_be_at_it(
    perform: Performer, status: int, sent: int
) -> None:
    with serving(lambda _: reply(status)) as server:
        with pytest.raises((Overloaded, RateLimited)):
            perform(get(server.url, repeat=Repeat.COSTLY))
        assert len(server.seen) == sent


def test_what_costs_much_and_was_cut_is_sent_once_more(perform: Performer) -> None:
    with serving(lambda _: FAULTS["cut"]()) as server:
        with pytest.raises(Interrupted):
            perform(get(server.url, repeat=Repeat.COSTLY))
        assert len(server.seen) == 2
