"""A proxy on loopback, in front of a real target, that misbehaves on script."""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import fnmatch
import hashlib
import re
import ssl
import threading
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import parse_qsl, unquote_plus, urlencode, urlsplit

from skykey.sandbox.listener import accepted
from skykey.testing.faults import Pass
from skykey.testing.faults_exchange import MOST_HEAD, Asked, Exchange, Target, asked

if TYPE_CHECKING:
    from pathlib import Path

    from skykey.testing.faults import Fault

# Names of parameters whose values do not go into the log.
_SECRET = re.compile(r"auth|code|cookie|cred|key|pass|secret|sig|token|^[pu]$", re.IGNORECASE)
_MOST_SCHEME: Final = 20


@dataclass
class Seen:
    """One request as the proxy saw it, and what came of it. It holds no secret.

    Attributes
    ----------
    query
        With ``***`` for what may be secret.
    headers
        Their names only.
    credential, fingerprint
        The scheme of its ``Authorization``, and what tells one secret from another without being one.
    size
        Of its body, in bytes.
    fault
        What was played: the class's name, or None if the target answered as it likes.
    status, sent
        Of the answer: its status (None if there was no head), and how many bytes of body went out.
    """

    method: str
    path: str
    query: str
    headers: tuple[str, ...]
    credential: str | None
    fingerprint: str | None
    size: int
    fault: str | None = None
    status: int | None = None
    sent: int = 0


@dataclass
class _Rule:
    """Which requests are meant, and what is played to them, one after the other."""

    script: tuple[Fault, ...]
    path: str
    method: str | None
    containing: str
    skip: int
    left: int | None
    played: int = 0

    def matches(self, request: Asked) -> bool:
        path, _, query = request.target.partition("?")
        text = f"{unquote_plus(query)}\n{unquote_plus(request.body.decode('latin-1'))}"
        return (
            self.left != 0
            and self.method in {None, request.method}
            and fnmatch.fnmatchcase(path, self.path)
            and self.containing in text
        )

    def next(self) -> Fault | None:
        if self.skip:
            self.skip -= 1
            return None
        fault = self.script[self.played % len(self.script)]
        self.played += 1
        if self.left is not None:
            self.left -= 1
        return fault


