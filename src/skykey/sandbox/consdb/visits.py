# ruff: noqa: S608 - every part of these statements stands in this package
"""A made-up year of observing, the same at every start: 2025-11-01 to 2026-10-31, mostly LSSTCam.

Nothing in it was recorded. Some nights have hundreds of visits, most a few, some none. The night of `NIGHT` is the full
one: detectors, transformed telemetry, visits as long as the bundled telemetry has the mount at work, near to where that
looks, and others at the very edges of its day, which lasts from noon to noon, TAI.
"""

from __future__ import annotations

import math
from datetime import date, timedelta
from typing import TYPE_CHECKING

from skykey.sandbox.consdb.schema import tables

if TYPE_CHECKING:
    from collections.abc import Mapping

    import duckdb

NIGHT = 20260320
#: (day, number) -> start. Noon is a day's first moment; within 37 s of it TAI and UTC do not agree on the day.
EDGES = {
    (20260319, 18): "2026-03-20 11:59:30",
    (NIGHT, 1): "2026-03-20 12:00:00",
    (NIGHT, 2): "2026-03-20 12:00:36.5",
    (NIGHT, 400): "2026-03-21 11:59:59.999999",
    (20260321, 1): "2026-03-21 12:00:00",
}
#: of the full night, the last visit before time was lost -> for how many seconds; the narrative log says to what
LOST = {165: 6600, 254: 2400}
#: where a night's fields are: (seconds from `_DUSK` on, hour angle then, declination); the bundled mount's regions
_FIELDS = (
    *((0, -37.3, -37.5), (1936, -6.0, -53.0), (3569, -47.6, -52.0), (5229, -43.0, -7.9), (7717, -30.1, 2.1)),
    *((8995, 9.1, -18.8), (10762, 31.5, -32.1), (13065, 21.3, -29.4), (14780, 27.0, -17.9), (16697, 34.8, -44.6)),
    *((18595, 29.9, -55.4), (20475, -6.6, 3.3), (22352, -40.4, -5.7), (24384, 12.8, -44.7), (26573, 39.6, -50.6)),
    *((28832, 27.9, -14.6), (30499, -38.9, -13.0), (32836, 42.9, -42.3)),
)
_DUSK, _OBSERVING = 86440, 34400  # seconds after the day's midnight, TAI; and how long it is dark
_SHARED = 16  # random numbers a row; hundreds of columns share them, because each costs memory while the rows are made
_MARK = {"latiss": "AT", "lsstcam": "MC", "lsstcomcam": "CC"}
_DETECTORS = {"latiss": 1, "lsstcam": 205, "lsstcomcam": 9}
#: of the full night, so many exposures have rows for each of their detectors
_IN_DETAIL = "(day_obs <> 20260320 OR seq_num BETWEEN 101 AND 150)"
#: guiders, and the halves of the wavefront sensors that are out of focus: no images of the sky come from them
_NO_IMAGES = "(189, 190, 192, 193, 194, 196, 197, 198, 200, 201, 202, 204)"

# Uniform in [0, 1): whole numbers only, so that every machine and every database makes the same.
_RANDOM = """CREATE MACRO uniform(n, k) AS
    ((xor((n * 1103515245 + k * 12345) % 2147483648, n * 40503 + k * 65599) % 2147483648) * 16807 % 2147483647)
    / 2147483647.0::DOUBLE"""
