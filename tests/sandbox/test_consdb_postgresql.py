"""The sandbox's ConsDB beside a real one: the same statements over HTTP, the same columns, cells, order and errors.

The real one is Debian's PostgreSQL, unpacked and not run as root, behind a page with the service's own framework and
driver (``pqserver.py``). It has the same schema from the same statements, with all keys, and every row of the made-up
year. What may differ, all of it stated here: the last digits of numbers that are added up in another order (`NEARLY`),
the order of rows where nobody asked for one, PostgreSQL's guess at a name in a statement with a query inside, and what
the sandbox refuses by name (`REFUSED`). Texts are sorted by their code points, as in a database whose locale is C; what
the real one has is not known.
"""

import contextlib
import datetime as dt
import json
import math
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import httpx2
import numpy as np
import pytest
from astropy.time import Time
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from skykey.rubin.consdb import sql as consdb_sql
from skykey.rubin.consdb_query import ConsDbFastAPI
from skykey.sandbox import running
from skykey.sandbox.consdb import schema, visits
from skykey.values.errors import QueryError, UsageError
from tools import parts

pytestmark = pytest.mark.interop

PAGE = Path(__file__).with_name("pqserver.py")
VIEWS = ("visit1", "ccdvisit1")
NIGHT = "2026-03-20T12:00:00", "2026-03-21T12:00:00"
V, Q = "cdb_lsstcam.visit1", "cdb_lsstcam.visit1_quicklook"


def write_year(folder: Path) -> None:
    """Every table of the made-up year as CSV, and the statements that make them."""
    with duckdb.connect(":memory:") as made:
        for statement in schema.statements(keys=False):
            made.execute(statement)
        visits.fill(made)
        for name in schema.tables():
            if name.partition(".")[2] not in VIEWS and made.execute(f"SELECT 1 FROM {name} LIMIT 1").fetchall():
                made.execute(f"COPY {name} TO '{folder}/{name}.csv' (FORMAT csv, HEADER false, NULLSTR '\\N')")
    (folder / "statements.json").write_text(json.dumps(list(schema.statements())))


@contextlib.contextmanager
def pqserver(database: parts.Running, folder: Path) -> Iterator[str]:
    """The page over a database, filled from a folder; gives its root."""
    login = database.url.replace("://", f"://{database.user}:{database.password}@")
    command = [str(parts.guest("psycopg2-binary")), "-I", str(PAGE), str(folder)]
    environment = {"PATH": os.defpath, "DATABASE_URL": login}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin
        assert process.stdout
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.stdin.close()


@dataclass
class Both:
    http: httpx2.Client
    sandbox: str
    token: str
    postgresql: str

    def ours(self, sql: str) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        return self.http.post(f"{self.sandbox}/consdb/query", json={"query": sql}, headers=headers)

    def real(self, sql: str) -> httpx2.Response:
        return self.http.post(f"{self.postgresql}/consdb/query", json={"query": sql})

    def rows(self, sql: str) -> tuple[list[list[Any]], list[list[Any]]]:
        """Both answers' rows; their columns are the same."""
        ours, real = self.ours(sql), self.real(sql)
        assert (ours.status_code, real.status_code) == (200, 200), (ours.text[:2000], real.text[:2000])
        mine, theirs = ours.json(), real.json()
        assert mine["columns"] == theirs["columns"]
        return mine["data"], theirs["data"]

    def client(self) -> ConsDbFastAPI:
        """Our client, which asks the real part."""
        return ConsDbFastAPI(self.postgresql, ("user", self.token))


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    folder = tmp_path_factory.mktemp("year")
    write_year(folder)
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(parts.postgresql())
        print(f"\nPostgreSQL {database.version}")
        address = stack.enter_context(pqserver(database, folder))
        box = stack.enter_context(running(tmp_path_factory.mktemp("sandbox")))
        http = stack.enter_context(httpx2.Client(timeout=60))
        yield Both(http, box.site_url, box.token, address)


def written(rows: list[list[Any]]) -> list[str]:
    """Rows as text, which tells 1 from 1.0 and "1", and -0.0 from 0.0."""
    return [json.dumps(row) for row in rows]


# -- the part itself


def user_of(process: int) -> int:
    found = re.search(r"^Uid:\t(\d+)", Path(f"/proc/{process}/status").read_text(), re.MULTILINE)
    assert found
    return int(found[1])


