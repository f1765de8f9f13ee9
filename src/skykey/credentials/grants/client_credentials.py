"""The grant of a program's own name and secret (RFC 6749, 4.4): for robots, no person involved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from skykey.credentials.credential import Basic
from skykey.credentials.held import Held
from skykey.credentials.provider import Ask, Keeping
from skykey.values.reach import Reach

if TYPE_CHECKING:
    from skykey.credentials.credential import Bearer
    from skykey.credentials.grants.token_endpoint import TokenEndpoint
    from skykey.values.secret import Secret


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """Buys tokens with a client's own secret.

    Parameters
    ----------
    endpoint
        Of the issuer.
    client_id, client_secret
        As registered.
    reach
        Where the tokens may go.
    scopes
        What is asked for; empty for the client's default.
    in_body
        Whether the secret goes into the body, for issuers that do not take HTTP Basic (RFC 6749, 2.3.1).
    keeping
        See `Provider.keeping`; what is kept is the token, there is no renewal secret.
    """

    endpoint: TokenEndpoint
    client_id: str
    client_secret: Secret
    reach: Reach
    scopes: tuple[str, ...] = ()
    in_body: bool = False
    keeping: Keeping = Keeping.IN_PROCESS

    @property
    def name(self) -> str:
        """See `Provider.name`."""
        return f"the client {self.client_id} at {self.endpoint.url.origin}"

    def obtain(self, held: Held[Bearer] | None, ask: Ask, /) -> Held[Bearer]:
        """Buy a token.

        Raises
        ------
        GrantRefused, ServiceError, TransportError
            See `TokenEndpoint.ask`.
        """
        fields: dict[str, str | Secret] = {"grant_type": "client_credentials"}
        headers: dict[str, str | Secret] = {}
        if self.scopes:
            fields["scope"] = " ".join(self.scopes)
        if self.in_body:
            fields |= {"client_id": self.client_id, "client_secret": self.client_secret}
        else:
            # RFC 6749, 2.3.1: both halves are form-encoded first.
            from functools import partial
            from urllib.parse import quote_plus

            quoted = partial(quote_plus, errors="surrogatepass")
            own = Reach(frozenset({self.endpoint.url.origin}), self.endpoint.said_by)
            headers |= dict(Basic(quoted(self.client_id), self.client_secret.mapped(quoted), own).parts())
        granted = self.endpoint.ask(fields, ask, headers=headers, hidden=(self.client_secret,))
        return Held(granted.bearer(self.reach, held), source=self.name)

    def changed(self, held: Held[Bearer], /) -> bool:
        """Never: nothing local says so."""
        return False
