"""Ways for a service to fail, as many requests long as the control says."""

import asyncio
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import TYPE_CHECKING, get_args

from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from skykey.sandbox.controls import FaultKind
from skykey.sandbox.nginx import page

if TYPE_CHECKING:
    from skykey.sandbox.switchboard import Switchboard

_LOGIN_PAGE = "<!doctype html><html><head><title>Log in</title></head><body><h1>Log in</h1></body></html>"
_LOOK = 0.02


@dataclass
class Rule:
    """Which requests are meant: of one service, below one path, or all."""

    service: str | None = None
    path: str | None = None

    def matches(self, service: str, path: str) -> bool:
        return self.service in (None, service) and (self.path is None or path.startswith(self.path))


@dataclass
class Fault(Rule):
    """One way to fail.

    Attributes
    ----------
    kind
        ``status``: that answer instead of the service's. ``html``: a login page with status 200.
        ``close``: the connection ends before any answer. ``truncate``: the answer ends early, on a
        connection closed in good order. ``stall``: silence for ``seconds`` (None: for good), then the answer.
    after
        For ``truncate`` and ``stall``: so many bytes of the body come first. Without it, truncate sends half
        of the first piece, and stall nothing, not even the head.
    """

    kind: FaultKind = "status"
    times: int = 1
    status: int = 503
    headers: dict[str, str] = field(default_factory=dict)
    body: str | None = None
    retry_after: float | None = None
    seconds: float | None = None
    after: int | None = None

    def __post_init__(self) -> None:
        if self.kind not in get_args(FaultKind):
            raise ValueError(f"kind is one of {', '.join(get_args(FaultKind))}")

    async def play(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send, board: "Switchboard") -> None:
        if self.kind == "status":
            await self._answer(board)(scope, receive, send)
        elif self.kind == "html":
            await HTMLResponse(_LOGIN_PAGE)(scope, receive, send)
        elif self.kind == "close":
            scope["skykey.transport"].abort()
            await _gone(receive)
        elif self.kind == "stall" and self.after is None:
            if await self.silence(scope, board):
                await app(scope, receive, send)
            else:
                scope["skykey.transport"].abort()
                await _gone(receive)
        else:
            await app(scope, receive, _Cutter(self, scope, send, board).send)

    def _answer(self, board: "Switchboard") -> Response:
        headers = dict(self.headers)
        if self.retry_after is not None:
            headers["Retry-After"] = formatdate(board.now() + self.retry_after, usegmt=True)
        return page(self.status, headers) if self.body is None else Response(self.body, self.status, headers)

    async def silence(self, scope: Scope, board: "Switchboard") -> bool:
        """Say nothing for a while; return whether anybody is still there to be answered."""
        # The client's leaving shows in the transport. Waiting for its message instead would swallow the
        # body of the request, which the service wants to read afterwards.
        clock = asyncio.get_running_loop().time
        end = None if self.seconds is None else clock() + self.seconds
        while not (board.closing.is_set() or scope["skykey.transport"].is_closing()):
            if end is not None and clock() >= end:
                return True
            await asyncio.sleep(_LOOK)
        return False


class _Cutter:
    """Passes on the beginning of an answer, then cuts it or falls silent."""

    def __init__(self, fault: Fault, scope: Scope, send: Send, board: "Switchboard") -> None:
        self._fault, self._scope, self._send, self._board = fault, scope, send, board
        self._left = fault.after
        self._over = self._resumed = False

    async def send(self, message: Message) -> None:
        if self._over:
            return
        if self._resumed or message["type"] != "http.response.body":
            await self._send(message)
            return
        body = message.get("body", b"")
        if self._left is None:
            self._left = len(body) // 2
        if len(body) <= self._left and message.get("more_body"):
            self._left -= len(body)
            await self._send(message)
            return
        head, tail = body[: self._left], body[self._left :]
        await self._send({"type": "http.response.body", "body": head, "more_body": True})
        if self._fault.kind == "stall" and await self._fault.silence(self._scope, self._board):
            self._resumed = True
            await self._send({**message, "body": tail})
            return
        self._over = True
        self._scope["skykey.transport"].close()  # what was sent still arrives


async def _gone(receive: Receive) -> None:
    """Wait until the server has noticed, or it would complain that nothing was answered."""
    while (await receive())["type"] != "http.disconnect":
        pass
