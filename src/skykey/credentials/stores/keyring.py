"""Credentials in the keyring of the desktop or the operating system, never waited for longer than promised."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any, Final, TypeVar

from skykey.credentials.stores.backends import Refusal, chosen
from skykey.credentials.stores.document import Unreadable, decode, encode
from skykey.credentials.stores.file import FileStore, stem
from skykey.credentials.stores.items import drop, fetch, put
from skykey.credentials.stores.line import AwayError, Line
from skykey.credentials.stores.notices import warn_once
from skykey.values.errors import Failed, MissingExtra

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from skykey.credentials.held import Held
    from skykey.credentials.store import Store
    from skykey.credentials.stores.content import Content
    from skykey.credentials.stores.items import Ring
    from skykey.credentials.stores.line import Call
    from skykey.values.deadline import Deadline

T = TypeVar("T")

_line: Final = Line()


class KeyringStore:
    """A store in the keyring, with another one that stands in for it.

    A keyring that does not answer, fails, or does not keep what it is told is not asked again in this process, and
    the fallback is used; that is said once. An entry that went to the fallback stays there until it is forgotten, so
    that an answer that comes late, in any process, is never taken for the newer one.

    Parameters
    ----------
    consent
        Whether backends that keep plain text are good enough.
    fallback
        What stands in: a `FileStore`, or a `MemoryStore` if nothing may be kept without protection.
    seconds
        For which one operation waits for the keyring.
    locks
        Whose folder holds the lock files; None for the fallback's if it is a `FileStore`, else the usual one.

    Raises
    ------
    MissingExtra
        If the keyring package is not installed.
    """

    def __init__(
        self, *, consent: bool = False, fallback: Store, seconds: float = 3.0, locks: FileStore | None = None
    ) -> None:
        if importlib.util.find_spec("keyring") is None:
            raise MissingExtra.of("keyring", "keeping credentials in the keyring")
        self._consent = consent
        self._fallback = fallback
        self._seconds = seconds
        self._locks = locks or (fallback if isinstance(fallback, FileStore) else FileStore())

    def exclusive(self, key: str, deadline: Deadline) -> AbstractContextManager[None]:
        """Keep every other renewal of the key out, by a lock file (see `FileStore.exclusive`)."""
        return self._locks.exclusive(key, deadline)

    def read(self, key: str) -> Held[Any] | None:
        """What was written last; None if nothing was, or nothing that can be read."""
        instead = self._fallback.read(key)
        if instead is not None:
            return instead
        try:
            content: Content | Unreadable | None = self._ask(lambda ring, _: fetch(ring, stem(key)))
        except AwayError:
            return None
        if content is None:
            return None
        found = content if isinstance(content, Unreadable) else decode(content)
        if not isinstance(found, Unreadable):
            return found
        warn_once(
            ("unreadable in keyring", key),
            "a credential in the keyring cannot be used: %s. It counts as empty, and stays there until a logout",
            found.reason,
        )
        return None

    def write(self, key: str, held: Held[Any]) -> None:
        """Remember durably, in the keyring or where its fallback keeps it.

        Raises
        ------
        UsageError
            If it cannot be written down (see `encode`).
        """
        encode(held)  # a caller's mistake is not the keyring's failure

        def work(ring: Ring, call: Call[Any]) -> bool:
            before = fetch(ring, stem(key))
            if before is not None and (isinstance(before, Unreadable) or isinstance(decode(before), Unreadable)):
                return False  # a newer version's, perhaps: it is left alone
            return put(ring, stem(key), encode(held, before), call)

        if self._fallback.read(key) is None:
            try:
                if self._ask(work):
                    return
                warn_once(
                    ("keyring keeps not", key),
                    "the keyring does not give back what it was given, or has an entry that cannot be read: the "
                    "credential is kept in the %s instead",
                    type(self._fallback).__name__,
                )
            except AwayError:
                pass
        self._fallback.write(key, held)

    def forget(self, key: str) -> None:
        """Remove the entry from both.

        Raises
        ------
        Failed
            If the keyring does not answer: what it has would come back.
        """
        self._fallback.forget(key)

        try:
            self._ask(lambda ring, _: drop(ring, stem(key)))
        except _RefusedError:
            return
        except AwayError as problem:
            raise Failed(
                f"the keyring {problem}, so that a login may still be in it",
                next="unlock the keyring, and log out again",
            ) from None

    def _ask(self, work: Callable[[Ring, Call[Any]], T]) -> T:
        def whole(call: Call[T | Refusal]) -> T | Refusal:
            ring = chosen(consent=self._consent)
            return ring if isinstance(ring, Refusal) else work(ring, call)

        instead = type(self._fallback).__name__
        try:
            answer = _line.ask(whole, self._seconds)
        except AwayError as problem:
            warn_once(
                ("keyring away",),
                "the keyring %s: this program does not ask it again, and keeps credentials in its %s instead",
                problem,
                instead,
            )
            raise
        if isinstance(answer, Refusal):
            warn_once(
                ("keyring refused", answer.reason),
                "the keyring is not used: %s. Credentials are kept in the %s instead",
                answer.reason,
                instead,
            )
            raise _RefusedError
        return answer


class _RefusedError(AwayError):
    """There is no keyring that may be used, so nothing of ours is in it."""
