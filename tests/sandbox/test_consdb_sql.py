"""Statements of PostgreSQL that DuckDB answers: names, types and errors as the real part's, or a refusal.

What is expected here was compared with PostgreSQL 15.
"""

import json
import math
import threading
from datetime import UTC
from itertools import islice
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skykey.sandbox.consdb import schema, visits
from skykey.sandbox.consdb.engine import Engine, PercentError
from skykey.sandbox.consdb.errors import RefusedError, StatementError
from skykey.sandbox.logs import made_up
from tools import make_night

VISITS = "cdb_lsstcam.visit1"


@pytest.fixture(scope="module", name="engine")
def _engine() -> Engine:
    return Engine()


def answered(engine: Engine, sql: str) -> Any:
    return json.loads(b"".join(engine.run(sql).json()))


def rows(engine: Engine, sql: str) -> Any:
    return answered(engine, sql)["data"]


@pytest.mark.parametrize(
    ("expression", "name"),
    [
        ("Visit_ID", "visit_id"),
        ('visit_id as "Visit"', "Visit"),
        ("visit_id as Visit", "visit"),
        ("count(*)", "count"),
        ("max(airmass)", "max"),
        ("airmass * 2", "?column?"),
        ("1", "?column?"),
        ("band = 'r'", "?column?"),
        ("airmass::double precision", "airmass"),
        ("'1'::int", "int4"),
        ("coalesce(band, '')", "coalesce"),
        ("case when airmass > 1 then 1 else 2 end", "case"),
        ("exists(select 1)", "exists"),
        ("(select max(seq_num) from cdb_lsstcam.visit1)", "max"),
        ("rank() over (order by airmass)", "rank"),
    ],
)
def test_columns_are_named_as_postgresql_names_them(engine: Engine, expression: str, name: str) -> None:
    assert answered(engine, f"select {expression} from {VISITS} limit 1")["columns"] == [name]


def test_names_beside_a_star(engine: Engine) -> None:
    found = answered(engine, f"select airmass * 2, v.*, seq_num + 1 from {VISITS} v limit 1")["columns"]
    assert (found[0], found[1], found[-1], len(found)) == ("?column?", "visit_id", "?column?", 52)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1.50", "1.50"),  # numeric is a text
        ("sum(visit_id)", str),
        ("sum(seq_num)", int),
        ("avg(airmass)", float),
        ("count(*)", int),
        ("9007199254740993", 9007199254740993),
        ("-9223372036854775807", -9223372036854775807),
        ("'NaN'::double precision", None),
        ("null", None),
        ("true", True),
        ("date '2026-03-20'", "2026-03-20"),
        ("timestamp '2026-03-20 12:00:00'", "2026-03-20T12:00:00"),
        ("timestamp '2026-03-20 12:00:00.5'", "2026-03-20T12:00:00.500000"),
        ("timestamp '2026-03-20 12:00:00.000001'", "2026-03-20T12:00:00.000001"),
        ("'1.5'::float", 1.5),
        ("1.25::numeric(10, 1)", "1.3"),
        ("2.5::double precision::int", 2),  # half to even
    ],
)
def test_values_have_the_types_of_the_real_part(engine: Engine, expression: str, value: Any) -> None:
    ((found,),) = rows(
        engine, f"select {expression} from {VISITS}" if "(" in expression[:6] else f"select {expression}"
    )
    assert type(found) is value if isinstance(value, type) else (found, type(found)) == (value, type(value))


def test_nulls_come_last_and_first_when_turned_round(engine: Engine) -> None:
    up = rows(engine, "select dimm_seeing from cdb_lsstcam.exposure order by dimm_seeing")
    down = rows(engine, "select dimm_seeing from cdb_lsstcam.exposure order by dimm_seeing desc")
    assert (up[0][0] is None, up[-1][0], down[0][0], down[-1][0] is None) == (False, None, None, False)


