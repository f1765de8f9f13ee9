"""Units and descriptions: where they are asked for and nowhere else, and in every shape of an answer."""

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pytest

from skykey.repertoire.schema_registry import VARIABLE, SyncSchemaRegistry
from skykey.rubin.connections import get_clients
from skykey.rubin.influx_query import InfluxQueryClient
from skykey.sandbox import Box, running
from skykey.tables.metadata import descriptions, units
from skykey.tables.table import Table
from skykey.values.errors import Overloaded, SkykeyError, UnknownName, Unreachable, UsageError
from tests.rubin.test_selections import BEGIN, SECOND, WAYS, Influx, Way, in_windows, instant, last, limits, other
from tests.tables.test_rows import client_at
from tests.wire.askers import FastClock
from tests.wire.server import Seen, Server, as_json, reply, serving

ESS, MOUNT = "lsst.sal.ESS.temperature", "lsst.sal.MTMount.elevation"
NIGHT = ("2026-03-21T02:00:00Z", "2026-03-21T02:05:00Z")
LONG_AGO = ("1999-01-01", "1999-01-02")


@pytest.fixture(scope="module")
def shared_box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with running(tmp_path_factory.mktemp("sandbox")) as box:
        yield box


@pytest.fixture
def box(shared_box: Box, monkeypatch: pytest.MonkeyPatch) -> Iterator[Box]:
    for name, value in shared_box.environment().items():
        monkeypatch.setenv(name, value)
    shared_box.controls.forget()
    yield shared_box
    shared_box.controls.reset()


@pytest.fixture
def efd(box: Box) -> InfluxQueryClient:
    client = get_clients()["efd"]
    client._clock = FastClock()
    return client


def described_of(client: InfluxQueryClient, topic: str, face: str) -> Table:
    if face == "sync":
        return client.get_schema.table(topic)
    return asyncio.run(other(client).get_schema.table(topic))


FACE = pytest.mark.parametrize("face", ["sync", "async"])


@pytest.fixture(params=[*WAYS, "latest", "latest, async"])
def described_way(request: pytest.FixtureRequest) -> Way:
    """All that reads a topic, with units."""

    def latest(client: InfluxQueryClient, topic: str, fields: Any, since: str, until: str) -> Table:
        return client.select_top_n.table(topic, fields, 5, until, units=True)

    def latest_async(client: InfluxQueryClient, topic: str, fields: Any, since: str, until: str) -> Table:
        return asyncio.run(other(client).select_top_n.table(topic, fields, 5, until, units=True))

    if request.param in WAYS:
        return lambda client, *question: WAYS[request.param](client, *question, units=True)
    return latest if request.param == "latest" else latest_async


# -- what the registry says


@FACE
@pytest.mark.parametrize("topic", [ESS, MOUNT])
def test_a_schema_is_what_the_registry_says(efd: InfluxQueryClient, box: Box, topic: str, face: str) -> None:
    table = described_of(efd, topic, face)
    fields = SyncSchemaRegistry(url=f"{box.site_url}/schema-registry/").fields(topic)
    assert table.arrow.to_pylist() == [
        {
            "name": field.name,
            "type": field.type,
            "units": field.units,
            "description": field.description,
            "is_array": field.is_array,
        }
        for field in fields
    ]
    assert table.arrow.schema.types == [pa.string()] * 4 + [pa.bool_()]
    frame = efd.get_schema(topic)
    assert frame.dtypes.astype(str).tolist() == ["str", "str", "str", "str", "boolean"]
    assert frame.attrs["name"] == topic


@FACE
def test_a_topic_without_a_schema_is_no_empty_schema(efd: InfluxQueryClient, face: str) -> None:
    with pytest.raises(UnknownName, match=f"did you mean {ESS}"):
        described_of(efd, "lsst.sal.ESS.temperatur", face)


def test_a_schema_is_asked_once(efd: InfluxQueryClient, box: Box) -> None:
    efd.get_schema(ESS)
    efd.select_time_series(ESS, "*", *NIGHT, units=True)
    asyncio.run(other(efd).select_top_n(ESS, "*", 1, units=True))
    assert len(box.controls.requests("schema-registry")) == 1


