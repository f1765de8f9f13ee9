"""Aggregates and selectors as 1.6.7 computes them, down to the last bit, in the buckets of GROUP BY time.

Not DuckDB's: sums are taken series by series and then together, a mean is a mean of means, and both show in the last
digit.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from functools import reduce
from itertools import groupby
from operator import add
from typing import TYPE_CHECKING, Any

from skykey.sandbox.influxdb.errors import RefusedError
from skykey.sandbox.influxdb.store import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from skykey.sandbox.influxdb.influxql import Buckets
    from skykey.sandbox.influxdb.results import Row

_NUMBERS = frozenset({Kind.FLOAT, Kind.INTEGER})
# The kinds of fields that a function can take.
TAKES = dict.fromkeys(["sum", "mean"], _NUMBERS)
TAKES |= dict.fromkeys(["max", "min"], _NUMBERS | {Kind.BOOLEAN})
TAKES |= dict.fromkeys(["count", "first", "last"], _NUMBERS | {Kind.BOOLEAN, Kind.STRING})


@dataclass(frozen=True)
class Output:
    """A column of the answer: a field, a tag, or a function of a field."""

    name: str
    column: str
    function: str = ""


# From here on, a point is (time, value, *the tags of its series).


def _added(values: Iterable[Any]) -> Any:
    # Not the built-in sum, which from Python 3.12 on is more exact than 1.6.7.
    total = reduce(add, values)
    if not (-(2**63) <= total < 2**63 if isinstance(total, int) else math.isfinite(total)):
        raise RefusedError("a sum is beyond 64 bits")
    return total


def _sums(points: Sequence[Row]) -> list[tuple[Any, int]]:
    """Give the sum and the size of each series, in the order of their names: of the tags that they have."""
    found: dict[Row, list[Any]] = defaultdict(list)
    for _, value, *tags in points:
        found[tuple(pair for pair in enumerate(tags) if pair[1])].append(value)
    ordered = sorted(found, reverse=points[0][0] > points[-1][0])
    return [(_added(found[series]), len(found[series])) for series in ordered]


def _sum(points: Sequence[Row]) -> Any:
    return _added([0, *(part for part, _ in _sums(points))])  # so that it is never -0


def _mean(points: Sequence[Row]) -> float:
    return float(_added([0.0, *(float(part) / size * size for part, size in _sums(points))]) / len(points))


_AGGREGATES: Mapping[str, Callable[[Sequence[Row]], Any]] = {"count": len, "sum": _sum, "mean": _mean}
# The point that is greatest in this; of equal values the earliest.
_SELECTORS: Mapping[str, Callable[[Row], Any]] = {
    "max": lambda point: (point[1], -point[0]),
    "min": lambda point: (-point[1], -point[0]),
    "first": lambda point: -point[0],
    "last": lambda point: point[0],
}


@dataclass(frozen=True)
class Reduction:
    """What is to be computed of the rows of a group: (time, one value an output, the tags)."""

    outputs: Sequence[Output]
    start: int
    end: int
    buckets: Buckets | None
    descending: bool

    def rows(self, rows: Iterable[Row]) -> Iterator[Row]:
        found = {at: self._row(list(members)) for at, members in groupby(rows, key=lambda row: self._bucket(row[0]))}
        if self.buckets is None or not self.buckets.filled:
            yield from ((at if self.buckets else row[0], *row[1:]) for at, row in found.items())
            return
        # A count is zero where nothing is, but not where nothing is in any bucket.
        columns = zip(*found.values(), strict=True)
        functions = ["", *(output.function for output in self.outputs)]
        empty = [
            0 if name == "count" and any(values) else None for name, values in zip(functions, columns, strict=True)
        ]
        every = range(self._bucket(self.start), self._bucket(self.end) + 1, self.buckets.width)
        for at in reversed(every) if self.descending else every:
            pairs = list(zip(found.get(at, empty), empty, strict=True))
            yield at, *(nothing if value is None else value for value, nothing in pairs[1:])

    def _bucket(self, time: int) -> int:
        return time - (time - self.buckets.shift) % self.buckets.width if self.buckets else 0

    def _row(self, rows: Sequence[Row]) -> Row:
        """Give the time where a selector that is alone found its point, and the values."""
        found: list[Row] = []
        for number, output in enumerate(self.outputs, 1):
            points = [(row[0], row[number], *row[1 + len(self.outputs) :]) for row in rows if row[number] is not None]
            if points and output.function in _SELECTORS:
                chosen = max(points, key=_SELECTORS[output.function])
                if output.function in {"first", "last"} and len({at[1] for at in points if at[0] == chosen[0]}) > 1:
                    raise RefusedError(f"{output.function}({output.column}) of several points at a time")
                found.append(chosen)
            else:
                found.append((self.start, _AGGREGATES[output.function](points) if points else None))
        alone = len({(output.function, output.column) for output in self.outputs}) == 1
        return found[0][0] if alone else self.start, *(point[1] for point in found)
