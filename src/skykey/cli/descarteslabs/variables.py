"""``skykey descarteslabs auth env``."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click

from skykey.cli.options import with_json
from skykey.cli.output import document, put

if TYPE_CHECKING:
    from skykey.descarteslabs.brand import Brand


@click.command()
@with_json
@click.pass_obj
def env(brand: Brand, as_json: bool) -> None:
    """Print the login as lines NAME=value, for a container or a shell.

    They hold its secret: whoever has them is logged in as you.
    """
    from skykey.cli.descarteslabs.account import auth_of, heard
    from skykey.descarteslabs.exceptions import AuthError

    auth = auth_of(brand)
    with heard(auth):
        if not auth.client_id or not auth.refresh_token:
            missing = "no client_secret or refresh_token" if auth.client_id else "no client_id"
            raise AuthError(auth.AUTHORIZATION_ERROR.format(f" ({missing})"), next=brand.login)
    lines = {
        brand.client_id_variable: auth.client_id,
        brand.client_secret_variable: auth.client_secret or "",
        brand.refresh_token_variable: auth.refresh_token,
    }
    if as_json:
        document(lines)
        return
    for variable, value in lines.items():
        put(f"{variable}={shlex.quote(value)}")
