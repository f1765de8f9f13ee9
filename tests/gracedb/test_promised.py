"""A success that is somebody else's, on the way to GraceDB: never taken for what was asked for."""

from pathlib import Path
from typing import Any

import pytest

from skykey.values.errors import Unreadable
from tests.gracedb.scripted import BOTH_FACES, Asker, Gracedb, answer
from tests.wire.server import Answer, reply

PAGE = "<!DOCTYPE html><html><head><title>Log in</title></head><body></body></html>"
LOGIN = reply(200, PAGE, Content_Type="text/html; charset=utf-8")
UNNAMED = reply(200, f"\ufeff\r\n  {PAGE.lower()}".encode(), Content_Type="application/json")
CALLS: dict[str, tuple[Any, ...]] = {
    "event": ("G1",),
    "logs": ("G1",),
    "files": ("G1",),
    "write_log": ("G1", "a message"),
    "write_label": ("S1", "INJ"),
    "remove_label": ("S1", "INJ"),
    "add_tag": ("G1", 1, "em_follow"),
    "create_superevent": (1, 2, 3, "G1"),
    "replace_event": ("G1", "a.txt", b"x"),
}


@pytest.mark.parametrize("page", [LOGIN, UNNAMED])
@pytest.mark.parametrize("name", CALLS)
@BOTH_FACES
def test_a_login_page_is_taken_for_an_answer(face: str, name: str, page: Answer) -> None:
    with Gracedb(lambda _: page) as server, pytest.raises(Unreadable, match="web page"):
        getattr(Asker(face, server.url), name)(*CALLS[name])


@pytest.mark.parametrize("name", ["write_log", "write_label", "add_tag", "create_superevent"])
def test_an_empty_yes_of_a_gateway_is_taken_for_the_servers(name: str) -> None:
    with Gracedb(lambda _: reply(204)) as server, pytest.raises(Unreadable, match="204 No Content to a P"):
        getattr(Asker("sync", server.url), name)(*CALLS[name])


def test_plain_text_that_is_called_a_page_is_refused() -> None:
    with Gracedb(lambda _: reply(201, "Tag created.", Content_Type="text/html; charset=utf-8")) as server:
        assert Asker("sync", server.url).add_tag("G1", 1, "em_follow").text == "Tag created."


def test_a_message_about_pages_is_refused() -> None:
    with Gracedb(lambda _: answer({"N": 1, "comment": PAGE}, 201)) as server:
        assert Asker("sync", server.url).write_log("G1", PAGE).status == 201


def test_a_page_that_is_asked_for_is_refused() -> None:
    """The verbs of the session reach every URL of the server, and so does a file that is one."""
    with Gracedb(lambda _: LOGIN) as server:
        client = Asker("sync", server.url)
        assert client.get(f"{server.url}events/G1/view").text == PAGE
        assert client.get_file(f"{server.url}events/G1/view").content == PAGE.encode()
        for name in ("plots.html", "plots.HTM", "plots.html,3"):
            assert client.files("G1", name).content == PAGE.encode()
            assert client.get_file(f"{server.url}events/G1/files/{name}").content == PAGE.encode()


@pytest.mark.parametrize("name", ["skymap.fits", "skymap.fits,0", "html", "a.html.gz"])
def test_a_login_page_is_taken_for_a_file(name: str, tmp_path: Path) -> None:
    with Gracedb(lambda _: LOGIN) as server:
        client = Asker("sync", server.url)
        with pytest.raises(Unreadable, match="web page"):
            client.files("G1", name).save(tmp_path / "kept")
        with pytest.raises(Unreadable, match="web page"):
            client.get_file(f"{server.url}events/G1/files/{name}").read()
    assert list(tmp_path.glob("kept*")) == []
