"""Authentication for Descartes Labs, as its users know it: `Auth` and what lies beside it.

Nothing is requested at construction. One token serves all threads, tasks and processes that use the same login: it is
renewed once for all of them, within the leeway while it is still valid, and a failing renewal never takes a valid
token away.
"""

from __future__ import annotations

import base64
import os
import sys
import threading
import warnings
from typing import TYPE_CHECKING, Any, ClassVar, Final

from skykey.credentials.claims import claims_of
from skykey.credentials.held import Held
from skykey.credentials.keeper import Keeper
from skykey.credentials.provider import Keeping
from skykey.descarteslabs import resolution, subjects
from skykey.descarteslabs.brand import DESCARTESLABS, Brand
from skykey.descarteslabs.config import app_domain, default_domain
from skykey.descarteslabs.exceptions import AuthError
from skykey.descarteslabs.login import NO_LOGIN, Login, without_renewal
from skykey.descarteslabs.resolution import Given, Mode
from skykey.descarteslabs.retrying import retries_of
from skykey.descarteslabs.stores import TokenInfoFile, bearer_of
from skykey.descarteslabs.subjects import Subjects
from skykey.values.clock import SYSTEM_CLOCK, Clock
from skykey.values.errors import UsageError
from skykey.values.life import Windows
from skykey.values.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from skykey.credentials.credential import Bearer
    from skykey.credentials.kept import Kept
    from skykey.descarteslabs.resolution import Resolved
    from skykey.descarteslabs.session import AsyncSession, Session
    from skykey.values.reach import Reach
    from skykey.values.url import Url

__all__ = ["Auth"]

DESCARTESLABS_CLIENT_ID: Final = "DESCARTESLABS_CLIENT_ID"
DESCARTESLABS_CLIENT_SECRET: Final = "DESCARTESLABS_CLIENT_SECRET"  # noqa: S105 - a variable's name
DESCARTESLABS_REFRESH_TOKEN: Final = "DESCARTESLABS_REFRESH_TOKEN"  # noqa: S105
DESCARTESLABS_TOKEN: Final = "DESCARTESLABS_TOKEN"  # noqa: S105
DESCARTESLABS_TOKEN_INFO_PATH: Final = "DESCARTESLABS_TOKEN_INFO_PATH"  # noqa: S105
DESCARTESLABS_CUSTOM_CLAIM_PREFIX: Final = DESCARTESLABS.claim_prefix
LEGACY_DELEGATION_CLIENT_IDS: Final = list(DESCARTESLABS.delegates)
JWT_TOKEN_PREFIX: Final = "jwt_token_"  # noqa: S105 - the beginning of a file's name

_HERE: Final = os.path.dirname(__file__)
_LATE: Final = 30.0
_PAUSE: Final = 30.0


