"""Ids of events do not go to superevents, nor the other way round."""

import pytest

from skykey.gracedb.ids import is_event


@pytest.mark.parametrize(
    "name", ["G1234", "E0001", "H1", "M12", "T99", "C1234", "g123", "ba7816bf-8f01-cfea-4141-40de5dae2223", "G1,x"]
)
def test_events(name: str) -> None:
    assert is_event(name)
    assert is_event(name.upper())


@pytest.mark.parametrize("name", ["S190425z", "MS190101a", "TS190101a", "GW150914", "TGW1", "", "1G", "G", "x-y", "s1"])
def test_superevents(name: str) -> None:
    assert not is_event(name)
