"""The Virtual Observatory's own client as a guest, in this process, where each of its warnings is an error."""

from collections.abc import Iterator
from typing import Any

import astropy.units as u
import numpy as np
import pytest
import pyvo
import requests
from astropy.coordinates import SkyCoord
from astropy.table import Table

from skykey.sandbox import Box

VISITS = "cdb_lsstcam.visit1"
NIGHT = f"select * from {VISITS} where day_obs = 20260320 order by visit_id"


class Session(requests.Session):
    """Closes what pyvo leaves open: it asks for each answer as a stream, and reads few of them to the end."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[requests.Response] = []

    def send(self, *arguments: Any, **more: Any) -> requests.Response:
        self.answers.append(super().send(*arguments, **more))
        return self.answers[-1]

    def close(self) -> None:
        for answer in self.answers:
            answer.close()
        super().close()


@pytest.fixture
def session(box: Box) -> Iterator[requests.Session]:
    with Session() as session:
        session.trust_env = False
        session.auth = ("x-oauth-basic", box.token)
        session.verify = str(box.ca_file)
        yield session


@pytest.fixture
def service(tap: str, session: requests.Session) -> Any:
    return pyvo.dal.TAPService(tap, session=session)


def equal(table: Any, columns: list[str], rows: list[list[Any]]) -> None:
    """Compare cell by cell with the answer of ConsDB over HTTP."""
    assert (table.colnames, len(table)) == (columns, len(rows))
    for number, name in enumerate(columns):
        for cell, row in zip(table[name].tolist(), rows, strict=True):
            value = row[number]
            if value is None:
                assert cell is None or cell == "" or cell != cell, (name, cell)  # noqa: PLR0124 - NaN is not itself
            else:
                assert cell == value, (name, cell, value)


def test_sync_gives_what_consdb_gives_over_http(service: Any, post: Any, box: Box) -> None:
    answer = post(f"{box.site_url}/consdb/query", {"query": NIGHT}, token=box.token, timeout=30).json
    table = service.run_sync(NIGHT).to_table()
    assert len(table) > 300
    equal(table, answer["columns"], answer["data"])
    assert table["s_ra"].unit == u.deg
    assert table["visit_id"].dtype == np.int64


def test_async_gives_what_sync_gives(service: Any, box: Box) -> None:
    job = service.submit_job(NIGHT)
    assert job.phase == "PENDING"
    assert job.run().wait().phase == "COMPLETED"
    whole, other = job.fetch_result().to_table(), service.run_sync(NIGHT).to_table()
    assert whole.colnames == other.colnames
    for name in whole.colnames:
        assert repr(whole[name].tolist()) == repr(other[name].tolist())
    assert (job.owner, job.execution_duration.value, job.query) == ("ada", 14_400, NIGHT)
    assert [each.jobid for each in service.get_job_list()] == [job.job_id]
    job.delete()
    assert box.controls.tap_jobs() == []


def test_it_deletes_the_jobs_that_it_runs(service: Any, box: Box) -> None:
    assert len(service.run_async(NIGHT)) > 300
    assert box.controls.tap_jobs() == []


def test_a_job_that_fails_says_why(service: Any) -> None:
    job = service.submit_job(f"select airmass / 0 from {VISITS}").run().wait()
    assert job.phase == "ERROR"
    with pytest.raises(pyvo.DALQueryError, match="division by zero"):
        job.raise_if_error()
    job.delete()


def test_a_job_that_a_control_aborts(service: Any, box: Box) -> None:
    box.controls.tap(hold="ABORTED")
    with pytest.raises(pyvo.DALServiceError, match="not active"):
        service.submit_job(NIGHT).run().wait()


def test_a_wrong_question_is_an_error(service: Any) -> None:
    with pytest.raises(pyvo.DALQueryError, match=r"Column \[ wrong \] is not found in TapSchema at line 1, column 8"):
        service.run_sync(f"select wrong from {VISITS}")


def test_what_was_cut_warns(service: Any, box: Box) -> None:
    result = service.run_sync(NIGHT, maxrec=5)  # it warns of what it did not ask for
    assert (len(result), result.query_status) == (5, "OVERFLOW")
    box.controls.tap(limit=7)
    with pytest.warns(pyvo.dal.exceptions.DALOverflowWarning):
        assert len(service.run_sync(NIGHT)) == 7


def test_a_table_goes_along(service: Any) -> None:
    mine = Table(
        {"id": np.array([2026032000120, 2026032000121, 5]), "note": ["one", "zwei — é", "x"]}, units={"id": "m"}
    )
    query = (
        f"select v.visit_id, t.note, t.id from {VISITS} as v join TAP_UPLOAD.mine as t on v.visit_id = t.id order by 1"
    )
    for run in (service.run_sync, service.run_async):
        found = run(query, uploads={"mine": mine}).to_table()
        assert list(found["note"]) == ["one", "zwei — é"]
        assert (found["visit_id"].tolist(), found["id"].unit) == (found["id"].tolist(), u.m)


def test_a_cone_is_astropys(service: Any) -> None:
    centre = SkyCoord(0.5 * u.deg, -30 * u.deg)
    cone = f"contains(point('ICRS', s_ra, s_dec), circle('ICRS', {centre.ra.deg}, {centre.dec.deg}, 5)) = 1"
    found = service.search(f"select visit_id from {VISITS} where {cone} order by visit_id").to_table()
    every = service.search(f"select visit_id, s_ra, s_dec from {VISITS} order by visit_id").to_table()
    near = SkyCoord(every["s_ra"], every["s_dec"]).separation(centre) <= 5 * u.deg
    assert found["visit_id"].tolist() == every["visit_id"][near].tolist()
    assert len(found) > 5


@pytest.mark.parametrize("form", ["votable", "votable-b2"])
def test_letters_beyond_ascii(service: Any, form: str) -> None:
    query = f"select top 2 scheduler_note from {VISITS} where scheduler_note like '%è'"
    found = service.run_sync(query, RESPONSEFORMAT=form).to_table()["scheduler_note"].tolist()
    assert found == ['pair, "late" — 95 % clear\nè'] * 2


def test_names_that_come_twice(service: Any) -> None:
    query = f"select v.*, q.* from {VISITS} as v join {VISITS}_quicklook as q on v.visit_id = q.visit_id"
    table = service.run_sync(f"{query} where v.day_obs = 20260320").to_table()
    assert {"visit_id", "visit_id2", "day_obs2", "seq_num2"} < set(table.colnames)


def test_results_by_way_of_redirects_and_the_storage_host(service: Any, box: Box) -> None:
    box.controls.tap(redirect=True, storage=True)  # requests drops a session's login on its way to another origin
    assert len(service.run_sync(NIGHT)) > 300
    assert len(service.run_async(NIGHT)) > 300
    assert {seen.credential for seen in box.controls.requests("storage")} == {None}


def test_what_the_service_says_of_itself(service: Any) -> None:
    assert (service.maxrec, service.hardlimit) == (1_000_000, 1_000_000)
    assert [method.ivo_id for method in service.upload_methods] == ["ivo://ivoa.net/std/TAPRegExt#upload-inline"]
    capability = service.get_tap_capability()
    features = "ivo://ivoa.net/std/TAPRegExt#features-adqlgeo"
    assert capability.get_adql().get_feature(features, "CIRCLE")
    assert [each.mime for each in capability.outputformats][1] == "application/x-votable+xml;serialization=BINARY2"


def test_the_tables_as_it_reads_them(service: Any, session: requests.Session) -> None:
    tables = service.tables
    tables._session = session  # pyvo 1.9 asks for a table without the login of the service
    assert f"{VISITS}_quicklook" in tables
    column = next(column for column in tables[VISITS].columns if column.name == "s_ra")
    assert (column.unit, column.ucd, column.datatype.content) == ("deg", "pos.eq.ra", "double")
