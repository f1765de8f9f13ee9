"""``skykey gracedb create``: signoffs, notices, observations by telescopes."""

from __future__ import annotations

import click

from skykey.cli.gracedb.answers import answer
from skykey.cli.gracedb.anywhere import command
from skykey.cli.gracedb.arguments import instrument, object_id, signoff_type, superevent_id
from skykey.cli.gracedb.given import client
from skykey.cli.gracedb.listed import names, numbers
from skykey.cli.progress import progress


@command()
@superevent_id
@signoff_type
@click.argument("signoff_status")
@click.argument("comment")
@instrument
def signoff(superevent_id: str, signoff_type: str, signoff_status: str, comment: str, instrument: str) -> None:
    """Sign a superevent off.

    SIGNOFF_TYPE is operator (with an INSTRUMENT, such as H1) or advocate, SIGNOFF_STATUS is OK or NO.
    """
    with client() as gracedb:
        answer(gracedb.create_signoff(superevent_id, signoff_type, signoff_status, comment, instrument))


@command()
@superevent_id
@click.argument("filename")
def notice(superevent_id: str, filename: str) -> None:
    """Upload the notice of a superevent, a JSON file; - is stdin."""
    with client() as gracedb, progress():
        answer(gracedb.create_notice(superevent_id, filename))


@command()
@object_id
@click.argument("group")
@click.argument("ra", callback=numbers)
@click.argument("ra_width", callback=numbers)
@click.argument("dec", callback=numbers)
@click.argument("dec_width", callback=numbers)
@click.argument("start_time", callback=names)
@click.argument("duration", callback=numbers)
@click.option("--comment", metavar="TEXT", help="What there is to say about it.")
def emobservation(
    *,
    object_id: str,
    group: str,
    ra: list[float],
    ra_width: list[float],
    dec: list[float],
    dec_width: list[float],
    start_time: list[str],
    duration: list[float],
    comment: str | None,
) -> None:
    """Report what telescopes of a GROUP observed, in rectangles on the sky.

    Each is a list with commas: positions and widths in degrees, times in UTC (2026-03-20T01:02:03), seconds. A width
    or a duration may be a single one for all.
    """
    with client() as gracedb:
        answer(
            gracedb.write_emobservation(
                object_id,
                group,
                ra,
                _one_or_all(ra_width),
                dec,
                _one_or_all(dec_width),
                start_time,
                _one_or_all(duration),
                comment=comment,
            )
        )


def _one_or_all(given: list[float]) -> float | list[float]:
    """A single one is for all."""
    return given[0] if len(given) == 1 else given
