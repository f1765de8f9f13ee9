"""No secret in any error text, log record or traceback that shows local variables."""

import asyncio
import io
import json
import logging
import os
import signal
import socket
import struct
import threading
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import httpx2
import pytest
from rich.console import Console
from rich.traceback import Traceback

import skykey
from skykey.credentials.credential import Basic
from skykey.credentials.keeper import Keeper
from skykey.credentials.provider import Keeping
from skykey.repertoire import DiscoveryClient, RepertoireError, SyncDiscoveryClient
from skykey.rubin.consdb_query import ConsDbFastAPI, ConsDbTap
from skykey.rubin.influx_query import InfluxQueryClient
from skykey.rubin.logging_query import NightReportClient
from skykey.values.errors import SkykeyError
from skykey.values.reach import Reach
from skykey.values.secret import Secret
from skykey.values.url import Url
from skykey.wire.guest import GuestClient
from skykey.wire.request import Timeouts
from tests.wire.askers import Asker, AsyncAsker, Fixed, api_key, bearer, get
from tests.wire.server import Answer, Seen, as_json, chunk, reply, serving

CANARY = "canary-7f3a9c"
LONG = CANARY * 60
PAIR = "dXNlcjpjYW5hcnktN2YzYTlj"  # user:canary-7f3a9c


def basic(url: str) -> Keeper:
    reach = Reach.named(Url(url), said_by="a test")
    return Keeper(Fixed(lambda _: Basic("user", Secret(CANARY), reach), Keeping.NOT_AT_ALL))


def silent(seen: Seen) -> Answer:
    yield b""
    SERVERS[-1].closing.wait(20)


def stalled_body(seen: Seen) -> Answer:
    yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(b"x")
    SERVERS[-1].closing.wait(20)


