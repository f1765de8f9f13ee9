"""What the constructor's options do to a client's credentials, and what is said about them (rows of the contract)."""

import asyncio
import copy
import logging
import os
import pickle
import sys
import threading
import time
import types
from pathlib import Path
from typing import Any

import pytest

from skykey.calls.perform import aperform, perform
from skykey.credentials.credential import Basic, Bearer, Certificate
from skykey.credentials.trace import Outcome
from skykey.gracedb import scitokens
from skykey.gracedb.credentials import NONE, Credentials
from skykey.gracedb.exceptions import IgwnAuthError
from skykey.testing.clock import FakeClock
from skykey.values.clock import SYSTEM_CLOCK
from skykey.values.errors import SkykeyError
from skykey.values.url import Url
from skykey.wire.pools import PROCESS_POOLS
from tests.gracedb.wallets import ALBERT, HERE, NOW, REAL, certificate, empty_places, proxy, token
from tests.values.canary import leaks

UID = os.geteuid()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return empty_places(tmp_path, monkeypatch)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture
def bt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that BEARER_TOKEN_FILE names; it is not there yet."""
    monkeypatch.setenv("BEARER_TOKEN_FILE", str(tmp_path / "bt"))
    return tmp_path / "bt"


def made(clock: FakeClock, service: Url = REAL, **options: Any) -> Credentials:
    return Credentials(service, clock=clock, **options)


def carried(credentials: Credentials) -> list[str]:
    """What a call carries now: tokens as their text, certificates as their file, passwords as their user."""
    shown = []
    for kept in perform(credentials.keepers(), PROCESS_POOLS, SYSTEM_CLOCK):
        match kept.get().credential:
            case Bearer(token=text):
                shown.append(text.reveal())
            case Certificate(files=files):
                shown.append(str(files.certificate))
            case Basic(username=username):
                shown.append(username)
    return shown


# -- options


@pytest.mark.parametrize("value", ["X509", "", "token", "none"])
def test_an_unknown_kind_is_not_taken_for_all_of_them(value: str, clock: FakeClock) -> None:
    with pytest.raises(ValueError, match="'all', 'scitoken', 'x509'"):
        made(clock, use_auth=value)


def test_none_and_at_least_one_contradict_each_other(clock: FakeClock) -> None:
    with pytest.raises(ValueError, match="cannot select both force_noauth and fail_if_noauth"):
        made(clock, force_noauth=True, fail_if_noauth=True)


@pytest.mark.parametrize("value", [-1, float("nan"), "300", None, True])
def test_a_window_that_is_no_number_of_seconds_is_refused(value: Any, clock: FakeClock) -> None:
    with pytest.raises(ValueError, match="reload_buffer"):
        made(clock, reload_buffer=value)


@pytest.mark.parametrize("cred", ["", ("a",), ("a", "b", "c"), ["a", 1], 7, (), ("", "b")])
def test_a_cred_that_names_no_files_is_refused(cred: Any, clock: FakeClock) -> None:
    with pytest.raises(ValueError, match="cred"):
        made(clock, cred=cred)


def test_without_any_credential_a_call_is_anonymous(clock: FakeClock) -> None:
    credentials = made(clock)
    assert carried(credentials) == []
    assert credentials.auth_type == set()
    assert credentials.shown() == NONE == {"auth_type(s)": "No auth type found"}
    assert credentials.because == "no credential was found"


def test_a_token_goes_along_and_is_shown_as_documented(bt: Path, clock: FakeClock) -> None:
    bt.write_text(token(exp=1741375963, nbf=None, iat=None, aud=["ANY"]))
    clock.jump(1741370000 - NOW)
    credentials = made(clock)
    assert carried(credentials) == [bt.read_text()]
    assert credentials.auth_type == {"scitoken"}
    assert credentials.because is None
    assert credentials.advice() is None
    assert credentials.shown() == {
        "scitoken": {
            "SciToken subject": ALBERT,
            "SciToken expiration": "2025-03-07T19:32:43",
            "SciToken scope": "gracedb.read",
            "SciToken audience": ["ANY"],
        }
    }


def test_force_noauth_sends_nothing_at_all(
    bt: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: FakeClock
) -> None:
    bt.write_text(token())
    monkeypatch.setenv("X509_USER_PROXY", str(proxy(tmp_path / "proxy")))
    write_netrc(home / ".netrc")
    monkeypatch.setenv("IGWN_AUTH_UTILS_FIND_SCITOKEN", "yes")
    for options in ({}, {"cred": str(tmp_path / "proxy")}, {"use_auth": "x509"}, {"reload_cred": True}):
        credentials = made(clock, force_noauth=True, **options)
        assert carried(credentials) == []
        assert credentials.auth_type == set()
        assert credentials.shown() == NONE
        assert credentials.because == "force_noauth is set"
    assert "force_noauth" in str(credentials.advice())


def test_fail_if_noauth_names_every_place_and_the_next_command(clock: FakeClock) -> None:
    with pytest.raises(IgwnAuthError, match="no valid authorisation credentials found") as caught:
        made(clock, fail_if_noauth=True)
    said = str(caught.value)
    for place in ("SCITOKEN", "SCITOKEN_FILE", "_CONDOR_CREDS", "BEARER_TOKEN", f"bt_u{UID}", "X509_USER_PROXY"):
        assert place in said
    assert caught.value.next == "htgettoken -a vault.ligo.org -i igwn --scopes=gracedb.read"
    assert isinstance(caught.value, RuntimeError)
    assert isinstance(caught.value, SkykeyError)


def test_fail_if_noauth_makes_no_anonymous_call_when_the_token_is_gone(bt: Path, clock: FakeClock) -> None:
    bt.write_text(token())
    credentials = made(clock, fail_if_noauth=True)
    assert carried(credentials) == [token()]
    bt.unlink()
    with pytest.raises(IgwnAuthError, match="does not exist"):
        carried(credentials)
    bt.write_text(token(jti="new"))
    assert carried(credentials) == [token(jti="new")]


def test_scitoken_alone_is_asked_for_at_the_first_call(clock: FakeClock) -> None:
    credentials = made(clock, use_auth="scitoken")
    with pytest.raises(IgwnAuthError, match="could not find a valid SciToken"):
        carried(credentials)


def test_an_error_is_what_programs_of_igwn_auth_utils_catch(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    class Theirs(RuntimeError):
        pass

    module = types.ModuleType("igwn_auth_utils")
    module.IgwnAuthError = Theirs  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "igwn_auth_utils", module)
    with pytest.raises(Theirs) as caught:
        made(clock, fail_if_noauth=True)
    assert isinstance(caught.value, IgwnAuthError)
    copied = copy.copy(caught.value)
    assert isinstance(copied, Theirs)
    assert (str(copied), copied.__dict__) == (str(caught.value), caught.value.__dict__)
    module.IgwnAuthError = IgwnAuthError  # type: ignore[attr-defined]
    with pytest.raises(IgwnAuthError) as caught:
        made(clock, fail_if_noauth=True)
    assert type(caught.value) is IgwnAuthError
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.next) == (str(caught.value), caught.value.next)


@pytest.mark.parametrize(("value", "is_needed"), [("1", True), ("Yes", True), ("true", True), ("y", True)])
def test_the_switch_for_tokens_demands_one(
    value: str, is_needed: bool, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IGWN_AUTH_UTILS_FIND_SCITOKEN", value)
    with pytest.raises(IgwnAuthError):
        carried(made(clock))


@pytest.mark.parametrize("value", ["0", "no", "false", "never", ""])
def test_the_switch_for_tokens_switches_them_off(
    value: str, bt: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    bt.write_text(token())
    monkeypatch.setenv("IGWN_AUTH_UTILS_FIND_SCITOKEN", value)
    assert carried(made(clock)) == []
    assert carried(made(clock, use_auth="scitoken")) == [token()]


def test_over_plain_http_nothing_goes_to_another_machine(bt: Path, clock: FakeClock) -> None:
    bt.write_text(token())
    service = Url("http://gracedb.ligo.org/api/")
    credentials = made(clock, service)
    assert carried(credentials) == []
    assert "plain http" in str(credentials.because)
    with pytest.raises(IgwnAuthError, match="plain http"):
        made(clock, service, fail_if_noauth=True)
    with pytest.raises(IgwnAuthError, match="plain http"):
        made(clock, service, reload_cred=True)
    with pytest.raises(IgwnAuthError, match="plain http"):
        carried(made(clock, service, use_auth="scitoken"))


def test_a_service_on_this_machine_gets_its_own_tokens_only(bt: Path, clock: FakeClock) -> None:
    bt.write_text(token())
    credentials = made(clock, HERE)
    assert carried(credentials) == []
    assert "cilogon.org" in str(credentials.because)
    bt.write_text(token(iss="http://127.0.0.1:9/issuer"))
    assert carried(credentials) == [bt.read_text()]


# -- renewed, over, gone


def test_a_renewed_file_counts_at_the_next_call_without_any_option(bt: Path, clock: FakeClock) -> None:
    bt.write_text(token(jti="old"))
    credentials = made(clock)
    assert carried(credentials) == [token(jti="old")]
    for turn in range(5):
        bt.write_text(token(jti=f"new {turn}"))
        assert carried(credentials) == [token(jti=f"new {turn}")]


@pytest.mark.parametrize("half", ["", " \n", "eyJhbGciOiJFUzI1NiIsInR5cCI6", "<", "a\nb"])
def test_a_file_that_is_just_being_written_makes_no_anonymous_call(
    half: str, bt: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    bt.write_text(token(jti="old"))
    credentials = made(clock)
    carried(credentials)
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 2:
            bt.write_text(token(jti="new"))

    monkeypatch.setattr(scitokens, "sleep", sleep)
    bt.write_text(half)
    assert carried(credentials) == [token(jti="new")]
    bt.write_text(half)
    assert carried(credentials) == []
    assert sum(slept) < 0.2
    slept.clear()
    carried(made(clock))
    assert slept == []  # where there was nothing before, nobody waits


def test_a_token_that_comes_later_counts_at_once(bt: Path, clock: FakeClock) -> None:
    credentials = made(clock)
    assert carried(credentials) == []
    bt.write_text(token())
    assert carried(credentials) == [token()]


def test_a_token_is_used_to_its_last_second_and_then_said_to_be_over(bt: Path, clock: FakeClock) -> None:
    bt.write_text(token(exp=NOW + 100))
    credentials = made(clock)
    assert carried(credentials) == [bt.read_text()]
    clock.advance(99)
    assert carried(credentials) == [bt.read_text()]
    clock.advance(1)
    assert carried(credentials) == []
    assert credentials.auth_type == set()
    assert credentials.shown() == NONE
    assert credentials.because == "the token from the file named by BEARER_TOKEN_FILE ended at 2027-01-15 08:01:40 UTC"
    advice = str(credentials.advice())
    assert advice.startswith("htgettoken -a vault.ligo.org -i igwn --scopes=gracedb.read")
    assert "ended at 2027-01-15 08:01:40 UTC" in advice


def test_a_token_that_never_counted_is_named_as_the_reason(bt: Path, clock: FakeClock) -> None:
    bt.write_text(token(exp=NOW - 5))
    credentials = made(clock)
    assert carried(credentials) == []
    assert credentials.because == "the file named by BEARER_TOKEN_FILE: it ended at 2027-01-15 07:59:55 UTC"


def test_a_token_that_has_begun_meanwhile_counts(bt: Path, clock: FakeClock) -> None:
    bt.write_text(token(nbf=NOW + 100))
    credentials = made(clock)
    assert carried(credentials) == []
    clock.advance(50)
    assert carried(credentials) == [bt.read_text()]


def test_a_token_in_its_last_minute_makes_place_for_another_one(bt: Path, tmp_path: Path, clock: FakeClock) -> None:
    bt.write_text(token(exp=NOW + 100))
    (tmp_path / "tmp" / f"bt_u{UID}").write_text(token(jti="behind"))
    credentials = made(clock)
    assert carried(credentials) == [bt.read_text()]
    clock.advance(39)
    assert carried(credentials) == [bt.read_text()]
    clock.advance(1)
    assert carried(credentials) == [token(jti="behind")]


# -- reload_cred


def test_reload_cred_insists_on_a_token_at_once(bt: Path, tmp_path: Path, clock: FakeClock) -> None:
    with pytest.raises(IgwnAuthError, match="could not find a valid SciToken"):
        made(clock, reload_cred=True)
    with pytest.raises(IgwnAuthError, match="could not find a valid SciToken"):
        made(clock, reload_cred=True, cred=certificate(tmp_path))
    bt.write_text(token())
    assert carried(made(clock, reload_cred=True)) == [token()]


@pytest.mark.parametrize("buffer", [300, 1000.0])
def test_the_window_begins_exactly_where_it_was_asked_for(
    buffer: float, bt: Path, tmp_path: Path, clock: FakeClock
) -> None:
    bt.write_text(token(exp=NOW + 5000, iat=NOW - 5000))
    (tmp_path / "tmp" / f"bt_u{UID}").write_text(token(jti="behind"))
    credentials = made(clock, reload_cred=True, reload_buffer=buffer)
    clock.advance(5000 - buffer - 1)
    assert carried(credentials) == [bt.read_text()]
    clock.advance(1)
    assert carried(credentials) == [token(jti="behind")]


def test_whoever_comes_into_the_window_first_gets_the_new_token_already(
    bt: Path, tmp_path: Path, clock: FakeClock
) -> None:
    bt.write_text(token(exp=NOW + 5000))
    (tmp_path / "tmp" / f"bt_u{UID}").write_text(token(exp=NOW + 9000))
    credentials = made(clock, reload_cred=True)
    clock.advance(4700)
    assert credentials.shown()["scitoken"]["SciToken expiration"] == "2027-01-15T10:30:00"


def test_of_several_that_are_fresh_the_first_in_order_takes_its_place(
    bt: Path, tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    bt.write_text(token(exp=NOW + 400))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    (tmp_path / f"bt_u{UID}").write_text(token(exp=NOW + 8000))
    (tmp_path / "tmp" / f"bt_u{UID}").write_text(token(exp=NOW + 9000))
    credentials = made(clock, reload_cred=True)
    clock.advance(200)
    assert carried(credentials) == [token(exp=NOW + 8000)]


@pytest.mark.parametrize("fail_if_noauth", [True, False])
def test_inside_the_window_the_old_token_serves_while_there_is_no_better_one(
    fail_if_noauth: bool, bt: Path, tmp_path: Path, clock: FakeClock
) -> None:
    bt.write_text(token(exp=NOW + 400))
    other = tmp_path / "tmp" / f"bt_u{UID}"
    other.write_text(token(exp=NOW + 390))
    credentials = made(clock, reload_cred=True, fail_if_noauth=fail_if_noauth)
    for _ in range(3):
        clock.advance(50)
        assert carried(credentials) == [token(exp=NOW + 400)]
    other.write_text(token(exp=NOW + 410))
    clock.advance(1)
    assert carried(credentials) == [token(exp=NOW + 410)]
    other.write_text(token(exp=NOW + 5000))
    clock.advance(1)
    assert carried(credentials) == [token(exp=NOW + 5000)]


def test_a_better_token_of_somebody_else_does_not_take_its_place(
    bt: Path, tmp_path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    bt.write_text(token(exp=NOW + 400))
    (tmp_path / "tmp" / f"bt_u{UID}").write_text(token(sub="marie.curie@ligo.org"))
    credentials = made(clock, reload_cred=True)
    clock.advance(200)
    assert carried(credentials) == [bt.read_text()]
    assert "different people" in caplog.text


def test_a_reloading_client_goes_on_as_its_user_said_when_all_is_over(bt: Path, clock: FakeClock) -> None:
    bt.write_text(token(exp=NOW + 400))
    calm, strict = made(clock, reload_cred=True), made(clock, reload_cred=True, fail_if_noauth=True)
    clock.advance(400)
    assert carried(calm) == []
    with pytest.raises(IgwnAuthError, match="ended at"):
        carried(strict)


def test_without_a_window_the_token_is_replaced_at_its_end_only(bt: Path, tmp_path: Path, clock: FakeClock) -> None:
    bt.write_text(token(exp=NOW + 400))
    (tmp_path / "tmp" / f"bt_u{UID}").write_text(token(jti="behind"))
    credentials = made(clock, reload_cred=True, reload_buffer=0)
    clock.advance(399)
    assert carried(credentials) == [bt.read_text()]
    clock.advance(1)
    assert carried(credentials) == [token(jti="behind")]


# -- netrc


def write_netrc(
    path: Path, text: str = "machine gracedb.ligo.org login albert password geheim", mode: int = 0o600
) -> None:
    path.write_text(text + "\n")
    path.chmod(mode)


def test_a_netrc_counts_only_where_tokens_are_switched_off(home: Path, clock: FakeClock) -> None:
    write_netrc(home / ".netrc")
    assert carried(made(clock)) == []
    assert carried(made(clock, use_auth="x509", cred=False)) == ["albert"]
    credentials = made(clock, use_auth="x509", cred=False, fail_if_noauth=True)
    assert credentials.auth_type == {"basic"}
    assert credentials.shown() == {"basic": {"username": "albert", "netrc_file": str(home / ".netrc")}}


def test_a_netrc_that_others_may_read_is_not_used(home: Path, clock: FakeClock) -> None:
    write_netrc(home / ".netrc", mode=0o644)
    credentials = made(clock, use_auth="x509", cred=False)
    assert carried(credentials) == []
    assert "chmod 600" in str(credentials.because)


def test_the_variable_names_another_netrc(tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    write_netrc(tmp_path / "mine")
    monkeypatch.setenv("NETRC", str(tmp_path / "mine"))
    assert carried(made(clock, use_auth="x509", cred=False)) == ["albert"]


# -- what others see


def test_a_pickle_carries_options_and_no_secret(bt: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = {"exp": time.time() + 9000, "nbf": None, "iat": None}
    bt.write_text(token(**there))
    credentials = Credentials(REAL, reload_cred=True, fail_if_noauth=True)
    assert carried(credentials) == [bt.read_text()]
    sent = pickle.dumps(credentials)
    signature = bt.read_text().rpartition(".")[2]
    assert signature.encode() not in sent
    assert bt.read_text()[:40].encode() not in sent
    (tmp_path / "worker").write_text(token(**there, jti="the worker's own"))
    monkeypatch.setenv("BEARER_TOKEN_FILE", str(tmp_path / "worker"))
    assert carried(pickle.loads(sent)) == [(tmp_path / "worker").read_text()]
    assert carried(copy.deepcopy(credentials)) == [(tmp_path / "worker").read_text()]
    monkeypatch.delenv("BEARER_TOKEN_FILE")
    arrived = pickle.loads(sent)  # must not fail here, where nobody reads why
    with pytest.raises(IgwnAuthError, match="BEARER_TOKEN_FILE"):
        carried(arrived)


def test_no_display_shows_the_token(bt: Path, clock: FakeClock) -> None:
    bt.write_text(token())
    credentials = made(clock)
    carried(credentials)
    secret = bt.read_text().rpartition(".")[2]
    assert leaks(credentials, secret) == []
    assert secret not in str(credentials.shown())
    assert leaks(credentials.explain(), secret) == []


def test_why_shows_every_place_and_the_winner(bt: Path, tmp_path: Path, clock: FakeClock) -> None:
    bt.write_text(token())
    (tmp_path / "tmp" / f"bt_u{UID}").write_text(token(scope="read:/"))
    told = made(clock).explain()
    assert len(told.rows) == 12
    winner = told.winner
    assert winner is not None
    assert (winner.source, winner.identity) == ("the file named by BEARER_TOKEN_FILE", ALBERT)
    assert told.reach == ("https://gracedb.ligo.org",)
    assert told.remedy is None
    unfit = next(row for row in told.rows if row.source == f"the file {tmp_path}/tmp/bt_u{UID}")
    assert unfit.outcome is Outcome.UNAVAILABLE
    assert "(scope)" in unfit.reason


def test_async_callers_get_the_same(bt: Path, clock: FakeClock) -> None:
    bt.write_text(token())

    async def ask() -> str:
        kept = await aperform(made(clock).keepers(), PROCESS_POOLS, SYSTEM_CLOCK)
        held = await kept[0].aget()
        text: str = held.credential.token.reveal()
        return text

    assert asyncio.run(ask()) == token()


def test_a_token_that_goes_between_two_looks_is_the_documented_error(bt: Path, clock: FakeClock) -> None:
    bt.write_text(token())
    (kept,) = perform(made(clock).keepers(), PROCESS_POOLS, SYSTEM_CLOCK)
    bt.unlink()
    with pytest.raises(IgwnAuthError, match="does not exist"):
        kept.get()

    async def ask() -> None:
        await kept.aget()

    with pytest.raises(IgwnAuthError, match="does not exist"):
        asyncio.run(ask())


def test_a_refused_token_is_sent_again_only_if_there_is_a_new_one(bt: Path, clock: FakeClock) -> None:
    bt.write_text(token())
    (kept,) = perform(made(clock).keepers(), PROCESS_POOLS, SYSTEM_CLOCK)
    held = kept.get()
    assert not kept.reject(held, "invalid_token")
    bt.write_text(token(jti="new"))
    assert kept.reject(held, "invalid_token")
    assert kept.get().credential.token.reveal() == token(jti="new")


def test_a_look_before_each_call_costs_next_to_nothing(bt: Path, ceiling: Any) -> None:
    bt.write_text(token(exp=time.time() + 9000, nbf=None, iat=None))
    credentials = Credentials(REAL)
    carried(credentials)
    os.utime(bt, (time.time() - 60,) * 2)
    carried(credentials)
    begin = time.perf_counter()
    for _ in range(200):
        perform(credentials.keepers(), PROCESS_POOLS, SYSTEM_CLOCK)
    took = (time.perf_counter() - begin) / 200
    print(f"a look at the places: {took * 1e6:.0f} us")
    assert took <= ceiling(0.001)


def test_an_anonymous_client_does_not_search_before_each_call(
    monkeypatch: pytest.MonkeyPatch, clock: FakeClock
) -> None:
    credentials = made(clock)
    searched = []
    kind = credentials.token
    assert kind is not None
    provider = kind.keeper.provider
    obtain = type(provider).obtain
    monkeypatch.setattr(type(provider), "obtain", lambda *given: (searched.append(1), obtain(*given))[1])
    for _ in range(20):
        assert carried(credentials) == []
    assert len(searched) == 2  # one a kind
    clock.advance(1)
    assert carried(credentials) == []
    assert len(searched) == 4


def test_nothing_is_logged_while_all_is_well(bt: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    bt.write_text(token())
    carried(made(clock))
    carried(made(clock, fail_if_noauth=True))
    assert caplog.text == ""


def test_many_threads_and_a_writer_never_make_an_anonymous_call(bt: Path, tmp_path: Path) -> None:
    def put(turn: int) -> None:
        text = token(jti=f"{turn:04}", exp=int(time.time()) + 9000, nbf=None, iat=None)
        (tmp_path / "next").write_text(text)
        (tmp_path / "next").replace(bt)

    put(0)
    credentials = Credentials(REAL)
    done = threading.Event()
    seen: list[int] = []

    def ask() -> None:
        while not done.is_set():
            seen.append(len(carried(credentials)))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for turn in range(1, 100):
        put(turn)
    done.set()
    for thread in threads:
        thread.join(20)
    assert len(seen) >= 4
    assert set(seen) == {1}
