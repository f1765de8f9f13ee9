"""The fault proxy does what its script says, to http and https, keeps no secret, and ends at once."""

import contextlib
import gc
import gzip
import http.client
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from skykey.sandbox import Box, running
from skykey.testing.faults import (
    LOGIN_PAGE,
    Bomb,
    Drip,
    Fault,
    Latency,
    Pass,
    Reply,
    Reset,
    Rewrite,
    Stall,
    Truncate,
    WrongLength,
    page,
    redirect,
)
from skykey.testing.faults_exchange import Exchange
from skykey.testing.faults_proxy import FaultProxy, fingerprint
from skykey.testing.fixtures import skykey_box, skykey_faults, skykey_site
from tests.wire.server import Answer, Seen, Server, chunk, reply, serving

__all__ = ["skykey_box", "skykey_faults", "skykey_site"]  # fixtures, imported: a plugin must be named before collection
BODY = bytes(range(256)) * 40  # 10,240 bytes
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def origin(seen: Seen) -> Answer:
    """The same body in every framing; what was sent comes back from /echo."""
    if seen.path == "/chunked":
        return HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunk(BODY[:4000]) + chunk(BODY[4000:]) + chunk(b"")
    if seen.path == "/close":
        return iter([HEAD + b"Connection: close\r\n\r\n" + BODY])
    if seen.path == "/packed":
        return reply(200, gzip.compress(BODY), Content_Encoding="gzip", Content_Type="application/json")
    if seen.path == "/echo":
        return reply(200, seen.body, X_Host=seen.headers["host"], X_Method=seen.method)
    if seen.path == "/nothing":
        return reply(204)
    return reply(200, BODY, Content_Type="application/json")


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with running(tmp_path_factory.mktemp("sandbox")) as made:
        yield made


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving(origin) as made:
        yield made


@pytest.fixture(params=["http", "https"])
def proxy(request: pytest.FixtureRequest, server: Server, box: Box) -> Iterator[FaultProxy]:
    certificate = box.folder / "server.pem" if request.param == "https" else None
    with FaultProxy(server.url, certificate=certificate) as made:
        yield made


def connected(proxy: FaultProxy, box: Box | None = None) -> http.client.HTTPConnection:
    scheme, _, address = proxy.url.partition("://")
    if scheme == "http":
        return http.client.HTTPConnection(address, timeout=5)
    assert box is not None
    context = ssl.create_default_context(cafile=box.ca_file)
    return http.client.HTTPSConnection(address, timeout=5, context=context)


def asked(
    proxy: FaultProxy,
    box: Box | None = None,
    path: str = "/",
    method: str = "GET",
    body: bytes | None = None,
    **headers: str,
) -> tuple[int, bytes, Any]:
    """Status, body and headers of one answer on a connection of its own."""
    with contextlib.closing(connected(proxy, box)) as connection:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers


FRAMINGS = ["/", "/chunked", "/close"]


@pytest.mark.parametrize("path", FRAMINGS)
def test_without_a_rule_the_targets_answer_comes_as_it_is(proxy: FaultProxy, box: Box, path: str) -> None:
    status, body, headers = asked(proxy, box, path)
    assert (status, body, headers["Content-Type"]) == (200, BODY, "application/json")
    assert ("Transfer-Encoding" in headers) == (path == "/chunked")
    assert asked(proxy, box, "/nothing")[:2] == (204, b"")
    assert [seen.fault for seen in proxy.seen] == [None, None]


def test_body_method_and_host_reach_the_target(proxy: FaultProxy, box: Box) -> None:
    status, body, headers = asked(proxy, box, "/echo?a=1", "POST", BODY)
    assert (status, body, headers["X-Method"]) == (200, BODY, "POST")
    assert f"//{headers['X-Host']}" in proxy.url  # a document's links lead back here
    with contextlib.closing(connected(proxy, box)) as connection:
        connection.request("POST", "/echo", iter([b"ab", b"cd"]), {"Transfer-Encoding": "chunked"}, encode_chunked=True)
        assert connection.getresponse().read() == b"abcd"


def test_a_connection_serves_many_requests(proxy: FaultProxy, box: Box) -> None:
    with contextlib.closing(connected(proxy, box)) as connection:
        for path in ("/", "/chunked", "/nothing", "/"):
            connection.request("GET", path)
            assert len(connection.getresponse().read()) in {0, len(BODY)}
            assert connection.sock is not None


