"""Answers in the formats that are no VOTable: CSV, TSV and Parquet."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from skykey.sandbox.tap import votable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import duckdb

    from skykey.sandbox.tap.answers import Answer
    from skykey.sandbox.tap.switches import Switches

_PIECE = 2**16


def written(
    answer: Answer, alias: str, cursor: duckdb.DuckDBPyConnection, folder: Path, switches: Switches
) -> Iterator[bytes]:
    """Write an answer in the format of this alias."""
    if alias in ("csv", "tsv"):
        return separated(answer, "," if alias == "csv" else "\t")
    if alias == "parquet":
        return parquet(answer, cursor, folder, switches)
    return votable.written(answer, binary=alias == "votable-b2")


def separated(answer: Answer, mark: str) -> Iterator[bytes]:
    """Write CSV or TSV: null is nothing, an empty text is a pair of quotes. That it failed it cannot say."""
    yield mark.join(_cell(field.name, mark) for field in answer.fields).encode() + b"\n"
    with contextlib.suppress(Exception):
        for batch in answer.batches:
            yield "".join(mark.join(_cell(value, mark) for value in row) + "\n" for row in batch).encode()


def _cell(value: Any, mark: str) -> str:
    text = votable.plain(value)
    if (not text and value is not None) or any(each in text for each in (mark, '"', "\n", "\r")):
        return '"' + text.replace('"', '""') + '"'
    return text


def parquet(answer: Answer, cursor: duckdb.DuckDBPyConnection, folder: Path, switches: Switches) -> Iterator[bytes]:
    """Write Parquet with VOParquet's metadata, by DuckDB itself.

    It writes a file in the one folder that is open to it; no further package is needed for that. What the metadata say
    stands at the file's end but has to be known before, so the rows are counted first.
    """
    count = f"SELECT count(*) FROM (SELECT 1 FROM ({answer.sql}) LIMIT {answer.limit + 1})"  # noqa: S608 - made by us
    (rows,) = (cursor.execute(count).fetchone() if answer.limit else None) or (0,)
    answer.overflow = rows > answer.limit or answer.limit == 0
    said = {"version": "1.0", "content": votable.empty(answer.fields, overflow=answer.overflow)}
    pairs = ", ".join(
        f'"IVOA.VOTable-Parquet.{name}": \'' + text.replace("'", "''") + "'" for name, text in said.items()
    )
    file = folder / f"{id(answer)}.parquet"
    try:
        cursor.execute(
            f"COPY ({answer.sql} LIMIT {answer.limit}) TO '{file}' (FORMAT parquet, KV_METADATA {{{pairs}}})"
        )
        content = file.read_bytes()
    finally:
        file.unlink(missing_ok=True)
    if 0 <= switches.stop_after < min(rows, answer.limit):  # no footer comes any more
        content = content[: len(content) // 2] + f"\nERROR: {switches.words}".encode()
    for place in range(0, len(content), _PIECE):
        yield content[place : place + _PIECE]