@pytest.mark.parametrize(
    ("sql", "kind", "words"),
    [
        ("select * from cdb_lsstcam.foo", "UndefinedTable", 'relation "cdb_lsstcam.foo" does not exist'),
        ("select * from visit1", "UndefinedTable", 'relation "visit1" does not exist'),
        (f"select x.foo from {VISITS} v", "UndefinedTable", 'missing FROM-clause entry for table "x"'),
        (f"select v.foo from {VISITS} v", "UndefinedColumn", "column v.foo does not exist"),
        (f"select airmass as a from {VISITS} where a > 1", "UndefinedColumn", 'column "a" does not exist'),
        (f"select rowid from {VISITS}", "UndefinedColumn", 'column "rowid" does not exist'),
        (f"select band from {VISITS} a, {VISITS} b", "AmbiguousColumn", 'column reference "band" is ambiguous'),
        (
            f"select band, count(*) from {VISITS}",
            "GroupingError",
            'column "visit1.band" must appear in the GROUP BY clause or be used in an aggregate function',
        ),
        (
            f"select 1 from {VISITS} where band = 1",
            "UndefinedFunction",
            "operator does not exist: character varying = integer",
        ),
        (
            f"select 1 from {VISITS} where visit_id = 'x'",
            "InvalidTextRepresentation",
            "invalid input syntax for type bigint",
        ),
        (
            f"select 1 from {VISITS} where obs_start > 'x'",
            "InvalidDatetimeFormat",
            "invalid input syntax for type timestamp",
        ),
        (f"select airmass / 0 from {VISITS}", "DivisionByZero", "division by zero"),
        ("selec 1", "SyntaxError", 'syntax error at or near "selec"'),
        (f"from {VISITS}", "SyntaxError", 'syntax error at or near "from"'),
        (f"select * from {VISITS} limit", "SyntaxError", "syntax error at end of input"),
        ("select 'a", "SyntaxError", 'unterminated quoted string at or near "\'a"'),
        ("", "", "can't execute an empty query"),
    ],
)
def test_errors_are_postgresqls(engine: Engine, sql: str, kind: str, words: str) -> None:
    with pytest.raises(StatementError) as caught:
        engine.run(sql)
    assert caught.value.kind == kind
    assert caught.value.words.startswith(words)


def test_a_long_line_is_shown_around_the_place() -> None:
    sql = "select count(*), max(obs_start_mjd), max(dimm_seeing), min(focus_z) "
    sql += "from cdb_lsstcam.visit1 where wrongname > 3 and true"
    message = StatementError("UndefinedColumn", "no", sql.index("wrongname")).message(sql, sql)
    shown, caret = message.splitlines()[1:3]
    assert shown == "LINE 1: ...eing), min(focus_z) from cdb_lsstcam.visit1 where wrongname ..."
    assert caret.index("^") == shown.index("wrongname")


@pytest.mark.parametrize(
    "sql",
    [
        "select 7 / 2",
        f"select avg(seq_num) from {VISITS}",
        f"select obs_end - obs_start from {VISITS}",
        f"select airmass::text from {VISITS}",
        f"select airmass::numeric from {VISITS}",
        f"select airmass::real from {VISITS}",
        f"select * exclude (band) from {VISITS}",
        f"select columns('b.*') from {VISITS}",
        f"select band from {VISITS} qualify rank() over (order by airmass) = 1",
        f"select band, count(*) from {VISITS} group by all",
        f"select band from {VISITS} using sample 3",
        f"select a.band from {VISITS} a asof join {VISITS} b on a.seq_num >= b.seq_num",
        f"select avg(airmass) from (select seq_num as airmass from {VISITS}) x",
        "select now()",
        "select current_timestamp",
        "select [1, 2]",
        "select getenv('HOME')",
        "select * from read_csv('/etc/hostname')",
        "select * from duckdb_settings()",
        "select * from information_schema.tables",
        "select band ~ 'r' from cdb_lsstcam.visit1",
        "select 1; select 2",
        "values (1)",
        "show tables",
        "explain select 1",
        "copy cdb_lsstcam.visit1 to '/tmp/x'",
        "attach ':memory:' as x",
        "set enable_external_access = true; select 1",
    ],
)
def test_what_would_be_answered_differently_is_refused_by_name(engine: Engine, sql: str) -> None:
    with pytest.raises(RefusedError, match="pqserver"):
        engine.run(sql)


