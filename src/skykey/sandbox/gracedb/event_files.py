"""What pipelines upload, as the numbers of an event."""

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree as ET

from skykey.sandbox.gracedb import documents, gps
from skykey.sandbox.gracedb.tables import COLUMNS

_COINCIDENCES = ("gstlal", "spiir", "pycbc")
_WITH_FRAMES = ("MBTA", "MBTAOnline")  # which have uploaded frame files too, and nothing was read of them
_BURSTS = ("CWB", "CWB2G")
_INJECTIONS = ("HardwareInjection",)
_ALERTS: dict[str, str] = dict.fromkeys(("Fermi", "Swift", "SNEWS", "INTEGRAL", "AGILE", "CHIME", "SVOM"), "GRB")
_ALERTS |= {"IceCube": "NeutrinoEvent"}
_SIGNIFICANCE = "#significance based on the last day"
_NANO = 9  # digits
_MICRO = 6
#: Names by which missions say how long a burst was, and how they number it.
_DURATIONS = ("Trig_Dur", "Trans_Duration", "Data_Integ", "Integ_Time", "Trig_Timescale")
_NUMBERS = ("TrigID", "Trans_Num", "EventID")


class BadEventFile(Exception):
    """A file of which no event can be made, for each reason a message."""

    def __init__(self, *messages: str) -> None:
        super().__init__(*messages)
        self.messages = list(messages)


@dataclass(frozen=True)
class EventFile:
    """The numbers of an event. GPS times are in seconds, rates in Hz; the extra attributes are those of an answer."""

    gpstime: float | None = None
    far: float | None = None
    far_is_upper_limit: bool = False
    instruments: str = ""
    nevents: int | None = None
    likelihood: float | None = None
    extra_attributes: dict[str, Any] = field(default_factory=dict)


def is_known(pipeline: str) -> bool:
    """Say whether anything is read of a pipeline's files."""
    return pipeline in (*_COINCIDENCES, *_WITH_FRAMES, *_BURSTS, *_ALERTS, *_INJECTIONS)


def read(group: str, pipeline: str, search: str | None, filename: str, data: bytes) -> EventFile:  # noqa: ARG001 - what an event is called decides nothing today
    """Read an event file. Of a pipeline whose files are not known, nothing is read, and nothing refused.

    Raises
    ------
    BadEventFile
        The pipeline's files look different.
    """
    try:
        if pipeline in _COINCIDENCES or (pipeline in _WITH_FRAMES and ".xml" in filename):
            return _coincidence(documents.tree(data))
        if pipeline in _INJECTIONS:
            return _injection(documents.tree(data))
        if pipeline in _ALERTS:
            return _alert(documents.tree(data), _ALERTS[pipeline])
        return _burst(data.decode()) if pipeline in _BURSTS else EventFile()
    except (documents.Unreadable, ValueError, OverflowError) as error:
        raise BadEventFile(f"Could not read data ({error})") from None


def _coincidence(root: ET.Element) -> EventFile:
    inspirals, events = documents.table(root, "coinc_inspiral"), documents.table(root, "coinc_event")
    if not inspirals:
        raise BadEventFile("Could not extract coinc inspiral table.")
    if not events:
        raise BadEventFile("Could not extract coinc event table.")
    found, event = inspirals[0], events[0]
    singles = documents.table(root, "sngl_inspiral") or []
    return EventFile(
        gpstime=_seconds(found, "end_time"),
        far=found.get("combined_far"),
        instruments=found.get("ifos") or "",
        nevents=event.get("nevents"),
        likelihood=event.get("likelihood"),
        extra_attributes={
            "CoincInspiral": {name: found.get(name) for name in COLUMNS["CoincInspiral"]},
            "SingleInspiral": [
                {name: single[name] for name in COLUMNS["SingleInspiral"] if name in single} for single in singles
            ],
        },
    )


def _injection(root: ET.Element) -> EventFile:
    """Read an injection. In which detectors it is, its upload says."""
    rows = documents.table(root, "sim_inspiral")
    if not rows:
        raise BadEventFile("Could not extract sim inspiral table.")
    extra = {name: rows[0].get(name) for name in COLUMNS["SimInspiral"]}
    return EventFile(gpstime=_seconds(rows[0], "geocent_end_time"), extra_attributes={"SimInspiral": extra})


