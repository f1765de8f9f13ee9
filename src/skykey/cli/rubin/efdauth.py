"""``skykey rubin efdauth``."""

from __future__ import annotations

from pathlib import Path

import click

from skykey.cli.options import with_json, with_site, with_tokenfile
from skykey.cli.output import document, say


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    envvar="EFDAUTH",
    show_envvar=True,
    required=True,
    help="The file to write.",
)
@with_site
@with_tokenfile
@with_json
def efdauth(*, out: Path, site: str | None, tokenfile: str | None, as_json: bool) -> None:
    """Write the telemetry logins of a site into a file, for EFD clients that the variable EFDAUTH leads to it.

    It holds passwords: only you may read it. Logins change; write it anew when one is refused.
    """
    from skykey.credentials.keeper import Keeper
    from skykey.repertoire.discovery import SyncDiscoveryClient
    from skykey.rubin.sites import find_site
    from skykey.rubin.tokens import token_chain

    where = find_site(site)
    keeper = Keeper(token_chain(where, tokenfile=tokenfile))
    logins = SyncDiscoveryClient(base_url=where.repertoire).logins(keeper)
    logins.save_efdauth(out)
    if as_json:
        failed = {label: problem.message for label, problem in logins.failed.items()}
        document({"site": where.name, "file": str(out), "databases": list(logins), "failed": failed})
    # Those that are missing are named in the log.
    say(f"{len(logins):,} login{'' if len(logins) == 1 else 's'} of {where.name} in {out}; next: export EFDAUTH={out}")
