"""``skykey rubin fields``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from skykey.cli.options import with_json, with_site, with_tokenfile
from skykey.cli.output import document, say
from skykey.cli.progress import progress
from skykey.cli.rubin.telemetry import client_of, origin_of, save, with_database, with_out

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@click.argument("topic")
@with_site
@with_database
@with_tokenfile
@with_out
@with_json
def fields(
    *, topic: str, site: str | None, database: str, tokenfile: str | None, out: Path | None, as_json: bool
) -> None:
    """List the fields of TOPIC with their types; `skykey rubin schema` says what they mean."""
    client = client_of(database, site, tokenfile)
    with progress():
        frame = client.get_fields(topic)
    rows = list(zip(frame["fieldKey"], frame["fieldType"], strict=True))
    if out is not None:
        save(out, {"field": list(frame["fieldKey"]), "type": list(frame["fieldType"])})
    if as_json:
        listed = [{"field": name, "type": kind} for name, kind in rows]
        document({**origin_of(client), "topic": topic, "fields": listed})
    elif out is None:
        from skykey.cli.grid import show

        show(("field", "type"), rows)
    say(f"{len(rows):,} field{'' if len(rows) == 1 else 's'} in {topic}")
