"""Logging out: the token service is told that a login is over, and the login's file goes away."""

from __future__ import annotations

import json
import os
import shlex
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from skykey.credentials.grants.retries import Retries
from skykey.credentials.provider import Ask
from skykey.descarteslabs import token_info
from skykey.descarteslabs.config import current_settings, default_domain
from skykey.descarteslabs.signing_in import own_file, store_of
from skykey.values.clock import SYSTEM_CLOCK
from skykey.values.deadline import Deadline
from skykey.values.errors import BadUrl, Overloaded, RateLimited, Redirected, ServiceError, SkykeyError, TransportError
from skykey.values.reach import Reach
from skykey.values.url import Url
from skykey.wire.request import Request, Timeouts

if TYPE_CHECKING:
    from skykey.descarteslabs.brand import Brand
    from skykey.descarteslabs.token_info import TokenInfo
    from skykey.values.clock import Clock
    from skykey.values.origin import Origin
    from skykey.values.secret import Secret

# Shorter than others wait for the file: they go on as soon as this is decided.
_PATIENCE: Final = 8.0
_CAP: Final = 64 * 1024
_RETRIES: Final = Retries(total=2, first=0.3, longest=1.0)
# RFC 6749, 5.2, RFC 7009, 2.2.1. Another text in this place is not repeated: it could be anything.
_KNOWN: Final = frozenset(
    {
        "access_denied", "invalid_client", "invalid_grant", "invalid_request", "server_error",
        "temporarily_unavailable", "unauthorized_client", "unsupported_grant_type", "unsupported_token_type",
    }
)  # fmt: skip


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
        sweep(opened, name, older=-1.0)


def _told(brand: Brand, login: TokenInfo, clock: Clock) -> tuple[str | None, SkykeyError | None]:
    """Tell the token service; give where, or why not."""
    if not login.renewal or not login.client_id:
        return None, None
    try:
        url = revocation_url(brand, login)
        Reach.named(url, said_by="the login's revoke_url, or the setting iam_url")
    except SkykeyError as problem:
        return None, problem
    failure = _revoked(url, login.client_id, login.renewal, Ask(clock, Deadline.after(_PATIENCE, clock)))
    return (str(url.origin), None) if failure is None else (None, failure)


def _revoked(url: Url, client_id: str, renewal: Secret, ask: Ask) -> SkykeyError | None:
    """Ask for it, and again after what passes by itself: to end a login twice harms nobody."""

    def form(plain: str) -> str:
        return urlencode({"token": plain, "token_type_hint": "refresh_token", "client_id": client_id})

    request = Request(
        "POST",
        url,
        headers=(("Accept", "application/json"), ("Content-Type", "application/x-www-form-urlencoded")),
        body=renewal.mapped(form),
        cap=_CAP,
        timeouts=Timeouts(connect=3.0, silence=_PATIENCE),
    )
    waits = _RETRIES.waits()
    while True:
        problem = _once(request, ask)
        if not isinstance(problem, TransportError | Overloaded):
            return problem
        wait, left = next(waits, None), ask.deadline.remaining()
        if wait is None or (left is not None and wait >= left):
            return problem
        ask.clock.wait(threading.Event(), wait)


def _once(request: Request, ask: Ask) -> SkykeyError | None:
    body = bytearray()
    try:
        exchange = ask.send(request)
        try:
            status = exchange.head.status
            while (chunk := exchange.read()) is not None:
                body += chunk
        finally:
            exchange.close()
    except SkykeyError as problem:
        return problem
    is_done = 200 <= status < 300  # noqa: PLR2004 - successes
    return None if is_done else _refusal(request.url.without_query(), status, bytes(body))


def _refusal(where: str, status: int, body: bytes) -> SkykeyError:
    error = _error(body)
    said = f"{status}, {error}" if error else str(status)
    if 300 <= status < 400:  # noqa: PLR2004 - redirects
        message = f"{where} redirects ({status}), and a request that holds a secret is not sent on"
        return Redirected(message, status=status, url=where)
    if status == 429:  # noqa: PLR2004 - RFC 6585, 4
        return RateLimited(f"{where} has had too many requests", status=status, url=where)
    if status in {502, 503, 504}:
        return Overloaded(f"{where} is not available ({status})", status=status, url=where)
    return ServiceError(f"{where} does not end the login ({said})", status=status, url=where)


def _error(body: bytes) -> str | None:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    error = answer.get("error") if isinstance(answer, dict) else None
    return error if isinstance(error, str) and error in _KNOWN else None
