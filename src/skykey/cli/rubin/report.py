"""``skykey rubin report``."""

from __future__ import annotations

import click

from skykey.cli.options import with_json, with_site, with_tokenfile
from skykey.cli.output import document, on_terminal, put, say, visible_lines
from skykey.cli.progress import progress
from skykey.cli.rubin.days import with_day


@click.command()
@with_day
@click.option("--html", "as_html", is_flag=True, help="As a piece of HTML, to put into a page.")
@click.option(
    "--telescope",
    type=click.Choice(["Simonyi", "AuxTel"], case_sensitive=False),
    help="Whose summary; by default both.",
)
@with_site
@with_tokenfile
@with_json
def report(
    *, day_obs: int, as_html: bool, telescope: str | None, site: str | None, tokenfile: str | None, as_json: bool
) -> None:
    """Read the observers' report of a night (DAY_OBS: 20260320, 2026-03-20, today, yesterday).

    Of several the one that was sent, or added, last. No report is no failure: stdout is empty then.
    """
    from skykey.rubin.connections import get_clients
    from skykey.rubin.sites import find_site

    with progress():
        found, html = get_clients(tokenfile, site)["night_report"].query_night_report(day_obs, telescope, as_html)
    latest = found[0] if found else None
    if as_json:
        more = {"html": html if latest else None} if as_html else {}
        document({"site": find_site(site).name, "day_obs": day_obs, "report": latest, "count": len(found), **more})
    elif latest is not None:
        from skykey.cli.rubin.report_text import lines

        for line in [html] if as_html else lines(latest, telescope):
            put(visible_lines(line) if on_terminal() else line)
    say(_summary(day_obs, len(found)))


def _summary(day_obs: int, count: int) -> str:
    if not count:
        return f"there is no night report for {day_obs}"
    return f"1 report for {day_obs}" if count == 1 else f"the latest of {count} reports for {day_obs}"
