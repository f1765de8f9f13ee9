"""Visits with more columns: from what is there, without touching it, and with the release's numbers (contract, 6)."""

import datetime as dt
import io
import json
import logging
import math
import subprocess
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import Table
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from skykey.rubin import excluded_visits, reference_values, sky_coordinates
from skykey.rubin.augment_visits import augment_visits, exclude_visits, fetch_excluded_visits
from skykey.values.errors import NotFound, Redirected, Unreadable, UsageError
from skykey.values.url import Url
from tests.wire import fixtures
from tests.wire.server import World, reply
from tools import parts

authority, world = fixtures.authority, fixtures.world

ADDED = ["prev_obs_start_mjd", "prev_obs_end_mjd", "visit_gap"]
ADDED += ["ecliptic_lat", "ecliptic_lon", "galactic_lat", "galactic_lon"]
NEEDED = {
    "prev_obs_start_mjd": {"exp_midpt_mjd", "obs_start_mjd"},
    "prev_obs_end_mjd": {"exp_midpt_mjd", "obs_end_mjd"},
    "visit_gap": {"exp_midpt_mjd", "obs_start_mjd", "obs_end_mjd"},
    **{name: {"s_ra", "s_dec"} for name in ADDED[3:]},
}


def night(count: int = 4) -> pd.DataFrame:
    """Visits in no order, some with nulls."""
    start = [60000.2, 60000.0, 60000.1, 60000.3, 60000.25][:count]
    return pd.DataFrame(
        {
            "visit_id": [3, 1, 2, 5, 4][:count],
            "s_ra": [10.0, None, 350.0, 20.0, 0.0][:count],
            "s_dec": [-30.0, 5.0, None, 80.0, 0.0][:count],
            "obs_start_mjd": start,
            "obs_end_mjd": [mjd + 0.0003 for mjd in start],
            "exp_midpt_mjd": [mjd + 0.00015 for mjd in start],
            "science_program": ["A", None, "B", "C", None][:count],
            "target_name": [None, "x", "y", None, "z"][:count],
            "observation_reason": ["a", "b", "c", "d", "e"][:count],
            "airmass": [1, 2, 3, 4, 5][:count],
            "zero_point_median": [32.0, 31.5, None, 32.1, 31.9][:count],
        },
        index=[7, 7, 3, 9, 1][:count],
    )


# -- the sky

NEAR_THE_SUN = st.tuples(st.floats(279, 284), st.floats(-25, -21))  # as it stood at J2000, where light is bent
ANYWHERE = st.tuples(st.floats(-720, 720), st.floats(-90, 90))
CORNERS = st.sampled_from([(0.0, 90.0), (0.0, -90.0), (360.0, 0.0), (-0.0, 0.0), (-1e-15, 0.0), (270.0, 66.56)])


def apart(longitude: Any, latitude: Any, other: SkyCoord) -> float:
    """Degrees between places, also where they are much nearer than the root of the last digit."""
    first = SkyCoord(longitude, latitude, unit="deg").cartesian.xyz.value
    second = other.represent_as("unitspherical").to_cartesian().xyz.value
    return float(np.degrees(np.linalg.norm(first - second, axis=0)).max())


@given(st.lists(ANYWHERE | NEAR_THE_SUN | CORNERS, min_size=1, max_size=20))
def test_coordinates_are_astropys(places: list[tuple[float, float]]) -> None:
    seen = augment_visits(pd.DataFrame(places, columns=["s_ra", "s_dec"]))
    sky = SkyCoord(places, unit="deg")
    assert apart(seen["galactic_lon"], seen["galactic_lat"], sky.galactic) < 1e-11
    ecliptic = sky.geocentricmeanecliptic
    assert apart(seen["ecliptic_lon"], seen["ecliptic_lat"], ecliptic) < 1e-11
    for longitude in ("galactic_lon", "ecliptic_lon"):
        assert seen[longitude].between(0, 360, inclusive="left").all()


def test_a_longitude_is_below_360_however_little_it_is_below_0() -> None:
    axes = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    assert sky_coordinates._angles(axes, np.array([[1.0, -1e-20, 0.0]]))[1].tolist() == [0.0]


