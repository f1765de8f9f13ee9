"""One column of JSON values -> an Arrow array that holds exactly these values, or an error."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from skykey.tables.packages import arrow

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

# Arrow reads 0x10 as well, and makes infinity of what is too large.
_WHOLE: Final = re.compile(r"[+-]?\d+", re.ASCII)
_INFINITE: Final = re.compile(r"[+-]?inf(?:inity)?|nan", re.ASCII | re.IGNORECASE)
# Decimal digits that every float of so many bits keeps, and those that it may need.
_DIGITS: Final = {16: (3, 5), 32: (6, 9), 64: (15, 17)}


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
        ``bool``, ``string``, lists of these; ``null`` if there is none. Integers beside floats are floats if none is
        beyond 2**53; integers of more than 64 bits are decimals.

    Raises
    ------
    Misfit
        If a value would have to change: other kinds in one column, digits that the type does not have.
    """
    pa = arrow()
    try:
        if known is not None and pa.types.is_floating(known) and {*map(type, values)} <= {int, float, type(None)}:
            return _floats(values, known)
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


def _floats(values: Sequence[Any], known: pa.DataType) -> pa.Array:
    """Numbers of JSON as floats: integers that no float is are an error, and so is what is too large."""
    pa = arrow()
    try:
        made = pa.array(values, pa.float64())
    except pa.ArrowInvalid:  # an integer beyond 2**53, which may be a float all the same
        floats = [None if value is None else float(value) for value in values]
        if any(one != value and one == one for one, value in zip(floats, values, strict=True)):  # noqa: PLR0124 - NaN
            raise Misfit(f"integers that no {known} is") from None
        made = pa.array(floats, pa.float64())
    return made if made.type == known else _narrowed(made, known)


def _narrowed(made: pa.Array, known: pa.DataType) -> pa.Array:
    compute: Any = import_module("pyarrow.compute")
    narrow = made.cast(known)
    if not compute.is_inf(narrow).equals(compute.is_inf(made)):
        raise Misfit(f"a number that is too large for {known}")
    return narrow


def _fitted(made: pa.Array, known: pa.DataType) -> pa.Array:
    """Another type for the same values; what is cast here is checked, digit by digit, by Arrow or before."""
    pa = arrow()
    types, kind = pa.types, made.type
    numeric = types.is_integer(known) or types.is_floating(known) or types.is_decimal(known)
    if kind == pa.null():
        return made.cast(known)
    if types.is_list(kind) and types.is_list(known):
        values = made.values if made.values.type == known.value_type else _fitted(made.values, known.value_type)
        return pa.ListArray.from_arrays(made.offsets, values, mask=made.is_null()).cast(known)
    if kind == pa.string():
        # PostgreSQL's `numeric` comes as text, because JSON has no exact fractions; and so do times.
        fits = numeric or types.is_temporal(known) or types.is_large_string(known)
    elif kind == pa.int64() or types.is_decimal(kind):
        fits = numeric
    else:
        fits = kind == pa.float64() and (types.is_floating(known) or types.is_integer(known))
    if not fits:
        raise Misfit(f"{kind} where the service's schema promises {known}")
    if types.is_floating(known):
        values = made.to_pylist()
        return (
            pa.array([_float(text, known) for text in values], known) if kind == pa.string() else _floats(values, known)
        )
    if types.is_integer(known) and kind == pa.string():
        return pa.array([_integer(text) for text in made.to_pylist()], known)
    return made.cast(known)


def _integer(text: str | None) -> int | None:
    if text is not None and not _WHOLE.fullmatch(text):
        raise Misfit("text that is no whole number")
    return None if text is None else int(text)


def _float(text: str | None, known: pa.DataType) -> float | None:
    """The float that somebody wrote as this text; digits beyond those that one has are an error."""
    if text is None:
        return None
    pa = arrow()
    found: float = pa.scalar(text).cast(known).as_py()
    if _INFINITE.fullmatch(text):
        return found
    exact, (sure, most) = Decimal(text), _DIGITS[known.bit_width]
    if math.isinf(found) or bool(exact) is not bool(found):
        raise Misfit(f"a number that is too large or too small for {known}")
    # As an integer, as the shortest text of this float, or with as many digits as tell all floats apart.
    written = {Decimal(found), Decimal(repr(found)), Decimal(f"{found:.{most - 1}e}")}
    if len("".join(map(str, exact.as_tuple().digits)).strip("0")) > sure and exact not in written:
        raise Misfit(f"a number that has more digits than {known}")
    return found
