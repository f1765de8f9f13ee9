"""Credentials to be kept, and what was logged about them."""

from dataclasses import replace
from typing import Any

import pytest

from skykey.credentials.credential import Basic, Bearer
from skykey.credentials.held import Held
from skykey.credentials.stores import keyring as keyring_module
from skykey.credentials.stores import notices
from skykey.credentials.stores.line import Line
from skykey.values.life import Life
from skykey.values.reach import Reach
from skykey.values.secret import Secret
from skykey.values.url import Url

CANARY = "gt-kAnArY5pW.8dLm2nB6cV3x"
REACH = Reach.named(Url("https://site.example/"), said_by="a test")


def held(number: int = 1, *, born: float | None = None, size: int = 0) -> Held[Bearer]:
    """The number says which one it is, everywhere in it, so that a mixture of two would show."""
    token = f"token-{number}-{CANARY}" + "x" * size
    credential = Bearer(Secret(token), REACH, Life(born, 2e9 + number), f"user-{number}")
    facts = {"number": str(number)}
    return Held(credential, "a test", renewal=Secret(f"renewal-{number}-{CANARY}"), generation=number, facts=facts)


def login(number: int = 1) -> Held[Basic]:
    credential = Basic(f"user-{number}", Secret(f"password-{number}-{CANARY}"), REACH)
    return Held(credential, "a test", generation=number)


def number_of(given: Held[Any] | None) -> int | None:
    """Which one it is; fails if it is not one, whole and unmixed."""
    if given is None:
        return None
    number = given.generation
    same = held(number, size=len(given.credential.token.reveal()) - len(held(number).credential.token.reveal()))
    assert given == replace(same, credential=replace(same.credential, life=given.credential.life)), "a mixture"
    return number


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The warnings about stores."""
    return [record.getMessage() for record in caplog.records if record.name == "skykey.credentials.stores"]


def new_process(patch: pytest.MonkeyPatch) -> None:
    """Forget what stores remember for the life of a process."""
    patch.setattr(notices, "_said", {})
    patch.setattr(keyring_module, "_line", Line())
