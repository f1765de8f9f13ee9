"""What users give the logs is checked before anything is sent, and sent as the services read it."""

import asyncio
import datetime as dt
import enum
import json
from collections.abc import Callable, Iterator
from typing import Any

import astropy.units as u
import numpy as np
import pandas as pd
import pytest
from astropy.time import Time
from hypothesis import given
from hypothesis import strategies as st

from skykey.rubin.logging_query import (
    AsyncExposureLogClient,
    AsyncNarrativeLogClient,
    AsyncNightReportClient,
    ExposureLogClient,
    LoggingServiceClient,
    NarrativeLogClient,
    NightReportClient,
)
from skykey.rubin.logs.paging import LEAST_PAGE, all_pages
from skykey.rubin.logs.services import LOGS
from skykey.sandbox import Box, running
from skykey.values.errors import (
    Forbidden,
    NotAuthenticated,
    QueryError,
    ServiceError,
    SkykeyError,
    UnknownName,
    Unreadable,
    UsageError,
)
from tests.rubin.scripted_log import AUTH, ScriptedLog, identity, message
from tests.wire.server import Answer, Seen, Server, as_json, reply, serving


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with running(tmp_path_factory.mktemp("sandbox")) as started:
        yield started


@pytest.fixture
def empty() -> Iterator[tuple[Server, ScriptedLog]]:
    script = ScriptedLog([])
    with serving(script) as server:
        yield server, script


class Level(enum.Enum):
    WARNING = 30


NAIVE = dt.datetime.fromisoformat("2025-06-20T12:00")

# -- every parameter

VALUES: dict[str, Any] = {
    "is_human": "either",
    "is_valid": False,
    "order_by": "-date_added",
    "offset": 1,
    "limit": 7,
    "registry": 1,
    "instrument": "LSSTCam",
    "exposure_flags": ["junk", "none"],
    "components_path": {"name": "Simonyi"},
    "exclude_components_path": ['{"name": "AuxTel"}'],
    "min_time_lost": 1.5,
    "max_time_lost": dt.timedelta(hours=1),
}


def value_for(name: str) -> Any:
    if name in VALUES:
        return VALUES[name]
    if name.startswith("has_"):
        return True
    if "day_obs" in name:
        return 20250621
    if "date" in name:
        return "2025-06-20T12:00:00"
    if name in {"min_level", "max_level", "min_seq_num", "max_seq_num"}:
        return 10
    return ["alpha", "beta"] if name.endswith("s") and name != "weather" else "alpha"


def ask(log: Any, **parameters: Any) -> Any:
    """Of the table of exposures through the client of the exposure log."""
    if log.path.endswith("exposures"):
        return lambda site, auth: ExposureLogClient(site, auth).query_exposures(
            parameters.pop("instrument", "LSSTCam"), **parameters
        )
    client = {"narrativelog": NarrativeLogClient, "exposurelog": ExposureLogClient, "nightreport": NightReportClient}
    return lambda site, auth: client[log.path.partition("/")[0]](site, auth).query(**parameters)


@pytest.mark.parametrize(
    ("log", "name"), [pytest.param(log, name, id=f"{log.path} {name}") for log in LOGS for name in log.parameters]
)
def test_the_service_understands_each_parameter(box: Box, log: Any, name: str) -> None:
    """Neither refused by it nor unknown to it: the sandbox answers 422 and 400 as the services do."""
    order = {"order_by": "-day_obs"} if name == "order_by" and "date_added" not in log.fields else {}
    ask(log, **({name: value_for(name)} | order))(box.site_url, ("user", box.token))