def test_postgresql_runs_as_somebody_else_than_root_and_leaves_nothing() -> None:
    with parts.postgresql(user="ada") as one, parts.postgresql() as other:
        assert user_of(one.pid) != 0
        assert one.version.startswith("15.")
        assert one.url != other.url
        assert (one.user, other.user) == ("ada", "postgres")
        assert one.password not in repr(one)
        assert not list(Path(one.folder).glob("password")), "its file is of no use any more"
        listening = [line.split()[1] for line in Path(f"/proc/{one.pid}/net/tcp").read_text().splitlines()[1:]]
        port = int(one.url.rpartition(":")[2].partition("/")[0])
        assert {place for place in listening if place.endswith(f":{port:04X}")} == {f"0100007F:{port:04X}"}
    for run in (one, other):
        assert not Path(run.folder).exists()
        assert not Path(f"/proc/{run.pid}").exists()
    assert not [run for run in parts.running() if run.name == "postgresql" and run.pid in (one.pid, other.pid)]


def test_postgresql_wants_its_password(tmp_path: Path) -> None:
    (tmp_path / "statements.json").write_text("[]")
    with parts.postgresql() as database:
        with pqserver(database, tmp_path) as page:
            found = httpx2.post(f"{page}/consdb/query", json={"query": "select current_user as me"}).json()
            assert found == {"columns": ["me"], "data": [["postgres"]]}
        wrong = database.url.replace("://", "://postgres:wrong@")
        command = [str(parts.guest("psycopg2-binary")), "-I", str(PAGE), str(tmp_path)]
        done = subprocess.run(
            command, env={"DATABASE_URL": wrong}, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        assert "password authentication failed" in done.stderr


def test_the_words_of_a_server_that_does_not_come_up_come_through() -> None:
    with pytest.raises(parts.PartError, match="unrecognized configuration parameter"):
        parts.postgresql(settings={"no_such_thing": "1"}).__enter__()
    with parts.postgresql() as first:
        port = int(first.url.rpartition(":")[2].partition("/")[0])
        with pytest.raises(parts.PartError, match="Address already in use"):
            parts.postgresql(port=port).__enter__()


# -- the clients' own statements

RELEASE = (
    "select visit1.*, visit1_quicklook.* from  cdb_{0}.visit1 as visit1 left join cdb_{0}.visit1_quicklook as "
    "visit1_quicklook on visit1.visit_id = visit1_quicklook.visit_id {1} order by visit1.visit_id"
)
CCD = (
    "select v.*, c.detector, cq.* from cdb_lsstcam.visit1 as v join cdb_lsstcam.ccdvisit1 as c on v.visit_id = "
    "c.visit_id  left join cdb_lsstcam.ccdvisit1_quicklook as cq on c.ccdvisit_id = cq.ccdvisit_id where v.visit_id = "
    "2026032000120{}"
)
CONSTRAINTS = [
    "visit1.science_program = 'BLOCK-365'",
    "visit1.band in ('r', 'i') and visit1.airmass < 1.2",
    "visit1.target_name like 'Field 1%%' or visit1.img_type = 'acq' -- a comment",
    "visit1.can_see_sky and not visit1.emulated",
    "psf_sigma_median > 2 and zero_point_median is not null",
    "visit1.obs_start between '2026-03-20 22:00:00' and '2026-03-21T02:00:00.5'",
    "visit1.day_obs = 20260320 and visit1.seq_num %% 7 = 3",
    "visit1.scheduler_note is null or visit1.scheduler_note ilike '%%late%%'",
    "visit1.visit_id = 1",
]
CLIENTS = [
    consdb_sql.visits("latiss"),
    consdb_sql.visits("lsstcomcam"),
    consdb_sql.visits("LSSTCam", *(Time(each, scale="tai") for each in NIGHT)),
    consdb_sql.visits("lsstcam", *NIGHT),
    consdb_sql.visits("lsstcam", "2026-10-20T12:00:00"),
    consdb_sql.visits("lsstcam", None, "2025-11-03T00:00:00"),
    *(consdb_sql.visits("lsstcam", *NIGHT, each) for each in CONSTRAINTS),
    *(consdb_sql.visits("latiss", constraint=each) for each in CONSTRAINTS if "psf_sigma" not in each),
    RELEASE.format("LSSTCam", " where  visit1.obs_start_mjd >= 61119.5 and visit1.obs_start_mjd <= 61120.5 "),
    RELEASE.format("latiss", ""),
    consdb_sql.ccdvisits("lsstcam", 2026032000120),
    consdb_sql.ccdvisits("lsstcam", 2026032000120, 90),
    consdb_sql.ccdvisits("lsstcam", 2026032000120, 90, 98),
    consdb_sql.ccdvisits("latiss", 2025110500005),
    consdb_sql.ccdvisits("lsstcam", 1),
    CCD.format(" and c.detector >= 90 and c.detector <= 98 order by c.detector"),
]

# -- statements of people


def listed(section: str) -> list[str]:
    """The statements of a section."""
    text = Path(__file__).with_name("consdb_statements.txt").read_text(encoding="utf-8")
    (found,) = [part for part in text.split("\n## ") if part.startswith(section)]
    return [line for line in found.splitlines()[1:] if line and not line.startswith("# ")]


ANSWERS = [
    *listed("answers"),
    "select /* c /* nested */ */ n -- comment\nfrom generate_series(1, 1001) as g(n) order by n",
]
ANY_ORDER = [
    *(f"select * from {name}" for name in schema.tables() if name not in (V, "cdb_lsstcam.exposure")),
    f"select band, seq_num from {V} where airmass > 1.2",
    "select visit_id from cdb_latiss.visit1 intersect select visit_id from cdb_latiss.visit1_quicklook",
]
NEARLY = listed("nearly")
ERRORS = [
    "",
    *listed("errors"),
    f"select count(*)\nfrom {V}\nwhere\tfooo = 3 and some_other_condition_which_is_long is null and another_too = 5",
    f"select\t'a',\tfoo\tfrom {V}",
]

#: what the sandbox leaves to the real one, by a word of its refusal
REFUSED = {
    "select 7 / 2": "division",
    f"select avg(seq_num) from {V}": "avg",
    f"select obs_end - obs_start from {V} limit 1": "interval",
    f"select airmass::text from {V} limit 1": "text",
    f"select round(airmass::numeric, 2) from {V} limit 1": "round",
    f"select to_char(obs_start, 'YYYY') from {V} limit 1": "to_char",
    f"select string_agg(band, ',') from {V}": "string_agg",
    f"select count(*) from {V} where band ~ 'r'": "regexp",
    rf"select count(*) from {V} where scheduler_note like '%%95 \%% clear%%'": "backslash",
    f"select substr(band, 0, 2) from {V} limit 1": "begin before",
    "select upper('ß')": "upper",
    f"select count(*) from {V} where obs_start > '2026-03-21T02:00:00+02:00'": "as a time",
    f"select count(*) from {V} where obs_start < 'now'": "as a time",
    "select '2026-3-2'::date": "as a time",
    f"select count(*) from {V} where airmass > '0x10'": "as a number",
    f"select count(*) from {V} where airmass between symmetric 2 and 1": "symmetric",
    f"select -seq_num as seq_num from {V} order by seq_num + 0 limit 1": "sort",
    "select coalesce(1.5, 2.25)": "exact decimals",
    "select 1 union select 2.5": "exact decimals",
    "select case when true then 1 else 2.5 end": "exact decimals",
    "select 1e3": "double",
    "select 9223372036854775808": "hugeint",
    "select date_trunc('year', date '2026-03-01')": "zone",
    "select exp(1000::float8)": "beyond the largest",
    f"select max(airmass * 1e308::float8) * 10 from {V}": "beyond the largest",
    f"select band from {V} having band = 'r'": "HAVING",
    f'select * from {V} "V" limit 1': "large letters",
    f"select band::int from {V}": "cast of text",
    "select '1.5'::smallint": "smallint",
    "select 1; select 2": "several statements",
    "delete from cdb_latiss.exposure_flexdata": "only reads",
    "show timezone": "SHOW",
}


@pytest.mark.parametrize("sql", CLIENTS)
def test_the_clients_statements(both: Both, sql: str) -> None:
    ours, real = both.rows(sql)
    assert written(ours) == written(real)


def test_the_clients_statements_find_something(both: Both) -> None:
    counts = [both.real(f"select count(*) from ({sql}) x").json()["data"] for sql in CLIENTS if "cdb_latiss" not in sql]
    assert counts.count([[0]]) == 2, "no visit is 1"
    assert max(counts) > [[390]]


@pytest.mark.parametrize("sql", ANSWERS)
def test_answers(both: Both, sql: str) -> None:
    ours, real = both.rows(sql)
    assert written(ours) == written(real)
    assert real or sql.endswith("false"), "nothing was compared"


@pytest.mark.parametrize("sql", ANY_ORDER)
def test_rows_in_any_order(both: Both, sql: str) -> None:
    ours, real = both.rows(sql)
    assert sorted(written(ours)) == sorted(written(real))


@pytest.mark.parametrize("sql", NEARLY)
def test_computed_numbers_to_the_last_digits(both: Both, sql: str) -> None:
    ours, real = both.rows(sql)
    assert len(ours) == len(real) > 0
    for mine, theirs in zip(ours, real, strict=True):
        for cell, other in zip(mine, theirs, strict=True):
            assert type(cell) is type(other)
            assert cell == (pytest.approx(other, rel=1e-11, abs=1e-13) if isinstance(other, float) else other)


@pytest.mark.parametrize("sql", ERRORS)
def test_errors_in_all_their_words(both: Both, sql: str) -> None:
    ours, real = both.ours(sql), both.real(sql)
    assert (ours.status_code, ours.json()) == (real.status_code, real.json())
    assert real.status_code == 500


def test_a_guess_is_left_out_where_there_is_a_query_inside(both: Both) -> None:
    sql = f"select seqnum from {V} where seq_num in (select seq_num from cdb_latiss.exposure)"
    hint = 'HINT:  Perhaps you meant to reference the column "visit1.seq_num".\n'
    real = both.real(sql).json()["message"]
    assert hint in real
    assert both.ours(sql).json()["message"] == real.replace(hint, "")


@pytest.mark.parametrize("sql", REFUSED)
def test_what_is_refused_is_named_and_the_real_one_knows_it(both: Both, sql: str) -> None:
    ours, real = both.ours(sql), both.real(sql)
    assert ours.status_code == 500
    assert ours.json()["message"].startswith("The sandbox's ConsDB does not answer ")
    assert REFUSED[sql] in ours.json()["message"]
    assert "SyntaxError" not in real.text, "or the sandbox should say so too"


@pytest.mark.parametrize("sql", ["select 5%3", "select '%s'", "select '100%'", "select 5 %% 3, '%%s'", "select '%%%%'"])
def test_percent_signs(both: Both, sql: str) -> None:
    ours, real = both.ours(sql), both.real(sql)
    assert (ours.status_code, ours.text) == (real.status_code, real.text)


# -- statements that nobody thought of

SEEN = "(select *, exposure_id as visit_id from cdb_lsstcam.exposure) e"
NUMBERS = ["airmass", "seq_num", "visit_id", "exp_time", "focus_z", "dimm_seeing", "s_ra", "day_obs"]
TEXTS = ["band", "target_name", "science_program", "scheduler_note", "img_type", "observation_reason"]
ALL = [*NUMBERS, *TEXTS, "obs_start", "emulated", "can_see_sky"]
literals = {
    "number": st.one_of(
        st.integers(-5, 400).map(str),
        st.integers(20251101 * 10**5, 20261031 * 10**5).map(str),
        st.floats(-2, 100).map(lambda number: f"({number!r})::float8"),
        st.sampled_from(["'1.5'::float8", "'NaN'::float8", "1.25", "0"]),
    ),
    "text": st.one_of(
        st.sampled_from(["''", "'r'", "'Field 1'", "'BLOCK-365'", "'science'", "'é'"]),
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\\"), max_size=6).map(
            lambda text: "'" + text.replace("'", "''").replace("%", "%%") + "'"
        ),
    ),
}
signs = st.sampled_from(["=", "<>", "<", ">", "<=", ">=", "is distinct from", "is not distinct from"])


