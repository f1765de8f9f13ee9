"""`ligo.gracedb` under the drop-in: the release's names, its command, and what `isinstance` and `except` rely on."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.gracedb.scripted_gracedb import EVENT, ScriptedGraceDb
from tests.wire.server import as_json, reply

INSTALL = "import skykey.dropin; skykey.dropin.install()\n"

# What programs import, and tests of programs patch.
DOCUMENTED = {
    "ligo.gracedb": ("__version__", "rest", "client", "exceptions", "utils", "cert", "token", "cli", "version"),
    "ligo.gracedb.rest": (
        "GraceDb", "HTTPError", "DEFAULT_SERVICE_URL", "DEFAULT_RETRY_CODES", "DEFAULT_ALLOWED_METHODS",
        "GraceDBClient",
    ),
    "ligo.gracedb.client": (
        "GraceDBClient", "GraceDbRetry", "DEFAULT_SERVICE_URL", "DEFAULT_RETRY_CODES", "DEFAULT_ALLOWED_METHODS",
        "DEFAULT_TOKEN_SCOPE", "MAX_RETRY_AFTER_SECONDS",
    ),
    "ligo.gracedb.exceptions": ("HTTPError",),
    "ligo.gracedb.utils": (
        "content_id", "event_or_superevent", "handle_str_or_list_arg", "dict_to_form_encoded", "get_mimetype",
        "hook_response", "raise_status_exception", "EVENT_PREFIXES", "event_prefix_regex",
    ),
    "ligo.gracedb.cert": ("load_certificate", "check_certificate_expiration"),
    "ligo.gracedb.token": ("check_token_expiration", "find_token_or_none"),
    "ligo.gracedb.logging": ("GraceDbLogHandler",),
    "ligo.gracedb.adapter": ("GraceDbCredAdapter",),
    "ligo.gracedb.alias": ("alias", "aliased"),
    "ligo.gracedb.cli.client": (
        "CommandLineInterface", "CommandLineClient", "main", "VERSION_STRING", "GraceDb", "HTTPError",
        "DEFAULT_SERVICE_URL",
    ),
    "ligo.gracedb.version": ("__version__",),
}  # fmt: skip

# A requests as far as a program sees it, so that the tests need none.
REQUESTS = {
    "__init__.py": "from .sessions import Session\nfrom .models import Response\nfrom . import exceptions\n",
    "models.py": "class Response:\n    def __getstate__(self): raise AssertionError\n    def theirs(self): pass\n",
    "sessions.py": "class Session:\n    def __getstate__(self): raise AssertionError\n    def theirs(self): pass\n",
    "exceptions.py": "class RequestException(OSError): pass\nclass HTTPError(RequestException): pass\n"
    "class ConnectionError(RequestException): pass\nclass RetryError(RequestException): pass\n",
}
URLLIB3 = {"__init__.py": "import io\nclass HTTPResponse(io.IOBase):\n    def theirs(self): pass\n"}
IGWN = {
    "__init__.py": "class IgwnAuthError(RuntimeError): pass\nfind_scitoken = 'theirs'\n",
    "requests.py": "theirs = True\n",
}


@pytest.fixture
def gracedb() -> Iterator[ScriptedGraceDb]:
    with ScriptedGraceDb() as server:
        yield server


def package(folder: Path, name: str, files: dict[str, str]) -> None:
    (folder / name).mkdir()
    for file, text in files.items():
        (folder / name / file).write_text(text)


def ran(program: str, folder: Path, **variables: str) -> str:
    code = f"import sys; sys.path.insert(0, {str(folder)!r})\n{INSTALL}{program}"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=folder, check=False, capture_output=True,
        text=True, timeout=60,        env={**os.environ, **_nobody(folder), **variables},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def _nobody(folder: Path) -> dict[str, str]:
    return {"XDG_RUNTIME_DIR": str(folder / "none"), "XDG_CACHE_HOME": str(folder / "cache")}


def test_every_documented_name_is_there(tmp_path: Path) -> None:
    ran(
        f"""
import importlib
for module, names in {DOCUMENTED!r}.items():
    found = importlib.import_module(module)
    for name in names:
        getattr(found, name)
