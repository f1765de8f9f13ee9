"""``skykey gracedb gwtc``: catalogues of gravitational-wave transients."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from skykey.cli.gracedb.answers import answer, show
from skykey.cli.gracedb.anywhere import command
from skykey.cli.gracedb.given import client
from skykey.values.errors import UsageError


def _version(_: click.Context, __: click.Parameter, given: str) -> int | str:
    if given == "latest":
        return given
    if not given.isdecimal() or int(given) == 0:
        raise click.BadParameter(f"{given!r} is neither a number from 1 on nor latest")
    return int(given)


@command()
@click.argument("smap")
@click.argument("number")
@click.option("--comment", metavar="TEXT", help="What is new in it.")
def create(smap: str, number: str, comment: str | None) -> None:
    """Upload the catalogue NUMBER (such as 4), or a new version of it.

    SMAP is a JSON file: from superevents to the events of pipelines, far and pastro; - reads it from stdin.
    """
    with client() as gracedb:
        answer(gracedb.gwtc_create(_from_stdin() if smap == "-" else smap, number, comment))


@command()
@click.argument("number")
@click.argument("version", callback=_version, default="latest")
def get(number: str, version: int | str) -> None:
    """Get a VERSION of the catalogue NUMBER; by default the latest."""
    with client() as gracedb:
        answer(gracedb.gwtc_get(number, version))


@command("list")
@click.argument("number", required=False)
def list_(number: str | None) -> None:
    """List all catalogues, or all versions of the catalogue NUMBER."""
    with client() as gracedb:
        show(list(gracedb.gwtc_list(number)))


@command()
def numbers() -> None:
    """List the catalogues' numbers."""
    with client() as gracedb:
        show(gracedb.gwtc_numbers())


@command()
@click.argument("number", default="4")
def versions(number: str) -> None:
    """List the versions of the catalogue NUMBER, by default 4."""
    with client() as gracedb:
        show(gracedb.gwtc_versions(number))


def _from_stdin() -> dict[str, Any]:
    try:
        read = json.load(sys.stdin.buffer)
    except ValueError as problem:
        raise UsageError(f"what came from stdin is not JSON ({problem})") from None
    if not isinstance(read, dict):
        raise UsageError("a catalogue is a JSON object: superevents, and what belongs to each")
    return read
