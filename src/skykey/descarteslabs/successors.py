"""What an issuer has put in the place of a secret that was given to a program. No file ever holds it.

It lives in this process, for all who come with the same secret; and, if the user consents, in the system's keyring, for
the user's other programs too.
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

_memory: Final = MemoryStore()
_keyring: list[Store] = []


class Successors:
    """The latest one of a login's secret.

    Parameters
    ----------
    domain, client_id
        Of the login.
    given
        The secret that was given.
    """

    def __init__(self, domain: str, client_id: str, given: Secret) -> None:
        self._key = entry_key(issuer=domain.rstrip("/"), client=client_id, subject=given.digest("sha256"))
        self._store = _chosen()

    @property
    def lasts(self) -> bool:
        """Whether they outlive the process."""
        return self._store is not _memory

    @contextlib.contextmanager
    def turn(self, deadline: Deadline) -> Iterator[None]:
        """Let nobody else spend the secret meanwhile: in this process, and where the keyring is shared, in others."""
        with contextlib.ExitStack() as stack:
            stack.enter_context(alone(f"secret {self._key}", Limit(deadline, PATIENCE)))
            if self.lasts:
                stack.enter_context(self._store.exclusive(self._key, deadline))
            yield

    def latest(self) -> Secret | None:
        """The successor; None if there is none."""
        found = self._store.read(self._key)
        return None if found is None else found.renewal

    def remember(self, held: Held[Bearer]) -> None:
        """Keep what came with a token."""
        self._store.write(self._key, held)


def _chosen() -> Store:
    if os.environ.get(CONSENT, "").strip().lower() not in {"yes", "true", "1"}:
        return _memory
    if not _keyring:
        from skykey.credentials.stores.keyring import KeyringStore

        # Where the keyring fails, memory stands in: the consent was not to a file.
        _keyring.append(KeyringStore(fallback=_memory))
    return _keyring[0]
