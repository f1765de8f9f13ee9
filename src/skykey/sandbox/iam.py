"""The token service: a long-lived login in, a short-lived access token out (RFC 6749); and logins ended (RFC 7009)."""

import base64
import json
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args
from urllib.parse import parse_qsl, unquote_plus

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from skykey.sandbox.accounts import Access, Accounts, Login
from skykey.sandbox.controls import Shape
from skykey.sandbox.jwts import Signer
from skykey.sandbox.routes import Endpoint, get, post, service
from skykey.sandbox.switchboard import Switchboard

#: The one client whose login is traded in the way of before OAuth 2, and only so.
LEGACY_CLIENT = "ZOBAi4UROl5gKZIpxxlwOEfx8KpqXf2c"
_LEGACY = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_GRANTS = ("refresh_token", "client_credentials", _LEGACY)
_PREFIX = "earthdaily__dl__"
#: What each scope adds to a user's token.
_SCOPES = {"openid": [], "name": ["name"], "groups": ["groups"], "org": ["org"], "email": ["email", "email_verified"]}
_NAMES = {400: "invalid_grant", 401: "invalid_client", 403: "access_denied", 429: "temporarily_unavailable"}


@dataclass(frozen=True)
class Switches:
    """How the service answers; `Controls.iam` says what each means."""

    rotation: bool = False
    seconds: int = 3600
    shape: Shape = "access_token"
    prefix: bool = False
    put: dict[str, Any] = field(default_factory=dict)
    drop: Sequence[str] = ()

    def __post_init__(self) -> None:
        if self.shape not in get_args(Shape):
            raise ValueError(f"shape is one of {', '.join(get_args(Shape))}")


