"""G17: pieces of query languages in places where a name is meant. Quoted or refused; none changes what is asked."""

import asyncio
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import duckdb
import pytest

from skykey.calls.call import Repeat
from skykey.rubin import influxql
from skykey.rubin.consdb_query import ConsDbFastAPI, ConsDbTap
from skykey.rubin.influx_database import tag
from skykey.rubin.logging_query import NarrativeLogClient
from skykey.sandbox import Box
from skykey.sandbox.influxdb import influxql as servers  # reads statements, written independently
from skykey.sandbox.influxdb.errors import RefusedError
from skykey.testing.faults_proxy import FaultProxy
from skykey.values.errors import UnknownName, UsageError
from tests.reliability import databases, naive_databases, naive_rubin
from tests.reliability.test_g_matrix_rubin import blocking_client
from tests.rubin.scripted_consdb import ScriptedConsDb, rows_of
from tests.rubin.scripted_log import ScriptedLog, message
from tests.tables.test_rows import MSGPACK, client_at, listing
from tests.wire.server import Answer, Seen, as_json, reply, serving

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


# -- ConsDB: names, values and conditions in SQL


def tree(statement: str) -> Any:
    """What a second reader of SQL makes of it: one SELECT, or an error."""
    (found,) = duckdb.execute("select json_serialize_sql(?::varchar)", [statement]).fetchone() or ()
    document = json.loads(found)
    if document["error"]:
        raise RefusedError(document["error_message"])
    (only,) = document["statements"]
    return only["node"]


def sent_to_consdb(ask: Callable[[Any], Any]) -> str | None:
    """The statement that reaches the database behind the service's driver; None for what is refused before."""
    script = ScriptedConsDb(lambda _: rows_of(["visit_id"]))
    with serving(script) as server:
        try:
            ask(databases.made(ConsDbFastAPI, server.url))
        except UsageError:
            assert script.statements == []
            return None
    (statement,) = script.statements
    assert "%" not in statement.replace("%%", "")  # a single one would be a parameter of the driver's
    return statement.replace("%%", "%")


NAMED: dict[str, Callable[[Any, str], Any]] = {
    "get_visits": lambda client, name: client.get_visits(name),
    "query_ccdvisits": lambda client, name: client.query_ccdvisits(name, 1),
    "columns, instrument": lambda client, name: client.columns(name, "visit1"),
    "columns, table": lambda client, name: client.columns("lsstcam", name),
    "tables": lambda client, name: client.tables(name),
    "obs": lambda client, name: client.obs("lsstcam", name, 1),
}


def test_g17_a_fragment_is_no_name_of_consdb() -> None:
    """But for the two that are letters alone."""
    with serving(lambda _: reply(200, "{}")) as server:
        client = databases.made(ConsDbFastAPI, server.url)
        for method, ask in NAMED.items():
            refused = 0
            for fragment in FRAGMENTS:
                if fragment == "time":
                    continue
                with pytest.raises(UsageError):
                    ask(client, fragment)
                refused += 1
            print(f"G17 ConsDB {method}: {refused} fragments refused, {len(server.seen)} requests")
        for number in FRAGMENTS:
            for numbers in ((number,), (1, number), (1, 1, number)):
                with pytest.raises(UsageError):
                    client.query_ccdvisits("lsstcam", *numbers)
        assert server.seen == []


def test_g17_a_fragment_as_a_value_is_that_text_and_nothing_else() -> None:
    plain = tree("select v from t where a = 'x' and b in ('x', 'y') and c = 1")
    counts = {"quoted": 0, "refused": 0}
    for fragment in FRAGMENTS:
        values = {"a": fragment, "b": [fragment, "y"]}
        statement = sent_to_consdb(
            lambda client, values=values: client.query("select v from t where a = :a and b in :b and c = 1", values)
        )
        if statement is None:
            counts["refused"] += 1
            assert "\0" in fragment
            continue
        counts["quoted"] += 1
        found = tree(statement)
        assert shape(found) == shape(plain), statement
        alone = sent_to_consdb(lambda client, value=fragment: client.query("select :a as v", {"a": value}))
        assert alone is not None
        assert duckdb.execute(alone).fetchall() == [(fragment,)]
    print(f"G17 ConsDB values: {len(FRAGMENTS)} fragments: {counts}")
    assert counts == {"quoted": len(FRAGMENTS) - 1, "refused": 1}


def test_g17_a_fragment_as_a_value_of_tap_is_that_text_and_nothing_else() -> None:
    """In ADQL a percent sign stands alone."""
    counts = {"quoted": 0, "refused": 0}
    with serving(databases.site) as server:
        client = databases.made(ConsDbTap, server.url)
        for fragment in FRAGMENTS:
            server.seen.clear()
            try:
                client.query("select :a as v", {"a": fragment})
            except UsageError:
                counts["refused"] += 1
                assert not [seen for seen in server.seen if seen.path.endswith("/sync")]
                continue
            counts["quoted"] += 1
            (sent,) = [seen for seen in server.seen if seen.path.endswith("/sync")]
            form = parse_qs(sent.body.decode(), keep_blank_values=True, strict_parsing=True)
            assert {name.upper() for name in form} <= {"REQUEST", "LANG", "QUERY", "RESPONSEFORMAT", "MAXREC"}
            assert duckdb.execute(form["QUERY"][0]).fetchall() == [(fragment,)]
            for ask in (client.get_visits, lambda name: client.query_ccdvisits(name, 1)):
                if fragment != "time":
                    with pytest.raises(UsageError):
                        ask(fragment)
    print(f"G17 TAP values: {len(FRAGMENTS)} fragments: {counts}")
    assert counts["quoted"] >= 50


