"""The documented client without its methods: construction, properties of the server, and the verbs of a session.

::

    with GraceDBClient("https://gracedb-test.ligo.org/api/") as client:
        client.get(client.links["events"], params={"count": 1}).json()
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Self

from skykey.calls.call import Redirects
from skykey.calls.faces import Async, Sync, method
from skykey.gracedb.asking import Asking
from skykey.gracedb.headers import SessionHeaders
from skykey.gracedb.options import (
    DEFAULT_ALLOWED_METHODS,
    DEFAULT_BACKOFF_FACTOR,
    DEFAULT_RELOAD_BUFFER,
    DEFAULT_RETRIES,
    DEFAULT_RETRY_CODES,
    DEFAULT_SERVICE_URL,
    MAX_RETRY_AFTER_SECONDS,
    checked,
    timeouts_of,
)
from skykey.gracedb.root_memory import RootMemory
from skykey.gracedb.rooted import rooted
from skykey.gracedb.sending import given_body, with_query
from skykey.gracedb.session_attributes import SessionAttributes
from skykey.gracedb.warned import warn

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from skykey.calls.flow import Flow
    from skykey.gracedb.headers import Value
    from skykey.gracedb.options import Timeout
    from skykey.gracedb.response import Response
    from skykey.gracedb.sending import Params

__all__ = [
    "DEFAULT_ALLOWED_METHODS",
    "DEFAULT_BACKOFF_FACTOR",
    "DEFAULT_RELOAD_BUFFER",
    "DEFAULT_RETRIES",
    "DEFAULT_RETRY_CODES",
    "DEFAULT_SERVICE_URL",
    "DEFAULT_TOKEN_SCOPE",
    "MAX_RETRY_AFTER_SECONDS",
    "AsyncGraceDBClient",
    "GraceDBClient",
    "GraceDBClientFlows",
]

DEFAULT_TOKEN_SCOPE: Final = "gracedb.read"  # noqa: S105 - a scope


class GraceDBClientFlows(SessionAttributes, Asking):
    """A client of one GraceDB server. Nothing is sent before the first request.

    Parameters
    ----------
    service_url
        The API root; a missing slash at its end is added.
    cred
        An X.509 certificate: the path of a file that holds it with its key, or a pair of paths; True if one must be
        found, False for none.
    force_noauth
        Send no credential of any kind.
    fail_if_noauth
        Send nothing without a credential.
    api_version
        Such as ``v2``; None and ``default`` leave it to the server. Whether the server has it shows with the first
        request.
    reload_certificate
        The old name of `reload_cred`.
    reload_cred, reload_buffer
        Look for another credential so many seconds before the end of the one in use (see
        `skykey.gracedb.credentials.Credentials`).
    use_auth
        ``all``, ``scitoken`` or ``x509``.
    retries
        How often a request may be sent again that is safe to repeat: after lost connections and `retry_codes`, over
        http too. What writes is sent again only if it surely was not done; an end that leaves this open is an
        `OutcomeUnknown`.
    retry_codes
        HTTP statuses worth another try; 429 always is one.
    allowed_methods
        Which verbs may be sent again. None leaves it to what each method knows. A verb that writes is sent again like
        a GET only if it is named here: what it makes may then be made twice, unless the method can look for it.
    backoff_factor
        Seconds before the first repeat; each further wait is twice as long, spread by chance. What a server asks for
        by ``Retry-After`` counts up to 30 s.
    url
        Another name of `service_url`, which the documented base class has.
    timeout
        Seconds to wait for a connection and for each piece of an answer, or a pair of both; 10 and 60 by default.
    remember_root
        Whether the API root is remembered beyond this client: in the process, and in ``skykey/gracedb`` below the
        user's cache folder. The variable ``SKYKEY_NO_CACHE`` switches off the folder alone.

    Attributes
    ----------
    headers
        Sent with every request; may be changed. Secret ones go to this server only.

    Raises
    ------
    UsageError
        A ``ValueError``, for options that contradict each other or are of no known value; also a ``TypeError`` where
        it is one.
    IgwnAuthError
        If there has to be a credential, and there is none.
    """

    def __init__(  # noqa: PLR0917 - the documented constructor
        self,
        service_url: str = DEFAULT_SERVICE_URL,
        cred: Any = None,
        force_noauth: bool = False,
        fail_if_noauth: bool = False,
        api_version: str | None = None,
        reload_certificate: bool = False,
        reload_cred: bool = False,
        reload_buffer: float = DEFAULT_RELOAD_BUFFER,
        use_auth: str = "all",
        retries: int = DEFAULT_RETRIES,
        retry_codes: Collection[int] | None = None,
        allowed_methods: Collection[str] | None = DEFAULT_ALLOWED_METHODS,
        backoff_factor: float = DEFAULT_BACKOFF_FACTOR,
        *,
        url: str | None = None,
        timeout: Timeout = None,
        remember_root: bool = True,
    ) -> None:
        from skykey.gracedb.credentials import Credentials  # it loads every place that it looks at

        service_url = service_url if url is None else url
        self._options = checked(
            service_url,
            api_version=api_version,
            retries=retries,
            retry_codes=retry_codes,
            allowed_methods=allowed_methods,
            backoff_factor=backoff_factor,
            timeout=timeout,
            remember_root=remember_root,
            force_noauth=force_noauth,
        )
        self._credentials = Credentials(
            self._options.service_url,
            cred=cred,
            force_noauth=force_noauth,
            fail_if_noauth=fail_if_noauth,
            use_auth=use_auth,
            reload_cred=reload_cred,
            reload_buffer=reload_buffer,
            reload_certificate=reload_certificate,
        )
        self._set_up()

    def _set_up(self) -> None:
        self._memory = None if self._options.remembers else RootMemory(self._options.versioned_url)
        self.headers = SessionHeaders.usual()

    # -- about itself

    @property
    def host(self) -> str:
        """The server's name."""
        return self._options.service_url.host

    @property
    def auth_type(self) -> set[str]:
        """The kinds of credentials that a request would carry now: ``scitoken``, ``x509``."""
        return self._credentials.auth_type

    @property
    def _service_url(self) -> str:
        return self._options.service_url

    @property
    def _versioned_service_url(self) -> str:
        return self._options.versioned_url

    @property
    def service_url(self) -> str:
        """The unversioned API root; deprecated, as in the documented client."""
        warn("service_url is deprecated: remember what was given to the constructor", DeprecationWarning)
        return self._service_url

    # -- about the server

    @rooted
    def service_info(self) -> Flow[dict[str, Any]]:
        """The API root, whole."""
        return (yield from self._root()).info

    api_versions = rooted.key("api-versions", "Versions of the API that the server has.")
    server_version = rooted.key("server-version", "Which release the server runs.")
    links = rooted.key("links", "URLs of lists.")
    templates = rooted.key("templates", "URLs with placeholders.")
    groups = rooted.key("groups", "Analysis groups.")
    pipelines = rooted.key("pipelines", "Analysis pipelines.")
    searches = rooted.key("searches", "Searches.")
    allowed_labels = rooted.key("labels", "Labels that exist.")
    em_groups = rooted.key("em-groups", "Groups of observers; None from server 2.36 on.")
    voevent_types = rooted.key("voevent-types", "Types of VOEvents: code to name.")
    superevent_categories = rooted.key("superevent-categories", "Categories of superevents: code to name.")
    instruments = rooted.key("instruments", "Instruments, code to name; None from server 2.36 on.")
    signoff_types = rooted.key("signoff-types", "Types of signoffs: code to name.")
    signoff_statuses = rooted.key("signoff-statuses", "Statuses of signoffs: code to name.")

    # -- the verbs of a session

    @method
    def request(  # noqa: PLR0917 - as requests has it
        self,
        method: str,
        url: str,
        params: Params = None,
        data: Any = None,
        headers: Mapping[str, Value] | None = None,
        cookies: Any = None,
        files: Any = None,
        auth: Any = None,
        timeout: Timeout = None,
        allow_redirects: bool = True,
        proxies: Any = None,
        hooks: Any = None,
        stream: bool | None = None,
        verify: Any = None,
        cert: Any = None,
        json: Any = None,
    ) -> Flow[Response]:
        """Send a request to any URL, and give its answer, whole.

        Credentials go along to the client's own server, and nowhere else: not to another origin that an answer links
        to, not along with a redirect. What writes is not sent again after an ambiguous end.

        Parameters
        ----------
        method
            ``GET``, ``POST``, …
        url
            An absolute URL.
        params
            For the query; None values vanish, lists repeat their name.
        data
            Bytes, text, an open file, or names and values of a form.
        headers
            Over those of the client; None takes one away.
        files
            Files of a form: name to an open file or its content, or to a tuple of file name, content and media type.
        timeout
            As for the constructor.
        allow_redirects, stream
            Without meaning: redirects are followed, answers are read whole; `get_file` does not hold them in memory.
        json
            What to send as JSON.
        cookies, auth, proxies, hooks, verify, cert
            Only what is so anyway; anything else is refused.

        Raises
        ------
        HTTPError
            For 400 and above, of the class that fits the status.
        OutcomeUnknown
            If what writes may have been done or not.
        TransportError
            If there is no answer.
        UsageError
            If the request cannot be written down, or something cannot be honoured; nothing was sent.
        """
        del allow_redirects, stream
        self._refuse(cookies=cookies, auth=auth, proxies=proxies, hooks=hooks, verify=verify, cert=cert)
        body, kind = given_body(data, files, json)
        target = with_query(url, params)
        return (
            yield from self._asked(
                method.upper(),
                target,
                body=body,
                kind=kind,
                headers=headers,
                timeouts=timeouts_of(timeout, self._options.timeouts),
                redirects=Redirects.WITHIN if self._is_home(target) else Redirects.DROP,
            )
        )

    @method
    def get(self, /, url: str, params: Params = None, **more: Any) -> Flow[Response]:
        """See `request`."""
        return (yield from self.request("GET", url, params, **more))

    @method
    def options(self, /, url: str, **more: Any) -> Flow[Response]:
        """See `request`."""
        return (yield from self.request("OPTIONS", url, **more))

    @method
    def head(self, /, url: str, **more: Any) -> Flow[Response]:
        """See `request`."""
        return (yield from self.request("HEAD", url, **more))

    @method
    def post(self, /, url: str, data: Any = None, json: Any = None, **more: Any) -> Flow[Response]:
        """See `request`."""
        return (yield from self.request("POST", url, data=data, json=json, **more))

    @method
    def put(self, /, url: str, data: Any = None, **more: Any) -> Flow[Response]:
        """See `request`."""
        return (yield from self.request("PUT", url, data=data, **more))

    @method
    def patch(self, /, url: str, data: Any = None, **more: Any) -> Flow[Response]:
        """See `request`."""
        return (yield from self.request("PATCH", url, data=data, **more))

    @method
    def delete(self, /, url: str, **more: Any) -> Flow[Response]:
        """See `request`."""
        return (yield from self.request("DELETE", url, **more))

    @method
    def send(self, /, request: Any, **more: Any) -> Flow[Response]:
        """Send a request that another library has prepared.

        Parameters
        ----------
        request
            An object with ``method``, ``url``, ``headers`` and ``body``.
        more
            As for `request`.
        """
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _OURS}
        return (yield from self.request(request.method, request.url, data=request.body, headers=headers, **more))

    def __repr__(self) -> str:
        # Also where the constructor raised: tracebacks show local variables.
        options = vars(self).get("_options")
        return f"<{type(self).__name__} at {options.versioned_url if options else '?'}>"

    def __reduce__(self) -> tuple[Any, ...]:
        # Credentials pickle what was chosen; the receiver finds its own.
        state = {name: value for name, value in vars(self).items() if name not in _STAYS}
        return _again, (type(self), {**state, "headers": self.headers.public()})


# Written anew for each request.
_OURS: Final = frozenset({"content-length", "host", "transfer-encoding", "connection"})
_STAYS: Final = frozenset({"_memory", "_has_asked_root", "_carrier", "_clock", "headers"})


def _again(cls: type[GraceDBClientFlows], state: dict[str, Any]) -> GraceDBClientFlows:
    made = object.__new__(cls)
    headers = state.pop("headers")
    vars(made).update(state)
    made._set_up()
    made.headers.update(headers)
    return made


class GraceDBClient(GraceDBClientFlows, Sync):
    """See `GraceDBClientFlows`; for blocking programs."""

    def close(self) -> None:
        """Nothing: connections belong to the process."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncGraceDBClient(GraceDBClientFlows, Async):
    """See `GraceDBClientFlows`; for programs on an event loop. Properties of the server are awaited."""

    async def close(self) -> None:
        """Nothing: connections belong to the process."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def __getattr__(name: str) -> Any:
    if name == "GraceDbRetry":
        from skykey.gracedb.urllib3_retry import GraceDbRetry

        return GraceDbRetry
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
