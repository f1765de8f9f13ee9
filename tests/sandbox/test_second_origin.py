import contextlib
import gc
import socket
import ssl
import stat
import time
from asyncio.selector_events import _SelectorSocketTransport
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from skykey.sandbox import Box, running

QUERY = "/influxdb/query?db=efd&q=show%20measurements"


def login(ask: Any, box: Box, label: str) -> tuple[str, str]:
    entry = ask(f"{box.site_url}/repertoire/discovery/influxdb/{label}", box.token).json
    return entry["username"], entry["password"]


def test_it_is_verified_with_the_bundle_and_the_authority(ask: Any, box: Box) -> None:
    user = login(ask, box, "summit_scimma")
    for file in (box.bundle_file, box.ca_file):
        answer = ask(box.second_url + QUERY, basic=user, bundle=file)
        assert answer.status == 200
        assert answer.json["results"]


def test_it_is_not_trusted_without(ask: Any, box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    with pytest.raises(ssl.SSLCertVerificationError):
        ask(box.second_url + QUERY)


def test_the_bundle_keeps_the_roots_of_the_machine(box: Box) -> None:
    context = ssl.create_default_context(cafile=box.bundle_file)
    assert context.cert_store_stats()["x509_ca"] > 1


def test_each_origin_has_a_login_of_its_own(ask: Any, box: Box) -> None:
    efd, scimma = login(ask, box, "usdf_efd"), login(ask, box, "summit_scimma")
    assert ask(box.site_url + QUERY, basic=efd).status == 200
    assert ask(box.site_url + QUERY, basic=scimma).status == 401
    assert ask(box.second_url + QUERY, basic=efd, bundle=box.ca_file).status == 401


def test_the_site_token_opens_nothing_there(ask: Any, box: Box) -> None:
    assert ask(box.second_url + QUERY, box.token, bundle=box.ca_file).status == 401
    assert ask(f"{box.second_url}/repertoire/discovery", box.token, bundle=box.ca_file).status == 404


def test_files_are_private(box: Box) -> None:
    logins = list(box.folder.glob("token_info*.json"))
    assert len(logins) == 3
    for path in (*logins, box.token_file, box.ca_file, box.folder / "server.pem", box.folder / "state.json"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_the_authority_keeps_no_key(box: Box) -> None:
    found = {path.name for path in box.folder.iterdir() if path.is_file() and b"PRIVATE KEY" in path.read_bytes()}
    assert found == {"server.pem", "gracedb.pem"}  # the server's, and that of one user


def test_connections_that_are_closing_already_end_with_the_sandbox(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The keep-alive ends them first; a second close would put Python 3.11's TLS transports out of reach."""
    monkeypatch.setattr("skykey.sandbox.listener._KEEP_ALIVE", 0.1)
    with contextlib.ExitStack() as clients:
        with running(tmp_path) as own:
            port = urlsplit(own.second_url).port
            trusting = ssl.create_default_context(cafile=own.bundle_file)
            plain = clients.enter_context(socket.create_connection(("127.0.0.1", port)))
            client = clients.enter_context(trusting.wrap_socket(plain, server_hostname="127.0.0.1"))
            client.sendall(b"GET /influxdb/ping HTTP/1.1\r\nHost: x\r\n\r\n")
            assert client.recv(1000).startswith(b"HTTP/1.1 204")
            time.sleep(0.4)  # the keep-alive's own time, on the server's event loop
        transports = [o for o in gc.get_objects() if type(o) is _SelectorSocketTransport and o._sock is not None]
        assert [o for o in transports if o.get_extra_info("sockname")[1] == port] == []
