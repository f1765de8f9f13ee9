"""Homes, tokens and token services for tests of logins."""

import base64
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from skykey.descarteslabs.auth import Auth
from skykey.descarteslabs.earthone.auth import Auth as EarthOneAuth
from skykey.sandbox import Box
from skykey.testing.clock import FakeClock
from tests.wire.server import Answer, Seen, Server, as_json

PREFIX = "earthdaily__dl__"


def part(content: object) -> str:
    text = content if isinstance(content, str) else json.dumps(content)
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def jwt(seconds: float | None = 3600.0, **claims: Any) -> str:
    """A token that ends in so many seconds; None leaves ``exp`` out."""
    ends = {} if seconds is None else {"exp": time.time() + seconds}
    return f"{part({'alg': 'RS256'})}.{part({'sub': 'some|user'} | ends | claims)}.c2ln"


def holds(path: Path | str) -> Any:
    return json.loads(Path(path).read_text())


def put(path: Path | str, content: Any) -> Path:
    """Write a file: a text as it is, anything else as JSON."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def everything_in(folder: Path) -> bytes:
    return b"\n".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


@dataclass
class Home:
    """An empty home, for programs whose token service is the sandbox's."""

    folder: Path
    box: Box
    clock: FakeClock = field(default_factory=lambda: FakeClock(wall=time.time(), hasty=True))
    _gone_by: float = 0.0

    @property
    def ours(self) -> Path:
        """The folder of logins and shared tokens."""
        return self.folder / ".descarteslabs"

    @property
    def file(self) -> Path:
        return self.ours / "token_info.json"

    def login(self, user: str = "ada", **more: Any) -> dict[str, Any]:
        """A new login, as its file has it."""
        login = self.box.controls.login(user) | more
        del login["paste"]
        return login

    def logged_in(self, user: str = "ada", **more: Any) -> dict[str, Any]:
        """Put a new login into the default file."""
        login = self.login(user, **more)
        put(self.file, login)
        return login

    def later(self, seconds: float) -> None:
        """Let time go by, here and at the token service."""
        self.clock.advance(seconds)
        self._gone_by += seconds
        self.box.controls.clock(self._gone_by)

    @property
    def posts(self) -> int:
        """Requests to the token service since the start of the test."""
        return len([seen for seen in self.box.controls.requests("iam") if seen.path == "/token"])


@pytest.fixture
def home(box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("DESCARTESLABS_IAM_URL", box.iam_url)
    monkeypatch.setenv("EARTHONE_IAM_URL", box.iam_url)
    monkeypatch.chdir(tmp_path)
    yield Home(folder, box)
    Auth.set_default_auth(None)
    EarthOneAuth.set_default_auth(None)


@dataclass
class Issuer:
    """A token service that answers as a test says, and keeps what it was sent."""

    server: Server
    answer: Callable[[Seen], Answer]
    bodies: list[dict[str, Any]] = field(default_factory=list, repr=False)

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def seen(self) -> list[Seen]:
        return self.server.seen

    def answered(self, seen: Seen) -> Answer:
        self.bodies.append(json.loads(seen.body))
        return self.answer(seen)


@pytest.fixture
def issuer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Issuer]:
    """By default it gives a token of an hour to everybody, called as the real one calls it."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    server = Server(lambda _: None)
    made = Issuer(server, granting())
    server.answer = made.answered
    with server:
        monkeypatch.setenv("DESCARTESLABS_IAM_URL", made.url)
        yield made


def granting(seconds: float = 3600.0, key: str = "id_token", **more: Any) -> Callable[[Seen], Answer]:
    def answer(seen: Seen) -> Answer:
        client = json.loads(seen.body)["client_id"]
        return as_json(json.dumps({key: jwt(seconds, aud=client)} | more))

    return answer
