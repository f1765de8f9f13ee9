"""Groups whose commands load when they are used: help and completion need only the table."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

import click

if TYPE_CHECKING:
    from collections.abc import Mapping

    from click.shell_completion import CompletionItem


class Entry(NamedTuple):
    """Where something lives (``module:attribute``), and one line about it for the help."""

    home: str
    help: str

    def load(self) -> Any:
        """Import it."""
        module, _, attribute = self.home.partition(":")
        return getattr(import_module(module), attribute)


class LazyGroup(click.Group):
    """A group with a table in place of its commands.

    Parameters
    ----------
    name, attributes
        As for any group.
    entries
        The commands in the order of the help.
    """

    def __init__(self, name: str, entries: Mapping[str, Entry], **attributes: Any) -> None:
        super().__init__(name, no_args_is_help=True, **attributes)
        self.entries = entries

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the table's order."""
        return list(self.entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one."""
        entry = self.entries.get(cmd_name)
        found: click.Command | None = None if entry is None else entry.load()
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table without importing anything of it."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in self.entries.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete from the table, and options as any command does."""
        from click.shell_completion import CompletionItem

        names = [
            CompletionItem(name, help=entry.help) for name, entry in self.entries.items() if name.startswith(incomplete)
        ]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]
