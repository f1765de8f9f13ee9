"""How long a credential is held, whatever its issuer says (rows A9, A10, B2, B5)."""

import json
import math
import os
import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skykey.credentials.claims import Claims
from skykey.credentials.lifetime import ASSUMED, LONGEST, granted_life, moment

ASKED = 1_700_000_000.0
UNUSABLE = [None, True, False, "", "soon", "3600s", "1_000", "0x10", "infinity", "nan", math.nan, math.inf, -math.inf,
            0, -1, "-5", 0.0, "0", [], [3600], {}, {"s": 1}, b"3600", pytest.param(object(), id="an object"), 10**400,
            "9" * 100,
            "\N{FULLWIDTH DIGIT THREE}600"]  # fmt: skip
USABLE = [(3600, 3600), (3600.0, 3600), ("3600", 3600), ("3600.0", 3600), (" 3600 ", 3600), ("3.6e3", 3600),
          ("+60", 60), (0.5, 0.5), (10**12, LONGEST), ("1000000000000", LONGEST), (1e300, LONGEST)]  # fmt: skip


def claims(exp: object) -> Claims:
    return Claims({}, {"exp": exp})


def seconds(expires_in: object, exp: float | None = None, offset: float = 0.0) -> float:
    said = None if exp is None else claims(ASKED + exp)
    life = granted_life(expires_in=expires_in, claims=said, asked=ASKED, offset=offset)
    assert life.born == ASKED
    assert life.ends is not None
    return life.ends - ASKED


@pytest.mark.parametrize(("said", "lives"), USABLE)
def test_a10_what_can_be_read_as_seconds_counts_and_is_capped_at_a_day(said: object, lives: float) -> None:
    assert seconds(said) == lives


@pytest.mark.parametrize("said", UNUSABLE, ids=repr)
def test_a10_what_cannot_be_read_is_as_if_nothing_were_said(said: object) -> None:
    assert seconds(said) == ASSUMED
    assert seconds(said, exp=1000.0) == 1000.0


def test_a9_without_any_word_it_lives_five_minutes_and_never_for_ever() -> None:
    assert seconds(None) == ASSUMED == 300.0


def test_the_earlier_of_two_ends_counts() -> None:
    assert seconds(3600, exp=600.0) == 600.0
    assert seconds(600, exp=3600.0) == 600.0
    assert seconds(None, exp=10 * LONGEST) == LONGEST
    assert seconds(600, exp=-5.0) == -5.0, "a token that is over is over"


def test_the_end_in_a_token_is_on_the_issuers_clock() -> None:
    assert seconds(None, exp=1000.0, offset=120.0) == 880.0
    assert seconds(None, exp=1000.0, offset=-120.0) == 1120.0
    assert seconds(600, offset=120.0) == 600.0, "a length of time needs no clock"


@pytest.mark.parametrize(("said", "lives"), [(ASKED + 60, 60.0), (f"{ASKED:.0f}", 0.0), ("2023-11-14T22:14:00Z", 40.0),
                                             ("2000-01-01", 946684800 - ASKED), ("9999-12-31T23:59:59Z", LONGEST),
                                             ("soon", ASSUMED), (True, ASSUMED), (None, ASSUMED)])  # fmt: skip
def test_an_end_that_is_named_counts_as_well_also_when_it_is_over(said: object, lives: float) -> None:
    life = granted_life(expires_in=None, expires_at=said, claims=None, asked=ASKED)
    assert life.ends == ASKED + lives
    early = granted_life(expires_in=30, expires_at=said, claims=claims(ASKED + 20), asked=ASKED)
    assert early.ends == ASKED + min(lives, 20.0)


@given(
    expires_in=st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=70) | st.lists(st.none()),
    exp=st.none() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    offset=st.floats(-1e6, 1e6),
)
def test_whatever_is_said_there_is_an_end_within_a_day(expires_in: object, exp: object, offset: float) -> None:
    life = granted_life(expires_in=expires_in, claims=claims(exp), asked=ASKED, offset=offset)
    assert life.born == ASKED
    assert life.ends is not None
    assert math.isfinite(life.ends)
    assert life.ends <= ASKED + LONGEST
    claimed = claims(exp).ends
    assert claimed is None or life.ends <= claimed - offset


