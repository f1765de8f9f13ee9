"""The state folder: where it is, who holds it, and how files get into it."""

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from skykey.sandbox.errors import AlreadyRunning, SandboxError

if TYPE_CHECKING:
    from filelock import BaseFileLock

STATE = "state.json"
LOG = "sandbox.log"
_LOCK = "lock"


def default_folder() -> Path:
    """Return the folder of this user's ordinary sandbox."""
    from platformdirs import user_state_path

    try:
        return user_state_path("skykey", appauthor=False) / "sandbox"
    except RuntimeError:  # a uid without a passwd entry and without HOME, as in some containers
        raise SandboxError("This user has no home folder; name a folder with --state DIR.") from None


def make_folder(folder: Path) -> None:
    """Make the folder, for this user alone: keys and a token live in it."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SandboxError(f"Cannot make the state folder {folder}: {error.strerror}.") from error


def hold(folder: Path) -> "BaseFileLock":
    """Take the folder for as long as the caller lives.

    The kernel frees this lock with its process, however that ends, so a lock that is held means a sandbox
    that runs; a pid in a file would prove nothing, because pids come round again.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(folder / _LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise AlreadyRunning(f"Another sandbox holds {folder}; see `skykey sandbox status`.") from None
    except OSError as error:
        raise SandboxError(f"Cannot write into {folder}: {error.strerror}.") from error
    return lock


def is_held(folder: Path) -> bool:
    """Say whether a process holds the folder."""
    if not (folder / _LOCK).exists():
        return False
    try:
        hold(folder).release()
    except AlreadyRunning:
        return True
    return False


def write_private(path: Path, content: bytes) -> None:
    """Put a file in place at once and readable by its owner only, whatever the umask is."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp makes it 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
