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
RUBIN_NIGHTS = Path(__file__).with_name("rubin_nights_script.py")
Questions = Mapping[str, Sequence[Any]]


class SaidError(Exception):
    """A guest ended with an error or said a word: failures of these clients may be warnings."""


def efd_client(box: Box, folder: Path, questions: Questions) -> dict[str, Any]:
    """Ask through lsst-efd-client: each question is database, method, arguments, named arguments."""
    return _run(box, folder, parts.guest("lsst-efd-client"), EFD_CLIENT.read_text(), questions)


def rubin_nights(box: Box, folder: Path, questions: Questions) -> dict[str, Any]:
    """Ask through rubin-nights: each question is a client's name, method, arguments."""
    return _run(box, folder, parts.guest("rubin-nights"), PROGRAM, questions)


def rubin_nights_and_its_log(box: Box, folder: Path, questions: Questions) -> dict[str, Any]:
    """Ask through rubin-nights: client, method, arguments, named arguments. What it raises and logs is written down."""
    return _run(box, folder, parts.guest("rubin-nights"), RUBIN_NIGHTS.read_text(), questions)


def asked(clients: Any, question: Sequence[Any]) -> Any:
    """Ask ours the same."""
    client, method, arguments, named = question
    return getattr(clients[client], method)(
        *map(meant, arguments), **{name: meant(value) for name, value in named.items()}
    )


def differences(
    there: Mapping[str, Any], here: pd.DataFrame, *, by: str | None = None, near: Mapping[str, float] | None = None
) -> set[str]:
    """What is not the same in two frames, each once: columns and their order, types by name, cells by column.

    Rows are compared in the order of the column ``by``, if it is named; numbers of the columns in ``near`` may be so
    far from each other.
    """
    if "columns" not in there:
        return {f"raises {there['raised']}"}
    theirs, ours = list(there["columns"]), [str(name) for name in here.columns]
    if not theirs and ours:
        return {"no columns there"}
    both = [name for name in ours if name in theirs]
    found = {f"only here: {name}" for name in ours if name not in theirs}
    found |= {f"only there: {name}" for name in theirs if name not in ours}
    found |= set() if both == [name for name in theirs if name in ours] else {"order of columns"}
    found |= {
        f"{there['dtypes'][name]} is {here[name].dtype}" for name in both if there["dtypes"][name] != here[name].dtype
    }
    if theirs and len(there["columns"][theirs[0]]) != len(here):
        return found | {"rows"}
    if there["index"] is not None and there["index"] != pd.DatetimeIndex(here.index).as_unit("ns").asi8.tolist():
        found.add("index")
    in_order = sorted(range(len(here)), key=lambda row: there["columns"][by][row]) if by else range(len(here))
    sorted_here = here.sort_values(by) if by else here
    for name in both:
        theirs = [plain(there["columns"][name][row]) for row in in_order]
        pairs = zip(theirs, map(shown, sorted_here[name].astype(object)), strict=True)
        if not all(_same(one, other, (near or {}).get(name, 0)) for one, other in pairs):
            found.add(f"cells of {name}")
    return found


def _same(one: Any, other: Any, apart: float) -> bool:
    return one == other or bool(apart and None not in (one, other) and abs(one - other) <= apart)


def shown(cell: Any) -> Any:
    """A cell as the services write it."""
    return cell.isoformat() if isinstance(cell, pd.Timestamp) else plain(cell)


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
    is_length = isinstance(argument, dict) and "s" in argument
    return TimeDelta(argument["s"], format="sec") if is_length else argument


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
