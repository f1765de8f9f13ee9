"""``skykey rubin tap``, with a statement: one question."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from skykey.cli.options import with_json, with_site, with_tokenfile
from skykey.cli.output import say
from skykey.cli.progress import progress
from skykey.cli.rubin.answer import with_rows
from skykey.cli.rubin.tap.asking import client_of, statement_of, uploads_of, values_of, with_question, with_timeout
from skykey.cli.rubin.tap.words import as_commands, command
from skykey.cli.rubin.telemetry import with_out
from skykey.values.errors import NotFound, QueryError, SkykeyError, Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from skykey.tables.table import Table

# Whatever else goes wrong, the job may have a result yet: one that could not be read, or not be written.
_WITHOUT_RESULT: Final = (QueryError, NotFound, Unreadable)


@click.command()
@with_question
@click.option("--as-job", is_flag=True, help="Leave it to a job of the service, and wait: for what takes many minutes.")
@with_timeout
@with_out
@with_rows
@with_site
@with_tokenfile
@with_json
def query(
    *,
    statement: str,
    values: tuple[str, ...],
    uploads: tuple[str, ...],
    maxrec: int | None,
    form: str | None,
    as_job: bool,
    timeout: float,
    out: Path | None,
    most: int,
    site: str | None,
    tokenfile: str | None,
    as_json: bool,
) -> None:
    """Ask one STATEMENT in ADQL (- reads it from stdin) and print the table.

    ADQL has no LIMIT, but SELECT TOP 10. On a terminal a table for people; in a pipe a line of names and tab-separated
    rows. Times are UTC. Nothing is printed before the answer is whole. Ctrl-C deletes the job of --as-job.
    """
    from skykey.cli.rubin.tap.answer import present, save
    from skykey.rubin.sites import find_site

    with as_commands(site, tokenfile):
        client = client_of(site, tokenfile, timeout)
        asked = statement_of(statement)
        more: Any = {"maxrec": maxrec, "response_format": form, "uploads": uploads_of(uploads)}
        given = values_of(values)
        facts = {"site": find_site(site).name, "query": asked, "job": None}
        if as_job:

            def put(table: Table, url: str) -> None:
                present(table, {**facts, "job": url}, out=out, most=most, as_json=as_json)

            _by_job(lambda: client.submit(asked, given, **more), timeout, put, (site, tokenfile))
            return
        with progress():
            if out is None:
                table = client.query.table(asked, given, **more)
            else:
                with client.stream(asked, given, **more) as rows:
                    table = save(rows, out)
        present(table, facts, out=out, is_written=out is not None, most=most, as_json=as_json)


def _by_job(
    submit: Callable[[], Any],
    timeout: float,
    put: Callable[[Table, str], None],
    where: tuple[str | None, str | None],
) -> None:
    """Wait for a job that nobody else knows of: in the end it is gone, or its user knows where it is."""
    from skykey.cli.rubin.tap.waiting import forget, result_of

    job = submit()
    url = str(job.url)
    try:
        with as_commands(*where):
            say(f"the job {url}")
            table = result_of(job, timeout)
            put(table, url)
    except KeyboardInterrupt:
        say(f"the job is deleted: {url}" if forget(job) else f"the job goes on: {command('delete', url, *where)}")
        raise
    except BrokenPipeError:
        forget(job)  # whoever reads has seen enough
        raise
    except (OSError, SkykeyError) as problem:
        if isinstance(problem, _WITHOUT_RESULT) and not hasattr(problem, "job_url"):
            forget(job)
        elif "skykey rubin tap resume" not in (getattr(problem, "next", None) or ""):
            say(f"the job is there still: {command('resume', url, *where)}")
        raise
    forget(job)