def test_a_rotation_alone_would_be_wrong() -> None:
    """The Earth's speed is what makes the difference, and near the Sun its mass: neither may get lost."""
    sky = SkyCoord([101.0, 282.0], [10.0, -22.9], unit="deg")
    longitude, latitude = sky.ra.deg, sky.dec.deg
    lat, lon = sky_coordinates._angles(sky_coordinates._ECLIPTIC, sky_coordinates._directions(longitude, latitude))
    assert apart(lon, lat, sky.geocentricmeanecliptic) > 1e-3
    seen = sky_coordinates._directions(longitude, latitude) + np.array(sky_coordinates._VELOCITY)
    undeflected = np.linalg.norm(seen, axis=1)[:, None]
    lat, lon = sky_coordinates._angles(sky_coordinates._ECLIPTIC, seen / undeflected)
    assert apart(lon, lat, sky.geocentricmeanecliptic) > 1e-6


@pytest.mark.parametrize(
    ("ra", "dec"),
    [(None, 1.0), (1.0, None), (math.nan, 1.0), (math.inf, 1.0), (1.0, -math.inf), (1.0, 90.001), (0, -999)],
)
def test_what_is_no_place_has_no_coordinates_and_the_others_have(ra: float | None, dec: float | None) -> None:
    seen = augment_visits(pd.DataFrame({"s_ra": [ra, 10.0], "s_dec": [dec, -30.0]}))
    assert seen[ADDED[3:]].isna().all(axis=1).tolist() == [True, False]


# -- the input


@given(
    st.permutations(list(night())).flatmap(lambda names: st.integers(0, len(names)).map(lambda n: names[:n])),
    st.integers(0, 5),
)
def test_any_columns_give_what_follows_from_them_and_the_input_stays(names: list[str], count: int) -> None:
    visits = night(count)[names]
    visits.attrs = {"query": "SELECT", "units": {"s_ra": "deg"}}
    before = visits.copy()
    seen = augment_visits(visits)
    assert_frame_equal(visits, before)
    assert visits.attrs == {"query": "SELECT", "units": {"s_ra": "deg"}}
    expected = [name for name in ADDED if set(names) >= NEEDED[name]]
    assert list(seen.columns) == names + expected
    assert seen.attrs == visits.attrs | {"augmented": expected}
    assert (seen[expected].dtypes == "float64").all()
    assert len(seen) == count
    whole = augment_visits(night(count).reset_index())
    if "exp_midpt_mjd" in names:
        assert_frame_equal(seen.reset_index()[expected], whole.reset_index(drop=True)[expected])


def test_the_copy_shares_nothing_with_the_input() -> None:
    visits, empty = night(), pd.DataFrame()
    before = visits.copy()
    seen = augment_visits(visits)
    for name in seen.columns:
        seen[name] = seen[name].iloc[0]
    seen.loc[:, "s_dec"] = 1.0
    seen.attrs["more"] = 1
    assert_frame_equal(visits, before)
    assert visits.attrs == {}
    assert augment_visits(empty) is not empty
    assert empty.attrs == {}


def test_no_rows_have_the_same_columns_and_types_as_some() -> None:
    assert augment_visits(night().iloc[:0]).dtypes.to_dict() == augment_visits(night()).dtypes.to_dict()
    nothing = augment_visits(pd.DataFrame(columns=list(night())))  # all of them object
    assert list(nothing.columns) == [*night(), *ADDED]


