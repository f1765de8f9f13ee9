"""Observations that other telescopes made. Current servers have none any more (410)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from skykey.calls.faces import method
from skykey.gracedb.annotations.objects import ObjectFlows
from skykey.gracedb.checks import meant
from skykey.values.errors import UnknownName, UsageError

if TYPE_CHECKING:
    from skykey.calls.flow import Flow
    from skykey.gracedb.response import Response

_ALL: Final = "emobservation-list-template", "superevent-emobservation-list-template"
_ONE: Final = "emobservation-detail-template", "superevent-emobservation-detail-template"


class EMObservationFlows(ObjectFlows):
    """EM observations of events and superevents."""

    @method
    def emobservations(self, object_id: str, emobservation_num: int | None = None) -> Flow[Response]:
        """List the EM observations (``GET …/emobservation/``, ``GET …/emobservations/``), or read one.

        Parameters
        ----------
        object_id
            Of an event or a superevent.
        emobservation_num
            Of one observation; None for all of them.

        Returns
        -------
        Response
            ``N``, ``group``, ``footprints``, …; of all under ``observations``.

        Raises
        ------
        Gone
            On current servers (410).
        HTTPError, TransportError, IgwnAuthError
            If there is no good answer.

        Examples
        --------
        >>> from skykey.gracedb.rest import GraceDb
        >>> client = GraceDb()
        >>> client.emobservations("G1234").json()["observations"]  # doctest: +SKIP
        """
        if emobservation_num is None:
            url = yield from self._object_url(object_id, *_ALL)
            return (yield from self._send("GET", url, doing=f"listing the EM observations of {object_id}"))
        url = yield from self._object_url(object_id, *_ONE, N=emobservation_num)
        return (yield from self._send("GET", url, doing=f"reading EM observation {emobservation_num} of {object_id}"))

    @method
    def write_emobservation(  # noqa: PLR0917 - as documented
        self,
        object_id: str,
        group: str,
        raList: Any,  # noqa: N803 - as documented, here and below
        raWidthList: Any,  # noqa: N803
        decList: Any,  # noqa: N803
        decWidthList: Any,  # noqa: N803
        startTimeList: Any,  # noqa: N803
        durationList: Any,  # noqa: N803
        comment: str | None = "",
    ) -> Flow[Response]:
        """Write down where somebody has looked (``POST …/emobservation/``). It is never sent twice.

        Parameters
        ----------
        object_id
            Of an event or a superevent.
        group
            Who: one of `em_groups`. A server that has no such list judges it itself.
        raList, decList
            Centres of the footprints, in degrees.
        raWidthList, decWidthList
            Their sizes in degrees; one number stands for all.
        startTimeList
            When each began: ISO 8601, UTC.
        durationList
            Seconds; one number stands for all.
        comment
            What else there is to say.

        Returns
        -------
        Response
            201 with the observation.

        Raises
        ------
        UsageError
            For a group that the server does not have, and lists of different lengths.
        Gone
            On current servers (410).
        OutcomeUnknown
            If it is not known whether it was written; it says how to check.
        HTTPError, TransportError, IgwnAuthError
            If the server refuses it, or cannot be asked.

        Examples
        --------
        >>> from skykey.gracedb.rest import GraceDb
        >>> client = GraceDb()
        >>> client.write_emobservation(  # doctest: +SKIP
        ...     "G1234", "ZTF", [190.2, 191.0], 3.0, [12.1, 12.1], 3.0, ["2019-04-25T09:00", "2019-04-25T09:05"], 30
        ... )
        """
        names = yield from self._listed("em-groups", group)
        if names is not None:
            raise UnknownName(f"group must be one of {', '.join(names)}", next=meant(group, names))
        centres, declinations, starts = _several(raList), _several(decList), _several(startTimeList)
        widths, heights, durations = (
            _several(given, len(centres)) for given in (raWidthList, decWidthList, durationList)
        )
        if {len(each) for each in (declinations, starts, widths, heights, durations)} != {len(centres)}:
            raise UsageError(
                "raList, decList, startTimeList, raWidthList, decWidthList, and durationList should be the same length"
            )
        observation = {
            "group": group,
            "ra_list": centres,
            "ra_width_list": widths,
            "dec_list": declinations,
            "dec_width_list": heights,
            "start_time_list": starts,
            "duration_list": durations,
            "comment": comment,
        }
        url = yield from self._object_url(object_id, *_ALL)
        doing = f"adding an EM observation to {object_id}"
        check = f"skykey gracedb list emobservations {object_id}"
        return (yield from self._send("POST", url, json=observation, doing=doing, check=check))


def _several(given: Any, times: int = 1) -> list[Any]:
    """A list of it; one value stands for as many as there are."""
    plain = _plain(given)
    if isinstance(plain, Iterable) and not isinstance(plain, str | bytes):
        return [_plain(each) for each in plain]
    return [plain] * times


def _plain(value: Any) -> Any:
    """Without numpy: its numbers are none of JSON."""
    return value.tolist() if hasattr(value, "tolist") else value
