"""What DuckDB would answer and PostgreSQL refuses, or answers in another way: the error in all its words, or a refusal.

The words are PostgreSQL 15's; `test_consdb_postgresql.py` asks it again, and for much more.
"""

import json
from typing import Any

import pytest

from skykey.sandbox.consdb.engine import Engine
from skykey.sandbox.consdb.errors import RefusedError, StatementError

V, Q = "cdb_lsstcam.visit1", "cdb_lsstcam.visit1_quicklook"
OPERATOR = "No operator matches the given name and argument types. You might need to add explicit type casts."


@pytest.fixture(scope="module", name="engine")
def _engine() -> Engine:
    return Engine()


def rows(engine: Engine, sql: str) -> Any:
    return json.loads(b"".join(engine.run(sql).json()))["data"]


def meant(column: str) -> str:
    return f'Perhaps you meant to reference the column "{column}".'


@pytest.mark.parametrize(
    ("sql", "kind", "words", "at", "hint"),
    [
        (f'select "BAND" from {V}', "UndefinedColumn", 'column "BAND" does not exist', '"BAND"', ""),
        (f'select "Band" from {V}', "UndefinedColumn", 'column "Band" does not exist', '"Band"', meant("visit1.band")),
        (f'select band "B" from {V} order by b', "UndefinedColumn", 'column "b" does not exist', "b", ""),
        ('select 1 from "CDB_x".y', "UndefinedTable", 'relation "CDB_x.y" does not exist', '"CDB_x"', ""),
        (f"select v.bnd from {V} v", "UndefinedColumn", "column v.bnd does not exist", "v.", meant("v.band")),
        (f"select bnd from {V}", "UndefinedColumn", 'column "bnd" does not exist', "bnd", meant("visit1.band")),
        (
            f"select seqnum from {V} v, {Q} q", "UndefinedColumn", 'column "seqnum" does not exist', "seqnum",
            'Perhaps you meant to reference the column "v.seq_num" or the column "q.seq_num".',
        ),
        (f"select zzz from {V}", "UndefinedColumn", 'column "zzz" does not exist', "zzz", ""),
        (
            f"select 1 from {V} where band != 1", "UndefinedFunction",
            "operator does not exist: character varying <> integer", "!=", OPERATOR,
        ),
        (
            f"select 1 from {V} where obs_start > 61000", "UndefinedFunction",
            "operator does not exist: timestamp without time zone > integer", ">", OPERATOR,
        ),
        (
            f"select 1 from {V} where emulated = 1", "UndefinedFunction",
            "operator does not exist: boolean = integer", "= 1", OPERATOR,
        ),
        (
            f"select band not between 1 and 2 from {V}", "UndefinedFunction",
            "operator does not exist: character varying < integer", "not", OPERATOR,
        ),
        (
            f"select band in (1, 2) from {V}", "UndefinedFunction",
            "operator does not exist: character varying = integer", "in (", OPERATOR,
        ),
        (
            f"select 1 from {V} where visit_id", "DatatypeMismatch",
            "argument of WHERE must be type boolean, not type bigint", "visit_id", "",
        ),
        (
            f"select 1 from {V} where true and band", "DatatypeMismatch",
            "argument of AND must be type boolean, not type character varying", "band", "",
        ),
        (
            f"select 1 from {V} a join {Q} b on a.seq_num", "DatatypeMismatch",
            "argument of JOIN/ON must be type boolean, not type integer", "a.seq", "",
        ),
        (
            f"select seq_num from {V} union select band from {V}", "DatatypeMismatch",
            "UNION types integer and character varying cannot be matched", "band", "",
        ),
        (
            f"select distinct band from {V} order by airmass", "InvalidColumnReference",
            "for SELECT DISTINCT, ORDER BY expressions must appear in select list", "airmass", "",
        ),
        (
            f"select max(emulated) from {V}", "UndefinedFunction", "function max(boolean) does not exist", "max",
            OPERATOR.replace("operator", "function"),
        ),
        (
            f"select count() from {V}", "WrongObjectType",
            "count(*) must be used to call a parameterless aggregate function", "count", "",
        ),
        (
            f"select 1 from {V} where visit_id = '1.5'", "InvalidTextRepresentation",
            'invalid input syntax for type bigint: "1.5"', "'1.5'", "",
        ),
        (
            "select '2147483648'::int", "NumericValueOutOfRange",
            'value "2147483648" is out of range for type integer', "'2", "",
        ),
        (
            "select '1e400'::float8", "NumericValueOutOfRange",
            '"1e400" is out of range for type double precision', "'1", "",
        ),
        (
            f"select emulated = 'maybe' from {V}", "InvalidTextRepresentation",
            'invalid input syntax for type boolean: "maybe"', "'maybe'", "",
        ),
        (f"select day_obs * 1000000 from {V}", "NumericValueOutOfRange", "integer out of range", None, ""),
        ("select ln(0::float8)", "InvalidArgumentForLogarithm", "cannot take logarithm of zero", None, ""),
        (f"select * form {V}", "SyntaxError", 'syntax error at or near "form"', "form", ""),
        (f"select 'é🌌', foo from {V}", "UndefinedColumn", 'column "foo" does not exist', "foo", ""),
        (f"select\t'é', airmass a from {V} where a > 1", "UndefinedColumn", 'column "a" does not exist', "a > 1", ""),
        (f"select\t1,\tfoo from {V}", "UndefinedColumn", 'column "foo" does not exist', "foo", ""),
    ],
)  # fmt: skip
def test_errors_that_duckdb_does_not_know(  # noqa: PLR0917 - a column of the table each
    engine: Engine, sql: str, kind: str, words: str, at: str | None, hint: str
) -> None:
    with pytest.raises(StatementError) as caught:
        engine.run(sql)
    found = caught.value
    assert (found.kind, found.words, found.hint) == (kind, words, hint)
    assert found.place == (None if at is None else sql.rindex(at))


