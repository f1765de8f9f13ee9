"""A3, A11: processes that share one login, of an issuer that ends it when a renewal secret comes twice."""

import hashlib
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from skykey.sandbox import Box
from skykey.testing.clock import FakeClock
from tests.reliability.naive_credentials import Saved, SavedAtExit
from tests.reliability.proof import Documented, Kept, Login, Times, line_of, proven, require, started, tell

HERE = "tests.reliability.test_a_processes"
KINDS = {kind.__name__: kind for kind in (Kept, Documented, Saved, SavedAtExit)}
LIFE = 3601.0
CROWD = 16


@pytest.fixture
def login(box: Box, tmp_path: Path) -> Login:
    box.controls.iam(rotation=True)
    return Login.at(box, tmp_path)


def token_of(subject: Any) -> str:
    """A name for the token; or for what came instead."""
    try:
        return hashlib.sha256(subject.token().encode()).hexdigest()[:16]
    except Exception as problem:  # noqa: BLE001 - counted by the test
        return f"{type(problem).__name__:.16}"


# -- actors: each makes its children from a process that has one thread and holds nothing


def crowd(kind: str, login: str, wall: str) -> None:
    """Keep processes that all want a token whenever a line comes; say what each of them got."""
    answers, answer = os.pipe()
    starts = []
    for _ in range(CROWD):
        waiting, start = os.pipe()
        if os.fork() == 0:
            clock = FakeClock(wall=float(wall), hasty=True)
            subject = KINDS[kind](Login.parsed(login), clock)
            for one in starts:
                os.close(one)
            os.close(start)
            while os.read(waiting, 1):
                os.write(answer, f"{token_of(subject):<16}".encode())
                clock.advance(LIFE)
            os._exit(0)
        os.close(waiting)
        starts.append(start)
    with open(answers, "rb") as given:
        for _ in sys.stdin:
            for start in starts:
                os.write(start, b"x")
            print(*(given.read(16).decode().strip() for _ in range(CROWD)), flush=True)


def mortals(kind: str, login: str, wall: str) -> None:
    """Whenever a line comes, make a process that gets a token and is killed at that moment; say what it got."""
    clock = FakeClock(wall=float(wall), hasty=True)
    for _ in sys.stdin:
        reading, writing = os.pipe()
        if os.fork() == 0:
            os.write(writing, token_of(KINDS[kind](Login.parsed(login), clock)).encode())
            os.kill(os.getpid(), signal.SIGKILL)
        os.close(writing)
        with open(reading, encoding="utf-8") as said:
            print(said.read(), flush=True)
        os.wait()
        clock.advance(LIFE)


def is_token(text: str) -> bool:
    return len(text) == 16 and set(text) <= set("0123456789abcdef")


# -- the rows


def shared(kind: Any, box: Box, login: Login, rounds: int) -> None:
    times = Times(box)
    wrong = done = 0
    with started(HERE, "crowd", kind.__name__, login, times.clock.wall()) as actor:
        while done < rounds and not wrong:
            tell(actor, "go")
            tokens = line_of(actor).split()
            wrong += len(tokens) != CROWD or len(set(tokens)) != 1 or not is_token(tokens[0])
            done += 1
            times.advance(LIFE)
    stats = box.controls.iam_stats()
    require(
        f"A3, {CROWD} processes",
        rounds=(done, "==", rounds),
        rounds_without_one_token_for_all=(wrong, "==", 0),
        refreshes=(stats["refreshes"], "==", rounds),
        reuses=(stats["reuses"], "==", 0),
        revocations=(stats["revocations"], "==", 0),
    )


@proven(Kept, Documented, by=Saved)
def test_a3_16_processes_renew_once_each_time_and_stay_logged_in(kind: Any, box: Box, login: Login) -> None:
    shared(kind, box, login, rounds=10)


@pytest.mark.long
@proven(Kept, Documented, by=Saved)
def test_a3_16_processes_renew_once_each_time_and_stay_logged_in_200_times(kind: Any, box: Box, login: Login) -> None:
    shared(kind, box, login, rounds=200)


def killed(kind: Any, box: Box, login: Login, rounds: int) -> None:
    times = Times(box)
    logged_in = 0
    with started(HERE, "mortals", kind.__name__, login, times.clock.wall()) as actor:
        for _ in range(rounds):
            tell(actor, "go")
            logged_in += is_token(line_of(actor))
            times.advance(LIFE)
    stats = box.controls.iam_stats()
    require(
        "A11",
        logged_in=(logged_in, "==", rounds),
        refreshes=(stats["refreshes"], "==", rounds),
        revocations=(stats["revocations"], "==", 0),
    )


@proven(Kept, Documented, by=SavedAtExit)
def test_a11_a_kill_when_the_token_is_handed_out_ends_no_login(kind: Any, box: Box, login: Login) -> None:
    killed(kind, box, login, rounds=8)


@pytest.mark.long
@proven(Kept, Documented, by=SavedAtExit)
def test_a11_a_kill_when_the_token_is_handed_out_ends_no_login_100_times(kind: Any, box: Box, login: Login) -> None:
    killed(kind, box, login, rounds=100)
