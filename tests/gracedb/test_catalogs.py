"""Catalogues: all pages of them, made once, and asked for by numbers that are text."""

from pathlib import Path
from typing import Any

import pytest

from skykey.values.errors import Unreadable
from tests.gracedb.scripted import BOTH_FACES, Asker, Gracedb, answer, path, query
from tests.wire.server import Answer, Seen

VERSIONS = [("3", 1), ("4", 2), ("4", 1)]


class Server(Gracedb):
    """One catalogue a page, as the server's default is."""

    def __init__(self, **more: Any) -> None:
        super().__init__(self._handle, **more)

    def _handle(self, seen: Seen) -> Answer:
        below = path(seen).partition("?")[0]
        number = below.split("/")[1]
        found = [each for each in VERSIONS if not number or each[0] == number]
        start = int(query(seen).get("start", 0))
        further = f"{self.url}{below}?start={start + 1}" if start + 1 < len(found) else None
        results = [{"number": each[0], "version": each[1]} for each in found[start : start + 1]]
        return answer({"count": len(found), "next": further, "previous": None, "results": results})


@BOTH_FACES
def test_only_the_first_page_is_read(face: str) -> None:
    with Server() as server:
        client = Asker(face, server.url)
        assert [row["version"] for row in client.gwtc_list()] == [1, 2, 1]
        assert [row["version"] for row in client.gwtc_list("4")] == [2, 1]
        assert client.gwtc_numbers() == ["3", "4"]
        assert client.gwtc_versions() == [2, 1]
        assert client.gwtc_versions("3") == [1]


@BOTH_FACES
def test_a_catalogue_is_sent_otherwise_than_documented(face: str, tmp_path: Path) -> None:
    file = tmp_path / "smap.json"
    file.write_text('{"S1": {"far": 1}}')
    with Gracedb(lambda _: answer({}, 201)) as server:
        client = Asker(face, server.url)
        client.gwtc_create({"S1": {"far": 1}}, "4")
        client.gwtc_create(str(file), "4", comment="x")
        client.gwtc_create(file, "4")
    assert [path(seen) for seen in server.asked] == ["gwtc/"] * 3
    assert [seen.headers["content-type"] for seen in server.asked] == ["application/json"] * 3
    import json

    assert [json.loads(seen.body) for seen in server.asked] == [
        {"number": "4", "smap": {"S1": {"far": 1}}, "comment": comment} for comment in (None, "x", None)
    ]


@BOTH_FACES
@pytest.mark.parametrize(
    ("call", "words"),
    [
        (("gwtc_create", 3, "4"), "smap must be a string indicating a json filename or a dictionary"),
        (("gwtc_create", {}, 4), '"number" must be a str, not'),
        (("gwtc_create", "/nowhere/smap.json", "4"), "there is no file"),
        (("gwtc_get", 4, 1), "number must be a str, not"),
        (("gwtc_get", "4", 0), "version must be a positive integer or 'latest'"),
        (("gwtc_get", "4", True), "version must be a positive integer or 'latest'"),
        (("gwtc_get", "4", "newest"), "version must be a positive integer or 'latest'"),
        (("gwtc_get", "4", None), "both a number and a version must be supplied"),
        (("gwtc_get", "", 1), "both a number and a version must be supplied"),
        (("gwtc_list", 4), "number must be a str, not"),
        (("gwtc_versions", 4), "number must be a str, not"),
    ],
)
def test_what_cannot_be_right_is_sent(face: str, call: tuple[Any, ...], words: str) -> None:
    with Gracedb() as server:
        with pytest.raises(ValueError, match=words):
            getattr(Asker(face, server.url), call[0])(*call[1:])
        assert server.sent == []


@pytest.mark.parametrize("text", ["", "[1]", '"x"', "[" * 100_000])
def test_a_file_of_something_else_is_sent(text: str, tmp_path: Path) -> None:
    (tmp_path / "smap.json").write_text(text)
    with Gracedb() as server, pytest.raises(ValueError, match="no object of JSON"):
        Asker("sync", server.url).gwtc_create(tmp_path / "smap.json", "4")
    assert server.sent == []


@BOTH_FACES
def test_a_server_without_catalogues_is_asked_for_them(face: str) -> None:
    with Gracedb(without=("gwtc", "gwtc-number-list", "gwtc-version-detail")) as server:
        client = Asker(face, server.url)
        calls: list[tuple[str, tuple[Any, ...]]] = [
            ("gwtc_create", ({}, "4")),
            ("gwtc_get", ("4", 1)),
            ("gwtc_list", ()),
            ("gwtc_list", ("4",)),
            ("gwtc_numbers", ()),
            ("gwtc_versions", ()),
        ]
        for name, given in calls:
            with pytest.raises(NotImplementedError, match="gwtc"):
                getattr(client, name)(*given)
        assert server.sent == []


@BOTH_FACES
def test_a_catalogue_without_a_number_is_left_out(face: str) -> None:
    page = {"next": None, "results": [{"number": "4"}, {"version": 1}]}
    with Gracedb(lambda _: answer(page)) as server:
        client = Asker(face, server.url)
        for name in ("gwtc_numbers", "gwtc_versions"):
            with pytest.raises(Unreadable):
                getattr(client, name)()
