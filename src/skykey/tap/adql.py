"""Writing ADQL: values are quoted and cannot become more than values."""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Final

from skykey.tap import literals
from skykey.values.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

# Texts, delimited names, comments. ADQL has no others; what others have (/* */) hides no value either.
_OPAQUE: Final = re.compile(
    r"""
    --[^\r\n]*
    | /\* (?: [^*]++ | \*(?!/) )*+ (?: \*/ | \Z )
    | ' (?: [^']++ | '' )*+ (?: ' | \Z )
    | " (?: [^"]++ | "" )*+ (?: " | \Z )
    """,
    re.VERBOSE,
)
_PLACE: Final = re.compile(r"(?<![\w:'\"]):([^\W\d]\w*+)", re.ASCII)
_TOP: Final = re.compile(
    r"\s*SELECT(?:\s+(?:ALL|DISTINCT))?\s+TOP\s+(\d{1,18})\b(?!.*\b(?:UNION|INTERSECT|EXCEPT)\b)",
    re.IGNORECASE | re.DOTALL,
)
_REGULAR: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*", re.ASCII)


def bare(statement: str) -> str:
    """The statement with a blank for each comment and a mark for each quote.

    Examples
    --------
    >>> bare("select 'a;b' from d -- e")
    "select  '  from d  "
    """
    return _OPAQUE.sub(lambda found: " " if found[0][:2] in {"--", "/*"} else " ' ", statement)


def is_empty(statement: str) -> bool:
    """Whether it asks nothing: blanks, comments and semicolons only."""
    return not bare(statement).strip("; \t\r\n\f\v")


def top(statement: str) -> int | None:
    """How many rows the statement itself lets through; None for all.

    Examples
    --------
    >>> top("SELECT TOP 5 * FROM a"), top("SELECT * FROM (SELECT TOP 5 * FROM a) AS b")
    (5, None)
    """
    found = _TOP.match(bare(statement))
    return int(found[1]) if found else None


def filled(
    statement: str, values: Mapping[str, Any] | None = None, write_time: Callable[[Any], str] | None = None
) -> str:
    """Put values in the places of their names (``:name``).

    Parameters
    ----------
    statement
        With the names; what stands in quotes and comments is no name.
    values
        By name.
    write_time
        Makes text of a point in time; by default in UTC.

    Raises
    ------
    UsageError
        If a name has no place, or a place no value (ADQL has no other use of ``:name``), or a value cannot be written.

    Examples
    --------
    >>> filled("select * from t where band = :band and id in :ids", {"band": "O'Neil", "ids": [1, 2]})
    "select * from t where band = 'O''Neil' and id in (1, 2)"
    """
    written = {name: literal(value, write_time) for name, value in (values or {}).items()}
    return "".join(piece for piece, _ in literals.filled(statement, _places(statement), written))


def _places(statement: str) -> Iterator[re.Match[str]]:
    at = 0
    for hidden in _OPAQUE.finditer(statement):
        yield from _PLACE.finditer(statement, at, hidden.start())
        at = hidden.end()
    yield from _PLACE.finditer(statement, at)


def literal(value: Any, write_time: Callable[[Any], str] | None = None) -> str:
    """A value as ADQL, which it cannot leave.

    Parameters
    ----------
    value
        A boolean, a number, text; a point in time (``Time``, aware ``datetime``), which becomes text as services
        compare it with their timestamps; a ``date``; or a list of these for ``IN``.
    write_time
        As in `filled`.

    Raises
    ------
    UsageError
        For anything else: also for None (ADQL writes ``IS NULL``), NaN, NaT, a value with a unit, an array of Times,
        a list without values, and text with a NUL.

    Examples
    --------
    >>> literal("O'Neil"), literal([1, 2]), literal(-1.5), literal(True)
    ("'O''Neil'", '(1, 2)', '(-1.5)', 'TRUE')
    """
    write = write_time or utc_text
    return literals.listed(value, lambda each: _one(each, write), "ADQL")


def _one(value: Any, write_time: Callable[[Any], str]) -> str:
    match value:
        case None:
            raise UsageError("nothing is equal to null in ADQL", next="write IS NULL in the statement")
        case bool():
            return "TRUE" if value else "FALSE"
        case str():
            return literals.text(value)
        case Decimal() | Real():
            return literals.signed(_number(value))
        case datetime():
            if value != value:  # noqa: PLR0124 - pandas' NaT
                raise UsageError("ADQL cannot write NaT", next="write IS NULL in the statement")
            return literals.text(write_time(value))
        case date():
            return literals.text(value.isoformat())
        case _ if "isot" in getattr(value, "FORMATS", ()):  # a Time; a difference of two cannot be written so
            if not value.isscalar:
                raise UsageError("an array of Times is no point in time", next="give a list: list(times)")
            return literals.text(write_time(value))
        case _:
            raise UsageError(f"{type(value).__name__} is not a value that ADQL can hold")


def _number(value: Decimal | Real) -> str:
    try:
        if isinstance(value, Integral):
            return str(int(value))
        if isinstance(value, Decimal):
            if value.is_finite():
                return f"{value:f}"
        elif math.isfinite(value):
            return repr(float(value))
    except (OverflowError, ValueError):  # a fraction beyond all floats, an integer of thousands of digits
        pass
    raise UsageError("ADQL has no such number: NaN, infinity, or one that is too large")


def utc_text(when: Any) -> str:
    """A point in time in UTC, as TAP writes its timestamps: what services have if they say nothing else.

    Raises
    ------
    UsageError
        For a ``datetime`` without a zone, which could mean anything.
    """
    if isinstance(when, datetime):
        if when.utcoffset() is None:
            raise UsageError("a datetime without time zone could mean any", next="say which: tzinfo=timezone.utc")
        return when.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
    exact = when.utc.copy()
    exact.precision = 6
    return str(exact.isot)


def is_regular(name: str) -> bool:
    """Whether a name needs no quotes, as far as letters go: reserved words do."""
    return bool(_REGULAR.fullmatch(name))
