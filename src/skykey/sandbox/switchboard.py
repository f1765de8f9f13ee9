"""What the controls can turn: the clock, the delays and faults of every service, and the log of requests."""

import asyncio
import base64
import binascii
import hashlib
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from typing import Any, get_args
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from skykey.sandbox.controls import Action
from skykey.sandbox.faults import Fault, Rule
from skykey.sandbox.tokens import is_token

_KEPT = 10_000
#: Where an application finds the log entry of its request, to say there what it has read.
SEEN = "skykey.seen"


@dataclass
class Delay(Rule):
    """So many seconds before every matching request is looked at."""

    seconds: float = 0.0


@dataclass
class Failure:
    """So many times an action of a user (None: of anybody) is answered with this status."""

    user: str | None
    action: Action
    status: int
    times: int

    def __post_init__(self) -> None:
        if self.action not in get_args(Action):
            raise ValueError(f"action is one of {', '.join(get_args(Action))}")
        if HTTPStatus(self.status) < HTTPStatus.BAD_REQUEST:
            raise ValueError("status is that of an error")


class Switchboard:
    """The state behind the controls, and the layer that every origin runs under."""

    def __init__(self) -> None:
        self.offset = 0.0
        self.delays: list[Delay] = []
        self.faults: list[Fault] = []
        self.failures: list[Failure] = []
        self.seen: deque[dict[str, Any]] = deque(maxlen=_KEPT)
        self.closing = asyncio.Event()

    def now(self) -> float:
        """Return the sandbox's own time: tokens, limits and ``Date`` headers go by it."""
        return time.time() + self.offset

    def reset(self) -> None:
        """Put clock, delays, faults and failures back as they were at the start. The log stays."""
        self.offset = 0.0
        self.delays.clear()
        self.faults.clear()
        self.failures.clear()

    def around(self, name: str | Callable[[str], str], app: ASGIApp) -> ASGIApp:
        """Put the layer around ``app``; ``name`` is its service, or finds it from the path."""

        async def layer(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            path = scope["path"]
            service = name if isinstance(name, str) else name(path)
            entry = _entry(service, scope)
            self.seen.append(entry)

            async def noted(message: Message) -> None:
                if message["type"] == "http.response.start":
                    entry["status"] = message["status"]
                    date = formatdate(self.now(), usegmt=True).encode()
                    message = {**message, "headers": [*message.get("headers", []), (b"date", date)]}
                await send(message)

            for delay in self.delays:
                if delay.matches(service, path):
                    await self._pause(delay.seconds)
            fault = self._next_fault(service, path)
            if fault is None:
                await app({**scope, SEEN: entry}, receive, noted)
            else:
                entry["fault"] = fault.kind
                await fault.play(app, {**scope, SEEN: entry}, receive, noted, self)

        return layer

    def _next_fault(self, service: str, path: str) -> Fault | None:
        for fault in self.faults:
            if fault.matches(service, path):
                fault.times -= 1
                if fault.times <= 0:
                    self.faults.remove(fault)
                return fault
        return None

    def next_failure(self, user: str | None, action: str) -> int | None:
        """Return the status with which this action of this user fails, if it shall; that uses one up."""
        for failure in self.failures:
            if failure.user in (None, user) and failure.action == action:
                failure.times -= 1
                if failure.times <= 0:
                    self.failures.remove(failure)
                return failure.status
        return None

    async def _pause(self, seconds: float) -> None:
        # Not a plain sleep: a sandbox that stops does not wait for its delays.
        try:
            await asyncio.wait_for(self.closing.wait(), seconds)
        except TimeoutError:
            return


def _entry(service: str, scope: Scope) -> dict[str, Any]:
    headers = Headers(scope=scope)
    scheme, mark = _credential(headers.get("authorization"))
    pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    if mark is None and (password := dict(pairs).get("p")):
        scheme, mark = "query", fingerprint(password)  # InfluxDB takes u= and p= as well
    return {
        "service": service,
        "method": scope["method"],
        "host": headers.get("host", ""),
        "path": scope["path"],
        "query": urlencode([(key, "***" if key == "p" else value) for key, value in pairs]),
        "headers": sorted(set(headers.keys())),
        "credential": scheme,
        "fingerprint": mark,
        "status": None,
        "fault": None,
        "sent": None,
    }


def _credential(header: str | None) -> tuple[str | None, str | None]:
    """Return the scheme, and what tells one secret from another without being one.

    A token sent as Bearer or in either half of Basic is the same token, so it leaves the same fingerprint.
    """
    if not header:
        return None, None
    scheme, _, rest = header.strip().partition(" ")
    secret = rest.strip()
    if scheme.lower() == "basic":
        try:
            decoded = base64.b64decode(secret).decode()
        except (binascii.Error, UnicodeDecodeError):
            decoded = secret
        secret = next((half for half in decoded.split(":") if is_token(half)), decoded)
    return scheme.lower(), fingerprint(secret)


def fingerprint(secret: str) -> str:
    """Return what tells one secret from another without being one."""
    return hashlib.sha256(secret.encode()).hexdigest()[:12]
