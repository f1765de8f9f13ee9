"""All pages of an answer, without gap or double, while the log goes on being written.

Each page but the first begins with the last row of the one before it. Where it does so, nothing has moved. Where that
row comes later, rows were added before it, and what follows it goes on without gap. Where it does not come at all, rows
were taken away, or the service does not page: the question is asked from its beginning again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from skykey.values.errors import Unreadable
from skykey.values.progress import advance

if TYPE_CHECKING:
    from collections.abc import Callable

    from skykey.calls.flow import Flow

PAGE: Final = 2000
"""Rows of one page: some megabytes."""

_MOST_READINGS: Final = 3

Row = dict[str, Any]


def all_pages(
    ask: Callable[[int, int], Flow[list[Row]]],
    *,
    offset: int,
    limit: int,
    least: int = 2,
    keep: Callable[[Row], bool] | None = None,
    page: int = PAGE,
) -> Flow[tuple[list[Row], bool]]:
    """Read rows in the service's order, which must not depend on chance: ``id`` is the last thing to sort by.

    Parameters
    ----------
    ask
        For the page from an offset on, with a limit.
    offset
        Where to begin.
    limit
        How many rows are wanted.
    least
        The smallest limit that the service takes.
    keep
        Which rows count; None for all.
    page
        How many rows a page has.

    Returns
    -------
    tuple
        The rows, and whether there are more than `limit`.

    Raises
    ------
    Unreadable
        If the pages did not fit to each other three times over.
    """
    for _ in range(_MOST_READINGS):
        found = yield from _once(ask, offset, limit, least, keep, page)
        if found is not None:
            return found
    raise Unreadable(
        f"the pages of the answer did not fit to each other, {_MOST_READINGS} times over: "
        "rows were taken away meanwhile, or the service does not page",
        next="ask again, or for less at once",
    )


def _once(  # noqa: PLR0917 - as above, by one caller
    ask: Callable[[int, int], Flow[list[Row]]],
    offset: int,
    limit: int,
    least: int,
    keep: Callable[[Row], bool] | None,
    page: int,
) -> Flow[tuple[list[Row], bool] | None]:
    rows: list[Row] = []
    seen: set[Any] = set()
    last: Any = None
    at, is_first = offset, True
    while True:
        # One more than is wanted tells whether there are more.
        wanted = page if keep else limit - len(rows) + 1 + (not is_first)
        asked = max(least, min(page, wanted))
        answer = yield from ask(at, asked)
        fresh = answer if is_first else _behind(last, answer)
        if fresh is None or (not fresh and len(answer) >= asked):
            return None
        for row in fresh:
            if row["id"] not in seen and (keep is None or keep(row)):
                rows.append(row)
            seen.add(row["id"])
        advance(rows=len(fresh))
        if len(rows) > limit:
            return rows[:limit], True
        if len(answer) < asked:
            return rows, False
        at, last, is_first = at + len(answer) - 1, answer[-1]["id"], False


def _behind(last: Any, rows: list[Row]) -> list[Row] | None:
    for at, row in enumerate(rows):
        if row["id"] == last:
            return rows[at + 1 :]
    return None
