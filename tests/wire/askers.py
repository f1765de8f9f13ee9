"""Small things that many tests of the core need."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from skykey.calls.call import Call, Repeat
from skykey.calls.faces import Async, Sync, method
from skykey.calls.flow import Flow, ask
from skykey.credentials.credential import Bearer
from skykey.credentials.held import Held
from skykey.credentials.keeper import Keeper
from skykey.credentials.provider import Ask, Keeping
from skykey.tables.rows import rows
from skykey.values.clock import SystemClock
from skykey.values.life import Life
from skykey.values.reach import Reach
from skykey.values.secret import Secret
from skykey.values.url import Url
from skykey.wire.request import Head, Request, TlsIdentity


class Body:
    """Reader that keeps the bytes."""

    def __init__(self) -> None:
        self._body = bytearray()

    def head(self, head: Head, /) -> None:
        self.status = head.status

    def feed(self, chunk: bytes, /) -> tuple[()]:
        self._body += chunk
        return ()

    def finish(self) -> bytes:
        return bytes(self._body)

    def words(self, head: Head, body: bytes, /) -> str:
        return body.decode("utf-8", "replace")


class Passing(Body):
    """Reader that passes each piece on as a batch."""

    def feed(self, chunk: bytes, /) -> Any:
        super().feed(chunk)
        return [chunk]


def get(url: str, **changes: Any) -> Call[bytes]:
    """A call that gives an answer's bytes; `changes` are fields of the call, or of its request."""
    own = {
        name: changes.pop(name) for name in ("method", "headers", "body", "tls", "cap", "timeouts") if name in changes
    }
    request = replace(Request(own.pop("method", "GET"), Url(url)), **own)
    return Call(request, changes.pop("reader", Body), **{"repeat": Repeat.NEVER, **changes})


class AskerFlows:
    """The smallest client: performs any call, or any flow."""

    @method
    def ask(self, call: Call[Any]) -> Flow[Any]:
        return (yield from ask(call))

    @method
    def run(self, make: Callable[[], Flow[Any]]) -> Flow[Any]:
        return (yield from make())

    @rows
    def stream(self, call: Call[Any]) -> Flow[Any]:
        from skykey.calls.flow import stream

        return (yield from stream(call))


class Asker(AskerFlows, Sync):
    pass


class AsyncAsker(AskerFlows, Async):
    pass


@dataclass(frozen=True)
class ApiKey:
    """A credential in a header of its own: nobody but us keeps it from travelling."""

    key: Secret
    reach: Reach
    life: Life = Life()
    identity: str | None = None
    hint: str = "a key"
    tls: TlsIdentity | None = None

    def parts(self) -> tuple[tuple[str, Secret], ...]:
        return (("X-API-Key", self.key),)


class Fixed:
    """Provider that makes each credential with a function of the number made so far."""

    def __init__(self, make: Callable[[int], Any], keeping: Keeping = Keeping.IN_PROCESS, name: str = "a test") -> None:
        self.made = 0
        self.name = name
        self.keeping = keeping
        self._make = make

    def obtain(self, held: Held | None, ask: Ask, /) -> Held:
        self.made += 1
        return Held(self._make(self.made), self.name)

    def changed(self, held: Held, /) -> bool:
        return False


def bearer(*urls: str, token: str = "token-canary") -> Keeper:
    reach = Reach.named(*(Url(url) for url in urls), said_by="a test")
    return Keeper(Fixed(lambda _: Bearer(Secret(token), reach), Keeping.NOT_AT_ALL))


def api_key(*urls: str, key: str = "key-canary") -> Keeper:
    reach = Reach.named(*(Url(url) for url in urls), said_by="a test")
    return Keeper(Fixed(lambda _: ApiKey(Secret(key), reach), Keeping.NOT_AT_ALL, "a test's key"))


def renewable(*urls: str) -> tuple[Keeper, Fixed]:
    """A keeper whose renewals give token-1, token-2, …"""
    reach = Reach.named(*(Url(url) for url in urls), said_by="a test")
    provider = Fixed(lambda number: Bearer(Secret(f"token-{number}"), reach))
    return Keeper(provider), provider


class FastClock(SystemClock):
    """Waits without waiting, and remembers for how long it should have."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    def wait(self, event: Any, seconds: float | None) -> bool:
        self.waits.append(seconds or 0.0)
        return bool(event.is_set())

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
