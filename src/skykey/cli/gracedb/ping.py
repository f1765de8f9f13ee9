"""``skykey gracedb ping``."""

from __future__ import annotations

from skykey.cli.gracedb.answers import told
from skykey.cli.gracedb.anywhere import command
from skykey.cli.gracedb.given import client, given
from skykey.cli.output import document


@command()
def ping() -> None:
    """Ask whether the server answers."""
    with client() as gracedb:
        response = gracedb.ping()
    if given().as_json:
        document({"url": response.url, "status": response.status_code, "reason": response.reason})
    else:
        told(f"Response from {response.url}: {response.status_code} {response.reason}")
