"""Which login is meant: from arguments, variables and files to one decision. Reads, and changes nothing.

Each value is decided for itself, by the first source that has it; then what was given decides whether a file takes
part, and in which way (`Mode`).
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Final, TypeVar

from skykey.credentials.trace import Attempt, Outcome
from skykey.descarteslabs import token_info
from skykey.descarteslabs.payload import claims_in
from skykey.descarteslabs.token_info import EMPTY, TokenInfo, UnreadableError
from skykey.values.errors import UsageError
from skykey.values.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from skykey.credentials.claims import Claims
    from skykey.descarteslabs.brand import Brand

T = TypeVar("T")

MISMATCH: Final = "Authentication token mismatch"
"""What the one warning begins with that is never suppressed."""

_CACHE_PREFIX: Final = "jwt_token_"


class Mode(Enum):
    """What part a file plays."""

    FILE_OF_GIVEN = "a login that was given, kept in the file that was named"
    TOKEN_CACHE = "a login that was given; its tokens are shared through a file"  # noqa: S105 - in words
    GIVEN = "a login that was given; nothing is kept"
    FILE = "the login that a file holds"
    NOTHING = "no login"


@dataclass(frozen=True, slots=True)
class Given:
    """What the caller handed over, checked and hidden. None is "not given"; an empty text is given."""

    client_id: str | None = None
    client_secret: Secret | None = None
    refresh_token: Secret | None = None
    jwt_token: Secret | None = None
    scope: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Resolved:
    """The decision.

    Parameters
    ----------
    mode
        See there.
    client_id, renewal
        The login; None where nobody has it.
    token
        One that is still valid by its own claims; None if there is none.
    is_new
        Whether that token was given with the login, and is nowhere else yet.
    scope
        What tokens are asked for; None for all.
    path
        The file that takes part; None or empty if none does.
    read
        What the file said.
    is_ours
        Whether that is the same login, so that what else the file says is to be kept.
    shares
        Whether the tokens in the file are for the same scope.
    reads
        Whether files are read at all; a documented variable switches that off.
    warnings
        Texts for the caller, in order.
    attempts
        What became of each source, for ``why``.
    """

    mode: Mode
    client_id: str | None
    renewal: Secret | None
    token: Secret | None
    scope: tuple[str, ...] | None
    path: str | None
    is_new: bool = False
    read: TokenInfo = EMPTY
    is_ours: bool = False
    shares: bool = True
    reads: bool = True
    warnings: tuple[str, ...] = ()
    attempts: tuple[Attempt, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether there is a token, or what buys one."""
        return self.token is not None or bool(self.client_id and self.renewal)


def taken(
    client_id: object, client_secret: object, refresh_token: object, jwt_token: object, scope: object
) -> Given | UsageError:
    """Check and hide what the caller handed over.

    A problem is given and not raised: this frame holds it all, and tracebacks show local variables.
    """
    try:
        return Given(
            checked_id(client_id),
            checked("client_secret", client_secret),
            checked("refresh_token", refresh_token),
            checked("jwt_token", jwt_token),
            checked_scope(scope),
        )
    except UsageError as problem:
        return problem.with_traceback(None)


def checked(name: str, value: object) -> Secret | None:
    """A secret that the caller handed over.

    Raises
    ------
    UsageError
        If it is neither text nor, for a token, bytes of ASCII; or cannot stand in one line.
    """
    if value is None:
        return None
    text = value.decode("latin-1") if isinstance(value, bytes) and name == "jwt_token" else value
    if not isinstance(text, str):
        raise UsageError(f"{name} is text, not {type(value).__name__}")
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in text.strip()):  # noqa: PLR2004 - ASCII controls
        raise UsageError(f"{name} has control characters in it", next="pass it as it was given, in one line")
    return Secret(text.strip())


def checked_id(value: object) -> str | None:
    """A client id that the caller handed over.

    Raises
    ------
    UsageError
        If it is no text, or has blanks or control characters in it.
    """
    if value is None:
        return None
    if not isinstance(value, str):
        raise UsageError(f"client_id is text, not {type(value).__name__}")
    if not value.isprintable() or any(letter.isspace() for letter in value):
        raise UsageError("client_id has blanks or control characters in it")  # not shown: secrets get swapped with ids
    return value


def checked_scope(value: object) -> tuple[str, ...] | None:
    """Scopes as the caller gave them: names, or one text with blanks between them.

    Raises
    ------
    UsageError
        If it is anything else.
    """
    if value is None:
        return None
    if isinstance(value, str):
        return tuple(value.split())
    names: tuple[object, ...]
    try:
        names = tuple(value)  # type: ignore[arg-type]  # what does not iterate is caught
    except TypeError:
        names = (None,)
    if not all(isinstance(name, str) for name in names):
        raise UsageError("scope is a list of names")
    return tuple(map(str, names))


