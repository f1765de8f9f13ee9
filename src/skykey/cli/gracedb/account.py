"""The token for one GraceDB server, as ``skykey why``, ``whoami`` and ``token`` ask for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from skykey.cli.systems import Identity, Where
from skykey.gracedb.accounts import TokenAccount
from skykey.values.errors import NotAuthenticated

if TYPE_CHECKING:
    from skykey.credentials.explanation import Explanation
    from skykey.credentials.keeper import Keeper

_NOBODY = "AnonymousUser"


class ServerAccount:
    """The token for one server.

    Parameters
    ----------
    site, tokenfile
        As given to the command; None if not.
    """

    def __init__(self, site: str | None, tokenfile: str | None) -> None:
        self._account = TokenAccount(site, tokenfile)
        self.early = self._account.early

    @property
    def where(self) -> Where:
        """The server."""
        return Where(self._account.name, self._account.url, self._account.said_by)

    @property
    def keeper(self) -> Keeper[Any]:
        """Who keeps it fresh."""
        return self._account.keeper

    @property
    def remedy(self) -> str:
        """What to type to get a new one."""
        return self._account.remedy

    def explain(self) -> Explanation:
        """Look at every place where it may lie."""
        return self._account.explain()

    def find(self) -> None:
        """Search them in order, and raise what a client would meet."""
        self._account.find()

    def ask(self) -> Identity:
        """Ask the server whom it takes the token's owner for; what the token allows it says of itself.

        Raises
        ------
        NotAuthenticated
            If the server does not accept it: it answers as to nobody then.
        """
        told = self._account.user_info()
        owner = self._account.owner()
        if told.get("username") in {None, _NOBODY}:
            raise NotAuthenticated(
                f"{self._account.url} does not accept the token: it takes you for nobody",
                next=f"skykey why gracedb, then {self.remedy}",
            )
        return Identity(
            str(told["username"]),
            "bearer",
            None,
            owner.scopes,
            None if owner.begins is None else int(owner.begins),
            None if owner.ends is None else int(owner.ends),
        )
