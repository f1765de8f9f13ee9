"""Write the sandbox's generated night: `src/skykey/sandbox/data/night.parquet`.

Nothing in it was recorded. A made-up survey observes from Cerro Pachon through the night of 2026-03-20: the
mount tracks a target for a visit, slews to the next one a few degrees away, changes region about every half
hour, and waits out clouds once; sensors of the weather lose contact now and then. The seed is fixed: the same
versions of numpy and pyarrow write the same file.

    python tools/make_night.py

One wide table holds everything: database, measurement, time (ns since 1970, UTC), one column for each field
name and `tag:NAME` for each tag. Where a row has no value, the point has no such field.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

TARGET = Path(__file__).parent.parent / "src/skykey/sandbox/data/night.parquet"
LATITUDE, LONGITUDE = -30.2446, -70.7494  # Cerro Pachon, degrees
SUNSET, SUNRISE = (datetime(2026, 3, 20, 22, 53, tzinfo=UTC), datetime(2026, 3, 21, 10, 47, tzinfo=UTC))
START = int(SUNSET.timestamp())
SECONDS = int(SUNRISE.timestamp()) - START
TWILIGHT = 70 * 60  # the survey starts and ends this long after sunset and before sunrise
CLOUDS = (4.3 * 3600, 4.8 * 3600)  # seconds after sunset without visits
SILENCE = (27_300, 27_420)  # no telemetry of the mount at all
PARKED = (80.0, 0.0)  # elevation, azimuth
CABLES = 270  # the azimuth may go so far either way
SECOND = 10**9

rng = np.random.default_rng(20260320)


def horizontal(ra: float, dec: float, seconds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Elevation and azimuth in degrees, by the textbook's formula (no refraction, no nutation)."""
    days = (START + seconds) / 86400.0 - 10957.5  # since J2000
    hour_angle = np.radians((280.46062 + 360.98564737 * days + LONGITUDE - ra) % 360)
    latitude, dec = math.radians(LATITUDE), math.radians(dec)
    sine = np.sin(latitude) * np.sin(dec) + np.cos(latitude) * np.cos(dec) * np.cos(hour_angle)
    east = -np.cos(dec) * np.sin(hour_angle)
    north = np.sin(dec) * np.cos(latitude) - np.cos(dec) * np.cos(hour_angle) * np.sin(latitude)
    return np.degrees(np.arcsin(sine)), np.degrees(np.arctan2(east, north)) % 360


Visit = tuple[float, float, float, float, float]


def visits() -> list[Visit]:
    """Plan visits: start and end in seconds after sunset, right ascension, declination, turns of azimuth."""
    plan: list[Visit] = []
    now, region_ends = float(TWILIGHT), 0.0
    centre = np.zeros(2)
    at = np.array(PARKED)
    while now < SECONDS - TWILIGHT:
        if CLOUDS[0] < now < CLOUDS[1]:
            now, region_ends = CLOUDS[1], 0.0
        if now >= region_ends:
            region_ends = now + rng.uniform(1500, 2400)
            while True:  # a region that is well up, and not in the zenith, where the azimuth runs away
                centre = np.array([rng.uniform(0, 360), rng.uniform(-65, 5)])
                up, _ = horizontal(centre[0], centre[1], np.array([now, region_ends]))
                if up.min() > 42 and up.max() < 77:  # noqa: PLR2004
                    break
        ra, dec = centre + rng.normal(0, 2.5, 2)
        up, azimuth = horizontal(ra, dec, np.array(now))
        possible = [turns for turns in (-1, 0) if abs(azimuth + 360 * turns) <= CABLES]
        turns = min(possible, key=lambda turns: abs(azimuth + 360 * turns - at[1]))
        goal = np.array([up, azimuth + 360 * turns])
        slew = rng.uniform(4, 7) + max(abs(goal - at) / (3.5, 7.0))
        tracking = rng.choice([30.0, 34.0, 38.0])
        plan.append((now + slew, now + slew + tracking, ra, dec, turns))
        now, at = now + slew + tracking, goal
    return plan


