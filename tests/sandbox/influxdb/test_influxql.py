"""The grammar: what is read comes out as it was meant, and everything else is refused."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skykey.sandbox.influxdb.errors import RefusedError
from skykey.sandbox.influxdb.influxql import (
    Buckets,
    Chosen,
    Comparison,
    Moment,
    Select,
    Show,
    Source,
    Star,
    parse,
)

names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
bare = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]*_", fullmatch=True)  # no keyword ends so
gaps = st.sampled_from([" ", "\n", "\t ", " /* a * comment */ ", " -- to the end\n"])
plain_gaps = st.sampled_from([" ", "\n", "\t ", " \r\n", " -- to the end\n"])


def quoted(text: str, mark: str = '"') -> str:
    return mark + text.replace("\\", "\\\\").replace("\n", "\\n").replace(mark, "\\" + mark) + mark


@given(names, names, st.text(st.characters(exclude_categories=["Cs"])), plain_gaps, gaps)
def test_names_and_strings_come_back(field: str, measurement: str, value: str, plain: str, gap: str) -> None:
    text = (
        f"SELECT{plain}{quoted(field)}{gap}FROM{plain}{quoted(measurement)}{plain}"
        f"WHERE{gap}{quoted(field)}{gap}={gap}{quoted(value, chr(39))}{gap}"
    )

    assert parse(text) == [
        Select((field,), Source("", "", measurement), where=(Comparison(field, "=", value),)),
    ]


@given(st.integers(-(2**63), 2**63 - 1))
def test_integers_keep_64_bits(number: int) -> None:
    [select] = parse(f"select a from m where a <> {number}")

    assert isinstance(select, Select)
    assert select.where == (Comparison("a", "<>", number),)
    assert isinstance(select.where[0].value, int)


@given(st.floats(-1e299, 1e299))
def test_floats_come_back(number: float) -> None:
    [select] = parse(f"select a from m where a >= {number:f}")

    assert isinstance(select, Select)
    value = select.where[0].value
    assert isinstance(value, float)
    assert value == float(f"{number:f}")


@given(st.lists(bare, min_size=1), bare, bare, bare, st.integers(1, 10**9), st.integers(0, 10**9), st.booleans())
def test_a_whole_select(  # noqa: PLR0917
    fields: list[str], database: str, policy: str, measurement: str, limit: int, offset: int, descending: bool
) -> None:
    way = "DESC" if descending else "asc"
    text = (
        f'Select *, {",".join(fields)} froM {database}."{policy}".{measurement} grOUP by *, {fields[0]} '
        f"order BY {way} Limit {limit} offset {offset};"
    )

    assert parse(text) == [
        Select(
            (Star.STAR, *fields),
            Source(database, policy, measurement),
            group_by=(Star.STAR, fields[0]),
            descending=descending,
            limit=limit,
            offset=offset,
        )
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("now()", Moment(None, 0)),
        ("NOW( ) - 1h30m", Moment(None, -5_400_000_000_000)),
        ("now()-100w+1ns", Moment(None, -100 * 7 * 86_400_000_000_000 + 1)),
        ("'2026-03-21' + 500ms", Moment("2026-03-21", 500_000_000)),
        ("12u", Moment(0, 12_000)),
        ("-12µ", Moment(0, -12_000)),
        ("5 - 2s", Moment(5, -2_000_000_000)),
        ("'2026-03-21T00:00:00Z'", "2026-03-21T00:00:00Z"),
        ("true", True),
        (".5", 0.5),
        ("- 5.", -5.0),
    ],
)
def test_values(text: str, value: object) -> None:
    [select] = parse(f"select a from m where time > {text} limit 1")

    assert isinstance(select, Select)
    assert select.where[0].value == value
    assert type(select.where[0].value) is type(value)


def test_show() -> None:
    assert parse("show measurements; SHOW FIELD KEYS;show tag keys from d..m; Show Databases") == [
        Show("measurements"),
        Show("field keys"),
        Show("tag keys", Source("d", "", "m")),
        Show("databases"),
    ]


def test_show_of_a_database() -> None:
    assert parse("show measurements on d; show field keys on d from m; show tag keys on d") == [
        Show("measurements", None, "d"),
        Show("field keys", Source("", "", "m"), "d"),
        Show("tag keys", None, "d"),
    ]


def test_functions_names_and_buckets() -> None:
    text = "SELECT Mean(a) AS x, count(*) FROM m WHERE time > 5 GROUP BY site, time(1m30s, -1s) fill(none)"

    assert parse(text) == [
        Select(
            (Chosen("a", "mean", "x"), Chosen(Star.STAR, "count")),
            Source("", "", "m"),
            where=(Comparison("time", ">", 5),),
            group_by=("site",),
            buckets=Buckets(90_000_000_000, -1_000_000_000, filled=False),
        )
    ]
    assert parse("SELECT b as c, last FROM m") == [Select((Chosen("b", name="c"), "last"), Source("", "", "m"))]


@pytest.mark.parametrize("fill", ["", "fill(null)"])
def test_empty_buckets_are_there(fill: str) -> None:
    [select] = parse(f"SELECT sum(a) FROM m WHERE time > 5 GROUP BY time(1w) {fill}")

    assert isinstance(select, Select)
    assert select.buckets == Buckets(7 * 86_400 * 10**9)


def test_what_rubin_nights_sends() -> None:
    tag = "/* source: me via rubin_nights.InfluxQueryClient */"

    assert parse(f"{tag}show measurements") == [Show("measurements")]
    assert parse(f'{tag}show field keys from "m"') == [Show("field keys", Source("", "", "m"))]
    assert parse(f'SELECT a FROM "m" GROUP BY * ORDER BY DESC LIMIT 5 {tag}') == [
        Select(("a",), Source("", "", "m"), group_by=(Star.STAR,), descending=True, limit=5)
    ]


@pytest.mark.parametrize(
    "text",
    [
        'SELECT a FROM "m" /* tag */',
        "SELECT a FROM m /* tag */ LIMIT 1",
        'show field keys from "m" /* tag */',
        "SELECT /* tag */ a FROM m",
        "SELECT a, /* tag */ b FROM m",
        "SELECT a FROM /* tag */ m",
        "SELECT a FROM m GROUP BY /* tag */ *",
    ],
)
def test_a_comment_where_a_regular_expression_could_be(text: str) -> None:
    with pytest.raises(RefusedError):
        parse(text)

    assert parse(text.replace("/* tag */", "")) != []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("DROP DATABASE efd", "DROP"),
        ("SELECT mode(a) FROM m", "("),
        ("SELECT mean (a) FROM m", "("),
        ("SELECT mean(a, b) FROM m", ","),
        ("SELECT mean() FROM m", ")"),
        ("SELECT mean(a) + 1 FROM m", "+"),
        ("SELECT percentile(a, 5) FROM m", "("),
        ("SELECT median(a) FROM m", "("),
        ("SELECT stddev(a) FROM m", "("),
        ("SELECT spread(a) FROM m", "("),
        ("SELECT max(a), b FROM m", "b"),
        ("SELECT b, max(a) FROM m", "max"),
        ("SELECT distinct(a) FROM m", "distinct"),
        ("SELECT time AS t, a FROM m", "AS"),
        ("SELECT * AS t FROM m", "AS"),
        ("SELECT a::float FROM m", ":"),
        ("SELECT a FROM m, n", ","),
        ("SELECT a FROM /m/", "/"),
        ("SELECT a FROM (SELECT b FROM m)", "("),
        ("SELECT a FROM m WHERE a = 1 OR a = 2", "OR"),
        ("SELECT a FROM m WHERE (a = 1)", "("),
        ("SELECT a FROM m WHERE a =~ /x/", "~"),
        ("SELECT a FROM m WHERE a = b", "b"),
        ("SELECT a FROM m WHERE a = 1e3", "1e3"),
        ("SELECT a FROM m WHERE time > 1h30", "1h30"),
        ("SELECT a FROM m WHERE a = 9223372036854775808", "9223372036854775808"),
        ("SELECT a FROM m WHERE a > 1s", "EOF"),
        ("SELECT a FROM m WHERE a < now() LIMIT 1", "LIMIT"),
        ("SELECT mean(a) FROM m GROUP BY time", "time"),
        ("SELECT mean(a) FROM m GROUP BY time(1)", ")"),
        ("SELECT mean(a) FROM m GROUP BY time(0s)", ")"),
        ("SELECT mean(a) FROM m GROUP BY time(1h), time(1h)", "time"),
        ("SELECT mean(a) FROM m GROUP BY time(1h, now())", ")"),
        ("SELECT mean(a) FROM m GROUP BY time(1h) LIMIT 1", "LIMIT"),
        ("SELECT mean(a) FROM m WHERE time < 5 GROUP BY time(1h, 1m)", "EOF"),
        *(
            (f"SELECT mean(a) FROM m WHERE time > 5 GROUP BY time(1h) {fill}", found)
            for fill, found in {
                "fill(linear)": "linear",
                "fill(previous)": "previous",
                "fill(0)": "0",
                "fill(-1)": "-",
                "fill(NULL)": "NULL",
                "fill('null')": "null",
                "fill (null)": "fill",
            }.items()
        ),
        ("SELECT a FROM m fill(0)", "fill"),
        ("SELECT a FROM m ORDER BY a", "a"),
        ("SELECT a FROM m LIMIT -1", "-"),
        ("SELECT a FROM m LIMIT 1 SLIMIT 1", "SLIMIT"),
        ("SELECT a FROM m OFFSET 1", "OFFSET"),
        ("SELECT a FROM m tz('UTC')", "tz"),
        ("SELECT a FROM m SELECT b FROM n", "SELECT"),
        ("SELECT a FROM a.b.c.d", "EOF"),
        ("SELECT key FROM m", "key"),
        ("SELECT a INTO n FROM m", "INTO"),
        ('SELECT "a FROM m', '"'),
        ("SELECT a FROM m WHERE a = 'x\\y'", "'"),
        ("SELECT a FROM m WHERE a = 'x\ny'", "'"),
        ("SHOW SERIES", "SERIES"),
        (f"SELECT a FROM m LIMIT {'9' * 5000}", "9" * 300),
        (f"SELECT a FROM m WHERE a = {'9' * 5000}", "9" * 300),
        (f"SELECT a FROM m WHERE a = {'9' * 400}.0", "9" * 300),
        (f"SELECT a FROM m WHERE time > {'9' * 5000}s", "9" * 300),
        ("SHOW MEASUREMENTS LIMIT 1", "LIMIT"),
        ("SHOW TAG VALUES WITH KEY = a", "VALUES"),
        ("SHOW RETENTION POLICIES", "RETENTION"),
        ("/* no end", "/"),
        ("SELECT", "EOF"),
    ],
)
def test_everything_else_is_refused_by_name(text: str, found: str) -> None:
    with pytest.raises(RefusedError) as refused:
        parse(text)

    assert f"found {found}, expected" in str(refused.value)


@given(st.text())
def test_no_text_does_anything_but_parse_or_be_refused(text: str) -> None:
    for start in ("", "select a from m where ", "select "):
        with contextlib.suppress(RefusedError):
            assert all(isinstance(statement, Select | Show) for statement in parse(start + text))
