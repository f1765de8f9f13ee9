"""`get_clients`: all documented keys, no request, one site's token for one site (seed 000)."""

import json
import os
import socket
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgpack
import pytest

from skykey.rubin import connections, tokens
from skykey.rubin.connections import get_clients
from skykey.rubin.consdb_query import ConsDbFastAPI, ConsDbTap
from skykey.rubin.influx_query import InfluxQueryClient
from skykey.rubin.logging_query import ExposureLogClient, NarrativeLogClient, NightReportClient
from skykey.rubin.reference_values import API_ENDPOINTS
from skykey.rubin.segwarides import ROOT
from skykey.values.errors import Failed, NoCredential, UnknownSite, UsageError
from tests.values.canary import CANARY, leaks
from tests.wire import fixtures
from tests.wire.server import Answer, Seen, World, as_json, reply

authority, world = fixtures.authority, fixtures.world

KINDS = {
    "api_base": str,
    "efd": InfluxQueryClient,
    "obsenv": InfluxQueryClient,
    "pp": InfluxQueryClient,
    "too": InfluxQueryClient,
    "consdb": ConsDbFastAPI,
    "consdb_tap": ConsDbTap,
    "narrative_log": NarrativeLogClient,
    "exposure_log": ExposureLogClient,
    "night_report": NightReportClient,
}
TOKEN = "gt-aaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbb"
SIDE_EFFECTS = ("LSST_DISABLE_BUCKET_VALIDATION", "S3_ENDPOINT_URL", "RUBIN_SIM_DATA_DIR")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(connections, "DEFAULT_TOKENFILE", str(tmp_path / ".lsst" / "usdf_rsp"))
    monkeypatch.setattr(tokens, "NUBLADO_SECRET", str(tmp_path / "etc" / "token"))
    monkeypatch.setattr(tokens, "OLD_MOUNTS", str(tmp_path / "opt"))
    for name in ("lsst", "lsst.rsp"):
        monkeypatch.setitem(sys.modules, name, None)
    for name in SIDE_EFFECTS:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    return tmp_path


