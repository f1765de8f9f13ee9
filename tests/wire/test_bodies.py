"""What goes out: whole, again from its start when it is sent again, in memory that does not grow, or not to its end."""

import asyncio
import hashlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from skykey.calls.call import Call, Repeat
from skykey.calls.multipart import FileChanged, Multipart, Part
from skykey.values.errors import ServiceError, TimedOut
from skykey.values.progress import Progress, watched
from skykey.values.secret import Secret
from skykey.wire.guest import GuestClient
from skykey.wire.request import Timeouts
from tests.calls.test_multipart import CHANGES, PIECE, made
from tests.wire.askers import Asker, AsyncAsker, FastClock, get, renewable
from tests.wire.server import Authority, Seen, _Listening, reply, serving

SIZE = 3 * PIECE + 7
ROOT = Path(__file__).parents[2]


class Performer:
    def __init__(self, face: str) -> None:
        self.face = face
        self.clock = FastClock()

    def __call__(self, call: Call[Any]) -> Any:
        if self.face == "sync":
            asker = Asker()
            asker._clock = self.clock
            return asker.ask(call)
        return asyncio.run(self._soon(call))

    async def _soon(self, call: Call[Any]) -> Any:
        asker = AsyncAsker()
        asker._clock = self.clock
        if self.face == "async":
            return await asker.ask(call)
        async with httpx.AsyncClient() as client:
            asker._carrier = GuestClient(client)
            return await asker.ask(call)


@pytest.fixture(params=["sync", "async", "a client that was brought"])
def perform(request: pytest.FixtureRequest) -> Performer:
    return Performer(request.param)


@pytest.fixture
def body(tmp_path: Path) -> Multipart:
    path = tmp_path / "file"
    path.write_bytes(os.urandom(SIZE))
    return Multipart([Part("message", "héllo"), Part("upload", path, "f.bin"), Part("tag", "x")])


def post(url: str, body: Any, **changes: Any) -> Call[bytes]:
    return get(url, method="POST", body=body, **changes)


def echo(seen: Seen) -> bytes:
    return reply(200, hashlib.sha256(seen.body).hexdigest())


def digest(body: Multipart) -> bytes:
    return hashlib.sha256(b"".join(body)).hexdigest().encode()


def test_a_form_arrives_as_it_is(perform: Performer, body: Multipart) -> None:
    with serving(echo) as server:
        assert perform(post(server.url, body)) == digest(body)
        assert server.seen[0].headers["content-length"] == str(body.size)
        assert "transfer-encoding" not in server.seen[0].headers
        assert perform(post(server.url, Multipart([]))) is not None
    assert server.connections <= 2


@pytest.mark.parametrize("sent", [b"", b"bytes", b"x" * 300_000, Secret("a secret \u00fc")])
def test_other_bodies_go_out_as_before(perform: Performer, sent: Any) -> None:
    with serving(echo) as server:
        perform(post(server.url, sent))
    expected = sent.reveal().encode() if isinstance(sent, Secret) else sent
    assert server.seen[0].body == expected
    assert server.seen[0].headers["content-length"] == str(len(expected))


class Nothing:
    """A body without a byte, and with empty pieces."""

    size = 0

    def __iter__(self) -> Iterator[bytes]:
        yield from (b"", b"")


def test_a_body_of_nothing_is_one(perform: Performer) -> None:
    with serving(echo) as server:
        perform(post(server.url, Nothing()))
    assert server.seen[0].headers["content-length"] == "0"


@pytest.mark.parametrize("status", [429, 503])
def test_after_a_no_it_is_sent_again_from_its_start(perform: Performer, body: Multipart, status: int) -> None:
    answers = [reply(status, Retry_After="1"), reply(status, Retry_After="2")]
    with serving(lambda seen: answers.pop(0) if answers else echo(seen)) as server:
        assert perform(post(server.url, body, repeat=Repeat.UNDONE)) == digest(body)
        assert {seen.body for seen in server.seen} == {b"".join(body)}
    assert perform.clock.waits == [1.0, 2.0]


def test_with_a_renewed_token_it_is_sent_again_from_its_start(perform: Performer, body: Multipart) -> None:
    def answer(seen: Seen) -> bytes:
        return echo(seen) if seen.headers["authorization"] == "Bearer token-2" else reply(401)

    with serving(answer) as server:
        keeper, _ = renewable(server.url)
        assert perform(post(server.url, body, auth=(keeper,))) == digest(body)
        assert [len(seen.body) for seen in server.seen] == [body.size] * 2


def test_where_it_is_redirected_to_it_is_sent_from_its_start(perform: Performer, body: Multipart) -> None:
    def answer(seen: Seen) -> bytes:
        return echo(seen) if seen.path == "/there" else reply(307, Location="/there")

    with serving(answer) as server:
        assert perform(post(server.url, body)) == digest(body)


def test_how_much_has_gone_is_told(perform: Performer, body: Multipart) -> None:
    told: list[Progress] = []
    with serving(echo) as server, watched(told.append):
        perform(post(server.url, body))
    assert (told[-1].moved, told[-1].size) == (body.size, body.size)


@pytest.mark.parametrize("after", [3, 4, 6])
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_file_that_changes_is_never_taken_for_a_whole_one(
    perform: Performer, change: Callable[[Path], None], after: int, tmp_path: Path
) -> None:
    changing = made(tmp_path, change, after)
    with serving(echo) as server:
        with pytest.raises(FileChanged):
            perform(post(server.url, changing, repeat=Repeat.SAFE))
        assert perform(post(server.url, b"and the next one")) is not None
        assert [seen.body for seen in server.seen] == [b"and the next one"]
        assert server.connections == 2


# -- a no while it is being sent

