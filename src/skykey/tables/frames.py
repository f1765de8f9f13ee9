"""Methods that give a DataFrame, and the same answer in other shapes under their own name.

::

    class TelemetryFlows:
        @frame
        def query(self, query: str) -> Flow[Table]: ...

    client.query("SELECT …")            # pandas.DataFrame, as documented
    client.query.table("SELECT …")      # Table: Arrow data, and whether it is all of it
    client.query.arrow("SELECT …")      # pyarrow.Table
    client.query.polars("SELECT …")     # polars.DataFrame

    await asynchronous.query.polars("SELECT …")
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, Self, TypeVar, overload

from skykey.calls.faces import Async, Facet, Sync, bound
from skykey.calls.perform import aperform, perform

if TYPE_CHECKING:
    from collections.abc import Coroutine

    import pandas as pd
    import polars as pl

    from skykey.calls.faces import Face
    from skykey.calls.flow import Flow
    from skykey.tables.arrow import ArrowTable
    from skykey.tables.table import Table

P = ParamSpec("P")
T = TypeVar("T")


class _Shapes(Generic[P]):
    """A method of one object."""

    __doc__: str | None

    def __init__(self, flow: Callable[Concatenate[Any, P], Flow[Table]], obj: Face) -> None:
        self._flow = flow
        self._obj = obj
        functools.update_wrapper(self, flow)  # type: ignore[arg-type]  # a callable object is documented like a function
        self.__signature__ = _signature(flow)

    def __repr__(self) -> str:
        return f"<{self._flow.__qualname__} of {self._obj!r}>"


@functools.cache
def _signature(flow: Callable[..., Flow[Table]]) -> inspect.Signature:
    """As whoever calls the method sees it: without ``self``, and with what comes back."""
    whole = inspect.signature(flow)
    return whole.replace(parameters=list(whole.parameters.values())[1:], return_annotation="pd.DataFrame")


class Frames(_Shapes[P]):
    """A method of a blocking client."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> pd.DataFrame:
        """The answer as a DataFrame."""
        return self.table(*args, **kwargs).to_pandas()

    def table(self, *args: P.args, **kwargs: P.kwargs) -> Table:
        """The answer as Arrow data that knows whether it is whole."""
        return bound(self._flow, self._obj, perform)(*args, **kwargs)

    def arrow(self, *args: P.args, **kwargs: P.kwargs) -> ArrowTable:
        """The answer as a ``pyarrow.Table``."""
        return self.table(*args, **kwargs).arrow

    def polars(self, *args: P.args, **kwargs: P.kwargs) -> pl.DataFrame:
        """The answer as a ``polars.DataFrame``.

        Raises
        ------
        MissingExtra
            If polars is not installed.
        """
        return self.table(*args, **kwargs).to_polars()


class AsyncFrames(_Shapes[P]):
    """A method of an asynchronous client, or a documented coroutine of a blocking one."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, pd.DataFrame]:
        """See `Frames`."""
        return _made(self.table(*args, **kwargs), lambda table: table.to_pandas())

    def table(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, Table]:
        """See `Frames.table`."""
        return bound(self._flow, self._obj, aperform)(*args, **kwargs)

    def arrow(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, ArrowTable]:
        """See `Frames.arrow`."""
        return _made(self.table(*args, **kwargs), lambda table: table.arrow)

    def polars(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, pl.DataFrame]:
        """See `Frames.polars`."""
        return _made(self.table(*args, **kwargs), lambda table: table.to_polars())


async def _made(coming: Coroutine[Any, Any, Table], make: Callable[[Table], T]) -> T:
    return make(await coming)


class frame(  # noqa: N801 - a decorator, like property
    Facet[Frames[P], AsyncFrames[P], Callable[P, "Flow[Table]"]], Generic[P]
):
    """Make a flow that gives a `Table` a method of both faces that gives a DataFrame, and more shapes of it.

    Inside flows the method is the flow itself, and gives the `Table`.
    """

    def __init__(self, flow: Callable[Concatenate[Any, P], Flow[Table]]) -> None:
        super().__init__(flow)

    def _blocking(self, obj: Sync) -> Any:
        return Frames(self.flow, obj)

    def _asynchronous(self, obj: Async) -> Any:
        return AsyncFrames(self.flow, obj)


class frame_twin(Generic[P]):  # noqa: N801 - a decorator
    """As `calls.faces.twin`, of a `frame`.

    Parameters
    ----------
    of
        The method.
    """

    def __init__(self, of: frame[P]) -> None:
        self._of = of
        functools.update_wrapper(self, of.flow)  # a descriptor is documented like a function

    def __call__(self, obj: Any, /, *args: P.args, **kwargs: P.kwargs) -> Any:
        """Called on the class, with the object first; so ``help`` and ``inspect`` see its parameters too."""
        return self.__get__(obj, type(obj))(*args, **kwargs)

    @overload
    def __get__(self, obj: None, owner: type[Any], /) -> Self: ...
    @overload
    def __get__(self, obj: Sync, owner: type[Any], /) -> AsyncFrames[P]: ...
    def __get__(self, obj: Any, owner: type[Any], /) -> Any:
        return self if obj is None else AsyncFrames(self._of.flow, obj)
