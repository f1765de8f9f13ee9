import json
from pathlib import Path
from typing import Any

import pytest

from skykey.sandbox import SandboxError, parts, running

QUERY = "query?db=efd&q=select+*+from+%22lsst.sal.MTMount.azimuth%22+limit+3"


def test_without_a_checkout_the_way_out_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "__file__", str(tmp_path / "parts.py"))
    with pytest.raises(SandboxError, match="checkout"), running(tmp_path / "state", real=["influxdb"]):
        pass
    with running(tmp_path / "state"):  # a failed start leaves the folder free
        pass


def test_the_words_of_a_part_that_fails_come_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "tool.py"
    tool.write_text("import sys; sys.exit('parts: the cache is full')")
    monkeypatch.setattr(parts, "_tool", lambda: tool)
    with pytest.raises(SandboxError, match="the cache is full"), running(tmp_path / "s", real=["influxdb"]):
        pass


@pytest.mark.interop
def test_a_real_influxdb_holds_the_same_behind_the_same_discovery(ask: Any, tmp_path: Path) -> None:
    with running(tmp_path / "own") as own, running(tmp_path / "real", real=["influxdb"]) as box:
        answers = []
        for one in (own, box):
            entry = ask(f"{one.site_url}/repertoire/discovery/influxdb/usdf_efd", one.token).json
            user = entry["username"], entry["password"]
            answer = ask(entry["url"] + QUERY, basic=user, bundle=one.ca_file)
            answers.append(json.loads(answer.body))
        assert entry["url"].startswith("https://127.0.0.1:")
        assert answers[0] == answers[1]
        assert answers[1]["results"][0]["series"][0]["values"][2]
        assert ask(f"{box.site_url}/influxdb/ping").status == 404
        box.controls.change_password()
        assert ask(entry["url"] + QUERY, basic=user, bundle=box.ca_file).status == 401
        again = ask(f"{box.site_url}/repertoire/discovery/influxdb/usdf_efd", box.token).json
        user = again["username"], again["password"]
        assert ask(entry["url"] + QUERY, basic=user, bundle=box.ca_file).status == 200
    with pytest.raises(ConnectionRefusedError):
        ask(entry["url"].replace("https", "http") + QUERY)