class Count:
    """Counts sockets and look-ups, by an audit hook that no library can avoid."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.on = True

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.on and event.startswith("socket."):
            self.events.append(event)


@pytest.fixture
def network() -> Iterator[Count]:
    count = Count()
    sys.addaudithook(count)
    yield count
    count.on = False


@pytest.mark.parametrize("site", [None, *API_ENDPOINTS])
def test_every_documented_key_is_there_as_its_documented_class(site: str | None) -> None:
    clients = get_clients(site=site)
    assert list(clients) == list(KINDS)
    assert {key: type(value) for key, value in clients.items()} == KINDS
    assert clients["api_base"] == API_ENDPOINTS[site or "usdf"]


@pytest.mark.parametrize("site", [None, *API_ENDPOINTS])
def test_making_clients_makes_no_request(site: str | None, network: Count, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCESS_TOKEN", CANARY)
    get_clients(site=site)
    get_clients(site=site, auth_token=CANARY)
    assert network.events == []
    socket.socket().close()
    assert network.events != [], "the counter counts"


@pytest.mark.parametrize(
    ("site", "databases"),
    [
        ("usdf", ["usdf_efd", "usdf_obsenv", "usdf_prompt", "summit_scimma"]),
        ("usdf-dev", ["usdfdev_efd", "usdf_obsenv", "usdfdev_prompt", "summit_scimma"]),
        ("usdf-int", ["usdfint_efd", "usdf_obsenv", "usdfint_prompt", "summit_scimma"]),
        ("summit", ["summit_efd", "summit_obsenv", "summit_prompt", "summit_scimma"]),
        ("base", ["base_efd", "base_obsenv", "base_prompt", "summit_scimma"]),
    ],
)
def test_each_telemetry_client_is_of_the_database_that_the_release_gives(site: str, databases: list[str]) -> None:
    clients = get_clients(site=site)
    telemetry = [clients["efd"], clients["obsenv"], clients["pp"], clients["too"]]
    assert [client.influx_db for client in telemetry] == databases
    assert [client.db_name for client in telemetry] == ["efd", "lsst.obsenv", "lsst.prompt", "lsst.scimma"]


def test_no_token_at_all_is_no_error_before_a_client_needs_one() -> None:
    assert list(get_clients()) == list(KINDS)


@pytest.mark.parametrize("site", ["USDF", "", "nowhere"])
def test_an_unknown_site_is_a_value_error_that_lists_the_sites(site: str) -> None:
    with pytest.raises(ValueError, match="usdf-dev") as caught:
        get_clients(site=site)
    assert isinstance(caught.value, UnknownSite)


def test_an_unknown_platform_is_never_taken_for_usdf(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXTERNAL_INSTANCE_URL", "https://usdf-rsp.slac.stanford.edu.evil.test")
    with pytest.raises(UnknownSite):
        get_clients()


def test_a_token_source_that_is_there_and_unusable_is_said_at_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        get_clients(tokenfile=str(home / "missing"))
    assert isinstance(caught.value, Failed)
    assert caught.value.filename == str(home / "missing")
    monkeypatch.setenv("ACCESS_TOKEN", "gt-a gt-b")
    with pytest.raises(Failed, match="ACCESS_TOKEN"):
        get_clients()


@pytest.mark.parametrize(("token", "site"), [(f"{CANARY}\n{CANARY}", "usdf"), (CANARY, "nowhere")])
def test_h1_a_token_given_as_an_argument_is_in_no_frame_of_ours(token: str, site: str) -> None:
    with pytest.raises((Failed, UnknownSite)) as caught:
        get_clients(auth_token=token, site=site)
    frames = traceback.TracebackException.from_exception(caught.value, capture_locals=True).stack
    ours = [frame for frame in frames if f"{os.sep}skykey{os.sep}" in frame.filename]
    assert ours
    assert [frame.name for frame in ours if CANARY in str(frame.locals)] == []
    assert CANARY not in str(caught.value)


def test_h1_clients_show_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    # Looking at every attribute asks for those that the release finds out at construction, here at a site that is away.
    monkeypatch.setattr("skykey.calls.repeats.backed_off", lambda *_: 0.001)
    monkeypatch.setenv("SKYKEY_RUBIN_SITES", "away=http://127.0.0.1:9")
    clients = get_clients(auth_token=CANARY, site="away")
    assert leaks(dict(clients), CANARY) == []
    for client in clients.values():
        assert leaks(client, CANARY) == []


def test_all_clients_of_a_site_share_one_keeper_of_its_token() -> None:
    clients = get_clients(auth_token=CANARY)
    keepers = {
        id(clients[key]._keeper) for key in ("consdb", "consdb_tap", "narrative_log", "exposure_log", "night_report")
    }
    assert len(keepers) == 1


@pytest.mark.parametrize(
    ("site", "platform", "expected"),
    [
        (
            "usdf-dev",
            None,
            {"LSST_DISABLE_BUCKET_VALIDATION": "1", "S3_ENDPOINT_URL": "https://s3dfrgw.slac.stanford.edu/"},
        ),
        ("summit", None, {}),
        ("summit", API_ENDPOINTS["usdf"], {"RUBIN_SIM_DATA_DIR": "/sdf/data/rubin/shared/rubin_sim_data"}),
    ],
)
def test_other_rubin_packages_find_the_variables_that_the_release_sets(
    site: str, platform: str | None, expected: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if platform is not None:
        monkeypatch.setenv("EXTERNAL_INSTANCE_URL", platform)
    get_clients(site=site)
    assert {name: os.environ[name] for name in SIDE_EFFECTS if name in os.environ} == expected


def test_variables_of_the_user_are_not_overwritten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S3_ENDPOINT_URL", "https://mine.example")
    get_clients(site="usdf")
    assert os.environ["S3_ENDPOINT_URL"] == "https://mine.example"


# -- a service that is dead harms what needs it, and nothing else

SITE = API_ENDPOINTS["usdf"]
SOURCES = {"repertoire": f"{SITE}/repertoire", "segwarides": str(ROOT)}
LIMITS = {
    "repertoire": "skykey.repertoire.documents.MOST_SECONDS",
    "segwarides": "skykey.rubin.segwarides._MOST_SECONDS",
}
LABELS = {"efd": "usdf_efd", "obsenv": "usdf_obsenv", "pp": "usdf_prompt", "too": "summit_scimma"}
OTHERS = ("consdb", "consdb_tap", "narrative_log", "exposure_log", "night_report")
SILENCE = b""
DEATHS: dict[str, Answer] = {
    "broken": reply(500, "Internal Server Error", Content_Type="text/plain"),
    "a proxy's page": reply(200, "<html>maintenance</html>", Content_Type="text/html"),
    "another service": as_json("[]"),
    "gone": reply(404),
    "closed": None,
    "silent": SILENCE,
}


class Services:
    """USDF and segwarides. Those that are dead answer all the same."""

    def __init__(self, world: World, patch: pytest.MonkeyPatch) -> None:
        self.world = world
        self.patch = patch
        self.dead: tuple[str, ...] = ()
        self.death: Answer = None
        world.answer = self

    def die(self, dead: tuple[str, ...], death: str) -> None:
        self.dead, self.death = dead, DEATHS[death]
        for service in dead:  # the silent one, and the one that is asked again, take all the time that they may
            self.patch.setattr(LIMITS[service], 0.3)

    def __call__(self, seen: Seen) -> Answer:
        url = seen.origin + seen.path
        service = next((name for name, root in SOURCES.items() if url.startswith(root)), "influxdb")
        if service in self.dead:
            if self.death is SILENCE:
                self.world.closing.wait(20)
            return self.death
        login = {"username": service, "password": "p"}
        if service == "segwarides":
            return as_json(json.dumps(login | {"host": SITE.removeprefix("https://"), "path": "/influxdb/"}))
        if service == "influxdb":
            rows = {"name": "databases", "columns": ["name"], "values": [["efd"]]}
            body = msgpack.packb({"results": [{"statement_id": 0, "series": [rows]}]}) or b""
            return reply(200, body, Content_Type="application/x-msgpack")
        entry = {"url": f"{SITE}/influxdb/", "database": "x", "schema_registry": "http://registry.sasquatch:8081/"}
        if not seen.path.endswith("/discovery"):
            return as_json(json.dumps(entry | login))
        pointers = {label: entry | {"credentials_url": f"{url}/influxdb/{label}"} for label in LABELS.values()}
        return as_json(json.dumps({"influxdb_databases": pointers}))

    def asked(self) -> set[str]:
        urls = [seen.origin + seen.path for seen in self.world.seen]
        return {name for name, root in SOURCES.items() if any(url.startswith(root) for url in urls)}


@pytest.fixture
def services(world: World, monkeypatch: pytest.MonkeyPatch) -> Services:
    monkeypatch.setenv("ACCESS_TOKEN", TOKEN)
    return Services(world, monkeypatch)


@pytest.mark.parametrize("death", DEATHS)
@pytest.mark.parametrize("dead", [("segwarides",), ("repertoire",)], ids="+".join)
def test_telemetry_works_while_either_source_of_its_login_lives(
    services: Services, dead: tuple[str, ...], death: str
) -> None:
    services.die(dead, death)
    clients = get_clients()
    assert services.world.seen == []
    for key in LABELS:
        client = clients[key]  # type: ignore[literal-required]
        assert client.query("SHOW DATABASES")["name"].tolist() == ["efd"]
        assert client.creds_from == ("segwarides" if "repertoire" in dead else "repertoire")
    assert services.asked() == ({"repertoire", "segwarides"} if "repertoire" in dead else {"repertoire"})
    assert not any(TOKEN in seen.text for seen in services.world.elsewhere(SITE))


@pytest.mark.parametrize("death", DEATHS)
def test_without_any_source_telemetry_says_which_were_asked_and_all_others_are_unharmed(
    services: Services, death: str
) -> None:
    services.die(tuple(SOURCES), death)
    clients = get_clients()
    assert services.world.seen == []
    for key, label in LABELS.items():
        with pytest.raises(NoCredential) as caught:
            clients[key].query("SHOW DATABASES")  # type: ignore[literal-required]
        for root in SOURCES.values():
            assert root in str(caught.value)
        assert label in caught.value.message
        assert caught.value.next == "skykey why rubin"
    assert "influxdb" not in {seen.path.split("/")[1] for seen in services.world.seen}
    before = len(services.world.seen)
    for key in OTHERS:
        found = clients[key]._keeper.get()  # type: ignore[literal-required]
        assert found.source == "the variable ACCESS_TOKEN"
    assert len(services.world.seen) == before


def test_a_token_that_the_site_does_not_accept_is_said_and_not_passed_over(services: Services) -> None:
    """Or nobody would learn that the token has ended until the day on which segwarides goes."""
    refusal = reply(401, WWW_Authenticate='Bearer error="invalid_token"')
    services.world.answer = lambda seen: refusal if "authorization" in seen.headers else services(seen)
    with pytest.raises(Failed, match="not accepted"):
        get_clients()["efd"].query("SHOW DATABASES")
    assert services.asked() == {"repertoire"}


@pytest.mark.parametrize(
    "auth", [CANARY, ("user", CANARY, "more"), (CANARY,), {"user": CANARY}, ("user", CANARY.encode())]
)
@pytest.mark.parametrize("client", [InfluxQueryClient, ConsDbFastAPI, NarrativeLogClient])
def test_h1_what_is_no_pair_is_refused_without_a_word_of_it(client: Any, auth: Any) -> None:
    arguments = {"auth": auth} if client is InfluxQueryClient else {"api_base": "https://rsp.example.org", "auth": auth}
    with pytest.raises(UsageError, match="pair of user and token") as caught:
        client(**arguments)
    frames = traceback.TracebackException.from_exception(caught.value, capture_locals=True).stack
    ours = [frame for frame in frames if f"{os.sep}skykey{os.sep}" in frame.filename]
    assert [frame.name for frame in ours if CANARY in str(frame.locals)] == []
    assert CANARY not in str(caught.value)