def _seconds(row: Mapping[str, Any], name: str) -> float:
    """Join seconds and nanoseconds; answers tell six digits."""
    if row.get(name) is None:
        raise BadEventFile(f"There is no {name}.")
    seconds: float = row[name] + (row.get(f"{name}_ns") or 0) / 10**_NANO
    return round(seconds, _MICRO)


def _burst(text: str) -> EventFile:
    lines = text.splitlines()
    said: dict[str, list[str]] = {}
    for line in lines:
        key, colon, values = line.partition(":")
        if not colon:
            break
        said[key] = values.split()
    if "time" not in said:
        raise BadEventFile("There is no time.")
    for line, below in itertools.pairwise(lines):
        if line.startswith(_SIGNIFICANCE):
            said["far"] = below.split()[1:]
            break

    def value(name: str, at: int = 0) -> float | None:
        return documents.number(said[name][at]) if len(said.get(name, ())) > at else None

    # Both lists by detector; older files write numbers in place of names.
    detectors = sorted(zip(said.get("ifo", ()), said["time"], strict=False))
    names = ",".join(name for name, _ in detectors)
    likelihood, start = value("likelihood"), (said.get("start") or [""])[0]
    whole, _, part = start.partition(".")
    extra: dict[str, Any] = dict.fromkeys(COLUMNS["MultiBurst"]) | {
        "ifos": names,
        "start_time": int(whole) if start else None,
        "start_time_ns": int(part[:_NANO].ljust(_NANO, "0")) if start else None,
        "duration": value("duration"),
        "central_freq": value("frequency"),
        "bandwidth": value("bandwidth"),
        "amplitude": value("rho"),
        "snr": math.sqrt(likelihood) if likelihood and likelihood > 0 else 0.0,
        "ligo_axis_ra": value("phi", 2),
        "ligo_axis_dec": value("theta", 2),
        "single_ifo_times": ",".join(time for _, time in detectors),
    }
    time = value("time")
    return EventFile(
        gpstime=None if time is None else round(time, _MICRO),
        far=value("far"),
        instruments=names,
        likelihood=likelihood,
        extra_attributes={"MultiBurst": extra},
    )


def _alert(root: ET.Element, table: str) -> EventFile:
    """Read a VOEvent of another observatory."""
    where = root.find("WhereWhen/ObsDataLocation")
    when = root.findtext("WhereWhen/ObsDataLocation/ObservationLocation/AstroCoords/Time/TimeInstant/ISOTime")
    if root.tag != "VOEvent" or where is None or not when:
        raise BadEventFile("There is no time of observation.")
    said = {each.get("name", ""): each.get("value", "") for each in root.findall("What/Param")}
    observatory, system = where.find("ObservatoryLocation"), where.find("ObservationLocation/AstroCoordSystem")
    place, reference = "ObservationLocation/AstroCoords/Position2D/", root.find("How/Reference")
    durations = [float(said[name]) for name in _DURATIONS if name in said][:1]
    values = {
        "ivorn": root.get("ivorn"),
        "author_ivorn": root.findtext("Who/AuthorIVORN"),
        "author_shortname": root.findtext("Who/Author/shortName"),
        "observatory_location_id": None if observatory is None else observatory.get("id"),
        "coord_system": None if system is None else system.get("id"),
        "ra": _written(where, f"{place}Value2/C1"),
        "dec": _written(where, f"{place}Value2/C2"),
        "error_radius": _written(where, f"{place}Error2Radius"),
        "how_description": root.findtext("How/Description"),
        "how_reference_url": None if reference is None else reference.get("uri"),
        # Later alerts of Fermi say 0, which is not meant.
        "trigger_duration": (durations or [0.0])[0] or None,
        "trigger_id": next((said[name] for name in _NUMBERS if name in said), None),
    }
    return EventFile(
        gpstime=_gps(when.strip()),
        far=documents.number(said["FAR"]) if "FAR" in said else None,
        extra_attributes={table: {name: values.get(name) for name in COLUMNS[table]}},
    )


def _written(root: ET.Element, path: str) -> float | None:
    text = root.findtext(path)
    return documents.number(text) if text else None


def _gps(text: str) -> float:
    moment = datetime.fromisoformat(text)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    found = gps.from_unix(moment.timestamp())
    return round(found - (gps.to_utc(found) - moment).total_seconds(), _MICRO)
