"""The official nights beside ours: the same days and limits, wherever the release has one answer.

``rubin-nights`` runs in an environment and a process of its own. It would download the observatory's place, and astropy
a table of the Earth's rotation; it gets our place, and astropy's own table.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from astropy.time import Time

import skykey
from skykey.rubin import dayobs_utils, efd_times, sun
from tools import parts

pytestmark = pytest.mark.interop

AT_HOME = f"""
import json, sys
import astroplan
from astropy.coordinates import EarthLocation
from astropy.utils import iers

iers.conf.auto_download = False
place = EarthLocation.from_geodetic({sun.LONGITUDE}, {sun.LATITUDE}, {sun.HEIGHT})
astroplan.Observer.at_site = classmethod(lambda kind, name, **told: kind(location=place, name=name, **told))
"""
# A call by name: function, arguments; {"t": …} stands for an astropy Time, {"index": …} for an index of telemetry.
NIGHTS = [20240229, 20241231, 20250503, 20250820, 20251221, 20260320, 20260621]
MOMENTS = [
    "2025-06-20T11:59:22",
    "2025-06-20T12:00:00",
    "2025-06-20T12:00:01",
    "2025-06-21T00:00:00",
    "2025-12-31T23:00",
]
CALLS: dict[str, list[Any]] = {
    **{f"date of {day}": ["day_obs_to_date", day] for day in (20240229, "2024-02-29", "20240229")},
    **{f"time of {day}": ["day_obs_to_time", day] for day in (20240229, "2024-02-29")},
    **{f"text of {day}": ["day_obs_int_to_str", day] for day in NIGHTS},
    **{f"number of {day}": ["day_obs_str_to_int", f"{str(day)[:4]}-{str(day)[4:6]}-{str(day)[6:]}"] for day in NIGHTS},
    **{f"day of {text} TAI": ["time_to_day_obs", {"t": text, "scale": "tai"}] for text in MOMENTS},
    **{f"its number, {text} TAI": ["time_to_day_obs_int", {"t": text, "scale": "tai"}] for text in MOMENTS},
    **{f"day of MJD {mjd}": ["mjd_to_dayobs", mjd] for mjd in (60798.5, 60798.49999, 60000.0, 61000.75)},
    "days of MJD": ["mjd_to_dayobs_array", [[60798.5, 60798.49999], [60000.0, 61000.75]]],
    **{
        f"list from {start} to {end}": ["day_obs_list", {"t": start, "scale": "tai"}, {"t": end, "scale": "tai"}]
        for start, end in [
            ("2025-05-01T12:00", "2025-05-04T12:00"),
            ("2025-05-01T20:00", "2025-05-03T14:00"),
            ("2025-05-01T20:00", "2025-05-03T21:00"),
            ("2025-05-01T11:00", "2025-05-01T11:00"),
        ]
    },
    **{
        f"night of {day} at {height}": ["day_obs_sunset_sunrise", day, height]
        for day in NIGHTS
        for height in (-18, -12, 0)
    },
    "nights": ["day_obs_sunset_sunrise_df", 20241225, 20250115],
    **{
        f"visits of {day} at {share}": ["estimated_baseline_visit_range", day, share]
        for day in NIGHTS
        for share in (1.0, 0.5, 0.87, 1.2)
    },
    "days of an index": ["day_obs_from_efd_index_array", {"index": ["2025-06-20T11:59:22", "2025-06-20T11:59:23"]}],
    "no days": ["day_obs_from_efd_index_array", {"index": []}],
    "datetime": ["convert_time_to_tz_datetime", {"t": "2025-06-20T12:00:00.123456", "scale": "utc"}],
}
PLAIN = """
import pandas as pd
from astropy.time import Time

def given(argument):
    if isinstance(argument, dict) and "t" in argument:
        return Time(argument["t"], scale=argument["scale"])
    return pd.DatetimeIndex(argument["index"], tz="UTC") if isinstance(argument, dict) else argument

