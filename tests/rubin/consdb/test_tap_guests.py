"""What the Virtual Observatory's own client and Rubin's read over TAP, beside ours: cell by cell.

Differences are those of what they hold: pyvo masks an empty text, and has times as text.
"""

import datetime as dt
import json
import math
import subprocess
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from astropy.table import Table

from skykey.rubin.consdb_query import ConsDbTap
from skykey.sandbox import Box, running
from tests.rubin.consdb.answers import closing_all
from tools import parts

NIGHT = "from cdb_lsstcam.visit1 where day_obs = 20260320"
QUESTIONS = {
    "all columns of visits": f"select * {NIGHT} order by visit_id",
    "quality, with nulls": "select top 300 * from cdb_lsstcam.visit1_quicklook "
    "where day_obs = 20260320 order by visit_id",
    "a cone": "select visit_id, s_ra, s_dec, distance(point('ICRS', s_ra, s_dec), point('ICRS', 150.0, 2.0)) as far "
    "from cdb_lsstcam.visit1 where 1 = contains(point('ICRS', s_ra, s_dec), circle('ICRS', 150.0, 2.0, 5.0)) "
    "order by visit_id",
    "computed": f"select band, count(*) as visits, avg(airmass) as airmass, max(obs_end) as latest {NIGHT} "
    "group by band order by band",
    "detectors": "select top 50 c.ccdvisit_id, c.detector, q.* from cdb_lsstcam.ccdvisit1 as c "
    "left join cdb_lsstcam.ccdvisit1_quicklook as q on c.ccdvisit_id = q.ccdvisit_id "
    "where c.visit_id = 2026032000120 order by c.ccdvisit_id",
    "no rows": "select * from cdb_lsstcam.visit1 where day_obs = 19990101",
}
RUBIN_NIGHTS = """
import json, os, sys
import pandas as pd
from rubin_nights.consdb_query import ConsDbTap
site, token = os.environ["EXTERNAL_INSTANCE_URL"], open(os.environ["ACCESS_TOKEN_FILE"]).read().strip()
tap = ConsDbTap(site, token)
def cells(frame):
    return {name: [None if pd.isna(cell) else cell for cell in frame[name].tolist()] for name in frame.columns}
print(json.dumps({name: cells(tap.query(text)) for name, text in json.load(sys.stdin).items()}))
"""


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with running(tmp_path_factory.mktemp("sandbox")) as started:
        yield started


@pytest.fixture(scope="module")
def tap(box: Box) -> Iterator[ConsDbTap]:
    client = ConsDbTap(box.site_url, box.token)
    with closing_all(client.credential):
        yield client


Columns = dict[str, list[Any]]


def ours(table: Any) -> Columns:
    names = table.arrow.column_names
    return {name: [plain(cell) for cell in table.arrow.column(name).to_pylist()] for name in names}


def plain(cell: Any) -> Any:
    """A cell that compares: null is None, a time its text, a number the number that people read."""
    if cell is None or cell is np.ma.masked or cell in {"", b""} or (isinstance(cell, float) and math.isnan(cell)):
        return None
    if isinstance(cell, dt.datetime):
        return cell.isoformat()
    return float(str(cell)) if isinstance(cell, np.floating) else cell.item() if isinstance(cell, np.generic) else cell


def theirs(table: Any, repeated: dict[str, list[str]]) -> Columns:
    """The guest keeps columns of one name as ``name`` and ``name2``; we keep one, if they are equal."""
    found = {name: [plain(cell) for cell in table[name]] for name in table.colnames}
    for name, kept in repeated.items():
        second = found.pop(f"{name}2")
        assert (second == found[name]) is (len(kept) == 1)
        if len(kept) > 1:
            found[kept[1]] = second
    return found


def same(found: Columns, expected: Columns) -> bool:
    return found == expected and bool(found)


@pytest.mark.parametrize("name", QUESTIONS)
@pytest.mark.parametrize("form", ["parquet", "binary2", "tabledata", "csv"])
def test_pyvo_reads_the_same_cells(tap: ConsDbTap, name: str, form: str) -> None:
    guests = tap.tap.run_sync(QUESTIONS[name]).to_table()
    table = tap.query.table(QUESTIONS[name], response_format=form)
    assert (len(guests) > 0) is (name != "no rows")
    assert same(ours(table), theirs(guests, table.facts.get("repeated_columns", {})))


@pytest.mark.parametrize("name", QUESTIONS)
def test_pyvos_jobs_give_the_same_cells_as_ours(box: Box, tap: ConsDbTap, name: str) -> None:
    guests = tap.tap.run_async(QUESTIONS[name], delete=True).to_table()
    table = tap.query.table(QUESTIONS[name], as_job=True)
    assert same(ours(table), theirs(guests, table.facts.get("repeated_columns", {})))
    assert box.controls.tap_jobs() == []


def test_a_table_that_goes_along_is_the_same_for_both(tap: ConsDbTap) -> None:
    wanted = Table({"visit_id": np.array([2026032000120, 2026032000121]), "note": ["a < b & c", ""]})
    question = (
        "select v.visit_id, v.band, m.note from cdb_lsstcam.visit1 as v "
        "join tap_upload.mine as m on m.visit_id = v.visit_id order by v.visit_id"
    )
    guests = tap.tap.run_sync(question, uploads={"mine": wanted}).to_table()
    table = tap.query.table(question, uploads={"mine": wanted.to_pandas()})
    assert len(table) == 2
    assert same(ours(table), theirs(guests, {}))


@pytest.mark.interop
def test_rubin_nights_reads_the_same_cells(box: Box, tap: ConsDbTap) -> None:
    command = [str(parts.guest("rubin-nights")), "-W", "ignore", "-c", RUBIN_NIGHTS]
    done = subprocess.run(
        command,
        env=box.environment(),
        input=json.dumps(QUESTIONS),
        capture_output=True,
        check=False,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    for name, guests in json.loads(done.stdout.splitlines()[-1]).items():
        table = tap.query.table(QUESTIONS[name])
        mine = {name: [rounded(cell) for cell in column] for name, column in ours(table).items()}
        expected = {name: [rounded(plain(cell)) for cell in column] for name, column in guests.items()}
        for repeated, kept in table.facts.get("repeated_columns", {}).items():
            second = expected.pop(f"{repeated}2")
            if len(kept) > 1:
                expected[kept[1]] = second
        assert same(mine, expected), name
    box.controls.reset()  # it leaves its jobs


def rounded(cell: Any) -> Any:
    """The guest widens numbers of single precision bit by bit; ours are the numbers that people read."""
    return float(np.float32(cell)) if isinstance(cell, float) else cell
