"""``skykey descarteslabs auth login``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from skykey.cli.options import with_json
from skykey.cli.output import document, put, say
from skykey.values.errors import SkykeyError, UsageError

if TYPE_CHECKING:
    from skykey.descarteslabs.brand import Brand
    from skykey.descarteslabs.token_info import TokenInfo


_NOBODY: Final[dict[str, object]] = {"file": None, "client_id": None, "name": None, "shadowed_by": []}


class WrongPaste(UsageError):
    """What was pasted is no login."""

    code = "wrong-paste"


@click.command()
@click.option(
    "--paste-file",
    type=click.Path(allow_dash=True),
    metavar="FILE",
    help="A file with what the account page gave; - is stdin. Without it a terminal is asked, or a pipe read.",
)
@with_json
@click.pass_obj
def login(brand: Brand, paste_file: str | None, as_json: bool) -> None:
    """Log in with what the account page gives.

    What is pasted at a terminal is not shown. A token is bought with it first; only if that works it replaces the login
    that was there. An empty line ends it.
    """
    from skykey.descarteslabs.config import current_settings
    from skykey.descarteslabs.signing_in import own_file, sign_in

    settings = current_settings(brand)
    link = f"{settings['APP_URL']}{brand.login_page}"
    own_file(brand)  # where there can be no login, nobody need fetch one
    if paste_file in {None, "-"}:
        say(f"Follow this link to login and request a token:\n\n    {link}\n")
    found = _login(brand, paste_file, link)
    if found is None:
        say("Exiting without logging in")
        if as_json:
            document({"logged_in": False, "environment": settings.current_env, **_NOBODY})
        return
    try:
        made = sign_in(brand, found)
    except SkykeyError as problem:
        if problem.exit_code == 4:  # noqa: PLR2004 - login needed, which this is
            problem.next = f"get a new one at {link}"
        raise
    shadows = _shadows(brand)
    if as_json:
        told = {"file": made.file, "client_id": made.client_id, "name": made.name, "shadowed_by": shadows}
        document({"logged_in": True, "environment": settings.current_env, **told})
    else:
        put(f"Welcome, {made.name}!")
    say(f"The login is in {made.file}.")


def _login(brand: Brand, paste_file: str | None, link: str) -> TokenInfo | None:
    """Ask until it is a login; None if the person thought better of it."""
    from skykey.cli.descarteslabs.paste import is_asked, pasted
    from skykey.descarteslabs.signing_in import login_of

    while True:
        paste = pasted(paste_file, f"{brand.login} --paste-file FILE   (with what {link} gives; - waits for stdin)")
        if paste is None:
            return None
        found = login_of(paste)
        if found is not None:
            return found
        if paste_file not in {None, "-"} or not is_asked():
            raise WrongPaste(f"You entered the wrong token. Please go to {link} to retrieve your token")
        say(f"You entered the wrong token. Please go to\n\n    {link}\n\nto retrieve your token\n")


def _shadows(brand: Brand) -> list[str]:
    """Warn of what goes before the login that was just made; give the variables."""
    from skykey.descarteslabs.explaining import reads_files, variables_set

    named = list(variables_set(brand))
    if named:
        say(
            f"warning: {', '.join(named)} {'is' if len(named) == 1 else 'are'} set and will be used in place of this "
            f"login; unset {' '.join(named)}"
        )
    if not reads_files(brand):
        named.append(brand.no_jwt_cache_variable)
        say(f"warning: {named[-1]} is true, so that no login is read from a file; unset {named[-1]}")
    return named
