"""What people wrote during the night: the documented classes. Their questions come with a later version."""

from __future__ import annotations

from typing import Any, NoReturn

from skykey.rubin.service import SiteService, keeper_for, paired, token_of


class LoggingServiceClient(SiteService):
    """Base of the documented classes.

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
        super().__init__(api_base, keeper_for(api_base, paired(token)))

    def query(self, params: dict[str, Any]) -> NoReturn:
        """Not built yet; raises `NotBuiltYet`."""
        self._not_yet("query")

    async def async_query(self, params: dict[str, Any]) -> NoReturn:
        """Not built yet; raises `NotBuiltYet`."""
        self._not_yet("async_query")


class _WithLog(LoggingServiceClient):
    def query_log(self, t_start: Any, t_end: Any, user_params: dict[str, Any] | None = None) -> NoReturn:
        """Not built yet; raises `NotBuiltYet`."""
        self._not_yet("query_log")

    async def async_query_log(self, t_start: Any, t_end: Any, user_params: dict[str, Any] | None = None) -> NoReturn:
        """Not built yet; raises `NotBuiltYet`."""
        self._not_yet("async_query_log")


class NarrativeLogClient(_WithLog):
    """The narrative log."""

    _below = "narrativelog/messages"


class ExposureLogClient(_WithLog):
    """The exposure log."""

    _below = "exposurelog/messages"


class NightReportClient(LoggingServiceClient):
    """The night reports."""

    _below = "nightreport/reports"

    def query_night_report(
        self, day_obs: str | int, telescope: str | None = None, return_html: bool = True
    ) -> NoReturn:
        """Not built yet; raises `NotBuiltYet`."""
        self._not_yet("query_night_report")

    async def async_query_night_report(
        self, day_obs: str | int, telescope: str | None = None, return_html: bool = True
    ) -> NoReturn:
        """Not built yet; raises `NotBuiltYet`."""
        self._not_yet("async_query_night_report")
