"""Clients that ``isinstance`` takes for sessions of ``requests``, as the release's are.

They are none: nothing of ``requests`` runs in them, and it is not imported for this. Only where a program has imported
it does ``client.__class__`` name a class that is a session too, which is what ``isinstance`` asks (mocks do the same).
A real subclass would answer with methods of ``requests`` wherever ours has none, past all that ours promises.
"""

from __future__ import annotations

import sys
from typing import Any, Final

_made: Final[dict[tuple[type[Any], type[Any]], type[Any]]] = {}


class SessionToo:
    """Mixed into a client's class, in front."""

    @property  # type: ignore[misc]  # what isinstance asks
    def __class__(self) -> type[Any]:  # pyright: ignore[reportIncompatibleMethodOverride] - nobody sets it
        """Its class; one that is also a session of ``requests``, where that is loaded."""
        own = type(self)
        session: object = getattr(sys.modules.get("requests"), "Session", None)
        if not isinstance(session, type):
            return own
        made = _made.get((own, session))
        if made is None:
            names = {"__module__": own.__module__, "__qualname__": own.__qualname__, "__doc__": own.__doc__}
            made = _made[own, session] = type(own.__name__, (own, session), names)
        return made