@pytest.mark.parametrize("log", LOGS, ids=lambda log: log.path)
def test_a_name_that_is_not_there_is_refused_with_near_ones_and_nothing_is_sent(
    empty: tuple[Server, ScriptedLog], log: Any
) -> None:
    server, _ = empty
    near = "min_day_obs" if "day_obs" in log.fields else "min_level"
    with pytest.raises(UnknownName) as caught:
        ask(log, **{near.replace("min_", "mn_"): 3})(server.url, AUTH)
    assert near in str(caught.value.next)
    assert isinstance(caught.value, ValueError)
    assert server.seen == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"limit": 1}, "2 or more"),
        ({"limit": 0}, "2 or more"),
        ({"offset": -1}, "0 or more"),
        ({"limit": True}, "whole number"),
        ({"min_level": "high"}, "whole number"),
        ({"min_level": 2.5}, "whole number"),
        ({"is_human": "maybe"}, "either"),
        ({"has_date_end": "either"}, "True or False"),
        ({"order_by": ["date_begin", "-date_ended"]}, "sort by"),
        ({"min_date_begin": "yesterday"}, "not a point in time"),
        ({"min_date_begin": pd.NaT}, "not a point in time"),
        ({"min_date_begin": np.datetime64("2025-06-20")}, "not a point in time"),
        ({"min_time_lost": -1}, "not less than 0"),
        ({"min_time_lost": float("nan")}, "seconds"),
        ({"tags": ["2nd"]}, "a tag is"),
        ({"user_ids": [3]}, "text is needed"),
        ({"components_path": "{"}, "dictionary"),
        ({"components_path": "[" * 100_000}, "dictionary"),
        ({"components_path": [["a"]]}, "dictionary"),
    ],
    ids=str,
)
def test_a_value_that_the_service_would_refuse_is_refused_before_it_is_sent(
    empty: tuple[Server, ScriptedLog], given: dict[str, Any], words: str
) -> None:
    server, _ = empty
    with pytest.raises(UsageError, match=words) as caught:
        NarrativeLogClient(server.url, AUTH).query(given)
    assert next(iter(given)) in str(caught.value)
    assert server.seen == []


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"is_human": True}, {"is_human": ["true"]}),
        ({"is_human": np.False_}, {"is_human": ["false"]}),
        ({"is_valid": "EITHER"}, {"is_valid": ["either"]}),
        ({"has_date_end": False}, {"has_date_end": ["false"]}),
        ({"min_level": np.int64(30)}, {"min_level": ["30"]}),
        ({"min_level": Level.WARNING}, {"min_level": ["30"]}),
        ({"user_ids": "ada"}, {"user_ids": ["ada"]}),
        ({"user_ids": ("ada", "bob")}, {"user_ids": ["ada", "bob"]}),
        ({"components": np.array(["a b", "ä&c"])}, {"components": ["a b", "ä&c"]}),
        ({"user_ids": []}, {}),
        ({"message_text": None}, {}),
        ({"tags": ["Clouds"]}, {"tags": ["clouds"]}),
        ({"components_path": {"name": "A", "children": []}}, {"components_path": ['{"name": "A", "children": []}']}),
        ({"min_time_lost": dt.timedelta(minutes=1, microseconds=5)}, {"min_time_lost": ["PT60.000005S"]}),
        ({"order_by": "-level"}, {"order_by": ["-level", "id"]}),
        ({"order_by": ["-id"]}, {"order_by": ["-id"]}),
        # The service's own clock is TAI; whoever names another scale or a zone means that one.
        ({"min_date_added": "2025-06-20 12:00:00.5"}, {"min_date_added": ["2025-06-20T12:00:00.500000"]}),
        ({"min_date_added": "2025-06-20T12:00:00Z"}, {"min_date_added": ["2025-06-20T12:00:37"]}),
        ({"min_date_added": NAIVE}, {"min_date_added": ["2025-06-20T12:00:00"]}),
        ({"min_date_added": dt.datetime(2025, 6, 20, 12, tzinfo=dt.UTC)}, {"min_date_added": ["2025-06-20T12:00:37"]}),
        ({"min_date_added": pd.Timestamp("2025-06-20T14:00+02:00")}, {"min_date_added": ["2025-06-20T12:00:37"]}),
        ({"min_date_added": Time("2025-06-20T12:00:00", scale="utc")}, {"min_date_added": ["2025-06-20T12:00:37"]}),
        ({"min_date_added": Time("2025-06-20T12:00:00", scale="tai")}, {"min_date_added": ["2025-06-20T12:00:00"]}),
        ({"min_date_added": "2025-06-20T12:00:00.000000001"}, {"min_date_added": ["2025-06-20T12:00:00.000001"]}),
    ],
    ids=str,
)  # fmt: skip
def test_values_are_sent_as_the_service_reads_them(
    empty: tuple[Server, ScriptedLog], given: dict[str, Any], sent: dict[str, list[str]]
) -> None:
    server, script = empty
    NarrativeLogClient(server.url, AUTH).query(given)
    NarrativeLogClient(server.url, AUTH).query(**given)
    paging = {"order_by": ["id"], "offset": ["0"], "limit": ["2000"]}
    assert script.asked == [paging | sent] * 2


