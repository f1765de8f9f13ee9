"""Replacing what a file holds so that a reader sees the old or the new, and never a part."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
import time
from typing import TYPE_CHECKING, Final

from skykey.credentials.stores.content import filled, sealed
from skykey.credentials.stores.folder import any_folder

if TYPE_CHECKING:
    from skykey.credentials.stores.content import Content
    from skykey.credentials.stores.folder import Folder

_SUFFIX: Final = re.compile(r"\.[0-9a-f]{16}\.skykey-new")
# A writer needs milliseconds. What is older than this was left by one that was killed.
_LEFT_OVER: Final = 600.0
# A file name has 255 bytes at most.
_ROOM: Final = 200


def replace(folder: Folder, name: str, content: Content) -> None:
    """Put a file with this content in the place of a name; when it returns, a crash does not undo it.

    Parameters
    ----------
    folder, name
        The place.
    content
        What the file holds then; its mode is 0600.

    Raises
    ------
    OSError
        If that is not possible. What was there before is still there.
    """
    new = f"{_prefix(name)}.{os.urandom(8).hex()}.skykey-new"
    descriptor = folder.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        try:
            problem = filled(descriptor, content)
            if problem is not None:
                raise problem
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        folder.rename(new, name)
    except BaseException:
        with contextlib.suppress(OSError):
            folder.remove(new)
        raise
    folder.sync()
    sweep(folder, name)


def sweep(folder: Folder, name: str, *, older: float = _LEFT_OVER) -> None:
    """Remove what killed writers of a name left behind.

    Parameters
    ----------
    folder, name
        As for `replace`.
    older
        Age in seconds from which a file counts as left behind. Below zero: all, for a name that nobody writes now.
    """
    prefix = _prefix(name)
    for left in folder.names():
        if not left.startswith(prefix) or not _SUFFIX.fullmatch(left, len(prefix)):
            continue
        with contextlib.suppress(OSError):
            status = folder.stat(left)
            if status is not None and time.time() - status.st_mtime > older:
                folder.remove(left)


def replace_file(path: str | os.PathLike[str], data: bytes) -> None:
    """Replace what a file holds, in one step; when it returns, a crash does not undo it.

    Parameters
    ----------
    path
        The file. If it is a symbolic link, what it leads to is replaced and the link stays. Missing folders above it
        are made with mode 0700; the file's own mode is 0600 afterwards.
    data
        What it holds then.

    Raises
    ------
    OSError
        If that is not possible, if something else than a plain file is there, or somebody else's file. What was there
        before is still there.
    """
    content = sealed(data)
    del data  # tracebacks show local variables
    where, name = os.path.split(os.path.realpath(path))
    with any_folder(where) as folder:
        status = folder.stat(name)
        if status is not None:
            if not stat.S_ISREG(status.st_mode):
                raise OSError(errno.EINVAL, "not a plain file", os.fspath(path))
            if hasattr(os, "geteuid") and status.st_uid != os.geteuid():
                # It would become ours, and its owner could not read it any more.
                raise PermissionError(errno.EPERM, "it belongs to another user", os.fspath(path))
        replace(folder, name, content)


def _prefix(name: str) -> str:
    return "." + os.fsdecode(os.fsencode(name)[:_ROOM])
