"""The official client beside the token service: under the real host names, in an environment and a process of its own.

Its package imports all of imaging with its first line; the guest's environment holds what ``descarteslabs.auth`` and
the command line need, so the program puts an empty package in the place of that line. Every module below it is theirs.
"""

import hashlib
import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from skykey.sandbox import Box
from tools import parts

pytestmark = pytest.mark.interop

BARE = """
import importlib.util, json, sys, types
top = types.ModuleType("descarteslabs")
top.__path__ = importlib.util.find_spec("descarteslabs").submodule_search_locations
sys.modules["descarteslabs"] = top
"""
# Each line of stdin is an expression; each line of stdout its value, or the classes of what it raised.
PROGRAM = f"""{BARE}
from descarteslabs.auth import Auth
from descarteslabs.core.client.services.service import Service
for line in sys.stdin:
    try:
        print(json.dumps({{"value": eval(line)}}, default=str), flush=True)
    except Exception as error:
        print(json.dumps({{"raised": [kind.__name__ for kind in type(error).__mro__]}}), flush=True)
"""
COMMAND_LINE = f"""{BARE}
from descarteslabs.core.client.scripts.__main__ import main
sys.argv[0] = "descarteslabs"
main()
"""


class Guest:
    """A running program of the guest; ask it by expressions."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def __call__(self, expression: str) -> Any:
        answer = self._told(expression)
        assert "value" in answer, answer
        return answer["value"]

    def raised(self, expression: str) -> list[str]:
        kinds: list[str] = self._told(expression)["raised"]
        return kinds

    def _told(self, expression: str) -> dict[str, Any]:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(expression + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer


def command(box: Box, *program: str) -> list[str]:
    python = str(parts.guest("descarteslabs"))
    run = [sys.executable, "-m", "skykey", "sandbox", "run", "--as-real", "--state", str(box.folder), "--"]
    return [*run, python, *program]


@pytest.fixture
def guest(box: Box, tmp_path: Path) -> Iterator[Guest]:
    with subprocess.Popen(
        command(box, "-u", "-c", PROGRAM),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"HOME": str(tmp_path)},
    ) as process:
        try:
            yield Guest(process)
        finally:
            process.stdin.close()  # type: ignore[union-attr]


@pytest.fixture
def file(box: Box) -> Path:
    return Path(box.environment(as_real=True)["DESCARTESLABS_TOKEN_INFO_PATH"])


def test_it_gets_a_token_and_reads_it_as_we_mean_it(guest: Guest, box: Box, file: Path) -> None:
    assert guest("sys.modules['descarteslabs.auth.auth'].__file__").startswith(str(parts.cache()))
    assert guest("(auth := Auth()).domain") == "https://iam.production.aws.descarteslabs.com"
    token, payload = guest("auth.token"), guest("auth.payload")
    assert token.count(".") == 2
    assert (payload["iss"], payload["name"]) == ("https://iam.production.aws.descarteslabs.com", "Ada")
    assert payload["aud"] == json.loads(file.read_text())["client_id"]
    assert guest("auth.namespace") == hashlib.sha1(payload["sub"].encode()).hexdigest() == payload["userid"]
    subjects = [f"user:{payload['userid']}", "email:ada@example.org", "org:sandbox"]
    own = ["group:public", "group:sandbox:observers", "group:sandbox:org-admin"]
    assert guest("auth.all_acl_subjects") == subjects + own
    assert guest("auth.all_owner_acl_subjects") == [subjects[0], "org:sandbox", "access-id:dome"]
    assert len(box.controls.requests("iam")) == 1


@pytest.mark.parametrize("switches", [{"shape": "id_token"}, {"prefix": True}, {"rotation": True}], ids=str)
def test_it_understands_every_shape_of_the_answer(guest: Guest, box: Box, switches: dict[str, Any]) -> None:
    box.controls.iam(**switches)
    payload = guest("Auth().payload")
    assert (payload["name"], payload["org"]) == ("Ada", "sandbox")


def test_it_writes_its_file_and_keeps_what_we_put_there(guest: Guest, file: Path) -> None:
    before = json.loads(file.read_text())
    token = guest("Auth().token")
    assert json.loads(file.read_text()) == before | {"jwt_token": token}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert guest("Auth()._token") == token  # and finds it there


def test_a_login_from_arguments_is_cached_under_its_home(guest: Guest, box: Box, tmp_path: Path) -> None:
    login = box.controls.login("ben", system="descarteslabs")
    named = f"client_id={login['client_id']!r}, client_secret={login['client_secret']!r}"
    token = guest(f"Auth({named}).token")
    digest = hashlib.sha1(login["client_secret"].encode()).hexdigest()
    cached = json.loads((tmp_path / ".descarteslabs" / f"jwt_token_{digest}.json").read_text())
    assert cached == {"jwt_token": token}


def test_it_refreshes_after_expiry(guest: Guest, box: Box) -> None:
    box.controls.iam(seconds=-60)
    first = guest("(auth := Auth()).token")
    box.controls.iam(seconds=3600)
    second = guest("auth.token")
    assert first != second == guest("auth.token")
    assert guest("Auth()._token") == second
    assert box.controls.iam_stats()["refreshes"] == 2


def test_a_service_lets_it_in_until_its_token_ends(guest: Guest, box: Box) -> None:
    platform = "https://platform.production.aws.descarteslabs.com"
    told = guest(f"(service := Service({platform!r}, auth=Auth())).session.post('/echo?a=1', data='abc').json()")
    assert (told["method"], told["query"], told["length"]) == ("POST", "a=1", 3)
    assert told["claims"] == guest("service.auth.payload")
    box.controls.expire()
    assert "UnauthorizedError" in guest.raised("service.session.get('/echo')")
    box.controls.life(None)
    assert guest("service.session.get('/echo').status_code") == 200
    assert "ConflictError" in guest.raised("service.session.get('/status/409')")


@pytest.mark.parametrize(("status", "kind"), [(None, "BadRequestError"), (401, "UnauthorizedError")])
def test_after_revocation_it_fails_with_its_own_error(guest: Guest, box: Box, status: int | None, kind: str) -> None:
    box.controls.iam(seconds=-60)
    guest("(auth := Auth()).token")
    if status:
        box.controls.fail("refresh", "ada", status=status)
    else:
        box.controls.revoke("ada")
    kinds = guest.raised("auth.token")
    assert kinds[0] == kind
    assert "ClientError" in kinds


def test_reuse_detection_catches_who_drops_the_new_refresh_token(guest: Guest, box: Box) -> None:
    box.controls.iam(rotation=True, seconds=-60)
    guest("(auth := Auth()).token")  # it never reads the refresh token of an answer
    assert guest.raised("auth.token")[0] == "BadRequestError"
    stats = box.controls.iam_stats()
    assert (stats["refreshes"], stats["reuses"], stats["revocations"]) == (1, 1, 1)


def test_the_legacy_client_sends_what_we_ask_of_it(guest: Guest, box: Box) -> None:
    login = box.controls.login("ben", client_id="ZOBAi4UROl5gKZIpxxlwOEfx8KpqXf2c")
    named = f"client_id={login['client_id']!r}, client_secret={login['client_secret']!r}"
    assert guest(f"Auth({named}).payload['name']") == "Ben"
    assert box.controls.iam_stats()[f"{login['client_id']} urn:ietf:params:oauth:grant-type:jwt-bearer"] == 1


def test_a_word_from_the_page_logs_its_command_line_in(guest: Guest, box: Box, file: Path, tmp_path: Path) -> None:
    page = guest("__import__('requests').get('https://app.descarteslabs.com/account/refresh-token?user=ben').text")
    word = re.search(r'<pre id="token">(.+)</pre>', page)
    assert word
    done = subprocess.run(
        command(box, "-c", COMMAND_LINE, "auth", "login"),
        input=word[1] + "\n",
        env=os.environ | {"HOME": str(tmp_path)},
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "https://app.descarteslabs.com/account/refresh-token" in done.stdout
    assert done.stdout.endswith("Welcome, Ben!\n")
    login = json.loads(file.read_text())
    assert login["revoke_url"] == "https://iam.production.aws.descarteslabs.com/revoke"
    sent = {"client_id": login["client_id"], "token": login["client_secret"]}
    assert guest(f"__import__('requests').post({login['revoke_url']!r}, data={sent!r}).status_code") == 200
    assert guest.raised("Auth(token_info_path='').token")[0] == "AuthError"  # nothing but the file holds it
    assert guest.raised("Auth(_suppress_warning=True)._get_token()")[0] == "BadRequestError"
