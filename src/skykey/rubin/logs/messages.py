"""Single messages, which two of the logs have: read, changed, taken away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from skykey.calls.faces import method
from skykey.rubin.logs.writing import WritingFlows

if TYPE_CHECKING:
    from uuid import UUID

    from skykey.calls.flow import Flow
    from skykey.rubin.logs.paging import Row


class MessageFlows(WritingFlows):
    """A log of messages; ``add_message`` is each one's own, because they are about different things.

    Parameters
    ----------
    api_base
        The site's root.
    auth
        ``("user", token)``.
    """

    @method
    def get_message(self, message_id: str | UUID) -> Flow[Row]:
        """One message, valid or not.

        Raises
        ------
        NotFound
            If there is none.
        """
        return (yield from self._one(message_id))

    @method
    def edit_message(self, /, message_id: str | UUID, **fields: Any) -> Flow[Row]:
        """Put another message in place of one: the old one stays there, no longer valid.

        Parameters
        ----------
        message_id
            Of the old one.
        fields
            What is to be different, as in ``add_message``; the exposure that it is about cannot be.

        Returns
        -------
        dict
            The new message; ``parent_id`` is the old one's.

        Raises
        ------
        NotFound
            If there is no such message.
        UsageError, QueryError, Interrupted, TimedOut
            As ``add_message``; also for None, because the service can replace a value and not take one away.
        """
        return (yield from self._edit(message_id, fields))

    @method
    def delete_message(self, message_id: str | UUID) -> Flow[None]:
        """Mark a message as not valid; it stays in the log.

        Raises
        ------
        NotFound, Interrupted, TimedOut
            As `edit_message`.
        """
        yield from self._delete(message_id)
