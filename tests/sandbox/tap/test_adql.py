"""Questions in ADQL: what each part means, what its columns are called, and that nothing else comes through."""

import contextlib
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skykey.sandbox.consdb import schema
from skykey.sandbox.consdb.engine import Engine
from skykey.sandbox.tap.adql import translate
from skykey.sandbox.tap.adqlerror import AdqlError
from skykey.sandbox.tap.app import _answered
from skykey.sandbox.tap.jobs import Job
from skykey.sandbox.tap.switches import Switches

VISITS = "cdb_lsstcam.visit1"
QUICK = "cdb_lsstcam.visit1_quicklook"
LAST = f"from {VISITS} where visit_id = 2026032000120"


@pytest.mark.parametrize(
    ("item", "name", "datatype", "value"),
    [
        ("visit_id", "visit_id", "long", 2026032000120),
        ("VISIT_ID", "visit_id", "long", 2026032000120),
        ('"visit_id" as "My Visit"', "My Visit", "long", 2026032000120),
        ('seq_num as "a""b"', 'a"b', "int", 120),
        ("count(*)", "count", "long", 1),
        ("count(distinct band) as n", "n", "long", 1),
        ("sum(seq_num)", "sum", "long", 120),
        ("avg(seq_num)", "avg", "double", 120.0),
        ("seq_num + 1", "col", "int", 121),
        ("-seq_num", "col", "int", -120),
        ("seq_num / 7", "col", "int", 17),
        ("(seq_num - 127) / 2", "col", "int", -3),
        ("seq_num / 7.5", "col", "double", 16.0),
        ("cast(seq_num as double precision) / 7", "col", "double", 120 / 7),
        ("cast('12' as bigint)", "col", "long", 12),
        ("cast(seq_num as varchar(5))", "col", "unicodeChar", "120"),
        ("1.5", "col", "double", 1.5),
        ("'it''s'", "col", "unicodeChar", "it's"),
        ("upper(band) || 'x'", "col", "unicodeChar", "Rx"),
        ("log(exp(1.0))", "log", "double", 1.0),
        ("log10(1000)", "log10", "double", 3.0),
        ("truncate(1.57)", "truncate", "double", 1.0),
        ("round(cast(2.5 as double precision))", "round", "double", 2.0),
        ("round(1.257, 2)", "round", "double", 1.26),
        ("mod(seq_num, 7)", "mod", "int", 1),
        ("power(2, 3)", "power", "double", 8.0),
        ("pi()", "pi", "double", math.pi),
        ("atan2(1, 0)", "atan2", "double", math.pi / 2),
        ("coalesce(null, band)", "coalesce", "unicodeChar", "r"),
        ("distance(point(0, 0), point(90, 0))", "distance", "double", 90.0),
        ("coord2(point('ICRS', 1, 2))", "coord2", "double", 2.0),
    ],
)
def test_values_have_names_and_types(asked: Any, item: str, name: str, datatype: str, value: Any) -> None:
    answer = asked(f"select {item} {LAST}")
    (((found,),),) = answer.batches
    assert [(field.name, field.datatype) for field in answer.fields] == [(name, datatype)]
    assert found == (pytest.approx(value) if isinstance(value, float) else value)
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (f"select top 2 seq_num from {VISITS} where day_obs = 20260320 and seq_num > 4 order by seq_num", [(5,), (6,)]),
        (f"select seq_num from {VISITS} where day_obs = 20260320 order by seq_num desc offset 397", [(1,)]),
        (f"select top 1 seq_num from {VISITS} where day_obs = 20260320 order by 1 offset 2", [(5,)]),
        (f"select distinct band {LAST}", [("r",)]),
        (f"select band, count(*) as n {LAST} group by band having count(*) > 0", [("r", 1)]),
        (
            f"select q.seq_num {LAST.replace(VISITS, VISITS + ' as v join ' + QUICK + ' as q using (visit_id)')}",
            [(120,)],
        ),
        (
            f"select * from (select visit_id, seq_num {LAST}) v join (select visit_id, band {LAST}) q using (visit_id)",
            [(2026032000120, 120, "r")],
        ),
        (
            f"select q.* from (select visit_id {LAST}) as v natural join (select band, visit_id {LAST}) as q",
            [("r", 2026032000120)],
        ),
        (
            f"select * from (select visit_id {LAST}) as v natural join (select band, visit_id {LAST}) as q",
            [(2026032000120, "r")],
        ),
        (f"select x.n from (select count(*) as n {LAST}) as x", [(1,)]),
        (f"with x as (select seq_num as n {LAST}) select n + 1 from x", [(121,)]),
        (f"select 1 {LAST} union all select 2 {LAST} order by 1 desc", [(2,), (1,)]),
        (f"select 1 {LAST} except select 1 {LAST}", []),
        (f"select band {LAST} and band like '_' and band ilike 'R' and band in ('r', 'x')", [("r",)]),
        (f"select band {LAST} and band not between 'a' and 'b' and band is not null and not band = 'q'", [("r",)]),
        (f"select band {LAST} and exists (select 1 from {QUICK} as q where q.visit_id = visit1.visit_id)", [("r",)]),
        (f"select band {LAST} and visit_id in (select visit_id from {QUICK})", [("r",)]),
        (f"select {VISITS}.band {LAST}", [("r",)]),
        (f"select band {LAST} and band <> 'x' and band != 'y' -- and nothing else\n", [("r",)]),
        (f"select band {LAST};", [("r",)]),
        (f"with x (a) as (select seq_num {LAST}) select a from x", [(120,)]),
        (f"select top 0 band {LAST}", []),
        (f"select (select max(seq_num) from {VISITS}) as m {LAST}", [(400,)]),
        ("select count(*) from tap_schema.schemas", [(7,)]),
        ("select table_type from TAP_SCHEMA.tables where table_name = 'cdb_lsstcam.visit1'", [("view",)]),
    ],
)
def test_clauses_do_what_adql_says(rows: Any, query: str, expected: list[Any]) -> None:
    assert rows(query) == expected


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (f"select band from {VISITS} limit 3", '"limit" at line 1, column 37: not in ADQL'),
        (f"select band\nfrom {VISITS} limit 3", "line 2, column 25"),
        (f"select seq_num::text {LAST}", '"::" at line 1, column 15'),
        (f"select md5(band) {LAST}", "md5 at line 1, column 8"),
        (f"select case when 1 = 1 then 2 end {LAST}", "when"),
        (f"select band from {VISITS}; select 1 from {VISITS}", "Several statements"),
        ("insert into x values (1)", '"insert" at line 1, column 1: only SELECT'),
        ("drop table cdb_lsstcam.exposure", '"drop"'),
        ("copy x to 'y'", "only SELECT"),
        ("pragma database_list", "only SELECT"),
        ("set x = 1", "only SELECT"),
        ("", "empty"),
        ("select", "A SELECT without FROM"),
        ("select 1", "A SELECT without FROM"),
        (f"select from {VISITS}", "without columns"),
        (f"selec band {LAST}", "Encountered"),
        (f"select band from {VISITS} where", 'Encountered "where" at line 1'),
        (f"select band from {VISITS} where band = 'x", "."),
        ("select a from nothing", r"Table \[ nothing \] is not found in TapSchema at line 1, column 15"),
        ("select a from 'file.parquet'", "."),
        ("select a from read_csv('/etc/passwd')", "."),
        ("select content from read_text('/etc/passwd') as t", "."),
        ("select * from duckdb_settings()", "."),
        ("select a from information_schema.tables", "not found"),
        ("select a from main.cdb_lsstcam.visit1", "."),
        ("select a from temp.upload_x", "not found"),
        ("select a from tap_upload.x", "not found"),
        (f"select rowid {LAST}", r"Column \[ rowid \] is not found"),
        (f"select band as b {LAST} and b = 'r'", r"Column \[ b \]"),
        (f"select x.band {LAST}", r"Column \[ x.band \]"),
        (f"select x.* {LAST}", "star"),
        (f"select * exclude (band) {LAST}", "."),
        (f"select columns('x') {LAST}", "."),
        (f"select row_number() over (order by band) {LAST}", "."),
        (f"select band {LAST} qualify 1 = 1", "."),
        (f"select [1, 2] {LAST}", "."),
        (f"select {{'a': 1}} {LAST}", "."),
        (f"select band[1] {LAST}", "."),
        (f"select ? {LAST}", "."),
        (f"select $1 {LAST}", "."),
        (f"select @x {LAST}", "."),
        (f"select lambda x: x {LAST}", "."),
        (f"select interval '1' day {LAST}", "."),
        (f"select current_timestamp {LAST}", "."),
        (f"select try_cast('x' as int) {LAST}", "."),
        (f"select cast(band as json) {LAST}", "cast to JSON"),
        (f"select count(*) filter (where band = 'r') {LAST}", "."),
        (f"select distinct on (band) band {LAST}", "."),
        (f"select band from {VISITS} cross join {QUICK}", "."),
        (f"select band from {VISITS} tablesample 10 percent", "."),
        (f"select band {LAST} group by all", "."),
        (f"select point(1, 2) {LAST}", "POINT as a value"),
        (f"select lower(point(1, 2)) {LAST}", "POINT as a value"),
        (f"select contains(point(1, 2), 3) {LAST}", "geometry"),
        (f"select contains(point('GALACTIC', 1, 2), circle('', 1, 2, 3)) {LAST}", "GALACTIC"),
        (f"select contains(point(1, 2), polygon(1, 2, 3, 4)) {LAST}", "geometry"),
        (f"select contains(point(1, 2), polygon(1, 2, 3, 4, 5, 6, 7)) {LAST}", "geometry"),
        (f"select distance(1, 2, 3) {LAST}", "3 arguments"),
        (f"select * from {VISITS} natural join {QUICK}", "USING"),
        (f"select * from (select 1 as a, 2 as b {LAST}) as x join (select 2 as b {LAST}) as y using (b)", "USING"),
        ("select a from " + "(select a from " * 500 + "x" + ") as t" * 500, "deep|Maximum"),
        (f"from {VISITS}", '"from" at line 1, column 1'),
        (f"explain select band {LAST}", '"explain"'),
        (f"(select band {LAST})", "Only SELECT"),
        (f"with recursive x as (select 1 as a {LAST}) select a from x", "with"),
        (f"with x (a, b) as (select 1 {LAST}) select a from x", "2 names for 1 columns"),
        (f"select t.a from (select band {LAST}) as t (a)", "tablealias"),
        (f"select top 2.5 band {LAST}", '"2.5" at line 1, column 12'),
        (f"select top (2) band {LAST}", r'"\(" at line 1, column 12'),
        (f"select timestamp '2026-01-01' {LAST}", "column 18"),
        (f"select band = 'r' {LAST}", "condition as a value"),
        (f"select (not band = 'r') as x {LAST}", "condition as a value"),
        (f"select upper() {LAST}", "UPPER with 0 arguments"),
        (f"select abs(1, 2) {LAST}", "ABS with 2 arguments"),
        (f"select coalesce(band, 'x') / 2 {LAST}", "division"),
        (f"select 1 {LAST} union select 1, 2 {LAST}", "as many columns"),
        (f"select a.band from (select band {LAST})", "without a name"),
        (f"select band from {VISITS} where " + "(" * 200 + "1 = 1" + ")" * 200, "deep"),
        (f"select band from {VISITS} where band = '" + "x" * 100_001 + "'", "characters"),
    ],
)
def test_what_adql_does_not_have_is_refused(asked: Any, query: str, words: str) -> None:
    with pytest.raises(AdqlError, match=words):
        asked(query)