def test_nothing_outside_is_within_reach(engine: Engine) -> None:
    with pytest.raises(StatementError, match="UndefinedTable"):
        engine.run("select * from '/etc/hostname'")


@given(number=st.integers(-(2**63) + 1, 2**63 - 1))
def test_whole_numbers_come_back_to_the_last_digit(engine: Engine, number: int) -> None:
    assert rows(engine, f"select {number}::bigint") == [[number]]


@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20))
def test_any_text_comes_back_if_its_percent_signs_are_doubled(engine: Engine, text: str) -> None:
    quoted = text.replace("'", "''")
    assert rows(engine, "select '" + quoted.replace("%", "%%") + "' as x") == [[text]]
    if text.replace("%%", "").count("%"):
        with pytest.raises(PercentError):
            engine.run(f"select '{quoted}' as x")


def test_a_million_rows_and_no_word_about_the_rest(engine: Engine) -> None:
    answer = engine.run("select n from generate_series(1, 1000003) as g(n)")
    text = b"".join(answer.json())
    assert text.startswith(b'{"columns":["n"],"data":[[1],[2],')
    assert text.endswith(b",[1000000]]}")


def test_a_large_answer_is_not_made_before_it_is_sent(engine: Engine) -> None:
    answer = engine.run("select n, n * 2 as m from generate_series(1, 1000000000000) as g(n)")
    pieces = islice(answer.json(), 4)
    assert sum(len(piece) for piece in pieces) > 100_000


def test_a_statement_that_takes_for_ever_can_be_stopped() -> None:
    engine = Engine()
    timer = threading.Timer(0.2, engine.stop)
    timer.start()
    with pytest.raises(RefusedError, match="Interrupted"):
        engine.run("select count(*) from generate_series(1, 1000000000000) as g(n)")
    timer.join()


def test_other_tables_than_the_visits(engine: Engine) -> None:
    for table in (
        "cdb_latiss.visit1",
        "cdb_lsstcomcam.ccdvisit1_quicklook",
        "efd_lsstcam.visit1_efd",
        "cdb_lsstcam.exposure_quicklook",
    ):
        assert rows(engine, f"select count(*) from {table}")[0][0] > 10


# -- the schema


@pytest.mark.parametrize(
    ("table", "columns", "keys"),
    [
        ("cdb_lsstcam.exposure", 50, {"day_obs", "seq_num"}),
        ("cdb_lsstcam.visit1_quicklook", 166, {"day_obs", "seq_num"}),
        ("cdb_lsstcam.ccdvisit1_quicklook", 70, {"day_obs", "seq_num", "detector"}),
        ("cdb_latiss.exposure", 53, {"day_obs", "seq_num"}),
        ("cdb_latiss.visit1_quicklook", 39, {"day_obs", "seq_num"}),
        ("cdb_lsstcomcam.visit1_quicklook", 103, {"day_obs", "seq_num"}),
        ("efd_lsstcam.exposure_efd", 477, {"day_obs", "seq_num"}),
    ],
)
def test_tables_have_all_columns(engine: Engine, table: str, columns: int, keys: set[str]) -> None:
    found = schema.tables()[table]
    assert len(found) == columns
    assert {column.name for column in found if column.flag == "key"} == keys
    assert answered(engine, f"select * from {table} limit 1")["columns"] == [column.name for column in found]


def test_units_are_known() -> None:
    units = {column.name: (column.unit, column.ucd) for column in schema.tables()["cdb_lsstcam.visit1"]}
    assert units["exp_time"][0] == "s"
    assert units["day_obs"][1] == "meta.id.part"


