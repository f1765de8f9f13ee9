"""``ligo.gracedb.cli.client``: the ``gracedb`` command as a function, and as an object."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from skykey.dropin.names import GRACEDB

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["VERSION_STRING", "CommandLineInterface", "main"]  # and those of __getattr__

VERSION_STRING: Final = f"GraceDB Client {GRACEDB}+skykey"


def run(arguments: Sequence[str]) -> int:
    """Run the ``skykey`` command, which says of itself that it is ``gracedb``.

    Parameters
    ----------
    arguments
        Those of ``skykey``; the first one is ``gracedb``.

    Returns
    -------
    int
        The exit code.

    Raises
    ------
    SystemExit
        With the exit code, where the command ends so.
    """
    from skykey.__main__ import main as skykey
    from skykey.cli.gracedb.given import named

    with named(VERSION_STRING):
        return skykey(arguments)


def main(args: Sequence[str] | None = None) -> None:
    """Run the command, print what it has to say, and come back if it was successful.

    Parameters
    ----------
    args
        Without the command's own name; by default the process's.

    Raises
    ------
    SystemExit
        If it fails. The exit codes are those of ``skykey``.
    """
    try:
        code: Any = run(["gracedb", *(sys.argv[1:] if args is None else args)])
    except SystemExit as ended:
        code = ended.code
    if code:
        sys.exit(code)


class CommandLineInterface:
    """The command as an object.

    Parameters
    ----------
    base_prog, parent_prog
        Taken as the release takes them; the help says ``skykey gracedb`` in any case.
    """

    def __init__(self, base_prog: str | None = None, parent_prog: str | None = None) -> None:
        self.base_prog = base_prog
        self.parent_prog = parent_prog

    def __call__(self, args: Sequence[str] | None = None) -> str | bytes:
        """Run the command.

        Parameters
        ----------
        args
            As for `main`.

        Returns
        -------
        str or bytes
            What it would have printed on stdout; bytes for a file that is no text.

        Raises
        ------
        SkykeyError
            What went wrong; of the server `HTTPError`.
        """
        import contextlib
        import io

        from skykey.cli.gracedb.given import named
        from skykey.cli.gracedb.system import GROUP

        printed = io.BytesIO()
        stdout = io.TextIOWrapper(printed, "utf-8", newline="\n", write_through=True)
        with contextlib.redirect_stdout(stdout), named(VERSION_STRING):
            GROUP.main([*(sys.argv[1:] if args is None else args)], prog_name="skykey gracedb", standalone_mode=False)
        content = printed.getvalue()
        try:
            return content.decode().removesuffix("\n")
        except UnicodeDecodeError:
            return content


def __getattr__(name: str) -> Any:
    # When they are asked for: the command itself must start quickly.
    if name in {"DEFAULT_SERVICE_URL", "GraceDb", "HTTPError"}:
        from skykey.dropin import ligo_gracedb_rest as rest

        return getattr(rest, name)
    if name == "CommandLineClient":
        return __getattr__("GraceDb")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


if __name__ == "__main__":
    main()
