"""The account page of the app's host, and the two forms in which a login leaves it: text to paste, and a file."""

import html
import json
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from skykey.sandbox import nginx
from skykey.sandbox.accounts import Accounts, Login
from skykey.sandbox.hosts import IMAGERY, LOGIN_FILES
from skykey.sandbox.jwts import encode
from skykey.sandbox.routes import get, service
from skykey.sandbox.state import write_private

_PAGE = """<!doctype html>
<html lang="en"><head><title>Refresh token</title></head>
<body><h1>Refresh token</h1><p>Copy this token of {name} into the program that asks for it:</p>
<pre id="token">{token}</pre></body></html>
"""


def described(login: Login, issuer: str) -> dict[str, str]:
    """Return a login as it is handed out, to be used at ``issuer``."""
    name, url = str(login.user.claims["name"]), f"{issuer}/revoke"
    return {
        "id": login.id,
        "client_id": login.client_id,
        "name": name,
        "revoke_url": url,
        "client_secret": login.secret,
    }


def filed(login: Login, issuer: str) -> dict[str, str]:
    """Return a login as programs keep it: with its secret under both names."""
    return described(login, issuer) | {"refresh_token": login.secret}


def paste(login: Login, issuer: str) -> str:
    """Return a login as one word to copy."""
    return encode(json.dumps(described(login, issuer)).encode())


class Account:
    """The page. Nobody logs in here: ``?user=`` says whom it is shown to, and each look hands out a new login."""

    def __init__(self, accounts: Accounts, issuer: str) -> None:
        self._accounts, self._issuer = accounts, issuer
        self._issuers = {hosts["account"]: f"https://{hosts['iam']}" for hosts in IMAGERY.values()}

    def app(self) -> Starlette:
        """Return the whole host."""
        return service([get("/account/refresh-token", self._show)])

    async def _show(self, request: Request) -> Response:
        user = self._accounts.users.get(request.query_params.get("user", "ada"))
        if user is None:
            return nginx.page(404)
        issuer = self._issuers.get(str(request.url.hostname), self._issuer)
        token = paste(self._accounts.login(user), issuer)
        page = _PAGE.format(name=html.escape(user.claims["name"]), token=token)
        return HTMLResponse(page, headers={"Cache-Control": "no-store"})


class LoginFiles:
    """The files from which a user's programs read a login, one for each address of the token service."""

    def __init__(self, accounts: Accounts, folder: Path, issuer: str) -> None:
        self._accounts, self._folder = accounts, folder
        self.issuers = {None: issuer} | {system: f"https://{hosts['iam']}" for system, hosts in IMAGERY.items()}
        self._current = self._write()

    def rotate(self) -> None:
        """Put a new login into each file, then end those that were there."""
        old, self._current = self._current, self._write()
        for login in old:
            login.revoked = True

    def _write(self) -> list[Login]:
        made = {system: self._accounts.login(self._accounts.users["ada"]) for system in self.issuers}
        for system, login in made.items():
            content = filed(login, self.issuers[system])
            write_private(self._folder / LOGIN_FILES[system], json.dumps(content).encode())
        return list(made.values())
