"""The sandbox for programs that look at no proxy: its own TLS address, and what stands before a real InfluxDB."""

import contextlib
import http.client
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from skykey.sandbox import Box, running
from skykey.sandbox.parts import RealInflux, _Ingress
from tests.sandbox.test_as_real import through_proxy
from tests.wire.server import Answer, Seen, chunk, head, reply, serving

QUERY = "query?db=efd&q=select+*+from+%22lsst.sal.MTMount.azimuth%22+limit+3"


def creds(box: Box, agent: str) -> dict[str, Any]:
    """What segwarides tells this client of the EFD."""
    host = "roundtable.lsst.codes"
    opened, sock = through_proxy(box, host)
    assert opened.startswith("HTTP/1.1 200 ")
    context = ssl.create_default_context(cafile=box.bundle_file)
    with context.wrap_socket(sock, server_hostname=host) as tls:
        connection = http.client.HTTPConnection(host)
        connection.sock = tls
        connection.request("GET", "/segwarides/creds/usdf_efd", headers={"User-Agent": agent})
        with connection.getresponse() as response:
            found: dict[str, Any] = json.loads(response.read())
    return found


def test_who_asks_with_requests_is_told_an_address_that_needs_no_proxy(ask: Any, box: Box) -> None:
    told = creds(box, "python-requests/2.34.2")
    assert (told["host"], told["port"]) == ("localhost", urlsplit(box.second_url).port)
    url = f"https://{told['host']}:{told['port']}{told['path']}"
    assert ask(url + "health", bundle=box.bundle_file).json["status"] == "pass"
    login = told["username"], told["password"]
    answer = ask(url + QUERY, basic=login, bundle=box.bundle_file)
    assert len(answer.json["results"][0]["series"][0]["values"]) == 3


def test_the_registry_that_it_is_told_is_the_root_of_an_origin(ask: Any, box: Box) -> None:
    """lsst-efd-client drops the path of that address."""
    told = creds(box, "python-requests/2.34.2")["schema_registry"]
    assert told == f"https://localhost:{urlsplit(box.second_url).port}/"
    box.controls.forget()
    for path in ("subjects", "subjects/lsst.sal.ESS.temperature-value/versions/latest", "schemas/ids/1"):
        root = ask(told + path, bundle=box.bundle_file)
        assert (root.status, root.body) == (200, ask(f"{box.site_url}/schema-registry/{path}").body)
    assert len(box.controls.requests("schema-registry")) == 6
    assert ask(f"{told}influxdb/health", bundle=box.bundle_file).status == 200
    for url in (f"{told}elsewhere", f"{box.site_url}/subjects"):
        assert ask(url, bundle=box.bundle_file if url.startswith("https") else None).status == 404


@pytest.mark.parametrize("agent", ["python-httpx/0.28.1", "skykey/0.1", "", "not python-requests/2"])
def test_everybody_else_is_told_the_documented_host(box: Box, agent: str) -> None:
    told = creds(box, agent)
    assert (told["host"], told["port"]) == ("usdf-rsp.slac.stanford.edu", 443)
    assert told["schema_registry"] == "http://sasquatch-schema-registry.sasquatch:8081/"


def test_the_second_origin_is_still_another_one(ask: Any, box: Box) -> None:
    told = creds(box, "python-requests/2.34.2")
    login = told["username"], told["password"]
    assert ask(f"{box.second_url}/influxdb/{QUERY}", basic=login, bundle=box.bundle_file).status == 401


@pytest.mark.interop
def test_a_real_influxdb_is_reached_so_too(ask: Any, tmp_path: Path) -> None:
    with running(tmp_path, real=["influxdb"]) as box:
        told, known = creds(box, "python-requests/2.34.2"), creds(box, "python-httpx/0.28.1")
        assert (told["host"], told["path"]) == ("localhost", "/")
        url = f"https://localhost:{told['port']}/"
        assert ask(url + "health", bundle=box.bundle_file).json == {"name": "influxdb", "status": "pass"}
        login = known["username"], known["password"]
        entry = ask(f"{box.site_url}/repertoire/discovery/influxdb/usdf_efd", box.token).json
        assert ask(entry["url"] + "health", bundle=box.bundle_file).status == 404
        for query in (QUERY, QUERY + "&chunked=true&chunk_size=1"):
            through = ask(url + query, basic=login, bundle=box.bundle_file)
            directly = ask(entry["url"] + query, basic=login, bundle=box.bundle_file)
            assert (through.status, through.body) == (200, directly.body)
        assert ask(url + QUERY, basic=("efdreader", "wrong"), bundle=box.bundle_file).status == 401
    with pytest.raises(ConnectionRefusedError):
        ask(url + "health")


# -- the ingress by itself


class Plain(RealInflux):
    """A server of the test in the place of influxd, without TLS."""

    def connection(self) -> Any:
        return http.client.HTTPConnection(urlsplit(self.url or "").netloc, timeout=5)


@contextlib.contextmanager
def before(box: Box, answer: Callable[[Seen], Answer]) -> Iterator[tuple[str, list[Seen]]]:
    with serving(answer) as server, _Ingress(Plain("reader", server.url), box.folder / "server.pem") as ingress:
        thread = threading.Thread(target=ingress.serve_forever, args=(0.01,))
        thread.start()
        yield f"https://localhost:{ingress.server_port}", server.seen
        ingress.shutdown()
        thread.join()


@pytest.mark.parametrize(("ping", "status", "state"), [(204, 200, "pass"), (503, 503, "fail")])
def test_health_is_that_of_the_server_behind_it(ask: Any, box: Box, ping: int, status: int, state: str) -> None:
    with before(box, lambda _: reply(ping)) as (url, seen):
        answer = ask(f"{url}/health", bundle=box.bundle_file)
        assert (answer.status, answer.json["status"]) == (status, state)
        assert [each.target for each in seen] == ["/ping"]


def test_a_question_is_handed_on_as_it_is(ask: Any, box: Box) -> None:
    with before(box, lambda _: reply(418, "short", X_Word="and stout")) as (url, seen):
        answer = ask(
            f"{url}/query?q=a%20b", method="POST", body=b"q=c", headers={"X-Mine": "1"}, bundle=box.bundle_file
        )
        assert (answer.status, answer.body, answer.headers["X-Word"]) == (418, b"short", "and stout")
        (asked,) = seen
        assert (asked.method, asked.target, asked.body, asked.headers["x-mine"]) == (
            "POST",
            "/query?q=a%20b",
            b"q=c",
            "1",
        )
        assert asked.headers["host"] == url.removeprefix("https://")


@pytest.mark.parametrize(
    "half", [(head(Transfer_Encoding="chunked"), chunk(b"half")), (head(Content_Length="8"), b"half")]
)
def test_an_answer_that_is_cut_off_stays_cut_off(ask: Any, box: Box, half: tuple[bytes, ...]) -> None:
    with before(box, lambda _: half) as (url, _), pytest.raises(http.client.IncompleteRead):
        ask(f"{url}/query", bundle=box.bundle_file)


def test_a_server_that_is_gone_is_no_answer(ask: Any, box: Box) -> None:
    with before(box, lambda _: None) as (url, _):
        for path in ("health", "query"):
            with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError, ssl.SSLEOFError)):
                ask(f"{url}/{path}", bundle=box.bundle_file)
