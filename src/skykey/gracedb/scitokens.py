"""Where SciTokens for GraceDB lie, and which of them count.

The places, in order; each is asked if those before it have nothing that counts:

1. the variable ``SCITOKEN``;
2. the file that the variable ``SCITOKEN_FILE`` names;
3. the files ``*.use`` in the folder that the variable ``_CONDOR_CREDS`` names, which is HTCondor's, by name;
4. the variable ``BEARER_TOKEN``;
5. the file that the variable ``BEARER_TOKEN_FILE`` names;
6. ``bt_u<uid>`` in the folder that the variable ``XDG_RUNTIME_DIR`` names;
7. ``/tmp/bt_u<uid>``, if it is the user's own: anybody may put a file there;
8. what installed packages offer.

What a token says of itself is judged before it is sent (`Wanted`). Who signed it is not: that needs the issuer's keys,
and the server checks it anyway.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from time import gmtime, sleep, strftime
from typing import TYPE_CHECKING, Final

from skykey.credentials.chain import Chain
from skykey.credentials.claims import claims_of, numeric_date
from skykey.credentials.sources.environment import Variable
from skykey.credentials.sources.file import File
from skykey.credentials.sources.plugins import Plugins
from skykey.credentials.sources.several import Several
from skykey.values.errors import BadUrl, Failed, Unavailable
from skykey.values.url import Url

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from skykey.credentials.claims import Claims
    from skykey.credentials.credential import Bearer
    from skykey.credentials.held import Held
    from skykey.credentials.provider import Ask, Keeping, Provider
    from skykey.values.origin import Origin
    from skykey.values.reach import Reach

SCOPE: Final = "gracedb.read"
"""What a token must allow."""

LEAST: Final = 60.0
"""Seconds that a token must have left when it is found."""

HTGETTOKEN: Final = f"htgettoken -a vault.ligo.org -i igwn --scopes={SCOPE}"
"""How people get one."""

SHARED_FOLDER = "/tmp"  # noqa: S108 - the place is agreed upon (WLCG Bearer Token Discovery), and its owner is looked at

_ANY: Final = frozenset({"ANY", "https://wlcg.cern.ch/jwt/v1/any"})
_VERSIONS: Final = frozenset({"scitoken:1.0", "scitokens:1.0", "scitoken:2.0", "scitokens:2.0"})
_NEEDS_AUDIENCE: Final = frozenset({"scitoken:2.0", "scitokens:2.0"})
# Clocks differ by a minute without anybody's fault.
_SKEW: Final = 60.0
# A file that is written in place is empty, or has half a token, for less than this altogether.
_MOMENTS: Final = (0.005, 0.02, 0.05)
_VARIABLES: Final = ("SCITOKEN", "BEARER_TOKEN")
_FILES: Final = ("SCITOKEN_FILE", "BEARER_TOKEN_FILE")
_CONDOR: Final = "_CONDOR_CREDS"
_RUNTIME: Final = "XDG_RUNTIME_DIR"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a token must say of itself to be sent to a service.

    A service on this machine is a sandbox, and must not see a real token; and what a sandbox issues is of no use
    elsewhere. So a service on a loopback address gets tokens of issuers on loopback addresses, others get all others.

    Parameters
    ----------
    service
        Which it is for.
    scope
        What it must allow.
    """

    service: Origin
    scope: str = SCOPE

    def flaw(self, claims: Claims, now: float) -> str | None:
        """Why a token is not for the service; None if it is.

        Parameters
        ----------
        claims
            As it makes them.
        now
            Wall-clock seconds since 1970.
        """
        return (
            self._form(claims)
            or self._issuer(claims)
            or self._audience(claims)
            or self._scope(claims)
            or _time(claims, now)
        )

    def _form(self, claims: Claims) -> str | None:
        if str(claims.header.get("alg", "none")).lower() == "none":
            return "it is not signed"
        version = claims.payload.get("ver")
        if version is not None and not (isinstance(version, str) and version in _VERSIONS):
            return f"its version {_shown(version)} is unknown"
        return None

    def _issuer(self, claims: Claims) -> str | None:
        try:
            issuer = Url(claims.issuer or "").origin
        except BadUrl:
            return "it does not name its issuer by a URL"
        if issuer.scheme != "https" and not issuer.is_loopback:
            return f"its issuer {issuer} speaks plain http"
        if self.service.is_loopback and not issuer.is_loopback:
            return f"{issuer} issued it, and a service on this machine gets no token of another issuer"
        if issuer.is_loopback and not self.service.is_loopback:
            return f"{issuer}, on this machine, issued it: it is of no use for {self.service}"
        return None

    def _audience(self, claims: Claims) -> str | None:
        if claims.payload.get("aud") is None:
            needs_it = claims.payload.get("ver") in _NEEDS_AUDIENCE  # known by now, so text or nothing
            return "it does not say for whom it is (aud)" if needs_it else None
        audiences = claims.audiences
        if _ANY.isdisjoint(audiences) and self._names.isdisjoint(one.removesuffix("/").lower() for one in audiences):
            whom = ", ".join(map(_shown, audiences)) or "nobody"
            return f"it is for {whom}, not for {self.service} (aud)"
        return None

    @property
    def _names(self) -> frozenset[str]:
        """The service, in the ways in which tokens name it."""
        service = self.service
        host = f"[{service.host}]" if ":" in service.host else service.host
        bare = frozenset({host, f"{host}:{service.port}"})
        return bare | {f"{scheme}://{name}" for name in bare for scheme in {service.scheme, "https"}}

    def _scope(self, claims: Claims) -> str | None:
        allowed = claims.scopes
        if self.scope in allowed or f"{self.scope}:/" in allowed:
            return None
        return f"it allows {', '.join(map(_shown, allowed)) or 'nothing'}, and {self.scope} is needed (scope)"


