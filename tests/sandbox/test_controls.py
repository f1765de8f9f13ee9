import contextlib
import http.client
import socket
import time
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import pytest

from skykey.sandbox import Box, Controls, SandboxError

DISCOVERY = "/repertoire/discovery"
INFO = "/auth/api/v1/token-info"


def test_the_key_is_needed(ask: Any, box: Box) -> None:
    assert ask(f"{box.control_url}/hello", method="POST").status == 401
    with pytest.raises(SandboxError, match="state file"):
        Controls(box.control_url, "wrong").expire()
    assert ask(box.site_url + INFO, box.token).status == 200
    assert box.control_key not in repr(box)
    assert box.control_key not in str(box.public())


def test_a_wrong_control_is_said(box: Box) -> None:
    with pytest.raises(SandboxError, match="kind is one of"):
        box.controls.fault("explode")
    with pytest.raises(SandboxError, match="no control"):
        box.controls._do("nonsense")


def test_life_of_one_and_of_all_tokens(ask: Any, box: Box) -> None:
    one, other = box.controls.mint(), box.controls.mint()
    assert box.controls.expire(one) == 1
    assert ask(box.site_url + INFO, one).status == 401
    assert ask(box.site_url + INFO, other).status == 200
    assert box.controls.life(50) >= 2
    box.controls.clock(51)
    assert ask(box.site_url + INFO, other).status == 401


def test_rotate_writes_the_new_token_before_the_old_one_ends(ask: Any, box: Box) -> None:
    old = box.token
    box.controls.rotate()
    assert box.token != old
    assert ask(box.site_url + INFO, old).status == 401
    assert ask(box.site_url + INFO, box.token).status == 200


def test_a_new_password_ends_the_login_handed_out_before(ask: Any, box: Box) -> None:
    url, query = (
        f"{box.site_url}/repertoire/discovery/influxdb/usdf_efd",
        "/influxdb/query?db=efd&q=show+databases",
    )
    old = ask(url, box.token).json
    box.controls.change_password()
    new = ask(url, box.token).json
    assert ask(box.site_url + query, basic=(old["username"], old["password"])).status == 401
    assert ask(box.site_url + query, basic=(new["username"], new["password"])).status != 401


def test_the_date_header_goes_by_the_sandbox_clock(ask: Any, box: Box) -> None:
    box.controls.clock(-86_400)
    seen = parsedate_to_datetime(ask(box.site_url + DISCOVERY).headers["Date"]).timestamp()
    assert abs(seen - (time.time() - 86_400)) < 60


def test_status_faults_are_counted_and_matched(ask: Any, box: Box) -> None:
    box.controls.fault(status=502, times=2, service="repertoire")
    assert ask(box.site_url + INFO, box.token).status == 200
    assert [ask(box.site_url + DISCOVERY).status for _ in range(3)] == [502, 502, 200]
    box.controls.fault(status=429, path="/auth", retry_after=30, headers={"X-Why": "test"}, body="slow")
    answer = ask(box.site_url + INFO, box.token)
    assert (answer.status, answer.body, answer.headers["X-Why"]) == (429, b"slow", "test")
    ahead = parsedate_to_datetime(answer.headers["Retry-After"]) - parsedate_to_datetime(answer.headers["Date"])
    assert 29 <= ahead.total_seconds() <= 31


def test_html_is_a_login_page_with_status_200(ask: Any, box: Box) -> None:
    box.controls.fault("html")
    answer = ask(box.site_url + DISCOVERY)
    assert (answer.status, answer.headers.get_content_type()) == (200, "text/html")


def test_close_answers_nothing(ask: Any, box: Box) -> None:
    box.controls.fault("close")
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        ask(box.site_url + DISCOVERY)
    assert ask(box.site_url + DISCOVERY).status == 200


