"""The keyring's store beside its rows C11-C14: the fallback, two processes, threads, forks, a missing package."""

import importlib.util
import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from keyring.errors import KeyringLocked

from skykey.credentials.store import MemoryStore
from skykey.credentials.stores.file import FileStore, stem
from skykey.credentials.stores.keyring import KeyringStore
from skykey.credentials.stores.line import AwayError, Line
from skykey.values.deadline import Deadline
from skykey.values.errors import Failed, MissingExtra, TimedOut, UsageError
from tests.credentials.stores.making import CANARY, held, login, new_process, number_of, said
from tests.credentials.stores.rings import Mute, PlaintextKeyring, Ring, put_in


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch) -> Ring:
    made = Ring()
    put_in(made, monkeypatch)
    return made


def test_what_was_written_is_read_by_another_store_and_is_in_no_file(ring: Ring, tmp_path: Path) -> None:
    store = KeyringStore(fallback=FileStore(tmp_path / "store"))
    assert store.read("k") is None
    store.write("k", held(1))
    store.write("l", login(2))
    again = KeyringStore(fallback=MemoryStore())
    assert again.read("k") == held(1)
    assert again.read("l") == login(2)
    assert not (tmp_path / "store").exists()
    assert {service for service, _ in ring.items} == {"skykey"}


def test_without_the_package_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra) as caught:
        KeyringStore(fallback=MemoryStore())
    assert caught.value.next == "pip install 'skykey[keyring]'"


def test_what_another_version_added_outlives_a_rewrite(ring: Ring) -> None:
    store = KeyringStore(fallback=MemoryStore())
    store.write("k", held(1))
    ((item, text),) = ring.items.items()
    ring.items[item] = json.dumps(json.loads(text) | {"device": {"name": "laptop"}})
    store.write("k", held(2))
    assert number_of(store.read("k")) == 2
    assert json.loads(ring.items[item])["device"] == {"name": "laptop"}


