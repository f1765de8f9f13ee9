"""``skykey descarteslabs auth token``, ``payload``, ``name`` and ``groups``: the token, and what it says of itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from skykey.cli.options import with_json
from skykey.cli.output import document, put
from skykey.values.errors import SkykeyError

if TYPE_CHECKING:
    from skykey.descarteslabs.brand import Brand


class NoSuchClaim(SkykeyError):
    """The token does not say it."""

    code = "no-such-claim"


@click.command()
@with_json
@click.pass_obj
def token(brand: Brand, as_json: bool) -> None:
    """Print the token, plain, on stdout; it is renewed first if need be."""
    from skykey.cli.descarteslabs.account import auth_of, heard

    auth = auth_of(brand)
    with heard(auth):
        plain = auth.token
    if as_json:
        document({"token": plain})
    else:
        put(plain)


@click.command()
@with_json
@click.pass_obj
def payload(brand: Brand, as_json: bool) -> None:  # noqa: ARG001 - it is JSON in any case; errors are with it
    """Print the token's claims as JSON. Nobody has verified them."""
    put(_listed(_payload(brand)))


@click.command()
@with_json
@click.pass_obj
def name(brand: Brand, as_json: bool) -> None:
    """Print the name of the token's owner; nothing if the token does not say it."""
    found = str(_payload(brand).get("name", ""))
    if as_json:
        document({"name": found})
    else:
        # A terminal would obey control characters.
        put("".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in found))


@click.command()
@with_json
@click.pass_obj
def groups(brand: Brand, as_json: bool) -> None:  # noqa: ARG001 - as payload
    """Print the groups of the token's owner as a JSON list."""
    found = _payload(brand).get("groups")
    if not isinstance(found, list):
        raise NoSuchClaim("the token does not say which groups its owner belongs to", next=brand.login)
    put(_listed(sorted(found, key=str)))


def _payload(brand: Brand) -> dict[str, Any]:
    from skykey.cli.descarteslabs.account import auth_of, heard

    auth = auth_of(brand)
    with heard(auth):
        return auth.payload


def _listed(value: object) -> str:
    """The documented form."""
    return json.dumps(value, sort_keys=True, indent=4)
