"""An archive with one file, which answers as a test says, and a client of it with both faces."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skykey.calls.call import Patience
from skykey.calls.download import AsyncDownload, Download, download
from skykey.calls.faces import Async, Sync, method
from skykey.calls.flow import Flow
from skykey.calls.transfer import Transfer, saved
from skykey.values.url import Url
from skykey.wire.request import Request, Timeouts
from tests.wire.askers import FastClock
from tests.wire.server import Answer, Seen, chunk

if TYPE_CHECKING:
    from skykey.values.clock import Clock

NEVER = Patience(0)


class ArchiveFlows:
    def __init__(self, url: str, **options: Any) -> None:
        self._url = url
        self._options = options
        self._clock: Clock = FastClock()

    def _transfer(self, path: str) -> Transfer:
        options = dict(self._options)
        silence = options.pop("silence", 20.0)
        url = Url(f"{self._url}/{path}")
        request = Request("GET", url, options.pop("headers", ()), cap=None, timeouts=Timeouts(silence=silence))
        return Transfer(request, **options)

    @download
    def file(self, path: str = "file.bin") -> Flow[None]:
        yield from self._transfer(path).flow()

    @method
    def fetch(self, target: Any, path: str = "file.bin") -> Flow[Path]:
        return (yield from saved(self._transfer(path).flow(), target))


class Archive(ArchiveFlows, Sync):
    pass


class AsyncArchive(ArchiveFlows, Async):
    pass


class Face:
    """Does the same by either face."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.waits: list[float] = []

    def _do(self, url: str, options: dict[str, Any], now: Callable[[Any], Any], soon: Callable[[Any], Any]) -> Any:
        client: Any = (Archive if self.name == "sync" else AsyncArchive)(url, **options)
        self.waits = client._clock.waits
        return now(client) if self.name == "sync" else asyncio.run(soon(client))

    def content(self, url: str, path: str = "file.bin", **options: Any) -> bytes:
        async def soon(client: Any) -> Any:
            async with await client.file(path) as found:
                return (await found.load()).content

        return self._do(url, options, lambda client: client.file(path).content, soon)  # type: ignore[no-any-return]

    def pieces(self, url: str, amt: int | None, **options: Any) -> list[bytes]:
        async def soon(client: Any) -> Any:
            return [piece async for piece in (await client.file()).stream(amt)]

        return self._do(url, options, lambda client: list(client.file().stream(amt)), soon)  # type: ignore[no-any-return]

    def save(self, url: str, target: Any, path: str = "file.bin", **options: Any) -> Path:
        async def soon(client: Any) -> Any:
            return await (await client.file(path)).save(target)

        return self._do(url, options, lambda client: client.file(path).save(target), soon)  # type: ignore[no-any-return]

    def fetch(self, url: str, target: Any, path: str = "file.bin", **options: Any) -> Path:
        return self._do(  # type: ignore[no-any-return]
            url, options, lambda client: client.fetch(target, path), lambda client: client.fetch(target, path)
        )

    def use(self, url: str, work: Callable[[Download], Any], awork: Callable[[AsyncDownload], Any]) -> Any:
        async def soon(client: Any) -> Any:
            return await awork(await client.file())

        return self._do(url, {}, lambda client: work(client.file()), soon)


class Shelf:
    """Answers with a file: whole, or the part that was asked for.

    Parameters
    ----------
    content, etag
        The file, and what is said of its version; None to say nothing.
    cuts
        After how many bytes of the body each of the first answers breaks off.
    framing
        ``length``, ``chunked`` or ``close``.
    part
        Makes the headers of a 206 others than they should be; for None the service knows no parts.
    """

    def __init__(
        self,
        content: bytes,
        etag: str | None = '"v1"',
        *,
        cuts: tuple[int, ...] = (),
        framing: str = "length",
        part: Callable[[dict[str, str]], Answer] | None = lambda headers: None,
    ) -> None:
        self.content, self.etag, self.framing = content, etag, framing
        self.cuts = list(cuts)
        self.ranges: list[str | None] = []
        self.part = part
        self.headers: dict[str, str] = {}

    def __call__(self, seen: Seen) -> Answer:
        wanted = seen.headers.get("range")
        self.ranges.append(wanted)
        headers = dict(self.headers)
        if self.etag is not None:
            headers["ETag"] = self.etag
        begin, status = 0, "200 OK"
        if wanted is not None and self.part is not None and seen.headers.get("if-range") == self.etag:
            begin, status = int(wanted.removeprefix("bytes=").removesuffix("-")), "206 Partial Content"
            if begin >= len(self.content):
                return b"HTTP/1.1 416 X\r\nContent-Length: 0\r\n\r\n"
            headers["Content-Range"] = f"bytes {begin}-{len(self.content) - 1}/{len(self.content)}"
            answer = self.part(headers)
            if answer is not None:
                return answer
        body = self.content[begin:]
        cut = self.cuts.pop(0) if self.cuts else len(body)
        return self._framed(status, headers, body, cut)

    def _framed(self, status: str, headers: dict[str, str], body: bytes, cut: int) -> Iterator[bytes]:
        if self.framing == "length":
            headers["Content-Length"] = str(len(body))
        elif self.framing == "chunked":
            headers["Transfer-Encoding"] = "chunked"
        lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers.items()), "Connection: close"]
        yield "\r\n".join([*lines, "", ""]).encode()
        sent = body[:cut]
        if self.framing != "chunked":
            yield sent
            return
        for at in range(0, len(sent), 50_000):
            yield chunk(sent[at : at + 50_000])
        if cut >= len(body):
            yield b"0\r\n\r\n"
