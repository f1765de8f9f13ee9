"""Points in time in headers: read as the standard has them, and nothing else raises."""

import time
from collections.abc import Iterator
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skykey.testing.clock import FakeClock
from skykey.values.url import Url
from skykey.wire.request import Head
from skykey.wire.times import date, retry_after, seconds_until

NOW = 1_774_040_400.0
HERE = Url("https://site.example/")
UNREADABLE = ("", " ", "yesterday", "-", ",", "Fri", "Fri, 20 Mar", "99 Foo 9999 99:99:99 GMT", "\x00", "٣", "0x10")


def head(**headers: str) -> Head:
    return Head(200, {name.replace("_", "-"): value for name, value in headers.items()}, HERE)


@pytest.mark.parametrize(
    "text",
    [
        "Fri, 20 Mar 2026 21:00:00 GMT",
        "Fri, 20 Mar 2026 22:00:00 +0100",
        "Fri, 20 Mar 2026 21:00:00 -0000",
        "20 Mar 2026 21:00:00 GMT",
        "Friday, 20-Mar-26 21:00:00 GMT",
        "Fri Mar 20 21:00:00 2026",
    ],
)
@pytest.mark.parametrize("_zone", ["UTC", "America/Santiago", "Pacific/Kiritimati"], indirect=True)
@pytest.mark.usefixtures("_zone")
def test_a_date_is_utc_whatever_the_zone_of_this_machine(text: str) -> None:
    assert date(head(date=text)) == NOW


@pytest.fixture
def _zone(request: pytest.FixtureRequest) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", request.param)
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize("text", UNREADABLE)
def test_what_is_no_date_is_none(text: str) -> None:
    assert date(head(date=text)) is None
    assert retry_after(head(retry_after=text, date=formatdate(NOW, usegmt=True))) is None


def test_no_header_is_none() -> None:
    assert date(head()) is None
    assert retry_after(head()) is None
    assert retry_after(head(date=formatdate(NOW, usegmt=True))) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        (" 7 ", 7.0),
        ("007", 7.0),
        ("9" * 12, 999_999_999_999.0),
        ("9" * 400, 999_999_999_999.0),
    ],
)
def test_seconds_to_wait_are_digits(text: str, seconds: float) -> None:
    assert retry_after(head(retry_after=text)) == seconds


@pytest.mark.parametrize("text", ["-1", "+1", "1.5", "1e3", "1_0", "٣", "²", "1 s", "infinity", "nan"])
def test_what_is_not_digits_is_no_wait(text: str) -> None:
    assert retry_after(head(retry_after=text, date=formatdate(NOW, usegmt=True))) is None


def test_a_date_to_wait_for_is_counted_from_the_servers_own_date() -> None:
    later = formatdate(NOW + 30, usegmt=True)
    assert retry_after(head(retry_after=later, date=formatdate(NOW, usegmt=True))) == 30.0
    assert retry_after(head(retry_after=later, date=formatdate(NOW + 100, usegmt=True))) == 0.0


def test_without_a_date_of_the_server_a_date_to_wait_for_is_counted_from_our_clock() -> None:
    later = head(retry_after=formatdate(NOW + 30, usegmt=True))
    assert retry_after(later, FakeClock(wall=NOW)) == 30.0
    for wrong in (30, 31, 86_400):
        assert retry_after(later, FakeClock(wall=NOW + wrong)) is None, "a wrong clock is no leave to ask at once"
    soon = head(retry_after=formatdate(time.time() + 3600, usegmt=True))
    assert 3590 < (retry_after(soon) or 0) <= 3600


def test_a_moment_is_counted_like_a_date() -> None:
    clock = FakeClock(wall=NOW + 9)
    assert seconds_until(NOW + 30, head(date=formatdate(NOW, usegmt=True)), clock) == 30.0
    assert seconds_until(NOW - 30, head(date=formatdate(NOW, usegmt=True)), clock) == 0.0
    assert seconds_until(NOW + 30, head(), clock) == 21.0
    assert seconds_until(NOW, head(), clock) is None


@given(st.text(max_size=60) | st.text("0123456789:+-, GMTFriMa", max_size=40), st.text(max_size=40))
def test_no_header_raises(one: str, other: str) -> None:
    found = date(head(date=one))
    assert found is None or isinstance(found, float)
    wait = retry_after(head(retry_after=one, date=other))
    assert wait is None or wait >= 0


@given(st.integers(0, 10**10))
def test_each_second_that_a_server_names_is_read_as_that_second(seconds: int) -> None:
    assert date(head(date=formatdate(seconds, usegmt=True))) == seconds


@given(now=st.integers(0, 10**10), wait=st.integers(-(10**6), 10**6))
def test_a_date_and_seconds_mean_the_same_wait(now: int, wait: int) -> None:
    said = head(retry_after=formatdate(max(0, now + wait), usegmt=True), date=formatdate(now, usegmt=True))
    assert retry_after(said) == max(0, wait, -now)
