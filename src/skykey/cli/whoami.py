"""``skykey whoami``: what the site says about the token."""

from __future__ import annotations

import click

from skykey.cli.identity import NOT_VERIFIED, allows, as_document, kind, life, line, site_document
from skykey.cli.options import with_json, with_site_of_system, with_system, with_tokenfile
from skykey.cli.output import document, put, wrapped
from skykey.cli.systems import system as load


@click.command()
@with_system
@with_site_of_system
@with_tokenfile
@with_json
def whoami(system: str, site: str | None, tokenfile: str | None, as_json: bool) -> None:
    """Say whose token it is for SYSTEM, and what it allows.

    A site that can be asked is asked. Otherwise it is what the token says of itself, which is said then.
    """
    account = load(system).account(site, tokenfile)
    source = account.keeper.get().source
    identity, where = account.ask(), account.where
    if as_json:
        document({"system": system, "site": site_document(where), "source": source, **as_document(identity)})
        return
    put(wrapped(f"{identity.username} at {where.name} ({where.url})", rest="  "))
    line("token", kind(identity))
    line("from", source)
    line("life", life(identity))
    line("allows", allows(identity))
    if not identity.verified:
        line("says", NOT_VERIFIED)
