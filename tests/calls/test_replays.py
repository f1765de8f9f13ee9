"""One replay after 401, and what errors say."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from skykey.calls.call import Repeat
from skykey.calls.json_reader import JsonReader
from skykey.credentials.credential import Bearer
from skykey.credentials.held import Held
from skykey.credentials.keeper import Keeper
from skykey.credentials.provider import Ask, Keeping
from skykey.values.errors import (
    Failed,
    Forbidden,
    NotAuthenticated,
    NotFound,
    Overloaded,
    QueryError,
    RateLimited,
    ServiceError,
    Unreadable,
)
from skykey.values.reach import Reach
from skykey.values.secret import Secret
from skykey.values.url import Url
from tests.wire.askers import Asker, AsyncAsker, Body, FastClock, api_key, bearer, get, renewable
from tests.wire.server import Seen, as_json, reply, serving

Perform = Callable[[Any], Any]


@pytest.fixture(params=["sync", "async"])
def perform(request: pytest.FixtureRequest) -> Perform:
    def run(call: Any) -> Any:
        if request.param == "sync":
            client = Asker()
            client._clock = FastClock()
            return client.ask(call)
        other = AsyncAsker()
        other._clock = FastClock()
        return asyncio.run(other.ask(call))

    return run


def test_a_renewed_credential_is_tried_once(perform: Perform) -> None:
    def answer(seen: Seen) -> bytes:
        return reply(200, "ok") if seen.headers["authorization"] == "Bearer token-2" else reply(401)

    with serving(answer) as server:
        keeper, provider = renewable(server.url)
        assert perform(get(server.url, auth=(keeper,))) == b"ok"
        assert perform(get(server.url, auth=(keeper,))) == b"ok"
        assert provider.made == 2
        assert len(server.seen) == 3


@pytest.mark.parametrize("repeat", list(Repeat))
def test_a_401_for_ever_costs_two_requests(perform: Perform, repeat: Repeat) -> None:
    with serving(lambda _: reply(401)) as server:
        keeper, provider = renewable(server.url)
        with pytest.raises(NotAuthenticated):
            perform(get(server.url, auth=(keeper,), repeat=repeat))
        print(f"{len(server.seen)} requests, {provider.made} credentials")
        assert len(server.seen) == 2


def test_a_local_token_that_did_not_change_is_not_tried_again(perform: Perform) -> None:
    with serving(lambda _: reply(401)) as server:
        with pytest.raises(NotAuthenticated):
            perform(get(server.url, auth=(bearer(server.url),), repeat=Repeat.SAFE))
        assert len(server.seen) == 1


def test_without_a_credential_there_is_nothing_to_renew(perform: Perform) -> None:
    with serving(lambda _: reply(401)) as server:
        with pytest.raises(NotAuthenticated, match="asks for a credential"):
            perform(get(server.url))
        assert len(server.seen) == 1


def test_of_two_credentials_either_may_be_the_refused_one(perform: Perform) -> None:
    def answer(seen: Seen) -> bytes:
        return reply(200, "ok") if seen.headers["authorization"] == "Bearer token-2" else reply(401)

    with serving(answer) as server:
        keeper, _ = renewable(server.url)
        assert perform(get(server.url, auth=(api_key(server.url), keeper))) == b"ok"


class Exhausted:
    """A provider that can renew nothing."""

    name = "a test"
    keeping = Keeping.IN_PROCESS

    def __init__(self, url: str) -> None:
        self.reach = Reach.named(Url(url), said_by="a test")
        self.asked = 0

    def obtain(self, held: Held | None, ask: Ask, /) -> Held:
        self.asked += 1
        if held is not None:
            raise Failed("the refresh token was revoked")
        return Held(Bearer(Secret("first"), self.reach), self.name)

    def changed(self, held: Held, /) -> bool:
        return False


def test_a_failed_renewal_is_raised_with_the_401s_words(perform: Perform) -> None:
    challenge = 'Bearer realm="x", error="invalid_token", error_description="Token has expired"'
    with serving(lambda _: reply(401, "", WWW_Authenticate=challenge)) as server:
        provider = Exhausted(server.url)
        with pytest.raises(Failed, match="the refresh token was revoked") as caught:
            perform(get(server.url, auth=(Keeper(provider),)))
        assert "does not accept the credential (401)" in "".join(caught.value.__notes__)
        assert "Token has expired" in "".join(caught.value.__notes__)
        assert len(server.seen) == 1


def test_a_post_is_replayed_after_401_with_its_whole_body(perform: Perform) -> None:
    def answer(seen: Seen) -> bytes:
        return reply(200, seen.body) if seen.headers["authorization"] == "Bearer token-2" else reply(401)

    with serving(answer) as server:
        keeper, _ = renewable(server.url)
        assert perform(get(server.url, method="POST", body=b"data" * 1000, auth=(keeper,))) == b"data" * 1000


def test_a_503_after_the_replay_does_not_allow_a_second_one(perform: Perform) -> None:
    answers = [reply(401), reply(503), reply(401), reply(200, "too late")]
    with serving(lambda _: answers.pop(0)) as server:
        keeper, _ = renewable(server.url)
        with pytest.raises(NotAuthenticated):
            perform(get(server.url, auth=(keeper,), repeat=Repeat.SAFE))
        assert len(server.seen) == 3


def json(url: str, **more: Any) -> Any:
    return get(url, reader=lambda: JsonReader(lambda document: document), **more)


def test_403_names_the_missing_scopes_and_is_not_renewed(perform: Perform) -> None:
    challenge = (
        'Bearer realm="x", error="insufficient_scope", error_description="Token missing", scope="read:a write:b"'
    )
    with serving(lambda _: reply(403, "<html>", Content_Type="text/html", WWW_Authenticate=challenge)) as server:
        keeper, provider = renewable(server.url)
        with pytest.raises(Forbidden, match="lacks the scope read:a write:b") as caught:
            perform(json(server.url, auth=(keeper,), remedy="skykey why rubin"))
        assert caught.value.scopes == ("read:a", "write:b")
        assert caught.value.words == "Token missing"
        assert caught.value.next == "skykey why rubin"
        assert isinstance(caught.value, PermissionError)
        assert provider.made == 1
        assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, QueryError),
        (401, NotAuthenticated),
        (403, Forbidden),
        (404, NotFound),
        (410, NotFound),
        (418, ServiceError),
        (422, QueryError),
        (429, RateLimited),
        (500, ServiceError),
        (502, Overloaded),
        (503, Overloaded),
        (504, Overloaded),
        (599, ServiceError),
    ],
)
def test_each_status_has_its_error(perform: Perform, status: int, kind: type[ServiceError]) -> None:
    with serving(lambda _: as_json('{"message": "in its own words"}', status)) as server:
        with pytest.raises(kind, match=str(status)) as caught:
            perform(json(f"{server.url}/path?q=1"))
        assert type(caught.value) is kind
        assert (caught.value.status, caught.value.url) == (status, f"{server.url}/path")
        assert caught.value.words == "in its own words"


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        ('{"detail": [{"msg": "one", "type": "a"}]}', "application/json", "one"),
        ('{"detail": [{"msg": "one"}, {"msg": "two"}, {"msg": "one"}]}', "application/json", "one; two"),
        ('{"detail": {"msg": "one", "type": "a"}}', "application/json", "one"),
        ('{"detail": "one"}', "application/json", "one"),
        ('{"message": "one"}', "application/json", "one"),
        ('{"error": "one"}', "application/json", "one"),
        ("one", "text/plain", "one"),
        ("<html>a page</html>", "text/html", None),
        ("", "application/json", None),
        ("[" * 100_000, "application/json", "[" * 499 + "…"),
        ('{"detail": {"unknown": 1}}', "application/json", None),
        ("\x1b[31mred\x07 \n two", "text/plain", "[31mred two"),
        ("ä" * 600, "text/plain", "ä" * 499 + "…"),
        ("null", "application/json", None),
    ],
)
def test_the_servers_own_words_are_found(perform: Perform, body: str, kind: str, words: str | None) -> None:
    with serving(lambda _: reply(422, body, Content_Type=kind)) as server:
        with pytest.raises(QueryError) as caught:
            perform(json(server.url))
        assert caught.value.words == words
        assert ("The server said" in str(caught.value)) == (words is not None)


def test_an_explanation_that_never_ends_is_cut_off(perform: Perform) -> None:
    def flood(_: Seen) -> Any:
        yield b"HTTP/1.1 400 X\r\n\r\n"
        while True:
            yield b"word " * 1000

    with serving(flood) as server, pytest.raises(QueryError) as caught:
        perform(get(server.url, reader=Body))
    assert len(caught.value.words or "") <= 64 * 1024


def test_an_explanation_that_was_cut_does_not_hide_the_status(perform: Perform) -> None:
    with serving(lambda _: iter([b"HTTP/1.1 403 X\r\nContent-Length: 100\r\n\r\nhalf of"])) as server:
        with pytest.raises(Forbidden) as caught:
            perform(get(server.url, reader=Body))
        assert caught.value.words == "half of"


@pytest.mark.parametrize(
    ("answer", "match"),
    [
        (reply(200, "<html>log in</html>", Content_Type="text/html; charset=utf-8"), "a web page"),
        (reply(200, "<html>log in</html>", Content_Type="application/xhtml+xml"), "a web page"),
        (reply(204), "not JSON"),
        (reply(200, "", Content_Type="application/json"), "not JSON"),
        (reply(200, "plain text", Content_Type="application/json"), "not JSON"),
        (reply(200, "[" * 200_000, Content_Type="application/json"), "not JSON"),
        (reply(200, b"\xff\xfe\xfd", Content_Type="application/json"), "not JSON"),
        (reply(200, '{"a": 1', Content_Type="application/json"), "not JSON"),
    ],
    ids=["page", "xhtml", "204", "empty", "text", "deep", "bytes", "cut"],
)
def test_a_success_that_is_not_what_was_promised(perform: Perform, answer: bytes, match: str) -> None:
    with serving(lambda _: answer) as server:
        with pytest.raises(Unreadable, match=match) as caught:
            perform(json(f"{server.url}/x?secret=canary", repeat=Repeat.SAFE))
        assert "canary" not in str(caught.value)
        assert len(server.seen) == 1


def test_a_fault_in_what_reads_the_document_is_not_called_a_bad_document(perform: Perform) -> None:
    def broken(_: Any) -> None:
        raise ValueError("our own mistake")

    with serving(lambda _: as_json("{}")) as server, pytest.raises(ValueError, match="our own mistake"):
        perform(get(server.url, reader=lambda: JsonReader(broken)))