def test_columns_carry_what_the_schema_says(asked: Any) -> None:
    (plain, renamed, computed) = asked(f"select s_ra, s_dec as d, s_ra + 0 as c from {VISITS}").fields
    assert (plain.unit, plain.ucd) == ("deg", "pos.eq.ra")
    assert (renamed.name, renamed.unit, renamed.ucd) == ("d", "deg", "pos.eq.dec")
    assert (computed.unit, computed.ucd, computed.datatype) == ("", "", "double")
    inner = asked(f"with x as (select s_ra as r from {VISITS}) select y.r from (select * from x) as y").fields
    assert (inner[0].name, inner[0].unit) == ("r", "deg")


def test_names_that_both_tables_have_come_twice(asked: Any) -> None:
    fields = asked(f"select v.*, q.* from {VISITS} as v join {QUICK} as q on v.visit_id = q.visit_id").fields
    names = [field.name for field in fields]
    assert names.count("visit_id") == 2
    assert names == [column.name for table in (VISITS, QUICK) for column in schema.tables()[table]]


def test_nulls_come_last_as_in_postgresql(rows: Any) -> None:
    up = rows("select dimm_seeing from cdb_lsstcam.exposure order by dimm_seeing", limit=10**6)
    down = rows("select dimm_seeing from cdb_lsstcam.exposure order by dimm_seeing desc", limit=10**6)
    assert (up[0][0] is None, up[-1][0], down[0][0], down[-1][0] is None) == (False, None, None, False)


