"""SQL for ConsDB: no value and no name becomes more than it is, no point in time loses 37 seconds."""

import datetime as dt
import math
import re
from decimal import Decimal
from fractions import Fraction
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from astropy import units as u
from astropy.time import Time
from hypothesis import example, given
from hypothesis import strategies as st

from skykey.calls.call import Repeat
from skykey.rubin.consdb import sql as consdb_sql
from skykey.rubin.consdb import statements as consdb_statement
from skykey.rubin.consdb.projection import projection
from skykey.tables.columns import Column
from skykey.values.errors import UsageError

V1 = "cdb_lsstcam.visit1 as visit1"
JOINED = (
    f"select visit1.*, visit1_quicklook.* from {V1} left join cdb_lsstcam.visit1_quicklook as visit1_quicklook "
    "on visit1.visit_id = visit1_quicklook.visit_id"
)
NAIVE = dt.datetime(2025, 6, 20, 12)  # noqa: DTZ001 - of no zone
# What an attacker, or a text with an apostrophe, is made of.
NASTY = st.text(st.sampled_from(list("'\"\\$;:%-/*() \n\tae\u2019\u02bcÄ")), max_size=12) | st.text(
    # DuckDB makes blanks of Unicode's other spaces.
    st.characters(exclude_characters="\0", exclude_categories=["Cs", "Zs"]),
    max_size=20,
)


@pytest.fixture(scope="module")
def database() -> Any:
    """Another reader of SQL, whose quotes are PostgreSQL's standard ones."""
    with duckdb.connect(":memory:") as connection:
        yield connection


# -- statements of the documented methods


def test_the_statement_is_the_releases_with_times_in_tai() -> None:
    start, end = Time(60846.5, format="mjd", scale="tai"), Time(60847.5, format="mjd", scale="tai")
    assert consdb_sql.visits("lsstcam", start, end, "visit1.science_program = 'BLOCK-365'") == (
        f"{JOINED} where visit1.obs_start_mjd >= 60846.5 and visit1.obs_start_mjd <= 60847.5 "
        "and (visit1.science_program = 'BLOCK-365') order by visit1.visit_id"
    )
    assert consdb_sql.visits("LSSTCam") == f"{JOINED} order by visit1.visit_id"
    assert consdb_sql.visits("lsstcam", None, None, " ") == f"{JOINED} order by visit1.visit_id"
    assert consdb_sql.ccdvisits("lsstcam", 2025062000001, 90, 98) == (
        "select v.*, c.detector, cq.* from cdb_lsstcam.visit1 as v join cdb_lsstcam.ccdvisit1 as c "
        "on v.visit_id = c.visit_id left join cdb_lsstcam.ccdvisit1_quicklook as cq on c.ccdvisit_id = cq.ccdvisit_id "
        "where v.visit_id = 2025062000001 and c.detector >= 90 and c.detector <= 98 order by c.detector"
    )
    assert " >= 0 " in consdb_sql.ccdvisits("lsstcam", np.int64(1), 0)


@pytest.mark.parametrize("scale", ["utc", "tai", "tt", "tdb", "ut1", "tcb", "tcg"])
def test_a_point_in_time_is_the_same_number_whatever_its_scale(scale: str) -> None:
    """UTC noon as it is would be 37 seconds early."""
    noon = Time("2025-06-20T12:00:00", scale="utc")
    with_scale = noon if scale == "ut1" else getattr(noon, scale)
    assert float(consdb_sql.mjd(with_scale)) == pytest.approx(60846.5 + 37 / 86400, abs=1e-10)


@given(st.datetimes(NAIVE - dt.timedelta(19_500), NAIVE))
def test_a_number_is_as_near_as_a_double_can_be(moment: dt.datetime) -> None:
    aware = moment.replace(tzinfo=dt.UTC)
    number = float(consdb_sql.mjd(aware))
    assert abs(number - Time(aware, scale="utc").tai.mjd) <= math.ulp(60000.0)
    assert consdb_sql.mjd(f"{moment.isoformat()}Z") == consdb_sql.mjd(aware) == repr(number)


