"""``skykey completion``: what a shell needs to complete the command."""

from __future__ import annotations

import click


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of SHELL.

    \b
    bash  eval "$(skykey completion bash)"          in ~/.bashrc
    zsh   eval "$(skykey completion zsh)"           in ~/.zshrc
    fish  skykey completion fish | source           in ~/.config/fish/config.fish
    """  # noqa: D301 - a real \b: click then leaves the lines as they are
    from click.shell_completion import get_completion_class

    from skykey.cli.output import put
    from skykey.cli.root import skykey

    known = get_completion_class(shell)
    if known is None:  # pragma: no cover - the three above are click's own
        raise click.UsageError(f"click completes nothing in {shell}")
    put(known(skykey, {}, "skykey", "_SKYKEY_COMPLETE").source())
