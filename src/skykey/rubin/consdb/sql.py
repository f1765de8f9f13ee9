"""Writing SQL for ConsDB: names are checked, values are quoted, times are TAI."""

from __future__ import annotations

import math
import re
from datetime import date, datetime
from decimal import Decimal
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Final

from skykey.rubin.instants import tai_nanoseconds, tai_text
from skykey.tap import literals
from skykey.values.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

_NAME: Final = re.compile(r"[a-z_][a-z0-9_]*", re.ASCII)
_PREFIX: Final = "cdb_"

Source = tuple[str, str]
"""Instrument and table."""


def instrument_of(instrument: str) -> str:
    """An instrument's name as ConsDB writes it.

    Parameters
    ----------
    instrument
        Letters may be large: PostgreSQL folds them.

    Raises
    ------
    UsageError
        If it is no instrument's name.

    Examples
    --------
    >>> instrument_of("LSSTCam")
    'lsstcam'
    """
    name = _lower(instrument).removeprefix(_PREFIX)
    if not _NAME.fullmatch(name):
        raise UsageError(f"{instrument!r} is not the name of an instrument", next="use lsstcam, lsstcomcam or latiss")
    return name


def table_of(instrument: str, table: str) -> str:
    """A table's name without its schema.

    Parameters
    ----------
    instrument
        Whose table it is; a schema in `table` must be that instrument's.
    table
        With or without its schema: ``visit1``, ``cdb_lsstcam.visit1``.

    Raises
    ------
    UsageError
        If it is no table's name, or names another instrument's schema.
    """
    schema = _PREFIX + instrument_of(instrument)
    name = _lower(table).removeprefix(f"{schema}.")
    if not _NAME.fullmatch(name):
        raise UsageError(f"{table!r} is not the name of a table of {schema}", next="write it as visit1")
    return name


def _lower(name: object) -> str:
    return name.strip().lower() if isinstance(name, str) else ""


def visits(instrument: str, t_start: Any = None, t_end: Any = None, constraint: str | None = None) -> str:
    """The statement of ``get_visits``: as the release writes it but for its times, which are TAI.

    Parameters
    ----------
    instrument, t_start, t_end, constraint
        As there.

    Raises
    ------
    UsageError
        For what is no instrument, no point in time, not one condition.
    """
    schema = _PREFIX + instrument_of(instrument)
    conditions = [] if t_start is None else [f"visit1.obs_start_mjd >= {mjd(t_start)}"]
    conditions += [] if t_end is None else [f"visit1.obs_start_mjd <= {mjd(t_end)}"]
    conditions += [condition(constraint)] if constraint and constraint.strip() else []
    return _statement(
        "select visit1.*, visit1_quicklook.*",
        f"from {schema}.visit1 as visit1",
        f"left join {schema}.visit1_quicklook as visit1_quicklook on visit1.visit_id = visit1_quicklook.visit_id",
        conditions,
        "order by visit1.visit_id",
    )


def ccdvisits(instrument: str, visit_id: int, detector_min: int | None = None, detector_max: int | None = None) -> str:
    """The statement of ``query_ccdvisits``.

    Parameters
    ----------
    instrument, visit_id, detector_min, detector_max
        As there.

    Raises
    ------
    UsageError
        For what is no instrument, and numbers that are not whole.
    """
    schema = _PREFIX + instrument_of(instrument)
    conditions = [f"v.visit_id = {whole(visit_id)}"]
    conditions += [] if detector_min is None else [f"c.detector >= {whole(detector_min)}"]
    conditions += [] if detector_max is None else [f"c.detector <= {whole(detector_max)}"]
    return _statement(
        "select v.*, c.detector, cq.*",
        f"from {schema}.visit1 as v",
        f"join {schema}.ccdvisit1 as c on v.visit_id = c.visit_id "
        f"left join {schema}.ccdvisit1_quicklook as cq on c.ccdvisit_id = cq.ccdvisit_id",
        conditions,
        "order by c.detector",
    )


def _statement(select: str, source: str, joins: str, conditions: Sequence[str], order: str) -> str:
    where = [f"where {' and '.join(conditions)}"] if conditions else []
    return " ".join([select, source, joins, *where, order])


