"""What the pages about GraceDB tell people to type runs, and does what is said: against the sandbox."""

import builtins
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from skykey.gracedb import exceptions, rest, root_memory
from skykey.gracedb.bulk import Upload
from skykey.gracedb.rest import GraceDb
from skykey.sandbox import Box, running
from skykey.testing.faults import Reset
from skykey.testing.faults_proxy import FaultProxy
from skykey.values import errors
from tests.house.test_documents import ROOT, blocks, text
from tests.sandbox.gracedb.test_event_files import coincidence

PAGE, DIFFERENCES = "docs/gracedb.md", "docs/gracedb-differences.md"
# What the page says of its snippets, in the program that they are.
HELD = """
assert client.get_user_info().json()["username"] == "albert.einstein@ligo.org"
assert playground.ping().url.startswith("https://gracedb-playground.ligo.org/")
assert 0 < number < 97 and len(graceids) > 5 and {graceid[0] for graceid in graceids} == {"M"}
assert [str(frame.dtypes[name]) for name in ("created", "far")] == ["datetime64[ns, UTC]", "float64"] and len(frame) > 5
assert frame.attrs["units"]["far"] == "Hz" and (frame["far"] < 1e-12).all() and "preferred_event_data" not in frame
assert set(flat["preferred_event_data.pipeline"]) and len(flat) == len(frame)
assert event.startswith("T") and response.ok and "INJ" in [label["name"] for label in labels["labels"]]
assert client.files(event, "coinc.xml").read() == Path("coinc.xml").read_bytes()
entries = client.logs(event).json()["logs"]
assert [entry["comment"] for entry in entries].count("Ready for parameter estimation") == 1
assert "PE_READY" in client.event(event).json()["labels"] and "DQV" not in client.event(event).json()["labels"]
assert "sky_loc" in client.logs(event, entry["N"]).json()["tag_names"]
assert any("no strain of V1" in entry["comment"] for entry in entries)
assert client.superevent(name).json()["t_0"] == 971609248.2 and name.startswith("TS")
assert Path("copy.fits.gz").read_bytes() == first == Path("skymap.fits.gz").read_bytes()
assert not outcomes.failed and len(outcomes) == 4 and all(outcome.was_done for outcome in again)
plots = [Path("maps", event, plot).resolve() for plot in ("H1.png", "L1.png")]
assert [outcome.result.resolve() for outcome in maps] == plots
assert "Test" in groups and len(rates) == len(graceids[:20]) and len(found) == len(small) == 5
assert not Path("maps/nothing").exists() and Path("H1-copy.png").exists()
"""
TYPED = """
import glob, shlex
from pathlib import Path
from click.testing import CliRunner
from skykey.cli.root import skykey
from skykey.gracedb.rest import GraceDb

client = GraceDb()
event = client.create_event("Test", "gstlal", "coinc.xml").json()["graceid"]
name = client.create_superevent(1, 2, 3, event, category="test").json()["superevent_id"]
client.write_log(name, "a map", "bayestar.fits.gz", filecontents=b"map")
for line in {lines!r}:
    typed = line.replace("G1234", event).replace("S190425z", name)
    words = [found for word in shlex.split(typed)[1:] for found in (sorted(glob.glob(word)) if "*" in word else [word])]
    result = CliRunner().invoke(skykey, words)
    assert result.exit_code == 0 and result.stdout + result.stderr, (line, result.output, result.exception)
assert {{path.name for path in Path("maps", name).iterdir()}} >= {{"bayestar.fits.gz"}}
assert Path("map.fits.gz").read_bytes() == b"map"
assert [entry["comment"] for entry in client.logs(event).json()["logs"]].count("omega scan") == 2
"""


@pytest.fixture(scope="module")
def _running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with running(tmp_path_factory.mktemp("sandbox")) as box:
        yield box


