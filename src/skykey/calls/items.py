"""Lists that come page by page, in both faces.

::

    class ClockFlows:
        @items
        def ticks(self) -> Flow[Passed[int]]:
            for page in ...:
                yield from pass_on((yield from ask(Call(...))))
            return Passed()

    for tick in Clock().ticks(): ...                # a generator: nothing is asked before its first item
    async for tick in AsyncClock().ticks(): ...

Whoever stops early asks for no further page.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeVar, cast

from skykey.calls.faces import Async, Facet, Sync, bound
from skykey.calls.perform import AsyncPerformance, Performance
from skykey.calls.steps import Batches, Close

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skykey.calls.flow import Flow
    from skykey.values.clock import Clock
    from skykey.wire.exchange import Carrier

P = ParamSpec("P")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Passed(Generic[T_co]):
    """What a flow returns that has passed its items on: nothing more, and of which type they were."""


def pass_on(page: Sequence[object]) -> Flow[None]:
    """Pass items on to whoever iterates; no connection is held while they are looked at.

    Parameters
    ----------
    page
        Some of them, in their order.
    """
    yield Close()
    if page:
        yield Batches(page)


def collected(flow: Flow[Passed[T]]) -> Flow[list[T]]:
    """All items of a flow, for other flows that need them whole.

    Parameters
    ----------
    flow
        It passes items on.
    """
    return (yield from limited(flow, None))


def limited(flow: Flow[Passed[T]], most: int | None) -> Flow[list[T]]:
    """The first items of a flow; it goes no further than they need.

    Parameters
    ----------
    flow
        It passes items on.
    most
        How many; None for all.
    """
    found: list[T] = []
    answer: Any = None
    failure: Exception | None = None
    try:
        while most is None or len(found) < most:
            try:
                step = flow.send(answer) if failure is None else flow.throw(failure)
            except StopIteration:
                break
            answer = failure = None
            if isinstance(step, Batches):
                found += cast("Sequence[T]", step.items)
                continue
            try:
                answer = yield step
            except Exception as problem:  # noqa: BLE001 - handed to the flow, which raises it again
                failure = problem
    finally:
        flow.close()
    return found if most is None else found[:most]


def _one_by_one(flow: Flow[Passed[T]], carrier: Carrier, clock: Clock) -> Generator[T, None, None]:
    performance = Performance(flow, carrier, clock)
    try:
        while (page := performance.advance()) is not None:
            yield from cast("Sequence[T]", page)
    finally:
        performance.close()


async def _aone_by_one(flow: Flow[Passed[T]], carrier: Carrier, clock: Clock) -> AsyncGenerator[T, None]:
    performance = AsyncPerformance(flow, carrier, clock)
    try:
        while (page := await performance.advance()) is not None:
            for item in cast("Sequence[T]", page):
                yield item
    finally:
        await performance.close()


class items(  # noqa: N801 - a decorator, like property
    Facet[Callable[P, Generator[T, None, None]], Callable[P, AsyncGenerator[T, None]], Callable[P, "Flow[Passed[T]]"]],
    Generic[P, T],
):
    """Make a flow that passes items on a method of both faces.

    On a `Sync` object it gives a generator, on an `Async` one an asynchronous generator. Inside a flow it is the flow
    itself: `collected` makes a list of it.
    """

    def __init__(self, flow: Callable[Concatenate[Any, P], Flow[Passed[T]]]) -> None:
        super().__init__(flow)

    def _blocking(self, obj: Sync) -> Any:
        return bound(self.flow, obj, _one_by_one)

    def _asynchronous(self, obj: Async) -> Any:
        return bound(self.flow, obj, _aone_by_one)
