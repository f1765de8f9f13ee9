"""``skykey token``: a system's token itself."""

from __future__ import annotations

import click

from skykey.cli.options import with_json, with_site_of_system, with_system, with_tokenfile
from skykey.cli.output import document, on_terminal, put
from skykey.cli.systems import system as load


@click.command()
@with_system
@with_site_of_system
@with_tokenfile
@click.option("--show", is_flag=True, help="Print it on a terminal too, where it stays to be read.")
@with_json
def token(system: str, site: str | None, tokenfile: str | None, show: bool, as_json: bool) -> None:
    """Print the token for SYSTEM, plain, on stdout; it is renewed first if need be.

    Whoever has it can act in your name. A terminal gets it with --show only. To see which one it would be, and why,
    use skykey why.
    """
    from skykey.credentials.credential import Bearer
    from skykey.values.errors import UsageError

    if on_terminal() and not show:
        raise UsageError(
            "stdout is a terminal, where a token stays to be read", next=f"skykey token {system} --show, or in a pipe"
        )
    credential = load(system).account(site, tokenfile).keeper.get().credential
    if not isinstance(credential, Bearer):
        raise UsageError(f"the credential for {system} is not a token", next=f"skykey why {system}")
    plain = credential.token.reveal()
    if as_json:
        document({"token": plain})
    else:
        put(plain)
