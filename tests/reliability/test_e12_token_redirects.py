"""E12: a token endpoint that redirects a request with a secret is not followed, wherever it points."""

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from skykey.sandbox import Box
from skykey.values.errors import SkykeyError
from tests.reliability.naive_credentials import Unlocked
from tests.reliability.proof import Documented, Kept, Login, proven, require
from tests.wire.server import Seen, as_json, reply, serving

STATUSES = (300, 301, 302, 303, 304, 307, 308)
TARGETS = ("{other}/token", "{same}/elsewhere", "/elsewhere", "//{authority}/token", "{other}/token?x=1#y")


@proven(Kept, Documented, by=Unlocked)
def test_e12_a_token_request_is_not_sent_on(kind: Any, box: Box, tmp_path: Path) -> None:
    login = Login.at(box, tmp_path)
    cases, told, leaks = 0, 0, 0
    with serving(lambda _: as_json('{"access_token": "theirs", "expires_in": 60}')) as other:
        for status in STATUSES:
            for target in TARGETS:

                def answer(seen: Seen, status: int = status, target: str = target) -> bytes:
                    if seen.path != "/token":
                        return as_json('{"access_token": "elsewhere", "expires_in": 60}')
                    authority = other.url.removeprefix("http://")
                    here = target.format(other=other.url, same=f"http://{seen.headers['host']}", authority=authority)
                    return reply(status, Location=here)

                login.save()
                with serving(answer) as server, contextlib.suppress(SkykeyError, httpx2.HTTPError):
                    cases += 1
                    try:
                        kind(replace(login, iam=server.url)).token()
                    except SkykeyError as problem:
                        told += f"redirects ({status})" in str(problem)
                        raise
                leaks += sum(seen.path != "/token" for seen in server.seen)
        leaks += len(other.seen)
        secrets = sum(login.secret in seen.text for seen in other.seen)
    require(
        "E12",
        cases=(cases, "==", 35),
        followed=(leaks, "==", 0),
        secrets_elsewhere=(secrets, "==", 0),
        told=(told, "==", 35),
    )


def test_e12_the_error_says_what_to_do(box: Box, tmp_path: Path) -> None:
    login = Login.at(box, tmp_path)
    with (
        serving(lambda _: reply(308, Location="https://new.example/token")) as server,
        pytest.raises(SkykeyError) as caught,
    ):
        Kept(replace(login, iam=server.url)).token()
    text = str(caught.value)
    print(text)
    require("E12", next=(text.count("Next: name the address that answers itself"), "==", 1))
