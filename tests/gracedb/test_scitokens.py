"""Where SciTokens are found, and which of them count: each rule of the contract, mended."""

import copy
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skykey.credentials.claims import Claims
from skykey.credentials.keeper import Keeper
from skykey.credentials.provider import Ask
from skykey.credentials.trace import Outcome
from skykey.gracedb import scitokens
from skykey.gracedb.scitokens import Wanted, scitoken_chain
from skykey.testing.clock import FakeClock
from skykey.values.errors import NoCredential
from skykey.values.reach import Reach
from skykey.values.url import Url
from tests.gracedb.wallets import HERE, NOW, REAL, claims, empty_places, token

UID = os.geteuid()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return empty_places(tmp_path, monkeypatch)


def flaw(service: Url = REAL, header: Any = None, **other: Any) -> str | None:
    return Wanted(service.origin).flaw(Claims(header or {"alg": "ES256"}, claims(**other)), NOW)


def chain(service: Url = REAL) -> Any:
    return scitoken_chain(service, Reach.named(service, said_by="the test"))


def found(service: Url = REAL) -> tuple[str, str]:
    held = chain(service).obtain(None, Ask(FakeClock(NOW)))
    return held.source, held.credential.token.reveal()


def reasons(service: Url = REAL) -> dict[str, str]:
    return {attempt.source: attempt.reason for attempt, _ in chain(service).survey(Ask(FakeClock(NOW)))}


