"""What users hold at the end."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from skykey.tables.metadata import TIME_SCALE, described, descriptions, fact, ucds, units
from skykey.tables.packages import polars

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping

    import pandas as pd
    import polars as pl

    from skykey.tables.arrow import ArrowTable
    from skykey.tables.columns import Column
    from skykey.tables.end import End

_TIME = "time"


@dataclass(frozen=True, slots=True)
class Table:
    """An answer as an Arrow table, with how it ended.

    Parameters
    ----------
    arrow
        The data. Units and descriptions are in its fields, the time scale is in its schema.
    end
        Whether these are all rows.
    columns_known
        False if the answer was empty and the service could not say what its columns would be.
    facts
        What goes into ``DataFrame.attrs``: where the table came from. Values that JSON can hold, so that pandas keeps
        them in files.
    time_scale
        Of the times in it: ``"utc"``, ``"tai"``; by default what the data's own schema says, None if that says nothing.
    """

    arrow: ArrowTable
    end: End
    columns_known: bool = True
    facts: Mapping[str, Any] = field(default_factory=dict)
    time_scale: str | None = None

    def __post_init__(self) -> None:
        stated = fact(self.arrow.schema, TIME_SCALE)
        if self.time_scale is None:
            object.__setattr__(self, "time_scale", stated)
        elif self.time_scale != stated:
            object.__setattr__(self, "arrow", described(self.arrow, time_scale=self.time_scale))

    def __len__(self) -> int:
        return int(self.arrow.num_rows)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Arrow's C stream interface: polars, DuckDB and others read the table without a copy."""
        return self.arrow.__arrow_c_stream__(requested_schema)

    @property
    def truncated(self) -> bool:
        """Whether there may be more rows than these; ``end.cut_by`` says what cut them."""
        return self.end.truncated

    def described(self, columns: Iterable[Column]) -> Table:
        """The same table with units and descriptions.

        Parameters
        ----------
        columns
            What is known of them, in any order; columns that the table does not have are passed over.
        """
        return replace(self, arrow=described(self.arrow, columns))

    def holding(self, data: ArrowTable) -> Table:
        """What was made of this table: other rows, the same facts."""
        return replace(self, arrow=data, end=replace(self.end, rows=data.num_rows))

    def to_pandas(self) -> pd.DataFrame:
        """Make a DataFrame whose dtypes depend on the wire types and never on the values, nor on pandas' version.

        Returns
        -------
        pandas.DataFrame
            Indexed by ``time`` (``datetime64[ns, UTC]``) if there is such a column. Integers are ``Int64``, booleans
            ``boolean``, strings ``str``, floats ``float64`` (null is NaN); `skykey.tables.dtypes` has all types.
            ``attrs`` holds `facts`, ``complete``, ``truncated``, ``columns_known``, and as far as they are known
            ``cut_by``, ``time_scale``, ``units``, ``descriptions`` and ``ucds`` (these by column).

        Raises
        ------
        MissingExtra
            If pandas is not installed.
        """
        from skykey.tables.dtypes import frame_of

        frame = frame_of(self.arrow)
        if _TIME in frame.columns and frame[_TIME].dtype.kind == "M":
            # Whatever unit the times came in: an index's must not depend on the service.
            frame[_TIME] = frame[_TIME].dt.as_unit("ns")
            frame = frame.set_index(_TIME)
        schema = self.arrow.schema
        frame.attrs.update(self.facts)
        frame.attrs["complete"] = self.end.complete
        frame.attrs["truncated"] = self.truncated
        frame.attrs["columns_known"] = self.columns_known
        known = {
            "cut_by": self.end.cut_by,
            "time_scale": self.time_scale,
            "units": units(schema),
            "descriptions": descriptions(schema),
            "ucds": ucds(schema),
        }
        frame.attrs.update({name: value for name, value in known.items() if value})
        return frame

    def to_polars(self) -> pl.DataFrame:
        """Make a polars DataFrame.

        Returns
        -------
        polars.DataFrame
            Times are ``Datetime("ns", "UTC")``, integers ``Int64``, strings ``String``; null is null everywhere, and
            NaN is NaN. polars has no place for units and descriptions: they stay in `arrow`.

        Raises
        ------
        MissingExtra
            If polars is not installed.
        """
        made: pl.DataFrame = polars().from_arrow(self.arrow)
        return made

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write Parquet, CSV or Arrow, by the file's ending, under a temporary name until it is whole.

        Parameters
        ----------
        path
            Ends in ``.parquet`` (compressed with zstd), ``.csv``, ``.arrow`` or ``.feather`` (the same as
            ``.arrow``). All but CSV keep units, descriptions and the time scale.

        Raises
        ------
        UsageError
            For another ending, and for a column that the format cannot hold.
        MissingExtra
            If pyarrow was built without what writes it.
        OSError
            If it cannot be written; a file that was there before is still what it was.
        """
        from skykey.tables.saving import Saving, fill

        fill(Saving(path), [self.arrow])
