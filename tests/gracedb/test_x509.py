"""Where certificates are found, when they travel, and what the documented names of ``ligo.gracedb.cert`` do."""

import os
import pickle
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from skykey.gracedb.cert import check_certificate_expiration, load_certificate
from skykey.gracedb.credentials import NONE, Credentials
from skykey.gracedb.exceptions import IgwnAuthError
from skykey.testing.clock import FakeClock
from skykey.values.errors import MissingExtra
from skykey.values.url import Url
from tests.gracedb.test_credentials import carried, made
from tests.gracedb.wallets import HERE, NOW, REAL, certificate, empty_places, proxy, token

UID = os.getuid()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return empty_places(tmp_path, monkeypatch)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


def test_the_places_come_in_the_documented_order(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: FakeClock
) -> None:
    first = certificate(tmp_path)
    monkeypatch.setenv("X509_USER_CERT", str(first[0]))
    monkeypatch.setenv("X509_USER_KEY", str(first[1]))
    monkeypatch.setenv("X509_USER_PROXY", str(proxy(tmp_path / "second")))
    third = proxy(tmp_path / "tmp" / f"x509up_u{UID}")
    (home / ".globus").mkdir()
    fourth = certificate(home / ".globus")
    assert carried(made(clock)) == [str(first[0])]
    monkeypatch.delenv("X509_USER_KEY")
    assert carried(made(clock)) == [str(tmp_path / "second")]
    monkeypatch.delenv("X509_USER_PROXY")
    assert carried(made(clock)) == [str(third)]
    third.unlink()
    assert carried(made(clock)) == [str(fourth[0])]
    fourth[1].unlink()
    assert carried(made(clock)) == []


def test_an_unfit_certificate_hides_none_behind_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: FakeClock
) -> None:
    monkeypatch.setenv("X509_USER_PROXY", str(proxy(tmp_path / "old", lasts=500)))
    good = proxy(tmp_path / "tmp" / f"x509up_u{UID}")
    credentials = made(clock)
    assert carried(credentials) == [str(good)]
    assert any("ends in 500 s" in row.reason for row in credentials.explain().rows)


def test_no_place_gives_a_certificate_that_is_nearly_over(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: FakeClock
) -> None:
    first = certificate(tmp_path, lasts=599)
    monkeypatch.setenv("X509_USER_CERT", str(first[0]))
    monkeypatch.setenv("X509_USER_KEY", str(first[1]))
    monkeypatch.setenv("X509_USER_PROXY", str(proxy(tmp_path / "second", lasts=599)))
    proxy(tmp_path / "tmp" / f"x509up_u{UID}", lasts=599)
    (home / ".globus").mkdir()
    certificate(home / ".globus", lasts=599)
    credentials = made(clock)
    assert carried(credentials) == []
    assert str(credentials.because).count("ends in 599 s") == 4


def test_a_proxy_that_somebody_else_put_there_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: FakeClock
) -> None:
    proxy(tmp_path / "tmp" / f"x509up_u{UID}")
    monkeypatch.setattr(os, "geteuid", lambda: UID + 1)
    credentials = made(clock)
    assert carried(credentials) == []
    assert "another user" in str(credentials.because)


def test_certificate_and_token_travel_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: FakeClock
) -> None:
    monkeypatch.setenv("BEARER_TOKEN", token())
    files = certificate(tmp_path)
    credentials = made(clock, cred=files)
    assert carried(credentials) == [token(), str(files[0])]
    assert credentials.auth_type == {"scitoken", "x509"}
    assert credentials.shown()["x509"] == {"cert_file": str(files[0]), "key_file": str(files[1])}
    assert carried(made(clock, cred=files, use_auth="x509")) == [str(files[0])]
    assert carried(made(clock, cred=files, use_auth="scitoken")) == [token(), str(files[0])]
    assert carried(made(clock, cred=False)) == [token()]
    monkeypatch.setenv("X509_USER_PROXY", str(proxy(tmp_path / "proxy")))
    assert carried(made(clock, use_auth="scitoken")) == [token()]


@pytest.mark.parametrize("kind", [str, Path, lambda path: (path, path), lambda path: [str(path), path]])
def test_cred_names_files_in_every_documented_way(kind: Any, tmp_path: Path, clock: FakeClock) -> None:
    path = proxy(tmp_path / "proxy")
    shown = made(clock, cred=kind(path)).shown()
    assert shown == {"x509": {"cert_file": str(path), "key_file": str(path)}}


def test_named_files_are_not_opened_before_the_first_call(tmp_path: Path, clock: FakeClock) -> None:
    credentials = made(clock, cred=str(tmp_path / "absent"))
    with pytest.raises(IgwnAuthError, match=r"the argument cred.*does not exist"):
        carried(credentials)
    assert credentials.auth_type == set()
    assert credentials.shown() == NONE
    with pytest.raises(IgwnAuthError, match=r"the argument cred.*does not exist"):
        made(clock, cred=str(tmp_path / "absent"), fail_if_noauth=True)


def test_a_named_certificate_counts_to_its_end(tmp_path: Path, clock: FakeClock) -> None:
    files = certificate(tmp_path, lasts=100)
    credentials = made(clock, cred=files)
    assert carried(credentials) == [str(files[0])]
    clock.advance(99)
    assert carried(credentials) == [str(files[0])]
    clock.advance(1)
    with pytest.raises(IgwnAuthError, match="ended 0 s ago"):
        carried(credentials)