import ligo.gracedb
assert ligo.gracedb.__version__ == ligo.gracedb.version.__version__ == "2.16.1+skykey"
from ligo.gracedb.rest import GraceDb, GraceDBClient
import ligo.gracedb.client, skykey.gracedb.rest, skykey.gracedb.exceptions, ligo.gracedb.exceptions
assert issubclass(GraceDb, GraceDBClient) and GraceDBClient is ligo.gracedb.client.GraceDBClient
assert issubclass(GraceDb, skykey.gracedb.rest.GraceDb)
assert ligo.gracedb.exceptions.HTTPError is skykey.gracedb.exceptions.HTTPError
assert GraceDb.__doc__ == skykey.gracedb.rest.GraceDb.__doc__
""",
        tmp_path,
    )


def test_others_below_ligo_stay_reachable(tmp_path: Path) -> None:
    (tmp_path / "ligo" / "skymap").mkdir(parents=True)
    (tmp_path / "ligo" / "skymap" / "__init__.py").write_text("theirs = True\n")
    (tmp_path / "ligo" / "gracedb").mkdir()
    (tmp_path / "ligo" / "gracedb" / "__init__.py").write_text("raise AssertionError\n")
    ran("import ligo.skymap, ligo.gracedb.rest\nassert ligo.skymap.theirs\n", tmp_path)


@pytest.mark.parametrize("module", ["ligo.gracedb.kafka", "ligo.gracedb.cli.commands"])
def test_what_is_not_there_says_so(tmp_path: Path, module: str) -> None:
    ran(
        f"try: import {module}\nexcept ImportError as e: assert 'not built yet' in str(e)\nelse: raise SystemExit(1)",
        tmp_path,
    )


def test_a_client_is_a_session_where_requests_is_loaded(tmp_path: Path, gracedb: ScriptedGraceDb) -> None:
    package(tmp_path, "requests", REQUESTS)
    assert (
        json.loads(
            ran(
                f"""
from ligo.gracedb.rest import GraceDb, GraceDBClient
import copy, json, pickle
client = GraceDb({gracedb.api!r}, force_noauth=True)
assert client.__class__ is type(client) is GraceDb and "requests" not in sys.modules
assert type(pickle.loads(pickle.dumps(client))) is GraceDb
import requests
for one in (client, pickle.loads(pickle.dumps(client)), copy.copy(client)):
    assert isinstance(one, requests.Session) and isinstance(one, GraceDb) and isinstance(one, GraceDBClient)
    assert type(one) is GraceDb and issubclass(one.__class__, GraceDb)
    assert one.__class__.__name__ == "GraceDb" and one.__class__ is client.__class__
    assert not hasattr(one, "theirs")                    # nothing of theirs is mixed in
    assert one.event("G1").json()["graceid"] == "G1"
for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
    assert type(pickle.loads(pickle.dumps(client, protocol))) is GraceDb
assert isinstance(GraceDBClient({gracedb.api!r}, force_noauth=True), requests.Session)
with client as same:
    assert same is client
print(json.dumps(client.event("G1").json()))
""",
                tmp_path,
            )
        )
        == EVENT
    )


def test_answers_are_theirs_where_requests_is_loaded(tmp_path: Path, gracedb: ScriptedGraceDb) -> None:
    package(tmp_path, "requests", REQUESTS)
    package(tmp_path, "urllib3", URLLIB3)
    gracedb.says["events/G404"] = as_json('"Event not found."', 404)
    program = f"""
from ligo.gracedb.rest import GraceDb, HTTPError
import copy, io, pickle, skykey.calls.download, skykey.gracedb.response, skykey.gracedb.rest, shutil
client = GraceDb({gracedb.api!r}, force_noauth=True)
answer, file = client.event("G1"), client.files("G1", "x")
assert answer.__class__ is type(answer) and "requests" not in sys.modules
assert file.__class__ is type(file) and "urllib3" not in sys.modules
import requests, urllib3
assert isinstance(answer, requests.Response) and isinstance(answer, skykey.gracedb.response.Response)
assert isinstance(file, urllib3.HTTPResponse) and isinstance(file, skykey.calls.download.Download)
assert isinstance(file, io.IOBase) and not isinstance(file, requests.Response)
assert not hasattr(answer, "theirs") and not hasattr(file, "theirs")     # nothing of theirs is mixed in
assert repr(answer) == "<Response [200]>" and repr(file) == "<Download of {gracedb.api}events/G1/files/x>"
assert answer.__class__.__name__ == "Response" and file.__class__.__name__ == "Download"
for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
    again = pickle.loads(pickle.dumps(answer, protocol))
    assert type(again) is type(answer) and again.json()["graceid"] == "G1" and again.read() == answer.content
assert copy.copy(answer).status == 200 and isinstance(copy.deepcopy(answer), requests.Response)
shutil.copyfileobj(file, saved := io.BytesIO())
assert saved.getvalue() == b"\\x1f\\x8b\\x00\\xff\\xfe\\r\\n"
try:
    client.event("G404")