def test_what_a_newer_version_wrote_is_left_alone(ring: Ring, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = KeyringStore(fallback=FileStore(tmp_path))
    item = ("skykey", stem("k"))
    ring.items[item] = newer = '{"skykey": 2, "kind": "something"}'
    assert store.read("k") is None
    store.write("k", held(1))
    assert number_of(store.read("k")) == 1
    assert ring.items[item] == newer
    assert len(said(caplog)) == 2
    assert "a newer version of Skykey wrote it" in said(caplog)[0]
    store.forget("k")
    assert ring.items == {}


def test_what_went_to_the_fallback_stays_there_until_it_is_forgotten(
    ring: Ring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fallback = FileStore(tmp_path)
    KeyringStore(fallback=fallback).write("k", held(1))
    fallback.write("k", held(2))  # a process whose keyring did not answer
    store = KeyringStore(fallback=fallback)
    assert number_of(store.read("k")) == 2
    store.write("k", held(3))
    assert number_of(fallback.read("k")) == 3
    store.forget("k")
    assert store.read("k") is None
    store.write("k", held(1))
    assert fallback.read("k") is None
    assert len(ring.items) == 1


def test_a_keyring_that_fails_is_not_asked_again_and_its_words_are_not_repeated(
    ring: Ring, caplog: pytest.LogCaptureFixture
) -> None:
    def locked(operation: str) -> None:
        raise KeyringLocked(f"prompt dismissed by {CANARY}")

    ring.before = locked
    store = KeyringStore(fallback=MemoryStore())
    for number in range(1, 4):
        store.write("k", held(number))
        assert number_of(store.read("k")) == number
    assert ring.calls == ["get"]
    (warning,) = said(caplog)
    assert "the keyring failed (KeyringLocked)" in warning
    assert CANARY not in caplog.text


def test_a_keyring_that_fails_half_way_keeps_nothing_of_it(ring: Ring) -> None:
    def full(operation: str) -> None:
        if operation == "set" and ring.calls.count("set") == 3:
            raise OSError(28, "No space left on device")

    store = KeyringStore(fallback=MemoryStore())
    store.write("k", held(1))
    ring.calls.clear()
    ring.before = full
    store.write("k", held(2, size=5000))
    assert number_of(store.read("k")) == 2
    assert list(ring.items) == [("skykey", stem("k"))]
    assert CANARY in ring.items["skykey", stem("k")]


def test_a_logout_removes_what_is_in_the_keyring_or_says_that_it_could_not(
    ring: Ring, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = KeyringStore(fallback=MemoryStore())
    store.forget("k")
    store.write("k", held(1, size=4000))
    store.forget("k")
    assert ring.items == {}
    store.write("k", held(2))

    def locked(operation: str) -> None:
        raise KeyringLocked

    ring.before = locked
    with pytest.raises(Failed, match="a login may still be in it"):
        store.forget("k")
    with pytest.raises(Failed, match="a login may still be in it"):  # it is not asked again, and that is no success
        store.forget("k")
    new_process(monkeypatch)
    ring.before = lambda operation: None
    store.forget("k")
    assert ring.items == {}


def test_a_logout_where_no_keyring_is_used_is_none_of_its_business(monkeypatch: pytest.MonkeyPatch) -> None:
    put_in(PlaintextKeyring(), monkeypatch)
    store = KeyringStore(fallback=MemoryStore())
    store.write("k", held(1))
    store.forget("k")
    assert store.read("k") is None


def test_a_mistake_of_the_caller_does_not_cost_the_keyring(ring: Ring) -> None:
    facts: Any = {"number": 5}
    store = KeyringStore(fallback=MemoryStore())
    with pytest.raises(UsageError):
        store.write("k", type(held())(held().credential, "a test", facts=facts))
    store.write("k", held(1))
    assert len(ring.items) == 1


def test_one_renewal_at_a_time_by_the_lock_files_of_the_fallback(ring: Ring, tmp_path: Path) -> None:
    ours, theirs = (KeyringStore(fallback=FileStore(tmp_path, patience=0.05)) for _ in range(2))
    files_only = FileStore(tmp_path, patience=0.05)
    with ours.exclusive("k", Deadline(None)):
        for other in (theirs, files_only):
            with pytest.raises(TimedOut):
                other.exclusive("k", Deadline(None)).__enter__()
    apart = KeyringStore(fallback=MemoryStore(), locks=FileStore(tmp_path, patience=0.05))
    with apart.exclusive("k", Deadline(None)), pytest.raises(TimedOut):
        ours.exclusive("k", Deadline(None)).__enter__()


def test_threads_that_meet_a_mute_keyring_wait_together_and_not_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    ring = Mute("get")
    put_in(ring, monkeypatch)
    store = KeyringStore(fallback=MemoryStore(), seconds=0.3)
    start = time.monotonic()
    threads = [threading.Thread(target=store.read, args=(str(number),)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.monotonic() - start
    ring.free.set()
    assert took < 0.3 * 2.5
    assert len(ring.calls) == 1


def test_threads_are_served_one_after_the_other(ring: Ring) -> None:
    inside = most = 0

    def busy(operation: str) -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        time.sleep(0.001)
        inside -= 1

    ring.before = busy
    store = KeyringStore(fallback=MemoryStore())
    threads = [threading.Thread(target=store.write, args=(str(number), held(number))) for number in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert [number_of(store.read(str(number))) for number in range(1, 9)] == list(range(1, 9))


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_child_that_was_forked_during_a_call_can_call(monkeypatch: pytest.MonkeyPatch) -> None:
    ring = Mute("get", times=1)
    put_in(ring, monkeypatch)
    store = KeyringStore(fallback=MemoryStore(), seconds=10)
    thread = threading.Thread(target=store.read, args=("k",))
    thread.start()
    while not ring.calls:
        time.sleep(0.001)
    child = os.fork()
    if child == 0:
        signal.alarm(5)
        try:
            store.write("k", held(1))
            os._exit(0 if number_of(store.read("k")) == 1 else 1)
        finally:
            os._exit(2)
    try:
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        ring.free.set()
        thread.join()


def test_a_line_that_was_given_up_stays_closed_and_takes_no_late_result() -> None:
    line, late, results = Line(), threading.Event(), list[bool]()

    def work(call: Any) -> int:
        late.wait(10)
        results.append(call.settle(1))
        return 1

    with pytest.raises(AwayError, match="no answer in time"):
        line.ask(work, 0.05)
    late.set()
    with pytest.raises(AwayError, match="no answer in time"):
        line.ask(lambda call: 2, 5.0)
    while not results:
        time.sleep(0.001)
    assert results == [False]
    assert Line().ask(lambda call: 3, 5.0) == 3


def test_what_ends_a_thread_is_an_answer_too() -> None:
    def leave(call: Any) -> int:
        raise SystemExit(CANARY)

    with pytest.raises(AwayError, match=r"^failed \(SystemExit\)$"):
        Line().ask(leave, 5.0)
