"""Real parts, fetched and started: `make test-interop`."""

import datetime as dt
import http.client
import json
import ssl
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tools import parts

pytestmark = pytest.mark.interop
ROOT = Path(__file__).parents[2]


def _ask(run: parts.Running, path: str, trust: ssl.SSLContext | None = None) -> tuple[int, dict[str, str], bytes]:
    where = urlsplit(run.url)
    port = where.port
    connection = (
        http.client.HTTPSConnection("localhost", port, context=trust, timeout=10)
        if where.scheme == "https"
        else http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    )
    with closing(connection):
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, {key.lower(): value for key, value in answer.headers.items()}, answer.read()


def test_influxd_answers_and_tells_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    with parts.influxdb() as run:
        with capsys.disabled():
            sys.stdout.write(f"\n{run.name} {run.version} at {run.url}\n")
        status, headers, _ = _ask(run, "/ping")
        assert status == 204
        assert run.version.startswith(headers["x-influxdb-version"].partition("~")[0])
        question = {"q": "SHOW DATABASES"}
        assert _ask(run, "/query?" + urlencode(question))[0] == 401
        status, _, body = _ask(run, "/query?" + urlencode({**question, "u": run.user, "p": run.password}))
        assert (status, "results" in json.loads(body)) == (200, True)
    with pytest.raises(ConnectionError):
        _ask(run, "/ping")
    assert not Path(run.folder).exists()


def test_two_run_side_by_side_without_login() -> None:
    with parts.influxdb(auth=False) as one, parts.influxdb(auth=False) as other:
        assert one.url != other.url
        assert [_ask(run, "/query?q=SHOW+DATABASES")[0] for run in (one, other)] == [200, 200]


def _self_signed(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for localhost, and its key in a file that only we may read."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(pem))
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (folder / "key.pem").chmod(0o600)
    return folder / "certificate.pem", folder / "key.pem"


def test_influxd_speaks_https_with_a_key_that_only_we_may_read(tmp_path: Path) -> None:
    certificate, key = _self_signed(tmp_path)
    with parts.influxdb(certificate=certificate, key=key, settings={"http": {"max-row-limit": 5}}) as run:
        trust = ssl.create_default_context(cafile=certificate)
        assert run.url.startswith("https://127.0.0.1:")
        assert _ask(run, "/ping", trust)[0] == 204


def test_an_attached_part_ends_with_its_stdin() -> None:
    command = [sys.executable, str(ROOT / "tools" / "parts"), "start", "influxdb", "--json", "--attached"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        assert child.stdin
        told = json.loads(child.stdout.readline())
        assert told["url"].startswith("http://127.0.0.1:")
        child.stdin.close()
        assert child.wait(30) == 0
    assert not Path(told["folder"]).exists()


def test_parallel_fetches_into_an_empty_cache_do_not_collide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKYKEY_PARTS_CACHE", str(tmp_path))
    command = [sys.executable, str(ROOT / "tools" / "parts"), "fetch", "influxdb"]

    def fetch(_: int) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(command, capture_output=True, text=True, check=False)

    with ThreadPoolExecutor(3) as threads:
        done = list(threads.map(fetch, range(3)))
    assert [one.returncode for one in done] == [0, 0, 0], done
    assert len({one.stdout for one in done}) == 1
    assert sum("checked against apt" in one.stderr for one in done) == 1


def test_the_guest_is_the_pinned_one() -> None:
    python = parts.guest("rubin-nights")
    code = "import importlib.metadata as m, rubin_nights; print(m.version('rubin-nights'))"
    assert subprocess.check_output([python, "-c", code], text=True).strip() == "0.18.2"
