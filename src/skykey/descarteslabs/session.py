"""An HTTP client whose requests carry the platform's token, renewed as need be.

::

    with Session("https://platform.production.aws.descarteslabs.com/metadata/v1", auth=Auth()) as session:
        session.get("/products", params={"limit": 5}).json()
"""

from __future__ import annotations

import json as json_text
from collections.abc import Iterable, Mapping
from typing import IO, TYPE_CHECKING, Any, Final, Protocol, Self
from urllib.parse import urlencode

from skykey.calls.call import Call, Repeat
from skykey.calls.faces import Async, Sync, method
from skykey.calls.flow import Flow, ask
from skykey.calls.response import Response, Responses
from skykey.descarteslabs.brand import DESCARTESLABS, Brand
from skykey.descarteslabs.exceptions import ClientError, service_error
from skykey.descarteslabs.oauth_errors import oauth_error
from skykey.values.errors import BadUrl, CredentialError, OutOfReach, ServiceError, UsageError
from skykey.values.url import Url
from skykey.wire.request import Request, Timeouts

if TYPE_CHECKING:
    from skykey.credentials.credential import Bearer
    from skykey.credentials.kept import Kept
    from skykey.values.secret import Secret

    Value = str | Secret | None
    Params = str | Mapping[str, Any] | Iterable[tuple[str, Any]] | None
    Data = bytes | bytearray | str | IO[bytes] | IO[str] | Mapping[str, Any] | Iterable[tuple[str, Any]] | None
    Timeout = float | tuple[float | None, float | None] | None

_CONNECT: Final = 9.5
_SILENCE: Final = 30.0
_MOST_BYTES: Final = 2**30
_IDEMPOTENT: Final = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})  # RFC 9110, 9.2.2
_REFUSALS: Final = 400
_GROUP: Final = "X-Request-Group"
_FORM: Final = "application/x-www-form-urlencoded"


class Authenticated(Protocol):
    """What a session needs of an `Auth`."""

    @property
    def keeper(self) -> Kept[Bearer]:
        """Of its token, bound to where it belongs by itself."""
        ...

    def keeper_for(self, url: Url, /) -> Kept[Bearer]:
        """Of the same token, bound to the origin of a URL that the user named."""
        ...


