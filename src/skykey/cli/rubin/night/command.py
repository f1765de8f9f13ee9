"""``skykey rubin night``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from skykey.cli.failures import explain
from skykey.cli.options import with_json, with_site, with_tokenfile
from skykey.cli.output import document, put, say
from skykey.cli.progress import progress
from skykey.cli.rubin.days import with_day, with_instrument
from skykey.cli.rubin.telemetry import check_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from skykey.rubin.night import Night


def _file(*endings: str) -> Callable[[click.Context, click.Parameter, Path | None], Path | None]:
    """A file of one of some kinds, in a folder that is there: known before all questions."""

    def check(_: click.Context, __: click.Parameter, path: Path | None) -> Path | None:
        if path is not None and path.suffix.lower() not in endings:
            raise click.BadParameter(f"write a file that ends in {' or '.join(endings)}")
        return check_folder(path)

    return check


_FILE: dict[str, Any] = {"type": click.Path(path_type=Path, dir_okay=False), "metavar": "FILE"}


@click.command()
@with_day
@click.option("--png", **_FILE, callback=_file(".png", ".svg", ".pdf"), help="Also as a picture (or .svg, .pdf).")
@click.option("--dark", is_flag=True, help="The picture on a dark ground, for the control room at night.")
@click.option("--html", **_FILE, callback=_file(".html", ".htm"), help="Also as one file for a browser.")
@with_instrument
@with_site
@with_tokenfile
@with_json
def night(
    *,
    day_obs: int,
    png: Path | None,
    dark: bool,
    html: Path | None,
    instrument: str,
    site: str | None,
    tokenfile: str | None,
    as_json: bool,
) -> int:
    """Show a night (DAY_OBS: 20260320, 2026-03-20, today, yesterday) on one page.

    Visits by band and programme, open shutter and lost time first; then telemetry, the observers' report and the log.
    What could not be had is named at the top, and the exit code is that of the first such part.
    """
    from skykey.rubin.night import NightClient

    if png is not None or html is not None:
        from skykey.cli.canvas import check_extra

        check_extra()
    with progress():
        found = NightClient(site, tokenfile).night(day_obs, instrument)
    errors = [part.error for part in found.failed if part.error is not None and part is not found.dark]
    if len(errors) == len(found.parts) - 1:  # all but the twilight, which is asked of nobody: there is no page
        raise errors[0]
    written = [str(path) for path in _write(found, png, html, dark=dark)]
    if as_json:
        from skykey.cli.rubin.night.document import of_night

        document({**of_night(found), "written": written})
    else:
        from skykey.cli.rubin.night.text import lines

        for line in lines(found):
            put(line)
    return _say(found, written)


def _write(found: Night, png: Path | None, html: Path | None, *, dark: bool) -> list[Path]:
    from skykey.cli.rubin.night import picture

    if png is not None:
        picture.write(found, png, dark=dark)
    if html is not None:
        from skykey.cli.canvas import whole
        from skykey.cli.rubin.night.html import page

        pictures = {"light": picture.png(found), "dark": picture.png(found, dark=True)}
        with whole(html) as temporary:
            temporary.write_text(page(found, **pictures), encoding="utf-8")
    return [path for path in (png, html) if path is not None]


def _say(found: Night, written: list[str]) -> int:
    """Talk about the page: what was cut, what is missing, where it is.

    Returns
    -------
    int
        The exit code.
    """
    for part in (found.visits, found.log):
        if part.found is not None and part.found.truncated:
            say(f"NOT ALL: the {part.name} {'is' if part is found.log else 'are'} cut by {part.found.end.cut_by}")
    for part in found.failed:
        if part.error is not None:
            say(f"{part.name} could not be had:")
            explain(part.error)
    for path in written:
        say(f"written: {path}")
    errors = [part.error for part in found.failed if part.error is not None]
    return errors[0].exit_code if errors else 0
