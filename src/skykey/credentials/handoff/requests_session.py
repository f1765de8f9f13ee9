"""A session of ``requests`` with a credential that is kept fresh, for libraries that stand on it (pyvo).

The credential is put in where a request goes out, and taken out when its answer has come: what such a library keeps,
shows or logs of its requests holds none. Whether it goes along is decided anew for each of them, redirects included.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final, NoReturn

import requests
from requests.utils import rewind_body

from skykey.credentials.place import place
from skykey.values.errors import BadUrl
from skykey.values.url import Url
from skykey.wire.frames import frameless
from skykey.wire.request import Request, opened_headers

if TYPE_CHECKING:
    from skykey.credentials.held import Held
    from skykey.credentials.kept import Kept

_REJECTED: Final = 401
# Of a prepared request: the names of the headers that were put into it.
_PUT: Final = "_skykey_put"


class KeptSession(requests.Session):
    """A session whose requests carry what a keeper holds at that moment, to its reach and nowhere else.

    A 401 is repeated once if there is something newer. Sources of credentials that ``requests`` has by itself (a
    ``.netrc`` file, user names in addresses) are not used.

    Parameters
    ----------
    keeper
        Of the credential.
    """

    def __init__(self, keeper: Kept[Any]) -> None:
        super().__init__()
        self._keeper = keeper
        self.auth = _nothing  # else the library would look into .netrc

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send a prepared request; redirects come through here one by one."""
        held, response = self._sent(request, kwargs)
        if held is None or response.status_code != _REJECTED or response.history:
            return response
        challenge = response.headers.get("www-authenticate", "the service asks for a credential")
        if not self._keeper.reject(held, challenge) or not _is_repeatable(request):
            return response
        _ = response.content  # read to its end, so that the connection can be used again
        response.close()
        return self._sent(request, kwargs)[1]

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        """After a redirect: whatever stood there goes; `send` decides what goes along."""
        # The library follows redirects before `_sent` takes anything out, with a copy of the first request.
        for name in ("Authorization", *vars(response.request).get(_PUT, ())):
            prepared_request.headers.pop(name, None)

    def _sent(
        self, request: requests.PreparedRequest, more: dict[str, Any]
    ) -> tuple[Held[Any] | None, requests.Response]:
        held = self._keeper.get()
        handled = sys.exception()
        names = vars(request)[_PUT] = _put(held, request)
        try:
            response = super().send(request, **more)
        except BaseException as problem:  # noqa: BLE001 - Ctrl-C comes through the same frames; all is raised again
            # The libraries' frames hold headers as they were sent, and copies of the request.
            raise frameless(problem, handled=handled)  # noqa: B904 - it is the same one
        finally:
            for name in names:
                request.headers.pop(name, None)
        return (held if names else None), response

    def __getstate__(self) -> NoReturn:
        raise TypeError("a session with a live credential is not copied: make one where it is needed")


def _nothing(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _put(held: Held[Any], request: requests.PreparedRequest) -> tuple[str, ...]:
    """Put the credential into a request, if it goes where the credential may go; the names of its headers."""
    try:
        url = Url(request.url or "")
    except BadUrl:
        return ()  # an address that two programs may read differently
    if not held.credential.reach.admits(url):
        return ()
    names = tuple(name for name, _ in held.credential.parts())
    wanted = {name.lower() for name in names}
    for name, value in opened_headers(place(held, Request("GET", url)), ""):
        if name.decode().lower() in wanted:
            request.headers[name.decode()] = value.decode()
    return names


def _is_repeatable(request: requests.PreparedRequest) -> bool:
    if request.body is None or isinstance(request.body, str | bytes):
        return True
    try:
        rewind_body(request)
    except requests.RequestException:
        return False
    return True
