"""Line protocol, the text in which InfluxDB takes data in: read and written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Value = bool | int | float | str

_NAME = re.compile(r"(?:\\.|[^\\, \n])+")
_TAG = re.compile(r",((?:\\.|[^\\,= \n])+)=((?:\\.|[^\\,= \n])+)")
_FIELD = re.compile(r'[ ,]((?:\\.|[^\\,= \n])+)=("(?:\\.|[^"\\])*"|[^", \n]+)')
_TIME = re.compile(r" (-?\d+)[ \r\n]*", re.ASCII)
_WORDS = {word: word[0] in "tT" for word in ("t", "T", "true", "True", "TRUE", "f", "F", "false", "False", "FALSE")}


@dataclass(frozen=True)
class Point:
    measurement: str
    tags: Mapping[str, str]
    fields: Mapping[str, Value]
    time: int


def points(text: str) -> Iterator[Point]:
    """Read points that carry a time in nanoseconds each."""
    at = 0
    while at < len(text):
        name = _NAME.match(text, at)
        at = name.end() if name else at
        tags: dict[str, str] = {}
        fields: dict[str, Value] = {}
        while tag := _TAG.match(text, at):
            tags[_unescaped(tag[1])] = _unescaped(tag[2])
            at = tag.end()
        while field := _FIELD.match(text, at):
            fields[_unescaped(field[1])] = _value(field[2])
            at = field.end()
        time = _TIME.match(text, at)
        if name is None or not fields or time is None:
            raise ValueError(f"not line protocol with a time: {text[at : at + 40]!r}")
        at = time.end()
        yield Point(_unescaped(name[0]), tags, fields, int(time[1]))


def line(point: Point) -> str:
    """Write one point, without a newline."""
    key = "".join([_escaped(point.measurement), *(f",{_escaped(k)}={_escaped(v)}" for k, v in point.tags.items())])
    fields = ",".join(f"{_escaped(name)}={_written(value)}" for name, value in point.fields.items())
    return f"{key} {fields} {point.time}"


def _value(text: str) -> Value:
    if text[0] == '"':
        return re.sub(r'\\(["\\])', r"\1", text[1:-1])
    if text[-1] == "i":
        return int(text[:-1])
    return _WORDS[text] if text in _WORDS else float(text)


def _written(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{value}i" if isinstance(value, int) else repr(value)


def _unescaped(text: str) -> str:
    return re.sub(r"\\([,= ])", r"\1", text) if "\\" in text else text


def _escaped(text: str) -> str:
    return re.sub(r"([,= ])", r"\\\1", text)