def test_a_parameter_that_is_given_twice_is_not_guessed_at(empty: tuple[Server, ScriptedLog]) -> None:
    server, _ = empty
    with pytest.raises(UsageError, match="min_level"):
        NarrativeLogClient(server.url, AUTH).query({"min_level": 10}, min_level=20)
    with pytest.raises(UsageError, match="dictionary"):
        NarrativeLogClient(server.url, AUTH).query(["min_level"])  # type: ignore[arg-type]
    assert server.seen == []


# -- pages


def collected(flow: Any) -> Any:
    """The result of a flow that asks for nothing."""
    with pytest.raises(StopIteration) as end:
        next(flow)
    return end.value.value


def asking(script: ScriptedLog, order: list[str]) -> Callable[[int, int], Any]:
    def page(offset: int, limit: int) -> Any:
        yield from ()
        script._before(len(script.asked))
        script.asked.append({"offset": [str(offset)], "limit": [str(limit)]})
        return script.page(order, offset, limit)

    return page


DAYS = [f"2025-06-{day}" for day in (20, 21, 22)]


@given(
    st.lists(st.sampled_from(DAYS), max_size=40),
    st.integers(0, 5),
    st.integers(2, 45),
    st.integers(2, 7),
    st.sampled_from(["date_begin", "-date_begin"]),
)
def test_pages_give_each_row_once_in_order_whatever_ties_lie_on_their_edges(
    days: list[str], offset: int, limit: int, page: int, order: str
) -> None:
    script = ScriptedLog([message(number, day) for number, day in enumerate(days)])
    rows, truncated = collected(all_pages(asking(script, [order, "id"]), offset=offset, limit=limit, page=page))
    everything = script.page([order, "id"], offset, 1000)
    assert rows == everything[:limit]
    assert truncated is (len(everything) > limit)
    assert all(2 <= int(asked["limit"][0]) <= page for asked in script.asked)


@given(st.data())
def test_rows_that_come_and_go_meanwhile_make_no_gap_and_no_double(data: st.DataObject) -> None:
    """Of those that are there from beginning to end each comes exactly once, or nothing comes at all."""
    script = ScriptedLog([message(number * 10, data.draw(st.sampled_from(DAYS))) for number in range(20)])
    gone: set[str] = set()
    added: set[str] = set()

    def change(_: int) -> None:
        for _ in range(data.draw(st.integers(0, 2))):
            if data.draw(st.booleans()) and script.rows:
                gone.add(script.rows.pop(data.draw(st.integers(0, len(script.rows) - 1)))["id"])
            else:
                fresh = message(data.draw(st.integers(0, 10**6)) * 10 + 1, data.draw(st.sampled_from(DAYS)))
                if fresh["id"] not in added:
                    added.add(fresh["id"])
                    script.rows.append(fresh)

    script._before = change
    before = {row["id"] for row in script.rows}
    flow = all_pages(asking(script, ["date_begin", "id"]), offset=0, limit=1000, page=5)
    try:
        rows, _ = collected(flow)
    except Unreadable:
        return
    ids = [row["id"] for row in rows]
    assert len(ids) == len(set(ids))
    assert before - gone <= set(ids) <= before | added


