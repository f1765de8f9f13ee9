"""``skykey gracedb credentials``: what is sent along, and who one is to the server."""

from __future__ import annotations

from skykey.cli.gracedb.answers import answer, show
from skykey.cli.gracedb.anywhere import command
from skykey.cli.gracedb.given import client


@command("client")
def client_() -> None:
    """Show the credential that is sent along: whose it is, when it ends, what it allows. Asks nobody."""
    with client() as gracedb:
        show(gracedb.show_credentials(print_output=False))


@command()
def server() -> None:
    """Ask the server who you are; AnonymousUser if it knows no better."""
    with client() as gracedb:
        answer(gracedb.get_user_info())
