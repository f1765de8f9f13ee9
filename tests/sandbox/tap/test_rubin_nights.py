"""Rubin's own client as a guest: by TAP it gets what it gets over HTTP, but for empty texts, which come as nulls."""

import json
import subprocess
from typing import Any

import pytest

from skykey.sandbox import Box
from tools import parts

pytestmark = pytest.mark.interop

PROGRAM = """
import json, math, os
import pandas as pd
from astropy.time import Time
from rubin_nights.consdb_query import ConsDbFastAPI, ConsDbTap
site, token = os.environ["EXTERNAL_INSTANCE_URL"], open(os.environ["ACCESS_TOKEN_FILE"]).read().strip()
night = [Time(text, scale="tai") for text in ("2026-03-20T12:00:00", "2026-03-21T12:00:00")]
def cells(frame):
    return {name: [None if pd.isna(cell) else cell for cell in frame[name].tolist()] for name in frame.columns}
tap, http = ConsDbTap(site, token), ConsDbFastAPI(site, ("user", token))
found = [cells(client.get_visits("lsstcam", *night, augment=False)) for client in (tap, http)]
found += [cells(client.query_ccdvisits("lsstcam", 2026032000120, 90, 98)) for client in (tap, http)]
print(json.dumps(found + [len(tap.query("select wrong from cdb_lsstcam.visit1"))]))
"""


def test_both_ways_give_the_same_cells(box: Box) -> None:
    command = [str(parts.guest("rubin-nights")), "-W", "ignore", "-c", PROGRAM]
    done = subprocess.run(command, env=box.environment(), capture_output=True, check=False, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    by_tap, by_http, ccd_by_tap, ccd_by_http, wrong = json.loads(done.stdout.splitlines()[-1])
    for found, expected in ((by_tap, by_http), (ccd_by_tap, ccd_by_http)):
        assert len(next(iter(found.values()))) > 5
        assert set(expected) < set(found)
        for name, cells in expected.items():
            assert plain(found[name]) == plain(cells), name
    assert wrong == 0
    assert [job["phase"] for job in box.controls.tap_jobs()] == ["COMPLETED", "COMPLETED", "ERROR"]  # it leaves them


def plain(cells: list[Any]) -> list[Any]:
    return [cell or None if isinstance(cell, str) else cell for cell in cells]
