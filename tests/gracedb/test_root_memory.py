"""The API root: asked for once by all, remembered between processes, and checked before it is believed."""

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from skykey.calls.flow import Flow
from skykey.calls.perform import perform
from skykey.gracedb import root_memory
from skykey.gracedb.asking import Asking
from skykey.gracedb.client import GraceDBClient
from skykey.gracedb.exceptions import BadVersion, MissingTemplate, NotFoundError
from skykey.testing.clock import FakeClock
from skykey.values.errors import NotFound, TransportError, Unreadable
from skykey.wire.pools import PROCESS_POOLS
from tests.gracedb import api
from tests.wire.askers import bearer
from tests.wire.server import Answer, Seen, Server, as_json, reply, serving

MINUTES = 60.0


class Root:
    """A server that counts, and may be away."""

    def __init__(self, **more: Any) -> None:
        self.more = more
        self.away = False
        self.etag: str | None = None
        self.hold: threading.Event | None = None

    def __call__(self, seen: Seen) -> Answer:
        if self.hold is not None:
            self.hold.wait(5)
        if self.away:
            return reply(503, "maintenance")
        if self.etag is not None and seen.headers.get("if-none-match") == self.etag:
            return reply(304)
        headers = {} if self.etag is None else {"ETag": self.etag}
        return as_json(json.dumps(api.root_of(api.base_of(seen), **self.more)), **headers)


def client_of(server: Server, clock: FakeClock | None = None, **options: Any) -> GraceDBClient:
    client = GraceDBClient(f"{server.url}/api/", retries=0, **options)
    client._clock = clock or FakeClock()
    return client


def another_process() -> None:
    root_memory.forget()


def files() -> list[Path]:
    folder = Path(root_memory.folder())
    return sorted(folder.iterdir()) if folder.exists() else []


def test_one_request_serves_all_clients_and_processes() -> None:
    clock = FakeClock()
    with serving(Root()) as server:
        assert client_of(server, clock).groups == ["Test", "CBC"]
        assert client_of(server, clock).pipelines is None
        another_process()
        assert client_of(server, clock).groups == ["Test", "CBC"]
    assert len(server.seen) == 1


def test_after_ten_minutes_it_is_asked_for_anew() -> None:
    clock, root = FakeClock(), Root()
    with serving(root) as server:
        client = client_of(server, clock)
        assert client.groups == ["Test", "CBC"]
        root.more = {"groups": ["New"]}
        clock.advance(9 * MINUTES)
        assert client.groups == ["Test", "CBC"]
        clock.advance(2 * MINUTES)
        assert client.groups == ["New"]
        another_process()
        assert client_of(server, clock).groups == ["New"]
    assert len(server.seen) == 2


def test_an_old_one_is_asked_for_with_its_tag() -> None:
    clock, root = FakeClock(), Root()
    root.etag = '"one"'
    with serving(root) as server:
        assert client_of(server, clock).groups == ["Test", "CBC"]
        another_process()
        clock.advance(11 * MINUTES)
        client = client_of(server, clock)
        assert client.groups == ["Test", "CBC"]
        assert server.seen[-1].headers["if-none-match"] == '"one"'
        clock.advance(5 * MINUTES)
        assert client.groups == ["Test", "CBC"]
        assert len(server.seen) == 2
        root.etag = '"two"'
        clock.advance(6 * MINUTES)
        assert client.groups == ["Test", "CBC"]
        clock.advance(11 * MINUTES)
        assert client.groups == ["Test", "CBC"]
        assert server.seen[-1].headers["if-none-match"] == '"two"'


