"""Which login an `Auth` uses, and why that one. Local: nothing is requested, and no secret is shown."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from skykey.credentials.explanation import Explanation, Row
from skykey.credentials.trace import Attempt, Outcome
from skykey.descarteslabs import token_info
from skykey.descarteslabs.auth import default_token_info_path
from skykey.descarteslabs.payload import claims_in
from skykey.descarteslabs.resolution import Mode
from skykey.descarteslabs.token_info import EMPTY, MissingError, TokenInfo, UnreadableError
from skykey.values.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from skykey.descarteslabs.auth import Auth
    from skykey.descarteslabs.brand import Brand
    from skykey.descarteslabs.resolution import Resolved


@dataclass(frozen=True, slots=True)
class State:
    """What an `Auth` has at hand.

    Parameters
    ----------
    source
        Where the login comes from; None if there is none that is whole.
    file
        The file that takes part; None if none does.
    storage
        What is kept where.
    client_id
        Of the login.
    login_hint, token_hint
        Of the renewal secret and of the token; None for what is not there.
    identity
        Whose the token is, by what it says of itself.
    seconds_left, renewed_before
        Until the token ends, and so many seconds before that it is renewed; None if there is none, or it never is.
    """

    source: str | None
    file: str | None
    storage: str
    client_id: str | None
    login_hint: str | None
    token_hint: str | None
    identity: str | None
    seconds_left: float | None
    renewed_before: float | None


def state_of(auth: Auth) -> State:
    """Look at what is at hand."""
    resolved, held = auth._resolved, auth.keeper.at_hand  # noqa: SLF001 - own package
    credential = None if held is None or not held.credential.token else held.credential
    renewal = resolved.renewal if held is None else held.renewal
    used = next((attempt for attempt in _attempts(resolved) if attempt.outcome is Outcome.FOUND), None)
    return State(
        source=None if used is None else _place(auth, used),
        file=resolved.path or None,
        storage=_storage(resolved.mode, resolved.path),
        client_id=resolved.client_id,
        login_hint=renewal.hint() if renewal else None,
        token_hint=None if credential is None else credential.hint,
        identity=None if credential is None else credential.identity,
        seconds_left=None if credential is None else credential.life.remaining(auth._clock.wall()),  # noqa: SLF001 - as above
        renewed_before=None if credential is None or not renewal else auth.keeper.windows.early,
    )


def explain(auth: Auth) -> Explanation:
    """Put the places where a login may lie in order, with what became of each: the material of ``why``."""
    state, reach = state_of(auth), auth.reach
    return Explanation(
        rows=tuple(_rows(auth, state)),
        reach=tuple(sorted(map(str, reach.origins))),
        said_by=f"{reach.said_by} (a session adds the address that it was made for)",
        remedy=auth._brand.login if state.source is None else None,  # noqa: SLF001 - own package
    )


def variables_set(brand: Brand, environment: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Name the variables of this process that hold a login, or a part of one: they go before a login in a file.

    Parameters
    ----------
    brand
        Whose.
    environment
        For tests.
    """
    variables = os.environ if environment is None else environment
    kinds = (
        (brand.client_id_variable, "CLIENT_ID"),
        (brand.client_secret_variable, "CLIENT_SECRET"),
        (brand.refresh_token_variable,),
        (brand.token_variable,),
    )
    # The first that is there counts, also an empty one, which then says "none".
    first = (next((name for name in names if name in variables), None) for names in kinds)
    return tuple(name for name in first if name is not None and variables[name].strip())


def reads_files(brand: Brand) -> bool:
    """Whether logins in files count at all; a documented variable says so."""
    return os.environ.get(brand.no_jwt_cache_variable, "").lower() != "true"


def _rows(auth: Auth, state: State) -> list[Row]:
    resolved = auth._resolved  # noqa: SLF001 - own package
    rows = []
    attempts = _attempts(resolved)
    for attempt in attempts:
        if attempt.source == "the arguments" and attempt.outcome is Outcome.UNAVAILABLE:
            continue  # no news: who passed nothing knows it
        if attempt.outcome is Outcome.FOUND:
            rows.append(_winner(auth, state, attempt))
        elif attempt is attempts[-1] and resolved.mode is not Mode.FILE:
            rows.append(_file_behind(auth))
        else:
            rows.append(_unusable(auth, attempt))
    return rows


def _attempts(resolved: Resolved) -> tuple[Attempt, ...]:
    """What became of each place; none is found that has only a token that is over."""
    if resolved.is_complete:
        return resolved.attempts
    return tuple(
        replace(attempt, outcome=Outcome.FAILED) if attempt.outcome is Outcome.FOUND else attempt
        for attempt in resolved.attempts
    )