class Auth:
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

    RETRY_CONFIG: ClassVar[object] = None
    AUTHORIZATION_ERROR: ClassVar[str] = NO_LOGIN.format("{}", DESCARTESLABS.documentation)
    KEY_CLIENT_ID: ClassVar[str] = "client_id"
    KEY_CLIENT_SECRET: ClassVar[str] = "client_secret"  # noqa: S105 - a key's name, as the next ones
    KEY_REFRESH_TOKEN: ClassVar[str] = "refresh_token"  # noqa: S105
    KEY_SCOPE: ClassVar[str] = "scope"
    KEY_GRANT_TYPE: ClassVar[str] = "grant_type"
    KEY_TARGET: ClassVar[str] = "target"
    KEY_API_TYPE: ClassVar[str] = "api_type"
    KEY_JWT_TOKEN: ClassVar[str] = "jwt_token"  # noqa: S105
    KEY_ALT_JWT_TOKEN: ClassVar[str] = "JWT_TOKEN"  # noqa: S105
    ACL_PREFIX_USER: ClassVar[str] = subjects.USER
    ACL_PREFIX_EMAIL: ClassVar[str] = subjects.EMAIL
    ACL_PREFIX_GROUP: ClassVar[str] = subjects.GROUP
    ACL_PREFIX_ORG: ClassVar[str] = subjects.ORG
    ACL_PREFIX_ACCESS: ClassVar[str] = subjects.ACCESS
    ORG_ADMIN_SUFFIX: ClassVar[str] = subjects.ORG_ADMIN
    RESOURCE_ADMIN_SUFFIX: ClassVar[str] = subjects.RESOURCE_ADMIN

    _default_token_info_path: ClassVar[Any] = object()
    _instance: ClassVar[Auth | None] = None
    _brand: ClassVar[Brand] = DESCARTESLABS
    _default_lock: ClassVar[threading.RLock] = threading.RLock()

    def __init__(
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
        given = Given(
            resolution.checked_id(client_id),
            resolution.checked("client_secret", client_secret),
            resolution.checked("refresh_token", refresh_token),
            resolution.checked("jwt_token", jwt_token),
            resolution.checked_scope(scope),
        )
        del client_secret, refresh_token, jwt_token  # tracebacks show local variables
        brand = self._brand
        own_domain = default_domain(brand)
        explicit = token_info_path is not self._default_token_info_path
        self.domain = own_domain if domain is None else domain
        self.leeway = leeway
        self._retry_config = self.RETRY_CONFIG if retries is None else retries
        self._clock = _clock
        self._asked_for = (domain, scope, leeway, token_info_path if explicit else None, explicit, retries)
        self._lends = False
        resolved = resolution.resolve(
            brand,
            given,
            explicit=explicit,
            path=_path(token_info_path) if explicit else default_token_info_path(brand),
            domain=self.domain,
            is_own_domain=self.domain.rstrip("/") == own_domain.rstrip("/"),
            now=_clock.wall(),
        )
        self._resolved = resolved
        self._pending: list[str] = []
        self.token_info_path = resolved.path
        self.scope = None if resolved.scope is None else list(resolved.scope)
        self.keeper = self._kept(resolved)
        for text in resolved.warnings:
            is_silent = _suppress_warning and not text.startswith("Authentication token mismatch")
            if not is_silent:
                _warn(text)
        self._tell()

    # -- the login

    @property
    def client_id(self) -> str | None:
        """The client id of the login; None if there is none."""
        return self._resolved.client_id

    @property
    def client_secret(self) -> str | None:
        """The renewal secret of the login, the latest one if the issuer has replaced it; None if there is none."""
        held = self.keeper.at_hand
        latest = self._resolved.renewal if held is None or held.renewal is None else held.renewal
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

        return Reach.named(Url(self.domain), said_by="the setting iam_url, or the argument domain")

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
        held = self.keeper.get()
        if self._pending:
            self._tell()
        return held.credential.token.reveal()

    @property
    def payload(self) -> dict[str, Any]:
        """The claims of `token`, not verified; the platform's own come without their prefix. A new ``dict`` each time.

        Raises
        ------
        AuthError, OauthError
            As `token`.
        """
        return self._claims(self.keeper.get().credential.token)

    @property
    def namespace(self) -> str:
        """The user's id on the platform.

        Raises
        ------
        AuthError, OauthError
            As `token`; also if the token does not say whose it is.
        """
        return self._namespace_of(self.payload)

    # -- access lists

    @property
    def all_acl_subjects(self) -> list[str]:
        """All names of this user for access lists: themselves, their e-mail, organisation and active groups."""
        return self._subjects().readers

    @property
    def all_acl_subjects_as_set(self) -> set[str]:
        """The same as a set."""
        return set(self.all_acl_subjects)

    @property
    def all_owner_acl_subjects(self) -> list[str]:
        """Their names as an owner: themselves, and the organisations and resources that they administer."""
        return self._subjects().owners

    @property
    def all_owner_acl_subjects_as_set(self) -> set[str]:
        """The same as a set."""
        return set(self.all_owner_acl_subjects)

    def get_org_admins(self) -> list[str]:
        """The organisations that this user administers."""
        return self._subjects().org_admins

    def get_resource_admins(self) -> list[str]:
        """The resources that this user administers."""
        return self._subjects().resource_admins

    # -- clients

    @property
    def session(self) -> Session:
        """An authenticated HTTP client for the token service's own origin.

        For another service: ``Session("https://platform…", auth=auth)``.
        """
        from skykey.descarteslabs.session import Session

        return Session(self.domain, auth=self)

    @property
    def async_session(self) -> AsyncSession:
        """As `session`, for tasks."""
        from skykey.descarteslabs.session import AsyncSession

        return AsyncSession(self.domain, auth=self)

    # -- the default

    @classmethod
    def from_environment_or_token_json(cls, **kwargs: Any) -> Auth:
        """Make one from arguments, variables or the file, as the class itself does.

        Parameters
        ----------
        **kwargs
            As for the class.
        """
        return cls(**kwargs)

    @classmethod
    def get_default_auth(cls) -> Auth:
        """The one that is used where none is named; made at first use."""
        family = cls._family()
        with cls._default_lock:
            if family._instance is None:
                family._instance = family()
            return family._instance

    @classmethod
    def set_default_auth(cls, auth: Auth | None) -> None:
        """Use this one where none is named; None forgets it, so that the next use makes a new one."""
        with cls._default_lock:
            cls._family()._instance = auth

    @classmethod
    def _family(cls) -> type[Auth]:
        """The class that all of a brand share."""
        return next(base for base in cls.__mro__ if "_brand" in vars(base))

    # -- copies

    def lend(self) -> Auth:
        """Make one that holds the current token only, and may travel: pickled, it carries that token.

        It is for workers that have no login of their own and end before the token does. `Auth` itself carries no
        credential when it is pickled: the receiver resolves again, from its own variables and files.

        Raises
        ------
        AuthError, OauthError
            As `token`.
        """
        lent = type(self)(
            self.domain, self.scope, self.leeway, None, jwt_token=self.token, _suppress_warning=True, _clock=self._clock
        )
        lent._lends = True
        return lent

    def __copy__(self) -> Auth:
        twin = object.__new__(type(self))
        twin.__dict__ = self.__dict__.copy()
        return twin

    def __deepcopy__(self, memo: dict[int, Any]) -> Auth:
        return self.__copy__()

    def __reduce__(self) -> tuple[Callable[..., Auth], tuple[Any, ...]]:
        domain, scope, leeway, path, explicit, retries = self._asked_for
        token = self.token if self._lends else None
        return _again, (type(self), domain, scope, leeway, path, explicit, retries, token)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.client_id or 'no client'} at {self.domain}>"

    # -- inside

    @property
    def _token(self) -> str | None:
        """What is held, fresh or not; assigning replaces it."""
        held = self.keeper.at_hand
        return held.credential.token.reveal() or None if held is not None else None

    @_token.setter
    def _token(self, value: str | bytes | None) -> None:
        token = resolution.checked("jwt_token", value)
        del value
        self.keeper.put(Held(bearer_of(token, None, self.reach), "the attribute _token", self._renewal()))

    def _renewal(self) -> Secret | None:
        held = self.keeper.at_hand
        return self._resolved.renewal if held is None else held.renewal

    def _kept(self, resolved: Resolved) -> Keeper[Bearer]:
        mode, reach = resolved.mode, self.reach
        is_shared = mode in {Mode.FILE, Mode.FILE_OF_GIVEN, Mode.TOKEN_CACHE} and bool(resolved.renewal)
        login = Login(
            self._brand,
            self.domain,
            resolved.client_id,
            resolved.renewal,
            resolved.scope,
            reach,
            Keeping.STORED if is_shared else Keeping.IN_PROCESS,
            lasts=mode is Mode.FILE or mode is Mode.FILE_OF_GIVEN,
            retries=retries_of(self._retry_config),
        )
        begin = Held(bearer_of(resolved.token, resolved.client_id, reach), login.name, resolved.renewal, 1)
        early = float(self.leeway) if resolved.client_id and resolved.renewal else 0.0
        store = None
        if is_shared and resolved.path:
            store = TokenInfoFile(
                resolved.path,
                reach=reach,
                source=login.name,
                read=resolved.read,
                client_id=resolved.client_id,
                renewal=resolved.renewal,
                scope=resolved.scope,
                token_only=mode is Mode.TOKEN_CACHE,
                reads=os.environ.get(self._brand.no_jwt_cache_variable, "").lower() != "true",
                latest=begin,
                failed=self._pending.append,
            )
            if mode is Mode.TOKEN_CACHE and resolved.token is not None:
                store.write("", begin)  # a token that came with a login is for its other processes too
        return Keeper(
            # A login that lies in a file is over when it does not lie there any more.
            without_renewal(login) if mode is Mode.FILE and store is not None else login,
            store=store,
            windows=Windows(early, min(_LATE, early), _PAUSE),
            clock=self._clock,
            held=begin if resolved.token is not None or mode is Mode.FILE else None,
            prompt=True,
        )

    def _tell(self) -> None:
        while self._pending:
            _warn(self._pending.pop(0))

    def _claims(self, token: Secret) -> dict[str, Any]:
        claims = claims_of(token)
        if claims is None:
            raise AuthError("the token is no JSON Web Token, or cannot be decoded")
        prefix, payload = self._brand.claim_prefix, dict(claims.payload)
        for name in [name for name in payload if name.startswith(prefix)]:
            payload[name.removeprefix(prefix)] = payload.pop(name)
        return payload

    def _namespace_of(self, payload: Mapping[str, Any]) -> str:
        userid, subject = payload.get("userid"), payload.get("sub")
        if userid:
            return str(userid)
        if not isinstance(subject, str) or not self._brand.subject_is_namespace:
            raise AuthError("the token does not say whose it is")
        import hashlib

        return hashlib.sha1(subject.encode(), usedforsecurity=False).hexdigest()

    def _subjects(self) -> Subjects:
        payload = self.payload
        return Subjects(self._namespace_of(payload), payload)


