"""The same line for the official `gracedb` command and for ours: the same request, and the same on stdout."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.gracedb.scripted_gracedb import ScriptedGraceDb, query, sent
from tests.cli.gracedb.test_commands import COMMANDS
from tools import parts

pytestmark = pytest.mark.interop

# What the official command does not have, or does wrong.
OURS = ("gwtc", "list permissions", "preferred-event", "--label ", "--mass-gap", "--raven-coinc", "--has-mass-gap",
        "--em-type", "-3,-4", "--ra 0")  # fmt: skip
ITEMS = ("emgroups", "groups", "instruments", "labels", "pipelines", "searches", "server_version", "signoff_statuses",
         "signoff_types", "superevent_categories", "voevent_types")  # fmt: skip
MORE = [
    *(f"info {item}" for item in ITEMS),
    "show groups",
    "ping",
    "credentials client",
    "search events x",
    "search events x --columns graceid,labels,extra_attributes.CoincInspiral.snr,offline,far --delimiter ;",
    "search superevents x --columns superevent_id,labels,far,gw_id,links.files",
    "get file G1 x.txt",
    "--output-type status get event G1",
    "get event G1 --output-type status",
    "remove label G1 INJ --output-type status",
    "create log G1 words -s {api}",
    "create voevent S1 IN --external --open-alert --skymap-type x --skymap-filename a --prob-has-ns 0.5 --bns 1",
    "update grbevent E1 --ra 1 --dec -5.5",
    "update superevent S1 --t-start 1.5 --preferred-event G2",
    "create emobservation G1 ZTF 1,2 0.5 3,4 0.25 2026-03-20T00:00:00,2026-03-20T00:01:00 30",
]  # fmt: skip
LINES = [*(line for line, _, _ in COMMANDS if not any(word in f"{line} " for word in OURS)), *MORE]
# It calls these successes failures, and has no words for what is no JSON.
EXITS_WITH_1 = ("remove", "delete", "update event", "add tag G1")
SAYS_LESS = ("add tag G1", "credentials client")


@pytest.fixture(scope="session")
def official() -> list[str]:
    python = parts.guest("ligo-gracedb")
    return [str(python), "-W", "ignore", str(python.parent / "gracedb")]


def told(command: list[str], line: str, server: ScriptedGraceDb, folder: Path) -> tuple[int, str, list[Any]]:
    server.seen.clear()
    environment = {**os.environ, "HOME": str(folder), "XDG_CACHE_HOME": str(folder), "GRACEDB_SERVICE_URL": server.api}
    done = subprocess.run(
        [*command, *line.replace("{api}", server.api).split()], capture_output=True, text=True, check=False, cwd=folder,
        timeout=60, env=environment,
    )  # fmt: skip
    asked = [(seen.method, seen.path, query(seen), sent(seen)) for seen in server.asked]
    return done.returncode, done.stdout, asked


@pytest.mark.parametrize("line", LINES)
def test_both_ask_and_say_the_same(
    official: list[str], gracedb: ScriptedGraceDb, nobody: Path, tmp_path: Path, line: str
) -> None:
    (tmp_path / "abc.xml").write_bytes(b"abc")
    from tests.wire.server import reply

    gracedb.says["events/G1/files/x.txt"] = reply(200, "text\n", Content_Type="text/plain")
    theirs = told(official, line, gracedb, tmp_path)
    ours = told([sys.executable, "-m", "skykey.dropin", "gracedb"], line, gracedb, tmp_path)
    assert ours[2] == theirs[2]
    assert ours[0] == 0
    is_status = "--output-type" in line
    words = ours[1].replace("OK", "X").replace("No Content", "X") if is_status else ours[1]  # the server's reason is X
    assert theirs[0] == (0 if is_status or not line.startswith(EXITS_WITH_1) else 1)
    if not line.startswith(SAYS_LESS):
        # It prints a file as a line, with one end more.
        assert words == (theirs[1].removesuffix("\n") if line.startswith("get file") else theirs[1])