def resolve(
    brand: Brand,
    arguments: Given,
    *,
    explicit: bool,
    path: str | None,
    domain: str,
    is_own_domain: bool,
    now: float,
    environment: Mapping[str, str] | None = None,
) -> Resolved:
    """Decide.

    Parameters
    ----------
    brand
        Whose variables and files.
    arguments
        What the caller handed over.
    explicit, path
        Whether ``token_info_path`` was given, and what it or its default is; None or empty for no file.
    domain, is_own_domain
        The issuer, and whether it is the settings' own.
    now
        Wall-clock seconds since 1970.
    environment
        For tests.
    """
    variables = os.environ if environment is None else environment
    reads = variables.get(brand.no_jwt_cache_variable, "").lower() != "true"
    from_environment = _from(brand, variables)
    given = Given(
        _first(arguments.client_id, from_environment.client_id),
        _first(arguments.client_secret, from_environment.client_secret),
        _first(arguments.refresh_token, from_environment.refresh_token),
        _first(arguments.jwt_token, from_environment.jwt_token),
        arguments.scope,
    )
    secret, refresh = given.client_secret, given.refresh_token or given.client_secret
    warnings: list[str] = []
    resolved: Resolved
    if not (given.client_id or refresh or given.jwt_token):
        resolved = _from_file(given, path, reads, warnings)
        secret, refresh = resolved.read.client_secret, resolved.read.renewal
    elif explicit and path:
        resolved = _with_file(given, refresh, path, reads, warnings)
    elif refresh and path and (folder := folder_of(brand)):
        resolved = _with_cache(folder, given, refresh, domain=domain, is_own_domain=is_own_domain, reads=reads, now=now)
    else:
        resolved = Resolved(Mode.GIVEN, given.client_id, refresh, given.jwt_token, None, path)
    if secret and refresh and secret != refresh:
        warnings.append(
            f"{MISMATCH}: both a client secret and a refresh token were provided, and they differ; "
            "the refresh token will be used."
        )
    token = resolved.token if is_usable(resolved.token, resolved.client_id, now) else None
    resolved = replace(
        resolved,
        token=token,
        is_new=bool(token and given.jwt_token),
        reads=reads,
        scope=given.scope if given.scope is not None else resolved.scope,
        attempts=_attempts(brand, arguments, from_environment, resolved, warnings),
    )
    if not resolved.is_complete:
        warnings.append(f"No valid authentication info found. See {brand.documentation}.")
    return replace(resolved, warnings=tuple(warnings))


def is_usable(token: Secret | None, client_id: str | None, now: float) -> bool:
    """Whether a token is still valid by its own claims, and meant for this client. Its signature is not checked."""
    claims = claims_in(token)
    if claims is None or claims.ends is None or claims.ends < now:
        return False
    return not client_id or client_id in claims.audiences


def folder_of(brand: Brand) -> str | None:
    """Where a user's files of a brand lie; None for a user without a home."""
    home = os.path.expanduser("~")
    return os.path.join(home, brand.folder) if os.path.isabs(home) else None


def cache_name(domain: str, client_id: str | None, scope: tuple[str, ...] | None, renewal: Secret) -> str:
    """The file through which processes share tokens: another issuer, client, scope or secret, another name."""
    context = json.dumps([domain.rstrip("/"), client_id, None if scope is None else sorted(set(scope))])
    return f"{_CACHE_PREFIX}{renewal.digest('sha256', context)}.json"


def _from(brand: Brand, variables: Mapping[str, str]) -> Given:
    def secret(*names: str) -> Secret | None:
        text = next((variables[name] for name in names if name in variables), None)
        return None if text is None else Secret(text.strip())

    client_id = variables.get(brand.client_id_variable, variables.get("CLIENT_ID"))
    return Given(
        None if client_id is None else client_id.strip(),
        secret(brand.client_secret_variable, "CLIENT_SECRET"),
        secret(brand.refresh_token_variable),
        secret(brand.token_variable),
    )


def _from_file(given: Given, path: str | None, reads: bool, warnings: list[str]) -> Resolved:
    if not path:
        return Resolved(Mode.NOTHING, None, None, None, None, path)
    read = _read(path, reads, warnings)
    shares = _has_scope(read, given)
    token = read.jwt_token if shares else None
    return Resolved(
        Mode.FILE, read.client_id, read.renewal, token, read.scope, path, read=read, is_ours=True, shares=shares
    )


