"""An issuer on loopback that answers as it is told, who asks it, and a search for what must not be shown."""

import json
import os
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, quote_plus

from skykey.credentials.grants.posting import CAP, post
from skykey.credentials.grants.retries import Retries
from skykey.credentials.grants.token_endpoint import TokenEndpoint
from skykey.credentials.provider import Ask
from skykey.testing import Canary
from skykey.testing.clock import FakeClock
from skykey.values.deadline import Deadline
from skykey.values.reach import Reach
from skykey.values.secret import Secret
from skykey.values.url import Url
from skykey.wire.request import Head, Request, Timeouts
from tests.wire.server import Answer, Handler, Seen, Server, as_json

# With characters that each spelling writes in its own way.
SECRET = "rt-Kq8/w+Zs5=Xn3vB7mLp2Tc9YdJf"
OTHER = "rt-Gh6/y+Bn1=Uv4kE8sRa0Wd7ZcQm"
TOKEN = "gt-Pw2tF9xLr5Jb8Vk3.Nd7Sg4Hm6Cy"
REACH = Reach.named(Url("https://site.example/"), said_by="a test")
REMEDY = "skykey login"


def asking(clock: FakeClock | None = None, *, seconds: float = 60.0, carrier: Any = None) -> Ask:
    """On a clock that moves on by itself while somebody waits."""
    clock = clock or FakeClock(hasty=True)
    return Ask(clock, Deadline.after(seconds, clock), carrier=carrier)


def endpoint(server: Server, **more: Any) -> TokenEndpoint:
    return TokenEndpoint(Url(server.url) / "token", "a test", **{"remedy": REMEDY, **more})


def posted(url: str, ask: Ask, *, retries: Retries | None = None, silence: float = 20.0, secret: str = SECRET) -> bytes:
    """Post a secret, and give the body of a success."""
    body = Secret(f"token={quote_plus(secret)}")
    request = Request("POST", Url(url), body=body, cap=CAP, timeouts=Timeouts(silence=silence))
    return post(
        request,
        lambda answer: answer.body,
        ask=ask,
        retries=retries or Retries(),
        secrets=(Secret(secret),),
        said_by="a test",
        remedy=REMEDY,
    )


# -- answers


def granted(token: object = TOKEN, **more: object) -> bytes:
    return as_json(json.dumps({"access_token": token, "expires_in": 3600, **more}))


def refused(error: str = "invalid_grant", **more: object) -> bytes:
    return as_json(json.dumps({"error": error, **more}), 400)


def in_turn(*answers: Answer | Handler) -> Handler:
    """Each request gets the next one; the last one stays."""
    left = list(answers)

    def answer(seen: Seen) -> Answer:
        given = left.pop(0) if len(left) > 1 else left[0]
        return given(seen) if callable(given) else given

    return answer


def lost_before(_: Seen) -> Answer:
    return None


def lost_within(_: Seen) -> Answer:
    """With a token in what came so far."""
    begin = f'{{"access_token": "{TOKEN}", "refresh_token": "{OTHER}", '
    return iter([b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", begin.encode()])


def fields(seen: Seen) -> dict[str, str]:
    """A form as the server reads it."""
    read = parse_qs(seen.body.decode(), keep_blank_values=True, strict_parsing=True)
    assert all(len(values) == 1 for values in read.values())
    return {name: values[0] for name, values in read.items()}


# -- without a server


@dataclass(repr=False)
class Canned:
    """A carrier that has one answer for every request, and keeps the requests."""

    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "application/json"})
    requests: list[Request] = field(default_factory=list)

    def send(self, request: Request, deadline: Deadline, /) -> Any:
        self.requests.append(request)
        return Said(Head(self.status, self.headers, request.url), iter([self.body]))

    async def asend(self, request: Request, deadline: Deadline, /) -> Any:
        raise NotImplementedError


@dataclass(repr=False)
class Said:
    head: Head
    pieces: Iterator[bytes]

    def read(self) -> bytes | None:
        return next(self.pieces, None)

    def close(self) -> None:
        pass


# -- what an error shows

_canary = Canary.of(SECRET, OTHER, TOKEN)


def shows_nothing(problem: BaseException, canary: Canary = _canary) -> None:
    """Texts, causes, local variables of every frame that is not a test's, and what those hold."""
    links: list[BaseException | None] = [problem]
    seen: set[int] = set()
    while links:
        link = links.pop()
        if link is None or id(link) in seen:
            continue
        seen.add(id(link))
        links += [link.__cause__, link.__context__]
        assert canary.hits(f"{link}\n{link!r}\n{link.args!r}\n{vars(link)!r}") == []
        for frame, _ in traceback.walk_tb(link.__traceback__):
            if f"{os.sep}tests{os.sep}" in frame.f_code.co_filename:
                continue
            for name, value in frame.f_locals.items():
                held = f"{value!r} {getattr(value, '__dict__', '')!r}"
                assert canary.hits(held) == [], f"{frame.f_code.co_name} shows {name}"


def raised(problem_of: Callable[[], object], kind: type[Exception]) -> Any:
    """The error that it raises, which shows no secret."""
    try:
        problem_of()
    except kind as problem:
        shows_nothing(problem)
        return problem
    raise AssertionError(f"no {kind.__name__}")
