"""What the pages tell people to type runs: a snippet that does not is a lie that users copy."""

import os
import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import pytest
from click.testing import CliRunner

from skykey import within
from skykey.cli.root import skykey
from skykey.repertoire import SyncDiscoveryClient
from skykey.rubin import connections, tokens
from skykey.rubin.connections import Clients, get_clients
from skykey.rubin.influx_query import AsyncInfluxQueryClient, InfluxQueryClient
from skykey.sandbox import Box, running
from skykey.values import errors
from skykey.values.clock import SystemClock
from skykey.values.errors import SkykeyError

ROOT = Path(__file__).parents[2]
TELEMETRY, DIFFERENCES = "docs/telemetry.md", "docs/seed_and_release.md"
VISITS, LOGS, NIGHT_PAGE, TAP = "docs/visits.md", "docs/logs.md", "docs/night.md", "docs/tap.md"
PAGES = [
    "README.md",
    "docs/command.md",
    "docs/descarteslabs.md",
    "docs/gracedb.md",
    "docs/gracedb-differences.md",
    "docs/keeping.md",
    DIFFERENCES,
    "docs/tables.md",
    TELEMETRY,
    VISITS,
    LOGS,
    NIGHT_PAGE,
    TAP,
]
# They say how things are, and not what to type.
WITHOUT_COMMANDS = {"docs/gracedb-differences.md", "docs/keeping.md", DIFFERENCES}
# The sandbox has one service of the imagery platform; what a page asks of the others is asked of it.
SERVICES = {"get_settings().catalog_v2_url": "get_settings().platform_url", "/products/my-org:my-product": "/echo"}
# A second account, whose file a page names.
SECOND = """\
import os, shutil
shutil.copy(os.environ["DESCARTESLABS_TOKEN_INFO_PATH"], os.path.expanduser("~/work.json"))
"""


def text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text(page), re.DOTALL)


# What stands in quotes ends no command.
COMMAND = re.compile(r"""\bskykey( (?:(["'])(?:(?!\2).)*\2|[^;|<>)#])*)""")


def commands(page: str) -> Iterator[list[str]]:
    """Every ``skykey …`` that a page types at a prompt, also one within another."""
    for line in re.findall(r"^ *\$ (.*)", text(page), re.MULTILINE):
        for found in COMMAND.finditer(line):
            for command in found[1].split(" -- "):
                words = shlex.split(command)
                if words and words[0] != "python":
                    yield words[1:] if words[0] == "skykey" else words


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with running(tmp_path_factory.mktemp("sandbox")) as box:
        yield box


