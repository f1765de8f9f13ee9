"""``skykey gracedb update``."""

from __future__ import annotations

import click

from skykey.cli.gracedb.answers import answer
from skykey.cli.gracedb.anywhere import command
from skykey.cli.gracedb.arguments import graceid, instrument, signoff_type, superevent_id
from skykey.cli.gracedb.given import client
from skykey.cli.progress import progress


@command()
@graceid
@click.argument("filename")
def event(graceid: str, filename: str) -> None:
    """Replace the file of the event GRACEID, which you uploaded, and what the server read from it."""
    with client() as gracedb, progress():
        answer(gracedb.replace_event(graceid, filename))


@command()
@graceid
@click.option("--ra", metavar="DEGREES", type=float, help="Right ascension.")
@click.option("--dec", metavar="DEGREES", type=float, help="Declination.")
@click.option("--error-radius", metavar="DEGREES", type=float, help="How far from there it may be.")
@click.option("--t90", metavar="SECONDS", type=float, help="In which nine tenths of it came.")
@click.option("--redshift", metavar="Z", type=float, help="How far away it is.")
@click.option("--designation", metavar="NAME", help="What it is called.")
def grbevent(
    *,
    graceid: str,
    ra: float | None,
    dec: float | None,
    error_radius: float | None,
    t90: float | None,
    redshift: float | None,
    designation: str | None,
) -> None:
    """Change what is known of a gamma-ray burst; a zero is a value."""
    with client() as gracedb:
        answer(
            gracedb.update_grbevent(
                graceid,
                ra=ra,
                dec=dec,
                error_radius=error_radius,
                t90=t90,
                redshift=redshift,
                designation=designation,
            )
        )


@command()
@superevent_id
@click.option("--t-start", metavar="GPS", type=float, help="Its beginning.")
@click.option("--t-0", metavar="GPS", type=float, help="Its time.")
@click.option("--t-end", metavar="GPS", type=float, help="Its end.")
@click.option("--preferred-event", metavar="GRACEID", help="The event that stands for it.")
@click.option("--em-type", metavar="GRACEID", help="The event of another messenger that it may belong to.")
@click.option("--time-coinc-far", metavar="HZ", type=float, help="How often both would be so near in time by chance.")
@click.option("--space-coinc-far", metavar="HZ", type=float, help="The same for time and place.")
def superevent(
    *,
    superevent_id: str,
    t_start: float | None,
    t_0: float | None,
    t_end: float | None,
    preferred_event: str | None,
    em_type: str | None,
    time_coinc_far: float | None,
    space_coinc_far: float | None,
) -> None:
    """Change a superevent; a zero is a value. Its events are changed by add event and remove event."""
    with client() as gracedb:
        answer(
            gracedb.update_superevent(
                superevent_id,
                t_start=t_start,
                t_0=t_0,
                t_end=t_end,
                preferred_event=preferred_event,
                em_type=em_type,
                time_coinc_far=time_coinc_far,
                space_coinc_far=space_coinc_far,
            )
        )


@command()
@superevent_id
@signoff_type
@instrument
@click.option("--status", metavar="STATUS", help="OK or NO.")
@click.option("--comment", metavar="TEXT", help="What there is to say about it.")
def signoff(*, superevent_id: str, signoff_type: str, instrument: str, status: str | None, comment: str | None) -> None:
    """Change a signoff of a superevent."""
    with client() as gracedb:
        answer(
            gracedb.update_signoff(superevent_id, signoff_type, status=status, comment=comment, instrument=instrument)
        )
