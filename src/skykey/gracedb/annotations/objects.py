"""Events and superevents have much in common, and no URL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skykey.gracedb.ids import is_event
from skykey.gracedb.settling import SettlingFlows

if TYPE_CHECKING:
    from skykey.calls.flow import Flow
    from skykey.values.url import Url


class ObjectFlows(SettlingFlows):
    """Finds the URL of what an event or a superevent has."""

    def _object_url(self, object_id: str, event: str, superevent: str, /, **values: object) -> Flow[Url]:
        """Fill in the template of the kind of object that an id names.

        Parameters
        ----------
        object_id
            Of an event or a superevent.
        event, superevent
            Keys of the two templates in the API root.
        values
            What further placeholders stand for.
        """
        key = event if is_event(object_id) else superevent
        return (yield from self._url(key, graceid=object_id, superevent_id=object_id, **values))