def test_the_log_says_what_is_left_out_and_why(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        augment_visits(night().drop(columns=["s_dec", "obs_end_mjd"]))
    assert [record.getMessage() for record in caplog.records] == [
        "visits without numbers in obs_end_mjd, s_dec get no " + ", ".join(ADDED[1:]),
        "visits get no columns of rubin_scheduler and rubin_sim",
    ]
    caplog.clear()
    with caplog.at_level(logging.DEBUG):
        augment_visits(night(), instrument="latiss", skip_rs_columns=True, cols_from="visit1_quicklook")
    assert caplog.records == []


# -- order


def test_rows_are_in_the_order_of_time_and_those_of_one_time_stay_as_they_were() -> None:
    visits = pd.DataFrame({"exp_midpt_mjd": [2.0, None, 1.0, 2.0, 1.0, None], "n": range(6)}, index=list("aabbcc"))
    seen = augment_visits(visits)
    assert seen["n"].tolist() == [2, 4, 0, 3, 1, 5]
    assert list(seen.index) == list("bcabac")


def test_many_of_one_time_stay_as_they_were() -> None:
    """Sorts of other kinds keep short columns in order too."""
    visits = pd.DataFrame({"exp_midpt_mjd": [2.0, 1.0] * 500, "n": range(1000)})
    assert augment_visits(visits)["n"].tolist() == [*range(1, 1000, 2), *range(0, 1000, 2)]


def test_each_visit_knows_the_one_before() -> None:
    seen = augment_visits(night())
    assert seen["visit_id"].tolist() == [1, 2, 3, 5]
    assert seen["prev_obs_start_mjd"].tolist() == [0.0, *seen["obs_start_mjd"][:-1]]
    assert seen["prev_obs_end_mjd"].tolist() == [0.0, *seen["obs_end_mjd"][:-1]]
    gaps = [0.0, *((seen["obs_start_mjd"].to_numpy()[1:] - seen["obs_end_mjd"].to_numpy()[:-1]) * 86400)]
    assert seen["visit_gap"].tolist() == gaps
    assert gaps[1] == pytest.approx(8614.08, abs=1e-5)


def test_a_null_time_is_unknown_to_the_next_visit_and_not_nothing() -> None:
    visits = night().reset_index(drop=True)
    visits.loc[1, "obs_end_mjd"] = None  # the first
    seen = augment_visits(visits)
    assert seen["prev_obs_end_mjd"].isna().tolist() == [False, True, False, False]
    assert seen["visit_gap"].isna().tolist() == [False, True, False, False]


def test_without_an_order_nobody_is_before_anybody() -> None:
    assert augment_visits(night().drop(columns="exp_midpt_mjd")).attrs["augmented"] == ADDED[3:]


def test_a_second_time_changes_nothing() -> None:
    once = augment_visits(night())
    assert_frame_equal(augment_visits(once), once)


# -- types

NUMBERS = ["s_ra", "s_dec", "exp_midpt_mjd", "airmass", "zero_point_median", "obs_start_mjd", "obs_end_mjd"]
STR = pd.StringDtype("pyarrow", na_value=math.nan)


@pytest.mark.parametrize("kind", ["Float64", "object", "string", STR, "category", pd.ArrowDtype(pa.float64())], ids=str)
def test_nullable_and_odd_types_give_the_same(kind: Any) -> None:
    visits = night()
    visits[NUMBERS] = visits[NUMBERS].astype(kind)
    seen, plain = augment_visits(visits), augment_visits(night())
    assert_frame_equal(
        seen.drop(columns=["obs_start_mjd", "obs_end_mjd"]), plain.drop(columns=["obs_start_mjd", "obs_end_mjd"])
    )
    assert seen["obs_start_mjd"].dtype == kind


def test_integers_with_null_are_floats_with_nan() -> None:
    visits = night().assign(
        s_ra=pd.array([10, None, 350, 20], dtype="Int64"), airmass=pd.array([1, None, 2, 3], dtype="Int16")
    )
    seen = augment_visits(visits)
    assert [str(seen[name].dtype) for name in ("s_ra", "airmass")] == ["float64", "float64"]
    assert seen["airmass"].tolist() == pytest.approx([math.nan, 2.0, 1.0, 3.0], nan_ok=True)
    assert seen["ecliptic_lat"].tolist() == pytest.approx(augment_visits(night())["ecliptic_lat"].tolist(), nan_ok=True)


TIMES = [dt.datetime(2025, 6, 20, tzinfo=dt.UTC)] * 4


@pytest.mark.parametrize("cells", [["a", "b", None, "c"], TIMES, [[1], [2], [3], [4]], [1j, 2, 3, 4]], ids=str)
def test_a_column_that_is_no_number_is_left_alone_and_nothing_comes_of_it(
    cells: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    visits = night().assign(s_ra=pd.Series(cells, index=night().index).array)
    with caplog.at_level(logging.INFO):
        seen = augment_visits(visits)
    assert seen.attrs["augmented"] == ADDED[:3]
    assert seen.sort_values("visit_id")["s_ra"].tolist()[2] == cells[0]
    assert seen["s_ra"].dtype == visits["s_ra"].dtype
    assert caplog.records[0].getMessage() == "s_ra stays as it is: not all of it is numbers"


def test_a_column_that_is_there_twice_is_nobodys() -> None:
    visits = night()
    visits.insert(0, "s_ra", 1.0, allow_duplicates=True)
    seen = augment_visits(visits)
    assert seen.attrs["augmented"] == ADDED[:3]
    assert list(seen.columns) == [*visits.columns, *ADDED[:3]]


TEXTS = {
    "object": pd.Series(["a", None, "b", math.nan], dtype=object),
    "string": pd.Series(["a", None, "b", None], dtype="string"),
    "str": pd.Series(["a", None, "b", None], dtype=STR),
    "arrow": pd.Series(["a", None, "b", None], dtype=pd.ArrowDtype(pa.string())),
    "category": pd.Series(["a", None, "b", None], dtype="category"),
}


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize("name", ["science_program", "target_name", "observation_reason"])
def test_text_has_no_null(kind: str, name: str) -> None:
    column = TEXTS[kind]
    seen = augment_visits(pd.DataFrame({name: column, "other": column}))
    assert seen[name].tolist() == ["a", "", "b", ""]
    assert seen[name].dtype == (object if kind == "category" else column.dtype)
    assert seen["other"].isna().sum() == 2


@pytest.mark.parametrize(
    "nothing", [[None, None], [math.nan, math.nan], pd.array([None, None], dtype="Int64")], ids=str
)
def test_text_that_nobody_wrote_is_text(nothing: Any) -> None:
    assert augment_visits(pd.DataFrame({"target_name": nothing}))["target_name"].tolist() == ["", ""]


# -- visits that are of no use

HEADER = (
    "# %ECSV 1.0\n# ---\n# datatype:\n# - {name: exposure, datatype: uint64}\n# - {name: comment, datatype: string}\n"
)
HEADER += "# delimiter: ','\n# schema: astropy-2.0\n"
LIST = HEADER + "exposure,comment\n2025041700761, tracking stopped\n\n2025041800615, trailed\n\n"
LISTS = "https://raw.githubusercontent.com"


def answers(world: World, body: str | bytes, **headers: str) -> None:
    world.answer = lambda seen: reply(200, body, **({"Content_Type": "text/plain; charset=utf-8"} | headers))


@pytest.mark.parametrize(
    ("instrument", "folder"),
    [(None, "LSSTCam"), ("LSSTCam", "LSSTCam"), ("lsstcomcam", "LSSTComCam"), ("LSSTComCam", "LSSTComCam")],
)
def test_each_camera_has_its_list_and_nothing_secret_is_sent(
    world: World, monkeypatch: pytest.MonkeyPatch, instrument: str | None, folder: str
) -> None:
    monkeypatch.setenv("ACCESS_TOKEN", "gt-aaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbb")
    answers(world, LIST)
    found = fetch_excluded_visits() if instrument is None else fetch_excluded_visits(instrument)
    assert found == [2025041700761, 2025041800615]
    (seen,) = world.seen
    assert (seen.origin, seen.path) == (LISTS, f"/lsst-dm/excluded_visits/refs/heads/main/{folder}/bad.ecsv")
    assert not {"authorization", "cookie"} & set(seen.headers)


@pytest.mark.parametrize("instrument", ["latiss", "comcam", "", "lsstcam "])
def test_a_camera_without_a_list_is_an_error_and_no_request(world: World, instrument: str) -> None:
    with pytest.raises(UsageError, match="lsstcam, lsstcomcam"):
        fetch_excluded_visits(instrument)
    assert world.seen == []


def test_a_list_that_a_program_names_is_read(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference_values, "BAD_VISITS_LSSTCAM", "https://lists.example/mine.ecsv")
    answers(world, LIST)
    assert len(fetch_excluded_visits()) == 2
    assert world.seen[0].origin == "https://lists.example"


def test_who_decides_over_data_is_not_another_host(world: World) -> None:
    world.answer = lambda seen: (
        reply(200, LIST) if seen.origin != LISTS else reply(302, Location="https://elsewhere.example/bad.ecsv")
    )
    with pytest.raises(Redirected):
        fetch_excluded_visits()
    assert {seen.origin for seen in world.seen} == {LISTS}


def test_no_list_is_an_error_and_not_an_empty_one(world: World) -> None:
    world.answer = lambda seen: reply(404, "404: Not Found")
    with pytest.raises(NotFound):
        fetch_excluded_visits()


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<html>log in</html>",
        LIST.removeprefix("# %ECSV 1.0\n"),
        HEADER,
        LIST.replace("exposure,", "visit,"),
        LIST.replace("2025041800615,", "2025041800615.0,"),
        LIST.replace("2025041800615,", ","),
        LIST.replace("2025041800615,", "-2025041800615,"),
        LIST.replace("2025041800615", "٢٠٢٥"),
        LIST.replace(" tracking", '"tracking'),
    ],
)
def test_what_is_no_list_is_an_error_and_not_a_shorter_one(world: World, body: str) -> None:
    answers(world, body)
    with pytest.raises(Unreadable, match=r"bad\.ecsv"):
        fetch_excluded_visits()