class SessionFlows:
    """Requests to one service.

    Parameters
    ----------
    base_url
        What relative URLs are relative to. The token goes to its origin, and nowhere else: neither an absolute URL nor
        a redirect takes it elsewhere.
    auth
        Whose token goes along; None for requests without one. Without a base URL it goes where `Auth` itself sends it.
    timeout
        Seconds to wait for a connection and for each piece of the answer, or a pair of both; 9.5 and 30 by default.
    retries
        0 sends everything once. Otherwise a GET, HEAD, OPTIONS, PUT or DELETE is sent again, up to three times, after
        a lost connection and after 429, 502, 503, 504. A number counts, and so does an object with ``total``.
    headers
        To send each time; None takes one of them away again.

    Attributes
    ----------
    headers
        As given; a dictionary that may be changed.

    Raises
    ------
    BadUrl
        If the base URL is not one, or has a query.
    """

    _brand: Brand = DESCARTESLABS

    def __init__(
        self,
        base_url: str = "",
        auth: Authenticated | None = None,
        *,
        timeout: Timeout = None,
        retries: Any = None,
        headers: Mapping[str, Value] | None = None,
    ) -> None:
        self.base_url = base_url
        self.timeout = timeout
        self.headers: dict[str, Value] = dict(headers or {})
        self._base = _based(base_url) if base_url else None
        self._auth = auth
        self._repeats = getattr(retries, "total", retries) != 0
        self._session_id = _identifier()

    @method
    def request(  # noqa: PLR0917 - the documented session takes them so
        self,
        method: str,
        url: str,
        headers: Mapping[str, Value] | None = None,
        params: Params = None,
        json: Any = None,
        data: Data = None,
        timeout: Timeout = None,
    ) -> Flow[Response]:
        """Send a request, and give the answer whole.

        Parameters
        ----------
        method
            ``GET``, ``POST``, …
        url
            Below the base URL, or an absolute one at the same origin.
        headers
            Over those of the session; None takes one away.
        params
            For the query; None values are left out, lists repeat their name.
        json
            What to send as JSON.
        data
            What to send: bytes, text, an open file, or names and values of a form.
        timeout
            As for the session.

        Raises
        ------
        ClientError, ServerError
            For 400 and above, of the class that fits the status; with the answer as ``response``.
        OauthError
            If there is no token to be had.
        OutOfReach
            If the URL leads to another origin. Nothing has been sent.
        UsageError
            If the request cannot be written down.
        ServiceError
            For a redirect that leads elsewhere, and for an answer of more than a gigabyte.
        TransportError
            If there is no answer.
        """
        body, kind = _body(json, data)
        target = self._target(url, params)
        request = Request(
            method.upper(),
            target,
            self._headers(headers or {}, kind),
            body,
            cap=_MOST_BYTES,
            timeouts=_timeouts(timeout, self.timeout),
        )
        responses = Responses()
        repeat = Repeat.SAFE if self._repeats and request.method in _IDEMPOTENT else Repeat.NEVER
        brand = getattr(self._auth, "_brand", self._brand)
        remedy = "give the session an auth" if self._auth is None else brand.login
        call = Call(request, responses, self._keepers(), repeat, remedy=remedy)
        try:
            return (yield from ask(call))
        except ClientError:
            raise  # a token that could not be had
        except ServiceError as problem:
            refused = responses.refused_with(problem)
            if refused is None:
                raise
            if refused.status_code < _REFUSALS:
                return refused  # a 3xx that is no redirect, such as 304
            raise service_error(problem, refused, f"{request.method} {url.partition('?')[0]}") from problem
        except OutOfReach:
            raise
        except CredentialError as problem:
            raise oauth_error(problem, brand) from problem

    @method
    def get(
        self,
        url: str,
        *,
        params: Params = None,
        headers: Mapping[str, Value] | None = None,
        timeout: Timeout = None,
    ) -> Flow[Response]:
        """As `request`."""
        return (yield from self.request("GET", url, headers, params, timeout=timeout))

    @method
    def head(
        self,
        url: str,
        *,
        params: Params = None,
        headers: Mapping[str, Value] | None = None,
        timeout: Timeout = None,
    ) -> Flow[Response]:
        """As `request`."""
        return (yield from self.request("HEAD", url, headers, params, timeout=timeout))

    @method
    def options(
        self,
        url: str,
        *,
        params: Params = None,
        headers: Mapping[str, Value] | None = None,
        timeout: Timeout = None,
    ) -> Flow[Response]:
        """As `request`."""
        return (yield from self.request("OPTIONS", url, headers, params, timeout=timeout))

    @method
    def post(
        self,
        url: str,
        data: Data = None,
        json: Any = None,
        *,
        params: Params = None,
        headers: Mapping[str, Value] | None = None,
        timeout: Timeout = None,
    ) -> Flow[Response]:
        """As `request`; never sent again after a lost connection."""
        return (yield from self.request("POST", url, headers, params, json, data, timeout))

    @method
    def put(
        self,
        url: str,
        data: Data = None,
        *,
        json: Any = None,
        params: Params = None,
        headers: Mapping[str, Value] | None = None,
        timeout: Timeout = None,
    ) -> Flow[Response]:
        """As `request`."""
        return (yield from self.request("PUT", url, headers, params, json, data, timeout))

    @method
    def patch(
        self,
        url: str,
        data: Data = None,
        *,
        json: Any = None,
        params: Params = None,
        headers: Mapping[str, Value] | None = None,
        timeout: Timeout = None,
    ) -> Flow[Response]:
        """As `request`; never sent again after a lost connection."""
        return (yield from self.request("PATCH", url, headers, params, json, data, timeout))

    @method
    def delete(
        self,
        url: str,
        *,
        json: Any = None,
        params: Params = None,
        headers: Mapping[str, Value] | None = None,
        timeout: Timeout = None,
    ) -> Flow[Response]:
        """As `request`."""
        return (yield from self.request("DELETE", url, headers, params, json, timeout=timeout))

    def _keepers(self) -> tuple[Kept[Bearer], ...]:
        if self._auth is None:
            return ()
        return (self._auth.keeper if self._base is None else self._auth.keeper_for(self._base),)

    def _target(self, url: str, params: Params) -> Url:
        """The whole URL, at the origin of the base."""
        if _is_absolute(url) or self._base is None:
            target = _with_query(url, params)
        else:
            # As the documented session, which puts the two together as text: a base URL keeps its last part.
            slash = "" if not url or url[0] in "/?" or self.base_url.endswith("/") else "/"
            target = _with_query(f"{self.base_url}{slash}{url}", params)
        if self._base is not None and target.origin != self._base.origin:
            raise OutOfReach(f"this session is bound to {self._base.origin} and does not go to {target.origin}")
        return target

    def _headers(self, given: Mapping[str, Value], kind: str | None) -> tuple[tuple[str, str | Secret], ...]:
        """Ours, the session's, the request's: a later one replaces an earlier one of the same name."""
        ours: dict[str, Value] = {
            "Accept-Encoding": "gzip, deflate",
            "Content-Type": kind,
            "X-Client-Session": self._session_id,
            _GROUP: _identifier(),
        }
        chosen: dict[str, tuple[str, Value]] = {}
        for headers in (ours, self.headers, given):
            chosen |= {name.lower(): (name, value) for name, value in headers.items()}
        return tuple((name, value) for name, value in chosen.values() if value is not None)

    def __repr__(self) -> str:
        # Also where the constructor raised: tracebacks show local variables.
        return f"<{type(self).__name__} at {getattr(self, '_base', None) or '?'}>"