def test_tap_schema_tells_the_truth(asked: Any, rows: Any) -> None:
    described: dict[str, list[tuple[Any, ...]]] = {}
    query = "select table_name, column_name, datatype, arraysize, xtype, unit, ucd from tap_schema.columns order by "
    for table, *rest in rows(query + "table_name, column_index", limit=10**6):
        described.setdefault(table, []).append(tuple(rest))
    assert len(described) == len(schema.tables()) + 5
    assert {name for (name,) in rows("select table_name from tap_schema.tables")} == set(described)
    for table, columns in described.items():
        got = [
            (field.name, field.datatype, field.arraysize, field.xtype or None, field.unit or None, field.ucd or None)
            for field in asked(f"select * from {table}", limit=0).fields
        ]
        assert got == columns, table


def test_a_long_condition_is_not_a_deep_one(rows: Any) -> None:
    some = " or ".join(f"seq_num = {number}" for number in range(300))
    assert rows(f"select count(*) {LAST} and ({some})") == [(1,)]


def test_what_comes_from_two_queries_is_as_wide_as_both(asked: Any) -> None:
    note = f"select scheduler_note as x {LAST}"
    for query in (f"select band {LAST} union {note}", f"{note} union select band {LAST}"):
        (field,) = asked(query).fields
        assert (field.datatype, field.arraysize) == ("unicodeChar", "*")
    (same,) = asked(f"select s_ra {LAST} union all select s_ra {LAST}").fields
    assert (same.name, same.unit) == ("s_ra", "deg")


