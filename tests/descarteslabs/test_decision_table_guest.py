"""The decision table is that of the official client, but for what is mended: each row, decided by the client itself."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.descarteslabs.logins import Home
from tests.descarteslabs.test_decision_table import Row, Scene, kind, rows
from tools import parts

pytestmark = pytest.mark.interop

# Each line of stdin is a scene; each is played in a child of its own, because the client looks at HOME when it loads.
PROGRAM = """
import importlib.util, json, os, sys, types, warnings
import click, dynaconf, requests
top = types.ModuleType("descarteslabs")
top.__path__ = importlib.util.find_spec("descarteslabs").submodule_search_locations
sys.modules["descarteslabs"] = top

def played(scene):
    os.environ.update(scene["environment"])
    from descarteslabs.auth import Auth
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        auth = Auth(**scene["arguments"], retries=0)
        shown = [str(warning.message) for warning in caught]
        has, path, scope = [auth.client_id, auth.client_secret, auth._token], auth.token_info_path, auth.scope
        try:
            token, problem = auth.token, None
        except Exception as error:
            token, problem = None, str(error)
    return dict(has=has, path=path, scope=scope, warnings=shown, token=token, problem=problem)

for line in sys.stdin:
    if os.fork() == 0:
        try:
            answer = json.dumps(played(json.loads(line)))
        except Exception as error:
            answer = json.dumps({"raised": type(error).__name__})
        os.write(1, answer.encode() + b"\\n")
        os._exit(0)
    os.wait()
"""

MENDED = {
    "a file with a list": "the constructor raised",
    "a file with null": "the constructor raised",
    "a file whose client_id is a number": "it was sent",
    "a file whose secret is a list": "it was sent",
    "a file for several clients' token": "a list of clients was no match",
    "a token for several clients, one of them": "a list of clients was no match",
    "a login, a list in the older file": "the constructor raised",
    "a named file with client_secret alone, its login": "only refresh_token was compared",
    "a named file, another login: its scope is not ours": "it was adopted",
    "a named file with a list, a login": "the constructor raised",
    "variables come with a line end": "it was sent",
}

Play = Callable[[dict[str, Any]], dict[str, Any]]


@pytest.fixture(scope="module")
def play() -> Iterator[Play]:
    python = str(parts.guest("descarteslabs"))
    kept = {name: os.environ[name] for name in ("PATH",) if name in os.environ}
    with subprocess.Popen(
        [python, "-c", PROGRAM], env=kept, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        asked, told = process.stdin, process.stdout
        assert asked
        assert told

        def played(scene: dict[str, Any]) -> dict[str, Any]:
            asked.write(json.dumps(scene) + "\n")
            asked.flush()
            answer: dict[str, Any] = json.loads(told.readline())
            return answer

        yield played
        asked.close()


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.what)
def test_the_official_client_decides_the_same(
    home: Home, row: Row, play: Play, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene(home, row, tmp_path, monkeypatch)
    variables = {name: scene.of(text) for name, text in row.variables.items()}
    variables |= {"HOME": str(home.folder), "DESCARTESLABS_IAM_URL": home.box.iam_url}
    answer = play({"environment": variables, "arguments": scene.of(row.arguments)})
    assert (_differences(row, scene, answer) != []) == (row.what in MENDED), answer


def _differences(row: Row, scene: Scene, answer: dict[str, Any]) -> list[str]:
    if "raised" in answer:
        return ["raised"]
    path = {"file": str(scene.files["file"]), "named": str(scene.files["named"])}.get(row.path or "", row.path)
    if row.path == "cache" and Path(answer["path"]).name.startswith("jwt_token_"):
        path = answer["path"]
    same = {
        "has": tuple(answer["has"]) == tuple(map(scene.of, row.has)),
        "warnings": "".join(map(kind, answer["warnings"])) == row.warns,
        "requests": scene.home.posts == (row.token in {"post", "refused"}),
        "token": (answer["token"] is not None) == (row.token in {"held", "post"}),
        "words": not row.token.startswith("(") or row.token in (answer["problem"] or ""),
        "path": answer["path"] == path,
        "scope": answer["scope"] == row.scope,
    }
    return [name for name, is_same in same.items() if not is_same]
