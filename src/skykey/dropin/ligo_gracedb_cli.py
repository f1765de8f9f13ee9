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

    def __call__(self, args: Sequence[str] | None = None) -> Any:
        """Run the command, and print nothing.

        Parameters
        ----------
        args
            As for `main`.

        Returns
        -------
        object
            What it would have shown: the `Response` of a request, a dict or a list, the bytes of a file, else text.

        Raises
        ------
        SkykeyError
            What went wrong; of the server `HTTPError`.
        SystemExit
            If the line cannot be understood, and after ``--help`` and ``--version``.
        """
        import contextlib
        import io

        import click

        from skykey.cli.gracedb.answers import taken
        from skykey.cli.gracedb.given import named
        from skykey.cli.gracedb.system import GROUP
        from skykey.dropin.ligo_gracedb_rest import GraceDb

        line = [*(sys.argv[1:] if args is None else args)]
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), named(VERSION_STRING, GraceDb), taken() as answers:
            try:
                code = GROUP.main(line, prog_name="skykey gracedb", standalone_mode=False)
            except click.Abort:
                raise KeyboardInterrupt from None
            except click.ClickException as problem:
                problem.show()
                code = problem.exit_code
        if code is not None:
            sys.stdout.write(printed.getvalue())
            sys.exit(code)
        return answers[-1] if answers else printed.getvalue().removesuffix("\n")


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
