"""Credentials in files: one an entry, gone when forgotten, and in memory only where nothing else is possible."""

import errno
import json
import os
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from skykey.credentials.credential import Certificate
from skykey.credentials.held import Held
from skykey.credentials.keeper import Keeper
from skykey.credentials.stores.file import FileStore, stem
from skykey.credentials.stores.folder import StoreRefused, private_folder
from skykey.testing.clock import FakeClock
from skykey.values.deadline import Deadline
from skykey.values.errors import CredentialError, Failed, UsageError
from skykey.wire.request import TlsIdentity
from tests.credentials.fakes import Rotating, text_of
from tests.credentials.stores.actors import ROOT
from tests.credentials.stores.making import CANARY, REACH, held, login, number_of, said
from tests.credentials.stores.steps import failing

FREE = Deadline(None)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_was_written_is_read_by_another_store(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "store")
    assert store.read("k") is None
    store.write("k", held(1))
    store.write("l", login(2))
    again = FileStore(tmp_path / "store")
    assert again.read("k") == held(1)
    assert again.read("l") == login(2)
    assert files(tmp_path / "store") == sorted([f"{stem('k')}.json", f"{stem('l')}.json"])


def test_the_usual_folder_is_the_users_state_and_is_made_when_something_is_written(tmp_path: Path) -> None:
    """In a process of its own: it is looked up once."""
    code = f"""
import os, sys; sys.path.insert(0, {str(ROOT)!r})
os.umask(0)
from skykey.credentials.stores.file import FileStore
from tests.credentials.stores.making import held
store = FileStore()
assert store.read("k") is None
print(os.path.exists({str(tmp_path / "state")!r}))
store.write("k", held(1))
"""
    environment = os.environ | {"XDG_STATE_HOME": str(tmp_path / "state")}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]
    assert done.stderr == ""
    top = tmp_path / "state"
    assert files(top / "skykey" / "credentials") == [f"{stem('k')}.json"]
    assert [stat.S_IMODE(path.stat().st_mode) for path in (top, top / "skykey", top / "skykey" / "credentials")] == [
        0o700
    ] * 3


def test_a_keeper_in_the_next_process_goes_on_where_this_one_ended(tmp_path: Path) -> None:
    clock = FakeClock()
    issuer = Rotating(clock)
    for count in range(1, 6):
        keeper = Keeper(issuer, clock=clock, store=FileStore(tmp_path / "store"), key="k")
        assert text_of(keeper.get()) == f"token-{count}"
        assert text_of(Keeper(issuer, clock=clock, store=FileStore(tmp_path / "store"), key="k").get())
        assert issuer.asked == count
        clock.advance(3600)
    assert not issuer.revoked


def test_the_working_folder_may_change_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = FileStore("store")
    store.write("k", held(1))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert number_of(store.read("k")) == 1


def test_a_folder_that_was_removed_is_made_again(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "store")
    store.write("k", held(1))
    for path in (tmp_path / "store").iterdir():
        path.unlink()
    (tmp_path / "store").rmdir()
    assert store.read("k") is None
    with store.exclusive("k", FREE):
        store.write("k", held(2))
    assert number_of(store.read("k")) == 2


def test_what_was_forgotten_leaves_nothing_that_could_be_used(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "store")
    store.write("k", held(1))
    store.write("other", held(5))
    (path,) = (path for path in (tmp_path / "store").iterdir() if path.name.startswith(stem("k")))
    path.write_bytes(path.read_bytes().replace(b'"skykey": 1', b'"skykey": 2'))
    store.write("k", held(2))  # the one before is kept aside
    (tmp_path / "store" / f".{path.name}.{'0' * 16}.skykey-new").write_text(CANARY)  # a writer was killed just now
    assert len(files(tmp_path / "store")) == 4
    with store.exclusive("k", FREE):
        store.forget("k")
        store.forget("k")
    assert store.read("k") is None
    assert FileStore(tmp_path / "store").read("k") is None
    assert files(tmp_path / "store") == sorted([f"{stem('k')}.lock", f"{stem('other')}.json"])
    assert number_of(store.read("other")) == 5