@given(st.one_of(NASTY, st.none(), st.integers(), st.binary(max_size=3)))
@example("lsstcam; drop table x")
@example("lsstcam.visit1 --")
@example("lsstcam\n")
@example("ls\u017ftcam")  # in capital letters it is an S
@example("cdb_")
@example("\u217csstcam")
def test_a_name_is_a_name_or_refused(name: Any) -> None:
    for make in (consdb_sql.instrument_of, lambda text: consdb_sql.table_of("lsstcam", text)):
        try:
            made = make(name)
        except UsageError:
            continue
        assert re.fullmatch(r"[a-z_][a-z0-9_]*", made, re.ASCII)


def test_a_schema_is_that_of_its_instrument() -> None:
    assert (
        consdb_sql.table_of("LSSTCam", "cdb_lsstcam.Visit1") == consdb_sql.table_of("cdb_lsstcam", "visit1") == "visit1"
    )
    with pytest.raises(UsageError):
        consdb_sql.table_of("lsstcam", "cdb_latiss.visit1")


@pytest.mark.parametrize("number", ["1", "1 or 1=1", 1.5, math.nan, math.inf, None, [1, 2], "x"])
def test_what_is_no_whole_number_is_no_part_of_a_statement(number: Any) -> None:
    with pytest.raises(UsageError):
        consdb_sql.ccdvisits("lsstcam", number)


@pytest.mark.parametrize("moment", ["yesterday", 60846.5, NAIVE, "60846.5 or 1=1"])
def test_what_is_no_point_in_time_is_no_part_of_a_statement(moment: Any) -> None:
    with pytest.raises(UsageError):
        consdb_sql.visits("lsstcam", moment)


@pytest.mark.parametrize("text", ["a) or (b", "a = 'x", "a; drop table b", "a /* b", "(a", 'a = "b', "a = $$b", ")("])
def test_a_condition_stays_one_condition(text: str) -> None:
    with pytest.raises(UsageError, match="not one condition"):
        consdb_sql.visits("lsstcam", constraint=text)


def test_a_condition_may_hold_what_only_looks_odd(database: Any) -> None:
    for text in ("1 = 1 -- so", "'a)' = 'a)'", "(1) = 1 /* (( ; */", "'it''s;' <> '-- no'", "$$)$$ = ')'"):
        assert database.execute(f"select 7 where {consdb_sql.condition(text)} and 2 = 2").fetchall() == [(7,)]


# -- values


def read_back(database: Any, text: str) -> Any:
    ((found,),) = database.execute(f"select {text}").fetchall()
    return found


@given(NASTY)
@example("'; drop table x; --")
@example("\\'")
@example("''")
def test_no_text_leaves_its_quotes(database: Any, text: str) -> None:
    assert read_back(database, consdb_sql.literal(text)) == text


@given(st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.booleans() | st.none())
@example(-0.0)
@example(5e-324)
@example(-2147483647)
def test_numbers_are_what_they_were(database: Any, value: Any) -> None:
    written = consdb_sql.literal(value)
    found = read_back(database, written if not isinstance(value, float) else f"{written}::double")
    assert found == value
    if isinstance(value, float):
        assert math.copysign(1, found) == math.copysign(1, value)
    # Behind a minus sign another one would begin a comment.
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**62:
        assert read_back(database, f"1::bigint-{written}") == 1 - value


