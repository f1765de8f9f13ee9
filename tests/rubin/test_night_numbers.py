"""What a night comes to: nothing counted twice, nothing left out, and what is not known is not zero."""

import math

import pytest

from skykey.rubin import night_numbers as numbers
from tests.rubin.nights import log, night, visits
from tests.rubin.scripted_log import message

SEVERAL = visits(
    {"band": "z", "science_program": "B", "shut_time": 30.0, "exp_time": 29.0},
    {"band": "g", "science_program": "A", "shut_time": None, "exp_time": 10.0},
    {"band": "u", "science_program": "A", "exp_time": 0.0},
    {"band": "new", "science_program": "A", "shut_time": 1.0},
    {"band": None, "science_program": "", "shut_time": float("nan"), "exp_time": None},
    {"band": "z", "science_program": None, "shut_time": 5.0},
)


def test_bands_come_by_wavelength_and_those_without_last() -> None:
    found = numbers.by_band(SEVERAL)
    assert list(found) == ["u", "g", "z", "new", None]
    assert {band: count.visits for band, count in found.items()} == {"u": 1, "g": 1, "z": 2, "new": 1, None: 1}
    assert found["z"].shutter == 35.0


def test_programmes_come_by_size_and_an_empty_one_is_none() -> None:
    found = numbers.by_programme(SEVERAL)
    assert [(name, count.visits) for name, count in found.items()] == [("A", 3), (None, 2), ("B", 1)]


def test_the_exposure_time_stands_in_where_the_shutter_was_not_measured() -> None:
    assert numbers.shutter(SEVERAL) == 30 + 10 + 1 + 5
    assert numbers.shutter(visits()) == 0


def test_time_that_was_lost_is_added_by_type() -> None:
    lost = numbers.time_lost(
        log(
            message(1, time_lost=90.0, time_lost_type="fault"),
            message(2, time_lost="PT30M", time_lost_type="fault"),
            message(3, time_lost=5.5),
            message(4, time_lost=0.0, time_lost_type="weather"),
            message(5, time_lost=None),
        )
    )
    assert lost == {"fault": 1890.0, "of no type": 5.5}


def test_medians_are_of_what_was_measured() -> None:
    found = numbers.quality(
        visits(
            {"psf_sigma_median": 2.0, "pixel_scale_median": 0.2, "zero_point_median": float("nan")},
            {"psf_sigma_median": 2.0, "pixel_scale_median": None},
        )
    )
    assert [(each.label, each.visits) for each in found] == [("seeing", 1)]
    assert found[0].middle == pytest.approx(0.4 * 2.354820045)
    assert numbers.quality(visits()) == []


def test_a_column_that_is_not_there_is_not_known() -> None:
    assert numbers.numbers(SEVERAL, "dimm_seeing") == [None] * 6


def test_the_share_of_no_darkness_is_not_known() -> None:
    assert numbers.share(3600, numbers.dark_hours(night())) == pytest.approx(1 / 11)
    assert numbers.share(3600, None) is None
    assert not math.isnan(numbers.share(0, 11) or 0)
