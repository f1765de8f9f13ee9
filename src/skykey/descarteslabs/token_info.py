"""The documented file of a login, ``token_info.json``, and the smaller one that holds a token only."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from skykey.values.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

LARGEST: Final = 2**20
"""Bytes of a file that is read; a login has less than two thousand."""

_SECRETS: Final = ("client_secret", "refresh_token", "jwt_token", "JWT_TOKEN")
# Ours, and no documented key: a fingerprint of the secret that the login began with, once its issuer has replaced it.
_FINGERPRINT: Final = "first_secret_sha256"


class UnreadableError(Exception):
    """A file is there (or not) and cannot be used; the message says why, and never what is in it."""


class MissingError(UnreadableError):
    """There is no such file."""


@dataclass(frozen=True, slots=True)
class TokenInfo:
    """What a file says.

    Parameters
    ----------
    client_id, client_secret, refresh_token
        Of the login.
    jwt_token
        The latest token; the key ``JWT_TOKEN`` of old files goes before ``jwt_token``.
    scope
        What tokens are asked for.
    others
        Keys that are not ours, such as ``name`` and ``revoke_url``; they are kept when the file is written.
    """

    client_id: str | None = None
    client_secret: Secret | None = None
    refresh_token: Secret | None = None
    jwt_token: Secret | None = None
    scope: tuple[str, ...] | None = None
    others: Mapping[str, Any] = field(default_factory=dict)

    @property
    def renewal(self) -> Secret | None:
        """What the next token is bought with: both keys mean the same."""
        return self.refresh_token or self.client_secret

    def is_for(self, secret: Secret | None) -> bool:
        """Whether it is the login of that secret, which may have been replaced by its issuer since then."""
        if not secret or self.renewal is None:
            return secret == self.renewal
        return secret == self.renewal or self.others.get(_FINGERPRINT) == secret.digest("sha256")

    def renewed(self, renewal: Secret | None, before: Secret | None) -> TokenInfo:
        """The same with the secret that the issuer has put in the place of another one.

        What the login began with stays known, as a fingerprint: whoever comes with that secret has the same login, and
        must not use it again.
        """
        others = self.others
        if before and renewal != before and _FINGERPRINT not in others:
            others = {**others, _FINGERPRINT: before.digest("sha256")}
        return replace(self, client_secret=renewal, refresh_token=renewal, others=others)


EMPTY: Final = TokenInfo()


def read(path: str) -> TokenInfo:
    """Read a file.

    Parameters
    ----------
    path
        As given; ``~`` is expanded.

    Raises
    ------
    UnreadableError
        If it is missing (`MissingError`), no JSON object, or holds something else than text where text belongs.
    """
    outcome = _read(expanded(path))
    if isinstance(outcome, UnreadableError):
        raise outcome
    return outcome


def expanded(path: str) -> str:
    """The file that is meant."""
    return os.path.expanduser(path)


def _read(path: str) -> TokenInfo | UnreadableError:
    """What the file says, or why it says nothing. Nothing is raised here: the frame holds what was read."""
    try:
        with open(path, "rb", opener=_opened) as file:
            raw = file.read(LARGEST + 1) or b""  # a pipe that nobody writes into has nothing
    except FileNotFoundError as problem:
        return MissingError(str(problem))
    except (OSError, ValueError) as problem:  # ValueError: a NUL byte in the path
        return UnreadableError(str(problem))
    if len(raw) > LARGEST:
        return UnreadableError("it is larger than any login")
    try:
        found = json.loads(raw.decode("utf-8-sig"))
    except json.JSONDecodeError as problem:
        return UnreadableError(f"it is not JSON (line {problem.lineno})")
    except (ValueError, RecursionError):
        return UnreadableError("it is not JSON")
    return _of(found) if isinstance(found, dict) else UnreadableError(f"it holds {_kind(found)}, not a JSON object")


def _opened(path: str, flags: int) -> int:
    """Without waiting for somebody to write into a named pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _of(found: dict[str, Any]) -> TokenInfo | UnreadableError:
    for key in ("client_id", "client_secret", "refresh_token"):
        if not isinstance(found.get(key), str | None):
            return UnreadableError(f"{key} is {_kind(found[key])}, not text")
    scope = found.get("scope")
    if isinstance(scope, str):
        scope = scope.split()
    if scope is not None and not (isinstance(scope, list) and all(isinstance(name, str) for name in scope)):
        return UnreadableError("scope is not a list of names")

    def secret(key: str) -> Secret | None:
        text = found.get(key)
        # A token is a copy that can be bought anew: one that is none at all counts as one that is over.
        return Secret(text) if isinstance(text, str) else None

    known = {"client_id", "scope", *_SECRETS}
    return TokenInfo(
        found.get("client_id"),
        secret("client_secret"),
        secret("refresh_token"),
        # No falling back to the second key, even if the first one's token is over.
        secret("JWT_TOKEN") or secret("jwt_token"),
        None if scope is None else tuple(scope),
        {key: value for key, value in found.items() if key not in known},
    )


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "a boolean", int: "a number", float: "a number"}
    return "null" if value is None else names[type(value)]


def written(info: TokenInfo, *, token_only: bool) -> Secret:
    """The file's text.

    Parameters
    ----------
    info
        What it is to say.
    token_only
        Whether it is one that holds a token only.
    """
    token = None if info.jwt_token is None else info.jwt_token.reveal()
    if token_only:
        return Secret(json.dumps({"jwt_token": token}))
    renewal = None if info.renewal is None else info.renewal.reveal()
    document = {
        **info.others,
        **({} if info.scope is None else {"scope": list(info.scope)}),
        "client_id": info.client_id,
        "client_secret": renewal,
        "refresh_token": renewal,
        "jwt_token": token,
    }
    return Secret(json.dumps({key: value for key, value in document.items() if value is not None}))
