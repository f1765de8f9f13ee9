"""The older place for telemetry logins: anonymous, the same for everybody who reaches it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from skykey.calls.call import Call, Repeat
from skykey.calls.faces import Sync, method
from skykey.calls.flow import Flow, ask
from skykey.calls.json_reader import JsonReader
from skykey.credentials.credential import Basic
from skykey.credentials.held import Held
from skykey.credentials.provider import Ask, Keeping
from skykey.values.errors import BadUrl, ServiceError, TransportError, Unavailable, Unreadable
from skykey.values.reach import Reach
from skykey.values.secret import Secret
from skykey.values.url import Url, segment
from skykey.wire.request import Request, Timeouts

ROOT: Final = Url("https://roundtable.lsst.codes/segwarides")
_MOST_BYTES = 64 * 1024
_MOST_SECONDS = 10.0


class SegwaridesFlows:
    """``GET {ROOT}/creds/{alias}``."""

    @method
    def login(self, alias: str) -> Flow[tuple[Url, str, Secret, Url | None]]:
        """URL, user name and password of an InfluxDB, and the schema registry beside it.

        Parameters
        ----------
        alias
            Such as ``usdf_efd``.
        """
        request = Request(
            "GET",
            ROOT / f"creds/{segment(alias)}",
            cap=_MOST_BYTES,
            timeouts=Timeouts(connect=5.0, silence=5.0),
        )
        return (yield from ask(Call(request, lambda: JsonReader(_read), repeat=Repeat.SAFE, total=_MOST_SECONDS)))


class Segwarides(SegwaridesFlows, Sync):
    """For providers, which block."""


@dataclass(frozen=True, slots=True)
class SegwaridesLogin:
    """A provider that asks segwarides; the login is bound to the origin that it names.

    Parameters
    ----------
    alias
        Always ``<site>_efd``, whatever the database: one account reads them all.
    """

    alias: str

    @property
    def name(self) -> str:
        """See `Provider.name`."""
        return f"the login for {self.alias} from {ROOT}"

    @property
    def keeping(self) -> Keeping:
        """See `Provider.keeping`."""
        return Keeping.IN_PROCESS

    def obtain(self, held: Held[Basic] | None, ask: Ask, /) -> Held[Basic]:
        """Ask for it.

        Raises
        ------
        Unavailable
            If the service does not know it or does not answer.
        """
        try:
            url, username, password, registry = Segwarides().login(self.alias)
        except (ServiceError, TransportError) as problem:
            raise Unavailable(problem.message) from problem
        reach = Reach.discovered(url, within=Reach.named(ROOT, said_by="built in"), said_by=str(ROOT))
        login = Basic(username, password, reach)
        facts = {"url": str(url), "creds_from": "segwarides"} | ({"schema_registry": str(registry)} if registry else {})
        return Held(login, self.name, facts=facts)

    def changed(self, held: Held[Basic], /) -> bool:
        """Not as far as can be seen from here."""
        return False


def _read(document: Any) -> tuple[Url, str, Secret, Url | None]:
    try:
        # The documented clients build https and ignore the port.
        url = Url(f"https://{document['host']}{str(document['path']).rstrip('/')}")
        named = document.get("schema_registry")
        return url, str(document["username"]), Secret(document["password"]), _registry(named)
    except (KeyError, TypeError, AttributeError, BadUrl):
        raise Unreadable(f"{ROOT} answered without a usable login", url=str(ROOT)) from None


def _registry(named: object) -> Url | None:
    """The schema registry, if one is named; a login without it is a login all the same."""
    try:
        return Url(named) if isinstance(named, str) else None
    except BadUrl:
        return None
