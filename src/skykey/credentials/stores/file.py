"""Credentials in files of a folder that belongs to the user alone, one file an entry."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shlex
from typing import TYPE_CHECKING, Any, Final

from skykey.credentials.store import MemoryStore
from skykey.credentials.stores.atomic import replace, sweep
from skykey.credentials.stores.content import drained
from skykey.credentials.stores.document import MOST, Unreadable, decode, encode
from skykey.credentials.stores.folder import private_folder
from skykey.credentials.stores.lock import PATIENCE, Limit, alone, locked
from skykey.credentials.stores.notices import warn_once
from skykey.values.clock import SYSTEM_CLOCK
from skykey.values.errors import Failed, SkykeyError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from skykey.credentials.held import Held
    from skykey.credentials.stores.content import Content
    from skykey.credentials.stores.folder import Folder
    from skykey.values.clock import Clock
    from skykey.values.deadline import Deadline

# How many unreadable files of one entry stay, the newest ones.
_ASIDE: Final = 3
_ASIDE_NAME: Final = re.compile(r"\.unreadable-\d{8}T\d{6}\.\d{6}Z")


class FileStore:
    """A store that outlives the process and is shared with the user's others, on this machine and beyond.

    Files are 0600 in a folder of 0700 from their first byte, replaced in one step, and found by their folder's
    descriptor. What is there and cannot be read counts as nothing, and is kept aside when something new takes its
    place. Where nothing can be written (no home, a full disk), credentials live in memory; that is said once.

    Parameters
    ----------
    folder
        Where; None for ``credentials`` in the folder of the user's state.
    clock
        For the times in names and notes.
    patience
        Seconds for which `exclusive` waits at most, whatever the deadline.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str] | None = None,
        *,
        clock: Clock = SYSTEM_CLOCK,
        patience: float = PATIENCE,
    ) -> None:
        self._folder = None if folder is None else os.path.abspath(folder)
        self._clock = clock
        self._patience = patience
        self._memory = MemoryStore()
        self._has_locks = True

    @contextlib.contextmanager
    def exclusive(self, key: str, deadline: Deadline) -> Iterator[None]:
        """Keep every other renewal of the key out (see `Store.exclusive`).

        Raises
        ------
        TimedOut
            If another one does not end in time; it names the process.
        StoreRefused
            If the folder is not this user's alone.
        """
        limit = Limit(deadline, self._patience)
        name = stem(key)
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(OSError):  # no home: the same label for all who have none
                self._where()
            stack.enter_context(alone(f"{self._folder}/{name}", limit))
            try:
                folder = stack.enter_context(self._opened(make=True))
                self._has_locks = stack.enter_context(locked(folder, name, limit, self._clock))
            except SkykeyError:
                raise  # a time-out is an OSError too
            except OSError as problem:
                self._say_unusable(problem)
            yield

    def read(self, key: str) -> Held[Any] | None:
        """What was written last; None if nothing was, or nothing that can be read.

        Raises
        ------
        StoreRefused
            If folder or file are not this user's alone.
        """
        remembered = self._memory.read(key)
        try:
            with self._opened(make=False) as folder:
                found = self._entry(folder, _entry_name(key))[1]
        except FileNotFoundError:
            return remembered
        except OSError as problem:
            self._say_unusable(problem)
            return remembered
        if remembered is None or (found is not None and self._is_newer(found, remembered)):
            return found
        return remembered

    def write(self, key: str, held: Held[Any]) -> None:
        """Remember durably (see `Store.write`); in memory where that is not possible, which is said once.

        Raises
        ------
        StoreRefused
            If folder or file are not this user's alone.
        UsageError
            If it cannot be written down (see `encode`).
        """
        name = _entry_name(key)
        try:
            with self._opened(make=True) as folder:
                before, stored = self._entry(folder, name)
                if not self._has_locks and stored is not None and self._is_newer(stored, held):
                    return  # somebody else renewed at the same moment, and later
                content = encode(held, before)
                if isinstance(before, Unreadable):
                    self._put_aside(folder, name)
                replace(folder, name, content)
        except OSError as problem:
            self._say_unusable(problem)
            self._memory.write(key, held)
        else:
            self._memory.forget(key)

    def forget(self, key: str) -> None:
        """Remove the entry and whatever is left of earlier ones (see `Store.forget`).

        Raises
        ------
        StoreRefused
            If the folder is not this user's alone.
        Failed
            If something of it cannot be removed.
        """
        self._memory.forget(key)
        name = _entry_name(key)
        try:
            with self._opened(make=False) as folder:
                for left in (name, *_asides(folder, name)):
                    with contextlib.suppress(FileNotFoundError):
                        folder.remove(left)
                sweep(folder, name, older=-float("inf"))
                folder.sync()
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as problem:
            path = os.path.join(self._where(), name)
            raise Failed(f"{path} could not be removed ({problem.strerror})", next=f"rm {shlex.quote(path)}*") from None

    def _where(self) -> str:
        if self._folder is None:
            import platformdirs

            try:
                self._folder = os.path.join(platformdirs.user_state_path("skykey"), "credentials")
            except RuntimeError:
                raise FileNotFoundError(errno.ENOENT, "there is no home folder") from None
        return self._folder

    def _opened(self, *, make: bool) -> Folder:
        return private_folder(self._where(), make=make)

    def _entry(self, folder: Folder, name: str) -> tuple[Content | Unreadable | None, Held[Any] | None]:
        """What a file says, and what that means; both None if there is none."""
        descriptor = folder.open_own(name)
        if descriptor is None:
            return None, None
        try:
            status = os.fstat(descriptor)
            content = drained(descriptor, MOST) if status.st_size <= MOST else None
        finally:
            os.close(descriptor)
        if isinstance(content, BaseException):
            raise content
        read = Unreadable("it is larger than any credential") if content is None else decode(content)
        if not isinstance(read, Unreadable):
            return content, read
        path = folder.path_of(name)
        warn_once(
            ("unreadable", path, str(status.st_ino), str(status.st_mtime_ns)),
            "%s cannot be used: %s. It counts as empty, and will be kept aside under another name when a new "
            "credential takes its place",
            path,
            read.reason,
        )
        return read, None

    def _put_aside(self, folder: Folder, name: str) -> None:
        """Give an unreadable file another name, and remove older ones beyond a few."""
        from datetime import UTC, datetime

        when = datetime.fromtimestamp(self._clock.wall(), UTC)
        with contextlib.suppress(FileNotFoundError):
            folder.rename(name, f"{name}.unreadable-{when:%Y%m%dT%H%M%S.%fZ}")
        for left in _asides(folder, name)[:-_ASIDE]:
            with contextlib.suppress(FileNotFoundError):
                folder.remove(left)

    def _is_newer(self, one: Held[Any], other: Held[Any]) -> bool:
        """Whether one came later: by birth if both have one (a new login counts from one again), else by generation.

        A birth that is yet to come says nothing: a clock was wrong when it was written down.
        """
        ours: float | None = one.credential.life.born
        theirs: float | None = other.credential.life.born
        if ours is not None and theirs is not None and ours != theirs and max(ours, theirs) <= self._clock.wall():
            return ours > theirs
        return one.generation > other.generation

    def _say_unusable(self, problem: OSError) -> None:
        where = self._folder or "the home folder"
        warn_once(
            ("unusable", where),
            "credentials cannot be kept in %s (%s): they live in memory, and end with this program",
            where,
            problem.strerror or type(problem).__name__,
        )


def stem(key: str) -> str:
    """A file name for a key, which may be any text."""
    import hashlib

    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def _entry_name(key: str) -> str:
    return f"{stem(key)}.json"


def _asides(folder: Folder, name: str) -> list[str]:
    """The unreadable files that were kept of an entry, oldest first."""
    found = [left for left in folder.names() if left.startswith(name) and _ASIDE_NAME.fullmatch(left, len(name))]
    return sorted(found)
