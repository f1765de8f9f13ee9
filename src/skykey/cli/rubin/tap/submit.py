"""``skykey rubin tap submit``."""

from __future__ import annotations

import click

from skykey.cli.options import with_json, with_site, with_tokenfile
from skykey.cli.output import document, put, say
from skykey.cli.progress import progress
from skykey.cli.rubin.tap.asking import client_of, statement_of, uploads_of, values_of, with_question
from skykey.cli.rubin.tap.words import as_commands, command


@click.command()
@with_question
@with_site
@with_tokenfile
@with_json
def submit(
    *,
    statement: str,
    values: tuple[str, ...],
    uploads: tuple[str, ...],
    maxrec: int | None,
    form: str | None,
    site: str | None,
    tokenfile: str | None,
    as_json: bool,
) -> None:
    """Start a job for one STATEMENT in ADQL (- reads it from stdin), print its URL, and end.

    The job goes on without you, and its result stays until you delete it, or the service forgets it by itself.
    """
    from skykey.rubin.sites import find_site

    with as_commands(site, tokenfile):
        client = client_of(site, tokenfile)
        asked, given, tables = statement_of(statement), values_of(values), uploads_of(uploads)
        with progress():
            job = client.submit(asked, given, maxrec=maxrec, uploads=tables, response_format=form)
    url = str(job.url)
    if as_json:
        document({"site": find_site(site).name, "query": asked, "job": url})
    else:
        put(url)
    say(f"for its result: {command('resume', url, site, tokenfile)}")
