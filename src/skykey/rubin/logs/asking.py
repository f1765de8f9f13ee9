"""One log's service: its questions and answers, its refusals in words that help."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlencode

from skykey.calls.call import Call, Repeat
from skykey.calls.flow import Flow, ask, need
from skykey.calls.json_reader import JsonReader
from skykey.calls.refusals import shortened
from skykey.repertoire.advice import Advice
from skykey.repertoire.token_shape import has_shape
from skykey.rubin.logs import parameters
from skykey.rubin.logs.paging import Row, all_pages
from skykey.rubin.logs.services import MOST_ROWS
from skykey.rubin.service import SiteService
from skykey.values.errors import ServiceError, Unreadable
from skykey.values.url import Url
from skykey.wire.request import Request, Timeouts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from skykey.rubin.logs.services import Log
    from skykey.wire.request import Head

T = TypeVar("T")

# The release's number, there for a whole question; here it is for each page.
_SECONDS: Final = 120.0
_CONNECT: Final = 30.0
_MOST_BYTES: Final = 128 * 2**20


@dataclass(frozen=True, slots=True)
class Found:
    """Rows of a log.

    Parameters
    ----------
    rows
        As the service sent them.
    limit
        How many were asked for.
    truncated
        Whether there are more.
    query
        What was asked, as a URL.
    """

    rows: list[Row]
    limit: int
    truncated: bool
    query: str


class LogFlows(SiteService):
    """Questions to one log."""

    _log: Log

    @property
    def url(self) -> str:
        """Where its rows are asked."""
        return self._url

    def close(self) -> None:
        """Do nothing, as there is nothing to close: connections belong to the process. A documented name."""

    async def close_async(self) -> None:
        """As `close`."""

    # -- how

    def _found(
        self, given: Mapping[str, Any], *, keep: Callable[[Row], bool] | None = None, log: Log | None = None
    ) -> Flow[Found]:
        """All rows, page by page; what cannot be asked is refused before the first of them."""
        log = log or self._log
        url = self._url if log is self._log else self._sibling(log)
        values = parameters.checked(log.parameters, given, of=log.path)
        offset, limit = values.pop("offset", 0), values.pop("limit", MOST_ROWS)
        order = values.pop("order_by", [])
        if not {"id", "-id"} & set(order):
            order = [*order, "id"]  # or rows that are equal otherwise would stand in any order
        asked = parameters.query({**values, "order_by": order})

        def page(at: int, count: int) -> Flow[list[Row]]:
            full = urlencode([*asked, ("offset", str(at)), ("limit", str(count))])
            return self._asked("GET", Url(f"{url}?{full}"), _rows)

        rows, truncated = yield from all_pages(page, offset=offset, limit=limit, least=log.least, keep=keep)
        return Found(rows, limit, truncated, f"{url}?{urlencode(asked)}")

    def _sibling(self, log: Log) -> Url:
        """Another table of the same service."""
        return Url(f"{self._url}".removesuffix(self._log.path) + log.path)

    def _asked(
        self,
        method: str,
        url: Url,
        make: Callable[[Any], T],
        *,
        body: Any = None,
        repeat: Repeat = Repeat.SAFE,
    ) -> Flow[T]:
        held = yield from need(self._keeper)
        advice = Advice(self._url, is_odd=not has_shape(held.credential.token))
        headers: tuple[tuple[str, str], ...] = (("Accept", "application/json"),)
        sent = b""
        if body is not None:
            headers += (("Content-Type", "application/json"),)
            sent = json.dumps(body).encode()
        timeouts = Timeouts(connect=_CONNECT, silence=_SECONDS)
        request = Request(method, url, headers, sent, cap=_MOST_BYTES, timeouts=timeouts)
        call = Call(request, lambda: LogReader(make), (self._keeper,), repeat, total=_SECONDS, remedy=advice.remedy())
        try:
            return (yield from ask(call))
        except ServiceError as problem:
            advice.give(problem)
            raise


class LogReader(JsonReader[T]):
    """Answers of FastAPI: an empty one may be right, and a refusal names each field that it is about."""

    def finish(self) -> T:
        """Give what was made of the document, or of None where the service says that there is none."""
        if self._head is not None and self._head.status == 204:  # noqa: PLR2004 - No Content
            return self._make(None)
        return super().finish()

    def words(self, head: Head, body: bytes, /) -> str:
        """As `JsonReader.words`; of a list of faults each with its place: ``limit: ensure this value is …``."""
        try:
            detail = json.loads(body)["detail"]
            said = [f"{_place(fault['loc'])}{fault['msg']}" for fault in detail]
        except (ValueError, RecursionError, TypeError, KeyError):
            return super().words(head, body)
        return shortened("; ".join(dict.fromkeys(said))) if said else super().words(head, body)


def _place(loc: list[Any]) -> str:
    # The first part says only whether it was in the query or in the body.
    inner = ".".join(str(part) for part in loc[1:])
    return f"{inner}: " if inner else ""


def _rows(document: Any) -> list[Row]:
    if not isinstance(document, list) or not all(map(_is_row, document)):
        raise Unreadable("the log's answer is not the list of rows that was promised")
    return document


def one_row(document: Any) -> Row:
    """A row that the service gives alone.

    Raises
    ------
    Unreadable
        If it is something else.
    """
    if not _is_row(document):
        raise Unreadable("the log's answer is not the row that was promised")
    row: Row = document
    return row


def _is_row(document: Any) -> bool:
    """Whether it is one that can be told from the others: rows without an id of their own would pass for one."""
    return isinstance(document, dict) and type(document.get("id")) in {str, int}
