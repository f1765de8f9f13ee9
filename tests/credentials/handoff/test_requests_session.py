"""A session for other libraries: the credential of that moment, to its reach and nowhere else."""

import copy
import io
import pickle
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from skykey.credentials.credential import Bearer
from skykey.credentials.handoff.requests_session import KeptSession
from skykey.credentials.keeper import Keeper
from skykey.credentials.provider import Keeping
from skykey.values.errors import Unavailable
from skykey.values.reach import Reach
from skykey.values.secret import Secret
from skykey.values.url import Url
from tests.calls.test_secrets import shown
from tests.wire.askers import ApiKey, Fixed
from tests.wire.fixtures import authority, world
from tests.wire.server import Seen, World, reply, serving

__all__ = ["authority", "world"]

SITE = "https://site.example"
OTHER = "https://other.example"


def keeper(url: str = SITE, make: Any = None) -> Keeper[Any]:
    reach = Reach.named(Url(url), said_by="a test")
    return Keeper(Fixed(make or (lambda n: Bearer(Secret(f"token-{n}"), reach)), Keeping.IN_PROCESS))


@pytest.fixture
def site(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    for name, value in world.variables().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(world.authority.bundle))
    with world:
        yield world


def test_the_credential_goes_along_and_does_not_stay() -> None:
    with serving(lambda _: reply(200, "ok")) as server, KeptSession(keeper(server.url)) as session:
        answer = session.post(f"{server.url}/x", data={"a": "1"}, headers={"Accept": "text/plain"})
        (seen,) = server.seen
    assert seen.headers["authorization"] == "Bearer token-1"
    assert (seen.headers["accept"], seen.body) == ("text/plain", b"a=1")
    assert answer.text == "ok"
    assert "token-1" not in repr(vars(answer.request)) + repr(vars(session)) + repr(session.headers)


def test_another_origin_gets_nothing(site: World) -> None:
    with KeptSession(keeper()) as session:
        for url in (OTHER, "https://site.example:8443", "https://sub.site.example", "http://site.example"):
            session.get(url)
    assert len(site.seen) == 4
    assert not any("authorization" in seen.headers for seen in site.seen)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "target", [OTHER, "https://site.example:8443/", "http://site.example/", "https://site.example.evil.test/"]
)
def test_redirects_elsewhere_go_without(site: World, status: int, target: str) -> None:
    site.answer = lambda seen: reply(status, Location=target) if seen.origin == SITE else reply(200)
    with KeptSession(keeper()) as session:
        session.get(f"{SITE}/x")
    assert site.seen[0].headers["authorization"] == "Bearer token-1"
    assert len(site.seen) == 2
    assert "authorization" not in site.seen[1].headers


def test_a_redirect_within_keeps_it_and_the_way_back_gets_it_again(site: World) -> None:
    ways = {f"{SITE}/a": f"{SITE}/b", f"{SITE}/b": f"{OTHER}/c", f"{OTHER}/c": f"{SITE}/d"}

    def answer(seen: Seen) -> bytes:
        where = ways.get(f"{seen.origin}{seen.path}")
        return reply(302, Location=where) if where else reply(200)

    site.answer = answer
    with KeptSession(keeper()) as session:
        session.get(f"{SITE}/a")
    assert ["authorization" in seen.headers for seen in site.seen] == [True, True, False, True]


def test_a_rejected_token_is_replaced_and_the_request_repeated_once() -> None:
    def answer(seen: Seen) -> bytes:
        return reply(401, WWW_Authenticate='Bearer error="invalid_token"') if "token-1" in seen.text else reply(200)

    with serving(answer) as server, KeptSession(keeper(server.url)) as session:
        assert session.post(server.url, data="body").status_code == 200
        assert [seen.headers["authorization"] for seen in server.seen] == ["Bearer token-1", "Bearer token-2"]
        assert [seen.body for seen in server.seen] == [b"body", b"body"]
        session.get(server.url)
        assert len(server.seen) == 3  # the new one stays


def test_401_for_ever_is_asked_twice_at_most() -> None:
    with serving(lambda _: reply(401)) as server, KeptSession(keeper(server.url)) as session:
        assert session.get(server.url).status_code == 401
        assert len(server.seen) == 2


