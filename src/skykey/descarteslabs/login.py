"""How a login buys tokens: the platform's own token service as a provider, and what it says when there is no login."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from skykey.credentials.credential import Bearer
from skykey.credentials.held import Held
from skykey.descarteslabs.exceptions import AuthError
from skykey.descarteslabs.oauth_errors import oauth_error
from skykey.values.errors import SkykeyError, Unavailable

if TYPE_CHECKING:
    from skykey.credentials.grants.refresh_token import RefreshToken
    from skykey.credentials.grants.retries import Retries
    from skykey.credentials.provider import Ask, Keeping
    from skykey.descarteslabs.brand import Brand
    from skykey.values.reach import Reach
    from skykey.values.secret import Secret

NO_LOGIN: Final = "No valid authentication info found{}. See {}."
_DELEGATED: Final = ("openid", "name", "groups", "org", "email")


@dataclass(frozen=True, slots=True)
class Login:
    """Buys a token with a login (see `Provider`).

    Parameters
    ----------
    brand
        Whose.
    domain
        The token service's root.
    client_id
        As registered.
    renewal
        The renewal secret if it was given to this process, or must be remembered by it; None if the store alone has it.
    scope
        What tokens are asked for; None for all.
    reach
        Where they may go.
    keeping
        See `Provider.keeping`.
    lasts
        Whether the store keeps a secret that the issuer replaced.
    retries
        How often the token service is asked again.
    """

    brand: Brand
    domain: str
    client_id: str | None
    renewal: Secret | None
    scope: tuple[str, ...] | None
    reach: Reach
    keeping: Keeping
    lasts: bool
    retries: Retries
    _said: list[str] = field(default_factory=list, repr=False, compare=False)

    @property
    def name(self) -> str:
        """See `Provider.name`."""
        whose = "login" if self.client_id is None else f"login of client {self.client_id}"
        return f"the {whose} at {self.domain}"

    def obtain(self, held: Held[Bearer] | None, ask: Ask, /) -> Held[Bearer]:
        """Buy a token.

        Raises
        ------
        AuthError
            If the login is not whole, or was ended.
        OauthError
            If the token service gives none; it is also the error of its status.
        """
        if self.client_id is None:
            raise self._missing("no client_id")
        renewal = self.renewal if held is None or not held.renewal else held.renewal
        if not renewal:
            raise self._missing("no client_secret or refresh_token")
        try:
            return self._bought(renewal, held, ask)
        except Unavailable:
            raise self._missing("nobody is logged in") from None
        except SkykeyError as problem:
            raise oauth_error(problem, self.brand) from problem

    def changed(self, held: Held[Bearer], /) -> bool:
        """Never: nothing local says so."""
        return False

    def _bought(self, renewal: Secret, held: Held[Bearer] | None, ask: Ask) -> Held[Bearer]:
        from skykey.descarteslabs.successors import Successors

        successors = Successors(self.domain, self.client_id or "", None if self.lasts else self.renewal)
        with successors.turn(ask.deadline):
            # The latest secret only: an older one that comes again ends the whole login.
            latest = successors.latest(renewal)
            before = replace(held or Held(Bearer.to_come(self.reach), ""), renewal=latest)
            found = self._grant(lasts=self.lasts or successors.lasts).obtain(before, ask)
            successors.remember(latest, found)
        return found

    def _missing(self, what: str) -> AuthError:
        return AuthError(NO_LOGIN.format(f" ({what})", self.brand.documentation), next=self.brand.login)

    def _grant(self, *, lasts: bool) -> RefreshToken:
        # Here and not at the top: it comes with the first token that is bought.
        from skykey.credentials.grants.jwt_bearer import delegation_fields
        from skykey.credentials.grants.refresh_token import RefreshToken
        from skykey.credentials.grants.token_endpoint import Encoding, TokenEndpoint
        from skykey.values.url import Url

        client = self.client_id or ""
        fields: dict[str, Any] = {"client_id": client}
        if client in self.brand.delegates:
            fields = dict(delegation_fields(client, _DELEGATED if self.scope is None else self.scope))
        elif self.scope is not None:
            fields["scope"] = " ".join(self.scope)
        endpoint = TokenEndpoint(
            Url(self.domain) / "token",
            said_by="the setting iam_url, or the argument domain",
            remedy=self.brand.login,
            encoding=Encoding.JSON,
            # The service gives an id token and calls it so; older answers have both.
            tokens=("access_token", "id_token"),
            retries=self.retries,
        )
        return RefreshToken(
            endpoint, fields, self.reach, self.name, keeping=self.keeping, lasts=lasts, _said=self._said
        )


def without_renewal(login: Login) -> Login:
    """The same login for a store that holds its secret: what is not there any more must not be used."""
    return replace(login, renewal=None)