@pytest.mark.parametrize("options", [{"use_auth": "x509"}, {"cred": True}])
def test_a_certificate_that_must_be_found_is_missed_at_once(options: dict[str, Any], clock: FakeClock) -> None:
    with pytest.raises(IgwnAuthError, match="could not find an RFC-3820"):
        made(clock, **options)
    with pytest.raises(IgwnAuthError, match="could not find an RFC-3820"):
        made(clock, HERE, **options)  # plain http: there is none to show


def test_the_switch_for_certificates_demands_one_or_switches_them_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: FakeClock
) -> None:
    monkeypatch.setenv("IGWN_AUTH_UTILS_FIND_X509", "yes")
    with pytest.raises(IgwnAuthError, match="RFC-3820"):
        made(clock)
    monkeypatch.setenv("X509_USER_PROXY", str(proxy(tmp_path / "proxy")))
    assert carried(made(clock)) == [str(tmp_path / "proxy")]
    monkeypatch.setenv("IGWN_AUTH_UTILS_FIND_X509", "no")
    assert carried(made(clock)) == []


def test_over_plain_http_no_certificate_is_claimed(tmp_path: Path, clock: FakeClock) -> None:
    credentials = made(clock, HERE, cred=certificate(tmp_path))
    assert credentials.auth_type == set()
    assert credentials.shown() == NONE
    assert carried(credentials) == []
    assert "plain http" in str(credentials.because)
    with pytest.raises(IgwnAuthError, match="plain http"):
        made(clock, Url("http://gracedb.ligo.org/api/"), use_auth="x509")


def test_the_switch_does_not_make_named_files_opened_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: FakeClock
) -> None:
    monkeypatch.setenv("IGWN_AUTH_UTILS_FIND_X509", "yes")
    made(clock, cred=str(tmp_path / "absent"))


# -- reloading


def test_reload_certificate_is_deprecated_at_the_callers_line(tmp_path: Path, clock: FakeClock) -> None:
    files = certificate(tmp_path)
    with pytest.warns(DeprecationWarning, match="use reload_cred") as caught:
        credentials = made(clock, cred=files, reload_certificate=True)
    assert caught[0].filename.endswith(".py")
    assert "/src/skykey/" not in caught[0].filename
    assert carried(credentials) == [str(files[0])]
    with pytest.raises(IgwnAuthError):
        made(clock, reload_certificate=True)


def test_a_renewed_proxy_is_read_again_with_and_without_reloading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: FakeClock
) -> None:
    path = proxy(tmp_path / "proxy", lasts=1000)
    monkeypatch.setenv("X509_USER_PROXY", str(path))
    plain, reloading = made(clock), made(clock, use_auth="x509", reload_cred=True)
    assert carried(plain) == carried(reloading) == [str(path)]
    clock.advance(800)
    shutil.copyfile(proxy(tmp_path / "new"), path)
    for credentials in (plain, reloading):
        assert carried(credentials) == [str(path)]
    clock.advance(300)
    for credentials in (plain, reloading):
        assert carried(credentials) == [str(path)]


def test_the_window_of_a_certificate_begins_where_it_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: FakeClock
) -> None:
    first = proxy(tmp_path / "first", lasts=5000)
    second = proxy(tmp_path / "tmp" / f"x509up_u{UID}")
    monkeypatch.setenv("X509_USER_PROXY", str(first))
    credentials = made(clock, use_auth="x509", reload_cred=True, reload_buffer=1000)
    clock.advance(3999)
    assert carried(credentials) == [str(first)]
    clock.advance(1)
    assert carried(credentials) == [str(second)]


def test_reloading_needs_to_know_when_a_certificate_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: FakeClock
) -> None:
    files = certificate(tmp_path)
    monkeypatch.setitem(sys.modules, "cryptography", None)
    assert carried(made(clock, cred=files)) == [str(files[0])]
    with pytest.raises(MissingExtra, match="x509"):
        made(clock, cred=files, use_auth="x509", reload_cred=True)
    with pytest.raises(MissingExtra, match="x509"):
        load_certificate(str(files[0]))


def test_a_pickle_names_the_same_files(tmp_path: Path) -> None:
    files = certificate(tmp_path, now=time.time())
    credentials = pickle.loads(pickle.dumps(Credentials(REAL, cred=files)))
    assert carried(credentials) == [str(files[0])]


# -- the documented names


def test_certificates_are_read_and_their_end_is_told(tmp_path: Path) -> None:
    files = certificate(tmp_path, now=time.time(), lasts=1000)
    loaded = load_certificate(str(files[0]))
    assert loaded == load_certificate(files) == load_certificate(list(files))
    for given in (loaded, str(files[0]), files):
        assert not check_certificate_expiration(given)
        assert not check_certificate_expiration(given, 900)
        assert check_certificate_expiration(given, reload_buffer=1100)


def test_what_is_no_certificate_is_a_documented_error(tmp_path: Path) -> None:
    files = certificate(tmp_path)
    for given in (None, 7, ("a",), str(files[1])):
        with pytest.raises(RuntimeError, match=r"cred is the path|holds no certificate"):
            load_certificate(given)
    with pytest.raises(FileNotFoundError):
        load_certificate(str(tmp_path / "absent"))
    with pytest.raises(RuntimeError):
        check_certificate_expiration(None)