@pytest.mark.parametrize("path", FRAMINGS)
@pytest.mark.parametrize("after", [None, 0, 5000])
def test_a_reset_is_an_error_before_and_within_the_answer(
    proxy: FaultProxy, box: Box, path: str, after: int | None
) -> None:
    proxy.fault(Reset(after))
    if (proxy.url[:5], path, after) in {("https", "/close", 0), ("https", "/close", 5000)}:
        assert asked(proxy, box, path)[1] == BODY[:after]  # Python takes a reset of TLS for an end
    else:
        with pytest.raises((ConnectionError, http.client.IncompleteRead, ssl.SSLError)):
            asked(proxy, box, path)
    assert proxy.seen[0].sent == (after or 0)
    assert proxy.seen[0].status == (None if after is None else 200)
    assert asked(proxy, box, path)[1] == BODY


def test_a_request_may_reach_the_target_though_its_answer_is_lost(proxy: FaultProxy, box: Box, server: Server) -> None:
    for delivered in (False, True):
        server.seen.clear()
        proxy.fault(Reset(delivered=delivered))
        with pytest.raises((ConnectionError, ssl.SSLError)):
            asked(proxy, box, "/echo", "POST", b"once")
        assert [seen.body for seen in server.seen] == [b"once"] * delivered


@pytest.mark.parametrize("framing", ["length", "chunked", None])
@pytest.mark.parametrize("path", ["/", "/chunked"])
def test_a_truncation_leaves_the_promised_end_out(proxy: FaultProxy, box: Box, path: str, framing: Any) -> None:
    proxy.fault(Truncate(5000, framing))
    with pytest.raises(http.client.IncompleteRead) as caught:
        asked(proxy, box, path)
    announced = framing or {"/": "length", "/chunked": "chunked"}[path]
    # http.client drops a chunk that did not come whole, and these came whole: 4000 and 1000.
    assert len(caught.value.partial) == 5000
    assert (caught.value.expected == len(BODY) - 5000) == (announced == "length")


def test_a_truncation_that_http_cannot_tell(proxy: FaultProxy, box: Box) -> None:
    proxy.fault(Truncate(5000, "close"))
    assert asked(proxy, box)[1] == BODY[:5000]


@pytest.mark.parametrize("after", [None, 0, 5000])
def test_a_stall_is_silent_for_ever_and_ends_with_the_proxy(
    server: Server, box: Box, after: int | None, ceiling: Callable[[float], float]
) -> None:
    for certificate in (None, box.folder / "server.pem"):
        with contextlib.ExitStack() as stack:
            with FaultProxy(server.url, certificate=certificate) as proxy:
                proxy.fault(Stall(after), times=None)
                waiting = [stack.enter_context(contextlib.closing(connected(proxy, box))) for _ in range(5)]
                for connection in waiting:
                    connection.timeout = 0.2
                    connection.request("GET", "/")
                if after is None:
                    with pytest.raises(TimeoutError):
                        waiting[0].getresponse()
                else:
                    answer = waiting[0].getresponse()
                    assert answer.read(after) == BODY[:after]
                    with pytest.raises(TimeoutError):
                        answer.read(1)
                begin = time.monotonic()
            assert time.monotonic() - begin < ceiling(0.5)


def test_a_drip_comes_a_few_bytes_at_a_time(proxy: FaultProxy, box: Box, ceiling: Callable[[float], float]) -> None:
    proxy.fault(Drip(10), Drip(50_000))
    begin = time.monotonic()
    with contextlib.closing(connected(proxy, box)) as connection:
        connection.request("GET", "/chunked")
        answer = connection.getresponse()
        assert answer.read(5) == BODY[:5]
    assert 0.3 <= time.monotonic() - begin <= ceiling(1.0)
    begin = time.monotonic()
    assert asked(proxy, box)[1] == BODY
    assert time.monotonic() - begin >= 0.15


def test_latency_comes_before_the_answer_or_another_fault(proxy: FaultProxy, box: Box) -> None:
    proxy.fault(Latency(0.2), Latency(0.2, Reply(503)))
    for expected in (200, 503):
        begin = time.monotonic()
        assert asked(proxy, box)[0] == expected
        assert time.monotonic() - begin >= 0.2


def test_a_length_that_is_not_so(proxy: FaultProxy, box: Box) -> None:
    proxy.fault(WrongLength(10), WrongLength(-10))
    with pytest.raises(http.client.IncompleteRead) as caught:
        asked(proxy, box, "/chunked")
    assert (len(caught.value.partial), caught.value.expected) == (len(BODY), 10)
    assert asked(proxy, box, "/chunked")[1] == BODY[:-10]