def test_a_row_that_moves_to_a_later_page_comes_once() -> None:
    """A deleted message stays, with another date of its end; one that was added keeps the pages where they were."""
    script = ScriptedLog([message(number, f"2025-06-20T12:00:{number:02}") for number in range(10, 20)])

    def change(asked: int) -> None:
        if asked == 1:
            script.rows[0] |= {"date_begin": "2025-06-20T13:00:00"}
            script.rows.append(message(1, "2025-06-20T12:00:00"))

    script._before = change
    rows, _ = collected(all_pages(asking(script, ["date_begin", "id"]), offset=0, limit=1000, page=5))
    assert [row["id"] for row in rows] == [identity(number) for number in range(10, 20)]


@given(st.integers(0, 400), st.integers(LEAST_PAGE, 150), st.integers(0, 5), st.integers(2, 500), st.booleans())
def test_a_service_that_gives_less_at_once_than_was_asked_for_is_read_to_its_end(
    count: int, most: int, offset: int, limit: int, is_asked_twice: bool
) -> None:
    """What it gives at most need not be the same each time."""
    script = ScriptedLog([message(number, DAYS[number % 3]) for number in range(count)])
    whole = asking(script, ["date_begin", "id"])

    def capped(at: int, asked: int) -> Any:
        return (yield from whole(at, min(asked, most + is_asked_twice * (len(script.asked) % 3))))

    rows, truncated = collected(all_pages(capped, offset=offset, limit=limit, page=200))
    everything = script.page(["date_begin", "id"], offset, 1000)
    assert rows == everything[:limit]
    assert truncated is (len(everything) > limit)


