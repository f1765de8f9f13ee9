"""What a long run of uploads has done, in a file, so that the next run does not do it again.

A line is written before each upload and one behind it. A run that was killed in between leaves a first line without a
second: nobody knows what became of that upload, and the next run asks the server before it sends it again.
"""

from __future__ import annotations

import json
import os
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, Self

from skykey.values.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

_BEGUN: Final = "begun"
_DONE: Final = "done"
_NOT_DONE: Final = "not-done"
_NEXT: Final = "name another file as journal, or remove this one to begin anew"


class Journal:
    """The file, open for one run.

    Parameters
    ----------
    path
        It is made if it is not there (mode 0600).

    Raises
    ------
    UsageError
        If it is no journal, or another process has it open.
    OSError
        If it cannot be read or written.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = os.fspath(path)
        self._lock = threading.Lock()
        self._lines: dict[str, dict[str, Any]] = {}
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            self._hold()
            self._read()
        except BaseException:
            os.close(self._descriptor)
            raise

    def state(self, key: str) -> dict[str, Any]:
        """What is known of an upload.

        Returns
        -------
        dict
            Empty if nothing is. ``state`` is ``"begun"``, ``"done"`` or ``"not-done"``; ``time`` is when that was
            written (seconds since 1970, UTC); ``answer`` what the server said to what is done.
        """
        return self._lines.get(key, {})

    def begin(self, key: str, now: float) -> None:
        """Write that an upload is about to be sent."""
        self._write(key, _BEGUN, now)

    def finish(self, key: str, now: float, answer: Any) -> None:
        """Write that it is done, with the server's answer."""
        self._write(key, _DONE, now, answer=answer)

    def undo(self, key: str, now: float) -> None:
        """Write that it is certain that nothing was done."""
        self._write(key, _NOT_DONE, now)

    def is_done(self, key: str) -> bool:
        """Whether it is done."""
        return self.state(key).get("state") == _DONE

    def is_unknown(self, key: str) -> bool:
        """Whether it was begun, and nobody knows what became of it."""
        return self.state(key).get("state") == _BEGUN

    def answers(self) -> list[Any]:
        """What the server said to all that is done."""
        return [line["answer"] for line in self._lines.values() if line["state"] == _DONE and "answer" in line]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        os.close(self._descriptor)

    def _hold(self) -> None:
        try:
            import fcntl
        except ImportError:  # a system without it
            return
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError(f"another process is working through {self._path}", next="wait for it") from None

    def _read(self) -> None:
        with open(self._descriptor, "rb", closefd=False) as file:
            text = file.read()
        *lines, rest = text.split(b"\n")
        for line in lines:
            try:
                entry = json.loads(line)
                key, state = entry["key"], entry["state"]
            except (ValueError, TypeError, KeyError, RecursionError):
                raise UsageError(f"{self._path} is no journal of uploads", next=_NEXT) from None
            if not isinstance(key, str) or state not in {_BEGUN, _DONE, _NOT_DONE}:
                raise UsageError(f"{self._path} is no journal of uploads", next=_NEXT)
            self._lines[key] = entry
        if rest:  # a run was killed while it wrote; the line before it holds
            if not rest.startswith(b'{"key"'[: len(rest)]):
                raise UsageError(f"{self._path} is no journal of uploads", next=_NEXT)
            os.ftruncate(self._descriptor, len(text) - len(rest))

    def _write(self, key: str, state: str, now: float, **more: Any) -> None:
        entry = {"key": key, "state": state, "time": now, **more}
        line = json.dumps(entry).encode() + b"\n"
        with self._lock:
            while line:
                line = line[os.write(self._descriptor, line) :]
            self._lines[key] = entry


def keys(identities: Sequence[Sequence[Any]]) -> list[str]:
    """Names for uploads that are the same in every run.

    Parameters
    ----------
    identities
        What makes each of them what it is: where to, what with, which bytes. Two that are alike are two uploads.
    """
    import hashlib

    seen: Counter[str] = Counter()
    made = []
    for identity in identities:
        digest = hashlib.sha256(json.dumps(identity, default=str).encode()).hexdigest()[:32]
        seen[digest] += 1
        made.append(digest if seen[digest] == 1 else f"{digest}-{seen[digest]}")
    return made