@st.composite
def conditions(draw: st.DrawFn, depth: int = 2) -> str:
    kind = draw(st.sampled_from(["number", "text", "time", "bool", "null", *(["and", "or", "not"] if depth else [])]))
    if kind in ("and", "or"):
        return f"({draw(conditions(depth - 1))} {kind} {draw(conditions(depth - 1))})"
    if kind == "not":
        return f"not ({draw(conditions(depth - 1))})"
    if kind == "null":
        return f"{draw(st.sampled_from(ALL))} is {draw(st.sampled_from(['', 'not ']))}null"
    if kind == "bool":
        return draw(st.sampled_from(["emulated", "can_see_sky is true", "emulated is not false", "can_see_sky = 't'"]))
    if kind == "time":
        day, second = draw(st.integers(0, 364)), draw(st.integers(0, 86399))
        moment = dt.datetime(2025, 11, 1, tzinfo=dt.UTC) + dt.timedelta(days=day, seconds=second)
        return f"obs_start {draw(st.sampled_from(['<', '>=']))} '{moment:%Y-%m-%d %H:%M:%S}'"
    name, other = draw(st.sampled_from(NUMBERS if kind == "number" else TEXTS)), draw(literals[kind])
    if kind == "text" and draw(st.booleans()):
        pattern = other[:-1] + "%%'" if draw(st.booleans()) else other
        return f"{name} {draw(st.sampled_from(['like', 'not like', 'ilike']))} {pattern}"
    if draw(st.booleans()):
        return f"{name} {draw(signs)} {other}"
    return draw(
        st.sampled_from(
            [f"{name} in ({other}, {draw(literals[kind])})", f"{name} between {other} and {draw(literals[kind])}"]
        )
    )


