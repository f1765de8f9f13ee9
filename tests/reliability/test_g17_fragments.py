"""G17: pieces of query languages in places where a name is meant. Quoted or refused; none changes what is asked."""

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import pytest

from skykey.calls.call import Repeat
from skykey.rubin import influxql
from skykey.rubin.influx_database import tag
from skykey.sandbox import Box
from skykey.sandbox.influxdb import influxql as servers  # reads statements, written independently
from skykey.sandbox.influxdb.errors import RefusedError
from skykey.testing.faults_proxy import FaultProxy
from skykey.values.errors import UnknownName, UsageError
from tests.reliability import naive_rubin
from tests.reliability.test_g_matrix_rubin import blocking_client
from tests.tables.test_rows import MSGPACK, client_at, listing
from tests.wire.server import Answer, Seen, reply, serving

FRAGMENTS = (
    # InfluxQL
    '"; DROP MEASUREMENT "m',
    '"; DROP DATABASE efd; --',
    "m; DROP DATABASE efd",
    'm" WHERE time > 0 OR "a" = "a',
    'm" LIMIT 1 --',
    'm" GROUP BY * --',
    'm", "n',
    'm"."n',
    '".."m',
    'efd"."autogen"."m',
    'm" /* ',
    "*/ DROP DATABASE efd /*",
    "*/; KILL QUERY 1; /*",
    "/* m",
    "-- m",
    "m -- comment",
    'm" INTO "n',
    'x" INTO "y" FROM "z',
    "mean(x)",
    "x::integer",
    "/.*/",
    "=~ /.*/",
    "*",
    '*"',
    '"*',
    "time",
    "$name",
    ":name",
    "now() - 1h",
    "a = 'b'",
    "'; SHOW USERS; '",
    "x' OR 'a' = 'a",
    # quotes and escapes
    '"',
    '""',
    "'",
    "\\",
    '\\"',
    '\\\\"',
    '\\"; DROP DATABASE efd; --',
    "a\\",
    'a\\n" FROM "b',
    "\u201c; DROP DATABASE efd\u201d",
    "\uff02; DROP DATABASE efd",
    # control characters
    "m\nDROP DATABASE efd",
    "m\r\nDROP DATABASE efd",
    "m\x00",
    "m\x1b[2K",
    "m\u2028DROP DATABASE efd",
    # SQL, ADQL, URLs
    "1; SELECT pg_sleep(10)",
    "x UNION SELECT password FROM users",
    "m&db=other&q=SHOW+USERS",
    "m#",
    "m%22%3B%20DROP",
    "../../write",
    "",
)


def read(statement: str) -> servers.Statement:
    """What the second parser makes of it: one statement, or an error."""
    (found,) = servers.parse(statement)
    return found


def outcome(write: Callable[[], str], means: Callable[[servers.Statement], bool]) -> str:
    try:
        statement = write()
    except UsageError:
        return "refused"
    try:
        return "quoted" if means(read(statement)) else f"CHANGED: {statement}"
    except (RefusedError, ValueError) as problem:
        return f"BROKEN: {statement} ({problem})"


def as_topic(name: str) -> tuple[Callable[[], str], Callable[[servers.Statement], bool]]:
    expected = servers.Select(("f",), servers.Source("", "", name))
    return lambda: influxql.select(name, ["f"]), lambda found: found == expected


def as_field(name: str) -> tuple[Callable[[], str], Callable[[servers.Statement], bool]]:
    expected = servers.Select((name, "f", name), servers.Source("", "", "m"))
    return lambda: influxql.select("m", [name, "f", name]), lambda found: found == expected


def as_latest(name: str) -> tuple[Callable[[], str], Callable[[servers.Statement], bool]]:
    def means(found: servers.Statement) -> bool:
        return isinstance(found, servers.Select) and (found.source.measurement, found.limit, len(found.where)) == (
            name,
            3,
            2,
        )

    return lambda: influxql.select(name, [], until=0, index=1, latest=3), means


def as_shown(name: str) -> tuple[Callable[[], str], Callable[[servers.Statement], bool]]:
    expected = servers.Show("field keys", servers.Source("", "", name))
    return lambda: f"SHOW FIELD KEYS FROM {influxql.name(name)}", lambda found: found == expected


PLACES = {"topic": as_topic, "field": as_field, "latest": as_latest, "show": as_shown}