def test_the_statements_for_postgresql_have_keys_and_views() -> None:
    found = list(schema.statements())
    (table,) = (text for text in found if text.startswith("CREATE TABLE cdb_lsstcam.exposure ("))
    assert "exposure_id BIGINT NOT NULL, exposure_name VARCHAR(20) NOT NULL" in table
    assert table.endswith("PRIMARY KEY (day_obs, seq_num))")
    (view,) = (text for text in found if text.startswith("CREATE VIEW cdb_lsstcam.visit1 "))
    assert "exposure_id AS visit_id" in view
    assert len(found) == len(schema.tables()) + 6


# -- the year


def test_the_year_is_the_same_at_every_start(engine: Engine) -> None:
    sql = "select * from cdb_lsstcam.visit1_quicklook where day_obs < 20251105"
    assert rows(Engine(), sql) == rows(engine, sql)
    ((first,),) = rows(engine, "select s_ra from cdb_lsstcam.visit1 where visit_id = 2026032000120")
    assert first == pytest.approx(171.31995, abs=1e-4)


def test_some_nights_are_full_some_nearly_empty_some_empty(engine: Engine) -> None:
    counts = dict(rows(engine, f"select day_obs, count(*) from {VISITS} group by day_obs"))
    assert max(counts.values()) > 200
    assert min(counts.values()) < 10
    assert 20251105 not in counts
    assert set(counts) <= set(visits.nights("lsstcam"))
    assert 10_000 < sum(counts.values()) < 20_000


def test_the_edges_of_a_day(engine: Engine) -> None:
    found = rows(
        engine, f"select day_obs, seq_num, obs_start from {VISITS} where img_type = 'engtest' order by obs_start"
    )
    assert found == [
        [20260319, 18, "2026-03-20T11:59:30"],
        [20260320, 1, "2026-03-20T12:00:00"],
        [20260320, 2, "2026-03-20T12:00:36.500000"],
        [20260320, 400, "2026-03-21T11:59:59.999999"],
        [20260321, 1, "2026-03-21T12:00:00"],
    ]
    ((exact,),) = rows(engine, f"select obs_start_mjd from {VISITS} where visit_id = 2026032000001")
    assert exact == 61119.5


def test_every_day_holds_its_own_exposures(engine: Engine) -> None:
    wrong = (
        "select count(*) from cdb_lsstcam.exposure where exposure_id <> day_obs::bigint * 100000 + seq_num "
        "or obs_start_mjd > obs_end_mjd or obs_end < obs_start or exp_midpt > obs_end"
    )
    assert rows(engine, wrong) == [[0]]
    days = rows(
        engine,
        "select day_obs, floor(min(obs_start_mjd) - 0.5), floor(max(obs_start_mjd) - 0.5) "
        "from cdb_lsstcam.exposure group by day_obs",
    )
    assert all(first == last for _, first, last in days)


@pytest.fixture(scope="module", name="night")
def _night(engine: Engine) -> Any:
    """Of each visit of the full night that is not at an edge: start (s since 1970, UTC) and what was made up for it."""
    names = "obs_start_mjd, obs_end_mjd, altitude, azimuth, s_ra, s_dec, airmass"
    sql = f"select {names} from {VISITS} where day_obs = {visits.NIGHT} and img_type <> 'engtest' order by 1"
    begins, ends, *others = np.array(rows(engine, sql), dtype=float).T
    return [(each - 40587) * 86400 - 37 for each in (begins, ends)], *others


def test_visits_are_where_the_bundled_mount_is(night: Any) -> None:
    (begins, _), altitudes, azimuths, *_ = night
    table = pq.read_table(make_night.TARGET, columns=["measurement", "time", "actualPosition"])
    for axis, seen, most in (("elevation", altitudes, 4), ("azimuth", azimuths, 8)):
        of = table.filter(pc.equal(table["measurement"], f"lsst.sal.MTMount.{axis}"))
        there = np.interp(begins, of["time"].to_numpy() / 1e9, of["actualPosition"].cast("float64").to_numpy())
        apart = np.abs((seen - there + 180) % 360 - 180)
        assert np.median(apart) < most
        assert (apart < 4 * most).mean() > 0.9


