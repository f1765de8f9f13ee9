"""The official client and ours, each at a sandbox of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from skykey.sandbox import running
from tests.gracedb.guest.guests import Client

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Client, Client]]:
    """Return the official client and ours."""
    with running(tmp_path_factory.mktemp("first")) as first, running(tmp_path_factory.mktemp("second")) as second:
        yield (
            Client("official", first, tmp_path_factory.mktemp("official")),
            Client("ours", second, tmp_path_factory.mktemp("ours")),
        )
