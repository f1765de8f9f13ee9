"""What `tokens.py` compares: one class a library, each driven in the way that its documentation shows.

Runs in the environment of the library, so nothing but the standard library is imported at the top.
"""

from __future__ import annotations

import datetime as dt
import importlib.util
import json
import os
import sys
import time
import types
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from pathlib import Path

SERVICE = "https://service.example/"
LOGIN = "made-up-login"
OVER = "over"
"""The token that every object starts with, where it starts with one."""
_LONG_AGO = 1_000_000_000.0


class Client:
    """One library.

    Parameters
    ----------
    url
        The endpoint; below it each lane has a token endpoint of its own.
    folder
        For whatever it keeps on disk.
    """

    distribution: ClassVar[str]
    """What its version is the version of."""
    call: ClassVar[str]
    """The usual call for a token, an expression over what `made` gives. It is what is timed."""
    token: ClassVar[str]
    """The token in its ``answer``."""
    acall: ClassVar[str | None] = None
    """The same for tasks, if the library has it: an expression that is awaited."""
    for_tasks: ClassVar[dict[str, Any]] = {}
    """What `made` is told then."""
    fetches: ClassVar[bool] = True
    """Whether it asks an endpoint by itself."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder

    def log_in(self, lane: str) -> None:
        """Put a login with an expired token where the library looks for it, if it keeps any."""

    def made(self, lane: str, **options: Any) -> dict[str, Any]:
        """Make what the call needs, as a program does that starts; what it holds is over, or nothing."""
        raise NotImplementedError


class CountingClock:
    """The machine's clock, counting how often it is read."""

    def __init__(self) -> None:
        self.steadily = self.walls = 0

    def wall(self) -> float:
        self.walls += 1
        return time.time()

    def steady(self) -> float:
        self.steadily += 1
        return time.monotonic()

    def wait(self, event: Any, seconds: float | None) -> bool:
        return bool(event.wait(seconds))

    async def sleep(self, seconds: float) -> None:
        raise NotImplementedError


class Skykey(Client):
    """A keeper over a store in files."""

    distribution = "skykey"
    call = "keeper.get()"
    acall = "keeper.aget()"
    token = "answer.credential.token.reveal()"  # noqa: S105 - an expression

    def log_in(self, lane: str) -> None:
        from skykey.credentials.credential import Bearer
        from skykey.credentials.held import Held
        from skykey.values.life import Life
        from skykey.values.secret import Secret

        over = Bearer(Secret(OVER), self._reach(), Life(_LONG_AGO, _LONG_AGO + 3600))
        self._store().write(lane, Held(over, "a login", Secret(LOGIN), 1))

    def made(self, lane: str, **options: Any) -> dict[str, Any]:
        from skykey.credentials.grants.refresh_token import RefreshToken
        from skykey.credentials.grants.token_endpoint import TokenEndpoint
        from skykey.credentials.keeper import Keeper
        from skykey.values.url import Url

        endpoint = TokenEndpoint(Url(f"{self.url}/{lane}/token"), said_by="the benchmark")
        grant = RefreshToken(endpoint, {"client_id": lane}, self._reach(), "the benchmark's login")
        return {"keeper": Keeper(grant, store=self._store(), key=lane, **options)}

    def _reach(self) -> Any:
        from skykey.values.reach import Reach
        from skykey.values.url import Url

        return Reach.named(Url(SERVICE), said_by="the benchmark")

    def _store(self) -> Any:
        from skykey.credentials.stores.file import FileStore

        return FileStore(self.folder / "store")


class _TokenInfo(Client):
    """The documented file of a login, for both that read it."""

    call = "auth.token"
    token = "answer"  # noqa: S105 - an expression

    def log_in(self, lane: str) -> None:
        document = {"client_id": lane, "client_secret": LOGIN, "refresh_token": LOGIN}
        self._path(lane).write_text(json.dumps(document), encoding="ascii")
        self._path(lane).chmod(0o600)

    def made(self, lane: str, **options: Any) -> dict[str, Any]:
        return {"auth": self._auth()(domain=f"{self.url}/{lane}", token_info_path=str(self._path(lane)), **options)}

    def _path(self, lane: str) -> Path:
        return self.folder / f"{lane}.json"

    def _auth(self) -> Any:
        raise NotImplementedError


class SkykeyAuth(_TokenInfo):
    """The same login as the official client, in the same file."""

    distribution = "skykey"
    acall = "auth.keeper.aget()"

    def made(self, lane: str, **options: Any) -> dict[str, Any]:
        return super().made(lane, **{f"_{name}": value for name, value in options.items()})

    def _auth(self) -> Any:
        from skykey.descarteslabs.auth import Auth

        return Auth


class DescartesLabs(_TokenInfo):
    """The official client. Its package imports all of imaging first; here is only what `auth` below it needs."""

    distribution = "descarteslabs"

    def _auth(self) -> Any:
        if "descarteslabs" not in sys.modules:
            bare = types.ModuleType("descarteslabs")
            found = importlib.util.find_spec("descarteslabs")
            bare.__path__ = list((found and found.submodule_search_locations) or [])
            sys.modules["descarteslabs"] = bare
        from descarteslabs.auth import Auth

        return Auth


