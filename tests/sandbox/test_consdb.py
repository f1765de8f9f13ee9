"""ConsDB's counterpart behind the site's ingress: routes, scopes, errors and shapes of answers."""

import gzip
import json
from typing import Any

import pytest

from skykey.sandbox import Box

ADA = "where visit_id = 2026032000120"


@pytest.fixture
def consdb(box: Box) -> str:
    return f"{box.site_url}/consdb"


@pytest.fixture
def token(box: Box) -> str:
    return box.token_file.read_text().strip()


@pytest.fixture
def get(ask: Any, consdb: str, token: str) -> Any:
    return lambda path, **more: ask(consdb + path, token, **more)


@pytest.fixture
def query(post: Any, consdb: str, token: str) -> Any:
    def query(sql: Any, path: str = "/query", **more: Any) -> Any:
        return post(consdb + path, {"query": sql}, token=token, timeout=30, **more)

    return query


def test_the_root_describes_the_service(ask: Any, consdb: str, token: str) -> None:
    found = ask(f"{consdb}/", token).json
    assert found["name"] == "consdb-pqserver"
    assert {"version", "description", "repository_url", "documentation_url"} < set(found)
    assert found["instruments"] == ["latiss", "lsstcam", "lsstcomcam"]
    assert found["obs_types"] == ["exposure", "visit1", "ccdexposure", "ccdvisit1"]
    assert found["dtypes"] == ["bool", "int", "float", "str"]


def test_without_the_slash_it_redirects(ask: Any, consdb: str, token: str) -> None:
    answer = ask(consdb, token)
    assert (answer.status, answer.headers["Location"]) == (307, f"{consdb}/")
    assert ask(consdb).status == 401


@pytest.mark.parametrize("path", ["/", "/query", "/schema", "/nothing", "/schema/nothing"])
def test_the_ingress_comes_before_everything(ask: Any, box: Box, consdb: str, path: str) -> None:
    assert ask(consdb + path).status == 401
    other = box.controls.mint(scopes=["read:tap"])
    answer = ask(consdb + path, other)
    assert answer.status == 403
    assert 'scope="read:image"' in answer.headers["WWW-Authenticate"]


def test_the_token_may_come_as_basic(ask: Any, box: Box, consdb: str, token: str) -> None:
    assert ask(f"{consdb}/schema", basic=("user", token)).status == 200
    assert [seen.credential for seen in box.controls.requests("consdb")] == ["basic"]


def test_a_query_gives_columns_and_rows(query: Any) -> None:
    answer = query("select visit_id, band, obs_start, exp_time, can_see_sky from cdb_lsstcam.visit1 " + ADA)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json["columns"] == ["visit_id", "band", "obs_start", "exp_time", "can_see_sky"]
    ((visit, band, start, seconds, sky),) = answer.json["data"]
    assert (visit, band, sky) == (2026032000120, "r", True)
    assert start == "2026-03-21T02:07:20"
    assert isinstance(seconds, float)


def test_names_that_both_tables_have_come_twice(query: Any) -> None:
    sql = (
        "select v.*, q.* from cdb_LSSTCam.visit1 v left join cdb_lsstcam.visit1_quicklook q on v.visit_id = q.visit_id"
    )
    found = query(f"{sql} where v.day_obs = 20260320 order by v.visit_id").json
    assert {name for name in found["columns"] if found["columns"].count(name) == 2} == {
        "visit_id",
        "day_obs",
        "seq_num",
    }
    first, second = (place for place, name in enumerate(found["columns"]) if name == "visit_id")
    assert all(row[second] in (row[first], None) for row in found["data"])
    assert any(row[second] is None for row in found["data"])  # nobody looked at these
    assert {len(row) for row in found["data"]} == {len(found["columns"])}


def test_no_rows_still_have_columns(query: Any) -> None:
    assert query("select visit_id, band from cdb_lsstcam.visit1 where visit_id = 1").json == {
        "columns": ["visit_id", "band"],
        "data": [],
    }


@pytest.mark.parametrize(("path", "value"), [("/query", 0), ("/query?commit=1", 1)])
def test_a_statement_without_rows_answers_with_the_commit(query: Any, path: str, value: int) -> None:
    assert query("set statement_timeout = 1000", path).json == {"columns": ["commit"], "data": [[value]]}


