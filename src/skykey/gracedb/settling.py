"""What becomes of a request whose answer was lost: the server is asked before anything is sent again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from skykey.gracedb.alike import ALIKE
from skykey.gracedb.annotations import shapes
from skykey.gracedb.checks import CheckingFlows
from skykey.gracedb.exceptions import HTTPError
from skykey.gracedb.response import Response
from skykey.values.errors import SkykeyError
from skykey.wire import times
from skykey.wire.request import Head

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable
    from contextlib import AbstractContextManager

    from skykey.calls.flow import Flow
    from skykey.gracedb.alike import One
    from skykey.values.url import Url

    Begun = tuple[float, float]  # steady and wall

CREATED: Final = 201
GONE: Final = 204
# What a server says when something is there, or away, already.
_DONE_ALREADY: Final = frozenset({400, 404, 409})
# The server's times are cut to whole seconds, on both sides.
_TOLERANCE: Final = 2.0


class Unsettled(SkykeyError):
    """The server was asked, and what it says does not settle it."""

    code = "unsettled"


class Settled(Response):
    """An answer that was lost, made of what the server said when it was asked whether it had done it.

    Attributes
    ----------
    settled
        Always True; other responses have no such attribute.
    """

    settled: Final = True


class SettlingFlows(CheckingFlows):
    """Requests that bring about a state: if it is there, they have been done, whoever lost the answer."""

    def _reach(
        self, look: Callable[[], Flow[Response | None]], method: str, url: Url, *, doing: str, **sent: Any
    ) -> Flow[Response]:
        """Send what may be sent again as long as the state is not there.

        Parameters
        ----------
        look
            Gives the answer that stands for the state; None if it is not there. It is asked after an ambiguous end.
        method, url, doing, sent
            As in `Asking._send`.

        Raises
        ------
        HTTPError, OutcomeUnknown, TransportError
            As `Asking._send`. A refusal because it is done already is none, if an earlier try of this one did it.
        """
        looked = []

        def settle() -> Flow[Response | None]:
            looked.append(True)
            return (yield from look())

        try:
            return (yield from self._send(method, url, settle=settle, doing=doing, **sent))
        except HTTPError as problem:
            if not looked or problem.status_code not in _DONE_ALREADY:
                raise
            refused = problem
        try:
            found = yield from look()
        except SkykeyError:
            found = None  # what the server has said before is what counts
        if found is None:
            raise refused
        return found

    def _add_to(
        self, listing: Url, keys: tuple[str, ...], like: dict[str, Any], method: str, url: Url, **sent: Any
    ) -> Flow[Response]:
        """Add an entry to a list in which it can be only once.

        Parameters
        ----------
        listing
            Where the list is.
        keys
            Under which its entries may be in the answer.
        like
            What an entry holds that is the one.
        method, url, sent
            As in `_reach`.
        """

        def look() -> Flow[Response | None]:
            answer = yield from self._send("GET", listing)
            found = matching(shapes.entries(answer.json(), *keys), like)
            return stand_in(answer, CREATED, found[0]) if found else None

        return (yield from self._reach(look, method, url, **sent))

    def _take_from(
        self, listing: Url, keys: tuple[str, ...], like: dict[str, Any], url: Url, doing: str
    ) -> Flow[Response]:
        """Take an entry away from a list.

        Parameters
        ----------
        listing, keys, like
            As in `_add_to`.
        url
            Of the entry.
        doing
            As in `Asking._send`.
        """

        def look() -> Flow[Response | None]:
            answer = yield from self._send("GET", listing)
            return None if matching(shapes.entries(answer.json(), *keys), like) else stand_in(answer, GONE)

        return (yield from self._reach(look, "DELETE", url, doing=doing))

    def _one(self, *looks: Hashable) -> AbstractContextManager[One]:
        """A request among those to this server that look like it, for as long as it takes.

        Parameters
        ----------
        looks
            How it looks.
        """
        return ALIKE.one((self._options.service_url, *looks), self._clock)

    def _user(self) -> Flow[Any]:
        """Whom the server takes the user for (see `is_by`).

        Raises
        ------
        Unsettled
            If it does not say.
        """
        link = yield from self._link("user-info")
        if link is None:
            raise Unsettled("this server does not say who is asking")
        return (yield from self._send("GET", link)).json()

    def _begin(self) -> Begun:
        return self._clock.steady(), self._clock.wall()

    def _since(self, answer: Response, begun: Begun) -> float | None:
        """When something began, on the server's clock.

        Parameters
        ----------
        answer
            The server's latest.
        begun
            On this machine's clocks.

        Returns
        -------
        float or None
            Seconds since 1970, a little early because the server cuts its times; None if it does not tell its time.

        Raises
        ------
        Unsettled
            If this machine does not know how long ago that was.
        """
        now = times.date(Head(answer.status_code, dict(answer.headers), answer.url))
        steady, wall = begun
        passed = self._clock.steady() - steady
        if abs(self._clock.wall() - wall - passed) > _TOLERANCE:
            raise Unsettled("this machine slept meanwhile, or its clock was set")
        return None if now is None else now - passed - _TOLERANCE


def told(answer: Response, key: str) -> Any:
    """What an answer says under a key; None if it says nothing there.

    Parameters
    ----------
    answer
        Perhaps without JSON.
    key
        Of its object.
    """
    try:
        document = answer.json()
    except ValueError:
        return None
    return document.get(key) if isinstance(document, dict) else None


def is_by(user: Any, name: Any) -> bool:
    """Whether something is the user's: servers name them by account, or by first and last name.

    Parameters
    ----------
    user
        What the server says of the user.
    name
        Who made it: a name, or an object of several.
    """
    if not isinstance(user, dict):
        return False
    names = [user.get("username"), user.get("email"), f"{user.get('first_name')} {user.get('last_name')}"]
    known = {name.lower() for name in names if isinstance(name, str) and name and name != "AnonymousUser"}
    said = name.values() if isinstance(name, dict) else [name]
    return any(isinstance(each, str) and each.lower() in known for each in said)


def matching(entries: Iterable[dict[str, Any]], like: dict[str, Any]) -> list[dict[str, Any]]:
    """Those entries that hold what is looked for.

    Parameters
    ----------
    entries
        Of a list.
    like
        Key to value; a text is the same in any case of its letters.
    """
    return [entry for entry in entries if all(_same(entry.get(key), value) for key, value in like.items())]


def stand_in(found: Response, status: int, document: Any = None) -> Settled:
    """The answer that was lost, made of what the server said when it was asked.

    Parameters
    ----------
    found
        Its answer.
    status
        Of the one that was lost.
    document
        What was in that one; None for nothing.
    """
    content = b"" if document is None else json.dumps(document).encode()
    headers = {"content-type": "application/json"} if content else {}
    made = Settled(Head(status, headers, found.url), content)
    made.request = found.request
    return made


def _same(found: Any, wanted: Any) -> bool:
    return found == wanted or (isinstance(found, str) and isinstance(wanted, str) and found.lower() == wanted.lower())
