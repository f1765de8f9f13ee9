"""What goes out, byte by byte."""

import asyncio

import pytest

from skykey.values.errors import UsageError
from skykey.values.secret import Secret
from skykey.values.url import Url
from skykey.wire.request import Request, opened_headers
from tests.wire.askers import Asker, AsyncAsker, bearer, get
from tests.wire.server import reply, serving


def test_our_own_headers_and_no_others() -> None:
    """No cookie jar, no netrc, no compression that nobody can read."""
    with serving(lambda _: reply(200, "ok", Set_Cookie="session=1; Path=/")) as server:
        for _ in range(2):
            Asker().ask(get(f"{server.url}/a"))
            asyncio.run(AsyncAsker().ask(get(f"{server.url}/a")))
        for seen in server.seen:
            assert set(seen.headers) == {"host", "accept", "accept-encoding", "user-agent"}
            assert seen.headers["accept-encoding"] == "identity"
            assert seen.headers["user-agent"].startswith("skykey/")


def test_netrc_is_never_read(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    from pathlib import Path

    assert isinstance(tmp_path, Path)
    netrc = tmp_path / "netrc"
    netrc.write_text("default login me password netrc-canary\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with serving(lambda _: reply(200, "ok")) as server:
        Asker().ask(get(server.url))
        Asker().ask(get(server.url, auth=(bearer(server.url, token="t"),)))
        assert [seen.headers.get("authorization") for seen in server.seen] == [None, "Bearer t"]


def test_a_body_goes_out_whole_with_its_length() -> None:
    body = bytes(range(256)) * 1000
    with serving(lambda seen: reply(200, seen.body)) as server:
        call = get(server.url, method="POST", body=body)
        assert Asker().ask(call) == asyncio.run(AsyncAsker().ask(call)) == body


def test_an_empty_post_has_a_length() -> None:
    """Without one, proxies answer 411."""
    with serving(lambda _: reply(200)) as server:
        Asker().ask(get(server.url, method="POST"))
        assert server.seen[0].headers["content-length"] == "0"


@pytest.mark.parametrize("value", ["a\nb", "a\r\nX-Injected: 1", "a\x00b", "ä", "", " a", "a\x7f"])
@pytest.mark.parametrize("wrap", [str, Secret])
def test_a_header_value_that_is_not_one_line_is_refused_unsent(value: str, wrap: type) -> None:
    with serving(lambda _: reply(200)) as server:
        with pytest.raises(UsageError, match="X-Test") as caught:
            Asker().ask(get(server.url, headers=(("X-Test", wrap(value)),)))
        assert repr(value) not in str(caught.value)
        assert server.seen == []


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a\nb", "ä"])
def test_a_header_name_that_is_no_token_is_refused_unsent(name: str) -> None:
    with serving(lambda _: reply(200)) as server:
        with pytest.raises(UsageError):
            Asker().ask(get(server.url, headers=((name, "value"),)))
        assert server.seen == []


def test_a_refused_header_shows_no_secret_in_the_traceback() -> None:
    import traceback

    request = Request("GET", Url("https://a.example"), (("A", Secret("canary-1")), ("B", Secret("canary-2\n"))))
    with pytest.raises(UsageError) as caught:
        opened_headers(request, "agent")
    shown = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert "canary" not in shown


def test_the_same_header_twice_is_refused() -> None:
    """Which of two Authorization headers counts differs between servers."""
    with serving(lambda _: reply(200)) as server:
        with pytest.raises(UsageError, match="authorization"):
            Asker().ask(get(server.url, auth=(bearer(server.url), bearer(server.url, token="two"))))
        assert server.seen == []


def test_an_ipv6_host_is_asked_by_its_own_name() -> None:
    with serving(lambda seen: reply(200, seen.headers["host"]), host="::1") as server:
        assert Asker().ask(get(server.url)) == f"[::1]:{server.port}".encode()
