"""From an exception to a sentence on stderr, a JSON object on stdout, and an exit code."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

import click

from skykey.cli.output import document, say, visible_lines
from skykey.values.errors import MissingExtra, SkykeyError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

INTERRUPTED: Final = 130

# Which extra brings an optional package.
EXTRAS: Final = {
    "cryptography": "sandbox",
    "duckdb": "sandbox",
    "matplotlib": "plot",
    "msgpack": "rubin",
    "pandas": "tables",
    "pyarrow": "tables",
    "starlette": "sandbox",
    "uvicorn": "sandbox",
}


class FileProblem(SkykeyError):
    """The operating system refuses a file."""

    code = "file"


def guarded(run: Callable[[], object], *, as_json: bool) -> int:
    """Run a command; tell its failure, if it has one.

    Returns
    -------
    int
        The exit code.
    """
    try:
        result = run()
    except SkykeyError as error:
        return tell(error, as_json=as_json)
    except click.Abort:
        return INTERRUPTED
    except click.exceptions.NoArgsIsHelpError as error:
        say(error.format_message())  # the help, as talk: nobody asked for it
        return UsageError.exit_code
    except click.ClickException as error:
        return tell(_of_click(error), as_json=as_json)
    except ImportError as error:
        extra = EXTRAS.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        return tell(MissingExtra.of(extra, f"this ({error.name})"), as_json=as_json)
    except OSError as error:
        return tell(_of_system(error), as_json=as_json)
    except SystemExit:
        if _nobody_reads():
            return 0
        raise
    return result if isinstance(result, int) and not _nobody_reads() else 0


def tell(error: SkykeyError, *, as_json: bool) -> int:
    """Say what failed, on stderr, and on stdout as JSON if that was asked for.

    Returns
    -------
    int
        The exit code.
    """
    if as_json:
        document({"error": described(error)})
    explain(error)
    return error.exit_code


def explain(error: SkykeyError) -> None:
    """Say it on stderr only."""
    say(f"{click.style('error', fg='red', bold=True)} [{error.code}]: {visible_lines(error.summary)}")
    if error.words:
        say(f"The server said: {visible_lines(error.words)}")
    if error.next:
        say(f"{click.style('Next:', bold=True)} {visible_lines(error.next)}")


def described(error: SkykeyError) -> dict[str, Any]:
    """The error as `docs/command.md` promises it."""
    return {"code": error.code, "message": error.summary, "words": error.words, "next": error.next}


def _nobody_reads() -> bool:
    """Whether click found stdout closed (`| head`), which it calls an error, and which is nobody's fault."""
    return type(sys.stdout).__name__.endswith("PacifyFlushWrapper")


def _of_click(error: click.ClickException) -> SkykeyError:
    message = error.format_message().rstrip(".")
    message = message[:1].lower() + message[1:]
    if isinstance(error, click.UsageError):
        return UsageError(message, next=f"{error.ctx.command_path if error.ctx else 'skykey'} --help")
    return FileProblem(message) if isinstance(error, click.FileError) else SkykeyError(message)


def _of_system(error: OSError) -> SkykeyError:
    reason = error.strerror or str(error) or type(error).__name__
    return FileProblem(f"{error.filename}: {reason}" if error.filename else reason)
