"""The visits that are of no use: the list that the observatory keeps, and tables without them."""

from __future__ import annotations

import csv
import io
import itertools
import operator
import re
from typing import TYPE_CHECKING, Final

from skykey.calls.call import Call, Repeat
from skykey.calls.faces import Sync, method
from skykey.calls.flow import Flow, ask
from skykey.calls.response import Responses
from skykey.rubin import reference_values
from skykey.values.errors import Unreadable, UsageError
from skykey.values.url import Url
from skykey.wire.request import Request

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

_ECSV: Final = re.compile(r"# %ECSV \d")
_DELIMITER: Final = re.compile(r"^#\s*delimiter:\s*['\"]?([ ,])['\"]?\s*$", re.MULTILINE)
_EXPOSURE: Final = re.compile(r"\d{1,18}", re.ASCII)
_MOST_BYTES: Final = 8 * 2**20
_MOST_SECONDS: Final = 60.0


def fetch_excluded_visits(instrument: str = "lsstcam") -> list[int]:
    """Read the observatory's list of visits that are of no use, without any credential.

    Parameters
    ----------
    instrument
        ``lsstcam`` or ``lsstcomcam``, in any case of the letters.

    Returns
    -------
    list of int
        Exposures, which have the same number as their visits. Each call asks.

    Raises
    ------
    UsageError
        If there is no list for the instrument.
    ServiceError
        If there is no answer, or one that is not such a list: ``Unreadable``.
    """
    lists = {
        "lsstcam": reference_values.BAD_VISITS_LSSTCAM,
        "lsstcomcam": reference_values.BAD_VISITS_LSSTCOMCAM,
    }
    url = lists.get(instrument.lower())
    if url is None:
        raise UsageError(f"there is no list of excluded visits for {instrument!r}, only for {', '.join(lists)}")
    return _ExcludedVisits().exposures(Url(url))


def exclude_visits(visits: pd.DataFrame, bad_visit_ids: Iterable[int | str]) -> pd.DataFrame:
    """Visits without those of a list.

    Parameters
    ----------
    visits
        With a column ``visit_id``. It is not changed.
    bad_visit_ids
        As `fetch_excluded_visits` returns them; digits as text are taken too.

    Returns
    -------
    pandas.DataFrame
        A copy; rows keep their order and index.

    Raises
    ------
    UsageError
        If there are rows and no ``visit_id``, or an entry of the list is no number.
    """
    bad = _numbers_in(bad_visit_ids)
    if not len(visits):
        return visits.copy()
    if list(visits.columns).count("visit_id") != 1:
        raise UsageError("visits without a column visit_id cannot be told from those to exclude")
    # Objects, because an integer of one width compares with no other and with no text.
    is_bad = visits["visit_id"].astype(object).isin([*bad, *map(str, bad)])
    return visits[~is_bad.to_numpy(dtype=bool)].copy()


class _ExcludedVisitsFlows:
    @method
    def exposures(self, url: Url) -> Flow[list[int]]:
        """Ask for a list. What it says decides over data: a redirect to another origin is not followed."""
        request = Request("GET", url, cap=_MOST_BYTES)
        answer = yield from ask(Call(request, Responses(), repeat=Repeat.SAFE, total=_MOST_SECONDS))
        return _exposures(answer.text, url)


class _ExcludedVisits(_ExcludedVisitsFlows, Sync):
    pass


def _exposures(text: str, url: Url) -> list[int]:
    """The column ``exposure`` of a table in ECSV.

    Rows are typed by hand: a comment may be missing, or have commas without quotes. A quote that is not closed would
    hide the rows behind it, and is refused.
    """
    lines = io.StringIO(text.removeprefix("\ufeff"), newline="").readlines()
    if not lines or not _ECSV.match(lines[0]):
        raise Unreadable(f"{url} answered with something that is not ECSV", url=url)
    header = "".join(itertools.takewhile(_is_comment, lines))
    named = _DELIMITER.search(header)
    delimiter = named[1] if named else " "
    cells = itertools.filterfalse(_is_comment, lines)
    rows = csv.reader(cells, delimiter=delimiter, skipinitialspace=delimiter == " ", strict=True)
    try:
        names, *filled = (row for row in rows if any(map(str.strip, row)))
        at = [name.strip() for name in names].index("exposure")
        exposures = [row[at].strip() for row in filled]
    except (csv.Error, ValueError, IndexError) as problem:
        raise Unreadable(f"{url} answered with a table that cannot be read: {problem}", url=url) from None
    for exposure in exposures:
        if not _EXPOSURE.fullmatch(exposure):
            raise Unreadable(f"{url} has {exposure[:40]!r} where an exposure was promised", url=url)
    return list(map(int, exposures))


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")


def _numbers_in(bad_visit_ids: Iterable[int | str]) -> list[int]:
    """Visits of a list as numbers.

    Raises
    ------
    UsageError
        If one is none.
    """
    try:
        if not isinstance(bad_visit_ids, str):  # its digits would be taken for visits
            return [int(visit) if isinstance(visit, str) else operator.index(visit) for visit in bad_visit_ids]
    except (TypeError, ValueError):
        pass
    raise UsageError("the visits to exclude must be a list of numbers", next="give what fetch_excluded_visits returns")