def test_a_logout_that_cannot_remove_the_entry_is_an_error_with_the_command_that_can(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "store")
    store.write("k", held(1))
    with failing("unlink", errno.EROFS), pytest.raises(Failed, match="could not be removed") as caught:
        store.forget("k")
    path = tmp_path / "store" / f"{stem('k')}.json"
    assert str(caught.value).endswith(f"Next: rm {path}*")
    subprocess.run(["/bin/sh", "-c", str(caught.value.next)], check=True)
    assert store.read("k") is None


@pytest.mark.parametrize("where", ["missing/store", "file/store"])
def test_to_forget_where_nothing_is_kept_is_no_error(
    where: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    FileStore(tmp_path / where).forget("k")
    assert said(caplog) == []
    assert files(tmp_path) == ["file"]


def test_what_lives_in_memory_is_forgotten_too(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = FileStore(tmp_path / "file" / "store")
    store.write("k", held(1))
    assert number_of(store.read("k")) == 1
    store.forget("k")
    assert store.read("k") is None


def test_what_lived_in_memory_does_not_come_back_after_a_logout_elsewhere(tmp_path: Path) -> None:
    ours, theirs = FileStore(tmp_path / "store"), FileStore(tmp_path / "store")
    with failing("fsync", errno.ENOSPC):
        ours.write("k", held(1))
    ours.write("k", held(2))  # there is room again
    theirs.forget("k")
    assert ours.read("k") is None


def test_a_newer_one_that_another_process_wrote_goes_before_what_is_in_memory(tmp_path: Path) -> None:
    ours, theirs = FileStore(tmp_path / "store"), FileStore(tmp_path / "store")
    ours.write("k", held(1))
    with failing("fsync", errno.ENOSPC):
        ours.write("k", held(2))
    assert number_of(ours.read("k")) == 2
    theirs.write("k", held(3))
    assert number_of(ours.read("k")) == 3
    with failing("fsync", errno.ENOSPC):
        ours.write("k", held(4))
    assert number_of(ours.read("k")) == 4
    ours.write("k", held(5))
    theirs.write("k", held(6))
    assert number_of(ours.read("k")) == 6


def test_a_new_login_of_another_process_goes_before_what_is_in_memory_though_it_counts_from_one(tmp_path: Path) -> None:
    ours, theirs = FileStore(tmp_path / "store"), FileStore(tmp_path / "store")
    with failing("fsync", errno.ENOSPC):
        ours.write("k", held(7, born=1000.0))
    theirs.write("k", held(1, born=2000.0))
    assert number_of(ours.read("k")) == 1


def test_a_birth_in_the_future_does_not_keep_newer_ones_out(tmp_path: Path) -> None:
    """A clock that was ahead when it was written down, and no locks: for a whole day each renewal would be lost."""
    clock = FakeClock()
    store = FileStore(tmp_path / "store", clock=clock)
    store.write("k", held(1, born=clock.wall() + 86_400))
    store._has_locks = False
    store.write("k", held(2, born=clock.wall()))
    assert number_of(store.read("k")) == 2
    with failing("fsync", errno.ENOSPC):
        store.write("k", held(3, born=clock.wall() + 1))
    assert number_of(store.read("k")) == 3


def test_what_is_not_written_down_is_refused_and_the_entry_stays(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "store")
    store.write("k", held(1))
    certificate = Certificate(TlsIdentity(tmp_path / "a.pem", tmp_path / "b.pem"), REACH)
    with pytest.raises(UsageError, match="not kept in a store"):
        store.write("k", Held(certificate, "a test"))
    assert number_of(store.read("k")) == 1


def test_a_refused_folder_is_refused_for_every_use_and_nothing_is_kept_in_memory_instead(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    tmp_path.chmod(0o755)
    for use in (
        lambda: store.read("k"),
        lambda: store.write("k", held(1)),
        lambda: store.forget("k"),
        lambda: store.exclusive("k", FREE).__enter__(),
    ):
        with pytest.raises(StoreRefused, match="open to other users") as caught:
            use()
        assert isinstance(caught.value, CredentialError)
        assert caught.value.next == f"chmod 700 {tmp_path}"
    tmp_path.chmod(0o700)
    assert store.read("k") is None


def test_the_repairing_command_survives_a_path_with_blanks(tmp_path: Path) -> None:
    folder = tmp_path / "my store; rm -rf x"
    folder.mkdir(mode=0o750)
    with pytest.raises(StoreRefused) as caught:
        FileStore(folder).read("k")
    subprocess.run(["/bin/sh", "-c", str(caught.value.next)], check=True)
    assert FileStore(folder).read("k") is None


def test_a_folder_that_is_a_file_is_refused_and_one_above_it_is_not(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreRefused, match="is not a folder"):
        private_folder(str(tmp_path / "file"), make=True)
    with pytest.raises(NotADirectoryError):
        private_folder(str(tmp_path / "file" / "store"), make=True)
    (tmp_path / "dangling").symlink_to("nowhere")
    with pytest.raises(StoreRefused, match="is a symbolic link"):
        private_folder(str(tmp_path / "dangling") + "/", make=True)
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to("real")
    with private_folder(str(tmp_path / "link" / "store"), make=True) as folder:
        assert folder.names() == []
    assert files(tmp_path / "real") == ["store"]


def test_what_is_closed_to_its_owner_is_refused_with_the_command_that_opens_it(tmp_path: Path) -> None:
    """As root, whom modes do not stop, too."""
    store = FileStore(tmp_path / "store")
    store.write("k", held(1))
    path = tmp_path / "store" / f"{stem('k')}.json"
    for spoiled, command in ((path, "chmod 600"), (tmp_path / "store", "chmod 700")):
        spoiled.chmod(0)
        with pytest.raises(StoreRefused, match="closed to its owner") as caught:
            store.read("k")
        assert str(caught.value.next) == f"{command} {spoiled}"
        spoiled.chmod(0o700 if spoiled.is_dir() else 0o600)
    assert number_of(store.read("k")) == 1


def test_each_entry_is_a_json_document_that_says_what_it_is(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    store.write("k", replace(held(3), mark=("a", "mark")))
    document = json.loads((tmp_path / f"{stem('k')}.json").read_text())
    assert document == {
        "skykey": 1,
        "kind": "bearer",
        "source": "a test",
        "generation": 3,
        "renewal": f"renewal-3-{CANARY}",
        "token": f"token-3-{CANARY}",
        "reach": {"origins": ["https://site.example"], "said_by": "a test"},
        "life": {"born": None, "ends": 2e9 + 3, "look_again": None},
        "identity": "user-3",
        "facts": {"number": "3"},
    }


def test_without_descriptors_of_folders_it_works_by_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("skykey.credentials.stores.folder._BY_DESCRIPTOR", False)
    store = FileStore(tmp_path / "store")
    with store.exclusive("k", FREE):
        store.write("k", held(1))
        assert number_of(store.read("k")) == 1
    store.forget("k")
    assert store.read("k") is None


def test_importing_it_loads_nothing_that_is_not_needed() -> None:
    code = (
        "import sys, skykey.credentials.stores.file, skykey.credentials.stores.keyring\n"
        "print(*{'filelock', 'platformdirs', 'keyring', 'logging', 'hashlib', 'asyncio', 'socket', 'subprocess'}"
        " & set(sys.modules))"
    )
    path = f"import sys; sys.path[:] = {sys.path!r}\n"
    done = subprocess.run([sys.executable, "-S", "-c", path + code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
