"""``skykey``: the top of the command."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

import click

from skykey.cli.failures import guarded
from skykey.cli.lazy import Entry, LazyGroup
from skykey.cli.systems import SYSTEMS, system

if TYPE_CHECKING:
    from collections.abc import Sequence

ENTRIES: Final = {
    "why": Entry("skykey.cli.why:why", "Say which credential is used, and why that one."),
    "whoami": Entry("skykey.cli.whoami:whoami", "Say whose token it is, and what it allows."),
    "token": Entry("skykey.cli.token:token", "Print the token itself."),
    "decode": Entry("skykey.cli.decode:decode", "Show what a token says of itself, or verify it."),
    **SYSTEMS,
    "sandbox": Entry("skykey.cli.sandbox:sandbox", "Run local counterparts of the sites."),
    "completion": Entry("skykey.cli.completion:completion", "Print the completion script of a shell."),
}


class Root(LazyGroup):
    """The group that answers for all: every failure below it ends in a sentence and an exit code."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one; a system brings a group of its own."""
        return system(cmd_name).commands if cmd_name in SYSTEMS else super().get_command(ctx, cmd_name)

    def main(self, args: Sequence[str] | None = None, *_: Any, standalone_mode: bool = True, **extra: Any) -> Any:
        """Run, and exit with the documented code."""
        arguments = list(sys.argv[1:] if args is None else args)
        own = arguments[: arguments.index("--")] if "--" in arguments else arguments
        run = super().main
        extra["prog_name"] = "skykey"  # also for python -m skykey: every "Next:" must be what people type
        code = guarded(lambda: run(arguments, standalone_mode=False, **extra), as_json="--json" in own)
        if standalone_mode:
            sys.exit(code)
        return code


def _version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        from skykey import version

        click.echo(f"skykey {version()}")
        ctx.exit()


skykey = Root(
    "skykey",
    ENTRIES,
    help="One key to the sky's data: find a credential, ask a service, bring back a table.",
    epilog="Data goes to stdout, talk to stderr. Exit codes: 0 ok, 1 error, 2 usage, 4 login needed, 8 try again "
    "later, 130 interrupted.",
    context_settings={"help_option_names": ["-h", "--help"]},
    params=[
        click.Option(
            ["--version"], is_flag=True, expose_value=False, is_eager=True, callback=_version, help="Show the version."
        )
    ],
)
