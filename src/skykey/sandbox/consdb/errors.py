"""Errors of a statement in the words that users of the real service see: PostgreSQL's, psycopg2's, SQLAlchemy's."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from skykey.sandbox.consdb.schema import tables

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PAGES = {"ProgrammingError": "f405", "DataError": "9h9h"}
_WIDTH, _RIGHT = 60, 10  # so much of a long line does PostgreSQL's client show, and right of the place
_UNGROUPED = 'column "{source}{0}" must appear in the GROUP BY clause or be used in an aggregate function'
_NO_NUMBER, _NO_TIME = "InvalidTextRepresentation", "InvalidDatetimeFormat"
_TOO_LARGE = "NumericValueOutOfRange"
_RANGE, _SEVERAL = "{type} out of range", "more than one row returned by a subquery used as an expression"
_TYPES = {"INT32": "integer", "INT64": "bigint", "DOUBLE": "double precision"}
#: what DuckDB says -> class and words of PostgreSQL
_KNOWN = (
    (r'Referenced column "(.+?)" not found', "UndefinedColumn", 'column "{0}" does not exist'),
    (r'"([^"]+)" does not have a column named "(.+?)"', "UndefinedColumn", "column {0}.{1} does not exist"),
    (r'Referenced table "(.+?)" not found', "UndefinedTable", 'missing FROM-clause entry for table "{0}"'),
    (r'Ambiguous reference to column name "(.+?)"', "AmbiguousColumn", 'column reference "{0}" is ambiguous'),
    (r'^column "(.+?)" must appear in the GROUP BY', "GroupingError", _UNGROUPED),
    (r"^aggregate function calls cannot be nested", "GroupingError", "aggregate function calls cannot be nested"),
    (r"^WHERE clause cannot contain agg", "GroupingError", "aggregate functions are not allowed in WHERE"),
    (r"^Division by zero", "DivisionByZero", "division by zero"),
    (
        r"^Could not convert string '(.*)' to (INT32|INT64|DOUBLE)\n",
        _NO_NUMBER,
        'invalid input syntax for type {type}: "{0}"',
    ),
    (r'^invalid timestamp field format: "(.*?)"', _NO_TIME, 'invalid input syntax for type timestamp: "{0}"'),
    (r"^Overflow in \w+ of (INT32|INT64)", _TOO_LARGE, _RANGE),
    (r"^Type (?:DOUBLE|INT64) with value .* out of range for the destination type (INT32|INT64)", _TOO_LARGE, _RANGE),
    (r"^(cannot take square root of a negative number)", "InvalidArgumentForPowerFunction", "{0}"),
    (r"^(cannot take logarithm of (?:zero|a negative number))", "InvalidArgumentForLogarithm", "{0}"),
    (r"^More than one row returned by a subquery", "CardinalityViolation", _SEVERAL),
)
_DATA = (
    *("DivisionByZero", _NO_NUMBER, _NO_TIME, _TOO_LARGE),
    *("InvalidArgumentForPowerFunction", "InvalidArgumentForLogarithm"),
)
_FAR = 3  # so many letters may be wrong in a name for PostgreSQL to guess what was meant


class RefusedError(Exception):
    """What the real part would answer, and the sandbox does not."""

    def __init__(self, what: str) -> None:
        super().__init__(f"The sandbox's ConsDB does not answer {what}; the real one, pqserver over PostgreSQL, may")


@dataclass
class StatementError(Exception):
    """What PostgreSQL has to say against a statement; ``place`` is an offset in its text, None where it names none."""

    kind: str
    words: str
    place: int | None = None
    hint: str = ""

    def message(self, statement: str, sent: str) -> str:
        """Write it as the service does. ``statement`` is what the database got, ``sent`` what the user wrote."""
        shown = "" if self.place is None else f"\n{_shown(statement, self.place)}"
        shown += f"\nHINT:  {self.hint}" if self.hint else ""
        page = _PAGES["DataError" if self.kind in _DATA else "ProgrammingError"]
        # Only what the driver itself says ends without a new line.
        name, end = ("ProgrammingError", "") if self.kind == "" else (f"errors.{self.kind}", "\n")
        sql = f"[SQL: {sent}]\n" if sent else ""
        return (
            f"(psycopg2.{name}) {self.words}{shown}{end}\n{sql}"
            f"(Background on this error at: https://sqlalche.me/e/20/{page})"
        )


def translated(
    words: str, statement: str, source: str = "", sources: Mapping[str, str] | None = None
) -> StatementError | RefusedError:
    """Return what PostgreSQL says where DuckDB says ``words``, or a refusal where that is not known.

    ``source`` is what the statement calls its only table, ``sources`` are all tables by such names.
    """
    text = re.sub(r"^[A-Z][A-Za-z ]+ Error: ", "", words).strip()
    for pattern, kind, shown in _KNOWN:
        if (found := re.search(pattern, text)) and (source or shown != _UNGROUPED):
            sort = next((_TYPES[group] for group in found.groups() if group in _TYPES), "")
            said = shown.format(*found.groups(), source=f"{source}.", type=sort)
            place = None if shown in (_RANGE, _SEVERAL) else _place(text, statement)
            hint = guessed(found.groups(), sources or {}) if kind == "UndefinedColumn" else ""
            return StatementError(kind, said, place, hint)
    return RefusedError(f"this ({text.splitlines()[0]})")


def guessed(name: Sequence[str], sources: Mapping[str, str]) -> str:
    """Say which column PostgreSQL takes for the one that was meant; nothing if none is near, or too many are.

    ``name`` is the column's, behind that of its table if it was said.
    """
    nearest, found = _FAR + 1, list[str]()
    for alias, table in sources.items():
        aside = min(_distance(name[0], alias), _FAR + 1) if len(name) > 1 else 0
        for column in tables()[table]:
            apart = _distance(name[-1], column.name)
            if aside > nearest or apart > len(name[-1]) // 2 or apart + aside > nearest:
                continue
            if apart + aside < nearest:
                nearest, found = apart + aside, []
            found.append(f'the column "{alias}.{column.name}"')
            if len(found) > 2:  # noqa: PLR2004 - so it counts
                nearest, found = nearest - 1, []
    return f"Perhaps you meant to reference {' or '.join(found)}." if found else ""


def _distance(one: str, other: str) -> int:
    """Count the letters to put in, take out or change."""
    row = list(range(len(other) + 1))
    for number, letter in enumerate(one, 1):
        above, row[0] = row[0], number
        for place, another in enumerate(other, 1):
            above, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, above + (letter != another))
    return row[-1]


def _place(words: str, statement: str) -> int | None:
    """Find the place that DuckDB points at; of a long line it shows a part."""
    found = re.search(r"\nLINE (\d+): (\.\.\.)?(.*?)(\.\.\.)?\n( *)\^", words)
    if found is None:
        return None
    number = int(found[1])
    head, line = f"LINE {number}: {found[2] or ''}", found[3]
    above = sum(len(line) + 1 for line in statement.split("\n")[: number - 1])
    start = statement.find(line, above)
    # It counts columns of the screen, and none for a tab.
    shown = accumulate((0 if letter == "\t" else _width(letter) for letter in line), initial=0)
    at = sum(column <= len(found[5]) - len(head) for column in shown) - 1
    return start + at if start >= 0 else None


def _width(letter: str) -> int:
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def _shown(statement: str, place: int) -> str:
    """Show the line and point at the place, as PostgreSQL's client library does."""
    before = statement[:place]
    number, start = before.count("\n") + 1, before.rfind("\n") + 1
    line, at = statement[start:].partition("\n")[0].replace("\t", " "), place - start
    columns = list(accumulate(map(_width, line), initial=0))
    left, right = 0, len(line)
    if columns[right] > _WIDTH:
        edge = max(_WIDTH, columns[at] + _RIGHT)
        right = max(number for number, column in enumerate(columns) if column <= edge)
        left = min(number for number, column in enumerate(columns) if columns[right] - column <= _WIDTH)
    head = f"LINE {number}: " + ("..." if left else "")
    blank = " " * (len(head) + columns[at] - columns[left])
    return f"{head}{line[left:right]}{'...' if right < len(line) else ''}\n{blank}^"