def test_a_list_without_rows_is_empty(world: World) -> None:
    answers(world, LIST.partition("2025")[0])
    assert fetch_excluded_visits() == []


HERE = Url("https://lists.example/bad.ecsv")


@pytest.mark.parametrize(
    "row",
    [
        "7",
        "7,",
        "7, a, b, c",
        '7,"a, b"',
        '7,say "so"',
        "7, #3",
        "  # 6, fine now\n7,",
        " 7 ,x",
        '"7",x',
        "7,é\u2028",
        "7,x\r",
    ],
)
def test_rows_that_people_typed_are_read(row: str) -> None:
    assert excluded_visits._exposures(f"{LIST}{row}\n8,x\n", HERE) == [2025041700761, 2025041800615, 7, 8]


WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\t\"',# "), max_size=12)
ROWS = st.lists(st.tuples(st.integers(0, 10**17), WORDS), max_size=8)


@given(ROWS, st.sampled_from([",", " "]), st.booleans(), st.booleans())
def test_what_astropy_writes_is_read(rows: list[tuple[int, str]], delimiter: str, swapped: bool, bom: bool) -> None:
    names = ["comment", "exposure"] if swapped else ["exposure", "comment"]
    numbers, words = [number for number, _ in rows], [word for _, word in rows]
    table = Table([np.array(numbers, dtype=np.uint64), np.array(words, dtype=str)], names=("exposure", "comment"))[
        names
    ]
    file = io.StringIO()
    table.write(file, format="ascii.ecsv", delimiter=delimiter)
    if not any(word.lstrip().startswith("#") and swapped for word in words):  # a comment then, also for astropy
        assert excluded_visits._exposures("\ufeff" * bom + file.getvalue(), HERE) == numbers


