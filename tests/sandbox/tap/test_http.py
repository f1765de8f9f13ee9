"""The service behind the site's ingress: who may ask, what it answers, and how it says that it cannot."""

import base64
import io
import re
from typing import Any

import pyarrow.parquet as pq
import pytest

from skykey.sandbox import Box

VISITS = "cdb_lsstcam.visit1"
ONE = f"select visit_id, band, obs_start, can_see_sky from {VISITS} where visit_id = 2026032000120"
TWO = f"select top 2 visit_id from {VISITS} order by visit_id"
LARGE = "select a.visit_id, b.seq_num from cdb_lsstcam.visit1 as a, cdb_latiss.visit1 as b"


@pytest.mark.parametrize("path", ["/sync", "/async", "/tables", "/async/1", "/nothing"])
def test_the_ingress_comes_before_everything(ask: Any, box: Box, tap: str, path: str) -> None:
    assert ask(tap + path).status == 401
    answer = ask(tap + path, box.controls.mint(scopes=["read:image"]))
    assert answer.status == 403
    assert 'scope="read:tap"' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("path", ["/capabilities", "/availability"])
def test_what_it_can_do_is_told_to_anybody(ask: Any, tap: str, path: str) -> None:
    answer = ask(tap + path)
    assert (answer.status, answer.headers["Content-Type"].partition(";")[0]) == (200, "text/xml")


def test_the_token_may_come_as_basic(ask: Any, box: Box, tap: str) -> None:
    url = f"{tap}/sync?LANG=ADQL&QUERY=select+top+1+visit_id+from+{VISITS}"
    assert ask(url, basic=("x-oauth-basic", box.token), timeout=30).status == 200
    (seen,) = box.controls.requests("consdbtap")
    assert (seen.credential, seen.path) == ("basic", "/api/consdbtap/sync")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_question_is_answered_at_once(call: Any, method: str) -> None:
    answer = call("/sync", method, lang="adql", Query=ONE, request="doQuery")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/x-votable+xml"
    assert re.findall(rb'QUERY_STATUS" value="(\w+)"', answer.body) == [b"OK"]
    cells = re.findall(rb"<TD>(.*?)</TD>", answer.body)
    assert cells == [b"2026032000120", b"r", b"2026-03-21T02:07:20", b"true"]


def test_it_is_the_year_that_consdb_has(sync: Any, post: Any, box: Box) -> None:
    sql = f"select visit_id, airmass, scheduler_note from {VISITS} where day_obs = 20260320 order by visit_id"
    rows = post(f"{box.site_url}/consdb/query", {"query": sql}, token=box.token, timeout=30).json["data"]
    lines = sync(sql, RESPONSEFORMAT="csv").body.decode().splitlines()
    assert [line.split(",")[:2] for line in lines[1:] if line[:4] == "2026"] == [[str(a), repr(b)] for a, b, _ in rows]


@pytest.mark.parametrize(
    ("sent", "status", "kind"),
    [
        ("application/x-votable+xml", 200, "application/x-votable+xml"),
        ("text/xml", 200, "application/x-votable+xml"),
        ("votable-b2", 200, "application/x-votable+xml;serialization=BINARY2"),
        ('application/x-votable+xml; Serialization="binary2"', 200, "application/x-votable+xml;serialization=BINARY2"),
        ("CSV", 200, "text/csv; charset=utf-8"),
        ("text/tab-separated-values", 200, "text/tab-separated-values; charset=utf-8"),
        ("parquet", 200, "application/vnd.apache.parquet"),
        ("application/json", 400, "application/x-votable+xml"),
    ],
)
def test_formats_go_by_media_type_and_alias(sync: Any, sent: str, status: int, kind: str) -> None:
    answer = sync(TWO, RESPONSEFORMAT=sent)
    assert (answer.status, answer.headers["Content-Type"]) == (status, kind)


def test_formats_can_be_taken_away(sync: Any, ask: Any, tap: str, box: Box, words: Any) -> None:
    box.controls.tap(formats=["votable-b2", "csv"])
    mimes = re.findall(rb"<alias>(.*?)</alias>", ask(f"{tap}/capabilities").body)
    assert mimes == [b"votable-b2", b"csv"]
    assert sync(TWO).headers["Content-Type"].endswith("BINARY2")
    assert "parquet" in words(sync(TWO, RESPONSEFORMAT="parquet").body)


