"""Errors of a statement in the words that users of the real service see: PostgreSQL's, psycopg2's, SQLAlchemy's."""

from __future__ import annotations

import re
from dataclasses import dataclass

_PAGES = {"ProgrammingError": "f405", "DataError": "9h9h"}
_WIDTH, _RIGHT = 60, 10  # so much of a long line does PostgreSQL's client show, and right of the place
_UNGROUPED = 'column "{source}{0}" must appear in the GROUP BY clause or be used in an aggregate function'
_NO_NUMBER, _NO_TIME = "InvalidTextRepresentation", "InvalidDatetimeFormat"
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
)
_DATA = ("DivisionByZero", _NO_NUMBER, _NO_TIME)


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

    def message(self, statement: str, sent: str) -> str:
        """Write it as the service does. ``statement`` is what the database got, ``sent`` what the user wrote."""
        shown = "" if self.place is None else f"\n{_shown(statement, self.place)}"
        page = _PAGES["DataError" if self.kind in _DATA else "ProgrammingError"]
        # Only what the driver itself says ends without a new line.
        name, end = ("ProgrammingError", "") if self.kind == "" else (f"errors.{self.kind}", "\n")
        return (
            f"(psycopg2.{name}) {self.words}{shown}{end}\n[SQL: {sent}]\n"
            f"(Background on this error at: https://sqlalche.me/e/20/{page})"
        )


def translated(words: str, statement: str, source: str = "") -> StatementError | RefusedError:
    """Return what PostgreSQL says where DuckDB says ``words``, or a refusal where that is not known.

    ``source`` is what the statement calls its only table.
    """
    text = re.sub(r"^[A-Z][A-Za-z ]+ Error: ", "", words).strip()
    for pattern, kind, shown in _KNOWN:
        if (found := re.search(pattern, text)) and (source or shown != _UNGROUPED):
            names = {"source": f"{source}."} | ({"type": _TYPES[found[2]]} if kind == _NO_NUMBER else {})
            return StatementError(kind, shown.format(*found.groups(), **names), _place(text, statement))
    return RefusedError(f"this ({text.splitlines()[0]})")


def _place(words: str, statement: str) -> int | None:
    """Find the place that DuckDB points at; of a long line it shows a part."""
    found = re.search(r"\nLINE (\d+): (\.\.\.)?(.*?)(\.\.\.)?\n( *)\^", words)
    if found is None:
        return None
    number = int(found[1])
    above = sum(len(line) + 1 for line in statement.split("\n")[: number - 1])
    start = statement.find(found[3], above)
    return start + len(found[5]) - len(f"LINE {number}: {found[2] or ''}") if start >= 0 else None


def _shown(statement: str, place: int) -> str:
    """Show the line and point at the place, as PostgreSQL's client library does."""
    before = statement[:place]
    number, start = before.count("\n") + 1, before.rfind("\n") + 1
    line, at = statement[start:].partition("\n")[0].replace("\t", " "), place - start
    left, right = 0, len(line)
    if right > _WIDTH:
        if at + _RIGHT <= _WIDTH:
            right = _WIDTH
        else:
            right = min(right, at + _RIGHT)
            left = max(0, right - _WIDTH)
    head = f"LINE {number}: " + ("..." if left else "")
    return f"{head}{line[left:right]}{'...' if right < len(line) else ''}\n{' ' * (len(head) + at - left)}^"