@dataclass(frozen=True, slots=True)
class Judged:
    """A source whose token is judged before anybody gets it; the search goes on behind what does not count.

    Parameters
    ----------
    inner
        The source.
    wanted
        What its token must say.
    """

    inner: Provider[Bearer]
    wanted: Wanted

    @property
    def name(self) -> str:
        """See `Provider.name`."""
        return self.inner.name

    @property
    def keeping(self) -> Keeping:
        """See `Provider.keeping`."""
        return self.inner.keeping

    def obtain(self, held: Held[Bearer] | None, ask: Ask, /) -> Held[Bearer]:
        """Get a token, and judge it.

        A source that had one before and holds no token now may just be written: it gets a moment.

        Raises
        ------
        Unavailable
            If there is none, or it is not for the service.
        """
        found, is_half = self._judged(held, ask)
        for moment in _MOMENTS if held is not None else ():
            if not is_half:
                break
            sleep(moment)
            found, is_half = self._judged(held, ask)
        if isinstance(found, str):
            raise Unavailable(found)
        return found

    def _judged(self, held: Held[Bearer] | None, ask: Ask) -> tuple[Held[Bearer] | str, bool]:
        """The token, or why there is none; and whether that may be because somebody is writing it."""
        try:
            found = self.inner.obtain(held, ask)
        except Unavailable as nothing:
            return nothing.message, nothing.message.endswith("is empty")
        except Failed as unusable:
            return unusable.message, True
        claims = claims_of(found.credential.token)
        if claims is None:
            return "it is no JSON Web Token", True
        flaw = self.wanted.flaw(claims, ask.clock.wall())
        return (_watched(found), False) if flaw is None else (flaw, False)

    def changed(self, held: Held[Bearer], /) -> bool:
        """See `Provider.changed`."""
        return self.inner.changed(held)


def scitoken_chain(service: Url, reach: Reach, *, scope: str = SCOPE, tokenfile: str | None = None) -> Chain[Bearer]:
    """Put the places of a service's SciToken in order.

    Parameters
    ----------
    service
        Whose token is wanted.
    reach
        Where it may go.
    scope
        What it must allow.
    tokenfile
        The one place that counts; None for all of them.
    """
    wanted = Wanted(service.origin, scope)
    name = f"a SciToken for {service.host}"
    if tokenfile is not None:
        only = File(lambda: tokenfile, reach, "the argument tokenfile", required=True)
        return Chain(name, (Judged(only, wanted),), remedy=remedy(service))
    uid = os.geteuid()

    def runtime() -> str | None:
        folder = _set(_RUNTIME)
        return folder and os.path.join(folder, f"bt_u{uid}")

    def shared() -> str:
        path = shared_path()
        refuse_strangers(path)
        return path

    found: tuple[Provider[Bearer], ...] = (
        Variable(_VARIABLES[0], reach),
        _named(_FILES[0], reach),
        Several(f"the files *.use in {_CONDOR}", lambda: _condor(wanted, reach)),
        Variable(_VARIABLES[1], reach),
        _named(_FILES[1], reach),
        File(runtime, reach, f"the file bt_u{uid} in {_RUNTIME}", absent=f"{_RUNTIME} is not set"),
        File(shared, reach, f"the file {shared_path()}"),
        Plugins("gracedb", reach),
    )
    return Chain(name, tuple(Judged(one, wanted) for one in found), remedy=remedy(service))


