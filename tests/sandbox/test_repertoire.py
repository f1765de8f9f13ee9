from typing import Any

import pytest

from skykey.sandbox import Box

LABELS = {
    "usdf_efd": "efd",
    "usdf_obsenv": "lsst.obsenv",
    "usdf_prompt": "lsst.prompt",
    "usdfdev_prompt": "lsst.prompt",
    "usdfint_prompt": "lsst.prompt",
    "summit_efd": "efd",
    "summit_obsenv": "lsst.obsenv",
    "summit_prompt": "lsst.prompt",
    "summit_scimma": "lsst.scimma",
    "base_efd": "efd",
    "base_obsenv": "lsst.obsenv",
    "base_prompt": "lsst.prompt",
}


def test_discovery_needs_no_token_and_names_every_database(ask: Any, box: Box) -> None:
    answer = ask(f"{box.site_url}/repertoire/discovery")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    databases = answer.json["influxdb_databases"]
    assert {label: entry["database"] for label, entry in databases.items()} == LABELS
    assert list(databases) == sorted(databases)
    assert databases["usdf_efd"]["url"] == f"{box.site_url}/influxdb/"
    assert databases["usdf_efd"]["local"] is True
    assert "local" not in databases["summit_efd"]  # a default is left out
    assert databases["summit_scimma"]["url"] == f"{box.second_url}/influxdb/"
    assert not any("password" in entry or "username" in entry for entry in databases.values())
    gafaelfawr = answer.json["services"]["internal"]["gafaelfawr"]
    assert gafaelfawr["versions"]["v1"]["url"] == f"{box.site_url}/auth/api/v1"


def test_links_use_the_name_that_the_caller_used(ask: Any, box: Box) -> None:
    port = box.site_url.rpartition(":")[2]
    document = ask(f"{box.site_url}/repertoire/discovery", headers={"Host": f"localhost:{port}"}).json
    entry = document["influxdb_databases"]["usdf_efd"]
    assert entry["credentials_url"] == f"http://localhost:{port}/repertoire/discovery/influxdb/usdf_efd"


def test_credentials_have_the_documented_keys_in_order(ask: Any, box: Box) -> None:
    login = ask(f"{box.site_url}/repertoire/discovery/influxdb/usdf_efd", box.token).json
    order = ["url", "database", "description", "schema_registry", "local", "username", "password"]
    assert list(login) == order
    assert login["username"] == "efdreader"


def test_list_holds_all_credentials(ask: Any, box: Box) -> None:
    logins = ask(f"{box.site_url}/repertoire/discovery/influxdb", box.token).json
    assert set(logins) == set(LABELS)
    assert logins["summit_scimma"]["password"] != logins["usdf_efd"]["password"]


def test_unknown_label_is_404_only_for_whom_may_ask(ask: Any, box: Box) -> None:
    url = f"{box.site_url}/repertoire/discovery/influxdb/nowhere"
    assert ask(url).status == 401
    answer = ask(url, box.token)
    assert answer.status == 404
    assert answer.json == {
        "detail": [{"msg": "Database nowhere not found", "type": "database_not_found", "loc": ["path", "database"]}]
    }


def test_metadata_and_framework_errors(ask: Any, box: Box) -> None:
    assert ask(f"{box.site_url}/repertoire/").json["metadata"]["name"] == "Repertoire"
    answer = ask(f"{box.site_url}/repertoire/discovery", method="POST")
    assert (answer.status, answer.body) == (405, b'{"detail":"Method Not Allowed"}')
    answer = ask(f"{box.site_url}/repertoire/discovery", method="HEAD")
    assert (answer.status, answer.body) == (405, b"")
    assert ask(f"{box.site_url}/repertoire/nothing").body == b'{"detail":"Not Found"}'


@pytest.mark.parametrize(
    ("path", "target"),
    [("/repertoire", "/repertoire/"), ("/repertoire/discovery/", "/repertoire/discovery")],
)
def test_a_wrong_slash_is_a_307_with_an_absolute_location(ask: Any, box: Box, path: str, target: str) -> None:
    answer = ask(box.site_url + path)
    assert (answer.status, answer.headers["Location"], answer.body) == (307, box.site_url + target, b"")


@pytest.mark.parametrize("path", ["/", "/no-such-service"])
def test_what_is_not_deployed_is_a_plain_404(ask: Any, box: Box, path: str) -> None:
    answer = ask(box.site_url + path)
    assert answer.status == 404
    assert b"<center>nginx</center>" in answer.body


def test_under_a_real_name_the_other_origin_has_a_name_too(ask: Any, box: Box) -> None:
    """A public site that names an address of this machine is not believed."""
    from skykey.sandbox.hosts import SECOND, SITES

    assert SECOND in box.hosts
    for host in SITES:
        document = ask(f"{box.site_url}/repertoire/discovery", headers={"Host": host}).json
        entry = document["influxdb_databases"]["summit_scimma"]
        assert entry["url"] == f"https://{SECOND}/influxdb/"
        assert entry["schema_registry"] == "http://sasquatch-schema-registry.sasquatch:8081/"
        assert "127.0.0.1" not in str(document)
