"""An entry of a keyring in items of a size that every keyring takes, complete or not at all."""

from __future__ import annotations

import contextlib
import json
import os
from typing import TYPE_CHECKING, Any, Final, Protocol

from skykey.credentials.stores.content import sealed
from skykey.credentials.stores.document import Unreadable

if TYPE_CHECKING:
    from skykey.credentials.stores.content import Content
    from skykey.credentials.stores.line import Call

SERVICE: Final = "skykey"
"""Under which name keyrings show the items."""

SIZE: Final = 1200
"""Characters of one item. Windows takes 2,560 bytes, two for each character."""

_MOST_ITEMS: Final = 1000


class Ring(Protocol):
    """What is asked of a keyring's backend."""

    def get_password(self, service: str, username: str, /) -> str | None:
        """The item's text; None if there is none."""
        ...

    def set_password(self, service: str, username: str, password: str, /) -> None:
        """Keep an item."""
        ...

    def delete_password(self, service: str, username: str, /) -> None:
        """Remove an item."""
        ...


def fetch(ring: Ring, name: str) -> Content | Unreadable | None:
    """Get an entry; None if there is none.

    An entry is one item, or a head that lists its parts and their checksum: what is not whole is not an entry.
    """
    head = ring.get_password(SERVICE, name)
    if head is None:
        return None
    parts = _parts(name, head)
    if parts is None:
        return _whole([head], None)
    users, checksum = parts
    return _whole([ring.get_password(SERVICE, user) for user in users], checksum)


def put(ring: Ring, name: str, content: Content, call: Call[Any]) -> bool:
    """Keep an entry in the place of what was there.

    The parts have names that nobody used before and the head comes last, so that the old entry stays whole until the
    new one is. What turns out to be cut, or is ready only when nobody waits for it any more, is removed again.

    Returns
    -------
    bool
        Whether it is there now.
    """
    old = ring.get_password(SERVICE, name)
    items = _split(name, content)
    try:
        for user, text in items:
            if call.given_up:
                break
            ring.set_password(SERVICE, user, text)
        else:
            there = fetch(ring, name)
            if there is not None and not isinstance(there, Unreadable) and there() == content() and call.settle(True):
                _remove(ring, [] if old is None else _users(name, old))
                return True
    except BaseException:
        _undo(ring, items)
        raise
    _undo(ring, items)
    return False


def drop(ring: Ring, name: str) -> None:
    """Remove an entry, if there is one."""
    head = ring.get_password(SERVICE, name)
    if head is not None:
        ring.delete_password(SERVICE, name)
        _remove(ring, _users(name, head))


def _undo(ring: Ring, items: list[tuple[str, str]]) -> None:
    name, head = items[-1]
    with contextlib.suppress(Exception):
        there = ring.get_password(SERVICE, name)
        if there is not None and head.startswith(there):  # ours, whole or cut, and nobody else's since
            ring.delete_password(SERVICE, name)
    _remove(ring, [user for user, _ in items[:-1]])


def _remove(ring: Ring, users: list[str]) -> None:
    for user in users:
        with contextlib.suppress(Exception):  # what is not there any more need not be removed
            ring.delete_password(SERVICE, user)


def _split(name: str, content: Content) -> list[tuple[str, str]]:
    """The items of an entry, the head last."""
    text = content().decode("ascii")
    if len(text) <= SIZE:
        return [(name, text)]
    texts = [text[start : start + SIZE] for start in range(0, len(text), SIZE)]
    head = {"skykey-parts": len(texts), "id": os.urandom(8).hex(), "sha256": _checksum(text)}
    return [*zip(_named(name, head), texts, strict=True), (name, json.dumps(head))]


def _named(name: str, head: dict[str, Any]) -> list[str]:
    return [f"{name}.{head['id']}.{number}" for number in range(head["skykey-parts"])]


def _parts(name: str, head: str) -> tuple[list[str], str] | None:
    """The names of an entry's parts and their checksum; None if there are none."""
    try:
        given = json.loads(head)
    except (ValueError, RecursionError):
        return None
    if not isinstance(given, dict) or "skykey-parts" not in given:
        return None
    number, checksum = given["skykey-parts"], given.get("sha256")
    if not isinstance(number, int) or not 0 < number <= _MOST_ITEMS or not isinstance(given.get("id"), str):
        return None
    return _named(name, given), str(checksum)


def _users(name: str, head: str) -> list[str]:
    parts = _parts(name, head)
    return [] if parts is None else parts[0]


def _whole(texts: list[str | None], checksum: str | None) -> Content | Unreadable:
    text = "".join(one for one in texts if isinstance(one, str))
    if None in texts or (checksum is not None and _checksum(text) != checksum):
        return Unreadable("a part of it is missing or was changed")
    return sealed(text.encode("utf-8", "surrogatepass"))


def _checksum(text: str) -> str:
    import hashlib

    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
