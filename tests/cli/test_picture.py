"""What is drawn together, and where nothing is drawn."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from skykey.cli import canvas, picture
from skykey.cli import curves as numbers
from skykey.cli.canvas import Mark, Sky, Words
from skykey.cli.curves import Curve

START = np.datetime64("2026-03-20T23:00:00", "ns")


def curve(name: str, values: list[float], seconds: list[int] | None = None) -> Curve:
    steps = np.array(seconds if seconds is not None else range(len(values)), dtype="timedelta64[s]")
    return Curve(name, START + steps, np.array(values, dtype="float64"))


def test_no_line_crosses_a_gap() -> None:
    times, values = numbers.with_gaps(curve("a", list(range(20)), [*range(10), *range(60, 70)]))
    assert len(times) == 21
    assert np.flatnonzero(np.isnan(values)).tolist() == [10]
    assert (times[1:] > times[:-1]).all()


def test_bursts_are_not_torn_apart() -> None:
    seconds = [10 * visit + detector for visit in range(20) for detector in range(3)]
    assert np.isfinite(numbers.with_gaps(curve("a", [1.0] * 60, seconds))[1]).all()


def test_a_sample_between_two_gaps_is_seen() -> None:
    nan = float("nan")
    assert numbers.alone(np.array([1, nan, 1, nan, 1, 1, nan, 1])).tolist() == [1, 0, 1, 0, 0, 0, 0, 1]
    assert numbers.alone(np.array([])).tolist() == []


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 2.0]])
def test_few_samples_have_no_gaps(values: list[float]) -> None:
    assert len(numbers.with_gaps(curve("a", values, [0, 1000][: len(values)]))[1]) == len(values)


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
    assert [[member.name for member in group] for group in numbers.grouped(curves)] == groups


def test_units_and_texts_have_panels_of_their_own() -> None:
    degrees, metres = curve("a", [1, 2]), curve("b", [1, 2])
    colours, names = curve("c", [0, 1]), curve("d", [0, 1])
    units = [replace(degrees, unit="deg"), replace(metres, unit="m"), replace(degrees, name="e", unit="deg")]
    texts = [replace(colours, texts=("red", "blue")), replace(names, texts=("Ann", "Bob"))]
    groups = numbers.grouped([*units, *texts])
    assert [[member.name for member in group] for group in groups] == [["a", "e"], ["b"], ["c"], ["d"]]


SPAN = (START, START + np.timedelta64(60, "s"))
SKY = Sky(((START, START + np.timedelta64(5, "s")),), (), (Mark(START, "sunset\n22:54", is_left=True, has_line=True),))


def drawn(path: Path, *shown: Curve, **more: Any) -> Path:
    picture.draw(shown, words=Words("a topic", "a day", "efd at usdf"), span=SPAN, path=path, **more)
    return path


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_every_number_of_ranges_can_be_drawn(tmp_path: Path, ending: str, count: int) -> None:
    curves = [curve(f"field{n}", [10.0 ** (3 * n) * k for k in range(5)]) for n in range(count)]
    out = drawn(tmp_path / f"x.{ending}", *curves, sky=SKY)
    assert out.stat().st_size > 1000
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


def texts_of(path: Path) -> str:
    """What an SVG says; matplotlib leaves each text as a comment beside its outlines."""
    return "\n".join(re.findall(r"<!-- (.*?) -->", path.read_text(), re.DOTALL))


def test_the_picture_says_what_it_shows(tmp_path: Path) -> None:
    first = Curve("wind [1]", *_values([1, 2]), field="wind", unit="m/s")
    second = Curve("band", *_values([0, 1]), texts=("r", "$i$_" + 30 * "x"))
    said = texts_of(drawn(tmp_path / "x.svg", first, second, sky=SKY))
    assert "wind [1]" in said.splitlines()
    for words in ("a topic", "a day", "efd at usdf", "wind (m/s)", "band", "r", "sunset", "22:54", "UTC"):
        assert words in said
    assert "$i$_xxx" in said  # and no mathematics
    assert {"23:00", "23:01"} < set(said.splitlines())  # the range that was asked for, to its ends


def test_many_names_leave_the_axis_to_their_unit(tmp_path: Path) -> None:
    many = [Curve(f"temperatureItem{n}", *_values([1, 2]), unit="\u00b0C") for n in range(4)]
    said = texts_of(drawn(tmp_path / "x.svg", *many)).splitlines()
    assert "\u00b0C" in said
    assert said.count("temperatureItem3") == 1  # in the legend


def _values(values: list[float]) -> tuple[Any, Any]:
    made = curve("", values)
    return made.times, made.values


@pytest.mark.parametrize(("dark", "colour"), [(False, "#ffffff"), (True, "#14171c")])
def test_a_dark_picture_is_dark_and_leaves_no_settings_behind(tmp_path: Path, colour: str, *, dark: bool) -> None:
    before = dict(mpl.rcParams)
    assert f"fill: {colour}" in drawn(tmp_path / "x.svg", curve("a", [1, 2]), dark=dark).read_text()
    assert dict(mpl.rcParams) == before


def test_millions_of_samples_can_be_drawn(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(size=1_000_000)
    times = START + np.arange(noise.size).astype("timedelta64[us]")
    assert drawn(tmp_path / "x.png", Curve("a", times, noise)).stat().st_size > 1000


def test_a_failed_picture_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(_: Figure, path: Path, **__: object) -> None:
        path.write_text("half of it")
        raise OSError("the disk is full")

    monkeypatch.setattr(Figure, "savefig", half)
    out = tmp_path / "x.png"
    out.write_text("old")
    with pytest.raises(OSError, match="the disk is full"):
        drawn(out, curve("a", [1, 2]))
    assert out.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["x.png"]


@pytest.mark.parametrize("name", ["x.html", "\N{SNOWMAN}" * 80 + ".png"])
def test_two_at_once_do_not_write_into_each_others_file(tmp_path: Path, name: str) -> None:
    out = tmp_path / name
    with canvas.whole(out) as first, canvas.whole(out) as second:
        first.write_text("first")
        second.write_text("second")
    assert out.read_text() == "first"  # which ended last
    assert [path.name for path in tmp_path.iterdir()] == [name]
