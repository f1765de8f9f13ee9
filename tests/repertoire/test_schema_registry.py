"""What the fields of a topic mean, asked of the sandbox's registry and of one that misbehaves."""

import asyncio
import json
import math
import os
import traceback
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skykey.repertoire import InfluxDatabase, SyncDiscoveryClient
from skykey.repertoire.avro import Field, read_fields
from skykey.repertoire.schema_registry import SchemaRegistry, SyncSchemaRegistry
from skykey.sandbox import Box
from skykey.values.errors import (
    BadUrl,
    Failed,
    Forbidden,
    NotFound,
    OutOfReach,
    ServiceError,
    TimedOut,
    UnknownName,
    Unreachable,
    Unreadable,
    UsageError,
)
from skykey.values.secret import Secret
from tests.wire.askers import FastClock
from tests.wire.server import Answer, Seen, World, as_json, reply, serving

ESS = "lsst.sal.ESS.temperature"


def sync(*args: Any, **named: Any) -> Callable[..., Any]:
    registry = SyncSchemaRegistry(*args, **named)
    registry._clock = FastClock()
    return lambda name, *rest: getattr(registry, name)(*rest)


def asynchronous(*args: Any, **named: Any) -> Callable[..., Any]:
    registry = SchemaRegistry(*args, **named)
    registry._clock = FastClock()
    return lambda name, *rest: asyncio.run(getattr(registry, name)(*rest))


