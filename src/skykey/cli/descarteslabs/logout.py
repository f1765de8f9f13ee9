"""``skykey descarteslabs auth logout``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from skykey.cli import failures
from skykey.cli.options import with_json
from skykey.cli.output import document, put, say

if TYPE_CHECKING:
    from skykey.descarteslabs.brand import Brand
    from skykey.descarteslabs.signing_out import SignedOut


@click.command()
@click.option("--keep-server", is_flag=True, help="Do not tell the token service: for a login that has other homes.")
@with_json
@click.pass_obj
def logout(brand: Brand, keep_server: bool, as_json: bool) -> None:
    """End the login at the token service, and remove its file.

    A program that is renewing its token at this moment does not bring the file back. If the token service cannot be
    told, the file is removed all the same, and the exit code says so.
    """
    from skykey.descarteslabs.explaining import variables_set
    from skykey.descarteslabs.signing_out import sign_out

    done = sign_out(brand, tell=not keep_server)
    problem = None if done is None else done.problem
    if as_json:
        document(
            {
                "logged_out": done is not None,
                "file": None if done is None else done.file,
                "server_told": done is not None and done.told is not None,
                "error": None if problem is None else failures.described(problem),
            }
        )
    else:
        put(_said(brand, done))
    named = variables_set(brand)
    if named:
        say(f"warning: {', '.join(named)} still hold{'s' if len(named) == 1 else ''} a login; unset {' '.join(named)}")
    if problem is not None:
        from skykey.descarteslabs.config import app_domain

        problem.next = f"end it by hand at {app_domain(brand)}"
        failures.explain(problem)
        click.get_current_context().exit(problem.exit_code)


def _said(brand: Brand, done: SignedOut | None) -> str:
    if done is None:
        return f"Nobody is logged in to {brand.name} here: there is nothing to log out from."
    if done.told:
        told = f"the login is ended at {done.told}"
    elif done.is_whole:
        told = "the token service was not told: whoever has a copy of the login can still use it"
    else:
        told = "it held a token only, which ends by itself"
    return f"Logged out of {brand.name}: {done.file} is removed, and {told}."
