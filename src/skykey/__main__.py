"""The ``skykey`` command, also as ``python -m skykey``."""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code.

    Parameters
    ----------
    arguments
        By default those of the process.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        for stream in (sys.stdout, sys.stderr):
            # A name with an umlaut must not end the command where the terminal knows ASCII only.
            if isinstance(stream, TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        if given == ["--version"]:  # before click is imported, which takes longer than all the rest
            from skykey import version

            print(f"skykey {version()}", flush=True)  # noqa: T201 - the command's own output
            return 0
        from skykey.cli.root import skykey

        skykey.main(given)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # nobody reads any more: what is still buffered must not complain at the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as problem:
        sys.stderr.write(f"error [file]: {problem.strerror}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