@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(
    where=conditions(),
    chosen=st.lists(st.sampled_from(ALL), min_size=1, max_size=4),
    orders=st.lists(st.tuples(st.sampled_from(ALL), st.sampled_from(["", " desc", " nulls first"])), max_size=2),
    limit=st.sampled_from(["", " limit 10", " limit 5 offset 3"]),
)
def test_random_selections(
    both: Both, where: str, chosen: list[str], orders: list[tuple[str, str]], limit: str
) -> None:
    order = ", ".join([*(f"{name}{turn}" for name, turn in orders), "exposure_id"])
    sql = f"select {', '.join(chosen)} from {SEEN} where {where} "
    ours, real = both.rows(f"{sql} order by {order}{limit}")
    assert written(ours) == written(real)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(
    where=conditions(depth=1),
    groups=st.lists(st.sampled_from(["band", "day_obs", "img_type", "emulated"]), unique=True, max_size=2),
    functions=st.lists(
        st.sampled_from(
            [
                "count(*)", "count(dimm_seeing)", "max(airmass)", "min(focus_z)", "sum(seq_num)", "min(target_name)",
                "count(distinct band)", "max(obs_start)", "bool_or(emulated)", "sum(exposure_id)", "min(exp_time)",
                "count(*) filter (where airmass > 1.2)", "max(band)",
            ]
        ),
        min_size=1,
        max_size=4,
    ),
)  # fmt: skip
def test_random_groups(both: Both, where: str, groups: list[str], functions: list[str]) -> None:
    sql = f"select {', '.join([*groups, *functions])} from {SEEN}"
    sql += f" where {where}"
    sql += f" group by {', '.join(groups)} order by {', '.join(groups)}" if groups else ""
    ours, real = both.rows(sql)
    assert written(ours) == written(real)