_TIMES = """CREATE OR REPLACE TEMP TABLE times AS
    SELECT *, day_obs::BIGINT * 100000 + seq_num AS id, ((night + 1) * 1000 + seq_num)::BIGINT AS n,
        edge OR seq_num > 4 AS sky,
        coalesce(moment::TIMESTAMP, day::TIMESTAMP + to_microseconds((
            (CASE WHEN seq_num <= 4 THEN 72000 WHEN is_full THEN 86360 ELSE 85000 END + lost)::BIGINT * 1000000
            + seq_num::BIGINT * CASE WHEN is_full THEN 64000000 ELSE 38400000 END
            + floor(uniform((seq_num + night * 1000)::BIGINT, 1) * 3000000)::BIGINT
            ) // resolution * resolution)) AS starts
    FROM (
        SELECT p.*, s.seq_num::INTEGER AS seq_num, e.moment, e.moment IS NOT NULL AS edge,
            p.day_obs = {night} AS is_full, CASE WHEN p.day_obs = {night} THEN {lost} ELSE 0 END AS lost,
            CASE WHEN s.seq_num % 10 = 0 THEN 1000000 ELSE 1 END AS resolution  -- every tenth on a whole second
        FROM (SELECT unnest($1::INT[]) AS night, unnest($2::INT[]) AS day_obs, unnest($3::DATE[]) AS day,
            unnest($4::INT[]) AS visits) AS p, generate_series(1, p.visits) AS s(seq_num)
        LEFT JOIN (SELECT unnest($5::INT[]) AS d, unnest($6::INT[]) AS q, unnest($7::VARCHAR[]) AS moment) AS e
            ON e.d = p.day_obs AND e.q = s.seq_num
    )""".format(
    night=NIGHT, lost=" + ".join(f"CASE WHEN s.seq_num > {last} THEN {gap} ELSE 0 END" for last, gap in LOST.items())
)
_PSF = "calm * blur * [1.07, 1.01, 0.96, 0.92, 0.89, 0.87][filter] / 0.471"  # pixels
_GLOW = "[120, 480, 930, 1450, 2300, 2900][filter] * sqrt(air) * (1 + 3 * light)"
_ZERO = "[30.2, 32.1, 31.9, 31.5, 31.1, 30.4][filter] - [0.45, 0.2, 0.12, 0.07, 0.05, 0.1][filter] * (air - 1) - clouds"
# Where each visit looked, by the textbook's formula, and what that and the hour mean for its quality: the airmass, how
# much wider that makes a star, the seeing in the zenith, the Sun's light (0 in the dark), magnitudes that clouds took.
# Machines differ in the last digits of sines and powers, so these are rounded.
_BASE = f"""CREATE OR REPLACE TEMP TABLE base AS
    SELECT *, {_PSF} AS sigma, {_GLOW} AS glow, {_ZERO} AS zero
    FROM (
        SELECT *, round(1 / sin(radians(up)), 6) AS air, round(power(1 / sin(radians(up)), 0.6), 6) AS blur,
            round(0.9 + 0.14 * sin(clock / 5400 + night) + 0.05 * sin(clock / 1300), 6) AS calm,
            round(least(1, exp((85837 - clock) / 900)) + least(1, exp((clock - 122100) / 900)), 6) AS light,
            round(1.5 * exp(-power((clock - 100260) / 2400, 2)), 6) AS clouds
        FROM (
            SELECT *, (569.71122 + 360.98564737 * ((epoch_us(starts) / 1000000.0::DOUBLE - 37) / 86400 - 10957.5)
                - hour_angle) % 360 AS ascension,
                CASE WHEN sky THEN round(degrees(asin(sin(lat) * sin(de) + cos(lat) * cos(de) * cos(ha))), 5)
                ELSE 80 END AS up,
                CASE WHEN sky THEN round((degrees(atan2(-cos(de) * sin(ha), sin(de) * cos(lat)
                - cos(de) * cos(ha) * sin(lat))) + 360) % 360, 5) ELSE 0 END AS turn
            FROM (
                SELECT t.*, CASE WHEN sky THEN n // 40 % 6 + 1 END AS filter,
                    f.west + (t.moved - f.since) / 239.345 + (uniform(n, 2) - 0.5) * 9 AS hour_angle,
                    f.north + (uniform(n, 3) - 0.5) * 8 AS declination,
                    radians(-30.2446) AS lat, radians(hour_angle) AS ha, radians(declination) AS de
                FROM (
                    SELECT *, (clock - {_DUSK} + (day - DATE '2026-03-20') * 1900 % {_OBSERVING} + 3 * {_OBSERVING})
                        % {_OBSERVING} AS moved  -- each night begins with another field
                    FROM (SELECT *, (epoch_us(starts) - epoch_us(day)) / 1000000.0::DOUBLE AS clock FROM times)
                ) AS t
                ASOF JOIN (VALUES {", ".join(map(str, _FIELDS))}) AS f(since, west, north) ON t.moved >= f.since
            )
        )
    )
    ORDER BY n"""
