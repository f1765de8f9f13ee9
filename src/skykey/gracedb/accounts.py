"""The credential for one server, as the ``skykey`` command asks for it: ``why``, ``whoami``, ``token``.

The command's `Account` (``skykey.cli.systems``) stands on it; the words of the command are its own affair.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from skykey.credentials.claims import claims_of
from skykey.credentials.provider import Ask
from skykey.gracedb.credentials import Credentials
from skykey.gracedb.exceptions import IgwnAuthError
from skykey.gracedb.scitokens import HTGETTOKEN, LEAST, remedy
from skykey.values.errors import NoCredential, UnknownSite
from skykey.values.url import Url

if TYPE_CHECKING:
    from skykey.credentials.credential import Bearer
    from skykey.credentials.explanation import Explanation
    from skykey.credentials.keeper import Keeper

VARIABLE: Final = "GRACEDB_SERVICE_URL"

SITES: Final = {
    "production": "https://gracedb.ligo.org/api/",
    "playground": "https://gracedb-playground.ligo.org/api/",
    "test": "https://gracedb-test.ligo.org/api/",
}
"""The servers that have a name."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a token is, and what it allows, by what it says of itself; times in seconds since 1970, UTC."""

    subject: str | None
    issuer: str | None
    scopes: tuple[str, ...]
    begins: float | None
    ends: float | None


class TokenAccount:
    """The SciToken for one server.

    Parameters
    ----------
    site
        A name in `SITES`, or an API's URL; None for what the environment says, else production.
    tokenfile
        A file that holds the token, in place of all other places; None if none is named.

    Raises
    ------
    UnknownSite
        If there is no such name.
    """

    early: Final = LEAST

    def __init__(self, site: str | None = None, tokenfile: str | None = None) -> None:
        self.name, self.url, self.said_by = _meant(site)
        self._credentials = Credentials(self.url, use_auth="scitoken", tokenfile=tokenfile)

    @property
    def keeper(self) -> Keeper[Bearer]:
        """Who keeps it fresh.

        Raises
        ------
        IgwnAuthError
            If no token may go to the server at all.
        """
        token = self._credentials.token
        if token is None:
            raise IgwnAuthError(f"no token goes there: {self._credentials.because}", next=self._credentials.remedy)
        return token.keeper

    @property
    def remedy(self) -> str:
        """What to type to get a new one."""
        return self._credentials.remedy or HTGETTOKEN

    def explain(self) -> Explanation:
        """Look at every place where it may lie, also behind the one that is used."""
        return self._credentials.explain()

    def find(self) -> None:
        """Look for it as a client does.

        Raises
        ------
        NoCredential
            In one line: the places are shown anyway.
        IgwnAuthError
            If no token may go to the server at all.
        """
        chain = self.keeper.provider
        try:
            chain.obtain(None, Ask())
        except NoCredential as nothing:
            raise type(nothing)(f"{chain.name} was not found", next=remedy(self.url)) from None

    def owner(self) -> Owner:
        """Read what the token says of itself. Nobody has checked that; the server's user-info has.

        Raises
        ------
        NoCredential
            If there is none.
        """
        claims = claims_of(self.keeper.get().credential.token)
        if claims is None:
            return Owner(None, None, (), None, None)
        return Owner(claims.subject, claims.issuer, claims.scopes, claims.begins, claims.ends)

    def user_info(self) -> dict[str, Any]:
        """Ask the server whom it takes the token's owner for.

        Raises
        ------
        IgwnAuthError
            If there is no token: nothing is asked then.
        HTTPError
            If the server refuses.
        """
        from skykey.gracedb.rest import GraceDb  # the whole client: only where the server is asked

        with GraceDb(self.url, use_auth="scitoken") as client:
            client._credentials = self._credentials  # noqa: SLF001 - own package; they may know a file of their own
            told: dict[str, Any] = client.get_user_info().json()
        return told


def _meant(site: str | None) -> tuple[str, Url, str]:
    """The server's name, its URL, and who said that it is meant."""
    variable = os.environ.get(VARIABLE, "").strip()
    if site is None and not variable:
        return "production", Url(SITES["production"]), "built in"
    text, said_by = (variable, f"the variable {VARIABLE}") if site is None else (SITES.get(site, site), "--site")
    if "://" not in text:
        raise UnknownSite(f"there is no GraceDB server {text!r}", next=f"name one of {', '.join(SITES)}, or a URL")
    url = Url(text if text.endswith("/") else f"{text}/")
    name = next((name for name, known in SITES.items() if Url(known) == url), url.host)
    return name, url, said_by
