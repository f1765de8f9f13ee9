"""All pages of an answer, without gap or double, while the log goes on being written.

Each page but the first begins with the last row of the one before it. Where it does so, nothing has moved. Where that
row comes later, rows were added before it, and what follows it goes on without gap. Where it does not come at all, rows
were taken away, or the service does not page: the question is asked from its beginning again.

A page that is shorter than was asked for is not the last one yet: the service may give no more at once. The last is the
one that has nothing but the row that is known.
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

LEAST_PAGE: Final = 50
"""So many rows the services give to those who name no limit: what they give at most can be no less."""

_MOST_READINGS: Final = 3
_MOST_REPEATS: Final = 2
_MISFIT: Final = "does not go on where the page before it ended"
_REPEATED: Final = "nothing that did not come before"

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
        If the pages did not fit to each other three times over, or one came again in place of the next twice.
    """
    repeated = 0
    for _ in range(_MOST_READINGS):
        found = yield from _once(ask, offset, limit, least, keep, page)
        if isinstance(found, tuple):
            return found
        repeated += found is _REPEATED
        if repeated == _MOST_REPEATS:
            raise Unreadable(
                f"the service gave the same page again in place of the next, {_MOST_REPEATS} times over",
                next="ask for less at once",
            )
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
) -> Flow[tuple[list[Row], bool] | str]:
    """One reading: what all pages give, or what was wrong with them."""
    rows: list[Row] = []
    seen: set[Any] = set()
    last: Any = None
    at, is_first, is_stuck = offset, True, False
    while True:
        # One more than is wanted tells whether there are more.
        wanted = page if keep else limit - len(rows) + 1 + (not is_first)
        asked = max(least, min(page, wanted))
        answer = yield from ask(at, asked)
        is_over = len(answer) < min(asked, LEAST_PAGE) if is_first else len(answer) == 1
        if len(answer) > 1 and all(row["id"] in seen for row in answer):
            return _REPEATED
        fresh = answer if is_first else _behind(last, answer)
        is_stuck, was_stuck = not (fresh or is_over), is_stuck
        if fresh is None or (is_stuck and was_stuck):
            return _MISFIT
        once = {row["id"]: row for row in fresh if row["id"] not in seen}
        rows += [row for row in once.values() if keep is None or keep(row)]
        seen.update(row["id"] for row in answer)
        advance(rows=len(fresh))
        if len(rows) > limit:
            return rows[:limit], True
        if is_over:
            return rows, False
        at, last, is_first = at + len(answer) - 1, answer[-1]["id"], False


def _behind(last: Any, rows: list[Row]) -> list[Row] | None:
    for at, row in enumerate(rows):
        if row["id"] == last:
            return rows[at + 1 :]
    return None
