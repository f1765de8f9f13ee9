"""Files on their way to the server: from a path, standard input, bytes, text or an open file. None is read whole."""

from __future__ import annotations

import contextlib
import os
from typing import IO, TYPE_CHECKING, Any, Final

from skykey.gracedb.sending import FilePart
from skykey.gracedb.utils import get_mimetype
from skykey.values.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STDIN: Final = "-"
_PIECE: Final = 2**20


class MissingFile(UsageError, FileNotFoundError):
    """There is no such file on this machine; no request was made."""

    code = "missing-file"
    __str__ = UsageError.__str__


def text_of(filename: Any) -> str:
    """A file's name as text.

    Parameters
    ----------
    filename
        Text or a path.

    Raises
    ------
    UsageError
        For anything else.
    """
    name = os.fspath(filename) if isinstance(filename, str | os.PathLike) else None
    if not isinstance(name, str) or not name:
        raise UsageError(f"{filename!r} is not the name of a file")
    return name


@contextlib.contextmanager
def opened(
    part: str, filename: str, filecontents: Any = None, *, called: str, media_type: str | None = None
) -> Iterator[FilePart]:
    """Make a file ready to be sent, as often as it has to be, for the time of a block.

    Parameters
    ----------
    part
        The name of its field in the form.
    filename
        Where it is; ``-`` is standard input, read as bytes.
    filecontents
        What to send in place of what is there: bytes, text, or an open file.
    called
        Its name at the server.
    media_type
        What is in it; by default what its name says.

    Raises
    ------
    UsageError
        If the server would refuse the name, or the file cannot be read. If it is not there, also a
        ``FileNotFoundError``.
    """
    # The server keeps versions of a file behind a comma: name,0 and name,1.
    if "," in os.path.basename(called):
        raise UsageError(
            f"the server takes no file whose name has a comma: {called!r}", next="give it a name without commas"
        )
    if media_type is None:
        media_type = get_mimetype(called)
    with _content(filename, filecontents) as content:
        yield FilePart(part, called, content, media_type)


def content_id(content: Any) -> str:
    """The id that the server gives to an event's data file: a UUID made of the SHA-256 of its bytes.

    Parameters
    ----------
    content
        Bytes, or the path of a file, which is not read whole.
    """
    import hashlib
    import uuid

    digest = hashlib.sha256()
    if isinstance(content, bytes):
        digest.update(content)
    else:
        with open(content, "rb") as file:
            while chunk := file.read(_PIECE):
                digest.update(chunk)
    return str(uuid.UUID(bytes=digest.digest()[:16]))


@contextlib.contextmanager
def _content(filename: str, filecontents: Any) -> Iterator[bytes | Path]:
    if filecontents is None and filename != STDIN:
        from pathlib import Path

        path = Path(filename)
        with readable(path) as file:
            if path.is_file():
                yield path
                return
            with _spooled(file) as content:  # a pipe, such as <(command) of a shell
                yield content
    elif filecontents is None:
        import sys

        with _spooled(getattr(sys.stdin, "buffer", sys.stdin)) as content:
            yield content
    elif isinstance(filecontents, str):
        yield filecontents.encode()
    elif isinstance(filecontents, bytes | bytearray | memoryview):
        yield bytes(filecontents)
    elif callable(getattr(filecontents, "read", None)):
        with _spooled(filecontents) as content:
            yield content
    else:
        raise UsageError(f"the content of a file is bytes, text or an open file, not {type(filecontents).__name__}")


def readable(path: Path) -> IO[bytes]:
    """Open a file of this machine.

    Raises
    ------
    UsageError
        If it cannot be read; if it is not there, also a ``FileNotFoundError``.
    """
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise MissingFile(f"there is no file {str(path)!r}", next="give the path of a file that is there") from None
    except (OSError, ValueError) as problem:  # ValueError: a NUL byte in the path
        why = problem.strerror if isinstance(problem, OSError) else problem
        raise UsageError(f"the file {str(path)!r} cannot be read ({why})") from problem


@contextlib.contextmanager
def _spooled(file: Any) -> Iterator[bytes | Path]:
    """What can be read once, so that it can be sent twice: small things in memory, others in a temporary file."""
    first = _read(file)
    rest = _read(file) if len(first) >= _PIECE else b""
    if not rest:
        yield first
        return
    import tempfile
    from pathlib import Path

    with tempfile.NamedTemporaryFile(prefix="skykey-") as kept:
        while rest:
            kept.write(first)
            first, rest = rest, _read(file)
        kept.write(first)
        kept.flush()
        yield Path(kept.name)


def _read(file: Any) -> bytes:
    """The next MiB, or less where the file ends: pipes give what they have."""
    pieces: list[bytes] = []
    missing = _PIECE
    while missing > 0 and (piece := file.read(missing)):
        pieces.append(piece.encode() if isinstance(piece, str) else bytes(piece))
        missing -= len(pieces[-1])
    return b"".join(pieces)