def _winner(auth: Auth, state: State, attempt: Attempt) -> Row:
    if state.token_hint is None:
        reason = "no token yet: the first use buys one"
    else:
        reason = "" if state.login_hint else "nothing renews it"
    return Row(
        source=_place(auth, attempt),
        outcome=Outcome.FOUND,
        reason=reason,
        storage=state.storage,
        hint=state.token_hint or f"a login, {state.login_hint}",
        same_as_winner=True,
        seconds_left=state.seconds_left,
        identity=state.identity,
        renewed_before=state.renewed_before,
    )


def _unusable(auth: Auth, attempt: Attempt) -> Row:
    """A place with nothing, or with something that is over."""
    brand = auth._brand  # noqa: SLF001 - own package
    token = Secret(os.environ.get(brand.token_variable, "").strip())
    if attempt.outcome is not Outcome.FAILED or not token or not attempt.source.startswith("the variables"):
        return Row(_place(auth, attempt), attempt.outcome, _why_not(auth, attempt), "not at all")
    claims = claims_in(token)
    return Row(
        _place(auth, attempt),
        attempt.outcome,
        _why_not(auth, attempt),
        "not at all",
        hint=token.hint(),
        same_as_winner=None,
        seconds_left=None if claims is None or claims.ends is None else claims.ends - auth._clock.wall(),  # noqa: SLF001 - as above
        identity=None if claims is None else claims.subject,
    )


def _file_behind(auth: Auth) -> Row:
    """The file of a login that does not count, with what is in it: it may be the fresher one."""
    brand, resolved = auth._brand, auth._resolved  # noqa: SLF001 - own package
    path = resolved.path if resolved.mode is Mode.FILE_OF_GIVEN else default_token_info_path(brand)
    if not path:
        return Row("a token_info file", Outcome.UNAVAILABLE, "none is named", "not at all")
    name, storage = f"the file {path}", f"in {path}"
    info, problem = _looked(path)
    secret = info.jwt_token or info.renewal
    if secret is None:
        return Row(name, Outcome.UNAVAILABLE, problem or "it holds no login", storage)
    claims = claims_in(info.jwt_token)
    ends = None if claims is None else claims.ends
    held = auth.keeper.at_hand
    is_same = bool(info.renewal and info.renewal == resolved.renewal) or (
        held is not None and info.jwt_token == held.credential.token
    )
    return Row(
        source=name,
        outcome=Outcome.SHADOWED,
        reason="it shares the tokens of the login above" if is_same else "it counts where nothing else is given",
        storage=storage,
        hint=secret.hint() if info.jwt_token else f"a login, {secret.hint()}",
        same_as_winner=is_same if resolved.is_complete else None,
        seconds_left=None if ends is None else ends - auth._clock.wall(),  # noqa: SLF001 - own package
        identity=None if claims is None else claims.subject,
    )


def _looked(path: str) -> tuple[TokenInfo, str | None]:
    try:
        return token_info.read(path), None
    except MissingError:
        return EMPTY, "it does not exist"
    except UnreadableError as problem:
        return EMPTY, str(problem)


def _place(auth: Auth, attempt: Attempt) -> str:
    """The place's name; of variables those that are set."""
    if not attempt.source.startswith("the variables") or attempt.outcome is Outcome.UNAVAILABLE:
        return attempt.source
    named = variables_set(auth._brand)  # noqa: SLF001 - own package
    return f"the variable{'s' if len(named) > 1 else ''} {', '.join(named)}"


def _why_not(auth: Auth, attempt: Attempt) -> str:
    resolved, brand = auth._resolved, auth._brand  # noqa: SLF001 - own package
    if attempt.source.startswith("the file"):
        if not reads_files(brand):
            return f"{brand.no_jwt_cache_variable} is true, so that no file is read"
        return _looked(resolved.path or "")[1] or attempt.reason
    if attempt.outcome is not Outcome.FAILED:
        return attempt.reason
    missing = "client_id" if not resolved.client_id else "client_secret or refresh_token"
    return f"there is no {missing}, and no token that is still valid"


def _storage(mode: Mode, path: str | None) -> str:
    match mode:
        case Mode.FILE | Mode.FILE_OF_GIVEN:
            return f"in {path}, for every process that uses it"
        case Mode.TOKEN_CACHE:
            return f"tokens in {path}, for every process with this login; its secret is not written"
        case Mode.GIVEN | Mode.NOTHING:
            return "in this process's memory"
