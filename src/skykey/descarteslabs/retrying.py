"""What users say about repeats, a number or an object shaped like urllib3's ``Retry``, as a policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from skykey.values.errors import UsageError

if TYPE_CHECKING:
    from skykey.credentials.grants.retries import Retries

_MOST = 100


def retries_of(given: object) -> Retries:
    """Read what was given as ``retries``.

    Parameters
    ----------
    given
        None for the default (five repeats, waits of up to ten seconds); a number for so many repeats of lost
        connections only; or an object with any of urllib3's names: ``total``, ``status_forcelist``,
        ``backoff_factor``, ``backoff_max``, ``respect_retry_after_header``.

    Raises
    ------
    UsageError
        If it is none of these.
    """
    from skykey.credentials.grants.retries import Retries

    if isinstance(given, Retries):
        return given
    if given is None:
        return Retries(total=5, first=1.0, longest=10.0)
    if isinstance(given, int):
        return Retries(total=_count(given), statuses=frozenset(), asked=frozenset())
    if not hasattr(given, "total"):
        raise UsageError(f"retries is a number or an object like urllib3's Retry, not {type(given).__name__}")
    try:
        return _shaped(given)
    except (TypeError, ValueError) as problem:
        raise UsageError(f"retries is not shaped like urllib3's Retry ({problem})") from None


def _shaped(shaped: Any) -> Retries:
    from skykey.credentials.grants.retries import Retries

    statuses = getattr(shaped, "status_forcelist", None) or ()
    asked = getattr(shaped, "retry_after_status_codes", None) or getattr(shaped, "RETRY_AFTER_STATUS_CODES", None) or ()
    first = float(getattr(shaped, "backoff_factor", 0.0) or 0.0)
    return Retries(
        total=_count(shaped.total),
        statuses=frozenset(map(int, statuses)),
        first=first,
        longest=float(getattr(shaped, "backoff_max", None) or getattr(shaped, "DEFAULT_BACKOFF_MAX", None) or 120.0),
        asked=frozenset(map(int, asked)) if getattr(shaped, "respect_retry_after_header", True) else frozenset(),
    )


def _count(total: Any) -> int:
    """``None`` is urllib3's "no limit", ``False`` its "do not"."""
    return _MOST if total is None else max(0, min(int(total), _MOST))
