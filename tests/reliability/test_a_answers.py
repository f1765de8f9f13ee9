"""A9, A10, A14-A17: what issuers say about a life, and what services say about a credential."""

import contextlib
import os
import threading
from pathlib import Path
from typing import Any

import httpx2
import pytest

from skykey.sandbox import Box
from skykey.values.errors import SkykeyError
from tests.reliability.naive_credentials import Unlocked
from tests.reliability.proof import (
    Documented,
    Kept,
    Login,
    Real,
    Times,
    asked,
    bought,
    proven,
    require,
    take,
    until,
)

DAY = 86_400.0


@pytest.fixture
def login(box: Box, tmp_path: Path) -> Login:
    return Login.at(box, tmp_path)


# -- what an issuer says about a life


def believed(subject: Any) -> float:
    """For how many seconds it takes its token to be good, from now on; infinite if for ever."""
    subject.token()
    if isinstance(subject, Real):
        held = subject.keeper.at_hand
        assert held is not None
        left = held.credential.life.remaining(subject.keeper._clock.wall())
    else:
        left = None if subject.ends is None else subject.ends - subject.clock.wall()
    return float("inf") if left is None else float(left)


@pytest.mark.parametrize("says", ["its token", "nobody"])
@proven(Kept, Documented, by=Unlocked)
def test_a9_a_life_that_the_answer_does_not_name_is_not_for_ever(kind: Any, box: Box, login: Login, says: str) -> None:
    times = Times(box)
    box.controls.iam(seconds=240, drop=["expires_in"], put={} if says == "its token" else {"access_token": "opaque"})
    seconds = believed(kind(login, times.clock))
    if says == "its token":
        require("A9, JWT", difference=(abs(seconds - 240), "<=", 2.0))
    else:
        require("A9, opaque", seconds=(seconds, "<=", 300.0), more_than=(seconds, ">", 0.0))


# What stands in the answer beside an opaque token, and for how long that is taken to be good.
ODD = {
    "a text": ("3600", 3600.0),
    "a text with blanks": (" 3600 ", 3600.0),
    "a float": (3600.0, 3600.0),
    "a fraction": (1800.5, 1800.5),
    "a float as text": ("3.6e3", 3600.0),
    "negative": (-3600, 300.0),
    "negative text": ("-1", 300.0),
    "zero": (0, 300.0),
    "a million years": (10**12, DAY),
    "a number of 400 digits": (10**400, 300.0),
    "a million years as text": ("1000000000000", DAY),
    "null": (None, 300.0),
    "true": (True, 300.0),
    "a word": ("soon", 300.0),
    "empty": ("", 300.0),
    "a list": ([3600], 300.0),
    "an object": ({"seconds": 3600}, 300.0),
    "other digits": ("\u0663\u0666\u0660\u0660", 300.0),
    "underscores": ("3_600", 300.0),
    "infinity": ("Infinity", 300.0),
    "not a number": ("NaN", 300.0),
}


@proven(Kept, Documented, by=Unlocked)
def test_a10_odd_lives_are_read_refused_or_capped(kind: Any, box: Box, login: Login) -> None:
    times = Times(box)
    crashes, wrong, longest = 0, [], 0.0
    for name, (value, wanted) in ODD.items():
        box.controls.iam(put={"access_token": f"opaque-{len(name)}", "expires_in": value})
        login.save()
        try:
            seconds = believed(kind(login, times.clock))
        except Exception:  # noqa: BLE001 - that is what is counted
            crashes += 1
            continue
        longest = max(longest, seconds)
        if abs(seconds - wanted) > 2:
            wrong.append(f"{name}: {seconds}")
    require(
        "A10",
        answers=(len(ODD), "==", 21),
        crashes=(crashes, "==", 0),
        wrong=(wrong, "==", []),
        longest=(longest, "<=", DAY),
    )


# -- what a service says about a credential


