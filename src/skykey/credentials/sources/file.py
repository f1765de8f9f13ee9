"""A token in a file, read again when the file changes."""

from __future__ import annotations

import errno
import os
import stat
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TypeVar

from skykey.credentials.credential import Bearer
from skykey.credentials.held import Held
from skykey.credentials.provider import Ask, Keeping
from skykey.credentials.text import parsed
from skykey.values.errors import CredentialError, Failed, Unavailable
from skykey.values.life import LOOK_AGAIN
from skykey.values.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from skykey.values.reach import Reach

_E = TypeVar("_E", bound=OSError)
# A token is short; whatever is longer is another kind of file.
_MOST = 64 * 1024
# Two writes within one tick of a file system's clock bear the same time.
_TICK_NS = 50_000_000


class TokenFileMissing(Failed, FileNotFoundError):
    """A token file that was named explicitly is not there."""

    code = "token-file-missing"
    __str__ = Failed.__str__


class TokenFileIsFolder(Failed, IsADirectoryError):
    """A token file that was named explicitly is a folder."""

    code = "token-file-is-folder"
    __str__ = Failed.__str__


class TokenFileUnreadable(Failed, PermissionError):
    """A token file may not be read, or is not a plain file."""

    code = "token-file-unreadable"
    __str__ = Failed.__str__


class TokenFileMalformed(Failed, ValueError):
    """A token file holds something else than one token."""

    code = "token-file-malformed"


class TokenFileBinary(TokenFileMalformed, UnicodeDecodeError):
    """A token file is not text. Carries no byte of it."""

    code = "token-file-binary"
    __str__ = Failed.__str__

    def __new__(cls, message: str, **_: object) -> Self:
        """`UnicodeDecodeError` wants five arguments; its bytes stay empty here."""
        return super().__new__(cls, "utf-8", b"", 0, 1, message)

    def __init__(self, message: str, *, words: str | None = None, next: str | None = None) -> None:  # noqa: A002 - as in the base
        UnicodeDecodeError.__init__(self, "utf-8", b"", 0, 1, message)
        self.message, self.words, self.next = message, words, next

    def __reduce__(self) -> tuple[type[TokenFileBinary], tuple[str], dict[str, object]]:
        return type(self), (self.message,), self.__dict__


@dataclass(frozen=True, slots=True)
class _Mark:
    """How a file looked, and what it held if that was written so shortly before that its time may not tell."""

    path: str
    stamp: tuple[int, ...]
    text: Secret | None


@dataclass(frozen=True, slots=True)
class File:
    """A file that holds one token and nothing else.

    Parameters
    ----------
    find
        Gives the path now (``~`` is expanded), or None with the reason in `absent` if nobody names one.
    reach
        Where the token may go.
    name
        What ``why`` calls it.
    required
        Whether a missing or empty file stops the search (an explicit argument) or lets it go on.
    absent
        The reason when `find` gives None.
    """

    find: Callable[[], str | None]
    reach: Reach
    name: str
    required: bool = False
    absent: str = "it is not set"

    @property
    def keeping(self) -> Keeping:
        """See `Provider.keeping`."""
        return Keeping.NOT_AT_ALL

    def obtain(self, held: Held[Bearer] | None, ask: Ask, /) -> Held[Bearer]:
        """Read it now.

        Raises
        ------
        Unavailable
            If it is missing or empty and not `required`.
        Failed
            If it is there and cannot be read or cannot be a token; also as the built-in class that fits
            (``FileNotFoundError``, ``IsADirectoryError``, ``PermissionError``, ``UnicodeDecodeError``).
        """
        path = self._path()
        if path is None:
            raise Unavailable(self.absent)
        text, mark = self._read(path)
        token, problem = parsed(text)
        if not token:
            if self.required:
                raise TokenFileMalformed(f"{path} is empty", next=self._remedy(path))
            raise Unavailable(f"{path} is empty")
        if problem is not None:
            raise TokenFileMalformed(f"{path} does not hold one token: {problem}", next=self._remedy(path))
        return Held(Bearer.found(token, self.reach, look_again=LOOK_AGAIN), source=self.name, mark=mark)

    def changed(self, held: Held[Bearer], /) -> bool:
        """Whether the path leads to another file, time or size than before."""
        path, mark = self._path(), held.mark
        if path is None or not isinstance(mark, _Mark) or mark.path != path:
            return True
        try:
            if mark.stamp != _stamp(os.stat(path)):
                return True
            return mark.text is not None and self._read(path)[0] != mark.text
        except (OSError, CredentialError):
            return True

    def _path(self) -> str | None:
        named = self.find()
        return None if named is None else os.path.expanduser(named)

    def _read(self, path: str) -> tuple[Secret, _Mark]:
        try:
            # O_NONBLOCK: a named pipe in the file's place must not make the program wait for a writer.
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0))
        except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a NUL byte in the path
            raise self._missing(path) from None
        except OSError as problem:
            raise self._unusable(path, problem) from None
        try:
            status = os.fstat(descriptor)
            if stat.S_ISDIR(status.st_mode):
                raise self._folder(path)
            if not stat.S_ISREG(status.st_mode):
                raise TokenFileUnreadable(f"{path} is not a plain file", next=self._remedy(path))
            text = self._text(descriptor, path)
        finally:
            os.close(descriptor)
        if isinstance(text, Failed):
            raise text
        just_written = time.time_ns() - status.st_mtime_ns < _TICK_NS
        return text, _Mark(path, _stamp(status), text if just_written else None)

    def _text(self, descriptor: int, path: str) -> Secret | Failed:
        """What the file holds; a failure is given, not raised, because tracebacks show local variables."""
        try:
            with open(descriptor, "rb", closefd=False) as file:
                raw = file.read(_MOST + 1)
        except OSError as problem:
            return self._unusable(path, problem)
        if len(raw) > _MOST:
            return TokenFileMalformed(f"{path} is larger than any token", next=self._remedy(path))
        try:
            return Secret(raw.decode("utf-8-sig"))
        except UnicodeDecodeError:
            pass  # it carries the bytes: nothing may have it as its context
        return TokenFileBinary(f"{path} is not a text file", next=self._remedy(path))

    def _missing(self, path: str) -> Failed | Unavailable:
        if not self.required:
            return Unavailable(f"{path} does not exist")
        missing = TokenFileMissing(f"the token file {path!r} does not exist", next=self._remedy(path))
        return _as_os_error(missing, errno.ENOENT, path)

    def _unusable(self, path: str, problem: OSError) -> Failed:
        if problem.errno == errno.EISDIR:
            return self._folder(path)
        unreadable = TokenFileUnreadable(f"{path} cannot be read ({problem.strerror})", next=f"chmod 600 {path}")
        return _as_os_error(unreadable, problem.errno or errno.EACCES, path)

    def _folder(self, path: str) -> Failed:
        folder = TokenFileIsFolder(f"{path} is a folder", next=self._remedy(path))
        return _as_os_error(folder, errno.EISDIR, path)

    def _remedy(self, path: str) -> str:
        return f"write one token into {path}, or leave {self.name} out"


def _stamp(status: os.stat_result) -> tuple[int, ...]:
    return status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size


def _as_os_error(error: _E, number: int, path: str) -> _E:
    error.errno, error.filename = number, path
    return error