def test_a_row_that_comes_twice_on_a_page_is_one() -> None:
    script = ScriptedLog([message(number // 2) for number in range(10)])
    rows, _ = collected(all_pages(asking(script, ["id"]), offset=0, limit=1000))
    assert [row["id"] for row in rows] == [identity(number) for number in range(5)]


@pytest.mark.parametrize(("count", "requests"), [(0, 1), (1, 1), (49, 1), (50, 2), (199, 2), (200, 2), (201, 3)])
def test_a_short_first_page_costs_a_second_question_only_where_it_may_be_cut(count: int, requests: int) -> None:
    """A service whose pages hold fifty rows or more has no more to say if there are fewer."""
    script = ScriptedLog([message(number) for number in range(count)])
    rows, _ = collected(all_pages(asking(script, ["id"]), offset=0, limit=1000, page=200))
    assert (len(rows), len(script.asked)) == (count, requests)


def test_many_rows_in_front_of_the_known_one_are_not_the_end() -> None:
    """They fill a whole page of a service that gives few at once; what was there before comes behind them."""
    script = ScriptedLog([message(number * 100) for number in range(120)])

    def change(asked: int) -> None:
        if asked == 1:
            script.rows += [message(4900 - number) for number in range(1, 50)]  # 4900 is the last of the first page

    script._before = change
    whole = asking(script, ["id"])
    rows, _ = collected(all_pages(lambda at, asked: whole(at, min(asked, 50)), offset=0, limit=1000, page=200))
    assert [row["id"] for row in rows] == [identity(number * 100) for number in range(120)]


@given(st.lists(st.booleans(), max_size=40), st.integers(2, 20), st.integers(2, 7))
def test_rows_that_the_client_leaves_out_do_not_count_towards_the_limit(
    wanted: list[bool], limit: int, page: int
) -> None:
    script = ScriptedLog([message(number, level=int(wants)) for number, wants in enumerate(wanted)])
    flow = all_pages(asking(script, ["id"]), offset=0, limit=limit, page=page, keep=lambda row: row["level"] == 1)
    rows, truncated = collected(flow)
    good = [row for row in script.rows if row["level"]]
    assert rows == good[:limit]
    assert truncated is (len(good) > limit)


@pytest.mark.parametrize("asynchronous", [False, True], ids=["blocking", "asynchronous"])
def test_a_service_that_repeats_its_page_for_ever_is_found_out(asynchronous: bool) -> None:
    page = json.dumps([message(number) for number in range(2000)])
    with serving(lambda _: as_json(page)) as server:
        client = NarrativeLogClient(server.url, AUTH)
        way = (lambda: asyncio.run(client.async_query())) if asynchronous else client.query
        with pytest.raises(Unreadable, match="same page"):
            way()
        assert len(server.seen) == 4  # read twice, and twice the page came again


@pytest.mark.parametrize("asynchronous", [False, True], ids=["blocking", "asynchronous"])
def test_all_pages_come_over_the_wire_and_the_limit_is_the_users(asynchronous: bool) -> None:
    script = ScriptedLog([message(number, DAYS[number % 3]) for number in range(4500)])
    with serving(script) as server:
        window = "2025-06-01T00:00Z", "2025-07-01T00:00Z"

        def asked(**more: Any) -> pd.DataFrame:
            if asynchronous:
                return asyncio.run(AsyncNarrativeLogClient(server.url, AUTH).query_log(*window, **more))
            return NarrativeLogClient(server.url, AUTH).query_log(*window, **more)

        whole = asked()
        assert whole["id"].is_unique
        assert len(whole) == 4500
        assert whole["date_begin"].is_monotonic_increasing
        assert whole.attrs["truncated"] is False
        assert len(script.asked) == 4  # the last says that there is nothing behind a short page
        assert all(asked["order_by"] == ["date_begin", "id"] for asked in script.asked)

        part = asked(limit=3000)
        assert part["id"].tolist() == whole["id"].tolist()[:3000]
        assert part.attrs["truncated"] is True
        assert "3000" in part.attrs["cut_by"]
        exact = asked(user_params={"limit": 4500})
        assert len(exact) == 4500
        assert exact.attrs["truncated"] is False


# -- failures


def raised(way: Callable[[], Any]) -> SkykeyError:
    with pytest.raises(SkykeyError) as caught:
        way()
    return caught.value


def failing(answer: Answer) -> Callable[[Seen], Answer]:
    return lambda _: answer


DETAIL = json.dumps(
    {"detail": [{"loc": ["query", "limit"], "msg": "ensure this value is greater than 1", "type": "x"}]}
)
REFUSALS = {
    "400": (as_json('{"detail": "Invalid order_by fields"}', 400), QueryError, "Invalid order_by fields"),
    "401": (reply(401, "", WWW_Authenticate='Bearer error="invalid_token"'), NotAuthenticated, "/auth/tokens"),
    "403": (
        reply(403, "", WWW_Authenticate='Bearer error="insufficient_scope", scope="exec:internal-tools"'),
        Forbidden,
        "exec:internal-tools",
    ),
    "422": (as_json(DETAIL, 422), QueryError, "limit: ensure this value is greater than 1"),
    "500": (reply(500, "Internal Server Error"), ServiceError, "500"),
    "login page": (reply(200, "<html>", Content_Type="text/html"), Unreadable, "login page"),
    "not JSON": (as_json("["), Unreadable, "JSON"),
    "an object": (as_json('{"detail": "no"}'), Unreadable, "promised"),
    "rows without id": (as_json("[{}]"), Unreadable, "promised"),
    "null": (as_json("null"), Unreadable, "promised"),
}


@pytest.mark.parametrize("asynchronous", [False, True], ids=["blocking", "asynchronous"])
@pytest.mark.parametrize("kind", REFUSALS)
def test_a_failure_is_an_error_in_the_services_words_and_never_an_empty_night(kind: str, asynchronous: bool) -> None:
    answer, error, words = REFUSALS[kind]
    window = "2025-06-20T12:00Z", "2025-06-21T12:00Z"
    with serving(failing(answer)) as server:
        ways: list[Callable[[], Any]] = [
            lambda: NarrativeLogClient(server.url, AUTH).query_log(*window),
            lambda: ExposureLogClient(server.url, AUTH).query_log(*window),
            lambda: NightReportClient(server.url, AUTH).query_night_report(20250620),
        ]
        if asynchronous:

            async def three() -> list[Any]:
                return await asyncio.gather(
                    AsyncNarrativeLogClient(server.url, AUTH).query_log(*window),
                    AsyncExposureLogClient(server.url, AUTH).query_log(*window),
                    AsyncNightReportClient(server.url, AUTH).query_night_report(20250620),
                    return_exceptions=True,
                )

            problems = asyncio.run(three())
        else:
            problems = [raised(way) for way in ways]
    for problem in problems:
        assert isinstance(problem, error)
        assert words in str(problem)


def test_a_failure_on_a_later_page_is_that_of_the_whole() -> None:
    script = ScriptedLog([message(number) for number in range(3000)])
    with serving(lambda seen: script(seen) if "offset=0" in seen.target else reply(500, "")) as server:
        with pytest.raises(ServiceError, match="500"):
            NarrativeLogClient(server.url, AUTH).query()
        assert len(script.asked) == 1


# -- documented names


def test_documented_names_are_there_and_harmless(empty: tuple[Server, ScriptedLog]) -> None:
    server, _ = empty

    async def main() -> None:
        for made in (
            NarrativeLogClient(server.url, AUTH),
            ExposureLogClient(server.url, AUTH),
            NightReportClient(server.url, AUTH),
        ):
            assert isinstance(made, LoggingServiceClient)
            await made.close_async()
            made.close()
            assert len(await made.async_query({})) == 0
            assert AUTH[1] not in repr(vars(made))

    asyncio.run(main())
    asyncio.run(main())  # another event loop


@pytest.mark.parametrize(
    ("made", "query", "name", "last", "bound"),
    [
        (NarrativeLogClient, "query", "date_begin", "2026-03-20T12:00:36.999999", "2026-03-20T12:00:37"),
        (ExposureLogClient, "query", "day_obs", 20260319, 20260320),
        (ExposureLogClient, "query_exposures", "day_obs", 20260319, 20260320),
        (NightReportClient, "query", "day_obs", 20260320, 20260321),
    ],
)
def test_what_lies_at_a_bound_is_in_the_second_of_two_stretches(  # noqa: PLR0917 - a case has so many parts
    box: Box, made: Any, query: str, name: str, last: Any, bound: Any
) -> None:
    """And only in it: nothing is lost and nothing comes twice where they meet."""
    ask = getattr(made(box.site_url, ("user", box.token)), query)
    instrument = ["LSSTCam"] if query == "query_exposures" else []
    below, above = (
        pd.DataFrame(ask(*instrument, **{f"{edge}_{name}": bound}))[name].dropna().tolist() for edge in ("max", "min")
    )
    assert (max(below), min(above)) == (last, bound)


def test_any_log_by_its_url(empty: tuple[Server, ScriptedLog]) -> None:
    server, script = empty
    script.rows = [message(1), message(2)]
    frame = LoggingServiceClient(f"{server.url}/narrativelog/messages", AUTH)
    assert frame.query({"min_level": 10})["id"].tolist() == [row["id"] for row in script.rows]
    listed = LoggingServiceClient(f"{server.url}/narrativelog/messages/", AUTH, results_as_dataframe=False)
    assert listed.query() == script.rows
    assert asyncio.run(listed.async_query(min_level=10)) == script.rows
    with pytest.raises(UsageError, match="no log"):
        LoggingServiceClient(f"{server.url}/elsewhere", AUTH)


def test_a_time_with_a_unit_of_its_own_is_no_point_in_time(empty: tuple[Server, ScriptedLog]) -> None:
    server, _ = empty
    with pytest.raises(UsageError):
        NarrativeLogClient(server.url, AUTH).query_log(3 * u.hour, "2025-06-21")
    assert server.seen == []


def test_rows_keep_to_their_kind(empty: tuple[Server, ScriptedLog]) -> None:
    server, script = empty
    script.rows = [message(1, level="high")]
    with pytest.raises(Unreadable, match="level"):
        NarrativeLogClient(server.url, AUTH).query()
