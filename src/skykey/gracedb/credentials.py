"""From the documented options to the credentials that a call carries.

Tokens (`scitokens`), certificates (`x509`) and, where tokens are switched off, a netrc file. A certificate and a token
may go along together; the server decides. All go to the service's own origin, and nowhere else: not to another origin
that an answer links to, not over plain http except to this machine.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from skykey.credentials.chain import Chain
from skykey.credentials.claims import claims_of
from skykey.credentials.explanation import Explanation, explain
from skykey.credentials.sources.netrc import Netrc
from skykey.gracedb import scitokens, x509
from skykey.gracedb.exceptions import IgwnAuthError
from skykey.gracedb.kinds import Kind, iso
from skykey.gracedb.warned import warn
from skykey.values.clock import SYSTEM_CLOCK, Clock
from skykey.values.errors import MissingExtra, UsageError
from skykey.values.reach import Reach

if TYPE_CHECKING:
    from skykey.calls.flow import Flow
    from skykey.credentials.credential import Basic, Bearer, Certificate
    from skykey.credentials.kept import Kept
    from skykey.values.url import Url

NONE: Final = {"auth_type(s)": "No auth type found"}
"""What `Credentials.shown` says where there is nothing."""

_CHOICES: Final = ("all", "scitoken", "x509")
_FIND_TOKEN: Final = "IGWN_AUTH_UTILS_FIND_SCITOKEN"  # noqa: S105 - a name
_FIND_CERTIFICATE: Final = "IGWN_AUTH_UTILS_FIND_X509"
_YES: Final = frozenset({"1", "y", "yes", "true"})
_NETRC_VARIABLE: Final = "NETRC"
_NO_TOKEN: Final = (
    "could not find a valid SciToken, please verify the audience and scope, "  # noqa: S105 - in words
    "or generate a new token and try again"
)
_NO_CERTIFICATE: Final = "could not find an RFC-3820 compliant X.509 credential, please generate one and try again"
_NOTHING: Final = "no valid authorisation credentials found"


class Asked(NamedTuple):
    """What was asked for: what the receiver of a pickle looks for again. It holds no secret."""

    service_url: Url
    cred: Any
    force_noauth: bool
    fail_if_noauth: bool
    use_auth: str
    reload_cred: bool
    reload_buffer: float
    reload_certificate: bool
    tokenfile: str | None = None


class _Decided(NamedTuple):
    """Which kinds take part: True must be there, None may be there, False is switched off.

    Parameters
    ----------
    token, certificate
        These kinds; of certificates also those that were named, which are not looked at before the first call.
    why_not
        Why nothing goes along at all; None if something may.
    """

    token: bool | None
    certificate: bool | x509.Pair | None
    why_not: str | None = None


class Credentials:
    """The credentials of a client.

    Every place is on this machine; looking there makes no request. Before each call the places are looked at, so that
    a token that was renewed counts at once, with or without ``reload_cred``. A token that was found stays in use to
    its last second. If it is over and no other is found, the call is anonymous, unless ``fail_if_noauth`` is set.

    Parameters
    ----------
    service_url
        The API's root. Its origin alone gets credentials.
    cred
        Paths of a certificate and its key, the path of both in one file, True if one must be found, False for none.
        Files are not opened before the first call, unless ``fail_if_noauth`` is set.
    force_noauth
        Nothing at all goes along: no token, no certificate, no password.
    fail_if_noauth
        Without any credential no request is made. That is checked at once, and again before each call.
    use_auth
        ``all``, ``scitoken`` or ``x509``.
    reload_cred
        A token must be there at once (with ``x509`` a certificate). From ``reload_buffer`` seconds before its end on,
        before each call another one of the same person that lives longer is looked for, in all places, and takes its
        place. As long as there is none, the old one is used to its end, also with ``fail_if_noauth``.
    reload_buffer
        Seconds. Without ``reload_cred`` a token is replaced so in its last minute, a certificate in its last ten.
    reload_certificate
        The old name of ``reload_cred``, for certificates.
    tokenfile
        A file that holds the token, in place of all other places; for the command.
    clock
        For tests.

    Raises
    ------
    UsageError
        If options contradict each other, or one is of no known value.
    IgwnAuthError
        If something must be there, and is not.
    MissingExtra
        If a certificate is to be reloaded, and ``cryptography`` is not there to say when it ends.
    """

    def __init__(
        self,
        service_url: Url,
        *,
        cred: Any = None,
        force_noauth: bool = False,
        fail_if_noauth: bool = False,
        use_auth: str = "all",
        reload_cred: bool = False,
        reload_buffer: float = 300.0,
        reload_certificate: bool = False,
        tokenfile: str | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        if force_noauth and fail_if_noauth:
            raise UsageError("cannot select both force_noauth and fail_if_noauth")
        asked = Asked(
            service_url,
            cred,
            force_noauth,
            fail_if_noauth,
            use_auth,
            reload_cred,
            _seconds(reload_buffer),
            reload_certificate,
            tokenfile,
        )
        self._set_up(asked, clock)
        self._insist()
        if reload_certificate and self._certificate is not None and self._certificate.held() is not None:
            warn("reload_certificate is deprecated: use reload_cred in its place", DeprecationWarning)

    def _set_up(self, asked: Asked, clock: Clock) -> None:
        """Make it what it is, for the constructor and for whoever receives a pickle."""
        self._asked = asked
        self._decided = decided = _decide(asked)
        service, reloads = asked.service_url, asked.reload_cred
        self._token: Kind[Bearer] | None = None
        self._certificate: Kind[Certificate] | None = None
        self._netrc: Kind[Basic] | None = None
        if decided.why_not is not None:
            return
        reach = Reach.named(service, said_by="the argument service_url")
        if decided.token is not False:
            early = asked.reload_buffer if reloads else scitokens.LEAST
            chain = scitokens.scitoken_chain(service, reach, tokenfile=asked.tokenfile)
            self._token = Kind(
                "scitoken", "token", chain, scitokens.places, _NO_TOKEN, decided.token is True, early, clock
            )
        else:
            source = Netrc(_netrc_path, service.host, reach)
            entry = Chain(f"a password for {service.host}", (source,), f"add the machine {service.host} to ~/.netrc")
            self._netrc = Kind(
                "basic", "password", entry, lambda: scitokens.stamp(_netrc_path()), _NOTHING, False, 0.0, clock
            )
        if decided.certificate is not False and service.scheme == "https":
            named = decided.certificate if isinstance(decided.certificate, x509.Pair) else None
            self._certificate = Kind(
                "x509",
                "certificate",
                x509.certificate_chain(service, reach, named),
                lambda: x509.places(named),
                _NO_CERTIFICATE,
                decided.certificate is not None,
                asked.reload_buffer if reloads or asked.reload_certificate else x509.LEAST,
                clock,
            )

    @property
    def _kinds(self) -> tuple[Kind[Any], ...]:
        kinds: tuple[Kind[Any] | None, ...] = (self._token, self._certificate, self._netrc)
        return tuple(kind for kind in kinds if kind is not None)

    def _insist(self) -> None:
        """Look for what must be there from the start."""
        asked, decided, token, certificate = self._asked, self._decided, self._token, self._certificate
        if asked.force_noauth:
            return
        if asked.reload_cred and decided.token is not False and (token is None or token.held() is None):
            raise self._nothing() if token is None else token.missing()
        if decided.certificate is True or asked.reload_certificate:
            if certificate is None:
                raise IgwnAuthError(f"{_NO_CERTIFICATE}: {self._why_no_certificate}", next=x509.REMEDY)
            if certificate.held() is None:
                raise certificate.missing()
        if asked.fail_if_noauth and not self.auth_type:
            raise self._nothing()
        if certificate is not None and (asked.reload_certificate or (asked.reload_cred and token is None)):
            held = certificate.held()
            if held is not None and held.credential.life.ends is None:
                raise MissingExtra.of("x509", "seeing when a certificate ends, so as to reload it,")

    @property
    def _why_no_certificate(self) -> str:
        if self._decided.why_not is not None:
            return self._decided.why_not
        if self._decided.certificate is False:
            return "certificates are switched off"
        return f"{self._asked.service_url.origin} speaks plain http, where none can be shown"

    def keepers(self) -> Flow[tuple[Kept[Any], ...]]:
        """Find what goes along with a call: one keeper a kind, none for an anonymous call.

        Raises
        ------
        IgwnAuthError
            If there is none, and there has to be one.
        """
        found: list[Kept[Any]] = []
        for kind in self._kinds:
            if (yield from kind.look()):
                found.append(kind.kept)
            elif kind.is_needed:
                raise kind.missing()
        if not found and (self._asked.fail_if_noauth or self._is_needed):
            raise self._nothing()
        return tuple(found)

    @property
    def _is_needed(self) -> bool:
        return not self._asked.force_noauth and (self._decided.token is True or self._decided.certificate is True)

    @property
    def auth_type(self) -> set[str]:
        """The kinds that a call would carry now."""
        return {kind.name for kind in self._kinds if kind.held() is not None}

    @property
    def because(self) -> str | None:
        """Why the latest call was anonymous, as a clause; None if it was not, or there was none."""
        if self._decided.why_not is not None:
            return self._decided.why_not
        kinds = self._kinds
        if not all(kind.is_missed for kind in kinds):
            return None
        news = [kind.news() for kind in kinds]
        if self._certificate is None and isinstance(self._decided.certificate, x509.Pair):
            news.append(self._why_no_certificate)
        return "; ".join(filter(None, news)) or "no credential was found"

    @property
    def remedy(self) -> str | None:
        """What to type to get a credential; None where none is wanted."""
        if self._asked.force_noauth:
            return None
        kinds = self._kinds
        return kinds[0].chain.remedy if kinds else f"use https://{self._asked.service_url.host} in its place"

    def advice(self) -> str | None:
        """What to type next after the service refused an anonymous call; None if the call was not anonymous."""
        because = self.because
        if because is None:
            return None
        if self._asked.force_noauth:
            return "leave out force_noauth, or --force-noauth: the call was anonymous"
        return f"{self.remedy}  (the call was anonymous: {because})"

    def shown(self) -> dict[str, Any]:
        """Say what there is now, in the documented form. Nothing is requested, and no secret is shown."""
        shown: dict[str, Any] = {}
        token = None if self._token is None else self._token.held()
        if token is not None and (claims := claims_of(token.credential.token)) is not None:
            audience = claims.payload.get("aud")
            shown["scitoken"] = {
                "SciToken subject": claims.subject,
                "SciToken expiration": None if claims.ends is None else iso(claims.ends),
                "SciToken scope": " ".join(claims.scopes),
                "SciToken audience": audience,
            }
        certificate = None if self._certificate is None else self._certificate.held()
        if certificate is not None:
            files = certificate.credential.files
            shown["x509"] = {"cert_file": str(files.certificate), "key_file": str(files.key)}
        entry = None if self._netrc is None else self._netrc.held()
        if entry is not None:
            shown["basic"] = {"username": entry.credential.username, "netrc_file": entry.facts["file"]}
        return shown or dict(NONE)

    def explain(self) -> Explanation:
        """Look at every place, also behind what is used: what ``skykey why`` shows."""
        told = [explain(kind.chain, kind.clock, kind.keeper.windows) for kind in self._kinds]
        won = next((one for one in told if one.winner is not None), None)
        return Explanation(
            rows=tuple(row for one in told for row in one.rows),
            reach=() if won is None else won.reach,
            said_by=None if won is None else won.said_by,
            remedy=None if won is not None else self.remedy,
        )

    @property
    def token(self) -> Kind[Bearer] | None:
        """Tokens; None where they are switched off."""
        return self._token

    def _nothing(self) -> IgwnAuthError:
        kinds = self._kinds
        if not kinds:
            return IgwnAuthError(f"{_NOTHING}: {self._decided.why_not}", next=self.remedy)
        tried = "\n".join(kind.tried() for kind in kinds)
        return IgwnAuthError(f"{_NOTHING}; the places, in order:\n{tried}", next=self.remedy)

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (tuple(self._asked),)

    def __repr__(self) -> str:
        return f"<Credentials for {self._asked.service_url.origin}>"


def _again(asked: tuple[Any, ...]) -> Credentials:
    """Look again in the process that received a pickle; what must be there is missed at the first call."""
    made = object.__new__(Credentials)
    made._set_up(Asked(*asked), SYSTEM_CLOCK)
    return made


def _decide(asked: Asked) -> _Decided:
    """Which kinds take part.

    Raises
    ------
    UsageError
        For a value of ``use_auth`` or ``cred`` that is none.
    """
    if asked.use_auth not in _CHOICES:
        raise UsageError(
            f"use_auth is one of {', '.join(map(repr, _CHOICES))}, not {asked.use_auth!r}", next="use_auth='all'"
        )
    token: bool | None = {"all": None, "scitoken": True, "x509": False}[asked.use_auth]
    certificate: bool | x509.Pair | None
    if asked.cred is None:
        certificate = {"all": None, "scitoken": False, "x509": True}[asked.use_auth]
    else:
        certificate = asked.cred if isinstance(asked.cred, bool) else x509.pair(asked.cred)
    if asked.force_noauth:
        return _Decided(False, False, "force_noauth is set")
    if token is None:
        token = _switch(_FIND_TOKEN)
    if certificate is None:
        certificate = _switch(_FIND_CERTIFICATE)
    url = asked.service_url
    if url.scheme == "http" and not url.origin.is_loopback:
        why_not = f"{url.origin} speaks plain http: what is sent there can be read on the way"
        return _Decided(token, certificate, why_not)
    return _Decided(token, certificate)


def _switch(name: str) -> bool | None:
    """What a variable says of a kind: it must be there, is switched off, or (None) nothing."""
    value = os.environ.get(name)
    return None if value is None else value.strip().lower() in _YES


def _seconds(given: object) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or not given >= 0:
        raise UsageError(f"reload_buffer is a number of seconds, not {given!r}", next="reload_buffer=300")
    return float(given)


def _netrc_path() -> str:
    return os.environ.get(_NETRC_VARIABLE, "").strip() or os.path.join("~", ".netrc")
