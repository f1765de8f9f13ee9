"""A server that has its answers ready, so that what is compared is the clients."""

from __future__ import annotations

import contextlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TOKEN = "gt-AAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAA"  # noqa: S105 - nobody's


class Ready(NamedTuple):
    """One answer."""

    body: bytes
    kind: str
    encoding: str = "identity"


@contextlib.contextmanager
def serving(answer: Callable[[str, bytes], Ready]) -> Iterator[str]:
    """Answer each request by its path and body; gives the server's URL."""

    class Service(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def _answer(self) -> None:
            sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body, kind, encoding = answer(self.path, sent)
            self.send_response(200)
            self.send_header("Content-Type", kind)
            if encoding != "identity":
                self.send_header("Content-Encoding", encoding)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
