"""What the rows on credentials are tried on, and how: the real thing meets each figure, and naive code misses one."""

import base64
import contextlib
import functools
import json
import operator
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from skykey.credentials.claims import claims_of
from skykey.credentials.credential import Bearer
from skykey.credentials.grants.refresh_token import RefreshToken
from skykey.credentials.grants.retries import Retries
from skykey.credentials.grants.token_endpoint import TokenEndpoint
from skykey.credentials.held import Held
from skykey.credentials.keeper import Keeper
from skykey.credentials.store import entry_key
from skykey.credentials.stores.file import FileStore
from skykey.descarteslabs.auth import Auth
from skykey.descarteslabs.session import Session
from skykey.sandbox import Box
from skykey.testing.clock import FakeClock
from skykey.values.clock import SYSTEM_CLOCK, Clock, SystemClock
from skykey.values.life import Life
from skykey.values.reach import Reach
from skykey.values.secret import Secret
from skykey.values.url import Url
from skykey.wire.pools import PROCESS_POOLS
from tests.reliability.naive_credentials import Unlocked

ROOT = Path(__file__).parents[2]
OPERATORS = {"==": operator.eq, "<=": operator.le, "<": operator.lt, ">=": operator.ge, ">": operator.gt}

_printed: list[str] = []


class MissedError(AssertionError):
    """A figure was measured, and is not what its row wants."""


def require(row: str, **figures: tuple[Any, str, Any]) -> None:
    """Print what was measured beside what is wanted, and fail if one does not agree: ``hits=(n, "==", 1)``."""
    shown = ", ".join(f"{name} {_shown(was)} ({how} {_shown(wanted)})" for name, (was, how, wanted) in figures.items())
    _printed.append(row)
    print(f"{row}: {shown}")
    missed = [name for name, (was, how, wanted) in figures.items() if not OPERATORS[how](was, wanted)]
    if missed:
        raise MissedError(f"{row} misses {', '.join(missed)}: {shown}")


def _shown(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) and value < 1e6 else str(value)