@pytest.mark.parametrize("after", [None, 10])
def test_truncate_ends_in_mid_answer(ask: Any, box: Box, after: int | None) -> None:
    whole = ask(box.site_url + DISCOVERY).body
    box.controls.fault("truncate", after=after)
    with pytest.raises(http.client.IncompleteRead) as cut:
        ask(box.site_url + DISCOVERY)
    assert cut.value.partial == whole[: after or len(whole) // 2]


def test_truncate_over_tls(ask: Any, box: Box) -> None:
    box.controls.fault("truncate", service="influxdb-second")
    with pytest.raises((http.client.IncompleteRead, OSError)):
        ask(f"{box.second_url}/influxdb/health", bundle=box.ca_file)


def test_stall_says_nothing_and_then_answers(ask: Any, box: Box) -> None:
    box.controls.fault("stall", seconds=0.3)
    begin = time.monotonic()
    assert ask(box.site_url + DISCOVERY).status == 200
    assert time.monotonic() - begin >= 0.3


def test_stall_in_mid_answer_leaves_the_client_waiting(ask: Any, box: Box) -> None:
    whole = ask(box.site_url + DISCOVERY).body
    box.controls.fault("stall", after=10)
    with socket.create_connection(urlsplit(box.site_url).netloc.split(":"), timeout=0.3) as sock:
        sock.sendall(f"GET {DISCOVERY} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        received = b""
        with contextlib.suppress(TimeoutError):
            while piece := sock.recv(4096):
                received += piece
        with pytest.raises(TimeoutError):  # neither closed nor answered
            sock.recv(1)
    assert received.partition(b"\r\n\r\n")[2] == whole[:10]
    box.controls.fault("stall", after=10, seconds=0.1)
    assert ask(box.site_url + DISCOVERY).body == whole


def test_latency_is_set_and_taken_back(ask: Any, box: Box) -> None:
    box.controls.latency(0.3, service="repertoire")
    begin = time.monotonic()
    ask(box.site_url + DISCOVERY)
    assert time.monotonic() - begin >= 0.3
    box.controls.latency(0, service="repertoire")
    begin = time.monotonic()
    ask(box.site_url + DISCOVERY)
    assert time.monotonic() - begin < 0.3


def test_the_log_tells_requests_apart_without_keeping_a_secret(ask: Any, box: Box) -> None:
    ask(box.site_url + DISCOVERY + "?a=1")
    ask(box.site_url + INFO, box.token)
    ask(box.site_url + INFO, basic=("user", box.token))
    ask(box.site_url + "/influxdb/query?u=ada&p=geheim&q=x")
    first, bearer, basic, query = box.controls.requests()
    assert (first.service, first.method, first.path, first.query) == ("repertoire", "GET", DISCOVERY, "a=1")
    assert (first.credential, first.fingerprint, first.status) == (None, None, 200)
    assert "host" in first.headers
    assert (bearer.service, bearer.credential, basic.credential) == ("gafaelfawr", "bearer", "basic")
    assert bearer.fingerprint == basic.fingerprint  # the same token, however it was sent
    assert (query.credential, query.query) == ("query", "u=ada&p=%2A%2A%2A&q=x")
    log = repr(box.controls.requests())
    assert box.token not in log
    assert box.token[26:] not in log
    assert "geheim" not in log
    assert len(box.controls.requests("gafaelfawr")) == 2
    box.controls.forget()
    assert box.controls.requests() == []


def test_clients_that_drop_their_connection_harm_nobody(ask: Any, box: Box) -> None:
    host, port = urlsplit(box.site_url).netloc.split(":")
    box.controls.latency(0.05)
    for head in (b"", b"GET", f"GET {DISCOVERY} HTTP/1.1\r\nHost: a\r\n\r\n".encode()):
        for _ in range(20):
            with socket.create_connection((host, port), timeout=5) as sock:
                sock.sendall(head)
    box.controls.reset()
    assert ask(box.site_url + DISCOVERY).status == 200
