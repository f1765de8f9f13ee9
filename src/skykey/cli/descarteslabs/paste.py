"""What a person pastes: from a terminal unseen, from a pipe or a file; never waited for where nobody is."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

from skykey.cli.output import say
from skykey.values.errors import SkykeyError
from skykey.values.secret import Secret

if TYPE_CHECKING:
    from typing import TextIO

PROMPT: Final = "...then come back here and paste the generated token: "
# A paste has four hundred bytes.
_MOST: Final = 256 * 1024
# Seconds. Whoever starts a command with a pipe has written into it by then, or says --paste-file -.
_PATIENCE: Final = 0.3
# After the first piece: a pipe may stay open when all has come.
_PAUSE: Final = 0.5


class NothingPasted(SkykeyError):
    """There is no terminal to ask at, and nothing to read."""

    code = "nothing-pasted"


def is_asked() -> bool:
    """Whether there is somebody at a terminal."""
    return sys.stdin is not None and not sys.stdin.closed and sys.stdin.isatty()


def pasted(file: str | None, remedy: str) -> Secret | None:
    """Get what was pasted.

    Parameters
    ----------
    file
        Where it lies; ``-`` is stdin, for which one waits as long as it takes; None for a terminal, or what is there.
    remedy
        What to type where nobody can be asked.

    Returns
    -------
    Secret or None
        None if the person thought better of it: an empty line, or Ctrl-C.

    Raises
    ------
    NothingPasted
        If the input ends first, or nobody is there.
    OSError
        If the file cannot be read.
    """
    found: Secret | None
    if file is not None and file != "-":
        found = _of_file(file)
    elif is_asked():
        found = _asked()
    else:
        found = _piped(sys.stdin, None if file == "-" else _PATIENCE)
    if found is None:
        raise NothingPasted("nothing was pasted, and there is no terminal to ask at", next=remedy)
    return found.mapped(str.strip) or None


def _asked() -> Secret | None:
    """Ask without showing what comes; an empty secret for Ctrl-C, None for the input's end."""
    from getpass import getpass

    try:
        return Secret(getpass(PROMPT, sys.stderr))
    except KeyboardInterrupt:
        say("")
        return Secret("")
    except EOFError:
        return None


def _of_file(path: str) -> Secret:
    with open(path, "rb") as file:
        return _text(file.read(_MOST))


def _piped(stream: TextIO | None, patience: float | None) -> Secret | None:
    """Read what is there; None if it ends, or stays silent, before anything came."""
    if stream is None or stream.closed:
        return None
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):  # a stand-in without a file behind it
        return Secret(stream.read(_MOST)) or None
    pieces: list[bytes] = []
    try:
        while sum(map(len, pieces)) < _MOST and _is_ready(descriptor, _PAUSE if pieces else patience):
            piece = os.read(descriptor, _MOST)
            if not piece:
                break
            pieces.append(piece)
    except OSError:  # a closed descriptor, as in some batch systems
        return None
    return _text(b"".join(pieces)) if pieces else None


def _is_ready(descriptor: int, seconds: float | None) -> bool:
    import select

    try:
        return bool(select.select([descriptor], [], [], seconds)[0])
    except (OSError, ValueError):  # Windows selects sockets only
        return True


def _text(raw: bytes) -> Secret:
    return Secret(raw.decode("utf-8", "replace"))
