"""What the telemetry commands share: which database, and who answers for it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from skykey.cli.failures import FileProblem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from skykey.rubin.influx_query import InfluxQueryClient

with_database = click.option(
    "--database",
    type=click.Choice(["efd", "obsenv", "pp", "too"]),
    default="efd",
    show_default=True,
    help="Engineering data, observatory environment, prompt processing, or targets of opportunity.",
)


def _table_file(_: click.Context, __: click.Parameter, path: Path | None) -> Path | None:
    if path is not None and path.suffix.lower() not in {".arrow", ".csv", ".feather", ".parquet"}:
        raise click.BadParameter("write a file that ends in .parquet, .arrow, .feather or .csv")
    return check_folder(path)


def check_folder(path: Path | None) -> Path | None:
    """Refuse a file in a folder that is not there: before all questions, and not after them."""
    if path is not None and not path.absolute().parent.is_dir():
        raise FileProblem(f"there is no folder {path.parent}", next=f"mkdir -p {shlex.quote(str(path.parent))}")
    return path


with_out = click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    callback=_table_file,
    help="Write .parquet, .arrow or .csv in place of stdout.",
)


def save(path: Path, columns: Mapping[str, Sequence[str]]) -> None:
    """Write columns of text as a table."""
    from skykey.tables.end import End
    from skykey.tables.packages import arrow
    from skykey.tables.table import Table

    pa = arrow()
    table = pa.table({name: pa.array(list(texts), pa.string()) for name, texts in columns.items()})
    Table(table, End(complete=True, rows=table.num_rows)).save(path)


def client_of(database: str, site: str | None, tokenfile: str | None) -> InfluxQueryClient:
    """The client that `get_clients` calls by this name; nothing is requested yet."""
    from skykey.rubin.connections import get_clients

    clients = get_clients(tokenfile, site)
    match database:
        case "obsenv":
            return clients["obsenv"]
        case "pp":
            return clients["pp"]
        case "too":
            return clients["too"]
        case _:
            return clients["efd"]


def origin_of(client: InfluxQueryClient) -> dict[str, str]:
    """Whose database answered, for JSON."""
    return {"site": client.site, "database": client.db_name}