@pytest.fixture
def box(_running: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Box]:
    for name, value in _running.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root_memory.forget()
    yield _running
    root_memory.forget()
    _running.controls.reset()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with the files that the pages name."""
    (tmp_path / "coinc.xml").write_bytes(coincidence(end_time=("int_4s", "971609248")))
    (tmp_path / "newer.xml").write_bytes(coincidence(end_time=("int_4s", "971609249")))
    for name in ("skymap.fits.gz", "H1.png", "L1.png"):
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path


def run(box: Box, home: Path, program: str) -> "subprocess.CompletedProcess[str]":
    (home / "program.py").write_text(program)
    play = [sys.executable, "-m", "skykey", "sandbox", "run", "--as-real", "--state", str(box.folder), "--"]
    return subprocess.run(
        [*play, sys.executable, "-W", "error", "program.py"],
        cwd=home,
        env={**os.environ, "HOME": str(home)},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_snippets_run_and_do_what_is_said(box: Box, home: Path) -> None:
    snippets = blocks(PAGE, "python")
    assert len(snippets) > 12
    done = run(box, home, "\n".join(["from pathlib import Path", *snippets, HELD]))
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert done.stdout == "404 Not Found Event not found.\n"


def test_the_snippet_of_the_first_page_runs(box: Box, home: Path) -> None:
    (snippet,) = (block for block in blocks("README.md", "python") if "gracedb" in block)
    made = 'GraceDb().create_event("Test", "gstlal", "coinc.xml").json()["graceid"]'
    program = snippet.replace('"G1234"', made) + 'assert set(frame["preferred_event_data.group"]) == {"CBC"}\n'
    done = run(box, home, program)
    assert (done.returncode, done.stderr) == (0, "")


def test_commands_run(box: Box, home: Path) -> None:
    lines = [
        line.partition("  #")[0] for line in re.findall(r"^\$ (skykey (?:gracedb|why) .*)", text(PAGE), re.MULTILINE)
    ]
    assert len(lines) > 10
    done = run(box, home, TYPED.format(lines=lines))
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


@pytest.mark.parametrize("page", [PAGE, DIFFERENCES])
def test_names_of_pages_exist(page: str) -> None:
    mine = re.sub(r"^\| [^|]*\|", "|", text(page), flags=re.MULTILINE)  # first columns name what others have
    used = set(re.findall(r"(?<!\w)client\.([a-z_]+)", mine))
    assert used or page == DIFFERENCES
    assert {name for name in used if not hasattr(GraceDb, name) and name != "headers"} == set()
    for module in re.findall(r"from (skykey(?:\.[a-z_]+)*) import", text(page)):
        assert (ROOT / "src" / module.replace(".", "/")).with_suffix(".py").exists() or module == "skykey"


# -- what the table of failures says


def rows() -> list[tuple[str, list[str], list[str], str]]:
    """What happened: its errors, the statuses, its codes."""
    table = text(PAGE).partition("| what happened |")[2].partition("\n\n")[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    return [
        (what, re.findall(r"`(\w+)`", kinds), re.findall(r"`([\w-]+)`", codes), kinds) for what, kinds, codes in cells
    ]


def lost(box: Box) -> object:
    with FaultProxy(box.gracedb_url.removesuffix("/api/")) as proxy:
        client = GraceDb(f"{proxy.url}/api/")
        event = client.create_event("Test", "MBTA", "lost.gwf", filecontents=os.urandom(9))
        assert event is not None
        graceid = event.json()["graceid"]
        client.write_log(graceid, "twice")
        proxy.fault(Reset(delivered=True), path="*/log/", method="POST", times=1)
        proxy.fault(Reset(), path="*/user-info/", times=99)
        return client.write_log(graceid, "twice")


Failure = Callable[[Box, pytest.MonkeyPatch], object]


def without_token(box: Box, patch: pytest.MonkeyPatch) -> object:
    patch.delenv("BEARER_TOKEN_FILE")
    patch.setenv("XDG_RUNTIME_DIR", str(box.folder / "nothing"))
    return GraceDb(box.gracedb_url, fail_if_noauth=True)


def hasty(box: Box) -> GraceDb:
    client = GraceDb(box.gracedb_url, backoff_factor=0.001, retries=2)
    assert client.groups
    return client


def failing(box: Box, status: int, retry_after: int | None = None) -> object:
    client = hasty(box)
    box.controls.fault(service="gracedb", status=status, times=99, retry_after=retry_after)
    return client.event("M501424")


FAILURES: dict[str, Failure] = {
    "no credential where there has to be one": without_token,
    "the server does not allow it, or does not know who asks": lambda box, _: GraceDb(
        box.gracedb_url, force_noauth=True
    ).write_log("M501424", "x"),
    "there is no such thing, or none that you may see": lambda box, _: GraceDb(box.gracedb_url).event("G99999999"),
    "it is not offered any more": lambda box, _: GraceDb(box.gracedb_url).voevents("M501424"),
    "the server does not understand what was sent": lambda box, _: list(GraceDb(box.gracedb_url).events("what?")),
    "too many requests, for longer than was waited": lambda box, _: failing(box, 429),
    "the server is away or overloaded": lambda box, _: failing(box, 502),
    "nobody knows whether it was done": lambda box, _: lost(box),
    "a group, pipeline, … that the server does not have": lambda box, _: GraceDb(box.gracedb_url).create_event(
        "Nonsense", "gstlal", "x", filecontents=b""
    ),
    "a label that the server does not have": lambda box, _: GraceDb(box.gracedb_url).write_label("M501424", "NONSENSE"),
    "no connection, or a time limit is over": lambda *_: GraceDb("http://127.0.0.1:1/api/", retries=0).ping(),
}


def kind(name: str) -> type[BaseException]:
    for where in (exceptions, errors, builtins):
        if hasattr(where, name):
            found: type[BaseException] = getattr(where, name)
            return found
    raise AssertionError(name)


def test_every_row_of_the_table_of_failures_is_tried() -> None:
    assert [what for what, *_ in rows()] == list(FAILURES)


@pytest.mark.parametrize("happened", FAILURES)
def test_failures_are_as_the_table_says(happened: str, box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    (kinds, codes, words) = next(row[1:] for row in rows() if row[0] == happened)
    with pytest.raises(kind(kinds[0])) as caught:
        FAILURES[happened](box, monkeypatch)
    problem = caught.value
    for name in kinds[1:]:
        assert isinstance(problem, kind(name)), name
    assert getattr(problem, "code", None) in codes
    if status := re.search(r"`HTTPError` (\d+)", words):
        assert getattr(problem, "status", None) == int(status[1])


def test_a_failure_is_listed(box: Box, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    outcomes = GraceDb(box.gracedb_url).upload_many([Upload("G99999999", "H1.png", "x")])
    assert [outcome.ok for outcome in outcomes] == [False]
    assert isinstance(outcomes.failed[0].error, rest.HTTPError)
