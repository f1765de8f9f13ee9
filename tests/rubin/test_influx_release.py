"""Builders and attributes of the release: the same statements, written so that nothing in them is misread."""

import datetime as dt
import math
import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import numpy as np
import pandas as pd
import pytest
from astropy.time import Time
from hypothesis import given
from hypothesis import strategies as st

from skykey.rubin import influx_query, influxql
from skykey.rubin.connections import get_clients
from skykey.rubin.influx_query import AsyncInfluxQueryClient, InfluxQueryClient
from skykey.sandbox import Box, running
from skykey.sandbox.influxdb import influxql as servers  # reads statements, written independently
from skykey.values.errors import NoCredential, SkykeyError, UsageError

QUERY, TOP = InfluxQueryClient.build_influxdb_query, InfluxQueryClient.build_influxdb_top_n_query
BEGIN = Time("2025-06-20T12:00:00", scale="utc")
END = Time("2025-06-20T13:00:00.123", scale="tai")


@pytest.fixture(scope="module")
def shared_box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with running(tmp_path_factory.mktemp("sandbox")) as box:
        yield box


@pytest.fixture
def box(shared_box: Box, monkeypatch: pytest.MonkeyPatch) -> Box:
    environment = shared_box.environment()
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SKYKEY_RUBIN_SITES", f"box={shared_box.site_url}")
    shared_box.controls.reset()
    shared_box.controls.forget()
    return shared_box


@pytest.fixture
def real_names(box: Box, monkeypatch: pytest.MonkeyPatch) -> Box:
    """The sandbox under the names of the real hosts, behind its proxy."""
    environment = box.environment(as_real=True)
    for name in os.environ.keys() - environment.keys():
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return box


# -- statements


def test_exact_statements() -> None:
    """Those of the contract, with names quoted and times whole."""
    range_ = "time >= '2025-06-20T12:00:00.000000000Z' AND time <= '2025-06-20T12:59:23.123000000Z'"
    assert QUERY("lsst.sal.A", ["a", "b"], (BEGIN, END), [("salIndex", 1)]) == (  # type: ignore[list-item]
        f'SELECT "a", "b" FROM "lsst.sal.A" WHERE {range_} AND "salIndex" = 1'
    )
    for nothing in ("*", [], "", ["*"], [""]):
        assert QUERY("m", nothing) == 'SELECT * FROM "m"'
    assert TOP("m", "a", 5, Time("2025-01-01T00:00:00"), [("salIndex", 2)]) == (
        'SELECT "a" FROM "m" WHERE time <= \'2025-01-01T00:00:00.000000000Z\' AND "salIndex" = 2'
        " GROUP BY * ORDER BY time DESC LIMIT 5"
    )
    assert TOP("m") == 'SELECT * FROM "m" GROUP BY * ORDER BY time DESC LIMIT 10'
    assert QUERY("m", filters=[("name", "'x'"), ("salIndex", 3)]) == (
        'SELECT * FROM "m" WHERE "name" = \'x\' AND "salIndex" = 3'
    )


@pytest.mark.parametrize("nothing", [None, (), []])
def test_no_range_is_none(nothing: Any) -> None:
    assert QUERY("m", "a", nothing) == 'SELECT "a" FROM "m"'


@pytest.mark.parametrize(
    "column",
    [
        "mean(a)",
        'mean("a")',
        "percentile(a, 90)",
        "log10(a)",
        'MEAN("a b")',
        '"quoted"',
        'mean(a) AS "b"',
        "max(a) as b",
    ],
)
def test_what_is_influxql_already_stays_as_it_is(column: str) -> None:
    assert QUERY("m", column) == f'SELECT {column} FROM "m"'


@pytest.mark.parametrize("field", ["a(b", "(a)", 'a"b', "a b", "mean", "a, b", "select"])
def test_what_only_looks_like_it_is_a_name(field: str) -> None:
    assert QUERY("m", field) == f'SELECT {influxql.name(field)} FROM "m"'


