"""When a night is dark, also without astropy."""

import pytest

from skykey.rubin import night_sun
from skykey.rubin.night import bounds
from skykey.values.errors import MissingExtra
from skykey.values.scales import tai_from_utc


@pytest.mark.parametrize("day", ["2015-01-03", "2026-03-20", "2026-06-21", "2026-12-21", "2035-09-01"])
def test_without_astropy_it_is_the_same_to_ten_seconds(day: str, monkeypatch: pytest.MonkeyPatch) -> None:
    noon = tai_from_utc(bounds(day)[0])
    exact = night_sun.darkness(noon)

    def missing(*_: object) -> None:
        raise MissingExtra.of("vo", "the Sun's position")

    monkeypatch.setattr(night_sun, "set_and_rise", missing)
    short = night_sun.darkness(noon)
    assert short != exact
    assert [abs(one - other) < 10 * 10**9 for one, other in zip(short, exact, strict=True)] == [True, True]
