"""A GraceDB whose answers are ready: it waits as long as a network would, and costs next to nothing itself.

    python benchmarks/gracedb_endpoint.py 0.02      # seconds between a request's last byte and its answer

It prints its port, and ends with its standard input.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD_ENDS = b"\r\n\r\n"
EVENT = "events/{graceid}"
TEMPLATES = {
    "event-detail-template": EVENT,
    "event-log-template": f"{EVENT}/log/",
    "event-label-template": f"{EVENT}/labels/{{label}}",
    "files-template": f"{EVENT}/files/{{filename}}",
    "signoff-list-template": f"{EVENT}/signoff/",
    "superevent-detail-template": "superevents/{superevent_id}/",
}


def root(here: str) -> dict[str, Any]:
    """The API root, as far as these calls need it."""
    links = {name: f"{here}{name}/" for name in ("events", "superevents", "user-info")}
    return {
        "links": {"self": here, **links},
        "templates": {name: here + path for name, path in TEMPLATES.items()},
        "groups": ["CBC", "Burst", "Test"],
        "pipelines": ["gstlal", "pycbc"],
        "searches": ["AllSky", "MDC"],
        "labels": ["INJ", "DQV"],
        "api-versions": ["default", "v1", "v2"],
        "API_VERSIONS": ["default", "v1", "v2"],
        "server-version": "2.36.0",
    }


def event(here: str, graceid: str, received: int) -> dict[str, Any]:
    """An event of the usual size."""
    itself = f"{here}events/{graceid}"
    single = {"ifo": "H1", "end_time": 1242442967, "snr": 8.1, "chisq": 1.02, "mass1": 2.01, "mass2": 1.12}
    return {
        "submitter": "albert.einstein@ligo.org",
        "created": "2026-03-20 04:05:06 UTC",
        "group": "CBC",
        "graceid": graceid,
        "pipeline": "gstlal",
        "gpstime": 1242442967.444,
        "instruments": "H1,L1",
        "nevents": 2,
        "offline": False,
        "search": "AllSky",
        "far": 9.1e-14,
        "likelihood": 31.2,
        "labels": ["INJ"],
        "extra_attributes": {"CoincInspiral": {"mchirp": 1.3, "snr": 12.4}, "SingleInspiral": [single, single]},
        "links": {"self": itself, "log": f"{itself}/log/", "files": f"{itself}/files/"},
        "warnings": [],
        "received": received,
    }


class Service(asyncio.Protocol):
    """One connection."""

    numbers = itertools.count(1)
    latency = 0.0
    here = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        self._head = b""
        self._left = self._size = 0
        self._line = ("", "")

    def data_received(self, data: bytes) -> None:
        if not self._left:
            self._head += data
            head, ends, data = self._head.partition(HEAD_ENDS)
            if not ends:
                return
            self._head = b""
            method, path = head.split(b" ", 2)[:2]
            self._line = method.decode(), path.decode()
            lines = head.lower().split(b"\r\n")
            length = next((line[15:] for line in lines if line.startswith(b"content-length:")), b"0")
            self._size = self._left = int(length)
        self._left -= len(data)
        if self._left <= 0:
            self._left = 0
            asyncio.get_running_loop().call_later(self.latency, self._answer, *self._line, self._size)

    def _answer(self, method: str, path: str, size: int) -> None:
        if path.endswith("/api/"):
            status, document = b"200 OK", root(self.here)
        elif method == "POST":
            status, document = b"201 Created", event(self.here, f"G{next(self.numbers)}", size)
        else:
            status, document = b"200 OK", event(self.here, path.rsplit("/", 1)[1], size)
        body = json.dumps(document).encode()
        kind = b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
        self._transport.write(b"HTTP/1.1 " + status + b"\r\n" + kind + body)


async def serve(latency: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Service, "127.0.0.1", 0, backlog=256)
    port = server.sockets[0].getsockname()[1]
    Service.latency, Service.here = latency, f"http://127.0.0.1:{port}/api/"
    print(port, flush=True)
    await asyncio.to_thread(sys.stdin.read)


@contextlib.contextmanager
def serving(latency: float) -> Iterator[str]:
    """Serve in a process of its own; gives the URL of the API."""
    command = [sys.executable, __file__, str(latency)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("it has no pipes")
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/api/"
        finally:
            process.stdin.close()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1])))
