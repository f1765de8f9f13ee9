"""A token endpoint for `tokens.py`: https on loopback, as slow as it is told to be, and it counts.

The first part of a path is the lane: one login of one client in one race. Whatever is posted there gets a new token, a
JSON Web Token for the client of that name; whatever is asked with GET is the discovery document that some clients want.
Requests for tokens are counted by lane. Both kinds take as long.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import itertools
import json
import secrets
import ssl
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOST = "localhost"
LIFE = 3600
_BACKLOG = 1024  # hundreds come at once


class Endpoint:
    """What answers, and what it has counted.

    Parameters
    ----------
    folder
        Where the certificates go: ``authority.pem`` is what clients trust.
    latency
        Seconds from the end of a request to its answer.
    """

    def __init__(self, folder: Path, latency: float) -> None:
        self.hits: Counter[str] = Counter()
        self.url = ""
        self.authority = folder / "authority.pem"
        self._latency = latency
        self._key = secrets.token_bytes(32)
        self._numbers = itertools.count(1)
        self._context = self._certified(folder)

    async def start(self) -> asyncio.Server:
        """Begin to answer."""
        server = await asyncio.start_server(self._talk, "127.0.0.1", 0, ssl=self._context, backlog=_BACKLOG)
        self.url = f"https://{HOST}:{server.sockets[0].getsockname()[1]}"
        return server

    def _certified(self, folder: Path) -> ssl.SSLContext:
        from skykey.sandbox.authority import issue

        papers = issue([HOST, "127.0.0.1"], "nobody")
        self.authority.write_bytes(papers.authority)
        own = folder / "server.pem"
        own.touch(mode=0o600)
        own.write_bytes(papers.key + papers.certificate)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(own)
        return context

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                length = head.partition("content-length:")[2].partition("\r\n")[0]
                await reader.readexactly(int(length or 0))
                method, path = head.split(" ", 2)[:2]
                lane = path.split("/")[1]
                self.hits[lane] += method == "post"
                await asyncio.sleep(self._latency)
                answer = json.dumps(self._granted(lane) if method == "post" else self._described(lane)).encode()
                said = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(answer)}\r\n\r\n"
                writer.write(said.encode() + answer)
                await writer.drain()

    def _granted(self, lane: str) -> dict[str, Any]:
        now, issuer = int(time.time()), f"{self.url}/{lane}"
        claims = {"iss": issuer, "sub": "ada", "aud": lane, "iat": now, "exp": now + LIFE, "jti": next(self._numbers)}
        signed = ".".join(map(_coded, (b'{"alg": "HS256", "typ": "JWT"}', json.dumps(claims).encode())))
        seal = _coded(hmac.digest(self._key, signed.encode(), hashlib.sha256))
        return {"access_token": f"{signed}.{seal}", "token_type": "Bearer", "expires_in": LIFE}

    def _described(self, lane: str) -> dict[str, str]:
        here = f"{self.url}/{lane}"
        ends = {f"{name}_endpoint": f"{here}/{name}" for name in ("authorization", "token", "device_authorization")}
        return {"issuer": here, "jwks_uri": f"{here}/keys", **ends}


def _coded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@contextlib.contextmanager
def serving(folder: Path, latency: float) -> Iterator[Endpoint]:
    """Answer from a thread of this process while the block runs."""
    endpoint = Endpoint(folder, latency)
    loop = asyncio.new_event_loop()
    # Clients that hang up in the middle of something are no news.
    loop.set_exception_handler(lambda _loop, _context: None)
    thread = threading.Thread(target=loop.run_forever, name="endpoint", daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(endpoint.start(), loop).result()
    try:
        yield endpoint
    finally:
        asyncio.run_coroutine_threadsafe(_closed(server), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _closed(server: asyncio.Server) -> None:
    server.close()
    talks = asyncio.all_tasks() - {asyncio.current_task()}
    for talk in talks:
        talk.cancel()
    await asyncio.gather(*talks, return_exceptions=True)
