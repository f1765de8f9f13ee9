"""Where a document comes from when the route is down, and what such a document may not do."""

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from skykey.repertoire import DiscoveryClient, RepertoireError, RepertoireUrlError, SyncDiscoveryClient, fallback
from skykey.repertoire.exceptions import RepertoireBadUrl, RepertoireOutOfReach, RepertoireUnreachable
from skykey.values.errors import Overloaded
from tests.repertoire.documents import DOCUMENT, TEXT, changed
from tests.wire.askers import FastClock
from tests.wire.server import World, as_json, reply, serving

TOKEN = "gt-aaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbb"
DOWN = "http://127.0.0.1:1/repertoire"


@pytest.fixture(autouse=True)
def notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the notebook's file would lie; there is none yet."""
    for name in ("REPERTOIRE_BASE_URL", "EXTERNAL_INSTANCE_URL"):
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / "v1.json"
    monkeypatch.setattr(fallback, "NOTEBOOK_FILE", str(path))
    return path


def client(**options: Any) -> SyncDiscoveryClient:
    made = SyncDiscoveryClient(**options)
    made._clock = FastClock()
    return made


@pytest.mark.parametrize("face", [SyncDiscoveryClient, DiscoveryClient])
def test_without_any_url_the_notebooks_file_is_read(notebook: Path, face: Any) -> None:
    with pytest.raises(RepertoireUrlError):
        face()
    notebook.write_text(TEXT)
    made = face()
    assert made.base_url is None
    found = made.influxdb_databases()
    assert (asyncio.run(found) if face is DiscoveryClient else found) == ["far_metrics", "site_efd"]
    for blank in ("", " "):
        with pytest.raises(RepertoireUrlError):
            face(base_url=blank)


def test_a_notebooks_file_that_goes_away_is_an_error_and_not_an_empty_site(notebook: Path) -> None:
    notebook.write_text(TEXT)
    made = client()
    notebook.unlink()
    with pytest.raises(RepertoireUrlError):
        made.influxdb_databases()
    notebook.write_text("<html>")
    with pytest.raises(RepertoireUrlError) as caught:
        made.influxdb_databases()
    assert "is not JSON" in caught.value.__notes__[0]


def test_what_is_left_out_of_the_notebooks_file_is_said_of_that_file(
    notebook: Path, caplog: pytest.LogCaptureFixture
) -> None:
    notebook.write_text(changed(applications=["tap", None]))
    with caplog.at_level(logging.WARNING):
        assert client().applications() == ["tap"]
    assert caplog.messages == [
        f"{notebook}: an entry of the discovery document is left out, because applications.1 is not text"
    ]


def test_without_any_url_no_token_is_sent_anywhere(notebook: Path, world: World) -> None:
    """The file names a place for it; the user named none."""
    notebook.write_text(TEXT)
    made = client()
    for ask in (
        lambda: made.influxdb_credentials("site_efd", TOKEN),
        lambda: made.list_influxdb_credentials(TOKEN),
    ):
        with pytest.raises(RepertoireError, match=r"REPERTOIRE_BASE_URL") as caught:
            ask()
        assert TOKEN not in str(caught.value)
        assert "None" not in str(caught.value)
    assert world.seen == []
    assert made.influxdb_credentials("nowhere", TOKEN) is None


@pytest.mark.parametrize("kind", ["file", "home", "url"])
def test_a_fallback_serves_while_the_route_is_down_with_one_warning(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "copy.json").write_text(changed(applications=["copy"]))
    down = [True]
    with (
        serving(lambda _: as_json(changed(applications=["copy"]))) as elsewhere,
        serving(lambda _: reply(503) if down[0] else as_json(changed(applications=["live"]))) as server,
        caplog.at_level(logging.WARNING),
    ):
        named = {"file": tmp_path / "copy.json", "home": "~/copy.json", "url": f"{elsewhere.url}/prod.json"}[kind]
        made = client(base_url=server.url, fallback=named)
        for _ in range(5):
            assert made.applications() == ["copy"]
        (record,) = caplog.records
        assert "is used in its place, because" in record.getMessage()
        assert len(elsewhere.seen) == (1 if kind == "url" else 0)
        assert len(server.seen) == 4  # one try with its repeats, and then a pause
        down[0] = False
        made.forget()
        assert made.applications() == ["live"]
        down[0] = True
        made._document._seconds = 0  # the last good one is too old to be fresh
        assert made.applications() == ["live"]  # and goes before a copy
        assert all("authorization" not in seen.headers for seen in elsewhere.seen)


