"""What a statement answers: results with series, in the pieces in which they are sent."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Series:
    name: str
    columns: tuple[str, ...]
    rows: list[Row] = field(default_factory=list)
    tags: Mapping[str, str] = field(default_factory=dict)
    timed: bool = False
    partial: bool = False


@dataclass(frozen=True)
class Result:
    statement: int
    series: tuple[Series, ...] = ()
    partial: bool = False
    error: str = ""


def pieces(statement: int, groups: Iterable[tuple[Series, Iterator[Row]]], size: int = 10**9) -> Iterator[Result]:
    """Cut the rows of each series in pieces; a statement without rows gives one empty result.

    A piece is partial if more of the statement follows, its series if more of that series does.
    """
    held: Result | None = None
    for series, rows in groups:
        while piece := list(islice(rows, size)):
            if held:
                more = held.series[0].name == series.name and held.series[0].tags == series.tags
                yield replace(held, partial=True, series=(replace(held.series[0], partial=more),))
            held = Result(statement, (replace(series, rows=piece),))
    yield held or Result(statement)


def whole(results: Iterable[Result]) -> list[Result]:
    """Put the pieces together as 1.6.7 does for an answer that is not chunked.

    The first piece's mark stays on a series of several pieces, so above 10,000 rows a complete answer says
    that it is partial; and an error takes the place of the error before it.
    """
    merged: list[Result] = []
    for result in results:
        if not merged or merged[-1].statement != result.statement:
            merged.append(result)
        elif result.error:
            merged[-1] = result
        else:
            series = list(merged[-1].series)
            for more in result.series:
                if series and series[-1].name == more.name and series[-1].tags == more.tags:
                    series[-1].rows.extend(more.rows)
                else:
                    series.append(more)
            merged[-1] = replace(result, series=tuple(series))
    return merged
