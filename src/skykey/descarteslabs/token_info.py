"""The documented file of a login, ``token_info.json``, and the smaller one that holds a token only."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from skykey.values.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

LARGEST: Final = 2**20
"""Bytes of a file that is read; a login has less than two thousand."""

_SECRETS: Final = ("client_secret", "refresh_token", "jwt_token", "JWT_TOKEN")


class UnreadableError(Exception):
    """A file is there (or not) and cannot be used; the message says why, and never what is in it."""


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
        If it is missing, no JSON object, or holds something else than text where text belongs.
    """
    outcome = _read(expanded(path))
    if isinstance(outcome, str):
        raise UnreadableError(outcome)
    return outcome


def expanded(path: str) -> str:
    """The file that is meant."""
    return os.path.expanduser(path)


def _read(path: str) -> TokenInfo | str:
    """What the file says, or why it says nothing. Nothing is raised here: the frame holds what was read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0))
        with open(descriptor, "rb") as file:
            raw = file.read(LARGEST + 1)
    except (OSError, ValueError) as problem:  # ValueError: a NUL byte in the path
        return str(problem)
    if len(raw) > LARGEST:
        return "it is larger than any login"
    try:
        found = json.loads(raw.decode("utf-8-sig"))
    except (ValueError, RecursionError) as problem:
        return "it is not JSON" + (f" (line {problem.lineno})" if isinstance(problem, json.JSONDecodeError) else "")
    return _of(found) if isinstance(found, dict) else f"it holds a JSON {_kind(found)}, not an object"


def _of(found: dict[str, Any]) -> TokenInfo | str:
    for key in ("client_id", *_SECRETS):
        if not isinstance(found.get(key), str | None):
            return f"{key} is a {_kind(found[key])}, not text"
    scope = found.get("scope")
    if isinstance(scope, str):
        scope = scope.split()
    if scope is not None and not (isinstance(scope, list) and all(isinstance(name, str) for name in scope)):
        return "scope is not a list of names"

    def secret(key: str) -> Secret | None:
        text = found.get(key)
        return Secret(text) if text is not None else None

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
    names = {dict: "object", list: "list", str: "text", bool: "boolean", int: "number", float: "number"}
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
