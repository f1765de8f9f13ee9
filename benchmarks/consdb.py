"""An answer of ConsDB's HTTP service to a DataFrame: Skykey and rubin_nights in turn.

    .venv/bin/python benchmarks/consdb.py [--rounds 5] [--rows 10000 100000] [--plain]

One table of 60 columns (12 integers, 32 floats, 8 texts, 3 booleans, 3 times, 2 without a value; a tenth is null), all
of them. Both ask the same server on loopback, which has the answer ready, so that what is compared is the clients:
compressed, as the service does it for both, or not (`--plain`). Each measurement is a fresh process, in which imports,
connection and a small first question are outside the clock. Memory is the process's own high-water mark, less what it
was before the question.

rubin_nights 0.18.2 comes by itself, in an environment of its own.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import importlib
import json
import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rounds
from ready import TOKEN, Ready, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).resolve()
TABLE = "cdb_lsstcam.benchmark"
STATEMENT = f"select * from {TABLE}"  # noqa: S608 - our own text
SMALL = f"{STATEMENT} limit 1"
KIND = "application/json"
NULLS = 0.1
# Name, type in SQL, how many.
KINDS = (
    ("whole", "BIGINT", 12), ("real", "DOUBLE PRECISION", 32), ("text", "VARCHAR(80)", 8), ("flag", "BOOLEAN", 3),
    ("instant", "TIMESTAMP", 3), ("nothing", "DOUBLE PRECISION", 2),
)  # fmt: skip
COLUMNS = [(f"{name}{number}", sql) for name, sql, many in KINDS for number in range(many)]


def measured(client: str, url: str) -> None:
    """Ask once, and print what it took as JSON."""
    module = importlib.import_module(f"{'skykey.rubin' if client == 'skykey' else 'rubin_nights'}.consdb_query")
    consdb = module.ConsDbFastAPI(url, ("user", TOKEN))
    consdb.query(SMALL)
    rounds.measured(
        lambda: consdb.query(STATEMENT),
        lambda frame: [*frame.shape, int(frame["whole0"].sum()), round(float(frame["real1"].sum()), 3)],
    )


def answer(rows: int) -> bytes:
    """What the service would send: some 900 bytes a row."""
    import numpy as np

    chance = np.random.default_rng([20260320, rows])
    made: list[list[Any]] = []
    for number, (name, _) in enumerate(COLUMNS):
        match name.rstrip("0123456789"):
            case "whole":
                values = (2026032000000 + np.arange(rows) + number).tolist()
            case "real":
                values = chance.normal(loc=45, scale=10, size=rows).tolist()
            case "text":
                values = [f"BLOCK-{each % 400} field {each % 31}" for each in range(rows)]
            case "flag":
                values = (chance.random(rows) < 0.5).tolist()  # noqa: PLR2004 - either of two
            case "instant":
                values = [
                    f"2026-03-{1 + each % 28:02}T04:{each % 60:02}:17.{each % 1_000_000:06}" for each in range(rows)
                ]
            case _:
                values = [None] * rows
        if name != "whole0":
            values = [
                None if is_null else value for value, is_null in zip(values, chance.random(rows) < NULLS, strict=True)
            ]
        made.append(values)
    names = [name for name, _ in COLUMNS]
    return json.dumps({"columns": names, "data": list(zip(*made, strict=True))}, separators=(",", ":")).encode()


@contextlib.contextmanager
def service(rows: int, *, plain: bool) -> Iterator[str]:
    """The service with an answer of so many rows."""
    whole, small = answer(rows), answer(1)
    large = Ready(whole, KIND) if plain else Ready(gzip.compress(whole, 6), KIND, "gzip")
    schema = json.dumps({name: [sql, None] for name, sql in COLUMNS}).encode()
    print(f"\nthe answer has {len(whole) / 1e6:.1f} MB, {len(large.body) / 1e6:.1f} on the wire", flush=True)

    def answered(_: str, sent: bytes) -> Ready:
        if not sent:
            return Ready(schema, KIND)
        return Ready(small, KIND) if json.loads(sent)["query"] == SMALL else large

    with serving(answered) as url:
        yield url


def main() -> None:
    """Measure, or be measured."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--plain", action="store_true", help="without compression")
    parser.add_argument("--measure", choices=["skykey", "rubin-nights"], help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measured(options.measure, options.url)
        return
    sys.path.insert(0, str(HERE.parents[1]))
    from tools import parts

    pythons = {"skykey": Path(sys.executable), "rubin-nights": parts.guest("rubin-nights")}
    for rows in options.rows:
        with service(rows, plain=options.plain) as url:
            clients = {
                name: partial(rounds.process, python, str(HERE), name, "--url", url, environment=os.environ)
                for name, python in pythons.items()
            }
            rounds.compare("query", rows, options.rounds, clients)


if __name__ == "__main__":
    main()
