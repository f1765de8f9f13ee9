"""Shape test (f), wire side: what ends a blocked read, and how soon."""

import asyncio
import contextlib
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import httpcore2
import pytest

import skykey
from skykey.values.calloff import stop_flag
from skykey.values.errors import Interrupted, TimedOut
from skykey.wire.request import Timeouts
from tests.wire.askers import Asker, AsyncAsker, get
from tests.wire.server import Answer, Seen, Server, chunk, head, serving

Ceiling = Callable[[float], float]


@contextlib.contextmanager
def taking(limit: float) -> Iterator[None]:
    begin = time.monotonic()
    yield
    took = time.monotonic() - begin
    print(f"took {took:.2f} s, allowed {limit:.2f}")
    assert took <= limit


def silent_before_the_head(server: list[Server]) -> Callable[[Seen], Answer]:
    def answer(_: Seen) -> Answer:
        server[0].closing.wait(20)
        return None

    return answer


def silent_in_the_body(server: list[Server]) -> Callable[[Seen], Answer]:
    def answer(_: Seen) -> Answer:
        yield head(Content_Type="text/plain") + b"some"
        server[0].closing.wait(20)

    return answer


def dripping(server: list[Server]) -> Callable[[Seen], Answer]:
    def answer(_: Seen) -> Answer:
        yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        while not server[0].closing.wait(1):
            yield chunk(b".")

    return answer


@pytest.fixture
def limit(request: pytest.FixtureRequest) -> float:
    """Long enough for a drop or two, where it drips."""
    return 1.2 if "dripping" in request.node.name else 0.4


@pytest.fixture(params=[silent_before_the_head, silent_in_the_body, dripping])
def slow(request: pytest.FixtureRequest) -> Iterator[Server]:
    reference: list[Server] = []
    with serving(request.param(reference)) as server:
        reference.append(server)
        yield server


def test_a_slow_server_does_not_outlive_the_deadline(slow: Server, limit: float, ceiling: Ceiling) -> None:
    with taking(limit + ceiling(0.5)), skykey.within(limit), pytest.raises(TimedOut, match="time limit"):
        Asker().ask(get(slow.url))


def test_a_slow_server_does_not_outlive_the_deadline_async(slow: Server, limit: float, ceiling: Ceiling) -> None:
    async def main() -> None:
        with skykey.within(limit), pytest.raises(TimedOut, match="time limit"):
            await AsyncAsker().ask(get(slow.url))

    with taking(limit + ceiling(0.5)):
        asyncio.run(main())


def test_the_calls_own_total_is_a_deadline_too(slow: Server, ceiling: Ceiling) -> None:
    with taking(0.3 + ceiling(0.5)), pytest.raises(TimedOut):
        Asker().ask(get(slow.url, total=0.3))


def test_an_outer_deadline_is_not_widened_by_an_inner_one(slow: Server, ceiling: Ceiling) -> None:
    with taking(0.3 + ceiling(0.5)), skykey.within(0.3), skykey.within(60), pytest.raises(TimedOut):
        Asker().ask(get(slow.url, total=60))


def test_silence_is_noticed_without_any_deadline(ceiling: Ceiling) -> None:
    reference: list[Server] = []
    with serving(silent_in_the_body(reference)) as server:
        reference.append(server)
        call = get(server.url, timeouts=Timeouts(silence=0.4))
        with taking(0.4 + ceiling(0.5)), pytest.raises(TimedOut, match=r"silent for 0\.4 s"):
            Asker().ask(call)
        with taking(0.4 + ceiling(0.5)), pytest.raises(TimedOut, match=r"silent for 0\.4 s"):
            asyncio.run(AsyncAsker().ask(call))


def test_nobody_waits_for_ever_by_default() -> None:
    default = Timeouts()
    assert 0 < default.connect <= 30
    assert 0 < default.silence <= 120


def test_the_stop_flag_ends_a_blocked_read_of_another_thread(slow: Server, ceiling: Ceiling) -> None:
    stop, ended, begun = threading.Event(), [], threading.Event()

    def blocked() -> None:
        stop_flag.set(stop)
        begun.set()
        try:
            Asker().ask(get(slow.url))
        except Interrupted as problem:
            ended.append((time.monotonic(), problem))

    thread = threading.Thread(target=blocked)
    thread.start()
    begun.wait(5)
    time.sleep(0.3)
    called_off = time.monotonic()
    stop.set()
    thread.join(10)
    assert "called off" in str(ended[0][1])
    took = ended[0][0] - called_off
    print(f"the stop flag took {took:.2f} s")
    assert took <= ceiling(0.5)


PROGRAM = """
import asyncio, sys, threading, time
sys.path.insert(0, sys.argv[3])
from tests.wire.askers import Asker, AsyncAsker, get

def announced():
    print("asking", flush=True)

threading.Timer(0.4, announced).start()
try:
    if sys.argv[2] == "sync":
        Asker().ask(get(sys.argv[1]))
    else:
        asyncio.run(AsyncAsker().ask(get(sys.argv[1])))
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.parametrize("face", ["sync", "async"])
def test_ctrl_c_ends_a_blocked_read(face: str, ceiling: Ceiling, pytestconfig: pytest.Config) -> None:
    reference: list[Server] = []
    with serving(dripping(reference)) as server:
        reference.append(server)
        command = [sys.executable, "-c", PROGRAM, server.url, face, str(pytestconfig.rootpath)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            assert child.stderr is not None
            try:
                assert child.stdout.readline() == "asking\n"
                child.send_signal(signal.SIGINT)
                begin = time.monotonic()
                line = child.stdout.readline()
                took = time.monotonic() - begin
                child.wait(10)
                assert line == "interrupted\n", child.stderr.read()
            finally:
                child.kill()
        print(f"Ctrl-C, {face}: {took:.2f} s")
        assert took <= ceiling(0.5)


def test_an_interrupted_read_leaves_the_next_request_in_order(slow: Server) -> None:
    """An aborted exchange must not be found by the next request on its connection."""
    with skykey.within(0.3), pytest.raises(TimedOut):
        Asker().ask(get(slow.url))
    slow.answer = lambda _: b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext"
    assert Asker().ask(get(slow.url)) == b"next"


def test_a_cancelled_task_leaves_the_loop_s_connections_usable(slow: Server) -> None:
    async def main() -> None:
        client = AsyncAsker()
        for _ in range(40):  # more than the pool has places
            task = asyncio.create_task(client.ask(get(slow.url)))
            await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        slow.answer = lambda _: b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext"
        assert await client.ask(get(slow.url)) == b"next"

    asyncio.run(main())


def test_the_addresses_of_a_host_share_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host with several addresses, none of which answers, does not take several times as long."""
    real = socket.getaddrinfo

    def many(host: object, *more: Any, **named: Any) -> Any:
        if host != "many.invalid":
            return real(host, *more, **named)  # type: ignore[arg-type]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"127.0.0.{last}", 9)) for last in range(1, 5)]

    waits: list[float] = []

    def dead(self: object, host: str, port: int, timeout: float, *_: object) -> NoReturn:
        waits.append(timeout)
        threading.Event().wait(timeout)
        raise httpcore2.ConnectTimeout

    monkeypatch.setattr(socket, "getaddrinfo", many)
    monkeypatch.setattr(httpcore2.SyncBackend, "connect_tcp", dead)
    with taking(1.0), pytest.raises(TimedOut):
        Asker().ask(get("https://many.invalid/", total=0.4))
    assert len(waits) == 4
    assert sum(waits) < 0.45