@pytest.mark.parametrize(
    "sql",
    [
        rf"select 1 from {V} where band like 'a\%%'",
        f"select 1 from {V} where 'x' like band",
        f"select substr(band, 0, 2) from {V}",
        f"select substr(band, -1, 2) from {V}",
        "select upper('ß')",
        f"select 1 from {V} where obs_start > '2026-03-21T02:00:00+02:00'",
        f"select 1 from {V} where obs_start between '2026-03-21' and 'tomorrow'",
        "select '2026-3-2'::date",
        "select '0x10'::float8",
        f"select -seq_num as seq_num from {V} order by seq_num + 0",
        "select coalesce(1.5, 2.25)",
        "select 1 union select 2.5",
        "select case when true then 1 else 2.5 end",
        "select date_trunc('year', date '2026-03-01')",
        "select exp(1000::float8)",
        f"select 1 as x, airmass * 1e308::float8 * 10 as y from {V}",
        f"select band from {V} having band = 'r'",
        f'select * from {V} "V"',
        f"select band::int from {V}",
        "select '1.5'::smallint",
        f"select 1 from {V} where airmass between symmetric 2 and 1",
        f"select * from {V} for update",
    ],
)
def test_what_is_another_answer_in_postgresql_is_refused(engine: Engine, sql: str) -> None:
    with pytest.raises(RefusedError, match="pqserver"):
        engine.run(sql)


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("select 'é🌌', '1.5'::float", ["é🌌", 1.5]),
        ('select "A" from (select 5 as "A") x order by "A"', [5]),
        ("select 'Infinity'::float8, '-inf'::float8 * 1", [None, None]),
        ("select ' 7 '::int, 't'::boolean, '1e5'::float8, '2026-03-20 12:00'::date", [7, True, 1e5, "2026-03-20"]),
        ("select 'b' like 'b%%', substr('abc', 2, 1), coalesce(null, 1.50), 1 in (1, null)", [True, "b", "1.50", True]),
    ],
)  # fmt: skip
def test_what_is_the_same_in_both_is_answered(engine: Engine, sql: str, value: list[Any]) -> None:
    assert rows(engine, sql) == [value]
