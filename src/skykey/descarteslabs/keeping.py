"""From the decision which login is meant to the keeper of its tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from skykey.credentials.held import Held
from skykey.credentials.keeper import Keeper
from skykey.credentials.provider import Keeping
from skykey.descarteslabs.login import Login, without_renewal
from skykey.descarteslabs.resolution import Mode
from skykey.descarteslabs.retrying import retries_of
from skykey.descarteslabs.stores import TokenInfoFile, bearer_of
from skykey.values.life import Windows

if TYPE_CHECKING:
    from collections.abc import Callable

    from skykey.credentials.credential import Bearer
    from skykey.descarteslabs.brand import Brand
    from skykey.descarteslabs.resolution import Resolved
    from skykey.values.clock import Clock
    from skykey.values.reach import Reach

_LATE: Final = 30.0
_PAUSE: Final = 30.0
_IN_FILES: Final = (Mode.FILE, Mode.FILE_OF_GIVEN)


def kept(
    resolved: Resolved,
    *,
    brand: Brand,
    domain: str,
    reach: Reach,
    leeway: float,
    retries: object,
    clock: Clock,
    failed: Callable[[str], None],
) -> Keeper[Bearer]:
    """Make the keeper.

    Parameters
    ----------
    resolved
        The decision.
    brand, domain, reach
        Whose login, the token service's root, and where tokens go by themselves.
    leeway, retries
        See `Auth`.
    clock
        For tests.
    failed
        Is told why a token could not be saved.
    """
    mode, renewal = resolved.mode, resolved.renewal
    is_shared = bool(renewal and resolved.path) and mode in {*_IN_FILES, Mode.TOKEN_CACHE}
    login = Login(
        brand,
        domain,
        resolved.client_id,
        renewal,
        resolved.scope,
        reach,
        Keeping.STORED if is_shared else Keeping.IN_PROCESS,
        lasts=mode in _IN_FILES,
        retries=retries_of(retries),
    )
    begin = Held(bearer_of(resolved.token, resolved.client_id, reach), login.name, renewal, 1)
    store = _store(resolved, reach, begin, failed) if is_shared else None
    if store is not None and mode is Mode.TOKEN_CACHE and resolved.is_new:
        store.write("", begin)  # a token that came with a login is for its other processes too
    early = max(0.0, leeway) if resolved.client_id and renewal else 0.0
    return Keeper(
        # A login that lies in a file is over when it does not lie there any more.
        without_renewal(login) if store is not None and mode is Mode.FILE else login,
        store=store,
        windows=Windows(early, min(_LATE, early), _PAUSE),
        clock=clock,
        held=begin if resolved.token is not None or mode is Mode.FILE else None,
        prompt=True,
    )


def _store(resolved: Resolved, reach: Reach, begin: Held[Bearer], failed: Callable[[str], None]) -> TokenInfoFile:
    return TokenInfoFile(
        resolved.path or "",
        reach=reach,
        source=begin.source,
        read=resolved.read,
        is_ours=resolved.is_ours,
        client_id=resolved.client_id,
        renewal=resolved.renewal,
        is_given=resolved.mode is not Mode.FILE,
        token_only=resolved.mode is Mode.TOKEN_CACHE,
        shares=resolved.shares,
        reads=resolved.reads,
        latest=begin,
        failed=failed,
    )
