"""Shape test (g): connections belong to the process and to the loop, and none is left behind."""

import asyncio
import gc
import os
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from skykey.values.deadline import Deadline
from skykey.values.errors import Unreachable
from skykey.wire.pools import _CONNECTIONS, PROCESS_POOLS
from skykey.wire.request import Timeouts
from tests.wire.askers import Asker, AsyncAsker, Passing, get
from tests.wire.server import Answer, Authority, Seen, chunk, reply, serving


def sockets() -> int:
    found = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            found += os.readlink(f"/proc/self/fd/{name}").startswith("socket:")
        except OSError:
            continue
    return found


@pytest.fixture
def young() -> Iterator[None]:
    """Garbage is looked for in what the test makes only: after a thousand other tests there is much else."""
    gc.freeze()
    yield
    gc.unfreeze()


def test_the_same_client_works_in_two_loops_and_outside() -> None:
    with serving(lambda _: reply(200, "ok")) as server:
        client = AsyncAsker()
        assert [asyncio.run(client.ask(get(server.url))) for _ in range(2)] == [b"ok", b"ok"]
        assert Asker().ask(get(server.url)) == b"ok"


def test_a_hundred_loops_leave_no_socket_behind(authority: Authority) -> None:
    with (
        serving(lambda _: reply(200, "ok")) as plain,
        serving(lambda _: reply(200, "ok"), tls=authority.server("127.0.0.1")) as encrypted,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("SSL_CERT_FILE", str(authority.bundle))
        client = AsyncAsker()

        async def main(*urls: str) -> None:
            await asyncio.gather(*(client.ask(get(url)) for url in urls))

        asyncio.run(main(plain.url, encrypted.url))
        before = wait_for(lambda: plain.open_connections == encrypted.open_connections == 0) and sockets()
        for number in range(100):
            asyncio.run(main(plain.url, *([encrypted.url] if number % 10 == 0 else [])))
        assert wait_for(lambda: plain.open_connections == encrypted.open_connections == 0)
        gc.collect()
        print(f"sockets before {before}, after {sockets()}")
        assert sockets() <= before


def test_a_loop_that_ends_in_the_middle_of_an_answer_leaves_no_socket_behind() -> None:
    def endless(_: Seen) -> Answer:
        yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        while True:
            yield chunk(b"x" * 1000)

    with serving(endless) as server:
        before = sockets()

        async def main() -> None:
            rows = AsyncAsker().stream(get(server.url, reader=Passing, cap=None))
            await anext(rows)  # neither closed nor read to its end

        for _ in range(5):
            asyncio.run(main())
        gc.collect()
        assert wait_for(lambda: server.open_connections == 0)
        assert sockets() <= before


def test_connections_are_used_again() -> None:
    with serving(lambda _: reply(200, "ok")) as server:
        for _ in range(5):
            Asker().ask(get(server.url))

        async def main() -> None:
            for _ in range(5):
                await AsyncAsker().ask(get(server.url))

        asyncio.run(main())
        print(f"{server.connections} connections for {len(server.seen)} requests")
        assert server.connections == 2


def test_an_error_s_answer_gives_its_connection_back() -> None:
    with serving(lambda _: reply(404, "no")) as server:
        for _ in range(40):
            with pytest.raises(LookupError):
                Asker().ask(get(server.url))
        assert server.connections <= 40


def test_rows_that_were_read_to_the_end_give_their_connection_back() -> None:
    """Without `with`: the loop over the rows ends, and so must the exchange."""
    with serving(lambda _: reply(200, "ok")) as server:
        kept = []
        for _ in range(40):  # more than the pool has places
            rows = Asker().stream(get(server.url, reader=Passing))
            assert list(rows) == [b"ok"]
            kept.append(rows)
        assert server.connections == 1


@pytest.mark.usefixtures("young")
def test_rows_that_nobody_closed_do_not_use_up_the_pool() -> None:
    def endless(_: Seen) -> Answer:
        yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        while True:
            yield chunk(b"x" * 1000)

    with serving(endless) as server:
        for _ in range(40):
            next(Asker().stream(get(server.url, reader=Passing, cap=None)))
            gc.collect()
        assert wait_for(lambda: server.open_connections == 0)


def test_a_keep_alive_that_the_server_ended_is_not_an_error() -> None:
    with serving(lambda _: iter([reply(200, "ok")])) as server:  # an iterator: the connection ends after it
        for _ in range(5):
            assert Asker().ask(get(server.url)) == b"ok"
            assert wait_for(lambda: server.open_connections == 0)


def test_many_threads_share_the_process_s_pools() -> None:
    with serving(lambda _: reply(200, "ok")) as server, ThreadPoolExecutor(32) as threads:
        answers = list(threads.map(lambda _: Asker().ask(get(server.url)), range(300)))
        assert answers == [b"ok"] * 300
        assert server.connections <= 32


def forked() -> int:
    """Fork although there are threads, as programs do; Python 3.12 warns of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def test_pools_survive_a_fork() -> None:
    """A child that used its parent's sockets would read its parent's answers."""
    with serving(lambda seen: reply(200, seen.path)) as server:
        client = Asker()
        assert client.ask(get(f"{server.url}/warm")) == b"/warm"
        read, write = os.pipe()
        pid = forked()
        if pid == 0:  # the child
            try:
                answer = client.ask(get(f"{server.url}/child")) + client.ask(get(f"{server.url}/child2"))
            except BaseException as problem:  # noqa: BLE001 - it must not become a second pytest
                answer = repr(problem).encode()
            os.write(write, answer)
            os._exit(0)
        os.close(write)
        for number in range(20):
            assert client.ask(get(f"{server.url}/parent{number}")) == f"/parent{number}".encode()
        with os.fdopen(read, "rb") as pipe:
            assert pipe.read() == b"/child/child2"
        os.waitpid(pid, 0)
        assert server.connections == 2


def test_a_fork_while_another_thread_holds_the_pools_lock_does_not_hang_the_child() -> None:
    from skykey.wire.pools import PROCESS_POOLS

    with serving(lambda seen: reply(200, seen.path)) as server:
        read, write = os.pipe()
        with PROCESS_POOLS._lock:
            pid = forked()
            if pid == 0:  # the child
                timer = threading.Timer(5, os._exit, (1,))
                timer.daemon = True
                timer.start()
                os.write(write, Asker().ask(get(f"{server.url}/child")))
                os._exit(0)
        os.close(write)
        with os.fdopen(read, "rb") as pipe:
            assert pipe.read() == b"/child"
        os.waitpid(pid, 0)


def test_a_dead_server_is_named() -> None:
    with serving(lambda _: None) as server:
        url = server.url
    with pytest.raises(Unreachable, match=url):
        Asker().ask(get(url))
    with pytest.raises(Unreachable, match=url):
        asyncio.run(AsyncAsker().ask(get(url)))


def wait_for(what: Callable[[], bool], seconds: float = 5.0) -> bool:
    waited = threading.Event()
    for _ in range(int(seconds / 0.02)):
        if what():
            return True
        waited.wait(0.02)
    return bool(what())


def test_what_follows_a_semicolon_in_a_path_is_sent() -> None:
    with serving(lambda _: reply(200, "ok")) as server:
        for target in ("/a;v=1/b;session=2?x;y", "//a/b;c", "/"):
            assert Asker().ask(get(f"{server.url}{target}")) == asyncio.run(AsyncAsker().ask(get(server.url + target)))
            assert [seen.target for seen in server.seen[-2:]] == [target] * 2


def test_more_calls_than_places_wait_for_their_turn() -> None:
    """However long the others take: a call's own time alone ends its waiting."""

    def slow(_: Seen) -> Answer:
        threading.Event().wait(0.4)
        return reply(200, "ok")

    timeouts = Timeouts(connect=0.3)
    with serving(slow) as server:
        call = get(server.url, timeouts=timeouts, total=30.0)

        async def main() -> list[bytes]:
            return await asyncio.gather(*(AsyncAsker().ask(call) for _ in range(70)))

        assert asyncio.run(main()) == [b"ok"] * 70
        with ThreadPoolExecutor(70) as threads:
            assert list(threads.map(lambda _: Asker().ask(call), range(70))) == [b"ok"] * 70


def endless(_: Seen) -> Answer:
    yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    while True:
        yield chunk(b"x" * 1000)


def test_a_service_whose_answers_take_all_places_keeps_no_other_one_out() -> None:
    """The 33rd connection may be the login that the first 32 wait for."""
    with serving(endless) as busy, serving(lambda _: reply(200, "ok")) as other:
        request, deadline = get(busy.url).request, Deadline.after(20.0)
        exchanges = [PROCESS_POOLS.send(request, deadline) for _ in range(_CONNECTIONS)]
        try:
            assert Asker().ask(get(other.url, total=5.0)) == b"ok"
        finally:
            for exchange in exchanges:
                exchange.close()


def test_abandoned_rows_leave_the_books_of_the_pool() -> None:
    """The library would remember their requests, headers included, for as long as the process lives."""
    with serving(endless) as server, serving(lambda _: reply(200, "ok")) as other:
        for _ in range(5):
            next(Asker().stream(get(server.url, reader=Passing, cap=None)))
        gc.collect()
        assert Asker().ask(get(other.url)) == b"ok"
        assert all(not pool._requests for pool in PROCESS_POOLS._blocking.values())


def test_abandoned_asynchronous_rows_are_closed_without_a_word() -> None:
    async def main(url: str) -> list[Any]:
        words: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: words.append(context))
        for _ in range(5):
            await anext(AsyncAsker().stream(get(url, reader=Passing, cap=None)))
        gc.collect()
        for _ in range(50):
            await asyncio.sleep(0.01)
        pools = PROCESS_POOLS._loops[asyncio.get_running_loop()]._pools.values()
        assert all(not pool._requests and not pool.connections for pool in pools)
        gc.collect()
        return words

    with serving(endless) as server:
        assert asyncio.run(main(server.url)) == []


def test_an_error_that_the_user_was_handling_keeps_its_traceback() -> None:
    with serving(lambda _: reply(200)) as gone:
        url = gone.url
    users: Exception | None = None
    try:
        int("the user's")
    except ValueError as problem:
        users = problem
        with pytest.raises(Unreachable):
            Asker().ask(get(url))
        with pytest.raises(Unreachable):
            asyncio.run(AsyncAsker().ask(get(url)))
    assert users.__traceback__ is not None
