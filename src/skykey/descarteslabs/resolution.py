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

from skykey.credentials.claims import claims_of
from skykey.credentials.trace import Attempt, Outcome
from skykey.descarteslabs import token_info
from skykey.descarteslabs.token_info import EMPTY, TokenInfo, UnreadableError
from skykey.values.errors import UsageError
from skykey.values.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from skykey.credentials.claims import Claims
    from skykey.descarteslabs.brand import Brand

T = TypeVar("T")

_CACHE_PREFIX: Final = "jwt_token_"


class Mode(Enum):
    """What part a file plays."""

    FILE_OF_GIVEN = "a login that was given, kept in the file that was named"
    TOKEN_CACHE = "a login that was given; its tokens are shared through a file"
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
    scope
        What tokens are asked for; None for all.
    path
        The file that takes part; None or empty if none does.
    older_cache
        A cache file of older releases, read if the path has nothing.
    read
        What the file said.
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
    older_cache: str | None = None
    read: TokenInfo = EMPTY
    warnings: tuple[str, ...] = ()
    attempts: tuple[Attempt, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether there is a token, or what buys one."""
        return self.token is not None or bool(self.client_id and self.renewal)


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
    kind = type(value).__name__
    if not isinstance(text, str):
        del value, text  # tracebacks show local variables
        raise UsageError(f"{name} is text, not {kind}")
    secret = Secret(text)
    has_lines = any(ord(letter) < 32 or ord(letter) == 127 for letter in text.strip())  # noqa: PLR2004 - ASCII controls
    del value, text
    if has_lines:
        raise UsageError(f"{name} has control characters in it", next="pass it as it was given, in one line")
    return secret.mapped(str.strip)


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
        raise UsageError(f"client_id has blanks or control characters in it: {value[:80]!r}")
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
    from_environment = _from(brand, variables)
    given = Given(
        _first(arguments.client_id, from_environment.client_id),
        _first(arguments.client_secret, from_environment.client_secret),
        _first(arguments.refresh_token, from_environment.refresh_token),
        _first(arguments.jwt_token, from_environment.jwt_token),
        arguments.scope,
    )
    secret, refresh = given.client_secret, given.refresh_token or given.client_secret
    reads = variables.get(brand.no_jwt_cache_variable, "").lower() != "true"
    warnings: list[str] = []
    resolved: Resolved
    if not (given.client_id or refresh or given.jwt_token):
        resolved, secret = _from_file(path, reads, warnings)
    elif explicit and path:
        resolved = _with_file(given, refresh, path, reads, warnings)
    elif refresh and path:
        resolved = _with_cache(brand, given, refresh, domain, is_own_domain, reads, now)
    else:
        resolved = Resolved(Mode.GIVEN, given.client_id, refresh, given.jwt_token, None, path)
    if secret and resolved.renewal and secret != resolved.renewal:
        warnings.append(
            "Authentication token mismatch: both a client secret and a refresh token were provided, and they differ; "
            "the refresh token will be used."
        )
    token = resolved.token if is_usable(resolved.token, resolved.client_id, now) else None
    resolved = replace(
        resolved,
        token=token,
        scope=given.scope if given.scope is not None else resolved.scope,
        attempts=_attempts(brand, arguments, from_environment, resolved, warnings),
    )
    if not resolved.is_complete:
        warnings.append(f"No valid authentication info found. See {brand.documentation}.")
    return replace(resolved, warnings=tuple(warnings))


def is_usable(token: Secret | None, client_id: str | None, now: float) -> bool:
    """Whether a token is still valid by its own claims, and meant for this client. Its signature is not checked."""
    claims = None if token is None else claims_of(token)
    if claims is None or claims.ends is None or claims.ends < now:
        return False
    return not client_id or client_id in claims.audiences


def cache_name(domain: str, client_id: str | None, scope: tuple[str, ...] | None, renewal: Secret) -> str:
    """The file through which processes share tokens: another issuer, client, scope or secret, another name."""
    context = json.dumps([domain.rstrip("/"), client_id, None if scope is None else sorted(set(scope))])
    return f"{_CACHE_PREFIX}{renewal.digest('sha256', context)}.json"


def _from(brand: Brand, variables: Mapping[str, str]) -> Given:
    def secret(*names: str) -> Secret | None:
        text = next((variables[name] for name in names if name in variables), None)
        return None if text is None else Secret(text.strip())

    return Given(
        variables.get(brand.client_id_variable, variables.get("CLIENT_ID")),
        secret(brand.client_secret_variable, "CLIENT_SECRET"),
        secret(brand.refresh_token_variable),
        secret(brand.token_variable),
    )


def _from_file(path: str | None, reads: bool, warnings: list[str]) -> tuple[Resolved, Secret | None]:
    if not path:
        return Resolved(Mode.NOTHING, None, None, None, None, path), None
    read = _read(path, reads, warnings)
    found = Resolved(Mode.FILE, read.client_id, read.renewal, read.jwt_token, read.scope, path, read=read)
    return found, read.client_secret


def _with_file(given: Given, refresh: Secret | None, path: str, reads: bool, warnings: list[str]) -> Resolved:
    is_there = os.path.exists(token_info.expanded(path))
    read = _read(path, reads, warnings) if is_there else EMPTY
    is_ours = read.client_id == given.client_id and read.renewal == refresh
    conflicts = bool(refresh or given.client_id) and not is_ours
    token = given.jwt_token if given.jwt_token or not is_ours else read.jwt_token
    scope = None if conflicts else read.scope  # another login's scope is not ours
    return Resolved(Mode.FILE_OF_GIVEN, given.client_id, refresh, token, scope, path, read=read)


def _with_cache(
    brand: Brand, given: Given, refresh: Secret, domain: str, is_own_domain: bool, reads: bool, now: float
) -> Resolved:
    folder = os.path.join(os.path.expanduser("~"), brand.folder)
    path = os.path.join(folder, cache_name(domain, given.client_id, given.scope, refresh))
    # Older releases looked at the secret alone.
    older = os.path.join(folder, f"{_CACHE_PREFIX}{refresh.digest('sha1')}.json")
    found = Resolved(Mode.TOKEN_CACHE, given.client_id, refresh, given.jwt_token, None, path, older)
    if given.jwt_token or not reads:
        return found
    cached = _quietly(path).jwt_token
    if is_usable(cached, given.client_id, now):
        return replace(found, token=cached)
    from_older = _quietly(older).jwt_token
    claims = None if from_older is None else claims_of(from_older)
    if claims is None or given.scope is not None or not _is_from(claims, domain, is_own_domain):
        return found
    return replace(found, token=from_older)


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
