"""The part of ``pyarrow.Table`` that Skykey promises, with types.

pyarrow ships none, so that everything that touches its classes is unknown to a strict checker. What comes out of Skykey
is a real ``pyarrow.Table``; this says what a checked program may rely on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd


class ArrowTable(Protocol):
    """A ``pyarrow.Table``."""

    @property
    def num_rows(self) -> int:
        """How many rows."""
        ...

    @property
    def num_columns(self) -> int:
        """How many columns."""
        ...

    @property
    def column_names(self) -> list[str]:
        """Their names, in order."""
        ...

    @property
    def schema(self) -> Any:
        """Names and types (``pyarrow.Schema``)."""
        ...

    def column(self, i: int | str) -> Any:
        """One column (``pyarrow.ChunkedArray``)."""
        ...

    def to_pylist(self) -> list[dict[str, Any]]:
        """Rows as dictionaries."""
        ...

    def to_pandas(self, *, types_mapper: Callable[[Any], Any] | None = None) -> pd.DataFrame:
        """A DataFrame by pyarrow's own rules; `Table.to_pandas` has Skykey's."""
        ...

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Arrow's C stream interface."""
        ...
