"""One event made once: what becomes of a POST whose answer was lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from skykey.calls.call import Repeat
from skykey.calls.flow import pause
from skykey.gracedb.annotations import shapes
from skykey.gracedb.exceptions import OutcomeUnknown
from skykey.gracedb.searching import SearchingFlows, following
from skykey.gracedb.sending import with_query
from skykey.gracedb.settling import CREATED, Unsettled, is_by, stand_in, told
from skykey.gracedb.uploads import content_id
from skykey.values.errors import NotFound, SkykeyError, TimedOut

if TYPE_CHECKING:
    from collections.abc import Mapping

    from skykey.calls.flow import Flow
    from skykey.gracedb.alike import One
    from skykey.gracedb.response import Response
    from skykey.gracedb.sending import FilePart
    from skykey.gracedb.settling import Begun

# After these the server may still be at it.
_GATEWAY_TIMED_OUT: Final = frozenset({408, 504})
# Pauses before each look, in seconds: a connection that was lost, a server that may still be at it.
_LOST: Final = (0.0, 1.0, 2.0)
_AT_IT: Final = (0.5, 1.0, 2.0, 3.0, 4.0)
_LATEST: Final = 50
# What stays as it was sent.
_SAME: Final = "group", "pipeline", "search"
_LOOKS: Final = (*_SAME, "content_id")


class MakingFlows(SearchingFlows):
    """Making an event."""

    def _create(self, fields: Mapping[str, Any], file: FilePart) -> Flow[Response]:
        """Post an event; after an ambiguous end look for it before anything else is done.

        Parameters
        ----------
        fields
            Of the form, with ``content_id``.
        file
            Its data.

        Raises
        ------
        OutcomeUnknown
            If it stays unknown whether it was made.
        """
        with self._one(*(fields.get(name) or None for name in _LOOKS)) as one:
            response = yield from self._posted(fields, file, one)
            one.answer = told(response, "graceid")
            return response

    def _posted(self, fields: Mapping[str, Any], file: FilePart, one: One) -> Flow[Response]:
        url = yield from self._listing("events")
        begun = self._begin()
        is_once = self._options.repeat_of("POST", Repeat.UNDONE) is Repeat.NEVER
        left = 0 if is_once else self._options.patience.repeats
        ident = fields["content_id"]
        while True:
            try:
                return (
                    yield from self._send(
                        "POST",
                        url,
                        fields=fields,
                        file=file,
                        doing=f"creating an event of {file.filename}",
                        check=f"skykey gracedb get event {ident}",
                        repeat=Repeat.UNDONE,
                    )
                )
            except OutcomeUnknown as problem:
                unknown = problem
            is_at_it = _is_at_it(unknown)
            try:
                found = yield from self._made(one, fields, begun, _AT_IT if is_at_it else _LOST)
            except SkykeyError as problem:
                unknown.add_note(f"The server was asked whether it has the event: {problem.message}")
                raise unknown from unknown.__cause__
            if found is not None:
                return found
            if is_at_it or left == 0:
                unknown.add_note("The server was asked whether it has the event: it has none yet")
                raise unknown
            if content_id(file.content) != ident:
                unknown.add_note("The server was asked whether it has the event: it has none; the file has changed")
                raise unknown
            left -= 1

    def _made(
        self, one: One, fields: Mapping[str, Any], begun: Begun, pauses: tuple[float, ...]
    ) -> Flow[Response | None]:
        """The event, if the server has it; None if it surely was not made so far.

        Parameters
        ----------
        one
            Among requests that look like it.
        fields
            That were sent.
        begun
            When that was first tried.
        pauses
            Before each look.

        Raises
        ------
        Unsettled
            If the server's answers leave it open.
        SkykeyError
            If it cannot be asked.
        """
        url = yield from self._url("event-detail-template", graceid=fields["content_id"])
        failed: SkykeyError | None = None
        has_older = False
        for seconds in pauses:
            yield from pause(seconds)
            failed = None
            try:
                answer = yield from self._send("GET", url)
            except NotFound:
                continue
            except SkykeyError as problem:
                failed = problem
                continue
            event = shapes.entry(answer.json())
            if not one.is_alone:
                raise Unsettled("this client was creating another event of the same content")
            is_free = event.get("graceid") not in one.taken
            if is_free and is_alike(event, fields) and self._is_new(answer, event, begun):
                yield from self._refuse_others(event, fields)
                return stand_in(answer, CREATED, {"warnings": [], **event})
            has_older = True
        if failed is not None:
            raise failed
        if (yield from self._root()).get("api-default") is None:
            raise Unsettled("it is too old to be asked for the content of an event")
        if has_older and (yield from self._has_candidates(one, fields, begun)):
            raise Unsettled("it has an older event of the same content, and newer ones that may be this one")
        return None

    def _refuse_others(self, event: Mapping[str, Any], fields: Mapping[str, Any]) -> Flow[None]:
        """See that an event is not somebody else's, and has what was asked for.

        Raises
        ------
        Unsettled
            If it is, or has not: it may be this one all the same, so that nothing is sent again.
        """
        graceid, submitter = event.get("graceid"), event.get("submitter")
        if submitter is not None and not is_by((yield from self._user()), submitter):
            raise Unsettled(f"it has {graceid}, with the same content, which {submitter} has submitted")
        there = event.get("labels")
        missing = [name for name in fields.get("labels") or () if isinstance(there, list) and name not in there]
        if missing:
            raise Unsettled(f"it has {graceid}, with the same content, and without the labels {', '.join(missing)}")

    def _has_candidates(self, one: One, fields: Mapping[str, Any], begun: Begun) -> Flow[bool]:
        """Whether there are events since then that may be the one: content tells of one event only."""
        listing = with_query((yield from self._listing("events")), {"count": _LATEST, "sort": "-created"})
        answer = yield from self._send("GET", listing)
        page = shapes.entry(answer.json())
        rows = shapes.entries(page, "events")
        new = [row for row in rows if self._is_new(answer, row, begun)]
        free = [row for row in new if row.get("graceid") not in one.taken]
        is_cut = len(new) == len(rows) and following(page, len(rows), listing) is not None
        return is_cut or any(is_alike(row, fields) for row in free)

    def _is_new(self, answer: Response, event: Mapping[str, Any], begun: Begun) -> bool:
        """Whether an event was made since then.

        Raises
        ------
        Unsettled
            If the server does not say.
        """
        since, created = self._since(answer, begun), shapes.moment(event.get("created"))
        if since is None or created is None:
            raise Unsettled("it does not say when that event was made, or what time it is")
        return created >= since


def _is_at_it(unknown: OutcomeUnknown) -> bool:
    """Whether the server may still make the event, or has even said that it did."""
    timed_out = isinstance(unknown, TimedOut) or getattr(unknown, "status_code", None) in _GATEWAY_TIMED_OUT
    return timed_out or unknown.was_accepted


def is_alike(event: Mapping[str, Any], fields: Mapping[str, Any]) -> bool:
    """Whether an event is of the kind that was asked for.

    Parameters
    ----------
    event
        As the server tells it.
    fields
        That were sent: ``group``, ``pipeline``, ``search``, ``offline``.
    """
    is_same = all((event.get(name) or None) == (fields.get(name) or None) for name in _SAME)
    offline = event.get("offline")
    return is_same and (offline is None or offline == fields.get("offline"))
