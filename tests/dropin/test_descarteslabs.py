"""What the names of ``descarteslabs`` and ``earthdaily.earthone`` mean, with and without those packages on the path."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from skykey.sandbox import Box, running

INSTALL = "import skykey.dropin; skykey.dropin.install()\n"

# What the contract lists for the module, and programs import or patch.
MODULE = [
    "Auth",
    "base64url_decode",
    "makedirs_if_not_exists",
    "get_default_domain",
    "get_app_domain",
    "ThreadLocalWrapper",
    "DEFAULT_TOKEN_INFO_DIR",
    "DEFAULT_TOKEN_INFO_PATH",
    "JWT_TOKEN_PREFIX",
    "DESCARTESLABS_CLIENT_ID",
    "DESCARTESLABS_CLIENT_SECRET",
    "DESCARTESLABS_REFRESH_TOKEN",
    "DESCARTESLABS_TOKEN",
    "DESCARTESLABS_TOKEN_INFO_PATH",
    "DESCARTESLABS_CUSTOM_CLAIM_PREFIX",
    "LEGACY_DELEGATION_CLIENT_IDS",
    "AuthError",
    "OauthError",
    "Retry",
    "Session",
    "os",
    "warnings",
    "tempfile",
]


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with running(tmp_path_factory.mktemp("sandbox")) as made:
        yield made


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def upstream(tmp_path: Path) -> Path:
    """A folder as pip would leave it: both packages, and a stranger below the shared name."""
    for name in ("descarteslabs/auth", "descarteslabs/catalog", "earthdaily/earthone/auth", "earthdaily/agriculture"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "__init__.py").write_text("theirs = True\n")
    for name in ("descarteslabs", "earthdaily/earthone"):
        (tmp_path / name / "__init__.py").write_text("theirs = True\n")
    return tmp_path


def python(*arguments: str, cwd: Path, home: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    ours = ("DESCARTESLABS_", "EARTHONE_", "CLIENT_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=cwd,
        env=kept | {"HOME": str(home)} | variables,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )


def run(program: str, folder: Path, home: Path, **variables: str) -> str:
    done = python("-c", INSTALL + program, cwd=folder, home=home, **variables)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_way_to_import_gives_the_same_auth(upstream: Path, home: Path) -> None:
    program = """
import descarteslabs, descarteslabs as dl
import descarteslabs.auth, descarteslabs.auth.auth, descarteslabs.core.client.auth
from descarteslabs.auth import Auth
from descarteslabs.auth.auth import Auth as inner
from descarteslabs.core.client.auth import Auth as old
from descarteslabs.core.client import auth as module
from descarteslabs import auth, config, exceptions, select_env, get_settings, AWS_ENVIRONMENT, GCP_ENVIRONMENT
import skykey.descarteslabs.auth as ours
assert Auth is inner is old is module.Auth is auth.Auth is dl.auth.Auth is dl.auth.auth.Auth is ours.Auth
assert dl.__version__ == "4.0.0+skykey" and (AWS_ENVIRONMENT, GCP_ENVIRONMENT) == ("aws-production", "gcp-production")
assert get_settings is config.get_settings and config.Settings.env is None
assert issubclass(exceptions.OauthError, exceptions.AuthError)
import descarteslabs.core.client.exceptions as again
assert again is exceptions
assert descarteslabs.auth.__all__ == ["Auth", "auth"]
assert not hasattr(descarteslabs, "theirs") and not hasattr(descarteslabs.auth, "theirs")
"""
    run(program, upstream, home)


def test_a_program_need_not_import_what_the_package_brings_along(upstream: Path, home: Path) -> None:
    program = """
import descarteslabs as dl
assert dl.auth.Auth(client_id="a", client_secret="b", token_info_path=None).client_id == "a"
assert dl.config.peek_settings().iam_url == "https://iam.production.aws.descarteslabs.com"
assert issubclass(dl.exceptions.NotFoundError, dl.exceptions.ClientError)
import earthdaily.earthone as eo
assert eo.auth.Auth(client_id="a", client_secret="b", token_info_path=None).domain.endswith("earthone.earthdaily.com")
assert eo.auth.Auth is not dl.auth.Auth and issubclass(eo.auth.Auth, dl.auth.Auth)
assert (eo.__version__, eo.auth.auth.EARTHONE_TOKEN) == ("6.2.0+skykey", "EARTHONE_TOKEN")
assert eo.exceptions.AuthError is dl.exceptions.AuthError
"""
    run(program, upstream, home)


def test_the_module_has_every_documented_name(upstream: Path, home: Path) -> None:
    program = f"""
