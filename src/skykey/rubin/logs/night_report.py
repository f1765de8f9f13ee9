"""Night reports: what the observers say about a whole night."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from skykey.calls.faces import method
from skykey.rubin.logs import times
from skykey.rubin.logs.exposure import day_after
from skykey.rubin.logs.night_html import format_night_report, none_for
from skykey.rubin.logs.parameters import together
from skykey.rubin.logs.services import REPORTS
from skykey.rubin.logs.writing import AGENT, WritingFlows

if TYPE_CHECKING:
    from uuid import UUID

    from skykey.calls.flow import Flow
    from skykey.rubin.logs.paging import Row


def query_params(day_obs: str | int) -> dict[str, Any]:
    """The parameters of a question for the reports of a night.

    Parameters
    ----------
    day_obs
        The night: ``20250620``, ``"20250620"`` or ``"2025-06-20"``.

    Raises
    ------
    UsageError
        If there is no such day.

    Examples
    --------
    >>> query_params("2025-12-31")
    {'min_day_obs': 20251231, 'max_day_obs': 20260101, 'is_valid': 'true'}
    """
    # Here and not at the top: leap seconds are not needed to make a client.
    from skykey.rubin.dayobs_utils import day_obs_str_to_int, day_obs_to_date

    first = day_obs_str_to_int(day_obs_to_date(day_obs).isoformat())
    return {"min_day_obs": first, "max_day_obs": day_after(first), "is_valid": "true"}


class NightReportFlows(WritingFlows):
    """Questions for night reports, and writing them.

    Parameters
    ----------
    api_base
        The site's root.
    auth
        ``("user", token)``.
    """

    _below = REPORTS.path
    _log = REPORTS

    query_params = staticmethod(query_params)
    format_night_report = staticmethod(format_night_report)

    @method
    def query(self, /, params: dict[str, Any] | None = None, **more: Any) -> Flow[list[Row]]:
        """Ask for reports by the service's own parameters.

        Parameters
        ----------
        params, more
            By name: ``min_day_obs``, ``max_day_obs`` (exclusive), ``summary``, ``has_parent_id`` and so on. See
            `NarrativeLogFlows.query` for values, times and ``limit``.

        Returns
        -------
        list of dict
            The service's fields; dates are its text on a TAI clock.

        Raises
        ------
        UsageError, NotAuthenticated, Forbidden, ServiceError, TransportError
            As there.

        Examples
        --------
        >>> from skykey.rubin.connections import get_clients
        >>> reports = get_clients()["night_report"]
        >>> reports.query(min_day_obs=20250601, max_day_obs=20250701, weather="wind")  # doctest: +SKIP
        """
        return (yield from self._found(together(params, more))).rows

    @method
    def query_night_report(
        self, day_obs: str | int, telescope: str | None = None, return_html: bool = True
    ) -> Flow[tuple[list[Row], str]]:
        """Read the valid reports of a night, the latest first.

        Parameters
        ----------
        day_obs
            As in `query_params`.
        telescope
            ``AuxTel`` or ``Simonyi``: whose summary the text has; both if it is None. All reports are about both.
        return_html
            Whether the text is wanted.

        Returns
        -------
        tuple
            The reports, and the latest of them as HTML: the one that was sent or, if later, added last. Without a
            report the list is empty and the text says so.

        Raises
        ------
        UsageError
            If there is no such day.
        NotAuthenticated, Forbidden, ServiceError, TransportError
            If the service did not answer: that is not the same as no report.

        Examples
        --------
        >>> from skykey.rubin.connections import get_clients
        >>> reports = get_clients()["night_report"]
        >>> found, html = reports.query_night_report("2025-06-20")  # doctest: +SKIP
        """
        asked = query_params(day_obs)
        found = yield from self._found(asked)
        reports = sorted(found.rows, key=_age, reverse=True)
        if not return_html:
            return reports, ""
        return reports, format_night_report(reports, telescope) if reports else none_for(asked["min_day_obs"])

    @method
    def get_report(self, report_id: str | UUID) -> Flow[Row]:
        """One report, valid or not.

        Raises
        ------
        NotFound
            If there is none.
        """
        return (yield from self._one(report_id))

    @method
    def add_report(
        self,
        /,
        day_obs: str | int,
        summary: str,
        *,
        user_id: str,
        confluence_url: str = "",
        user_agent: str = AGENT,
        **fields: Any,
    ) -> Flow[Row]:
        """Write a report. It is sent once, and never again by itself.

        Parameters
        ----------
        day_obs
            The night, as in `query_params`.
        summary
            What it says.
        user_id
            Who says it.
        confluence_url
            Where the night's plan is.
        user_agent
            Which program sends it.
        fields
            ``weather``, ``maintel_summary``, ``auxtel_summary``, ``observers_crew`` (names).

        Returns
        -------
        dict
            The report as the service has it, with its ``id``.

        Raises
        ------
        UsageError
            For a field that a report does not have, and a value that the service would not understand.
        QueryError
            If the service refuses it, with its words.
        Interrupted, TimedOut
            If the answer was lost. Whether the report was added is not known then; ``next`` says how to see.
        """
        night = query_params(day_obs)["min_day_obs"]
        said = {"day_obs": night, "summary": summary, "confluence_url": confluence_url}
        return (yield from self._add({**said, "user_id": user_id, "user_agent": user_agent, **fields}))

    @method
    def edit_report(self, /, report_id: str | UUID, **fields: Any) -> Flow[Row]:
        """Put another report in place of one: the old one stays there, no longer valid.

        Parameters
        ----------
        report_id
            Of the old one.
        fields
            What is to be different, as in `add_report`.

        Returns
        -------
        dict
            The new report; ``parent_id`` is the old one's, and so is ``date_added``.

        Raises
        ------
        NotFound
            If there is no such report.
        UsageError, QueryError, Interrupted, TimedOut
            As `add_report`; also for None, because the service can replace a value and not take one away.
        """
        return (yield from self._edit(report_id, fields))

    @method
    def delete_report(self, report_id: str | UUID) -> Flow[None]:
        """Mark a report as not valid; it stays there.

        Raises
        ------
        NotFound, Interrupted, TimedOut
            As `edit_report`.
        """
        yield from self._delete(report_id)


def _age(report: Row) -> tuple[int, int, str]:
    added, sent = times.order_of(report.get("date_added")), times.order_of(report.get("date_sent"))
    return max(added, sent), added, str(report["id"])