def plain(answer):
    if isinstance(answer, Time):
        days = (answer.jd1 - 2400000.5) + answer.jd2
        return [float(days), answer.scale, answer.format]
    if isinstance(answer, pd.DataFrame):
        cells = {name: answer[name].astype("datetime64[ns]").astype("int64") if "set" in name or "rise" in name
                 else answer[name] for name in answer.columns}
        return {name: column.tolist() for name, column in cells.items()}
    if isinstance(answer, tuple):
        return [plain(one) for one in answer]
    if hasattr(answer, "tolist"):
        return [str(answer.dtype), answer.tolist()]
    return answer.isoformat() if hasattr(answer, "isoformat") else answer
"""
PROGRAM = (
    AT_HOME
    + PLAIN
    + """
from rubin_nights import __version__, dayobs_utils, influx_query

written = {"version": __version__}
for name, (function, *arguments) in json.load(open(sys.argv[1])).items():
    module = dayobs_utils if hasattr(dayobs_utils, function) else influx_query
    written[name] = plain(getattr(module, function)(*map(given, arguments)))
json.dump(written, open(sys.argv[2], "w"))
"""
)
# Ours, in the guest's environment, which has astroplan.
OBSERVER = """
import json, sys
sys.path.insert(0, sys.argv[1])
import astroplan
from astropy.utils import iers
from skykey.rubin.dayobs_utils import day_obs_sunset_sunrise, day_obs_to_time, rubin_observer

iers.conf.auto_download = False
observer = rubin_observer()
assert isinstance(observer, astroplan.Observer) and observer is rubin_observer()
noon = day_obs_to_time(20250503)
theirs = observer.sun_set_time(noon, which="next", horizon=-12 * observer.location.lon.unit)
print(json.dumps([observer.name, abs((theirs - day_obs_sunset_sunrise(20250503)[0]).to_value("s"))]))
"""


def run(program: str, folder: Path, *arguments: str) -> str:
    (folder / "program.py").write_text(program)
    command = [str(parts.guest("rubin-nights")), "-I", "program.py", *arguments]
    done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("nights")
    (folder / "calls.json").write_text(json.dumps(CALLS))
    run(PROGRAM, folder, "calls.json", "answers.json")
    found: dict[str, Any] = json.loads((folder / "answers.json").read_text())
    assert found["version"] == "0.18.2"
    return found


def ours(name: str) -> Any:
    names: dict[str, Any] = {"__name__": "plain"}
    exec(PLAIN, names)
    function, *arguments = CALLS[name]
    module = dayobs_utils if hasattr(dayobs_utils, function) else efd_times
    return names["plain"](getattr(module, function)(*map(names["given"], arguments)))


@pytest.mark.parametrize("name", [name for name in CALLS if not name.startswith("night")])
def test_the_official_module_gives_the_same(theirs: dict[str, Any], name: str) -> None:
    assert json.loads(json.dumps(ours(name))) == theirs[name]


@pytest.mark.parametrize("name", [name for name in CALLS if name.startswith("night of")])
def test_nights_begin_and_end_with_the_official_ones(theirs: dict[str, Any], name: str) -> None:
    for (mine, *kind), (other, *other_kind) in zip(ours(name), theirs[name], strict=True):
        assert mine == pytest.approx(other, rel=0, abs=1e-6)
        assert kind == other_kind


def test_a_table_of_nights_has_the_official_columns(theirs: dict[str, Any]) -> None:
    mine, other = ours("nights"), theirs["nights"]
    assert list(mine) == list(other)
    assert mine["day_obs"] == other["day_obs"]
    for limit in ("sunset12", "sunrise12"):
        assert mine[limit] == pytest.approx(other[limit], rel=0, abs=0.05 * 10**9)
    assert mine["night_hours"] == pytest.approx(other["night_hours"], abs=2e-5)


def test_the_observer_is_astroplans(tmp_path: Path) -> None:
    (folder,) = skykey.__path__
    name, seconds = json.loads(run(OBSERVER, tmp_path, str(Path(folder).parent)))
    assert name == "Rubin"
    assert seconds < 0.05


def test_what_the_release_gets_wrong_is_another_day_here() -> None:
    """Its answer for UTC input is the day before; on TAI it agrees with us, as above."""
    when = Time("2025-06-20T11:59:30", scale="utc")
    assert dayobs_utils.time_to_day_obs(when) == dayobs_utils.time_to_day_obs(when.tai) == "2025-06-20"
    assert efd_times.day_obs_from_efd_index_array(pd.DatetimeIndex([when.isot], tz="UTC")).tolist() == [20250620]