def get_default_domain() -> str:
    """The token service of the settings."""
    return default_domain(DESCARTESLABS)


def get_app_domain() -> str:
    """The web pages of the settings."""
    return app_domain(DESCARTESLABS)


def base64url_decode(data: bytes) -> bytes:
    """Undo base64url without padding, as tokens have it."""
    return base64.urlsafe_b64decode(data + b"=" * (-len(data) % 4))


def default_token_info_path(brand: Brand = DESCARTESLABS) -> str:
    """Where a login's file lies if nobody names another one."""
    named = os.environ.get(brand.token_info_path_variable)
    return os.path.join(os.path.expanduser("~"), brand.folder, "token_info.json") if named is None else named


def __getattr__(name: str) -> Any:
    # Computed when asked for: a program that changes HOME means it.
    if name == "DEFAULT_TOKEN_INFO_DIR":
        return os.path.join(os.path.expanduser("~"), DESCARTESLABS.folder)
    if name == "DEFAULT_TOKEN_INFO_PATH":
        return os.path.join(os.path.expanduser("~"), DESCARTESLABS.folder, "token_info.json")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _again(
    kind: type[Auth],
    domain: str | None,
    scope: list[str] | None,
    leeway: float,
    path: Any,
    explicit: bool,
    retries: object,
    token: str | None,
) -> Auth:
    """Resolve in the process that received a pickle."""
    if token is not None:
        made = kind(domain, scope, leeway, None, jwt_token=token, retries=retries, _suppress_warning=True)
        made._lends = True
        return made
    options = {"token_info_path": path} if explicit else {}
    return kind(domain, scope, leeway, retries=retries, _suppress_warning=True, **options)


def _path(given: object) -> str | None:
    if given is None:
        return None
    if not isinstance(given, str | os.PathLike):
        raise UsageError(f"token_info_path is a path, not {type(given).__name__}")
    path = os.fspath(given)
    return os.fsdecode(path)


def _warn(text: str) -> None:
    """Warn whoever called into this package, however deep."""
    depth, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_HERE):
        depth, frame = depth + 1, frame.f_back
    warnings.warn(text, UserWarning, stacklevel=depth)


if __name__ == "__main__":
    print(Auth.get_default_auth().token)  # noqa: T201 - the documented behaviour of python -m
