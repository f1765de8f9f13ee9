"""The documented behaviour, against the sandbox."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from skykey.repertoire import (
    Discovery,
    DiscoveryClient,
    InfluxDatabase,
    InfluxDatabaseWithCredentials,
    RepertoireError,
    RepertoireUrlError,
    SyncDiscoveryClient,
)
from skykey.sandbox import Box
from skykey.values.errors import BadUrl, Failed, Forbidden, NotAuthenticated, RateLimited
from skykey.values.secret import Secret

Ask = Callable[..., Any]


def sync(box: Box, name: str, *args: Any, **named: Any) -> Any:
    with SyncDiscoveryClient(base_url=f"{box.site_url}/repertoire") as client:
        return getattr(client, name)(*args, **named)


def asynchronous(box: Box, name: str, *args: Any, **named: Any) -> Any:
    async def main() -> Any:
        async with DiscoveryClient(base_url=f"{box.site_url}/repertoire") as client:
            return await getattr(client, name)(*args, **named)

    return asyncio.run(main())


@pytest.fixture(params=[sync, asynchronous])
def ask(request: pytest.FixtureRequest, box: Box) -> Ask:
    return lambda *args, **named: request.param(box, *args, **named)


def test_the_document_is_read_as_documented(ask: Ask, box: Box) -> None:
    found = ask("discovery")
    assert isinstance(found, Discovery)
    assert found.environment_name == "127.0.0.1"
    assert "tap" in found.applications
    assert list(found.datasets) == ["dp1"]
    assert found.services.internal["gafaelfawr"].url == f"{box.site_url}/auth/api"
    assert found.document["environment"]["label"] == "skykey-sandbox"
    assert [seen.credential for seen in box.controls.requests("repertoire")] == [None]


def test_labels_come_sorted_and_by_place(ask: Ask) -> None:
    everything = ask("influxdb_databases")
    assert everything == sorted(everything)
    here, elsewhere = ask("influxdb_databases", local=True), ask("influxdb_databases", local=False)
    assert "usdf_efd" in here
    assert "summit_efd" in elsewhere
    assert sorted(here + elsewhere) == everything


def test_where_a_database_is_needs_no_token(ask: Ask, box: Box) -> None:
    found = ask("influxdb_connection_info", "usdf_efd")
    assert type(found) is InfluxDatabase
    assert not hasattr(found, "password")
    assert (found.database, found.local) == ("efd", True)
    assert found.description == "Engineering and facilities data"
    assert {seen.path for seen in box.controls.requests()} == {"/repertoire/discovery"}


def test_a_url_is_text_and_knows_its_parts(ask: Ask, box: Box) -> None:
    found = ask("influxdb_connection_info", "usdf_efd")
    assert isinstance(found.url, str)
    assert found.url == f"{box.site_url}/influxdb/"
    assert found.url + "query" == f"{box.site_url}/influxdb/query"
    port = int(box.site_url.rpartition(":")[2])
    assert (found.url.scheme, found.url.host, found.url.port, found.url.path) == (
        "http",
        "127.0.0.1",
        port,
        "/influxdb/",
    )
    assert found.schema_registry == f"{box.site_url}/schema-registry/"
    assert (found.schema_registry.host, found.schema_registry.port) == ("127.0.0.1", port)


@pytest.mark.parametrize("name", ["influxdb_credentials", "get_influxdb_connection_info"])
@pytest.mark.parametrize("wrap", [str, Secret])
def test_a_token_buys_a_login_under_both_names(ask: Ask, box: Box, name: str, wrap: type) -> None:
    found = ask(name, "usdf_efd", wrap(box.token))
    assert type(found) is InfluxDatabaseWithCredentials
    assert found.username == "efdreader"
    assert type(found.password.get_secret_value()) is str
    assert len(found.password) == len(found.password.get_secret_value()) > 0


def test_a_password_masks_itself(ask: Ask, box: Box) -> None:
    found = ask("influxdb_credentials", "usdf_efd", box.token)
    password = found.password.get_secret_value()
    shown = [
        str(found),
        repr(found),
        f"{found.password}",
        repr(found.password),
        str(found.password),
    ]
    shown += [repr(vars(found)) if hasattr(found, "__dict__") else "", f"{found.password!r:>30}"]
    assert password not in "".join(shown)
    assert str(found.password) == "**********"


def test_an_unknown_label_is_none_and_costs_no_token(ask: Ask, box: Box) -> None:
    assert ask("influxdb_connection_info", "nowhere") is None
    assert ask("influxdb_credentials", "nowhere", box.token) is None
    assert ask("get_influxdb_connection_info", "", box.token) is None
    assert {seen.credential for seen in box.controls.requests()} == {None}


def test_the_list_route_gives_every_login(ask: Ask, box: Box) -> None:
    found = ask("list_influxdb_credentials", box.token)
    assert sorted(found) == ask("influxdb_databases")
    assert all(type(entry) is InfluxDatabaseWithCredentials for entry in found.values())
    assert found["usdf_efd"].password == ask("influxdb_credentials", "usdf_efd", box.token).password


def test_403_names_the_missing_scope(ask: Ask, box: Box) -> None:
    token = box.controls.mint(["read:tap"])
    with pytest.raises(Forbidden) as caught:
        ask("influxdb_credentials", "usdf_efd", token)
    assert caught.value.scopes == ("read:sasquatch",)
    assert caught.value.status == 403
    assert isinstance(caught.value, RepertoireError)
    assert token not in str(caught.value)


def test_a_token_that_ended_is_asked_about_once(ask: Ask, box: Box) -> None:
    token = box.controls.mint()
    box.controls.expire(token)
    with pytest.raises(NotAuthenticated, match="Token is not valid") as caught:
        ask("influxdb_credentials", "usdf_efd", token)
    assert isinstance(caught.value, RepertoireError)
    assert len([seen for seen in box.controls.requests() if seen.credential]) == 1


def test_a_rate_limit_says_for_how_long(ask: Ask, box: Box) -> None:
    box.controls.quota(1, window=3600)
    ask("list_influxdb_credentials", box.token)
    with pytest.raises(RateLimited, match="exceeded") as caught:
        ask("list_influxdb_credentials", box.token)
    assert isinstance(caught.value, RepertoireError)
    assert caught.value.retry_after is not None


def test_a_blocked_service_is_a_403(ask: Ask, box: Box) -> None:
    box.controls.quota(0)
    with pytest.raises(Forbidden, match="blocked"):
        ask("list_influxdb_credentials", box.token)


@pytest.mark.parametrize("token", ["", "  ", "gt-a b", "gt-a\nb", "gt-ä", "gt-a\x00"])
def test_a_text_that_cannot_be_a_token_is_refused_unsent_and_unshown(ask: Ask, box: Box, token: str) -> None:

    with pytest.raises(Failed) as caught:
        ask("list_influxdb_credentials", token)
    assert box.controls.requests() == []
    assert not token.strip() or repr(token) not in str(caught.value)


# -- origins and owners


def test_the_second_origins_login_goes_there_and_the_token_does_not(box: Box) -> None:
    from skykey.credentials.keeper import Keeper
    from skykey.credentials.sources.argument import Argument
    from skykey.repertoire.login import RepertoireLogin
    from skykey.rubin.influx_query import telemetry
    from skykey.values.reach import Reach
    from skykey.values.url import Url

    reach = Reach.named(Url(box.site_url), said_by="a test")
    discovery = SyncDiscoveryClient(base_url=f"{box.site_url}/repertoire")
    login = Keeper(RepertoireLogin(discovery, ("summit_scimma",), Keeper(Argument(Secret(box.token), reach))))
    telemetry("summit", "scimma", login).query("SHOW MEASUREMENTS")
    sold = {seen.fingerprint for seen in box.controls.requests("repertoire") if seen.credential}
    there = {seen.fingerprint for seen in box.controls.requests("influxdb-second")}
    assert len(sold) == len(there) == 1
    assert sold.isdisjoint(there)
    assert {seen.credential for seen in box.controls.requests("influxdb-second")} == {"basic"}
    assert box.controls.requests("influxdb") == []
    assert {str(origin) for origin in login.get().credential.reach.origins} == {box.second_url}


def test_one_users_login_never_serves_another(box: Box) -> None:
    """One client object, two tokens: the second one must be judged by itself."""
    client = SyncDiscoveryClient(base_url=f"{box.site_url}/repertoire")
    assert client.influxdb_credentials("usdf_efd", box.controls.mint(username="ada")) is not None
    with pytest.raises(Forbidden):
        client.influxdb_credentials("usdf_efd", box.controls.mint(["read:tap"], username="bob"))
    with pytest.raises(NotAuthenticated):
        client.influxdb_credentials("usdf_efd", "gt-aaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaaaa")
    paid = [seen.fingerprint for seen in box.controls.requests("repertoire") if seen.credential]
    assert len(paid) == len(set(paid)) == 3


def test_two_clients_of_one_process_share_no_document(box: Box) -> None:
    for _ in range(2):
        SyncDiscoveryClient(base_url=f"{box.site_url}/repertoire").discovery()
    assert len(box.controls.requests("repertoire")) == 2


# -- construction and memory


def test_building_a_client_makes_no_request(box: Box) -> None:
    SyncDiscoveryClient(base_url=f"{box.site_url}/repertoire")
    DiscoveryClient(base_url=f"{box.site_url}/repertoire")
    assert box.controls.requests() == []


def test_the_document_is_asked_for_once_until_it_is_old(box: Box) -> None:
    client = SyncDiscoveryClient(base_url=f"{box.site_url}/repertoire")
    for _ in range(5):
        client.influxdb_databases()
    assert len(box.controls.requests("repertoire")) == 1
    impatient = SyncDiscoveryClient(base_url=f"{box.site_url}/repertoire", cache_timeout=timedelta(0))
    for _ in range(3):
        impatient.discovery()
    assert len(box.controls.requests("repertoire")) == 4


@pytest.mark.parametrize("kind", [SyncDiscoveryClient, DiscoveryClient])
def test_the_base_url_comes_from_the_argument_then_from_the_environment(
    kind: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("REPERTOIRE_BASE_URL", "EXTERNAL_INSTANCE_URL"):
        monkeypatch.delenv(name, raising=False)
    for blank in (None, "", "  "):
        with pytest.raises(RepertoireUrlError, match="REPERTOIRE_BASE_URL"):
            kind(base_url=blank)
    monkeypatch.setenv("EXTERNAL_INSTANCE_URL", "https://c.example/")
    assert kind().base_url == "https://c.example/repertoire"
    for blank in ("", "   "):
        monkeypatch.setenv("REPERTOIRE_BASE_URL", blank)
        assert kind().base_url == "https://c.example/repertoire"
    monkeypatch.setenv("REPERTOIRE_BASE_URL", "https://b.example/r/")
    assert kind().base_url == "https://b.example/r"
    assert kind(base_url="https://a.example/r//").base_url == "https://a.example/r"
    with pytest.raises(RepertoireUrlError):
        kind(base_url="")


@pytest.mark.parametrize("url", ["a.example/repertoire", "ftp://a.example", "https://", "https://u:p@a.example/"])
def test_what_is_no_url_is_refused_at_construction(url: str) -> None:
    with pytest.raises(BadUrl):
        SyncDiscoveryClient(base_url=url)
