"""Asking a site about the token itself; these tokens are opaque, only the site knows what they say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from skykey.calls.call import Call, Repeat
from skykey.calls.faces import Sync, method
from skykey.calls.flow import Flow, ask, need
from skykey.calls.json_reader import JsonReader
from skykey.repertoire.advice import Advice
from skykey.repertoire.token_shape import has_shape
from skykey.values.errors import ServiceError, Unreadable
from skykey.wire.request import Request, Timeouts

if TYPE_CHECKING:
    from skykey.credentials.credential import Bearer
    from skykey.credentials.keeper import Keeper
    from skykey.rubin.sites import Site

_MOST_BYTES = 2**20
_MOST_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class TokenInfo:
    """What a site says about a token (``GET /auth/api/v1/token-info``).

    Parameters
    ----------
    username
        Whose it is.
    token_type
        ``user``, ``notebook``, ``session``, ``internal``, ``service``.
    scopes
        What it allows.
    created, expires
        Seconds since 1970, UTC; None if it never expires.
    token_name
        As its owner called it.
    """

    username: str
    token_type: str
    scopes: tuple[str, ...]
    created: int | None = None
    expires: int | None = None
    token_name: str | None = None


class GafaelfawrFlows:
    """Questions about a site's token.

    Parameters
    ----------
    site
        Whose token it is.
    token
        Its keeper.
    """

    def __init__(self, site: Site, token: Keeper[Bearer]) -> None:
        self._site = site
        self._url = site.url / "auth/api/v1/token-info"
        self._token = token

    @method
    def token_info(self) -> Flow[TokenInfo]:
        """Ask what the token is and allows.

        Raises
        ------
        NotAuthenticated
            If the site does not accept it; ``next`` names the page where its tokens are created.
        ServiceError, TransportError, CredentialError
            If it does not answer, or there is no token to ask about.
        """
        held = yield from need(self._token)
        advice = Advice(self._site.url, is_odd=not has_shape(held.credential.token))
        request = Request(
            "GET",
            self._url,
            (("Accept", "application/json"),),
            cap=_MOST_BYTES,
            timeouts=Timeouts(connect=5.0, silence=5.0),
        )
        call = Call(
            request,
            lambda: JsonReader(_read),
            (self._token,),
            Repeat.SAFE,
            total=_MOST_SECONDS,
            remedy=advice.remedy(),
        )
        try:
            return (yield from ask(call))
        except ServiceError as problem:
            advice.give(problem)
            raise


class Gafaelfawr(GafaelfawrFlows, Sync):
    """For blocking programs."""


def _read(document: Any) -> TokenInfo:
    try:
        return TokenInfo(
            username=str(document["username"]),
            token_type=str(document["token_type"]),
            scopes=tuple(map(str, document["scopes"])),
            created=document.get("created"),
            expires=document.get("expires"),
            token_name=document.get("token_name"),
        )
    except (KeyError, TypeError, AttributeError):
        raise Unreadable("the site's answer about the token is not what was promised") from None