class GoogleAuth(Client):
    """A user's login with a renewal secret."""

    distribution = "google-auth"
    call = "credentials.before_request(request, 'GET', service, {})"
    token = "credentials.token"  # noqa: S105 - an expression

    def made(self, lane: str, **options: Any) -> dict[str, Any]:
        from google.auth.transport.requests import Request
        from google.oauth2.credentials import Credentials

        credentials = Credentials(
            OVER,
            refresh_token=LOGIN,
            token_uri=f"{self.url}/{lane}/token",
            client_id=lane,
            client_secret=LOGIN,
            expiry=dt.datetime(2001, 1, 1),  # noqa: DTZ001 - it wants UTC without saying so
        )
        return {"credentials": credentials, "request": Request(), "service": SERVICE}


class Msal(Client):
    """A confidential client with its cache in memory."""

    distribution = "msal"
    call = "application.acquire_token_for_client(scopes)"
    token = "answer['access_token']"  # noqa: S105 - an expression

    def made(self, lane: str, **options: Any) -> dict[str, Any]:
        from msal import ConfidentialClientApplication

        application = ConfidentialClientApplication(
            lane,
            client_credential=LOGIN,
            authority=f"{self.url}/{lane}",
            instance_discovery=False,
            **options,
        )
        return {"application": application, "scopes": [f"{SERVICE}.default"]}


class MsalExtensions(Msal):
    """The same with its cache in a file."""

    distribution = "msal-extensions"

    def made(self, lane: str, **options: Any) -> dict[str, Any]:
        from msal_extensions import FilePersistence, PersistedTokenCache

        cache = PersistedTokenCache(FilePersistence(str(self.folder / f"{lane}.cache")))
        return super().made(lane, token_cache=cache)


class AzureIdentity(Client):
    """A service's login with a secret."""

    distribution = "azure-identity"
    call = acall = "credential.get_token(scope)"
    for_tasks: ClassVar[dict[str, Any]] = {"asynchronous": True}
    token = "answer.token"  # noqa: S105 - an expression

    def made(self, lane: str, *, asynchronous: bool = False, **options: Any) -> dict[str, Any]:
        if asynchronous:
            from azure.identity.aio import ClientSecretCredential
        else:
            from azure.identity import ClientSecretCredential
        credential = ClientSecretCredential(lane, lane, LOGIN, authority=self.url, disable_instance_discovery=True)
        return {"credential": credential, "scope": f"{SERVICE}.default", "close": credential.close}


class Botocore(Client):
    """Credentials that a function of the user renews."""

    distribution = "botocore"
    call = "credentials.get_frozen_credentials()"
    token = "answer.token"  # noqa: S105 - an expression

    def made(self, lane: str, **options: Any) -> dict[str, Any]:
        import requests
        from botocore.credentials import RefreshableCredentials

        def renewed() -> dict[str, str]:
            answer = requests.post(f"{self.url}/{lane}/token", data={"client_id": lane}, timeout=60).json()
            ends = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=answer["expires_in"])
            keys = {"access_key": lane, "secret_key": LOGIN, "token": answer["access_token"]}
            return {**keys, "expiry_time": ends.isoformat()}

        over = dt.datetime.fromtimestamp(_LONG_AGO, dt.UTC)
        return {"credentials": RefreshableCredentials(lane, LOGIN, OVER, over, renewed, "benchmark")}


class IgwnAuthUtils(Client):
    """Finds a token in a file, and checks its signature. It never fetches one."""

    distribution = "igwn-auth-utils"
    call = "find_token(service, 'read:/data', public_key=public_key)"
    token = "answer['sub']"  # noqa: S105 - an expression
    fetches = False

    def made(self, lane: str, **options: Any) -> dict[str, Any]:
        import jwt
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import rsa
        from igwn_auth_utils import find_scitoken

        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        now = int(time.time())
        claims: dict[str, Any] = {"iss": "https://issuer.example", "aud": SERVICE, "sub": "ada", "scope": "read:/data"}
        claims |= {"ver": "scitoken:2.0", "iat": now, "nbf": now, "exp": now + 3600, "jti": lane}
        path = self.folder / f"{lane}.token"
        path.write_text(jwt.encode(claims, key, "RS256", {"kid": lane}), encoding="ascii")
        os.environ["SCITOKEN_FILE"] = str(path)
        form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        return {"find_token": find_scitoken, "service": SERVICE, "public_key": key.public_key().public_bytes(*form)}


CLIENTS: dict[str, type[Client]] = {
    "skykey": Skykey,
    "skykey-auth": SkykeyAuth,
    "google-auth": GoogleAuth,
    "msal": Msal,
    "msal-extensions": MsalExtensions,
    "azure-identity": AzureIdentity,
    "botocore": Botocore,
    "igwn-auth-utils": IgwnAuthUtils,
    "descarteslabs": DescartesLabs,
}
