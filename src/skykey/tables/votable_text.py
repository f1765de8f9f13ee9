"""Columns of a VOTable that are written as text: TABLEDATA, and the times of every serialization."""

from __future__ import annotations

import math
import re
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from skykey.tables.packages import arrow
from skykey.tables.votable_fields import FLOATS, INTEGERS, BadVOTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from skykey.tables.votable_fields import VOField

_BOOLEANS: Final = {
    **dict.fromkeys(("T", "t", "1", "true", "True", "TRUE"), True),
    **dict.fromkeys(("F", "f", "0", "false", "False", "FALSE"), False),
    **dict.fromkeys(("?", "", "\0"), None),
}
_INTEGER: Final = re.compile(r"[+-]?\d+", re.ASCII)
_HEXADECIMAL: Final = re.compile(r"0[xX][0-9a-fA-F]+")
_FLOAT: Final = re.compile(
    r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-]?inf(?:inity)?|nan", re.ASCII | re.IGNORECASE
)
# From here on a number is rounded to infinity in single precision: half a step above the largest.
_BEYOND_SINGLE: Final = (2 - 2**-24) * 2.0**127
# What is beyond microseconds, and the Z for UTC: neither has a place in the type.
_ZEROS: Final = re.compile(r"(\.\d{6})0*Z?$|Z$", re.ASCII)


def array_of(field: VOField, texts: Sequence[str]) -> pa.Array:
    """Make a column of its cells.

    An empty cell is null, whatever the datatype: VOTable has no other null for texts. NaN stays NaN, unless the field
    names it as its null.

    Raises
    ------
    BadVOTable
        If a cell is not what the field promises.
    """
    if field.is_time:
        return times(field, _strings(field, texts))
    if field.is_text:
        return _strings(field, texts)
    if not field.is_list:
        return nulled(field, _elements(field, texts))
    cells = [text.split() for text in texts]
    length = field.length
    if length is not None and not {*map(len, cells)} <= {0, length}:
        raise BadVOTable(f"column {field.name} has a cell without the {length} values of its arraysize")
    values = nulled(field, _elements(field, [value for cell in cells for value in cell]))
    pa, ends = arrow(), [0]
    for cell in cells:
        ends.append(ends[-1] + len(cell))
    missing = pa.array([not cell for cell in cells])
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), values, mask=missing)


def _strings(field: VOField, texts: Sequence[str]) -> pa.Array:
    null = field.null
    cells = [None if not text or text == null else text for text in texts]
    return arrow().array(cells, arrow().string())


def _elements(field: VOField, texts: Sequence[str]) -> pa.Array:
    pa = arrow()
    if field.datatype in {"boolean", "bit"}:
        try:
            return pa.array([_BOOLEANS[text.strip()] for text in texts], pa.bool_())
        except KeyError:
            raise BadVOTable(f"column {field.name} has a cell that is no boolean") from None
    cells = pa.array([text or None for text in texts], pa.string())
    try:
        made = cells.cast(field.element)
    except pa.ArrowInvalid:
        made = None
    # Blanks around a number, a plus sign, capitals; what Arrow reads in its own way (infinity for 1e400, -1 for 0xFFFF
    # in 16 bits): rare, and slower.
    if made is None or _is_odd(field, cells, made):
        return pa.array([_number(field, text.strip()) for text in texts], field.element)
    return made


def _is_odd(field: VOField, cells: pa.Array, made: pa.Array) -> bool:
    compute: Any = import_module("pyarrow.compute")
    if field.datatype in FLOATS:
        return bool(compute.any(compute.is_inf(made)).as_py())
    return bool(compute.any(compute.match_substring(cells, "x", ignore_case=True)).as_py())


def _number(field: VOField, text: str) -> int | float | None:
    if not text:
        return None
    value: int | float | None = None
    if field.datatype in FLOATS:
        value = float(text) if _FLOAT.fullmatch(text) else None
        # As large as that no number is: only the word for it.
        value = None if value is not None and _is_beyond(field, value) and "n" not in text.lower() else value
    elif _INTEGER.fullmatch(text):
        value = int(text) if len(text) <= 20 else None  # noqa: PLR2004 - the digits of 64 bits, with a sign
    elif _HEXADECIMAL.fullmatch(text):
        value = int(text, 16)
    if value is None or (isinstance(value, int) and not _holds(field.element, value)):
        raise BadVOTable(f"column {field.name} has a cell that is no {field.datatype}")
    return value


def _is_beyond(field: VOField, value: float) -> bool:
    return math.isinf(value) or (field.datatype == "float" and abs(value) >= _BEYOND_SINGLE)


def _holds(kind: Any, value: int) -> bool:
    bits = kind.bit_width
    low, high = (0, 2**bits) if arrow().types.is_unsigned_integer(kind) else (-(2 ** (bits - 1)), 2 ** (bits - 1))
    return bool(low <= value < high)


def nulled(field: VOField, values: pa.Array) -> pa.Array:
    """Make null of the value that the field names as its null."""
    if field.null is None or field.datatype not in INTEGERS | FLOATS or not field.null.strip():
        return values
    compute: Any = import_module("pyarrow.compute")
    null = _number(field, field.null.strip())
    hits = compute.is_nan(values) if null != null else compute.equal(values, arrow().scalar(null, field.element))  # noqa: PLR0124 - NaN
    return compute.if_else(compute.fill_null(hits, False), arrow().scalar(None, field.element), values)


def times(field: VOField, texts: pa.Array) -> pa.Array:
    """Points in time of texts in ISO 8601, to the microsecond; in which scale they are is said elsewhere.

    Raises
    ------
    BadVOTable
        If one is no time, or has digits beyond microseconds.
    """
    pa = arrow()
    kind = pa.timestamp("us")
    try:
        return texts.cast(kind)
    except pa.ArrowInvalid:
        plain = [
            None if text is None or not text.strip() else _ZEROS.sub(r"\1", text.strip()) for text in texts.to_pylist()
        ]
    try:
        return pa.array(plain, pa.string()).cast(kind)
    except pa.ArrowInvalid:
        raise BadVOTable(f"column {field.name} has a cell that is no time, or one finer than microseconds") from None
