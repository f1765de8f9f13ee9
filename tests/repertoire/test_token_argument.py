"""Tokens in the shapes in which callers have them: sent alike, refused alike, and asked for anew after a refusal."""

import json
import os
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from skykey.repertoire import SyncDiscoveryClient
from skykey.repertoire.exceptions import RepertoireBadToken, RepertoireNotAuthenticated
from skykey.repertoire.schema_registry import SchemaRegistry, SyncSchemaRegistry
from skykey.sandbox import Box
from skykey.values.errors import Failed, Unavailable
from skykey.values.secret import Secret
from tests.repertoire.documents import DOCUMENT, FACES
from tests.values.canary import CANARY
from tests.wire.server import Answer, Seen, as_json, reply, serving

OLD, NEW = "gt-aaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbb", "gt-cccccccccccccccccccccc.dddddddddddddddddddddd"
NAMES = ("influxdb_credentials", "require_influxdb_credentials", "get_influxdb_connection_info")


class SecretStr:
    """What is used of pydantic's class of that name."""

    def __init__(self, value: Any) -> None:
        self.get_secret_value = lambda: value


class SecretBytes(SecretStr):
    pass


def in_a_file(folder: Path, text: str) -> Path:
    (folder / "token").write_text(f"{text}\n")
    return folder / "token"


WAYS: dict[str, Callable[[Path, str], Any]] = {
    "text": lambda _, text: text,
    "secret": lambda _, text: Secret(text),
    "pydantic's": lambda _, text: SecretStr(text),
    "path": in_a_file,
    "function": lambda _, text: lambda: text,
}


@pytest.fixture(params=FACES)
def ask(request: pytest.FixtureRequest) -> Callable[..., Any]:
    return FACES[request.param]


def selling(good: str) -> Callable[[Seen], Answer]:
    """A site with one database whose login one token buys."""

    def answer(seen: Seen) -> Answer:
        entry = DOCUMENT["influxdb_databases"]["site_efd"]
        entry = entry | {"credentials_url": f"http://{seen.headers['host']}/discovery/influxdb/x"}
        if seen.path.endswith("/discovery"):
            return as_json(json.dumps({"influxdb_databases": {"x": entry}}))
        if seen.headers["authorization"] != f"Bearer {good}":
            return reply(401, WWW_Authenticate='Bearer error="invalid_token"')
        login = {**entry, "username": "u", "password": "p"}
        return as_json(json.dumps(login if seen.path.endswith("/x") else {"x": login}))

    return answer


@pytest.mark.parametrize("way", WAYS)
def test_every_way_buys_the_same_login(ask: Callable[..., Any], way: str, tmp_path: Path) -> None:
    token = WAYS[way](tmp_path, OLD)
    with serving(selling(OLD)) as server:
        assert {ask(server.url, name, "x", token).username for name in NAMES} == {"u"}
        assert ask(server.url, "list_influxdb_credentials", token)["x"].username == "u"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("text", ["", f'"{CANARY}"', f"{CANARY}\n{CANARY}", f"gt-{'a' * 22}"])
def test_what_is_no_token_is_unsent_and_unshown_whichever_way_it_comes(
    ask: Callable[..., Any], way: str, text: str, tmp_path: Path
) -> None:
    token = WAYS[way](tmp_path, text)
    with serving(selling(OLD)) as server:
        for name, args in ((NAMES[0], ("x",)), ("list_influxdb_credentials", ())):
            with pytest.raises(RepertoireBadToken) as caught:
                ask(server.url, name, *args, token)
            assert isinstance(caught.value, Failed)
            assert CANARY not in str(caught.value)
            frames = traceback.TracebackException.from_exception(caught.value, capture_locals=True).stack
            ours = [frame for frame in frames if f"{os.sep}src{os.sep}skykey{os.sep}" in frame.filename]
            assert [frame.name for frame in ours if CANARY in str(frame.locals)] == []
        assert server.seen == []


