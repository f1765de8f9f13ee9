"""H6: a secret in an argument, which every user of the machine can read, is refused or warned of; files are taken."""

from pathlib import Path
from typing import Any

import click

from skykey.cli.root import skykey
from tests.reliability.gracedb_command import Naive, Shell, Skykey, shell
from tests.reliability.proof import proven, require

PASSWORD = "password-canary"
WARNING = "can be read by other users of this machine"
GET = ("gracedb", "get", "event", "G1")


def lines(here: Shell) -> list[list[str]]:
    """Each with a secret, in the place of something else or in one of its own."""
    host = here.server.api.removeprefix("http://")
    return [
        [*GET, "--token", here.token],
        [*GET, "--creds", here.token],
        [*GET, "--creds", f"{here.token},{here.token}"],
        [*GET, "-s", f"http://albert:{PASSWORD}@{host}"],
        [*GET, "--proxy", f"http://albert:{PASSWORD}@proxy.invalid:3128"],
        [*GET, "-p", f"albert:{PASSWORD}@proxy.invalid:3128"],
        ["whoami", "gracedb", "--tokenfile", here.token],
        ["token", "gracedb", "--tokenfile", here.token],
        ["decode", here.token],
    ]


@proven(Skykey, by=Naive)
def test_h6_a_secret_in_an_argument_is_refused_or_warned_of(kind: Any, tmp_path: Path) -> None:
    with shell(tmp_path) as here:
        taken, repeated = [], 0
        for line in lines(here):
            ended = here.run(kind, *line)
            said = (ended.stdout + ended.stderr).decode()
            if ended.returncode == 0 and WARNING not in said:
                taken.append(" ".join(line)[:60])
            repeated += PASSWORD in said
        print(taken)
        here.server.seen.clear()
        by_file = here.run(kind, *GET)
        sent = [seen.headers.get("authorization") for seen in here.server.asked]
        by_stdin = by_name = by_file
        if kind is Skykey:
            by_stdin = here.run(kind, "decode", "-", stdin=here.token.encode())
            by_name = here.run(kind, "token", "gracedb", "--tokenfile", str(here.file), BEARER_TOKEN_FILE="")
        require(
            "H6",
            taken=(len(taken), "==", 0),
            passwords_repeated=(repeated, "==", 0),
            by_file=(by_file.returncode == 0 and sent == [f"Bearer {here.token}"], "==", True),
            by_stdin=(by_stdin.returncode, "==", 0),
            by_name=(by_name.returncode, "==", 0),
        )


SECRETS = ("token", "password", "secret", "passphrase", "key")


def named_like_a_secret(command: click.Command, path: str = "skykey") -> list[str]:
    """Options whose value would be a secret itself, and no name of a file or a place."""
    found = []
    for param in command.params:
        names = [name.lstrip("-") for name in param.opts]
        takes = not getattr(param, "is_flag", False) and not getattr(param, "count", False)
        if takes and any(name.rpartition("-")[2] in SECRETS for name in names):
            found.append(f"{path} {'/'.join(names)}")
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            found += named_like_a_secret(below, f"{path} {name}")
    return found


def test_h6_no_command_has_an_option_for_a_secret() -> None:
    assert named_like_a_secret(skykey) == []
    naive = click.Command("naive", params=[click.Option(["--token"]), click.Option(["--client-secret"])])
    assert len(named_like_a_secret(naive)) == 2
