"""Shape test (c), a client certificate beside a bearer; and what an untrusted server looks like."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from skykey.credentials.credential import Certificate
from skykey.credentials.keeper import Keeper
from skykey.credentials.provider import Keeping
from skykey.values.errors import Failed, TransportError, Unreachable, UsageError
from skykey.values.reach import Reach
from skykey.values.url import Url
from skykey.wire.request import TlsIdentity
from tests.wire.askers import Asker, AsyncAsker, Fixed, bearer, get
from tests.wire.server import Authority, Seen, Server, reply, serving


def certificate(url: str, files: TlsIdentity) -> Keeper:
    reach = Reach.named(Url(url), said_by="a test")
    return Keeper(Fixed(lambda _: Certificate(files, reach), Keeping.NOT_AT_ALL, "a test's certificate"))


def both_faces(call: Any) -> list[Any]:
    return [Asker().ask(call), asyncio.run(AsyncAsker().ask(call))]


@pytest.fixture
def trusted(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Authority:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.bundle))
    return authority


@pytest.fixture
def demanding(trusted: Authority) -> Iterator[Server]:
    def answer(seen: Seen) -> bytes:
        shown = dict(pair[0] for pair in seen.peer["subject"]) if seen.peer else {}
        return reply(200, f"{shown.get('commonName')} {seen.headers.get('authorization')}")

    with serving(answer, tls=trusted.server("127.0.0.1", clients=True)) as server:
        yield server


@pytest.fixture
def ada(trusted: Authority) -> TlsIdentity:
    return TlsIdentity(*trusted.issue("ada"))


def test_a_request_carries_certificate_and_bearer_at_once(demanding: Server, ada: TlsIdentity) -> None:
    call = get(demanding.url, auth=(certificate(demanding.url, ada), bearer(demanding.url, token="t")))
    assert both_faces(call) == [b"ada Bearer t"] * 2


def test_two_identities_never_share_a_connection(demanding: Server, trusted: Authority, ada: TlsIdentity) -> None:
    """A pool keyed by host alone would ask in the first one's name for both."""
    bob = TlsIdentity(*trusted.issue("bob"))
    for _ in range(3):
        for name, files in (("ada", ada), ("bob", bob)):
            call = get(demanding.url, auth=(certificate(demanding.url, files),))
            assert both_faces(call) == [f"{name} None".encode()] * 2


@pytest.mark.parametrize("face", ["sync", "async"])
def test_a_missing_client_certificate_is_said_clearly(demanding: Server, face: str) -> None:
    with pytest.raises(Unreachable, match="asks for a client certificate"):
        Asker().ask(get(demanding.url)) if face == "sync" else asyncio.run(AsyncAsker().ask(get(demanding.url)))


def test_a_certificate_file_that_cannot_be_used_is_named(demanding: Server, tmp_path: Path) -> None:
    files = TlsIdentity(tmp_path / "absent.pem", tmp_path / "absent.key")
    for run in (Asker().ask, lambda call: asyncio.run(AsyncAsker().ask(call))):
        with pytest.raises(Failed, match=r"absent\.pem"):
            run(get(demanding.url, auth=(certificate(demanding.url, files),)))


def test_a_certificate_does_not_leave_its_reach(demanding: Server, ada: TlsIdentity) -> None:
    from skykey.values.errors import OutOfReach

    with pytest.raises(OutOfReach):
        Asker().ask(get(demanding.url, auth=(certificate("https://other.example", ada),)))
    assert demanding.connections == 0


def test_two_certificates_in_one_request_are_refused(demanding: Server, ada: TlsIdentity) -> None:
    keeper = certificate(demanding.url, ada)
    with pytest.raises(UsageError, match="one certificate"):
        Asker().ask(get(demanding.url, auth=(keeper, keeper)))


@pytest.mark.parametrize("face", ["sync", "async"])
def test_an_untrusted_server_gets_no_request(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, face: str
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(Authority(tmp_path).bundle))
    with serving(lambda _: reply(200), tls=authority.server("127.0.0.1")) as server:
        call = get(server.url, auth=(bearer(server.url),))
        with pytest.raises(Unreachable, match="not trusted") as caught:
            Asker().ask(call) if face == "sync" else asyncio.run(AsyncAsker().ask(call))
        assert "SSL_CERT_FILE" in str(caught.value)
        assert server.seen == []


def test_a_certificate_for_another_host_is_refused(trusted: Authority) -> None:
    with serving(lambda _: reply(200), tls=trusted.server("other.example")) as server:
        with pytest.raises(Unreachable, match="not trusted"):
            Asker().ask(get(server.url))
        assert server.seen == []


@pytest.mark.parametrize("fault", ["missing", "empty", "garbage", "folder"])
def test_a_broken_bundle_is_named_with_its_variable(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fault: str
) -> None:
    bundle = tmp_path / "bundle.pem"
    match fault:
        case "empty":
            bundle.touch()
        case "garbage":
            bundle.write_text("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n")
        case "folder":
            bundle.mkdir()
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    with serving(lambda _: reply(200), tls=authority.server("127.0.0.1")) as server:
        for run in (Asker().ask, lambda call: asyncio.run(AsyncAsker().ask(call))):
            with pytest.raises(TransportError) as caught:
                run(get(server.url))
            assert f"SSL_CERT_FILE={bundle}" in str(caught.value)
        assert server.seen == []


def test_a_change_of_trust_is_noticed(authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.bundle))
    with serving(lambda _: reply(200, "ok"), tls=authority.server("127.0.0.1")) as server:
        assert Asker().ask(get(server.url)) == b"ok"
        monkeypatch.setenv("SSL_CERT_FILE", str(Authority(tmp_path).bundle))
        with pytest.raises(Unreachable, match="not trusted"):
            Asker().ask(get(server.url))
