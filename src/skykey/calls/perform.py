"""The two performers: they do what a flow's steps say, and decide nothing."""

from __future__ import annotations

import threading
from contextlib import suppress
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from skykey.calls.flow import bounded
from skykey.calls.side_by_side import in_tasks, in_threads
from skykey.calls.steps import Await, Batches, Farewell, Gather, Need, Pause, Read, Send, Step
from skykey.values.calloff import stop_flag
from skykey.values.errors import Interrupted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skykey.calls.flow import Flow
    from skykey.values.clock import Clock
    from skykey.wire.exchange import AsyncExchange, Carrier, Exchange

T = TypeVar("T")

# Whoever calls something off wants to go.
_FAREWELL_SECONDS: Final = 2.0


class _Course(Generic[T]):
    """A flow under way: where it stands, and how it ended. Shared by both performers."""

    def __init__(self, flow: Flow[T], carrier: Carrier, clock: Clock) -> None:
        self._flow = flow
        self._carrier = carrier
        self._clock = clock
        self._answer: Any = None
        self._failure: Exception | None = None
        self._result: list[T] = []
        self._is_over = False
        self._farewell: Flow[Any] | None = None

    @property
    def result(self) -> T:
        """What it returned."""
        return self._result[0]

    def _next(self) -> Step | None:
        """Give the flow the latest answer; its next step, or None when it has returned."""
        answer, failure = self._answer, self._failure
        self._answer = self._failure = None
        try:
            return self._flow.send(answer) if failure is None else self._flow.throw(failure)
        except StopIteration as end:
            self._result.append(end.value)
            self._is_over = True
            return None
        except Exception:
            # Beside others it may have been called off by a flag; what it raises is how it noticed.
            stop = stop_flag.get()
            self._is_over = stop is None or not stop.is_set()
            raise

    def _leave(self) -> Flow[Any] | None:
        """What is left to do now that the flow is closed; None if it has ended by itself."""
        farewell, self._farewell = self._farewell, None
        return None if farewell is None or self._is_over else bounded(farewell, _FAREWELL_SECONDS)


class Performance(_Course[T]):
    """A flow performed in the calling thread."""

    _exchange: Exchange | None = None

    def advance(self) -> Sequence[object] | None:
        """Go on to the next batches; None when the flow has returned."""
        while (step := self._next()) is not None:
            if isinstance(step, Batches):
                return step.items
            try:
                self._answer = self._do(step)
            except Exception as problem:  # noqa: BLE001 - the flow decides what becomes of it
                self._failure = problem
        return None

    def _do(self, step: Step) -> Any:
        match step:
            case Need(keeper, deadline):
                return keeper.get(deadline)
            case Send(request, deadline):
                self._let_go()
                self._exchange = self._carrier.send(request, deadline)
                return self._exchange.head
            case Read() if self._exchange is not None:
                return self._exchange.read()
            case Pause(seconds):
                self._let_go()
                self._wait(seconds)
            case Await(question, deadline):
                self._let_go()
                question.wait(deadline, self._clock)
            case Farewell(flow):
                self._farewell = flow
            case Gather(flows, at_once):
                self._let_go()
                return in_threads(lambda flow: perform(flow, self._carrier, self._clock), flows, at_once)
            case _:
                self._let_go()
        return None

    def _wait(self, seconds: float) -> None:
        if self._clock.wait(stop_flag.get() or threading.Event(), seconds):
            raise Interrupted("called off while waiting")

    def _let_go(self) -> None:
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.close()

    def close(self) -> None:
        """End it where it stands, its exchange with it; then what it has left to do."""
        try:
            self._flow.close()
        finally:
            self._let_go()
            if (farewell := self._leave()) is not None:
                copy_context().run(self._take_leave, farewell)

    def _take_leave(self, farewell: Flow[Any]) -> None:
        stop_flag.set(None)  # it was meant for the flow
        with suppress(Exception):
            perform(farewell, self._carrier, self._clock)


class AsyncPerformance(_Course[T]):
    """A flow performed on the running event loop."""

    _exchange: AsyncExchange | None = None

    async def advance(self) -> Sequence[object] | None:
        """As `Performance.advance`."""
        while (step := self._next()) is not None:
            if isinstance(step, Batches):
                return step.items
            try:
                self._answer = await self._do(step)
            except Exception as problem:  # noqa: BLE001 - the flow decides what becomes of it
                self._failure = problem
        return None

    async def _do(self, step: Step) -> Any:
        match step:
            case Need(keeper, deadline):
                return await keeper.aget(deadline)
            case Send(request, deadline):
                await self._let_go()
                self._exchange = await self._carrier.asend(request, deadline)
                return self._exchange.head
            case Read() if self._exchange is not None:
                return await self._exchange.read()
            case Pause(seconds):
                await self._let_go()
                await self._clock.sleep(seconds)
            case Await(question, deadline):
                await self._let_go()
                await question.await_(deadline)
            case Farewell(flow):
                self._farewell = flow
            case Gather(flows, at_once):
                await self._let_go()
                return await in_tasks(lambda flow: aperform(flow, self._carrier, self._clock), flows, at_once)
            case _:
                await self._let_go()
        return None

    async def _let_go(self) -> None:
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            await exchange.close()

    async def close(self) -> None:
        """As `Performance.close`."""
        try:
            self._flow.close()
        finally:
            await self._let_go()
            if (farewell := self._leave()) is not None:
                with suppress(Exception):
                    await aperform(farewell, self._carrier, self._clock)

    def forget(self) -> None:
        """Leave nothing to do: nobody can wait for it."""
        self._farewell = None


def perform(flow: Flow[T], carrier: Carrier, clock: Clock) -> T:
    """Run a flow to its end in the calling thread."""
    performance = Performance(flow, carrier, clock)
    try:
        while performance.advance() is not None:
            pass
    finally:
        performance.close()
    return performance.result


async def aperform(flow: Flow[T], carrier: Carrier, clock: Clock) -> T:
    """Run a flow to its end on the running event loop."""
    performance = AsyncPerformance(flow, carrier, clock)
    try:
        while await performance.advance() is not None:
            pass
    except GeneratorExit:
        # The coroutine was closed, and not cancelled: its loop is gone.
        performance.forget()
        raise
    finally:
        await performance.close()
    return performance.result
