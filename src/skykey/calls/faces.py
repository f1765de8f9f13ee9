"""The two faces of a client: one class of flows, two thin classes of methods.

::

    class ClockFlows:
        @method
        def now(self) -> Flow[str]:
            return (yield from ask(Call(...)))

        @method
        def twice(self) -> Flow[str]:
            return (yield from self.now()) + (yield from self.now())   # inside, methods are flows

    class Clock(ClockFlows, Sync): ...           # Clock().now() -> str
    class AsyncClock(ClockFlows, Async): ...     # await AsyncClock().now() -> str
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, Self, TypeVar, overload

from skykey.calls.perform import aperform, perform
from skykey.values.clock import SYSTEM_CLOCK, Clock

if TYPE_CHECKING:
    from skykey.calls.flow import Flow
    from skykey.wire.exchange import Carrier

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")
S_co = TypeVar("S_co", covariant=True)
A_co = TypeVar("A_co", covariant=True)
F_co = TypeVar("F_co", covariant=True)


class Face:
    """What both faces have: who carries their requests, and what time it is."""

    _carrier: Carrier | None = None
    _clock: Clock = SYSTEM_CLOCK


def lent(giver: object, taker: T) -> T:
    """Give an object the carrier and the clock of another one, which makes it: what it asks goes the same way."""
    vars(taker).update({name: vars(giver)[name] for name in ("_carrier", "_clock") if name in vars(giver)})
    return taker


class Sync(Face):
    """Marks a class whose methods block and return results."""


class Async(Face):
    """Marks a class whose methods are coroutines."""


class Facet(Generic[S_co, A_co, F_co]):
    """What a flow is as an attribute of an object: one thing of a blocking one, another of an asynchronous one.

    Inside a flow, where ``self`` has no face, it is the flow itself. Decorators inherit it, and say what the two are.

    Parameters
    ----------
    flow
        The method's body.
    """

    def __init__(self, flow: Callable[..., Any]) -> None:
        self.flow = flow
        functools.update_wrapper(self, flow)  # a descriptor is documented like a function

    def __call__(self, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Called on the class, with the object first; so ``help`` and ``inspect`` see its parameters too."""
        found: Any = self.__get__(obj, type(obj))
        return found(*args, **kwargs)

    @overload
    def __get__(self, obj: None, owner: type[Any], /) -> Self: ...
    @overload
    def __get__(self, obj: Sync, owner: type[Any], /) -> S_co: ...
    @overload
    def __get__(self, obj: Async, owner: type[Any], /) -> A_co: ...
    @overload
    def __get__(self, obj: object, owner: type[Any], /) -> F_co: ...
    def __get__(self, obj: Any, owner: type[Any], /) -> Any:
        if obj is None:
            return self
        if isinstance(obj, Sync):
            return self._blocking(obj)
        if isinstance(obj, Async):
            return self._asynchronous(obj)
        return functools.partial(self.flow, obj)

    def _blocking(self, obj: Sync) -> Any:
        raise NotImplementedError  # each kind of method says what it is there

    def _asynchronous(self, obj: Async) -> Any:
        raise NotImplementedError  # and there


class method(  # noqa: N801 - a decorator, like property
    Facet[Callable[P, T], Callable[P, Coroutine[Any, Any, T]], Callable[P, "Flow[T]"]], Generic[P, T]
):
    """Make a flow a method of both faces.

    On a `Sync` object it returns the result, on an `Async` object a coroutine. Inside a flow, ``self`` is a view of the
    object without its face, so that ``self.other(...)`` and ``super().other(...)`` are flows. Override in the class
    of flows, with `method` again.
    """

    def __init__(self, flow: Callable[Concatenate[Any, P], Flow[T]]) -> None:
        super().__init__(flow)

    def _blocking(self, obj: Sync) -> Any:
        return bound(self.flow, obj, perform)

    def _asynchronous(self, obj: Async) -> Any:
        return bound(self.flow, obj, aperform)


class twin(Generic[P, T]):  # noqa: N801 - a decorator
    """Give a blocking class the coroutine of one of its methods under a second, documented name.

    Parameters
    ----------
    of
        The `method`.
    """

    def __init__(self, of: method[P, T]) -> None:
        self._of = of
        functools.update_wrapper(self, of.flow)

    def __call__(self, obj: Any, /, *args: P.args, **kwargs: P.kwargs) -> Any:
        """Called on the class, with the object first; so ``help`` and ``inspect`` see its parameters too."""
        return self.__get__(obj, type(obj))(*args, **kwargs)

    @overload
    def __get__(self, obj: None, owner: type[Any], /) -> Self: ...
    @overload
    def __get__(self, obj: object, owner: type[Any], /) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, obj: Any, owner: type[Any], /) -> Any:
        return self if obj is None else bound(self._of.flow, obj, aperform)


def bound(
    flow: Callable[Concatenate[Any, P], Flow[T]], obj: Face, performer: Callable[[Flow[T], Carrier, Clock], R]
) -> Callable[P, R]:
    """A flow as a method of an object that has a face.

    Parameters
    ----------
    flow
        The method's body.
    obj
        Its ``self``; the flow sees it without its face.
    performer
        What is made of the flow with the object's carrier and clock.
    """

    @functools.wraps(flow)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        course = flow(_faceless(obj), *args, **kwargs)
        del args, kwargs  # tracebacks show local variables, and an argument may be a token
        return performer(course, _carrier_of(obj), obj._clock)  # noqa: SLF001 - own family

    return call


def _carrier_of(obj: Face) -> Carrier:
    """Who takes this object's requests out: the client that its user brought, or the process's pools."""
    if obj._carrier is not None:  # noqa: SLF001 - own family
        return obj._carrier  # noqa: SLF001
    # Here and not at the top: the HTTP library loads with the first request.
    from skykey.wire.pools import PROCESS_POOLS

    return PROCESS_POOLS


def _faceless(obj: Face) -> Any:
    """A view of the object as its class of flows sees it: the same state, no face."""
    flows = _flows_class(type(obj))
    view = object.__new__(flows)
    view.__dict__ = obj.__dict__
    return view


def _flows_class(cls: type[Face]) -> type[Any]:
    for base in cls.__mro__:
        if not issubclass(base, Face):
            return base
    raise TypeError(f"{cls.__name__} has no class of flows among its bases")
