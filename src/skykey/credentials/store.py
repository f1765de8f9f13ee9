"""Where credentials are remembered between renewals, and who may renew."""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from typing import TYPE_CHECKING, Any, Protocol

from skykey.values.errors import TimedOut

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from contextlib import AbstractContextManager

    from skykey.credentials.held import Held
    from skykey.values.deadline import Deadline


class Store(Protocol):
    """A place for what keepers hold, one entry a key."""

    def exclusive(self, key: str, deadline: Deadline) -> AbstractContextManager[None]:
        """Keep every other renewal of the key out, across whatever the store spans, while the block runs.

        Raises
        ------
        TimedOut
            If another one does not finish in time.
        """
        ...

    def read(self, key: str) -> Held[Any] | None:
        """What was written last; None if nothing was."""
        ...

    def write(self, key: str, held: Held[Any]) -> None:
        """Remember durably: when this returns, a crash does not lose it."""
        ...

    def forget(self, key: str) -> None:
        """Remember nothing any more: a logout. Done inside `exclusive`, so that no renewal under way brings it back."""
        ...


def entry_key(*, issuer: str, client: str = "", scopes: Iterable[str] = (), subject: str = "", site: str = "") -> str:
    """Name an entry so that no two logins share one, and so that the name says nothing.

    Parameters
    ----------
    issuer
        Who gives the tokens: its URL.
    client, scopes, subject, site
        What else tells two tokens apart; the order of scopes does not.

    Returns
    -------
    str
        64 hexadecimal digits: SHA-256 over a JSON array, which no two different inputs share.

    Examples
    --------
    >>> entry_key(issuer="https://a.example", client="b") == entry_key(issuer="https://a.example", site="b")
    False
    """
    import hashlib
    import json

    parts = [issuer, client, sorted(set(scopes)), subject, site]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


_stores: weakref.WeakSet[MemoryStore] = weakref.WeakSet()


class MemoryStore:
    """A store that lives and dies with the process."""

    def __init__(self) -> None:
        self._entries: dict[str, Held[Any]] = {}
        self._unlock()
        _stores.add(self)

    def _unlock(self) -> None:
        self._guard = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}

    @contextlib.contextmanager
    def exclusive(self, key: str, deadline: Deadline) -> Iterator[None]:
        """Hold the key's lock (see `Store.exclusive`)."""
        with self._guard:
            lock = self._locks.setdefault(key, threading.Lock())
        remaining = deadline.remaining()
        if not lock.acquire(timeout=-1 if remaining is None else remaining):
            raise TimedOut("another renewal of the same credential did not end in time")
        try:
            yield
        finally:
            lock.release()

    def read(self, key: str) -> Held[Any] | None:
        """See `Store.read`."""
        with self._guard:
            return self._entries.get(key)

    def write(self, key: str, held: Held[Any]) -> None:
        """See `Store.write`; memory is as durable as its process."""
        with self._guard:
            self._entries[key] = held

    def forget(self, key: str) -> None:
        """See `Store.forget`."""
        with self._guard:
            self._entries.pop(key, None)


def _after_fork() -> None:
    # The thread that would give a lock back was not copied into the child.
    for store in list(_stores):
        store._unlock()  # noqa: SLF001 - own module


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
