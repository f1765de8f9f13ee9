"""Files: any name can be had, lists are responses, and what is read is what the server has."""

import asyncio
from pathlib import Path

import pytest

from skykey.gracedb.exceptions import HTTPError
from skykey.gracedb.rest import AsyncGraceDb, GraceDb
from skykey.values.errors import NotFound, UsageError
from tests.gracedb.scripted import BOTH_FACES, Asker, Gracedb, answer, path
from tests.wire.server import reply

NAMES = [
    ("map.fits", "map.fits"),
    ("map.fits,3", "map.fits,3"),
    ("a b.txt", "a%20b.txt"),
    ("a#b?c.txt", "a%23b%3Fc.txt"),
    ("50%.txt", "50%25.txt"),
    ("größe.txt", "gr%C3%B6%C3%9Fe.txt"),
    ("a/b.txt", "a%2Fb.txt"),
]


@pytest.mark.parametrize(("name", "quoted"), NAMES)
@pytest.mark.parametrize(("object_id", "where"), [("G1", "events/G1/files/"), ("S1", "superevents/S1/files/")])
def test_a_name_is_cut_on_its_way(name: str, quoted: str, object_id: str, where: str) -> None:
    with Gracedb(lambda _: reply(200, b"\x00\xff")) as server:
        assert GraceDb(server.url, force_noauth=True).files(object_id, name).read() == b"\x00\xff"
        assert [path(seen) for seen in server.asked] == [where + quoted]


@BOTH_FACES
def test_a_list_is_a_download(face: str) -> None:
    with Gracedb(lambda _: answer({"a.txt": "x"})) as server:
        assert Asker(face, server.url).files("G1").json() == {"a.txt": "x"}


def test_a_download_offers_one_face_only(tmp_path: Path) -> None:
    with Gracedb(lambda _: reply(200, b"one\ntwo\n")) as server:
        client = GraceDb(server.url, force_noauth=True)
        assert client.files("G1", "a").content == b"one\ntwo\n"
        assert client.files("G1", "a").text == "one\ntwo\n"
        assert [client.files("G1", "a").status, client.files("G1", "a").status_code] == [200, 200]
        assert list(client.files("G1", "a")) == [b"one\n", b"two\n"]
        assert b"".join(client.files("G1", "a").stream(3)) == b"one\ntwo\n"
        file = client.files("G1", "a")
        assert [file.read(4), file.read(), file.read()] == [b"one\n", b"two\n", b""]
        assert client.files("G1", "a").save(tmp_path / "b").read_bytes() == b"one\ntwo\n"

        async def main() -> bytes:
            file = await AsyncGraceDb(server.url, force_noauth=True).files("G1", "a")
            return bytes(await file.read())

        assert asyncio.run(main()) == b"one\ntwo\n"


@BOTH_FACES
def test_a_missing_file_shows_where_it_is_read(face: str) -> None:
    with Gracedb(lambda _: answer("File a not found", 404)) as server, pytest.raises(HTTPError) as caught:
        Asker(face, server.url).files("G1", "a")
    assert isinstance(caught.value, NotFound)
    assert "getting a of G1" in str(caught.value)
    assert "File a not found" in str(caught.value)


@BOTH_FACES
def test_a_url_is_asked_for_otherwise_than_documented(face: str) -> None:
    with Gracedb(lambda _: reply(200, b"hello")) as server:
        client = Asker(face, server.url)
        client.get_file(f"{server.url}events/G1/files/a", stream=True)
        client.get_file(f"{server.url}events/G1/files/a", params={"x": 1})
        with pytest.raises(UsageError, match="verify"):
            client.get_file(f"{server.url}events/G1/files/a", verify=False)
        with pytest.raises(ValueError, match="URL"):
            client.get_file("events/G1/files/a")
    assert [path(seen) for seen in server.asked] == ["events/G1/files/a", "events/G1/files/a?x=1"]


@pytest.mark.parametrize("name", [3, ["a"], Path("a")])
def test_a_name_that_is_none_is_asked_for(name: object) -> None:
    with Gracedb() as server, pytest.raises(UsageError, match="name of a file"):
        Asker("sync", server.url).files("G1", name)
    assert server.sent == []
