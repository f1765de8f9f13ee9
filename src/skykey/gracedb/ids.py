"""Which ids are those of events, and which of superevents."""

from __future__ import annotations

import re
from typing import Final

# C: of catalogs. In any case, for people type them.
_EVENT: Final = re.compile(r"[GEHMTC]\d+", re.IGNORECASE | re.ASCII)
_CONTENT_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)


def is_event(object_id: str) -> bool:
    """Whether an id is an event's: its graceid, in any case of its letter, or the id of its content.

    Parameters
    ----------
    object_id
        As it is shown to users.

    Examples
    --------
    >>> [is_event(name) for name in ("G1234", "c12", "S190425z", "MS190101a", "GW150914")]
    [True, True, False, False, False]
    """
    text = str(object_id)
    return bool(_EVENT.match(text) or _CONTENT_ID.fullmatch(text))
