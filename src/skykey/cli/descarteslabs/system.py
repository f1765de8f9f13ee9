"""What Descartes Labs and EarthOne bring to the command: the same, under two names."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from skykey.cli.lazy import Entry, LazyGroup
from skykey.cli.systems import System
from skykey.descarteslabs import brand as brands

if TYPE_CHECKING:
    from collections.abc import Iterable

    from skykey.cli.systems import Account
    from skykey.descarteslabs.brand import Brand

_COMMANDS = {
    "auth": Entry("skykey.cli.descarteslabs.auth:auth", "Log in and out, and see what a login says."),
    "env": Entry("skykey.cli.descarteslabs.about:env", "Print the active environment."),
    "version": Entry("skykey.cli.descarteslabs.about:version", "Print the release whose names are served."),
}


def system(name: str, brand: Brand) -> System:
    """Make a brand's part of the command.

    Parameters
    ----------
    name
        Of the system, on the command line.
    brand
        Whose variables, files and addresses.
    """
    group = LazyGroup(
        name,
        _COMMANDS,
        help=f"{brand.name}: log in and out, and see what a login says.",
        params=[
            click.Option(
                ["--env"],
                metavar="NAME",
                shell_complete=partial(_completed, brand),
                help=f"The environment; by default what {brand.environment_variable} names, else "
                f"{brand.default_environment}.",
            )
        ],
        callback=partial(_chosen, brand),
    )
    return System(partial(_account, brand), partial(_environments, brand), group)


def _chosen(brand: Brand, env: str | None) -> None:
    """Before any command of the group: which brand it is for, and in which environment."""
    click.get_current_context().obj = brand
    if env is not None:
        from skykey.cli.descarteslabs.account import select

        select(brand, env)


def _account(brand: Brand, site: str | None, tokenfile: str | None) -> Account:
    from skykey.cli.descarteslabs.account import LoginAccount

    return LoginAccount(brand, site, tokenfile)


def _environments(brand: Brand) -> Iterable[str]:
    return brand.environments


def _completed(brand: Brand, _: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    return [name for name in brand.environments if name.startswith(incomplete)]


DESCARTESLABS = system("descarteslabs", brands.DESCARTESLABS)
EARTHONE = system("earthone", brands.EARTHONE)
