"""Logging in: from what a person pastes to the file of a login, which only a login that works replaces."""

from __future__ import annotations

import base64
import errno
import json
import os
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from skykey.credentials.grants.retries import Retries
from skykey.credentials.provider import Ask, Keeping
from skykey.descarteslabs import token_info
from skykey.descarteslabs.auth import default_token_info_path
from skykey.descarteslabs.config import default_domain
from skykey.descarteslabs.login import Login
from skykey.descarteslabs.payload import claims_in, payload_of
from skykey.descarteslabs.stores import TokenInfoFile
from skykey.descarteslabs.token_info import TokenInfo
from skykey.values.clock import SYSTEM_CLOCK
from skykey.values.deadline import Deadline
from skykey.values.errors import UsageError
from skykey.values.reach import Reach
from skykey.values.secret import Secret
from skykey.values.url import Url

if TYPE_CHECKING:
    from collections.abc import Mapping

    from skykey.descarteslabs.brand import Brand
    from skykey.values.clock import Clock

LARGEST: Final = 64 * 1024
"""Characters of a paste; real ones have four hundred."""

_PATIENCE: Final = 60.0
# Both alphabets of base64. Padding, blanks, quotes and line ends say nothing.
_STRAY: Final = re.compile(r"[^A-Za-z0-9+/_-]")
_OF_LOGINS: Final = {"client_id", "client_secret", "refresh_token", "jwt_token", "JWT_TOKEN", "scope"}


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A login that works, and lies in its file.

    Parameters
    ----------
    file
        Where.
    client_id
        Of the login.
    name
        Whose it is (`name_of`).
    """

    file: str
    client_id: str
    name: str


def login_of(paste: Secret) -> TokenInfo | None:
    """Read what the account page gave; None if it is anything else.

    Nothing is raised here: no traceback shows what was pasted.

    Parameters
    ----------
    paste
        URL-safe base64 of a JSON object, with or without padding, and with whatever blanks.
    """
    document = _object(paste)
    if document is None:
        return None
    client_id = _word(document.get("client_id"))
    renewal = _word(document.get("refresh_token") or document.get("client_secret"))
    if client_id is None or renewal is None:
        return None
    scope = document.get("scope")
    names = [name for name in scope if isinstance(name, str)] if isinstance(scope, list) else []
    return TokenInfo(
        client_id,
        client_secret=Secret(renewal),
        refresh_token=Secret(renewal),
        scope=tuple(names) or None,
        others={key: value for key, value in document.items() if key not in _OF_LOGINS},
    )


def sign_in(brand: Brand, login: TokenInfo, *, clock: Clock = SYSTEM_CLOCK) -> SignedIn:
    """Buy a token with a login; if that works, write both into the file of the login.

    Parameters
    ----------
    brand
        Whose variables, settings and files.
    login
        As pasted.
    clock
        For tests.

    Raises
    ------
    OauthError
        If the token service gives no token; it is also the error of its status. The file is as it was.
    OSError
        If the file cannot be written. That is looked at before the login is used: using it may replace its secret.
    TimedOut
        If another process does not finish a renewal of the login that was there.
    """
    path = own_file(brand)
    domain = default_domain(brand)
    reach = Reach.named(Url(domain), said_by="the setting iam_url")
    provider = Login(
        brand, domain, login.client_id, login.renewal, login.scope, reach, Keeping.STORED, lasts=True, retries=Retries()
    )
    ask = Ask(clock, Deadline.after(_PATIENCE, clock))
    with store_of(path, login).exclusive("", ask.deadline):
        _check_place(path)
        held = provider.obtain(None, ask)
        info = replace(login.renewed(held.renewal, login.renewal), jwt_token=held.credential.token)
        _write(path, token_info.written(info, token_only=False))
    return SignedIn(path, login.client_id or "", _name(brand, held.credential.token))


def name_of(payload: Mapping[str, Any]) -> str:
    """What to call a token's owner: the name that it gives, else an e-mail or the id on the platform. In one line.

    Parameters
    ----------
    payload
        The token's claims, without the platform's prefix.
    """
    said = (payload.get(claim) for claim in ("name", "email", "userid", "sub"))
    name = next((value for value in said if isinstance(value, str) and value.strip()), "somebody")
    # It goes to terminals, which obey control characters.
    return " ".join("".join(letter if letter.isprintable() else " " for letter in name).split())


def own_file(brand: Brand) -> str:
    """The file in which a login lies.

    Raises
    ------
    UsageError
        If the variable that names it is empty: then there is none.
    """
    path = default_token_info_path(brand)
    if not path:
        variable = brand.token_info_path_variable
        raise UsageError(f"{variable} is empty: there is no file for a login", next=f"unset {variable}")
    return token_info.expanded(path)


def store_of(path: str, login: TokenInfo) -> TokenInfoFile:
    """The file as those see it who renew the login in it: they and we keep each other out."""
    return TokenInfoFile(
        path,
        reach=Reach(frozenset(), "nobody, because nothing is held from it"),
        source=f"the file {path}",
        client_id=login.client_id,
        renewal=login.renewal,
        failed=lambda _: None,
    )


def _object(paste: Secret) -> dict[str, Any] | None:
    text = _STRAY.sub("", paste.reveal())
    if len(text) > LARGEST:
        return None
    try:
        # ValueError: no base64, no UTF-8, no JSON. RecursionError: brackets in brackets.
        found = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _word(value: object) -> str | None:
    is_one = isinstance(value, str) and value and value.isprintable() and not any(map(str.isspace, value))
    return str(value) if is_one else None


def _check_place(path: str) -> None:
    """Find out whether the file can be written, as far as that shows before it is."""
    from skykey.credentials.stores.folder import make_folders

    real = os.path.realpath(path)
    folder = os.path.dirname(real)
    make_folders(folder)
    if not os.path.isdir(folder):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), folder)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), folder)
    if os.path.exists(real) and not os.path.isfile(real):
        raise OSError(errno.EINVAL, "not a plain file", real)


def _write(path: str, text: Secret) -> None:
    from skykey.credentials.stores.atomic import replace_file

    replace_file(path, text.reveal().encode())


def _name(brand: Brand, token: Secret) -> str:
    claims = claims_in(token)
    return name_of({} if claims is None else payload_of(claims, brand.claim_prefix))