# -- values: what our client writes, PostgreSQL reads


def read(both: Both, expression: str, value: Any) -> Any:
    """What becomes of a value, as PostgreSQL gives it back."""
    table = both.client().query.arrow(f"select {expression} as x", {"v": value})
    return table.column("x").to_pylist()[0]


HARD_TEXTS = [
    "", " ", "O'Neil", "''", "'", "\\", "\\'", "a\\nb", "%", "%%", "100 %s", "%(x)s", "$$", "$1", "a\nb\r\n\tc",
    '"q"', ":v", "-- no comment", "/* no */", "; drop table x", "é🌌日本\u0301", "\u202e\ufeff", "E'x'",
    "x" * 5000, "\x01\x7f", "{}",
    "?", "NULL", "null", "\\%'%%\\''",
]  # fmt: skip


@pytest.mark.parametrize("text", HARD_TEXTS)
def test_texts_are_read_as_they_are(both: Both, text: str) -> None:
    assert read(both, ":v", text) == text
    assert read(both, "length(:v)", text) == len(text)
    assert read(both, "'>' || :v || '<'", text) == f">{text}<"


@settings(max_examples=50)
@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_any_text_is_read_as_it_is(both: Both, text: str) -> None:
    assert read(both, ":v", text) == text
    assert read(both, "':v %' || :v || '%% :v'", text) == f":v %{text}% :v"


def test_a_nul_is_refused_here_because_it_is_refused_there(both: Both) -> None:
    with pytest.raises(UsageError, match="NUL"):
        read(both, ":v", "a\0b")
    assert both.real("select 'a\0b'").status_code == 500


@pytest.mark.parametrize(
    "number",
    [0, 1, -1, 2**31 - 1, 2**31, 2**53 + 1, 2**63 - 1, -(2**63 - 1), -(2**63), np.int64(2**63 - 1), np.uint8(7)],
)
def test_whole_numbers_are_read_to_the_last_digit(both: Both, number: int) -> None:
    assert read(both, "(:v)::bigint", number) == number
    assert read(both, "1.0 -:v = 1.0 - (:v)", number) is True  # and not the beginning of a comment


