"""Gafaelfawr's counterpart: what a request may do, and who asks.

Two audiences get the same judgement in different clothes. The API routes answer for themselves, so their
error bodies arrive. In front of every other service stands NGINX, which asks Gafaelfawr and then shows its
own page: of a 401 or 403 only status and challenge survive, while 400 and 429 travel inside a 403 and come
out whole.
"""

import base64
import binascii
import functools
import json
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from skykey.sandbox.nginx import page
from skykey.sandbox.quota import Quota
from skykey.sandbox.routes import Endpoint, get, service
from skykey.sandbox.tokens import Token, Tokens, is_token


@dataclass
class Refusal(Exception):
    """A request that is turned away.

    ``status`` is what a program gets behind the ingress; ``bare`` leaves the error out of the challenge.
    """

    status: int
    kind: str
    words: str
    scopes: tuple[str, ...] = ()
    bare: bool = False

    def detail(self) -> dict[str, Any]:
        entry = {"msg": self.words, "type": self.kind}
        return {"detail": entry if self.bare else [entry]}

    def challenge(self, request: Request) -> dict[str, str]:
        text = f'Bearer realm="{request.url.hostname}"'
        if not self.bare:
            # Quotes would end the quoted string, so the real one drops them.
            words = self.words.replace('"', "").replace("\\", "")
            text += f', error="{self.kind}", error_description="{words}"'
        if self.scopes:
            text += f', scope="{" ".join(sorted(self.scopes))}"'
        return {"WWW-Authenticate": text}

    def from_api(self, request: Request) -> Response:
        headers = self.challenge(request)
        if self.status != 400:  # noqa: PLR2004
            return JSONResponse(self.detail(), self.status, headers)
        headers |= {"X-Error-Status": "400", "X-Error-Body": json.dumps(self.detail())}
        return JSONResponse(self.detail(), 403, headers)

    def from_ingress(self, request: Request) -> Response:
        headers = self.challenge(request)
        if self.status == 400:  # noqa: PLR2004
            return JSONResponse(self.detail(), 400, headers)
        return page(self.status, headers)


def sent_token(header: str | None) -> str | None:
    """Return the token in an ``Authorization`` header, None if it carries none.

    The two halves of Basic are equals: either may be the token, and the other is not looked at.
    """
    scheme, _, rest = (header or "").strip().partition(" ")
    rest = rest.strip()
    if not scheme:
        return None
    if not rest:
        raise Refusal(400, "invalid_request", "Malformed Authorization header")
    if scheme.lower() == "bearer":
        return rest
    if scheme.lower() != "basic":
        raise Refusal(400, "invalid_request", f"Unknown Authorization type {scheme}")
    try:
        halves = base64.b64decode(rest).decode().strip().split(":")
    except (binascii.Error, UnicodeDecodeError):
        halves = []
    if len(halves) != 2:  # noqa: PLR2004
        raise Refusal(400, "invalid_request", "Invalid Basic auth string")
    found = {half for half in halves if is_token(half)}
    if len(found) > 1:
        raise Refusal(400, "invalid_request", "Conflicting Gafaelfawr tokens in Basic auth string")
    return found.pop() if found else None


class Gafaelfawr:
    """The gatekeeper of one site."""

    def __init__(self, tokens: Tokens, quota: Quota) -> None:
        self._tokens, self._quota = tokens, quota

    def judge(self, request: Request, *scopes: str) -> Token:
        """Return the caller's token, or raise why it is refused."""
        value = sent_token(request.headers.get("authorization"))
        if value is None:
            # A script in a page must not make the browser pop up a login, so it gets 403.
            status = 403 if request.headers.get("x-requested-with") == "XMLHttpRequest" else 401
            raise Refusal(status, "no_authorization", "Authentication required", bare=True)
        token = self._tokens.find(value)
        if token is None:
            raise Refusal(401, "invalid_token", "Token is not valid")
        if not set(scopes) <= set(token.scopes):
            raise Refusal(403, "insufficient_scope", "Token missing required scope", scopes)
        return token

    def protect(self, name: str, *scopes: str, endpoint: Endpoint) -> Endpoint:
        """Put the ingress in front of ``endpoint``, which then trusts ``request.state.user``."""

        @functools.wraps(endpoint)
        async def behind(request: Request) -> Response:
            try:
                token = self.judge(request, *scopes)
            except Refusal as refusal:
                return refusal.from_ingress(request)
            admitted, headers = self._quota.count(token.username, name)
            if self._quota.limit == 0:
                blocked = Refusal(403, "insufficient_scope", f"Access to {name} is blocked")
                return blocked.from_ingress(request)
            if not admitted:
                words = f"Rate limit ({self._quota.limit}/minute) exceeded"
                return JSONResponse({"detail": [{"msg": words, "type": "rate_limited"}]}, 429, headers)
            request.state.user = token.username
            answer = await endpoint(request)
            answer.headers.update(headers)
            return answer

        return behind

    def api(self) -> Starlette:
        """Return the introspection routes, for ``/auth/api/v1``. Any valid token may ask them."""
        return service([get("/token-info", self._token_info), get("/user-info", self._user_info)])

    async def _token_info(self, request: Request) -> Response:
        try:
            token = self.judge(request)
        except Refusal as refusal:
            return refusal.from_api(request)
        info = {
            "token": token.key,
            "username": token.username,
            "token_type": token.kind,
            "token_name": token.name if token.kind == "user" else None,
            "scopes": list(token.scopes),
            "created": token.created,
            "expires": None if token.expires is None else int(token.expires),
            "service": token.service,
            "parent": token.parent,
        }
        return JSONResponse({name: value for name, value in info.items() if value is not None})

    async def _user_info(self, request: Request) -> Response:
        try:
            token = self.judge(request)
        except Refusal as refusal:
            return refusal.from_api(request)
        info: dict[str, Any] = {
            "username": token.username,
            "name": token.username.capitalize(),
            "email": f"{token.username}@example.org",
            "uid": 4_000_001,
            "gid": 4_000_001,
            "groups": [{"name": token.username, "id": 4_000_001}, {"name": "g_users", "id": 4_100_001}],
        }
        if self._quota.limit is not None:
            info["quota"] = {"api": {"repertoire": self._quota.limit}}
        return JSONResponse(info)
