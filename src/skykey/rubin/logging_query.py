"""What people wrote during the night: the documented module of ``rubin_nights``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from skykey.calls.faces import Async, Sync, method, twin
from skykey.rubin.logs.asking import LogFlows
from skykey.rubin.logs.columns import table_of
from skykey.rubin.logs.exposure import ExposureLogFlows
from skykey.rubin.logs.narrative import NarrativeLogFlows
from skykey.rubin.logs.night_report import NightReportFlows
from skykey.rubin.logs.parameters import together
from skykey.rubin.logs.services import LOGS
from skykey.rubin.logs.times import logtime_to_datetime
from skykey.rubin.service import keeper_for, paired, token_of
from skykey.tables.frames import frame, frame_twin
from skykey.values.errors import UsageError

if TYPE_CHECKING:
    from skykey.calls.flow import Flow
    from skykey.rubin.logs.paging import Row
    from skykey.tables.table import Table

__all__ = [
    "AsyncExposureLogClient",
    "AsyncNarrativeLogClient",
    "AsyncNightReportClient",
    "ExposureLogClient",
    "LoggingServiceClient",
    "NarrativeLogClient",
    "NightReportClient",
    "logtime_to_datetime",
]


class _AnyLogFlows(LogFlows):
    """A log that is named by its URL."""

    @frame
    def _as_frame(self, /, params: dict[str, Any] | None = None, **more: Any) -> Flow[Table]:
        found = yield from self._found(together(params, more))
        return table_of(self._log, found, utc=False)

    @method
    def _as_list(self, /, params: dict[str, Any] | None = None, **more: Any) -> Flow[list[Row]]:
        return (yield from self._found(together(params, more))).rows


class LoggingServiceClient(_AnyLogFlows, Sync):
    """Any of the logs, by its URL; base of the documented classes.

    Parameters
    ----------
    url
        Of the log's rows: ends in ``narrativelog/messages``, ``exposurelog/messages``, ``exposurelog/exposures`` or
        ``nightreport/reports``.
    auth
        ``("user", token)``.
    results_as_dataframe
        Whether `query` gives a DataFrame, or a list of dictionaries.

    Raises
    ------
    UsageError
        For another URL.
    """

    _as_async_frame = frame_twin(_AnyLogFlows._as_frame)  # noqa: SLF001 - own module
    _as_async_list = twin(_AnyLogFlows._as_list)  # noqa: SLF001 - own module

    def __init__(self, url: str, auth: tuple[str, str], results_as_dataframe: bool = True) -> None:
        token = token_of(auth)
        del auth  # tracebacks show local variables
        whole = url.rstrip("/")
        log = next((each for each in LOGS if whole.endswith(f"/{each.path}")), None)
        if log is None:
            raise UsageError(f"no log is at {url}", next=f"it ends in {', '.join(each.path for each in LOGS)}")
        self._log, self._below = log, log.path
        root = whole.removesuffix(log.path)
        super().__init__(root, keeper_for(root, paired(token)))
        self.results_as_dataframe = results_as_dataframe

    if TYPE_CHECKING:
        query: Any
        async_query: Any
    else:

        @property
        def query(self) -> Any:
            """Ask for rows by the service's own parameters: one dictionary, or keywords."""
            return self._as_frame if self.results_as_dataframe else self._as_list

        @property
        def async_query(self) -> Any:
            """As `query`, as a coroutine."""
            return self._as_async_frame if self.results_as_dataframe else self._as_async_list


class NarrativeLogClient(NarrativeLogFlows, LoggingServiceClient):
    """The narrative log for blocking programs, with the documented coroutines beside it.

    Parameters
    ----------
    api_base, auth
        See `NarrativeLogFlows`.
    """

    async_query = frame_twin(NarrativeLogFlows.query)
    async_query_log = frame_twin(NarrativeLogFlows.query_log)


class AsyncNarrativeLogClient(NarrativeLogFlows, Async):
    """The narrative log for asynchronous programs.

    Parameters
    ----------
    api_base, auth
        See `NarrativeLogFlows`.
    """


class ExposureLogClient(ExposureLogFlows, LoggingServiceClient):
    """The exposure log for blocking programs, with the documented coroutines beside it.

    Parameters
    ----------
    api_base, auth
        See `ExposureLogFlows`.
    """

    async_query = frame_twin(ExposureLogFlows.query)
    async_query_log = frame_twin(ExposureLogFlows.query_log)


class AsyncExposureLogClient(ExposureLogFlows, Async):
    """The exposure log for asynchronous programs.

    Parameters
    ----------
    api_base, auth
        See `ExposureLogFlows`.
    """


class NightReportClient(NightReportFlows, LoggingServiceClient):
    """Night reports for blocking programs, with the documented coroutines beside it.

    Parameters
    ----------
    api_base, auth
        See `NightReportFlows`.
    """

    async_query = twin(NightReportFlows.query)
    async_query_night_report = twin(NightReportFlows.query_night_report)


class AsyncNightReportClient(NightReportFlows, Async):
    """Night reports for asynchronous programs.

    Parameters
    ----------
    api_base, auth
        See `NightReportFlows`.
    """
