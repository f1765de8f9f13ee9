"""Authentication for Descartes Labs, as its users know it: `Auth` and what lies beside it.

Nothing is requested at construction. One token serves all threads, tasks and processes that use the same login: it is
renewed once for all of them, within the leeway while it is still valid, and a failing renewal never takes a valid
token away.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

from skykey.credentials.held import Held
from skykey.descarteslabs import payload as payloads
from skykey.descarteslabs import resolution
from skykey.descarteslabs.brand import DESCARTESLABS, Brand
from skykey.descarteslabs.config import app_domain, default_domain
from skykey.descarteslabs.copies import Asked, Copies
from skykey.descarteslabs.defaults import Defaults
from skykey.descarteslabs.exceptions import AuthError
from skykey.descarteslabs.keeping import kept
from skykey.descarteslabs.names import Names
from skykey.descarteslabs.notices import Notices, warn
from skykey.descarteslabs.oauth_errors import oauth_error
from skykey.descarteslabs.stores import bearer_of
from skykey.descarteslabs.subjects import Subjects
from skykey.values.clock import SYSTEM_CLOCK, Clock
from skykey.values.errors import SkykeyError, UsageError
from skykey.values.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from skykey.credentials.credential import Bearer
    from skykey.credentials.keeper import Keeper
    from skykey.credentials.kept import Kept
    from skykey.descarteslabs.resolution import Given
    from skykey.descarteslabs.session import AsyncSession, Session
    from skykey.values.reach import Reach
    from skykey.values.url import Url

__all__ = ["Auth"]

DESCARTESLABS_CLIENT_ID: Final = DESCARTESLABS.client_id_variable
DESCARTESLABS_CLIENT_SECRET: Final = DESCARTESLABS.client_secret_variable
DESCARTESLABS_REFRESH_TOKEN: Final = DESCARTESLABS.refresh_token_variable
DESCARTESLABS_TOKEN: Final = DESCARTESLABS.token_variable
DESCARTESLABS_TOKEN_INFO_PATH: Final = DESCARTESLABS.token_info_path_variable
DESCARTESLABS_CUSTOM_CLAIM_PREFIX: Final = DESCARTESLABS.claim_prefix
LEGACY_DELEGATION_CLIENT_IDS: Final = list(DESCARTESLABS.delegates)
JWT_TOKEN_PREFIX: Final = "jwt_token_"  # noqa: S105 - the beginning of a file's name
base64url_decode: Final = payloads.base64url_decode


class Auth(Copies, Defaults, Names):
    """Authenticates with all Descartes Labs service APIs.

    A login is a client id with a renewal secret (called ``client_secret`` and ``refresh_token``, which mean the same).
    It is looked for in the arguments, in the variables ``DESCARTESLABS_CLIENT_ID`` and
    ``DESCARTESLABS_CLIENT_SECRET`` (or ``DESCARTESLABS_REFRESH_TOKEN``), each value for itself, and if neither has
    anything, in the file that ``descarteslabs auth login`` writes. ``DESCARTESLABS_TOKEN`` or `jwt_token` is a token
    that cannot be renewed.

    Parameters
    ----------
    domain
        The token service; by default ``descarteslabs.config.get_settings().IAM_URL``.
    scope
        Names of the claims to include; by default what the file says, else all.
    leeway
        Seconds before its end from which on a token is renewed.
    token_info_path
        A login's file. Alone: the login is read from there, as with ``DESCARTESLABS_TOKEN_INFO_PATH``. Together with a
        login: that one is written there, over what conflicts with it. None: no file takes part.
    client_id, client_secret, refresh_token
        The login. Tokens are shared between processes without writing the secret.
    jwt_token
        A token to begin with, ``str`` or ASCII ``bytes``. It is discarded if it is over or of another client.
    retries
        How often the token service is asked again: a number (lost connections only) or an object like urllib3's
        ``Retry``. By default five times, with growing waits of up to ten seconds, at most a minute in all.

    Raises
    ------
    UsageError
        Also a ``ValueError``: for a secret that is no text, or an id that cannot be one. Nothing is written then.

    Warns
    -----
    UserWarning
        If the two secrets differ, the file cannot be read, or nothing usable is found.

    Notes
    -----
    Source: the *Authentication* page of the documentation, and release 4.0.0.

    Examples
    --------
    >>> auth = Auth(client_id="some-id", client_secret="some-secret", token_info_path=None)
    >>> auth.client_id, auth.leeway
    ('some-id', 500)
    """

    _default_token_info_path: ClassVar[Any] = object()
    _instance: ClassVar[Auth | None] = None
    _brand: ClassVar[Brand] = DESCARTESLABS
    _own: ClassVar[frozenset[str]] = frozenset(
        {"_asked", "_clock", "_domain", "_lends", "_notices", "_resolved", "_retry_config", "keeper"}
    )

    def __init__(  # noqa: PLR0917 - the documented signature
        self,
        domain: str | None = None,
        scope: list[str] | None = None,
        leeway: float = 500,
        token_info_path: str | os.PathLike[str] | None = _default_token_info_path,
        client_id: str | None = None,
        client_secret: str | None = None,
        jwt_token: str | bytes | None = None,
        refresh_token: str | None = None,
        retries: object = None,
        _suppress_warning: bool = False,
        *,
        _clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        given = resolution.taken(client_id, client_secret, refresh_token, jwt_token, scope)
        del client_id, client_secret, refresh_token, jwt_token  # tracebacks show local variables
        if isinstance(given, UsageError):
            raise given
        explicit = token_info_path is not self._default_token_info_path
        path = _path(token_info_path) if explicit else None
        asked = Asked(domain, given.scope, _seconds(leeway), path, explicit, retries)
        self._set_up(asked, given, is_silent=_suppress_warning, clock=_clock)

    def _set_up(
        self,
        asked: Asked,
        given: Given,
        *,
        is_silent: bool,
        lends: bool = False,
        environment: Mapping[str, str] | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        brand, own_domain = self._brand, default_domain(self._brand)
        self._asked, self._lends, self._clock, self._notices = asked, lends, clock, Notices()
        self._domain = own_domain if asked.domain is None else asked.domain
        self._retry_config = self.RETRY_CONFIG if asked.retries is None else asked.retries
        self._resolved = resolution.resolve(
            brand,
            given,
            explicit=asked.is_explicit,
            path=asked.path if asked.is_explicit else default_token_info_path(brand),
            domain=self._domain,
            is_own_domain=self._domain.rstrip("/") == own_domain.rstrip("/"),
            now=clock.wall(),
            environment=environment,
        )
        self.keeper: Keeper[Bearer] = kept(
            self._resolved,
            brand=brand,
            domain=self._domain,
            reach=self.reach,
            leeway=asked.leeway,
            retries=self._retry_config,
            clock=clock,
            failed=self._notices.add,
        )
        for text in self._resolved.warnings:
            if not is_silent or text.startswith(resolution.MISMATCH):
                warn(text)
        self._notices.tell()

    # -- what was resolved

    @property
    def domain(self) -> str:
        """The token service's root."""
        return self._domain

    @property
    def scope(self) -> list[str] | None:
        """What tokens are asked for; None for all. A new list each time."""
        return None if self._resolved.scope is None else list(self._resolved.scope)

    @property
    def leeway(self) -> float:
        """Seconds before its end from which on a token is renewed."""
        return self._asked.leeway

    @property
    def token_info_path(self) -> str | None:
        """The file that takes part; None or empty if none may."""
        return self._resolved.path

    @property
    def client_id(self) -> str | None:
        """The client id of the login; None if there is none."""
        return self._resolved.client_id

    @property
    def client_secret(self) -> str | None:
        """The renewal secret of the login, the latest one if the issuer has replaced it; None if there is none."""
        latest = self._renewal()
        return None if latest is None else latest.reveal()

    @property
    def refresh_token(self) -> str | None:
        """The same as `client_secret`."""
        return self.client_secret

    @property
    def reach(self) -> Reach:
        """Where the token goes by itself: the token service. Each `Session` adds the address that its user named."""
        from skykey.values.reach import Reach
        from skykey.values.url import Url

        return Reach.named(Url(self._domain), said_by="the setting iam_url, or the argument domain")

    def keeper_for(self, url: Url) -> Kept[Bearer]:
        """The credential for a service.

        Parameters
        ----------
        url
            Of the service, as the *user* named it.

        Raises
        ------
        OutOfReach
            If it is plain http and not a loopback address.
        """
        from skykey.credentials.rebound import Rebound
        from skykey.values.reach import Reach

        return Rebound(self.keeper, Reach.named(url, said_by="the session's base URL"))

    # -- the token

    @property
    def token(self) -> str:
        """The short-lived JWT access token, renewed first if need be.

        Raises
        ------
        AuthError
            If the login is not whole.
        OauthError
            If no token can be had, and none is valid any more. It is also the error of the status that the token
            service gave (`UnauthorizedError` for a revoked login), or the transport's.
        """
        return self._fresh().reveal()

    async def async_token(self) -> str:
        """As `token`, for tasks: the event loop is not blocked while it is renewed.

        Raises
        ------
        AuthError, OauthError
            As `token`.
        """
        try:
            held = await self.keeper.aget()
        except SkykeyError as problem:
            raise oauth_error(problem, self._brand) from (None if isinstance(problem, AuthError) else problem)
        self._notices.tell()
        return held.credential.token.reveal()

    @property
    def payload(self) -> dict[str, Any]:
        """The claims of `token`, not verified; the platform's own come without their prefix. A new ``dict`` each time.

        Raises
        ------
        AuthError, OauthError
            As `token`; also if the token is no JSON Web Token.
        """
        claims = payloads.claims_in(Secret(self.token))
        if claims is None:
            raise AuthError("the token is no JSON Web Token, or cannot be decoded")
        return payloads.payload_of(claims, self._brand.claim_prefix)

    @property
    def namespace(self) -> str:
        """The user's id on the platform.

        Raises
        ------
        AuthError, OauthError
            As `payload`; also if the token does not say whose it is.
        """
        payload = self.payload
        userid, subject = payload.get("userid"), payload.get("sub")
        if userid:
            return str(userid)
        if not isinstance(subject, str) or not self._brand.subject_is_namespace:
            raise AuthError("the token does not say whose it is")
        import hashlib

        return hashlib.sha1(subject.encode(), usedforsecurity=False).hexdigest()

    # -- access lists

    @property
    def all_acl_subjects(self) -> list[str]:
        """All names of this user for access lists: themselves, their e-mail, organisation and active groups."""
        return Subjects(self.namespace, self.payload).readers

    @property
    def all_acl_subjects_as_set(self) -> set[str]:
        """The same as a set."""
        return set(self.all_acl_subjects)

    @property
    def all_owner_acl_subjects(self) -> list[str]:
        """Their names as an owner: themselves, and the organisations and resources that they administer."""
        return Subjects(self.namespace, self.payload).owners

    @property
    def all_owner_acl_subjects_as_set(self) -> set[str]:
        """The same as a set."""
        return set(self.all_owner_acl_subjects)

    def get_org_admins(self) -> list[str]:
        """The organisations that this user administers."""
        return Subjects("", self.payload).org_admins

    def get_resource_admins(self) -> list[str]:
        """The resources that this user administers."""
        return Subjects("", self.payload).resource_admins

    # -- clients

    @property
    def session(self) -> Session:
        """An authenticated HTTP client for the token service's own origin.

        For another service: ``Session("https://platform…", auth=auth)``.
        """
        from skykey.descarteslabs.session import Session

        return Session(self._domain, auth=self)

    @property
    def async_session(self) -> AsyncSession:
        """As `session`, for tasks."""
        from skykey.descarteslabs.session import AsyncSession

        return AsyncSession(self._domain, auth=self)

    @classmethod
    def from_environment_or_token_json(cls, **kwargs: Any) -> Self:
        """Make one from arguments, variables or the file, as the class itself does.

        Parameters
        ----------
        **kwargs
            As for the class.
        """
        return cls(**kwargs)

    def __repr__(self) -> str:
        # Also where the constructor raised: tracebacks show local variables.
        resolved = vars(self).get("_resolved")
        client = None if resolved is None else resolved.client_id
        return f"<{type(self).__name__} of {client or 'no client'} at {vars(self).get('_domain', '?')}>"

    # -- inside

    @property
    def _token(self) -> str | None:
        """What is held, fresh or not; assigning replaces it."""
        held = self.keeper.at_hand
        return held.credential.token.reveal() or None if held is not None else None

    @_token.setter
    def _token(self, value: str | bytes | None) -> None:
        given = resolution.taken(None, None, None, value, None)
        del value  # tracebacks show local variables
        if isinstance(given, UsageError):
            raise given
        bearer = bearer_of(given.jwt_token, None, self.reach)
        self.keeper.put(Held(bearer, "the attribute _token", self._renewal()))

    def _fresh(self) -> Secret:
        try:
            token = self.keeper.get().credential.token
        except AuthError:
            raise
        except SkykeyError as problem:
            raise oauth_error(problem, self._brand) from problem
        self._notices.tell()
        return token

    def _renewal(self) -> Secret | None:
        held = self.keeper.at_hand
        return self._resolved.renewal if held is None or held.renewal is None else held.renewal

    def _to_lend(self) -> Asked:
        return self._asked._replace(domain=self._domain, scope=self._resolved.scope)


