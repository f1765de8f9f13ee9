"""``skykey rubin topics``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from skykey.cli.options import with_json, with_site, with_tokenfile
from skykey.cli.output import document, on_terminal, put, say, visible
from skykey.cli.progress import progress
from skykey.cli.rubin.telemetry import client_of, origin_of, save, with_database, with_out

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@click.argument("containing", required=False)
@with_site
@with_database
@with_tokenfile
@with_out
@with_json
def topics(
    *, containing: str | None, site: str | None, database: str, tokenfile: str | None, out: Path | None, as_json: bool
) -> None:
    """List the topics, one a line; only those CONTAINING a text (in any case) if it is given."""
    client = client_of(database, site, tokenfile)
    with progress():
        known = client.get_topics()
    names = [name for name in known if (containing or "").lower() in name.lower()]
    if out is not None:
        save(out, {"topic": names})
    if as_json:
        document({**origin_of(client), "topics": names})
    elif out is None:
        for name in names:
            put(visible(name) if on_terminal() else name)
    say(f"{len(names):,} topic{'' if len(names) == 1 else 's'} in {client.db_name} at {client.site}")