def test_401_behind_a_redirect_is_repeated_where_it_was_said() -> None:
    def answer(seen: Seen) -> bytes:
        if seen.path == "/a":
            return reply(302, Location="/b")
        return reply(401) if "token-1" in seen.text else reply(200)

    with serving(answer) as server, KeptSession(keeper(server.url)) as session:
        assert session.get(f"{server.url}/a").status_code == 200
        assert [seen.path for seen in server.seen] == ["/a", "/b", "/b"]


def test_401_for_ever_behind_a_redirect_is_not_asked_from_the_beginning() -> None:
    def answer(seen: Seen) -> bytes:
        return reply(302, Location="/b") if seen.path == "/a" else reply(401)

    with serving(answer) as server, KeptSession(keeper(server.url)) as session:
        assert session.get(f"{server.url}/a").status_code == 401
        assert [seen.path for seen in server.seen] == ["/a", "/b", "/b"]


def test_401_from_elsewhere_says_nothing_about_the_token(site: World) -> None:
    site.answer = lambda _: reply(401)
    kept = keeper()
    with KeptSession(kept) as session:
        session.get(OTHER)
    assert len(site.seen) == 1
    assert kept.get().credential.token.reveal() == "token-1"


def test_a_stream_that_was_sent_is_wound_back_or_not_repeated() -> None:
    def parts() -> Iterator[bytes]:
        yield b"abc"

    with serving(lambda seen: reply(401) if "token-1" in seen.text else reply(200)) as server:
        with KeptSession(keeper(server.url)) as session:
            assert session.post(server.url, data=io.BytesIO(b"abc")).status_code == 200
            assert [seen.body for seen in server.seen] == [b"abc", b"abc"]
        with KeptSession(keeper(server.url)) as session:
            assert session.post(server.url, data=parts()).status_code == 401
            assert len(server.seen) == 3


def test_a_netrc_of_the_user_is_not_asked(site: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password netrc-secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    site.answer = lambda seen: reply(302, Location=OTHER) if seen.path == "/go" else reply(200)
    with KeptSession(keeper()) as session:
        for url in (SITE, OTHER, f"{SITE}/go"):
            session.get(url)
    given = [seen.headers.get("authorization") for seen in site.seen]
    assert given == ["Bearer token-1", None, "Bearer token-1", None]


def test_a_header_of_its_own_does_not_travel_either(site: World) -> None:
    reach = Reach.named(Url(SITE), said_by="a test")
    site.answer = lambda seen: reply(302, Location=OTHER) if seen.origin == SITE else reply(200)
    with KeptSession(keeper(make=lambda _: ApiKey(Secret("key-1"), reach))) as session:
        session.get(SITE)
    assert ["key-1" in seen.text for seen in site.seen] == [True, False]


def test_no_credential_is_an_error_before_any_request() -> None:
    def none(_: int) -> Any:
        raise Unavailable("there is none")

    with serving(lambda _: reply(200)) as server, KeptSession(keeper(server.url, none)) as session:
        with pytest.raises(Exception, match="there is none"):
            session.get(server.url)
        assert server.seen == []


@pytest.mark.parametrize("duplicate", [pickle.dumps, copy.deepcopy])
def test_a_session_is_not_copied(duplicate: Any) -> None:
    with pytest.raises(TypeError, match="not copied"):
        duplicate(KeptSession(keeper()))


def test_a_connection_that_fails_leaves_no_token_in_the_request() -> None:
    with (
        serving(lambda _: None) as server,
        KeptSession(keeper(server.url)) as session,
        pytest.raises(requests.ConnectionError) as caught,
    ):
        session.get(server.url)
    assert caught.value.request is not None
    assert "Authorization" not in caught.value.request.headers


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port


def around(seen: Seen) -> bytes:
    return reply(302, Location=seen.path + "x")


def to_nobody(seen: Seen) -> bytes:
    return reply(302, Location=f"http://127.0.0.1:{closed_port()}/")


def cut(_: Seen) -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nabc"


def silent(_: Seen) -> Iterator[bytes]:
    time.sleep(1)
    yield b""


def said_of(problem: BaseException) -> str:
    """All that is shown of an error, with its request and whatever its parts refer to."""
    assert problem.__traceback__ is not None
    problem = problem.with_traceback(problem.__traceback__.tb_next)  # the test's own frame is not meant
    links, seen = [problem, getattr(problem, "request", None)], set[int]()
    texts = [shown(problem)]
    while links:
        link = links.pop()
        if link is None or id(link) in seen:
            continue
        seen.add(id(link))
        texts.append(repr(link))
        if type(link).__module__.partition(".")[0] in {"requests", "urllib3", "http", "collections", "builtins"}:
            links += [*getattr(link, "args", ()), *getattr(link, "__dict__", {}).values()]
            links += [getattr(link, "__cause__", None), getattr(link, "__context__", None)]
    return "\n".join(texts)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (lambda _: None, requests.ConnectionError),
        (lambda _: b"nonsense\r\n\r\n", requests.ConnectionError),
        (silent, requests.ReadTimeout),
        (cut, requests.exceptions.ChunkedEncodingError),
        (around, requests.TooManyRedirects),
        (to_nobody, requests.ConnectionError),
        (lambda _: reply(302, Location="ftp://x.example/"), requests.exceptions.InvalidSchema),
        (lambda _: reply(302, Location="http://[/"), ValueError),
    ],
)
@pytest.mark.parametrize("body", [None, b"body"])
def test_a_question_that_fails_shows_no_token(
    answer: Callable[[Seen], Any], kind: type[Exception], body: bytes | None
) -> None:
    with serving(answer) as server, KeptSession(keeper(server.url)) as session, pytest.raises(kind) as caught:
        session.post(f"{server.url}/x", data=body, timeout=0.3)
    assert type(caught.value) is kind
    assert "oken-1" not in said_of(caught.value)


