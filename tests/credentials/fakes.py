"""Providers and stores that do as they are told, and write down what was asked of them."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from skykey.credentials.credential import Bearer
from skykey.credentials.held import Held
from skykey.credentials.provider import Ask, Keeping
from skykey.credentials.store import MemoryStore
from skykey.testing.clock import FakeClock
from skykey.values.deadline import Deadline
from skykey.values.life import Life
from skykey.values.reach import Reach
from skykey.values.secret import Secret
from skykey.values.url import Url

CANARY = "gt-kAnArY7fQ.9zXw5vU3tS1"
HERE = Url("https://site.example/")
REACH = Reach.named(HERE, said_by="the test")


def bearer(text: str, life: Life | None = None) -> Held[Bearer]:
    return Held(Bearer(Secret(text), REACH, life or Life()), source="fake")


def text_of(held: Held[Bearer]) -> str:
    return held.credential.token.reveal()


class Fake:
    """Gives token-1, token-2, … or whatever `then` makes of the count; waits for `gate` first."""

    def __init__(
        self,
        clock: FakeClock | None = None,
        *,
        lives: float | None = 3600.0,
        keeping: Keeping = Keeping.IN_PROCESS,
        then: Callable[[int], str] = "token-{}".format,
        name: str = "fake",
    ) -> None:
        # From today, so that a keeper on the machine's own clock finds it fresh too.
        self.clock = clock or FakeClock(wall=time.time())
        self.lives = lives
        self.keeping = keeping
        self.then = then
        self.name = name
        self.asked = 0
        self.seen: list[Held[Bearer] | None] = []
        self.asks: list[Ask] = []
        self.entered = threading.Event()
        self.gate = threading.Event()
        self.gate.set()
        self.is_changed = False
        self.look_again: float | None = None
        self.error: BaseException | None = None
        self.inside: Callable[[], Any] = lambda: None

    def obtain(self, held: Held[Bearer] | None, ask: Ask, /) -> Held[Bearer]:
        self.asked += 1
        count = self.asked
        self.seen.append(held)
        self.asks.append(ask)
        self.entered.set()
        assert self.gate.wait(20)
        self.inside()
        if self.error is not None:
            raise self.error
        now = self.clock.wall()
        life = Life(now, None if self.lives is None else now + self.lives, self.look_again)
        return replace(bearer(self.then(count), life), source=self.name)

    def changed(self, held: Held[Bearer], /) -> bool:
        return self.is_changed


class Rotating(Fake):
    """An issuer that takes each renewal secret once, and revokes the whole family when one comes twice."""

    def __init__(self, clock: FakeClock | None = None, *, lives: float = 3600.0) -> None:
        super().__init__(clock, lives=lives, keeping=Keeping.STORED)
        self.valid = "renewal-0"
        self.revoked = False

    def obtain(self, held: Held[Bearer] | None, ask: Ask, /) -> Held[Bearer]:
        shown = "renewal-0" if held is None or held.renewal is None else held.renewal.reveal()
        found = super().obtain(held, ask)
        if shown != self.valid:
            self.revoked = True
        assert not self.revoked, "a renewal secret was used twice"
        self.valid = f"renewal-{self.asked}"
        return replace(found, renewal=Secret(self.valid))


class Diary(MemoryStore):
    """A store that writes down the order of things, and can fail to write."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.error: Exception | None = None
        self.on_write: Callable[[Held[Any]], None] = lambda held: None

    @contextlib.contextmanager
    def exclusive(self, key: str, deadline: Deadline) -> Iterator[None]:
        with super().exclusive(key, deadline):
            self.lines.append("locked")
            yield
        self.lines.append("free")

    def read(self, key: str) -> Held[Any] | None:
        self.lines.append("read")
        return super().read(key)

    def write(self, key: str, held: Held[Any]) -> None:
        if self.error is not None:
            raise self.error
        self.on_write(held)
        super().write(key, held)
        self.lines.append("written")
