"""What the constructor of the client takes, checked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from skykey.calls.call import Patience, Repeat
from skykey.gracedb.exceptions import WrongType
from skykey.values.errors import BadUrl, UsageError
from skykey.values.url import Url, segment
from skykey.wire.request import Timeouts

if TYPE_CHECKING:
    from collections.abc import Collection

    Timeout = float | tuple[float | None, float | None] | None

DEFAULT_SERVICE_URL: Final = "https://gracedb.ligo.org/api/"
DEFAULT_RETRY_CODES: Final = [502, 503, 504, 408, 409]
DEFAULT_RETRIES: Final = 5
DEFAULT_BACKOFF_FACTOR: Final = 0.1
DEFAULT_ALLOWED_METHODS: Final = None
DEFAULT_RELOAD_BUFFER: Final = 300
MAX_RETRY_AFTER_SECONDS: Final = 30

CONNECT: Final = 10.0
SILENCE: Final = 60.0

READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""Verbs that change nothing (RFC 9110, 9.2.1)."""

_TOO_MANY: Final = 429
_NO_VERSION: Final = frozenset({None, "", "default"})


@dataclass(frozen=True)
class Options:
    """What was chosen at construction, as far as it is no credential.

    Parameters
    ----------
    service_url
        The unversioned API root, with a slash at its end.
    patience
        How often, and after how long, to send again.
    api_version
        None for the server's own choice.
    allowed_methods
        Which verbs may be sent again; None if nothing was said about it.
    timeouts
        See there.
    remembers
        Whether the API root is remembered beyond this client.
    is_anonymous
        Whether no credential may go along.
    """

    service_url: Url
    patience: Patience
    api_version: str | None = None
    allowed_methods: frozenset[str] | None = None
    timeouts: Timeouts = Timeouts(CONNECT, SILENCE)
    remembers: bool = True
    is_anonymous: bool = False

    @property
    def versioned_url(self) -> Url:
        """The API root that is asked."""
        if self.api_version is None:
            return self.service_url
        return Url(f"{self.service_url}{segment(self.api_version)}/")

    def repeat_of(self, method: str, wanted: Repeat | None) -> Repeat:
        """What of a request may be sent twice.

        Parameters
        ----------
        method
            Its verb.
        wanted
            What its maker knows about it; None for what goes without saying.
        """
        verb = method.upper()
        if self.allowed_methods is not None:
            if verb not in self.allowed_methods:
                return Repeat.NEVER
            # The user's own word: whoever names POST there wants it to be sent again, whatever that does twice. Where
            # its maker knows how to do it once, that is what was meant.
            return wanted if wanted in {Repeat.COSTLY, Repeat.UNDONE} else Repeat.SAFE
        if wanted is None:
            return Repeat.SAFE if verb in READS else Repeat.UNDONE
        return wanted


def checked(
    service_url: object = DEFAULT_SERVICE_URL,
    *,
    api_version: object = None,
    retries: object = DEFAULT_RETRIES,
    retry_codes: object = None,
    allowed_methods: object = None,
    backoff_factor: object = DEFAULT_BACKOFF_FACTOR,
    timeout: Timeout = None,
    remember_root: bool = True,
    force_noauth: bool = False,
) -> Options:
    """Check options (see `GraceDBClient`).

    Raises
    ------
    UsageError
        A ``ValueError``, and a ``TypeError`` too where it is one.
    """
    if api_version is not None and not isinstance(api_version, str):
        raise WrongType("api_version should be a string")
    return Options(
        _service_url(service_url),
        Patience(
            _count(retries),
            _seconds(backoff_factor, "backoff_factor", least=0.0),
            MAX_RETRY_AFTER_SECONDS,
            shortens=True,
            statuses=_codes(retry_codes),
        ),
        None if api_version in _NO_VERSION else api_version,
        _verbs(allowed_methods),
        timeouts_of(timeout, Timeouts(CONNECT, SILENCE)),
        bool(remember_root),
        bool(force_noauth),
    )


def timeouts_of(timeout: object, usual: Timeouts) -> Timeouts:
    """Read a time limit as ``requests`` takes it.

    Parameters
    ----------
    timeout
        Seconds for a connection and for each piece of the answer, or a pair of both; None for the usual ones.
    usual
        For what is left open.

    Raises
    ------
    UsageError
        If it is none.
    """
    match timeout:
        case None:
            return usual
        case (connect, silence):
            return Timeouts(
                usual.connect if connect is None else _seconds(connect, "timeout"),
                usual.silence if silence is None else _seconds(silence, "timeout"),
            )
        case _:
            seconds = _seconds(timeout, "timeout")
            return Timeouts(seconds, seconds)


def _service_url(given: object) -> Url:
    if not isinstance(given, str):
        raise WrongType(f"service_url is text, not {type(given).__name__}")
    if "?" in given or "#" in given:
        raise BadUrl("a service URL has no query and no fragment", shown=given, next=f"use {DEFAULT_SERVICE_URL}")
    url = Url(given)
    return url if url.endswith("/") else Url(f"{url}/")


def _count(given: object) -> int:
    if not isinstance(given, int) or given < 0:
        raise UsageError("Invalid value of retries", next="give a whole number, 0 or greater")
    return int(given)


def _codes(given: object) -> frozenset[int]:
    if given is None:
        given = DEFAULT_RETRY_CODES
    if not isinstance(given, list | tuple | set | frozenset):
        raise UsageError("retry_codes must be a list")
    codes: Collection[Any] = given
    if not all(isinstance(code, int) for code in codes):
        raise UsageError("retry_codes must be a list of HTTP statuses, such as [502, 504]")
    # What asks to come back later is heard, whatever else counts.
    return frozenset(int(code) for code in codes) | {_TOO_MANY}


def _verbs(given: object) -> frozenset[str] | None:
    if given is None:
        return None
    if not isinstance(given, list | tuple | set | frozenset) or not all(isinstance(verb, str) for verb in given):
        raise UsageError("allowed_methods is a list of verbs, such as ['GET', 'PUT'], or None")
    return frozenset(verb.upper() for verb in given)


def _seconds(given: object, what: str, *, least: float = math.ulp(0.0)) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or not given >= least:
        raise UsageError(f"{what} is a number of seconds, not {given!r}")
    return float(given)