@proven(Kept, Documented, by=Unlocked)
def test_a14_a_401_for_a_token_that_was_replaced_meanwhile_costs_no_refresh(kind: Any, box: Box, login: Login) -> None:
    subject = kind(login)
    old = subject.token()
    newer = bought(box, login)
    box.controls.forget()
    box.controls.expire(old)
    box.controls.latency(0.2, service="echo")
    answers: list[Any] = []
    call = threading.Thread(target=lambda: answers.append(subject.call("GET", "/echo")))
    call.start()
    until(lambda: box.controls.requests("echo"))
    take(subject, newer)
    call.join(20)
    require(
        "A14",
        refreshes=(asked(box), "==", 0),
        requests=(len(box.controls.requests("echo")), "==", 2),
        status=(answers[0].status_code, "==", 200),
    )


CHALLENGE = 'Bearer realm="platform", error="invalid_token", error_description="The account was closed"'


@proven(Kept, Documented, by=Unlocked)
def test_a15_a_401_for_ever_is_two_requests_and_its_reason(kind: Any, box: Box, login: Login) -> None:
    subject = kind(login)
    subject.token()
    box.controls.forget()
    box.controls.fault(
        "status", service="echo", times=100, status=401, headers={"WWW-Authenticate": CHALLENGE}, body="no"
    )
    with pytest.raises((SkykeyError, httpx2.HTTPStatusError)) as caught:
        subject.call("GET", "/echo")
    box.controls.reset()
    require(
        "A15",
        requests=(len(box.controls.requests("echo")), "==", 2),
        refreshes=(asked(box), "<=", 1),
        names_the_reason=("The account was closed" in str(caught.value), "==", True),
    )


@proven(Kept, Documented, by=Unlocked)
def test_a16_a_body_that_can_be_read_once_is_not_sent_in_part(kind: Any, box: Box, login: Login) -> None:
    """There are no streamed bodies: a request holds its own whole, so that one that cannot be repeated does not exist.

    When such bodies come, the figure of this row is one request. Until then a 401, which has changed nothing, may be
    answered with the same request again, and that one must carry the same body.
    """
    subject = kind(login)
    box.controls.expire(subject.token())
    box.controls.forget()
    reading, writing = os.pipe()
    with open(reading, "rb") as once:  # not seekable
        os.write(writing, b"data" * 1000)
        os.close(writing)
        answer = subject.call("POST", "/echo", once).json()
    require(
        "A16, body",
        length=(answer["length"], "==", 4000),
        requests=(len(box.controls.requests("echo")), "==", 2),
        refreshes=(asked(box), "==", 1),
    )


@proven(Kept, Documented, by=Unlocked)
def test_a16_what_may_have_been_done_is_not_sent_again(kind: Any, box: Box, login: Login) -> None:
    """At the level of attempts: `Repeat.NEVER`, which is what a session's POST is."""
    subject = kind(login)
    subject.token()
    box.controls.forget()
    box.controls.fault("status", service="echo", times=3, status=503)
    with contextlib.suppress(SkykeyError, httpx2.HTTPStatusError):
        subject.call("POST", "/echo", b"data")
    require("A16, done", requests=(len(box.controls.requests("echo")), "==", 1), refreshes=(asked(box), "==", 0))


@proven(Kept, Documented, by=Unlocked)
def test_a17_a_missing_scope_is_named_and_not_renewed_away(kind: Any, box: Box, login: Login) -> None:
    subject = kind(login)
    subject.token()
    box.controls.forget()
    with pytest.raises((SkykeyError, httpx2.HTTPStatusError)) as caught:
        subject.call("GET", "/echo?need=catalog:write")
    require(
        "A17",
        refreshes=(asked(box), "==", 0),
        requests=(len(box.controls.requests("echo")), "==", 1),
        names_the_scope=("lacks the scope catalog:write" in str(caught.value), "==", True),
    )