def test_exclusion_keeps_the_others_in_their_order_and_the_input_as_it_is() -> None:
    visits = night()
    before = visits.copy()
    seen = exclude_visits(visits, [3, 99, 1])
    assert seen["visit_id"].tolist() == [2, 5]
    assert list(seen.index) == [3, 9]
    seen["visit_id"] = 0
    assert_frame_equal(visits, before)
    assert len(exclude_visits(visits, [])) == 4


KINDS = ["int64", "uint64", "Int64", "float64", "Float64", "object", "string", STR, pd.ArrowDtype(pa.int64())]


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize(
    "bad", [[2025062000001], ["2025062000001"], np.array([2025062000001]), {2025062000001, 2**70}], ids=str
)
def test_a_visit_is_excluded_however_its_number_is_kept(kind: Any, bad: Any) -> None:
    visits = pd.DataFrame({"visit_id": pd.Series([2025062000001, 2025062000002]).astype(kind)})
    assert exclude_visits(visits, bad).index.tolist() == [1]


def test_a_visit_without_a_number_is_not_excluded() -> None:
    visits = pd.DataFrame({"visit_id": pd.array([1, None, 2], dtype="Int64")})
    assert exclude_visits(visits, [1]).index.tolist() == [1, 2]


@pytest.mark.parametrize("bad", ["2025062000001", ["x"], [None], [1.5], 7])
def test_a_list_that_is_none_excludes_nothing_silently(bad: Any) -> None:
    with pytest.raises(UsageError, match="list of numbers"):
        exclude_visits(night(), bad)


def test_bad_visits_do_not_slip_through_a_table_without_numbers() -> None:
    with pytest.raises(UsageError, match="visit_id"):
        exclude_visits(night().drop(columns="visit_id"), [1])
    nothing = pd.DataFrame()
    assert len(exclude_visits(nothing, [1])) == 0
    assert exclude_visits(nothing, [1]) is not nothing


# -- the release

PROGRAM = """
import io, json, sys
import pandas as pd
from astropy.utils import iers
from rubin_nights import __version__, reference_values
from rubin_nights.augment_visits import augment_visits, exclude_visits, fetch_excluded_visits

iers.conf.auto_download = False

def plain(frame):
    columns = {name: [str(frame[name].dtype), frame[name].astype(object).tolist()] for name in frame.columns}
    return {"index": frame.index.tolist(), "columns": columns}

given = json.load(open("given.json"))
written = {"version": __version__, "frames": {}}
for name, (columns, index, types) in given["frames"].items():
    frame = pd.DataFrame(columns, index=index).astype(types)
    for skip in (False, True):
        answer = plain(augment_visits(frame.copy(), skip_rs_columns=skip))
        assert written["frames"].setdefault(name, answer) is answer or skip
    written["frames"][name]["kept"] = exclude_visits(frame, given["bad"]).index.tolist()
read = pd.read_csv
pd.read_csv = lambda url, **told: asked.append(url) or read(io.StringIO(given["list"]), **told)
asked = []
written["lists"] = [[int(one) for one in fetch_excluded_visits(name)] for name in ("lsstcam", "LSSTComCam")]
written["asked"] = asked
names = [name for name in vars(reference_values) if name.isupper()]
written["constants"] = [[name, getattr(reference_values, name)] for name in names]
json.dump(written, open("answers.json", "w"))
"""


