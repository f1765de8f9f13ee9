"""`skykey gracedb upload|download`: what became of each file is said, and a second time nothing is done twice."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from skykey.sandbox import Box

Run = Callable[..., Result]
BURST = "nevent: 1\ntime: 1126259462.3910 1126259462.4105\nifo: L1 H1\nfar: 1e-8\n"


@pytest.fixture
def event(run: Run, box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    Path("event.txt").write_text(BURST)
    for name in ("a.png", "b.png"):
        Path(name).write_bytes(os.urandom(3000))
    return str(json.loads(run("gracedb", "create", "event", "Test", "CWB", "event.txt").stdout)["graceid"])


def comments(run: Run, event: str) -> list[str]:
    document = json.loads(run("gracedb", "list", "logs", event).stdout)
    return [entry["comment"] for entry in document.get("logs", document.get("log"))]


def test_the_same_command_typed_again_repeats_nothing(run: Run, event: str) -> None:
    line = ["gracedb", "upload", event, "a.png", "b.png", "-m", "a scan", "-t", "pe,psd", "--journal", "done.journal"]
    first, second = run(*line), run(*line)
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert [row["state"] for row in json.loads(first.stdout)] == ["done", "done"]
    assert [row["state"] for row in json.loads(second.stdout)] == ["was done", "was done"]
    assert [row["url"] for row in json.loads(second.stdout)] == [row["url"] for row in json.loads(first.stdout)]
    assert comments(run, event).count("a scan") == 2


def test_what_fails_is_said_beside_what_is_done(run: Run, event: str) -> None:
    run("gracedb", "upload", event, "a.png", "-m", "a scan")
    ended = run("gracedb", "download", event, "a.png", "nothing.png", "--to", "maps")
    assert ended.exit_code == 1
    rows = json.loads(ended.stdout)
    assert [(row["file"], row["state"]) for row in rows] == [("a.png", "done"), ("nothing.png", "failed")]
    assert "nothing.png not found" in rows[1]["error"]
    assert ended.stderr.startswith("error [some-failed]: 1 of 2 failed, the first one: ")
    assert "Next: type it again" in ended.stderr
    assert Path("maps", event, "a.png").read_bytes() == Path("a.png").read_bytes()


def test_one_json_document_says_all_of_it(run: Run, event: str) -> None:
    ended = run("gracedb", "download", event, "event.txt", "nothing.png", "--json")
    told: dict[str, Any] = json.loads(ended.stdout)
    assert (ended.exit_code, told["failed"], len(told["files"])) == (1, 1, 2)


def test_without_names_the_newest_of_each_is_fetched(run: Run, event: str) -> None:
    for _ in range(2):
        run("gracedb", "upload", event, "a.png", "-m", "a scan")
        Path("a.png").write_bytes(b"another one")
    ended = run("gracedb", "download", event, "--to", "maps", "--output-type", "table")
    assert ended.exit_code == 0
    assert sorted(os.listdir(f"maps/{event}")) == ["a.png", "event.txt"]
    assert Path("maps", event, "a.png").read_bytes() == b"another one"
    assert "was done" not in ended.stdout


@pytest.mark.parametrize(
    "line",
    [
        ["upload", "{event}", "a.png", "missing.png", "-m", "a scan"],
        ["upload", "{event}", "a.png"],  # without a text
        ["upload", "{event}", "a.png", "-m", "a scan", "--output-type", "status"],
        ["upload", "{event}", "a.png", "-m", "a scan", "--at-once", "0"],
        ["upload", "{event}", "a.png", "-m", "a scan", "--journal", "event.txt"],
    ],
)
def test_a_line_that_cannot_be_meant_uploads_nothing(run: Run, event: str, line: list[str]) -> None:
    before = comments(run, event)
    ended = run("gracedb", *(word.format(event=event) for word in line))
    assert ended.exit_code == 2
    assert comments(run, event) == before
    assert Path("event.txt").read_text() == BURST
