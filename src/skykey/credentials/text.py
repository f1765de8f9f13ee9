"""What all text that holds a token has in common: blanks around it, and ways to be unusable."""

from __future__ import annotations

import re
from typing import Final

from skykey.values.secret import Secret

# What editors and shells put around a token: blanks, line ends, a byte order mark.
_AROUND: Final = " \t\r\n\f\v\ufeff\u00a0"
_UNUSABLE = re.compile(r"[^\x21-\x7e]")
# What people save in a token's place. It is told from nothing but its beginning.
_INSTEAD: Final = (
    (re.compile(r"<"), "it looks like a web page"),
    (re.compile(r"[{\[]"), "it looks like JSON"),
    (re.compile(r"authorization\s*:|(?:bearer|basic):?\s", re.IGNORECASE), "it begins with a header's words"),
)


def parsed(given: Secret) -> tuple[Secret, str | None]:
    """Take away what surrounds a token, and say why the rest cannot be one (None if it can).

    Secrets in, secrets out: tracebacks show local variables, so no frame that raises may hold the plain text.
    """
    token = trimmed(given.reveal())
    return Secret(token), flaw(token) if token else "it is empty"


def trimmed(text: str) -> str:
    """Take away what surrounds a token."""
    return text.strip(_AROUND)


def flaw(token: str) -> str | None:
    """Why a trimmed, non-empty text cannot be a token, without showing it; None if it can.

    A token ends up in a header: one line of visible ASCII (RFC 6750, 2.1 allows still fewer characters).
    """
    if not _UNUSABLE.search(token):
        return None
    found = next((words for pattern, words in _INSTEAD if pattern.match(token)), None)
    if found is not None:
        return found
    if "\n" in token or "\r" in token:
        return f"it has {len(token.splitlines())} lines"
    return "it holds blanks or characters that no token has"
