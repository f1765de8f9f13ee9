"""G5: a statement that the server killed. Whoever sends it again makes what was too much for the server more."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgpack
import pytest

from skykey.testing.faults import Reply
from skykey.testing.faults_proxy import FaultProxy
from skykey.values.errors import Overloaded, QueryError, ServiceError
from tests.reliability import naive_rubin
from tests.tables.test_rows import MSGPACK, answering, client_at, document, read_async, read_sync
from tests.wire.askers import FastClock
from tests.wire.server import serving

STATEMENT = "SELECT mean(x) FROM t"


def says(*documents: Any, status: int = 200) -> Reply:
    body = b"".join(one if isinstance(one, bytes) else msgpack.packb(one) for one in documents)
    return Reply(status, body, {"Content-Type": MSGPACK})


ROWS = document(0, 1000, partial=True)
# In every place where 1.6.7 puts such an error.
KILLS: dict[str, Reply] = {
    "at once": says({"results": [{"error": "query killed"}]}),
    "at once, for the whole request": says({"error": "query killed"}),
    "behind rows": says(ROWS, {"results": [{"error": "query-timeout limit exceeded"}]}),
    "behind rows, for the whole request": says(ROWS, {"error": "query interrupted"}),
    "beside rows": says(ROWS, msgpack.unpackb(document(0, 3, partial=False)) | {"error": "query killed"}),
    "too large": says({"results": [{"statement_id": 0, "error": "max-select-point limit exceeded"}]}),
    "as 400": says({"error": "query killed"}, status=400),
    "as 500": says({"error": "query killed"}, status=500),
}
CLIENTS: dict[str, Callable[[str], Any]] = {
    "query": lambda url: client_at(url).query(STATEMENT),
    "query, async": lambda url: asyncio.run(client_at(url).async_query(STATEMENT)),
    "long query": lambda url: client_at(url).query(f"SELECT mean(x), {', '.join(['max(x)'] * 600)} FROM t"),  # a POST
    "stream": lambda url: read_sync(client_at(url), []),
    "stream, async": lambda url: read_async(client_at(url), []),
    "topics": lambda url: client_at(url).get_topics(),
}


@pytest.mark.parametrize("client", CLIENTS)
def test_g5_a_killed_statement_is_sent_once(client: str) -> None:
    counts = []
    with serving(answering(document(0, 10, partial=False))) as server, FaultProxy(server.url) as proxy:
        for name, kill in KILLS.items():
            proxy.forget()
            skip = 2 if "stream" in client else 0  # the schema comes first
            proxy.fault(kill, times=None, skip=skip)
            with pytest.raises(QueryError if kill.status != 500 else ServiceError) as caught:
                CLIENTS[client](proxy.url)
            assert str(caught.value.words).split()[-1] in {"killed", "exceeded", "interrupted"}, name
            counts.append(len(proxy.seen) - skip)
            proxy.reset()
    print(f"G5 {client}: killed in {len(counts)} ways, requests {counts}")
    assert counts == [1] * len(KILLS)


def test_g5_a_statement_that_found_no_room_waits_longer_each_time() -> None:
    """It was not begun, so that it costs nothing to come back; the observatory asks to do so slowly."""
    full = says({"results": [{"statement_id": 0, "error": "max-concurrent-queries limit exceeded(150, 150)"}]})
    with serving(answering(document(0, 10, partial=False))) as server, FaultProxy(server.url) as proxy:
        client = client_at(proxy.url)
        client._clock = clock = FastClock()
        proxy.fault(full, times=2)
        assert len(client.query(STATEMENT)) == 10
        proxy.fault(full, times=None)
        with pytest.raises(Overloaded, match="no room") as caught:
            client.query(STATEMENT)
    print(f"G5 no room: {len(proxy.seen)} requests, waits {clock.waits}")
    assert "max-concurrent-queries" in str(caught.value.words)
    assert len(proxy.seen) == 3 + 4
    assert clock.waits[2] < clock.waits[3] < clock.waits[4]


def test_g5_a_naive_client_fails() -> None:
    """One that asks again while nothing comes, because a failure and no rows look the same."""
    with serving(answering(document(0, 10, partial=False))) as server, FaultProxy(server.url) as proxy:
        proxy.fault(
            Reply(200, b'{"results": [{"error": "query killed"}]}', {"Content-Type": "application/json"}), times=None
        )
        client = naive_rubin.Client("", url=proxy.url)
        frame = client.query(STATEMENT)
        for _ in range(3):
            if not len(frame):
                frame = client.query(STATEMENT)
        client.close()
        print(f"G5 naive: {len(proxy.seen)} requests, {len(frame)} rows, no error")
        assert len(proxy.seen) > 1
