"""The demo: it shows the whole way, and leaves nothing behind but its picture."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

DEMO = Path(__file__).parents[2] / "examples" / "demo.py"


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    """A copy, so that the picture lands in the test's folder."""
    copy = tmp_path / "examples" / "demo.py"
    copy.parent.mkdir()
    shutil.copy(DEMO, copy)
    (tmp_path / "tmp").mkdir()
    return copy


def environment(demo: Path) -> dict[str, str]:
    return os.environ | {"TMPDIR": str(demo.parents[1] / "tmp")}


def test_the_demo_shows_the_whole_way(demo: Path) -> None:
    hostile = {
        "ACCESS_TOKEN": "gt-real",
        "EXTERNAL_INSTANCE_URL": "https://usdf-rsp.slac.stanford.edu",
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "SSL_CERT_FILE": "/no/such/bundle",
        "REQUESTS_CA_BUNDLE": "/no/such/bundle",
    }
    env = {name: value for name, value in environment(demo).items() if name not in {"HOME", "NO_PROXY", "no_proxy"}}
    command = [sys.executable, "-W", "error", str(demo)]
    ended = subprocess.run(command, capture_output=True, text=True, env=env | hostile, check=False, timeout=120)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "used   the file named by ACCESS_TOKEN_FILE" in ended.stdout
    assert "summit_scimma" in ended.stdout
    assert "2020-01-28 23:20:54.130000116+00:00  639.711538" in ended.stdout  # recorded
    assert "93,973 rows" in ended.stdout  # generated
    assert (demo.parents[1] / "demo-output" / "night.png").read_bytes().startswith(b"\x89PNG")
    assert list((demo.parents[1] / "tmp").iterdir()) == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("until", ["1.", "3."])
def test_an_interrupted_demo_stops_its_sandbox(demo: Path, number: signal.Signals, code: int, until: str) -> None:
    process = subprocess.Popen(
        [sys.executable, str(demo)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(demo),
        start_new_session=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(until):
            break
    time.sleep(0.1)  # some way into the step
    os.killpg(process.pid, number)  # as a terminal does it: everybody gets it
    _, words = process.communicate(timeout=30)
    assert (process.returncode, words) == (code, "")
    assert list((demo.parents[1] / "tmp").iterdir()) == []
    with pytest.raises(ProcessLookupError):  # nobody of its session is left
        os.killpg(process.pid, 0)
