"""A question carried out: what its columns are, and its rows in batches, up to a limit."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING, Any

import duckdb

from skykey.sandbox.consdb.errors import StatementError, translated
from skykey.sandbox.tap.adql import translate
from skykey.sandbox.tap.adqlerror import AdqlError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from skykey.sandbox.tap.switches import Switches
    from skykey.sandbox.tap.uploads import Upload
    from skykey.sandbox.tap.votable import Field

_BATCH = 5_000
_TYPES = {
    "BOOLEAN": "boolean",
    "SMALLINT": "short",
    "INTEGER": "int",
    "BIGINT": "long",
    "FLOAT": "float",
    "DOUBLE": "double",
}
_NUMBERS = {"HUGEINT": "BIGINT", "DECIMAL": "DOUBLE", "TINYINT": "SMALLINT", "NULL": "VARCHAR"}


class StoppedError(Exception):
    """An answer that stops in its middle, because a control wants it so."""


@dataclass
class Answer:
    """Columns and rows; whether there was more is known once all rows were taken."""

    fields: list[Field]
    sql: str
    limit: int
    batches: Iterator[list[tuple[Any, ...]]] = field(default_factory=lambda: iter(()))
    overflow: bool = False


def answered(
    cursor: duckdb.DuckDBPyConnection, text: str, limit: int, uploads: Mapping[str, Upload], switches: Switches
) -> Answer:
    """Begin to answer a question.

    Raises
    ------
    AdqlError
        With the words for the user.
    """
    statement = translate(text, {name: upload.fields for name, upload in uploads.items()})
    try:
        for upload in uploads.values():
            upload.store(cursor)
        described = _described(cursor, statement.sql)
        chosen, fields = [], []
        for number, (sort, known) in enumerate(zip(described, statement.fields, strict=True), 1):
            to, name = _NUMBERS.get(sort, sort), known.name.replace('"', '""')
            chosen.append(f'CAST(#{number} AS {to}) AS "{name}"')
            fields.append(_typed(known, to))
        sql = f"SELECT {', '.join(chosen)} FROM ({statement.sql}) AS answer"  # noqa: S608 - made by `translate`
        answer = Answer(fields, sql, limit)
        cursor.execute(f"{sql} LIMIT {limit + 1 if limit else 0}")
        first = cursor.fetchmany(_BATCH)  # an error in it is still an answer
    except duckdb.Error as error:
        raise AdqlError(words(error, text)) from None
    answer.batches = _up_to(answer, chain([first], iter(lambda: cursor.fetchmany(_BATCH), [])), switches)
    return answer


def words(error: duckdb.Error, text: str) -> str:
    """Return what the database says: in the words of PostgreSQL, where they are known."""
    found = translated(str(error), text)
    return f"ERROR: {found.words}" if isinstance(found, StatementError) else str(error).splitlines()[0]


def _described(cursor: duckdb.DuckDBPyConnection, sql: str) -> list[str]:
    cursor.execute(f"SELECT * FROM ({sql}) AS answer LIMIT 0")  # noqa: S608 - made by `translate`
    sorts = [re.sub(r"\(.*|\"", "", str(column[1])) for column in cursor.description or []]
    for sort in sorts:
        if sort not in (*_TYPES, *_NUMBERS, "VARCHAR", "TIMESTAMP"):
            raise AdqlError(f"The sandbox's TAP service has no columns of this type ({sort.lower()})")
    return sorts


def _typed(known: Field, sort: str) -> Field:
    if sort in _TYPES:
        return replace(known, datatype=_TYPES[sort], arraysize=None, xtype="")
    if sort == "TIMESTAMP":
        return replace(known, datatype="char", arraysize="*", xtype="timestamp")
    if known.datatype in ("char", "unicodeChar") and not known.xtype:
        return known
    return replace(known, datatype="unicodeChar", arraysize="*", xtype="")


def _up_to(
    answer: Answer, batches: Iterator[list[tuple[Any, ...]]], switches: Switches
) -> Iterator[list[tuple[Any, ...]]]:
    left, whole = answer.limit, switches.stop_after
    answer.overflow = left == 0  # only what the columns are was asked for
    for batch in batches:
        if 0 <= whole < min(len(batch), left):
            yield batch[:whole]
            raise StoppedError(switches.words)
        whole -= len(batch)
        if len(batch) > left:
            answer.overflow = True
            yield batch[:left]
            return
        left -= len(batch)
        yield batch