def remedy(service: Url) -> str:
    """What to type where there is no token."""
    if service.origin.is_loopback:
        return "point BEARER_TOKEN_FILE to a token of the sandbox, as skykey sandbox run does"
    return HTGETTOKEN


def places() -> tuple[Hashable, ...]:
    """How the places look now: as long as this stays as it is, a search that found nothing finds nothing again.

    What changes inside HTCondor's files is not seen here; nor does time go by.
    """
    paths = [_set(name) for name in _FILES]
    runtime = _set(_RUNTIME)
    paths += [_set(_CONDOR), runtime and os.path.join(runtime, f"bt_u{os.geteuid()}"), shared_path()]
    return (*(hash(os.environ.get(name)) for name in _VARIABLES), *(stamp(path) for path in paths))


def stamp(path: str | None) -> Hashable:
    """How a file looks; None if it is not there."""
    if not path:
        return None
    try:
        status = os.stat(os.path.expanduser(path))
    except (OSError, ValueError):
        return path
    return path, status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size


def shared_path() -> str:
    """The file of this user in the folder that everybody may write into."""
    return os.path.join(SHARED_FOLDER, f"bt_u{os.geteuid()}")


def refuse_strangers(path: str) -> None:
    """Look whose file it is, in a folder that everybody may write into.

    Raises
    ------
    Unavailable
        If it belongs to somebody else, who would decide as whom this user speaks.
    """
    try:
        owner = os.lstat(path).st_uid
    except (OSError, ValueError):
        return  # whoever reads it says why it cannot be read
    if owner != os.geteuid():
        raise Unavailable(f"{path} belongs to another user")


def _named(variable: str, reach: Reach) -> File:
    return File(lambda: _set(variable), reach, f"the file named by {variable}")


def _set(variable: str) -> str | None:
    return os.environ.get(variable, "").strip() or None


def _condor(wanted: Wanted, reach: Reach) -> list[Provider[Bearer]]:
    folder = _set(_CONDOR)
    if folder is None:
        raise Unavailable(f"{_CONDOR} is not set")
    return [Judged(_file(path, reach), wanted) for path in _use_files(folder)]


def _use_files(folder: str) -> Iterator[str]:
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(".use"))
    except (OSError, ValueError):
        raise Unavailable(f"the folder {folder} cannot be read") from None
    if not names:
        raise Unavailable(f"the folder {folder} has no file *.use")
    yield from (os.path.join(folder, name) for name in names)


def _file(path: str, reach: Reach) -> File:
    return File(lambda: path, reach, path)


def _watched(found: Held[Bearer]) -> Held[Bearer]:
    """Looked for at each call: a token that was renewed, or taken away, counts at once."""
    credential = found.credential
    return replace(found, credential=replace(credential, life=replace(credential.life, look_again=0.0)))


def _time(claims: Claims, now: float) -> str | None:
    ends = claims.ends
    if ends is None:
        return "it does not say when it ends"
    if ends <= now:
        return f"it ended at {in_utc(ends)}"
    if ends - now < LEAST:
        return f"it ends at {in_utc(ends)}, in less than {LEAST:.0f} s"
    for name in ("nbf", "iat"):
        begins = numeric_date(claims.payload.get(name))
        if begins is not None and begins > now + _SKEW:
            return f"it begins at {in_utc(begins)} only ({name})"
    return None


def in_utc(seconds: float) -> str:
    """A point in time for people."""
    try:
        return strftime("%Y-%m-%d %H:%M:%S UTC", gmtime(seconds))
    except (OverflowError, ValueError, OSError):
        return f"{seconds:.0f} s after 1970"


def _shown(claim: object) -> str:
    """What a token says, in a message: one line, and not too long."""
    return repr(claim)[:80]
