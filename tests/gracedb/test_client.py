"""The documented client: construction, what it knows of its server, and the verbs of a session."""

import asyncio
import copy
import inspect
import io
import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from skykey.gracedb import client as module
from skykey.gracedb.client import AsyncGraceDBClient, GraceDBClient
from skykey.gracedb.exceptions import HTTPError, NotFoundError, OutcomeUnknown
from skykey.gracedb.headers import SessionHeaders
from skykey.values.errors import BadUrl, Redirected, UsageError
from tests.gracedb import api
from tests.wire.askers import bearer
from tests.wire.server import Answer, Seen, Server, as_json, reply, serving

Make = Callable[..., Any]
OK = as_json('{"a": 1}')


@pytest.fixture(params=["sync", "async"])
def make(request: pytest.FixtureRequest) -> Make:
    def made(server: Server | str, **options: Any) -> Any:
        url = server if isinstance(server, str) else f"{server.url}/api/"
        return api.Client(request.param, url, **options)

    return made


# -- construction


def test_the_documented_constants() -> None:
    assert module.DEFAULT_SERVICE_URL == "https://gracedb.ligo.org/api/"
    assert module.DEFAULT_RETRY_CODES == [502, 503, 504, 408, 409]
    assert (module.DEFAULT_TOKEN_SCOPE, module.MAX_RETRY_AFTER_SECONDS) == ("gracedb.read", 30)
    assert module.DEFAULT_ALLOWED_METHODS is None


def test_the_documented_signature() -> None:
    documented = (
        "service_url cred force_noauth fail_if_noauth api_version reload_certificate reload_cred reload_buffer "
        "use_auth retries retry_codes allowed_methods backoff_factor"
    )
    parameters = inspect.signature(GraceDBClient).parameters.values()
    assert [one.name for one in parameters if one.kind is one.POSITIONAL_OR_KEYWORD] == documented.split()


def test_nothing_is_sent_at_construction(make: Make) -> None:
    with serving(lambda _: OK) as server:
        client = make(server, api_version="v2")
        assert server.seen == []
    assert client.host == "127.0.0.1"
    assert client._service_url == f"{server.url}/api/"
    assert client._versioned_service_url == f"{server.url}/api/v2/"
    assert repr(client.client).endswith(f"at {server.url}/api/v2/>")
    assert client.auth_type == set()


def test_the_url_may_have_its_other_name() -> None:
    assert GraceDBClient(url="https://gracedb.example/api")._service_url == "https://gracedb.example/api/"


def test_contradictions_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot select both force_noauth and fail_if_noauth"):
        GraceDBClient(force_noauth=True, fail_if_noauth=True)
    with pytest.raises(ValueError, match="Invalid value of retries"):
        GraceDBClient(retries=-1)


def test_the_deprecated_property_warns_and_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.warns(DeprecationWarning, match="service_url") as told:
        assert GraceDBClient("https://gracedb.example/api/").service_url == "https://gracedb.example/api/"
    assert told[0].filename == __file__
    assert capsys.readouterr().out == ""


def test_a_client_is_a_block() -> None:
    with GraceDBClient("https://gracedb.example/api/") as client:
        client.close()

    async def block() -> None:
        async with AsyncGraceDBClient("https://gracedb.example/api/") as client:
            await client.close()

    asyncio.run(block())


@pytest.mark.parametrize("kind", [GraceDBClient, AsyncGraceDBClient])
def test_a_pickle_has_the_options_and_no_secret(kind: type[Any]) -> None:
    client = kind("https://gracedb.example/api/", api_version="v2", retries=2, force_noauth=True, remember_root=False)
    client.headers["X-Mine"] = "1"
    client.headers["Authorization"] = "Bearer token-canary"
    text = pickle.dumps(client)
    assert b"canary" not in text
    for again in (pickle.loads(text), copy.copy(client)):
        assert type(again) is kind
        assert again._versioned_service_url == "https://gracedb.example/api/v2/"
        assert again._options.patience.repeats == 2
        assert again.headers["x-mine"] == "1"
        assert again._memory is not None
        assert again._memory is not client._memory