@pytest.fixture(params=[sync, asynchronous])
def made(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    monkeypatch.delenv("SKYKEY_SCHEMA_REGISTRY", raising=False)
    found: Callable[..., Any] = request.param
    return found


def info(box: Box) -> InfluxDatabase:
    return SyncDiscoveryClient(base_url=f"{box.site_url}/repertoire").require_influxdb_connection_info("usdf_efd")


def schema(*fields: dict[str, Any], **more: Any) -> str:
    record = {"type": "record", "name": "x", "fields": list(fields)}
    return json.dumps({"subject": "t-value", "version": 1, "id": 1, "schema": json.dumps(record), **more})


# -- against the sandbox


def test_fields_have_type_units_words_and_arrays_are_one_field(made: Any, box: Box) -> None:
    fields = {field.name: field for field in made(info(box))("fields", ESS)}
    assert fields["temperatureItem"] == Field("temperatureItem", "double", "deg_C", "Temperature of each sensor", True)
    assert (fields["salIndex"].type, fields["salIndex"].units, fields["salIndex"].is_array) == ("long", None, False)
    assert fields["sensorName"].type == "string"
    mount = {field.name: field for field in made(info(box))("fields", "lsst.sal.MTMount.elevation")}
    assert (mount["actualPosition"].type, mount["actualPosition"].units) == ("double", "deg")


def test_every_topic_of_the_telemetry_has_a_schema_and_every_field_of_it_is_there(box: Box) -> None:
    from skykey.sandbox.influxdb.bundled import shared

    registry = SyncSchemaRegistry(info(box))
    topics = {topic.name: topic for database in shared().databases.values() for topic in database.values()}
    assert registry.topics() == sorted(topics)
    for name, topic in topics.items():
        known = {field.name: field for field in registry.fields(name)}
        for column in topic.columns:
            stem = column.rstrip("0123456789")
            assert column in known or known[stem].is_array, (name, column)


def test_a_version_is_asked_for_once_for_ever_and_the_latest_for_minutes(box: Box) -> None:
    registry = SyncSchemaRegistry(info(box))
    box.controls.forget()
    for _ in range(5):
        assert registry.fields(ESS, 1) == registry.fields(ESS)
    assert [seen.path.rpartition("/")[2] for seen in box.controls.requests("schema-registry")] == ["1", "latest"]
    assert registry._fixed[ESS, 1]._seconds == math.inf
    assert registry._latest[ESS]._seconds == 300
    assert registry.versions(ESS) == [1]


def test_an_unknown_topic_and_an_unknown_version_are_told_apart(made: Any, box: Box) -> None:
    ask = made(info(box))
    with pytest.raises(UnknownName, match=f"did you mean {ESS}"):
        ask("fields", "lsst.sal.ESS.temprature")
    with pytest.raises(UnknownName, match="no such version"):
        ask("fields", ESS, 7)
    with pytest.raises(UnknownName):
        ask("versions", "nothing.of.the.kind")


# -- where it is


def test_the_argument_goes_before_the_variable_and_that_before_the_document(
    made: Any, box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = info(box)
    url = str(database.schema_registry)
    with serving(lambda _: as_json('["t-value", "t-key"]')) as named, serving(lambda _: as_json("[]")) as other:
        assert ESS in made(database)("topics")
        monkeypatch.setenv("SKYKEY_SCHEMA_REGISTRY", named.url)
        assert made(database)("topics") == ["t"]
        assert made()("topics") == ["t"]
        assert made(database, url=other.url)("topics") == []
        assert ESS in made(url=url.rstrip("/"))("topics")
    monkeypatch.delenv("SKYKEY_SCHEMA_REGISTRY")
    with pytest.raises(UsageError, match="SKYKEY_SCHEMA_REGISTRY"):
        made()
    with pytest.raises(BadUrl):
        made(url="ftp://x/")


def test_a_name_inside_the_cluster_is_explained_where_it_cannot_be_reached(made: Any, world: World) -> None:
    """W16: every real site publishes one."""
    world.answer = lambda _: None
    inside = InfluxDatabase(
        url="https://rsp.example.org/influxdb/",  # type: ignore[arg-type]
        database="efd",
        schema_registry="http://sasquatch-schema-registry.sasquatch:8081",  # type: ignore[arg-type]
        local=True,
    )
    with pytest.raises(Exception, match="a name inside the site's cluster") as caught:
        made(inside)("topics")
    assert "SKYKEY_SCHEMA_REGISTRY=https://" in str(caught.value)
    assert isinstance(caught.value, type(caught.value.__cause__))
    assert len(world.seen) == 4  # it may be that we are inside: it is tried
    with pytest.raises(Exception, match=r"interrupted|ended|closed|lost") as caught:
        made(inside, url="https://registry.example.org")("topics")
    assert "cluster" not in str(caught.value)


@pytest.mark.parametrize("host", ["registry.sasquatch", "registry", "registry.sasquatch.svc", "a.b.svc.cluster.local"])
def test_a_name_inside_another_sites_cluster_is_not_asked_for_here(made: Any, world: World, host: str) -> None:
    """It would be another registry, or nobody."""
    far = InfluxDatabase(
        url="https://far.example.org/influxdb/",  # type: ignore[arg-type]
        database="efd",
        schema_registry=f"http://{host}:8081",  # type: ignore[arg-type]
        local=False,
    )
    with pytest.raises(OutOfReach, match="cluster of another site"):
        made(far)("topics")
    assert world.seen == []


@pytest.mark.parametrize("host", ["127.0.0.1:8081", "10.0.0.1", "169.254.169.254", "[::1]", "localhost"])
def test_a_document_must_not_name_an_address_nearer_than_its_database(made: Any, host: str) -> None:
    for scheme in ("http", "https"):
        near = InfluxDatabase(
            url="https://rsp.example.org/influxdb/",  # type: ignore[arg-type]
            database="efd",
            schema_registry=f"{scheme}://{host}",  # type: ignore[arg-type]
            local=True,
        )
        with pytest.raises(OutOfReach, match="SKYKEY_SCHEMA_REGISTRY"):
            made(near)


# -- with a token


def test_a_token_goes_to_a_registry_that_the_user_named_and_to_no_other(made: Any, world: World) -> None:
    world.answer = lambda _: as_json("[]")
    published = InfluxDatabase(
        url="https://rsp.example.org/influxdb/",  # type: ignore[arg-type]
        database="efd",
        schema_registry="https://rsp.example.org/schema-registry",  # type: ignore[arg-type]
    )
    with pytest.raises(OutOfReach):
        made(published, token="token-canary")
    with pytest.raises(OutOfReach, match="plain http"):
        made(url="http://registry.example.org", token="token-canary")
    made(published)("topics")
    assert not any("authorization" in seen.headers for seen in world.seen)
    made(published, url="https://rsp.example.org/schema-registry", token="token-canary")("topics")
    assert world.seen[-1].headers["authorization"] == "Bearer token-canary"


@pytest.mark.parametrize("text", ["", "gt-a\ngt-b", "~/.lsst/usdf_rsp", '"token-canary"', "gt-" + "a" * 22])
def test_what_is_no_token_is_refused_unsent_and_unshown(made: Any, world: World, text: str) -> None:
    for token in (text, Secret(text)):
        with pytest.raises(Failed, match="the argument token holds no token") as caught:
            made(url="https://rsp.example.org/schema-registry", token=token)("topics")
        assert not text or text not in str(caught.value)
        frames = traceback.TracebackException.from_exception(caught.value, capture_locals=True).stack
        ours = [frame for frame in frames if f"{os.sep}src{os.sep}skykey{os.sep}" in frame.filename]
        assert ours
        assert [frame.name for frame in ours if text and repr(text)[1:-1] in str(frame.locals)] == []
    assert world.seen == []


# -- a registry that misbehaves


REFUSALS: list[tuple[Callable[[Seen], Answer], type[Exception]]] = [
    (lambda _: reply(500, '{"error_code": 50001, "message": "Error in the backend data store"}'), ServiceError),
    (lambda _: reply(403), Forbidden),
    (lambda _: reply(404, "<html>", Content_Type="text/html"), NotFound),
    (lambda _: reply(200, "<html>", Content_Type="text/html"), Unreadable),
    (lambda _: as_json("{}"), Unreadable),
    (lambda _: as_json("[1]"), Unreadable),
    (lambda _: as_json('{"schema": 5}'), Unreadable),
    (lambda _: as_json('{"schema": "<"}'), Unreadable),
    (lambda _: as_json(json.dumps({"schema": "[" * 100_000})), Unreadable),
    (lambda _: as_json('{"schema": "\\"string\\""}'), Unreadable),
    (lambda _: as_json(schema({"name": "x"})), Unreadable),
    (lambda _: as_json(schema({"name": "x", "type": 5})), Unreadable),
    (lambda _: as_json(schema(schemaType="PROTOBUF")), Unreadable),
    (lambda _: as_json(" " * (9 * 2**20)), Unreadable),
]


@pytest.mark.parametrize(("answer", "kind"), REFUSALS)
def test_what_is_no_schema_is_an_error_and_not_an_empty_one(
    made: Any, answer: Callable[[Seen], Answer], kind: type[Exception]
) -> None:
    with serving(answer) as server, pytest.raises(kind):
        made(url=server.url)("fields", "t")


def test_a_registry_that_is_not_there_or_silent(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Unreachable):
        made(url="http://127.0.0.1:1")("topics")
    monkeypatch.setattr("skykey.repertoire.schema_registry.MOST_SECONDS", 0.3)
    with serving(lambda _: server.closing.wait(20) and None) as server, pytest.raises(TimedOut):
        made(url=server.url)("topics")


def test_a_topic_is_one_segment_of_the_path(made: Any) -> None:
    with serving(lambda _: as_json(schema())) as server:
        made(url=f"{server.url}/registry/")("fields", "a/../b c?d#e%2F")
        assert server.seen[0].target == "/registry/subjects/a%2F..%2Fb%20c%3Fd%23e%252F-value/versions/latest"
        assert server.seen[0].headers["accept"].startswith("application/vnd.schemaregistry.v1+json")


# -- Avro


@pytest.mark.parametrize(
    ("type_", "expected"),
    [
        ("double", ("double", False)),
        (["null", "double"], ("double", False)),
        (["double", "null"], ("double", False)),
        (["null"], ("null", False)),
        (["null", "int", "string"], ("union", False)),
        ({"type": "long", "logicalType": "timestamp-millis"}, ("long", False)),
        ({"type": "array", "items": "float"}, ("float", True)),
        (["null", {"type": "array", "items": ["null", "float"]}], ("float", True)),
        ({"type": "array", "items": {"type": "array", "items": "int"}}, ("int", True)),
        ({"type": "record", "fields": []}, ("record", False)),
        ({"type": "enum", "symbols": ["A"]}, ("enum", False)),
    ],
)
def test_the_types_of_avro(type_: Any, expected: tuple[str, bool]) -> None:
    (field,) = read_fields(json.loads(schema({"name": "x", "type": type_})))
    assert (field.type, field.is_array) == expected


@pytest.mark.parametrize("units", [None, "", " ", "unitless", "Dimensionless", 5])
def test_units_that_say_nothing_are_none(units: Any) -> None:
    (field,) = read_fields(json.loads(schema({"name": "x", "type": "int", "units": units, "doc": "words"})))
    assert (field.units, field.description) == (None, "words")


Json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6) | st.sampled_from(["record", "array", "null"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "items", "fields", "name", "units", "x"]), inner, max_size=4)
    ),
    max_leaves=15,
)


@given(Json)
def test_whatever_a_registry_sends_is_read_or_refused(content: Any) -> None:
    for document in (
        content,
        {"schema": json.dumps(content)},
        {"schema": json.dumps({"type": "record", "fields": content})},
        {"schema": json.dumps({"type": "record", "fields": [{"name": "x", "type": content}]})},
    ):
        try:
            fields = read_fields(document)
        except Unreadable:
            continue
        assert all(isinstance(field.type, str) and isinstance(field.name, str) for field in fields)