@pytest.mark.parametrize("path", ["/chunked", "/packed"])
def test_another_body_in_flawless_http(proxy: FaultProxy, box: Box, path: str) -> None:
    proxy.fault(Rewrite(lambda body: body[:100]), times=2)
    status, body, headers = asked(proxy, box, path)
    assert headers["Content-Encoding"] is None
    assert (status, body, headers["Content-Length"], headers["Content-Type"]) == (
        200,
        BODY[:100],
        "100",
        "application/json",
    )


@pytest.mark.parametrize("size", [0, 1000, 2**20, 5 * 2**20 + 17])
def test_a_bomb_is_small_and_unpacks_to_its_size(proxy: FaultProxy, box: Box, size: int) -> None:
    proxy.fault(Bomb(size))
    status, body, headers = asked(proxy, box)
    assert (status, headers["Content-Encoding"], headers["Content-Type"]) == (200, "gzip", "application/json")
    unpacking = zlib.decompressobj(zlib.MAX_WBITS | 16)
    assert unpacking.decompress(body) == bytes(size)
    assert unpacking.eof  # its check sum is right
    assert len(body) < 100 + size // 500


@pytest.mark.parametrize("status", [401, 403, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("after", [None, 1, 9_999_999_999, -5, "soon", formatdate(2e9, usegmt=True)])
def test_a_status_with_and_without_a_word_on_when_to_come_again(
    proxy: FaultProxy, box: Box, status: int, after: Any
) -> None:
    proxy.fault(Reply(status, "no", {"Content-Type": "text/plain"}, retry_after=after))
    answer = asked(proxy, box)
    assert answer[:2] == (status, b"no")
    assert answer[2]["Retry-After"] == (None if after is None else str(after))


def test_pages_redirects_and_nothing(proxy: FaultProxy, box: Box, server: Server) -> None:
    server.seen.clear()
    proxy.fault(page(), redirect("https://login.example/login"), Reply(204))
    status, body, headers = asked(proxy, box)
    assert (status, body, headers.get_content_type()) == (200, LOGIN_PAGE, "text/html")
    status, body, headers = asked(proxy, box)
    assert (status, headers["Location"]) == (302, "https://login.example/login")
    assert asked(proxy, box)[:2] == (204, b"")
    assert server.seen == []


class Own:
    """What a test brings itself."""

    async def play(self, exchange: Exchange, /) -> None:
        await exchange.begin(299, [("X-Asked", exchange.asked.target)], "chunked")
        await exchange.send(b"own")
        await exchange.end()


def test_rules_choose_by_path_method_text_and_number(server: Server) -> None:
    def statuses(*requests: tuple[str, str, bytes | None]) -> list[int]:
        return [asked(proxy, None, path, method, body)[0] for method, path, body in requests]

    with FaultProxy(server.url) as proxy:
        proxy.fault(Reply(502), path="*/query", times=2)
        query, other = ("GET", "/influxdb/query?q=SHOW+x", None), ("GET", "/query/other", None)
        assert statuses(query, other, query, query) == [502, 200, 502, 200]
        proxy.fault(Reply(500), method="POST")
        assert statuses(query, ("POST", "/echo", b""), ("POST", "/echo", b"")) == [200, 500, 200]
        proxy.fault(Reply(504), containing="SELECT *")
        assert statuses(query, ("GET", "/a?q=SELECT+%2A", None), ("GET", "/a?q=SELECT+%2A", None)) == [200, 504, 200]
        proxy.fault(Reply(504), containing="SELECT *")
        assert statuses(("POST", "/a", b"q=SELECT%20*")) == [504]
        proxy.fault(Reply(503), Pass(), Reply(429), times=2, skip=1)
        assert statuses(*[query] * 8) == [200, 503, 200, 429, 503, 200, 429, 200]
        proxy.fault(Own(), times=None)
        assert statuses(*[query] * 3) == [299] * 3
        proxy.reset()
        assert statuses(query) == [200]
        assert [seen.fault for seen in proxy.requests("*/query")[:2]] == ["Reply", "Reply"]
        proxy.forget()
        assert proxy.seen == []


def test_the_log_tells_requests_apart_and_holds_no_secret(server: Server) -> None:
    secret = "gt-AAAAAAAAAAAAAAAAAAAAAA.BBBBBBBBBBBBBBBBBBBBBB"
    with FaultProxy(server.url) as proxy:
        asked(proxy, None, f"/a?db=efd&p={secret}&access_token={secret}&q=SHOW", Authorization=f"Bearer {secret}")
        asked(proxy, None, "/b", Authorization=secret, Cookie=secret, X_API_Key=secret)
        asked(proxy, None, "/echo", "POST", secret.encode(), Authorization="Basic dXNlcjpwYXNzd29yZA==")
        first, second, third = proxy.seen
        assert (first.query, first.credential) == ("db=efd&p=***&access_token=***&q=SHOW", "bearer")
        assert first.fingerprint == second.fingerprint == fingerprint(secret)
        assert (second.credential, {"cookie", "authorization"} <= set(second.headers)) == ("?", True)
        assert (third.credential, third.fingerprint, third.size) == ("basic", fingerprint("user:password"), len(secret))
        assert not any(half in repr(proxy.seen) for half in (*secret[3:].split("."), "password"))


def test_the_log_names_a_token_as_the_sandboxs_own_does(skykey_faults: FaultProxy, skykey_site: Box) -> None:
    skykey_site.controls.forget()
    asked(skykey_faults, None, "/auth/api/v1/token-info", Authorization=f"Bearer {skykey_site.token}")
    (here,), (there,) = skykey_faults.seen, skykey_site.controls.requests()
    assert (here.fingerprint, here.status) == (there.fingerprint, 200)


def test_the_fixture_leads_programs_through_the_proxy(skykey_faults: FaultProxy) -> None:
    from skykey.rubin.connections import get_clients
    from skykey.values.errors import ServiceError

    clients = get_clients()
    assert "lsst.sal.MTMount.elevation" in clients["efd"].get_topics()
    assert [seen.path for seen in skykey_faults.seen] == [
        "/repertoire/discovery",
        "/repertoire/discovery/influxdb/usdf_efd",
        "/influxdb/query",
    ]
    skykey_faults.fault(Reply(500), path="*/query")
    with pytest.raises(ServiceError):
        clients["efd"].get_topics()


def test_an_https_target_is_verified(box: Box, tmp_path: Path) -> None:
    with FaultProxy(box.second_url, trust=box.ca_file) as proxy:
        assert asked(proxy, None, "/influxdb/ping")[0] == 204
    with FaultProxy(box.second_url, trust=None) as proxy, pytest.raises(http.client.RemoteDisconnected):
        asked(proxy, None, "/influxdb/ping")


def test_hanging_up_ends_what_is_under_way(proxy: FaultProxy, box: Box) -> None:
    for fault in (Stall(), Stall(10), Drip(1), Latency(60)):
        proxy.fault(fault)
        threading.Timer(0.1, proxy.hang_up).start()
        with pytest.raises((ConnectionError, http.client.IncompleteRead, ssl.SSLError)):
            asked(proxy, box)
    assert asked(proxy, box)[1] == BODY


@pytest.mark.parametrize(
    "fault", [Pass(), Reset(), Reset(10), Stall(10), Truncate(10), Drip(100_000), Bomb()], ids=repr
)
def test_who_hangs_up_costs_nobody_anything(proxy: FaultProxy, box: Box, fault: Fault) -> None:
    proxy.fault(fault, times=20)
    for _ in range(20):
        connection = connected(proxy, box)
        connection.request("GET", "/chunked")
        connection.close()
    assert asked(proxy, box)[1] == BODY or fault == Drip(100_000)


def test_nonsense_costs_its_own_connection_only(server: Server) -> None:
    with FaultProxy(server.url) as proxy:
        for nonsense in (b"\r\n\r\n", b"nonsense\r\n\r\n", b"\x16\x03\x01", b"x" * 3_000_000):
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", int(proxy.url[-5:].lstrip(":")))) as bare,
            ):
                bare.sendall(nonsense)
        assert asked(proxy)[1] == BODY


def test_a_fault_that_is_itself_wrong_is_raised_where_the_proxy_is_closed(server: Server) -> None:
    class Wrong:
        async def play(self, exchange: Exchange, /) -> None:
            raise ZeroDivisionError

    def run() -> None:
        with FaultProxy(server.url) as proxy:
            proxy.fault(Wrong())
            with pytest.raises(http.client.RemoteDisconnected):
                asked(proxy)

    with pytest.raises(ZeroDivisionError):
        run()


def test_nothing_is_left_open(server: Server, box: Box) -> None:
    """A socket that is left to the garbage collector is a warning, and warnings are errors."""
    for certificate in (None, box.folder / "server.pem"):
        with contextlib.ExitStack() as stack:
            with FaultProxy(server.url, certificate=certificate) as proxy:
                for fault in (Stall(), Stall(10), Drip(1), Latency(60), Truncate(10), Pass()):
                    proxy.fault(fault)
                    connection = stack.enter_context(contextlib.closing(connected(proxy, box)))
                    connection.request("GET", "/chunked")
                    time.sleep(0.01)
            gc.collect()
        assert "skykey-faults" not in {thread.name for thread in threading.enumerate()}
