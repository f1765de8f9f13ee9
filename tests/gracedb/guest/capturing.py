"""A server in front of the local GraceDB that keeps what each client sent, as it came over the wire.

It is asked on loopback, without TLS, and hands everything on. ``/mark/NAME`` begins a new chapter.
"""

from __future__ import annotations

import http.client
import json
import sys
import threading
from dataclasses import dataclass, field
from email.parser import HeaderParser
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from skykey.sandbox import Box

_MARK = "/mark/"
_OF_THIS_HOP = {"connection", "keep-alive", "transfer-encoding"}


@dataclass(frozen=True)
class Sent:
    """One request: what it asks, and its body as a server understands it.

    Attributes
    ----------
    target
        Path and query as they came, quoted.
    kind
        How the body is written: its media type without parameters; empty if there is none.
    fields
        Each field of a form with all its values, in their order.
    files
        Each file by the name of its part: its name, its media type, its size and what identifies its content.
    json
        A body of JSON.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    kind: str = ""
    fields: Mapping[str, list[str]] = field(default_factory=dict)
    files: Mapping[str, tuple[str | None, str, int, str]] = field(default_factory=dict)
    json: Any = None

    @property
    def path(self) -> str:
        return unquote(urlsplit(self.target).path)

    @property
    def query(self) -> list[tuple[str, str]]:
        return parse_qsl(urlsplit(self.target).query, keep_blank_values=True)

    @property
    def asked(self) -> dict[str, Any]:
        """All that a server does something with."""
        told: dict[str, Any] = {"request": f"{self.method} {self.path}", "query": sorted(self.query), "kind": self.kind}
        told |= {"has a credential": "authorization" in self.headers}
        return told | {"fields": dict(self.fields), "files": dict(self.files), "json": self.json}

    @property
    def line(self) -> str:
        """The same, as far as it fits into a line: for people."""
        query = "&".join(f"{name}={value}" for name, value in sorted(self.query))
        body = [f"{name}={value}" for name, values in self.fields.items() for value in values]
        body += [f"{name}=<{filename}>" for name, (filename, *_) in self.files.items()]
        body += [json.dumps(self.json, ensure_ascii=False)] if self.kind == "application/json" else []
        return " ".join([self.method, self.path.removeprefix("/api/") + (f" ?{query}" if query else ""), *body])


class Capturing:
    """The server. `chapters` has the requests of each chapter, in the order of the chapters."""

    def __init__(self, box: Box) -> None:
        self.chapters: dict[str, list[Sent]] = {}
        self._current: list[Sent] = []
        self._behind = urlsplit(box.gracedb_url).netloc
        made = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *_: Any) -> None:
                pass

            def __getattr__(self, name: str) -> Any:
                if name.startswith("do_"):
                    return lambda: made.answer(self)
                raise AttributeError(name)

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_: Any) -> None:
                if not isinstance(sys.exc_info()[1], ConnectionError):  # whoever ends breaks its connections off
                    super().handle_error(*_)

        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/api/"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def begin(self, chapter: str) -> None:
        """Begin a chapter, or go on with it."""
        self._current = self.chapters.setdefault(chapter, [])

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("content-length", "0")))
        if handler.path.startswith(_MARK):
            self.begin(unquote(handler.path.removeprefix(_MARK)))
            handler.send_response(204)
            handler.end_headers()
            return
        headers = {name.lower(): value for name, value in handler.headers.items()}
        assert "transfer-encoding" not in headers, "a body of unknown length"
        self._current.append(sent(handler.command, handler.path, headers, body))
        self._hand_on(handler, body)

    def _hand_on(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        behind = http.client.HTTPConnection(self._behind, timeout=30)
        behind.putrequest(handler.command, handler.path, skip_host=True, skip_accept_encoding=True)
        for name, value in handler.headers.items():
            if name.lower() not in _OF_THIS_HOP:
                behind.putheader(name, value)
        behind.endheaders(body)
        answer = behind.getresponse()
        content = answer.read()
        handler.send_response(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in _OF_THIS_HOP | {"content-length", "date", "server"}:
                handler.send_header(name, value)
        if answer.status not in {204, 304}:
            length = answer.getheader("content-length", "0") if handler.command == "HEAD" else str(len(content))
            handler.send_header("content-length", length)
        handler.end_headers()
        handler.wfile.write(content)
        behind.close()


def sent(method: str, target: str, headers: dict[str, str], body: bytes) -> Sent:
    """Read a request."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        fields, files = _parts(headers["content-type"], body)
        return Sent(method, target, headers, kind, fields, files)
    if kind == "application/json":
        return Sent(method, target, headers, kind, json=json.loads(body))
    if kind == "application/x-www-form-urlencoded":
        return Sent(method, target, headers, kind, _gathered(parse_qsl(body.decode(), keep_blank_values=True)))
    assert not body, f"a body of the kind {kind!r}"
    return Sent(method, target, headers, kind)


def _gathered(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def _parts(kind: str, body: bytes) -> tuple[dict[str, list[str]], dict[str, tuple[str | None, str, int, str]]]:
    plain: list[tuple[str, str]] = []
    files: dict[str, tuple[str | None, str, int, str]] = {}
    boundary = HeaderParser().parsestr(f"Content-Type: {kind}\n\n").get_boundary()
    assert boundary
    before, *pieces, behind = (b"\r\n" + body).split(f"\r\n--{boundary}".encode())
    assert (before, behind.strip()) == (b"", b"--")
    for piece in pieces:
        head, _, content = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        said = HeaderParser().parsestr(head.decode())
        name, filename = str(said.get_param("name", header="content-disposition")), said.get_filename()
        if filename is None:
            plain.append((name, content.decode()))
        else:
            assert name not in files
            files[name] = filename, said.get_content_type(), len(content), sha256(content).hexdigest()
    return _gathered(plain), files