def test_with_the_server_away_it_serves_a_week_and_is_not_asked_for_all_the_time(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock, root = FakeClock(), Root()
    with serving(root) as server:
        assert client_of(server, clock).groups == ["Test", "CBC"]
        root.away = True
        another_process()
        clock.advance(6 * 24 * 60 * MINUTES)
        client = client_of(server, clock)
        for _ in range(5):
            assert client.groups == ["Test", "CBC"]
        assert len(server.seen) == 2
        assert len(caplog.records) == 1
        clock.advance(MINUTES)
        assert client.groups == ["Test", "CBC"]
        assert len(server.seen) == 3
        clock.advance(25 * 60 * MINUTES)
        with pytest.raises(Exception, match="503"):
            _ = client.groups


def test_a_server_that_is_not_there_at_all_is_an_error() -> None:
    with serving(Root()) as server:
        client = client_of(server)
    with pytest.raises(TransportError):
        _ = client.groups


def test_many_at_once_ask_once() -> None:
    root = Root()
    root.hold = threading.Event()
    clock = FakeClock()
    found: list[Any] = []
    with serving(root) as server:
        threads = [threading.Thread(target=lambda: found.append(client_of(server, clock).groups)) for _ in range(8)]
        for thread in threads:
            thread.start()
        while not server.seen:
            pass
        root.hold.set()
        for thread in threads:
            thread.join(10)
    assert found == [["Test", "CBC"]] * 8
    assert len(server.seen) == 1


@pytest.mark.parametrize("switch", ["option", "variable"])
def test_it_can_be_switched_off(switch: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if switch == "variable":
        monkeypatch.setenv("SKYKEY_NO_CACHE", "1")
    options = {"remember_root": False} if switch == "option" else {}
    with serving(Root()) as server:
        for _ in range(2):
            client = client_of(server, **options)
            assert client.groups == client.groups == ["Test", "CBC"]
            another_process()
        assert len(server.seen) == 2
    assert files() == []


def test_versions_and_servers_are_kept_apart() -> None:
    def versions(seen: Seen) -> Answer:
        if seen.path == "/api/v9/":
            return as_json('{"detail": "Not found."}', 404)
        return as_json(json.dumps(api.root_of(api.base_of(seen), groups=[seen.path])))

    with serving(versions) as one, serving(versions) as two:
        assert client_of(one).groups == ["/api/"]
        assert client_of(one, api_version="default").groups == ["/api/"]
        assert client_of(one, api_version="v2").groups == ["/api/v2/"]
        assert client_of(two).groups == ["/api/"]
        assert (len(one.seen), len(two.seen)) == (2, 1)
        with pytest.raises(ValueError, match=r"Bad API version.*\['default', 'v1', 'v2'\]") as told:
            _ = client_of(one, api_version="v9").groups
    assert isinstance(told.value, BadVersion)
    assert len(files()) == 3


def test_a_server_without_versions_says_so() -> None:
    def plain(seen: Seen) -> Answer:
        return as_json('{"links": {}}') if seen.path == "/api/" else as_json("{}", 404)

    with serving(plain) as server, pytest.raises(ValueError, match="no versioned API"):
        _ = client_of(server, api_version="v1").groups


def test_what_is_no_api_at_all_is_not_a_bad_version() -> None:
    with serving(lambda _: reply(404, "no")) as server:
        with pytest.raises(NotFound):
            _ = client_of(server, api_version="v1").groups
        with pytest.raises(NotFoundError, match="reading the API root"):
            _ = client_of(server).groups


@pytest.mark.parametrize("body", ["[]", '"x"', "{}", '{"links": []}', '{"links": {}, "numRows": 3}', "<html>", ""])
def test_what_is_no_root_is_not_kept(body: str) -> None:
    with serving(lambda _: as_json(body)) as server, pytest.raises(Unreadable):
        _ = client_of(server).groups
    assert files() == []


def test_a_clock_that_was_set_back_makes_nothing_young() -> None:
    with serving(Root()) as server:
        assert client_of(server, FakeClock(wall=1e9)).groups
        assert client_of(server, FakeClock(wall=1e9 - 3600)).groups
    assert len(server.seen) == 2


def test_one_that_another_caller_got_meanwhile_is_new_enough() -> None:
    clock = FakeClock()
    with serving(Root()) as server:
        client = client_of(server, clock)

        def root(instead: Any = None) -> Any:
            return perform(Asking._root(client, instead=instead), PROCESS_POOLS, clock)

        root()
        old = root()
        clock.advance(MINUTES)
        assert root(old).is_new
        assert root(old).asked > old.asked
    assert len(server.seen) == 2


# -- the folder


def test_the_folder_is_the_users_alone() -> None:
    old = os.umask(0)
    try:
        with serving(Root()) as server:
            assert client_of(server).groups
    finally:
        os.umask(old)
    (kept,) = files()
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.parent.stat().st_mode & 0o777 == 0o700


def open_to_others(path: Path) -> None:
    path.chmod(0o644)


def open_folder(path: Path) -> None:
    path.parent.chmod(0o755)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:50])


def of_another(path: Path) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), "url": "https://other.example/api/"}))


def of_tomorrow(path: Path) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), "asked": 9e12}))


def nested(path: Path) -> None:
    path.write_text("[" * 100_000)


def linked(path: Path) -> None:
    real = path.with_name("real")
    path.rename(real)
    path.symlink_to(real)


@pytest.mark.parametrize("spoil", [open_to_others, open_folder, cut, of_another, of_tomorrow, nested, linked])
def test_a_file_that_cannot_be_trusted_is_not(spoil: Callable[[Path], None]) -> None:
    clock = FakeClock()
    with serving(Root()) as server:
        assert client_of(server, clock).groups
        spoil(files()[0])
        another_process()
        assert client_of(server, clock).groups == ["Test", "CBC"]
    assert len(server.seen) == 2


def test_a_folder_that_cannot_be_written_is_no_obstacle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with serving(Root()) as server:
        assert client_of(server).groups == ["Test", "CBC"]


def test_a_root_that_somebody_set_is_the_root() -> None:
    with serving(Root()) as server:
        client = client_of(server)
        client._service_info = {"groups": ["Mine"]}
        assert client.groups == ["Mine"]
    assert server.seen == []