names = st.text(st.characters(exclude_categories=["C", "Z"]) | st.just(" "), min_size=1).filter(
    lambda text: not influx_query.influx_release._INFLUXQL.fullmatch(text)
)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0")).filter(
    lambda text: not influxql._LITERAL.fullmatch(text)
)
values = st.one_of(texts, st.integers(-(2**63), 2**63 - 1), st.floats(-1e40, 1e40), st.booleans())
times = st.integers(-(2**62), 2**62).map(lambda count: pd.Timestamp(count, tz="UTC"))


@given(names, st.lists(names), st.none() | st.tuples(times, times), st.lists(st.tuples(names, values), max_size=3))
def test_what_is_built_is_one_statement_with_the_same_names_and_values(
    topic: str, fields: list[str], bounds: Any, filters: list[tuple[str, Any]]
) -> None:
    for text in (QUERY(topic, fields, bounds, filters), TOP(topic, fields, 7, bounds and bounds[1], filters)):
        (read,) = servers.parse(text)
        assert isinstance(read, servers.Select)
        assert read.source == servers.Source("", "", topic)
        assert read.columns == (tuple(fields) or (servers.Star.STAR,))
        asked = [each for each in read.where if not (each.column == "time" and each.operator != "=")]
        assert [(each.column, each.operator) for each in asked] == [(name, "=") for name, _ in filters]
        for each, (_, value) in zip(asked, filters, strict=True):
            assert each.value == value
            assert type(each.value) is type(value)
        assert len(read.where) - len(asked) == (0 if not bounds else 2 if text.count("GROUP BY") == 0 else 1)


def test_numbers_have_no_exponents_because_influxql_knows_none() -> None:
    written = {1e300: "1" + "0" * 300 + ".0", 1e-7: "0.0000001", -2.5: "-2.5", 2**63: str(2**63), 0.1: "0.1"}
    for value, text in written.items():
        assert influxql.literal(value) == text
    assert influxql.literal(np.float64(1e22)) == "1" + "0" * 22 + ".0"
    assert influxql.literal(np.int64(3)) == "3"
    assert (influxql.literal(np.bool_(True)), influxql.literal(np.bool_(False))) == ("true", "false")


@pytest.mark.parametrize("literal", ["3", "-3", "+3", "3.", "3.5", ".5", "-.5", "true", "FALSE", "'it\\'s'"])
def test_text_that_is_a_literal_stays_one(literal: str) -> None:
    """As in the release, whose users quote their text themselves, and write numbers as text."""
    assert influxql.literal(literal) == literal


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, None, object(), b"x", [1], "a\rb", "a\0b", "\ud800", 1 + 2j]
)
def test_what_cannot_be_written_is_refused(value: Any) -> None:
    with pytest.raises(UsageError, match="cannot be written in InfluxQL"):
        QUERY("m", "*", filters=[("a", value)])


@pytest.mark.parametrize("text", ["it's", "a\\", "x' OR '1'='1", "'", "two\nlines", "", "'a' OR 'b'", "'a", "1 OR 1"])
def test_no_text_escapes_its_quotes(text: str) -> None:
    (read,) = servers.parse(QUERY("m", "*", filters=[("name", text)]))
    assert isinstance(read, servers.Select)
    assert [(each.column, each.value) for each in read.where] == [("name", text)]


def test_builders_take_what_is_no_time_for_what_it_is() -> None:
    with pytest.raises(UsageError):
        QUERY("m", "*", ("yesterday", "today"))
    with pytest.raises(UsageError):
        TOP("m", "*", 1.5)  # type: ignore[arg-type]


def test_what_is_built_is_answered(box: Box) -> None:
    efd = get_clients()["efd"]
    text = QUERY("lsst.sal.ESS.temperature", ["temperatureItem0", "salIndex"], filters=[("salIndex", "112")])
    assert set(efd.query(text)["salIndex"]) == {112}
    assert len(efd.query(TOP("lsst.sal.ESS.temperature", num=3, filters=[("salIndex", 111)]))) == 3


# -- attributes