@pytest.mark.parametrize(
    ("maxrec", "rows", "flags"),
    [("0", 0, ["OK", "OVERFLOW"]), ("1", 1, ["OK", "OVERFLOW"]), ("2", 2, ["OK"]), ("3", 2, ["OK"])],
)
def test_what_was_cut_says_so(sync: Any, maxrec: str, rows: int, flags: list[str]) -> None:
    body = sync(TWO, MAXREC=maxrec).body.decode()
    assert body.count("<TR>") == rows
    assert re.findall(r'QUERY_STATUS" value="(\w+)"', body) == flags
    assert body.find("OVERFLOW") == -1 or body.find("OVERFLOW") > body.find("</TABLE>")
    parquet = pq.read_table(io.BytesIO(sync(TWO, MAXREC=maxrec, RESPONSEFORMAT="parquet").body))
    content = parquet.schema.metadata[b"IVOA.VOTable-Parquet.content"].decode()
    assert (parquet.num_rows, re.findall(r'QUERY_STATUS" value="(\w+)"', content)) == (rows, flags)


def test_the_servers_own_limit_cuts_as_well(sync: Any, ask: Any, tap: str, box: Box) -> None:
    box.controls.tap(limit=1)
    assert b'<hard unit="row">1</hard>' in ask(f"{tap}/capabilities").body
    for more in ({}, {"MAXREC": "100"}):
        body = sync(TWO, **more).body
        assert (body.count(b"<TR>"), body.count(b"OVERFLOW")) == (1, 1)


def test_a_large_answer_comes_in_pieces_and_whole(sync: Any) -> None:
    answer = sync(LARGE, MAXREC="30000")
    assert answer.headers["Transfer-Encoding"] == "chunked"
    assert answer.body.count(b"<TR>") == 30_000
    assert answer.body.endswith(b"</VOTABLE>\n")
    assert sync(TWO).headers["Content-Length"]


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"LANG": "ADQL"}, "QUERY"),
        ({"QUERY": TWO}, "LANG"),
        ({"LANG": "SQL", "QUERY": TWO}, "SQL"),
        ({"LANG": "ADQL", "QUERY": TWO, "MAXREC": "many"}, "many"),
        ({"LANG": "ADQL", "QUERY": TWO, "MAXREC": "-1"}, "-1"),
        ({"LANG": "ADQL", "QUERY": TWO, "REQUEST": "getCapabilities"}, "getCapabilities"),
        ({"LANG": "ADQL", "QUERY": TWO, "UPLOAD": "t,http://example.org/t.xml"}, "http://example.org/t.xml"),
        ({"LANG": "ADQL", "QUERY": TWO, "UPLOAD": "t,param:there"}, "there"),
        ({"LANG": "ADQL", "QUERY": f"select wrong from {VISITS}"}, "wrong"),
        ({"LANG": "ADQL", "QUERY": f"select airmass / 0 from {VISITS}"}, "division by zero"),
    ],
)
def test_a_wrong_question_is_a_votable_with_the_reason(
    call: Any, box: Box, words: Any, sent: dict[str, str], said: str
) -> None:
    answer = call("/sync", **sent)
    assert (answer.status, answer.headers["Content-Type"]) == (400, "application/x-votable+xml")
    assert said in words(answer.body)
    box.controls.tap(status=200)
    assert (call("/sync", **sent).status, call("/sync", **sent).body) == (200, answer.body)


def test_an_answer_can_fail_in_its_middle(sync: Any, box: Box, words: Any) -> None:
    box.controls.tap(stop_after=1, words="The disk is <full>")
    for form in ("votable", "votable-b2"):
        body = sync(TWO, RESPONSEFORMAT=form).body
        assert re.findall(rb'QUERY_STATUS" value="(\w+)"', body) == [b"OK", b"ERROR"]
        assert body.index(b"</TABLE>") < body.index(b"ERROR")
    assert "The disk is &lt;full&gt;" in sync(TWO).body.decode()
    assert sync(TWO, RESPONSEFORMAT="csv").body.count(b"\n") == 2
    parquet = sync(TWO, RESPONSEFORMAT="parquet").body
    assert parquet[:4] == b"PAR1"
    assert parquet.endswith(b"The disk is <full>")
    box.controls.tap(stop_after=2)
    assert re.findall(rb'QUERY_STATUS" value="(\w+)"', sync(TWO).body) == [b"OK"]