# -- units of columns


def check(table: Any, expected: dict[str, str]) -> None:
    assert units(table.schema) == expected
    assert set(descriptions(table.schema)) == set(table.column_names) - {"time"}


@pytest.mark.parametrize("when", [NIGHT, LONG_AGO], ids=["rows", "no rows"])
def test_columns_have_units_whatever_the_way(efd: InfluxQueryClient, described_way: Way, when: Any) -> None:
    """Places of an array have those of the array; what has no unit has none."""
    items = {f"temperatureItem{place}": "deg_C" for place in range(4)}
    table = described_way(efd, ESS, "*", *when)
    assert {name for name in table.arrow.column_names if "Item" in name} == set(items)
    check(table.arrow, items)
    assert table.arrow.schema.field("temperatureItem3").metadata[b"description"] == b"Temperature of each sensor"
    twice = described_way(efd, MOUNT, ["actualPosition", "salIndex", "actualPosition"], *when)
    assert units(twice.arrow.schema)["actualPosition"] == "deg"
    assert twice.arrow.column_names == ["time", "actualPosition", "salIndex", "actualPosition_1"]
    assert twice.time_scale == "utc"


@pytest.mark.parametrize("tiny", [{"MOST_FIELDS": 2}, {"MOST_FIELDS": 100}, {"SAMPLE": 10_000}], ids=str)
def test_columns_have_units_in_windows_and_groups(
    efd: InfluxQueryClient, described_way: Way, tiny: dict[str, float]
) -> None:
    whole = described_way(efd, MOUNT, "*", *NIGHT)
    with in_windows(of_rows=60, **tiny):
        parts = described_way(efd, MOUNT, "*", *NIGHT)
    assert len(units(parts.arrow.schema)) > 2
    assert units(parts.arrow.schema) == units(whole.arrow.schema)
    assert descriptions(parts.arrow.schema) == descriptions(whole.arrow.schema)
    assert parts.arrow.to_pylist() == whole.arrow.to_pylist()


def test_each_batch_of_a_stream_has_units(efd: InfluxQueryClient) -> None:
    with in_windows(of_rows=60), efd.stream_time_series(MOUNT, "*", *NIGHT, units=True) as rows:
        batches = list(rows)
    assert len(batches) > 2
    for batch in batches:
        assert units(batch.schema)["actualPosition"] == "deg"


def test_units_are_in_the_frames_attributes(efd: InfluxQueryClient) -> None:
    frame = efd.select_time_series(MOUNT, "*", *NIGHT, units=True)
    assert frame.attrs["units"]["actualPosition"] == "deg"
    assert frame.attrs["descriptions"]["actualPosition"] == "Position of the axis"
    assert "salIndex" not in frame.attrs["units"]
    assert "units" not in efd.select_time_series(MOUNT, "*", *NIGHT).attrs


def test_units_change_no_value(efd: InfluxQueryClient) -> None:
    plain, described = (efd.select_time_series.arrow(ESS, "*", *NIGHT, units=asked) for asked in (False, True))
    assert described.schema.equals(plain.schema)
    assert described.to_pylist() == plain.to_pylist()


# -- a registry that is away


@pytest.mark.parametrize("status", [503, 500, 404])
def test_a_registry_that_is_away_fails_only_what_asks_it(
    efd: InfluxQueryClient, box: Box, described_way: Way, status: int
) -> None:
    box.controls.fault(status=status, service="schema-registry", times=999)
    with pytest.raises(SkykeyError):
        described_way(efd, ESS, "*", *NIGHT)
    for face in ("sync", "async"):
        with pytest.raises(SkykeyError):
            described_of(efd, ESS, face)
    box.controls.forget()
    assert len(efd.select_time_series(ESS, "*", *NIGHT)) == 60
    assert len(efd.select_top_n(ESS, "*", 3)) == 3
    assert box.controls.requests("schema-registry") == []
    box.controls.reset()
    assert described_way(efd, ESS, "*", *NIGHT).arrow.num_rows > 0