def test_the_most_that_a_whole_number_holds(rows: Any) -> None:
    assert rows(f"select 9223372036854775807 {LAST}") == [(2**63 - 1,)]


WORDS = [
    "select",
    "from",
    "where",
    "top",
    "(",
    ")",
    ",",
    "*",
    "'",
    '"',
    "1",
    "band",
    "as",
    VISITS,
    ";",
    "--",
    "/*",
    "union",
]


@given(
    st.lists(
        st.sampled_from([*WORDS, "contains", "point", "join", "on", "=", "order by", "\x00", "é", "$$"]), max_size=12
    )
)
def test_nonsense_is_at_most_an_error_of_the_user(words: list[str]) -> None:
    with contextlib.suppress(AdqlError):
        translate(" ".join(words), {})


@pytest.mark.parametrize("query", [f"select top 3 band from {VISITS}", "nonsense", f"select airmass / 0 from {VISITS}"])
def test_no_connection_stays_open(engine: Engine, query: str) -> None:
    before = set(engine._running)
    job = Job("ada", 0, {"LANG": "ADQL", "QUERY": query}, {})
    with contextlib.suppress(AdqlError):
        _answered(engine, job, Switches())
    assert set(engine._running) == before
    assert job.interrupt is None


def test_only_whoever_opens_a_connection_may_write_a_file(engine: Engine) -> None:
    cursor = engine.open()
    try:
        with pytest.raises(Exception, match=r"Permission|disabled"):
            cursor.execute("copy (select 1) to '/tmp/skykey-should-not-be'")
    finally:
        engine.close(cursor)
    assert engine.folder.is_dir()
    assert not list(engine.folder.iterdir())
