"""``skykey descarteslabs auth``."""

from __future__ import annotations

from typing import Final

from skykey.cli.lazy import Entry, LazyGroup

_HERE: Final = "skykey.cli.descarteslabs"

auth = LazyGroup(
    "auth",
    {
        "login": Entry(f"{_HERE}.login:login", "Log in with what the account page gives."),
        "logout": Entry(f"{_HERE}.logout:logout", "End the login and remove its file."),
        "status": Entry(f"{_HERE}.status:status", "Say which login is used; asks nobody."),
        "token": Entry(f"{_HERE}.claims:token", "Print the token itself."),
        "payload": Entry(f"{_HERE}.claims:payload", "Print what the token says of itself."),
        "name": Entry(f"{_HERE}.claims:name", "Print its owner's name."),
        "groups": Entry(f"{_HERE}.claims:groups", "Print its owner's groups."),
        "env": Entry(f"{_HERE}.variables:env", "Print the login as variables: its secret too."),
    },
    help="Log in and out, and see what a login says.",
)