def test_visits_have_one_place_whichever_way_it_is_said(night: Any) -> None:
    (begins, _), altitudes, azimuths, ascensions, declinations, airmasses = night
    for begin, *seen, ra, dec, airmass in zip(
        begins, altitudes, azimuths, ascensions, declinations, airmasses, strict=True
    ):
        up, turn = make_night.horizontal(ra, dec, np.array(begin - make_night.START))
        assert seen == pytest.approx([up, turn], abs=0.1)
        assert airmass == pytest.approx(1 / math.sin(math.radians(up)), rel=0.01)


def test_there_are_no_visits_while_time_is_lost(night: Any) -> None:
    begins, ends = night[0]
    lost = [
        (row["date_begin"].replace(tzinfo=UTC).timestamp() - 37, row["time_lost"])
        for row in made_up.rows("narrativelog")
        if row["time_lost"] > 600 and begins[0] < row["date_begin"].replace(tzinfo=UTC).timestamp() < ends[-1]
    ]
    assert sorted(seconds for _, seconds in lost) == sorted(visits.LOST.values())
    for begin, seconds in lost:
        assert not ((ends > begin) & (begins < begin + seconds)).any()
    assert (begins[1:] - ends[:-1] > 600).sum() == len(lost)


def test_of_one_measurement_the_least_is_least(engine: Engine) -> None:
    columns = {column.name for column in schema.tables()["cdb_lsstcam.visit1_quicklook"]}
    stems = [name.removesuffix("_median") for name in columns if name.endswith("_median")]
    known = [stem for stem in stems if {f"{stem}_min", f"{stem}_max"} <= columns]
    assert {"zero_point", "psf_sigma", "sky_bg"} < set(known)
    wrong = " or ".join(f"{stem}_min > {stem}_median or {stem}_median > {stem}_max" for stem in known)
    # Of NaN, PostgreSQL says that it is greater than any number.
    fine = " and ".join(f"{stem}_{end} <> 'NaN'" for stem in ("zero_point", "psf_sigma") for end in ("min", "median"))
    assert rows(engine, f"select count(*) from cdb_lsstcam.visit1_quicklook where {fine} and ({wrong})") == [[0]]


def test_ids_that_a_double_cannot_hold(engine: Engine) -> None:
    found = rows(engine, "select ccdvisit_id from cdb_lsstcam.ccdvisit1 where visit_id = 2026032000120 order by 1")
    assert len(found) == 205
    assert any(int(float(number)) != number for (number,) in found)


@pytest.mark.parametrize("text", ["science_program", "target_name", "observation_reason"])
def test_empty_and_missing_texts_are_two_things(engine: Engine, text: str) -> None:
    found = rows(engine, f"select {text} from cdb_lsstcam.exposure")
    assert {("",), (None,)} < {tuple(row) for row in found}


def test_odd_values_are_there(engine: Engine) -> None:
    ((nan,),) = rows(engine, "select count(*) from cdb_lsstcam.visit1_quicklook where zero_point_median = 'NaN'")
    ((missing,),) = rows(engine, "select count(*) from cdb_lsstcam.visit1_quicklook where n_inputs is null")
    ((unsure,),) = rows(engine, f"select count(*) from {VISITS} where emulated is null")
    notes = rows(engine, f"select distinct scheduler_note from {VISITS}")
    assert min(nan, missing, unsure) > 0
    assert ['pair, "late" — 95 % clear\nè'] in notes
    assert rows(engine, f"select count(*) from {VISITS} v join cdb_lsstcam.exposure e on e.exposure_id = v.visit_id")
    ((hidden,),) = rows(engine, "select count(*) from cdb_lsstcam.exposure where can_see_sky is not true")
    assert hidden > 0
