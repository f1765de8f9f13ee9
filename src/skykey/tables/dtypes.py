"""From Arrow to pandas: one dtype for each Arrow type, whatever the values and whichever pandas.

Left to themselves, pandas and pyarrow look at the data: integers with a null become floats, booleans objects, and text
is ``object`` in pandas 2 and ``str`` in pandas 3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from skykey.tables.packages import arrow, pandas

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

DTYPES: Final[dict[str, str]] = {
    "null": "object",
    "bool": "boolean",
    "int8": "Int8",
    "int16": "Int16",
    "int32": "Int32",
    "int64": "Int64",
    "uint8": "UInt8",
    "uint16": "UInt16",
    "uint32": "UInt32",
    "uint64": "UInt64",
    "halffloat": "float16",
    "float": "float32",
    "double": "float64",
    "string": "str",
    "large_string": "str",
    "string_view": "str",
    "binary": "object",
    "large_binary": "object",
    "binary_view": "object",
    "fixed_size_binary": "object",
    "date32[day]": "object",
    "date64[ms]": "object",
    "timestamp[s]": "datetime64[s]",
    "timestamp[ms]": "datetime64[ms]",
    "timestamp[us]": "datetime64[us]",
    "timestamp[ns]": "datetime64[ns]",
    "timestamp[s, zone]": "datetime64[s, zone]",
    "timestamp[ms, zone]": "datetime64[ms, zone]",
    "timestamp[us, zone]": "datetime64[us, zone]",
    "timestamp[ns, zone]": "datetime64[ns, zone]",
    "duration[s]": "timedelta64[s]",
    "duration[ms]": "timedelta64[ms]",
    "duration[us]": "timedelta64[us]",
    "duration[ns]": "timedelta64[ns]",
    "list": "object",
}
"""pandas' dtype by Arrow type; of any other type it is pandas' own wrapper of that type (``pandas.ArrowDtype``).

Lists of every kind are ``list``. Dictionaries are what their values are: a category names its values, and so would
depend on them.
"""


def row_of(kind: pa.DataType) -> str:
    """The row of `DTYPES` that an Arrow type belongs to, or the type's own name if none does."""
    types = arrow().types
    if types.is_dictionary(kind) or types.is_run_end_encoded(kind):
        return row_of(kind.value_type)
    if _is_list(kind):
        return "list"
    if types.is_fixed_size_binary(kind):
        return "fixed_size_binary"
    if types.is_timestamp(kind) and kind.tz is not None:
        return f"timestamp[{kind.unit}, zone]"
    return str(kind)


def dtype_of(kind: pa.DataType) -> Any:
    """The dtype that an Arrow type has in pandas.

    Returns
    -------
    numpy.dtype or pandas.api.extensions.ExtensionDtype
        Equal for equal types, in pandas 2 and 3.
    """
    panda = pandas()
    if arrow().types.is_dictionary(kind) or arrow().types.is_run_end_encoded(kind):
        return dtype_of(kind.value_type)
    match DTYPES.get(row_of(kind)):
        case None:
            return panda.ArrowDtype(kind)
        case "str":
            # Named in full: what "str" alone means depends on pandas' version and on an option of its user.
            return panda.StringDtype("pyarrow", na_value=float("nan"))
        case text if text.endswith("zone]"):
            return panda.DatetimeTZDtype(kind.unit, kind.tz)
        case text:
            return panda.api.types.pandas_dtype(text)


def frame_of(table: Any) -> pd.DataFrame:
    """Make a DataFrame of an Arrow table, column by column as `DTYPES` says, with an ordinary index.

    Null is ``<NA>`` in ``Int…``, ``UInt…`` and ``boolean``, NaN in ``str`` and ``float…``, NaT in times, None in
    objects. Lists of floats are NumPy arrays; other lists are Python lists, because an array of integers could not hold
    a null.
    """
    panda = pandas()
    table = decoded(table)
    # Without the notes that pandas left in a file: they would choose dtypes and an index of their own.
    frame: pd.DataFrame = table.to_pandas(types_mapper=_extension, ignore_metadata=True)
    for at, field in enumerate(table.schema):
        if _is_list(field.type) and not arrow().types.is_floating(field.type.value_type):
            frame.isetitem(at, panda.Series(table.column(at).to_pylist(), dtype=object, index=frame.index))
    return frame


def decoded(table: Any) -> Any:
    """The same table, each dictionary and each run replaced by its values."""
    types = arrow().types
    for at, field in enumerate(table.schema):
        if types.is_dictionary(field.type) or types.is_run_end_encoded(field.type):
            column = table.column(at)
            if types.is_dictionary(field.type) and types.is_string_view(field.type.value_type):
                column = _without_views(column)
            kind = column.type.value_type
            table = table.set_column(at, field.with_type(kind), column.cast(kind))
    return table


def _without_views(column: Any) -> Any:
    """Categories of polars as those of everybody: Arrow has no way to take values out of views."""
    pa = arrow()
    kind = pa.dictionary(column.type.index_type, pa.string(), column.type.ordered)
    chunks = [
        pa.DictionaryArray.from_arrays(chunk.indices, chunk.dictionary.cast(pa.string()), ordered=kind.ordered)
        for chunk in column.chunks
    ]
    return pa.chunked_array(chunks, kind)


def _extension(kind: pa.DataType) -> Any:
    """The dtypes that pyarrow has to be told; of the others it makes what `DTYPES` says by itself."""
    dtype = dtype_of(kind)
    return dtype if pandas().api.types.is_extension_array_dtype(dtype) else None


def _is_list(kind: pa.DataType) -> bool:
    types = arrow().types
    is_view = types.is_list_view(kind) or types.is_large_list_view(kind)
    return bool(is_view or types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))