@settings(max_examples=40)
@given(number=st.floats(allow_nan=False, allow_infinity=False))
@example(1e308)
@example(5e-324)
@example(-1.7976931348623157e308)
@example(0.1)
@example(-0.0)
def test_numbers_are_read_to_the_last_bit(both: Both, number: float) -> None:
    found = read(both, "(:v)::float8", number)
    assert (found, type(found)) == (number, float)
    assert read(both, "abs((:v)::float8) + 0", -number) == abs(number)


def test_the_sign_of_zero_is_kept(both: Both) -> None:
    assert math.copysign(1, read(both, "(:v)::float8", -0.0)) == -1


@pytest.mark.parametrize(("number", "name"), [(math.nan, "NaN"), (math.inf, "Infinity"), (-math.inf, "-Infinity")])
@pytest.mark.parametrize(("kind", "make"), [("float8", float), ("float8", np.float32), ("numeric", Decimal)])
def test_what_is_no_finite_number_is_read_as_such(both: Both, number: float, name: str, kind: str, make: Any) -> None:
    assert read(both, f"(:v)::text || pg_typeof(:v) = '{name}' || '{kind}'::regtype", make(number)) is True
    assert read(both, "'1'::float8 < :v", make(number)) is (name != "-Infinity")


@pytest.mark.parametrize("text", ["1.10", "-0.5", "12345678901234567890.123456789", "1E+3", "1E-7"])
def test_exact_decimals_stay_exact(both: Both, text: str) -> None:
    found = read(both, ":v", Decimal(text))
    assert Decimal(found) == Decimal(text)
    assert read(both, "pg_typeof(:v)::text", Decimal(text)) == "numeric"


def test_truths_nulls_and_lists(both: Both) -> None:
    for truth in (True, False, np.True_):
        assert read(both, ":v", truth) is bool(truth)
        assert read(both, "pg_typeof(:v)::text", truth) == "boolean"
    assert read(both, "(:v)::text is null", None) is True
    assert read(both, "3 in :v and not 4 in :v", [1, 2, 3]) is True
    assert read(both, "'O''Neil' in :v", HARD_TEXTS) is True
    assert read(both, "'O''Neill' in :v", HARD_TEXTS) is False
    assert read(both, "'2026-03-20 12:00:37' in :v", (Time("2026-03-20T12:00:00", scale="utc"),)) is True
    assert read(both, "2.5 in :v", np.array([1.5, 2.5])) is True
    with pytest.raises(UsageError):
        read(both, "1 in :v", [])


@pytest.mark.parametrize(
    ("when", "there"),
    [
        (Time("2026-03-20T12:00:00", scale="utc"), "2026-03-20T12:00:37"),
        (Time("2026-03-20T12:00:37", scale="tai"), "2026-03-20T12:00:37"),
        (Time("2026-03-20T12:01:09.184", scale="tt"), "2026-03-20T12:00:37"),
        (dt.datetime(2026, 3, 20, 14, 0, 0, 1, dt.timezone(dt.timedelta(hours=2))), "2026-03-20T12:00:37.000001"),
        (Time("1999-12-31T23:59:59.9999996", scale="tai"), "2000-01-01T00:00:00"),
        (dt.date(2026, 3, 20), "2026-03-20"),
    ],
)
def test_times_are_read_as_the_databases_own(both: Both, when: Any, there: str) -> None:
    assert read(both, ":v", when) == there
    kind = "date" if len(there) == 10 else "timestamp without time zone"
    assert read(both, "pg_typeof(:v)::text", when) == kind


def test_values_find_their_rows(both: Both) -> None:
    client = both.client()
    note = 'pair, "late" — 95 % clear\nè'
    found = client.query(f"select count(*) as n from {V} where scheduler_note = :note and band in :bands", {
        "note": note, "bands": ["r", "i"],
    })["n"]  # fmt: skip
    ((direct,),) = both.real(
        f"select count(*) from {V} where scheduler_note = 'pair, \"late\" — 95 %% clear\nè' "
        "and (band = 'r' or band = 'i')"
    ).json()["data"]
    assert found.tolist() == [direct]
    assert direct > 0


def test_the_real_ones_refusal_is_a_query_error(both: Both) -> None:
    with pytest.raises(QueryError, match=r"UndefinedColumn.*"):
        both.client().query(f"select bandd from {V} where seq_num = :v", {"v": 5})