def run(box: Box, home: Path, program: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    for named, there in SERVICES.items():
        program = program.replace(named, there)
    (home / "program.py").write_text(program)
    play = [sys.executable, "-m", "skykey", "sandbox", "run", "--as-real", "--state", str(box.folder), "--"]
    return subprocess.run(
        [*play, sys.executable, "-W", "error", "program.py"],
        cwd=home,
        env={**os.environ, "HOME": str(home), **variables},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("page", PAGES)
def test_commands_that_pages_type_exist(page: str) -> None:
    seen = list(commands(page))
    assert seen or page in WITHOUT_COMMANDS
    for words in seen:
        result = CliRunner().invoke(skykey, [*words, "--help"])
        assert (result.exit_code, result.stdout[:6]) == (0, "Usage:"), (words, result.output)


def test_snippets_about_logins_run(box: Box, tmp_path: Path) -> None:
    snippets = [block for block in blocks("docs/descarteslabs.md", "python") if "conftest.py" not in block]
    assert len(snippets) > 4
    done = run(box, tmp_path, "\n".join([SECOND, *snippets]))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "not-authenticated skykey descarteslabs auth login\n"


def test_the_snippet_of_the_first_page_runs(box: Box, tmp_path: Path) -> None:
    (snippet,) = (block for block in blocks("README.md", "python") if "descarteslabs" in block)
    done = run(box, tmp_path, snippet)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_fixtures_do_what_their_page_says(tmp_path: Path) -> None:
    (snippet,) = (block for block in blocks("docs/descarteslabs.md", "python") if "conftest.py" in block)
    configuration, tests = snippet.split("# test_mine.py")
    program = """
from skykey.descarteslabs.auth import Auth
from skykey.descarteslabs.config import get_settings
from skykey.descarteslabs.session import Session

def my_program():
    with Session(get_settings().platform_url, auth=Auth()) as session:
        assert session.get("/echo").json()["claims"]["name"] == "Ada"
"""
    (tmp_path / "conftest.py").write_text(configuration)
    (tmp_path / "test_mine.py").write_text(program + tests)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(tmp_path)],
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout


# -- telemetry and discovery

MOUNT, NIGHT = "lsst.sal.MTMount.elevation", ("2026-03-20T23:00Z", "2026-03-21T10:00Z")
REGISTRY = {"SKYKEY_SCHEMA_REGISTRY": "https://usdf-rsp.slac.stanford.edu/schema-registry"}
# What the page says of its snippets, in the program that they are.
HELD = """
assert str(night.index.dtype) == "datetime64[ns, UTC]" and night.attrs["complete"] and len(night) > 1000
assert {str(dtype) for dtype in night.dtypes} == {"Int64", "float64", "str"}
databases = {key: get_clients()[key].db_name for key in ("efd", "obsenv", "pp", "too")}
assert databases == {"efd": "efd", "obsenv": "lsst.obsenv", "pp": "lsst.prompt", "too": "lsst.scimma"}
assert summit["efd"].url.startswith("https://summit-lsp.lsst.codes/") and mine["efd"].influx_db == "usdfdev_efd"
assert mine["obsenv"].influx_db == "usdf_obsenv" and summit["too"].influx_db == mine["too"].influx_db == "summit_scimma"
assert prompt.creds_from == "repertoire" and InfluxQueryClient("usdf", "lsst.prompt").creds_from == "segwarides"
assert len(first) == 360 and list(first.columns) == ["temperatureItem0", "sensorName"]
assert len(around) == 10 and around.index[0].isoformat() > "2026-03-21T01:59:55" and len(tai) == 60
assert latest.index.is_monotonic_decreasing and len(before) == 5 and before.index[0] < night.index[-1]
assert minutes.shape == (3, 1) and len(month) == end.rows == len(table) == len(polars) == arrow.num_rows > 40_000
assert not table.truncated and samples["ham"].notna().all() and list(samples.columns) == ["ham", "egg", "times"]
assert list(schema.columns) == ["name", "type", "units", "description", "is_array"]
assert warm.attrs["units"]["temperatureItem0"] == "deg_C" and set(dark["day_obs"]) == {20260320}
assert len(elevation) == len(month) and len(azimuth) > 40_000
assert discovery.influxdb_databases(local=True) == ["usdf_efd", "usdf_obsenv", "usdf_prompt"]
assert info.url.host == "usdf-rsp.slac.stanford.edu"
assert login.password.get_secret_value() not in login.model_dump_json() + repr(login) + repr(logins)
assert not logins.failed and Path("efdauth.json").stat().st_mode & 0o077 == 0 and Path("elevation.parquet").exists()
assert [field.name for field in registry.fields("lsst.sal.ESS.temperature")] == list(schema["name"])
import logging
gone = SyncDiscoveryClient(
    base_url="https://gone.example.org/repertoire", fallback="usdf.json", logger=logging.getLogger("quiet")
)
logging.getLogger("quiet").disabled = True
assert gone.influxdb_databases() == offline.influxdb_databases() == discovery.influxdb_databases()
"""
TYPED = """
import shlex
from click.testing import CliRunner
from skykey.cli.root import skykey

for line in {lines!r}:
    typed, _, file = line.partition(" < ")
    given = open(file).read() if file else None
    result = CliRunner().invoke(skykey, shlex.split(typed)[1:], input=given)
    assert result.exit_code == 0 and result.stdout + result.stderr, (line, result.output, result.exception)
"""


# -- visits, logs, nights, TAP: what each page says of its snippets, in the program that they are

PROGRAMS = {
    VISITS: """
assert len(visits) == 398 and set(visits["day_obs"]) == {20260320} and visits["visit_id"].is_monotonic_increasing
assert str(visits.dtypes["visit_id"]) == "Int64" and str(visits.dtypes["obs_start"]) == "datetime64[us]"
assert visits.attrs["time_scale"] == "tai" and visits.attrs["repeated_columns"]["visit_id"] == ["visit_id"]
assert 0 < len(dark) < 398 and set(dark["day_obs"]) == {20260320} and set(two_days["day_obs"]) >= {20260319, 20260320}
assert dark["obs_start"].min() >= pd.Timestamp("2026-03-20T23:46:37") and len(two_days) > 398
assert 0 < len(sharp) < 398 and (sharp["seeing_zenith_500nm_median"] < 1).all() and set(sharp["day_obs"]) == {20260320}
assert {"visit_gap"} <= set(visits) and visits.attrs["augmented"] and "visit_gap" in mine and len(mine) == 398
assert "visit_gap" not in consdb.get_visits("lsstcam", *day, augment=False)
assert "visit_gap" not in consdb.get_visits.arrow("lsstcam", *day).column_names
assert set(consdb.columns("lsstcam", "visit1_quicklook").columns) >= {"name", "type", "description"}
assert detectors["detector"].tolist() == list(range(90, 99)) and {"zero_point", "psf_sigma"} <= set(detectors)
assert counts["visits"].sum() > 10_000 and len(few) == 100 and set(few.columns) == {"visit_id", "airmass"}
assert few.attrs["truncated"] and not end.truncated and end.rows > 10_000 and Path("exposures.parquet").exists()
assert consdb.instruments()[:2] == ["latiss", "lsstcam"] and "cdb_lsstcam.visit1" in consdb.tables("lsstcam")
assert consdb.obs("lsstcam", "visit1", 2026032000120)["band"] and consdb.metadata()["version"]
assert len(good) == 396 and len(camera) > 390 and len(spectrograph) == 1
""",
    LOGS: """
assert str(night.index.dtype) == "datetime64[ns, UTC]" and night.attrs["truncated"] is False and len(night) > 10
assert (log.query_log(*day)["level"] < 30).any() and (night["level"] >= 30).all()
assert len(faults) <= 20 and (faults["time_lost"] >= 60).all() and faults["message_text"].str.contains("shutter").all()
assert str(faults["date_begin"].dtype).endswith("UTC]") and set(junk["exposure_flag"]) <= {"junk", "questionable"}
assert reports and html and reports[0]["day_obs"] == 20260320
assert corrected["parent_id"] == written["id"] and log.query(limit=2).attrs["truncated"]
assert written["date_begin"].startswith("2026-03-21T02:54:37")  # TAI
assert "60 %" in corrected["message_text"]
assert not len(log.query(message_text="stuck at 60 %", is_valid="true"))
""",
    NIGHT_PAGE: """
assert not night.failed and len(frame) == 398 and visits.time_scale == "tai"
assert night.telemetry[-1][0].label == "mount azimuth"
""",
    TAP: """
assert [str(night.dtypes[name]) for name in ("visit_id", "obs_start")] == ["Int64", "datetime64[us]"]
assert len(night) == 398
assert visits.equals(get_clients()["consdb"].get_visits("lsstcam", "2026-03-20T12:00Z", "2026-03-21T12:00Z"))
assert counts["visits"].sum() > 500 and by_night.loc[20260320, "r"] == 80 and set(by_night.columns) >= set("gri")
assert list(tables.columns) == ["schema_name", "table_name", "table_type", "description"]
assert {"column_name", "datatype", "unit", "ucd", "description"} <= set(columns.columns)
assert len(near) > 50 and near["away"].is_monotonic_increasing and near["away"].max() <= 5
assert (near["s_dec"] + 27.8).abs().max() <= 5
assert set(some["band"]) == {"r", "i"} and some["obs_start"].min() > pd.Timestamp("2026-03-21T02:00:37")
assert not some.attrs["truncated"]
assert (len(few), few.attrs["truncated"], few.attrs["cut_by"]) == (100, True, "the question's limit of 100 rows")
assert len(heads) == 0 and len(heads.columns) == 50
assert night.attrs["units"] == {"s_ra": "deg"}
assert night.attrs["ucds"] == {"obs_start": "time.start", "s_ra": "pos.eq.ra"} and night.attrs["time_scale"] == "tai"
assert len(same) == 5 and str(same.dtypes["obs_start"]) == "datetime64[us]"
assert slow["visits"].sum() > 10_000 and len(found) > 1000
assert list(mine.columns) == ["id", "phase", "created", "run_id", "url"]
assert mine["url"].tolist() == [url] and len(tap.jobs()) == 0
assert joined["note"].tolist()[0] == "cloud" and joined["note"].isna().tolist() == [False, True]
assert end.rows > 10_000 and not end.truncated and Path("exposures.parquet").exists()
assert len(spectra) == 1 and votable["visit_id"].tolist() == tap.query(
    "select top 5 visit_id, band from cdb_lsstcam.visit1")["visit_id"].tolist()
assert any(kind.__module__.startswith("pyvo.") for kind in type(service).__mro__)
""",
}
PRINTED = {
    VISITS: [r"did you mean lsstcam or lsstcomcam\?", '.*column "nonsense" does not exist.*'],
    LOGS: [],
    NIGHT_PAGE: [r"\{'u': Count\(visits=80, .*\} \{'fault': .*"],
    TAP: [r".*\[ nonsense \] is not found.*", "did you mean cdb_lsstcam.visit1 or .*"],
}
BEFORE = """\
from pathlib import Path
import pandas as pd

day = "2026-03-20T12:00Z", "2026-03-21T12:00Z"
"""


@pytest.mark.parametrize("page", PROGRAMS)
def test_snippets_about_nights_run_and_do_what_is_said(box: Box, tmp_path: Path, page: str) -> None:
    snippets = blocks(page, "python")  # what asks the public net is marked as "py", and not among them
    assert snippets
    done = run(box, tmp_path, "\n".join([BEFORE, *snippets, PROGRAMS[page]]))
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert len(lines) == len(PRINTED[page])
    for line, pattern in zip(lines, PRINTED[page], strict=True):
        assert re.fullmatch(pattern, line), line
    assert box.controls.tap_jobs() == []


@pytest.mark.parametrize("page", PROGRAMS)
def test_commands_about_nights_run(box: Box, tmp_path: Path, page: str) -> None:
    (tmp_path / "night.adql").write_text("select visit_id from cdb_lsstcam.visit1 where day_obs = 20260320")
    # Not where the page's folder is not there.
    lines = [line for line in re.findall(r"^\$ (skykey rubin .*)", text(page), re.MULTILINE) if "/srv/" not in line]
    assert lines
    done = run(box, tmp_path, TYPED.format(lines=lines))
    box.controls.reset()  # a job that is submitted stays
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


class Hasty(SystemClock):
    """Waits between repeats are not what is tested here."""

    def wait(self, event: threading.Event, seconds: float | None) -> bool:
        return event.is_set()


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A home with the file that the page names."""
    (tmp_path / ".lsst").mkdir()
    return tmp_path


def test_snippets_about_telemetry_run_and_do_what_is_said(box: Box, elsewhere: Path) -> None:
    (elsewhere / ".lsst" / "usdf_dev").write_text(box.token)
    snippets = blocks(TELEMETRY, "python")
    assert len(snippets) > 15
    done = run(box, elsewhere, "\n".join([*snippets, HELD]), **REGISTRY)
    assert (done.returncode, done.stderr) == (0, "")
    *progress, mistyped, unknown = done.stdout.splitlines()
    assert progress[-1].endswith(" rows, 1 of 1 parts")
    assert mistyped.startswith("unknown-name did you mean lsst.sal.ESS.temperature")
    assert unknown == "did you mean dp1?"


def test_commands_about_telemetry_run(box: Box, tmp_path: Path) -> None:
    lines = re.findall(r"^\$ (skykey rubin .*)", text(TELEMETRY), re.MULTILINE)
    assert len(lines) > 4
    done = run(box, tmp_path, TYPED.format(lines=lines), **REGISTRY)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert {"weather.parquet", "mount.png", "efdauth.json"} <= {path.name for path in tmp_path.iterdir()}


@pytest.mark.parametrize("page", [TELEMETRY, DIFFERENCES])
def test_names_of_pages_about_telemetry_exist(page: str) -> None:
    mine = re.sub(r"^\| [^|]*\|", "|", text(page), flags=re.MULTILINE)  # first columns name what others have
    classes = {"efd": InfluxQueryClient, "client": AsyncInfluxQueryClient, "discovery": SyncDiscoveryClient}
    used = re.findall(r"(?<!\w)(efd|client|discovery)\.([a-z_]+)", mine)
    assert [(who, name) for who, name in used if not hasattr(classes[who], name)] == []
    for module in re.findall(r"`(skykey(?:\.[a-z_]+)+)`", mine):
        import_module(module)


def anchors(page: Path) -> set[str]:
    heads = re.findall(r"^#+ (.*)", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head).lower().replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES)
def test_links_of_pages_lead_somewhere(page: str) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", text(page)):
        file, _, anchor = target.partition("#")
        there = (ROOT / page).parent / file if file else ROOT / page
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), target


# -- what the table of failures says

Failure = Callable[[Box, pytest.MonkeyPatch], object]


def rows() -> dict[str, tuple[str, str, int]]:
    """What happened: error, code, exit code."""
    table = text(TELEMETRY).partition("| what happened |")[2].partition("\n\n")[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    return {row[0]: (row[1].strip("`"), row[2].strip("`"), int(row[3])) for row in cells}


def ask(clients: Clients | None = None) -> object:
    return (clients or get_clients())["efd"].select_time_series(MOUNT, "*", *NIGHT)


def asked_before(box: Box, **fault: object) -> object:
    """Fail after the login has been bought."""
    clients = get_clients()
    clients["efd"]._clock = Hasty()
    assert clients["efd"].get_topics()
    box.controls.fault(service="influxdb", **fault)  # type: ignore[arg-type]  # handed on as it is
    return clients["efd"].query(f'SELECT * FROM "{MOUNT}" LIMIT 3000')


def without_token(_: Box, patch: pytest.MonkeyPatch) -> object:
    patch.delenv("ACCESS_TOKEN_FILE")
    return ask()


def gone(_: Box, patch: pytest.MonkeyPatch) -> object:
    patch.setenv("SKYKEY_RUBIN_SITES", "gone=http://127.0.0.1:1")
    return ask(get_clients(site="gone", auth_token=f"gt-{22 * 'a'}.{22 * 'b'}"))


def closed(_: Box, __: pytest.MonkeyPatch) -> object:
    return SyncDiscoveryClient(base_url="http://127.0.0.1:1/repertoire").datasets()


def slow(box: Box, _: pytest.MonkeyPatch) -> object:
    clients = get_clients()
    assert clients["efd"].get_topics()
    box.controls.latency(30, service="influxdb")
    with within(0.2):
        return ask(clients)


FAILURES: dict[str, Failure] = {
    "no token is found": without_token,
    "the site does not accept the token": lambda *_: ask(get_clients(auth_token=f"gt-{22 * 'a'}.{22 * 'b'}")),
    "the token lacks a scope": lambda box, _: ask(get_clients(auth_token=box.controls.mint(["read:tap"]))),
    "no such site": lambda *_: get_clients(site="usdf-prod"),
    "no such topic or field": lambda *_: get_clients()["efd"].select_top_n(MOUNT, "actualPositon", 1),
    "no point in time, or the end comes first": lambda *_: get_clients()["efd"].select_time_series(
        MOUNT, "*", NIGHT[1], NIGHT[0]
    ),
    "InfluxDB refuses the statement": lambda *_: get_clients()["efd"].query("SELECT FROM nothing"),
    "the server stopped the statement": lambda box, _: stopped(box),
    "too many requests": lambda box, _: asked_before(box, status=429, retry_after=1000),
    "the site is away or overloaded (502 to 504)": lambda box, _: asked_before(box, status=503, times=9),
    "no connection": closed,
    "the same, or the site is away, before there is a login": gone,
    "the answer was cut": lambda box, _: asked_before(box, kind="truncate", after=3000, times=9),
    "a time limit was over": slow,
    "a page in place of an answer": lambda box, _: asked_before(box, kind="html"),
}


def stopped(box: Box) -> object:
    """A moment is not halved any more; a gateway that did not wait has stopped a statement as well."""
    clients = get_clients()
    assert len(clients["efd"].select_top_n(MOUNT, "*", 1)) == 1
    box.controls.fault(service="influxdb", status=504, times=99)
    return clients["efd"].select_time_series(MOUNT, "*", NIGHT[0], NIGHT[0])


@pytest.fixture
def site(box: Box, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Box]:
    for name, value in box.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(connections, "DEFAULT_TOKENFILE", str(tmp_path / "usdf_rsp"))
    monkeypatch.setattr(tokens, "NUBLADO_SECRET", str(tmp_path / "token"))
    monkeypatch.setattr(tokens, "OLD_MOUNTS", str(tmp_path / "opt"))
    yield box
    box.controls.reset()


def test_every_row_of_the_table_of_failures_is_tried() -> None:
    assert list(rows()) == list(FAILURES)


@pytest.mark.parametrize("happened", FAILURES)
def test_failures_are_as_the_table_says(happened: str, site: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    name, code, exit_code = rows()[happened]
    with pytest.raises(getattr(errors, name)) as caught:
        FAILURES[happened](site, monkeypatch)
    assert isinstance(caught.value, SkykeyError)
    assert (caught.value.code, caught.value.exit_code) == (code, exit_code)
    if happened == "the token lacks a scope":
        assert "read:sasquatch" in caught.value.message


def test_a_new_password_is_used_by_the_next_question(site: Box) -> None:
    efd = get_clients()["efd"]
    assert efd.get_topics()
    site.controls.change_password()
    assert efd.get_topics()
    site.controls.change_password()
    with pytest.raises(errors.NotAuthenticated):  # within half a minute
        efd.get_topics()


def test_a_new_token_buys_the_new_login(site: Box) -> None:
    efd = get_clients()["efd"]
    assert efd.get_topics()
    site.controls.rotate()  # the old token is over
    site.controls.change_password()
    site.controls.forget()
    assert efd.get_topics()
    bought = [seen.status for seen in site.controls.requests("repertoire") if seen.path.endswith("/usdf_efd")]
    assert bought[-1] == 200
