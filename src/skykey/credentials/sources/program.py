"""A token that another program prints, such as a password manager."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from skykey.credentials.claims import claims_of
from skykey.credentials.credential import Bearer
from skykey.credentials.held import Held
from skykey.credentials.lifetime import granted_life
from skykey.credentials.provider import Ask, Keeping
from skykey.credentials.text import parsed
from skykey.values.errors import Failed, Unavailable
from skykey.values.life import Life
from skykey.values.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from subprocess import Popen

    from skykey.credentials.claims import Claims
    from skykey.values.reach import Reach

_MOST: Final = 64 * 1024
# Of the time limit, what a program gets to end by itself before it is killed.
_GRACE: Final = 0.5
# How often to look whether a program has ended whose children keep its output open, in seconds.
_GLANCE: Final = 0.05
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH

_TOKENS: Final = ("token", "access_token")
_ENDS: Final = ("expires_at", "expiration", "Expiration")


@dataclass(frozen=True, slots=True)
class Program:
    """A program that prints a token and ends.

    It prints the token and nothing else, or a JSON object with ``token`` or ``access_token`` and, if it knows,
    ``expires_in`` (seconds) or ``expires_at`` or ``expiration``. It is started without a shell, without input and
    without a terminal, in a session of its own. What it says on stderr goes nowhere: that may be the token.

    Parameters
    ----------
    argv
        The program, by its absolute path, and its arguments. Only a file that nobody else can write or replace is
        started.
    reach
        Where the token may go.
    name
        What ``why`` calls it; by default its path.
    seconds
        Time for one run, with all that it starts itself; an earlier deadline of the renewal goes first.
    """

    argv: Sequence[str] = field(repr=False)
    reach: Reach
    name: str = ""
    seconds: float = 10.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "argv", tuple(self.argv))
        object.__setattr__(self, "name", self.name or f"the program {self._file}")

    @property
    def keeping(self) -> Keeping:
        """See `Provider.keeping`: it may ask a smart card, or take seconds."""
        return Keeping.IN_PROCESS

    def obtain(self, held: Held[Bearer] | None, ask: Ask, /) -> Held[Bearer]:
        """Run it.

        Raises
        ------
        Unavailable
            If it does not exist, or prints nothing.
        Failed
            If it must not or cannot be started, fails, takes too long, prints too much, or no token. Nothing that it
            prints stands in the error.
        TimedOut
            If the deadline is over before it is started.
        """
        ask.deadline.check(f"starting {self.name}")
        problem = _flaw(self._file)
        if problem is not None:
            raise Failed(f"{self.name} is not started: {problem}", next=f"see ls -l {self._file}")
        asked = ask.clock.wall()
        said = self._run(_limit(self.seconds, ask)).said(asked)
        if said is None:
            raise Failed(f"{self.name} prints neither a token nor a JSON object with one", next=self._remedy)
        given, life = said
        token, problem = parsed(given)
        if not token:
            raise Unavailable("it prints nothing")
        if problem is not None:
            raise Failed(f"{self.name} prints no token: {problem}", next=self._remedy)
        claims = claims_of(token)
        whose = None if claims is None else claims.subject
        return Held(Bearer(token, self.reach, life or _life(claims, asked), whose), source=self.name)

    def changed(self, held: Held[Bearer], /) -> bool:
        """Never, as far as can be told without running it."""
        return False

    @property
    def _file(self) -> str:
        return self.argv[0] if self.argv else ""

    @property
    def _remedy(self) -> str:
        return f"run {self._file} in a terminal as it is configured, and see what it says"

    def _run(self, seconds: float) -> _Output:
        import subprocess
        import time

        grace = min(_GRACE, seconds / 4)
        end = time.monotonic() + seconds
        try:
            process = subprocess.Popen(  # noqa: S603 - the user's own configuration names it, and `_flaw` has looked
                self.argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except (OSError, ValueError) as problem:
            reason = problem.strerror if isinstance(problem, OSError) else "a NUL byte among its arguments"
            raise Failed(f"{self.name} cannot be started ({reason})", next=self._remedy) from None
        output, ended = _Output(), False
        try:
            ended = output.collect(process, end - grace)
        finally:
            if not ended:
                _kill(process, end)
            _close(process)
        if not ended:
            flood = output.is_too_much
            fault = f"prints more than {_MOST} bytes" if flood else f"was not done within {seconds:g} s"
            raise Failed(f"{self.name} {fault}, and was ended", next=self._remedy)
        if process.returncode != 0:
            raise Failed(f"{self.name} {_ending(process.returncode)}", next=self._remedy)
        return output


class _Output:
    """What a program prints. Has no repr, and its methods keep nothing in variables: tracebacks show those."""

    __slots__ = ("_pieces",)

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    @property
    def is_too_much(self) -> bool:
        """Whether no token is as long."""
        return sum(map(len, self._pieces)) > _MOST

    def collect(self, process: Popen[bytes], until: float) -> bool:
        """Read until the program has ended; False if it takes too long or prints too much."""
        has_ended = False
        for is_there in _readable(process, until):
            if is_there:
                self._pieces.append(_read(process))
                if self.is_too_much:
                    return False
                if not self._pieces[-1]:
                    return _has_ended(process, until)
            elif has_ended:
                return True  # what it has left running keeps the pipe open, and is not waited for
            else:
                has_ended = process.poll() is not None
        return False

    def said(self, asked: float) -> tuple[Secret, Life | None] | None:
        """The token's text with the life that JSON names; None if it is neither text nor JSON with a token."""
        try:
            text = b"".join(self._pieces).decode("utf-8-sig")
        except UnicodeDecodeError:
            return None
        return _of_json(text, asked) if text.lstrip().startswith("{") else (Secret(text), None)


