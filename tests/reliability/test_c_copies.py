"""C18-C20: what a forked child, a pickle, a copy and a display get of a credential."""

import copy
import dataclasses
import logging
import os
import pickle
import pprint
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from skykey.descarteslabs.session import Session
from skykey.sandbox import Box
from skykey.values.deadline import Deadline
from skykey.values.url import Url
from tests.reliability.naive_credentials import Locked, NaiveStore, Unlocked
from tests.reliability.proof import (
    Documented,
    Kept,
    Login,
    Real,
    asked,
    line_of,
    proven,
    require,
    started,
)

HERE = "tests.reliability.test_c_copies"
CALLS = 10


@pytest.fixture
def login(box: Box, tmp_path: Path) -> Login:
    return Login.at(box, tmp_path)


# -- forks. They happen in a process of their own: this one has a sandbox in a thread.


def subject_of(kind: str, login: str) -> Any:
    return {"Kept": Kept, "Documented": Documented, "Locked": Locked, "Unlocked": Unlocked}[kind](Login.parsed(login))


def in_child(work: Callable[[], object], seconds: int = 2) -> tuple[int, int]:
    """Run in a forked child, which is ended if it hangs; its number, and where it writes what came out."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        # From Python 3.12 on, a fork beside other threads warns: that it works is what this is about.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        signal.alarm(seconds)
        try:
            os.write(writing, str(work()).encode())
        except BaseException:  # noqa: BLE001 - the parent sees that nothing came
            traceback.print_exc()
        finally:
            os._exit(0)
    os.close(writing)
    return child, reading


def outcome_of(child: int, reading: int) -> str:
    """What came out; empty if it was ended."""
    with open(reading, encoding="utf-8") as said:
        text = said.read()
    os.waitpid(child, 0)
    return text


def fork_in_renewal(kind: str, login: str) -> None:
    """Fork while a thread renews, and has every lock that one needs for that."""
    subject, entered = subject_of(kind, login), threading.Event()
    subject.hooked = entered.set
    tokens: list[str] = []
    thread = threading.Thread(target=lambda: tokens.append(subject.token()))
    thread.start()
    assert entered.wait(10)
    subject.hooked = dict

    def work() -> str:
        begin = time.monotonic()
        token = subject.token()
        return f"{time.monotonic() - begin} {token}"

    seconds, _, token = outcome_of(*in_child(work)).partition(" ")
    thread.join(10)
    print(seconds or "inf", token == tokens[0], flush=True)


@proven(Kept, Documented, by=Locked)
def test_c18_a_child_of_a_fork_in_the_middle_of_a_renewal_works(
    kind: Any, box: Box, login: Login, ceiling: Callable[[float], float]
) -> None:
    box.controls.iam(rotation=True)
    box.controls.latency(0.3, service="iam", path="/token")
    with started(HERE, "fork_in_renewal", kind.__name__, login) as actor:
        seconds, same = line_of(actor).split()
    stats = box.controls.iam_stats()
    require(
        "C18, renewal",
        seconds=(float(seconds), "<=", ceiling(1.0)),
        same_token=(same, "==", "True"),
        refreshes=(stats["refreshes"], "==", 1),
        revocations=(stats["revocations"], "==", 0),
    )


def fork_warm(kind: str, login: str) -> None:
    """Fork with a connection and a token at hand, into two that use them at the same time."""
    subject = subject_of(kind, login)
    subject.call("GET", "/echo")

    def work(name: str) -> str:
        begin = time.monotonic()
        wanted = [f"n={name}{number}" for number in range(CALLS)]
        good = sum(subject.call("GET", f"/echo?{query}").json()["query"] == query for query in wanted)
        return f"{time.monotonic() - begin} {good}"

    outcomes = [outcome_of(*child) for child in [in_child(lambda name=name: work(name)) for name in "ab"]]
    print(
        max(float((text or "inf").split()[0]) for text in outcomes),
        sum(int((text or "0 0").split()[1]) for text in outcomes),
    )


@proven(Kept, Documented, by=Unlocked)
def test_c18_children_of_a_fork_with_a_warm_pool_read_their_own_answers(
    kind: Any, box: Box, login: Login, ceiling: Callable[[float], float]
) -> None:
    box.controls.latency(0.02, service="echo")
    with started(HERE, "fork_warm", kind.__name__, login) as actor:
        seconds, good = line_of(actor).split()
    require(
        "C18, pool",
        own_answers=(int(good), "==", 2 * CALLS),
        seconds=(float(seconds), "<=", ceiling(1.0)),
        refreshes=(asked(box), "==", 1),
    )


def lock_of(kind: str, login: Login) -> Any:
    """What keeps others from renewing."""
    match kind:
        case "Kept":
            return login.store.exclusive(login.key, Deadline(None))
        case "Documented":
            return Documented(login).keeper._store.exclusive("", Deadline(None))
        case _:
            return NaiveStore(login.folder, patience=1.5).exclusive("k", None)


def fork_with_lock(kind: str, login: str) -> None:
    """Fork while a lock is held, into a child that does nothing but live."""
    with lock_of(kind, Login.parsed(login)):
        child, _ = in_child(lambda: time.sleep(20), seconds=20)
        print(child, flush=True)
        sys.stdin.read()


@proven(Kept, Documented, by=NaiveStore)
def test_c18_a_childs_copy_of_a_lock_does_not_outlive_its_parent(
    kind: Any, login: Login, ceiling: Callable[[float], float]
) -> None:
    with started(HERE, "fork_with_lock", kind.__name__, login) as actor:
        child = int(line_of(actor))
        actor.send_signal(signal.SIGKILL)
        actor.wait(10)
        begin = time.monotonic()
        try:
            with lock_of(kind.__name__, login):
                seconds = time.monotonic() - begin
        except AssertionError:  # the naive one's
            seconds = float("inf")
        alive = os.path.exists(f"/proc/{child}")
        os.kill(child, signal.SIGKILL)
    require("C18, lock", seconds=(seconds, "<=", ceiling(1.0)), child_alive=(alive, "==", True))


# -- pickles, copies, displays


def things(subject: Any) -> list[Any]:
    """What a program may hold of a credential, and hand on or print."""
    if not isinstance(subject, Real):
        return [subject]
    keeper = subject.keeper
    held = keeper.at_hand
    assert held is not None
    found = [keeper, keeper.provider, keeper._store, held, held.credential, held.credential.token, held.renewal]
    if isinstance(subject, Documented):
        rebound = subject.auth.keeper_for(Url(subject.login.platform))
        found += [subject.auth, rebound, Session(subject.login.platform, auth=subject.auth), subject.auth.lend()]
    return found


def warm(kind: Any, box: Box, login: Login) -> tuple[Any, list[str]]:
    """A subject that has bought two tokens, and all secrets with which one could buy more."""
    box.controls.iam(rotation=True)
    subject = kind(login)
    subject.token()
    if isinstance(subject, Real):
        held = subject.keeper.at_hand
        assert held is not None
        assert held.renewal is not None
        return subject, [login.secret, held.renewal.reveal()]
    return subject, [login.secret, subject.secret]


def pickles(thing: Any) -> Iterator[bytes]:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        try:
            yield pickle.dumps(thing, protocol)
        except (TypeError, pickle.PicklingError):
            yield b""  # refused


@proven(Kept, Documented, by=Unlocked)
def test_c19_no_pickle_and_no_copy_holds_what_renews(kind: Any, box: Box, login: Login) -> None:
    subject, secrets = warm(kind, box, login)
    made = [data for thing in things(subject) for data in pickles(thing)]
    leaks = sum(secret.encode() in data for data in made for secret in secrets)
    twins = [twin(thing) for thing in things(subject) for twin in (copy.copy, copied)]
    shown = sum(secret in display for twin in twins for display in displays(twin) for secret in secrets)
    require("C19", pickles=(len(made), ">=", 6), leaks=(leaks, "==", 0), shown=(shown, "==", 0))


def copied(thing: Any) -> Any:
    try:
        return copy.deepcopy(thing)
    except TypeError:  # a lock in it
        return None


def test_c19_who_receives_a_pickle_finds_the_login_by_itself(box: Box, login: Login) -> None:
    """What no naive code can show: it takes a receiver whose file is another one."""
    box.controls.iam(rotation=True)
    auth = Documented(login).auth
    token = auth.token
    arrived = pickle.loads(pickle.dumps(auth))
    lent = pickle.loads(pickle.dumps(auth.lend()))
    stats = box.controls.iam_stats()
    require(
        "C19, receiver",
        tokens=(len({arrived.token, lent.token, token}), "==", 1),
        lent_secret=(lent.client_secret, "==", None),
        refreshes=(stats["refreshes"], "==", 1),
        revocations=(stats["revocations"], "==", 0),
    )


def displays(thing: Any) -> Iterator[str]:
    """Each usual way to look at an object, and at what it consists of."""
    seen: set[int] = set()
    left = [thing]
    while left:
        one = left.pop()
        if id(one) in seen or isinstance(one, type) or len(seen) > 500:
            continue
        seen.add(id(one))
        yield from (repr(one), str(one), pprint.pformat(one))
        if dataclasses.is_dataclass(one) and not isinstance(one, type):
            try:
                yield repr(dataclasses.asdict(one))
            except TypeError:
                yield ""  # something in it is not copied
        parts = dict(getattr(one, "__dict__", {}))
        names = [name for kind in type(one).__mro__ for name in getattr(kind, "__slots__", ())]
        parts |= {name: getattr(one, name) for name in names if not name.startswith("__") and hasattr(one, name)}
        yield repr(parts)
        left += [part for part in parts.values() if not callable(part) and not isinstance(part, int | float | str)]


def reported(subject: Any) -> list[str]:
    """What a crash reporter makes of a renewal that fails, with the local variables of each frame."""
    try:
        subject.call("GET", "/echo")
    except Exception as problem:  # noqa: BLE001 - its frames are what is looked at
        lines = traceback.TracebackException.from_exception(problem, capture_locals=True).format()
        return [*lines, str(problem), repr(problem), repr(vars(problem))]
    raise AssertionError("it did not fail")


@proven(Kept, Documented, by=Unlocked)
def test_c20_no_display_shows_a_secret(kind: Any, box: Box, login: Login, caplog: pytest.LogCaptureFixture) -> None:
    """A core dump shows all memory; what is looked at here is what people and crash reporters print."""
    subject, secrets = warm(kind, box, login)
    secrets.append(subject.token())
    looked_at = things(subject)
    texts = [display for thing in looked_at for display in displays(thing)]
    box.controls.fail("refresh", status=400, times=100)
    box.controls.expire()
    texts += reported(subject)
    with caplog.at_level(logging.DEBUG):
        for thing in looked_at:
            logging.getLogger("a test").error("%s %r", thing, thing)
    texts += [record.getMessage() for record in caplog.records]
    leaks = sum(secret in text for text in texts for secret in secrets)
    require("C20", displays=(len(texts), ">=", 20), leaks=(leaks, "==", 0))
