"""Adding, changing and taking away rows: sent once, and never as if it had been done when nobody knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from skykey.calls.call import Repeat
from skykey.rubin.logs import parameters
from skykey.rubin.logs.asking import LogFlows, one_row
from skykey.rubin.service import SiteService, keeper_for, paired, token_of
from skykey.values.errors import Interrupted, ServiceError, SkykeyError, TimedOut, Unreadable, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from skykey.calls.flow import Flow
    from skykey.rubin.logs.paging import Row
    from skykey.values.url import Url

T = TypeVar("T")

LEVEL: Final = 20
"""Of a message that names none: information, as in `logging`."""

AGENT: Final = "skykey"
_BROKEN: Final = 500


class WritingFlows(LogFlows):
    """A log that can be written.

    Parameters
    ----------
    api_base
        The site's root.
    auth
        ``("user", token)``.
    """

    def __init__(self, api_base: str, auth: tuple[str, str]) -> None:
        token = token_of(auth)
        del auth  # tracebacks show local variables
        # By name: the blocking classes have another base beside this one, whose constructor takes a URL.
        SiteService.__init__(self, api_base, keeper_for(api_base, paired(token)))

    def _one(self, which: str | UUID) -> Flow[Row]:
        return (yield from self._asked("GET", self._row(which), one_row))

    def _add(self, fields: Mapping[str, Any]) -> Flow[Row]:
        noun = self._log.noun
        kinds = {name: kind for name, kind in self._log.written.items() if name not in self._log.moved}
        body = parameters.checked(kinds, fields, of=f"a new {noun}")
        by = f"user_ids=[{body.get('user_id')!r}], order_by='-date_added', limit=2"
        return (yield from self._sent("POST", self._url, f"the {noun} was added", f"query({by})", body=body))

    def _edit(self, which: str | UUID, fields: Mapping[str, Any]) -> Flow[Row]:
        noun = self._log.noun
        if not fields:
            raise UsageError("nothing is to be changed", next=f"name what the {noun} is to say")
        if empty := sorted(name for name, value in fields.items() if value is None):
            # The service takes null for "not said", and would leave everything as it is.
            raise UsageError(f"the service cannot take {', '.join(empty)} away from a {noun}, only replace it")
        if fixed := sorted(set(fields) & set(self._log.fixed)):
            raise UsageError(f"{', '.join(fixed)} cannot be changed", next=f"delete the {noun} and add another")
        body = parameters.checked(self._log.written, fields, of=f"an edit of a {noun}")
        where = self._row(which)
        look = f"get_{noun}({str(which)!r})['is_valid'] is False then"
        return (yield from self._sent("PATCH", where, f"the {noun} was changed", look, body=body))

    def _delete(self, which: str | UUID) -> Flow[None]:
        noun, where = self._log.noun, self._row(which)
        look = f"get_{noun}({str(which)!r})['is_valid'] is False then"
        yield from self._sent("DELETE", where, f"the {noun} was deleted", look)

    def _sent(self, method: str, url: Url, done: str, look: str, *, body: Any = None) -> Flow[Row]:
        make = _nothing if method == "DELETE" else one_row
        try:
            return (yield from self._asked(method, url, make, body=body, repeat=Repeat.NEVER))
        except (Interrupted, TimedOut, ServiceError) as problem:
            if _is_open(problem):
                problem.message += f"; nobody knows whether {done}"
                problem.next = f"look before you do it again: {look}"
            raise

    def _row(self, which: str | UUID) -> Url:
        from uuid import UUID

        try:
            return self._url / str(UUID(str(which)))
        except ValueError:
            raise UsageError(f"{which!r} is not the id of a {self._log.noun}") from None


def _nothing(document: Any) -> Row:
    """What there is to say of a row that was deleted: the service answers with 204, and no document.

    Raises
    ------
    Unreadable
        If it says something all the same: then it was not the service that answered, or it did something else.
    """
    if document is not None:
        raise Unreadable("the log's answer to a deletion is not the empty one that was promised")
    return {}


def _is_open(problem: SkykeyError) -> bool:
    """Whether what was sent may have been done all the same."""
    if not isinstance(problem, ServiceError):
        return True
    # A page has a status: it comes from whoever stands before the service, and wants a login.
    return problem.status is None if isinstance(problem, Unreadable) else (problem.status or 0) >= _BROKEN
