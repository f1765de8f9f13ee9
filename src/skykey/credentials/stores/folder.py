"""A folder that is opened once and then used by its descriptor, so that nobody can put another in its place."""

from __future__ import annotations

import errno
import os
import shlex
import stat
from typing import TYPE_CHECKING, Final, Self

from skykey.values.errors import Failed

if TYPE_CHECKING:
    from types import TracebackType

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_FOLDER_MODE: Final = 0o700
_FILE_MODE: Final = 0o600
# Windows lacks these, and keeps a user's folders from others by inherited rules instead of modes.
_NOT_THROUGH_LINKS: Final = getattr(os, "O_NOFOLLOW", 0)
_ALWAYS: Final = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_AS_FOLDER: Final = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | _ALWAYS
_BY_DESCRIPTOR = os.open in os.supports_dir_fd and hasattr(os, "geteuid")
# What a file system says that cannot flush a folder.
_NO_SYNC: Final = {errno.EINVAL, errno.ENOTSUP, errno.EBADF}


class StoreRefused(Failed):
    """What credentials are kept in is not this user's alone; `next` is the command that repairs it."""

    code = "store-refused"


class Folder:
    """An open folder. Names in it are found relative to its descriptor, and never through symbolic links.

    Parameters
    ----------
    path
        For messages.
    descriptor
        Of the open folder, which is closed with this; None where the system knows no such thing.
    """

    def __init__(self, path: str, descriptor: int | None) -> None:
        self.path = path
        self._descriptor = descriptor

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def path_of(self, name: str) -> str:
        """Where it is, for messages."""
        return os.path.join(self.path, name)

    def open(self, name: str, flags: int) -> int:
        """Open a file; a new one is 0600 from the start, whatever the umask.

        Raises
        ------
        StoreRefused
            If it is a symbolic link.
        """
        flags |= _ALWAYS | _NOT_THROUGH_LINKS
        try:
            return os.open(self._at(name), flags, _FILE_MODE, dir_fd=self._descriptor)
        except OSError as problem:
            if problem.errno != errno.ELOOP:
                raise
        raise _linked(self.path_of(name))

    def open_own(self, name: str) -> int | None:
        """Open a file for reading if it is this user's alone; None if there is none.

        Raises
        ------
        StoreRefused
            If it is a symbolic link, not a plain file, somebody else's, or open to others.
        """
        try:
            # Not waiting: a named pipe in the file's place must not hold the program up.
            descriptor = self.open(name, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        except FileNotFoundError:
            return None
        except OSError:
            status = self.stat(name)
            if status is not None:
                self._check(name, status)
            raise
        try:
            self._check(name, os.fstat(descriptor))
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def stat(self, name: str) -> os.stat_result | None:
        """What is known about a name itself, not about what it links to; None if there is nothing."""
        try:
            return os.stat(self._at(name), dir_fd=self._descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def rename(self, old: str, new: str) -> None:
        """Give a file another name, in one step; what had that name is gone."""
        os.replace(self._at(old), self._at(new), src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor)

    def remove(self, name: str) -> None:
        """Remove a file."""
        os.unlink(self._at(name), dir_fd=self._descriptor)

    def names(self) -> list[str]:
        """What is in it."""
        return os.listdir(self.path if self._descriptor is None else self._descriptor)

    def sync(self) -> None:
        """Make changes of names survive a power cut, where the file system can."""
        if self._descriptor is None:
            return
        try:
            os.fsync(self._descriptor)
        except OSError as problem:
            if problem.errno not in _NO_SYNC:
                raise

    def _at(self, name: str) -> str:
        return self.path_of(name) if self._descriptor is None else name

    def _check(self, name: str, status: os.stat_result) -> None:
        path = self.path_of(name)
        if not stat.S_ISREG(status.st_mode):
            if stat.S_ISLNK(status.st_mode):
                raise _linked(path)
            raise StoreRefused(f"{path} is not a plain file", next=_command("mv", path, f"{path}.old"))
        if self._descriptor is not None:
            _check_owner(path, status)
            _check_mode(path, status, "600")


def private_folder(path: str, *, make: bool) -> Folder:
    """Open a folder that belongs to this user alone.

    Parameters
    ----------
    path
        Where it is. Folders above it may be links; it may not.
    make
        Whether to make it, and those above it, if it is missing; each with mode 0700.

    Raises
    ------
    StoreRefused
        If it is a symbolic link, not a folder, somebody else's, or open to others in any way.
    OSError
        If it is missing or cannot be opened.
    """
    path = os.path.abspath(path)  # a slash at the end would lead through a link
    if make:
        make_folders(path)
    if not _BY_DESCRIPTOR:
        os.listdir(path)
        return Folder(path, None)
    try:
        descriptor = os.open(path, _AS_FOLDER | _NOT_THROUGH_LINKS)
    except FileNotFoundError:
        raise
    except OSError:
        # Only for the words: nothing is opened on the strength of this look.
        _check_folder(path, os.lstat(path))
        raise
    try:
        _check_folder(path, os.fstat(descriptor))
    except BaseException:
        os.close(descriptor)
        raise
    return Folder(path, descriptor)


def any_folder(path: str) -> Folder:
    """Open a folder as it is, making it if it is missing.

    Raises
    ------
    OSError
        If that is not possible.
    """
    make_folders(path)
    return Folder(path, os.open(path, _AS_FOLDER) if _BY_DESCRIPTOR else None)


def make_folders(path: str) -> None:
    """Make a folder and those above it where they are missing, each with mode 0700.

    Raises
    ------
    OSError
        If that is not possible.
    """
    missing = []
    while not os.path.isdir(path) and path != os.path.dirname(path):
        missing.append(path)
        path = os.path.dirname(path)
    for folder in reversed(missing):
        try:
            os.mkdir(folder, _FOLDER_MODE)
        except FileExistsError:
            continue  # somebody else was quicker, or it is no folder: whoever opens it will see


def _check_folder(path: str, status: os.stat_result) -> None:
    if stat.S_ISLNK(status.st_mode):
        raise _linked(path)
    if not stat.S_ISDIR(status.st_mode):
        raise StoreRefused(f"{path} is not a folder", next=_command("mv", path, f"{path}.old"))
    _check_owner(path, status)
    _check_mode(path, status, "700")


def _check_owner(path: str, status: os.stat_result) -> None:
    ours = os.geteuid()
    if status.st_uid != ours:
        raise StoreRefused(
            f"{path} belongs to another user (number {status.st_uid}, and this program runs as {ours})",
            next=_command("sudo", "chown", "-R", str(ours), path),
        )


def _check_mode(path: str, status: os.stat_result, wanted: str) -> None:
    mode = stat.S_IMODE(status.st_mode)
    if mode & _OTHERS:
        raise StoreRefused(f"{path} is open to other users (mode {mode:04o})", next=_command("chmod", wanted, path))
    if not mode & stat.S_IRUSR:
        raise StoreRefused(f"{path} is closed to its owner too (mode {mode:04o})", next=_command("chmod", wanted, path))


def _linked(path: str) -> StoreRefused:
    return StoreRefused(f"{path} is a symbolic link", next=_command("rm", path))


def _command(*words: str) -> str:
    return shlex.join(words)
