"""The values that are handed out: frozen, and no password in any way of writing them but the explicit one."""

import copy
import dataclasses
import json
import pickle
from typing import Any

import pytest

from skykey import repertoire
from skykey.repertoire import Discovery, InfluxDatabase, InfluxDatabaseWithCredentials, RepertoireValidationError
from skykey.repertoire.efdauth import InfluxLogins
from skykey.repertoire.model import Entries
from skykey.repertoire.models import Password
from skykey.repertoire.reading import read_credentials
from skykey.values.errors import BadUrl
from skykey.values.secret import Secret
from skykey.values.url import Url
from tests.repertoire.documents import DOCUMENT, HOST, TEXT
from tests.values.canary import CANARY, leaks

SENT: dict[str, Any] = {
    "url": f"{HOST}/influxdb/",
    "database": "efd",
    "description": "Engineering data",
    "schema_registry": "http://r.example.org:8081/",
    "local": True,
    "username": "efdreader",
    "password": CANARY,
}


@pytest.fixture
def login() -> InfluxDatabaseWithCredentials:
    return read_credentials(SENT)


def test_a_login_writes_itself_without_its_password(login: InfluxDatabaseWithCredentials) -> None:
    """Upstream's JSON has it in clear."""
    dumped = login.model_dump(mode="json")
    assert list(dumped) == list(SENT)
    assert dumped == SENT | {"password": "**********"}
    assert json.loads(login.model_dump_json()) == dumped
    assert "\n" in login.model_dump_json(indent=2)
    assert login.model_dump()["password"] == login.password
    assert isinstance(login.model_dump()["url"], Url)
    assert type(dumped["url"]) is str
    assert login.to_dict() == {name: value for name, value in SENT.items() if name != "password"}
    assert CANARY not in f"{dumped} {login.model_dump()} {login.model_dump_json()} {login.to_dict()}"
    assert CANARY not in str(dataclasses.asdict(login))
    logins = InfluxLogins({"site_efd": login})
    assert CANARY not in f"{logins} {logins!r} {logins.failed}"


def test_the_explicit_way_gives_what_was_sent(login: InfluxDatabaseWithCredentials) -> None:
    assert login.to_dict(include_secrets=True) == SENT
    assert list(login.to_dict(include_secrets=True)) == list(SENT)


def test_no_display_of_a_login_shows_its_password(login: InfluxDatabaseWithCredentials) -> None:
    assert leaks(login, CANARY) == []


def test_a_database_without_a_login_writes_itself_too() -> None:
    """Upstream's JSON crashes."""
    free = read_credentials(SENT | {"username": None, "password": None})
    assert free.model_dump(mode="json")["password"] is None
    assert json.loads(free.model_dump_json(exclude_none=True)).keys() == SENT.keys() - {"username", "password"}
    assert "password" not in free.to_dict(include_secrets=True)


def test_a_login_compares_and_hashes_and_does_not_travel(login: InfluxDatabaseWithCredentials) -> None:
    twin, other = read_credentials(SENT), read_credentials(SENT | {"password": "another"})
    assert login == twin != other
    assert len({login, twin, other}) == 2
    assert copy.deepcopy(login) == login
    with pytest.raises(TypeError, match="does not pickle"):
        pickle.dumps(login)
    with pytest.raises(dataclasses.FrozenInstanceError):
        login.username = "x"  # type: ignore[misc]


# What upstream documents: required fields, then those with a default.
FIELDS = {
    "Discovery": ("", "applications datasets environment environment_name influxdb_databases services"),
    "Environment": ("name label title title_long docs_url", "description"),
    "Dataset": ("", "butler_config description docs_url obscore_config services"),
    "Services": ("", "internal ui"),
    "BaseService": ("url", "title docs_url required_scopes"),
    "ApiService": ("url", "title docs_url required_scopes openapi quota_labels versions"),
    "DataService": ("url", "title docs_url required_scopes openapi quota_labels versions ivoa_registry"),
    "InternalService": ("url", "title docs_url required_scopes openapi quota_labels versions"),
    "UiService": ("url", "title docs_url required_scopes"),
    "ApiVersion": ("url", "ivoa_standard_id"),
    "QuotaLabel": ("title", "internal"),
    "InfluxDatabase": ("url database schema_registry", "description local"),
    "InfluxDatabaseWithCredentials": ("url database schema_registry username password", "description local"),
}


@pytest.mark.parametrize("name", FIELDS)
def test_each_documented_model_has_its_fields(name: str) -> None:
    required, optional = (set(names.split()) for names in FIELDS[name])
    fields = dataclasses.fields(getattr(repertoire, name))
    missing = dataclasses.MISSING
    needed = {field.name for field in fields if field.default is missing and field.default_factory is missing}
    assert needed == required
    assert {field.name for field in fields} - needed - {"document", "problems"} == optional


def test_models_are_made_from_text_as_upstreams_are() -> None:
    made = InfluxDatabase(url="https://I.example:443", database="efd", schema_registry="http://r:8081")  # type: ignore[arg-type]
    assert (made.url, made.url.host, made.schema_registry.port) == ("https://i.example/", "i.example", 8081)
    assert (made.local, made.description) == (False, None)
    with pytest.raises(BadUrl):
        InfluxDatabase(url="file:///etc/passwd", database="efd", schema_registry="http://r:8081")  # type: ignore[arg-type]
    whole = InfluxDatabaseWithCredentials.model_validate(SENT)
    assert whole.password == Password(Secret(CANARY))
    with pytest.raises(RepertoireValidationError, match="username") as caught:
        InfluxDatabaseWithCredentials.model_validate({name: SENT[name] for name in SENT if name != "username"})
    assert CANARY not in str(caught.value)


def test_a_document_travels_and_reads_again() -> None:
    found = Discovery.model_validate(DOCUMENT)
    again = pickle.loads(pickle.dumps(found))
    assert again == found == copy.deepcopy(found)
    assert again.document["environment"]["label"] == "exampleprod"
    written = found.model_dump_json(exclude_defaults=True)
    assert Discovery.model_validate(json.loads(written)) == dataclasses.replace(
        found,
        datasets=Entries(
            {
                label: dataclasses.replace(
                    dataset,
                    services=Entries(
                        {
                            name: dataclasses.replace(
                                service,
                                versions=Entries(
                                    {
                                        key: dataclasses.replace(version, ivoa_standard_id=None)
                                        for key, version in service.versions.items()
                                    }
                                ),
                            )
                            for name, service in dataset.services.items()
                        }
                    ),
                )
                for label, dataset in found.datasets.items()
            }
        ),
    )
    assert "ivoa_standard_id" in TEXT
    assert "ivoa_standard_id" not in written  # read, never written
    assert set(json.loads(written)) == set(DOCUMENT)
