"""Files on their way: where they come from, what they are called, and how much of them is in memory."""

import hashlib
import io
import os
import tempfile
import tracemalloc
import uuid
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skykey.gracedb.uploads import content_id, opened
from skykey.values.errors import UsageError

PIECE = 2**20


def content_of(part: Any) -> bytes:
    return bytes(part.content) if isinstance(part.content, bytes) else part.content.read_bytes()


@given(st.binary(max_size=200))
def test_the_id_of_content_is_another_one_than_the_servers(content: bytes) -> None:
    wanted = uuid.UUID(hashlib.sha256(content).hexdigest()[:32])
    assert content_id(content) == str(wanted)


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE])
def test_a_file_and_its_bytes_have_two_ids(size: int, tmp_path: Path) -> None:
    content = os.urandom(size)
    (tmp_path / "a").write_bytes(content)
    assert content_id(tmp_path / "a") == content_id(content)


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 5 * PIECE + 3])
def test_what_can_be_read_once_is_sent_once(size: int) -> None:
    class Halting(io.BytesIO):
        """Gives less than it is asked for, as pipes do."""

        def read(self, most: int | None = -1) -> bytes:
            return super().read(min(most or 1, 70_000) if most and most > 0 else 70_000)

    content = os.urandom(size)
    with opened("upload", "a", Halting(content), called="a") as part:
        assert content_of(part) == content
        assert content_of(part) == content
        assert isinstance(part.content, bytes) is (size <= PIECE)


def test_a_temporary_file_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with opened("upload", "a", io.BytesIO(bytes(3 * PIECE)), called="a"):
        (kept,) = tmp_path.iterdir()
        assert kept.stat().st_mode & 0o077 == 0
    assert list(tmp_path.iterdir()) == []


def test_a_large_file_is_read_into_memory(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.touch()
    os.truncate(path, 64 * PIECE)
    tracemalloc.start()
    try:
        with opened("upload", str(path), called="large") as part:
            assert part.content == path  # read while it is sent
            content_id(part.content)
        with path.open("rb") as file, opened("upload", "large", file, called="large") as part:
            content_id(part.content)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * PIECE


@pytest.mark.parametrize(
    ("called", "media_type"),
    [("a.txt", "text/plain"), ("a.json", "application/json"), ("a", "application/octet-stream"), ("a.fits.gz", None)],
)
def test_a_file_is_called_something_else_than_it_is(called: str, media_type: str | None) -> None:
    with opened("upload", "x", b"", called=called) as part:
        assert (part.name, part.filename) == ("upload", called)
        assert media_type is None or part.media_type == media_type


@pytest.mark.parametrize("called", ["a,b", "a,0", "/tmp/x/a,1.txt"])
def test_a_name_that_the_server_refuses_is_sent(called: str) -> None:
    with pytest.raises(UsageError, match="comma"), opened("upload", called, b"", called=called):
        pass


def test_a_folder_with_a_comma_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "a,b"
    folder.mkdir()
    (folder / "c").write_bytes(b"x")
    with opened("upload", str(folder / "c"), called=str(folder / "c")) as part:
        assert content_of(part) == b"x"


def test_a_file_that_is_not_there_is_another_error_than_documented(tmp_path: Path) -> None:
    for kind in (FileNotFoundError, OSError, ValueError, UsageError):
        with pytest.raises(kind, match="there is no file"), opened("upload", str(tmp_path / "a"), called="a"):
            pass


@pytest.mark.parametrize("name", ["", "a\0b"])
def test_a_path_that_is_none_is_an_error_of_python(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"), opened("upload", f"{tmp_path}/{name}", called="a"):
        pass