import descarteslabs.auth.auth as module, earthdaily.earthone.auth.auth as successor, os
for name in {MODULE!r}:
    assert hasattr(module, name), name
    theirs = name.replace("DESCARTESLABS_", "EARTHONE_")
    assert hasattr(successor, theirs) or name == "LEGACY_DELEGATION_CLIENT_IDS", theirs
for kind in ("CLIENT_ID", "CLIENT_SECRET", "REFRESH_TOKEN", "TOKEN", "TOKEN_INFO_PATH"):
    assert getattr(module, f"DESCARTESLABS_{{kind}}") == f"DESCARTESLABS_{{kind}}"
    assert getattr(successor, f"EARTHONE_{{kind}}") == f"EARTHONE_{{kind}}"
assert module.JWT_TOKEN_PREFIX == "jwt_token_" and module.DESCARTESLABS_CUSTOM_CLAIM_PREFIX == "earthdaily__dl__"
assert module.LEGACY_DELEGATION_CLIENT_IDS == ["ZOBAi4UROl5gKZIpxxlwOEfx8KpqXf2c"]
assert module.DEFAULT_TOKEN_INFO_PATH == os.path.expanduser("~/.descarteslabs/token_info.json")
assert successor.DEFAULT_TOKEN_INFO_DIR == os.path.expanduser("~/.earthone")
assert module.base64url_decode(b"YQ") == b"a" and module.os is os
assert module.get_default_domain() == "https://iam.production.aws.descarteslabs.com"
assert module.get_app_domain() == "https://app.descarteslabs.com"
assert successor.get_app_domain() == "https://app.earthone.earthdaily.com"
import descarteslabs.exceptions
assert module.OauthError is descarteslabs.exceptions.OauthError
from descarteslabs.auth.auth import *
assert Auth is module.Auth
"""
    run(program, upstream, home)


def test_helpers_do_what_theirs_do(upstream: Path, home: Path) -> None:
    program = """
import os, stat, threading
from descarteslabs.auth.auth import Auth, Retry, ThreadLocalWrapper, makedirs_if_not_exists
one = ThreadLocalWrapper(object)
assert one.get() is one.get()
other = []
thread = threading.Thread(target=lambda: other.append(one.get())); thread.start(); thread.join()
assert other[0] is not one.get()
mine, (reader, writer) = one.get(), os.pipe()
if os.fork() == 0:
    os.write(writer, b"same" if one.get() is mine else b"another")
    os._exit(0)
os.wait()
assert os.read(reader, 9) == b"another"
makedirs_if_not_exists("made/deep"); makedirs_if_not_exists("made/deep")
assert stat.S_IMODE(os.stat("made/deep").st_mode) == 0o700
os.mkdir("mine", 0o755)
makedirs_if_not_exists("mine")
assert stat.S_IMODE(os.stat("mine").st_mode) == 0o755
Auth(client_id="a", client_secret="b", token_info_path=None, retries=Retry(total=2, backoff_factor=0.1,
     allowed_methods=["GET", "POST"], status_forcelist=[503], retry_after_status_codes=[429]))
"""
    run(program, upstream, home)


def test_what_a_test_suite_patches_has_effect(upstream: Path, home: Path) -> None:
    """The default file, wherever the home is; and it is as before afterwards."""
    program = """
import json, os
from unittest import mock
import descarteslabs.auth.auth as module
from descarteslabs.auth import Auth
import earthdaily.earthone.auth as successor
with open("mine.json", "w") as file:
    json.dump({"client_id": "patched", "client_secret": "x"}, file)
before = module.DEFAULT_TOKEN_INFO_PATH
with mock.patch("descarteslabs.auth.auth.DEFAULT_TOKEN_INFO_PATH", "mine.json"):
    assert Auth().client_id == "patched"
    assert successor.Auth(_suppress_warning=True).client_id is None
    with mock.patch.dict(os.environ, {"DESCARTESLABS_TOKEN_INFO_PATH": "none.json"}):
        assert Auth(_suppress_warning=True).client_id is None
assert module.DEFAULT_TOKEN_INFO_PATH == before
assert Auth(_suppress_warning=True).token_info_path == before
with mock.patch.dict(os.environ, {module.DESCARTESLABS_CLIENT_ID: "b", module.DESCARTESLABS_CLIENT_SECRET: "c"}):
    assert Auth(token_info_path=None).client_id == "b"
with mock.patch.object(Auth, "token", "patched"):
    assert Auth(_suppress_warning=True).token == "patched"
with mock.patch("descarteslabs.auth.Auth") as fake:
    from descarteslabs.auth import Auth as patched
    assert patched is fake
from descarteslabs.auth import Auth as again
assert again is module.Auth
"""
    run(program, upstream, home)


def test_what_is_not_built_yet_says_so_and_theirs_does_not_step_in(upstream: Path, home: Path) -> None:
    program = """
