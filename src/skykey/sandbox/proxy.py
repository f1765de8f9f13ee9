"""A CONNECT proxy that leads the documented hosts to the sandbox and every other host nowhere."""

import asyncio
import contextlib
from collections.abc import Mapping

_HEAD = 16 * 1024
_HTTPS = 443


class Proxy:
    """Connections by host name; ``targets`` says which loopback port plays which host."""

    def __init__(self, targets: Mapping[str, int]) -> None:
        self._targets = targets
        self._open: set[asyncio.Task[None]] = set()
        self._closing = False

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection (the callback of ``asyncio.start_server``)."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 (the callback runs in a task of its own)
        self._open.add(task)
        try:
            # A client that goes away, dawdles or talks nonsense costs its own connection only.
            with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                await self._serve(reader, writer)
        except asyncio.CancelledError:
            # Ended by us. Before Python 3.12 asyncio asks such a task for its exception, and logs that there is none.
            if not self._closing:
                raise
        finally:
            self._open.discard(task)
            writer.transport.abort() if self._closing else writer.close()

    async def close(self) -> None:
        """End what is still open."""
        self._closing = True
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        await asyncio.sleep(0)  # an aborted transport closes its socket in the loop's next round

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), timeout=10)
        method, _, rest = head.partition(b"\r\n")[0].decode("latin-1").partition(" ")
        target = rest.partition(" ")[0]
        host, _, port = target.rpartition(":")
        inner = self._targets.get(host.lower()) if port == str(_HTTPS) else None
        if method != "CONNECT" or inner is None:
            await _refuse(writer, target, self._targets)
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", inner)
        try:
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            async with asyncio.TaskGroup() as group:
                group.create_task(_pump(reader, far_writer))
                group.create_task(_pump(far_reader, writer))
        except* OSError:
            pass  # either side hung up
        finally:
            far_writer.transport.abort() if self._closing else far_writer.close()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while piece := await source.read(64 * 1024):
        sink.write(piece)
        await sink.drain()
    if sink.can_write_eof():
        sink.write_eof()


async def _refuse(writer: asyncio.StreamWriter, target: str, targets: Mapping[str, int]) -> None:
    text = (
        f"The Skykey sandbox does not play {target}, and with --as-real nothing else can be reached.\n"
        f"It plays, over https on port 443: {', '.join(targets)}.\n"
    ).encode()
    writer.write(
        b"HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n"
        b"Content-Length: %d\r\n\r\n%s" % (len(text), text)
    )
    await writer.drain()
