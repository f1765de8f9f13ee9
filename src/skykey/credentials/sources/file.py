"""A token in a file, read again when the file changes."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TypeVar

from skykey.credentials.credential import Bearer
from skykey.credentials.held import Held
from skykey.credentials.provider import Ask, Keeping
from skykey.credentials.sources.text import flaw, trimmed
from skykey.values.errors import Failed, Unavailable
from skykey.values.life import Life
from skykey.values.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from skykey.values.reach import Reach

_LOOK_AGAIN = 1.0
_E = TypeVar("_E", bound=OSError)
# A token is short; whatever is longer is another kind of file.
_MOST = 64 * 1024


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
        raw, mark = self._read(path)
        try:
            token = trimmed(raw.decode("utf-8-sig"))
        except UnicodeDecodeError:
            raise TokenFileBinary(f"{path} is not a text file", next=self._remedy(path)) from None
        if not token:
            if self.required:
                raise TokenFileMalformed(f"{path} is empty", next=self._remedy(path))
            raise Unavailable(f"{path} is empty")
        if (problem := flaw(token)) is not None:
            raise TokenFileMalformed(f"{path} does not hold one token: {problem}", next=self._remedy(path))
        life = Life(look_again=_LOOK_AGAIN)
        return Held(Bearer(Secret(token), self.reach, life), source=self.name, mark=mark)

    def changed(self, held: Held[Bearer], /) -> bool:
        """Whether the path leads to another file, time or size than before."""
        path = self._path()
        if path is None:
            return True
        try:
            return held.mark != _mark(path, os.stat(path))
        except OSError:
            return True

    def _path(self) -> str | None:
        named = self.find()
        return None if named is None else os.path.expanduser(named)

    def _read(self, path: str) -> tuple[bytes, Hashable]:
        try:
            # O_NONBLOCK: a named pipe in the file's place must not make the program wait for a writer.
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0))
        except FileNotFoundError:
            raise self._missing(path) from None
        except NotADirectoryError:
            raise self._missing(path) from None
        except OSError as problem:
            raise self._unusable(path, problem) from None
        except ValueError:  # a NUL byte in the path
            raise self._missing(path) from None
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if stat.S_ISDIR(status.st_mode):
                raise _as_os_error(
                    TokenFileIsFolder(f"{path} is a folder", next=self._remedy(path)), errno.EISDIR, path
                )
            if not stat.S_ISREG(status.st_mode):
                raise TokenFileUnreadable(f"{path} is not a plain file", next=self._remedy(path))
            try:
                raw = file.read(_MOST + 1)
            except OSError as problem:
                raise self._unusable(path, problem) from None
        if len(raw) > _MOST:
            raise TokenFileMalformed(f"{path} is larger than any token", next=self._remedy(path))
        return raw, _mark(path, status)

    def _missing(self, path: str) -> Failed | Unavailable:
        if not self.required:
            return Unavailable(f"{path} does not exist")
        missing = TokenFileMissing(f"the token file {path!r} does not exist", next=self._remedy(path))
        return _as_os_error(missing, errno.ENOENT, path)

    def _unusable(self, path: str, problem: OSError) -> Failed:
        if problem.errno == errno.EISDIR:
            return _as_os_error(TokenFileIsFolder(f"{path} is a folder", next=self._remedy(path)), errno.EISDIR, path)
        unreadable = TokenFileUnreadable(f"{path} cannot be read ({problem.strerror})", next=f"chmod 600 {path}")
        return _as_os_error(unreadable, problem.errno or errno.EACCES, path)

    def _remedy(self, path: str) -> str:
        return f"write one token into {path}, or leave {self.name} out"


def _mark(path: str, status: os.stat_result) -> Hashable:
    return path, status.st_ino, status.st_mtime_ns, status.st_size


def _as_os_error(error: _E, number: int, path: str) -> _E:
    error.errno, error.filename = number, path
    return error
