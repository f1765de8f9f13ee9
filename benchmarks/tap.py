"""An answer of a TAP service to a DataFrame: Skykey in each format and pyvo in turn.

    .venv/bin/python benchmarks/tap.py [--rounds 5] [--rows 10000 100000]

One table of 30 columns (18 doubles, 6 longs, 2 floats, 3 texts, 1 flag; twelve of them have nulls), all of them. All
ask the same server on loopback, which has the answer ready in each format, so that what is compared is the clients.
Each measurement is a fresh process, in which imports, connection and a small first question are outside the clock.
Memory is the process's own high-water mark, less what it was before the question.

pyvo 1.9.1, which rubin_nights stands on, always reads VOTables: TABLEDATA unless it is told to ask for BINARY2. Skykey
takes Parquet where it is offered.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import rounds
from ready import TOKEN, Ready, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

HERE = Path(__file__).resolve()
STATEMENT = "SELECT * FROM cdb_lsstcam.benchmark"
SMALL = "SELECT TOP 1 * FROM cdb_lsstcam.benchmark"
NULLS = 0.1
# Name, datatype, how many, how many of them have nulls.
KINDS = (("real", "double", 18, 6), ("whole", "long", 6, 3), ("short_real", "float", 2, 1), ("text", "char", 3, 2))
OURS = {"skykey": None, "skykey-binary2": "binary2", "skykey-tabledata": "tabledata", "skykey-csv": "csv"}
THEIRS = {"pyvo": "votable", "pyvo-binary2": "votable-b2"}
MIMES = {
    "votable": "application/x-votable+xml",
    "votable-b2": "application/x-votable+xml;serialization=BINARY2",
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
}

# -- in the measured process


def measured(client: str, url: str) -> None:
    """Ask once, and print what it took as JSON."""
    if client in OURS:
        from skykey.rubin.consdb_query import ConsDbTap

        tap = ConsDbTap(url, TOKEN)

        def ask(statement: str) -> pd.DataFrame:
            return tap.query(statement, response_format=OURS[client])
    else:
        from pyvo.dal import TAPService

        service = TAPService(f"{url}/api/consdbtap")

        def ask(statement: str) -> pd.DataFrame:
            found: pd.DataFrame = service.run_sync(statement, RESPONSEFORMAT=THEIRS[client]).to_table().to_pandas()
            return found

    ask(SMALL)
    rounds.measured(
        lambda: ask(STATEMENT),
        lambda frame: [*frame.shape, int(frame["whole5"].sum()), round(float(frame["real0"].sum()), 3)],
    )


# -- around it


def answers(rows: int) -> dict[str, bytes]:
    """The same table in each format, by alias."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    from skykey.sandbox.tap import formats, votable
    from skykey.sandbox.tap.answers import Answer

    chance = np.random.default_rng([20260320, rows])
    columns: dict[str, list[Any]] = {}
    fields = []
    for name, datatype, many, nulls in KINDS:
        for number in range(many):
            match name:
                case "real":
                    values = chance.normal(loc=45, scale=10, size=rows).tolist()
                case "whole":
                    values = (2026032000000 + np.arange(rows) + number).tolist()
                case "short_real":
                    values = chance.random(rows, dtype=np.float32).tolist()
                case _:
                    values = [f"BLOCK-{each % 400} field {each % 31}" for each in range(rows)]
            if number < nulls:
                hidden = chance.random(rows) < NULLS
                values = [None if is_null else value for value, is_null in zip(values, hidden, strict=True)]
            columns[f"{name}{number}"] = values
            fields.append(votable.Field(f"{name}{number}", datatype, "*" if datatype == "char" else None))
    columns["flag"] = (chance.random(rows) < 0.5).tolist()  # noqa: PLR2004 - either of two
    fields.append(votable.Field("flag", "boolean"))
    # whole5 and real0 are summed: the one has no nulls, the other has them in every client
    table = list(zip(*columns.values(), strict=True))

    def answer() -> Answer:
        return Answer(fields, "", rows, iter([table]))

    types = {
        "double": pa.float64(),
        "long": pa.int64(),
        "float": pa.float32(),
        "char": pa.string(),
        "boolean": pa.bool_(),
    }
    content = votable.empty(fields, overflow=False).encode()
    metadata = {b"IVOA.VOTable-Parquet.version": b"1.0", b"IVOA.VOTable-Parquet.content": content}
    schema = pa.schema([(field.name, types[field.datatype]) for field in fields], metadata=metadata)
    file = io.BytesIO()
    pq.write_table(pa.table(columns, schema=schema), file)
    return {
        "votable": b"".join(votable.written(answer(), binary=False)),
        "votable-b2": b"".join(votable.written(answer(), binary=True)),
        "csv": b"".join(formats.separated(answer(), ",")),
        "parquet": file.getvalue(),
    }


@contextlib.contextmanager
def service(rows: int) -> Iterator[str]:
    """The service with an answer of so many rows in each format."""
    from skykey.sandbox.tap import capabilities
    from skykey.sandbox.tap.switches import Switches

    large, small = answers(rows), answers(1)
    aliases = {mime.lower(): alias for alias, mime in MIMES.items()} | {alias: alias for alias in MIMES}
    sizes = ", ".join(f"{alias} {len(body) / 1e6:.1f} MB" for alias, body in large.items())
    print(f"\nthe answer as {sizes}", flush=True)

    def answered(path: str, sent: bytes) -> Ready:
        if path.endswith("/capabilities"):
            return Ready(capabilities.document("http://service.invalid", Switches()).encode(), "text/xml")
        form = {name.upper(): values[0] for name, values in parse_qs(sent.decode() or path.partition("?")[2]).items()}
        asked = form.get("RESPONSEFORMAT", "votable").lower().replace(" ", "")
        alias = "votable" if "tabledata" in asked else aliases[asked]
        ready = small if form["QUERY"] == SMALL or form.get("MAXREC") == "0" else large
        return Ready(ready[alias], MIMES[alias])

    with serving(answered) as url:
        yield url


def main() -> None:
    """Measure, or be measured."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--measure", choices=[*OURS, *THEIRS], help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measured(options.measure, options.url)
        return
    for rows in options.rows:
        with service(rows) as url:
            clients = {
                name: partial(
                    rounds.process, Path(sys.executable), str(HERE), name, "--url", url, environment=os.environ
                )
                for name in (*OURS, *THEIRS)
            }
            rounds.compare("query", rows, options.rounds, clients)


if __name__ == "__main__":
    main()
