"""A netrc file in every state: only its owner's, closed to others, and only the machine that is meant."""

import os
from pathlib import Path

import pytest

from skykey.credentials.provider import Ask
from skykey.credentials.sources.netrc import Netrc
from skykey.values.errors import Unavailable
from tests.credentials.fakes import REACH
from tests.credentials.sources.checks import unseen
from tests.values.canary import CANARY

ENTRY = f"machine site.example login ada password {CANARY}\n"


def source(path: Path) -> Netrc:
    return Netrc(lambda: str(path), "site.example", REACH)


def written(path: Path, data: str | bytes, mode: int = 0o600) -> Path:
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    path.chmod(mode)
    return path


def test_the_entry_of_the_machine_is_found(tmp_path: Path) -> None:
    path = written(tmp_path / "netrc", f"machine other.example login x password y\n{ENTRY}")
    held = source(path).obtain(None, Ask())
    assert held.credential.username == "ada"
    assert held.credential.password.reveal() == CANARY
    assert held.credential.reach is REACH
    assert held.facts == {"file": str(path)}


UNUSABLE: dict[str, tuple[str | bytes, str]] = {
    "another machine": (f"machine other.example login ada password {CANARY}\n", "no machine site.example"),
    "a default": (f"default login ada password {CANARY}\n", "no machine site.example"),
    "no password": ("machine site.example login ada\n", "no password"),
    "no login": (f"machine site.example password {CANARY}\n", "no login"),
    "nonsense": (f"{CANARY} machine\n", "not a netrc file"),
    "no text": (b"machine site.example login a password \xff\xfe" + CANARY.encode(), "not a text file"),
    "nothing": ("", "no machine"),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_what_is_no_entry_is_passed_over_without_showing_it(name: str, tmp_path: Path) -> None:
    data, word = UNUSABLE[name]
    with pytest.raises(Unavailable, match=word) as caught:
        source(written(tmp_path / "netrc", data)).obtain(None, Ask())
    unseen(caught.value)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620])
def test_a_file_that_others_may_read_is_not_opened(mode: int, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="chmod 600"):
        source(written(tmp_path / "netrc", ENTRY, mode)).obtain(None, Ask())


def test_a_file_of_another_user_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "netrc", ENTRY)
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    with pytest.raises(Unavailable, match="another user"):
        source(path).obtain(None, Ask())


def test_a_file_that_is_not_there_or_none_is_passed_over(tmp_path: Path) -> None:
    for path in (tmp_path / "absent", tmp_path / "netrc" / "below", Path("a\0b")):
        with pytest.raises(Unavailable, match="does not exist"):
            source(path).obtain(None, Ask())
    with pytest.raises(Unavailable, match="plain file"):
        source(tmp_path).obtain(None, Ask())


def test_a_change_is_noticed(tmp_path: Path) -> None:
    path = written(tmp_path / "netrc", ENTRY)
    held = source(path).obtain(None, Ask())
    assert not source(path).changed(held)
    written(path, ENTRY.replace("ada", "bob!"))
    assert source(path).changed(held)
    path.unlink()
    assert source(path).changed(held)
