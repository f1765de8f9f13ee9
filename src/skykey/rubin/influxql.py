"""Writing InfluxQL, with everything quoted, and recognising the simplest form of it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from skykey.calls.call import Repeat
from skykey.rubin.instants import rfc3339
from skykey.values.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

# Comments, text and names: what looks like one of them inside another is none. One without its end goes to the end.
_OPAQUE = re.compile(r"""/\*.*?(?:\*/|\Z)|'(?:[^'\\]|\\.)*(?:'|\Z)|"(?:[^"\\]|\\.)*(?:"|\Z)""", re.DOTALL)
_NAME = r'(?:"(?:[^"\\]|\\.)+"|[A-Za-z_][A-Za-z0-9_]*)'
_PLAIN = re.compile(
    rf"\s*SELECT\s+(\*|{_NAME}(?:\s*,\s*{_NAME})*)\s+FROM\s+((?:{_NAME}?\.){{0,2}}{_NAME})\s*"
    r"(?:(?:WHERE|GROUP|ORDER|LIMIT|SLIMIT|OFFSET)\b.*|;?)\s*",
    re.IGNORECASE | re.DOTALL,
)
_LITERAL = re.compile(r"""'(?:[^'\\]|\\.)*'|[+-]?(?:\d+(?:\.\d*)?|\.\d+)|true|false""", re.IGNORECASE)
# What it reads as the end of a line or of the statement, and what UTF-8 does not have.
_UNWRITTEN = re.compile(r"[\r\0\ud800-\udfff]")
_INTO = re.compile(r"\bINTO\b", re.IGNORECASE)
# Not that of a subquery, which a bracket closes; behind it may stand the brackets of tz().
_LIMIT = re.compile(r"\bLIMIT\s+(\d{1,18})\b(?![^(]*\))", re.IGNORECASE)
_GROUP_BY = re.compile(r"\bGROUP\s+BY\s+(\*)?", re.IGNORECASE)


def name(text: str) -> str:
    """Quote an identifier.

    Raises
    ------
    UsageError
        If it is empty or holds control characters.
    """
    if not text or not text.isprintable():
        raise UsageError(f"{text!r} is not a name")
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def select(
    topic: str,
    fields: Sequence[str],
    *,
    since: int | None = None,
    until: int | None = None,
    index: int | None = None,
    latest: int | None = None,
    first: int | None = None,
) -> str:
    """Write a statement that reads one topic.

    Parameters
    ----------
    topic
        The measurement.
    fields
        Names; empty for all.
    since, until
        Bounds in UTC nanoseconds, both inclusive.
    index
        Only rows with this ``salIndex``; 0 is an index as good as any.
    latest
        Only so many of the latest rows of each series, newest first.
    first
        Only so many of the first rows.
    """
    conditions = between(since, until)
    conditions += [f"salIndex = {_whole(index)}"] if index is not None else []
    tail = newest(latest) if latest is not None else f"LIMIT {_whole(first)}" if first is not None else ""
    return statement(topic, [name(field) for field in fields], conditions, tail)


def statement(topic: str, columns: Sequence[str], conditions: Sequence[str], tail: str = "") -> str:
    """Put a statement together of parts that are InfluxQL already; only the topic is quoted here."""
    parts = [f"SELECT {', '.join(columns) or '*'} FROM {name(topic)}"]  # noqa: S608 - every part is quoted
    parts += [f"WHERE {' AND '.join(conditions)}"] if conditions else []
    return " ".join([*parts, tail]).rstrip()


def between(since: int | None, until: int | None) -> list[str]:
    """Conditions for bounds in UTC nanoseconds, both inclusive."""
    lower = [] if since is None else [f"time >= '{rfc3339(since)}'"]
    return lower if until is None else [*lower, f"time <= '{rfc3339(until)}'"]


def newest(number: int) -> str:
    """So many of the latest rows of each series, newest first."""
    return f"GROUP BY * ORDER BY time DESC LIMIT {_whole(number)}"


def literal(value: str | float) -> str:
    r"""Write a value: text in quotes, numbers and booleans bare.

    Parameters
    ----------
    value
        Text that is a literal already (a number, ``true``, ``false``, or in single quotes) stays as it is.

    Raises
    ------
    UsageError
        For what InfluxQL has no way to write: infinite numbers, characters that end a statement, other types.

    Examples
    --------
    >>> literal("it's"), literal("'done'"), literal(3), literal(True)
    ("'it\\'s'", "'done'", '3', 'true')
    """
    if isinstance(value, str):
        return value if _LITERAL.fullmatch(value) else _text(value)
    return _number(value)


@dataclass(frozen=True, slots=True)
class Projection:
    """What a plain statement selects.

    Parameters
    ----------
    source
        The measurement as it stands in the statement, quoted if it was.
    fields
        Names; empty for all.
    by_tags
        Whether rows are grouped by all tags.
    """

    source: str
    fields: tuple[str, ...]
    by_tags: bool


def projection(statement: str) -> Projection | None:
    """Recognise ``SELECT names FROM one measurement …``: its columns are those of the measurement's schema.

    Returns
    -------
    Projection or None
        None for functions, arithmetic, aliases, subqueries, some tags only, and everything else, whose columns only
        the server knows.
    """
    match = _PLAIN.fullmatch(_OPAQUE.sub(_names_only, statement))
    grouped = _GROUP_BY.search(match.string, match.end(2)) if match is not None else None
    if match is None or (grouped is not None and grouped[1] is None):
        return None
    listed = () if match[1] == "*" else tuple(map(_unquoted, re.findall(_NAME, match[1])))
    return Projection(match[2], listed, by_tags=grouped is not None)


def repeat(statement: str) -> Repeat:
    """What may be sent twice: nothing with ``INTO``, and nothing that manages the server."""
    bare = _OPAQUE.sub(" ", statement)
    verb = re.match(r"\s*(SELECT|SHOW|EXPLAIN)\b", bare, re.IGNORECASE)
    if verb is None or _INTO.search(bare):
        return Repeat.NEVER
    return Repeat.SAFE if verb[1].upper() == "SHOW" else Repeat.COSTLY


def limit(statement: str) -> int | None:
    """How many rows of a series the statement lets through at most; None for all.

    Examples
    --------
    >>> limit("SELECT a FROM b WHERE c = 'LIMIT 3' LIMIT 10")
    10
    """
    found = _LIMIT.findall(_OPAQUE.sub(" ", statement))
    return int(found[-1]) or None if found else None


def is_empty(statement: str) -> bool:
    """Whether it asks nothing: blanks, comments and semicolons only."""
    return not _OPAQUE.sub(lambda found: " " if found[0].startswith("/") else found[0], statement).strip("; \t\r\n")


def _names_only(found: re.Match[str]) -> str:
    """Names as they stand; a blank for a comment, an empty text for a text."""
    return {"/": " ", "'": "''"}.get(found[0][0], found[0])


def _number(value: Any) -> str:
    if str(value) in {"True", "False"}:  # numpy has booleans of its own
        return str(value).lower()
    if not isinstance(value, Real) or not math.isfinite(value):
        raise UsageError(f"{value!r} cannot be written in InfluxQL", next="use text, a finite number or a boolean")
    if isinstance(value, Integral):
        return str(int(value))
    # It knows no exponents; and a float without a point would be an integer, perhaps beyond the largest.
    text = format(Decimal(repr(float(value))), "f")
    return text if "." in text else f"{text}.0"


def _text(value: str) -> str:
    if _UNWRITTEN.search(value):
        raise UsageError(f"{value!r} cannot be written in InfluxQL")
    escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"'{escaped}'"


def _whole(number: int) -> int:
    if int(number) != float(number):
        raise UsageError(f"{number} is not a whole number")
    return int(number)


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text