def test_attributes_ask_when_they_are_looked_at_and_not_before(box: Box) -> None:
    client = InfluxQueryClient("usdf", repertoire_site="box", auth=("user", box.token))
    assert (client.site, client.db_name, client.influx_db, client.repertoire_site) == ("usdf", "efd", "usdf_efd", "box")
    assert client.last_query == "No query issued yet."
    assert client.null_result.shape == (0, 0)
    assert repr(client) == "<InfluxQueryClient usdf_efd>"
    assert box.controls.requests() == []
    assert client.creds_from == "repertoire"
    assert client.url == f"{box.site_url}/influxdb/"
    assert not any(seen.service == "influxdb" for seen in box.controls.requests())
    assert "lsst.sal.ESS.temperature" in client.topics
    assert client.topics == client.get_topics()


def test_one_empty_result_is_not_another(box: Box) -> None:
    client = get_clients()["efd"]
    one = client.null_result
    one["column"] = [1]
    assert client.null_result.shape == (0, 0)


def test_an_attribute_that_needs_a_login_says_what_is_missing(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("skykey.calls.repeats.backed_off", lambda *_: 0.001)
    box.controls.fault(status=503, service="repertoire", times=99)
    client = InfluxQueryClient("usdf", repertoire_site="box", auth=("user", box.token))
    with pytest.raises(SkykeyError):
        _ = client.url
    with pytest.raises(influx_query.RepertoireCredsError):
        _ = client.creds_from
    box.controls.reset()


def test_names_of_the_releases_module_are_there() -> None:
    from skykey.rubin.influx_query import (
        REPERTOIRE_DEV,
        TZ_UTC,
        RepertoireCredsError,
        convert_time_to_tz_datetime,
        day_obs_from_efd_index,
        day_obs_from_efd_index_array,
    )

    assert REPERTOIRE_DEV is True
    assert convert_time_to_tz_datetime(BEGIN) == dt.datetime(2025, 6, 20, 12, tzinfo=TZ_UTC)
    assert convert_time_to_tz_datetime(BEGIN).tzinfo is TZ_UTC
    assert issubclass(RepertoireCredsError, Exception)
    assert issubclass(NoCredential, RepertoireCredsError)
    assert callable(day_obs_from_efd_index)
    assert callable(day_obs_from_efd_index_array)


# -- which database is asked

SENT = {
    "efd": "efd",
    "lsst.efd": "efd",
    "EFD": "efd",
    "LSST.EFD": "efd",
    "lsst.obsenv": "lsst.obsenv",
    "lsst.prompt": "lsst.prompt",
    "lsst.scimma": "lsst.scimma",
    "somebody.Elses": "somebody.Elses",
    "efd2": "efd2",
}


@pytest.mark.parametrize("db_name", SENT)
def test_the_database_that_is_asked_where_only_segwarides_gives_a_login(real_names: Box, db_name: str) -> None:
    """It says no database. The seed calls one lsst.efd that is efd in every InfluxDB."""
    client = InfluxQueryClient("usdf", db_name)
    keeper = client._login
    held = keeper.get()
    assert (held.facts["creds_from"], "database" in held.facts) == ("segwarides", False)
    real_names.controls.forget()
    topics = client.get_topics()  # none, of a database that is not there
    assert client.db_name == SENT[db_name]
    (seen,) = real_names.controls.requests("influxdb")
    assert parse_qs(seen.query)["db"] == [SENT[db_name]]
    assert ("lsst.sal.ESS.temperature" in topics) == (SENT[db_name] == "efd")


def test_the_database_that_repertoire_names_is_asked_whatever_it_was_called(box: Box) -> None:
    for made in (InfluxQueryClient, AsyncInfluxQueryClient):
        client = made("usdf", "lsst.efd", repertoire_site="box", auth=("user", box.token))
        assert (client.influx_db, client.db_name) == ("usdf_efd", "efd")
    blocking = InfluxQueryClient("usdf", "obsenv", repertoire_site="box", auth=("user", box.token))
    assert "lsst.obsenv.summary" in blocking.get_topics()
