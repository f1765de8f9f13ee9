"""Statements carried out over the made-up year, row for row as the service writes them."""

from __future__ import annotations

import datetime as dt
import json
import math
import re
import shutil
import tempfile
import threading
import weakref
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from skykey.sandbox.consdb import dialect, schema, visits
from skykey.sandbox.consdb.errors import RefusedError, StatementError, translated

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_ROWS = 1_000_000
_BATCH = 10_000
_FITS = ("BIGINT", "INTEGER", "SMALLINT", "DOUBLE", "VARCHAR", "BOOLEAN", "TIMESTAMP", "DATE", '"NULL"')
_UNTERMINATED = {
    "unterminated string literal": "unterminated quoted string",
    "unterminated quoted identifier": "unterminated quoted identifier",
    "unterminated /* comment": "unterminated /* comment",
}
_UNKNOWN_WORDS = ("symmetric", "asymmetric", "operator", "overlaps", "for")  # of PostgreSQL's own
_WITHOUT_ROWS = ("set", "reset", "begin", "start", "commit", "rollback", "end", "abort")


class PercentError(Exception):
    """A percent sign that the driver takes for a parameter; the service has no words for that."""


class Answer:
    """Columns, and rows in batches; ``columns`` is None for a statement that returns no rows."""

    def __init__(self, columns: list[str] | None, batches: Iterator[list[list[Any]]]) -> None:
        self.columns, self.batches = columns, batches

    def json(self) -> Iterator[bytes]:
        """Write it down piece by piece, so that a large answer never lies in memory as a whole."""
        yield b'{"columns":' + _dumped(self.columns) + b',"data":['
        first = True
        for batch in self.batches:
            if batch:
                yield (b"" if first else b",") + _dumped(batch)[1:-1]
                first = False
        yield b"]}"


