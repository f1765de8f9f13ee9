"""Loopback servers that do exactly what a test says, and a made-up internet behind one proxy."""

import contextlib
import datetime as dt
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Seen:
    """One request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    origin: str = ""
    peer: dict[str, Any] | None = None

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def text(self) -> str:
        """Everything that the server got to see, for searches."""
        return f"{self.method} {self.target}\n{self.headers}\n{self.body!r}"


Answer = bytes | Iterable[bytes] | None
"""Bytes keep the connection, pieces close it after the last, None closes it at once."""
Handler = Callable[[Seen], Answer]


def reply(status: int = 200, body: bytes | str = b"", **headers: str) -> bytes:
    """One whole answer; underscores in header names become dashes."""
    data = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status} X", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    if status >= 200 and status not in {204, 304}:
        lines.append(f"Content-Length: {len(data)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + data


def as_json(body: str, status: int = 200, **headers: str) -> bytes:
    return reply(status, body, Content_Type="application/json", **headers)


def head(**headers: str) -> bytes:
    """The beginning of an answer that ends with its connection."""
    lines = ["HTTP/1.1 200 OK", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode()


def chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


class _Listening:
    """Accepts connections, each on a thread, and ends them all at the end of the block."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.create_server((host, 0), family=family, backlog=256)
        self.host, self.port = host, int(self._socket.getsockname()[1])
        self.closing = threading.Event()
        self.connections = 0
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []

    @property
    def open_connections(self) -> int:
        with self._lock:
            return len(self._open)

    def __enter__(self) -> Self:
        thread = threading.Thread(target=self._accept, daemon=True)
        thread.start()
        self._threads.append(thread)
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        with self._lock:
            remaining = list(self._open)
        for connection in remaining:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        while not self.closing.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            thread = threading.Thread(target=self._one, args=(connection,), daemon=True)
            with self._lock:
                self.connections += 1
                self._open.add(connection)
                self._threads.append(thread)
            thread.start()

    @contextlib.contextmanager
    def _encrypted(self, connection: socket.socket, context: ssl.SSLContext) -> Iterator[ssl.SSLSocket]:
        raw = connection.dup()
        with raw, context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False) as encrypted:
            with self._lock:
                self._open.add(encrypted)  # wrapping has emptied the other one
                self._open.discard(connection)
            try:
                encrypted.do_handshake()
                yield encrypted
            except ssl.SSLError:
                # A reset, because of unread bytes, would overtake the alert that says why.
                raw.shutdown(socket.SHUT_WR)
                raw.settimeout(1)
                while raw.recv(65536):
                    pass
                raise
            finally:
                with self._lock:
                    self._open.discard(encrypted)

    def _one(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError), connection:
            self._talk(connection)
        with self._lock:
            self._open.discard(connection)

    def _talk(self, connection: socket.socket) -> None:
        raise NotImplementedError


class Server(_Listening):
    """An HTTP/1.1 server.

    Parameters
    ----------
    answer
        Gives each request its answer.
    tls
        For https.
    """

    def __init__(self, answer: Handler, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        super().__init__(host)
        self.answer = answer
        self.seen: list[Seen] = []
        self._tls = tls

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}"

    def _talk(self, connection: socket.socket) -> None:
        if self._tls is not None:
            with self._encrypted(connection, self._tls) as encrypted:
                serve(encrypted, self._answered)
        else:
            serve(connection, self._answered)

    def _answered(self, seen: Seen) -> Answer:
        self.seen.append(seen)
        return self.answer(seen)


def serve(connection: socket.socket, handler: Handler, *, origin: str = "", first: bytes = b"") -> None:
    """Answer requests on one connection until either side ends it."""
    peer = connection.getpeercert() if isinstance(connection, ssl.SSLSocket) else None
    buffer = first
    while True:
        while b"\r\n\r\n" not in buffer:
            data = connection.recv(65536)
            if not data:
                return
            buffer += data
        top, buffer = buffer.split(b"\r\n\r\n", 1)
        method, target, headers = parsed(top)
        size = int(headers.get("content-length", "0"))
        while len(buffer) < size:
            data = connection.recv(65536)
            if not data:
                return
            buffer += data
        body, buffer = buffer[:size], buffer[size:]
        answer = handler(Seen(method, target, headers, body, origin, peer))
        if isinstance(answer, bytes):
            connection.sendall(answer)
            continue
        for piece in answer or ():
            connection.sendall(piece)
        return


