"""The grant of a renewal secret (RFC 6749, 6)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from skykey.credentials.held import Held
from skykey.credentials.provider import Ask, Keeping
from skykey.values.errors import GrantRefused, Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from skykey.credentials.credential import Bearer
    from skykey.credentials.grants.token_endpoint import Granted, TokenEndpoint
    from skykey.values.reach import Reach
    from skykey.values.secret import Secret

_UNNAMED: Final = frozenset({400, 401})


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """Buys tokens with a renewal secret, and keeps up with an issuer that replaces it each time.

    Parameters
    ----------
    endpoint
        Of the issuer.
    fields
        What is sent beside the renewal secret: ``grant_type``, ``client_id``, ``scope``, …
    reach
        Where the tokens may go.
    name
        See `Provider.name`.
    given
        A renewal secret from an argument or a variable; None if it comes from a login that the store holds.
    keeping
        See `Provider.keeping`. A secret that was given must not reach a disk: with `Keeping.STORED` the store is one
        that knows this.
    lasts
        Whether the store keeps a replaced secret. If not, the first replacement is logged: it ends with the process.
    """

    endpoint: TokenEndpoint
    fields: Mapping[str, str | Secret]
    reach: Reach
    name: str
    given: Secret | None = None
    keeping: Keeping = Keeping.STORED
    lasts: bool = True
    _said: list[str] = field(default_factory=list, repr=False, compare=False)

    def obtain(self, held: Held[Bearer] | None, ask: Ask, /) -> Held[Bearer]:
        """Buy a token.

        Raises
        ------
        Unavailable
            If there is no renewal secret: nobody is logged in.
        GrantRefused, ServiceError, TransportError
            See `TokenEndpoint.ask`.
        """
        latest = None if held is None else held.renewal
        candidates = [secret for secret in dict.fromkeys((latest, self.given)) if secret]
        if not candidates:
            raise Unavailable("nobody is logged in", next=self.endpoint.remedy)
        renewal = candidates.pop(0)
        try:
            granted = self._buy(renewal, ask)
        except GrantRefused as refused:
            if not candidates or not _is_about_the_secret(refused):
                raise
            # What was kept is dead, and what was given is something else: its owner has logged in again meanwhile.
            renewal = candidates.pop()
            granted = self._buy(renewal, ask)
        if granted.renewal is not None and granted.renewal != renewal and not self.lasts:
            self._say_that_it_ends_here()
        return Held(
            granted.bearer(self.reach, held),
            source=self.name,
            renewal=granted.renewal or renewal,
        )

    def changed(self, held: Held[Bearer], /) -> bool:
        """Never: nothing local says so."""
        return False

    def _buy(self, renewal: Secret, ask: Ask) -> Granted:
        return self.endpoint.ask({"grant_type": "refresh_token", **self.fields, "refresh_token": renewal}, ask)

    def _say_that_it_ends_here(self) -> None:
        if self._said:
            return
        self._said.append("")
        import logging  # only where something is logged: importing it costs time

        logging.getLogger("skykey.credentials").warning(
            "the issuer has replaced the renewal secret of %s; the new one lives in this process's memory only%s",
            self.name,
            f". To keep it, log in: {self.endpoint.remedy}" if self.endpoint.remedy else "",
        )


def _is_about_the_secret(refused: GrantRefused) -> bool:
    """Whether the issuer says that the secret is dead, and not that it does not like something else today.

    The older one stays where it is then: an issuer that replaces secrets ends the login when a used one comes again.
    """
    return refused.error == "invalid_grant" or (refused.error is None and refused.status in _UNNAMED)
