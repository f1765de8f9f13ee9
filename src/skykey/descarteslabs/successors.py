"""What an issuer has put in the place of a renewal secret, so that none is ever spent twice.

Whoever in this process comes with a secret that was spent here, from arguments, variables or an old file, goes on with
its successor. No file gets it that did not hold the login before; if the user consents, the system's keyring remembers
the successor of a secret that was given, for the user's other programs.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Final

from skykey.credentials.store import MemoryStore, entry_key
from skykey.credentials.stores.lock import PATIENCE, Limit, alone

if TYPE_CHECKING:
    from collections.abc import Iterator

    from skykey.credentials.credential import Bearer
    from skykey.credentials.held import Held
    from skykey.credentials.store import Store
    from skykey.values.deadline import Deadline
    from skykey.values.secret import Secret

CONSENT: Final = "SKYKEY_KEYRING"
"""The variable that says ``yes`` to keeping replaced secrets in the keyring."""

_MOST: Final = 10_000
_spent: Final[dict[str, Secret]] = {}
_keyring: list[Store] = []


class Successors:
    """The secrets of one client's logins, in the order in which they replaced each other.

    Parameters
    ----------
    domain, client_id
        Whose.
    given
        The secret that was given, for which the keyring may be asked; None for a login that lies in a file.
    """

    def __init__(self, domain: str, client_id: str, given: Secret | None) -> None:
        self._issuer = domain.rstrip("/")
        self._client_id = client_id
        self._given = given
        self._keyring = None if given is None else _consented()

    @property
    def lasts(self) -> bool:
        """Whether the successor of what was given outlives the process."""
        return self._keyring is not None

    @contextlib.contextmanager
    def turn(self, deadline: Deadline) -> Iterator[None]:
        """Let nobody else spend a secret of this client: in this process, and with the keyring in others too."""
        with contextlib.ExitStack() as stack:
            label = entry_key(issuer=self._issuer, client=self._client_id)
            stack.enter_context(alone(f"secrets {label}", Limit(deadline, PATIENCE)))
            if self._keyring is not None and self._given is not None:
                stack.enter_context(self._keyring.exclusive(self._key(self._given), deadline))
            yield

    def latest(self, secret: Secret) -> Secret:
        """What is to be spent in a secret's place: itself, or the last of its successors."""
        if self._keyring is not None and secret == self._given:
            kept = self._keyring.read(self._key(secret))
            if kept is not None and kept.renewal is not None:
                secret = kept.renewal
        while (successor := _spent.get(self._key(secret))) is not None:
            secret = successor
        return secret

    def remember(self, spent: Secret, held: Held[Bearer]) -> None:
        """Note what came in the place of a secret, if something did.

        Parameters
        ----------
        spent
            What the token was bought with.
        held
            The token, with what buys the next one.
        """
        if held.renewal is None or held.renewal == spent:
            return
        _spent[self._key(spent)] = held.renewal
        while len(_spent) > _MOST:
            del _spent[next(iter(_spent))]
        if self._keyring is not None and self._given is not None:
            self._keyring.write(self._key(self._given), held)

    def _key(self, secret: Secret) -> str:
        return entry_key(issuer=self._issuer, client=self._client_id, subject=secret.digest("sha256"))


def _consented() -> Store | None:
    if os.environ.get(CONSENT, "").strip().lower() not in {"yes", "true", "1"}:
        return None
    if not _keyring:
        from skykey.credentials.stores.keyring import KeyringStore

        # Where the keyring fails, memory stands in: the consent was not to a file.
        _keyring.append(KeyringStore(fallback=MemoryStore()))
    return _keyring[0]
