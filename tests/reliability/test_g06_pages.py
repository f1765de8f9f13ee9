"""G6: a success that is none: a login page, an error in JSON, nothing. A typed error, and nothing of it is repeated."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import msgpack
import pytest

from skykey.repertoire import DiscoveryClient, SyncDiscoveryClient
from skykey.rubin.consdb_query import ConsDbFastAPI
from skykey.rubin.logging_query import NarrativeLogClient
from skykey.testing import Canary
from skykey.testing.faults import Fault, Reply, page
from skykey.testing.faults_proxy import FaultProxy
from skykey.values.errors import QueryError, SkykeyError
from tests.reliability import databases, naive_databases, naive_rubin
from tests.tables.test_rows import MSGPACK, answering, client_at, document, read_async, read_sync
from tests.wire.server import Answer, Seen, as_json, serving

STATEMENT = "SELECT mean(x) FROM t"
DATABASE = {
    "url": "https://db.example/",
    "database": "efd",
    "schema_registry": "http://registry.example/",
}


def origin(seen: Seen) -> Answer:
    """A site with a telemetry database, ConsDB and logs."""
    if databases.is_asked(seen):
        return databases.site(seen)
    if "/query" in seen.path:
        return answering(document(0, 10, partial=False))(seen)
    if seen.path.endswith("/discovery"):
        here = f"http://{seen.headers['host']}/login"
        return as_json(json.dumps({"influxdb_databases": {"a": DATABASE | {"credentials_url": here}}}))
    return as_json(json.dumps(DATABASE | {"username": "reader", "password": "a-password"}))


def faults(secret: str) -> dict[str, Fault]:
    """Each of them says something that it should not."""
    kind = {"Content-Type": "application/json"}
    return {
        "login page": page(f"<html><form><input name=csrf value={secret}></form></html>"),
        "page without a type": Reply(200, f"<html>{secret}</html>"),
        "text": Reply(200, f"error: {secret}", {"Content-Type": "text/plain"}),
        "JSON text": Reply(200, json.dumps(secret), kind),
        "JSON list": Reply(200, json.dumps([secret]), kind),
        "error in JSON": Reply(200, json.dumps({"error": secret}), kind),
        "detail in JSON": Reply(200, json.dumps({"detail": [{"msg": secret, "type": "x"}]}), kind),
        "no content": Reply(204),
        "nothing": Reply(200, b"", kind),
    }


def sync_client(url: str) -> SyncDiscoveryClient:
    return SyncDiscoveryClient(base_url=url)


def asked_by(question: databases.Question) -> Callable[[str, str], Any]:
    return lambda url, _: question(url, None)


CLIENTS: dict[str, Callable[[str, str], Any]] = {
    "query": lambda url, _: client_at(url).query(STATEMENT),
    "query, async": lambda url, _: asyncio.run(client_at(url).async_query(STATEMENT)),
    "stream": lambda url, _: read_sync(client_at(url), []),
    "stream, async": lambda url, _: read_async(client_at(url), []),
    "discovery": lambda url, _: sync_client(url).discovery(),
    "discovery, async": lambda url, _: asyncio.run(DiscoveryClient(base_url=url).discovery()),
    "login": lambda url, token: sync_client(url).influxdb_credentials("a", token),
    "login, async": lambda url, token: asyncio.run(DiscoveryClient(base_url=url).influxdb_credentials("a", token)),
    **{name: asked_by(question) for name, question in databases.QUESTIONS.items()},
    "schema": lambda url, _: databases.made(ConsDbFastAPI, url).columns("lsstcam", "visit1"),
    "log, a message": lambda url, _: databases.made(NarrativeLogClient, url).add_message(
        "x", user_id="ada", is_human=True
    ),
}


@pytest.mark.parametrize("client", CLIENTS)
def test_g6_what_is_no_answer_is_a_typed_error_that_repeats_nothing_of_it(client: str) -> None:
    canary = Canary()
    path = "*/login" if "login" in client else "*"
    outcomes = {}
    with serving(origin) as server, FaultProxy(server.url) as proxy:
        for name, fault in faults(canary.opaque).items():
            proxy.fault(fault, path=path, times=None)
            outcomes[name] = outcome(lambda: CLIENTS[client](proxy.url, canary.opaque), canary)
            proxy.reset()
        CLIENTS[client](proxy.url, canary.opaque)
    print(f"G6 {client}: {outcomes}")
    silent = {"no content", "nothing"} if client in {**databases.CONSDB, **databases.TAP} else set()
    assert {found for name, found in outcomes.items() if name not in silent} <= {"unreadable", "repertoire-validation"}
    # Nothing where rows were promised was cut off at the first of them.
    assert {found for name, found in outcomes.items() if name in silent} <= {"interrupted"}


def outcome(ask: Callable[[], Any], canary: Canary) -> str:
    try:
        ask()
    except SkykeyError as problem:
        return "LEAK" if canary.hits(f"{problem}\n{problem!r}\n{vars(problem)}") else problem.code
    return "SILENT LOSS"


def test_g6_an_error_that_repeats_the_password_is_shown_without_it() -> None:
    """The words of a refusal are shown, what they may hold of ours is not."""
    login = {"error": "user 'reader' with password 'password' may not"}
    with serving(origin) as server, FaultProxy(server.url) as proxy:
        for document_ in (login, {"results": [{"statement_id": 0, **login}]}):
            proxy.fault(Reply(200, msgpack.packb(document_), {"Content-Type": MSGPACK}))
            with pytest.raises(QueryError) as caught:
                client_at(proxy.url).query(STATEMENT)  # whose password is "password"
            assert "'reader'" in str(caught.value)
            assert "'password'" not in str(caught.value)


def test_g6_a_naive_client_fails() -> None:
    outcomes = {}
    with serving(origin) as server, FaultProxy(server.url) as proxy:
        client = naive_rubin.Client("", url=proxy.url)
        for name, fault in faults("secret").items():
            proxy.fault(fault, times=None)
            try:
                outcomes[name] = f"silent loss of all but {len(client.query(STATEMENT))} rows"
            except Exception as problem:  # noqa: BLE001 - whatever it is, it is none of ours
                outcomes[name] = type(problem).__name__
            proxy.reset()
        client.close()
    print(f"G6 naive: {outcomes}")
    assert sum("silent" in outcome for outcome in outcomes.values()) >= 3


def test_g6_a_naive_client_of_databases_fails() -> None:
    outcomes = {}
    with serving(origin) as server, FaultProxy(server.url) as proxy:
        client = naive_databases.Client(proxy.url, databases.AUTH[1])
        for asked, ask in {
            "query": lambda: client.query(databases.STATEMENT),
            "log": lambda: client.log("narrativelog/messages", offset=0),
        }.items():
            for name, fault in faults("secret").items():
                proxy.fault(fault, times=None)
                try:
                    outcomes[f"{asked}, {name}"] = f"silent loss of all but {len(ask())} rows"
                except Exception as problem:  # noqa: BLE001 - whatever it is, it is none of ours
                    outcomes[f"{asked}, {name}"] = type(problem).__name__
                proxy.reset()
        client.close()
    print(f"G6 naive: {outcomes}")
    assert sum("silent" in outcome for outcome in outcomes.values()) >= 3
