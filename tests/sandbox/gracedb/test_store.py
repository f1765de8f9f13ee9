"""What was answered with 201 is there after a restart, and what failed never was."""

import json
import os
import socket
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from skykey.sandbox import Box, detach, running, stop
from skykey.sandbox.gracedb import preloaded
from skykey.sandbox.gracedb.store import Store
from skykey.sandbox.state import is_held


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path)
    yield made
    made.close()


def test_what_a_block_altered_is_on_disk_behind_it(store: Store, tmp_path: Path) -> None:
    with store.change():
        thing = store.add("event", 1, {"a": 1})
        thing.logs.append({"N": 1})
        store.touch(thing, 1)
    with store.change():
        thing.facts["a"] = 2
        store.touch(thing)
    again = Store(tmp_path)
    found = again.get("event", 1)
    again.close()
    assert found
    assert (found.facts, found.logs) == ({"a": 2}, [{"N": 1}])


def test_who_waits_with_a_thing_in_hand_has_still_that_thing_after_anothers_fault(store: Store, tmp_path: Path) -> None:
    with store.change():
        held = store.add("event", 1, {"a": 1})

    def fail() -> None:
        held.logs.append({"N": 1})
        store.touch(held, 1)
        raise RuntimeError

    with pytest.raises(RuntimeError), store.change():
        fail()
    with store.change():
        held.logs.append({"N": 1, "comment": "mine"})
        store.touch(held, 1)
    again = Store(tmp_path)
    (found,) = again.all("event")
    again.close()
    assert store.get("event", 1) is held
    assert found.logs == [{"N": 1, "comment": "mine"}]


@pytest.mark.parametrize("fault", [ValueError, KeyboardInterrupt, sqlite3.OperationalError])
def test_what_failed_was_never_altered(store: Store, fault: type[BaseException]) -> None:
    with store.change():
        thing = store.add("event", 1, {"a": 1, "list": []})

    def fail() -> None:
        thing.facts["list"].append(1)
        store.touch(thing)
        store.add("event", 2, {})
        raise fault

    with pytest.raises(fault), store.change():
        fail()
    found = store.get("event", 1)
    assert found
    assert found.facts == {"a": 1, "list": []}
    assert store.get("event", 2) is None


def test_what_cannot_be_written_was_never_altered(store: Store) -> None:
    with store.change():
        thing = store.add("event", 1, {"a": 1})

    def spoil() -> None:
        thing.facts["a"] = object()
        store.touch(thing)

    with pytest.raises(TypeError), store.change():
        spoil()
    assert [one.facts for one in store.all("event")] == [{"a": 1}]
    with store.change():  # and it goes on
        store.add("event", 2, {})
    assert len(store.all("event")) == 2


def test_the_recorded_superevents_are_whole(store: Store) -> None:
    preloaded.load(store)
    found = store.all("superevent")
    assert len(found) == len(store.all("event")) == 100
    assert {one.facts["category"] for one in found} == {"M", "P"}
    assert [one.facts["created"] for one in found] == sorted(one.facts["created"] for one in found)


def test_a_restart_keeps_what_was_answered(api: Any, box: Box, event: Any, superevent: Any) -> None:
    name, other = event(), superevent()
    log = api(f"events/{name}/log/", "POST", {"comment": "kept"}, files={"upload": ("a", b"b")}).json
    api(f"superevents/{other}/labels/", "POST", {"name": "DQV"})
    before = [api(path).json for path in (f"events/{name}", f"superevents/{other}/", "superevents/?count=3")]
    box.controls.gracedb_restart()
    assert [api(path).json for path in (f"events/{name}", f"superevents/{other}/", "superevents/?count=3")] == before
    assert api(log["self"]).json == log
    assert api(log["file"]).body == b"b"
    assert int(event()[1:]) > int(name[1:])


def test_a_restart_breaks_connections_and_serves_the_same_address(api: Any, box: Box) -> None:
    address = urlsplit(box.gracedb_url)
    thread = threading.Thread(target=box.controls.gracedb_restart, args=[1.0])
    with socket.create_connection((address.hostname, address.port), timeout=10) as idle:
        thread.start()
        assert idle.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address.hostname, address.port), timeout=10).close()
    thread.join()
    assert api("").status == 200


def test_another_sandbox_in_the_same_folder_goes_on_with_what_a_killed_one_had(ask: Any, tmp_path: Path) -> None:
    box = detach(tmp_path)
    headers = {"User-Agent": "x", "Content-Type": "application/json"}
    try:
        body = json.dumps({"comment": "before"}).encode()
        path, token = "superevents/S240716b/logs/", box.gracedb_token
        assert ask(box.gracedb_url + path, token, method="POST", headers=headers, body=body).status == 201
        begun = tmp_path / "gracedb" / "files" / ".half"
        begun.parent.mkdir(exist_ok=True)
        begun.write_bytes(b"received")
    finally:
        os.kill(box.pid, 9)
    while is_held(tmp_path):
        pass
    with running(tmp_path) as again:
        logs = ask(again.gracedb_url + path, again.gracedb_token, headers=headers).json["logs"]
        assert [log["comment"] for log in logs] == ["before"]
        # Its key has stayed, but the issuer has another address now.
        assert ask(f"{again.gracedb_url}user-info/", token, headers=headers).json == {"username": "AnonymousUser"}
        assert not begun.exists()


def test_large_files_never_lie_in_memory(ask: Any, tmp_path: Path, multipart: Any) -> None:
    box = detach(tmp_path)
    try:
        headers = {"User-Agent": "x", "Content-Type": "multipart/form-data; boundary=a-boundary"}
        url = f"{box.gracedb_url}superevents/S240716b/logs/"
        # The telemetry of the sandbox loads by itself, and must not be counted.
        login = ask(f"{box.site_url}/repertoire/discovery/influxdb/usdf_efd", box.token).json
        basic = (login["username"], login["password"])
        ask(f"{box.site_url}/influxdb/query?db=efd&q=show+measurements", basic=basic, timeout=60)
        for size in (10 * 2**20, 100 * 2**20):
            body = multipart({"comment": "x"}, {"upload": ("large", b"x" * size)})
            made = ask(url, box.gracedb_token, method="POST", headers=headers, body=body, timeout=60)
            assert made.status == 201
            got = ask(made.json["file"], box.gracedb_token, headers=headers, timeout=60)
            assert len(got.body) == size
            peak = _peak(box.pid)
            if size < 100 * 2**20:
                small = peak
        print(f"{(peak - small) / 2**20:.1f} MB more for 100 MB than for 10 MB")
        assert peak - small < 16 * 2**20
    finally:
        stop(tmp_path)


def _peak(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("the kernel tells no peak")
