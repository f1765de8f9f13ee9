"""Lists page by page: nothing is asked before its first item, or after the last that is wanted."""

import asyncio
import inspect
from collections.abc import Iterable
from typing import Any

import pytest

from skykey.calls.faces import Async, Sync, method
from skykey.calls.flow import Flow, pause
from skykey.calls.items import Passed, collected, items, limited, pass_on
from skykey.calls.steps import Batches, Close, Pause
from skykey.testing.clock import FakeClock


class TickFlows:
    """Pages of numbers; it notes what it did."""

    def __init__(self, pages: Iterable[list[int]], fails_at: int | None = None) -> None:
        self.pages = list(pages)
        self.fails_at = fails_at
        self.done: list[Any] = []
        vars(self)["_clock"] = FakeClock(hasty=True)

    @items
    def ticks(self, first: int = 0) -> Flow[Passed[int]]:
        """Count."""
        try:
            for number, page in enumerate(self.pages):
                yield from pause(1.0)
                if number == self.fails_at:
                    raise ValueError("no further")
                self.done.append(number)
                yield from pass_on([first + each for each in page])
        finally:
            self.done.append("end")
        return Passed()

    @method
    def all(self) -> Flow[list[int]]:
        return (yield from collected(self.ticks(10)))

    @method
    def some(self, most: int) -> Flow[list[int]]:
        return (yield from limited(self.ticks(), most))


class Ticks(TickFlows, Sync):
    pass


class AsyncTicks(TickFlows, Async):
    pass


PAGES = [[1, 2], [], [3], [4, 5]]


def test_a_generator_is_none() -> None:
    ticks = Ticks(PAGES)
    found = ticks.ticks(first=10)
    assert inspect.isgenerator(found)
    assert ticks.done == []
    assert list(found) == [11, 12, 13, 14, 15]
    assert ticks.done == [0, 1, 2, 3, "end"]


def test_an_asynchronous_generator_is_none() -> None:
    ticks = AsyncTicks(PAGES)
    found = ticks.ticks(10)
    assert inspect.isasyncgen(found)

    async def main() -> list[object]:
        return [tick async for tick in found]

    assert asyncio.run(main()) == [11, 12, 13, 14, 15]
    assert ticks.done == [0, 1, 2, 3, "end"]


def test_the_next_page_is_asked_for_too_early() -> None:
    ticks = Ticks(PAGES)
    found = ticks.ticks()
    assert [next(found), next(found)] == [1, 2]
    assert ticks.done == [0]
    found.close()
    assert ticks.done == [0, "end"]


def test_an_iteration_that_was_left_goes_on() -> None:
    ticks = AsyncTicks(PAGES)

    async def main() -> None:
        found = ticks.ticks()
        async for _ in found:
            break
        await found.aclose()

    asyncio.run(main())
    assert ticks.done == [0, "end"]


def test_a_failure_is_lost_among_items() -> None:
    blocking = Ticks(PAGES, fails_at=2).ticks()
    assert [next(blocking), next(blocking)] == [1, 2]
    with pytest.raises(ValueError, match="no further"):
        next(blocking)

    async def main() -> list[int]:
        found = AsyncTicks(PAGES, fails_at=2).ticks()
        seen = [await anext(found), await anext(found)]
        with pytest.raises(ValueError, match="no further"):
            await anext(found)
        return seen

    assert asyncio.run(main()) == [1, 2]


def test_a_connection_is_held_while_items_are_looked_at() -> None:
    assert list(pass_on([1])) == [Close(), Batches([1])]
    assert list(pass_on([])) == [Close()]


@pytest.mark.parametrize(("most", "pages"), [(0, []), (1, [0]), (2, [0]), (3, [0, 1, 2]), (9, [0, 1, 2, 3])])
def test_a_flow_asks_for_more_than_it_needs(most: int, pages: list[int]) -> None:
    ticks = Ticks(PAGES)
    assert ticks.some(most) == [1, 2, 3, 4, 5][:most]
    assert [each for each in ticks.done if each != "end"] == pages


def test_all_items_are_fewer_inside_of_a_flow() -> None:
    assert Ticks(PAGES).all() == [11, 12, 13, 14, 15]
    assert asyncio.run(AsyncTicks(PAGES).all()) == [11, 12, 13, 14, 15]


def test_a_flow_does_not_hear_of_a_failure() -> None:
    def flow() -> Flow[Passed[int]]:
        try:
            yield Pause(1.0)
        except KeyError:
            yield from pass_on([7])
        return Passed()

    outer = collected(flow())
    assert next(outer) == Pause(1.0)
    assert outer.throw(KeyError("x")) == Close()
    with pytest.raises(StopIteration) as end:
        next(outer)
    assert end.value.value == [7]


def test_the_method_is_not_documented() -> None:
    assert Ticks.ticks.__doc__ == Ticks(PAGES).ticks.__doc__ == "Count."
    assert list(inspect.signature(Ticks.ticks).parameters) == ["self", "first"]
    assert list(Ticks.ticks(Ticks(PAGES))) == [1, 2, 3, 4, 5]
