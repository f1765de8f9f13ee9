"""``skykey gracedb create voevent``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from skykey.cli.gracedb.answers import answer
from skykey.cli.gracedb.anywhere import command
from skykey.cli.gracedb.arguments import object_id
from skykey.cli.gracedb.given import client

if TYPE_CHECKING:
    from collections.abc import Callable


def _probability(*names: str, text: str) -> Callable[[Any], Any]:
    return click.option(*names, metavar="0...1", type=click.FloatRange(0.0, 1.0), help=text)


@command()
@object_id
@click.argument("voevent_type")
@click.option("--skymap-type", metavar="TYPE", help="Of the sky map, if there is one.")
@click.option("--skymap-filename", metavar="NAME", help="The sky map's name on the server; an initial alert needs one.")
@click.option(
    "--combined-skymap-filename", metavar="NAME", help="The same of the map combined with another messenger's."
)
@click.option("--external", is_flag=True, help="It is distributed outside the collaborations.")
@click.option("--open-alert", is_flag=True, help="It is an open alert.")
@click.option("--hardware-inj", is_flag=True, help="The signal was injected into the detectors.")
@click.option("--coinc-comment", is_flag=True, help="It may belong to a gamma-ray burst.")
@click.option("--raven-coinc", is_flag=True, help="RAVEN found a coincidence with another messenger.")
@_probability("--prob-has-ns", text="One body at least is lighter than 3 solar masses.")
@_probability("--prob-has-remnant", text="Matter is left around the body in the centre.")
@_probability("--bns", text="Two neutron stars.")
@_probability("--nsbh", text="A neutron star and a black hole.")
@_probability("--bbh", text="Two black holes.")
@_probability("--terrestrial", text="No signal from the sky at all.")
@_probability("--has-mass-gap", "--mass-gap", "has_mass_gap", text="One body at least has 3 to 5 solar masses.")
def voevent(
    *,
    object_id: str,
    voevent_type: str,
    skymap_type: str | None,
    skymap_filename: str | None,
    combined_skymap_filename: str | None,
    external: bool,
    open_alert: bool,
    hardware_inj: bool,
    coinc_comment: bool,
    raven_coinc: bool,
    prob_has_ns: float | None,
    prob_has_remnant: float | None,
    bns: float | None,
    nsbh: float | None,
    bbh: float | None,
    terrestrial: float | None,
    has_mass_gap: float | None,
) -> None:
    """Create a VOEvent of an event or superevent; skykey gracedb info voevent_types has the types.

    Probabilities are numbers from 0 to 1. --mass-gap is the older name of --has-mass-gap.
    """
    with client() as gracedb:
        answer(
            gracedb.create_voevent(
                object_id,
                voevent_type,
                skymap_type=skymap_type,
                skymap_filename=skymap_filename,
                combined_skymap_filename=combined_skymap_filename,
                internal=not external,
                open_alert=open_alert,
                raven_coinc=raven_coinc,
                hardware_inj=hardware_inj,
                CoincComment=coinc_comment,
                ProbHasNS=prob_has_ns,
                ProbHasRemnant=prob_has_remnant,
                BNS=bns,
                NSBH=nsbh,
                BBH=bbh,
                Terrestrial=terrestrial,
                HasMassGap=has_mass_gap,
            )
        )
