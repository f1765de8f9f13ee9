"""What GraceDB brings to the command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from skykey.cli.gracedb.anywhere import Commands
from skykey.cli.lazy import Entry
from skykey.cli.systems import System

if TYPE_CHECKING:
    from collections.abc import Iterable

    from skykey.cli.systems import Account

_HERE: Final = "skykey.cli.gracedb"

GROUP = Commands(
    "gracedb",
    {
        "search": Entry(f"{_HERE}.groups:search", "Search events or superevents."),
        "count": Entry(f"{_HERE}.groups:count", "Say how many events or superevents there are."),
        "get": Entry(f"{_HERE}.groups:get", "Get one thing: an event, a file, a log entry ..."),
        "list": Entry(f"{_HERE}.groups:list_", "List what belongs to an event or superevent."),
        "create": Entry(f"{_HERE}.groups:create", "Create an event, a superevent, a log entry ..."),
        "upload": Entry(f"{_HERE}.many:upload", "Upload many files."),
        "download": Entry(f"{_HERE}.many:download", "Download many files."),
        "update": Entry(f"{_HERE}.groups:update", "Change an event, a superevent, a signoff."),
        "add": Entry(f"{_HERE}.groups:add", "Add a label, a tag, an event."),
        "remove": Entry(f"{_HERE}.groups:remove", "Remove a label, a tag, an event."),
        "delete": Entry(f"{_HERE}.groups:delete", "Delete a signoff."),
        "expose": Entry(f"{_HERE}.permissions:expose", "Show a superevent to the public."),
        "hide": Entry(f"{_HERE}.permissions:hide", "Hide a superevent from the public."),
        "confirm_as_gw": Entry(f"{_HERE}.confirming:confirm_as_gw", "Confirm a superevent as a gravitational wave."),
        "gwtc": Entry(f"{_HERE}.groups:gwtc", "Catalogues of transients: create, get, list."),
        "info": Entry(f"{_HERE}.info:info", "List what the server knows: labels, pipelines, searches ..."),
        "ping": Entry(f"{_HERE}.ping:ping", "Ask whether the server answers."),
        "credentials": Entry(f"{_HERE}.groups:credentials", "Show the credential that is used, and who you are."),
    },
    also={"show": "info"},
    is_top=True,
    help="GraceDB: search, read, upload and annotate candidates of gravitational waves.\n\n"
    "These options may stand anywhere on the line. Which credential is used, and why, says skykey why gracedb.",
)


def _account(site: str | None, tokenfile: str | None) -> Account:
    from skykey.cli.gracedb.account import ServerAccount

    return ServerAccount(site, tokenfile)


def _sites() -> Iterable[str]:
    from skykey.gracedb.accounts import SITES

    return SITES


GRACEDB = System(_account, _sites, GROUP)
