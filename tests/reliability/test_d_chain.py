"""D1, D5-D7, D11, D12: sources that change, hide or contradict each other, keep silent, are broken, or are none."""

import contextlib
import os
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from skykey.credentials.chain import Chain
from skykey.credentials.credential import Bearer
from skykey.credentials.explanation import explain
from skykey.credentials.held import Held
from skykey.credentials.keeper import Keeper
from skykey.credentials.probe import Probe
from skykey.credentials.provider import Ask, Keeping
from skykey.credentials.sources.environment import Variable
from skykey.credentials.sources.file import File
from skykey.rubin.sites import find_site
from skykey.rubin.tokens import token_chain
from skykey.testing.clock import FakeClock
from skykey.values.clock import SYSTEM_CLOCK, Clock
from skykey.values.errors import SkykeyError
from skykey.values.reach import Reach
from skykey.values.secret import Secret
from skykey.values.url import Url
from skykey.wire.request import Request
from tests.reliability.naive_credentials import HTTP, first
from tests.reliability.proof import jwt, proven, require, said, together

REACH = Reach.named(Url("https://site.example/"), said_by="a test")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The token file that is looked at last, and no other source."""
    for name in ("ACCESS_TOKEN", "ACCESS_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "token"


def token_of(keeper: Keeper[Bearer]) -> Callable[[], str]:
    def token() -> str:
        return keeper.get().credential.token.reveal()

    return token


class Searched:
    """The sources of a Rubin site's token, in a keeper."""

    def __init__(self, file: Path, clock: Clock = SYSTEM_CLOCK) -> None:
        # A site of the user's own: what stands in front of the built-in ones takes no JSON Web Tokens.
        self.chain = token_chain(replace(find_site("usdf"), name="mine"), default=str(file))
        self.token = token_of(Keeper(self.chain, clock=clock))

    def lives(self) -> list[float]:
        """What is shown of how long the tokens live that were found."""
        return [row.seconds_left for row in explain(self.chain).rows if row.seconds_left is not None]


class FirstOnce:
    """The first that gives something; once, as programs do when they start."""

    def __init__(self, file: Path, clock: Clock = SYSTEM_CLOCK) -> None:
        self.sources = (lambda: os.environ["ACCESS_TOKEN"].split()[0], file.read_text)
        self.found = ""

    def token(self) -> str:
        self.found = self.found or str(first(*self.sources))
        return self.found

    def lives(self) -> list[float]:
        return []


@proven(Searched, by=FirstOnce)
def test_d1_a_token_file_that_is_rewritten_is_seen_within_a_second(kind: Any, file: Path) -> None:
    clock, waits = FakeClock(), []
    file.write_text("token-0")
    subject = kind(file, clock)
    assert subject.token() == "token-0"
    for number in range(1, 6):
        clock.advance(7.25)
        subject.token()
        file.write_text(f"token-{number}")
        begin = clock.steady()
        while subject.token() != f"token-{number}" and clock.steady() - begin < 5:
            clock.advance(0.125)
        waits.append(clock.steady() - begin)
    require("D1", rewritten=(len(waits), "==", 5), seconds=(max(waits), "<=", 1.0))


