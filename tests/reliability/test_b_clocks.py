"""B1, B3, B4: this machine's clock is wrong, is set back, or somebody lies about the time."""

import re
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path
from typing import Any

import httpx2
import pytest

from skykey.sandbox import Box
from skykey.values.errors import SkykeyError
from tests.reliability.naive_credentials import Saved, Skewed, Unlocked
from tests.reliability.proof import Documented, Kept, Login, Times, asked, proven, require, said, settled
from tests.wire.server import as_json, serving


@pytest.fixture
def login(box: Box, tmp_path: Path) -> Login:
    return Login.at(box, tmp_path)


def measured(text: str) -> float:
    """The issuer's clock minus this machine's, as a message says it; infinite if it does not."""
    found = re.search(r"this machine's clock is (\d+) s (behind|ahead of) the issuer's", text)
    return float("inf") if found is None else float(found[1]) * (1 if found[2] == "behind" else -1)


@pytest.mark.parametrize("offset", [600, -600])
@proven(Kept, Documented, by=Saved)
def test_b1_a_clock_that_is_ten_minutes_off_is_measured_once_and_harms_nothing(
    kind: Any, box: Box, login: Login, offset: float, caplog: pytest.LogCaptureFixture
) -> None:
    times, lives, refused = Times(box, drift=-offset), 3, 0
    box.controls.iam(seconds=300)
    subject = kind(login, times.clock)
    for _ in range(lives * 15):
        subject.call("GET", "/echo")
        settled(subject)
        times.advance(20)
    refused = sum(seen.status != 200 for seen in box.controls.requests("echo"))
    refreshes = asked(box) / lives
    warnings = [measured(text) for text in said(caplog, "clock")]
    box.controls.fail("refresh", status=400)
    times.advance(3600)
    with pytest.raises((SkykeyError, httpx2.HTTPStatusError)) as caught:
        subject.token()
    require(
        f"B1, {offset:+} s",
        refused=(refused, "==", 0),
        refreshes_a_life=(refreshes, "<=", 2.0),
        warnings=(len(warnings), "==", 1),
        off_by=(max((abs(warning - offset) for warning in warnings), default=float("inf")), "<=", 2.0),
        error_off_by=(abs(measured(str(caught.value)) - offset), "<=", 2.0),
    )


@proven(Kept, Documented, by=Unlocked)
def test_b3_a_clock_that_is_set_back_makes_no_token_eternal_and_no_storm(kind: Any, box: Box, login: Login) -> None:
    times, step = Times(box), 150
    subject = kind(login, times.clock)

    def worked(seconds: int) -> None:
        for _ in range(seconds // step):
            subject.call("GET", "/echo")
            settled(subject)
            times.advance(step)

    worked(1800)
    times.clock.jump(-3600)
    worked(2 * 3600)
    # A token of 3600 s is renewed five minutes before its end: at 3300 and 6600 s of the 9000.
    require(
        "B3",
        refused=(sum(seen.status != 200 for seen in box.controls.requests("echo")), "==", 0),
        extra_refreshes=(asked(box) - 3, "<=", 1),
    )


@proven(Kept, Documented, by=Skewed)
def test_b4_the_date_of_somebody_elses_answer_is_not_believed(
    kind: Any, box: Box, login: Login, caplog: pytest.LogCaptureFixture
) -> None:
    times = Times(box)
    lies = [86_400.0, -86_400.0, 3600.0, 30 * 86_400.0]
    dates = iter([formatdate(times.clock.wall() + lie, usegmt=True) for lie in lies * 5])
    with serving(lambda _: as_json("{}", Date=next(dates))) as server:
        subject = kind(replace(login, platform=server.url), times.clock)
        for _ in range(len(lies) * 5):
            subject.call("GET", "/")
            settled(subject)
            times.advance(1)
        requests = len(server.seen)
    require(
        "B4",
        forged=(requests, "==", 20),
        refreshes=(asked(box), "==", 1),
        warnings=(len(said(caplog, "clock")), "==", 0),
    )
