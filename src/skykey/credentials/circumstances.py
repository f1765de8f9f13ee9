"""What a failed renewal has to say beside the failure: when it last worked, and whose clock is wrong."""

from __future__ import annotations

from skykey.credentials.ticket import own_copy
from skykey.values.errors import SkykeyError

WRONG_CLOCK = 60.0
"""A clock that is off by more seconds than this is worth a word: issuers forgive about a minute (RFC 7519, 4.1.4)."""


def with_circumstances(error: BaseException, name: str, since: float | None, offset: float | None) -> BaseException:
    """Add to an error of ours what its reader needs to find the cause; others stay as they are.

    Parameters
    ----------
    error
        Why the renewal failed.
    name
        The provider.
    since
        Seconds since the last renewal that succeeded; None if none did.
    offset
        See `Trace.offset`.
    """
    # A renewal inside a renewal has said it already.
    if not isinstance(error, SkykeyError) or hasattr(error, "renewal"):
        return error
    told = own_copy(error)
    if not isinstance(told, SkykeyError):
        return error
    told.renewal = name  # type: ignore[attr-defined]  # marks it
    added = []
    if since is not None:
        added.append(f"the last renewal of {name} succeeded {int(since)} s ago")
    if offset is not None and abs(offset) > WRONG_CLOCK:
        added.append(clock_in_words(offset))
    told.message = "; ".join([error.message, *added])
    return told


def clock_in_words(offset: float) -> str:
    """Say how wrong this machine's clock is, by the issuer's."""
    way = "behind" if offset > 0 else "ahead of"
    return f"this machine's clock is {abs(offset):.0f} s {way} the issuer's"


def note_failure(error: BaseException) -> None:
    """Log a failed renewal that nobody has to hear of yet."""
    words = error.message if isinstance(error, SkykeyError) else type(error).__name__  # theirs may say anything
    _warn(f"{words}; what is held is still valid and stays in use")


def note_clock(offset: float) -> None:
    """Log that a clock is wrong."""
    _warn(f"{clock_in_words(offset)}; lives are counted by the issuer's clock")


def _warn(text: str) -> None:
    import logging  # only where something is logged: importing it costs time

    logging.getLogger("skykey.credentials").warning(text)