@pytest.mark.parametrize("given", [None, CANARY.encode(), 5, [CANARY], SecretBytes(CANARY.encode())])
def test_what_is_nothing_of_the_kind_is_refused_by_its_kind(ask: Callable[..., Any], given: Any) -> None:
    """Such as a variable of the environment that is not set."""
    kind = type(given).__name__
    with pytest.raises(RepertoireBadToken, match=f"the argument token is {kind}, not text") as caught:
        ask("https://rsp.example.org/repertoire", "influxdb_credentials", "x", given)
    assert caught.value.next == "create a token at https://rsp.example.org/auth/tokens"
    frames = traceback.TracebackException.from_exception(caught.value, capture_locals=True).stack
    ours = [
        frame for frame in frames if f"{os.sep}repertoire{os.sep}" in frame.filename and "tests" not in frame.filename
    ]
    assert ours
    assert [frame.name for frame in ours if CANARY in str(frame.locals)] == []


def test_a_file_that_is_not_there_is_named(ask: Callable[..., Any], tmp_path: Path) -> None:
    with pytest.raises(RepertoireBadToken, match="missing") as caught:
        ask("https://rsp.example.org/repertoire", "influxdb_credentials", "x", tmp_path / "missing")
    assert isinstance(caught.value.__cause__, FileNotFoundError)


def test_a_function_may_say_why_it_has_nothing(ask: Callable[..., Any]) -> None:
    def find() -> str:
        raise Unavailable("not on this machine")

    with pytest.raises(RepertoireBadToken, match="the function of the argument token gives no token: not on this"):
        ask("https://rsp.example.org/repertoire", "influxdb_credentials", "x", find)


def test_a_function_is_asked_once_more_after_a_refusal(ask: Callable[..., Any]) -> None:
    gives = [NEW, OLD]
    with serving(selling(NEW)) as server:
        login = ask(server.url, "influxdb_credentials", "x", lambda: gives.pop() if len(gives) > 1 else gives[0])
        assert login.username == "u"
        assert [seen.headers.get("authorization") for seen in server.seen] == [None, f"Bearer {OLD}", f"Bearer {NEW}"]


def test_a_file_is_read_once_more_after_a_refusal(ask: Callable[..., Any], tmp_path: Path) -> None:
    file = in_a_file(tmp_path, OLD)
    selling_new = selling(NEW)

    def answer(seen: Seen) -> Answer:
        if seen.headers.get("authorization") == f"Bearer {OLD}":
            in_a_file(tmp_path, NEW)
        return selling_new(seen)

    with serving(answer) as server:
        assert ask(server.url, "influxdb_credentials", "x", file).username == "u"


@pytest.mark.parametrize("way", WAYS)
def test_a_token_that_stays_the_same_is_sent_once(ask: Callable[..., Any], way: str, tmp_path: Path) -> None:
    with serving(selling(NEW)) as server:
        with pytest.raises(RepertoireNotAuthenticated):
            ask(server.url, "influxdb_credentials", "x", WAYS[way](tmp_path, OLD))
        assert len([seen for seen in server.seen if "authorization" in seen.headers]) == 1


def test_memory_goes_by_the_token_and_not_by_the_way_it_comes(box: Box, tmp_path: Path) -> None:
    from datetime import timedelta

    client = SyncDiscoveryClient(base_url=f"{box.site_url}/repertoire", credentials_timeout=timedelta(minutes=1))
    for way in WAYS.values():
        client.influxdb_credentials("usdf_efd", way(tmp_path, box.token))
    client.influxdb_credentials("usdf_efd", f" {box.token}\n")
    assert len([seen for seen in box.controls.requests("repertoire") if seen.credential]) == 1
    client.influxdb_credentials("usdf_efd", in_a_file(tmp_path, box.controls.mint()))
    assert len([seen for seen in box.controls.requests("repertoire") if seen.credential]) == 2


@pytest.mark.parametrize("way", WAYS)
def test_a_schema_registry_takes_them_all(way: str, tmp_path: Path) -> None:
    import asyncio

    with serving(lambda _: as_json("[]")) as server:
        token = WAYS[way](tmp_path, OLD)
        assert SyncSchemaRegistry(url=server.url, token=token).topics() == []
        assert asyncio.run(SchemaRegistry(url=server.url, token=token).topics()) == []
        assert [seen.headers["authorization"] for seen in server.seen] == [f"Bearer {OLD}"] * 2


@pytest.mark.parametrize("registry", [SyncSchemaRegistry, SchemaRegistry])
def test_a_schema_registry_refuses_what_is_nothing_of_the_kind(registry: Any) -> None:
    with pytest.raises(RepertoireBadToken, match="the argument token is bytes, not text"):
        registry(url="https://rsp.example.org/schema-registry", token=CANARY.encode())
