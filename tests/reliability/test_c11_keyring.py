"""C11-C14: a keyring that is mute, late, small or none."""

import inspect
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from keyring.backend import KeyringBackend
from keyring.backends import fail, null

from skykey.credentials.keeper import Keeper
from skykey.credentials.provider import Keeping
from skykey.credentials.store import MemoryStore
from skykey.credentials.stores.file import FileStore
from skykey.credentials.stores.keyring import KeyringStore
from skykey.values.deadline import Deadline
from skykey.values.errors import Failed
from tests.credentials.fakes import Fake, text_of
from tests.credentials.stores.making import held, new_process, number_of, said
from tests.credentials.stores.proof import proven
from tests.credentials.stores.rings import Chain, Cutting, Disguised, Mute, PlaintextKeyring, Ring, Windows, put_in
from tests.reliability.naive_credentials import NaiveKeyring

LIMIT = 3.0


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    new_process(monkeypatch)


def mute(make: Any, limits: tuple[float, float], patch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    seconds, most = limits
    ring = Mute("get", "set", patience=most + 0.2)
    put_in(ring, patch)
    store = make(fallback=MemoryStore(), **({} if make is NaiveKeyring else {"seconds": seconds}))
    start, took = time.monotonic(), 0.0
    for number in range(1, 6):
        store.write("k", held(number))
        took = time.monotonic() - start
        if took > most:
            break
        assert number_of(store.read("k")) == number
        assert store.read("another") is None
    asked = len(ring.calls)
    ring.free.set()
    print(
        f"C11: all calls took {took:.2f} s with a limit of {seconds} s; {len(said(caplog))} warning: {said(caplog)[:1]}"
    )
    assert took <= most, f"all calls took {took:.2f} s"
    assert len(said(caplog)) == 1
    assert "gave no answer in time" in said(caplog)[0]
    assert "MemoryStore" in said(caplog)[0]
    assert asked == 1


@proven(KeyringStore, NaiveKeyring)
def test_c11_a_keyring_that_never_answers_is_waited_for_once(
    make: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert inspect.signature(KeyringStore).parameters["seconds"].default == LIMIT
    mute(make, (0.3, 1.5), monkeypatch, caplog)


@pytest.mark.long
@proven(KeyringStore, NaiveKeyring)
def test_c11_a_keyring_that_never_answers_is_waited_for_three_seconds(
    make: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, ceiling: Callable[[float], float]
) -> None:
    mute(make, (LIMIT, LIMIT + ceiling(0.3)), monkeypatch, caplog)


def quick(**options: Any) -> NaiveKeyring:
    return NaiveKeyring(seconds=0.1)


@proven(KeyringStore, quick)
def test_c12_an_answer_that_comes_late_is_not_written_over_a_newer_one(
    make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring = Mute("set", times=1)
    put_in(ring, monkeypatch)
    store = make(fallback=FileStore(tmp_path), seconds=0.1)
    store.write("k", held(5))  # the keyring does not answer
    new_process(monkeypatch)  # another program, which it does answer
    make(fallback=FileStore(tmp_path), seconds=5.0).write("k", held(6))
    late(ring)
    new_process(monkeypatch)
    back = number_of(make(fallback=FileStore(tmp_path), seconds=5.0).read("k"))
    print(f"C12: after a late write of number 5, number {back} is read, and 6 is the newest")
    assert back == 6, f"number {back} is read, and 6 is the newest"


@pytest.mark.parametrize("size", [0, 5000])
def test_c12_what_was_written_too_late_is_removed_from_the_keyring_again(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With nothing on disk to say that there is a newer one."""
    ring = Mute("set")
    put_in(ring, monkeypatch)
    store = KeyringStore(fallback=MemoryStore(), seconds=0.1)
    store.write("k", held(5, size=size))
    late(ring)
    print(f"C12: {len(ring.items)} items are left of a late write, {ring.calls.count('set')} were begun")
    assert ring.items == {}
    assert ring.calls.count("set") == 1
    assert number_of(store.read("k")) == 5


def test_c12_a_late_read_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ring = Mute("get")
    put_in(ring, monkeypatch)
    ring.free.set()
    KeyringStore(fallback=MemoryStore()).write("k", held(1))
    ring.free.clear()
    store = KeyringStore(fallback=FileStore(tmp_path), seconds=0.1)
    assert store.read("k") is None
    store.write("k", held(2))
    late(ring)
    assert number_of(store.read("k")) == 2


def late(ring: Mute) -> None:
    """Let a mute keyring go, and wait until it has done what it was told."""
    ring.free.set()
    before = -1
    until = time.monotonic() + 10
    while before != len(ring.calls) or time.monotonic() < until - 9.8:
        before = len(ring.calls)
        time.sleep(0.05)
        assert time.monotonic() < until


SIZES = (0, 500, 2500, 10_000, 50_000)


@pytest.mark.parametrize("ring", [Windows(), Cutting(1280), Ring()], ids=["refuses", "cuts", "takes all"])
def test_c13_what_is_too_large_for_one_item_is_kept_in_several(ring: Ring, monkeypatch: pytest.MonkeyPatch) -> None:
    put_in(ring, monkeypatch)
    store = KeyringStore(fallback=MemoryStore())
    back = []
    for number, size in enumerate((*SIZES, 0), start=1):
        store.write("k", held(number, size=size))
        new_process(monkeypatch)
        back.append(number_of(KeyringStore(fallback=MemoryStore()).read("k")))
        assert all(len(text.encode("utf-16-le")) <= 2560 for text in ring.items.values())
        assert all(service == "skykey" for service, _ in ring.items)
    print(f"C13: whole again: {back} of sizes {SIZES}; {len(ring.items)} item is left of the last, small one")
    assert back == [1, 2, 3, 4, 5, 6]
    assert len(ring.items) == 1
    store.write("k", held(7, size=9000))
    store.forget("k")
    assert ring.items == {}


@pytest.mark.parametrize("most", [0, 10, 300, 1199])
def test_c13_a_keyring_that_cuts_more_is_noticed_and_not_used(
    most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ring = Cutting(most)
    put_in(ring, monkeypatch)
    store = KeyringStore(fallback=FileStore(tmp_path))
    for number, size in enumerate(SIZES, start=1):
        store.write("k", held(number, size=size))
        assert number_of(store.read("k")) == number
    new_process(monkeypatch)
    back = number_of(KeyringStore(fallback=FileStore(tmp_path)).read("k"))
    print(f"C13: cut at {most}: number {back} of 5 is read, whole; {len(ring.items)} items in the keyring")
    assert back == 5
    assert len(ring.items) == 0
    assert len(said(caplog)) == 1
    assert "does not give back what it was given" in said(caplog)[0]


def test_c13_a_part_that_is_missing_or_changed_makes_the_entry_unreadable_and_not_short(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ring = Ring()
    put_in(ring, monkeypatch)
    store = KeyringStore(fallback=MemoryStore())
    store.write("k", held(1, size=4000))
    parts = [item for item in ring.items if item[1].endswith(".1")]
    whole = ring.items[parts[0]]
    for spoiled in (None, whole[:-1], whole[:-1] + "?", whole + "x", ""):
        new_process(monkeypatch)
        caplog.clear()
        if spoiled is None:
            del ring.items[parts[0]]
        else:
            ring.items[parts[0]] = spoiled
        assert store.read("k") is None
        assert len(said(caplog)) == 1
    ring.items[parts[0]] = whole
    assert number_of(store.read("k")) == 1


REFUSED: dict[str, tuple[Callable[[], KeyringBackend], str]] = {
    "plain text": (PlaintextKeyring, "nobody has consented"),
    "plain text under another name": (Disguised, "nobody has consented"),
    "plain text in a chain": (lambda: Chain(PlaintextKeyring()), "nobody has consented"),
    "none": (fail.Keyring, "there is none"),
    "nowhere": (null.Keyring, "there is none"),
    "an empty chain": (Chain, "there is none"),
}


class AnyKeyring(NaiveKeyring):
    """Uses whatever the package offers, as it does by itself."""


@pytest.mark.parametrize("kind", ["plain text", "plain text under another name", "plain text in a chain"])
@proven(KeyringStore, AnyKeyring)
def test_c14_nothing_goes_to_plain_text_without_consent(
    make: Any, kind: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ring = REFUSED[kind][0]()
    put_in(ring, monkeypatch)
    session(make, ring, caplog, REFUSED[kind][1])


@pytest.mark.parametrize("kind", ["none", "nowhere", "an empty chain"])
def test_c14_without_any_keyring_nothing_is_kept_and_the_session_works(
    kind: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ring = REFUSED[kind][0]()
    put_in(ring, monkeypatch)
    session(KeyringStore, ring, caplog, REFUSED[kind][1])


def session(make: Any, ring: Any, caplog: pytest.LogCaptureFixture, reason: str) -> None:
    inner = ring.backends if isinstance(ring, Chain) else [ring]
    store = make(fallback=MemoryStore(), seconds=LIMIT)
    store.write("k", held(1))
    ours = number_of(store.read("k"))
    kept = sum(len(getattr(one, "items", ())) for one in inner)
    print(f"C14: {kept} items are kept, this session reads {ours}: {said(caplog)[:1]}")
    assert kept == 0, f"{kept} items are kept"
    assert ours == 1
    assert make(fallback=MemoryStore(), seconds=LIMIT).read("k") is None
    assert len(said(caplog)) == 1
    assert reason in said(caplog)[0]
    store.forget("k")
    assert store.read("k") is None


def test_c14_a_login_works_for_the_session_where_nothing_may_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    put_in(PlaintextKeyring(), monkeypatch)
    fake = Fake(keeping=Keeping.STORED)
    keeper = Keeper(fake, clock=fake.clock, store=KeyringStore(fallback=MemoryStore()), key="k")
    assert [text_of(keeper.get()) for _ in range(3)] == ["token-1"] * 3
    fake.clock.advance(3600)
    assert text_of(keeper.get()) == "token-2"


def test_c14_with_consent_plain_text_is_used_and_with_a_real_keyring_in_the_chain_that_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain = PlaintextKeyring()
    put_in(plain, monkeypatch)
    KeyringStore(consent=True, fallback=MemoryStore()).write("k", held(1))
    assert len(plain.items) == 1
    real, alternative = Ring(), PlaintextKeyring()
    put_in(Chain(alternative, real), monkeypatch)
    KeyringStore(fallback=MemoryStore()).write("k", held(1))
    assert (len(alternative.items), len(real.items)) == (0, 1)
    assert json.loads(next(iter(real.items.values())))["skykey"] == 1


def test_c14_consent_makes_no_keyring_out_of_none(monkeypatch: pytest.MonkeyPatch) -> None:
    put_in(null.Keyring(), monkeypatch)
    fallback = MemoryStore()
    KeyringStore(consent=True, fallback=fallback).write("k", held(1))
    assert number_of(fallback.read("k")) == 1


def test_a_logout_that_the_keyring_does_not_answer_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ring = Mute("delete")
    put_in(ring, monkeypatch)
    store = KeyringStore(fallback=FileStore(tmp_path), seconds=0.1)
    store.write("k", held(1))
    with store.exclusive("k", Deadline(None)), pytest.raises(Failed, match="a login may still be in it"):
        store.forget("k")
    ring.free.set()