SERVERS: list[Any] = []
FAULTS: dict[str, Callable[[Seen], Answer]] = {
    "401": lambda _: reply(401, "no", WWW_Authenticate='Bearer error="invalid_token"'),
    "403": lambda _: reply(403, "no"),
    "500": lambda _: reply(500, "no"),
    "closed": lambda _: None,
    "cut": lambda _: iter([b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx"]),
    "garbage": lambda _: iter([b"garbage\r\n\r\n"]),
    "redirect": lambda _: reply(302, Location="https://foreign.example/"),
    "silent": silent,
    "stalled": stalled_body,
    "encoding": lambda _: reply(200, "x", Content_Encoding="br"),
}


def ask_sync(call: Any) -> None:
    Asker().ask(call)


def ask_async(call: Any) -> None:
    asyncio.run(AsyncAsker().ask(call))


def ask_through(library: Any) -> Callable[[Any], None]:
    def run(call: Any) -> None:
        async def main() -> None:
            async with library.AsyncClient() as client:
                asker = AsyncAsker()
                asker._carrier = GuestClient(client)
                await asker.ask(call)

        asyncio.run(main())

    return run


FACES = {"sync": ask_sync, "async": ask_async, "httpx": ask_through(httpx), "httpx2": ask_through(httpx2)}


@pytest.fixture
def everything_logged() -> Iterator[io.StringIO]:
    """All loggers at DEBUG."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    names = [None, *logging.root.manager.loggerDict, "httpcore2.http11", "httpcore.http11", "h11", "asyncio"]
    before = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.DEBUG)
    logging.getLogger().addHandler(handler)
    yield written
    logging.getLogger().removeHandler(handler)
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


def shown(problem: BaseException, *, in_colour: bool = True) -> str:
    """Every way in which people look at an error, hidden contexts included."""
    texts = []
    links: list[BaseException | None] = [problem]
    seen: set[int] = set()
    while links:
        link = links.pop()
        if link is None or id(link) in seen:
            continue
        seen.add(id(link))
        links += [link.__cause__, link.__context__]
        texts += [str(link), repr(link), repr(link.args), repr(getattr(link, "__notes__", "")), repr(vars(link))]
        whole = traceback.TracebackException.from_exception(link, capture_locals=True)
        texts += whole.format()
        texts += opened_locals(link)
    if not in_colour:
        return "\n".join(texts)
    console = Console(file=io.StringIO(), width=300)
    console.print(Traceback.from_exception(type(problem), problem, problem.__traceback__, show_locals=True))
    assert isinstance(console.file, io.StringIO)
    return "\n".join([*texts, console.file.getvalue()])


def opened_locals(problem: BaseException) -> Iterator[str]:
    """The attributes of local variables, which some debuggers and error reporters show; not those of the tests."""
    for frame, _ in traceback.walk_tb(problem.__traceback__):
        if f"{os.sep}tests{os.sep}" not in frame.f_code.co_filename:
            for value in frame.f_locals.values():
                yield repr(getattr(value, "__dict__", ""))


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("fault", FAULTS)
def test_no_secret_in_errors_tracebacks_and_logs(face: str, fault: str, everything_logged: io.StringIO) -> None:
    with serving(FAULTS[fault]) as server:
        SERVERS.append(server)
        for keepers in (
            (bearer(server.url, token=CANARY), api_key(server.url, key=f"{CANARY}-key")),
            (basic(server.url),),
        ):
            call = get(
                server.url,
                auth=keepers,
                timeouts=Timeouts(silence=5),
                total=0.2 if fault in {"silent", "stalled"} else 5,
            )
            with pytest.raises(SkykeyError) as caught:
                FACES[face](call)
            # Rendering takes half a second; one credential in one face shows as much as all of them.
            text = shown(caught.value, in_colour=face == "sync" and len(keepers) > 1) + everything_logged.getvalue()
            assert CANARY not in text
            assert PAIR not in text
        assert CANARY in server.seen[0].text  # it was really there to be shown
        assert PAIR in server.seen[-1].text


@pytest.mark.parametrize("face", ["sync", "async"])
def test_no_secret_when_the_connection_breaks_while_it_is_written(face: str) -> None:
    """The HTTP library's frames hold the bytes that were about to go out."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"

    def reset() -> None:
        connection, _ = listener.accept()
        connection.recv(10)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    with listener:
        thread = threading.Thread(target=reset)
        thread.start()
        call = get(url, method="POST", body=b"x" * 30_000_000, auth=(bearer(url, token=CANARY),))
        with pytest.raises(SkykeyError) as caught:
            FACES[face](call)
        thread.join()
    assert CANARY not in shown(caught.value)


def test_no_secret_in_what_ctrl_c_shows() -> None:
    """KeyboardInterrupt comes out of the library's own frames, with all their variables."""
    with serving(silent) as server:
        SERVERS.append(server)
        threading.Timer(0.3, lambda: signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt) as caught:
            Asker().ask(get(server.url, auth=(bearer(server.url, token=CANARY),)))
    whole = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert CANARY not in "".join(line for line in whole.format() if f"{os.sep}tests{os.sep}" not in line)


def test_no_query_in_error_texts() -> None:
    """A query may hold a signature, and a statement that says more than its author meant to."""
    for status in (302, 401, 403, 404, 429, 500, 503):
        with serving(lambda _, status=status: reply(status, "", Location="https://x.example/?s=canary")) as server:  # type: ignore[misc]
            with pytest.raises(SkykeyError) as caught:
                Asker().ask(get(f"{server.url}/a?signature=canary"))
            assert "canary" not in str(caught.value)


def test_a_deadline_s_error_shows_no_secret_either() -> None:
    with serving(silent) as server:
        SERVERS.append(server)
        with skykey.within(0.2), pytest.raises(SkykeyError) as caught:
            Asker().ask(get(server.url, auth=(bearer(server.url, token=CANARY),)))
    assert CANARY not in shown(caught.value)


PROXY_PAIR = "bWU6cHJveHktY2FuYXJ5"  # me:proxy-canary


@pytest.mark.parametrize("face", ["sync", "async"])
@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_the_password_of_the_proxy_is_in_no_traceback(face: str, scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent_proxy:  # takes connections and never answers
        port = silent_proxy.getsockname()[1]
        for name in ("HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, f"{scheme}://me:proxy-canary@127.0.0.1:{port}")
        with pytest.raises(SkykeyError) as caught:
            FACES[face](get("https://made-up.example/", total=0.3))
    text = shown(caught.value, in_colour=False)
    assert "proxy-canary" not in text
    assert PROXY_PAIR not in text


def test_no_password_of_the_proxy_when_a_task_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        task = asyncio.ensure_future(AsyncAsker().ask(get("https://made-up.example/")))
        await asyncio.sleep(0.3)
        task.cancel()
        await task

    with socket.create_server(("127.0.0.1", 0)) as silent_proxy:
        for name in ("HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, f"http://me:proxy-canary@127.0.0.1:{silent_proxy.getsockname()[1]}")
        with pytest.raises(asyncio.CancelledError) as caught:
            asyncio.run(main())
    assert PROXY_PAIR not in shown(caught.value, in_colour=False)


@pytest.mark.parametrize("face", ["sync", "async"])
@pytest.mark.parametrize("end", ['"}', '"', '", "database": 7}'], ids=["incomplete", "no JSON", "wrong type"])
def test_no_token_argument_and_no_password_of_a_login_is_in_a_traceback(face: str, end: str) -> None:
    login = f'{{"url": "https://i/", "password": "{CANARY}{end}'

    def answer(seen: Seen) -> Answer:
        if not seen.path.endswith("/discovery"):
            return as_json(login)
        entry = {"url": "https://i/", "database": "d", "schema_registry": "https://r/"}
        entry["credentials_url"] = f"{server.url}/repertoire/x"
        return as_json(json.dumps({"influxdb_databases": {"x": entry}}))

    with serving(answer) as server:
        ways: list[Callable[[], Any]]
        if face == "sync":
            client = SyncDiscoveryClient(base_url=f"{server.url}/repertoire")
            ways = [
                lambda: client.influxdb_credentials("x", f"gt-{CANARY}"),
                lambda: client.get_influxdb_connection_info("x", token=f"gt-{CANARY}"),
                lambda: client.list_influxdb_credentials(f"gt-{CANARY}"),
            ]
        else:
            other = DiscoveryClient(base_url=f"{server.url}/repertoire")
            ways = [
                lambda: asyncio.run(other.influxdb_credentials("x", f"gt-{CANARY}")),
                lambda: asyncio.run(other.get_influxdb_connection_info("x", token=f"gt-{CANARY}")),
            ]
        for way in ways:
            with pytest.raises(RepertoireError) as caught:
                way()
            assert_shows_nothing(caught.value)


@pytest.mark.parametrize(
    "make",
    [
        lambda auth: InfluxQueryClient("no-such-site", auth=auth),
        lambda auth: ConsDbFastAPI("ftp://x", auth),
        lambda auth: ConsDbTap("ftp://x", auth[1]),
        lambda auth: NightReportClient("ftp://x", auth),
    ],
    ids=["influx", "consdb", "consdb_tap", "log"],
)
def test_a_constructor_that_fails_shows_no_token(make: Callable[[tuple[str, str]], Any]) -> None:
    with pytest.raises(SkykeyError) as caught:
        make(("user", f"gt-{CANARY}"))
    assert_shows_nothing(caught.value)


def assert_shows_nothing(problem: BaseException) -> None:
    """Of our own frames: what stands in the test's is the user's."""
    links: list[BaseException | None] = [problem]
    seen: set[int] = set()
    while links:
        link = links.pop()
        if link is None or id(link) in seen:
            continue
        seen.add(id(link))
        links += [link.__cause__, link.__context__]
        assert CANARY not in f"{link} {link!r} {link.args} {vars(link)}"
        for frame, _ in traceback.walk_tb(link.__traceback__):
            if f"{os.sep}tests{os.sep}" not in frame.f_code.co_filename:
                assert CANARY not in repr(frame.f_locals), frame.f_code.co_name


def test_a_long_token_in_a_challenge_is_taken_out_before_the_words_are_cut() -> None:
    def answer(seen: Seen) -> bytes:
        said = seen.headers["authorization"].removeprefix("Bearer ")
        return reply(401, "no", WWW_Authenticate=f'Bearer error="invalid_token", error_description="bad {said} end"')

    with serving(answer) as server, pytest.raises(SkykeyError) as caught:
        Asker().ask(get(server.url, auth=(bearer(server.url, token=LONG),)))
    assert CANARY not in shown(caught.value)
    assert caught.value.words == "bad <secret> end"
