"""An answer that comes while the request is still on its way.

A server that does not want a large body says so at once, and closes. If nobody listens then, asyncio throws away what
the server said together with the connection, as soon as another piece cannot be written.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import httpcore2

from skykey.wire.quiet import AsyncBackend, AsyncStream

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable

# Two tasks for each piece: smaller ones fit into the system's buffers, where nothing is waited for.
_LARGE: Final = 64 * 1024
_MOST: Final = 64 * 1024
_BRIEF: Final = 0.02  # seconds; what waits may be of TLS, and no answer
# RFC 9110, 15.2: an answer that is none yet.
_INFORMATIONAL: Final = b"HTTP/1.1 1"
_EARLY: Final = "the answer began before the request was whole"


class HearingStream(AsyncStream):
    """A connection that is listened to while something large is written."""

    def __init__(self, inner: httpcore2.AsyncNetworkStream) -> None:
        super().__init__(inner)
        self._heard: bytes | None = None

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - the library's
        """Read; first what was heard."""
        if self._heard is None:
            return await super().read(max_bytes, timeout)
        heard, self._heard = self._heard, None
        self._quiet.reads()
        return heard

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - the library's
        """Write.

        Raises
        ------
        httpcore2.WriteError
            If the answer has begun; the library goes on to read it.
        """
        if buffer and self._is_answered():
            raise httpcore2.WriteError(_EARLY)
        if len(buffer) < _LARGE or self._heard is not None:
            await super().write(buffer, timeout)
        else:
            await self._write_and_listen(buffer, timeout)

    async def _write_and_listen(self, buffer: bytes, timeout: float | None) -> None:  # noqa: ASYNC109 - the library's
        listening = asyncio.ensure_future(self._inner.read(_MOST))
        writing: asyncio.Future[None] | None = None
        try:
            if self._inner.get_extra_info("is_readable"):
                # To write into a connection that is closed already would lose what came before its end.
                await asyncio.wait((listening,), timeout=_BRIEF)
            if not self._hears(listening):
                writing = asyncio.ensure_future(super().write(buffer, timeout))
                await asyncio.wait((writing, listening), return_when=asyncio.FIRST_COMPLETED)
            if self._hears(listening) and (writing is None or not writing.done()):
                raise httpcore2.WriteError(_EARLY)
            if writing is not None:
                await writing
        finally:
            listening.cancel()
            if writing is not None:
                writing.cancel()
                await asyncio.gather(writing, return_exceptions=True)
            (heard,) = await asyncio.gather(listening, return_exceptions=True)
            if isinstance(heard, bytes):
                self._heard = heard

    def _hears(self, listening: asyncio.Future[bytes]) -> bool:
        if listening.done() and not listening.exception():
            self._heard = listening.result()
        return self._is_answered()

    def _is_answered(self) -> bool:
        return self._heard is not None and not self._heard.startswith(_INFORMATIONAL)

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's
    ) -> httpcore2.AsyncNetworkStream:
        """Shake hands."""
        return HearingStream(await self._inner.start_tls(ssl_context, server_hostname, timeout))


class HearingBackend(AsyncBackend):
    """Opens connections that are listened to while something large is written."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect."""
        return HearingStream(await self._inner.connect_tcp(host, port, timeout, local_address, socket_options))
