"""The examples and promises of seed 002, the user guide of GraceDB's client, in upstream's words.

Only ids and paths are filled in. Each example is run under both names: ``ligo.gracedb``, which the drop-in serves, and
``skykey.gracedb``. Getting tokens (htgettoken, keytabs, HTCondor) is not here: nothing of Skykey does that yet; a token
that is found, shown and read anew is.

What the guide promises beyond its examples, and where it is tested:

======================================================================== =============================================
any user may create test events; others need a permission                test_an_example_fails, sandbox/gracedb
groups, pipelines, searches, allowed_labels                              test_an_example_fails
only who submitted an event may update it                                test_only_who_submitted_an_event_updates_it
tests and mock data are found only by queries that say so                test_an_example_fails
files have versions, ``,N``; the plain name is the newest                test_an_example_fails
a label by ``write_log(label=)``                                         test_an_example_fails
tags that are not there yet are made                                     test_an_example_fails
``HTTPError`` for 400 and above                                          test_an_example_fails
``credentials client`` and ``credentials server``                        test_the_credentials_are_shown_otherwise
an AnonymousUser where no valid token is found                           test_the_credentials_are_shown_otherwise
``reload_cred``, ``reload_buffer``, ``fail_if_noauth``                   test_an_example_fails, gracedb/test_credentials
======================================================================== =============================================
"""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from skykey.sandbox import Box, running
from tests.sandbox.gracedb.test_event_files import coincidence

Play = Callable[..., str]

