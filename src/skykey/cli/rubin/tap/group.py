"""``skykey rubin tap``: a group, in which a statement needs no word before it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from skykey.cli.lazy import Entry, LazyGroup
from skykey.values.errors import UsageError

if TYPE_CHECKING:
    import click

_HERE: Final = "skykey.cli.rubin.tap"
_ASK: Final = "query"
# A statement has blanks; a word of letters alone is a command that was mistyped.
_WORD: Final = re.compile(r"\w[\w-]*")


class TapGroup(LazyGroup):
    """Commands, and a statement where none of them is named.

    A question, a list of jobs and a job's end have no options in common, so each has a help of its own. But what is
    asked most is a question, and that is typed as with `skykey rubin query`.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put ``query`` in front of what is no command."""
        first = args[0] if args else ""
        if first and first not in {*self.entries, *ctx.help_option_names}:
            if _WORD.fullmatch(first):
                from skykey.values.similar import similar

                remedy = similar(first, self.entries) or "skykey rubin tap --help"
                raise UsageError(f"{first!r} is neither a command nor a statement", next=remedy)
            args = [_ASK, *args]
        return super().parse_args(ctx, args)


tap = TapGroup(
    "tap",
    {
        _ASK: Entry(f"{_HERE}.query:query", "Ask one statement in ADQL, and get a table; the word may be left out."),
        "tables": Entry(f"{_HERE}.tables:tables", "List the tables."),
        "columns": Entry(f"{_HERE}.tables:columns", "List a table's columns, with units and descriptions."),
        "submit": Entry(f"{_HERE}.submit:submit", "Start a job, print its URL, and end."),
        "jobs": Entry(f"{_HERE}.jobs:jobs", "List your jobs."),
        "resume": Entry(f"{_HERE}.resume:resume", "Wait for a job, and get its table."),
        "abort": Entry(f"{_HERE}.jobs:abort", "Stop jobs."),
        "delete": Entry(f"{_HERE}.jobs:delete", "Have jobs forgotten, with their results."),
    },
    help="Ask ConsDB in ADQL over TAP: at once, or as a job of the service.",
    options_metavar="[STATEMENT] [OPTIONS]",
    subcommand_metavar="or COMMAND [ARGS]...",
)
