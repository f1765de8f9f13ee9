"""A list that comes page by page is the same list as a table, with the same arguments, on both faces."""

import asyncio
import inspect
from typing import Any

import pyarrow as pa
import pytest

from skykey.calls.faces import Async, Sync
from skykey.calls.flow import Flow
from skykey.calls.items import Passed, collected, pass_on
from skykey.tables.end import End
from skykey.tables.listed import AsyncListed, Listed, listed
from skykey.tables.table import Table


def tabulate(found: Any, /, *, flatten: bool) -> Table:
    name = "flat" if flatten else "plain"
    return Table(pa.table({name: list(found)}), End(complete=True, rows=len(found)))


class TickFlows:
    pages = 0

    @listed(tabulate)
    def ticks(self, number: int, *, of: int = 2) -> Flow[Passed[int]]:
        """Ticks, page by page."""
        for first in range(0, number, of):
            self.__dict__["pages"] = self.__dict__.get("pages", 0) + 1
            yield from pass_on(list(range(first, min(first + of, number))))
        return Passed()

    def inside(self) -> Flow[list[int]]:
        return (yield from collected(self.ticks(3)))


class Ticks(TickFlows, Sync):
    pass


class AsyncTicks(TickFlows, Async):
    pass


def test_the_method_itself_is_the_list_and_asks_no_further_than_it_is_read() -> None:
    clock = Ticks()
    coming = clock.ticks(100)
    assert clock.pages == 0
    assert [next(coming), next(coming)] == [0, 1]
    coming.close()
    assert clock.pages == 1
    assert list(clock.ticks(5, of=3)) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(("flatten", "name"), [(False, "plain"), (True, "flat")])
def test_each_shape_holds_all_of_it(flatten: bool, name: str) -> None:
    clock = Ticks()
    assert clock.ticks.table(5, flatten=flatten).arrow.to_pydict() == {name: [0, 1, 2, 3, 4]}
    assert clock.ticks.arrow(5, flatten=flatten).column_names == [name]
    assert clock.ticks.pandas(5, of=1, flatten=flatten)[name].tolist() == [0, 1, 2, 3, 4]
    assert clock.ticks.polars(5, flatten=flatten)[name].to_list() == [0, 1, 2, 3, 4]


def test_and_so_it_is_asynchronously() -> None:
    clock = AsyncTicks()

    async def all_of_it() -> list[Any]:
        one_by_one = [tick async for tick in clock.ticks(5)]
        table = await clock.ticks.table(5)
        frame = await clock.ticks.pandas(5, flatten=True)
        return [
            one_by_one,
            table.arrow["plain"].to_pylist(),
            frame["flat"].tolist(),
            (await clock.ticks.arrow(5))["plain"].to_pylist(),
            (await clock.ticks.polars(5))["plain"].to_list(),
        ]

    assert asyncio.run(all_of_it()) == [[0, 1, 2, 3, 4]] * 5


def test_it_is_documented_as_the_method_that_it_is() -> None:
    method = Ticks().ticks
    assert isinstance(method, Listed)
    assert isinstance(AsyncTicks().ticks, AsyncListed)
    assert (method.__doc__, method.__name__) == ("Ticks, page by page.", "ticks")
    assert "number" in str(inspect.signature(Ticks.ticks.flow))
    assert "TickFlows.ticks" in repr(method)


def test_inside_a_flow_it_is_a_flow() -> None:
    from skykey.calls.faces import bound
    from skykey.calls.perform import perform

    assert bound(TickFlows.inside, Ticks(), perform)() == [0, 1, 2]
