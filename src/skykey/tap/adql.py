"""Writing ADQL: values are quoted and cannot become more than values; names are delimited where they need it."""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Final

from skykey.values.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

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
    parts, at, used = list[str](), 0, set[str]()
    for found in _places(statement):
        name = found[1]
        if name not in written:
            raise UsageError(f"there is no value for :{name}", next=f"give one: values={{{name!r}: …}}")
        parts += [statement[at : found.start()], written[name]]
        used.add(name)
        at = found.end()
    if unused := sorted(written.keys() - used):
        raise UsageError(
            f"the statement has no place for {', '.join(unused)}", next=f"write :{unused[0]} where it goes"
        )
    return "".join([*parts, statement[at:]])


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
    if getattr(getattr(value, "dtype", None), "kind", "") in {"m", "M"}:
        raise UsageError("NumPy's times name no scale", next="use astropy Times or aware datetimes")
    if hasattr(value, "to_value") and getattr(value, "unit", None) is not None:
        raise UsageError("a value with a unit means nothing to ADQL", next="give the number: value.to_value('deg')")
    given = value.tolist() if hasattr(value, "tolist") else value  # NumPy's and pandas' arrays and numbers
    write = write_time or utc_text
    return _several(given, write) if isinstance(given, list | tuple | set | frozenset) else _one(given, write)


def _several(values: Iterable[Any], write_time: Callable[[Any], str]) -> str:
    written = [_one(value, write_time) for value in values]
    if not written:
        raise UsageError("a list without values cannot be written in ADQL")
    return f"({', '.join(written)})"


def _one(value: Any, write_time: Callable[[Any], str]) -> str:
    match value:
        case None:
            raise UsageError("nothing is equal to null in ADQL", next="write IS NULL in the statement")
        case bool():
            return "TRUE" if value else "FALSE"
        case str():
            return text(value)
        case Decimal() | Real():
            return _signed(_number(value))
        case datetime():
            if value != value:  # noqa: PLR0124 - pandas' NaT
                raise UsageError("ADQL cannot write NaT", next="write IS NULL in the statement")
            return text(write_time(value))
        case date():
            return text(value.isoformat())
        case _ if "isot" in getattr(value, "FORMATS", ()):  # a Time; a difference of two cannot be written so
            if not value.isscalar:
                raise UsageError("an array of Times is no point in time", next="give a list: list(times)")
            return text(write_time(value))
        case _:
            raise UsageError(f"{type(value).__name__} is not a value that ADQL can hold")


def _number(value: Decimal | Real) -> str:
    try:
        if isinstance(value, Integral):
            return str(int(value))
        if isinstance(value, Decimal):
            return f"{value:f}" if value.is_finite() else ""
        return repr(float(value)) if math.isfinite(value) else ""
    except (OverflowError, ValueError):  # a fraction beyond all floats, an integer of thousands of digits
        return ""


def _signed(number: str) -> str:
    if not number:
        raise UsageError("ADQL has no such number: NaN, infinity, or one that is too large")
    # Behind a minus sign another one would begin a comment.
    return f"({number})" if number.startswith("-") else number


def text(value: str) -> str:
    """Text as ADQL.

    Raises
    ------
    UsageError
        If there is a NUL in it, or a half of a letter (a lone surrogate).
    """
    if "\0" in value:
        raise UsageError("a database's text cannot hold a NUL")
    check_letters(value)
    return "'" + value.replace("'", "''") + "'"


def check_letters(value: str) -> None:
    """See that all of a text is letters.

    Raises
    ------
    UsageError
        If there is a half of one in it, as comes of file names that are not UTF-8.
    """
    if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
        raise UsageError("half a letter (a lone surrogate) cannot be sent")


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


def identifier(name: str) -> str:
    """A column's or table's name, whatever letters are in it, as ADQL writes it.

    Raises
    ------
    UsageError
        For an empty one, or one with a NUL.

    Examples
    --------
    >>> identifier("half dome")
    '"half dome"'
    """
    if not name or "\0" in name:
        raise UsageError(f"{name!r} is not a name")
    return '"' + name.replace('"', '""') + '"'
