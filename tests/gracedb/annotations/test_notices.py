"""Notices: only where the server has them, and JSON whatever the file is called."""

import io
import sys
from pathlib import Path

import pytest

from tests.gracedb.scripted import BOTH_FACES, Asker, Gracedb, answer, form


@BOTH_FACES
def test_a_notice_is_sent_otherwise_than_documented(face: str, tmp_path: Path) -> None:
    file = tmp_path / "n.txt"
    file.write_text('{"a": 1}')
    with Gracedb(lambda _: answer({"N": 1}, 201)) as server:
        assert Asker(face, server.url).create_notice("S1", str(file)).json() == {"N": 1}
        assert server.sent == ["POST superevents/S1/notices/"]
    assert form(server.asked[0]) == {"upload": [("n.txt", "application/json", b'{"a": 1}')]}


def test_standard_input_has_another_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"{}")))
    with Gracedb(lambda _: answer({}, 201)) as server:
        Asker("sync", server.url).create_notice("S1", "-")
    assert form(server.asked[0])["upload"] == [("stdin", "application/json", b"{}")]


@BOTH_FACES
def test_a_server_without_notices_is_asked_for_them(face: str) -> None:
    with Gracedb(without=("superevent-notice-list-template", "superevent-notice-detail-template")) as server:
        client = Asker(face, server.url)
        for name, given in (("notices", ("S1",)), ("notices", ("S1", 1)), ("create_notice", ("S1", "n.json", "{}"))):
            with pytest.raises(RuntimeError, match="notice"):
                getattr(client, name)(*given)
    assert server.sent == []
