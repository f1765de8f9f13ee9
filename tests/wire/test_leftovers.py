"""Bytes behind an answer: they are nobody's, and above all not the next one's."""

import asyncio
import ssl
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from httpcore2._backends.sync import TLSinTLSStream as SyncTls

from skykey.values.deadline import Deadline
from skykey.values.errors import SkykeyError
from skykey.wire.leftovers import _unread, retire
from skykey.wire.pools import PROCESS_POOLS
from skykey.wire.quiet import Quiet
from skykey.wire.slices import SlicedStream
from tests.wire.askers import Asker, AsyncAsker, Passing, get
from tests.wire.server import Answer, Authority, Seen, Server, World, reply, serving
from tests.wire.test_pools import wait_for

FOREIGN = reply(200, "foreign")
MINE = reply(200, "mine")
BEHIND = {
    "another answer": (MINE + FOREIGN, b"mine"),
    "a byte": (MINE + b"x", b"mine"),
    "a line": (MINE + b"\r\n", b"mine"),
    "behind nothing": (reply(200) + FOREIGN, b""),
    "behind a 204": (reply(204) + FOREIGN, b""),
    "Content-Length too small": (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmine and too much", b"mine"),
    "behind chunks": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nmine\r\n0\r\n\r\n" + FOREIGN,
        b"mine",
    ),
}


def in_turn_sync(*steps: Any) -> list[Any]:
    """Ask one call after the other; functions in between are only called."""

    def one(call: Any) -> Any:
        try:
            return Asker().ask(call)
        except SkykeyError as problem:
            return problem.code

    return [step() if callable(step) else one(step) for step in steps]


def in_turn_async(*steps: Any) -> list[Any]:
    async def one(call: Any) -> Any:
        try:
            return await AsyncAsker().ask(call)
        except SkykeyError as problem:
            return problem.code

    async def main() -> list[Any]:
        return [step() if callable(step) else await one(step) for step in steps]

    return asyncio.run(main())


@pytest.fixture(params=[in_turn_sync, in_turn_async], ids=["sync", "async"])
def in_turn(request: pytest.FixtureRequest) -> Callable[..., list[Any]]:
    made: Callable[..., list[Any]] = request.param
    return made


@pytest.fixture(params=["plain", "encrypted"])
def tls(request: pytest.FixtureRequest, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext | None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.bundle))
    return authority.server("127.0.0.1") if request.param == "encrypted" else None


def spoilt(first: Answer) -> Callable[[Seen], Answer]:
    """Answers `/first` so, and everything else with its own method and path."""
    return lambda seen: first if seen.path.endswith("/first") else reply(200, f"{seen.method} {seen.path}")


@pytest.mark.parametrize("behind", BEHIND)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_stands_behind_an_answer_is_not_the_next_one_s(
    in_turn: Callable[..., list[Any]], tls: ssl.SSLContext | None, behind: str, method: str
) -> None:
    first, expected = BEHIND[behind]
    with serving(spoilt(first), tls=tls) as server:
        calls = [get(f"{server.url}{path}", method=method) for path in ("/first", "/second", "/third")]
        assert in_turn(*calls) == [expected, f"{method} /second".encode(), f"{method} /third".encode()]
        assert (server.connections, len(server.seen)) == (2, 3)


def test_a_refusal_with_something_behind_it_is_not_followed_by_that(in_turn: Callable[..., list[Any]]) -> None:
    with serving(spoilt(reply(404, "no") + FOREIGN)) as server:
        found = in_turn(get(f"{server.url}/first"), get(f"{server.url}/second"))
        assert found == ["not-found", b"GET /second"]


def test_what_comes_while_a_connection_is_idle_is_not_the_next_answer(
    in_turn: Callable[..., list[Any]], tls: ssl.SSLContext | None
) -> None:
    class Late(Server):
        """Goes on talking on the first connection when it is told to."""

        def _answered(self, seen: Seen) -> Answer:
            if seen.path != "/first":
                return super()._answered(seen)

            def pieces() -> Iterator[bytes]:
                yield MINE
                speak.wait(10)
                yield FOREIGN
                spoken.set()
                done.wait(10)

            return pieces()

    speak, spoken, done = threading.Event(), threading.Event(), threading.Event()

    def meanwhile() -> bool:
        speak.set()
        return spoken.wait(10)

    with Late(spoilt(b""), tls=tls) as server:
        try:
            found = in_turn(get(f"{server.url}/first"), meanwhile, get(f"{server.url}/second"))
        finally:
            done.set()
        assert found == [b"mine", True, b"GET /second"]
        assert server.connections == 2


def test_connections_without_leftovers_are_used_again(
    in_turn: Callable[..., list[Any]], tls: ssl.SSLContext | None
) -> None:
    """What the handshake left to be read must not count, or every encrypted request would shake hands."""
    with serving(lambda seen: reply(200, seen.path * 30_000), tls=tls) as server:
        found = in_turn(*(get(f"{server.url}/{number}") for number in range(5)))
        assert [len(each) for each in found] == [60_000] * 5
        assert server.connections == 1


