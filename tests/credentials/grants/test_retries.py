"""How long to wait before the next request: as a table and as properties."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skykey.credentials.grants.retries import Retries

seconds = st.floats(0.0, 1e6)


@given(total=st.integers(0, 100), first=seconds, longest=seconds)
def test_waits_double_up_to_the_longest_and_each_lies_in_its_upper_half(
    total: int, first: float, longest: float
) -> None:
    waits = list(Retries(total=total, first=first, longest=longest).waits())
    assert len(waits) == total
    for number, wait in enumerate(waits):
        most = min(first * 2**number, longest)
        assert most / 2 <= wait <= most


@pytest.mark.parametrize("total", [0, 1, 3])
def test_there_are_as_many_repeats_as_were_asked_for(total: int) -> None:
    assert len(list(Retries(total=total).waits())) == total


def test_clients_that_met_the_same_outage_do_not_come_back_together() -> None:
    assert len({next(Retries(first=8.0).waits()) for _ in range(50)}) > 40


def test_a_policy_can_be_asked_again_and_again() -> None:
    policy = Retries(total=2)
    assert [len(list(policy.waits())) for _ in range(3)] == [2, 2, 2]


def test_what_a_refusal_or_a_server_error_means_by_default() -> None:
    policy = Retries()
    assert policy.statuses == {429, 500, 502, 503, 504}
    assert policy.asked == {403, 413, 429, 503}
    assert (policy.total, policy.longest) == (3, 30.0)