def mjd(when: Any) -> str:
    """A point in time as the number that ConsDB's columns hold: the modified Julian date in TAI.

    Parameters
    ----------
    when
        A ``Time`` of any scale, an aware ``datetime``, or ISO text in UTC.

    Raises
    ------
    UsageError
        For anything else.

    Examples
    --------
    >>> mjd("2025-06-20T12:00:00Z"), mjd("2025-06-20T11:59:23Z")
    ('60846.50042824074', '60846.5')
    """
    # Here and not at the top: leap seconds are not needed to make a client.
    from skykey.values.scales import mjd_from_tai

    return _number(mjd_from_tai(tai_nanoseconds(when)))


def condition(text: str) -> str:
    """A user's condition in parentheses, so that it stays one among others.

    Raises
    ------
    UsageError
        If it would not: a parenthesis, a quote or a comment is left open, or there is a semicolon.

    Examples
    --------
    >>> condition("band = 'r' or band = 'i'")
    "(band = 'r' or band = 'i')"
    """
    from skykey.rubin.consdb import statements  # a reader of SQL, which few questions need

    if not statements.is_closed(text):
        raise UsageError(f"{text!r} is not one condition: a parenthesis or quote too many, or a semicolon")
    # A comment would swallow the parenthesis.
    return f"({text}\n)" if "--" in text else f"({text})"


def whole(number: Any) -> int:
    """A whole number; anything else could be SQL.

    Raises
    ------
    UsageError
        If it is none.
    """
    try:
        found = int(number)
        if found == number:
            return found
    except (TypeError, ValueError, OverflowError):
        pass
    raise UsageError(f"{number!r} is not a whole number")


def literal(value: Any) -> str:
    """A value as SQL, which it cannot leave.

    Parameters
    ----------
    value
        None, a boolean, a number, text; a point in time (``Time`` of any scale, aware ``datetime``), which becomes a
        ``timestamp`` in TAI, as ConsDB's are; a ``date``; or a list of these for ``in``.

    Raises
    ------
    UsageError
        For anything else: also for a value with a unit, a list without values, which SQL cannot write, and text with
        a NUL or a half of a letter (a lone surrogate).

    Examples
    --------
    >>> literal("O'Neil"), literal([1, 2]), literal(-1.5)
    ("'O''Neil'", '(1, 2)', '(-1.5)')
    >>> from datetime import datetime, timezone
    >>> literal(datetime(2025, 6, 20, 12, tzinfo=timezone.utc))
    "timestamp '2025-06-20 12:00:37.000000'"
    """
    return literals.listed(value, _one, "SQL")


def _one(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return literals.text(value)
        case Integral():
            return literals.signed(_digits(value))
        case Decimal() | Real():
            return _number(value)
        case datetime():
            return _timestamp(value)
        case date():
            return f"date '{value.isoformat()}'"
        case _ if hasattr(value, "jd1"):
            return _timestamp(value)
        case _:
            raise UsageError(f"{type(value).__name__} is not a value that SQL can hold here")


def _digits(value: Any) -> str:
    try:
        return str(int(value))
    except ValueError:  # Python writes some thousands of digits and no more
        raise UsageError("a whole number of this size is none that SQL can hold here") from None


def _number(value: Any) -> str:
    # A signalling NaN is an error for everyone but these two questions; PostgreSQL has one NaN.
    if isinstance(value, Decimal):
        is_nan, is_finite, exact = value.is_nan(), value.is_finite(), True
    else:
        value, exact = _float(value), False
        is_nan, is_finite = math.isnan(value), math.isfinite(value)
    if not is_finite:
        name = "NaN" if is_nan else "Infinity" if value > 0 else "-Infinity"
        return f"'{name}'::{'numeric' if exact else 'float8'}"
    if not exact and value == 0 and math.copysign(1, value) < 0:
        return "'-0.0'::float8"  # as a number it would be an exact decimal, which has no sign of zero
    return literals.signed(str(value) if exact else repr(value))


def _float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        raise UsageError(f"a {type(value).__name__} of this size is no number that SQL can hold here") from None


def _timestamp(when: Any) -> str:
    return f"timestamp '{tai_text(when, sep=' ')}'"