# -- what it knows of its server

PROPERTIES = {
    "api_versions": "api-versions",
    "server_version": "server-version",
    "links": "links",
    "templates": "templates",
    "groups": "groups",
    "pipelines": "pipelines",
    "searches": "searches",
    "allowed_labels": "labels",
    "em_groups": "em-groups",
    "voevent_types": "voevent-types",
    "superevent_categories": "superevent-categories",
    "instruments": "instruments",
    "signoff_types": "signoff-types",
    "signoff_statuses": "signoff-statuses",
}


def test_each_property_is_a_key_of_the_root(make: Make) -> None:
    with serving(api.with_root(lambda _: OK)) as server:
        client = make(server)
        info = client.service_info
        for name, key in PROPERTIES.items():
            assert getattr(client, name) == info.get(key), name
    assert info["groups"] == ["Test", "CBC"]
    assert len(server.seen) == 1


@pytest.mark.parametrize(("name", "key"), PROPERTIES.items())
def test_a_test_double_may_stand_for_the_root(name: str, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked_for: list[str] = []

    class Double:
        def get(self, asked: str) -> str:
            asked_for.append(asked)
            return "it"

    monkeypatch.setattr(GraceDBClient, "service_info", Double())
    assert getattr(GraceDBClient("https://gracedb.example/api/"), name) == "it"
    assert asked_for == [key]


def test_what_the_server_says_cannot_be_set() -> None:
    with pytest.raises(AttributeError):
        GraceDBClient("https://gracedb.example/api/").groups = []


# -- verbs


@pytest.mark.parametrize("verb", ["get", "post", "put", "patch", "delete", "head", "options"])
def test_each_verb(make: Make, verb: str) -> None:
    with serving(lambda _: OK) as server:
        client = make(server)
        answer = getattr(client, verb)(f"{server.url}/x?a=1", params={"b": [1, 2]}, headers={"X-One": "1"}, timeout=5)
        client.request(verb, f"{server.url}/y")
    first, second = server.seen
    assert (first.method, first.target, first.headers["x-one"]) == (verb.upper(), "/x?a=1&b=1&b=2", "1")
    assert (second.method, second.target) == (verb.upper(), "/y")
    assert answer.status == 200


@pytest.mark.parametrize(
    ("given", "body", "kind"),
    [
        ({"data": {"a": 1, "b": ["x", "y"]}}, b"a=1&b=x&b=y", "application/x-www-form-urlencoded"),
        ({"data": [("a", "1"), ("a", "2")]}, b"a=1&a=2", "application/x-www-form-urlencoded"),
        ({"data": "a=1"}, b"a=1", "application/x-www-form-urlencoded"),
        ({"data": b"\x00"}, b"\x00", None),
        ({"data": io.BytesIO}, b"file", None),
        ({"json": {"a": 1}}, b'{"a": 1}', "application/json"),
        ({"json": {}}, b"{}", "application/json"),
        ({"data": {}, "json": {"a": 1}}, b'{"a": 1}', "application/json"),
        ({"data": [], "json": [1]}, b"[1]", "application/json"),
        ({"data": {}}, b"", None),
        ({}, b"", None),
    ],
)
def test_bodies_as_users_of_requests_pass_them(make: Make, given: Any, body: bytes, kind: str | None) -> None:
    if given.get("data") is io.BytesIO:
        given = {"data": io.BytesIO(b"file")}
    with serving(lambda _: OK) as server:
        make(server).post(f"{server.url}/x", **given)
    assert server.seen[-1].body == body
    assert server.seen[-1].headers.get("content-type") == kind


def test_files_as_users_of_requests_pass_them(make: Make) -> None:
    with serving(lambda _: OK) as server:
        make(server).post(
            f"{server.url}/x",
            data={"a": "1"},
            files={"one": b"ONE", "two": ("two.txt", "TWO"), "three": ("3.xml", io.BytesIO(b"THREE"), "text/xml")},
        )
    body = server.seen[-1].body
    for part in (
        b'name="one"; filename="one"',
        b'filename="two.txt"\r\n\r\nTWO',
        b"text/xml\r\n\r\nTHREE",
        b'name="a"',
    ):
        assert part in body


def test_a_link_to_another_server_is_followed_without_credentials(make: Make) -> None:
    with serving(lambda _: OK) as home, serving(lambda _: OK) as other:
        client = make(home)
        client.client._credentials._token = None
        client.client.headers.update({"Authorization": "Bearer token-canary", "X-Mine": "1"})
        client.get(f"{other.url}/x")
        client.get(f"{home.url}/x")
    assert "canary" not in other.seen[-1].text
    assert other.seen[-1].headers["x-mine"] == "1"
    assert home.seen[-1].headers["authorization"] == "Bearer token-canary"


def test_a_post_is_not_sent_twice(make: Make) -> None:
    with serving(lambda _: None) as server, pytest.raises(OutcomeUnknown):
        make(server).post(f"{server.url}/x", data="a=1")
    assert len(server.seen) == 1


def test_a_refusal_is_raised(make: Make) -> None:
    with serving(lambda _: as_json('"Event not found."', 404)) as server, pytest.raises(NotFoundError) as told:
        make(server).get(f"{server.url}/x")
    assert isinstance(told.value, HTTPError)
    assert told.value.response.json() == "Event not found."


def test_a_request_that_another_library_made_is_sent(make: Make) -> None:
    import requests

    with serving(lambda _: OK) as server:
        prepared = requests.Request("POST", f"{server.url}/x", data={"a": 1}, headers={"X-A": "1"}).prepare()
        assert make(server).send(prepared, timeout=5).ok
    seen = server.seen[-1]
    assert (seen.method, seen.body, seen.headers["x-a"]) == ("POST", b"a=1", "1")
    assert seen.headers["content-type"] == "application/x-www-form-urlencoded"


def test_a_relative_url_is_refused(make: Make) -> None:
    with pytest.raises(BadUrl):
        make("https://gracedb.example/api/").get("events/")


# -- attributes of a session


def test_headers_are_sent_and_may_be_changed(make: Make) -> None:
    with serving(lambda _: OK) as server:
        client = make(server)
        client.client.headers.update({"x-mine": "1", "ACCEPT": "text/plain"})
        client.get(f"{server.url}/x", headers={"X-Mine": "2"})
        client.get(f"{server.url}/x", headers={"x-mine": None})
        del client.client.headers["X-MINE"]
        client.get(f"{server.url}/x")
    one, two, three = server.seen
    assert (one.headers["x-mine"], one.headers["accept"]) == ("2", "text/plain")
    assert "x-mine" not in two.headers
    assert "x-mine" not in three.headers
    assert three.headers["accept-encoding"] == "gzip, deflate"


def test_headers_hide_what_is_secret() -> None:
    headers = SessionHeaders({"Authorization": "token-canary", "cookie": b"cookie-canary", "A": "1"})
    assert "canary" not in f"{headers!r} {dict(headers)}"
    assert set(headers) == {"Authorization", "cookie", "A"}
    assert "AUTHORIZATION" in headers
    assert headers.public() == {"A": "1"}


@pytest.mark.parametrize(
    ("name", "value", "advice"),
    [
        ("verify", False, "SSL_CERT_FILE"),
        ("verify", "/bundle.pem", "SSL_CERT_FILE"),
        ("proxies", {"https": "http://proxy:3128"}, "HTTPS_PROXY"),
        ("cookies", {"a": "1"}, "Cookie"),
        ("hooks", {"response": [print]}, "returns"),
        ("auth", ("user", "password"), "skykey why gracedb"),
        ("cert", "/cert.pem", "cred"),
        ("trust_env", False, "HTTPS_PROXY"),
        ("stream", True, "get_file"),
        ("params", {"a": 1}, "params"),
    ],
)
def test_what_cannot_be_honoured_is_not_ignored(name: str, value: Any, advice: str) -> None:
    client = GraceDBClient("https://gracedb.example/api/")
    with pytest.raises(UsageError, match=f"cannot honour {name}") as told:
        setattr(client, name, value)
    assert advice in (told.value.next or "")
    setattr(client, name, getattr(client, name))
    if isinstance(value, dict):
        with pytest.raises(UsageError, match=name):
            getattr(client, name).update(value)
        with pytest.raises(UsageError, match=name):
            getattr(client, name)["x"] = 1
    if name in {"verify", "proxies", "cookies", "hooks", "auth", "cert"}:
        with pytest.raises(UsageError, match=name):
            client.get("https://gracedb.example/x", **{name: value})


def test_what_is_so_anyway_may_be_said() -> None:
    client = GraceDBClient("https://gracedb.example/api/")
    client.verify, client.proxies, client.cert, client.auth = True, {}, None, None
    client.proxies.update({})
    assert (client.verify, client.proxies, client.cookies, client.auth, client.cert) == (True, {}, {}, None, None)
    for refused in (lambda: client.mount("https://", object()), lambda: client.get_adapter("https://x")):
        with pytest.raises(UsageError, match=r"adapter|mount"):
            refused()


def test_a_password_that_is_refused_is_not_shown() -> None:
    client = GraceDBClient("https://gracedb.example/api/")
    with pytest.raises(UsageError) as told:
        client.auth = ("user", "password-canary")
    assert "canary" not in str(told.value)


def test_a_redirect_to_a_login_page_is_told(make: Make) -> None:
    with serving(lambda _: reply(302, Location="/shibboleth/login/")) as server, pytest.raises(Redirected):
        make(server).get(f"{server.url}/x")


# -- GraceDbRetry


def test_their_retry_policy_is_there_where_urllib3_is() -> None:
    retry = module.GraceDbRetry(total=5, backoff_factor=0.1, status_forcelist=[502, 503], allowed_methods=None)
    assert not retry.is_retry("GET", 503, has_retry_after=False)
    assert retry.is_retry("GET", 503, has_retry_after=True)
    assert retry.is_retry("POST", 502)
    assert type(retry.new(total=1)) is module.GraceDbRetry

    assert retry.get_retry_after(SimpleNamespace(headers={"Retry-After": "3600"})) == 30.0
    assert retry.get_retry_after(SimpleNamespace(headers={})) is None
    with pytest.raises(AttributeError):
        _ = module.no_such_name


# -- import


def test_import_loads_no_http_library() -> None:
    program = "import sys, skykey.gracedb.client; print(*sys.modules)"
    loaded = set(
        subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.split()
    )
    assert not loaded & {
        "httpcore2",
        "requests",
        "urllib3",
        "asyncio",
        "logging",
        "ssl",
        "http.client",
        "email",
        "pyarrow",
    }


def test_an_answer_of_another_kind_is_bad_json_and_not_a_crash(make: Make) -> None:
    def page(_: Seen) -> Answer:
        return reply(200, "<html>login</html>", Content_Type="text/html")

    with serving(page) as server, pytest.raises(json.JSONDecodeError):
        _ = make(server).groups


def test_tokens_of_a_keeper_do_not_stay_in_answers(make: Make) -> None:
    with serving(lambda seen: as_json(json.dumps(seen.headers.get("authorization")))) as server:
        client = make(server)

        class Wallet:
            def keepers(self) -> Any:
                return (bearer(server.url),)
                yield

        client.client._credentials = Wallet()
        answer = client.get(f"{server.url}/x")
    assert "canary" not in f"{answer.request.headers} {answer.request!r}"