_ENDS = "starts + to_microseconds((seconds * 1000000)::BIGINT)"
_MIDDLE = "starts + to_microseconds((seconds * 500000)::BIGINT)"
_MJD = "(epoch_us({}) / 86400000000.0::DOUBLE + 40587)"
#: column of `exposure` -> how it is made, from `base`, the exposure time `seconds` included
_EXPOSURE = {
    "exposure_id": "id",
    "exposure_name": "'{mark}_O_' || day_obs || '_' || lpad(seq_num::VARCHAR, 6, '0')",
    "controller": "'O'",
    "day_obs": "day_obs",
    "seq_num": "seq_num",
    "band": "substr('ugrizy', filter, 1)",
    "physical_filter": "['u_24', 'g_6', 'r_57', 'i_39', 'z_20', 'y_10'][filter]",
    "s_ra": "CASE WHEN sky THEN ascension END",
    "s_dec": "CASE WHEN sky THEN declination END",
    "sky_rotation": "CASE WHEN sky THEN uniform(n, 4) * 360 END",
    "azimuth_start": "turn",
    "azimuth": "turn + 0.06",
    "azimuth_end": "turn + 0.12",
    "altitude_start": "up - 0.05",
    "altitude": "up",
    "altitude_end": "up + 0.05",
    "zenith_distance_start": "90.05 - up",
    "zenith_distance": "90 - up",
    "zenith_distance_end": "89.95 - up",
    "airmass": "CASE WHEN sky THEN air END",
    "obs_start": "starts",
    "obs_start_mjd": _MJD.format("starts"),
    "exp_midpt": _MIDDLE,
    "exp_midpt_mjd": _MJD.format(_MIDDLE),
    "obs_end": _ENDS,
    "obs_end_mjd": _MJD.format(_ENDS),
    "exp_time": "seconds",
    "shut_time": "CASE WHEN seconds > 0 THEN seconds + 0.96 ELSE 0 END",
    "dark_time": "seconds + 1.25",
    "group_id": "CASE WHEN sky THEN strftime(starts, '%Y-%m-%dT%H:%M:%S.%g') END",
    "cur_index": "1",
    "max_index": "1",
    "img_type": "CASE WHEN edge THEN 'engtest' WHEN sky THEN CASE WHEN n % 60 = 9 THEN 'acq' ELSE 'science' END "
    "ELSE ['bias', 'bias', 'dark', 'flat'][seq_num] END",
    "emulated": "CASE WHEN n % 401 <> 0 THEN false END",
    "simulated": "false",
    "can_see_sky": "CASE WHEN n % 997 <> 0 THEN sky END",
    # Not set, empty, and as it should be: three things that a client has to tell apart.
    "science_program": "CASE n % 89 WHEN 5 THEN '' WHEN 6 THEN NULL "
    "ELSE ['BLOCK-365', 'BLOCK-T539'][n // 200 % 2 + 1] END",
    "observation_reason": "CASE WHEN sky AND n % 71 <> 5 THEN ['template', 'nocturnal'][n // 9 % 2 + 1] "
    "WHEN sky THEN '' END",
    "target_name": "CASE WHEN n % 31 = 5 THEN '' WHEN sky THEN 'Field ' || (n % 900) END",
    "scheduler_note": "CASE WHEN sky AND n % 113 = 7 THEN 'pair, \"late\" — 95 % clear' || chr(10) || 'è' "
    "WHEN sky THEN 'pair_33, a' END",
    "air_temp": "12 + uniform(n, 6)",
    "pressure": "74000 + uniform(n, 7) * 500",
    "humidity": "CASE WHEN n % 53 <> 0 THEN uniform(n, 8) * 60 END",
    "wind_speed": "CASE WHEN n % 59 <> 0 THEN uniform(n, 9) * 12 END",
    "wind_dir": "CASE WHEN n % 59 <> 0 THEN uniform(n, 10) * 360 END",
    "dimm_seeing": "CASE WHEN sky AND uniform(n, 11) < 0.7 THEN calm * (0.85 + uniform(n, 12) * 0.2) END",
    "focus_z": "CASE n % 61 WHEN 0 THEN 'NaN'::DOUBLE ELSE uniform(n, 13) - 0.5 END",
    "vignette": "CASE WHEN sky THEN 'NO' END",
    "vignette_min": "CASE WHEN sky THEN 'NO' END",
    "s_region": "CASE WHEN sky THEN 'Polygon ICRS ' || floor(ascension) || ' ' || floor(declination) END",
}
#: beginning of a measured column's name -> about its value, and by which part of it visits differ
_ABOUT = {
    "zero_point": ("zero", 0.001),
    "sky_bg": ("glow", 0.04),
    "sky_noise": ("sqrt(glow)", 0.02),
    "psf_sigma": ("sigma", 0.04),
    "psf_area": ("12.57 * sigma * sigma", 0.05),
    "pixel_scale": ("0.2", 0.001),
    "eff_time_": ("0.8", 0.05),
    "eff_time": ("26.0", 0.05),
    "stats_mag_lim": ("24.4 - clouds", 0.005),
    "mean_var": ("glow", 0.05),
    "n_": ("150.0", 0.05),
    "low_snr": ("900.0", 0.05),
    "high_snr": ("2400.0", 0.05),
    "seeing_zenith_500nm": ("calm", 0.04),
    "physical_rotator_angle": ("25.0", 0.05),
    "postisr_pixel": ("1500.0", 0.05),
    "guider_roi": ("400.0", 0.05),
    "mt_": ("11.0", 0.05),
}
_OTHERS = ("1.0", 0.05)


