"""Groups and commands that take the options of ``skykey gracedb`` wherever they stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from skykey.cli.gracedb.given import options
from skykey.cli.gracedb.words import Grammar
from skykey.cli.lazy import LazyGroup

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from skykey.cli.lazy import Entry

_EPILOG: Final = "The options of skykey gracedb (-s, -p, --creds, --output-type, --json ...) may stand here too."


class Commands(LazyGroup):
    """A group, whose ``--help`` is the help of the command that follows.

    Parameters
    ----------
    name, entries, attributes
        As for any lazy group.
    also
        Other names of its commands, which the help does not show.
    is_top
        Whether its help shows the options of all.
    """

    def __init__(
        self,
        name: str,
        entries: Mapping[str, Entry],
        *,
        also: Mapping[str, str] | None = None,
        is_top: bool = False,
        **attributes: Any,
    ) -> None:
        super().__init__(
            name, entries, params=options(hidden=not is_top), epilog=None if is_top else _EPILOG, **attributes
        )
        self._also = dict(also or {})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one, by either name."""
        return super().get_command(ctx, self._also.get(cmd_name, cmd_name))

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Pass ``--help`` on to the command that is named behind it."""
        at = Grammar(self.get_params(ctx)).first_word(args)
        asked = [] if at is None else [arg for arg in args[:at] if arg in ctx.help_option_names]
        if at is not None and asked and args[at] in {*self.entries, *self._also}:
            before = [arg for arg in args[:at] if arg not in ctx.help_option_names]
            args = [*before, args[at], asked[0], *args[at + 1 :]]
        return super().parse_args(ctx, args)


class Command(click.Command):
    """A command, whose words may begin with a dash where that makes sense."""

    def __init__(self, name: str | None, **attributes: Any) -> None:
        attributes["params"] = [*(attributes.get("params") or []), *options(hidden=True)]
        super().__init__(name, **{"epilog": _EPILOG, **attributes})

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the words behind ``--``, where none of them looks like an option."""
        said, words = Grammar(self.get_params(ctx)).split(args)
        return super().parse_args(ctx, [*said, "--", *words] if words else said)


def command(name: str | None = None) -> Callable[[Callable[..., Any]], Command]:
    """Make a function a command of ``skykey gracedb``.

    Parameters
    ----------
    name
        By default the function's.
    """
    return click.command(name, cls=Command)