class OAuthError(Exception):
    """A refusal in the words of RFC 6749, section 5.2."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        self.content = {"error": error, "error_description": description}
        self.status = status


class Iam:
    """The routes. Addresses in its answers are those of whatever origin the caller used."""

    def __init__(self, accounts: Accounts, board: Switchboard) -> None:
        self._accounts, self._board = accounts, board
        self._signer = Signer()
        self.switches = Switches()

    def app(self) -> Starlette:
        """Return the whole host."""
        return service(
            [
                post("/token", self._asked(self._token)),
                post("/revoke", self._asked(self._revoke)),
                get("/.well-known/jwks.json", self._keys),
                get("/.well-known/openid-configuration", self._configuration),
            ]
        )

    def _asked(self, work: Callable[[Mapping[str, str], str], Awaitable[Response]]) -> Endpoint:
        """Read the parameters for ``work``, and word its refusals."""

        async def answered(request: Request) -> Response:
            try:
                answer = await work(await _parameters(request), _origin(request))
            except OAuthError as error:
                answer = JSONResponse(error.content, error.status)
                if error.status == 401:  # noqa: PLR2004
                    answer.headers["WWW-Authenticate"] = 'Basic realm="iam"'
            answer.headers["Cache-Control"] = "no-store"
            return answer

        return answered

    async def _token(self, sent: Mapping[str, str], issuer: str) -> Response:
        grant, client_id = _needed(sent, "grant_type"), _needed(sent, "client_id")
        self._accounts.stats[f"{client_id} {grant}"] += 1
        if grant not in _GRANTS:
            raise OAuthError("unsupported_grant_type", f"There are {', '.join(_GRANTS)}")
        self._check(client_id)
        if (grant == _LEGACY) != (client_id == LEGACY_CLIENT):
            raise OAuthError("unauthorized_client", f"{grant} is not for this client")
        if grant == _LEGACY and (sent.get("target"), sent.get("api_type")) != (client_id, "app"):
            raise OAuthError("invalid_request", "target is the client's id, and api_type is app")
        scopes = sent["scope"].split() if "scope" in sent else list(_SCOPES)
        if not set(scopes) <= set(_SCOPES):
            raise OAuthError("invalid_scope", f"There are {', '.join(_SCOPES)}")
        answer: dict[str, Any] = {"token_type": "Bearer", "expires_in": self.switches.seconds}
        if grant == "client_credentials":
            login = self._of_client(sent)
            token = await self._sign(login, issuer, scopes, {"sub": client_id})
        else:
            login = self._of_user(sent)
            if self.switches.rotation:
                answer["refresh_token"] = login.current
            token = await self._sign(login, issuer, scopes, self._identity(login, scopes))
        answer |= {self.switches.shape: token, "scope": " ".join(scopes)} | self.switches.put
        return JSONResponse({name: value for name, value in answer.items() if name not in self.switches.drop})

    def _of_user(self, sent: Mapping[str, str]) -> Login:
        refresh_token = _needed(sent, "refresh_token")
        login = self._accounts.logins.get(refresh_token)
        self._fail(login, "refresh")
        if login is None or login.client_id != sent["client_id"]:
            raise OAuthError("invalid_grant", "The refresh token is not one of this client's")
        if not self._accounts.use(login, refresh_token, rotate=self.switches.rotation):
            raise OAuthError("invalid_grant", "The refresh token was revoked")
        return login

    def _of_client(self, sent: Mapping[str, str]) -> Login:
        secret = _needed(sent, "client_secret")
        login = self._accounts.logins.get(secret)
        self._fail(login, "client_credentials")
        if login is None or login.revoked or (login.client_id, login.secret) != (sent["client_id"], secret):
            raise OAuthError("invalid_client", "The client secret is not this client's", 401)
        return login

    def _identity(self, login: Login, scopes: Iterable[str]) -> dict[str, Any]:
        """Return what a token says about its user, who may wear the platform's own prefix."""
        known, prefix = login.user.claims, _PREFIX if self.switches.prefix else ""
        names = ["userid", *(name for scope in scopes for name in _SCOPES[scope])]
        azp = {"azp": login.client_id} if login.client_id == LEGACY_CLIENT else {}
        return {"sub": known["sub"]} | azp | {prefix + name: known[name] for name in names}

    async def _sign(self, login: Login, issuer: str, scopes: Iterable[str], who: dict[str, Any]) -> str:
        now = int(self._board.now())
        claims = {"iss": issuer, "aud": login.client_id, "iat": now, "exp": now + self.switches.seconds}
        claims |= {"jti": secrets.token_hex(8), "scope": " ".join(scopes)} | who
        token = await self._signer.sign(claims)
        self._accounts.access[token] = Access(login, claims)
        return token

    async def _revoke(self, sent: Mapping[str, str], _issuer: str) -> Response:
        client_id, token = _needed(sent, "client_id"), _needed(sent, "token")
        self._check(client_id)
        if token in self._accounts.access:
            raise OAuthError("unsupported_token_type", "Only a login is revoked, and its access tokens with it")
        login = self._accounts.logins.get(token)
        self._fail(login, "revoke")
        if login and login.client_id != client_id:
            raise OAuthError("invalid_grant", "The refresh token is not one of this client's")
        if login:
            self._accounts.revoke(login)
        return Response()  # an unknown token is as good as revoked

    def _check(self, client_id: str) -> None:
        if client_id not in self._accounts.clients:
            raise OAuthError("invalid_client", "No login was handed out for this client", 401)

    def _fail(self, login: Login | None, action: str) -> None:
        if status := self._board.next_failure(login.user.name if login else None, action):
            raise OAuthError(_NAMES.get(status, "server_error"), "A control wants it so", status)

    async def _keys(self, _request: Request) -> Response:
        return JSONResponse(await self._signer.key_set())

    async def _configuration(self, request: Request) -> Response:
        here = _origin(request)
        ends = {"token_endpoint": "/token", "revocation_endpoint": "/revoke", "jwks_uri": "/.well-known/jwks.json"}
        found = {"issuer": here} | {name: here + path for name, path in ends.items()}
        return JSONResponse(found | {"grant_types_supported": _GRANTS, "scopes_supported": list(_SCOPES)})


async def _parameters(request: Request) -> dict[str, str]:
    """Read JSON, as the official clients send it, or a form, as the standard has it. What is empty counts as absent."""
    body, kind = await request.body(), request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        client = _basic(request.headers.get("authorization", ""))
        if kind == "application/json":
            sent = json.loads(body, object_pairs_hook=_once)
        elif kind == "application/x-www-form-urlencoded":
            sent = _once(parse_qsl(body.decode()))
        else:
            raise OAuthError("invalid_request", "The body is neither JSON nor a form")
    except (ValueError, RecursionError):
        client, sent = {}, None
    if not isinstance(sent, dict) or not all(isinstance(value, str | None) for value in sent.values()):
        raise OAuthError("invalid_request", "The request does not name each parameter once, with a text")
    return {name: value for name, value in (sent | client).items() if value}


def _basic(header: str) -> dict[str, str]:
    """Read how a client names itself in HTTP's own way (RFC 6749, section 2.3.1)."""
    scheme, _, rest = header.partition(" ")
    names = base64.b64decode(rest).decode().split(":", 1) if scheme.lower() == "basic" else ()
    return dict(zip(("client_id", "client_secret"), map(unquote_plus, names), strict=False))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(found := dict(pairs)) < len(pairs):
        raise ValueError
    return found


def _needed(sent: Mapping[str, str], name: str) -> str:
    if name not in sent:
        raise OAuthError("invalid_request", f"{name} is missing")
    return sent[name]


def _origin(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}"