def test_g17_a_fragment_as_a_condition_stays_one_condition() -> None:
    """Bounds and order stand as they did, whatever stands in the parentheses; the database may refuse it."""
    counts = {"one condition": 0, "refused": 0, "refused by the database": 0}
    for fragment in FRAGMENTS:
        statement = sent_to_consdb(
            lambda client, text=fragment: client.get_visits("lsstcam", NOON, None, text, augment=False)
        )
        if statement is None:
            counts["refused"] += 1
            continue
        assert statement.endswith("order by visit1.visit_id")
        try:
            found = tree(statement)
        except RefusedError:
            counts["refused by the database"] += 1
            continue
        counts["one condition"] += 1
        assert found["modifiers"][0]["type"] == "ORDER_MODIFIER"
        condition = found["where_clause"]
        if fragment.strip():
            assert condition["type"] == "CONJUNCTION_AND", statement
            assert len(condition["children"]) == 2, statement
            condition = condition["children"][0]
        assert condition["type"] == "COMPARE_GREATERTHANOREQUALTO", statement
    print(f"G17 ConsDB conditions: {len(FRAGMENTS)} fragments: {counts}")
    assert counts["refused"] >= 10
    assert counts["one condition"] >= 5


NOON = "2026-03-20T12:00:00Z"


def shape(node: Any) -> Any:
    """A tree without its values and places in the text."""
    if isinstance(node, dict):
        left_out = {"query_location", "query_location_length", "literal", "value"}
        return {name: shape(value) for name, value in node.items() if name not in left_out}
    return [shape(each) for each in node] if isinstance(node, list) else node


# -- logs: parameters, fields and ids in URLs and JSON


def test_g17_a_fragment_in_a_logs_question_is_one_value_of_one_parameter() -> None:
    refused = 0
    with serving(ScriptedLog([])) as server:
        client = databases.made(NarrativeLogClient, server.url)
        plain = databases.made(NarrativeLogClient, server.url)
        plain.query(message_text="x", user_ids=["x", "y"])
        names = set(parse_qs(server.seen[0].target.partition("?")[2]))
        for fragment in FRAGMENTS:
            server.seen.clear()
            client.query(message_text=fragment, user_ids=[fragment, "y"])
            (seen,) = server.seen
            form = parse_qs(seen.target.partition("?")[2], keep_blank_values=True, strict_parsing=True)
            assert (set(form), seen.path) == (names, "/narrativelog/messages")
            assert (form["message_text"], form["user_ids"]) == ([fragment], [fragment, "y"])
            server.seen.clear()
            for ask in (
                lambda name: client.query({name: "x"}),
                lambda name: client.query(order_by=name),
                lambda name: client.query(tags=[name]),
                lambda name: client.query(min_level=name),
                lambda name: client.query_log(name, NOON),
                client.get_message,
                client.delete_message,
            ):
                if fragment == "time" and ask.__code__.co_names[-1:] == ("query",):
                    continue  # a tag may be called so
                with pytest.raises(UsageError):
                    ask(fragment)
                refused += 1
            assert server.seen == []
    print(f"G17 log: {len(FRAGMENTS)} fragments: each one value in one question, {refused} times refused elsewhere")


def test_g17_a_fragment_in_a_message_is_its_text() -> None:
    with serving(lambda seen: as_json(json.dumps(message(1) | json.loads(seen.body)))) as server:
        client = databases.made(NarrativeLogClient, server.url)
        for fragment in FRAGMENTS:
            added = client.add_message(fragment, user_id=fragment, is_human=True)
            sent = json.loads(server.seen[-1].body)
            assert (added["message_text"], sent["message_text"], sent["user_id"]) == (fragment,) * 3
    print(f"G17 log: {len(FRAGMENTS)} fragments written, each as it was")


def test_g17_a_naive_client_of_consdb_fails() -> None:
    harmed = []
    for fragment in FRAGMENTS:
        script = ScriptedConsDb(lambda _: rows_of(["visit_id"]))
        with serving(script) as server:
            client = naive_databases.Client(server.url, timeout=5)
            client.get_visits("lsstcam", 1.0, 2.0, f"band = '{fragment}'")
            client.close()
        try:
            where = tree(script.statements[-1])["where_clause"]["children"][-1]
            if where["type"] != "COMPARE_EQUAL" or where["right"]["literal"]["text"] != fragment:
                harmed.append(fragment)
        except (RefusedError, ValueError, KeyError, TypeError):
            harmed.append(fragment)
    print(f"G17 naive, ConsDB: {len(harmed)} of {len(FRAGMENTS)} fragments change or break the statement")
    assert {"'", "a = 'b'", "x' OR 'a' = 'a"} <= set(harmed)


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
