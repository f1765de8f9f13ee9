"""C15, C16: no two logins share an entry, and no key leads out of the folder."""

import itertools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from skykey.credentials.store import entry_key
from skykey.credentials.stores.file import FileStore, stem
from skykey.values.deadline import Deadline
from tests.credentials.stores.making import held, number_of
from tests.credentials.stores.proof import proven
from tests.reliability.naive_credentials import NaiveStore, naive_key

# Parts that run into each other as soon as somebody puts them together with a blank, a dash, a comma, a quote.
PIECES = ("", "a", "b", "a-b", "a b", "a,b", 'a","b', "[]", "ä", "a\\")
SITES = ("", "usdf", "usdf-dev", "summit", "a", "a-b", "-a", "b", "é", "e\u0301")


def logins() -> list[dict[str, Any]]:
    scopes = [(), ("a",), ("a", "b"), ("a b",), ("a,b",), ("",), ("a-b",), ("b",), ('a", "b',), ("[]",)]
    kinds = itertools.product(PIECES, PIECES, scopes, PIECES, SITES)
    return [
        {"issuer": issuer, "client": client, "scopes": scope, "subject": subject, "site": site}
        for issuer, client, scope, subject, site in kinds
    ]


@proven(entry_key, naive_key)
def test_c15_a_hundred_thousand_logins_never_share_an_entry(make: Callable[..., str]) -> None:
    all_of_them = logins()
    names = {stem(make(**login)) for login in all_of_them}
    print(f"C15: {len(all_of_them) - len(names)} collisions of {len(all_of_them)} keys")
    assert len(all_of_them) >= 100_000
    assert len(names) == len(all_of_them), f"{len(all_of_them) - len(names)} collisions"


KEYS = {
    "dots": "../../outside",
    "absolute": "/tmp/outside",
    "NUL": "a\0b",
    "newline": "a\nb",
    "10 kB": "x" * 10_000,
    "empty": "",
    "a dot": ".",
    "surrogate": "\udcff",
    "device": "CON",
}


@pytest.mark.parametrize("kind", [kind for kind in KEYS if kind not in {"newline", "device", "empty", "a dot"}])
@proven(FileStore, NaiveStore)
def test_c16_a_key_leads_nowhere_but_into_the_folder(make: Any, kind: str, tmp_path: Path) -> None:
    nowhere_else(make, KEYS[kind], tmp_path)


@pytest.mark.parametrize("kind", ["newline", "device", "empty", "a dot"])
def test_c16_a_key_that_is_odd_leads_nowhere_but_into_the_folder(kind: str, tmp_path: Path) -> None:
    nowhere_else(FileStore, KEYS[kind], tmp_path)


def nowhere_else(make: Any, key: str, top: Path) -> None:
    folder = top / "some" / "where" / "store"
    store = make(folder)
    try:
        with store.exclusive(key, Deadline(None)):
            store.write(key, held(1))
        os.chmod(folder, 0o700)
        back = number_of(store.read(key))
    except (OSError, ValueError) as error:
        pytest.fail(f"{type(error).__name__}: {error}")
    made = [path for path in top.rglob("*") if path.is_file()]
    outside = [path for path in made if path.parent != folder]
    print(f"C16: {len(made)} files, {len(outside)} outside, longest name {max(len(path.name) for path in made)}")
    assert back == 1
    assert made
    assert outside == [], f"outside: {outside}"
    assert all(path.name.isascii() and path.name.isprintable() for path in made)
