"""``skykey rubin tap resume``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from skykey.cli.options import with_json, with_site, with_tokenfile
from skykey.cli.output import say
from skykey.cli.progress import progress
from skykey.cli.rubin.answer import with_rows
from skykey.cli.rubin.tap.asking import client_of, with_timeout
from skykey.cli.rubin.tap.words import as_commands, command
from skykey.cli.rubin.telemetry import with_out

if TYPE_CHECKING:
    from pathlib import Path

_NOT_STARTED = {"PENDING", "HELD"}


@click.command()
@click.argument("job")
@click.option("--delete", "is_to_go", is_flag=True, help="Delete the job when its result is here.")
@with_timeout
@with_out
@with_rows
@with_site
@with_tokenfile
@with_json
def resume(
    *,
    job: str,
    is_to_go: bool,
    timeout: float,
    out: Path | None,
    most: int,
    site: str | None,
    tokenfile: str | None,
    as_json: bool,
) -> None:
    """Wait for a JOB (its URL, or its id), and print its result.

    One that nobody has started yet is started. The job stays, and Ctrl-C does nothing to it.
    """
    from skykey.cli.rubin.tap.answer import present
    from skykey.cli.rubin.tap.waiting import forget, result_of
    from skykey.rubin.sites import find_site

    with as_commands(site, tokenfile):
        found = client_of(site, tokenfile, timeout).job(job)
        url = str(found.url)
        try:
            with progress():
                is_waiting = found.phase() in _NOT_STARTED
                if is_waiting:
                    found.run()
            if is_waiting:
                say("the job had not been started; now it is")
            table = result_of(found, timeout)
        except KeyboardInterrupt:
            say(f"the job goes on: {command('resume', url, site, tokenfile)}")
            raise
        facts = {"site": find_site(site).name, "query": None, "job": url}
        present(table, facts, out=out, most=most, as_json=as_json)
        if is_to_go and not forget(found):
            say(f"the job could not be deleted: {command('delete', url, site, tokenfile)}")
