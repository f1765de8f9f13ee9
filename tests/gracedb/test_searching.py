"""Searches: every row once, none too many, no page too many, and no end that comes too soon."""

import asyncio
from typing import Any

import pytest

from skykey.gracedb.rest import AsyncGraceDb, GraceDb
from skykey.values.errors import OutOfReach, QueryError, UnknownName, Unreadable
from tests.gracedb.scripted import BOTH_FACES, Asker, Gracedb, answer, path, query
from tests.wire.server import Answer, Seen, reply

BOTH_LISTS = pytest.mark.parametrize(("kind", "name"), [("events", "graceid"), ("superevents", "superevent_id")])


class Server(Gracedb):
    """Has so many rows, and shows them in pages.

    Parameters
    ----------
    rows
        How many there are.
    size
        Of a page where none is asked for.
    largest
        Of any page.
    total
        What it says that there are.
    """

    def __init__(self, rows: int, *, size: int = 10, largest: int = 1000, total: int | None = None) -> None:
        super().__init__(self._handle)
        self.rows, self.size, self.largest = rows, size, largest
        self.total = rows if total is None else total
        self.has_next = True

    def _handle(self, seen: Seen) -> Answer:
        kind = "superevents" if "superevents" in seen.target else "events"
        asked = query(seen)
        start, size = int(asked.get("start", 0)), min(int(asked.get("count", self.size)), self.largest)
        end = min(start + size, self.rows)
        rows = [{"graceid": f"G{n}", "superevent_id": f"S{n}", "far": n} for n in range(start, end)]
        further = f"{self.url}{kind}/?start={end}&count={size}"
        links = {"next": further if end < self.rows and self.has_next else None}
        return answer({"numRows": self.total, kind: rows, "links": links})


@BOTH_FACES
@BOTH_LISTS
@pytest.mark.parametrize(
    ("rows", "count", "pages"), [(0, None, 1), (1, None, 1), (10, None, 1), (25, None, 3), (25, 7, 4)]
)
def test_a_row_is_missing_or_comes_twice(  # noqa: PLR0917 - one row of the table
    face: str, kind: str, name: str, rows: int, count: int | None, pages: int
) -> None:
    with Server(rows) as server:
        found = getattr(Asker(face, server.url), kind)(count=count)
        assert len(server.sent) == pages
    assert [int(row[name][1:]) for row in found] == list(range(rows))


@BOTH_FACES
@BOTH_LISTS
@pytest.mark.parametrize(
    ("most", "count", "sent"),
    [
        (0, None, []),
        (1, None, ["count=1"]),
        (10, None, ["count=10"]),
        (10, 5, ["count=5", "start=5&count=5"]),
        (12, 5, ["count=5", "start=5&count=5", "start=10&count=5"]),
        (5, 10, ["count=5"]),
        (2000, None, ["", "start=10&count=10", "start=20&count=10"]),
    ],
)
def test_more_is_asked_for_than_is_wanted(  # noqa: PLR0917 - one row of the table
    face: str, kind: str, name: str, most: int, count: int | None, sent: list[str]
) -> None:
    with Server(25) as server:
        found = getattr(Asker(face, server.url), kind)(max_results=most, count=count)
        assert [path(seen).partition("?")[2] for seen in server.asked] == sent
    assert [int(row[name][1:]) for row in found] == list(range(min(most, 25)))


@BOTH_FACES
def test_a_server_with_small_pages_gives_fewer_rows_than_wanted(face: str) -> None:
    with Server(25, largest=4) as server:
        assert len(Asker(face, server.url).events(max_results=9, count=9)) == 9
        assert len(server.sent) == 3


@pytest.mark.parametrize("kind", ["events", "superevents"])
def test_who_stops_early_asks_for_further_pages(kind: str) -> None:
    with Server(25) as server:
        found = getattr(GraceDb(server.url, force_noauth=True), kind)()
        assert (server.sent, server.roots) == ([], 0)
        assert next(found)["far"] == 0
        found.close()
        assert len(server.sent) == 1

        async def main() -> None:
            rows = getattr(AsyncGraceDb(server.url, force_noauth=True), kind)()
            async for _ in rows:
                break
            await rows.aclose()

        asyncio.run(main())
        assert len(server.sent) == 2


@BOTH_FACES
@BOTH_LISTS
def test_what_is_asked_is_written_otherwise_than_documented(face: str, kind: str, name: str) -> None:
    with Server(1) as server:
        getattr(Asker(face, server.url), kind)("far < 1e-7 & x", orderby=["-far", "id"], count=3)
        getattr(Asker(face, server.url), kind)("q", orderby="-far,id", count=3)
        getattr(Asker(face, server.url), kind)()
        assert [query(seen) for seen in server.asked] == [
            {"query": "far < 1e-7 & x", "count": "3", "sort": "-far,id"},
            {"query": "q", "count": "3", "sort": "-far,id"},
            {},
        ]


def test_columns_of_events_become_a_list_of_python() -> None:
    with Server(1) as server:
        client = Asker("sync", server.url)
        assert set(client.events(columns=["graceid", "far"])[0]) == {"graceid", "superevent_id", "far"}
        client.events(columns="graceid,far")
        assert [query(seen)["columns"] for seen in server.asked] == ["graceid,far"] * 2


@BOTH_FACES
@pytest.mark.parametrize("columns", [["superevent_id", "far"], "superevent_id, far", ("superevent_id", "far")])
def test_columns_of_superevents_are_left_to_the_server(face: str, columns: Any) -> None:
    with Server(2) as server:
        found = Asker(face, server.url).superevents(columns=columns)
        assert path(server.asked[0]) == "superevents/"
    assert found == [{"superevent_id": "S0", "far": 0}, {"superevent_id": "S1", "far": 1}]


