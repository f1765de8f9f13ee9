"""Each example of the user guide, with the official client and with ours: the same program, the same results."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.gracedb.guest.guests import same, samples

if TYPE_CHECKING:
    from tests.gracedb.guest.guests import Client

pytestmark = pytest.mark.interop

PROGRAM = Path(__file__).with_name("user_guide_script.py")
EXAMPLES = re.findall(r'^@example\("(.*)"\)$', PROGRAM.read_text(), re.MULTILINE)
#: Examples of errors: nothing else may fail, with either client.
FAILING = {
    "a group that there is not",
    "a query that is none",
    "an event that there is not",
    "the same update once more",
    "a log entry whose number is a text",
    "a file that there is not",
    "a label that there is not",
    "what is retired",
    "nobody may write",
    "nobody sees what is not exposed",
}


def told(client: Client) -> dict[str, Any]:
    target = client.folder / "told.json"
    ran = client.program(PROGRAM, samples() / "cbc-lm.xml", samples() / "cbc-lm2.xml", target)
    assert (ran.code, ran.err) == (0, "")
    found: dict[str, Any] = same(json.loads(target.read_text()))
    return found


@pytest.fixture(scope="module")
def both(clients: tuple[Client, Client]) -> tuple[dict[str, Any], dict[str, Any]]:
    with ThreadPoolExecutor() as pool:
        theirs, ours = pool.map(told, clients)
    return theirs, ours


def test_an_example_was_left_out(both: tuple[dict[str, Any], dict[str, Any]]) -> None:
    assert [sorted(each) for each in both] == [sorted(EXAMPLES)] * 2


def test_an_example_fails_with_both(both: tuple[dict[str, Any], dict[str, Any]]) -> None:
    for each in both:
        assert {name for name, what in each.items() if isinstance(what, dict) and "raised" in what} == FAILING


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_gives_something_else(both: tuple[dict[str, Any], dict[str, Any]], name: str) -> None:
    theirs, ours = (each[name] for each in both)
    if isinstance(theirs, dict) and "raised" in theirs:  # ours are of more kinds: who catches ValueError gets them too
        assert set(theirs["raised"]) <= set(ours["raised"])
        assert ours["more"] == theirs["more"]
    else:
        assert ours == theirs