except HTTPError as problem:
    assert isinstance(problem.response, requests.Response) and problem.response.status == 404
else:
    raise AssertionError
for one in (pickle.loads(pickle.dumps(client)), copy.copy(client)):
    assert isinstance(one.get(client.links["self"]), requests.Response)
native = skykey.gracedb.rest.GraceDb({gracedb.api!r}, force_noauth=True)  # who imports Skykey's own gets its own
assert not isinstance(native.event("G1"), requests.Response)
assert not isinstance(native.files("G1", "x"), urllib3.HTTPResponse)
"""
    ran(program, tmp_path)


def test_except_clauses_of_programs_go_on_working(tmp_path: Path, gracedb: ScriptedGraceDb) -> None:
    package(tmp_path, "requests", REQUESTS)
    gracedb.says["events/G404"] = as_json('"Event not found."', 404)
    gracedb.says["events/G502"] = reply(502, "busy")
    program = f"""
import requests
from ligo.gracedb.rest import GraceDb, HTTPError
try:
    GraceDb({gracedb.api!r}, force_noauth=True).event("G404")
except requests.exceptions.HTTPError as problem:
    assert isinstance(problem, HTTPError) and problem.response.status_code == problem.status_code == 404
    assert not isinstance(problem, requests.exceptions.RetryError)
else:
    raise AssertionError
try:
    GraceDb({gracedb.api!r}, force_noauth=True, retries=1, backoff_factor=0.001).event("G502")
except requests.exceptions.RetryError as problem:
    assert isinstance(problem, HTTPError) and problem.status == 502 and problem.attempts == 2
else:
    raise AssertionError
try:
    GraceDb("http://127.0.0.1:9/api/", force_noauth=True, retries=0).event("G1")
except requests.exceptions.ConnectionError:
    pass
else:
    raise AssertionError
"""
    ran(program, tmp_path)


CATCH = """
import igwn_auth_utils
from ligo.gracedb.rest import GraceDb
try:
    GraceDb(fail_if_noauth=True)
except igwn_auth_utils.IgwnAuthError as problem:
    assert isinstance(problem, RuntimeError)
else:
    raise AssertionError
"""


def test_their_error_of_missing_credentials_is_caught_where_it_is_not_installed(tmp_path: Path) -> None:
    # Not there for certain, also where the tests' own environment has it.
    hide = "import importlib.machinery as m\nfind = m.PathFinder.find_spec\nm.PathFinder.find_spec = classmethod(\n"
    hide += "    lambda cls, name, *more: None if name.startswith('igwn_auth_utils') else find(name, *more))\n"
    program = """
try:
    from igwn_auth_utils import find_scitoken
except ImportError as problem:
    assert "find_scitoken" in str(problem)
else:
    raise AssertionError
import skykey.gracedb.exceptions
assert igwn_auth_utils.IgwnAuthError is skykey.gracedb.exceptions.IgwnAuthError
skykey.dropin.uninstall()
assert "igwn_auth_utils" not in sys.modules
"""
    ran(hide + CATCH + program, tmp_path)


def test_an_installed_igwn_auth_utils_stays_what_it_is(tmp_path: Path) -> None:
    package(tmp_path, "igwn_auth_utils", IGWN)
    program = """