WORDS = b'{"error": "at most 1 MB"}'
NO = b"HTTP/1.1 413 X\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: 25\r\n\r\n" + WORDS


class Refusing(_Listening):
    """Says no as soon as it has seen the head, and then reads on for a while, or closes, or does nothing more."""

    def __init__(self, then: str, authority: Authority | None = None, first: bytes = b"") -> None:
        super().__init__()
        self.then, self.first = then, first
        self.read = 0
        self._tls = None if authority is None else authority.server()
        self.url = f"http{'s' if authority else ''}://127.0.0.1:{self.port}"

    def _talk(self, connection: socket.socket) -> None:
        if self._tls is None:
            self._refuse(connection)
        else:
            with self._encrypted(connection, self._tls) as encrypted:
                self._refuse(encrypted)

    def _refuse(self, connection: socket.socket) -> None:
        while b"\r\n\r\n" not in connection.recv(65536):
            pass
        connection.sendall(self.first + NO)
        if self.then == "does nothing":
            self.closing.wait(20)
        connection.settimeout(5)
        while self.then == "reads on" and (data := connection.recv(65536)):
            self.read += len(data)


@pytest.fixture
def large(tmp_path: Path) -> Multipart:
    with (tmp_path / "large").open("wb") as file:
        file.truncate(40_000_000)  # more than fits into buffers on the way
    return Multipart([Part("upload", tmp_path / "large", "large")])


@pytest.fixture(params=["plain", "tls"])
def tls(request: pytest.FixtureRequest, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Authority | None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.bundle))
    return authority if request.param == "tls" else None


@pytest.mark.parametrize(
    ("face", "then"),
    [("sync", "reads on"), ("sync", "closes"), ("async", "reads on"), ("async", "closes"), ("async", "does nothing")],
)
def test_a_no_that_comes_early_is_heard(face: str, then: str, tls: Authority | None, large: Multipart) -> None:
    for _ in range(5):
        with Refusing(then, tls) as server, pytest.raises(ServiceError) as caught:
            Performer(face)(post(server.url, large, timeouts=Timeouts(5, 5)))
        assert (caught.value.status, caught.value.words) == (413, WORDS.decode())
        assert server.connections == 1


def test_after_a_no_the_rest_is_not_sent_in_vain(large: Multipart) -> None:
    with Refusing("reads on") as server, pytest.raises(ServiceError):
        Performer("async")(post(server.url, large))
    print(f"{server.read} of {large.size} bytes were sent")
    assert server.read < large.size / 2


def test_a_word_on_the_way_is_no_answer(large: Multipart) -> None:
    """A 1xx says that all goes well so far."""

    class Patient(Refusing):
        def _refuse(self, connection: socket.socket) -> None:
            data = b""
            while b"\r\n\r\n" not in data:
                data += connection.recv(65536)
            connection.sendall(b"HTTP/1.1 102 Processing\r\n\r\n")
            self.read = len(data) - data.index(b"\r\n\r\n") - 4
            while self.read < large.size:
                self.read += len(connection.recv(65536))
            connection.sendall(reply(200, "ok"))
            self.closing.wait(20)

    for face in ("sync", "async"):
        with Patient("") as server:
            assert Performer(face)(post(server.url, large)) == b"ok"
            assert server.read == large.size


def test_a_service_that_takes_nothing_ends_with_its_time(large: Multipart) -> None:
    class Deaf(Refusing):
        def _refuse(self, connection: socket.socket) -> None:
            self.closing.wait(20)

    for face in ("sync", "async"):
        with Deaf("") as server, pytest.raises(TimedOut):
            Performer(face)(post(server.url, large, timeouts=Timeouts(5, 0.3)))


def test_what_is_called_off_while_it_is_sent_leaves_nothing(large: Multipart) -> None:
    class Deaf(Refusing):
        def _refuse(self, connection: socket.socket) -> None:
            self.closing.wait(20)

    async def main(url: str) -> None:
        task = asyncio.ensure_future(AsyncAsker().ask(post(url, large)))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(asyncio.all_tasks()) == 1

    with Deaf("") as server:
        asyncio.run(main(server.url))


# -- memory

SENDER = """
import asyncio, json, resource, sys
from skykey.calls.multipart import Multipart, Part
from tests.wire.askers import Asker, AsyncAsker, get
def most(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
def send(url, part):
    body = Multipart([Part("upload", part, "f")])
    call = get(url, method="POST", body=body)
    return Asker().ask(call) if sys.argv[3] == "sync" else asyncio.run(AsyncAsker().ask(call))
send(sys.argv[1], "a small one")
before = most()
from pathlib import Path
answer = send(sys.argv[1], Path(sys.argv[2]))
print(json.dumps([answer.decode(), most() - before]))
"""


class Counting(_Listening):
    """Reads and forgets."""

    def _talk(self, connection: socket.socket) -> None:
        while True:
            data = b""
            while b"\r\n\r\n" not in data:
                if not (piece := connection.recv(65536)):
                    return
                data += piece
            top, _, rest = data.partition(b"\r\n\r\n")
            (size,) = (int(line[15:]) for line in top.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            come = len(rest)
            while come < size:
                come += len(connection.recv(2**20))
            connection.sendall(reply(200, str(come)))


@pytest.mark.parametrize("face", ["sync", "async"])
def test_memory_does_not_grow_with_the_file(face: str, tmp_path: Path) -> None:
    path, size = tmp_path / "large", 200_000_000
    with path.open("wb") as file:
        file.truncate(size)
    with Counting() as server:
        command = [sys.executable, "-c", SENDER, f"http://127.0.0.1:{server.port}/", str(path), face]
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=60)
    come, grown = json.loads(done.stdout)
    print(f"{face}: {grown:.1f} MB more for a form of {size / 1e6:.0f} MB")
    assert int(come) > size
    assert grown < 16
