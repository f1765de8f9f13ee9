"""D14: a token of one site in front of another (development and production): refused before anything is sent there."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from skykey.credentials.keeper import Keeper
from skykey.repertoire import DiscoveryClient, SyncDiscoveryClient
from skykey.repertoire.login import RepertoireLogin
from skykey.rubin.connections import get_access_token, get_clients
from skykey.rubin.gafaelfawr import Gafaelfawr
from skykey.rubin.influx_query import telemetry
from skykey.rubin.sites import find_site
from skykey.rubin.tokens import token_chain
from skykey.values.errors import CredentialError, SkykeyError, UnknownSite
from tests.reliability import naive
from tests.reliability.naive import TOKEN
from tests.wire.server import Seen, World, as_json

DEV, PROD = "https://usdf-rsp-dev.slac.stanford.edu", "https://usdf-rsp.slac.stanford.edu"
SUMMIT = "https://summit-lsp.lsst.codes"
REMEDY = "/auth/tokens"


def site(seen: Seen) -> bytes:
    """Every site sells every login to whoever shows a token, and tells whose it is."""
    import json

    entry = {
        "url": f"{seen.origin}/influxdb/",
        "database": "efd",
        "schema_registry": f"{seen.origin}/schema-registry/",
        "credentials_url": f"{seen.origin}/repertoire/discovery/influxdb/usdf_efd",
    }
    match seen.path.rpartition("/")[2]:
        case "discovery":
            return as_json(json.dumps({"influxdb_databases": {"usdf_efd": entry, "usdfdev_efd": entry}}))
        case "token-info":
            return as_json('{"username": "ada", "token_type": "user", "scopes": []}')
        case "influxdb":
            return as_json("{}")
    return as_json(json.dumps(entry | {"username": "u", "password": "p"}))


@pytest.fixture
def on_dev(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A notebook of the development site, with its token where Nublado puts it."""
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "token").write_text(TOKEN)
    monkeypatch.setenv("NUBLADO_RUNTIME_MOUNTS_DIR", str(tmp_path))
    monkeypatch.setenv("EXTERNAL_INSTANCE_URL", DEV)
    world.answer = site
    return world


def dev_token() -> Keeper[Any]:
    return Keeper(token_chain(find_site("usdf-dev")))


def login(discovery: SyncDiscoveryClient) -> None:
    client = telemetry("usdf", "efd", Keeper(RepertoireLogin(discovery, ("usdf_efd",), dev_token())))
    client.query("SHOW DATABASES")


BOUND: dict[str, Callable[[], Any]] = {
    "a login": lambda: SyncDiscoveryClient(base_url=f"{PROD}/repertoire").login("usdf_efd", dev_token()),
    "a login, async": lambda: asyncio.run(
        DiscoveryClient(base_url=f"{PROD}/repertoire").login("usdf_efd", dev_token())
    ),
    "all logins": lambda: SyncDiscoveryClient(base_url=f"{PROD}/repertoire").logins(dev_token()),
    "telemetry": lambda: login(SyncDiscoveryClient(base_url=f"{PROD}/repertoire")),
    "the token's owner": lambda: Gafaelfawr(find_site("usdf"), dev_token()).token_info(),
}


@pytest.mark.parametrize("way", BOUND)
def test_d14_a_token_that_is_bound_to_a_site_costs_the_other_one_no_request(on_dev: World, way: str) -> None:
    with pytest.raises(CredentialError) as caught:
        BOUND[way]()
    print(f"D14 {way}: {len(on_dev.seen)} requests")
    assert on_dev.seen == []
    assert DEV in str(caught.value)  # whose it is
    assert PROD in str(caught.value)
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("way", [way for way in BOUND if "owner" not in way])
def test_d14_the_error_says_where_the_right_one_is_made(on_dev: World, way: str) -> None:
    with pytest.raises(CredentialError) as caught:
        BOUND[way]()
    assert caught.value.next is not None
    assert f"{PROD}{REMEDY}" in caught.value.next


@pytest.mark.parametrize("wanted", ["usdf", "summit"])
def test_d14_the_platforms_own_token_is_not_taken_for_another_site(on_dev: World, wanted: str) -> None:
    root = {"usdf": PROD, "summit": SUMMIT}[wanted]
    with pytest.raises(CredentialError) as caught:
        get_clients(site=wanted)["efd"].query("SHOW DATABASES")
    carried = [seen for seen in on_dev.seen if TOKEN in seen.text]
    print(f"D14 get_clients(site={wanted!r}) on {DEV}: {len(carried)} requests with the token")
    assert carried == []
    assert f"it belongs to the platform at {DEV}, and {root} was asked for" in str(caught.value)
    assert f"{root}{REMEDY}" in str(caught.value)


def test_d14_at_home_the_same_token_works(on_dev: World) -> None:
    """Or the tests above would pass for a client that never finds it."""
    assert get_access_token() == TOKEN
    for name, way in {
        "login": lambda: SyncDiscoveryClient(base_url=f"{DEV}/repertoire").login("usdf_efd", dev_token()),
        "owner": lambda: Gafaelfawr(find_site("usdf-dev"), dev_token()).token_info(),
    }.items():
        on_dev.seen.clear()
        way()
        assert [seen.origin for seen in on_dev.seen if TOKEN in seen.text] == [DEV], name


@pytest.mark.parametrize(
    "here", ["https://unknown.example", "https://usdf-rsp.slac.stanford.edu.evil.test", "not a url"]
)
def test_d14_an_unknown_platform_is_no_known_site(on_dev: World, here: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXTERNAL_INSTANCE_URL", here)
    with pytest.raises(UnknownSite):
        get_clients()
    with pytest.raises(SkykeyError):
        get_clients(site="usdf")["efd"].query("SHOW DATABASES")
    assert not any(TOKEN in seen.text for seen in on_dev.seen)


def test_d14_a_naive_client_fails(on_dev: World) -> None:
    """It takes the token that it finds to the site that it is asked for."""
    found = (Path(os.environ["NUBLADO_RUNTIME_MOUNTS_DIR"]) / "secrets" / "token").read_text()
    with naive.client() as session:
        session.headers["Authorization"] = f"Bearer {found}"
        session.get(f"{PROD}/repertoire/discovery/influxdb/usdf_efd")
    sent = [seen for seen in on_dev.at(PROD) if TOKEN in seen.text]
    print(f"D14 naive: {len(sent)} requests with the token of another site")
    assert sent