def test_values_of_other_libraries() -> None:
    literal = consdb_sql.literal
    assert literal(np.int32(7)) == literal(np.uint8(7)) == literal(np.array(7)) == literal(Decimal(7)) == "7"
    assert literal(np.bool_(True)) == "true"
    assert literal(np.float32(0.5)) == "0.5"
    assert literal(np.array([1, 2])) == literal((1, 2)) == literal(pd.Index([1, 2])) == "(1, 2)"
    assert literal(math.nan) == "'NaN'::float8"
    assert literal(Decimal("-Infinity")) == "'-Infinity'::numeric"
    assert literal(Decimal("sNaN")) == literal(Decimal("-NaN")) == "'NaN'::numeric"
    assert literal(dt.date(2025, 6, 20)) == "date '2025-06-20'"
    for odd in (
        {"a": 1},
        b"x",
        object(),
        [],
        [[1]],
        [None, [2]],
        "a\0b",
        pd.NA,
        1j,
        ["x", b"y"],
        Fraction(10**400),
        NAIVE,
        5 * u.deg,
        [5 * u.deg],
        10**5000,
        -(10**5000),
        "a\udc80",
        ["\ud800"],
    ):
        with pytest.raises(UsageError):
            literal(odd)


def test_points_in_time_are_tai_whatever_was_given(database: Any) -> None:
    noon = Time("2025-06-20T12:00:00", scale="utc")
    shifted = dt.datetime(2025, 6, 20, 14, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    written = {consdb_sql.literal(each) for each in (noon, noon.tai, noon.tdb, shifted, pd.Timestamp(shifted))}
    assert written == {"timestamp '2025-06-20 12:00:37.000000'"}
    assert read_back(database, written.pop()) == NAIVE + dt.timedelta(seconds=37)


VALUE = st.one_of(NASTY, st.integers(-100, 100), st.booleans())


@given(st.lists(VALUE, min_size=1, max_size=4), st.lists(NASTY, min_size=5, max_size=5))
def test_values_come_to_their_places_and_nowhere_else(database: Any, values: list[Any], texts: list[str]) -> None:
    """Also where the text around them has quotes and colons of its own."""
    literal = consdb_sql.literal
    parts = [f"{literal(text)} /* :v0 ' */, :v{n}" for n, (text, _) in enumerate(zip(texts, values, strict=False))]
    named = {f"v{n}": value for n, value in enumerate(values)}
    sent = consdb_statement.for_driver(f"select {', '.join(parts)}, 'x:v0'::text -- :v0 '", named, literal)
    ran = re.sub("%%", "%", sent)  # as the driver does
    assert len(re.sub("%%", "", sent)) == len(re.sub("%", "", sent))  # none is alone
    ((*found, last),) = database.execute(ran).fetchall()
    assert last == "x:v0"
    # Percent signs of the user's own text may be doubled already, so that a pair is one; values' are themselves.
    assert found[1::2] == values
    assert [re.sub("%%?", "%", text) for text in found[::2]] == [re.sub("%%?", "%", t) for t in texts[: len(values)]]


@pytest.mark.parametrize(
    "statement",
    [
        "select ':v'",
        'select ":v"',
        "select $$ :v $$, $a$ $$ :v $a$",
        r"select E'\' :v '",
        r"select e'it''s \' :v '",
        "select 1 -- :v",
        "select 1 /* /* */ :v */",
        "select x::v",
        "select a[1:v]",
        "select 'a':v",
        "select E:v",
        "select U&:v",
        "select :v'a'",
        "select :vv",
        "select $1:v",
    ],
)
def test_what_only_looks_like_a_place_is_none(statement: str) -> None:
    with pytest.raises(UsageError):
        consdb_statement.filled(statement, {"v": 1}, consdb_sql.literal)


def test_a_name_without_a_value_is_refused() -> None:
    with pytest.raises(UsageError, match=":band"):
        consdb_statement.filled("select :v, :band", {"v": 1}, consdb_sql.literal)
    assert consdb_statement.for_driver("select a[1:n], :x") == "select a[1:n], :x"  # who gives no values means none


# -- reading statements


@pytest.mark.parametrize(
    ("statement", "sent"),
    [
        ("a like 'x%'", "a like 'x%%'"),
        ("a like 'x%%'", "a like 'x%%'"),
        ("a % 2 = 1 -- 50%", "a %% 2 = 1 -- 50%%"),
        ("'%%%'", "'%%%%%%'"),
        ("'%(a)s'", "'%%(a)s'"),
    ],
)
def test_the_driver_gets_two_percent_signs(statement: str, sent: str) -> None:
    assert consdb_statement.for_driver(statement) == sent


@pytest.mark.parametrize(
    ("statement", "repeat"),
    [
        ("select 1", Repeat.COSTLY),
        ("  -- why\n (SELECT 1) union (select 'delete')", Repeat.COSTLY),
        ('with a as (select 1) select "drop" from a', Repeat.COSTLY),
        ("delete from a", Repeat.NEVER),
        ("with a as (insert into b values (1) returning c) select * from a", Repeat.NEVER),
        ("select 1; drop table a", Repeat.NEVER),
        (r"select E'\' -- '; delete from a", Repeat.NEVER),
        ("select $$ -- $$; delete from a", Repeat.NEVER),
        ("select 1 /* /* */ ' */; delete from a", Repeat.NEVER),
        ("select nextval('a')", Repeat.NEVER),
        ("select * into b from a", Repeat.NEVER),
        ("select \"setval\" /* ( */ ('a', 1)", Repeat.NEVER),
        ("select pg_catalog.\"nextval\"('a')", Repeat.NEVER),
        (r"select U&\"\0073etval\"('a', 1)", Repeat.NEVER),
        ("select u&\"s!0065tval\" uescape '!' ('a', 1)", Repeat.NEVER),
        ("select lo_unlink (1)", Repeat.NEVER),
        ("select dblink_exec('delete from a')", Repeat.NEVER),
        ("select pg_terminate_backend(1), 1", Repeat.NEVER),
        ("select set_config('a', 'b', false)", Repeat.NEVER),
        ("select query_to_xml('delete from a', true, true, '')", Repeat.NEVER),
        ("select public.count(1)", Repeat.NEVER),
        ('select public . "count" (1)', Repeat.NEVER),
        ('select "COUNT"(1)', Repeat.NEVER),
        ("select 1; notify a", Repeat.NEVER),
        ("explain analyze execute a", Repeat.NEVER),
        ("select count(*), \"max\" (a), coalesce(b, 'nextval(1)') from cdb_a.b where (c) in (1);", Repeat.COSTLY),
        ("select row_number() over (partition by a order by b), a::numeric(5, 2) from c -- setval(", Repeat.COSTLY),
        ("", Repeat.NEVER),
    ],
)
def test_only_what_reads_is_sent_twice(statement: str, repeat: Repeat) -> None:
    assert consdb_statement.repeat(statement) is repeat


@given(st.text(st.sampled_from(list("'\"\\$;/*-e(a \n%")), max_size=30))
def test_any_text_can_be_looked_at(text: str) -> None:
    pieces = list(consdb_statement._pieces(text))
    assert "".join(piece for piece, _, _ in pieces) == text
    consdb_statement.is_empty(text), consdb_statement.is_closed(text), consdb_statement.limit(text), projection(text)


def test_a_hostile_statement_is_looked_at_quickly(ceiling: Any) -> None:
    import time

    begun = time.monotonic()
    for text in (
        "'" * 100_001,
        "/*" * 50_000,
        "$a$" * 30_001,
        "select " + "(" * 50_000,
        "e'\\" * 30_000,
        ":a" * 30_000,
        '"a" ' * 30_000,
        "a" * 100_000,
        " " * 100_000,
        ". " * 50_000,
    ):
        consdb_statement.is_closed(text)
        consdb_statement.repeat(f"select {text}")
        projection(f"select a from cdb_a.b where {text}")
    assert time.monotonic() - begun < ceiling(5)


@pytest.mark.parametrize(
    ("statement", "limit"),
    [
        ("select 1 limit 10", 10),
        ("select 1 LIMIT 10 OFFSET 5 ;", 10),
        ("select 1 limit 10 -- 20", 10),
        ("select * from (select 1 limit 10) a", None),
        ("select 'limit 10'", None),
        ("select 1 limit all", None),
    ],
)
def test_the_limit_is_the_statements_own(statement: str, limit: int | None) -> None:
    assert consdb_statement.limit(statement) == limit


# -- which types are certain before the answer

VISIT = [Column("visit_id", pa.int64()), Column("day_obs", pa.int64()), Column("obs_start", pa.timestamp("us"))]
LOOK = [Column("visit_id", pa.int64()), Column("day_obs", pa.string()), Column("odd", pa.null())]
KNOWN = {("lsstcam", "visit1"): VISIT, ("lsstcam", "visit1_quicklook"): LOOK}
START = {"obs_start": "timestamp[us]"}
ALL = {"visit_id": "int64", "day_obs": "int64", **START}


@pytest.mark.parametrize(
    ("statement", "certain"),
    [
        ("select * from cdb_lsstcam.visit1", ALL),
        ("SELECT DISTINCT * FROM CDB_LSSTCam.Visit1 ORDER BY 1;", ALL),
        ("select v.* from cdb_lsstcam.visit1 v where v.band = 'from'", ALL),
        ("select visit1.obs_start from cdb_lsstcam.visit1 limit 3", START),
        ("select obs_start as s, day_obs d from cdb_lsstcam.visit1", {"s": "timestamp[us]", "d": "int64"}),
        # of two tables a type that both agree on
        ("select * from cdb_lsstcam.visit1 a join cdb_lsstcam.visit1_quicklook as b using (visit_id)",
         {"visit_id": "int64", **START}),
        ("select a.*, b.visit_id from cdb_lsstcam.visit1 a, cdb_lsstcam.visit1_quicklook b", ALL),
        # an expression may be called like a column
        ("select max(obs_start), band, count(*) from cdb_lsstcam.visit1 group by band", {}),
        ("select obs_start, obs_start::date from cdb_lsstcam.visit1", {}),
        ("select *, day_obs::text from cdb_lsstcam.visit1", {"visit_id": "int64", **START}),
        ("select obs_start, upper(band) as day_obs from cdb_lsstcam.visit1", START),
        ("select obs_start, null day_obs, day_obs from cdb_lsstcam.visit1", START),
        ("select date '2025-01-01' day_obs, obs_start from cdb_lsstcam.visit1", START),
        ("select extract(day from obs_start) as day_obs, visit_id from cdb_lsstcam.visit1", {"visit_id": "int64"}),
        ("select (obs_start), visit_id from cdb_lsstcam.visit1", {"visit_id": "int64"}),
        ("select day_obs is distinct from 1 as obs_start, visit_id from cdb_lsstcam.visit1", {"visit_id": "int64"}),
        # none of their columns is a table's
        ("select max(obs_start), count(*) from cdb_lsstcam.visit1", None),
        ("select obs_start::date, 1 from cdb_lsstcam.visit1", None),
        # nobody knows the columns of these
        ("select * from other.visit1", None),
        ("select * from visit1", None),
        ("select * from cdb_lsstcam.visit1, (select 1 as day_obs) x", None),
        ("select * from (select * from cdb_lsstcam.visit1) x", None),
        ("with x as (select 1) select * from x", None),
        ("select * from cdb_lsstcam.visit1 union select 'a'", None),
        ("select * from cdb_lsstcam.visit1 as v(a, b, c)", None),
        ("select * from cdb_lsstcam.visit1(1)", None),
        ('select obs_start, upper(band) as "day_obs" from cdb_lsstcam.visit1', None),
        ("select 1", None),
        ("insert into a select * from cdb_lsstcam.visit1", None),
        ("", None),
    ],
)  # fmt: skip
def test_only_what_is_certain_is_typed_before_the_answer(statement: str, certain: dict[str, str] | None) -> None:
    found = projection(statement)
    if certain is None:
        assert found is None
    else:
        assert found is not None
        assert {column.name: str(column.type) for column in found.columns(KNOWN)} == certain


@pytest.mark.parametrize(
    "value", [np.datetime64("2025-06-20T12:00", "ns"), np.timedelta64(5, "ns"), np.array(["2025-06-20"], "M8[ns]")]
)
def test_a_time_without_a_scale_does_not_become_a_number(value: Any) -> None:
    with pytest.raises(UsageError, match="no scale"):
        consdb_sql.literal(value)