@pytest.mark.parametrize("place", PLACES)
def test_g17_a_fragment_in_a_name_is_a_name_or_refused(place: str) -> None:
    outcomes = {fragment: outcome(*PLACES[place](fragment)) for fragment in FRAGMENTS}
    counts = {kind: list(outcomes.values()).count(kind) for kind in ("quoted", "refused")}
    print(f"G17 {place}: {len(FRAGMENTS)} fragments: {counts}")
    assert len(set(FRAGMENTS)) >= 50
    assert {fragment: found for fragment, found in outcomes.items() if found not in {"quoted", "refused"}} == {}
    assert counts["refused"] == 6  # control characters, and nothing at all
    # What is written is read as the plain statement that it is: it is asked for again, and its columns are known.
    for fragment, found in outcomes.items():
        if found == "quoted":
            statement = PLACES[place](fragment)[0]()
            assert influxql.repeat(statement) is not Repeat.NEVER


def database(seen: Seen) -> Answer:
    """Every fragment is a topic here with every fragment as a field."""
    form = parse_qs(seen.target.partition("?")[2] or seen.body.decode(), keep_blank_values=True)
    assert set(form) == {"db", "epoch", "chunked", "chunk_size", "q"}
    if "SHOW FIELD KEYS" in form["q"][0]:
        return listing([[name, "float"] for name in (*FRAGMENTS, "salIndex")], "fieldKey", "fieldType")
    if "SHOW TAG KEYS" in form["q"][0]:
        return listing([], "tagKey")
    return reply(200, b"\x81\xa7results\x91\x81\xacstatement_id\x00", Content_Type=MSGPACK)


def test_g17_what_reaches_the_server_is_one_statement_of_the_asked_kind() -> None:
    methods: dict[str, Callable[[Any, str], Any]] = {
        "select_time_series": lambda client, name: client.select_time_series(
            name, [name], "2026-01-01", "2026-01-02", 1
        ),
        "select_top_n": lambda client, name: client.select_top_n(name, [name], 3),
        "get_fields": lambda client, name: client.get_fields(name),
        "async_select_time_series": lambda client, name: asyncio.run(
            client.async_select_time_series(name, [name], "2026-01-01", "2026-01-02")
        ),
    }
    with serving(database) as server:
        for method, ask in methods.items():
            sent = refused = 0
            for fragment in FRAGMENTS:
                server.seen.clear()
                client = client_at(server.url)
                client.query_tag = tag(fragment)  # who asks stands in front, in a comment
                try:
                    ask(client, fragment)
                except UsageError:
                    refused += 1
                for seen in server.seen:
                    form = parse_qs(seen.target.partition("?")[2] or seen.body.decode())
                    found = read(form["q"][0])
                    assert found.source is not None
                    assert (form["db"], found.source) == (["efd"], servers.Source("", "", fragment)), form["q"][0]
                    sent += 1
            print(f"G17 {method}: {len(FRAGMENTS)} fragments: {sent} statements, all of one meaning; {refused} refused")
            # Of a selection also "time", which is no field.
            assert refused == (6 if method == "get_fields" else 7)


def test_g17_a_site_says_that_there_is_no_such_topic(box: Box) -> None:
    with FaultProxy(box.site_url) as proxy:
        client = blocking_client(proxy.url, box.token)
        for fragment in FRAGMENTS:
            for ask in (
                lambda name: client.select_time_series(name, "*", "2026-01-01", "2026-01-02"),
                client.get_fields,
            ):
                with pytest.raises(UsageError) as caught:
                    ask(fragment)
                assert isinstance(caught.value, UnknownName) or not fragment.isprintable() or not fragment
        assert {seen.status for seen in proxy.seen} == {200}  # none of them is even an error of grammar


def test_g17_numbers_and_times_are_not_texts() -> None:
    client = client_at("http://127.0.0.1:9")
    for fragment in FRAGMENTS:
        for bounds in ((fragment, "2026-01-02"), ("2026-01-01", fragment)):
            with pytest.raises(UsageError):
                client.select_time_series("m", "*", *bounds)
        with pytest.raises(ValueError):  # noqa: PT011 - Python's own, or ours, which is one
            client.select_time_series("m", "*", "2026-01-01", "2026-01-02", fragment)  # type: ignore[arg-type]


def test_g17_a_naive_client_fails() -> None:
    harmed = []
    with serving(lambda _: reply(200, "{}")) as server:
        client = naive_rubin.Client("", timeout=5, url=server.url)
        for fragment in FRAGMENTS:
            server.seen.clear()
            client.select(fragment, [fragment], "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")
            (seen,) = server.seen
            statement = parse_qs(seen.target.partition("?")[2])["q"][0]
            try:
                found = read(statement)
                if not isinstance(found, servers.Select) or found.source.measurement != fragment:
                    harmed.append(fragment)
            except (RefusedError, ValueError):
                harmed.append(fragment)
        client.close()
    print(f"G17 naive: {len(harmed)} of {len(FRAGMENTS)} fragments change or break the statement")
    assert len(harmed) >= 10