def mount(plan: list[Visit]) -> np.ndarray:
    """Demand elevation and azimuth for every second: tracked in visits, eased from one to the next."""
    seconds = np.arange(SECONDS, dtype=float)
    path = np.full((2, SECONDS), np.nan)
    path[:, :TWILIGHT] = path[:, int(plan[-1][1]) + 90 :] = np.array(PARKED)[:, None]
    for begin, end, ra, dec, turns in plan:
        tracked = (seconds >= begin) & (seconds < end)
        up, azimuth = horizontal(ra, dec, seconds[tracked])
        # In one visit the azimuth may pass north.
        path[:, tracked] = up, np.degrees(np.unwrap(np.radians(azimuth))) + 360 * turns
    known = np.flatnonzero(~np.isnan(path[0]))
    for left, right in pairwise(known):
        share = (np.arange(left + 1, right) - left) / (right - left)
        share = np.clip(1 - (1 - share) * (right - left) / 60, 0, 1) if right - left > 120 else share  # noqa: PLR2004
        path[:, left + 1 : right] = path[:, [left]] + share**2 * (3 - 2 * share) * (path[:, [right]] - path[:, [left]])
    return path


def times(period: int, phase: int, rows: int) -> np.ndarray:
    """Nearly regular times, some microseconds off, never two the same."""
    jitter = rng.integers(0, 8, rows) * 1000
    return START * SECOND + phase + np.arange(rows, dtype=np.int64) * period * SECOND + jitter


def fixed(values: np.ndarray, digits: int, missing: np.ndarray | None = None) -> pa.Array:
    """Decimals: exact, and small in the file; the sandbox reads them as the nearest floats."""
    scaled = np.round(values * 10**digits).astype(np.int64)
    whole = pa.array(scaled, mask=missing).cast(pa.decimal128(19, 0))
    raw = whole.buffers()
    decimals = pa.Array.from_buffers(pa.decimal128(19, digits), len(whole), raw, whole.null_count)
    return decimals.cast(pa.decimal128(9, digits))


def axis(name: str, position: np.ndarray, phase: int) -> pa.Table:
    kept = np.ones(SECONDS, dtype=bool)
    kept[SILENCE[0] : SILENCE[1]] = False
    velocity = np.gradient(position)
    rows = int(kept.sum())
    lag = velocity * 0.02 + rng.normal(0, 2e-5, SECONDS)
    return topic(
        "efd",
        f"lsst.sal.MTMount.{name}",
        times(1, phase, SECONDS)[kept],
        actualPosition=fixed((position - lag)[kept], 5),
        demandPosition=fixed(position[kept], 5),
        actualVelocity=fixed((velocity + rng.normal(0, 2e-4, SECONDS))[kept], 4),
        demandVelocity=fixed(velocity[kept], 4),
        salIndex=pa.array(np.zeros(rows, dtype=np.int64)),
    )


def temperature(index: int, phase: int, sensors: int, sensor: str, warmer: float) -> pa.Table:
    rows = SECONDS // 10
    hours = np.arange(rows) / 360
    night = 14.2 + warmer - 4.5 * (1 - np.exp(-hours / 3.5)) + np.cumsum(rng.normal(0, 0.012, rows))
    columns = {}
    for number in range(sensors):
        lost = rng.random(rows) < 0.004  # noqa: PLR2004
        if number == sensors - 1:
            lost[(hours > 5.2) & (hours < 5.6)] = True  # noqa: PLR2004  a cable worked loose
        values = night - 0.3 * number + rng.normal(0, 0.02, rows)
        columns[f"temperatureItem{number}"] = fixed(values, 2, lost)
    return topic(
        "efd",
        "lsst.sal.ESS.temperature",
        times(10, phase, rows),
        **columns,
        numChannels=pa.array(np.full(rows, sensors)),
        salIndex=pa.array(np.full(rows, index)),
        sensorName=pa.array([sensor] * rows),
    )


def air_flow() -> pa.Table:
    rows = SECONDS // 10
    hours = np.arange(rows) / 360
    slow = np.cumsum(rng.normal(0, 0.06, rows))
    speed = np.abs(6 + 2.5 * np.sin(hours / 2.2) + 0.4 * (slow - slow.mean()) + rng.normal(0, 0.5, rows))
    lost = rng.random(rows) < 0.003  # noqa: PLR2004
    return topic(
        "efd",
        "lsst.sal.ESS.airFlow",
        times(10, 742_000_091, rows),
        direction=fixed((20 + 25 * np.sin(hours / 3) + rng.normal(0, 4, rows)) % 360, 0, lost),
        speed=fixed(speed, 1, lost),
        speedStdDev=fixed(0.2 + 0.09 * speed * rng.random(rows), 1, lost),
        salIndex=pa.array(np.full(rows, 301)),
        sensorName=pa.array(["EssWindSensorTower"] * rows),
    )


