"""``skykey rubin tap jobs``, ``abort`` and ``delete``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from skykey.cli.options import with_json, with_site, with_tokenfile
from skykey.cli.output import document, on_terminal, say
from skykey.cli.progress import progress
from skykey.cli.rubin.tap.asking import client_of
from skykey.cli.rubin.tap.words import as_commands

if TYPE_CHECKING:
    from collections.abc import Callable

_with_jobs = click.argument("listed", metavar="JOB...", nargs=-1, required=True)


def _phases(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    from skykey.tap.uws import PHASES

    return [name for name in sorted(PHASES) if name.startswith(incomplete.upper())]


@click.command()
@click.option("--phase", metavar="NAME", shell_complete=_phases, help="Only those in it, such as EXECUTING.")
@click.option("--last", type=click.IntRange(min=1), metavar="N", help="Only so many, the latest.")
@with_site
@with_tokenfile
@with_json
def jobs(*, phase: str | None, last: int | None, site: str | None, tokenfile: str | None, as_json: bool) -> None:
    """List the jobs that the service still has of you."""
    from skykey.cli.rubin.cells import names, texts, values
    from skykey.rubin.sites import find_site

    client = client_of(site, tokenfile)
    with as_commands(site, tokenfile), progress():
        table = client.jobs.table(phase, last)
    if as_json:
        columns = names(table)
        document(
            {
                "site": find_site(site).name,
                "jobs": [dict(zip(columns, row, strict=True)) for row in values(table)],
            }
        )
    else:
        from skykey.cli.grid import show

        show(names(table), texts(table, exact=not on_terminal()))
    say(f"{len(table):,} job{'' if len(table) == 1 else 's'}")


@click.command()
@_with_jobs
@with_site
@with_tokenfile
@with_json
def abort(*, listed: tuple[str, ...], site: str | None, tokenfile: str | None, as_json: bool) -> None:
    """Stop each JOB (its URL, or its id). It stays, without a result."""
    _each(listed, lambda job: job.abort(), "aborted", site, tokenfile, as_json=as_json)


@click.command()
@_with_jobs
@with_site
@with_tokenfile
@with_json
def delete(*, listed: tuple[str, ...], site: str | None, tokenfile: str | None, as_json: bool) -> None:
    """Have each JOB (its URL, or its id) forgotten, with its result; one that is gone already is no failure."""
    _each(listed, lambda job: job.delete(), "deleted", site, tokenfile, as_json=as_json)


def _each(
    listed: tuple[str, ...],
    do: Callable[[Any], object],
    done: str,
    site: str | None,
    tokenfile: str | None,
    *,
    as_json: bool,
) -> None:
    from skykey.rubin.sites import find_site

    client = client_of(site, tokenfile)
    with as_commands(site, tokenfile):
        found = [client.job(each) for each in listed]  # all of them, before anything is done to one
        for job in found:
            with progress():
                do(job)
            say(f"{done}: {job.url}")
    if as_json:
        document({"site": find_site(site).name, "done": done, "jobs": [str(job.url) for job in found]})
