"""Lists that come page by page, and the same list as a table under their own name.

::

    class ArchiveFlows:
        @listed(table_of)
        def events(self, query: str) -> Flow[Passed[dict]]: ...

    for event in archive.events("far < 1e-7"): ...         # dictionaries, page by page
    archive.events.pandas("far < 1e-7")                    # pandas.DataFrame
    archive.events.polars("far < 1e-7", flatten=True)      # polars.DataFrame, nested fields as columns

    async for event in asynchronous.events("far < 1e-7"): ...
    await asynchronous.events.arrow("far < 1e-7")
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar, cast

from skykey.calls.faces import Async, Face, Facet, Sync, bound
from skykey.calls.items import collected, items
from skykey.calls.perform import aperform, perform

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Coroutine, Generator, Sequence

    import pandas as pd
    import polars as pl

    from skykey.calls.flow import Flow
    from skykey.calls.items import Passed
    from skykey.tables.arrow import ArrowTable
    from skykey.tables.table import Table

P = ParamSpec("P")
T = TypeVar("T")


class Tabulate(Protocol):
    """Makes a table of a whole list."""

    def __call__(self, found: Sequence[Any], /, *, flatten: bool) -> Table:
        """Make it.

        Parameters
        ----------
        found
            The items, in their order.
        flatten
            Whether nested fields become columns, named by their path.
        """
        ...


class _Listed(Generic[P, T]):
    """A method of one object."""

    __doc__: str | None

    def __init__(self, flow: Callable[Concatenate[Any, P], Flow[Passed[T]]], tabulate: Tabulate, obj: Face) -> None:
        self._flow = flow
        self._tabulate = tabulate
        self._obj = obj
        functools.update_wrapper(self, flow)  # type: ignore[arg-type]  # a callable object is documented like a function

    def _tabulated(self, flatten: bool) -> Callable[Concatenate[Any, P], Flow[Table]]:
        def flow(obj: Any, /, *args: P.args, **kwargs: P.kwargs) -> Flow[Table]:
            found = yield from collected(self._flow(obj, *args, **kwargs))
            return self._tabulate(found, flatten=flatten)

        return flow

    def __repr__(self) -> str:
        return f"<{self._flow.__qualname__} of {self._obj!r}>"


class Listed(_Listed[P, T]):
    """A method of a blocking client. The shapes take its arguments, and ``flatten``."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Generator[T, None, None]:
        """The items, page by page; nothing is asked before the first."""
        return items(self._flow).__get__(cast("Sync", self._obj), type(self._obj))(*args, **kwargs)

    def table(self, *args: Any, flatten: bool = False, **kwargs: Any) -> Table:
        """All of them as Arrow data.

        Parameters
        ----------
        *args, **kwargs
            As the method itself takes them.
        flatten
            Make columns of nested fields too, named by their path: ``extra_attributes.CoincInspiral.snr``.
        """
        return bound(self._tabulated(flatten), self._obj, perform)(*args, **kwargs)

    def arrow(self, *args: Any, flatten: bool = False, **kwargs: Any) -> ArrowTable:
        """As `table`: a ``pyarrow.Table``."""
        return self.table(*args, flatten=flatten, **kwargs).arrow

    def pandas(self, *args: Any, flatten: bool = False, **kwargs: Any) -> pd.DataFrame:
        """As `table`: a ``pandas.DataFrame``."""
        return self.table(*args, flatten=flatten, **kwargs).to_pandas()

    def polars(self, *args: Any, flatten: bool = False, **kwargs: Any) -> pl.DataFrame:
        """As `table`: a ``polars.DataFrame``."""
        return self.table(*args, flatten=flatten, **kwargs).to_polars()


class AsyncListed(_Listed[P, T]):
    """A method of an asynchronous client; see `Listed`."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> AsyncGenerator[T, None]:
        """The items, page by page; nothing is asked before the first."""
        return items(self._flow).__get__(cast("Async", self._obj), type(self._obj))(*args, **kwargs)

    def table(self, *args: Any, flatten: bool = False, **kwargs: Any) -> Coroutine[Any, Any, Table]:
        """See `Listed.table`."""
        return bound(self._tabulated(flatten), self._obj, aperform)(*args, **kwargs)

    async def arrow(self, *args: Any, flatten: bool = False, **kwargs: Any) -> ArrowTable:
        """See `Listed.arrow`."""
        return (await self.table(*args, flatten=flatten, **kwargs)).arrow

    async def pandas(self, *args: Any, flatten: bool = False, **kwargs: Any) -> pd.DataFrame:
        """See `Listed.pandas`."""
        return (await self.table(*args, flatten=flatten, **kwargs)).to_pandas()

    async def polars(self, *args: Any, flatten: bool = False, **kwargs: Any) -> pl.DataFrame:
        """See `Listed.polars`."""
        return (await self.table(*args, flatten=flatten, **kwargs)).to_polars()


class _Method(Facet[Listed[P, T], AsyncListed[P, T], Callable[P, "Flow[Passed[T]]"]], Generic[P, T]):
    """The descriptor that `listed` makes; inside flows the method is the flow itself."""

    def __init__(self, flow: Callable[Concatenate[Any, P], Flow[Passed[T]]], tabulate: Tabulate) -> None:
        super().__init__(flow)
        self._tabulate = tabulate

    def _blocking(self, obj: Sync) -> Any:
        return Listed(self.flow, self._tabulate, obj)

    def _asynchronous(self, obj: Async) -> Any:
        return AsyncListed(self.flow, self._tabulate, obj)


def listed(
    tabulate: Tabulate,
) -> Callable[[Callable[Concatenate[Any, P], Flow[Passed[T]]]], _Method[P, T]]:
    """Make a flow that passes items on a method of both faces, whose list is also to be had as a table.

    Parameters
    ----------
    tabulate
        Makes the table.
    """
    return lambda flow: _Method(flow, tabulate)