def test_rows_are_not_asked_for_where_their_units_are_missing(
    efd: InfluxQueryClient, box: Box, described_way: Way
) -> None:
    efd.get_fields(ESS)
    box.controls.fault(status=503, service="schema-registry", times=999)
    with pytest.raises(Overloaded):
        described_way(efd, ESS, "*", *NIGHT)
    assert not [seen for seen in box.controls.requests("influxdb") if "SELECT" in seen.query]


def test_a_registry_that_is_nowhere_says_how_to_name_it(
    efd: InfluxQueryClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(lambda _: None) as server:
        nowhere = server.url
    monkeypatch.setenv(VARIABLE, nowhere)
    with pytest.raises(Unreachable):
        efd.get_schema(ESS)
    assert len(efd.select_top_n(ESS, "*", 1)) == 1


# -- a registry of the user's


def registry(*fields: dict[str, Any]) -> Callable[[Seen], bytes]:
    schema = json.dumps({"type": "record", "name": "t", "fields": list(fields)})

    def answer(seen: Seen) -> bytes:
        if seen.path.endswith("/subjects"):
            return as_json('["t-value"]')
        if "/t-value/" not in seen.path:
            return reply(404, '{"error_code": 40401}')
        return as_json(json.dumps({"subject": "t-value", "version": 1, "id": 1, "schema": schema}))

    return answer


ARRAY = {"type": "array", "items": "double"}


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    fields = [
        {"name": "force1", "type": ARRAY, "units": "N"},
        {"name": "force", "type": "double", "units": "kN"},
        {"name": "x", "type": ARRAY, "units": "m"},
        {"name": "x1", "type": ARRAY, "units": "cm"},
        {"name": "x7", "type": "double", "units": "s"},
        {"name": "y", "type": "double", "units": "K", "description": "a y"},
    ]
    with serving(registry(*fields)) as server:
        monkeypatch.setenv(VARIABLE, server.url)
        yield server


def test_the_users_registry_is_asked_and_gets_no_login(efd: InfluxQueryClient, box: Box, named: Server) -> None:
    with pytest.raises(UnknownName):
        efd.get_schema(ESS)
    assert efd.get_schema("t")["name"].tolist() == ["force1", "force", "x", "x1", "x7", "y"]
    assert box.controls.requests("schema-registry") == []
    login = efd._login.get().credential.password.reveal()
    for seen in named.seen:
        assert "authorization" not in seen.headers
        assert box.token not in seen.text
        assert login not in seen.text


def test_places_are_described_by_their_array_and_nothing_else_is(named: Server, way: Way) -> None:
    """force10 is place 0 of force1, and not place 10 of force, which is one value; x has no ten places beside x1."""
    row = dict.fromkeys(("force10", "force11", "force", "x0", "x12", "x7", "y", "y1", "z0", "12"), 0.5)
    with serving(Influx({BEGIN: row})) as server:
        table = way(client_at(server.url), "t", "*", instant(BEGIN), last(1), units=True)
        empty = way(client_at(server.url), "t", "*", instant(0), instant(1), units=True)
    expected = {"force10": "N", "force11": "N", "force": "kN", "x0": "m", "x12": "cm", "x7": "s", "y": "K"}
    assert units(table.arrow.schema) == units(empty.arrow.schema) == expected
    assert descriptions(table.arrow.schema) == {"y": "a y"}
    with serving(Influx({BEGIN: row})) as server, limits(MOST_FIELDS=1):
        assert units(way(client_at(server.url), "t", "*", instant(BEGIN), last(1), units=True).arrow.schema) == expected


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Way:
    return WAYS[request.param]


def test_where_nothing_names_a_registry_only_units_are_refused(way: Way) -> None:
    influx = Influx({BEGIN + n * SECOND: {"x": 0.5} for n in range(3)})
    with serving(influx) as server:
        client = client_at(server.url)
        with pytest.raises(UsageError, match="nothing names a schema registry"):
            way(client, "t", "*", instant(BEGIN), last(3), units=True)
        with pytest.raises(UsageError, match="nothing names a schema registry"):
            client.get_schema("t")
        assert influx.asked == []
        assert len(way(client, "t", "*", instant(BEGIN), last(3))) == 3
