"""The registry's counterpart answers as the documentation of the real one says."""

import json
from typing import Any

import pytest

from skykey.sandbox import Box

SUBJECT = "lsst.sal.ESS.temperature-value"


@pytest.fixture
def registry(box: Box) -> str:
    return f"{box.site_url}/schema-registry"


def test_it_is_named_by_the_site_and_asks_for_no_token(ask: Any, box: Box, registry: str) -> None:
    entries = ask(f"{box.site_url}/repertoire/discovery").json["influxdb_databases"]
    assert {entry["schema_registry"] for entry in entries.values()} == {f"{registry}/"}
    answer = ask(f"{registry}/subjects")
    assert answer.headers["Content-Type"] == "application/vnd.schemaregistry.v1+json"
    assert SUBJECT in answer.json
    assert answer.json == sorted(answer.json)
    assert [seen.credential for seen in box.controls.requests("schema-registry")] == [None]


def test_subjects_by_their_beginning(ask: Any, registry: str) -> None:
    assert ask(f"{registry}/subjects?subjectPrefix=lsst.scimma").json == ["lsst.scimma.gw_alert-value"]


def test_a_schema_is_a_text_inside_the_document(ask: Any, registry: str) -> None:
    latest = ask(f"{registry}/subjects/{SUBJECT}/versions/latest").json
    assert set(latest) == {"subject", "version", "id", "schema"}
    assert latest == ask(f"{registry}/subjects/{SUBJECT}/versions/1").json
    assert ask(f"{registry}/subjects/{SUBJECT}/versions").json == [1]
    record = json.loads(latest["schema"])
    assert (record["type"], record["namespace"], record["name"]) == ("record", "lsst.sal.ESS", "temperature")
    assert ask(f"{registry}/schemas/ids/{latest['id']}").json == {"schema": latest["schema"]}


def test_what_was_sent_as_an_array_is_one_field(ask: Any, registry: str) -> None:
    record = json.loads(ask(f"{registry}/subjects/{SUBJECT}/versions/latest").json["schema"])
    fields = {field["name"]: field for field in record["fields"]}
    assert fields["temperatureItem"]["type"] == {"type": "array", "items": "double"}
    assert fields["temperatureItem"]["units"] == "deg_C"
    assert "temperatureItem0" not in fields
    assert fields["salIndex"]["type"] == "long"
    odd = json.loads(ask(f"{registry}/subjects/lsst.sal.fooSubSys.test-value/versions/1").json["schema"])
    names = {field["name"] for field in odd["fields"]}
    assert {"fooSubSys1", "fooSubSys2", "hamegg"} <= names  # numbered from one: no array


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/subjects/nothing/versions", 404, 40401),
        ("/subjects/nothing/versions/1", 404, 40401),
        (f"/subjects/{SUBJECT}/versions/2", 404, 40402),
        (f"/subjects/{SUBJECT}/versions/x", 422, 42202),
        (f"/subjects/{SUBJECT}/versions/0", 422, 42202),
        ("/schemas/ids/999", 404, 40403),
    ],
)
def test_errors_have_the_documented_codes(ask: Any, registry: str, path: str, status: int, code: int) -> None:
    answer = ask(registry + path)
    assert (answer.status, answer.json["error_code"]) == (status, code)


def test_nothing_can_be_written(ask: Any, registry: str) -> None:
    for method in ("POST", "PUT", "DELETE"):
        assert ask(f"{registry}/subjects/{SUBJECT}/versions", method=method).status == 405


def test_it_can_be_made_to_fail(ask: Any, box: Box, registry: str) -> None:
    box.controls.fault("status", service="schema-registry", status=500)
    assert ask(f"{registry}/subjects").status == 500
    assert ask(f"{registry}/subjects").status == 200
