"""Which telemetry tells of a night, and the statement that asks for it by the minute."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from skykey.rubin import influxql

_INDEX: Final = "salIndex"


@dataclass(frozen=True, slots=True)
class Topic:
    """One field of telemetry over a night.

    Parameters
    ----------
    label
        What people call it.
    topic, field
        Where it is in the database.
    unit
        As people write it.
    index
        Which of several components of one kind (``salIndex``); None if there is only one.
    """

    label: str
    topic: str
    field: str
    unit: str
    index: int | None = None


TOPICS: Final = (
    Topic("mount elevation", "lsst.sal.MTMount.elevation", "actualPosition", "°"),
    Topic("air temperature [301]", "lsst.sal.ESS.temperature", "temperatureItem0", "°C", 301),
    Topic("air temperature [111]", "lsst.sal.ESS.temperature", "temperatureItem0", "°C", 111),
    Topic("wind [301]", "lsst.sal.ESS.airFlow", "speed", "m/s", 301),
    Topic("humidity [301]", "lsst.sal.ESS.relativeHumidity", "relativeHumidityItem", "%", 301),
    Topic("DIMM seeing", "lsst.sal.DIMM.logevent_dimmMeasurement", "fwhm", "″"),
)
"""What a night is shown with. A site need not have all of them."""


def statement(topic: Topic, begin: int, end: int) -> str:
    """The mean of each minute that has samples, as ``value``.

    Parameters
    ----------
    topic
        Which field.
    begin, end
        UTC nanoseconds since 1970; the end does not belong to it.
    """
    of_index = "" if topic.index is None else f" AND {influxql.name(_INDEX)} = {topic.index}"
    return (
        f"SELECT mean({influxql.name(topic.field)}) AS value FROM {influxql.name(topic.topic)} "  # noqa: S608 - quoted
        f"WHERE time >= {begin} AND time < {end}{of_index} GROUP BY time(1m) fill(none)"
    )
