"""Methods as generators: what they ask for is yielded, so that one text serves blocking and asynchronous callers.

::

    def answer(self) -> Flow[int]:
        page = yield from ask(Call(...))
        held = yield from need(keeper)
        yield from pause(1.0)
        several = yield from gather([ask(Call(...)), ask(Call(...))], at_once=2)
        return 42
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from skykey.calls.attempts import attempts
from skykey.calls.steps import Await, Batches, Gather, Need, Pause, Send, Step
from skykey.values.deadline import Deadline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skykey.calls.call import Call
    from skykey.credentials.held import C, Held
    from skykey.credentials.kept import Kept

T = TypeVar("T")

Flow = Generator[Step, Any, T]
"""A method's body: yields steps, gets their answers, returns the result."""


def ask(call: Call[T]) -> Flow[T]:
    """Perform a call and give its reader's result; batches on the way are the reader's own affair."""
    steps = attempts(call)
    answer: Any = None
    failure: Exception | None = None
    while True:
        try:
            step = steps.send(answer) if failure is None else steps.throw(failure)
        except StopIteration as end:
            result: T = end.value
            return result
        answer = failure = None
        if isinstance(step, Batches):
            continue
        try:
            answer = yield step
        except Exception as problem:  # noqa: BLE001 - handed to the call's own rules, which raise it again
            failure = problem


def stream(call: Call[T]) -> Flow[T]:
    """Perform a call whose batches go on to whoever iterates over the method's rows."""
    return attempts(call)


def bounded(flow: Flow[T], seconds: float | None) -> Flow[T]:
    """Give everything that a flow does, all its calls and waits, one time limit together.

    Parameters
    ----------
    flow
        What is to be done; it may be one that streams.
    seconds
        From the first step on; None for no limit but the block's own (`within`).
    """
    return (yield from _ended(flow, Deadline.after(seconds)))


def _ended(flow: Flow[T], deadline: Deadline) -> Flow[T]:
    answer: Any = None
    failure: Exception | None = None
    try:
        while True:
            try:
                step = flow.send(answer) if failure is None else flow.throw(failure)
            except StopIteration as end:
                result: T = end.value
                return result
            answer = failure = None
            try:
                answer = yield _in_time(step, deadline)
            except Exception as problem:  # noqa: BLE001 - handed to the flow, which raises it again
                failure = problem
    finally:
        flow.close()


def _in_time(step: Step, deadline: Deadline) -> Step:
    match step:
        case Need() | Send() | Await():
            return replace(step, deadline=deadline.sooner(step.deadline))
        case Pause(wait):
            remaining = deadline.remaining()
            return step if remaining is None else Pause(min(wait, remaining))
        case Gather(flows):
            return replace(step, flows=[_ended(flow, deadline) for flow in flows])
        case _:
            return step


def gather(flows: Sequence[Flow[T]], *, at_once: int) -> Flow[list[T]]:
    """Perform flows side by side, each in a thread or task of its own.

    Parameters
    ----------
    flows
        They share no exchange; what they share else must be made for threads.
    at_once
        How many are under way at any time.

    Returns
    -------
    list
        Their results, in their order.

    Raises
    ------
    Exception
        The first failure; the others are called off, and have ended, when it is raised.
    """
    results: list[T] = []
    if len(flows) > 1 and at_once > 1:
        results = yield Gather(flows, at_once)
    else:
        for flow in flows:
            results.append((yield from flow))
    return results


def need(keeper: Kept[C]) -> Flow[Held[C]]:
    """Get what a keeper holds, fresh."""
    held: Held[C] = yield Need(keeper, Deadline.after(None))
    return held


def pause(seconds: float) -> Flow[None]:
    """Wait without blocking an event loop, and no longer than the block's time limit.

    Raises
    ------
    TimedOut
        If that is over first.
    """
    deadline = Deadline.after(None)
    remaining = deadline.remaining()
    yield Pause(seconds if remaining is None else min(seconds, remaining))
    deadline.check("waiting")
