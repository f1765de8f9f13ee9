"""One request with all that is known about how to ask it and how to read its answer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from skykey.credentials.kept import Kept
    from skykey.wire.request import Head, Request

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Repeat(Enum):
    """What may be sent twice."""

    SAFE = "asking again changes nothing: repeat after lost connections and 429, 502, 503, 504"
    COSTLY = "as SAFE where the service did no work yet; not after 504, and once only after an answer that was cut"
    UNDONE = "after what shows that nothing was done: no connection, 429, a 503 that says when to come back"
    NEVER = "send it once; what it leads to by a 303 is a GET, and as SAFE"


@dataclass(frozen=True, slots=True)
class Patience:
    """How often, and after how long, to send again what may be sent twice.

    Parameters
    ----------
    repeats
        At most so many times beside the first.
    first
        Seconds before the first repeat; each further one waits twice as long, spread by chance.
    longest
        The longest wait in seconds, of these and of those that a server asks for.
    shortens
        Whether a longer wait that a server asks for is cut to that; else it ends the tries.
    statuses
        Refusals worth another try, as HTTP statuses; None for 429, 502, 503 and 504. To `UNDONE` they add none:
        no other status shows that nothing was done.
    """

    repeats: int = 3
    first: float = 0.5
    longest: float = 60.0
    shortens: bool = False
    statuses: frozenset[int] | None = None


class Redirects(Enum):
    """What becomes of a redirect."""

    WITHIN = "follow inside the credentials' reach (without credentials: inside the same origin), refuse elsewhere"
    DROP = "follow anywhere over https, without credentials; with a body only where WITHIN would"
    DONE = "as WITHIN, but a 303 is the answer: it says that the request was done, and where to look now"


class Reader(Protocol[T_co]):
    """A push decoder: gets an answer piece by piece and decides at the end whether it was whole."""

    def head(self, head: Head, /) -> None:
        """Look at status and headers of a success; raise if it is not what was asked for.

        Of a 303 that is the answer (`Redirects.DONE`) the body is not read.
        """
        ...

    def feed(self, chunk: bytes, /) -> Sequence[object]:
        """Take the next piece; give the batches that are complete now."""
        ...

    def finish(self) -> T_co:
        """Give the result, or raise because the answer is not whole."""
        ...

    def words(self, head: Head, body: bytes, /) -> str:
        """The server's own error text in an answer that is no success, in the format that was asked for."""
        ...


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """A call as a value.

    Parameters
    ----------
    request
        Without credentials.
    reader
        Makes a fresh `Reader`, because an answer may have to be read twice (a replay, a repeat).
    auth
        The keepers whose credentials it carries, all of them at once; empty for an anonymous call.
    repeat, patience, redirects
        See there.
    total
        Seconds for everything, repeats and waits included; None for no limit but the block's own (`within`).
    remedy
        What to type after a 401 or 403.
    """

    request: Request
    reader: Callable[[], Reader[T]]
    auth: tuple[Kept[Any], ...] = ()
    repeat: Repeat = Repeat.NEVER
    patience: Patience = Patience()
    redirects: Redirects = Redirects.WITHIN
    total: float | None = None
    remedy: str | None = None
