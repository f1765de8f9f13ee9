"""When to renew, as a table and as properties. Pure numbers: nobody sleeps."""

import math
from dataclasses import astuple

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from skykey.values.life import Life, Verdict, Windows, calm, judge

USE, LOOK, SOON, NOW, HOLD = Verdict.USE, Verdict.LOOK, Verdict.RENEW_SOON, Verdict.RENEW_NOW, Verdict.HOLD
HARSHNESS = {USE: 0, LOOK: 1, SOON: 2, NOW: 3, HOLD: 4}
NEVER = -1e6


def verdict(
    life: Life | None,
    *,
    wall: float = 0.0,
    steady: float = 0.0,
    looked: float = 0.0,
    failed: float | None = None,
    renewed: float | None = NEVER,
) -> Verdict:
    return judge(life, wall=wall, steady=steady, looked=looked, windows=Windows(), failed=failed, renewed=renewed)


def left(seconds: float) -> Life:
    """An hour's life with so much of it left at the wall-clock time 0."""
    return Life(seconds - 3600, seconds)


@pytest.mark.parametrize(
    ("life", "expected"),
    [
        (None, NOW),
        (Life(), USE),
        (left(3600), USE),
        (left(301), USE),
        (left(300), SOON),
        (left(31), SOON),
        (left(30), NOW),
        (left(0.001), NOW),
        (left(0), NOW),
        (left(-1e9), NOW),
        (Life(0, 0), NOW),
        (Life(10, 0), NOW),  # ends before it was born
        (Life(None, 301), USE),
        (Life(None, 299), SOON),
    ],
)
def test_the_time_left_decides(life: Life | None, expected: Verdict) -> None:
    assert verdict(life) is expected


@pytest.mark.parametrize(
    ("span", "at", "expected"),
    [
        (60, 29, USE),
        (60, 30, SOON),
        (60, 56, SOON),
        (60, 57, NOW),
        (2, 0.9, USE),
        (2, 1.0, SOON),
        (2, 1.91, NOW),
        (600, 299, USE),  # at ten minutes the windows are whole
        (600, 300, SOON),
        (600, 570, NOW),
        (300, 149, USE),  # as long as the early window: half of it
        (300, 150, SOON),
        (300, 285, NOW),
        (301, 1, SOON),
        (86400, 86400 - 301, USE),
        (86400, 86400 - 300, SOON),
    ],
)
def test_a7_the_windows_shrink_for_short_lives_only(span: float, at: float, expected: Verdict) -> None:
    assert verdict(Life(0, span), wall=at) is expected


@pytest.mark.parametrize(
    ("life", "since", "expected"),
    [
        (left(200), 0, USE),
        (left(200), 29.9, USE),
        (left(200), 30, SOON),
        (left(20), 0, USE),
        (left(20), 0.9, USE),
        (left(20), 1, NOW),
        (left(-5), 0.5, HOLD),
        (None, 0.5, HOLD),
        (None, 1.0, NOW),
        (left(3000), 0, USE),
    ],
)
def test_a5_a_failure_pauses_early_renewals_and_is_held_when_nothing_is_left(
    life: Life | None, since: float, expected: Verdict
) -> None:
    assert verdict(life, steady=100 + since, looked=100 + since, failed=100.0) is expected


@pytest.mark.parametrize(
    ("life", "since", "expected"),
    [
        (left(200), 1, USE),
        (left(200), 30, SOON),
        (left(20), 1, USE),  # the issuer gave one that is nearly over: it is the best there is
        (left(20), 30, NOW),
        (left(-100), 0.5, USE),  # or one that seems to be over: the clocks differ
        (left(-100), 1, NOW),
        (Life(-0.6, -0.1), 0.6, NOW),  # this one was not over when it came, half a second ago
        (None, 0.5, NOW),  # refused by a service: the best there is, is not good enough
    ],
)
def test_a8_a_renewal_that_brought_nothing_better_is_not_repeated_at_once(
    life: Life | None, since: float, expected: Verdict
) -> None:
    assert verdict(life, steady=100 + since, looked=100 + since, renewed=100.0) is expected


@pytest.mark.parametrize(
    ("look_again", "since", "expected"),
    [(1.0, 0.9, USE), (1.0, 1.0, LOOK), (None, 1e9, USE), (0.0, 0.0, LOOK)],
)
def test_d1_a_source_is_looked_at_again(look_again: float | None, since: float, expected: Verdict) -> None:
    assert verdict(Life(look_again=look_again), steady=50 + since, looked=50) is expected


def test_a_source_is_looked_at_even_while_renewals_pause() -> None:
    life = Life(-3400, 200, look_again=1.0)
    assert verdict(life, steady=105, looked=100, failed=100.0) is LOOK


