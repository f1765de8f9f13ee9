"""What is drawn together, and where nothing is drawn."""

from pathlib import Path

import numpy as np
import pytest

from skykey.cli import picture
from skykey.cli.picture import Curve

START = np.datetime64("2026-03-20T23:00:00", "ns")


def curve(name: str, values: list[float], seconds: list[int] | None = None) -> Curve:
    steps = np.array(seconds if seconds is not None else range(len(values)), dtype="timedelta64[s]")
    return Curve(name, START + steps, np.array(values, dtype="float64"))


def test_no_line_crosses_a_gap() -> None:
    times, values = picture._with_gaps(curve("a", list(range(20)), [*range(10), *range(60, 70)]))
    assert len(times) == 21
    assert np.flatnonzero(np.isnan(values)).tolist() == [10]
    assert (times[1:] > times[:-1]).all()


def test_bursts_are_not_torn_apart() -> None:
    seconds = [10 * visit + detector for visit in range(20) for detector in range(3)]
    assert np.isfinite(picture._with_gaps(curve("a", [1.0] * 60, seconds))[1]).all()


def test_a_sample_between_two_gaps_is_seen() -> None:
    nan = float("nan")
    assert picture._alone(np.array([1, nan, 1, nan, 1, 1, nan, 1])).tolist() == [1, 0, 1, 0, 0, 0, 0, 1]
    assert picture._alone(np.array([])).tolist() == []


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 2.0]])
def test_few_samples_have_no_gaps(values: list[float]) -> None:
    assert len(picture._with_gaps(curve("a", values, [0, 1000][: len(values)]))[1]) == len(values)


@pytest.mark.parametrize(
    ("curves", "groups"),
    [
        ([curve("a", [0, 10]), curve("b", [2, 12])], [["a", "b"]]),
        ([curve("a", [0, 10]), curve("b", [1000, 1001])], [["a"], ["b"]]),
        ([curve("a", [0, 100]), curve("b", [0, 1]), curve("c", [90, 190])], [["a", "c"], ["b"]]),
        ([curve("a", [5, 5]), curve("b", [5, 5])], [["a", "b"]]),
        ([curve("a", [float("nan")] * 2), curve("b", [1, 2])], [["a"], ["b"]]),
    ],
)
def test_no_curve_is_pressed_flat_by_another(curves: list[Curve], groups: list[list[str]]) -> None:
    assert [[member.name for member in group] for group in picture._grouped(curves)] == groups


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_every_number_of_ranges_can_be_drawn(tmp_path: Path, ending: str, count: int) -> None:
    curves = [curve(f"field{n}", [10.0 ** (3 * n) * k for k in range(5)]) for n in range(count)]
    out = tmp_path / f"x.{ending}"
    picture.draw(curves, title="a topic", origin="efd at usdf", path=out)
    assert out.stat().st_size > 1000
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


def test_a_failed_picture_leaves_the_old_one(tmp_path: Path) -> None:
    out = tmp_path / "x.png"
    out.write_text("old")
    (tmp_path / ".x.png.part").mkdir()
    with pytest.raises(OSError, match=r"x\.png"):
        picture.draw([curve("a", [1, 2])], title="t", origin="o", path=out)
    assert out.read_text() == "old"