def proven(*real: Any, by: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Run a test whose parameter `kind` makes its subject: those of `real` must meet the figures, `by` must miss one.

    Missing is nothing else than `require` failing: naive code that stumbles on the way there proves nothing.
    """
    naive = by if isinstance(by, tuple) else (by,)

    def decorate(check: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(check)
        def test(kind: Any, **fixtures: Any) -> None:
            _printed.clear()
            if kind in real:
                check(kind, **fixtures)
                assert _printed, "no figure was printed"
                return
            with pytest.raises(MissedError) as caught:
                check(kind, **fixtures)
            print(f"{kind.__name__} fails: {caught.value}")

        return pytest.mark.parametrize("kind", [*real, *naive], ids=lambda kind: kind.__name__)(test)

    return decorate


# -- a login at the sandbox, and time


@dataclass(frozen=True)
class Login:
    """A login, the addresses that it is good for, and a folder in which processes keep what belongs to it."""

    iam: str
    platform: str
    client_id: str
    secret: str
    folder: str

    @classmethod
    def at(cls, box: Box, folder: Path, user: str = "ada") -> "Login":
        """Log in anew, and save that in each form that the subjects know."""
        given = box.controls.login(user)
        made = cls(box.iam_url, box.platform_url, given["client_id"], given["refresh_token"], str(folder))
        made.save()
        box.controls.forget()
        return made

    @classmethod
    def parsed(cls, text: str) -> "Login":
        return cls(**json.loads(text))

    def __str__(self) -> str:
        return json.dumps(asdict(self))

    def __repr__(self) -> str:
        return f"<login of {self.client_id}>"

    @property
    def file(self) -> str:
        return os.path.join(self.folder, "token_info.json")

    @property
    def store(self) -> FileStore:
        return FileStore(os.path.join(self.folder, "store"))

    @property
    def key(self) -> str:
        return entry_key(issuer="the sandbox", client=self.client_id)

    @property
    def reach(self) -> Reach:
        return Reach.named(Url(self.iam), Url(self.platform), said_by="a test")

    def save(self) -> None:
        begin = Held(Bearer.to_come(self.reach), "a login", Secret(self.secret))
        self.store.write(self.key, begin)
        content = {"client_id": self.client_id, "client_secret": self.secret, "refresh_token": self.secret}
        Path(self.file).write_text(json.dumps(content))


class Times:
    """The true time, which is the sandbox's, and this machine's clock, which may be wrong."""

    def __init__(self, box: Box, *, drift: float = 0.0) -> None:
        self._box = box
        self._true = time.time()
        self.clock = FakeClock(wall=self._true + drift, hasty=True)
        self._tell()

    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self._true += seconds
        self._tell()

    def sleep(self, seconds: float) -> None:
        """The machine is suspended: its steady clock does not count that."""
        self.clock.jump(seconds)
        self._true += seconds
        self._tell()

    def _tell(self) -> None:
        self._box.controls.clock(self._true - time.time())


def jwt(**claims: Any) -> str:
    """A token that says this, and is signed by nobody."""
    parts = ({"alg": "none"}, claims)
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return f"{'.'.join(encoded)}.AAAA"


def asked(box: Box) -> int:
    """How often the issuer was asked since the test last looked away."""
    return sum(count for name, count in box.controls.iam_stats().items() if name.endswith(" refresh_token"))


def claim(token: str, name: str) -> Any:
    claims = claims_of(Secret(token))
    assert claims is not None
    return claims.payload[name]


def bought(box: Box, login: Login) -> str:
    """Another token of the same user and client, from another login."""
    other = box.controls.login("ada")
    assert other["client_id"] == login.client_id
    made = Unlocked(replace(login, secret=other["refresh_token"]))
    made.refresh()
    return made.access


class Moving(SystemClock):
    """The machine's own time, which goes on by itself, and what a test adds to it."""

    ahead = 0.0

    def wall(self) -> float:  # type: ignore[override]
        return time.time() + self.ahead

    def steady(self) -> float:  # type: ignore[override]
        return time.monotonic() + self.ahead


# -- what is tried


class Hooked:
    """A carrier that does something before each request."""

    def __init__(self, hook: Callable[[], object]) -> None:
        self._hook = hook

    def send(self, request: Any, deadline: Any, /) -> Any:
        self._hook()
        return PROCESS_POOLS.send(request, deadline)


class Real:
    """What both real subjects have in common: they are an `Auth` to a session."""

    login: Login
    keeper: Keeper[Bearer]

    def keeper_for(self, url: Url) -> Keeper[Bearer]:
        return self.keeper

    def token(self) -> str:
        return self.keeper.get().credential.token.reveal()

    async def atoken(self) -> str:
        return (await self.keeper.aget()).credential.token.reveal()

    def call(self, method: str, path: str, data: Any = None) -> Any:
        return Session(self.login.platform, auth=self, retries=0).request(method, path, data=data)

    def take(self, token: str) -> None:
        life = Life()  # an opaque one, which does not say when it ends
        self.keeper.put(Held(Bearer(Secret(token), self.login.reach, life), "a login", Secret(self.login.secret)))

    @property
    def hooked(self) -> Callable[[], object]:
        """What is done before each request to the issuer."""
        raise NotImplementedError

    @hooked.setter
    def hooked(self, hook: Callable[[], object]) -> None:
        self.keeper._carrier = Hooked(hook)


class Kept(Real):
    """A keeper over the grant of a renewal secret, with the store of files."""

    def __init__(self, login: Login, clock: Clock = SYSTEM_CLOCK, *, retries: int = 0, **_: Any) -> None:
        self.login = login
        endpoint = TokenEndpoint(
            Url(login.iam) / "token", "a test", remedy="skykey login", retries=Retries(retries, first=0.01)
        )
        grant = RefreshToken(endpoint, {"client_id": login.client_id}, login.reach, "the login of ada")
        self.keeper = Keeper(grant, store=login.store, key=login.key, clock=clock)


class Documented(Real):
    """`descarteslabs.auth.Auth`, with the documented file."""

    def __init__(
        self, login: Login, clock: Clock = SYSTEM_CLOCK, *, retries: int = 0, leeway: float = 500, **_: Any
    ) -> None:
        self.login = login
        self.auth = Auth(domain=login.iam, token_info_path=login.file, retries=retries, leeway=leeway, _clock=clock)
        self.keeper = self.auth.keeper

    def token(self) -> str:
        return self.auth.token

    def keeper_for(self, url: Url) -> Any:
        return self.auth.keeper_for(url)

    def take(self, token: str) -> None:
        self.auth._token = token


def take(subject: Any, token: str) -> None:
    """Give it a newer token, which came another way."""
    if isinstance(subject, Real):
        subject.take(token)
    else:
        subject.access, subject.ends = token, subject.clock.wall() + 3600


def settled(subject: Any) -> None:
    """Wait until a renewal in the background, if there is one, has ended."""
    ticket = subject.keeper._ticket if isinstance(subject, Real) else None
    if ticket is not None:
        assert ticket.ended(20)


# -- many at once


def together(count: int, work: Callable[[], Any], *, patience: float = 20.0) -> list[Any]:
    """Run the same on many threads; what each gave or raised, without those that hang."""
    barrier, answers = threading.Barrier(count), []

    def one() -> None:
        barrier.wait(20)
        try:
            answers.append(work())
        except BaseException as problem:  # noqa: BLE001 - looked at by the caller
            answers.append(problem)

    threads = [threading.Thread(target=one, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    until = time.monotonic() + patience
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    return list(answers)


def until(condition: Callable[[], object]) -> None:
    """Wait until it holds, and not for ever."""
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.002)


@contextlib.contextmanager
def started(module: str, actor: str, *arguments: object) -> Iterator["subprocess.Popen[str]"]:
    """Run a function of a module in a process of its own, which ends with the block."""
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from {module} import {actor}; {actor}(*sys.argv[1:])"
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGKILL)


def line_of(process: "subprocess.Popen[str]") -> str:
    """The next line that an actor says."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, f"the actor ended with {process.wait()}"
    return line.strip()


def tell(process: "subprocess.Popen[str]", words: object) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{words}\n")
    process.stdin.flush()


def said(caplog: pytest.LogCaptureFixture, *words: str) -> list[str]:
    """The warnings about credentials that have one of these words in them."""
    texts = [record.getMessage() for record in caplog.records if record.name.startswith("skykey.credentials")]
    return [text for text in texts if any(word in text for word in words)]
