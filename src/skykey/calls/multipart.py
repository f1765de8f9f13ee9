"""A form with files (RFC 7578), sent in memory that does not grow with them."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from skykey.values.errors import SkykeyError, UsageError
from skykey.values.progress import advance

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_PIECE: Final = 256 * 1024
# As browsers write names into a form (WHATWG HTML, multipart/form-data encoding algorithm), which RFC 7578 leaves open.
_ESCAPES: Final = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})
# With its parameters; a line break in it would begin another header.
_MEDIA_TYPE: Final = re.compile(r"[\x21-\x7e]([\x20-\x7e\t]*[\x21-\x7e])?")


class FileChanged(SkykeyError):
    """A file became another one while it was sent."""

    code = "file-changed"


@dataclass(frozen=True, slots=True)
class Part:
    """One field of a form.

    Parameters
    ----------
    name
        Of the field.
    content
        Text, bytes, or the path of a file that is read while it is sent.
    filename
        What the file is called at the other end; None for a field that is none.
    media_type
        What is in it; None to say nothing.
    """

    name: str
    content: str | bytes | os.PathLike[str]
    filename: str | None = None
    media_type: str | None = None


class Multipart:
    """The body of a form (see `skykey.wire.request.Body`).

    Parameters
    ----------
    parts
        In the order in which they are sent.

    Raises
    ------
    UsageError
        If a file cannot be read, or is none; or if a name or media type cannot be written into a form.
    """

    def __init__(self, parts: Sequence[Part]) -> None:
        # As long as chance, so that no file holds it.
        self.boundary = f"skykey-{os.urandom(16).hex()}"
        self._pieces: list[bytes | _File] = []
        for part in parts:
            content = part.content.encode() if isinstance(part.content, str) else part.content
            self._pieces += [self._head(part), content if isinstance(content, bytes) else _File(content), b"\r\n"]
        self._pieces.append(f"--{self.boundary}--\r\n".encode())

    @property
    def size(self) -> int:
        """How many bytes, as the files were when this was made."""
        return sum(len(piece) if isinstance(piece, bytes) else piece.size for piece in self._pieces)

    @property
    def media_type(self) -> str:
        """What it is, for the header ``Content-Type``."""
        return f"multipart/form-data; boundary={self.boundary}"

    def __iter__(self) -> Iterator[bytes]:
        """Read it from its start.

        Raises
        ------
        FileChanged
            If a file is not any more what it was.
        """
        advance(size=self.size)
        for piece in self._pieces:
            for chunk in (piece,) if isinstance(piece, bytes) else piece:
                yield chunk
                advance(moved=len(chunk))

    def _head(self, part: Part) -> bytes:
        named = f'form-data; name="{part.name.translate(_ESCAPES)}"'
        if part.filename is not None:
            named += f'; filename="{part.filename.translate(_ESCAPES)}"'
        lines = [f"--{self.boundary}", f"Content-Disposition: {named}"]
        if part.media_type is not None:
            if not _MEDIA_TYPE.fullmatch(part.media_type):
                raise UsageError(f"{part.media_type!r} is no media type", next="name one, such as text/plain")
            lines.append(f"Content-Type: {part.media_type}")
        try:
            return "\r\n".join([*lines, "", ""]).encode()
        except UnicodeEncodeError:
            raise UsageError(f"the name {part.filename or part.name!r} cannot be written in UTF-8") from None


class _File:
    """A file on its way: as long as it was, or an error."""

    def __init__(self, path: os.PathLike[str]) -> None:
        self._path = os.fspath(path)
        try:
            self._was = os.stat(self._path)
            if stat.S_ISREG(self._was.st_mode):  # to open a pipe would wait for its other end
                with open(self._path, "rb"):
                    pass
        except (OSError, ValueError) as problem:  # ValueError: a NUL byte in the path
            why = problem.strerror if isinstance(problem, OSError) else problem
            raise UsageError(f"the file {self._path!r} cannot be read ({why})") from problem
        if not stat.S_ISREG(self._was.st_mode):
            raise UsageError(f"{self._path!r} is not a plain file", next="give its content instead")
        self.size = self._was.st_size

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._chunks()
        except OSError as problem:
            raise FileChanged(f"the file {self._path!r} cannot be read any more ({problem.strerror})") from problem

    def _chunks(self) -> Iterator[bytes]:
        with open(self._path, "rb") as file:
            left = self.size
            if _stamp(os.fstat(file.fileno())) != _stamp(self._was):
                raise self._changed()
            while left:
                chunk = file.read(min(_PIECE, left))
                if not chunk:
                    raise self._changed()
                left -= len(chunk)
                # By its name, which may be another file's by now, or nobody's.
                if not left and _stamp(os.stat(self._path)) != _stamp(self._was):
                    raise self._changed()  # before the last bytes are out: the server must not take it for whole
                yield chunk

    def _changed(self) -> FileChanged:
        return FileChanged(f"the file {self._path!r} changed while it was being sent", next="send it again")


def _stamp(status: os.stat_result) -> tuple[int, ...]:
    return status.st_ino, status.st_size, status.st_mtime_ns
