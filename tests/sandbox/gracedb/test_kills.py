"""A sandbox that is killed amid uploads: what was answered with 201 is there when it comes back, once, and whole."""

import http.client
import json
import os
import random
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from skykey.sandbox import Box, detach, stop
from skykey.sandbox.state import is_held

WRITERS = 6


class Writers:
    """Write events, and log entries with files, until the sandbox is gone; remember what it has answered."""

    def __init__(self, box: Box, multipart: Any, seed: int) -> None:
        self._address, self._multipart, self._seed = urlsplit(box.gracedb_url).netloc, multipart, seed
        self._headers = {"User-Agent": "x", "Authorization": f"Bearer {box.gracedb_token}"}
        self._headers["Content-Type"] = "multipart/form-data; boundary=a-boundary"
        self.events: dict[str, bytes] = {}
        self.logs: dict[tuple[str, int], bytes] = {}
        self._threads = [threading.Thread(target=self._write, args=[n]) for n in range(WRITERS)]
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _write(self, writer: int) -> None:
        connection = http.client.HTTPConnection(self._address, timeout=30)
        try:
            for n in range(1_000_000):
                content = f"time: {1_300_000_000 + writer}.5\n# {self._seed} {n}".encode() * 300
                made = self._post(
                    connection, "/api/events/", {"group": "Test", "pipeline": "CWB"}, "eventFile", content
                )
                name = made["graceid"]
                self.events[name] = content
                for path in (f"/api/events/{name}/log/", "/api/superevents/S240716b/logs/"):
                    content = f"{self._seed} {writer} {n} {path}".encode() * 300
                    made = self._post(connection, path, {"comment": "x"}, "upload", content)
                    self.logs[path, made["N"]] = content
        except (OSError, http.client.HTTPException):
            pass  # it has been killed
        finally:
            connection.close()

    def _post(self, connection: Any, path: str, form: dict[str, str], part: str, content: bytes) -> Any:
        connection.request("POST", path, self._multipart(form, {part: ("same.txt", content)}), self._headers)
        with connection.getresponse() as response:
            answer = response.read()
            assert response.status == 201, answer
            return json.loads(answer)


def kill_and_look(ask: Any, multipart: Any, folder: Path, kills: int) -> int:
    events: dict[str, bytes] = {}
    logs: dict[tuple[str, int], bytes] = {}
    chance = random.Random(1)
    for kill in range(kills):
        box = detach(folder)
        writers = Writers(box, multipart, kill)
        time.sleep(chance.uniform(0.02, 0.3))
        os.kill(box.pid, 9)
        writers.join()
        while is_held(folder):
            pass
        assert not events.keys() & writers.events.keys()
        assert not logs.keys() & writers.logs.keys()
        events |= writers.events
        logs |= writers.logs
    box = detach(folder)
    headers = {"User-Agent": "x"}

    def get(path: str) -> Any:
        return ask(f"http://{urlsplit(box.gracedb_url).netloc}{path}", box.gracedb_token, headers=headers, timeout=60)

    try:
        for name, content in events.items():
            assert get(f"/api/events/{name}/files/same.txt,0").body == content
        for path in {path for path, _ in logs}:
            rows = get(path).json["logs"]
            assert [row["N"] for row in rows] == list(range(1, len(rows) + 1))
            versions = [row["file_version"] for row in rows if row["filename"]]
            assert versions == list(range(len(versions)))
            for row in rows:
                if (path, row["N"]) in logs:
                    assert get(urlsplit(row["file"]).path).body == logs.pop((path, row["N"]))
        assert not logs
        assert not list((folder / "gracedb" / "files").glob(".*"))
    finally:
        stop(folder)
    return len(events)


def test_three_kills_lose_nothing(ask: Any, multipart: Any, tmp_path: Path) -> None:
    assert kill_and_look(ask, multipart, tmp_path, 3) > 0


@pytest.mark.long
def test_fifty_kills_lose_nothing(ask: Any, multipart: Any, tmp_path: Path) -> None:
    print(f"{kill_and_look(ask, multipart, tmp_path, 50)} events")
