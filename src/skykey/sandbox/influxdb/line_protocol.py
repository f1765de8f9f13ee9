"""Line protocol, the text in which InfluxDB takes data in: read and written."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from skykey.sandbox.influxdb.errors import HttpError, RefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

Value = bool | int | float | str

# A newline inside a quoted value does not end a line.
_LINE = re.compile(r'[ \t\0]*+((?:\\.|[^ \\\n])*+(?:="(?:\\.|[^"\\])*+"?|\\.|[^\\\n]|\\\Z)*+)\n?', re.DOTALL)
# As 1.6.7 has it, a sign counts unless a backslash stands right before it, whatever stands before that.
_TAG = r",([^,= ](?:[^,= ]|(?<=\\)[,= ])*+)=([^,= ](?:[^,= ]|(?<=\\)[,= ])*+)"
_NUMBER = r"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_VALUE = rf'"(?:\\.|[^"\\])*+"|-?[0-9]{{1,30}}i|{_NUMBER}|[tT]|[tT]rue|TRUE|[fF]|[fF]alse|FALSE'
_FIELD = rf"((?:\\.|[^\\,= ])++)=({_VALUE})(?=[, ]|\Z)"
_POINT = re.compile(
    rf"(?P<name>[^, ](?:[^, ]|(?<=\\)[, ])*+)(?P<tags>(?:{_TAG})*+)"
    rf"(?: ++(?P<fields>{_FIELD}(?:,{_FIELD})*+)(?: ++(?P<time>.*?))?)? *",
    re.DOTALL,
)
_TIME = re.compile(r"-?[0-9]{1,30}")
_NO_TIME = re.compile(r"-?[0-9]*[^-0-9 ].*", re.DOTALL)
_SAID = {"missing fields", "bad timestamp"}  # what 1.6.7 says most


@dataclass(frozen=True)
class Point:
    measurement: str
    tags: Mapping[str, str]
    fields: Mapping[str, Value]
    time: int


def points(text: str, unit: int = 1, now: int | None = None) -> list[Point]:
    """Read points.

    Parameters
    ----------
    unit
        Of the times, in nanoseconds.
    now
        The time of points that have none, in nanoseconds; without it these are errors.

    Raises
    ------
    HttpError
        The only line is none, for a common reason.
    RefusedError
        One of several is none, or for another reason.
    """
    found: list[Point] = []
    blocks = [match[1] for match in _LINE.finditer(text) if match[1] and match[1][0] != "#"]
    for block in blocks:
        try:
            found.append(_point(block, unit, now))
        except ValueError as error:
            words = f"unable to parse '{block}': {error}"
            # Of several lines, 1.6.7 would take in the others.
            exact = len(blocks) == 1 and str(error) in _SAID
            raise (HttpError(400, words) if exact else RefusedError(words)) from None
    return found


def _point(block: str, unit: int, now: int | None) -> Point:
    match = _POINT.fullmatch(block)
    if match is None:
        raise ValueError("not plain enough")
    if match["fields"] is None:
        raise ValueError("missing fields")
    tags = [(_unescaped(key), _unescaped(value)) for key, value in re.findall(_TAG, match["tags"], re.DOTALL)]
    fields = {_unescaped(key): _value(text) for key, text in re.findall(_FIELD, match["fields"], re.DOTALL)}
    stamp = match["time"] or ("" if now is None else str(now // unit))
    if not stamp or _NO_TIME.fullmatch(stamp):
        raise ValueError("bad timestamp")
    if not _TIME.fullmatch(stamp) or abs(int(stamp) * unit) > 2**63 - 2:
        raise ValueError("no time in 64 bits")
    if len(dict(tags)) < len(tags) or "time" in {*dict(tags), *fields}:
        raise ValueError("a tag twice, or a column named time")
    return Point(_unescaped(match["name"]), dict(tags), fields, int(stamp) * unit)


def _value(text: str) -> Value:
    if text[0] == '"':
        return re.sub(r'\\(["\\])', r"\1", text[1:-1])
    if text[0] in "tTfF":
        return text[0] in "tT"
    number = int(text[:-1]) if text[-1] == "i" else float(text)
    if not (-(2**63) <= number < 2**63 if isinstance(number, int) else math.isfinite(number)):
        raise ValueError("a number beyond 64 bits")
    return number


def line(point: Point) -> str:
    """Write one point, without a newline."""
    key = "".join([escaped(point.measurement), *(f",{escaped(k)}={escaped(v)}" for k, v in point.tags.items())])
    fields = ",".join(f"{escaped(name)}={_written(value)}" for name, value in point.fields.items())
    return f"{key} {fields} {point.time}"


def _written(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{value}i" if isinstance(value, int) else repr(value)


def _unescaped(text: str) -> str:
    return re.sub(r"\\([,= ])", r"\1", text) if "\\" in text else text


def escaped(text: str) -> str:
    return re.sub(r"([,= ])", r"\\\1", text)