def _of_json(text: str, asked: float) -> tuple[Secret, Life | None] | None:
    import json

    try:
        found: dict[str, Any] = json.loads(text)
    except (ValueError, RecursionError):
        return None
    token = next((found[name] for name in _TOKENS if name in found), None)
    if not isinstance(token, str):
        return None
    in_, at = found.get("expires_in"), next((found[name] for name in _ENDS if name in found), None)
    if in_ is None and at is None:
        return Secret(token), None
    claims = claims_of(Secret(token.strip()))
    return Secret(token), granted_life(expires_in=in_, expires_at=at, claims=claims, asked=asked)


def _life(claims: Claims | None, asked: float) -> Life:
    if claims is None or claims.ends is None:
        return Life(born=asked)  # unknown: it is used until a service refuses it
    return granted_life(expires_in=None, claims=claims, asked=asked)


def _limit(seconds: float, ask: Ask) -> float:
    remaining = ask.deadline.remaining()
    return seconds if remaining is None else min(seconds, remaining)


# -- which files are started


def _flaw(file: str) -> str | None:
    """Why a file must not be started: somebody else could decide what it does, and would get the token.

    Raises
    ------
    Unavailable
        If it does not exist.
    """
    if not os.path.isabs(file):
        return "name it by its absolute path, so that it is the same one in every folder"
    try:
        status = os.stat(file)
        if not stat.S_ISREG(status.st_mode):
            return "it is not a plain file"
        if status.st_mode & _OTHERS_WRITE:
            return "other users may write into it"
        if not os.access(file, os.X_OK):
            return "it is not executable"
        for folder in _folders(file):
            mode = os.stat(folder).st_mode
            if mode & _OTHERS_WRITE and not mode & stat.S_ISVTX:
                return f"other users may replace it, because they may write into {folder}"
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a NUL byte
        raise Unavailable(f"{file} does not exist") from None
    except OSError as problem:
        return f"it cannot be looked at ({problem.strerror})"
    return None


def _folders(file: str) -> Iterator[str]:
    """All folders on the way to it, and to what it links to."""
    for path in {file, os.path.realpath(file)}:
        folder = os.path.dirname(path)
        while True:
            yield folder
            above = os.path.dirname(folder)
            if above == folder:
                break
            folder = above


# -- the process


def _readable(process: Popen[bytes], until: float) -> Iterator[bool]:
    """Wait for output until the time is over; True where there is some, or its end."""
    import select
    import time

    poll = select.poll()
    if process.stdout is not None:
        poll.register(process.stdout, select.POLLIN)
    while (left := until - time.monotonic()) > 0:
        yield bool(poll.poll(min(left, _GLANCE) * 1000))


def _read(process: Popen[bytes]) -> bytes:
    return b"" if process.stdout is None else os.read(process.stdout.fileno(), _MOST)


def _has_ended(process: Popen[bytes], until: float) -> bool:
    import time
    from subprocess import TimeoutExpired

    try:
        process.wait(max(0.0, until - time.monotonic()))
    except TimeoutExpired:
        return False
    return True


def _kill(process: Popen[bytes], until: float) -> None:
    """End the program with everything that it started: ask, and then do not ask."""
    import signal
    import time

    _signal(process, signal.SIGTERM)
    # The end of the output shows that all of them are gone. Waiting for the program itself would free its number, and
    # the second signal might find another group of that number.
    for is_there in _readable(process, min(until, time.monotonic() + _GRACE)):
        if is_there and not _read(process):
            break
    _signal(process, signal.SIGKILL)
    _has_ended(process, time.monotonic() + 1.0)


def _signal(process: Popen[bytes], number: int) -> None:
    import contextlib

    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _close(process: Popen[bytes]) -> None:
    if process.stdout is not None:
        process.stdout.close()


def _ending(code: int) -> str:
    return f"ended with status {code}" if code > 0 else f"was ended by signal {-code}"
