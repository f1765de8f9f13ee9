"""A file that is being fetched: it has its name only when it is whole, and what is there of it is not fetched again."""

from __future__ import annotations

import contextlib
import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from skykey.values.errors import UsageError

if TYPE_CHECKING:
    from types import TracebackType

# A folder takes names of 255 bytes, and a letter may have four.
_MOST_OF_NAME: Final = 40
# What some system reads as a device, whatever its ending; a path, a drive or a stream; or what no name may hold.
_DEVICE: Final = re.compile(r"(con|prn|aux|nul|clock\$|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE)
_UNFIT: Final = re.compile(r'[\x00-\x1f\x7f-\x9f\ud800-\udfff/\\:*?"<>|]')
_LONGEST_NAME: Final = 255
_OLD: Final = 86_400.0  # seconds


def path_in(folder: str | os.PathLike[str], name: str) -> Path:
    """Where a file goes whose name a server has chosen: into this folder, and nowhere else.

    Parameters
    ----------
    folder
        One that the user has chosen.
    name
        The server's.

    Raises
    ------
    UsageError
        If the name leads elsewhere, or is none on some system: a path, ``..``, a device, control characters; or if the
        file would be a hidden one.

    Examples
    --------
    >>> path_in("maps", "bayestar.fits.gz").as_posix()
    'maps/bayestar.fits.gz'
    """
    bare = name.rstrip(" .")  # as Windows drops them
    # A hidden file in somebody's home is most often one that a program obeys.
    unfit = not bare or name.startswith(("~", ".")) or _UNFIT.search(name) or _DEVICE.fullmatch(bare)
    if unfit or bare != name or len(os.fsencode(name)) > _LONGEST_NAME:
        raise UsageError(f"the server calls a file {name[:100]!r}, which is no plain file name", next="name the file")
    return Path(folder, name)


class Target:
    """Where a download goes.

    Used as a block: what is not `placed` at its end stays as a part beside the name if it can be gone on from, and is
    removed else.

    Parameters
    ----------
    path
        The name that the file has in the end. What is there until then stays as it is.

    Raises
    ------
    UsageError
        If it is a folder, or in one that is not there.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        # Of a link the file that it leads to: the link stays one.
        self.path = Path(os.path.realpath(path))
        if self.path.is_dir():
            raise UsageError(f"{self.path} is a folder", next="name a file")
        if not self.path.parent.is_dir():
            raise UsageError(f"the folder {self.path.parent} does not exist", next=f"mkdir -p {self.path.parent}")
        self._part: Path | None = None
        self._descriptor: int | None = None
        self._is_kept = False

    def begin(self, url: str, validator: str | None) -> int:
        """Open the part.

        Parameters
        ----------
        url
            What is fetched.
        validator
            The strong ETag of exactly these bytes (RFC 9110, 8.8.3); None if there is none, and so nothing to go on
            from.

        Returns
        -------
        int
            How many bytes are there already.

        Raises
        ------
        OSError
            If no file can be made there.
        """
        self._drop()
        prefix = self._prefix()
        if validator is not None:
            import hashlib  # it loads a cryptographic library, which most programs never need

            # The name says of what it is a part: another version of the file is another part.
            of = hashlib.sha256(f"{url}\n{validator}".encode()).hexdigest()[:24]
            self._part, self._is_kept = self.path.with_name(f"{prefix}{of}.part"), True
            # Not through a link: whoever may write here can guess the name. What cannot be opened is somebody else's.
            with contextlib.suppress(OSError):
                self._descriptor = os.open(self._part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
                if _is_ours_alone(self._descriptor, self._part):
                    return os.lseek(self._descriptor, 0, os.SEEK_END)
                os.close(self._descriptor)  # another process fetches the same
        self._part, self._is_kept = self.path.with_name(f"{prefix}{os.urandom(12).hex()}.part"), False
        self._descriptor = os.open(self._part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        return 0

    def write(self, piece: bytes) -> None:
        """Append."""
        view = memoryview(piece)
        while view:
            view = view[os.write(self._open(), view) :]

    def restart(self) -> None:
        """Forget what is there: the file has changed at the other end."""
        os.ftruncate(self._open(), 0)
        os.lseek(self._open(), 0, os.SEEK_SET)

    def place(self) -> Path:
        """Give it its name: it is whole."""
        part = self._part
        os.fsync(self._open())
        if part is None:
            raise UsageError("nothing was fetched")
        part.replace(self.path)
        self._part = None
        self._drop()
        self._sweep()
        return self.path

    def _prefix(self) -> str:
        return f".{self.path.name[:_MOST_OF_NAME]}."

    def _sweep(self) -> None:
        """Take away what killed processes have left of versions that nobody will ask for any more."""
        ours = re.compile(re.escape(self._prefix()) + r"[0-9a-f]{24}\.part")
        with contextlib.suppress(OSError), os.scandir(self.path.parent) as entries:
            for entry in entries:
                if not ours.fullmatch(entry.name) or time.time() - entry.stat(follow_symlinks=False).st_mtime < _OLD:
                    continue
                descriptor = os.open(entry.path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
                try:
                    if _is_ours_alone(descriptor, Path(entry.path)):
                        os.unlink(entry.path)
                finally:
                    os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._drop()

    def _open(self) -> int:
        if self._descriptor is None:
            raise UsageError("nothing is being fetched")
        return self._descriptor

    def _drop(self) -> None:
        part, self._part = self._part, None
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        if part is not None and (not self._is_kept or os.fstat(descriptor).st_size == 0):
            with contextlib.suppress(OSError):
                part.unlink()
        os.close(descriptor)


def _is_ours_alone(descriptor: int, path: Path) -> bool:
    """Whether no other process writes into it; until it is closed, none will."""
    try:
        import fcntl
    except ImportError:  # a system without it: parts are not shared there
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Whoever held it may have given it its name, or removed it, between our opening and our locking.
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except OSError:
        return False
