"""A night as a picture: on both grounds, with whatever there is, and nothing of it passed off as the whole."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from skykey.cli import canvas
from skykey.cli.rubin.messages import length
from skykey.cli.rubin.night import bars, document, html, picture, text
from skykey.cli.rubin.night.colours import MARKERS, ON_DARK, ON_LIGHT
from skykey.cli.themes import LIGHT
from skykey.rubin.night import Answered, Night, bounds
from skykey.rubin.night_sun import sun_height
from skykey.rubin.night_telemetry import Topic
from skykey.values.errors import Overloaded
from tests.rubin.nights import NIGHT, log, night, samples, visits
from tests.rubin.scripted_log import message

MEASURED = {"psf_sigma_median": 2.0, "pixel_scale_median": 0.2, "zero_point_median": 31.5}
PLACE = {"altitude": 60.0, "azimuth": 10.0, "shut_time": 30.0}


def full(**more: Any) -> Night:
    rows = [
        {"obs_start": f"2025-06-21T0{2 + number}:00:00", "band": band, "science_program": "$a_b$", **MEASURED, **PLACE}
        for number, band in enumerate("ugrizy")
    ]
    told = log(
        message(1, "2025-06-21T02:00:00", level=40, time_lost=600.0, time_lost_type="fault"),
        message(2, "2025-06-21T03:00:00", level=30, time_lost=60.0, time_lost_type="snow $x$"),
        message(3, "2025-06-21T04:00:00", level=10),
        message(4, None, time_lost=60.0),
    )
    return night(**{"seen": visits(*rows), "told": told, "wind": samples(*np.linspace(1, 5, 200)), **more})


def texts_of(of: Night, path: Path, **more: Any) -> str:
    """What the picture says; matplotlib leaves each text as a comment beside its outlines."""
    picture.write(of, path, **more)
    return "\n".join(re.findall(r"<!-- (.*?) -->", path.read_text(encoding="utf-8"), re.DOTALL))


def test_a_picture_says_what_it_shows(tmp_path: Path) -> None:
    said = texts_of(full(), tmp_path / "x.svg")
    for words in (
        *("LSSTCam, day_obs 20250620", "6 visits", "4 messages", "at summit", "seeing (″)", "altitude (°)"),
        *("lost: fault", "lost: snow", "error", "warning", "wind [301]", "wind\n(m/s)", "zero point\n(mag)"),
        *("sunset", "sunrise", "UTC (TAI \N{MINUS SIGN} 37 s)", "where it looked"),
    ):
        assert words in said, words
    assert "MISSING" not in said
    assert "$a_b$" in said  # and no mathematics


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
@pytest.mark.parametrize("dark", [False, True])
def test_every_kind_on_both_grounds(tmp_path: Path, ending: str, *, dark: bool) -> None:
    before = dict(mpl.rcParams)
    out = tmp_path / f"x.{ending}"
    picture.write(full(), out, dark=dark)
    assert out.stat().st_size > 1000
    assert [path.name for path in tmp_path.iterdir()] == [out.name]
    assert dict(mpl.rcParams) == before
    if ending == "svg":
        text, colours, others = out.read_text(), *((ON_DARK, ON_LIGHT) if dark else (ON_LIGHT, ON_DARK))
        assert all(colour.lower() in text for colour in colours.bands.values())
        assert others.bands["u"].lower() not in text


def test_a_picture_as_bytes_is_the_same() -> None:
    light, dark = picture.png(full()), picture.png(full(), dark=True)
    assert light.startswith(b"\x89PNG")
    assert light != dark


@pytest.mark.parametrize("part", ["seen", "told", "wind"])
def test_a_picture_names_what_is_missing(tmp_path: Path, part: str) -> None:
    said = texts_of(full(**{part: Overloaded("away")}), tmp_path / "x.svg")
    name = {"seen": "visits", "told": "log", "wind": "wind [301]"}[part]
    assert f"MISSING: {name}" in said
    if part == "seen":
        assert "0 visits" not in said
        assert "where it looked" not in said


def test_a_picture_of_nothing_says_so(tmp_path: Path) -> None:
    assert "no visits, no messages, no telemetry" in texts_of(night(), tmp_path / "x.svg")
    away = Overloaded("away")
    said = texts_of(night(seen=away, told=away, wind=away), tmp_path / "x.svg")
    assert "no visits" not in said
    assert "of what came there is nothing to draw" in said


def test_what_lies_outside_of_the_picture_is_counted(tmp_path: Path) -> None:
    by_day = visits(
        *({"obs_start": f"2025-06-2{day}T{hour}:00:00", "band": "r"} for day, hour in ((0, 15), (1, 11), (1, "04")))
    )
    assert "1 by day, not shown" in texts_of(night(seen=by_day), tmp_path / "x.svg")


def test_what_was_cut_is_not_the_night(tmp_path: Path) -> None:
    cut = visits({"obs_start": "2025-06-21T03:00:00", "band": "r"}, cut_by="the server")
    said = texts_of(night(seen=cut, told=log(message(1), truncated=True)), tmp_path / "x.svg")
    assert "1 visit (not all)" in said
    assert "1 message (not all)" in said


def test_visits_of_which_nothing_was_measured_can_be_drawn(tmp_path: Path) -> None:
    said = texts_of(night(seen=visits({}, {"band": "new", "obs_start": "2025-06-21T03:00:00"})), tmp_path / "x.svg")
    assert "seeing" not in said
    assert "new" in said


def test_the_hours_reach_from_before_sunset_until_after_sunrise() -> None:
    begin, end = bounds(NIGHT)
    first, last = picture.hours(night())
    assert begin < first < last < end
    assert (sun_height(np.array([first, last])) > 0).all()
    assert last - first < 15 * 3600 * 10**9


def test_bands_are_told_apart_by_colour_and_by_shape() -> None:
    assert len(set(MARKERS.values())) == 6
    for colours in (ON_LIGHT, ON_DARK):
        assert set(colours.bands) == set(MARKERS)
        assert len(set(colours.bands.values())) == 6
        assert len({colours.info, colours.warning, colours.error}) == 3


def test_the_column_has_what_there_is_room_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib.figure import SubFigure

    places: list[tuple[float, float]] = []
    add = SubFigure.add_axes

    def noting(self: SubFigure, place: Any, **more: Any) -> Any:
        places.append((place[1], place[1] + place[3]))
        return add(self, place, **more)

    monkeypatch.setattr(SubFigure, "add_axes", noting)
    lost = message(1, "2025-06-21T02:00:00", time_lost=600.0, time_lost_type="fault")
    many = [{"obs_start": "2025-06-21T02:00:00", "band": band, "science_program": band} for band in "ugrizyabc"]
    measured = [{"obs_start": "2025-06-21T02:00:00", "band": band, **MEASURED, **PLACE} for band in "gri"]
    for of, blocks in (
        (full(seen=visits(*measured), told=log(lost)), 5),
        (night(seen=visits(*many), told=log(lost)), 3),
    ):
        places.clear()
        said = texts_of(of, tmp_path / "x.svg")
        assert len(places) == blocks
        assert ("medians" in said, "time lost, by the log" in said) == (blocks > 3, blocks > 3)
        tops, bottoms = [top for _, top in places], [bottom for bottom, _ in places]
        assert tops[0] < 1
        assert bottoms[-1] > 0
        assert all(below < above for below, above in zip(tops[1:], bottoms, strict=False))


def test_medians_are_those_of_each_band(tmp_path: Path) -> None:
    rows = [
        {"band": band, "obs_start": "2025-06-21T02:00:00", **PLACE, **MEASURED, "zero_point_median": zero}
        for band, zero in (("g", 32.25), ("g", 32.75), ("g", 40.0), ("r", 31.25))
    ]
    said = texts_of(full(seen=visits(*rows, {"band": "i", **PLACE})), tmp_path / "x.svg").split("\n")
    unknown = "\N{EN DASH}"
    # Column by column, of g and r; of what is in i nothing was measured.
    expected = ["0.94", "0.94", "32.75", "31.25", unknown, unknown]
    assert [word for word in said if word in set(expected)] == expected


def test_a_picture_draws_each_visit_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib.axes import Axes

    drawn: list[tuple[Any, Any, str]] = []
    plot = Axes.plot

    def noting(self: Axes, *arguments: Any, **style: Any) -> Any:
        if len(arguments) == 3 and arguments[2] == "|":
            drawn.append(arguments)
        return plot(self, *arguments, **style)

    monkeypatch.setattr(Axes, "plot", noting)
    picture.write(full(told=log()), tmp_path / "x.png")
    whens = [when.tolist() for when, _, _ in drawn]
    # 37 s before what the database says: that is TAI.
    assert whens[0] == [int(np.datetime64("2025-06-21T01:59:23", "ns").astype("int64"))]
    assert [list(places) for _, places, _ in drawn] == [[float(number)] for number in range(6)]


def test_the_seeing_at_the_visits_stands_in_for_telemetry_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from matplotlib.axes import Axes

    drawn: list[tuple[list[str], list[float]]] = []
    plot = Axes.plot

    def noting(self: Axes, *arguments: Any, **style: Any) -> Any:
        if style.get("marker") == ".":
            known = np.isfinite(arguments[1])
            drawn.append((np.datetime_as_string(arguments[0][known], "s").tolist(), arguments[1][known].tolist()))
        return plot(self, *arguments, **style)

    monkeypatch.setattr(Axes, "plot", noting)
    at = "2025-06-21T0"
    seen = visits(
        {"obs_start": f"{at}3:00:00", "dimm_seeing": 1.5},
        {"obs_start": f"{at}2:00:00", "dimm_seeing": 0.5},
        {"obs_start": f"{at}4:00:00"},
        {"dimm_seeing": 9.5},
    )
    alone = night(seen=seen)
    assert "DIMM" in texts_of(alone, tmp_path / "x.svg")
    # In the order of time, and 37 s before what the database says: that is TAI.
    assert drawn == [([f"{at}1:59:23", f"{at}2:59:23"], [0.5, 1.5])]
    drawn.clear()
    dimm = Topic("DIMM seeing", "lsst.sal.DIMM.logevent_dimmMeasurement", "fwhm", "″")
    telemetry = ((dimm, Answered(dimm.label, samples(0.75))),)
    assert "DIMM seeing" in texts_of(replace(alone, telemetry=telemetry), tmp_path / "x.svg")
    assert [values for _, values in drawn] == [[0.75]]
    assert "DIMM" not in texts_of(night(seen=visits({"obs_start": f"{at}2:00:00"})), tmp_path / "x.svg")


@pytest.mark.parametrize(
    "words", ["$x_{$", "$$", r"\$a_{", "$\N{WARNING SIGN}{", "\x1b[2J\u202e", "\N{CJK UNIFIED IDEOGRAPH-65E5}" * 99]
)
def test_words_that_look_like_mathematics_are_words(tmp_path: Path, words: str) -> None:
    seen = visits({"obs_start": "2025-06-21T02:00:00", "band": words, "science_program": words, **MEASURED, **PLACE})
    told = log(message(1, "2025-06-21T02:00:00", time_lost=600.0, time_lost_type=words))
    said = texts_of(night(seen=seen, told=told), tmp_path / "x.svg")
    first = "".join(letter for letter in words if letter.isprintable())[:20]
    assert len(re.findall(rf"{re.escape(first)}", said)) >= 4


@pytest.mark.parametrize("lost", [1e12, 1e300, 1.7e308, float("inf"), float("nan"), -1e300, 5e-324])
def test_lost_time_ends_with_the_night(tmp_path: Path, lost: float) -> None:
    told = [message(n, "2025-06-21T02:00:00", time_lost=lost, time_lost_type="fault") for n in range(3)]
    of = full(told=log(*told))
    picture.write(of, tmp_path / "x.png")
    said = list(text.lines(of))
    assert any("3 messages" in line for line in said)
    assert max(map(len, said)) < 120


def test_a_length_that_nobody_can_wait_for_is_short() -> None:
    assert length(9e99) == "2.5e+96 h"
    assert length(999_999_999) == "277777 h 47 min"


@pytest.mark.parametrize("sizes", [(1.0, 3.0), (1e99, 1e98), (5e-324, 5e-324)])
def test_bars_and_their_words_have_room_whatever_their_size(sizes: tuple[float, float]) -> None:
    axis = Figure().subplots()
    bars.bars(axis, [(size, "said") for size in sizes], ["red"] * 2, LIGHT)
    widths = [bar.get_width() for bar in axis.patches]
    assert widths == [size / max(sizes) for size in sizes]
    assert [said.get_position()[0] for said in axis.texts] == widths
    assert axis.get_xlim()[1] > 2 * max(widths)


HOSTILE_WORDS = (
    st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=40) | st.sampled_from(["$x_{$", "u"])
)
HOSTILE_NUMBERS = st.none() | st.floats() | st.sampled_from([1e12, 1e300, -1e300, float("nan"), 0.0, 45.0])
HOSTILE_TIMES = st.none() | st.sampled_from(
    ["1973-01-01T00:00:00", "2025-06-21T02:00:00", "2025-06-21T02:00:00.123456", "2262-04-11T00:00:00"]
)
MEASURES = [*MEASURED, *PLACE, "exp_time"]
# UTC has no names for what is before 1972, and nanoseconds do not reach the year 9999.
HOSTILE_STARTS = HOSTILE_TIMES | st.sampled_from(["1970-01-01T00:00:00", "0001-01-01T00:00:00", "9999-12-31T00:00:00"])
HOSTILE_VISITS = st.fixed_dictionaries(
    {"obs_start": HOSTILE_STARTS, "band": HOSTILE_WORDS, "science_program": HOSTILE_WORDS}
    | dict.fromkeys(MEASURES, HOSTILE_NUMBERS)
)
HOSTILE_MESSAGES = st.fixed_dictionaries(
    {
        "begin": HOSTILE_TIMES,
        "level": st.sampled_from([-(10**9), 0, 10, 30, 35, 40, 2**31]),
        "time_lost": HOSTILE_NUMBERS.map(lambda number: 0.0 if number is None else number),
        "time_lost_type": HOSTILE_WORDS,
        "message_text": HOSTILE_WORDS.map(str),
        "user_id": HOSTILE_WORDS.map(str),
    }
)


# A drawing takes a tenth of a second, and a smaller one that fails would take minutes to find.
@settings(max_examples=25, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(
    st.lists(HOSTILE_VISITS, max_size=4), st.lists(HOSTILE_MESSAGES, max_size=4), st.lists(HOSTILE_NUMBERS, max_size=3)
)
def test_whatever_was_written_can_be_drawn(
    seen: list[dict[str, Any]], told: list[dict[str, Any]], wind: list[float | None]
) -> None:
    told = [message(number, **each) for number, each in enumerate(told)]
    of = night(seen=visits(*seen), told=log(*told), wind=samples(*wind))
    small = canvas.settings_of(LIGHT) | {"savefig.dpi": 15}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(canvas, "settings_of", lambda _: small)
        assert picture.png(of).startswith(b"\x89PNG")
    assert list(text.lines(of))
    assert html.page(of, light=b"", dark=b"")
    json.dumps(document.of_night(of), allow_nan=False)
