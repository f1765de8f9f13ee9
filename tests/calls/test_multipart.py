"""A form is read as it was meant, whatever is in it; a file that changes on its way never arrives as a whole one."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skykey.calls import multipart
from skykey.calls.multipart import FileChanged, Multipart, Part
from skykey.values.errors import UsageError
from skykey.values.progress import Progress, watched

ESCAPES = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})  # as browsers do it
PIECE = multipart._PIECE


@dataclass(frozen=True)
class Read:
    """A part as a standard parser reads it."""

    name: str
    filename: str | None
    media_type: str | None
    content: bytes


def read(body: Multipart) -> list[Read]:
    """Read a form with the standard library."""
    sent = b"".join(body)
    assert len(sent) == body.size
    whole = f"Content-Type: {body.media_type}\r\nMIME-Version: 1.0\r\n\r\n".encode() + sent
    message = BytesParser(policy=compat32.clone(raise_on_defect=True)).parsebytes(whole)
    assert message.is_multipart()
    return [one(part) for part in message.get_payload()]


def one(part: Any) -> Read:
    assert isinstance(part, Message)
    assert set(part) <= {"Content-Disposition", "Content-Type"}
    # Not by its own reading of the parameters, which knows more ways to write them than forms have.
    raw = str(dict(part.raw_items())["Content-Disposition"])
    said = raw.encode("ascii", "surrogateescape").decode()
    named, name, *more = said.split('"')
    assert named == "form-data; name="
    filename = None
    if len(more) > 1:
        assert more[0] == "; filename="
        filename = more[1]
    assert more[-1] == ""
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return Read(name, filename, part["Content-Type"], content)


def expected(part: Part) -> Read:
    content = part.content.encode() if isinstance(part.content, str) else part.content
    if isinstance(content, os.PathLike):
        content = Path(content).read_bytes()
    filename = None if part.filename is None else part.filename.translate(ESCAPES)
    return Read(part.name.translate(ESCAPES), filename, part.media_type, content)


# What a header may hold of a name: other control characters stand in no name that anybody has.
LETTERS = st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], include_characters='"\r\n\\;=%')
NAMES = st.text(LETTERS, max_size=20)
LOOKALIKES = st.sampled_from(
    [b"\r\n", b"--", b"--skykey-", b"\r\n--skykey-00--\r\n", b"\r\n\r\n", b"\r", b"\n", b"\0\xff"]
)
CONTENTS = st.one_of(st.binary(max_size=200), st.lists(st.one_of(LOOKALIKES, st.binary(max_size=9))).map(b"".join))


PARTS = st.builds(Part, NAMES, CONTENTS, st.none() | NAMES, st.sampled_from([None, "text/plain", "a/b; c=d"]))


@given(st.lists(PARTS, min_size=1, max_size=5))
def test_a_form_is_read_as_it_was_meant(parts: list[Part]) -> None:
    assert read(Multipart(parts)) == [expected(part) for part in parts]


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=50))
def test_text_is_sent_in_utf_8(text: str) -> None:
    assert read(Multipart([Part("a", text)])) == [Read("a", None, None, text.encode())]


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE])
def test_files_are_read_while_they_are_sent(size: int, tmp_path: Path) -> None:
    path = tmp_path / "coinc.xml"
    path.write_bytes(os.urandom(size))
    parts = [Part("a", "before"), Part("f", path, "coinc.xml", "text/xml"), Part("b", b"behind")]
    body = Multipart(parts)
    pieces = list(body)
    assert max(map(len, pieces)) <= PIECE
    assert read(body) == [expected(part) for part in parts]
    assert b"".join(body) == b"".join(pieces)


def test_no_two_forms_have_the_same_boundary() -> None:
    boundaries = {Multipart([]).boundary for _ in range(100)}
    assert len(boundaries) == 100
    assert {len(boundary) for boundary in boundaries} == {39}  # at most 70 are allowed


def test_a_form_without_parts_has_its_end() -> None:
    body = Multipart([])
    assert b"".join(body) == f"--{body.boundary}--\r\n".encode()


@pytest.mark.parametrize("media_type", ["a/b\r\nX-Injected: 1", "a/b\n", "", "ü/b", "a/b\0"])
def test_a_media_type_begins_no_other_header(media_type: str) -> None:
    with pytest.raises(UsageError, match="no media type"):
        Multipart([Part("a", b"", "f", media_type)])


def test_a_name_that_is_no_text_is_refused() -> None:
    for part in (Part("a", b"", os.fsdecode(b"caf\xe9.fits")), Part("\ud800", b"")):
        with pytest.raises(UsageError, match="UTF-8"):
            Multipart([part])


def test_how_much_has_gone_is_told(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"x" * (2 * PIECE))
    body, told = Multipart([Part("f", path, "f")]), list[Progress]()
    with watched(told.append):
        sent = b"".join(body)
    assert (told[0].moved, told[0].size) == (0, body.size)
    assert told[-1].moved == len(sent) == body.size
    assert len(told) >= 5


# -- files that are none, or not any more


def test_what_is_no_file_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        Multipart([Part("f", tmp_path / "none")])
    with pytest.raises(UsageError, match="plain"):
        Multipart([Part("f", tmp_path)])
    with pytest.raises(UsageError, match="null byte"):
        Multipart([Part("f", Path("a\0b"))])


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="not a plain file"):
        Multipart([Part("f", tmp_path / "pipe")])


def shrink(path: Path) -> None:
    os.truncate(path, 10)


def shrink_to_nothing(path: Path) -> None:
    os.truncate(path, 0)


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def rewrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4 * PIECE)
        file.write(b"other")
    os.utime(path, ns=(1, 1))  # the clock of a file system is coarse


def replace(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    other.replace(path)


def vanish(path: Path) -> None:
    path.unlink()


CHANGES = (shrink, shrink_to_nothing, grow, rewrite, replace, vanish)


class Meddled(Multipart):
    """A form at whose file somebody works when so many pieces are out."""

    def __init__(self, path: Path, change: Callable[[Path], None], after: int) -> None:
        super().__init__([Part("a", "b"), Part("f", path, "f"), Part("c", "d")])
        self._path, self._change, self._after = path, change, after

    def __iter__(self) -> Iterator[bytes]:
        for number, piece in enumerate(super().__iter__()):
            if number == self._after:
                self._change(self._path)
            yield piece


def made(tmp_path: Path, change: Callable[[Path], None], after: int) -> Meddled:
    path = tmp_path / "file"
    path.write_bytes(os.urandom(5 * PIECE + 7))
    return Meddled(path, change, after)


def send(body: Multipart, sent: bytearray) -> None:
    for piece in body:
        sent += piece


@pytest.mark.parametrize("after", [0, 3, 4, 6, 8])
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_file_that_changes_while_it_is_sent_is_never_sent_whole(
    change: Callable[[Path], None], after: int, tmp_path: Path
) -> None:
    """Before it is opened, between its pieces, and before the last of them."""
    body, sent = made(tmp_path, change, after), bytearray()
    with pytest.raises(FileChanged) as caught:
        send(body, sent)
    print(f"{change.__name__} after {after} pieces: {len(sent)} of {body.size} bytes were sent")
    assert len(sent) < body.size - len(f"\r\n--{body.boundary}--\r\n")
    assert str(tmp_path) in caught.value.message


def test_a_file_that_was_empty_and_is_not_any_more_is_not_sent_as_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    body = Multipart([Part("f", tmp_path / "file")])
    grow(tmp_path / "file")
    with pytest.raises(FileChanged):
        b"".join(body)


def test_a_file_that_changed_since_the_first_time_is_not_sent_again(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 100)
    body = Multipart([Part("f", path)])
    assert len(b"".join(body)) == body.size
    grow(path)
    with pytest.raises(FileChanged, match="changed while"):
        b"".join(body)
    path.unlink()
    with pytest.raises(FileChanged, match="cannot be read any more"):
        b"".join(body)
