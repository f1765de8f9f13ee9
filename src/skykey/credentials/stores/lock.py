"""Who may renew: one thread of one process at a time, held by the kernel, so that nothing stale can be left behind."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
import time
import weakref
from typing import TYPE_CHECKING, Final

from skykey.credentials.stores.holder import sign, waited, waited_for_thread
from skykey.credentials.stores.notices import warn_once

if TYPE_CHECKING:
    from collections.abc import Iterator

    from skykey.credentials.stores.folder import Folder
    from skykey.values.clock import Clock
    from skykey.values.deadline import Deadline

PATIENCE: Final = 10.0
"""Seconds for which one waits for somebody else's renewal at most."""

# What file systems say that have no locks: some mounts of NFS, Lustre and FUSE.
_NO_LOCKS: Final = {errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL}
_FIRST_PAUSE: Final = 0.005
_LONGEST_PAUSE: Final = 0.02


class Limit:
    """How long somebody waits: until the caller's deadline, and never longer than the patience in real seconds."""

    def __init__(self, deadline: Deadline, patience: float) -> None:
        self._deadline = deadline
        self._until = time.monotonic() + patience

    def left(self) -> float:
        """Seconds, never below zero."""
        ours, theirs = max(0.0, self._until - time.monotonic()), self._deadline.remaining()
        return ours if theirs is None else min(ours, theirs)


class _Hold:
    """An open lock file. A forked child gets a copy of the descriptor, and with it the lock: it closes it at once."""

    def __init__(self, folder: Folder, name: str) -> None:
        self._folder, self._name = folder, name
        self._descriptor: int | None = None
        self._open()

    def take(self) -> bool:
        """Lock it now, if nobody else has it."""
        # The kernel's lock without any handling of paths: those are the folder's business.
        from filelock import lock_descriptor

        if self._descriptor is None or not lock_descriptor(self._descriptor, blocking=False):
            return False
        if os.fstat(self._descriptor).st_nlink:
            return True
        self.close()  # somebody removed the file meanwhile: what others lock now is another one
        self._open()
        return False

    def release(self, note: str) -> None:
        """Give it back, and remove the note; not in a forked child, where both are the parent's."""
        if self._descriptor is None:
            return
        from filelock import unlock_descriptor

        with contextlib.suppress(OSError):
            self._folder.remove(note)
        # Not only closed: a program that was started without Python's help may have a copy of the descriptor.
        with contextlib.suppress(OSError):
            unlock_descriptor(self._descriptor)
        self.close()

    def close(self) -> None:
        """Close it; what was locked stays so only where a copy of the descriptor is."""
        with _state.guard:
            _state.holds.discard(self)
            descriptor, self._descriptor = self._descriptor, None
            if descriptor is not None:
                with contextlib.suppress(OSError):
                    os.close(descriptor)

    def _open(self) -> None:
        with _state.guard:  # a fork waits for it: no child is made between the two lines
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NONBLOCK", 0)
            self._descriptor = self._folder.open(self._name, flags)
            _state.holds.add(self)


class _State:
    """What this process holds."""

    def __init__(self) -> None:
        self.holds: set[_Hold] = set()
        self.clear()

    def clear(self) -> None:
        self.guard = threading.RLock()
        self.alone: weakref.WeakValueDictionary[str, _Mutex] = weakref.WeakValueDictionary()


class _Mutex:
    """One lock among threads, forgotten when nobody uses it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()


@contextlib.contextmanager
def alone(label: str, limit: Limit) -> Iterator[None]:
    """Keep the other threads of this process out.

    Parameters
    ----------
    label
        Of what; the same for everybody who means the same.
    limit
        How long to wait for them.

    Raises
    ------
    TimedOut
        If another thread does not finish in time.
    """
    with _state.guard:
        mutex = _state.alone.get(label)
        if mutex is None:
            mutex = _state.alone[label] = _Mutex()
    if not mutex.lock.acquire(timeout=limit.left()):
        raise waited_for_thread()
    try:
        yield
    finally:
        mutex.lock.release()


@contextlib.contextmanager
def locked(folder: Folder, stem: str, limit: Limit, clock: Clock) -> Iterator[bool]:
    """Keep other processes out, also on other machines if the file system is shared and has locks.

    Parameters
    ----------
    folder, stem
        The place: beside ``stem.lock`` there is ``stem.holder``, a note for whoever waits. That the files exist means
        nothing; the kernel keeps the lock itself, and gives it back when its holder ends, however that happens.
    limit
        How long to wait.
    clock
        For the note.

    Yields
    ------
    bool
        Whether the lock is held. False where the file system has no locks: said once, and then only `alone` protects.

    Raises
    ------
    TimedOut
        If another process does not finish in time; it is named.
    StoreRefused
        If the lock file is a symbolic link.
    OSError
        If it cannot be made.
    """
    hold = _acquired(folder, stem, limit, clock)
    if hold is None:
        yield False
        return
    try:
        sign(folder, f"{stem}.holder", clock)
        yield True
    finally:
        hold.release(f"{stem}.holder")


def _acquired(folder: Folder, stem: str, limit: Limit, clock: Clock) -> _Hold | None:
    """Hold the lock; None where there are none."""
    pause = _FIRST_PAUSE
    hold = _Hold(folder, f"{stem}.lock")
    try:
        while not hold.take():
            left = limit.left()
            if not left:
                break
            import random

            # By chance: waiters that woke in one rhythm would leave the lock free most of the time.
            time.sleep(min(random.uniform(0, 2 * pause), left))  # noqa: S311 - not a secret
            pause = min(pause * 1.5, _LONGEST_PAUSE)
        else:
            return hold
    except OSError as problem:
        hold.close()
        if problem.errno not in _NO_LOCKS:
            raise
        warn_once(
            ("no locks", folder.path),
            "the file system of %s has no locks (%s): programs that renew the same credential at the same moment may "
            "undo each other's renewal",
            folder.path,
            problem.strerror,
        )
        return None
    except BaseException:
        hold.close()
        raise
    hold.close()
    raise waited(folder, f"{stem}.holder", clock)


_state: Final = _State()


def _before_fork() -> None:
    _state.guard.acquire()


def _after_fork_in_parent() -> None:
    _state.guard.release()


def _after_fork_in_child() -> None:
    # The threads that would give locks back were not copied; the descriptors were.
    _state.clear()
    for hold in list(_state.holds):
        hold.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork_in_parent,
        after_in_child=_after_fork_in_child,
    )