def parsed(top: bytes) -> tuple[str, str, dict[str, str]]:
    first, *lines = top.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return method, target, headers


# -- certificates


@dataclass
class Authority:
    """A certificate authority for one test, and what it signs."""

    folder: Path
    _contexts: dict[str, ssl.SSLContext] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])
        certificate = (
            self._builder(self._name, self._key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .add_extension(
                x509.KeyUsage(
                    digital_signature=True,
                    key_cert_sign=True,
                    crl_sign=True,
                    content_commitment=False,
                    key_encipherment=False,
                    data_encipherment=False,
                    key_agreement=False,
                    encipher_only=False,
                    decipher_only=False,
                ),
                critical=True,
            )
            .sign(self._key, hashes.SHA256())
        )
        self.bundle = self.folder / "authority.pem"
        self.bundle.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        self._lock = threading.Lock()

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = dt.datetime.now(dt.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(minutes=5))
            .not_valid_after(now + dt.timedelta(days=1))
        )

    def issue(self, host: str) -> tuple[Path, Path]:
        """Certificate and key for a host name or address, or for a client of that name."""
        key = ec.generate_private_key(ec.SECP256R1())
        try:
            name: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(host))
        except ValueError:
            name = x509.DNSName(host)
        certificate = (
            self._builder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host[:60])]), key)
            .add_extension(x509.SubjectAlternativeName([name]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        stem = host.replace(":", "_")
        papers, secret = self.folder / f"{stem}.pem", self.folder / f"{stem}.key"
        papers.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        secret.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return papers, secret

    def server(self, host: str = "127.0.0.1", *, clients: bool = False) -> ssl.SSLContext:
        """A server's context; with `clients` it asks for certificates of this authority."""
        with self._lock:
            found = self._contexts.get(f"{host} {clients}")
            if found is None:
                found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                found.load_cert_chain(*self.issue(host))
                if clients:
                    found.verify_mode = ssl.CERT_REQUIRED
                    found.load_verify_locations(self.bundle)
                self._contexts[f"{host} {clients}"] = found
            return found


# -- a made-up internet


class World(_Listening):
    """A proxy on loopback that plays every other host, by https and by http, and keeps what each was sent.

    Parameters
    ----------
    authority
        Vouches for all of them.
    """

    def __init__(self, authority: Authority) -> None:
        super().__init__()
        self.authority = authority
        self.seen: list[Seen] = []
        self.connects: list[str] = []
        self.proxy_headers: list[dict[str, str]] = []
        self.answer: Handler = lambda _: reply(200, "ok")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def variables(self) -> dict[str, str]:
        """What a client's environment needs to live in it."""
        names = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy")
        direct = {"NO_PROXY": "127.0.0.1,::1,localhost", "no_proxy": "127.0.0.1,::1,localhost"}
        return dict.fromkeys(names, self.url) | direct | {"SSL_CERT_FILE": str(self.authority.bundle)}

    def at(self, origin: str) -> list[Seen]:
        return [seen for seen in self.seen if seen.origin == origin]

    def elsewhere(self, *origins: str) -> list[Seen]:
        return [seen for seen in self.seen if seen.origin not in origins]

    def _talk(self, connection: socket.socket) -> None:
        buffer = b""
        while b"\r\n\r\n" not in buffer:
            data = connection.recv(65536)
            if not data:
                return
            buffer += data
        method, target, headers = parsed(buffer.split(b"\r\n\r\n", 1)[0])
        self.proxy_headers.append(headers)
        if method != "CONNECT":
            scheme, _, rest = target.partition("://")
            serve(connection, self._answered, origin=f"{scheme}://{rest.partition('/')[0]}", first=buffer)
            return
        self.connects.append(target)
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        bare, _, port = target.rpartition(":")
        bare = bare.strip("[]")
        host = f"[{bare}]" if ":" in bare else bare  # httpcore2 leaves the brackets out
        context = self.authority.server(bare)
        with self._encrypted(connection, context) as encrypted:
            serve(encrypted, self._answered, origin=f"https://{host}" + ("" if port == "443" else f":{port}"))

    def _answered(self, seen: Seen) -> Answer:
        self.seen.append(seen)
        return self.answer(seen)


@contextlib.contextmanager
def serving(answer: Handler, **more: Any) -> Iterator[Server]:
    with Server(answer, **more) as server:
        yield server
