"""Operational notes about stores: each is said once in a process."""

from __future__ import annotations

_said: dict[tuple[str, ...], object] = {}


def warn_once(about: tuple[str, ...], message: str, *arguments: object) -> None:
    """Log a warning, unless something about the same was logged before.

    Parameters
    ----------
    about
        What makes it the same.
    message, arguments
        As for `logging.Logger.warning`; never a secret, and no other library's words.
    """
    mine = object()
    if _said.setdefault(about, mine) is not mine:  # one step, so that two threads do not both say it
        return
    import logging

    logging.getLogger("skykey.credentials.stores").warning(message, *arguments)