def test_a_body_in_parts_that_fails_shows_no_token() -> None:
    def parts() -> Iterator[bytes]:
        yield b"abc"
        raise OSError("the file is gone")

    gone = pytest.raises(requests.ConnectionError, match="the file is gone")
    with serving(lambda _: reply(200)) as server, KeptSession(keeper(server.url)) as session, gone as caught:
        session.post(server.url, data=parts())
    assert "oken-1" not in said_of(caught.value)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_connection_that_is_not_made_shows_no_token(scheme: str) -> None:
    url = f"{scheme}://127.0.0.1:{closed_port()}"
    with KeptSession(keeper(url)) as session, pytest.raises(requests.ConnectionError) as caught:
        session.get(url)
    assert "oken-1" not in said_of(caught.value)


def test_a_host_that_is_not_the_one_asked_for_is_shown_no_token(site: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    with KeptSession(keeper()) as session, pytest.raises(requests.exceptions.SSLError) as caught:
        session.get(SITE)
    assert "oken-1" not in said_of(caught.value)
    assert site.seen == []


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_away_shows_no_token(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port()}")
    url = f"{scheme}://site.test"
    with KeptSession(keeper("https://site.test")) as session, pytest.raises(requests.exceptions.ProxyError) as caught:
        session.get(url)
    assert "oken-1" not in said_of(caught.value)


def test_ctrl_c_shows_no_token() -> None:
    presser = threading.Timer(0.3, lambda: signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT))
    with serving(silent) as server, KeptSession(keeper(server.url)) as session:
        presser.start()
        with pytest.raises(KeyboardInterrupt) as caught:
            session.get(server.url)
    assert "oken-1" not in said_of(caught.value)


def test_whoever_asks_while_handling_another_error_keeps_its_frames() -> None:
    with serving(lambda _: None) as server, KeptSession(keeper(server.url)) as session:
        first = ValueError("first")

        def asks_while_handling() -> None:
            try:
                raise first
            except ValueError:
                session.get(server.url)

        with pytest.raises(requests.ConnectionError) as caught:
            asks_while_handling()
    assert first.__traceback__ is not None
    assert [frame.name for frame in caught.traceback][-2:] == ["send", "_sent"]