def test_a_missing_column_is_none() -> None:
    with Server(1) as server, pytest.raises(KeyError, match=r"no column 'fars'.*\n.*did you mean far") as caught:
        Asker("sync", server.url).superevents(columns="superevent_id,fars")
    assert isinstance(caught.value, UnknownName)


@BOTH_FACES
@pytest.mark.parametrize("name", ["num_events", "num_superevents"])
def test_a_number_costs_a_whole_page(face: str, name: str) -> None:
    with Server(25) as server:
        assert getattr(Asker(face, server.url), name)("far < 1") == 25
        assert [query(seen) for seen in server.asked] == [{"query": "far < 1", "count": "1"}]


@pytest.mark.parametrize("more", [{"max_results": -1}, {"max_results": "3"}, {"count": 0}, {"count": 1.5}])
@BOTH_LISTS
def test_a_number_that_is_none_is_asked_for(kind: str, name: str, more: dict[str, Any]) -> None:
    with Server(1) as server, pytest.raises(ValueError, match=r"max_results|count|page"):
        getattr(Asker("sync", server.url), kind)(**more)
    assert server.sent == []


def test_an_argument_that_means_nothing_is_dropped_in_silence() -> None:
    with pytest.raises(TypeError, match="nonsense"):
        Asker("sync", "http://127.0.0.1:1/api/").events("far < 1", nonsense=3)


# -- pages that mislead


def paging(*nexts: str) -> Gracedb:
    """Pages whose links are as given; each has a row of its own."""

    def handler(seen: Seen) -> Answer:
        number = len(server.asked)
        further = nexts[number - 1].replace("URL/", server.url) if number <= len(nexts) else None
        return answer({"numRows": number, "events": [{"graceid": f"G{number}"}], "links": {"next": further}})

    server = Gracedb(handler)
    return server


@BOTH_FACES
@pytest.mark.parametrize(
    ("nexts", "requests"),
    [
        (["URL/events/"], 1),
        (["URL/events/?start=1", "URL/events/"], 2),
        (["URL/events/?start=1", "URL/events/?start=1"], 2),
        (["URL/events/?start=1", "URL/events/?start=2", "URL/events/?start=1"], 3),
    ],
)
def test_pages_in_a_circle_are_read_for_ever(face: str, nexts: list[str], requests: int) -> None:
    with paging(*nexts) as server, pytest.raises(Unreadable, match=r"circle.*events/"):
        Asker(face, server.url).events()
    assert len(server.sent) == requests


@BOTH_FACES
def test_a_server_that_gives_one_page_for_ever_is_read_for_ever(face: str) -> None:
    def handler(seen: Seen) -> Answer:
        further = f"{server.url}events/?start={len(server.asked)}"
        return answer({"numRows": 9, "events": [{"graceid": "G1"}], "links": {"next": further}})

    with Gracedb(handler) as server, pytest.raises(Unreadable, match="same page twice"):
        Asker(face, server.url).events()
    assert len(server.sent) == 2


@BOTH_FACES
def test_a_next_page_elsewhere_is_asked_for(face: str) -> None:
    with Gracedb() as other, paging(f"{other.url}events/") as server, pytest.raises(OutOfReach, match="next page"):
        Asker(face, server.url).events()
    assert other.sent == []


@pytest.mark.parametrize(
    "page", [[], "x", {}, {"events": None}, {"events": [1]}, {"superevents": []}, {"events": [], "links": {"next": 3}}]
)
@BOTH_FACES
def test_what_is_no_page_passes_for_an_empty_one(face: str, page: Any) -> None:
    with Gracedb(lambda _: answer(page)) as server, pytest.raises(Unreadable):
        Asker(face, server.url).events()


@pytest.mark.parametrize("links", [{}, {"next": None}, {"next": ""}, None])
def test_a_last_page_without_a_next_one_is_an_error(links: Any) -> None:
    with Gracedb(lambda _: answer({"events": [{"graceid": "G1"}], "links": links})) as server:
        assert Asker("sync", server.url).events() == [{"graceid": "G1"}]


@BOTH_FACES
def test_an_end_that_comes_too_soon_passes_for_the_whole(face: str) -> None:
    with Server(25) as server:
        server.has_next = False
        assert len(Asker(face, server.url).events()) == 25
        assert len(server.sent) == 3


def test_a_total_that_lags_behind_is_an_error() -> None:
    with Server(12, total=15) as server:
        assert len(Asker("sync", server.url).events()) == 12
        assert len(server.sent) == 3
    with Server(12, total=3) as server:
        assert len(Asker("sync", server.url).events()) == 12


@BOTH_FACES
def test_a_failure_in_the_middle_ends_the_search(face: str) -> None:
    def handler(seen: Seen) -> Answer:
        return reply(400, '{"error": "Invalid query"}') if "start" in seen.target else first(seen)

    with Server(25) as server:
        first, server.handler = server._handle, handler
        with pytest.raises(QueryError, match="Invalid query"):
            Asker(face, server.url).events()


def test_a_page_that_was_lost_ends_the_search() -> None:
    lost: list[Answer] = [None, reply(502)]

    def handler(seen: Seen) -> Answer:
        return lost.pop() if lost and "start=10" in seen.target else first(seen)

    with Server(25) as server:
        first, server.handler = server._handle, handler
        assert len(Asker("sync", server.url).events()) == 25


@BOTH_FACES
def test_a_server_without_superevents_is_asked_for_them(face: str) -> None:
    with Gracedb(without=("superevents",)) as server, pytest.raises(NotImplementedError, match="superevents"):
        Asker(face, server.url).superevents()