@proven(Searched, by=FirstOnce)
def test_d5_a_stale_variable_that_hides_a_fresh_file_is_told_of(
    kind: Any, file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now = time.time()
    monkeypatch.setenv("ACCESS_TOKEN", jwt(sub="ada", exp=now - 100))
    file.write_text(jwt(sub="ada", exp=now + 1000))
    subject = kind(file)
    for _ in range(3):
        subject.token()
    warnings, lives = said(caplog, "hides"), subject.lives()
    print(*warnings)
    require(
        "D5",
        warnings=(len(warnings), "==", 1),
        names_both=(sum(name in "".join(warnings) for name in ("the variable ACCESS_TOKEN", str(file))), "==", 2),
        lives_shown=([round(left, -1) for left in lives], "==", [-100, 1000]),
    )


def strict(file: Path) -> Callable[[], str]:
    """The variable and the file, where a program wants to know whose credential it has."""
    providers = (Variable("ACCESS_TOKEN", REACH), File(lambda: str(file), REACH, f"the file {file}"))
    return token_of(Keeper(Chain("a token", providers, remedy="skykey why", strict=True)))


def unaware(file: Path) -> Callable[[], str]:
    return FirstOnce(file).token


@proven(strict, by=unaware)
def test_d6_two_identities_are_an_error_unless_one_is_named(
    kind: Any, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACCESS_TOKEN", jwt(sub="ada", exp=time.time() + 1000))
    file.write_text(jwt(sub="ben", exp=time.time() + 1000))
    told = ""
    try:
        kind(file)()
    except SkykeyError as problem:
        told = f"{problem.code} {problem}"
    monkeypatch.delenv("ACCESS_TOKEN")
    pinned = kind(file)()
    require(
        "D6",
        told=(told.partition(" ")[0], "==", "ambiguous-identity"),
        names_both=(sum(name in told for name in ("the variable ACCESS_TOKEN", str(file))), "==", 2),
        pinned=(pinned == file.read_text(), "==", True),
    )


# -- a source on the network that is not there


class Metadata:
    """A token that a service on the local network gives to whoever asks."""

    name = "the metadata service"
    keeping = Keeping.IN_PROCESS

    def __init__(self, url: str) -> None:
        self.url = Url(url)

    def obtain(self, held: Held[Bearer] | None, ask: Ask, /) -> Held[Bearer]:
        exchange = ask.send(Request("GET", self.url))
        text = (exchange.read() or b"").decode()
        exchange.close()
        return Held(Bearer(Secret(text), REACH), self.name)

    def changed(self, held: Held[Bearer], /) -> bool:
        return False


@contextlib.contextmanager
def silent() -> Iterator[str]:
    """Takes connections, and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=16) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@contextlib.contextmanager
def full() -> Iterator[str]:
    """Takes no connection, and does not refuse one either: its queue is full, and what else comes is dropped."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listening, contextlib.ExitStack() as stack:
        for _ in range(8):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listening.getsockname())
        with pytest.raises(TimeoutError):
            socket.create_connection(listening.getsockname(), timeout=0.2)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@contextlib.contextmanager
def closed() -> Iterator[str]:
    """Nobody is there."""
    with silent() as url:
        pass
    yield url


def probed(url: str) -> Callable[[], str]:
    chain = Chain("a token", (Probe(Metadata(url)), Variable("ACCESS_TOKEN", REACH)), remedy="skykey why")
    return token_of(Keeper(chain))


def patient(url: str) -> Callable[[], str]:
    return lambda: str(first(lambda: HTTP.get(url).text, lambda: os.environ["ACCESS_TOKEN"]))


@proven(probed, by=patient)
def test_d7_a_black_hole_on_the_network_does_not_hold_the_search_up(
    kind: Any, monkeypatch: pytest.MonkeyPatch, ceiling: Callable[[float], float]
) -> None:
    monkeypatch.setenv("ACCESS_TOKEN", "from-the-variable")
    for hole in (closed, silent, full):
        with hole() as url:
            begin = time.monotonic()
            answers = together(1, kind(url), patience=2.0)
            seconds = time.monotonic() - begin
        require(
            f"D7, {hole.__name__}",
            answers=(answers, "==", ["from-the-variable"]),
            seconds=(seconds, "<=", ceiling(1.0)),
        )


# -- broken sources, and none


@proven(Searched, by=FirstOnce)
def test_d11_a_source_that_is_there_and_broken_does_not_make_place_for_another_identity(
    kind: Any, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = {"two lines": "a\nb", "blanks inside": "a b", "no ASCII": "t\xf6ken"}
    slid, named = 0, 0
    file.write_text("somebody-elses")
    for value in broken.values():
        monkeypatch.setenv("ACCESS_TOKEN", value)
        try:
            slid += bool(kind(file).token())
        except SkykeyError as problem:
            named += "the variable ACCESS_TOKEN holds no token" in str(problem)
    require("D11", slid_on=(slid, "==", 0), named=(named, "==", len(broken)))


@proven(Searched, by=FirstOnce)
def test_d12_no_source_at_all_lists_them_with_reasons_and_the_next_command(kind: Any, file: Path) -> None:
    sources = [provider.name for provider in token_chain(find_site("usdf"), default=str(file)).providers]
    with pytest.raises((SkykeyError, LookupError)) as caught:
        kind(file).token()
    lines = str(caught.value).splitlines()
    print(*lines, sep="\n")
    listed = [name for name in sources if any(line.startswith(f"  {name}: unavailable (") for line in lines)]
    require(
        "D12",
        listed=(len(listed), "==", len(sources)),
        lines=(len(lines), "<=", 20),
        next=(sum(line.startswith("Next: ") for line in lines), "==", 1),
    )
