"""Keyrings that do as they are told; they come in through the keyring package's own door."""

import threading
from typing import Any

import keyring
import keyring.core
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.chainer import ChainerBackend
from keyring.errors import PasswordDeleteError, PasswordSetError


class Ring(KeyringBackend):
    """Keeps items in memory; `before` is called first, with the operation's name."""

    priority = 5  # type: ignore[assignment]  # a class property in the base

    def __init__(self) -> None:
        super().__init__()
        self.items: dict[tuple[str, str], str] = {}
        self.calls: list[str] = []
        self.before: Any = lambda operation: None

    def _called(self, operation: str) -> None:
        self.calls.append(operation)
        self.before(operation)

    def get_password(self, service: str, username: str) -> str | None:
        self._called("get")
        return self.items.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._called("set")
        self.items[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self._called("delete")
        if (service, username) not in self.items:
            raise PasswordDeleteError(username)
        del self.items[service, username]


class Mute(Ring):
    """Answers nothing of the kind named until it is let go; then it does what it was told, late."""

    def __init__(self, *kinds: str, patience: float = 20.0, times: int = 1_000_000) -> None:
        super().__init__()
        self.free = threading.Event()
        left = times

        def before(operation: str) -> None:
            nonlocal left
            if operation in kinds and left:
                left -= 1
                self.free.wait(patience)

        self.before = before


class Windows(Ring):
    """Takes 2,560 bytes of UTF-16 an item, and refuses what is longer."""

    def set_password(self, service: str, username: str, password: str) -> None:
        if len(password.encode("utf-16-le")) > 2560:
            raise PasswordSetError("CredWrite: the stub received bad data")
        super().set_password(service, username, password)


class Cutting(Ring):
    """Takes so many characters an item, and drops the rest without a word."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    def set_password(self, service: str, username: str, password: str) -> None:
        super().set_password(service, username, password[: self.most])


class PlaintextKeyring(Ring):
    """As in keyrings.alt.file."""

    __module__ = "keyrings.alt.file"
    priority = 0.5  # type: ignore[assignment]


class Disguised(PlaintextKeyring):
    """Somebody's own, made from that one."""


class Chain(ChainerBackend):
    """The keyring package's own chain, of these."""

    backends: Any = ()

    def __init__(self, *backends: KeyringBackend) -> None:
        super().__init__()
        self.backends = backends


def put_in(ring: KeyringBackend, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(keyring.core, "_keyring_backend", None)
    keyring.set_keyring(ring)
