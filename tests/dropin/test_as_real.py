"""The command that the documentation names, whole: it starts a sandbox, runs a program unchanged, and stops it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """\
import asyncio, sys
from astropy.time import Time, TimeDelta
from rubin_nights import connections
from rubin_nights.influx_query import InfluxQueryClient
from rubin_nights.reference_values import API_ENDPOINTS

topic = "lsst.sal.MTMount.elevation"
t_end = Time("2026-03-21T02:00:37", format="isot", scale="tai")
t_start = t_end - TimeDelta(60, format="sec")

endpoints = connections.get_clients(site=sys.argv[1])
assert endpoints["api_base"] == API_ENDPOINTS[sys.argv[1]]
efd = endpoints["efd"]
assert isinstance(efd, InfluxQueryClient)
positions = efd.select_time_series(topic, ["actualPosition", "salIndex"], t_start, t_end)
again = asyncio.run(efd.async_select_time_series(topic, ["actualPosition", "salIndex"], t_start, t_end))
assert positions.equals(again)

# One client by itself, as the class is documented.
token = connections.get_access_token()
alone = InfluxQueryClient("usdf", db_name="efd", repertoire_site=sys.argv[1], auth=("user", token))
assert alone.select_top_n(topic, "actualPosition", 60, time_cut=t_end)[::-1].equals(positions[["actualPosition"]])
# And without a token, as ever: its login comes from segwarides.
assert InfluxQueryClient(sys.argv[1]).get_topics() == alone.get_topics()

print(len(positions), positions.index[0], positions.index[-1])
sys.exit(int(sys.argv[2]))
"""


def run(program: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "program.py").write_text(program)
    command = [sys.executable, "-m", "skykey", "sandbox", "run", "--as-real", "--state", str(folder / "state"), "--"]
    command += [sys.executable, "-W", "error", "-m", "skykey.dropin", "program.py", *arguments]
    environment = {**os.environ, "HOME": str(folder), "ACCESS_TOKEN": "gt-real", "HTTPS_PROXY": "http://192.0.2.1:9"}
    return subprocess.run(
        command, cwd=folder, env=environment, check=False, capture_output=True, text=True, timeout=120
    )


@pytest.mark.parametrize(("site", "code"), [("usdf", 0), ("summit", 3)])
def test_a_program_in_upstreams_words(tmp_path: Path, site: str, code: int) -> None:
    done = run(PROGRAM, tmp_path, site, str(code))
    assert (done.returncode, done.stderr) == (code, "")
    assert done.stdout == "60 2026-03-21 01:59:00.130005114+00:00 2026-03-21 01:59:59.130005114+00:00\n"


def test_its_errors_are_its_own(tmp_path: Path) -> None:
    done = run(
        'from rubin_nights import connections\nefd = connections.get_clients()["efd"]\nefd.query("SELEC")\n', tmp_path
    )
    assert (done.returncode, done.stdout) == (1, "")
    lines = done.stderr.splitlines()
    assert lines[:3] == [
        "Traceback (most recent call last):",
        f'  File "{tmp_path}/program.py", line 3, in <module>',
        '    efd.query("SELEC")',
    ]
    assert "QueryError: https://usdf-rsp.slac.stanford.edu/influxdb/query refuses the request (400)" in done.stderr
    assert "found SELEC, expected SELECT" in done.stderr
    assert "gt-" not in done.stderr


def test_it_cannot_reach_the_world(tmp_path: Path) -> None:
    program = 'import urllib.request\nurllib.request.urlopen("https://example.org/", timeout=5)\n'
    done = run(program, tmp_path)
    assert done.returncode == 1
    assert "Tunnel connection failed: 403 Forbidden" in done.stderr
