"""Nights made by hand: what came of them is what a test says."""

from datetime import datetime
from typing import Any

import pyarrow as pa

from skykey.rubin.logs.asking import Found
from skykey.rubin.logs.columns import table_of
from skykey.rubin.logs.services import NARRATIVE
from skykey.rubin.night import Answered, Night, bounds
from skykey.rubin.night_telemetry import Topic
from skykey.tables.end import End
from skykey.tables.table import Table
from skykey.values.errors import SkykeyError

NIGHT = 20250620
WIND = Topic("wind [301]", "lsst.sal.ESS.airFlow", "speed", "m/s", 301)
MINUTE = 60 * 10**9


def visits(*rows: dict[str, Any], cut_by: str | None = None) -> Table:
    """Visits with the columns that a night needs; times are TAI, as text."""
    whole = {
        "visit_id": pa.int64(),
        "obs_start": pa.timestamp("us"),
        "band": pa.string(),
        "science_program": pa.string(),
        "shut_time": pa.float64(),
        "exp_time": pa.float64(),
        "altitude": pa.float64(),
        "azimuth": pa.float64(),
        "psf_sigma_median": pa.float64(),
        "pixel_scale_median": pa.float64(),
        "zero_point_median": pa.float64(),
        "dimm_seeing": pa.float64(),
    }
    columns = {name: pa.array([_read(row.get(name), kind) for row in rows], kind) for name, kind in whole.items()}
    return Table(pa.table(columns), End(complete=True, rows=len(rows), cut_by=cut_by), time_scale="tai")


def _read(value: Any, kind: pa.DataType) -> Any:
    return datetime.fromisoformat(value) if isinstance(value, str) and pa.types.is_timestamp(kind) else value


def log(*rows: dict[str, Any], truncated: bool = False) -> Table:
    """A narrative log whose dates are UTC."""
    return table_of(NARRATIVE, Found(list(rows), len(rows), truncated, "asked"), utc=True)


def samples(*values: float | None) -> Table:
    """Telemetry from three hours into the night on, a value a minute."""
    begin = bounds(NIGHT)[0] + 180 * MINUTE
    times = pa.array([begin + number * MINUTE for number in range(len(values))], pa.timestamp("ns", "UTC"))
    data = pa.table({"time": times, "value": pa.array(values, pa.float64())})
    return Table(data, End(complete=True, rows=len(values)))


def night(
    *,
    seen: Table | SkykeyError | None = None,
    told: Table | SkykeyError | None = None,
    reports: list[dict[str, Any]] | SkykeyError | None = None,
    wind: Table | SkykeyError | None = None,
) -> Night:
    """A night of which nothing is known but this; an error is a part that failed."""
    begin, end = bounds(NIGHT)
    dark = (begin + 630 * MINUTE, begin + 1290 * MINUTE)
    return Night(
        "summit",
        "lsstcam",
        NIGHT,
        begin,
        end,
        Answered("twilight", dark),
        _part("visits", visits() if seen is None else seen),
        _part("log", log() if told is None else told),
        _part("night report", [] if reports is None else reports),
        ((WIND, _part(WIND.label, samples() if wind is None else wind)),),
    )


def _part(name: str, found: Any) -> Answered[Any]:
    return Answered(name, error=found) if isinstance(found, SkykeyError) else Answered(name, found)
