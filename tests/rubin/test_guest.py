"""The official client beside ours: the same rows, from the sandbox and from the real server.

``rubin-nights`` runs in an environment and a process of its own, as in production: under the real host names, with its
own way of finding logins. It writes down what it got; cell by cell that must be what ours gives.
"""

import json
import math
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from skykey.rubin.connections import Clients, get_clients
from skykey.sandbox import Box, running
from tools import parts

pytestmark = pytest.mark.interop

# A question by name: client, method, arguments; {"t": …} stands for an astropy Time. Each statement has a LIMIT,
# because 1.6.7 refuses the comment that rubin-nights puts behind a statement that ends with the topic's name.
TAI = {"t": "2026-03-21T02:00:37", "scale": "tai"}
UTC = {"t": "2026-03-21T02:10:00.130", "scale": "utc"}
MOUNT, ESS, RECORDED = "lsst.sal.MTMount.elevation", "lsst.sal.ESS.temperature", "lsst.sal.fooSubSys.test"
QUESTIONS: dict[str, list[Any]] = {
    "topics": ["efd", "get_topics"],
    "topics of the prompt processing": ["pp", "get_topics"],
    "fields": ["efd", "get_fields", ESS],
    "a range": ["efd", "select_time_series", MOUNT, ["actualPosition", "salIndex"], TAI, UTC],
    "everything in a range": ["efd", "select_time_series", ESS, "*", TAI, UTC],
    "one of two sensors": ["efd", "select_time_series", ESS, ["temperatureItem0", "sensorName"], TAI, UTC, 112],
    "the recorded topic": ["efd", "query", f'SELECT * FROM "{RECORDED}" LIMIT 1000'],
    "a long topic": ["efd", "query", f'SELECT * FROM "{MOUNT}" LIMIT 50000'],
    "the latest": ["efd", "select_top_n", ESS, ["temperatureItem1", "salIndex"], 20],
    "the latest up to": ["efd", "select_top_n", ESS, "*", 5, UTC],
    "booleans": ["obsenv", "query", 'SELECT * FROM "lsst.obsenv.summary" LIMIT 99'],
    "one series": ["pp", "query", 'SELECT * FROM "lsst.prompt.prod.numDiaSourcesGood" LIMIT 5000'],
    "alerts": ["too", "query", 'SELECT * FROM "lsst.scimma.gw_alert" LIMIT 9'],
}

PROGRAM = """
import json, sys
from astropy.time import Time
from rubin_nights import connections

endpoints = connections.get_clients()
written = {}
for name, (client, method, *arguments) in json.load(open(sys.argv[1])).items():
    arguments = [Time(a["t"], format="isot", scale=a["scale"]) if isinstance(a, dict) else a for a in arguments]
    answer = getattr(endpoints[client], method)(*arguments)
    if isinstance(answer, list):
        written[name] = answer
        continue
    times = answer.index.as_unit("ns").asi8.tolist() if answer.index.name == "time" else None
    cells = {column: answer[column].astype(object).tolist() for column in answer.columns}
    written[name] = {"index": times, "columns": cells}
import rubin_nights
written["version"] = rubin_nights.__version__
json.dump(written, open(sys.argv[2], "w"))
"""


def answers(python: Path, box: Box, folder: Path) -> dict[str, Any]:
    """Run the program; it must not say a word, because that client's failures are warnings."""
    (folder / "program.py").write_text(PROGRAM)
    (folder / "questions.json").write_text(json.dumps(QUESTIONS))
    environment = box.environment(as_real=True)
    done = subprocess.run(
        [str(python), "-I", "program.py", "questions.json", "answers.json"],
        cwd=folder,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    read: dict[str, Any] = json.loads((folder / "answers.json").read_text())
    return read


@pytest.fixture(scope="module", params=[(), ("influxdb",)], ids=["sandbox", "influxdb"])
def box(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with running(tmp_path_factory.mktemp("sandbox"), real=request.param) as box:
        for name in request.param:
            print(f"\n{name} {parts.version(name)}")
        yield box


@pytest.fixture(scope="module")
def theirs(box: Box, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    found = answers(parts.guest("rubin-nights"), box, tmp_path_factory.mktemp("guest"))
    assert found["version"] == "0.18.2"
    return found


@pytest.fixture(scope="module")
def ours(box: Box) -> Iterator[Clients]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in box.environment().items():
            patch.setenv(name, value)
        yield get_clients()


def asked(clients: Clients, name: str) -> Any:
    from astropy.time import Time

    client, method, *arguments = QUESTIONS[name]
    times = [Time(a["t"], format="isot", scale=a["scale"]) if isinstance(a, dict) else a for a in arguments]
    return getattr(clients[client], method)(*times)  # type: ignore[literal-required]


def plain(cell: Any) -> Any:
    """Null has several spellings in the two."""
    return None if cell is None or cell is pd.NA or (isinstance(cell, float) and math.isnan(cell)) else cell


@pytest.mark.parametrize("name", QUESTIONS)
def test_the_official_client_gets_the_same_rows(ours: Clients, theirs: dict[str, Any], name: str) -> None:
    mine, other = asked(ours, name), theirs[name]
    if isinstance(mine, list):
        assert mine == other
        assert mine
        return
    assert len(mine) > 0
    assert list(mine.columns) == list(other["columns"])
    if other["index"] is not None:
        assert mine.index.asi8.tolist() == other["index"]
    for column, cells in other["columns"].items():
        assert [plain(cell) for cell in mine[column].astype(object)] == [plain(cell) for cell in cells], column


def test_the_comparison_covers_what_differs_in_the_wire_types(ours: Clients) -> None:
    seen = {
        str(dtype) for name in QUESTIONS if not isinstance(found := asked(ours, name), list) for dtype in found.dtypes
    }
    assert seen == {"Int64", "float64", "str", "boolean"}
    assert any(asked(ours, name).isna().to_numpy().any() for name in ("everything in a range", "the latest up to"))


DROPPED_IN = """
import json, sys
from rubin_nights import connections
print(json.dumps([connections.__name__, connections.get_clients()["efd"].get_topics()]))
"""


def test_the_drop_in_outranks_the_installed_package(box: Box, theirs: dict[str, Any], tmp_path: Path) -> None:
    """The guest's own folder of packages on the path of our interpreter: its rubin_nights is there, and not used."""
    import sys

    python = parts.guest("rubin-nights")
    (packages,) = python.parent.parent.glob("lib/python*/site-packages")
    assert (packages / "rubin_nights" / "connections.py").exists()
    (tmp_path / "program.py").write_text(DROPPED_IN)
    environment = box.environment(as_real=True)
    (tmp_path / "upstream").mkdir()
    (tmp_path / "upstream" / "rubin_nights").symlink_to(packages / "rubin_nights")
    environment["PYTHONPATH"] = str(tmp_path / "upstream")
    done = subprocess.run(
        [sys.executable, "-m", "skykey.dropin", "program.py"],
        cwd=tmp_path,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == ["skykey.rubin.connections", theirs["topics"]]
