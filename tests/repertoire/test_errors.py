"""Every failure of a lookup is a `RepertoireError`, and at the same time the precise one."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from skykey.repertoire import (
    DiscoveryClient,
    RepertoireError,
    RepertoireValidationError,
    RepertoireWebError,
    SyncDiscoveryClient,
)
from skykey.values.errors import (
    Forbidden,
    Interrupted,
    NotAuthenticated,
    NotFound,
    Overloaded,
    QueryError,
    RateLimited,
    Redirected,
    ServiceError,
    TimedOut,
    TransportError,
    Unreachable,
    Unreadable,
)
from skykey.values.url import Url
from tests.wire.askers import FastClock
from tests.wire.server import Answer, Seen, as_json, reply, serving

Ask = Callable[[str], Any]
DATABASE = {"url": "https://i.example/", "database": "efd", "schema_registry": "http://r:8081", "credentials_url": "C"}


def sync(url: str) -> Any:
    client = SyncDiscoveryClient(base_url=url)
    client._clock = FastClock()
    return client.discovery()


def asynchronous(url: str) -> Any:
    client = DiscoveryClient(base_url=url)
    client._clock = FastClock()
    return asyncio.run(client.discovery())


@pytest.fixture(params=[sync, asynchronous])
def ask(request: pytest.FixtureRequest) -> Ask:
    found: Ask = request.param
    return found


def cut(_: Seen) -> Answer:
    return iter([b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"])


ANSWERS: list[tuple[Callable[[Seen], Answer], type[Exception]]] = [
    (lambda _: reply(401), NotAuthenticated),
    (lambda _: reply(403), Forbidden),
    (lambda _: reply(404), NotFound),
    (lambda _: reply(422), QueryError),
    (lambda _: reply(429, Retry_After="120"), RateLimited),
    (lambda _: reply(500), RepertoireWebError),
    (lambda _: reply(503), Overloaded),
    (lambda _: reply(302, Location="https://other.example/"), Redirected),
    (lambda _: reply(302, Location="/login"), Redirected),
    (lambda _: reply(200, "<html>", Content_Type="text/html"), Unreadable),
    (lambda _: reply(204), Unreadable),
    (lambda _: as_json("not json"), Unreadable),
    (lambda _: as_json("[" * 100_000), Unreadable),
    (lambda _: as_json('"' + "x" * 2**20 + '"'), Unreadable),
    (lambda _: None, Interrupted),
    (cut, Interrupted),
]


@pytest.mark.parametrize(("answer", "kind"), ANSWERS)
def test_a_failure_is_the_documented_class_and_the_precise_one(
    ask: Ask, answer: Callable[[Seen], Answer], kind: type[Exception]
) -> None:
    with serving(answer) as server:
        with pytest.raises(RepertoireWebError) as caught:
            ask(server.url)
        problem = caught.value
        assert isinstance(problem, kind)
        assert isinstance(problem, RepertoireError)
        assert isinstance(problem.__cause__, ServiceError | TransportError)
        assert problem.exit_code == problem.__cause__.exit_code
        assert problem.code == problem.__cause__.code or kind is RepertoireWebError
        assert problem.method == "GET"
        if isinstance(problem.__cause__, ServiceError):
            assert problem.url == f"{server.url}/discovery"
            assert problem.status == problem.__cause__.status


def test_a_dead_server_and_a_silent_one(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(_: Seen) -> Answer:
        server.closing.wait(20)
        return None

    monkeypatch.setattr("skykey.repertoire.documents.MOST_SECONDS", 0.3)
    with serving(silent) as server:
        url = server.url
        with pytest.raises(RepertoireWebError) as caught:
            ask(url)
        assert isinstance(caught.value, TimedOut)
    with pytest.raises(RepertoireWebError) as caught:
        ask(url)
    assert isinstance(caught.value, Unreachable)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"detail": [{"msg": "Database x not found", "type": "database_not_found"}]}', "Database x not found"),
        ('{"detail": {"msg": "Authentication required", "type": "no_authorization"}}', "Authentication required"),
        ('{"detail": "Not Found"}', "Not Found"),
        ("Internal Server Error", "Internal Server Error"),
    ],
)
def test_the_servers_words_in_all_four_shapes(ask: Ask, body: str, words: str) -> None:
    with serving(lambda _: reply(404, body, Content_Type="application/json")) as server:
        with pytest.raises(RepertoireWebError) as caught:
            ask(server.url)
        assert caught.value.body == words
        assert words in str(caught.value)


def document(**changes: Any) -> str:
    entry = {name: value for name, value in (DATABASE | changes).items() if value is not ...}
    return json.dumps({"influxdb_databases": {"x": entry}})


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ("[]", "the discovery document"),
        ("null", "the discovery document"),
        ('"text"', "the discovery document"),
        ('{"influxdb_databases": []}', "influxdb_databases"),
        ('{"influxdb_databases": {"x": "https://old.example/"}}', "influxdb_databases.x"),
        (document(url=...), "influxdb_databases.x.url"),
        (document(url=5), "influxdb_databases.x.url"),
        (document(url="secret-canary"), "influxdb_databases.x.url"),
        (document(url="file:///etc/passwd"), "influxdb_databases.x.url"),
        (document(url="https://u:secret-canary@i.example/"), "influxdb_databases.x.url"),
        (document(database=None), "influxdb_databases.x.database"),
        (document(), "influxdb_databases.x.credentials_url"),
        ('{"applications": "tap"}', "applications"),
        ('{"services": {"internal": {"g": {"url": 1}}}}', "services.internal.g.url"),
    ],
)
def test_a_document_that_does_not_fit_is_named_by_its_path_and_not_quoted(ask: Ask, body: str, path: str) -> None:
    with serving(lambda _: as_json(body)) as server:
        with pytest.raises(RepertoireValidationError, match=path) as caught:
            ask(server.url)
        assert isinstance(caught.value, RepertoireError)
        assert "canary" not in str(caught.value)


def test_what_is_not_known_is_passed_over(ask: Ask) -> None:
    body = document(credentials_url="https://s.example/c", brand_new={"a": [1]})
    with serving(lambda _: as_json(body.replace("{", '{"unknown": 1, ', 1))) as server:
        assert ask(server.url).influxdb_databases["x"].credentials_url == "https://s.example/c"


@pytest.mark.parametrize("missing", ["username", "password", "url", "database"])
def test_a_login_that_is_not_whole_is_named_and_not_quoted(missing: str) -> None:
    def answer(seen: Seen) -> bytes:
        if seen.path.endswith("/discovery"):
            return as_json(document(credentials_url=f"{server.url}/login"))
        login = DATABASE | {"username": "u", "password": "secret-canary"}
        return as_json(json.dumps({name: value for name, value in login.items() if name != missing}))

    with serving(answer) as server:
        client = SyncDiscoveryClient(base_url=server.url)
        with pytest.raises(RepertoireValidationError, match=missing) as caught:
            client.influxdb_credentials("x", "gt-token")
        assert "canary" not in str(caught.value)


def test_a_database_without_a_login_is_told_apart_from_one_without_words() -> None:
    def answer(seen: Seen) -> bytes:
        if seen.path.endswith("/discovery"):
            return as_json(document(credentials_url=f"{server.url}/login"))
        return as_json(json.dumps(DATABASE | {"username": None, "password": None}))

    with serving(answer) as server:
        found = SyncDiscoveryClient(base_url=server.url).influxdb_credentials("x", "gt-token")
        assert found is not None
        assert (found.username, found.password) == (None, None)
        assert found.schema_registry == Url("http://r:8081/")
