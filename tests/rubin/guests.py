"""The official clients at work on the sandbox, and data written where they and ours read it."""

import base64
import json
import math
import ssl
import subprocess
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pandas as pd
from astropy.time import Time, TimeDelta

from skykey.sandbox import Box
from skykey.sandbox.telemetry import writer
from tests.rubin.test_guest import PROGRAM
from tools import parts

EFD_CLIENT = Path(__file__).with_name("efd_client_script.py")
Questions = Mapping[str, Sequence[Any]]


class SaidError(Exception):
    """A guest ended with an error or said a word: failures of these clients may be warnings."""


def efd_client(box: Box, folder: Path, questions: Questions) -> dict[str, Any]:
    """Ask through lsst-efd-client: each question is database, method, arguments, named arguments."""
    return _run(box, folder, parts.guest("lsst-efd-client"), EFD_CLIENT.read_text(), questions)


def rubin_nights(box: Box, folder: Path, questions: Questions) -> dict[str, Any]:
    """Ask through rubin-nights: each question is a client's name, method, arguments."""
    return _run(box, folder, parts.guest("rubin-nights"), PROGRAM, questions)


def _run(box: Box, folder: Path, python: Path, program: str, questions: Questions) -> dict[str, Any]:
    """Run the program."""
    (folder / "program.py").write_text(program)
    (folder / "questions.json").write_text(json.dumps(questions))
    # pandas 2 announces what it will do otherwise in version 3, which the guest does not meet.
    command = [str(python), "-I", "-W", "ignore::FutureWarning", "program.py", "questions.json", "answers.json"]
    environment = box.environment(as_real=True)
    done = subprocess.run(
        command, cwd=folder, env=environment, check=False, capture_output=True, text=True, timeout=120
    )
    if done.returncode or done.stderr:
        raise SaidError(done.stderr)
    read: dict[str, Any] = json.loads((folder / "answers.json").read_text())
    return read


def meant(argument: Any) -> Any:
    """An argument as the guests' programs read it."""
    if isinstance(argument, dict) and "t" in argument:
        return Time(argument["t"], format="isot", scale=argument.get("scale", "utc"))
    return TimeDelta(argument["s"], format="sec") if isinstance(argument, dict) else argument


def plain(cell: Any) -> Any:
    """Null has several spellings."""
    return None if cell is None or cell is pd.NA or (isinstance(cell, float) and math.isnan(cell)) else cell


def write(box: Box, database: str, lines: str) -> None:
    """Write line protocol into a database of the site."""
    login = _login(box)
    account = writer(login["username"]), login["password"]
    _post(box, login["url"], f"write?{urlencode({'db': database, 'precision': 'ns'})}", account, lines)


def administer(box: Box, statement: str) -> dict[str, Any]:
    """Send a statement as the administrator of the real server."""
    url = _login(box)["url"]
    (server,) = [run for run in parts.running() if urlsplit(run.url).port == urlsplit(url).port]
    answer = _post(box, url, "query", (server.user, server.password), urlencode({"q": statement}))
    read: dict[str, Any] = json.loads(answer)
    return read


def _login(box: Box) -> dict[str, str]:
    address = f"{box.site_url}/repertoire/discovery/influxdb/usdf_efd"
    request = urllib.request.Request(address, headers={"Authorization": f"Bearer {box.token}"})
    with urllib.request.urlopen(request) as response:
        read: dict[str, str] = json.load(response)
    return read


def _post(box: Box, url: str, path: str, account: tuple[str, str], body: str) -> bytes:
    basic = base64.b64encode(":".join(account).encode()).decode()
    headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"}
    trusting = ssl.create_default_context(cafile=box.bundle_file) if url.startswith("https") else None
    request = urllib.request.Request(url + path, body.encode(), headers)
    with urllib.request.urlopen(request, context=trusting) as response:
        answer: bytes = response.read()
    return answer
