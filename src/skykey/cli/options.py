"""Options and arguments that commands share."""

from __future__ import annotations

import click

from skykey.cli.systems import SYSTEMS, system


def _sites(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Complete ``--site``: of the system in the command, else of all; a broken configuration completes nothing."""
    words = [ctx.params.get("system"), *ctx.command_path.split()]
    try:
        known = [system(name).sites() for name in SYSTEMS if name in words] or [
            system(name).sites() for name in SYSTEMS
        ]
        return [site for sites in known for site in sites if site.startswith(incomplete)]
    except Exception:  # noqa: BLE001 - completion must stay silent
        return []


with_system = click.argument("system", type=click.Choice(list(SYSTEMS)))
with_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_SITE = "The site; by default the platform's own, else usdf."
with_site = click.option("--site", metavar="NAME", shell_complete=_sites, help=_SITE)
with_site_of_system = click.option(
    "--site",
    metavar="NAME",
    shell_complete=_sites,
    help=f"{_SITE} Of Descartes Labs and EarthOne: the environment.",
)
with_tokenfile = click.option(
    "--tokenfile",
    metavar="FILE",
    type=click.Path(),
    help="A file that holds the token, or the login; nothing else is tried then.",
)
