"""Drive a running sandbox from a test or a notebook: time, tokens, delays, faults, and what was asked."""

import http.client
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from skykey.sandbox.errors import NotRunning, SandboxError

__all__ = ["Action", "Controls", "Generation", "Seen", "Shape"]

Action = Literal["refresh", "client_credentials", "revoke", "echo"]
Shape = Literal["access_token", "id_token"]
Generation = Literal["current", "classic"]
FaultKind = Literal["status", "html", "close", "truncate", "stall"]


@dataclass(frozen=True)
class Seen:
    """One request as a service saw it. ``fingerprint`` tells secrets apart and is none.

    ``sent`` is what a service has read in its body, if it tells. GraceDB does: ``fields`` (each with all its values),
    ``json``, and ``files``, each by its part's name with ``filename``, ``kind``, ``size`` and ``sha256``.
    """

    service: str
    method: str
    host: str
    path: str
    query: str
    headers: tuple[str, ...]
    credential: str | None
    fingerprint: str | None
    status: int | None
    fault: str | None
    sent: dict[str, Any] | None = None


class Controls:
    """The controls of one sandbox, over HTTP on loopback and never through a proxy.

    The services that a delay, a fault or a log entry names are ``gafaelfawr``, ``repertoire``, ``influxdb``,
    ``influxdb-second`` and ``storage`` (on the second origin), ``consdb``, ``consdbtap``, ``narrativelog``,
    ``exposurelog``, ``nightreport``, ``schema-registry``, ``segwarides`` and, for the rest of the site, ``site``;
    of the imagery platform ``iam`` (its token service), ``echo`` (a service) and ``account`` (the page with logins);
    ``gracedb`` and ``gracedb-issuer``, which are two hosts.

    Parameters
    ----------
    url, key
        The control origin and its key, as the state file names them.
    """

    def __init__(self, url: str, key: str, *, timeout: float = 5.0) -> None:
        self._address = urlsplit(url).netloc
        self._key = key
        self._timeout = timeout

    def clock(self, offset: float) -> None:
        """Set the sandbox's clock ``offset`` seconds ahead of (below zero: behind) the machine's."""
        self._do("clock", offset=offset)

    def mint(
        self,
        scopes: Iterable[str] = ("read:image", "read:tap", "read:sasquatch"),
        *,
        seconds: float | None = 86_400.0,
        username: str = "ada",
        kind: str = "user",
        name: str | None = None,
        service: str | None = None,
        parent: str | None = None,
    ) -> str:
        """Return a new token with these scopes; ``seconds`` of None never ends."""
        more = {"username": username, "kind": kind, "name": name, "service": service, "parent": parent}
        token = self._do("mint", scopes=list(scopes), seconds=seconds, **more)
        return str(token)

    def life(self, seconds: float | None, token: str | None = None) -> int:
        """Let one token (or, without one, all) end in ``seconds``; return how many that were.

        What a JSON Web Token says of itself cannot change: only the services know of its new end.
        """
        return int(self._do("life", seconds=seconds, token=token))

    def expire(self, token: str | None = None) -> int:
        """End one token, or all of them, now."""
        return self.life(0, token)

    def rotate(self) -> None:
        """Write a new token and new logins into their files, and end those that were there."""
        self._do("rotate")

    def login(
        self,
        user: str = "ada",
        *,
        client_id: str | None = None,
        org: str | None = None,
        groups: Iterable[str] | None = None,
        system: Literal["descarteslabs", "earthone"] | None = None,
    ) -> dict[str, str]:
        """Hand out a new login of the imagery platform, to a new user if there is none of this name.

        Parameters
        ----------
        client_id
            The client it is for; by default the one that the user always has.
        org, groups
            What tokens say of the user from now on, if given.
        system
            Whose real name the login's ``revoke_url`` carries; None is the address on loopback.

        Returns
        -------
        dict
            What stands in ``token_info.json``; and under ``paste`` the same as the page shows it.
        """
        said = {"org": org, "groups": None if groups is None else list(groups)}
        return dict(self._do("login", user=user, client_id=client_id, system=system, **said))

    def revoke(self, user: str = "ada") -> int:
        """End every login of a user, and the access tokens made from them; return how many logins that were."""
        return int(self._do("revoke", user=user))

    def iam(
        self,
        *,
        rotation: bool | None = None,
        seconds: int | None = None,
        shape: Shape | None = None,
        prefix: bool | None = None,
        put: dict[str, Any] | None = None,
        drop: Iterable[str] | None = None,
    ) -> None:
        """Change how the token service answers. What is left out stays as it is; `reset` takes all back.

        Parameters
        ----------
        rotation
            Each refresh gives a new refresh token; an old one that comes again ends the login (off).
        seconds
            The life of an access token (3600); below zero it is over when it arrives.
        shape
            The name under which the token stands in the answer (``access_token``).
        prefix
            Whether what a token says of its user is named ``earthdaily__dl__…`` (off).
        put, drop
            Fields of the answer to replace or add, with any JSON value, and fields to leave out (none).
        """
        named = {"rotation": rotation, "seconds": seconds, "shape": shape, "prefix": prefix}
        fields = {"put": put, "drop": None if drop is None else list(drop)}
        self._do("iam", **{name: value for name, value in (named | fields).items() if value is not None})

    def iam_stats(self) -> dict[str, int]:
        """Count, since the last `forget`, ``refreshes``, ``revocations``, ``reuses`` and requests.

        A request for a token is counted under client and grant, with a blank between: ``"<client_id> refresh_token"``.
        """
        return dict(self._do("iam_stats"))

    def tap(
        self,
        *,
        hold: str | None = None,
        words: str | None = None,
        early: bool | None = None,
        redirect: bool | None = None,
        storage: bool | None = None,
        stop_after: int | None = None,
        limit: int | None = None,
        status: int | None = None,
        formats: Iterable[str] | None = None,
    ) -> None:
        """Change how TAP answers. What is left out stays as it is; `reset` takes all back and destroys every job.

        Parameters
        ----------
        hold
            The phase in which jobs stay that are run, and to which those that are held go (``""``: they go on).
            ``ERROR``, ``ABORTED`` and ``ARCHIVED`` end them.
        words
            What is said of jobs and answers that fail because a control wants it so.
        early
            Whether WAIT is answered at once, though nothing changed (off).
        redirect
            Whether ``/sync`` sends its caller to ``/sync/<id>/run`` (off).
        storage
            Whether results are on another origin, which refuses requests that carry a credential (off).
        stop_after
            How many rows an answer has before it fails in its middle (-1: it does not).
        limit
            The most rows of an answer, whatever its MAXREC (1,000,000).
        status
            Of the answer that says what is wrong with a question (400).
        formats
            The aliases of the formats that there are, the first of them for whoever names none (all:
            ``votable``, ``votable-b2``, ``csv``, ``tsv``, ``parquet``).
        """
        named = {"hold": hold, "words": words, "early": early, "redirect": redirect, "storage": storage}
        more = {"stop_after": stop_after, "limit": limit, "status": status}
        listed = None if formats is None else list(formats)
        sent = named | more | {"formats": listed}
        self._do("tap", **{name: value for name, value in sent.items() if value is not None})

    def tap_jobs(self) -> list[dict[str, str]]:
        """Return ``id``, ``owner`` and ``phase`` of every job that was not destroyed, whoever's it is."""
        return list(self._do("tap_jobs"))

    def gracedb(self, *, generation: Generation | None = None, throttle: int | None = None) -> None:
        """Change how GraceDB answers. What is left out stays as it is; `reset` takes all back.

        Parameters
        ----------
        generation
            ``current`` has the second version of the API as its default and has retired some routes; ``classic``
            has the first.
        throttle
            How many requests that write, a second, one user may send (none are counted).
        """
        named = {"generation": generation, "throttle": throttle}
        self._do("gracedb", **{name: value for name, value in named.items() if value is not None})

    def gracedb_restart(self, seconds: float = 0.0) -> None:
        """Stop GraceDB and start it again at the same address after ``seconds``, with what it has on disk.

        On loopback all connections break, and new ones are refused meanwhile.
        """
        self._do("gracedb_restart", seconds=seconds)

    def gracedb_token(
        self,
        subject: str = "albert.einstein@ligo.org",
        *,
        lifetime: float = 10_800.0,
        as_real: bool = False,
        **claims: Any,
    ) -> str:
        """Return a new SciToken.

        Parameters
        ----------
        subject
            Its user: albert.einstein@ligo.org may do everything, marie.curie@ligo.org may upload test events only,
            vera.rubin@example.org is not of the collaboration.
        lifetime
            How many seconds it is good for; below zero it is over.
        as_real
            Whether its issuer has the real name, which only programs with ``--as-real`` can ask for its keys.
        claims
            What it says otherwise than usual (``aud``, ``scope``, ``ver``, …); None takes a claim away.
        """
        sent = {"subject": subject, "lifetime": lifetime, "as_real": as_real, "claims": claims}
        return str(self._do("gracedb_token", **sent))

    def fail(self, action: Action, user: str | None = None, *, status: int = 503, times: int = 1) -> None:
        """Let the next ``times`` that a user (None: anybody) does this fail, with an error as the service words it."""
        self._do("fail", user=user, action=action, status=status, times=times)

    def change_password(self, server: Literal["site", "second"] = "site") -> None:
        """Give the account of one InfluxDB a new password, so that the login handed out before fails."""
        self._do("password", server=server)

    def quota(self, limit: int | None, *, window: int = 60) -> None:
        """Admit ``limit`` requests per window on guarded routes (None: no limit; 0: blocked with 403)."""
        self._do("quota", limit=limit, window=window)

    def latency(self, seconds: float, *, service: str | None = None, path: str | None = None) -> None:
        """Wait before every matching request; 0 takes the delay of the same service and path away."""
        self._do("latency", seconds=seconds, service=service, path=path)

    def fault(
        self,
        kind: FaultKind = "status",
        *,
        times: int = 1,
        service: str | None = None,
        path: str | None = None,
        status: int = 503,
        headers: dict[str, str] | None = None,
        body: str | None = None,
        retry_after: float | None = None,
        seconds: float | None = None,
        after: int | None = None,
    ) -> None:
        """Let the next ``times`` requests of a service, or below a path, fail.

        Parameters
        ----------
        kind
            ``status`` answers with ``status``, ``headers`` and ``body`` (NGINX's page if None) and, with
            ``retry_after``, a date so many seconds ahead; ``html`` is a login page with status 200; ``close``
            ends the connection unanswered; ``truncate`` ends the answer early; ``stall`` is silent for
            ``seconds``, or for good.
        after
            How many bytes of the answer's body come before ``truncate`` or ``stall``.
        """
        rule: dict[str, Any] = {"kind": kind, "times": times, "service": service, "path": path}
        answer = {"status": status, "headers": headers or {}, "body": body, "retry_after": retry_after}
        self._do("fault", **rule, **answer, seconds=seconds, after=after)

    def requests(self, service: str | None = None) -> list[Seen]:
        """Return the requests so far, oldest first, of one service or of all."""
        seen = [Seen(**{**entry, "headers": tuple(entry["headers"])}) for entry in self._do("requests")]
        return [entry for entry in seen if service in (None, entry.service)]

    def forget(self) -> None:
        """Empty the log of requests, and count anew."""
        self._do("forget")

    def reset(self) -> None:
        """Take back clock, delays, faults, failures, quota, and how the token service, TAP and GraceDB answer.

        What was written into GraceDB stays.
        """
        self._do("reset")

    def hello(self) -> dict[str, Any]:
        """Return the pid and the time of the sandbox; raises `NotRunning` if it does not answer."""
        return dict(self._do("hello"))

    def stop(self) -> None:
        """Ask the sandbox to stop."""
        self._do("stop")

    def _do(self, verb: str, **arguments: Any) -> Any:
        connection = http.client.HTTPConnection(self._address, timeout=self._timeout)
        try:
            headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
            connection.request("POST", f"/{verb}", json.dumps(arguments), headers)
            response = connection.getresponse()
            answer = json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise NotRunning(f"No sandbox answers at {self._address} ({error}).") from error
        finally:
            connection.close()
        if response.status != http.HTTPStatus.OK:
            raise SandboxError(f"The sandbox refused {verb}: {answer.get('error', answer)}")
        return answer