class Session(SessionFlows, Sync):
    """For blocking programs."""

    def close(self) -> None:
        """Nothing: connections belong to the process."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncSession(SessionFlows, Async):
    """For programs that run on an event loop."""

    async def close(self) -> None:
        """Nothing: connections belong to the process."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _identifier() -> str:
    from uuid import uuid4

    return uuid4().hex


def _based(url: str) -> Url:
    if "?" in url or "#" in url:
        raise BadUrl("a base URL has no query and no fragment: paths are appended to it", shown=url)
    return Url(url)


def _is_absolute(url: str) -> bool:
    return url[:8].lower().startswith(("http://", "https://"))


def _with_query(url: str, params: Params) -> Url:
    if not isinstance(params, str):
        params = _form(params or ())
    plain = url.partition("#")[0].replace(" ", "%20")
    joint = "&" if "?" in plain else "?"
    return Url(f"{plain}{joint}{params}" if params else plain)


def _form(values: Any) -> str:
    """Names and values; without what is None, by itself or in a list."""
    kept: list[tuple[str, Any]] = []
    try:
        pairs = [(name, value) for name, value in (values.items() if isinstance(values, Mapping) else values)]
    except (TypeError, ValueError):
        raise UsageError(
            f"a {type(values).__name__} holds no pairs of names and values", next="pass bytes, text or a mapping"
        ) from None
    for name, value in pairs:
        if isinstance(value, list | tuple | set | frozenset):
            kept.append((name, [part for part in value if part is not None]))
        elif value is not None:
            kept.append((name, value))
    return urlencode(kept, doseq=True)


def _body(document: Any, data: Any) -> tuple[bytes, str | None]:
    """What to send, and what to call it."""
    match data:
        case None | b"" | "" if document is not None:
            try:
                return json_text.dumps(document, allow_nan=False).encode(), "application/json"
            except (TypeError, ValueError, RecursionError) as problem:
                raise UsageError(f"this cannot be written as JSON ({problem})") from None
        case None:
            return b"", None
        case bytes() | bytearray():
            return bytes(data), None
        case str():
            return data.encode(), None
        case _ if hasattr(data, "read"):
            return _body(document, data.read())
        case _:
            return _form(data).encode(), _FORM


def _timeouts(*chosen: Timeout) -> Timeouts:
    """The first that is given, with the usual ones for what it leaves open."""
    match next((timeout for timeout in chosen if timeout is not None), None):
        case None:
            return Timeouts(_CONNECT, _SILENCE)
        case (connect, silence):
            return Timeouts(_CONNECT if connect is None else connect, _SILENCE if silence is None else silence)
        case seconds:
            return Timeouts(seconds, seconds)