#: Names of examples with their code, and below a line of dashes what holds then.
EXAMPLES = {
    "a client instance": """\
from ligo.gracedb.rest import GraceDb

client = GraceDb()
# ---
assert client.ping().url == "https://gracedb.ligo.org/api/"
""",
    "another server": """\
client = GraceDb(service_url='https://gracedb-playground.ligo.org/api/')
# ---
assert client.ping().url == "https://gracedb-playground.ligo.org/api/"
""",
    "a token that is kept fresh": """\
client = GraceDb(reload_cred=True, reload_buffer=300, fail_if_noauth=True)
# ---
assert client.get_user_info().json()["username"] == "albert.einstein@ligo.org"
client = GraceDb()
""",
    "create an event": """\
response = client.create_event('CBC', 'gstlal', '/path/to/event/data/file.xml', search='AllSky')
# ---
data = response.json()
assert (response.status, data["group"], data["pipeline"], data["search"]) == (201, "CBC", "gstlal", "AllSky")
assert data["warnings"] == [] and data["far"] == 3.27e-07 and response.headers["location"].endswith(data["graceid"])
filled["G1234"] = data["graceid"]
""",
    "create a test event": """\
response = client.create_event('Test', 'gstlal', '/path/to/event/data/file.xml', search='AllSky')
# ---
assert response.json()["graceid"].startswith("T")
filled["T1234"] = response.json()["graceid"]
""",
    "names to choose from": """\
client.groups, client.pipelines, client.searches, client.allowed_labels
# ---
assert "Test" in client.groups and "gstlal" in client.pipelines and "AllSky" in client.searches
assert {"ADVREQ", "PE_READY", "DQV"} <= set(client.allowed_labels)
""",
    "the response's contents": """\
response = client.event('G1234')
data = response.json()
# ---
assert data["graceid"] == "G1234" and isinstance(data, dict) and response.status_code == 200 and response.ok
""",
    "an error": """\
from ligo.gracedb.exceptions import HTTPError

try:
    client.event('G99999999')
except HTTPError as error:
    problem = error
# ---
assert (problem.status, problem.reason) == (404, "Not Found") and "Event not found" in str(problem)
""",
    "update an event": """\
response = client.replace_event('G1234', '/path/to/new/event/data/file.xml')
# ---
assert (response.status, response.content) == (202, b"")
assert client.event('G1234').json()["far"] == 1e-11
""",
    "search for events": """\
event_iterator = client.events('far < 1e-10')
graceids = [event['graceid'] for event in event_iterator]
# ---
assert 'G1234' in graceids and 'T1234' not in graceids
assert not any(graceid.startswith(("T", "M")) for graceid in graceids)
assert 'T1234' in [event['graceid'] for event in client.events('Test')]
assert all(graceid.startswith("M") for graceid in [event['graceid'] for event in client.events('MDC far < 1e-10')])
""",
    "an individual event": """\
response = client.event('G1234')
# ---
assert response.json()["submitter"] == "albert.einstein@ligo.org"
""",
    "create a superevent": """\
response = client.create_superevent(1238350677, 1238350680, 1238350682, 'G1234')
# ---
data = response.json()
assert (response.status, data["preferred_event"], data["category"]) == (201, 'G1234', "Production")
assert [data[name] for name in ("t_start", "t_0", "t_end")] == [1238350677, 1238350680, 1238350682]
for name in ("S190202p", "S180331d", "S190202b", "S190214g", "S190301a"):
    filled[name] = data["superevent_id"]
""",
    "a superevent of another category": """\
try:
    client.create_superevent(1238350677, 1238350680, 1238350682, 'T1234')
except HTTPError as error:
    problem = error
# ---
assert problem.status == 400
""",
    "update a superevent": """\
response = client.update_superevent('S190202p', t_0=1238350700, preferred_event='G2345')
# ---
assert response.json()["t_0"] == 1238350700 and response.json()["preferred_event"] == 'G2345'
""",
    "add events to a superevent, and remove them": """\
client.add_event_to_superevent('S190202p', 'G3456')
client.remove_event_from_superevent('S190202p', 'G1234')
# ---
assert client.superevent('S190202p').json()["gw_events"] == ['G2345', 'G3456']
""",
    "search for superevents": """\
superevent_iterator = client.superevents('public is_gw: True')
superevent_ids = [superevent['superevent_id'] for superevent in superevent_iterator]
# ---
assert 'S190202p' not in superevent_ids
assert 'S190202p' in [superevent['superevent_id'] for superevent in client.superevents('is_gw: False')]
assert not [name for name in [each['superevent_id'] for each in client.superevents('far < 1')] if name[0] != "S"]
""",
    "an individual superevent": """\
response = client.superevent('S180331d')
# ---
assert response.json()["superevent_id"] == 'S180331d'
""",
    "a log entry": """\
response = client.write_log('G1234', 'comment on event')
# ---
assert (response.status, response.json()["comment"]) == (201, "comment on event")
""",
    "a log entry with a file": """\
response = client.write_log('S190202b', 'comment on event', filename='/path/to/file/')
# ---
assert response.json()["filename"] == "skymap.fits.gz"
""",
    "a log entry with a label": """\
response = client.write_log('G1234', 'comment on event', label='PE_READY')
# ---
assert "PE_READY" in client.event('G1234').json()["labels"]
""",
    "one log entry": """\
response = client.logs('G1234', 12)
# ---
assert response.json()["N"] == 12
""",
    "all log entries": """\
response = client.logs('G1234')
# ---
entries = response.json()["logs"]
assert [entry["N"] for entry in entries] == list(range(1, len(entries) + 1))
""",
    "a list of files": """\
response = client.files('G1234')
# ---
assert "skymap.fits.gz" in str(response.json())
""",
    "a file": """\
response = client.files('G1234', 'skymap.fits.gz')
file_contents = response.read()
# ---
assert file_contents == b"newer \\xff"
""",
    "a version of a file": """\
response = client.files('G1234', 'skymap.fits.gz,0')
file_contents = response.read()
# ---
assert file_contents == b"older \\xff"
""",
    "add a label": """\
response = client.write_label('G1234', 'ADVREQ')
# ---
assert response.status == 201 and 'ADVREQ' in [label["name"] for label in client.labels('G1234').json()["labels"]]
""",
    "remove a label": """\
response = client.remove_label('S190214g', 'INJ')
# ---
assert response.status == 204 and client.superevent('S190214g').json()["labels"] == []
""",
    "add a tag": """\
response = client.add_tag('G1234', 12, 'em_follow')
# ---
assert response.status == 201 and "em_follow" in client.logs('G1234', 12).json()["tag_names"]
""",
    "add a tag that there was not": """\
response = client.add_tag('G1234', 12, 'mine')
# ---
assert "mine" in [tag["name"] for tag in client.tags('G1234', 12).json()["tags"]]
""",
    "remove a tag": """\
response = client.remove_tag('S190301a', 16, 'pe')
# ---
assert response.status == 204 and client.logs('S190301a', 16).json()["tag_names"] == []
""",
}
# What the guide takes for granted: further events, twelve entries of one log, sixteen of another, labels, tags, files.
BEFORE = {
    "update a superevent": """\
for name in ("G2345", "G3456"):
    data = client.create_event('CBC', 'gstlal', '/path/to/event/data/file.xml', search='AllSky').json()
    filled[name] = data["graceid"]
""",
    "one log entry": """\
for content in (b"older \\xff", b"newer \\xff"):
    client.write_log('G1234', 'a map', filename='skymap.fits.gz', filecontents=content)
while client.write_log('G1234', 'one more').json()["N"] < 12: pass
""",
    "remove a label": "client.write_label('S190214g', 'INJ')\n",
    "remove a tag": "while client.write_log('S190301a', 'x', tag_name='pe').json()['N'] < 16: pass\n",
}
PROGRAM = """\
import json, os, pathlib, re, traceback

examples, before = json.loads(pathlib.Path("examples.json").read_text())
paths = {
    "/path/to/event/data/file.xml": os.path.abspath("file.xml"),
    "/path/to/new/event/data/file.xml": os.path.abspath("new.xml"),
    "/path/to/file/": os.path.abspath("skymap.fits.gz"),
}
filled, names, told = {}, {}, {}
names["filled"] = filled

def fill(text):
    for given, there in paths.items():
        text = text.replace(repr(given), repr(there))
    return re.sub(r"\\b[GTS]\\d{4,6}[a-z]?\\b", lambda found: filled.get(found[0], found[0]), text)

for name, text in examples.items():
    try:
        exec(fill(before.get(name, "")), names)
        exec(fill(text), names)
    except Exception:
        told[name] = fill(text) + traceback.format_exc()
    else:
        told[name] = None
pathlib.Path("told.json").write_text(json.dumps(told))
"""


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """A sandbox of our own: what is written into GraceDB stays."""
    with running(tmp_path_factory.mktemp("sandbox")) as box:
        yield box


