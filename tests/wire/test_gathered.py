"""Small pieces of an answer come together, and none is held back or lost for it."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from skykey.values.deadline import Deadline
from skykey.values.errors import Interrupted, TransportError
from skykey.values.url import Url
from skykey.wire.pools import PROCESS_POOLS
from skykey.wire.request import Request
from tests.wire.server import Answer, Seen, serving

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def pieces(answer: Answer) -> tuple[list[bytes], TransportError | None]:
    """What is read, piece by piece, and how it ends."""
    with ExitStack() as stack:
        server = stack.enter_context(serving(lambda _: answer))
        exchange = PROCESS_POOLS.send(Request("GET", Url(server.url)), Deadline.after(20))
        stack.callback(exchange.close)
        time.sleep(0.2)  # so that all of it is here
        found: list[bytes] = []
        try:
            while (piece := exchange.read()) is not None:
                found.append(piece)
        except TransportError as problem:
            return found, problem
        return found, None


def test_thousands_of_small_pieces_are_not_handed_up_one_by_one() -> None:
    body = [f"{n:>10}".encode() for n in range(5000)]
    found, problem = pieces(iter([HEAD + b"".join(map(chunk, body)) + END]))
    assert problem is None
    assert b"".join(found) == b"".join(body)
    print(f"{len(body)} pieces came as {len(found)}")
    assert len(found) <= len(body) // 2


def test_what_came_before_a_cut_is_handed_out_first() -> None:
    body = [b"x" * 100 for _ in range(300)]
    found, problem = pieces(iter([HEAD + b"".join(map(chunk, body)) + b"ff\r\nonly this"]))
    assert isinstance(problem, Interrupted)
    assert b"".join(found) == b"".join(body) + b"only this"


def test_a_piece_is_not_held_back_for_the_next_one() -> None:
    """A server may wait for what its reader does with the first."""
    taken = threading.Event()
    waited: list[bool] = []

    def answer(_: Seen) -> Iterator[bytes]:
        yield HEAD + chunk(b"first")
        waited.append(taken.wait(10))
        yield chunk(b"second") + END

    with serving(answer) as server:
        exchange = PROCESS_POOLS.send(Request("GET", Url(server.url)), Deadline.after(20))
        assert exchange.read() == b"first"
        taken.set()
        assert exchange.read() == b"second"
        assert exchange.read() is None
        exchange.close()
    assert waited == [True]


@pytest.mark.parametrize("count", [1, 2, 50])
def test_the_connection_is_used_again_when_all_was_read(count: int) -> None:
    answer = HEAD + b"".join(chunk(b"x") for _ in range(count)) + END
    with serving(lambda _: answer) as server:
        for _ in range(3):
            exchange = PROCESS_POOLS.send(Request("GET", Url(server.url)), Deadline.after(20))
            while exchange.read() is not None:
                pass
            exchange.close()
        assert server.connections == 1