def frames() -> dict[str, tuple[dict[str, list[Any]], list[int], dict[str, str]]]:
    chance = np.random.default_rng(7)
    count = 300
    start = 60800 + np.sort(chance.uniform(0, 1, count))
    large: dict[str, list[Any]] = {
        "visit_id": list(range(1, count + 1)),
        "s_ra": [*chance.uniform(0, 360, count - 3), None, 281.3, 0.0],
        "s_dec": [*np.degrees(np.arcsin(chance.uniform(-1, 1, count - 3))), 1.0, -23.0, None],
        "obs_start_mjd": list(start),
        "obs_end_mjd": list(start + 30 / 86400),
        "exp_midpt_mjd": list(start + 15 / 86400),
        "science_program": [None, "BLOCK-365", ""] * (count // 3),
        "target_name": ["x"] * count,
    }
    order = chance.permutation(count).tolist()
    small = json.loads(night(5).reset_index(drop=True).to_json(orient="columns", double_precision=15))
    listed = {name: [column[str(row)] for row in range(5)] for name, column in small.items()}
    whole = {
        "psf_sigma": [1, 2, 3, 4, 5],
        "sky_bg_max": [1, 2, None, 4, 5],
        "pixel_scale": [0.2] * 5,
        "sky_bg_mean": [1] * 5,
    }
    nullable = dict.fromkeys(("s_ra", "s_dec", "zero_point_median", "sky_bg_max"), "Float64") | {"airmass": "Int64"}
    return {
        "a night": ({name: [column[at] for at in order] for name, column in large.items()}, order, {}),
        "few": (listed, [7, 8, 3, 9, 1], {}),  # the release makes more rows where the index has doubles
        "nullable": (listed | whole, [0, 1, 2, 3, 4], nullable | {"science_program": "string"}),
        "one": ({name: column[:1] for name, column in listed.items()}, [4], {}),
    }


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("visits")
    (folder / "program.py").write_text(PROGRAM)
    given = {"frames": frames(), "bad": [1, 4, 17], "list": LIST}
    (folder / "given.json").write_text(json.dumps(given))
    command = [str(parts.guest("rubin-nights")), "-I", "program.py"]
    done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
    found: dict[str, Any] = json.loads((folder / "answers.json").read_text())
    assert found["version"] == "0.18.2"
    return found


@pytest.mark.interop
@pytest.mark.parametrize("name", frames())
def test_the_release_adds_the_same(theirs: dict[str, Any], name: str) -> None:
    columns, index, types = frames()[name]
    frame = pd.DataFrame(columns, index=index).astype(types)
    seen, other = augment_visits(frame), theirs["frames"][name]
    assert seen.index.tolist() == other["index"]
    assert list(seen.columns) == list(other["columns"])
    for column, (kind, cells) in other["columns"].items():
        assert str(seen[column].dtype) == kind, column
        mine = seen[column].astype(object).tolist()
        if column in ADDED[3:]:
            assert mine == pytest.approx(cells, abs=1e-9, nan_ok=True), column
        else:
            assert json.dumps(mine) == json.dumps(cells), column
    assert exclude_visits(frame, [1, 4, 17]).index.tolist() == other["kept"]


@pytest.mark.interop
def test_the_release_reads_the_same_lists(theirs: dict[str, Any]) -> None:
    assert theirs["lists"] == [excluded_visits._exposures(LIST, HERE)] * 2
    assert theirs["asked"] == [reference_values.BAD_VISITS_LSSTCAM, reference_values.BAD_VISITS_LSSTCOMCAM]


@pytest.mark.interop
def test_constants_are_those_of_the_release_in_its_order(theirs: dict[str, Any]) -> None:
    mine = [[name, value] for name, value in vars(reference_values).items() if name.isupper()]
    assert json.dumps(mine) == json.dumps(theirs["constants"])
