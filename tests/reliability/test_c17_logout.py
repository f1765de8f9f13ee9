"""C17: a logout while another process renews the same login: nothing brings the login back."""

import contextlib
import io
import json
import os
import random
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from skykey.sandbox import Box
from tests.reliability.proof import line_of, proven, require, started, tell

# Seconds that the token service takes: a logout falls somewhere into a renewal.
BUSY = 0.06


class Documented:
    """`Auth`, and the command as users type it."""

    def __init__(self) -> None:
        from skykey.descarteslabs.auth import Auth

        self.auth = Auth(_suppress_warning=True)

    def renew(self, again: bool) -> str:
        from skykey.descarteslabs.exceptions import AuthError

        if again and (held := self.auth.keeper.at_hand) is not None:
            self.auth.keeper.reject(held, "a test")
        try:
            return "renewed" if self.auth.token else "empty"
        except AuthError:
            return "refused"

    @staticmethod
    def log_out() -> None:
        from skykey.__main__ import main

        with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
            main(["descarteslabs", "auth", "logout", "--json"])


class Naive:
    """The file is written after each renewal, in one step, as in the release; to log out is to remove it."""

    def __init__(self) -> None:
        self.file = Path(os.environ["DESCARTESLABS_TOKEN_INFO_PATH"])
        self.content = json.loads(self.file.read_text())

    def renew(self, again: bool) -> str:
        import httpx2

        fields = {name: self.content[name] for name in ("client_id", "refresh_token")}
        answer = httpx2.post(
            f"{os.environ['DESCARTESLABS_IAM_URL']}/token", json={"grant_type": "refresh_token", **fields}
        )
        self.content["jwt_token"] = answer.json()["access_token"]
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps(self.content))
        new.replace(self.file)
        return "renewed"

    @staticmethod
    def log_out() -> None:
        Path(os.environ["DESCARTESLABS_TOKEN_INFO_PATH"]).unlink()


def renewing(kind: str) -> None:
    """Renew a login each time one is told to, and then once more."""
    for _ in sys.stdin:
        login = globals()[kind]()
        print("begins", flush=True)
        print(login.renew(again=False), flush=True)
        sys.stdin.readline()
        print(login.renew(again=True), flush=True)


def ending(kind: str) -> None:
    """Log out each time one is told to."""
    for _ in sys.stdin:
        globals()[kind].log_out()
        print("out", flush=True)


def rounds(kind: Any, box: Box, file: Path, count: int) -> tuple[int, int]:
    """How often the login was there again, and how often the logout began while a renewal was under way."""
    chance, resurrected, during = random.Random(17), 0, 0
    with started(__name__, "renewing", kind.__name__) as renewer, started(__name__, "ending", kind.__name__) as ender:
        for _ in range(count):
            login = box.controls.login()
            file.write_text(json.dumps({name: value for name, value in login.items() if name != "paste"}))
            tell(renewer, "go")
            line_of(renewer)
            time.sleep(chance.uniform(0, BUSY))
            tell(ender, "go")
            began = time.monotonic()
            line_of(renewer)
            during += time.monotonic() - began > BUSY / 50
            line_of(ender)
            tell(renewer, "again")  # whoever was renewing tries once more, with the login that it remembers
            line_of(renewer)
            resurrected += file.exists()
            file.unlink(missing_ok=True)
    return resurrected, during


def check(kind: Any, box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    file = tmp_path / "token_info.json"
    monkeypatch.setenv("DESCARTESLABS_IAM_URL", box.iam_url)
    monkeypatch.setenv("DESCARTESLABS_TOKEN_INFO_PATH", str(file))
    box.controls.latency(BUSY, service="iam")
    resurrected, during = rounds(kind, box, file, count)
    require("C17", rounds=(count, "==", count), resurrected=(resurrected, "==", 0), during=(during, ">=", count // 2))


@proven(Documented, by=Naive)
def test_c17_a_renewal_does_not_bring_a_login_back(
    kind: Any, box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check(kind, box, tmp_path, monkeypatch, 20)


@pytest.mark.long
@proven(Documented, by=Naive)
def test_c17_a_renewal_does_not_bring_a_login_back_in_200_rounds(
    kind: Any, box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check(kind, box, tmp_path, monkeypatch, 200)