def test_a_source_is_looked_at_even_while_a_failure_is_held_in_the_last_seconds() -> None:
    """The file may have been mended meanwhile."""
    life = Life(-3590, 10, look_again=1.0)
    assert verdict(life, steady=100.5, looked=99.5, failed=100.0) is LOOK
    assert verdict(life, steady=100.5, looked=100.0, failed=100.0) is USE
    assert verdict(Life(-3600, 0, look_again=1.0), steady=100.5, looked=99.5, failed=100.0) is HOLD


@pytest.mark.parametrize(
    ("pause", "life", "since", "expected"),
    [
        (0.0, left(200), 0.0, SOON),
        (0.0, left(20), 0.0, NOW),
        (0.0, left(-5), 0.9, USE),  # it was over when it came: not at each call
        (0.0, left(-5), 1.0, NOW),
        (0.5, left(-5), 0.4, USE),
        (0.5, left(-5), 0.5, NOW),
        (60.0, left(20), 59.0, USE),
        (60.0, left(-5), 1.0, NOW),
    ],
)
def test_a_pause_that_was_asked_for_is_kept_and_none_is_no_storm(
    pause: float, life: Life, since: float, expected: Verdict
) -> None:
    spacing = Windows(pause=pause)
    found = judge(life, wall=0.0, steady=100 + since, looked=100 + since, windows=spacing, failed=None, renewed=100.0)
    assert found is expected


numbers = st.integers(-10_000, 10_000).map(lambda n: n / 4)
moments = st.integers(0, 4_000).map(lambda n: n / 4)
windows = st.builds(Windows, *[st.integers(0, 2_000).map(lambda n: n / 4)] * 4)
looks = st.none() | moments


@given(
    born=st.none() | numbers,
    ends=numbers,
    more=moments,
    look=looks,
    steady=moments,
    ago=moments,
    failed_ago=looks,
    renewed_ago=looks,
    spacing=windows,
)
def test_more_time_left_never_gives_a_harsher_verdict(
    *,
    born: float | None,
    ends: float,
    more: float,
    look: float | None,
    steady: float,
    ago: float,
    failed_ago: float | None,
    renewed_ago: float | None,
    spacing: Windows,
) -> None:
    # A pause is never shorter than a hold: otherwise a dead source would be asked more often while there is time.
    spacing = Windows(spacing.early, spacing.late, max(spacing.pause, spacing.hold), spacing.hold)

    def harshness(until: float) -> int:
        life = Life(born, until, look)
        return HARSHNESS[
            judge(
                life,
                wall=0.0,
                steady=steady,
                looked=steady - ago,
                windows=spacing,
                failed=None if failed_ago is None else steady - failed_ago,
                renewed=None if renewed_ago is None else steady - renewed_ago,
            )
        ]

    assume(born is None or ends > born)
    # Where a life outgrows the early window the windows widen at a step: a documented leeway is exactly that window.
    assume(born is None or (ends - born > spacing.early) == (ends + more - born > spacing.early))
    assert harshness(ends + more) <= harshness(ends)


@given(born=numbers, span=moments, spacing=windows)
def test_fitted_windows_never_grow_and_lie_within_the_life(born: float, span: float, spacing: Windows) -> None:
    fitted = spacing.fitted(Life(born, born + span))
    assert all(new <= old for new, old in zip(astuple(fitted), astuple(spacing), strict=True))
    if span > spacing.early:
        assert fitted == spacing, "a documented leeway is exactly the early window"
    else:
        assert fitted.early <= span / 2
        assert fitted.late <= span / 20
    assert fitted.hold == spacing.hold


@given(ends=numbers, wall=numbers, born=st.none() | numbers, spacing=windows)
def test_what_is_handed_out_without_a_decision_is_still_alive_then(
    ends: float, wall: float, born: float | None, spacing: Windows
) -> None:
    life = Life(born, ends)
    quiet = calm(life, wall=wall, windows=spacing)
    assert quiet >= 0
    assert quiet == 0 or wall + quiet <= ends
    if ends - wall > spacing.fitted(life).late:
        assert wall + quiet <= ends - spacing.fitted(life).late + 1e-9


@pytest.mark.parametrize(("wall", "quiet"), [(0, 3570), (3569, 1), (3570, 30), (3599, 1), (3600, 0), (9999, 0)])
def test_calm_lasts_to_the_late_window_and_in_it_to_the_end(wall: float, quiet: float) -> None:
    assert calm(Life(0, 3600), wall=wall, windows=Windows()) == quiet


def test_what_never_ends_stays_calm() -> None:
    assert calm(Life(), wall=5.0, windows=Windows()) == math.inf
    assert Life().remaining(5.0) is None
    assert Life(ends=7.0).remaining(5.0) == 2.0