def test_without_a_usable_fallback_the_first_problem_is_raised(tmp_path: Path) -> None:
    (tmp_path / "large").write_text(json.dumps("x" * 2**20))
    (tmp_path / "list").write_text("[]")
    (tmp_path / "deep").write_text("[" * 100_000)
    for name, words in (
        ("missing", "is not there"),
        ("large", "is larger than"),
        ("list", "is not an object"),
        ("deep", "is not JSON"),
        ("", "of no use either"),
    ):
        with pytest.raises(RepertoireUnreachable) as caught:
            client(base_url=DOWN, fallback=tmp_path / name).applications()
        assert words in caught.value.__notes__[0]
    with pytest.raises(RepertoireUnreachable) as caught:
        client(base_url=DOWN, fallback="http://127.0.0.1:2/copy").applications()
    assert "127.0.0.1:2" in caught.value.__notes__[0]


@pytest.mark.parametrize(
    ("url", "kind"),
    [("http://copies.example/x", RepertoireOutOfReach), ("https://u:p@copies.example", RepertoireBadUrl)],
)
def test_a_fallback_that_could_be_changed_on_the_way_is_refused_at_construction(
    url: str, kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        SyncDiscoveryClient(base_url="https://rsp.example.org/repertoire", fallback=url)


@pytest.mark.parametrize("variable", ["REPERTOIRE_BASE_URL", "EXTERNAL_INSTANCE_URL"])
def test_the_notebooks_file_stands_in_for_its_own_platform_only(
    notebook: Path, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook.write_text(changed(applications=["notebook"]))
    with serving(lambda _: reply(503)) as here, serving(lambda _: reply(503)) as other:
        monkeypatch.setenv(variable, here.url)
        assert client().applications() == ["notebook"]
        assert client(base_url=f"{here.url}/repertoire").applications() == ["notebook"]
        with pytest.raises(Overloaded):
            client(base_url=f"{other.url}/repertoire").applications()


def test_a_named_fallback_goes_before_the_notebooks_file(
    notebook: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook.write_text(changed(applications=["notebook"]))
    named = tmp_path / "copy.json"
    named.write_text(changed(applications=["copy"]))
    monkeypatch.setenv("REPERTOIRE_BASE_URL", DOWN)
    assert client(fallback=named).applications() == ["copy"]
    named.unlink()
    assert client(fallback=named).applications() == ["notebook"]


FOREIGN = (
    "https://evil.test/repertoire/discovery/influxdb/site_efd",
    "https://rsp.example.org.evil.test/x",
    "https://rsp.example.org:8443/x",
    "http://rsp.example.org/x",
    "https://127.0.0.1:1/x",
)


@pytest.mark.parametrize("foreign", FOREIGN)
@pytest.mark.parametrize("source", ["file", "url", "notebook"])
def test_a_fallback_never_says_where_a_token_goes(
    world: World, notebook: Path, tmp_path: Path, *, source: str, foreign: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = "https://rsp.example.org/repertoire"
    entry = {**DOCUMENT["influxdb_databases"]["site_efd"], "credentials_url": foreign}
    document = changed(influxdb_databases={"site_efd": entry})
    options: dict[str, Any] = {"base_url": base}
    if source == "notebook":
        notebook.write_text(document)
        monkeypatch.setenv("REPERTOIRE_BASE_URL", base)
    elif source == "file":
        (tmp_path / "copy").write_text(document)
        options["fallback"] = tmp_path / "copy"
    else:
        options["fallback"] = "https://copies.example/prod.json"
    world.answer = lambda seen: as_json(document) if seen.origin == "https://copies.example" else reply(503)
    with pytest.raises(RepertoireOutOfReach) as caught:
        client(**options).influxdb_credentials("site_efd", TOKEN)
    assert not any(TOKEN in seen.text for seen in world.seen)
    assert {seen.origin for seen in world.seen} <= {"https://rsp.example.org", "https://copies.example"}
    assert TOKEN not in str(caught.value)


def test_with_a_fallback_the_token_still_buys_logins_at_the_named_site(world: World, tmp_path: Path) -> None:
    (tmp_path / "copy").write_text(TEXT)
    login = DOCUMENT["influxdb_databases"]["site_efd"] | {"username": "u", "password": "p"}

    def answer(seen: Any) -> bytes:
        return reply(503) if seen.path.endswith("/discovery") else as_json(json.dumps(login))

    world.answer = answer
    made = client(base_url="https://rsp.example.org/repertoire", fallback=tmp_path / "copy")
    found = made.influxdb_credentials("site_efd", TOKEN)
    assert found is not None
    assert found.username == "u"


def test_a_fallback_may_not_name_addresses_nearer_than_the_site(tmp_path: Path) -> None:
    near = {**DOCUMENT["influxdb_databases"]["site_efd"], "url": "https://169.254.169.254/"}
    ok = DOCUMENT["influxdb_databases"]["far_metrics"]
    (tmp_path / "copy").write_text(changed(influxdb_databases={"near": near, "ok": ok}))
    made = client(base_url=DOWN, fallback=tmp_path / "copy")
    assert made.influxdb_databases() == ["ok"]
    with pytest.raises(RepertoireOutOfReach, match="an address that no service has"):
        made.influxdb_connection_info("near")
