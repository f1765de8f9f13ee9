"""VOEvents: alerts of former times. Current servers list those of superevents, and make no new ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from skykey.calls.faces import method
from skykey.gracedb.annotations.objects import ObjectFlows
from skykey.values.errors import UsageError

if TYPE_CHECKING:
    from skykey.calls.flow import Flow
    from skykey.gracedb.response import Response

_ALL: Final = "voevent-list-template", "superevent-voevent-list-template"
_ONE: Final = "voevent-detail-template", "superevent-voevent-detail-template"
_INITIAL: Final = "IN"


class VoeventFlows(ObjectFlows):
    """VOEvents of events and superevents."""

    @method
    def voevents(self, object_id: str, voevent_num: int | None = None) -> Flow[Response]:
        """List the VOEvents (``GET …/voevent/``, ``GET …/voevents/``), or read one.

        Parameters
        ----------
        object_id
            Of an event or a superevent.
        voevent_num
            Of one VOEvent; None for all of them.

        Returns
        -------
        Response
            ``N``, ``voevent_type``, ``ivorn``, ``filename``, …; of all under ``voevents``.

        Raises
        ------
        Gone
            For events on current servers (410).
        HTTPError, TransportError, IgwnAuthError
            If there is no good answer.

        Examples
        --------
        >>> from skykey.gracedb.rest import GraceDb
        >>> client = GraceDb()
        >>> client.voevents("S190425z").json()["voevents"]  # doctest: +SKIP
        """
        if voevent_num is None:
            url = yield from self._object_url(object_id, *_ALL)
            return (yield from self._send("GET", url, doing=f"listing the VOEvents of {object_id}"))
        url = yield from self._object_url(object_id, *_ONE, N=voevent_num)
        return (yield from self._send("GET", url, doing=f"reading VOEvent {voevent_num} of {object_id}"))

    @method
    def create_voevent(  # noqa: PLR0917 - as documented
        self,
        object_id: str,
        voevent_type: str,
        skymap_type: str | None = None,
        skymap_filename: str | None = None,
        combined_skymap_filename: str | None = None,
        internal: bool = True,
        open_alert: bool = False,
        raven_coinc: bool = False,
        hardware_inj: bool = False,
        CoincComment: bool = False,  # noqa: N803 - as documented, here and below
        ProbHasNS: float | None = None,  # noqa: N803
        ProbHasRemnant: float | None = None,  # noqa: N803
        BNS: float | None = None,  # noqa: N803
        NSBH: float | None = None,  # noqa: N803
        BBH: float | None = None,  # noqa: N803
        Terrestrial: float | None = None,  # noqa: N803
        MassGap: float | None = None,  # noqa: N803
        HasMassGap: float | None = None,  # noqa: N803
    ) -> Flow[Response]:
        """Make a VOEvent (``POST …/voevent/``, ``POST …/voevents/``). It is never sent twice.

        Parameters
        ----------
        object_id
            Of an event or a superevent.
        voevent_type
            ``"preliminary"`` (``"PR"``), ``"initial"`` (``"IN"``), ``"update"``, ``"retraction"``, ``"earlywarning"``.
        skymap_type, skymap_filename, combined_skymap_filename
            Of files of the event or superevent; an initial one needs `skymap_filename`.
        internal, open_alert, raven_coinc, hardware_inj, CoincComment
            What it is.
        ProbHasNS, ProbHasRemnant, BNS, NSBH, BBH, Terrestrial, HasMassGap
            Probabilities from 0 to 1.
        MassGap
            The old name of `HasMassGap`, which is refused.

        Returns
        -------
        Response
            201 with the VOEvent.

        Raises
        ------
        UsageError
            For a type that the server does not have, an initial one without sky map, and `MassGap`.
        Gone
            On current servers (410): they have notices.
        OutcomeUnknown
            If it is not known whether it was made; it says how to check.
        HTTPError, TransportError, IgwnAuthError
            If the server refuses it, or cannot be asked.

        Examples
        --------
        >>> from skykey.gracedb.rest import GraceDb
        >>> client = GraceDb()
        >>> client.create_voevent("S190425z", "initial", skymap_filename="bayestar.fits.gz")  # doctest: +SKIP
        """
        kind = yield from self._code("voevent-types", voevent_type, "voevent_type")
        if kind == _INITIAL and not skymap_filename:
            raise UsageError("Skymap file is required for 'initial' VOEvents", next="name the file of the sky map")
        if MassGap is not None:
            raise UsageError('"MassGap" parameter has been replaced by HasMassGap.', next="give HasMassGap")
        fields: dict[str, Any] = {
            "voevent_type": kind,
            "internal": internal,
            "open_alert": open_alert,
            "hardware_inj": hardware_inj,
            "CoincComment": CoincComment,
            "raven_coinc": raven_coinc,
            "skymap_type": skymap_type,
            "skymap_filename": skymap_filename,
            "combined_skymap_filename": combined_skymap_filename,
            "ProbHasNS": ProbHasNS,
            "ProbHasRemnant": ProbHasRemnant,
            "BNS": BNS,
            "NSBH": NSBH,
            "BBH": BBH,
            "Terrestrial": Terrestrial,
            "HasMassGap": HasMassGap,
        }
        url = yield from self._object_url(object_id, *_ALL)
        doing = f"making a VOEvent of {object_id}"
        check = f"skykey gracedb list voevents {object_id}"
        return (yield from self._send("POST", url, fields=fields, doing=doing, check=check))