@pytest.mark.parametrize(
    "sql", ["insert into cdb_lsstcam.exposure values (1)", "DELETE FROM cdb_lsstcam.exposure", "drop table x"]
)
def test_writing_is_refused_by_name_and_changes_nothing(query: Any, sql: str) -> None:
    count = "select count(*) from cdb_lsstcam.exposure"
    before = query(count).json
    answer = query(sql, "/query?commit=1")
    assert answer.status == 500
    assert "pqserver" in answer.json["message"]
    assert query(count).json == before


@pytest.mark.parametrize("sql", ["select 7 % 2", "select 1 from cdb_lsstcam.visit1 where band like 'a%'"])
def test_a_single_percent_sign_is_an_error_that_is_no_json(query: Any, sql: str) -> None:
    answer = query(sql)
    assert (answer.status, answer.body) == (500, b"Internal Server Error")
    assert answer.headers["Content-Type"].startswith("text/plain")


def test_a_double_percent_sign_is_one(query: Any) -> None:
    assert query("select 7 %% 2 as rest, 'a%%b' as text").json == {"columns": ["rest", "text"], "data": [[1, "a%b"]]}


def test_an_error_has_the_words_of_postgresql_and_of_the_layers_above(query: Any) -> None:
    answer = query("select foo\nfrom cdb_lsstcam.visit1 where band like 'a%%'")
    assert answer.status == 500
    assert answer.json == {
        "message": '(psycopg2.errors.UndefinedColumn) column "foo" does not exist\n'
        "LINE 1: select foo\n               ^\n\n"
        "[SQL: select foo\nfrom cdb_lsstcam.visit1 where band like 'a%%']\n"
        "(Background on this error at: https://sqlalche.me/e/20/f405)"
    }


@pytest.mark.parametrize(
    ("body", "kind", "place"),
    [
        (b"", "missing", ["body"]),
        (b"{", "json_invalid", ["body", 1]),
        (b"[]", "model_attributes_type", ["body"]),
        (b"{}", "missing", ["body", "query"]),
        (b'{"query": 1}', "string_type", ["body", "query"]),
    ],
)
def test_a_body_that_is_no_query(get: Any, body: bytes, kind: str, place: list[Any]) -> None:
    answer = get("/query", method="POST", body=body, headers={"Content-Type": "application/json"})
    assert answer.status == 422
    assert [(each["type"], each["loc"]) for each in answer.json["detail"]] == [(kind, place)]


def test_the_commit_is_a_number(query: Any) -> None:
    assert query("select 1", "/query?commit=yes").json["detail"][0]["loc"] == ["query", "commit"]


def test_large_answers_are_compressed_for_whoever_takes_it(ask: Any, query: Any, consdb: str, token: str) -> None:
    small, large = "select 1", "select * from cdb_lsstcam.visit1 where day_obs = 20260320"
    sent = {"Content-Type": "application/json", "Accept-Encoding": "gzip"}
    for sql, encoding in ((small, None), (large, "gzip")):
        plain = query(sql)
        assert plain.headers["Content-Encoding"] is None
        body = json.dumps({"query": sql}).encode()
        answer = ask(f"{consdb}/query", token, method="POST", headers=sent, body=body)
        assert answer.headers["Content-Encoding"] == encoding
        assert (gzip.decompress(answer.body) if encoding else answer.body) == plain.body
    assert query(small).headers["Content-Length"] == "37"


def test_the_schema_names_tables_and_types(ask: Any, consdb: str, token: str) -> None:
    assert ask(f"{consdb}/schema", token).json == ["latiss", "lsstcam", "lsstcomcam"]
    tables = ask(f"{consdb}/schema/LSSTCam", token).json
    assert {"cdb_lsstcam.exposure", "cdb_lsstcam.visit1", "cdb_lsstcam.ccdvisit1_quicklook"} <= set(tables)
    assert all(table.startswith("cdb_lsstcam.") for table in tables)
    short = ask(f"{consdb}/schema/lsstcam/visit1", token).json
    assert short == ask(f"{consdb}/schema/LSSTCam/cdb_lsstcam.visit1", token).json
    assert short["visit_id"] == ["BIGINT", None]
    assert short["obs_start"] == ["TIMESTAMP", None]
    assert short["airmass"] == ["DOUBLE PRECISION", None]
    assert short["science_program"] == ["VARCHAR(64)", None]


