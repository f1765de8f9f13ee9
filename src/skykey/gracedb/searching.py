"""Searches: pages of rows, read one after the other, each once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from skykey.calls.items import Passed, pass_on
from skykey.gracedb.checks import NotOffered, texts, whole
from skykey.gracedb.sending import with_query
from skykey.gracedb.settling import SettlingFlows
from skykey.values.errors import OutOfReach, Unreadable, UsageError
from skykey.values.url import Url

if TYPE_CHECKING:
    from collections.abc import Callable

    from skykey.calls.flow import Flow

Row = dict[str, Any]

# A page of so many rows is asked for where that is all that is wanted; beyond it the server's own size is better.
_LARGEST_PAGE: Final = 1000


class SearchingFlows(SettlingFlows):
    """Reads the pages of a search."""

    def _search(  # noqa: PLR0917 - as the methods that are made of it
        self,
        link: str,
        query: str | None,
        orderby: Any,
        count: int | None,
        columns: str | None,
        max_results: int | None,
        make: Callable[[Row], Row] = dict,
    ) -> Flow[Passed[Row]]:
        """Pass on what is found.

        Parameters
        ----------
        link
            Of the API root: ``events`` or ``superevents``, which is also where rows are in a page.
        query, orderby, count, columns, max_results
            As the methods take them.
        make
            Makes of a row what is passed on.
        """
        most = None if max_results is None else amount("max_results", max_results)
        size = None if count is None else amount("count", count)
        if size == 0:
            raise UsageError("a page has at least one row, not 0", next="give another count, or max_results=0")
        if most == 0:
            return Passed()
        if most is not None and most <= (size or _LARGEST_PAGE):
            size = most
        params = {
            "query": query or None,
            "count": size,
            "sort": ",".join(texts("orderby", orderby)) or None,
            "columns": columns,
        }
        url = with_query((yield from self._listing(link)), params)
        return (yield from self._pages(url, link, lambda page, read: following(page, read, url), most, make))

    def _listing(self, link: str) -> Flow[Url]:
        url = yield from self._link(link)
        if url is None:
            raise NotOffered(f"this server does not offer that: its API root has no link {link}")
        return url

    def _number(self, link: str, query: str | None) -> Flow[int]:
        """How many rows a search has; asks for one of them."""
        url = with_query((yield from self._listing(link)), {"query": query or None, "count": 1})
        page = (yield from self._send("GET", url, doing=f"counting {link}")).json()
        number = page.get("numRows") if isinstance(page, dict) else None
        if not isinstance(number, int):
            raise Unreadable(f"the server does not say how many {link} there are", url=url.without_query())
        return number

    def _pages(
        self,
        url: Url,
        key: str,
        further: Callable[[Row, int], Any],
        most: int | None = None,
        make: Callable[[Row], Row] = dict,
    ) -> Flow[Passed[Row]]:
        """Pass on the rows of all pages; no page is asked for that no row is wanted of.

        Parameters
        ----------
        url
            Of the first page.
        key
            Under which its rows are.
        further
            What a page says is the next one; it gets the number of rows that were read, too.
        most
            So many rows at most.
        make
            As in `_search`.

        Raises
        ------
        Unreadable
            If a page is none, or leads back to one that was read: rows would come twice, and without end.
        OutOfReach
            If the next page is at another server.
        """
        seen: set[str] = set()
        read, left = 0, most
        at: Url | None = url
        marks: set[str] = set()
        while at is not None:
            seen.add(at)
            page = (yield from self._send("GET", at, doing=f"reading {key}")).json()
            rows = _rows(page, key, at)
            mark = repr((len(rows), rows[:1], rows[-1:]))  # an empty page may come once, where a total lags
            if mark in marks:
                raise Unreadable(f"{at.without_query()} gives the same page twice: {at}", url=at.without_query())
            marks.add(mark)
            read += len(rows)
            wanted = rows if left is None else rows[:left]
            yield from pass_on([make(row) for row in wanted])
            if left is not None:
                left -= len(wanted)
                if left == 0:
                    break
            at = _further(at, further(page, read), seen)
        return Passed()


def amount(argument: str, given: Any) -> int:
    """A number of rows.

    Raises
    ------
    UsageError
        If it is none, or below zero.
    """
    number = whole(argument, given)
    if number < 0:
        raise UsageError(f"{argument}={number} is not a number of rows", next="give zero or more")
    return number


def _rows(page: Any, key: str, url: Url) -> list[Row]:
    rows = page.get(key) if isinstance(page, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Unreadable(f"{url.without_query()} answered with no page of {key}", url=url.without_query())
    return rows


def following(page: Row, read: int, first: Url) -> Any:
    """Where a page says that the next one is; None after the last.

    Parameters
    ----------
    page
        Of events or superevents.
    read
        How many rows there were, with those of this page.
    first
        The first page's URL.
    """
    links, total = page.get("links"), page.get("numRows")
    named = links.get("next") if isinstance(links, dict) else None
    if not named and isinstance(total, int) and read < total:
        # An end that comes too soon would pass off a part as the whole; a total that lags costs one empty page.
        return with_query(first, {"start": read}) if _rows_in(page) else None
    return named or None


def _rows_in(page: Row) -> bool:
    return any(page.get(key) for key in ("events", "superevents"))


def _further(url: Url, named: Any, seen: set[str]) -> Url | None:
    """The next page; None after the last."""
    if named is None or named == "":
        return None
    if not isinstance(named, str):
        raise Unreadable(f"{url.without_query()} names no next page, but {named!r}", url=url.without_query())
    found = Url(named)
    if found.origin != url.origin:
        raise OutOfReach(
            f"the next page of {url.without_query()} is said to be at {found.origin}, where nothing is asked"
        )
    if found in seen:
        raise Unreadable(f"the pages lead in a circle: {found} was read already", url=url.without_query())
    return found
