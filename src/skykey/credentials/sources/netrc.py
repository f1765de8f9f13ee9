"""A user name and a password in a netrc file."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from skykey.credentials.credential import Basic
from skykey.credentials.held import Held
from skykey.credentials.provider import Ask, Keeping
from skykey.values.errors import Unavailable
from skykey.values.life import LOOK_AGAIN, Life
from skykey.values.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from skykey.values.reach import Reach

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class Netrc:
    """The entry of one machine in a netrc file.

    The file must be the user's own and closed to others: it holds passwords in the clear. Its ``default`` entry is
    meant for every machine on Earth, and is passed over.

    Parameters
    ----------
    find
        Gives the path now (``~`` is expanded).
    host
        The machine.
    reach
        Where the password may go.
    name
        What ``why`` calls it.
    """

    find: Callable[[], str]
    host: str
    reach: Reach
    name: str = "the netrc file"

    @property
    def keeping(self) -> Keeping:
        """See `Provider.keeping`."""
        return Keeping.NOT_AT_ALL

    def obtain(self, held: Held[Basic] | None, ask: Ask, /) -> Held[Basic]:
        """Read it now.

        Raises
        ------
        Unavailable
            If it is missing, open to others or unreadable, or has no such machine.
        """
        path = self._path()
        found = _entry(path, self.host)
        if isinstance(found, str):
            raise Unavailable(found)
        username, password, mark = found
        return Held(
            Basic(username, password, self.reach, Life(look_again=LOOK_AGAIN)),
            source=self.name,
            mark=(path, *mark),
            facts={"file": path},
        )

    def changed(self, held: Held[Basic], /) -> bool:
        """Whether the path leads to another file, time or size than before."""
        path = self._path()
        try:
            return held.mark != (path, *_stamp(os.stat(path)))
        except (OSError, ValueError):
            return True

    def _path(self) -> str:
        return os.path.expanduser(self.find())


def _entry(path: str, host: str) -> tuple[str, Secret, tuple[int, ...]] | str:
    """User name, password and stamp; or why there are none, given and not raised: this frame sees the password."""
    import netrc

    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            return f"{path} is not a plain file"
        if status.st_uid != os.geteuid():
            return f"{path} belongs to another user"
        if status.st_mode & _OTHERS:
            return f"other users may read {path}: chmod 600 {path}"
        entry = netrc.netrc(path).hosts.get(host)
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a NUL byte; or no UTF-8 in the file
        return f"{path} does not exist" if not _exists(path) else f"{path} is not a text file"
    except OSError as problem:
        return f"{path} cannot be read ({problem.strerror})"
    except netrc.NetrcParseError as problem:
        return f"{path} is not a netrc file (line {problem.lineno})"
    if entry is None:
        return f"{path} has no machine {host}"
    login, account, password = entry
    if not (login or account) or not password:
        return f"{path} has no login or no password for {host}"
    return login or account or "", Secret(password), _stamp(status)


def _exists(path: str) -> bool:
    try:
        return os.path.exists(path)
    except ValueError:
        return False


def _stamp(status: os.stat_result) -> tuple[int, ...]:
    return status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size
