"""Clients and answers that ``isinstance`` takes for those of ``requests`` and ``urllib3``, as the release's are.

They are none: nothing of those libraries runs in them, and they are not imported for this. Only where a program has
imported one does ``client.__class__`` name a class that is its session too, which is what ``isinstance`` asks (mocks
do the same). A real subclass would answer with methods of ``requests`` wherever ours has none, past all that ours
promises.
"""

from __future__ import annotations

import sys
from typing import Any, ClassVar, Final

from skykey.calls import download
from skykey.gracedb import response

_made: Final[dict[tuple[type[Any], type[Any]], type[Any]]] = {}


class Likeness:
    """Mixed into a class, in front.

    Attributes
    ----------
    likeness
        The module and the name of what it is like.
    """

    __slots__ = ()

    likeness: ClassVar[tuple[str, str]]

    @property  # type: ignore[misc]  # what isinstance asks
    def __class__(self) -> type[Any]:  # pyright: ignore[reportIncompatibleMethodOverride] - nobody sets it
        """Its class; one that is also theirs, where their module is loaded."""
        own = type(self)
        module, name = own.likeness
        theirs: object = getattr(sys.modules.get(module), name, None)
        if not isinstance(theirs, type):
            return own
        made = _made.get((own, theirs))
        if made is None:
            made = _made[own, theirs] = _both(own, theirs)
        return made


class SessionToo(Likeness):
    """A client, which may be asked whether it is a session."""

    __slots__ = ()

    likeness = ("requests", "Session")


class Response(Likeness, response.Response):
    """An answer of a client of the release."""

    likeness = ("requests", "Response")


class Download(Likeness, download.Download):
    """A file that comes from a client of the release."""

    __slots__ = ()

    likeness = ("urllib3", "HTTPResponse")


def _both(own: type[Any], theirs: type[Any]) -> type[Any]:
    names = {"__module__": own.__module__, "__qualname__": own.__qualname__, "__doc__": own.__doc__}
    try:
        return type(own.__name__, (own, theirs), names)
    except TypeError:  # their objects are laid out in memory otherwise; isinstance knows ours by its type
        return type(own.__name__, (theirs,), names)