@pytest.mark.parametrize("behind", [len(FOREIGN), 40_000])
def test_a_leftover_that_lies_below_http_is_found(
    in_turn: Callable[..., list[Any]], tls: ssl.SSLContext | None, behind: int
) -> None:
    """Answers that end where a read of the socket or a record of TLS does."""
    extra = FOREIGN.ljust(behind, b"x")
    begin = b"HTTP/1.1 200 OK\r\nContent-Length: 65000\r\nX-Fill: "
    whole = begin + b"f" * (2**16 - 65_000 - len(begin) - 4) + b"\r\n\r\n" + b"m" * 65_000
    assert len(whole) == 2**16
    with serving(spoilt(whole + extra), tls=tls) as server:
        for _ in range(3):
            calls = get(f"{server.url}/first", cap=None), get(f"{server.url}/second"), get(f"{server.url}/third")
            assert in_turn(*calls)[1:] == [b"GET /second", b"GET /third"]


def test_a_leftover_is_seen_in_each_layer(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the next release of a library keeps its bytes elsewhere, this says so."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.bundle))

    async def main(url: str) -> None:
        for spoil in (
            lambda layer: layer._read_bio.write(b"x"),
            lambda layer: layer.transport_stream._protocol.read_queue.append(b"x"),
        ):
            exchange = await PROCESS_POOLS.asend(get(url).request, Deadline.after(5.0))
            stream = exchange._answer.extensions["network_stream"]
            assert not any(_unread(stream))
            spoil(stream._inner._stream)
            assert any(_unread(stream))
            await exchange.close()

    with serving(spoilt(b""), tls=authority.server("127.0.0.1")) as server:
        asyncio.run(main(server.url))
    encrypted_twice: Any = SlicedStream.__new__(SlicedStream)
    encrypted_twice._inner, encrypted_twice._quiet = SyncTls.__new__(SyncTls), Quiet()
    encrypted_twice._inner._incoming = ssl.MemoryBIO()
    monkeypatch.setattr(SyncTls, "get_extra_info", lambda *_: False)
    assert not any(_unread(encrypted_twice))
    encrypted_twice._inner._incoming.write(b"x")
    assert any(_unread(encrypted_twice))


def test_what_comes_behind_an_answer_until_it_is_closed_is_seen_then() -> None:
    """The pool's own look may be over by then: it goes by what was in use when it began."""

    def pieces(_: Seen) -> Iterator[bytes]:
        yield MINE
        read.wait(5)
        yield FOREIGN
        closed.wait(5)

    read, closed = threading.Event(), threading.Event()
    with serving(pieces) as server:
        exchange = PROCESS_POOLS.send(get(server.url).request, Deadline.after(5.0))
        while exchange.read() is not None:
            pass
        read.set()
        answer: Any = exchange._answer
        assert wait_for(lambda: bool(answer.extensions["network_stream"].get_extra_info("is_readable")))
        retire(answer)
        assert answer.stream._stream._connection._h11_state.our_state.__name__ == "ERROR"
        exchange.close()
        closed.set()


def test_it_is_the_same_through_a_proxy(world: World, in_turn: Callable[..., list[Any]]) -> None:
    world.answer = spoilt(MINE + FOREIGN)
    calls = [get(f"https://a.example/{path}") for path in ("first", "second", "third")]
    assert in_turn(*calls) == [b"mine", b"GET /second", b"GET /third"]
    assert len(world.connects) == 2
    plain = [get(f"http://a.example/{path}") for path in ("first", "second", "third")]
    assert in_turn(*plain) == [b"mine", b"GET http://a.example/second", b"GET http://a.example/third"]


def test_rows_that_nobody_closed_leave_no_such_connection() -> None:
    with serving(spoilt(MINE + FOREIGN)) as server:
        rows = Asker().stream(get(f"{server.url}/first", reader=Passing))
        assert next(rows) == b"mine"
        del rows
        assert Asker().ask(get(f"{server.url}/second")) == b"GET /second"
        exchange = PROCESS_POOLS.send(get(f"{server.url}/first").request, Deadline.after(5.0))
        while exchange.read() is not None:
            pass
        del exchange
        assert Asker().ask(get(f"{server.url}/second")) == b"GET /second"


def test_an_answer_that_is_closed_twice_does_not_end_somebody_else_s() -> None:
    go = threading.Event()

    def slowly(seen: Seen) -> Answer:
        if seen.path == "/first":
            return MINE

        def pieces() -> Iterator[bytes]:
            yield b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsome"
            go.wait(5)
            yield b"more"

        return pieces()

    with serving(slowly) as server:
        first = PROCESS_POOLS.send(get(f"{server.url}/first").request, Deadline.after(5.0))
        while first.read() is not None:
            pass
        first.close()
        second = PROCESS_POOLS.send(get(f"{server.url}/second").request, Deadline.after(5.0))
        assert second.read() == b"some"
        go.set()
        stream: Any = second._answer.extensions["network_stream"]
        assert wait_for(lambda: bool(stream.get_extra_info("is_readable")))
        first.close()
        assert second.read() == b"more"
        assert second._answer.stream._stream._connection._h11_state.our_state.__name__ == "DONE"  # type: ignore[union-attr]
        second.close()
        assert server.connections == 1


def test_a_connection_with_leftovers_is_closed_at_once() -> None:
    """It is not kept for somebody to find it later."""
    with serving(spoilt(MINE + FOREIGN)) as server:
        assert Asker().ask(get(f"{server.url}/first")) == b"mine"
        assert wait_for(lambda: server.open_connections == 0)
        pools = [pool for key, pool in PROCESS_POOLS._blocking.items() if str(key.origin) == server.url]
        assert [pool.connections for pool in pools] == [[]]