def play(box: Box, folder: Path, *arguments: str, code: int = 0) -> "subprocess.CompletedProcess[str]":
    start = [sys.executable, "-m", "skykey", "sandbox", "run", "--as-real", "--state", str(box.folder), "--"]
    done = subprocess.run(
        [*start, *arguments],
        cwd=folder,
        env={"HOME": str(folder), "PATH": "/usr/bin:/bin", "XDG_CACHE_HOME": str(folder / "cache")},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == code, done.stderr
    return done


@pytest.fixture(scope="module", params=["ligo.gracedb", "skykey.gracedb"])
def told(box: Box, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> dict[str, str | None]:
    folder = tmp_path_factory.mktemp("user")
    (folder / "file.xml").write_bytes(coincidence())
    (folder / "new.xml").write_bytes(coincidence(combined_far=("real_8", "1e-11")))
    (folder / "skymap.fits.gz").write_bytes(b"\x1f\x8b a map")
    (folder / "program.py").write_text(PROGRAM)
    examples = {name: text.replace("ligo.gracedb", request.param) for name, text in EXAMPLES.items()}
    (folder / "examples.json").write_text(json.dumps([examples, BEFORE]))
    start = ["-m", "skykey.dropin"] if request.param == "ligo.gracedb" else []
    assert play(box, folder, sys.executable, "-W", "error", *start, "program.py").stderr == ""
    found: dict[str, str | None] = json.loads((folder / "told.json").read_text())
    return found


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_fails(told: dict[str, str | None], name: str) -> None:
    assert told[name] is None


def test_an_example_was_left_out(told: dict[str, str | None]) -> None:
    assert list(told) == list(EXAMPLES)
    assert BEFORE.keys() <= EXAMPLES.keys()


def test_only_who_submitted_an_event_updates_it(box: Box, tmp_path: Path) -> None:
    (tmp_path / "file.xml").write_bytes(coincidence())
    (tmp_path / "marie").write_text(box.controls.gracedb_token("marie.curie@ligo.org", as_real=True))
    program = """
import os
from ligo.gracedb.exceptions import HTTPError
from ligo.gracedb.rest import GraceDb
graceid = GraceDb().create_event("Test", "gstlal", "file.xml").json()["graceid"]
os.environ["BEARER_TOKEN_FILE"] = "marie"
marie = GraceDb()
assert marie.event(graceid).ok
try:
    marie.replace_event(graceid, "file.xml")
except HTTPError as problem:
    print(problem.status)
"""
    (tmp_path / "program.py").write_text(program)
    assert play(box, tmp_path, sys.executable, "-m", "skykey.dropin", "program.py").stdout == "403\n"


@pytest.mark.parametrize("command", [["skykey.dropin", "gracedb"], ["skykey", "gracedb"]])
def test_the_credentials_are_shown_otherwise(box: Box, tmp_path: Path, command: list[str]) -> None:
    start = [sys.executable, "-m", *command]
    client = play(box, tmp_path, *start, "credentials", "client").stdout
    whole = r"""\{
    "scitoken": \{
        "SciToken subject": "albert\.einstein@ligo\.org",
        "SciToken expiration": "\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d",
        "SciToken scope": "gracedb\.read",
        "SciToken audience": "ANY"
    \}
\}
"""
    assert re.fullmatch(whole, client)
    server = play(box, tmp_path, *start, "-s", "https://gracedb-test.ligo.org/api/", "credentials", "server").stdout
    said = json.loads(server)
    assert list(said) == ["username", "first_name", "last_name", "email", "is_internal_user", "upload_to_pipeline"]
    assert (said["username"], said["first_name"], said["last_name"]) == (
        "albert.einstein@ligo.org",
        "Albert",
        "Einstein",
    )
    assert said["is_internal_user"] is True
    assert "gstlal" in said["upload_to_pipeline"]
    nobody = play(box, tmp_path, *start, "--force-noauth", "credentials", "server").stdout
    assert json.loads(nobody) == {"username": "AnonymousUser"}
