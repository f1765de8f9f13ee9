"""``skykey descarteslabs auth status``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from skykey.cli.identity import line, site_document
from skykey.cli.lasting import left, window
from skykey.cli.options import with_json
from skykey.cli.output import document, put, wrapped

if TYPE_CHECKING:
    from skykey.descarteslabs.brand import Brand
    from skykey.descarteslabs.explaining import State


@click.command()
@with_json
@click.pass_obj
def status(brand: Brand, as_json: bool) -> None:
    """Say which login is used, and how long its token lives. Asks nobody; exit code 4 if there is none."""
    from skykey.cli.descarteslabs.account import LoginAccount
    from skykey.descarteslabs.explaining import state_of

    account = LoginAccount(brand, None, None)
    account.find()
    state, where = state_of(account.auth), account.where
    if as_json:
        document(
            {
                "environment": site_document(where),
                "source": state.source,
                "file": state.file,
                "storage": state.storage,
                "client_id": state.client_id,
                "login_hint": state.login_hint,
                "token_hint": state.token_hint,
                "identity": state.identity,
                "seconds_left": state.seconds_left,
                "renewed_before": state.renewed_before,
            }
        )
        return
    put(wrapped(f"{brand.name}, {where.name}: {where.url} ({where.said_by})"))
    put()
    line("login", "; ".join(_login(state)))
    line("token", "; ".join(_token(state, account.early)))
    line("kept", state.storage)


def _login(state: State) -> list[str]:
    hint = [] if state.login_hint is None else [f"its secret has {state.login_hint}"]
    client = [] if state.client_id is None else [f"client {state.client_id}"]
    return [f"{state.source}", *client, *(hint or ["it cannot be renewed"])]


def _token(state: State, early: float) -> list[str]:
    if state.token_hint is None or state.seconds_left is None:
        return ["none yet: the first use buys one"]
    whose = [] if state.identity is None else [f"of {state.identity}, by its own words"]
    return [left(state.seconds_left), *window(state.renewed_before, early), state.token_hint, *whose]
