"""G10: a small compressed answer that unpacks to gigabytes."""

import functools
import json
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.wire.server import Seen, Server, reply, serving

LIMIT = 64 * 2**20
UNPACKED = 320 * 2**20
# A MessagePack document that announces a text of 4 GiB, and begins it.
PACKED = b"\x81\xa7results\xdb\xff\xff\xff\xff"

PROGRAM = """
import json, re, sys
sys.path.insert(0, sys.argv[3])
from tests.reliability import test_g10_bombs as bombs

def peak():  # of this program alone; ru_maxrss would begin with its parent's
    with open("/proc/self/status") as status:
        return int(re.search("VmHWM: *([0-9]+)", status.read().replace(chr(9), ""))[1]) * 1024

client = bombs.CLIENTS[sys.argv[1]]
client(sys.argv[2] + "/small")
before, outcome = peak(), None
try:
    client(sys.argv[2] + "/bomb")
except Exception as problem:
    outcome = type(problem).__name__ + ": " + str(problem)
print(json.dumps([peak() - before, outcome]))
"""


def core(url: str) -> None:
    from tests.wire.askers import Asker, get

    Asker().ask(get(url))


def core_async(url: str) -> None:
    import asyncio

    from tests.wire.askers import AsyncAsker, get

    asyncio.run(AsyncAsker().ask(get(url)))


def repertoire(url: str) -> None:
    from skykey.repertoire import SyncDiscoveryClient

    SyncDiscoveryClient(base_url=url).discovery()


def through(library: str, url: str) -> None:
    import asyncio
    import importlib

    from skykey.repertoire import DiscoveryClient

    async def main() -> None:
        async with importlib.import_module(library).AsyncClient() as guest:
            await DiscoveryClient(guest, base_url=url).discovery()

    asyncio.run(main())


def influxdb(url: str) -> None:
    from tests.tables.test_rows import client_at

    client_at(url).query("SHOW DATABASES")


def refused(url: str) -> None:
    """The explanation of a refusal is an answer too."""
    from tests.wire.askers import Asker, get

    Asker().ask(get(url.replace("/bomb", "/refused")))


def naive(url: str) -> None:
    import tests.reliability.naive as program

    program.fetch(url)


CLIENTS = {
    "core": core,
    "core-async": core_async,
    "repertoire": repertoire,
    "httpx": lambda url: through("httpx", url),
    "httpx2": lambda url: through("httpx2", url),
    "influxdb": influxdb,
    "refused": refused,
    "naive": naive,
}


def bomb(seen: Seen) -> Iterator[bytes] | bytes:
    if seen.path.startswith("/small"):
        if "query" in seen.path:
            return reply(200, b"\x81\xa7results\x91\x81\xacstatement_id\x00", Content_Type="application/x-msgpack")
        return reply(200, "{}", Content_Type="application/json")
    return flood(seen)


def flood(seen: Seen) -> Iterator[bytes]:
    kind, first = ("application/x-msgpack", PACKED) if "query" in seen.path else ("application/json", b"")
    status = 400 if "refused" in seen.path else 200
    lines = [f"HTTP/1.1 {status} X", f"Content-Type: {kind}", "Content-Encoding: gzip", "Connection: close", "", ""]
    yield "\r\n".join(lines).encode()
    yield compressed(first)


@functools.cache
def compressed(first: bytes) -> bytes:
    """One gzip member of some hundred kilobytes."""
    squeeze = zlib.compressobj(9, wbits=31)
    pieces = [squeeze.compress(first)]
    pieces += [squeeze.compress(bytes(2**20)) for _ in range(UNPACKED // 2**20)]
    return b"".join([*pieces, squeeze.flush()])


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving(bomb) as made:
        yield made


def growth(client: str, server: Server, root: Path) -> tuple[int, str | None]:
    command = [sys.executable, "-c", PROGRAM, client, server.url, str(root)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    grown, outcome = json.loads(done.stdout)
    return int(grown), outcome


@pytest.mark.parametrize("client", [name for name in CLIENTS if name != "naive"])
def test_g10_a_bomb_is_stopped(client: str, server: Server, pytestconfig: pytest.Config) -> None:
    grown, outcome = growth(client, server, pytestconfig.rootpath)
    print(f"G10 {client}: +{grown / 2**20:.0f} MB, {outcome}")
    assert outcome is not None
    assert "larger than" in outcome or client in {"influxdb", "refused"}
    assert grown <= LIMIT


def test_g10_a_naive_client_fails(server: Server, pytestconfig: pytest.Config) -> None:
    grown, outcome = growth("naive", server, pytestconfig.rootpath)
    print(f"G10 naive: +{grown / 2**20:.0f} MB, {outcome}")
    assert grown > LIMIT
