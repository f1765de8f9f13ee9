"""Shape test (h): requests through the user's own client object."""

import asyncio
import gzip
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import httpx2
import pytest

import skykey
from skykey.calls.call import Repeat
from skykey.repertoire import DiscoveryClient
from skykey.values.errors import Interrupted, Redirected, TimedOut, Unreachable, Unreadable, UsageError
from skykey.wire.guest import GuestClient
from skykey.wire.request import Timeouts, TlsIdentity
from tests.wire.askers import Asker, AsyncAsker, FastClock, bearer, get
from tests.wire.server import Seen, as_json, chunk, reply, serving

Ceiling = Callable[[float], float]


@pytest.fixture(params=[httpx, httpx2], ids=["httpx", "httpx2"])
def library(request: pytest.FixtureRequest) -> Any:
    return request.param


def through(client: Any) -> AsyncAsker:
    asker = AsyncAsker()
    asker._carrier = GuestClient(client)
    return asker


def run(library: Any, call: Any, **options: Any) -> Any:
    async def main() -> Any:
        async with library.AsyncClient(**options) as client:
            return await through(client).ask(call)

    return asyncio.run(main())


def test_discovery_through_the_user_s_client(library: Any) -> None:
    def answer(seen: Seen) -> bytes:
        return as_json('{"applications": ["tap"]}', Set_Cookie="session=1")

    with serving(answer) as server:

        async def main() -> None:
            hooked: list[str] = []

            async def note(request: Any) -> None:
                hooked.append(str(request.url))

            async with library.AsyncClient(event_hooks={"request": [note]}, headers={"X-Users-Own": "yes"}) as client:
                discovery = DiscoveryClient(client, base_url=f"{server.url}/repertoire")
                async with discovery:
                    assert (await discovery.discovery()).applications == ("tap",)
                await discovery.aclose()
                assert not client.is_closed
                assert (await client.get(server.url)).status_code == 200
                assert hooked[0] == f"{server.url}/repertoire/discovery"

        asyncio.run(main())
        assert server.seen[0].headers["x-users-own"] == "yes"
        assert "authorization" not in server.seen[0].headers


def test_its_auth_object_and_its_redirects_are_not_used(library: Any) -> None:
    with serving(lambda _: reply(200, "stolen")) as foreign:

        def answer(seen: Seen) -> bytes:
            return reply(302, Location=foreign.url) if seen.path == "/away" else reply(200, "ok")

        with serving(answer) as server:
            options = {"auth": ("someone", "else"), "follow_redirects": True}
            assert run(library, get(server.url, auth=(bearer(server.url, token="ours"),)), **options) == b"ok"
            assert server.seen[0].headers["authorization"] == "Bearer ours"
            assert run(library, get(server.url), **options) == b"ok"
            assert "authorization" not in server.seen[1].headers
            with pytest.raises(Redirected):
                run(library, get(f"{server.url}/away"), **options)
        assert foreign.seen == []


def test_a_client_that_is_used_twice_is_never_closed(library: Any) -> None:
    with serving(lambda _: reply(200, "ok")) as server:

        async def main() -> None:
            async with library.AsyncClient() as client:
                for _ in range(3):
                    assert await through(client).ask(get(server.url)) == b"ok"
                assert server.connections == 1

        asyncio.run(main())


def test_its_errors_become_ours(library: Any) -> None:
    def cut(_: Seen) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"

    with serving(cut) as server:
        url = server.url
        with pytest.raises(Interrupted, match=url):
            run(library, get(url))
    with pytest.raises(Unreachable, match=url):
        run(library, get(url))


def test_silence_and_deadlines_hold(library: Any, ceiling: Ceiling) -> None:
    import time

    def dripping(_: Seen) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        while not server.closing.wait(0.3):
            yield chunk(b".")

    def silent(_: Seen) -> Iterator[bytes]:
        server.closing.wait(20)
        yield b""

    with serving(dripping) as server:
        begin = time.monotonic()
        with skykey.within(0.7), pytest.raises(TimedOut):
            run(library, get(server.url))
        assert time.monotonic() - begin <= 0.7 + ceiling(0.5)
        server.answer = silent
        for call in (get(server.url, total=0.3), get(server.url, timeouts=Timeouts(silence=0.3))):
            begin = time.monotonic()
            with pytest.raises(TimedOut):
                run(library, call)
            assert time.monotonic() - begin <= 0.3 + ceiling(0.5)


def test_an_answer_beyond_the_cap_is_refused_once(library: Any) -> None:
    """As an interruption it would be asked for again, three times."""
    bomb = gzip.compress(b"\0" * (8 * 2**20))

    with serving(lambda _: reply(200, bomb, Content_Encoding="gzip")) as server:

        async def main() -> None:
            async with library.AsyncClient() as client:
                asker = through(client)
                asker._clock = FastClock()
                with pytest.raises(Unreadable, match="larger than"):
                    await asker.ask(get(server.url, cap=2**20, repeat=Repeat.SAFE))

        asyncio.run(main())
        assert len(server.seen) == 1


def test_a_compressed_answer_is_decoded(library: Any) -> None:
    with serving(lambda _: reply(200, gzip.compress(b"text"), Content_Encoding="gzip")) as server:
        assert run(library, get(server.url, headers=(("Accept-Encoding", "gzip"),))) == b"text"
        assert server.seen[0].headers["accept-encoding"] == "gzip"


def test_a_certificate_cannot_pass_through_it(library: Any, tmp_path: Any) -> None:
    with pytest.raises(UsageError, match="certificate"):
        run(library, get("https://a.example", tls=TlsIdentity(tmp_path / "a", tmp_path / "b")))


def test_blocking_methods_say_that_the_client_is_asynchronous(library: Any) -> None:
    async def main() -> None:
        async with library.AsyncClient() as client:
            asker = Asker()
            asker._carrier = GuestClient(client)
            with pytest.raises(UsageError, match="asynchronous"):
                asker.ask(get("https://a.example"))

    asyncio.run(main())