import importlib, descarteslabs
for name in ("descarteslabs.catalog", "descarteslabs.client.auth", "earthdaily.earthone.catalog"):
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as problem:
        assert "not built yet" in str(problem), problem
    else:
        raise AssertionError(name)
try:
    descarteslabs.catalog
except AttributeError as problem:
    assert "has no attribute 'catalog'" in str(problem), problem
import earthdaily.agriculture
assert earthdaily.agriculture.theirs                                     # another distribution's
"""
    run(program, upstream, home)


def test_without_the_drop_in_theirs_is_theirs(upstream: Path, home: Path) -> None:
    program = "import skykey.descarteslabs.auth, descarteslabs.auth\nassert descarteslabs.auth.theirs\n"
    assert python("-c", program, cwd=upstream, home=home).returncode == 0
    late = "import descarteslabs.auth, skykey.dropin\nskykey.dropin.install()\n"
    done = python("-c", late, cwd=upstream, home=home)
    assert "descarteslabs is imported already, and not from Skykey" in done.stderr


PROGRAM = """\
import descarteslabs as dl
from descarteslabs.auth import Auth
from descarteslabs.exceptions import AuthError, UnauthorizedError

auth = Auth()
print(auth.payload["name"], auth.namespace[:6], sorted(auth.all_acl_subjects)[0])
assert Auth.get_default_auth().token == auth.token
try:
    Auth(client_id="made-up", client_secret="wrong", token_info_path=None).token
except AuthError as problem:
    print(type(problem).__name__, isinstance(problem, UnauthorizedError))
"""


def test_a_program_in_upstreams_words_runs_unchanged(box: Box, upstream: Path, home: Path) -> None:
    (upstream / "program.py").write_text(PROGRAM)
    (home / ".descarteslabs").mkdir()
    (home / ".descarteslabs" / "token_info.json").write_text(json.dumps(box.login))
    done = python("-m", "skykey.dropin", "program.py", cwd=upstream, home=home, DESCARTESLABS_IAM_URL=box.iam_url)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "Ada e4960a email:ada@example.org\nUnauthorizedOauthError True\n"


@pytest.mark.parametrize("module", ["descarteslabs.auth.auth", "earthdaily.earthone.auth.auth"])
def test_the_module_as_a_script_prints_the_token(box: Box, upstream: Path, home: Path, module: str) -> None:
    import base64

    parts = [{"alg": "none"}, {"exp": int(time.time()) + 900}]
    token = ".".join([*(base64.urlsafe_b64encode(json.dumps(part).encode()).decode() for part in parts), "eHg"])
    variables = {"DESCARTESLABS_TOKEN": token, "EARTHONE_TOKEN": token}
    done = python("-m", "skykey.dropin", "-m", module, cwd=upstream, home=home, **variables)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{token}\n", "")


# -- the command


def test_the_original_command_by_its_name(box: Box, upstream: Path, home: Path) -> None:
    def command(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        addresses = {"DESCARTESLABS_IAM_URL": box.iam_url, "DESCARTESLABS_APP_URL": box.app_url}
        return python("-m", "skykey.dropin", *arguments, cwd=upstream, home=home, **addresses, **variables)

    paste = upstream / "paste"
    paste.write_text(box.controls.login()["paste"])
    assert command("descarteslabs", "version").stdout == "4.0.0\n"
    assert command("descarteslabs", "--env", "aws-dev", "env").stdout == "aws-dev\n"
    assert command("descarteslabs", "auth", "login", "--paste-file", str(paste)).stdout == "Welcome, Ada!\n"
    assert command("descarteslabs", "auth", "name").stdout == "Ada\n"
    ended = command("descarteslabs", "auth", "token", DESCARTESLABS_ENV="nonsense")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert command("descarteslabs", "auth", "logout").returncode == 0
    assert command("descarteslabs", "auth", "token").returncode == 4
    assert command("earthone", "version").stdout == "6.2.0\n"
    assert command("descarteslabs").returncode == 2


def test_a_script_of_that_name_is_run_by_its_path(upstream: Path, home: Path) -> None:
    (upstream / "scripts").mkdir()
    (upstream / "scripts" / "earthone").write_text("print('mine')\n")
    done = python("-m", "skykey.dropin", "./earthone", cwd=upstream / "scripts", home=home)
    assert done.stdout == "mine\n"


def test_names_load_when_they_are_used(upstream: Path, home: Path) -> None:
    program = """
import sys, descarteslabs, descarteslabs.auth
assert not any(name.startswith("skykey.descarteslabs") for name in sys.modules)
from descarteslabs.auth import Auth
assert not {"httpcore2", "asyncio", "ssl", "click", "requests"} & set(sys.modules)
"""
    run(program, upstream, home)