def put(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


# -- audience


@pytest.mark.parametrize(
    "audience",
    [
        "ANY",
        "https://wlcg.cern.ch/jwt/v1/any",
        "gracedb.ligo.org",
        "gracedb.ligo.org:443",
        "https://gracedb.ligo.org",
        "https://gracedb.ligo.org/",
        "https://gracedb.ligo.org:443",
        "https://GraceDB.ligo.org",
        ["https://datafind.ligo.org", "gracedb.ligo.org"],
        ["ANY"],
    ],
)
def test_a_token_for_this_server_is_not_refused(audience: Any) -> None:
    assert flaw(aud=audience) is None


@pytest.mark.parametrize(
    "audience",
    [
        "https://gracedb-test.ligo.org",
        "http://gracedb.ligo.org",
        "gracedb.ligo.org.evil.example",
        "https://gracedb.ligo.org@evil.example",
        "https://gracedb.ligo.org:8443",
        "evil.gracedb.ligo.org",
        "any",
        "",
        [],
        ["https://datafind.ligo.org"],
        7,
        {"ANY": 1},
    ],
)
def test_a_token_for_another_server_is_not_sent(audience: Any) -> None:
    assert "(aud)" in str(flaw(aud=audience))


def test_a_server_on_another_port_is_named_with_or_without_it() -> None:
    service = Url("https://gracedb.example:8443/api/")
    good = ["gracedb.example", "gracedb.example:8443", "https://gracedb.example", "https://gracedb.example:8443/"]
    assert [flaw(service, aud=one) for one in good] == [None] * 4
    assert flaw(service, aud="gracedb.example:443") is not None


def test_a_token_of_the_second_version_must_say_for_whom_it_is() -> None:
    assert "(aud)" in str(flaw(aud=None))
    assert flaw(aud=None, ver=None) is None
    assert flaw(aud=None, ver="scitoken:1.0") is None


@given(st.text(max_size=60))
def test_no_other_text_passes_for_this_server(text: str) -> None:
    known = {"ANY", "https://wlcg.cern.ch/jwt/v1/any"}
    bare = text.lower().removesuffix("/").removeprefix("https://").removesuffix(":443")
    assert (flaw(aud=text) is None) == (text in known or bare == "gracedb.ligo.org")


# -- scope, version, issuer, time


@pytest.mark.parametrize(
    "scope", ["gracedb.read", "gracedb.read:/", "read:/ligo gracedb.read", "read write gracedb.read", ["gracedb.read"]]
)
def test_a_scope_that_allows_it_is_not_refused(scope: Any) -> None:
    assert flaw(scope=scope) is None


@pytest.mark.parametrize("scope", [None, "", "gracedb", "gracedb.read:/x", "gracedb.reader", "GRACEDB.READ", 7])
def test_a_token_that_allows_something_else_is_not_sent(scope: Any) -> None:
    assert "(scope)" in str(flaw(scope=scope))


@pytest.mark.parametrize("version", ["scitoken:1.0", "scitoken:2.0", None])
def test_versions_and_profiles_with_claims_of_their_own_are_known(version: str | None) -> None:
    assert flaw(ver=version, uid="albert", **{"wlcg.ver": "1.0"}) is None


@pytest.mark.parametrize("version", ["scitoken:3.0", "", 2, ["scitoken:2.0"]])
def test_an_unknown_version_is_not_guessed_at(version: Any) -> None:
    assert "version" in str(flaw(ver=version))


@pytest.mark.parametrize("issuer", [None, "", "cilogon", 7, "ftp://cilogon.org", "http://cilogon.org/igwn", "https://"])
def test_an_issuer_that_is_no_safe_url_is_refused(issuer: Any) -> None:
    assert "issuer" in str(flaw(iss=issuer))


def test_a_sandbox_never_sees_a_real_token_nor_the_reverse() -> None:
    local = "http://127.0.0.1:9999/issuer"
    assert flaw(HERE, iss=local) is None
    assert flaw(HERE, iss="https://localhost/issuer") is None
    assert "on this machine" in str(flaw(HERE))
    assert "on this machine" in str(flaw(REAL, iss=local))


def test_a_token_that_nobody_signed_is_refused() -> None:
    assert "signed" in str(flaw(header={"alg": "none"}))
    assert "signed" in str(flaw(header={"typ": "JWT"}))


@pytest.mark.parametrize(
    ("times", "word"),
    [
        ({"exp": NOW + 60}, None),
        ({"exp": NOW + 59}, "less than 60 s"),
        ({"exp": NOW}, "ended"),
        ({"exp": NOW - 1}, "ended"),
        ({"exp": None}, "when it ends"),
        ({"exp": "soon"}, "when it ends"),
        ({"exp": True}, "when it ends"),
        ({"nbf": NOW + 60, "iat": NOW + 60}, None),
        ({"nbf": NOW + 61}, "begins"),
        ({"iat": NOW + 61}, "begins"),
        ({"nbf": None, "iat": None}, None),
        ({"exp": 10**300}, None),
    ],
)
def test_life_is_judged_by_the_documented_minute(times: dict[str, Any], word: str | None) -> None:
    said = flaw(**times)
    assert said is None if word is None else word in str(said)


def test_what_a_flaw_says_is_short_and_one_line() -> None:
    said = str(flaw(aud="x\n" * 5000))
    assert len(said) < 300
    assert "\n" not in said


# -- places


def everywhere(tmp_path: Path, patch: pytest.MonkeyPatch, make: Callable[[str], str]) -> list[tuple[str, str]]:
    """Put something into each place; gives the places' names with it, in the documented order."""
    rows = [
        ("the variable SCITOKEN", "one"),
        ("the file named by SCITOKEN_FILE", "two"),
        ("the files *.use in _CONDOR_CREDS", "three"),
        ("the variable BEARER_TOKEN", "four"),
        ("the file named by BEARER_TOKEN_FILE", "five"),
        (f"the file bt_u{UID} in XDG_RUNTIME_DIR", "six"),
        (f"the file {tmp_path}/tmp/bt_u{UID}", "seven"),
    ]
    texts = {name: make(name) for _, name in rows}
    patch.setenv("SCITOKEN", texts["one"])
    patch.setenv("SCITOKEN_FILE", str(put(tmp_path / "two", texts["two"])))
    put(tmp_path / "condor" / "igwn.use", texts["three"])
    patch.setenv("_CONDOR_CREDS", str(tmp_path / "condor"))
    patch.setenv("BEARER_TOKEN", texts["four"])
    patch.setenv("BEARER_TOKEN_FILE", str(put(tmp_path / "five", texts["five"])))
    put(tmp_path / "run" / f"bt_u{UID}", texts["six"])
    patch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    put(tmp_path / "tmp" / f"bt_u{UID}", texts["seven"])
    return [(place, texts[name]) for place, name in rows]


def empty(place: str, tmp_path: Path, patch: pytest.MonkeyPatch) -> None:
    words = place.split()
    if words[1] == "variable":
        patch.delenv(words[2])
    elif words[-1].startswith("/"):
        Path(words[-1]).unlink()
    else:
        patch.delenv(words[-1])


def test_the_places_come_in_the_documented_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = everywhere(tmp_path, monkeypatch, lambda name: token(jti=name))
    for place, text in rows:
        assert found() == (place, text)
        empty(place, tmp_path, monkeypatch)
    with pytest.raises(NoCredential) as caught:
        found()
    assert caught.value.next == "htgettoken -a vault.ligo.org -i igwn --scopes=gracedb.read"


UNFIT = {
    "over": (lambda: token(exp=NOW - 1), "ended"),
    "for another": (lambda: token(aud="https://datafind.ligo.org"), "(aud)"),
    "too little": (lambda: token(scope="read:/"), "(scope)"),
    "opaque": (lambda: "gt-opaque", "no JSON Web Token"),
    "no token": (lambda: "<html> no", "web page"),
    "of the sandbox": (lambda: token(iss="http://127.0.0.1/"), "on this machine"),
}


@pytest.mark.parametrize("unfit", UNFIT)
def test_what_does_not_count_hides_no_place_behind_it(
    unfit: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, word = UNFIT[unfit]
    rows = everywhere(tmp_path, monkeypatch, lambda name: token() if name == "seven" else make())
    assert found() == rows[-1]
    said = reasons()
    assert all(word in said[place] for place, _ in rows[:-1])


def test_a_named_file_that_is_missing_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCITOKEN_FILE", str(tmp_path / "absent"))
    monkeypatch.setenv("BEARER_TOKEN_FILE", str(tmp_path))
    monkeypatch.setenv("_CONDOR_CREDS", str(tmp_path / "absent"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "absent"))
    monkeypatch.setenv("BEARER_TOKEN", "  ")
    put(tmp_path / "tmp" / f"bt_u{UID}", token())
    assert found()[0] == f"the file {tmp_path}/tmp/bt_u{UID}"
    said = reasons()
    assert "does not exist" in said["the file named by SCITOKEN_FILE"]
    assert "is a folder" in said["the file named by BEARER_TOKEN_FILE"]


def test_one_unfit_file_of_htcondor_does_not_hide_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_CONDOR_CREDS", str(tmp_path / "condor"))
    put(tmp_path / "condor" / "a.use", token(scope="read:/"))
    put(tmp_path / "condor" / "b.top", token(jti="not for use"))
    assert "a.use" in reasons()["the files *.use in _CONDOR_CREDS"]
    put(tmp_path / "condor" / "c.use", token(jti="c"))
    put(tmp_path / "condor" / "d.use", token(jti="d"))
    assert found()[1] == token(jti="c")


def test_a_token_that_somebody_else_put_into_the_shared_folder_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(tmp_path / "tmp" / f"bt_u{UID}", token())
    assert found()[1] == token()
    lstat = os.lstat

    def theirs(name: Any, **options: Any) -> Any:
        status = lstat(name, **options)
        return os.stat_result([*status[:4], UID + 1, *status[5:]]) if str(name) == str(path) else status

    monkeypatch.setattr(os, "lstat", theirs)
    with pytest.raises(NoCredential, match="another user"):
        found()


def test_a_sandbox_is_told_another_remedy() -> None:
    with pytest.raises(NoCredential) as caught:
        found(HERE)
    assert "sandbox" in str(caught.value.next)


def test_the_token_goes_to_its_server_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEARER_TOKEN", token())
    held = chain().obtain(None, Ask(FakeClock(NOW)))
    reach = held.credential.reach
    assert reach.admits(Url("https://gracedb.ligo.org/elsewhere"))
    for other in ("https://gracedb-test.ligo.org/", "http://gracedb.ligo.org/", "https://gracedb.ligo.org:8443/"):
        assert not reach.admits(Url(other))


def test_a_renewed_file_of_htcondor_counts_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeClock(NOW)
    monkeypatch.setenv("_CONDOR_CREDS", str(tmp_path / "condor"))
    path = put(tmp_path / "condor" / "igwn.use", token(jti="old"))
    keeper = Keeper(chain(), clock=clock)
    assert keeper.get().credential.token.reveal() == token(jti="old")
    put(path, token(jti="new"))
    assert keeper.get().credential.token.reveal() == token(jti="new")


def test_the_places_look_the_same_until_something_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = [scitokens.places()]

    def is_new() -> bool:
        seen.append(scitokens.places())
        return seen[-1] not in seen[:-1]

    assert not is_new()
    for name in ("SCITOKEN", "BEARER_TOKEN"):
        monkeypatch.setenv(name, token())
        assert is_new()
    for name in ("SCITOKEN_FILE", "BEARER_TOKEN_FILE"):
        monkeypatch.setenv(name, str(tmp_path / name))
        assert is_new()
        put(tmp_path / name, "x")
        assert is_new()
    monkeypatch.setenv("_CONDOR_CREDS", str(tmp_path))
    assert is_new()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert is_new()
    put(tmp_path / f"bt_u{UID}", "x")
    assert is_new()
    put(tmp_path / "tmp" / f"bt_u{UID}", "x")
    assert is_new()
    assert token() not in str(seen)


def test_a_survey_names_every_place() -> None:
    outcomes = [attempt.outcome for attempt, _ in copy.copy(chain()).survey(Ask(FakeClock(NOW)))]
    assert outcomes == [Outcome.UNAVAILABLE] * 8