@pytest.mark.parametrize(
    ("path", "kind", "value"),
    [
        ("/schema/Hubble", "instrument", "Hubble"),
        ("/schema/lsstcam/Nothing", "table", "cdb_lsstcam.nothing"),
        ("/query/Hubble/visit1/obs/1", "instrument", "Hubble"),
        ("/flex/lsstcam/visit1/schema", "observation type", "visit1"),
    ],
)
def test_an_unknown_name_comes_with_the_known_ones(get: Any, path: str, kind: str, value: str) -> None:
    answer = get(path)
    assert answer.status == 404
    assert (answer.json["message"], answer.json["value"]) == (f"Invalid {kind}", value)
    assert len(answer.json["valid"]) > 1


def test_all_about_one_observation(ask: Any, consdb: str, token: str) -> None:
    found = ask(f"{consdb}/query/LSSTCam/Visit1/obs/2026032000120", token).json
    assert (found["visit_id"], found["band"], found["obs_start"]) == (2026032000120, "r", "2026-03-21T02:07:20")
    assert "zero_point_median" in found
    assert "clouds" not in found
    with_keys = ask(f"{consdb}/query/lsstcam/exposure/obs/2026032000110?flex=1", token).json
    assert (with_keys["exposure_id"], with_keys["clouds"]) == (2026032000110, True)
    missing = ask(f"{consdb}/query/lsstcam/visit1/obs/1", token)
    assert (missing.status, list(missing.json)) == (404, ["detail"])


@pytest.mark.parametrize(
    ("path", "place"), [("/query/lsstcam/visit2/obs/1", "obs_type"), ("/query/lsstcam/visit1/obs/x", "obs_id")]
)
def test_a_path_that_is_not_valid(ask: Any, consdb: str, token: str, path: str, place: str) -> None:
    answer = ask(consdb + path, token)
    assert (answer.status, answer.json["detail"][0]["loc"]) == (422, ["path", place])


def test_flexible_metadata_have_their_types(ask: Any, consdb: str, token: str) -> None:
    below = f"{consdb}/flex/lsstcam/exposure"
    assert ask(f"{below}/schema", token).json["dome_gap"] == ["float", "Gap of the dome", "deg", "pos.az"]
    every = ask(f"{below}/obs/2026032000110", token).json
    assert every == {"clouds": True, "dome_gap": 0.125, "operator": "ada", "retries": 2}
    assert ask(f"{below}/obs/2026032000110?k=clouds&k=retries", token).json == {"clouds": True, "retries": 2}
    assert ask(f"{below}/obs/2026032000111", token).json == {}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/flex/lsstcam/exposure/addkey"),
        ("POST", "/flex/lsstcam/exposure/obs/1"),
        ("POST", "/insert/lsstcam/exposure"),
        ("POST", "/insert/lsstcam/exposure/obs/1"),
        ("POST", "/insert/lsstcam/ccdexposure/by_seq_num/20260320/1/4"),
        ("GET", "/table_consistency/lsstcam/20260320"),
    ],
)
def test_what_is_not_played_names_the_real_part(ask: Any, consdb: str, token: str, method: str, path: str) -> None:
    answer = ask(consdb + path, token, method=method)
    assert answer.status == 500
    assert "pqserver" in answer.json["message"]


def test_other_paths_and_methods_are_errors_of_fastapi(ask: Any, consdb: str, token: str) -> None:
    nothing = ask(f"{consdb}/nothing", token)
    assert (nothing.status, nothing.json) == (404, {"detail": "Not Found"})
    wrong = ask(f"{consdb}/query", token)
    assert (wrong.status, wrong.json) == (405, {"detail": "Method Not Allowed"})


def test_the_quota_is_that_of_the_service(ask: Any, box: Box, consdb: str, token: str) -> None:
    box.controls.quota(2)
    answer = ask(f"{consdb}/schema", token)
    assert answer.headers["X-RateLimit-Resource"] == "consdb"
    ask(f"{consdb}/schema", token)
    assert ask(f"{consdb}/schema", token).status == 429


def test_it_can_be_made_to_fail(box: Box, query: Any) -> None:
    box.controls.fault("status", service="consdb", status=503)
    assert query("select 1").status == 503
    assert query("select 1").status == 200