def test_what_an_anonymous_client_saw_is_not_what_a_known_one_sees() -> None:
    class Wallet:
        def __init__(self, server: Server) -> None:
            self._keepers = (bearer(server.url),)

        def keepers(self) -> Flow[Any]:
            return self._keepers
            yield

    with serving(Root()) as server:
        assert client_of(server).groups
        assert client_of(server, force_noauth=True).groups
        assert len(server.seen) == 1
        another_process()
        known = client_of(server)
        known._credentials = Wallet(server)  # type: ignore[assignment]
        assert known.groups
    assert len(server.seen) == 2
    assert len(files()) == 2


class Moved:
    """A server that was upgraded: what it had under one URL is under another one, or not offered any more.

    Parameters
    ----------
    status
        What it says of the old one.
    """

    def __init__(self, status: int = 404) -> None:
        self.status = status
        self.place: str | None = "events/{graceid}"

    def __call__(self, seen: Seen) -> Answer:
        base = api.base_of(seen)
        if seen.path == "/api/":
            root = api.root_of(base)
            del root["templates"]["event-detail-template"]
            if self.place is not None:
                root["templates"]["event-detail-template"] = base + self.place
            return as_json(json.dumps(root))
        asked = (self.place or "nothing").replace("{graceid}", "G1")
        return as_json('{"graceid": "G1"}') if seen.path == f"/api/{asked}" else reply(self.status)


def event_of(client: GraceDBClient, method: str = "GET") -> Any:
    def flow() -> Flow[Any]:
        url = yield from Asking._url(client, "event-detail-template", graceid="G1")
        return (yield from Asking._send(client, method, url, fields={"a": 1} if method == "POST" else None))

    return perform(flow(), PROCESS_POOLS, client._clock)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("status", [404, 405, 410])
def test_a_server_that_was_upgraded_is_asked_under_its_old_urls(status: int, method: str) -> None:
    clock, moved = FakeClock(), Moved(status)
    with serving(moved) as server:
        event_of(client_of(server, clock))
        moved.place = "v3/events/{graceid}"
        another_process()
        client = client_of(server, clock)
        assert event_of(client, method).json() == {"graceid": "G1"}
        assert [seen.path for seen in server.seen[-3:]] == ["/api/events/G1", "/api/", "/api/v3/events/G1"]
        assert event_of(client, method).status == 200
        assert server.seen[-1].body == server.seen[-2].body == (b"a=1" if method == "POST" else b"")


def test_what_is_not_offered_any_more_is_not_found() -> None:
    clock, moved = FakeClock(), Moved()
    with serving(moved) as server:
        event_of(client_of(server, clock))
        moved.place = None
        another_process()
        with pytest.raises(MissingTemplate):
            event_of(client_of(server, clock))


def test_whatever_is_not_there_has_the_root_asked_for_again() -> None:
    clock, missing = FakeClock(), Missing()
    with serving(missing) as server:
        client_of(server, clock).groups  # noqa: B018 - the root is remembered
        another_process()
        client = client_of(server, clock)
        for _ in range(5):
            with pytest.raises(NotFoundError):
                event_of(client)
        assert missing.roots == 2
        assert len(server.seen) == 2 + 5
        clock.advance(2 * MINUTES)
        for _ in range(5):
            with pytest.raises(NotFoundError):
                event_of(client)
        assert missing.roots == 3
        missing.is_away = True
        clock.advance(2 * MINUTES)
        with pytest.raises(NotFoundError):
            event_of(client)


class Missing:
    """A server that has a root, and nothing else."""

    def __init__(self) -> None:
        self.roots = 0
        self.is_away = False

    def __call__(self, seen: Seen) -> Answer:
        if seen.path != "/api/":
            return reply(404)
        self.roots += 1
        return None if self.is_away else as_json(json.dumps(api.root_of(api.base_of(seen))))


@pytest.mark.parametrize("broken", ["https://evil.example/{graceid}", "events/{graceid}", None, 5, "https://["])
def test_a_broken_template_in_the_folder_is_believed(broken: Any) -> None:
    clock, moved = FakeClock(), Moved()
    with serving(moved) as server:
        event_of(client_of(server, clock))
        [file] = files()
        document = json.loads(file.read_text())
        document["root"]["templates"]["event-detail-template"] = broken
        file.write_text(json.dumps(document))
        another_process()
        assert event_of(client_of(server, clock)).status == 200
        assert json.loads(file.read_text())["root"]["templates"]["event-detail-template"].endswith("events/{graceid}")


@pytest.mark.parametrize("tag", ['"a\r\nX-Evil: 1"', "no-quotes", '"ü"', '"' + "a" * 9000 + '"', 5, None])
def test_a_broken_tag_in_the_folder_keeps_the_root_from_being_asked_for(tag: Any) -> None:
    clock = FakeClock()
    with serving(Root()) as server:
        assert client_of(server, clock).groups
        [file] = files()
        document = json.loads(file.read_text())
        document["etag"] = tag
        file.write_text(json.dumps(document))
        another_process()
        clock.advance(11 * MINUTES)
        assert client_of(server, clock).groups == ["Test", "CBC"]
        assert len(server.seen) == 2
        assert "if-none-match" not in server.seen[-1].headers