class Engine:
    """An in-memory DuckDB that is filled once and then locked against files, settings and network.

    Attributes
    ----------
    folder
        The one place where it may write a file: whoever opens a connection, not who sends a statement.
    """

    def __init__(self) -> None:
        self._connection = duckdb.connect(":memory:")
        self._lock = threading.Lock()
        self._running: set[duckdb.DuckDBPyConnection] = set()
        self.folder = Path(tempfile.mkdtemp(prefix="skykey-sandbox-"))
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        for statement in schema.statements(keys=False):
            self._connection.execute(statement)
        visits.fill(self._connection)
        for setting in (
            "default_null_order = 'nulls_last_on_asc_first_on_desc'",
            "preserve_identifier_case = false",
            "ieee_floating_point_ops = false",
            f"allowed_directories = ['{self.folder}']",
            "enable_external_access = false",
            "lock_configuration = true",
        ):
            self._connection.execute(f"SET GLOBAL {setting}")

    def run(self, sent: str) -> Answer:
        """Begin to answer a statement as a user sent it, with its percent signs doubled.

        Raises
        ------
        PercentError, StatementError, RefusedError
        """
        text = sent.replace("%%", "")
        if "%" in text:
            raise PercentError
        text = sent.replace("%%", "%")
        cursor = self.open()
        try:
            answer = _answer(cursor, text)
        except BaseException:
            self.close(cursor)
            raise
        answer.batches = self._until_the_end(cursor, answer.batches)
        return answer

    def open(self) -> duckdb.DuckDBPyConnection:
        """Give a connection of its own, which `stop` interrupts and `close` ends."""
        with self._lock:
            cursor = self._connection.cursor()
            self._running.add(cursor)
        return cursor

    def close(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """End a connection."""
        with self._lock:
            self._running.discard(cursor)
        cursor.close()

    def stop(self) -> None:
        """Interrupt every statement that is being answered."""
        with self._lock:
            for cursor in self._running:
                cursor.interrupt()

    def rows(self, statement: str, values: list[Any]) -> list[dict[str, Any]]:
        """Answer one of the service's own questions; of columns with one name the first counts."""
        with self._lock:
            cursor = self._connection.cursor()
        with cursor:
            cursor.execute(statement, values)
            names = [column[0] for column in cursor.description or []]
            found = cursor.fetchall()
        return [dict(zip(reversed(names), reversed(row), strict=True)) for row in found]

    def _until_the_end(
        self, cursor: duckdb.DuckDBPyConnection, batches: Iterator[list[list[Any]]]
    ) -> Iterator[list[list[Any]]]:
        try:
            yield from batches
        finally:
            self.close(cursor)


def _answer(cursor: duckdb.DuckDBPyConnection, text: str) -> Answer:
    tree = _parsed(cursor, text)
    if tree["error"] and tree["error_type"] == "not implemented":
        if _first_word(text)[0] in _WITHOUT_ROWS and ";" not in text.rstrip("; \n"):
            return Answer(None, iter(()))
        raise RefusedError("statements that are no SELECT: it only reads")
    if tree["error"]:
        raise _unparsed(cursor, text, tree)
    if not tree["statements"]:
        raise StatementError("", "can't execute an empty query")
    if len(tree["statements"]) > 1:
        raise RefusedError("several statements at once")
    word, place = _first_word(text)
    if word == "from":
        raise StatementError("SyntaxError", f'syntax error at or near "{text[place : place + 4]}"', place)
    if word not in ("select", "with", "("):
        raise RefusedError(f"statements that begin with {word.upper()}")
    shape = dialect.check(tree, text)
    try:
        cursor.execute(shape.rewritten(text))
        columns, texts, computed = _columns(cursor, shape)
        batches = _within(_batches(cursor), [] if "inf" in text.lower() else computed)
        first = next(batches, [])  # an error in it is still an answer
    except duckdb.Error as error:
        raise translated(str(error), text, shape.source, shape.sources) from None
    return Answer(columns, (_with_texts(batch, texts) for batch in chain([first], batches)))


def _parsed(cursor: duckdb.DuckDBPyConnection, text: str) -> dict[str, Any]:
    (found,) = cursor.execute("SELECT json_serialize_sql(?)", [text]).fetchall()
    tree: dict[str, Any] = json.loads(found[0])
    return tree


def _unparsed(cursor: duckdb.DuckDBPyConnection, text: str, tree: dict[str, Any]) -> Exception:
    words, place = tree["error_message"], int(tree.get("position", 0))
    for beginning, shown in _UNTERMINATED.items():
        if words.startswith(beginning):
            return StatementError("SyntaxError", f'{shown} at or near "{text[place:]}"', place)
    if not words.startswith("syntax error at or near") or text[place:].lower().startswith(_UNKNOWN_WORDS):
        return RefusedError(f"this ({words})")
    # DuckDB lets a star have a name, and so stumbles over the word behind it.
    if named := re.search(r"(?:\bselect|,|\.)\s*\*\s*(\w+)\s+$", text[:place], re.IGNORECASE):
        return StatementError("SyntaxError", f'syntax error at or near "{named[1]}"', named.start(1))
    # Where a statement ends too early, DuckDB names its last word, unless there is something after it.
    if int(_parsed(cursor, f"{text} ;").get("position", 0)) > len(text):
        return StatementError("SyntaxError", "syntax error at end of input", len(text))
    return StatementError("SyntaxError", words, place)


def _columns(cursor: duckdb.DuckDBPyConnection, shape: dialect.Shape) -> tuple[list[str], list[int], list[int]]:
    """Return PostgreSQL's names of the columns, which of them hold exact decimals, and which computed numbers."""
    described = [(column[0], str(column[1])) for column in cursor.description or []]
    columns, texts, computed = [], [], []
    for number, (name, kind, is_computed) in enumerate(shape.of([name for name, _ in described])):
        sort = described[number][1]
        decimal = sort.startswith("DECIMAL") or (sort == "HUGEINT" and kind == "numeric")
        if not decimal and (kind == "numeric" or (sort not in _FITS and (sort, kind) != ("HUGEINT", "long"))):
            raise RefusedError(f"columns of this type ({sort.lower()})")
        columns.append(name)
        if decimal:
            texts.append(number)
        if sort == "DOUBLE" and is_computed:
            computed.append(number)
    return columns, texts, computed


def _within(batches: Iterator[list[list[Any]]], computed: list[int]) -> Iterator[list[list[Any]]]:
    """Refuse computed numbers beyond the largest, which are an error of PostgreSQL's."""
    for rows in batches:
        if any(row[number] is not None and math.isinf(row[number]) for number in computed for row in rows):
            raise RefusedError("numbers beyond the largest of double precision")
        yield rows


def _with_texts(rows: list[list[Any]], texts: list[int]) -> list[list[Any]]:
    """Make text of exact decimals, which JSON's numbers are not."""
    for number in texts:
        for row in rows:
            row[number] = None if row[number] is None else str(row[number])
    return rows


def _batches(cursor: duckdb.DuckDBPyConnection) -> Iterator[list[list[Any]]]:
    for _ in range(MAX_ROWS // _BATCH):  # and what comes after that is dropped in silence
        if not (block := cursor.fetchmany(_BATCH)):
            return
        yield [list(row) for row in block]


def _first_word(text: str) -> tuple[str, int]:
    found = re.match(r"(?:\s|--[^\n]*(?:\n|$)|/\*.*?\*/)*(\w+|.)", text, re.DOTALL)
    return (found[1].lower(), found.start(1)) if found else ("", 0)


def _dumped(value: Any) -> bytes:
    try:
        text = json.dumps(value, default=_plain, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError:  # NaN and the infinities, which JSON does not have
        value = [
            [None if isinstance(each, float) and not math.isfinite(each) else each for each in row] for row in value
        ]
        text = json.dumps(value, default=_plain, ensure_ascii=False, separators=(",", ":"))
    return text.encode()


def document(values: dict[str, Any]) -> bytes:
    """Write one observation."""
    return b"{" + b",".join(_dumped(name) + b":" + _dumped([[value]])[2:-2] for name, value in values.items()) + b"}"


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, dt.date) else str(value)