@given(st.integers(1, 200_000))
def test_every_spelling_of_a_number_means_the_same(number: int) -> None:
    spelled: list[object] = [number, float(number), str(number), f" {number}.0\n", json.loads(json.dumps(number))]
    assert {seconds(spelling) for spelling in spelled} == {min(float(number), LONGEST)}


# -- points in time

AT = 1_774_044_000.0  # 2026-03-20T22:00:00Z


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-20T22:00:00Z",
        "2026-03-20T22:00:00+00:00",
        "2026-03-20T22:00:00",
        "2026-03-20 22:00:00",
        "2026-03-20t22:00:00z",
        " 2026-03-20T22:00:00Z\n",
        "2026-03-20T22:00:00.000000000Z",
        "2026-03-20T23:00:00+01:00",
        "2026-03-20T15:00:00-0700",
        "2026-03-21T03:30+05:30",
        "20260320T220000Z",
        "1774044000",
        " 1774044000.0 ",
        "1.774044e9",
        1774044000,
        1774044000.0,
    ],
)
def test_b5_every_spelling_of_a_moment_is_the_same_moment(text: object) -> None:
    assert moment(text) == AT


def test_b5_digits_beyond_microseconds_do_no_harm() -> None:
    assert moment("2026-03-20T22:00:00.123456789Z") == pytest.approx(AT + 0.123456, abs=2e-6)
    assert moment("2026-03-20T22:00:00.5Z") == AT + 0.5


GARBAGE: list[Any] = [
    None, True, False, "", " ", "never", "garbage", "tomorrow", "12:00", "2026-13-01T00:00:00Z", "2026-02-30",
    "2026-03-20T25:00:00Z", "2026-03-20T22:00:00+99:00", "20260320", "2026", "3600", "-1", -1, -0.5, math.nan, math.inf,
    "nan", "inf", 1774044000000, "1774044000000", 1e11, "2026-03-20T22:00:00Z\0",
    10**400, "9" * 5000, "0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z",
    [], {}, b"2026-03-20T22:00:00Z", pytest.param(object(), id="an object"),
    "2026-03-20T22:00:00Z" + " " * 100, "\udcff",
    "\N{FULLWIDTH DIGIT TWO}026-03-20T22:00:00Z", "2026-03-20T22:00:00\0Z",
]  # fmt: skip


@pytest.mark.parametrize("value", GARBAGE, ids=lambda value: repr(value)[:40])
def test_b5_what_is_no_moment_is_none(value: Any) -> None:
    assert moment(value) is None


@given(st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 30)), st.integers(-1439, 1439))  # noqa: DTZ001 - naive is the point
def test_b5_an_offset_moves_the_text_and_not_the_moment(naive: datetime, minutes: int) -> None:
    utc = naive.replace(tzinfo=UTC)
    expected = utc.timestamp()
    try:
        moved = utc.astimezone(timezone(timedelta(minutes=minutes)))
    except OverflowError:
        return
    for text in (naive.isoformat(), utc.isoformat(), f"{naive.isoformat()}Z", naive.isoformat(" "), moved.isoformat()):
        assert moment(text) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Pacific/Auckland", "UTC"])
@pytest.mark.parametrize("text", ["2026-03-29T02:30:00", "2026-10-25T02:30:00", "2026-03-08T02:30:00"])
def test_b5_the_zone_of_this_machine_changes_nothing(zone: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the night when clocks change, a local half past two is there twice, or not at all."""
    expected = moment(f"{text}Z")
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert moment(text) == expected
    finally:
        monkeypatch.delenv("TZ")
        time.tzset()
    assert "TZ" not in os.environ


@given(st.text(max_size=80) | st.floats() | st.integers() | st.text(alphabet="0123456789-:TZ+. ", max_size=40))
def test_b5_garbage_never_raises(value: Any) -> None:
    read = moment(value)
    assert read is None or (math.isfinite(read) and read >= 0)
