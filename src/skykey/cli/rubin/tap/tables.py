"""``skykey rubin tap tables`` and ``columns``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from skykey.cli.options import with_json, with_site, with_tokenfile
from skykey.cli.progress import progress
from skykey.cli.rubin.tap.asking import client_of
from skykey.cli.rubin.tap.words import as_commands
from skykey.cli.rubin.telemetry import with_out

if TYPE_CHECKING:
    from pathlib import Path

    from skykey.tables.table import Table


@click.command()
@with_out
@with_site
@with_tokenfile
@with_json
def tables(*, out: Path | None, site: str | None, tokenfile: str | None, as_json: bool) -> None:
    """List the tables of the service, with their descriptions."""
    client = client_of(site, tokenfile)
    with as_commands(site, tokenfile), progress():
        found = client.tables.table()
    _put(found, "table", site, out, as_json=as_json)


@click.command()
@click.argument("table")
@with_out
@with_site
@with_tokenfile
@with_json
def columns(*, table: str, out: Path | None, site: str | None, tokenfile: str | None, as_json: bool) -> None:
    """List the columns of a TABLE (cdb_lsstcam.visit1): type, unit, UCD, description."""
    client = client_of(site, tokenfile)
    with as_commands(site, tokenfile), progress():
        found = client.columns.table(table)
    _put(found, "column", site, out, as_json=as_json)


def _put(found: Table, noun: str, site: str | None, out: Path | None, *, as_json: bool) -> None:
    from skykey.cli.rubin.tap.answer import present
    from skykey.rubin.sites import find_site

    facts = {"site": find_site(site).name, "query": found.facts.get("query"), "job": None}
    present(found, facts, noun=noun, out=out, as_json=as_json)
