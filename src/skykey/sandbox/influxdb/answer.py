"""JSON, MessagePack and CSV, byte for byte as 1.6.7 writes them."""

from __future__ import annotations

import struct
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from skykey.sandbox.influxdb import clock
from skykey.sandbox.influxdb.line_protocol import escaped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from skykey.sandbox.influxdb.results import Result, Series

_EPOCHS = {"ns": 1, "u": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}


def chosen(accept: str) -> Form:
    """Choose as 1.6.7 does, which compares the header as a whole: a list of types means JSON."""
    if accept in {"application/csv", "text/csv"}:
        return Csv()
    return MessagePack() if accept == "application/x-msgpack" else Json()


def unit(epoch: str) -> int:
    """Give a unit of time in nanoseconds; what 1.6.7 does not know is one."""
    return _EPOCHS.get(epoch, 1)


def _rows(series: Series, full: Callable[[int], Any], epoch: str) -> Sequence[Sequence[Any]]:
    if series.timed and not epoch:
        return [(full(time), *rest) for time, *rest in series.rows]
    if series.timed and (step := unit(epoch)) > 1:  # Go divides towards zero
        return [(time // step if time >= 0 else -(-time // step), *rest) for time, *rest in series.rows]
    return series.rows


def _series(series: Series, full: Callable[[int], Any], epoch: str) -> dict[str, Any]:
    document: dict[str, Any] = {"name": series.name} | ({"tags": series.tags} if series.tags else {})
    document |= {"columns": series.columns, "values": _rows(series, full, epoch)}
    return document | ({"partial": True} if series.partial else {})


def _plain(value: float) -> str:
    """Write a number with all its digits, and without an exponent."""
    text = repr(value)
    return (format(Decimal(text), "f") if "e" in text else text).removesuffix(".0")


# -- JSON

_ESCAPES = {n: f"\\u{n:04x}" for n in (*range(32), *map(ord, "<>&\u2028\u2029"))}
_ESCAPES |= str.maketrans({'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"})
_EXPONENTS = (1e-6, 1e21)  # where Go begins to write them in JSON, below and above


def _json(value: Any) -> str:
    if isinstance(value, str):
        return f'"{value.translate(_ESCAPES)}"'
    if isinstance(value, float):
        plain = not value or _EXPONENTS[0] <= abs(value) < _EXPONENTS[1]
        return _plain(value) if plain else repr(value).replace("e-0", "e-")
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{_json(name)}:{_json(item)}" for name, item in value.items()) + "}"
    return "[" + ",".join(map(_json, value)) + "]"


class Json:
    content_type = "application/json"

    def error(self, message: str) -> bytes:
        return f"{_json({'error': message})}\n".encode()

    def answer(self, results: Iterable[Result], epoch: str) -> bytes:
        documents = [self._result(result, epoch) for result in results]
        return f"{_json({'results': documents} if documents else {})}\n".encode()

    def _result(self, result: Result, epoch: str) -> dict[str, Any]:
        series = [_series(each, clock.written, epoch) for each in result.series]
        members = {"series": series, "partial": result.partial, "error": result.error}
        return {"statement_id": result.statement} | {name: item for name, item in members.items() if item}


# -- MessagePack


_INTEGERS = ((0xD0, ">b"), (0xD1, ">h"), (0xD2, ">i"), (0xD3, ">q"))


def _head(length: int, short: int, most: int, *longer: tuple[int, str]) -> bytes:
    """Write a length in as few bytes as it needs: in the mark itself, or after one of the longer marks."""
    if length < most:
        return bytes([short | length])
    mark, form = next(pair for pair in longer if length < 1 << 8 * struct.calcsize(pair[1]))
    return bytes([mark]) + struct.pack(form, length)


def _packed(value: Any) -> bytes:
    if isinstance(value, str):
        raw = value.encode()
        return _head(len(raw), 0xA0, 32, (0xD9, ">B"), (0xDA, ">H"), (0xDB, ">I")) + raw
    if isinstance(value, float):
        return b"\xcb" + struct.pack(">d", value)
    if value is None or isinstance(value, bool):
        return {None: b"\xc0", True: b"\xc3", False: b"\xc2"}[value]
    if isinstance(value, int):
        return _packed_integer(value)
    if isinstance(value, bytes):
        return value  # packed already
    if isinstance(value, dict):
        head = _head(len(value), 0x80, 16, (0xDE, ">H"), (0xDF, ">I"))
        return head + b"".join(_packed(name) + _packed(item) for name, item in value.items())
    return _head(len(value), 0x90, 16, (0xDC, ">H"), (0xDD, ">I")) + b"".join(map(_packed, value))


def _packed_integer(value: int) -> bytes:
    """Write the smallest *signed* form, where most libraries prefer unsigned ones."""
    if -32 <= value < 128:  # noqa: PLR2004  the one-byte form
        return struct.pack(">b", value)
    bits = (value if value >= 0 else ~value).bit_length()
    mark, form = next(pair for pair in _INTEGERS if bits < 8 * struct.calcsize(pair[1]))
    return bytes([mark]) + struct.pack(form, value)


def _packed_time(nanoseconds: int) -> bytes:
    return b"\xc7\x0c\x05" + struct.pack(">qi", *divmod(nanoseconds, 10**9))


class MessagePack:
    content_type = "application/x-msgpack"

    def error(self, message: str) -> bytes:
        return _packed({"error": message})

    def answer(self, results: Iterable[Result], epoch: str) -> bytes:
        return _packed({"results": [self._result(result, epoch) for result in results]})

    def _result(self, result: Result, epoch: str) -> Mapping[str, Any]:
        if result.error:
            return {"error": result.error}  # without the statement's number
        series = [_series(each, _packed_time, epoch) for each in result.series]
        document: dict[str, Any] = {"statement_id": result.statement, "series": series}
        return document | ({"partial": True} if result.partial else {})


# -- CSV


def _cell(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "", True: "true", False: "false"}[value]
    text = _plain(value) if isinstance(value, float) else str(value)
    quoted = text[:1].isspace() or text == r"\." or any(mark in text for mark in ',"\r\n')
    return '"' + text.replace('"', '""') + '"' if quoted else text


def _line(cells: Iterable[Any]) -> str:
    return ",".join(map(_cell, cells)) + "\n"


class Csv:
    """One answer: it remembers which statement it is in, whose columns its first series gives."""

    content_type = "text/csv"

    def __init__(self) -> None:
        self._statement = -1

    def error(self, message: str) -> bytes:
        return f"error\n{_line([message])}".encode()

    def answer(self, results: Iterable[Result], epoch: str) -> bytes:
        return "".join(line for result in results for line in self._result(result, epoch)).encode()

    def _result(self, result: Result, epoch: str) -> Iterator[str]:
        if result.series and result.statement != self._statement:
            yield "\n" if self._statement >= 0 else ""
            yield _line(["name", "tags", *result.series[0].columns])
            self._statement = result.statement
        for series in result.series:
            tags = ",".join(f"{escaped(name)}={escaped(tag)}" for name, tag in series.tags.items() if tag)
            for row in _rows(series, int, epoch):
                yield _line([series.name, tags, *row])


Form = Json | MessagePack | Csv
