"""``skykey sandbox``: local counterparts of the sites, from the command line."""

import json
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from skykey.cli.failures import EXTRAS, INTERRUPTED, explain
from skykey.cli.options import with_json
from skykey.cli.output import say
from skykey.sandbox import Box, SandboxError
from skykey.sandbox.errors import AlreadyRunning, NotRunning
from skykey.values.errors import SkykeyError


class SandboxProblem(SkykeyError):
    """The sandbox could not do what was asked."""

    code = "sandbox"


class SandboxAway(SandboxProblem):
    """It did not answer in time; asking again may help."""

    code = "sandbox-away"
    exit_code = 8


_state = click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Folder of the sandbox's ports, keys and token; by default one per user.",
)
_as_real = click.option("--as-real", is_flag=True, help="Play the documented host names and refuse every other one.")
_real = click.option(
    "--real",
    multiple=True,
    type=click.Choice(["influxdb"]),
    help="Use the real program for this part (needs a checkout).",
)


@click.group()
def sandbox() -> None:
    """Run local counterparts of the sites: a throw-away site, token and data.

    Everything listens on loopback only, and nothing of it is worth stealing.
    """


@sandbox.command()
@click.option("--detach", is_flag=True, help="Leave it running and return.")
@with_json
@_state
@_real
def up(detach: bool, as_json: bool, state: Path | None, real: tuple[str, ...]) -> None:
    """Start a sandbox; in the foreground, Ctrl-C stops it."""
    _check_extra()
    from skykey.sandbox import process
    from skykey.sandbox import state as folders
    from skykey.sandbox.__main__ import foreground

    with _told():
        try:
            if detach:
                box = process.detach(state, real=real)
                _show(box, as_json=as_json)
                say(f"Stop it with: skykey sandbox down{_flag(state)}")
                return
            folder = folders.default_folder() if state is None else state.absolute()
            sys.exit(foreground(folder, real, lambda box: _ready(box, as_json=as_json)))
        except AlreadyRunning:
            box = process.attach_when_ready(state)
        if missing := set(real) - set(box.real):
            raise SandboxError(
                f"A sandbox already runs in {box.folder}, but with its own {', '.join(missing)}; "
                f"stop it first: skykey sandbox down{_flag(state)}"
            )
        say(f"A sandbox already runs here (process {box.pid}).")
        _show(box, as_json=as_json)


@sandbox.command()
@_state
def down(state: Path | None) -> None:
    """Stop the sandbox; it is no error if none runs."""
    from skykey.sandbox import process

    with _told():
        try:
            process.stop(state)
        except NotRunning as error:
            say(str(error))
        else:
            say("The sandbox is stopped.")


@sandbox.command()
@with_json
@_state
def status(as_json: bool, state: Path | None) -> None:
    """Show the running sandbox; exit code 1 if none runs."""
    from skykey.sandbox import process

    with _told():
        try:
            box = process.attach(state)
        except NotRunning as error:
            # That none runs is the answer, and not an error that takes its place.
            if as_json:
                click.echo(json.dumps({"running": False}))
            explain(_none_runs(error, state))
            sys.exit(SandboxProblem.exit_code)
        _show(box, as_json=as_json)


@sandbox.command()
@with_json
@_as_real
@_state
def env(as_json: bool, as_real: bool, state: Path | None) -> None:
    """Print the environment of the running sandbox.

    As lines for a shell: eval "$(skykey sandbox env)"
    """
    from skykey.sandbox import process

    with _told():
        try:
            box = process.attach(state)
        except NotRunning as error:
            raise _none_runs(error, state) from None
        changes = box.changes(as_real=as_real)
        text = json.dumps({"set": changes.set, "unset": changes.unset}, indent=2)
        click.echo(text if as_json else changes.as_shell())


@sandbox.command(context_settings={"allow_interspersed_args": False})
@_as_real
@_state
@_real
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run(as_real: bool, state: Path | None, real: tuple[str, ...], command: tuple[str, ...]) -> None:
    """Run COMMAND against the sandbox and pass its exit code on.

    If no sandbox runs, one is started for the command and stopped after it. Variables of yours that
    would outrank the sandbox's are hidden from COMMAND, so that no real token reaches it.
    """
    _check_extra()
    from skykey.sandbox.run import run_command

    with _told(), _some_box(state, real) as box:
        code = run_command(command, box.environment(as_real))
    sys.exit(code)


def _check_extra() -> None:
    """Say which extra is missing now, and not as a traceback in a log."""
    from importlib.util import find_spec

    from skykey.values.errors import MissingExtra

    if not all(find_spec(package) for package, extra in EXTRAS.items() if extra == "sandbox"):
        raise MissingExtra.of("sandbox", "a sandbox")


@contextmanager
def _some_box(state: Path | None, real: tuple[str, ...]) -> Iterator[Box]:
    """Yield the running sandbox, or one of our own for the block."""
    from skykey.sandbox import process

    try:
        box = process.attach(state)
    except NotRunning:
        # Without a named folder ours is a private one: another command that found it in the shared folder
        # would lose it when we end.
        with process.running(state, real=real) as own:
            yield own
        return
    if missing := set(real) - set(box.real):
        raise SandboxError(
            f"The sandbox that runs in {box.folder} has its own {', '.join(missing)}; name another --state."
        )
    yield box


@contextmanager
def _told() -> Iterator[None]:
    """Turn the sandbox's own errors, which know nothing of Skykey, into errors of the command."""
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except SandboxError as error:
        kind = SandboxAway if error.exit_code == SandboxAway.exit_code else SandboxProblem
        raise kind(str(error).rstrip(".")) from error


def _ready(box: Box, *, as_json: bool) -> None:
    _show(box, as_json=as_json)
    say("Stop it with Ctrl-C.")


def _show(box: Box, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"running": True} | box.public(), indent=2))
        return
    rows = {
        "site": box.site_url,
        "second origin": box.second_url,
        "its token": box.token_file,
        "GraceDB": box.gracedb_url,
        "GraceDB token": box.gracedb_token_file,
        "authority": box.ca_file,
        "trust bundle": box.bundle_file,
        "process": box.pid,
        "state": box.folder,
        "real parts": ", ".join(box.real),
    }
    for name, value in rows.items():
        if value:
            click.echo(f"{name:<14} {value}")


def _none_runs(error: NotRunning, state: Path | None) -> SandboxProblem:
    return SandboxProblem(str(error).rstrip("."), next=f"skykey sandbox up --detach{_flag(state)}")


def _flag(state: Path | None) -> str:
    return f" --state {shlex.quote(str(state))}" if state else ""
