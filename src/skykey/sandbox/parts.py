"""Real programs in the place of counterparts (``--real``), fetched and started by tools/parts."""

import base64
import contextlib
import http.client
import json
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from skykey.sandbox.databases import DATABASES, Influx
from skykey.sandbox.errors import SandboxError
from skykey.sandbox.telemetry import writer

_PATIENCE = 60.0


def _tool() -> Path:
    for folder in Path(__file__).resolve().parents:
        if (folder / "tools" / "parts" / "__main__.py").is_file():
            return folder / "tools" / "parts"
    raise SandboxError(
        "Real parts need a checkout of Skykey, installed in place: the tool that fetches them, tools/parts, "
        "is not part of the package. In a checkout: pip install -e '.[sandbox]'"
    )


@contextlib.contextmanager
def influxd(papers: Path, authority: Path, username: str) -> Iterator[Influx]:
    """Run a real influxd that speaks https and holds the sandbox's data.

    Parameters
    ----------
    papers
        The PEM file of its certificate and key.
    authority
        The certificate that vouches for it.
    username
        The account that may read.
    """
    # It ends when its stdin does, so it cannot outlive us, however we end.
    command = [sys.executable, str(_tool()), "start", "influxdb", "--json", "--attached"]
    with subprocess.Popen(  # noqa: S603 (our own interpreter, our own tool)
        [*command, "--certificate", str(papers)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is ours to pass on
    ) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                words = process.stderr.read().strip() if process.stderr else ""
                raise SandboxError(f"The real influxdb did not start: {words}")
            started = json.loads(line)
            server = RealInflux(username, started["url"].rstrip("/") + "/", path="/")
            server.administer((started["user"], started["password"]), authority)
            server.fill()
            with _Ingress(server, papers) as ingress:
                server.ingress = ingress.server_port
                threading.Thread(target=ingress.serve_forever, args=(0.05,), name="ingress", daemon=True).start()
                try:
                    yield server
                finally:
                    ingress.shutdown()
        finally:
            if process.stdin:
                process.stdin.close()


class RealInflux(Influx):
    """An influxd as the sandbox's controls see it.

    ``ingress`` is a second port of it, where ``/health`` is answered as well.
    """

    ingress = 0

    def administer(self, login: tuple[str, str], authority: Path) -> None:
        """Take charge of it with the administrator's login."""
        self._login = base64.b64encode(":".join(login).encode()).decode()
        self._context = ssl.create_default_context(cafile=authority)

    def fill(self) -> None:
        """Give it the sandbox's databases and data, and the accounts that read and write them."""
        from skykey.sandbox.influxdb import databases, line_protocol

        names = {database.name for database in DATABASES.values()} | set(databases())
        for account in (self.username, writer(self.username)):
            self._query(f"CREATE USER \"{account}\" WITH PASSWORD '{self.password}'")
        for name in sorted(names):
            self._query(f'CREATE DATABASE "{name}"')
            self._query(f'GRANT READ ON "{name}" TO "{self.username}"')
            self._query(f'GRANT ALL ON "{name}" TO "{writer(self.username)}"')
        for name in databases():
            for batch in line_protocol(name):
                self._post(f"/write?{urlencode({'db': name, 'precision': 'ns'})}", batch)

    def change_password(self) -> None:
        super().change_password()
        for account in (self.username, writer(self.username)):
            self._query(f"SET PASSWORD FOR \"{account}\" = '{self.password}'")

    def _query(self, statement: str) -> None:
        self._post("/query", urlencode({"q": statement}))

    def connection(self) -> http.client.HTTPSConnection:
        """Return a new connection to it."""
        address = urlsplit(self.url or "").netloc
        return http.client.HTTPSConnection(address, context=self._context, timeout=_PATIENCE)

    def _post(self, path: str, body: str) -> None:
        connection = self.connection()
        headers = {
            "Authorization": f"Basic {self._login}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        with contextlib.closing(connection):
            connection.request("POST", path, body.encode(), headers)
            with connection.getresponse() as response:
                words = response.read().decode(errors="replace")
        if response.status >= http.HTTPStatus.BAD_REQUEST or '"error"' in words:
            raise SandboxError(f"The real influxdb answered {response.status}: {words.strip()}")


class _Ingress(ThreadingHTTPServer):
    """What stands before a real influxd, as before a site's: it knows ``/health``, and hands all else on.

    1.6.7 has no such page; those that the sites run have one, and lsst-efd-client goes no further without it.
    """

    def __init__(self, server: RealInflux, papers: Path) -> None:
        super().__init__(("127.0.0.1", 0), partial(_Handing, server))
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(papers)

    def get_request(self) -> tuple[socket.socket, Any]:
        plain, address = super().get_request()
        # The handshake comes with the first read, on a thread of its own.
        return self._tls.wrap_socket(plain, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that went away, or a server that has ended, is no news."""


class _Handing(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, influx: RealInflux, *arguments: Any) -> None:
        self._influx = influx  # first, because the base class begins to serve at once
        super().__init__(*arguments)

    def do_GET(self) -> None:
        if urlsplit(self.path).path != "/health":
            self._hand_on()
            return
        with contextlib.closing(self._influx.connection()) as connection:
            connection.request("GET", "/ping")
            with connection.getresponse() as answer:
                is_ready = answer.status == http.HTTPStatus.NO_CONTENT
        state = json.dumps({"name": "influxdb", "status": "pass" if is_ready else "fail"}).encode()
        self.send_response(http.HTTPStatus.OK if is_ready else http.HTTPStatus.SERVICE_UNAVAILABLE)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(state)))
        self.end_headers()
        self.wfile.write(state)

    def do_POST(self) -> None:
        self._hand_on()

    def _hand_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with contextlib.closing(self._influx.connection()) as connection:
            connection.request(self.command, self.path, body, dict(self.headers.items()))
            with connection.getresponse() as answer:
                self._answer(answer)

    def _answer(self, answer: http.client.HTTPResponse) -> None:
        # A body of unknown length goes on in chunks, so that one that is cut off can be told from a whole one.
        is_chunked = answer.length is None
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in {"connection", "transfer-encoding"}:
                self.send_header(name, value)
        if is_chunked:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while piece := answer.read1(64 * 1024):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if is_chunked else piece)
        if is_chunked:
            self.wfile.write(b"0\r\n\r\n")
        if answer.length:
            self.close_connection = True  # cut off there, so cut off here

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class calls it so)
        """Keep quiet."""
