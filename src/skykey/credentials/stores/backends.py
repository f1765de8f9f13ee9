"""Which of the keyring package's backends are keyrings at all, and which of them keep what they say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from skykey.credentials.stores.items import Ring

# They keep nothing, whatever they are told.
_EMPTY: Final = ("keyring.backends.null", "keyring.backends.fail")
# Plain text, or a password that is asked for on the terminal.
_ALTERNATIVE: Final = "keyrings.alt"


@dataclass(frozen=True, slots=True)
class Refusal:
    """There is no keyring that may be used.

    Parameters
    ----------
    reason
        Why.
    """

    reason: str


def chosen(*, consent: bool) -> Ring | Refusal:
    """The backend that keeps passwords here. It may ask the desktop, and that may take any time.

    Parameters
    ----------
    consent
        Whether it may keep them in plain text.
    """
    import keyring
    from keyring.backends.chainer import ChainerBackend

    ring: Any = keyring.get_keyring()
    refusal = Refusal("there is none")
    for one in ring.backends if isinstance(ring, ChainerBackend) else [ring]:
        reason = _flaw(type(one), consent=consent)
        if reason is None:
            usable: Ring = one
            return usable
        refusal = Refusal(reason)
    return refusal


def _flaw(kind: type, *, consent: bool) -> str | None:
    """Why a backend may not be used; None if it may."""
    for ancestor in kind.__mro__:
        if ancestor.__module__.startswith(_EMPTY):
            return "there is none"
        alternative = ancestor.__module__.startswith(_ALTERNATIVE) or "plaintext" in ancestor.__name__.lower()
        if alternative and not consent:
            return f"{kind.__name__} keeps passwords without protection, and nobody has consented to that"
    return None
