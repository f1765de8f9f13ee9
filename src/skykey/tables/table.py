"""What users hold at the end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from skykey.tables.packages import arrow, csv, pandas, parquet
from skykey.values.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pandas as pd

    from skykey.tables.arrow import ArrowTable
    from skykey.tables.end import End

_TIME = "time"


@dataclass(frozen=True, slots=True)
class Table:
    """An answer as an Arrow table, with how it ended.

    Parameters
    ----------
    arrow
        The data. A column ``time`` is ``timestamp[ns, UTC]``.
    end
        Whether these are all rows.
    columns_known
        False if the answer was empty and the service could not say what its columns would be.
    facts
        What goes into ``DataFrame.attrs``: where the table came from.
    """

    arrow: ArrowTable
    end: End
    columns_known: bool = True
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return int(self.arrow.num_rows)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Arrow's C stream interface: polars, DuckDB and others read the table without a copy."""
        return self.arrow.__arrow_c_stream__(requested_schema)

    def to_pandas(self) -> pd.DataFrame:
        """Make a DataFrame whose dtypes depend on the wire types and never on the values.

        Returns
        -------
        pandas.DataFrame
            Indexed by ``time`` (``datetime64[ns, UTC]``) if there is such a column. Integers are ``Int64``, booleans
            ``boolean``, strings ``str``, floats ``float64`` (null is NaN). ``attrs`` holds `facts`,
            ``attrs["complete"]`` and ``attrs["columns_known"]``.

        Raises
        ------
        MissingExtra
            If pandas is not installed.
        """
        pa, panda = arrow(), pandas()
        nullable = {
            pa.int64(): panda.Int64Dtype(),
            pa.bool_(): panda.BooleanDtype(),
            pa.string(): panda.StringDtype(na_value=float("nan")),
        }
        frame: pd.DataFrame = self.arrow.to_pandas(types_mapper=nullable.get)
        if _TIME in frame.columns:
            # pandas chooses a unit by itself in places; the index's unit must not depend on the data.
            frame[_TIME] = frame[_TIME].astype("datetime64[ns, UTC]")
            frame = frame.set_index(_TIME)
        frame.attrs.update(self.facts)
        frame.attrs["complete"] = self.end.complete
        frame.attrs["columns_known"] = self.columns_known
        return frame

    def save(self, path: Path) -> None:
        """Write Parquet or CSV, by the file's ending, under a temporary name until it is whole.

        Raises
        ------
        UsageError
            For another ending.
        MissingExtra
            If pyarrow was built without what writes it.
        """
        import secrets

        # A name of its own: two programs that write the same file must not write into each other's.
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        try:
            match path.suffix.lower():
                case ".parquet":
                    parquet().write_table(self.arrow, temporary, compression="zstd")
                case ".csv":
                    csv().write_csv(self.arrow, temporary)
                case other:
                    raise UsageError(f"cannot write {other or 'a file without an ending'}", next="use .parquet or .csv")
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
