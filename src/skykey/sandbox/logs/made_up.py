# ruff: noqa: PLR2004, S311 - a night is made of such numbers, and is to be the same each time
"""What the logs hold: four nights that nobody observed.

The night of the bundled telemetry, 20260320, is a long one. The night before it has no report, the one after it two.
Time is lost once or twice a night. Of the long night, ConsDB has no visits then.
"""

import functools
import random
import uuid
from datetime import datetime, timedelta
from typing import Any

from skykey.sandbox.logs.table import Row, Table
from skykey.sandbox.logs.tables import EXPOSURE_MESSAGES, EXPOSURES, MESSAGES, REPORTS
from skykey.sandbox.logs.values import Refused

INSTRUMENTS = ["LATISS", "LSSTCam"]
_LONG = 20260320
_MESSAGES = {20260318: 6, 20260319: 9, _LONG: 140, 20260321: 12}
_NOON = (-1, 0, 20, 36.999999, 37)  # seconds from noon, about which the days of UTC and TAI differ
_TEXTS = (
    "Slewed to the next field.",
    "Dome shutter stuck at 40 %, reset.\r\n\r\nOBS-1042 has the trace.\r\n",
    "<b>M1M3</b> fault & recovery: <a href='https://example.org/OBS-77'>OBS-77</a>",
    "Nubes altas; viento 12 m/s, añadido por la tarde 🌌",
    "Seeing 0.8″, focus_offset = -12 µm",
)
_CLOUDS = "Clouds took more than a magnitude; the mount tracks, no visits until they have passed."
#: (night, number of the message) -> minutes after noon, seconds lost, to what, a message's level, its text
_LOST: dict[tuple[int, int], tuple[int, float, str, int, str]] = {
    (20260318, 1): (942, 1800.0, "fault", 40, _TEXTS[1]),
    (20260319, 2): (700, 3600.0, "weather", 30, _TEXTS[3]),
    (_LONG, 21): (896, 6600.0, "weather", 30, _CLOUDS),
    (_LONG, 51): (1101, 2400.0, "fault", 40, _TEXTS[1]),
    (_LONG, 88): (780, 90.0, "fault", 30, "Shutter opened at the second try."),
    (_LONG, 109): (1215, 5.5, "fault", 20, "An image was read out late."),
    (20260321, 3): (1010, 1800.0, "fault", 40, _TEXTS[1]),
}
_LEVELS = (*[10] * 3, *[20] * 24, *[30] * 3)
_ROUTINE = (*_TEXTS, _TEXTS[0], _TEXTS[0], _TEXTS[4])
_MOUNT = {"name": "Mount", "children": [{"name": "MTMount CSC", "children": []}]}
_PATHS: list[Any] = [None, {}, {"name": "AuxTel", "children": []}, {"name": "Simonyi", "children": [_MOUNT]}]


@functools.cache
def exposures() -> tuple[Row, ...]:
    """Return the registry's exposures of both instruments."""
    made, rng = [], random.Random(1)
    for day in _MESSAGES:
        for instrument, many in zip(INSTRUMENTS, (20, 70), strict=True):
            for number in range(1, many + 1):
                on_sky, begin = number > 5, _noon(day) + timedelta(hours=11, seconds=420 * number)
                kind = "science" if on_sky else ("bias", "dark", "flat")[number % 3]
                where = [round(rng.uniform(-70, 5), 6) if on_sky else None for _ in range(3)]
                # The registry has exposures without a time.
                times = [None] * 2 if number == many else [begin, begin + timedelta(seconds=31, microseconds=250_000)]
                obs_id = f"{'A' if instrument == 'LATISS' else 'M'}C_O_{day}_{number:06}"
                values = [obs_id, day * 100_000 + number, instrument, kind, kind, day, number, f"{day}-{number // 2}"]
                made.append(_row(EXPOSURES, [*values, f"field-{number % 7}", "BLOCK-365", *where, *times]))
    return tuple(made)


def numbers(instrument: str, obs_id: str) -> Row:
    """Return the day and number of an exposure."""
    for exposure in exposures():
        if (exposure["instrument"], exposure["obs_id"]) == (instrument, obs_id):
            return {name: exposure[name] for name in ("day_obs", "seq_num")}
    raise Refused(404, f"No exposure found in registries=['/repo/main'] with {instrument=} and {obs_id=}")


def rows(name: str) -> list[Row]:
    """Return the rows of one log, made anew."""
    make = {"narrativelog": _narrative, "exposurelog": _exposure_log, "nightreport": _reports}[name]
    return make(random.Random(_LONG))


