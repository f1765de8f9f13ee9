"""One column of JSON values -> an Arrow array that holds exactly these values, or an error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from skykey.tables.packages import arrow

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa


class Misfit(ValueError):
    """Values that no column holds exactly; its text says why."""


def array_of(values: Sequence[Any], known: pa.DataType | None = None) -> pa.Array:
    """Make an array.

    Parameters
    ----------
    values
        As `json.loads` gives them.
    known
        The type, from the service's own schema. Without it the values say what they are: ``int64``, ``double``,
        ``bool``, ``string``, lists of these; ``null`` if there is none. Integers beside floats are floats if all of
        them can be; integers of more than 64 bits are decimals.

    Raises
    ------
    Misfit
        If a value would have to change: other kinds in one column, digits that the type does not have.
    """
    pa = arrow()
    try:
        made = _found(values)
        return made if known is None or made.type == known else _fitted(made, known)
    except (pa.ArrowException, OverflowError, ValueError, TypeError) as problem:
        raise Misfit(str(problem)) from None


def _found(values: Sequence[Any]) -> pa.Array:
    pa = arrow()
    try:
        made = pa.array(values)
    except (OverflowError, pa.ArrowInvalid):
        if {*map(type, values)} <= {int, type(None)}:
            return pa.array(values, pa.decimal128(38, 0))
        raise
    kind = made.type.value_type if pa.types.is_list(made.type) else made.type
    if kind == pa.float64() and (made.type != kind or bool in {*map(type, values)}):
        # Arrow reads True behind a float as 1.0.
        flat = values if made.type == kind else [value for some in values if some is not None for value in some]
        if bool in {*map(type, flat)}:
            raise Misfit("numbers and booleans")
    if kind not in {pa.int64(), pa.float64(), pa.bool_(), pa.string(), pa.null()}:
        raise Misfit(f"values of the type {made.type}")
    return made


def _fitted(made: pa.Array, known: pa.DataType) -> pa.Array:
    """Another type for the same values; what is cast here is checked, digit by digit, by Arrow."""
    pa = arrow()
    types, kind = pa.types, made.type
    numeric = types.is_integer(known) or types.is_floating(known) or types.is_decimal(known)
    if kind == pa.string():
        # PostgreSQL's `numeric` comes as text, because JSON has no exact fractions; and so do times.
        fits = numeric or types.is_temporal(known) or types.is_large_string(known)
    elif kind == pa.int64() or types.is_decimal(kind):
        fits = numeric
    elif kind == pa.float64():
        fits = types.is_floating(known) or types.is_integer(known)
    else:
        fits = kind == pa.null() or (types.is_list(kind) and types.is_list(known))
    if not fits:
        raise Misfit(f"{kind} where the service's schema promises {known}")
    return made.cast(known)
