"""The integration tests of the official distribution, which it runs against its test server, against the sandbox.

With the official client they say whether the sandbox is a GraceDB; with ours on top, whether it is a client.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.gracedb.guest import guests

if TYPE_CHECKING:
    from tests.gracedb.guest.guests import Client

pytestmark = pytest.mark.interop

_PLUGIN = Path(__file__).with_name("official_suite.py")
#: Tests of what the current server has retired: the distribution has tests of that, too (test_deprecated.py).
_RETIRED = {
    "test_emobservations.py::test_emobservations[event]",
    "test_emobservations.py::test_emobservations[superevent]",
    "test_update_grbevent.py::test_update_grbevent",
    "test_voevents.py::test_preliminary_voevent[superevent]",
    "test_voevents.py::test_initial_voevent[superevent]",
    "test_voevents.py::test_update_voevent[superevent]",
    "test_voevents.py::test_retraction_voevent[superevent]",
    "test_cli.py::test_voevents",
}
#: Tests that it is retired, which it is not on an older server.
_NOT_YET = {
    "test_deprecated.py::test_event_voevents_deprecated",
    "test_deprecated.py::test_superevent_voevent_create_deprecated",
    "test_deprecated.py::test_emobservations_deprecated[event]",
    "test_deprecated.py::test_emobservations_deprecated[superevent]",
    "test_deprecated.py::test_update_grbevent_deprecated",
}
#: Tests of what only the current server has.
_NEWER = ("test_notices.py", "test_replay_id.py")


def suite(client: Client, generation: Any) -> dict[str, tuple[str, str]]:
    """Run all tests; return their outcomes with the end of what each said."""
    client.box.controls.gracedb(generation=generation)
    folder = client.folder / generation
    left_out = shutil.ignore_patterns("__pycache__", "__init__.py", *(_NEWER if generation == "classic" else ()))
    shutil.copytree(guests.package() / "test" / "integration", folder, ignore=left_out)
    (folder / _PLUGIN.name).write_bytes(_PLUGIN.read_bytes())
    (folder / "pytest.ini").write_text("[pytest]\n")
    switches = {"TOLD": str(folder / "told.json"), "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    switches |= {"TEST_REPLAY_ID": "1", "TEST_VOEVENT_CREATE": "1"}
    # A home of its own: ours remembers what a server said of itself.
    ran = replace(client, folder=folder).program(
        *("-m", "pytest", "-q", "-W", "ignore", "-p", "no:cacheprovider", "-p", _PLUGIN.stem, folder),
        variables=switches,
    )
    assert ran.code in (0, 1), ran.out + ran.err
    found: dict[str, tuple[str, str]] = json.loads((folder / "told.json").read_text())
    return found


@pytest.fixture(scope="module", params=["official", "ours"])
def client(request: pytest.FixtureRequest, clients: tuple[Client, Client]) -> Client:
    return next(client for client in clients if client.name == request.param)


@pytest.fixture(scope="module", params=["current", "classic"])
def told(request: pytest.FixtureRequest, client: Client) -> tuple[str, dict[str, tuple[str, str]]]:
    return request.param, suite(client, request.param)


@pytest.mark.parametrize("of_command", [False, True], ids=["client", "command"])
def test_a_test_of_the_official_client_fails(told: tuple[str, dict[str, tuple[str, str]]], *, of_command: bool) -> None:
    generation, outcomes = told
    mine = {name: what for name, what in outcomes.items() if name.startswith("test_cli.py") == of_command}
    failed = {name: said for name, (outcome, said) in mine.items() if outcome == "failed"}
    expected = (_RETIRED if generation == "current" else _NOT_YET) & mine.keys()
    assert failed.keys() - expected == set(), failed
    assert expected - failed.keys() == set()
    assert sum(outcome == "passed" for outcome, _ in mine.values()) >= (15 if of_command else 60)