def get_default_domain() -> str:
    """The token service of the settings."""
    return default_domain(DESCARTESLABS)


def get_app_domain() -> str:
    """The web pages of the settings."""
    return app_domain(DESCARTESLABS)


def default_token_info_path(brand: Brand = DESCARTESLABS) -> str:
    """Where a login's file lies if nobody names another one; empty for a user without a home."""
    named, folder = os.environ.get(brand.token_info_path_variable), resolution.folder_of(brand)
    if named is not None:
        return named
    return os.path.join(folder, "token_info.json") if folder else ""


def __getattr__(name: str) -> Any:
    # Computed when asked for: a program that changes HOME means it.
    if name == "DEFAULT_TOKEN_INFO_DIR":
        return os.path.join(os.path.expanduser("~"), DESCARTESLABS.folder)
    if name == "DEFAULT_TOKEN_INFO_PATH":
        return os.path.join(os.path.expanduser("~"), DESCARTESLABS.folder, "token_info.json")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _path(given: object) -> str | None:
    if given is None:
        return None
    if not isinstance(given, str | os.PathLike):
        raise UsageError(f"token_info_path is a path, not {type(given).__name__}")
    path = os.fsdecode(os.fspath(given))
    if "\0" in path:
        raise UsageError("token_info_path has a NUL in it")
    return path


def _seconds(given: object) -> float:
    if isinstance(given, int | float) and given == given:  # noqa: PLR0124 - NaN is not
        return given
    raise UsageError(f"leeway is a number of seconds, not {given!r}"[:200])


if __name__ == "__main__":
    print(Auth.get_default_auth().token)  # noqa: T201 - the documented behaviour of python -m