def topic(database: str, measurement: str, when: np.ndarray, **columns: pa.Array) -> pa.Table:
    names = {name.replace("tag_", "tag:"): column for name, column in columns.items()}
    rows = len(when)
    return pa.table(
        {
            "database": pa.array([database] * rows),
            "measurement": pa.array([measurement] * rows),
            "time": pa.array(when.astype(np.int64)),
            **names,
        }
    )


def prompt(plan: list[Visit]) -> pa.Table:
    """Count sources as the prompt pipeline does: three detectors a visit, told apart by tags."""
    detectors = ("22", "94", "163")
    rows = [(n, visit, detector) for n, visit in enumerate(plan) for detector in detectors]
    bands = ["riz"[n // 40 % 3] for n, *_ in rows]
    starts = np.array([start for _, (start, *_), _ in rows])
    # Never two at one time: where the tags are not asked for, 1.6.7 leaves the order of such points to chance.
    starts = np.round(starts, 3) + np.tile([0.0, 0.137, 0.291], len(plan))
    return topic(
        "lsst.prompt",
        "lsst.prompt.prod.numDiaSourcesGood",
        START * SECOND + np.round(starts * 1000).astype(np.int64) * 10**6 + 75 * SECOND,
        numDiaSourcesGood=pa.array(rng.poisson(140, len(rows)).astype(float)),
        visit=pa.array([2026032000001 + n for n, *_ in rows]),
        tag_band=pa.array(bands),
        tag_detector=pa.array([detector for *_, detector in rows]),
        tag_instrument=pa.array(["LSSTCam"] * len(rows)),
    )


def environment() -> pa.Table:
    rows = SECONDS // 900
    changed = np.arange(rows) > 21  # noqa: PLR2004  somebody deployed a new version in the night
    return topic(
        "lsst.obsenv",
        "lsst.obsenv.summary",
        START * SECOND + np.arange(rows, dtype=np.int64) * 900 * SECOND,
        obsenv_version=pa.array(np.where(changed, "v0.9.2", "v0.9.1").tolist()),
        ts_standardscripts=pa.array(np.where(changed, "v1.61.0", "v1.60.2").tolist()),
        ts_config_ocs=pa.array(["tickets/made-up"] * rows),
        branch_is_clean=pa.array((~changed).tolist()),
        commits_ahead=pa.array(np.where(changed, 2, 0)),
    )


def alerts() -> pa.Table:
    names = ["MS260320a", "MS260321b", "MS260321c", "MS260321d", "MS260321e"]
    rows = len(names)
    return topic(
        "lsst.scimma",
        "lsst.scimma.gw_alert",
        START * SECOND + np.sort(rng.integers(600, SECONDS, rows)) * SECOND + 123_456_789,
        event=pa.array(names),
        kind=pa.array(["PRELIMINARY", "INITIAL", "PRELIMINARY", "RETRACTION", "UPDATE"]),
        significant=pa.array([True, True, False, False, True]),
        far=pa.array([3.2e-10, 1.75e-08, 4.1e-06, None, 9.8e-12]),
        instruments=pa.array([3, 2, 2, 1, 3]),
    )


def main() -> None:
    plan = visits()
    elevation, azimuth = mount(plan)
    night = pa.concat_tables(
        [
            axis("elevation", elevation, 130_000_114),
            axis("azimuth", azimuth, 131_000_207),
            temperature(111, 310_000_038, 4, "OuterDome", 0.0),
            temperature(112, 5_310_000_038, 2, "InnerDome", 0.9),
            air_flow(),
            prompt(plan),
            environment(),
            alerts(),
        ],
        promote_options="default",
    )
    texts = [field.name for field in night.schema if pa.types.is_string(field.type)]
    numbers = [field.name for field in night.schema if pa.types.is_decimal(field.type) or pa.types.is_int64(field.type)]
    pq.write_table(
        night,
        TARGET,
        compression="zstd",
        compression_level=19,
        use_dictionary=texts,
        column_encoding=dict.fromkeys(numbers, "DELTA_BINARY_PACKED"),
        store_decimal_as_integer=True,
        write_statistics=False,
        row_group_size=200_000,
    )
    print(f"{TARGET}: {night.num_rows} rows, {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