class FaultProxy:
    """Stands in front of a target and forwards to it, except where a rule says otherwise.

    The ``Host`` header stays as it came, so that a target that makes links of it leads back to the proxy. Clients'
    connections are kept open between requests, as a real front does. The block's end ends all of them at once.

    Parameters
    ----------
    target
        The origin that is asked in earnest, such as a sandbox's ``site_url``.
    certificate
        A PEM file with a certificate and its key, to be asked by https: ``box.folder / "server.pem"`` is what programs
        in that sandbox's environment trust.
    trust
        A PEM file with whom to trust as an https target: ``box.ca_file``.

    Attributes
    ----------
    url
        Where it listens; while the block lasts.
    seen
        What was asked so far, in order.

    Examples
    --------
    >>> from skykey.testing.faults import Reset
    >>> with FaultProxy("http://127.0.0.1:9") as proxy:
    ...     proxy.fault(Reset(), path="*/query", times=2)
    ...     proxy.url.startswith("http://127.0.0.1:")
    True
    """

    url: str

    def __init__(self, target: str, *, certificate: Path | None = None, trust: Path | None = None) -> None:
        secure = urlsplit(target).scheme == "https"
        self._target = Target(target, ssl.create_default_context(cafile=trust) if secure else None)
        self._tls: ssl.SSLContext | None = None
        if certificate is not None:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(certificate)
        self._rules: list[_Rule] = []
        self._lock = threading.Lock()
        self._tasks: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._problems: list[Exception] = []
        self._closing = False
        self.seen: list[Seen] = []

    def fault(
        self,
        first: Fault,
        /,
        *more: Fault,
        path: str = "*",
        method: str | None = None,
        containing: str = "",
        skip: int = 0,
        times: int | None = 1,
    ) -> None:
        """Play these to the next requests that are meant, in this order; rules that were made first come first.

        Parameters
        ----------
        first, more
            What to play, one a request.
        path
            A pattern for the path, such as ``*/query``.
        method
            Only requests of this method.
        containing
            Only requests with this text in the query or body, after decoding.
        skip
            So many of them pass first.
        times
            How often all of it is played; None for ever.
        """
        script = (first, *more)
        left = None if times is None else times * len(script)
        with self._lock:
            self._rules.append(_Rule(script, path, method, containing, skip, left))

    def reset(self) -> None:
        """Take all rules back. What is under way goes on."""
        with self._lock:
            self._rules.clear()

    def forget(self) -> None:
        """Empty the log."""
        with self._lock:
            self.seen.clear()

    def hang_up(self) -> None:
        """Break off every connection that is open, as a front does that is started anew."""

        def abort() -> None:
            for writer in self._tasks.values():
                writer.transport.abort()

        self._loop.call_soon_threadsafe(abort)

    def requests(self, path: str = "*") -> list[Seen]:
        """Copies of the log's entries for a path pattern, oldest first."""
        with self._lock:
            return [replace(seen) for seen in self.seen if fnmatch.fnmatchcase(seen.path, path)]

    # -- its thread

    def __enter__(self) -> Self:
        ready: Future[int] = Future()
        self._thread = threading.Thread(target=self._run, args=(ready,), name="skykey-faults", daemon=True)
        self._thread.start()
        self.url = f"{'https' if self._tls else 'http'}://127.0.0.1:{ready.result()}"
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(RuntimeError):  # its loop has ended already
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        if self._problems:
            raise self._problems[0]

    def _run(self, ready: Future[int]) -> None:
        try:
            asyncio.run(self._main(ready))
        except Exception as problem:
            if ready.done():
                raise
            ready.set_exception(problem)  # it belongs to the thread that asked

    async def _main(self, ready: Future[int]) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._tls, limit=MOST_HEAD, backlog=256)
        ready.set_result(int(server.sockets[0].getsockname()[1]))
        await self._stop.wait()
        self._closing = True
        await accepted()
        server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0)  # an aborted transport closes its socket in the loop's next round

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - the callback runs in a task of its own
        self._tasks[task] = writer
        # Empty before anybody goes on: a reset throws away what waits here. (With 0, TLS would wait for ever in 3.11.)
        writer.transport.set_write_buffer_limits(high=1, low=0)
        try:
            await self._serve(reader, writer)
        except (OSError, EOFError, asyncio.LimitOverrunError):
            pass  # whoever goes away, or sends no end of a head, costs a connection; a target that does so too
        except asyncio.CancelledError:
            # Ended by us. Before Python 3.12 asyncio asks such a task for its exception, and logs that there is none.
            if not self._closing:
                raise
        except Exception as problem:  # noqa: BLE001 - raised where the proxy is closed
            self._problems.append(problem)
        finally:
            del self._tasks[task]
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (request := await asked(reader)) is not None:
            seen, fault = self._noted(request)
            exchange = Exchange(request, seen, self._target, reader, writer)
            try:
                await (fault or Pass()).play(exchange)
            finally:
                exchange.let_go()
            if not exchange.goes_on:
                await exchange.close()
                return

    def _noted(self, request: Asked) -> tuple[Seen, Fault | None]:
        with self._lock:
            rule = next((rule for rule in self._rules if rule.matches(request)), None)
            fault = None if rule is None else rule.next()
            seen = _seen(request, None if fault is None else type(fault).__name__)
            self.seen.append(seen)
            return seen, fault


# -- its log


def _seen(request: Asked, fault: str | None) -> Seen:
    path, _, query = request.target.partition("?")
    scheme, mark = _credential(request.header("authorization"))
    return Seen(
        request.method,
        path,
        _masked(query),
        tuple(sorted({name.lower() for name, _ in request.headers})),
        scheme,
        mark,
        len(request.body),
        fault,
    )


def _masked(query: str) -> str:
    pairs = parse_qsl(query, keep_blank_values=True)
    return urlencode([(name, "***" if _SECRET.search(name) else value) for name, value in pairs], safe="*")


def _credential(value: str) -> tuple[str | None, str | None]:
    scheme, _, secret = value.partition(" ")
    if not value:
        return None, None
    if not secret or len(scheme) > _MOST_SCHEME:
        return "?", fingerprint(value)  # a secret without a scheme
    if scheme.lower() == "basic":
        with contextlib.suppress(binascii.Error, UnicodeDecodeError):
            secret = base64.b64decode(secret).decode()
    return scheme.lower(), fingerprint(secret.strip())


def fingerprint(secret: str) -> str:
    """What tells one secret from another without being one; the same as in the sandbox's own log."""
    return hashlib.sha256(secret.encode()).hexdigest()[:12]
