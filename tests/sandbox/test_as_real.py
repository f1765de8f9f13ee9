import http.client
import json
import socket
import ssl
from typing import Any
from urllib.parse import urlsplit

import pytest

from skykey.sandbox import Box
from skykey.sandbox.hosts import SITES


def through_proxy(box: Box, host: str, port: int = 443, method: str = "CONNECT") -> tuple[str, socket.socket]:
    """Open what ``--as-real`` leads to; return the proxy's answer and the socket."""
    proxy = urlsplit(box.proxy_url)
    sock = socket.create_connection((proxy.hostname, proxy.port), timeout=10)
    sock.sendall(f"{method} {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
    head = b""
    while b"\r\n\r\n" not in head and (piece := sock.recv(4096)):
        head += piece
    while b"Content-Length" in head and (piece := sock.recv(4096)):
        head += piece
    return head.decode(), sock


def get_as_real(box: Box, host: str, path: str, headers: dict[str, str] | None = None) -> tuple[int, Any]:
    head, sock = through_proxy(box, host)
    assert head.startswith("HTTP/1.1 200 ")
    context = ssl.create_default_context(cafile=box.bundle_file)
    with context.wrap_socket(sock, server_hostname=host) as tls:
        connection = http.client.HTTPConnection(host)
        connection.sock = tls
        connection.request("GET", path, headers={"Host": host} | (headers or {}))
        with connection.getresponse() as response:
            return response.status, json.loads(response.read())


def test_every_documented_host_answers_under_its_own_name(box: Box) -> None:
    assert set(SITES) < set(box.hosts)
    for host in SITES:
        status, document = get_as_real(box, host, "/repertoire/discovery")
        assert status == 200
        databases = document["influxdb_databases"]
        assert databases["usdf_efd"]["url"] == f"https://{host}/influxdb/"
        # what is local is a matter of whom one asks
        assert bool(databases["summit_efd"].get("local")) == (host == "summit-lsp.lsst.codes")


def test_segwarides(ask: Any, box: Box) -> None:
    host = "roundtable.lsst.codes"
    aliases = get_as_real(box, host, "/segwarides/list")[1]
    assert aliases == ["base_efd", "summit_efd", "usdf_efd", "usdfdev_efd", "usdfint_efd"]
    assert get_as_real(box, host, "/segwarides/")[0] == 200
    creds = get_as_real(box, host, "/segwarides/creds/usdf_efd")[1]
    assert set(creds) == {"host", "schema_registry", "port", "username", "password", "path"}
    assert creds["host"] in box.hosts
    known = ask(f"{box.site_url}/repertoire/discovery/influxdb/usdf_efd", box.token).json
    assert (creds["username"], creds["password"]) == (known["username"], known["password"])
    status, _ = get_as_real(box, creds["host"], creds["path"] + "health")
    assert status == 200


@pytest.mark.parametrize("domain", ["production.aws.descarteslabs.com", "production.earthone.earthdaily.com"])
def test_the_imagery_platform_answers_under_its_old_and_its_new_name(box: Box, domain: str) -> None:
    status, document = get_as_real(box, f"iam.{domain}", "/.well-known/openid-configuration")
    assert (status, document["issuer"]) == (200, f"https://iam.{domain}")
    assert document["token_endpoint"] == f"https://iam.{domain}/token"
    assert get_as_real(box, f"platform.{domain}", "/echo") == (401, {"error": "unauthorized"})
    app = domain.replace("production", "app").replace(".aws", "")
    assert get_as_real(box, app, "/") == (404, {"detail": "Not Found"})


@pytest.mark.parametrize("name", ["gracedb", "gracedb-playground", "gracedb-test"])
def test_gracedb_answers_under_its_names_and_names_itself_so(box: Box, name: str) -> None:
    status, root = get_as_real(box, f"{name}.ligo.org", "/api/", {"User-Agent": "test"})
    assert (status, root["links"]["self"]) == (200, f"https://{name}.ligo.org/api/")


def test_the_issuer_of_gracedbs_tokens_is_where_they_say(box: Box) -> None:
    status, known = get_as_real(box, "cilogon.org", "/igwn/.well-known/openid-configuration")
    assert (status, known["issuer"]) == (200, "https://cilogon.org/igwn")
    assert known["jwks_uri"].startswith("https://cilogon.org/igwn/")
    keys = get_as_real(box, "cilogon.org", known["jwks_uri"].removeprefix("https://cilogon.org"))[1]["keys"]
    assert [key["kty"] for key in keys] == ["RSA"]


@pytest.mark.parametrize(
    ("host", "port", "method"),
    [
        ("example.org", 443, "CONNECT"),
        ("usdf-rsp.slac.stanford.edu.example.org", 443, "CONNECT"),
        ("usdf-rsp.slac.stanford.edu", 22, "CONNECT"),
        ("127.0.0.1", 443, "CONNECT"),
        ("usdf-rsp.slac.stanford.edu", 443, "GET"),
    ],
)
def test_the_proxy_refuses_every_other_host(box: Box, host: str, port: int, method: str) -> None:
    head, sock = through_proxy(box, host, port, method)
    sock.close()
    assert head.startswith("HTTP/1.1 403 Forbidden\r\n")
    assert f"does not play {host}:{port}" in head
    assert "usdf-rsp.slac.stanford.edu," in head  # and says what it does play


def test_the_proxy_survives_nonsense(box: Box) -> None:
    proxy = urlsplit(box.proxy_url)
    for nonsense in (b"", b"\0\0\0", b"CONNECT\r\n\r\n", b"A" * 100_000, b"\xff\xfe\r\n\r\n"):
        with socket.create_connection((proxy.hostname, proxy.port), timeout=5) as sock:
            sock.sendall(nonsense)
    assert get_as_real(box, box.hosts[0], "/repertoire/")[0] == 200
