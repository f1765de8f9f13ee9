"""Properties that are read from the API root: plain ones on a blocking client, awaited ones on an asynchronous one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, overload

from skykey.calls.faces import Async, Sync, bound
from skykey.calls.perform import aperform, perform

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from skykey.calls.flow import Flow

T = TypeVar("T")


class rooted(Generic[T]):  # noqa: N801 - a decorator, like property
    """Make a flow a property of both faces.

    On a `Sync` object it is the value, on an `Async` object something to await, inside a flow a flow.

    Parameters
    ----------
    flow
        Gives the value.
    """

    def __init__(self, flow: Callable[[Any], Flow[T]]) -> None:
        self.flow = flow
        self.__doc__ = flow.__doc__

    @overload
    def __get__(self, obj: None, owner: type[Any], /) -> Self: ...
    @overload
    def __get__(self, obj: Sync, owner: type[Any], /) -> T: ...
    @overload
    def __get__(self, obj: Async, owner: type[Any], /) -> Awaitable[T]: ...
    @overload
    def __get__(self, obj: object, owner: type[Any], /) -> Flow[T]: ...
    def __get__(self, obj: Any, owner: type[Any], /) -> Any:
        if obj is None:
            return self
        if isinstance(obj, Sync):
            return bound(self.flow, obj, perform)()
        if isinstance(obj, Async):
            return bound(self.flow, obj, aperform)()
        return self.flow(obj)

    def __set__(self, obj: object, value: object) -> None:
        raise AttributeError("this is what the server says, and cannot be set")

    @staticmethod
    def key(name: str, doc: str) -> rooted_key:
        """A property that is one key of ``service_info``.

        Parameters
        ----------
        name
            The key; the value is None where the server has none.
        doc
            What it is.
        """
        return rooted_key(name, doc)


class rooted_key(rooted[Any]):  # noqa: N801 - as above
    """See `rooted.key`. It asks ``service_info``, so that whoever replaces that replaces this too."""

    def __init__(self, name: str, doc: str) -> None:
        self._name = name
        super().__init__(self._flow)
        self.__doc__ = doc

    def _flow(self, view: Any) -> Flow[Any]:
        return (yield from view.service_info).get(self._name)

    @overload
    def __get__(self, obj: None, owner: type[Any], /) -> Self: ...
    @overload
    def __get__(self, obj: Sync, owner: type[Any], /) -> Any: ...
    @overload
    def __get__(self, obj: Async, owner: type[Any], /) -> Awaitable[Any]: ...
    @overload
    def __get__(self, obj: object, owner: type[Any], /) -> Flow[Any]: ...
    def __get__(self, obj: Any, owner: type[Any], /) -> Any:
        if isinstance(obj, Sync):
            return obj.service_info.get(self._name)  # type: ignore[attr-defined]
        return super().__get__(obj, owner)
