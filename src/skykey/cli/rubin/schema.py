"""``skykey rubin schema``."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from skykey.cli.options import with_json, with_site, with_tokenfile
from skykey.cli.output import document, say
from skykey.cli.progress import progress
from skykey.cli.rubin.telemetry import client_of, origin_of, with_database, with_out
from skykey.values.errors import OutOfReach, TransportError, UnknownName, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@click.command()
@click.argument("topic")
@with_site
@with_database
@with_tokenfile
@with_out
@with_json
def schema(
    *, topic: str, site: str | None, database: str, tokenfile: str | None, out: Path | None, as_json: bool
) -> None:
    """Say what the fields of TOPIC mean: types, units and descriptions, from the site's schema registry.

    A type with [] is an array: its values are the fields name0, name1, ... in queries.
    """
    client = client_of(database, site, tokenfile)
    with progress(), _next_steps(topic):
        table = client.get_schema.table(topic)
    if out is not None:
        table.save(out)
    fields = table.arrow.to_pylist()
    if as_json:
        document({**origin_of(client), "topic": topic, "fields": fields})
    elif out is None:
        from skykey.cli.grid import show

        rows = [
            (field["name"], f"{field['type']}{'[]' if field['is_array'] else ''}", *_said(field)) for field in fields
        ]
        show(("field", "type", "units", "description"), rows, folded="description")
    say(f"{len(fields):,} field{'' if len(fields) == 1 else 's'} in {topic}")


def _said(field: dict[str, str | None]) -> tuple[str, str]:
    return field["units"] or "", field["description"] or ""


@contextmanager
def _next_steps(topic: str) -> Iterator[None]:
    """Name commands where the registry, which knows none, leaves the user."""
    try:
        yield
    except UnknownName as problem:
        problem.next = problem.next or "skykey rubin topics"
        raise
    except (OutOfReach, TransportError, UsageError) as problem:
        without = f"names and types without it: skykey rubin fields {topic}"
        problem.next = f"{problem.next}; {without}" if problem.next else without
        raise
