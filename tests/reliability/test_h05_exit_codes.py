"""H5: each class of failure has its documented exit code, a sentence on stderr, and JSON where that was asked for."""

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.cli.gracedb.scripted_gracedb import ScriptedGraceDb
from tests.reliability.gracedb_command import Naive, Shell, Skykey, shell
from tests.reliability.proof import proven, require
from tests.wire.server import as_json, reply

GET = ["gracedb", "get", "event", "G1"]
CUT = b"HTTP/1.1 200 X\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n{"


def nowhere() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/api/"


def says(status: int, body: str = '"no"', **headers: str) -> Callable[[ScriptedGraceDb], None]:
    def tell(server: ScriptedGraceDb) -> None:
        server.says["events/G1"] = as_json(body, status, **headers)

    return tell


def fine(server: ScriptedGraceDb) -> None:
    pass


def login_page(server: ScriptedGraceDb) -> None:
    server.says["events/G1"] = reply(200, "<html>Log in", Content_Type="text/html")


def cut(server: ScriptedGraceDb) -> None:
    server.says["events/G1"] = lambda seen: iter([CUT])


def log_is_lost(server: ScriptedGraceDb) -> None:
    server.says["POST events/G1/log/"] = lambda seen: None  # the connection ends after the request
    server.says["GET events/G1/log/"] = as_json('"no"', 403)


TABLE: list[tuple[Callable[[ScriptedGraceDb], None], list[str], int, str | None]] = [
    (fine, GET, 0, None),
    (says(400), GET, 1, "query"),
    (says(403), GET, 1, "forbidden"),
    (says(404), GET, 1, "not-found"),
    (says(410), GET, 1, "gone"),
    (says(500), GET, 1, "service"),
    (says(401), GET, 4, "not-authenticated"),
    (says(429), GET, 8, "rate-limited"),
    (says(502), GET, 8, "overloaded"),
    (says(503), GET, 8, "overloaded"),
    (says(504), GET, 8, "overloaded"),
    (login_page, GET, 1, "unreadable"),
    (cut, GET, 8, "interrupted"),
    (log_is_lost, ["gracedb", "create", "log", "G1", "words"], 1, "outcome-unknown"),
    (fine, [*GET, "-s", nowhere()], 8, "unreachable"),
    (fine, [*GET, "-s", "nonsense"], 2, "bad-url"),
    (fine, [*GET, "-f", "--use-auth", "x509"], 4, "igwn-no-credential"),
    (fine, ["gracedb", "create", "event", "CBC", "gstlal", "/no/such/file"], 2, "missing-file"),
    (fine, ["gracedb", "create", "event", "CBC", "no-pipeline", "token"], 2, "unknown-name"),
    (fine, ["gracedb", "add", "label", "G1", "NO_LABEL"], 2, None),
    (fine, ["gracedb", "search", "events", "x", "--columns", "nothing"], 2, "unknown-name"),
    (fine, ["gracedb", "get", "file", "G1", "x", "/no/such/folder/x"], 2, None),
    (fine, ["gracedb", "get", "event"], 2, "usage"),
    (fine, ["gracedb", "nonsense"], 2, "usage"),
    (fine, ["whoami", "gracedb", "--site", "nowhere"], 2, "unknown-site"),
    (fine, ["token", "gracedb", "--tokenfile", "/no/such/file"], 4, None),
    (fine, ["whoami", "gracedb"], 4, "not-authenticated"),
]


def outcome(kind: Any, here: Shell, number: int) -> list[str]:
    """What is not as promised in one line of the table."""
    state, line, code, name = TABLE[number]
    here.server.says.clear()
    state(here.server)
    ended = here.run(kind, *line, "--json", *(["--retries", "0"] if kind is Skykey and line[0] == "gracedb" else []))
    what = f"{' '.join(line)} ({getattr(state, '__name__', '')} {number})"
    wrong = (
        [] if ended.returncode == code else [f"{what}: exit code {ended.returncode}, {ended.stderr.decode()[-300:]}"]
    )
    try:
        told = json.loads(ended.stdout)
    except ValueError:
        return [*wrong, f"{what}: no JSON"]
    if code == 0:
        return wrong
    error = told.get("error", {})
    if set(error) != {"code", "message", "words", "next"} or (name is not None and error["code"] != name):
        wrong.append(f"{what}: {told}")
    elif f"error [{error['code']}]: " not in ended.stderr.decode():
        wrong.append(f"{what}: nothing on stderr")
    return wrong


@proven(Skykey, by=Naive)
def test_h5_each_failure_has_its_exit_code_and_its_json(kind: Any, tmp_path: Path) -> None:
    with shell(tmp_path) as here:
        wrong = [words for number in range(len(TABLE)) for words in outcome(kind, here, number)]
    print("\n".join(wrong))
    require("H5", lines=(len(TABLE), ">=", 25), wrong=(len(wrong), "==", 0))
