"""`skykey decode`: shows what a token says, that nobody checked it, and never the token (rows B2, H1, H5)."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from joserfc import jwk, jws

from skykey.sandbox import Box
from tests.cli.conftest import COMMAND
from tests.credentials.test_claims import jwt, part
from tests.wire.server import Seen, Server, reply, serving

Run = Callable[..., Result]
Promised = Callable[[str, str], Any]
SIGNATURE = "c1gNaTuRe-cAnArY-c1gNaTuRe_cAnArY-00"
OPAQUE = "gt-canary-canary-canary-1.canary-canary-canary-2"


def token(**claims: Any) -> str:
    return jwt({"sub": "ada", "iss": "https://idp.example"} | claims, signature=SIGNATURE).reveal()


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str | bytes], str]:
    def write(content: str | bytes) -> str:
        path = tmp_path / "given"
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogateescape"))
        return str(path)

    return write


File = Callable[[str | bytes], str]


def unseen(result: Result, *texts: str) -> None:
    for text in (SIGNATURE, OPAQUE, *texts):
        assert text not in result.output
        assert part(text.encode()) not in result.output


def test_the_claims_are_the_one_document_on_stdout(run: Run, file: File) -> None:
    now = int(time.time())
    given = token(exp=now + 7205, iat=now - 65, nbf=now + 30, aud=["tap"], scope="read:tap", name="\x1b]0;t\x07ä")
    for arguments in (["decode", file(given)], ["decode", file(f"\ufeff {given}\r\n"), "--json"]):
        result = run(*arguments)
        assert result.exit_code == 0
        assert json.loads(result.stdout)["sub"] == "ada"
        assert json.loads(result.stdout)["exp"] == now + 7205
        assert "\x1b" not in result.output, "a terminal would obey it"
        unseen(result)
    talk = result.stderr
    assert "NOT verified" in talk
    assert re.search(r"^issued     20\d\d-\d\d-\d\d \d\d:\d\d:\d\d \S+ \(1 min 5 s ago\)$", talk, re.MULTILINE)
    assert re.search(r"^valid from 20.* \(in (29|30) s\)$", talk, re.MULTILINE)
    assert re.search(r"^ends       20.* \(2 h left\)$|^ends       20.* \(1 h 59 min left\)$", talk, re.MULTILINE)


def test_the_header_comes_along_if_it_is_asked_for(run: Run, file: File) -> None:
    document = json.loads(run("decode", file(token()), "--header").stdout)
    assert document["header"]["alg"] == "RS256"
    assert document["payload"]["sub"] == "ada"


def test_times_are_this_machines(run: Run, file: File, monkeypatch: pytest.MonkeyPatch) -> None:
    given = file(token(exp=1_700_000_000))
    for zone, said in (("UTC", "2023-11-14 22:13:20 UTC"), ("Asia/Kolkata", "2023-11-15 03:43:20 IST")):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        assert f"ends       {said} (ended " in run("decode", given).stderr
    monkeypatch.delenv("TZ")
    time.tzset()


@pytest.mark.parametrize(
    ("exp", "said"),
    [
        (1e300, "at no time that a calendar has"),
        (-1e15, "at no time"),
        (True, "does not say when"),
        (None, "does not say when"),
        ("soon", "does not"),
    ],
)
def test_times_that_are_none_are_said_so(run: Run, file: File, exp: object, said: str) -> None:
    result = run("decode", file(token(exp=exp)))
    assert result.exit_code == 0
    assert said in result.stderr


def test_stdin_is_read_without_a_name_and_with_a_dash(run: Run) -> None:
    for arguments in (["decode"], ["decode", "-"]):
        assert json.loads(run(*arguments, text=f"{token()}\n").stdout)["sub"] == "ada"


def test_a_terminal_is_not_waited_for() -> None:
    import pty

    main, inner = pty.openpty()
    try:
        ended = subprocess.run(
            [*COMMAND, "decode"], stdin=inner, capture_output=True, text=True, timeout=30, check=False
        )
    finally:
        os.close(main)
        os.close(inner)
    assert ended.returncode == 2
    assert "Next: skykey decode FILE" in ended.stderr


@pytest.mark.parametrize("member", ["jwt_token", "access_token", "id_token", "token"])
def test_json_files_of_other_programs_are_understood(run: Run, file: File, member: str) -> None:
    result = run("decode", file(json.dumps({"client_id": "x", "refresh_token": OPAQUE, member: token()}, indent=2)))
    assert json.loads(result.stdout)["sub"] == "ada"
    assert f"({member})" in result.stderr
    unseen(result)


def test_of_several_tokens_the_one_that_says_something_is_shown(run: Run, file: File) -> None:
    result = run("decode", file(json.dumps({"jwt_token": None, "id_token": OPAQUE, "access_token": token()})))
    assert "(access_token)" in result.stderr
    result = run("decode", file(json.dumps({"jwt_token": token(sub="first"), "access_token": token()})))
    assert json.loads(result.stdout)["sub"] == "first"


# -- a system's token


def test_a_systems_token_is_found_and_decoded(box: Box, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCESS_TOKEN", token())
    result = run("decode", "rubin")
    assert json.loads(result.stdout)["sub"] == "ada"
    assert "the variable ACCESS_TOKEN" in result.stderr
    assert box.controls.requests() == []
    unseen(result)


def test_an_opaque_token_is_an_error_that_says_who_knows_more(
    box: Box, run: Run, promised: Promised, file: File
) -> None:
    for arguments, next_ in (
        (["decode", "rubin"], "skykey whoami rubin"),
        (["decode", file(OPAQUE)], f"skykey whoami rubin --tokenfile {file(OPAQUE)}"),
        (["decode", file(json.dumps({"access_token": OPAQUE}))], "skykey whoami rubin --tokenfile"),
    ):
        result = run(*arguments, "--json")
        assert result.exit_code == 1
        error = promised("error", result.stdout)["error"]
        assert error["code"] == "no-claims"
        assert "it has no claims" in error["message"]
        assert error["next"].startswith(next_)
        unseen(result, box.token)
    assert run("decode", text=OPAQUE).stderr.endswith("Next: skykey whoami rubin\n")


def test_a_system_without_a_token_fails_as_everywhere(run: Run) -> None:
    result = run("decode", "rubin", "--site", "summit")
    assert result.exit_code == 4
    assert "no-credential" in result.stderr
    assert run("decode", "/x", "--site", "summit").exit_code == 2


# -- what is no token


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is empty"),
        (b" \r\n\t", "it is empty"),
        (b"\xef\xbb\xbf", "it is empty"),
        (b"\xff\xfe\x00", "it is not text"),
        (b"\x89PNG\r\n\x1a\n", "it is not text"),
        (b"\x00" * 100, "something else: it holds blanks or characters"),
        (f"{OPAQUE}\n{OPAQUE}".encode(), "something else: it has 2 lines"),
        (f"Authorization: {OPAQUE}".encode(), "something else: it begins with a header's words"),
        (b"{", "begins like JSON, and is none"),
        (b"{" * 5000, "begins like JSON, and is none"),
        (b"{}", "is JSON without jwt_token, id_token, access_token or token"),
        (json.dumps({"access_token": [OPAQUE], "password": OPAQUE}).encode(), "is JSON without"),
        (b"[1]", "opaque"),
        (b"a" * (2**20 + 1), "is larger than any token"),
    ],
)
def test_what_is_no_token_is_a_clear_error(run: Run, promised: Promised, file: File, content: bytes, said: str) -> None:
    path = file(content)
    for result in (run("decode", path, "--json"), run("decode", "--json", text=content.decode("latin-1"))):
        assert result.exit_code == 1
        error = promised("error", result.stdout)["error"]
        assert error["code"] == "no-claims"
        unseen(result)
        if "text" not in said and not content.startswith(b"\xef"):
            assert said in error["message"]
    assert path in run("decode", path).stderr


def test_100_megabytes_are_not_read(run: Run, tmp_path: Path) -> None:
    with open(tmp_path / "huge", "wb") as huge:
        huge.truncate(100_000_000)
    assert "is larger than any token" in run("decode", str(tmp_path / "huge")).stderr
    ended = subprocess.run(
        f"yes {OPAQUE} | {sys.executable} -m skykey decode",
        shell=True,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "is larger than any token" in ended.stderr
    assert OPAQUE not in ended.stderr


def test_a_folder_is_named(run: Run, tmp_path: Path) -> None:
    assert f"no token in {tmp_path}: it is a folder" in run("decode", str(tmp_path)).stderr


@pytest.mark.parametrize("name", ["/no/such/file", "/dev/null/x", "nothing", "x" * 5000, OPAQUE, token(), "a\0b"])
def test_h6_a_token_in_place_of_a_file_is_not_shown_again(run: Run, name: str) -> None:
    result = run("decode", name, "--json")
    assert result.exit_code == 1
    assert name not in result.output
    assert "neither a file nor a system (rubin" in result.stderr
    assert "pipe it: skykey decode -" in result.stderr
    unseen(result)


# -- checking it

ISSUER = "https://idp.example"
KEY = jwk.RSAKey.generate_key(2048, {"kid": "k1"})
JWKS = json.dumps({"keys": [KEY.as_dict(private=False)]})


def signed(**claims: Any) -> str:
    payload = {"iss": ISSUER, "sub": "ada", "aud": "tap", "exp": int(time.time()) + 600} | claims
    return jws.serialize_compact({"alg": "RS256", "kid": "k1"}, json.dumps(payload), KEY, algorithms=["RS256"])


@pytest.fixture
def keys(tmp_path: Path) -> str:
    (tmp_path / "keys.json").write_text(JWKS)
    return str(tmp_path / "keys.json")


def test_a_verified_token_is_said_to_be_one(run: Run, keys: str) -> None:
    given = signed()
    result = run("decode", "--verify", "--issuer", ISSUER, "--jwks", keys, "--audience", "tap", text=given)
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["sub"] == "ada"
    assert f"verified: the token on stdin is signed by {ISSUER} with RS256, for tap\n" in result.stderr
    assert "NOT" not in result.stderr
    unseen(result, given.rpartition(".")[2])


@pytest.mark.parametrize("is_verified", [True, False])
def test_what_is_said_of_a_token_does_not_command_the_terminal(
    run: Run, tmp_path: Path, keys: str, is_verified: bool
) -> None:
    title, reversed_ = "\x1b]0;t\x07", "\u202e"
    issuer, file = f"{ISSUER}/{title}{reversed_}", tmp_path / f"{title}{reversed_}given"
    file.write_text(signed(iss=issuer))
    more = ["--verify", "--issuer", issuer, "--jwks", keys, "--audience", "tap"] if is_verified else []
    result = run("decode", str(file), *more)
    assert result.exit_code == 0, result.stderr
    assert "verified: the token in " in result.stderr
    assert (f" {ISSUER}/\ufffd]0;t\ufffd\ufffd with " in result.stderr) is is_verified
    assert not {"\x1b", "\x07", reversed_}.intersection(result.output)


@pytest.mark.parametrize(
    ("claims", "more", "said"),
    [
        ({"iss": "https://evil.test"}, [], "its issuer is"),
        ({"aud": "sia"}, ["--audience", "tap"], "it is for 'sia'"),
        ({"exp": 1}, [], "it ended"),
        ({"nbf": 10**10}, [], "it begins in"),
        ({}, ["--algorithm", "ES256"], "and ES256 is wanted"),
    ],
)
def test_a_token_that_is_not_true_prints_no_claims(
    *, run: Run, promised: Promised, keys: str, claims: Any, more: list[str], said: str
) -> None:
    result = run("decode", "--verify", "--issuer", ISSUER, "--jwks", keys, *more, "--json", text=signed(**claims))
    assert result.exit_code == 4
    error = promised("error", result.stdout)["error"]
    assert error["code"] == "not-verified"
    assert said in error["message"]
    unseen(result)


def test_b2_half_a_minute_in_the_future_is_now(run: Run, keys: str) -> None:
    given = signed(nbf=int(time.time()) + 30, iat=int(time.time()) + 30)
    assert run("decode", "--verify", "--issuer", ISSUER, "--jwks", keys, text=given).exit_code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["--verify"],
        ["--verify", "--issuer", ISSUER],
        ["--issuer", ISSUER],
        ["--jwks", "x"],
        ["--issuer", ISSUER, "--jwks", "x"],
        ["--audience", "tap"],
        ["--algorithm", "RS256"],
        ["--verify", "--issuer", ISSUER, "--jwks", "{keys}", "--algorithm", "none"],
        ["--verify", "--issuer", ISSUER, "--jwks", "{keys}", "--algorithm", "HS256"],
        ["--verify", "--issuer", ISSUER, "--jwks", "{empty}"],
        ["--verify", "--issuer", ISSUER, "--jwks", "{list}"],
    ],
)
def test_half_a_check_is_a_usage_error(run: Run, keys: str, tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "empty").write_text("")
    (tmp_path / "list").write_text("[]")
    paths = {"keys": keys, "empty": tmp_path / "empty", "list": tmp_path / "list"}
    result = run("decode", *[word.format(**paths) for word in arguments], text=signed())
    assert (result.exit_code, result.stdout) == (2, "")


def test_keys_that_are_not_there_are_an_error(run: Run) -> None:
    result = run("decode", "--verify", "--issuer", ISSUER, "--jwks", "/no/such/keys", text=signed())
    assert (result.exit_code, result.stdout) == (1, "")
    assert "/no/such/keys: No such file or directory" in result.stderr


@pytest.fixture
def issuer() -> Iterator[Server]:
    def answer(seen: Seen) -> bytes:
        return reply(200, JWKS) if seen.path == "/keys" else reply(404, "{}")

    with serving(answer) as server:
        yield server


def test_keys_come_from_the_issuer_too(run: Run, issuer: Server) -> None:
    options = ["--verify", "--issuer", ISSUER, "--jwks"]
    assert run("decode", *options, f"{issuer.url}/keys", text=signed()).exit_code == 0
    assert run("decode", *options, f"{issuer.url}/nothing", text=signed()).exit_code == 1
    plain = run("decode", *options, "http://idp.example/keys", text=signed())
    assert plain.exit_code == 1
    assert "plain http" in plain.stderr


# -- completion


def test_completion_offers_systems_and_files(start: Any) -> None:
    asked = {"_SKYKEY_COMPLETE": "bash_complete", "COMP_WORDS": "skykey decode r", "COMP_CWORD": "2"}
    assert start(env=os.environ | asked).stdout.splitlines() == ["plain,rubin", "file,r"]