def nights(instrument: str) -> Mapping[int, int]:
    """Return every night of an instrument that saw anything, and how many exposures it took."""
    if instrument != "lsstcam":
        return {20251105: 30, 20251106: 12} if instrument == "latiss" else {20251120: 25}
    found: dict[int, int] = {}
    for number in range(365):
        day = date(2025, 11, 1) + timedelta(days=number)
        many = {0: 240, 4: 0}.get(number % 9, 12 + number % 7)
        found[int(f"{day:%Y%m%d}")] = many
    found[NIGHT - 1], found[NIGHT] = 18, 400
    return {day: count for day, count in found.items() if count}


def fill(connection: duckdb.DuckDBPyConnection) -> None:
    """Put the year into the empty tables."""
    connection.execute(_RANDOM)
    for instrument, mark in _MARK.items():
        schema, days = f"cdb_{instrument}", nights(instrument)
        dates = [date(day // 10000, day // 100 % 100, day % 100) for day in days]
        edges = EDGES if instrument == "lsstcam" else {}
        plan = [list(range(len(days))), list(days), dates, list(days.values())]
        ends = [[day for day, _ in edges], [number for _, number in edges], list(edges.values())]
        connection.execute(_TIMES, [*plan, *ends])
        connection.execute(_BASE)
        source = (
            "SELECT *, CASE WHEN NOT sky AND seq_num < 3 THEN 0 WHEN n % 7 = 0 THEN 29.2 ELSE 30 END::DOUBLE AS seconds"
            " FROM base"
        )
        made = {name: text.format(mark=mark) for name, text in _EXPOSURE.items()}
        _insert(connection, f"{schema}.exposure", made, source)
        keys = {name: name for name in ("day_obs", "seq_num")}
        seen = "FROM base JOIN {schema}.visit1 AS v ON v.visit_id = base.id"
        _insert(
            connection,
            f"{schema}.visit1_quicklook",
            {"visit_id": "id", **keys},
            f"SELECT base.* {seen.format(schema=schema)} WHERE base.n % 50 <> 7",  # a few were never looked at
        )
        _insert(connection, f"{schema}.exposure_quicklook", {"exposure_id": "id", **keys}, "SELECT * FROM base")
        # Larger than any number that a double can hold to the last digit.
        detail = (
            f"SELECT base.*, d AS detector, id * 10000 + d AS detector_id, base.n * 211 + d AS m "
            f"FROM base, generate_series(0, {_DETECTORS[instrument] - 1}) AS g(d) WHERE {_IN_DETAIL}"
            + (f" AND day_obs = {NIGHT}" if instrument == "lsstcam" else "")
        )
        detail = f"SELECT * REPLACE (m AS n) FROM ({detail})"
        keys["detector"] = "detector"
        one = {"ccdexposure_id": "detector_id", **keys}
        region = "'Polygon ICRS ' || detector"
        _insert(connection, f"{schema}.ccdexposure", {**one, "exposure_id": "id", "s_region": region}, detail)
        images = f"{detail} WHERE detector NOT IN {_NO_IMAGES}"
        _insert(connection, f"{schema}.ccdexposure_camera", {**one, "temp_set": "-100"}, detail)
        _insert(connection, f"{schema}.ccdexposure_quicklook", one, images)
        _insert(
            connection, f"{schema}.ccdvisit1_quicklook", {"ccdvisit_id": "detector_id", **keys}, images + " AND sky"
        )
        _flexible(connection, schema)
    _telemetry(connection)
    connection.execute("DROP TABLE base; DROP TABLE times; DROP MACRO uniform")


def _insert(connection: duckdb.DuckDBPyConnection, table: str, made: Mapping[str, str], source: str) -> None:
    """Fill a table; columns that nothing is said about are measurements, and some of those are missing."""
    chosen = []
    for number, column in enumerate(tables()[table]):
        if column.name in made or column.sql not in ("DOUBLE PRECISION", "INTEGER") or _is_empty(table, number):
            chosen.append(made.get(column.name, "NULL"))
            continue
        beginning = next((each for each in _ABOUT if column.name.startswith(each)), "")
        about, part = _ABOUT.get(beginning, _OTHERS)
        stem, _, which = column.name.rpartition("_")
        beside = {"min": -0.6, "median": 0.0, "max": 0.6}.get(which)  # of one stem: least, middle, most
        k = number % _SHARED if beside is None else sum(stem.encode()) % _SHARED
        value = f"({about}) * ({1 + part * ((beside or 0.0) - 1):.6f} + {2 * part:.6f} * u{k})"
        if column.sql == "INTEGER":
            value = f"({value})::INTEGER"
        unknown = "'NaN'::DOUBLE" if column.name.startswith(("zero_point", "psf_sigma")) else "NULL"
        lost = math.gcd(number, 60) + 90
        chosen.append(f"CASE WHEN (n + {number}) % {lost} = 3 THEN {unknown} ELSE {value} END")
    shared = ", ".join(f"uniform(n, {20 + k}) AS u{k}" for k in range(_SHARED))
    connection.execute(f"INSERT INTO {table} SELECT {', '.join(chosen)} FROM (SELECT *, {shared} FROM ({source}))")


def _is_empty(table: str, number: int) -> bool:
    """Say whether nobody measured this column; of hundreds of transformed ones a few dozen will do."""
    return table.endswith(".exposure") or (table.startswith("efd_") and number > 40)  # noqa: PLR2004


def _flexible(connection: duckdb.DuckDBPyConnection, schema: str) -> None:
    keys = "('clouds', 'bool', 'Somebody saw clouds', NULL, NULL), ('retries', 'int', 'Tries it took', NULL, NULL), "
    keys += (
        "('dome_gap', 'float', 'Gap of the dome', 'deg', 'pos.az'), ('operator', 'str', 'Who was there', NULL, NULL)"
    )
    values = "('clouds', 'True'), ('retries', '2'), ('dome_gap', '0.125'), ('operator', 'ada')"
    for kind in ("exposure", "ccdexposure"):
        connection.execute(f"INSERT INTO {schema}.{kind}_flexdata_schema VALUES {keys}")
    connection.execute(
        f"INSERT INTO {schema}.exposure_flexdata SELECT id, day_obs, seq_num, key, value "
        f"FROM base, (VALUES {values}) AS v(key, value) WHERE seq_num % 100 = 10"
    )


def _telemetry(connection: duckdb.DuckDBPyConnection) -> None:
    for kind in ("exposure", "visit1"):
        own = {"created_at": "obs_end + INTERVAL 1 HOUR", "day_obs": "day_obs", "seq_num": "seq_num"}
        number = kind.removesuffix("1") + "_id"
        own[number] = number
        source = f"SELECT *, seq_num::BIGINT AS n FROM cdb_lsstcam.{kind} WHERE day_obs = {NIGHT}"
        _insert(connection, f"efd_lsstcam.{kind}_efd", own, source)
        connection.execute(
            f"INSERT INTO efd_lsstcam.{kind}_efd_unpivoted SELECT day_obs, seq_num, {number}, 'mt_m1m3_force', "
            f"'axis' || axis, axis * 0.5, obs_end FROM ({source}), generate_series(1, 3) AS g(axis)"
        )