import igwn_auth_utils.requests
assert igwn_auth_utils.find_scitoken == "theirs" and igwn_auth_utils.requests.theirs
assert igwn_auth_utils.IgwnAuthError.__module__ == "igwn_auth_utils"
skykey.dropin.uninstall()
assert "igwn_auth_utils" in sys.modules
skykey.dropin.install()                                   # it was imported before, and that is no reason to refuse
"""
    ran(CATCH + program, tmp_path)


def test_older_names_of_methods_warn(recwarn: pytest.WarningsRecorder) -> None:
    from skykey.dropin.ligo_gracedb_alias import alias, aliased

    @aliased
    class Box:
        kept = "own"

        @alias("addUp", "kept")
        @alias("plus")
        def add_up(self, one: int, two: int) -> int:
            """Add."""
            return one + two

    words = "Method addUp has been replaced by add_up, and will be deprecated in a future release"
    with pytest.warns(DeprecationWarning, match=words) as seen:
        assert Box().addUp(1, two=2) == 3  # type: ignore[attr-defined]
    assert seen[0].filename == __file__
    with pytest.warns(DeprecationWarning, match="Method plus has been"):
        assert Box().plus(1, 2) == 3  # type: ignore[attr-defined]
    assert Box.kept == "own"
    assert Box.addUp.__doc__ == "Add."  # type: ignore[attr-defined]


def test_the_adapter_says_what_to_do_instead() -> None:
    from skykey.dropin.ligo_gracedb_adapter import GraceDbCredAdapter

    with pytest.raises(ValueError, match="every request of its client has a fresh credential"):
        GraceDbCredAdapter(cert=None, reload_buffer=300)


# -- the command


def gracedb_command(*arguments: str, folder: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "skykey.dropin", "gracedb", *arguments], capture_output=True, text=True, timeout=60,
        check=False, cwd=folder, env={**os.environ, **_nobody(folder), **variables},
    )  # fmt: skip


def test_the_command_is_ours_under_its_name(tmp_path: Path, gracedb: ScriptedGraceDb) -> None:
    (tmp_path / "gracedb").write_text("raise AssertionError\n")  # a script is ./gracedb
    shown = gracedb_command("get", "event", "G1", folder=tmp_path, GRACEDB_SERVICE_URL=gracedb.api)
    assert (shown.returncode, shown.stdout, shown.stderr) == (0, json.dumps(EVENT, indent=4) + "\n", "")
    version = gracedb_command("--version", folder=tmp_path)
    assert (version.returncode, version.stdout) == (0, "GraceDB Client 2.16.1+skykey\n")
    assert gracedb_command("nope", folder=tmp_path).returncode == 2


def test_the_command_as_a_function_and_as_an_object(tmp_path: Path, gracedb: ScriptedGraceDb) -> None:
    package(tmp_path, "requests", REQUESTS)
    gracedb.says["events/G404"] = as_json('"Event not found."', 404)
    program = """
from ligo.gracedb.cli.client import VERSION_STRING, CommandLineClient, CommandLineInterface, HTTPError, main
from ligo.gracedb.rest import GraceDb
assert VERSION_STRING == "GraceDB Client 2.16.1+skykey" and CommandLineClient is GraceDb
assert main(["ping"]) is None
for line, code in ((["nope"], 2), (["get", "event", "G404"], 1)):
    try:
        main(line)
    except SystemExit as ended:
        assert ended.code == code
    else:
        raise AssertionError
interface = CommandLineInterface(base_prog="gracedb")
import requests
for line, status in (
    (["get", "event", "G1"], 200),
    (["get", "event", "G1", "--output-type", "status"], 200),
    (["create", "log", "G1", "text"], 201),
    (["remove", "label", "G1", "INJ"], 204),
    (["credentials", "server"], 200),
):
    answer = interface(line)
    assert isinstance(answer, requests.Response) and answer.status_code == status, line
assert interface(["get", "event", "G1"]).json()["graceid"] == "G1"
assert interface(["credentials", "client"]) == {"auth_type(s)": "No auth type found"}
assert interface(["info", "groups"]) == "Burst, CBC, Test"
assert interface(["search", "events", "x", "--columns", "graceid"]) == "#graceid\\nG1"
assert interface(["count", "events"]) == "1"
assert interface(["get", "file", "G1", "x"]) == b"\\x1f\\x8b\\x00\\xff\\xfe\\r\\n"
assert interface(["get", "file", "G1", "x", "saved"]).startswith("File 'x' for G1 saved at ")
for line, code in ((["--version"], 0), (["get", "event", "--help"], 0), (["nope"], 2), (["get", "event"], 2)):
    try:
        interface(line)
    except SystemExit as ended:
        assert ended.code == code, line
    else:
        raise AssertionError
try:
    interface(["get", "event", "G404"])
except HTTPError as problem:
    assert problem.status == 404
else:
    raise AssertionError
from unittest import mock
with mock.patch("skykey.cli.gracedb.ping.client", side_effect=KeyboardInterrupt):
    try:
        interface(["ping"])
    except KeyboardInterrupt:                             # and nothing that a program takes for an error
        pass
    else:
        raise AssertionError
from skykey.__main__ import main as skykey
try:
    skykey(["gracedb", "--version"])                      # what comes after it is as ever
except SystemExit as ended:
    assert not ended.code
sys.argv = ["gracedb", "info", "searches"]
main()
"""
    out = ran(program, tmp_path, GRACEDB_SERVICE_URL=gracedb.api)
    ping, version, usage, *_, ours, last = out.splitlines()
    assert ours.startswith("skykey ")
    assert (ping, version, last) == (
        f"Response from {gracedb.api}: 200 OK",
        "GraceDB Client 2.16.1+skykey",
        "AllSky, MDC",
    )
    assert usage == "Usage: skykey gracedb get event [OPTIONS] GRACEID"