def test_sync_may_send_its_caller_on_as_rubins_does(sync: Any, call: Any, ask: Any, box: Box) -> None:
    box.controls.tap(redirect=True)
    answer = sync(TWO)
    path = answer.headers["Location"].partition("/api/consdbtap")[2]
    assert answer.status == 303
    assert re.fullmatch(r"/sync/\w+/run", path)
    assert call(path, "GET").body.count(b"<TR>") == 2
    assert call(path, "GET", token=box.controls.mint(username="ben")).status == 404
    assert call("/async", "GET").body.count(b"jobref") == 0


def test_the_storage_host_wants_no_credential(sync: Any, ask: Any, box: Box) -> None:
    box.controls.tap(storage=True)
    answer = sync(TWO)
    place = answer.headers["Location"]
    assert (answer.status, place.startswith(f"{box.second_url}/storage/")) == (303, True)
    stored = ask(place, bundle=box.ca_file)
    assert (stored.status, stored.headers["Content-Type"]) == (200, "application/x-votable+xml")
    assert stored.body.count(b"<TR>") == 2
    assert ask(place, box.token, bundle=box.ca_file).status == 400
    assert ask(place, basic=("x", "y"), bundle=box.ca_file).status == 400
    assert ask(place + "x", bundle=box.ca_file).status == 404
    assert {seen.service for seen in box.controls.requests() if seen.path.startswith("/storage")} == {"storage"}


def test_the_tables_are_described(call: Any) -> None:
    whole, names = call("/tables", "GET").body.decode(), call("/tables", "GET", detail="min").body.decode()
    assert whole.count("<column>") > 2000
    assert (names.count("<column>"), names.count("<table ")) == (0, whole.count("<table "))
    one = call(f"/tables/{VISITS}", "GET").body.decode()
    assert "<vosi:table " in one
    assert re.search(r"<name>s_ra</name><unit>deg</unit><ucd>pos.eq.ra</ucd><dataType [^>]*>double<", one)
    assert call("/tables/no.such", "GET").status == 404


def test_the_quota_and_faults_are_those_of_the_service(call: Any, sync: Any, box: Box) -> None:
    box.controls.fault("status", service="consdbtap", status=503)
    assert [sync(TWO).status for _ in range(2)] == [503, 200]
    box.controls.quota(1)
    assert sync(TWO).headers["X-RateLimit-Resource"] == "consdbtap"
    assert sync(TWO).status == 429


def test_a_table_comes_along(ask: Any, box: Box, tap: str) -> None:
    table = (
        '<VOTABLE version="1.4"><RESOURCE><TABLE><FIELD name="id" datatype="long"/><FIELD name="note" datatype="char" '
        'arraysize="*"/><DATA><TABLEDATA><TR><TD>2026032000120</TD><TD>mine</TD></TR></TABLEDATA></DATA></TABLE>'
        "</RESOURCE></VOTABLE>"
    )
    query = f"select v.visit_id, t.note from {VISITS} as v join TAP_UPLOAD.mine as t on v.visit_id = t.id"
    parts = {"LANG": "ADQL", "QUERY": query, "UPLOAD": "mine,param:x", "RESPONSEFORMAT": "csv"}
    body = "".join(
        f'--cut\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in parts.items()
    )
    body += f'--cut\r\nContent-Disposition: form-data; name="x"; filename="t.xml"\r\n\r\n{table}\r\n--cut--\r\n'
    sent = {"Content-Type": "multipart/form-data; boundary=cut"}
    answer = ask(f"{tap}/sync", box.token, method="POST", headers=sent, body=body.encode(), timeout=30)
    assert answer.body == b"visit_id,note\n2026032000120,mine\n"
    bare = {"Content-Type": "multipart/form-data"}
    assert ask(f"{tap}/sync", box.token, method="POST", headers=bare, body=body.encode()).status == 400


def test_base64_is_whole_across_pieces(sync: Any) -> None:
    body = sync(LARGE, MAXREC="12000", RESPONSEFORMAT="votable-b2").body
    text = re.search(rb'encoding="base64">(.*?)</STREAM>', body, re.DOTALL)
    assert text
    assert len(base64.b64decode(text[1], validate=True)) == 12_000 * (1 + 8 + 4)