def _narrative(rng: random.Random) -> list[Row]:
    made: list[Row] = []
    for day, number in ((day, number) for day, many in _MESSAGES.items() for number in range(many)):
        # In steps of five minutes there are several at one time.
        begin = _noon(day) + timedelta(minutes=600 + 5 * rng.randrange(150))
        if day == _LONG and number < len(_NOON):
            begin = _noon(day) + timedelta(seconds=_NOON[number])
        is_old = number % 3 == 0  # as before components_json
        level, text = rng.choice(_LEVELS), rng.choice(_ROUTINE)
        minutes, lost, kind, level, text = _LOST.get((day, number), (0, 0.0, None, level, text))
        begin = _noon(day) + timedelta(minutes=minutes) if lost else begin
        row = _new(MESSAGES, rng, begin + timedelta(minutes=3, microseconds=rng.choice((0, 123456))))
        row |= {name: rng.choice((["Dome"], ["Mount", "Dome"], [])) if is_old else None for name in _parts()}
        row |= {"components_json": None if is_old else rng.choice(_PATHS), "category": rng.choice((None, "ENG"))}
        row |= {"message_text": text, "level": level, "time_lost": lost, "time_lost_type": kind}
        row |= {"date_begin": None if number % 25 == 24 else begin, "urls": rng.choice(([], ["https://example.org/1"]))}
        row |= {"date_end": None if number % 9 == 8 else begin + timedelta(seconds=lost or 60)}
        made += _versions(row | {"tags": rng.choice(([], ["wind"], ["clouds", "wind"]))}, rng, number % 10 == 7)
    return made


def _exposure_log(rng: random.Random) -> list[Row]:
    made: list[Row] = []
    for number, exposure in enumerate(exposures()[::4]):
        row = _new(EXPOSURE_MESSAGES, rng, _noon(exposure["day_obs"]) + timedelta(hours=12, minutes=number))
        row |= {name: exposure[name] for name in ("obs_id", "instrument", "day_obs", "seq_num")}
        row |= {"message_text": rng.choice(_TEXTS), "level": rng.choice((20, 30)), "urls": []}
        row |= {"exposure_flag": rng.choice(("none", "junk", "questionable"))}
        made += _versions(row | {"tags": rng.choice(([], ["trailed"], ["trailed", "dim"]))}, rng, number % 5 == 0)
    return made


def _reports(rng: random.Random) -> list[Row]:
    made: list[Row] = []
    for day, hours in ((20260318, 23), (_LONG, 23), (20260321, 25), (20260321, 23)):  # the later has the greater id
        row = _new(REPORTS, rng, _noon(day) + timedelta(hours=hours))
        row |= {"day_obs": day, "summary": f"<i>Night</i> {day} & more, after {hours} h.\n\n\nSeeing 0.8″"}
        row |= {"confluence_url": "https://example.org/plan#2026-BLOCK-365", "observers_crew": ["Ada L.", "Zoë O'Neil"]}
        if day > 20260318:
            row |= {"weather": "Clear", "maintel_summary": "On sky all night.\n", "date_sent": row["date_added"]}
        made += _versions(row, rng, day == _LONG)
    return made


def _versions(row: Row, rng: random.Random, is_edited: bool) -> list[Row]:
    """Return the row, after the one that it replaced if it is an edited one."""
    if not is_edited:
        return [row]
    when = row["date_added"] + timedelta(minutes=9)
    old = row | {"id": _id(rng), "is_valid": False, "date_invalidated": when}
    # A night report keeps the date of what it replaced.
    return [old, row | {"parent_id": old["id"], "date_added": when if "is_human" in row else row["date_added"]}]


def _new(table: Table, rng: random.Random, added: datetime) -> Row:
    is_human = rng.random() < 0.8
    row = _row(table, [None] * len(table.fields)) | {
        "id": _id(rng),
        "site_id": rng.choice(("summit", "summit", "base")),
    }
    row |= {"is_valid": True, "date_added": added} | ({"is_human": is_human} if "is_human" in row else {})
    return row | dict(
        zip(("user_id", "user_agent"), ("ada", "LOVE") if is_human else ("auto", "scheduler"), strict=True)
    )


def _row(table: Table, values: list[Any]) -> Row:
    return dict(zip(table.fields, values, strict=True))


def _parts() -> list[str]:
    return [name for name in MESSAGES.fields if name == "cscs" or name.endswith(("systems", "components"))]


def _noon(day: int) -> datetime:
    """Return the noon at which a day of observing begins."""
    return datetime.strptime(f"{day}12", "%Y%m%d%H")  # noqa: DTZ007 (TAI, which is written without a zone)


def _id(rng: random.Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))
