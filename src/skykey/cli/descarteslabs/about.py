"""``skykey descarteslabs env`` and ``version``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from skykey.cli.options import with_json
from skykey.cli.output import document, put, say

if TYPE_CHECKING:
    from skykey.descarteslabs.brand import Brand


@click.command()
@with_json
@click.pass_obj
def env(brand: Brand, as_json: bool) -> None:
    """Print the name of the active environment."""
    from skykey.descarteslabs.config import current_settings

    settings = current_settings(brand)
    if as_json:
        addresses = {name: settings[name] for name in ("iam_url", "app_url", "platform_url")}
        document({"environment": settings.current_env, **addresses})
    else:
        put(settings.current_env)


@click.command()
@with_json
@click.pass_obj
def version(brand: Brand, as_json: bool) -> None:
    """Print the release of the upstream package whose names and behaviour are served."""
    from skykey import version as own
    from skykey.cli.descarteslabs.account import release_of

    release = release_of(brand)
    if as_json:
        document({"version": release, "skykey": own()})
    else:
        put(release)
    say(f"the names of {brand.package} {release}, served by Skykey {own()}")
