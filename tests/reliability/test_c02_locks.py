"""C2-C4: a lock's holder is killed or stopped, or there are no locks: who waits goes on, or says for whom it waited."""

import errno
import fcntl
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from skykey.credentials.keeper import Keeper
from skykey.credentials.provider import Keeping
from skykey.credentials.stores import lock
from skykey.credentials.stores.file import FileStore
from skykey.values.deadline import Deadline
from skykey.values.errors import TimedOut
from tests.credentials.fakes import Fake, text_of
from tests.credentials.proof import settled
from tests.credentials.stores.actors import line_of, started
from tests.credentials.stores.making import held, new_process, number_of, said
from tests.credentials.stores.proof import proven
from tests.reliability.naive_credentials import NaiveStore

NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    new_process(monkeypatch)


def seconds_until_held(store: Any) -> float:
    start = time.monotonic()
    with store.exclusive("k", Deadline(None)):
        return time.monotonic() - start


@proven(FileStore, NaiveStore)
def test_c2_a_killed_holder_leaves_no_lock_behind(make: Any, tmp_path: Path, ceiling: Callable[[float], float]) -> None:
    with started("hold", make.__name__, tmp_path / "store") as holder:
        line_of(holder)
        holder.send_signal(signal.SIGKILL)
        took = seconds_until_held(make(tmp_path / "store", patience=2.0))
    print(f"C2: held {took:.3f} s after its holder was killed")
    assert took < ceiling(1.0)


def stopped(make: Any, folder: Path, patience: float) -> None:
    with started("hold", make.__name__, folder) as holder:
        line_of(holder)
        holder.send_signal(signal.SIGSTOP)
        start = time.monotonic()
        with pytest.raises(TimedOut, match="another renewal") as caught:
            seconds_until_held(make(folder, patience=patience))
        took = time.monotonic() - start
        print(f"C3: gave up after {took:.2f} s of {patience}: {str(caught.value).splitlines()[0]}")
        assert took <= patience + 0.5
        assert f"process {holder.pid} (" in str(caught.value)
        assert os.uname().nodename in str(caught.value)
        holder.send_signal(signal.SIGCONT)
        assert holder.stdin
        holder.stdin.close()
        assert line_of(holder) == "free"
    assert seconds_until_held(make(folder, patience=patience)) < patience


@proven(FileStore, NaiveStore)
def test_c3_who_waits_for_a_stopped_holder_is_told_its_name(make: Any, tmp_path: Path) -> None:
    assert lock.PATIENCE <= 10.0
    stopped(make, tmp_path / "store", patience=0.5)


@pytest.mark.long
@proven(FileStore, NaiveStore)
def test_c3_nobody_waits_for_a_stopped_holder_longer_than_ten_seconds(make: Any, tmp_path: Path) -> None:
    stopped(make, tmp_path / "store", patience=lock.PATIENCE)


def test_c3_a_token_that_is_still_valid_is_used_while_the_holder_is_stopped(tmp_path: Path) -> None:
    fake = Fake(keeping=Keeping.STORED)
    keeper = Keeper(fake, clock=fake.clock, store=FileStore(tmp_path / "store", patience=0.3), key="k")
    keeper.get()
    with started("hold", "FileStore", tmp_path / "store") as holder:
        line_of(holder)
        holder.send_signal(signal.SIGSTOP)
        fake.clock.advance(3600 - 200)
        start = time.monotonic()
        token = text_of(keeper.get())
        took = time.monotonic() - start
        settled(keeper)
    print(f"C3: {token}, still valid, after {took:.3f} s; asked for {fake.asked}")
    assert (token, fake.asked) == ("token-1", 1)
    assert took < 0.2


@pytest.fixture(params=NO_LOCKS, ids=errno.errorcode.__getitem__)
def no_locks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(descriptor: int, operation: int) -> None:
        raise OSError(request.param, os.strerror(request.param))

    monkeypatch.setattr(fcntl, "flock", flock)


@pytest.mark.usefixtures("no_locks")
def test_c4_without_locks_threads_exclude_each_other_and_nothing_is_torn(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    inside, most, broken = 0, 0, 0

    def work(number: int) -> None:
        nonlocal inside, most, broken
        store = FileStore(tmp_path / "store")  # each its own: the folder is what they share
        for turn in range(25):
            with store.exclusive("k", Deadline(None)):
                inside += 1
                most = max(most, inside)
                broken += number_of(store.read("k")) is None and turn > 0
                store.write("k", held(number * 100 + turn))
                inside -= 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    warnings = said(caplog)
    print(f"C4: {most} inside at once, {broken} broken, {len(warnings)} warning: {warnings[0]}")
    assert (most, broken, len(warnings)) == (1, 0, 1)
    assert f"the file system of {tmp_path / 'store'} has no locks" in warnings[0]


@pytest.mark.usefixtures("no_locks")
def test_c4_without_locks_an_older_one_does_not_replace_a_newer_one(tmp_path: Path) -> None:
    ours, theirs = FileStore(tmp_path / "store"), FileStore(tmp_path / "store")
    with ours.exclusive("k", Deadline(None)):
        theirs.write("k", held(6))  # another machine, which no lock keeps out
        ours.write("k", held(5))
    kept = number_of(theirs.read("k"))
    print(f"C4: generation {kept} is kept")
    assert kept == 6
    with ours.exclusive("k", Deadline(None)):
        ours.write("k", held(7))
    assert number_of(theirs.read("k")) == 7


@pytest.mark.usefixtures("no_locks")
def test_c4_without_locks_a_new_login_replaces_the_old_one_though_it_counts_from_one(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "store")
    with store.exclusive("k", Deadline(None)):
        store.write("k", held(9, born=1000.0))
        store.write("k", held(1, born=2000.0))
    assert number_of(store.read("k")) == 1


def test_c4_with_locks_what_is_written_is_there_whatever_its_number(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "store")
    with store.exclusive("k", Deadline(None)):
        store.write("k", held(9))
        store.write("k", held(1))
    assert number_of(store.read("k")) == 1
