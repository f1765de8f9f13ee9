"""Idle connections are looked at rarely, and never too late."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from skykey.values.deadline import Deadline
from skykey.values.url import Url
from skykey.wire import quiet
from skykey.wire.pools import ProcessPools
from skykey.wire.request import Request

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Hasty(threading.Thread):
    """A server that closes each connection behind its answer, without a word about it."""

    def __init__(self, *, closes: bool) -> None:
        super().__init__(daemon=True)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = Url(f"http://127.0.0.1:{self._socket.getsockname()[1]}/")
        self._closes = closes
        self.connections = 0
        self.requests = 0

    def run(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as lines:
            while lines.readline():
                while lines.readline().strip():
                    pass
                lines.read(len(b"once"))
                self.requests += 1
                connection.sendall(ANSWER)
                if self._closes:
                    return

    def stop(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@pytest.fixture(params=[True, False], ids=["closes", "keeps"])
def server(request: pytest.FixtureRequest) -> Iterator[Hasty]:
    made = Hasty(closes=request.param)
    made.start()
    yield made
    made.stop()


def test_a_connection_that_was_closed_meanwhile_is_not_written_to(
    server: Hasty, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quiet, "_FRESH", 60.0)  # the look before the end counts on and on
    pools = ProcessPools()
    for _ in range(5):
        exchange = pools.send(Request("POST", server.url, body=b"once"), Deadline.after(5))
        while exchange.read() is not None:
            pass
        exchange.close()
        time.sleep(0.02)  # for the end to arrive
    assert (server.requests, server.connections) == (5, 5 if server._closes else 1)


def test_nor_by_an_asynchronous_program(server: Hasty, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quiet, "_FRESH", 60.0)

    async def asked() -> None:
        pools = ProcessPools()
        for _ in range(5):
            exchange = await pools.asend(Request("POST", server.url, body=b"once"), Deadline.after(5))
            while await exchange.read() is not None:
                pass
            await exchange.close()
            await asyncio.sleep(0.02)

    asyncio.run(asked())
    assert (server.requests, server.connections) == (5, 5 if server._closes else 1)


class Stream:
    """Counts how often the kernel is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.readable = False

    def get_extra_info(self, info: str) -> object:
        if info != "is_readable":
            return "something else"
        self.asked += 1
        return self.readable


def test_a_thousand_looks_cost_one() -> None:
    stream, looks = Stream(), quiet.Quiet()
    looks._until = 0.0
    began = time.monotonic()
    seen = {looks.extra_info(stream, "is_readable") for _ in range(1000)}  # type: ignore[arg-type]
    passed = time.monotonic() - began
    assert seen == {False}
    assert stream.asked <= 2 + passed / quiet._FRESH


def test_what_was_there_is_not_remembered() -> None:
    stream, looks = Stream(), quiet.Quiet()
    stream.readable = True
    assert looks.extra_info(stream, "is_readable") is True  # type: ignore[arg-type]
    stream.readable = False
    assert looks.extra_info(stream, "is_readable") is False  # type: ignore[arg-type]
    stream.readable = True
    looks.reads()
    assert looks.extra_info(stream, "is_readable") is True  # type: ignore[arg-type]
    assert looks.extra_info(stream, "socket") == "something else"  # type: ignore[arg-type]


def test_a_first_request_is_not_held_up_by_what_tls_says_behind_the_handshake() -> None:
    stream, looks = Stream(), quiet.Quiet()
    stream.readable = True  # a session ticket
    looks.writes(stream)  # type: ignore[arg-type]
    assert stream.asked == 0


def test_a_socket_that_has_ended_counts_as_one_that_has_something() -> None:
    """Else the pool would take a connection that the loop has closed."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert not quiet._is_readable(ours)
        theirs.send(b"x")
        assert quiet._is_readable(ours)
        ours.recv(1)
        theirs.close()
        assert quiet._is_readable(ours)
    assert quiet._is_readable(ours)
    assert quiet._is_readable(None)
