"""Logging out: the token service is told that a login is over, and the login's file goes away."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from skykey.credentials.grants.revocation import revoke
from skykey.credentials.provider import Ask
from skykey.descarteslabs import token_info
from skykey.descarteslabs.config import current_settings, default_domain
from skykey.descarteslabs.signing_in import own_file, store_of
from skykey.values.clock import SYSTEM_CLOCK
from skykey.values.deadline import Deadline
from skykey.values.errors import BadUrl, SkykeyError
from skykey.values.url import Url

if TYPE_CHECKING:
    from skykey.descarteslabs.brand import Brand
    from skykey.descarteslabs.token_info import TokenInfo
    from skykey.values.clock import Clock
    from skykey.values.origin import Origin

# Shorter than others wait for the file: they go on as soon as this is decided.
_PATIENCE: Final = 8.0
_SAID_BY: Final = "the login's revoke_url, or the setting iam_url"


@dataclass(frozen=True, slots=True)
class SignedOut:
    """What was done.

    Parameters
    ----------
    file
        It is gone.
    is_whole
        Whether it held a login; otherwise a token only, which nobody can end.
    told
        Where the login was ended; None if nobody was told.
    problem
        Why nobody was told, if that was not wanted.
    """

    file: str
    is_whole: bool
    told: str | None
    problem: SkykeyError | None


class NotALogin(SkykeyError):
    """The file is there, and is no login that can be read: it is not removed."""

    code = "not-a-login"


def sign_out(brand: Brand, *, tell: bool = True, clock: Clock = SYSTEM_CLOCK) -> SignedOut | None:
    """End the login in its file.

    No renewal brings it back: it happens while every other process that would renew it waits, and then finds it gone.

    Parameters
    ----------
    brand
        Whose variables, settings and files.
    tell
        Whether to end it at the token service too.
    clock
        For tests.

    Returns
    -------
    SignedOut or None
        None if there is no login.

    Raises
    ------
    NotALogin
        If the file holds something else.
    TimedOut
        If another process does not finish its renewal.
    OSError
        If the file cannot be removed.
    """
    path = own_file(brand)
    if _read(path) is None:
        return None
    deadline = Deadline.after(_PATIENCE, clock)
    with store_of(path, token_info.EMPTY).exclusive("", deadline):
        login = _read(path)  # as it is now: a renewal may have replaced its secret meanwhile
        if login is None:
            return None
        told, problem = _told(brand, login, clock) if tell else (None, None)
        _remove(path)
    return SignedOut(path, bool(login.renewal), told, problem)


def revocation_url(brand: Brand, login: TokenInfo) -> Url:
    """Where a login is ended.

    What came with a login may name the place, if that is one of the platform's own; a login that somebody made up must
    not lead its secret elsewhere. Otherwise it is the token service's standard place (RFC 7009).

    Parameters
    ----------
    brand
        Whose hosts and settings.
    login
        With what came along.
    """
    named = login.others.get("revoke_url")
    if isinstance(named, str):
        try:
            url = Url(named)
        except BadUrl:
            url = None
        if url is not None and url.origin in _own_origins(brand):
            return url
    return Url(default_domain(brand)) / "revoke"


def _own_origins(brand: Brand) -> set[Origin]:
    settings = current_settings(brand)
    named = [str(settings[name]) for name in ("IAM_URL", "APP_URL", "PLATFORM_URL")]
    for environment in brand.environments.values():
        if not environment.is_for_tests:
            domain = environment.default_domain.replace("{domain}", brand.domain)
            named.append(environment.iam_url.replace("{default_domain}", domain))
    origins = set()
    for text in named:
        try:
            origins.add(Url(text).origin)
        except BadUrl:
            continue
    return origins


def _read(path: str) -> TokenInfo | None:
    """The login in the file; None if there is no file, or an empty one."""
    try:
        login = token_info.read(path)
    except token_info.MissingError:
        return None
    except token_info.UnreadableError as problem:
        reason = str(problem)
    else:
        if login.renewal or login.jwt_token or login.client_id:
            return login
        if not login.others:
            return None
        reason = "it holds something else"
    by_hand = shlex.join(["rm", path])
    raise NotALogin(f"{path} holds no login, and stays: {reason}", next=f"look at it; {by_hand} removes it")


def _remove(path: str) -> None:
    from skykey.credentials.stores.atomic import sweep
    from skykey.credentials.stores.folder import any_folder

    store_of(path, token_info.EMPTY).forget("")
    folder, name = os.path.split(os.path.realpath(path))
    with any_folder(folder) as opened:
        # What a writer that was killed left behind holds the login too.
        sweep(opened, name, older=-float("inf"))


def _told(brand: Brand, login: TokenInfo, clock: Clock) -> tuple[str | None, SkykeyError | None]:
    """Tell the token service; give where, or why not."""
    if not login.renewal or not login.client_id:
        return None, None
    ask = Ask(clock, Deadline.after(_PATIENCE, clock))
    try:
        url = revocation_url(brand, login)
        revoke(url, login.renewal, client_id=login.client_id, ask=ask, said_by=_SAID_BY)
    except SkykeyError as problem:
        return None, problem
    return str(url.origin), None
