"""A certificate and its key in every state of their files."""

import os
import shutil
import ssl
import sys
from pathlib import Path

import pytest

from skykey.credentials.keeper import Keeper
from skykey.credentials.provider import Ask
from skykey.credentials.sources.certificate import CertificateFiles
from skykey.testing.clock import FakeClock
from skykey.values.errors import Failed, Unavailable
from skykey.wire.request import TlsIdentity
from skykey.wire.tls import context
from tests.credentials.fakes import REACH
from tests.gracedb.wallets import NOW, certificate, proxy


def source(files: tuple[Path, Path], least: float = 600.0) -> CertificateFiles:
    return CertificateFiles(lambda: (str(files[0]), str(files[1])), REACH, "the test", least)


def reason(files: tuple[Path, Path]) -> str:
    with pytest.raises(Unavailable) as caught:
        source(files).obtain(None, Ask(FakeClock(NOW)))
    return caught.value.message


def test_a_pair_is_found_with_its_owner_and_end(tmp_path: Path) -> None:
    files = certificate(tmp_path, owner="Ada", lasts=5000)
    credential = source(files).obtain(None, Ask(FakeClock(NOW))).credential
    assert (credential.files.certificate, credential.files.key) == files
    assert (credential.identity, credential.life.ends) == ("CN=Ada", NOW + 5000)
    assert credential.reach is REACH


@pytest.mark.parametrize("serial", ["1234567890", "proxy", "limited proxy"])
def test_two_proxies_of_one_person_are_not_taken_for_two_people(serial: str, tmp_path: Path) -> None:
    files = certificate(tmp_path, owner="Ada", serial=serial)
    assert source(files).obtain(None, Ask(FakeClock(NOW))).credential.identity == "CN=Ada"
    files = certificate(tmp_path, owner="Ada", serial="Eve 7")
    assert "Eve" in str(source(files).obtain(None, Ask(FakeClock(NOW))).credential.identity)


def test_a_proxy_is_both_in_one_file(tmp_path: Path) -> None:
    path = proxy(tmp_path / "proxy")
    files = source((path, path)).obtain(None, Ask(FakeClock(NOW))).credential.files
    assert files.certificate == files.key == path
    assert context(files) is not None


@pytest.mark.parametrize(
    ("lasts", "word"), [(-1, "ended"), (0, "ended"), (599, "ends in 599 s"), (600, "ends in"), (601, None)]
)
def test_a_certificate_near_its_end_makes_place(lasts: float, word: str | None, tmp_path: Path) -> None:
    files = certificate(tmp_path, lasts=lasts)
    if word is None:
        source(files).obtain(None, Ask(FakeClock(NOW)))
    else:
        assert word in reason(files)


def test_one_that_begins_later_is_passed_over(tmp_path: Path) -> None:
    assert "begins in" in reason(certificate(tmp_path, now=NOW + 7200))


def test_files_that_are_no_pair_are_passed_over(tmp_path: Path) -> None:
    one, two = certificate(tmp_path, name="one"), certificate(tmp_path, name="two")
    assert "its own key" in reason((one[0], two[1]))
    assert "its own key" in reason((one[1], one[1]))
    (tmp_path / "empty").touch()
    assert "cannot be used" in reason((tmp_path / "empty", one[1]))
    assert "does not exist" in reason((one[0], tmp_path / "absent"))
    assert "does not exist" in reason((Path("a\0b"), one[1]))
    assert "plain file" in reason((tmp_path, tmp_path))


def test_nobody_is_asked_for_a_pass_phrase(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = certificate(tmp_path, phrase=b"open sesame")
    load, given = ssl.SSLContext.load_cert_chain, []

    def spy(made: ssl.SSLContext, *files: str, **options: str) -> None:
        given.append(options.get("password"))
        load(made, *files, **options)

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", spy)
    assert "pass phrase" in reason(files)
    with pytest.raises(Failed, match="cannot be used"):
        context(TlsIdentity(*files))
    assert given == ["", ""]  # with None, it would be read from the terminal


def test_without_cryptography_it_counts_and_nobody_says_when_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = certificate(tmp_path)
    monkeypatch.setitem(sys.modules, "cryptography", None)
    credential = source(files).obtain(None, Ask(FakeClock(NOW))).credential
    assert (credential.life.ends, credential.identity) == (None, None)
    assert "its own key" in reason((files[1], files[1]))


def test_a_proxy_renewed_in_place_is_shown_from_the_next_call_on(tmp_path: Path) -> None:
    clock, path = FakeClock(NOW), proxy(tmp_path / "proxy")
    keeper = Keeper(source((path, path)), clock=clock)
    old = keeper.get().credential.files
    assert keeper.get().credential.files == old
    shutil.copyfile(proxy(tmp_path / "new", lasts=90_000), path)
    clock.advance(1)
    new = keeper.get().credential
    assert new.files != old  # the pools know connections by it: see `Key` in wire/pools.py
    assert (new.files.certificate, new.files.key) == (old.certificate, old.key)
    assert new.life.ends == NOW + 90_000
    os.unlink(path)
    clock.advance(1)
    with pytest.raises(Unavailable, match="does not exist"):
        keeper.get()
