"""What the clients of a site's HTTP services have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from skykey.credentials.keeper import Keeper
from skykey.credentials.sources.argument import Argument
from skykey.rubin.reference_values import API_ENDPOINTS
from skykey.rubin.sites import Site
from skykey.rubin.tokens import Checked
from skykey.values.errors import UsageError
from skykey.values.reach import Reach
from skykey.values.secret import Secret
from skykey.values.url import Url

if TYPE_CHECKING:
    from typing import Self

    from skykey.credentials.credential import Bearer

_TOKEN_PREFIX = "gt-"  # noqa: S105 - what every Gafaelfawr token starts with


def token_of(auth: Any) -> Secret | None:
    """The token in a pair for Basic authentication; Gafaelfawr takes it in either place.

    Returns
    -------
    Secret or None
        None for what is no pair of texts: whoever has dropped its own copy raises (`paired`).
    """
    if not isinstance(auth, tuple | list) or len(auth) != 2 or not all(isinstance(part, str) for part in auth):  # noqa: PLR2004 - a pair
        return None
    user, password = auth
    return Secret(user if user.startswith(_TOKEN_PREFIX) and not password.startswith(_TOKEN_PREFIX) else password)


def paired(token: Secret | None) -> Secret:
    """What `token_of` found.

    Raises
    ------
    UsageError
        If it found no pair.
    """
    if token is None:
        raise UsageError("auth is not a pair of user and token", next='pass auth=("user", token)')
    return token


class SiteService:
    """One service below a site's root.

    Parameters
    ----------
    api_base
        The site's root.
    keeper
        Of the site's token.
    """

    _below: str

    def __init__(self, api_base: str, keeper: Keeper[Bearer]) -> None:
        self._url = Url(api_base) / self._below
        self._keeper = keeper

    @classmethod
    def with_keeper(cls, api_base: str, keeper: Keeper[Bearer]) -> Self:
        """A client on a token that is kept elsewhere, past the documented constructor: for ``get_clients``."""
        made = cls.__new__(cls)
        SiteService.__init__(made, api_base, keeper)
        return made

    def __repr__(self) -> str:
        # Also where the constructor raised: tracebacks show local variables.
        return f"<{type(self).__name__} at {getattr(self, '_url', '?')}>"


def keeper_for(api_base: str, token: Secret) -> Keeper[Bearer]:
    """A keeper of a token that a caller handed to one client; bound to that client's site."""
    url = Url(api_base)
    reach = Reach.named(url, said_by="the argument api_base")
    name = next((name for name, root in API_ENDPOINTS.items() if Url(root).origin == url.origin), url.host)
    site = Site(name, url, url / "repertoire", "the argument api_base")
    return Keeper(Checked(Argument(token, reach, name="the argument auth"), site, is_named=True))