def _with_file(given: Given, refresh: Secret | None, path: str, reads: bool, warnings: list[str]) -> Resolved:
    is_there = os.path.exists(token_info.expanded(path))
    read = _read(path, reads, warnings) if is_there else EMPTY
    is_ours = read.client_id == given.client_id and read.is_for(refresh)
    conflicts = bool(refresh or given.client_id) and not is_ours
    shares = _has_scope(read, given)
    return Resolved(
        Mode.FILE_OF_GIVEN,
        given.client_id,
        # The issuer may have replaced the secret that was given: an old one that comes again ends a login.
        read.renewal if is_ours else refresh,
        read.jwt_token if is_ours and shares and not given.jwt_token else given.jwt_token,
        None if conflicts else read.scope,  # another login's scope is not ours
        path,
        read=read,
        is_ours=is_ours,
        shares=shares,
    )


def _with_cache(
    folder: str, given: Given, refresh: Secret, *, domain: str, is_own_domain: bool, reads: bool, now: float
) -> Resolved:
    path = os.path.join(folder, cache_name(domain, given.client_id, given.scope, refresh))
    found = Resolved(Mode.TOKEN_CACHE, given.client_id, refresh, given.jwt_token, None, path)
    if given.jwt_token or not reads:
        return found
    cached = _quietly(path).jwt_token
    if is_usable(cached, given.client_id, now) or given.scope is not None:
        return replace(found, token=cached)
    # Older releases looked at the secret alone.
    older = _quietly(os.path.join(folder, f"{_CACHE_PREFIX}{refresh.digest('sha1')}.json")).jwt_token
    claims = claims_in(older)
    return found if claims is None or not _is_from(claims, domain, is_own_domain) else replace(found, token=older)


def _has_scope(read: TokenInfo, given: Given) -> bool:
    """Whether a file's tokens are for the scope that was asked for; a token that nothing renews is all there is."""
    return given.scope is None or read.renewal is None or set(given.scope) == set(read.scope or ())


def _is_from(claims: Claims, domain: str, is_own_domain: bool) -> bool:
    """Whether a token of an old cache file, which does not say so, comes from this issuer."""
    issuer = claims.issuer
    return is_own_domain if issuer is None else issuer.rstrip("/") == domain.rstrip("/")


def _read(path: str, reads: bool, warnings: list[str]) -> TokenInfo:
    if not reads:
        return EMPTY
    try:
        return token_info.read(path)
    except UnreadableError as problem:
        warnings.append(f"Unable to read token_info from {path} with error {problem}.")
        return EMPTY


def _quietly(path: str) -> TokenInfo:
    return _read(path, True, [])


def _first(*values: T | None) -> T | None:
    return next((value for value in values if value is not None), None)


def _attempts(
    brand: Brand, arguments: Given, environment: Given, resolved: Resolved, warnings: list[str]
) -> tuple[Attempt, ...]:
    """What became of each place where a login may lie, best first."""
    places = [
        ("the arguments", _names(arguments), "nothing was passed"),
        (f"the variables {brand.prefix}_…", _names(environment), "none is set"),
    ]
    attempts, decided = [], False
    for place, names, absent in places:
        if not names:
            attempts.append(Attempt(place, Outcome.UNAVAILABLE, absent))
        else:
            outcome = Outcome.FOUND if resolved.is_complete and not decided else Outcome.SHADOWED
            if not resolved.is_complete:
                outcome = Outcome.FAILED
            attempts.append(Attempt(place, outcome, f"{', '.join(names)}"))
            decided = True
    file = f"the file {resolved.path}" if resolved.path else "a token_info file"
    if resolved.mode is Mode.FILE:
        said = next((text for text in warnings if text.startswith("Unable to read")), "")
        outcome = Outcome.FOUND if resolved.is_complete else Outcome.UNAVAILABLE if said else Outcome.FAILED
        reason = said or ("" if resolved.is_complete else "it has neither a valid token nor a whole login")
        attempts.append(Attempt(file, outcome, reason))
    elif resolved.mode is Mode.FILE_OF_GIVEN or resolved.mode is Mode.TOKEN_CACHE:
        attempts.append(Attempt(file, Outcome.NOT_ASKED, "it shares the tokens of the login above"))
    elif resolved.mode is Mode.GIVEN:
        attempts.append(Attempt(file, Outcome.NOT_ASKED, "it only counts where nothing else is given"))
    else:
        attempts.append(Attempt(file, Outcome.UNAVAILABLE, "none is named"))
    return tuple(attempts)


def _names(given: Given) -> list[str]:
    named = {
        "client_id": given.client_id,
        "client_secret": given.client_secret,
        "refresh_token": given.refresh_token,
        "jwt_token": given.jwt_token,
    }
    return [name for name, value in named.items() if value]
