"""Statements: everything quoted, nothing rounded; and which of them are plain enough to know their columns."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skykey.calls.call import Repeat
from skykey.rubin import influxql
from skykey.rubin.influxql import Projection
from skykey.sandbox.influxdb import influxql as servers  # reads statements, written independently
from skykey.values.errors import UsageError

SECOND = 10**9


def test_exact_statements() -> None:
    assert influxql.select("m", []) == 'SELECT * FROM "m"'
    assert (
        influxql.select("lsst.sal.A", ["a", "b"], since=0, until=SECOND + 1, index=0)
        == 'SELECT "a", "b" FROM "lsst.sal.A" WHERE time >= \'1970-01-01T00:00:00.000000000Z\''
        " AND time <= '1970-01-01T00:00:01.000000001Z' AND salIndex = 0"
    )
    assert (
        influxql.select("m", ["a"], until=-1, latest=5)
        == 'SELECT "a" FROM "m" WHERE time <= \'1969-12-31T23:59:59.999999999Z\' GROUP BY * ORDER BY time DESC LIMIT 5'
    )


names = st.text(st.characters(exclude_categories=["C", "Z"]) | st.just(" "), min_size=1)


@given(names, st.lists(names, min_size=1), st.integers(-(2**62), 2**62), st.integers(-(10**6), 10**6))
def test_no_name_escapes_its_quotes(topic: str, fields: list[str], since: int, index: int) -> None:
    (read,) = servers.parse(influxql.select(topic, fields, since=since, index=index, latest=3))
    assert isinstance(read, servers.Select)
    assert read.source == servers.Source("", "", topic)
    assert read.columns == tuple(fields)
    assert [comparison.column for comparison in read.where] == ["time", "salIndex"]
    assert read.where[1].value == index
    assert (read.group_by, read.descending, read.limit) == ((servers.Star.STAR,), True, 3)


@pytest.mark.parametrize("name", ["", "a\nb", "a\x00", "a\x1b[31m", "\u2028"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="is not a name"):
        influxql.name(name)


@pytest.mark.parametrize("number", [1.5, -0.5])
def test_numbers_are_not_rounded(number: float) -> None:
    with pytest.raises(UsageError, match="not a whole number"):
        influxql.select("m", [], index=number)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="not a whole number"):
        influxql.select("m", [], latest=number)  # type: ignore[arg-type]
    assert influxql.select("m", [], index=2.0).endswith("salIndex = 2")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("SELECT * FROM m", Projection("m", (), by_tags=False)),
        ('select a, "b\\"c" from "m.n" where x = 1', Projection('"m.n"', ("a", 'b"c'), by_tags=False)),
        ("SELECT a FROM efd.autogen.m LIMIT 5", Projection("efd.autogen.m", ("a",), by_tags=False)),
        ('SELECT a FROM "efd".."m"', Projection('"efd".."m"', ("a",), by_tags=False)),
        (' /* who */ SELECT a\nFROM "m" /* why */ ;', Projection('"m"', ("a",), by_tags=False)),
        ("SELECT a FROM m GROUP BY * ORDER BY DESC", Projection("m", ("a",), by_tags=True)),
        ("SELECT a FROM m GROUP BY band", None),  # a tag that groups is a column, which one only its list says
        ("SELECT a FROM m GROUP BY band, *", None),
        ("SELECT mean(a) FROM m", None),
        ("SELECT a AS b FROM m", None),
        ("SELECT a + 1 FROM m", None),
        ("SELECT a FROM m, n", None),
        ("SELECT a FROM /m.*/", None),
        ("SELECT a FROM (SELECT a FROM m)", None),
        ("SELECT a::float FROM m", None),
        ("SELECT *, a FROM m", None),
        ("SELECT a FROM m; SELECT b FROM n", None),
        ("SHOW MEASUREMENTS", None),
        ("", None),
    ],
)
def test_projections(statement: str, expected: Projection | None) -> None:
    assert influxql.projection(statement) == expected


@given(names, st.lists(names), st.booleans())
def test_our_own_statements_are_plain(topic: str, fields: list[str], by_tags: bool) -> None:
    statement = influxql.select(topic, fields, since=0, latest=3 if by_tags else None)
    if "/*" not in statement:
        assert influxql.projection(statement) == Projection(influxql.name(topic), tuple(fields), by_tags)


def test_recognising_takes_no_time_for_any_text() -> None:
    began = time.monotonic()
    for text in (
        "SELECT " + "a," * 20_000,
        "SELECT a FROM " + "a." * 20_000,
        'SELECT "' + '\\"' * 20_000,
        "/*" * 20_000,
    ):
        assert influxql.projection(text) is None
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("SELECT a FROM m LIMIT 10", 10),
        ("select a from m limit 10 OFFSET 3 SLIMIT 2", 10),
        ("SELECT a FROM m LIMIT 10 tz('America/Santiago')", 10),
        ("SELECT a FROM (SELECT a FROM m LIMIT 3) LIMIT 10 TZ('UTC');", 10),
        ("SELECT a FROM (SELECT a FROM m LIMIT 3)", None),
        ("SELECT a FROM (SELECT a FROM (SELECT a FROM m LIMIT 3) WHERE (a > 1))", None),
        ("SELECT a FROM m GROUP BY * SLIMIT 3", None),
        ("SELECT a FROM m LIMIT 0", None),
        ("SELECT a FROM m WHERE b = 'LIMIT 3'", None),
    ],
)
def test_the_limit_of_a_statement_is_the_outermost(statement: str, expected: int | None) -> None:
    assert influxql.limit(statement) == expected


def test_what_stands_in_texts_and_names_is_no_clause() -> None:
    for statement in (
        "SELECT f FROM m WHERE host = 'GROUP BY *'",
        "SELECT f FROM m WHERE host = '/*' AND f = 1 OR host = '*/'",
        "SELECT f FROM m /* GROUP BY * */ LIMIT 1",
    ):
        assert influxql.projection(statement) == Projection("m", ("f",), by_tags=False)
    assert influxql.projection('SELECT "a/*b*/" FROM "GROUP BY x"') == Projection(
        '"GROUP BY x"', ("a/*b*/",), by_tags=False
    )


def test_comments_and_semicolons_ask_nothing() -> None:
    assert all(influxql.is_empty(text) for text in ("", " \n", ";", "/* x */", " /* a */ ; /* b */;"))
    assert not any(influxql.is_empty(text) for text in ("SELECT 1", "/* a */ x", "';'"))


def test_statements_that_only_read() -> None:
    for statement in ("select f from m", "/* who */ SHOW SERIES", "EXPLAIN SELECT f FROM m", "SELECT 'INTO' FROM m"):
        assert influxql.repeat(statement) is not Repeat.NEVER
    for statement in (
        "SELECT f INTO n FROM m",
        "DROP SERIES FROM m",
        "KILL QUERY 3",
        "CREATE USER a WITH PASSWORD 'b'",
    ):
        assert influxql.repeat(statement) is Repeat.NEVER
