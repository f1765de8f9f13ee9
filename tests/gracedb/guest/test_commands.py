"""The official ``gracedb`` command and ours, one after the other: the same data come out of both.

What is mended is in the expectations: ours ends with 0 where the server did what it was asked, and says what went
wrong on stderr; the official one prints everything, and fails after what has no answer.
"""

from __future__ import annotations

import json
import re
import shlex
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.gracedb.guest.guests import Ran, same, samples

if TYPE_CHECKING:
    from tests.gracedb.guest.guests import Client

pytestmark = pytest.mark.interop

#: Commands in their order; a name before one keeps the id in its answer for those behind it.
COMMANDS = """\
credentials client
credentials server
-s https://gracedb-test.ligo.org/api/ credentials server
-n credentials server
ping
info groups
info pipelines
info searches
info labels
info server_version
info signoff_types
info superevent_categories
event = create event Test gstlal {data}/cbc-lm.xml LowMass
other = create event Test MBTA {data}/cbc-mbta.xml --labels INJ,DQV --offline
burst = create event Test CWB {data}/burst-cwb.txt AllSky
get event {event}
update event {event} {data}/cbc-lm2.xml
search events {event}
search events 'Test gstlal far < 1e-3' --columns graceid,gpstime,extra_attributes.CoincInspiral.mass --delimiter ;
search events mdc --max-results 3
superevent = create superevent 1 2 3 {event} --category Test --labels INJ
get superevent {superevent}
update superevent {superevent} --t-start 1.5
add event {superevent} {other}
remove event {superevent} {other}
search superevents {superevent}
search superevents 'MDC far < 1e-13' --columns superevent_id,far,labels --max-results 4
create log {event} 'a comment'
create log {superevent} 'a file' {data}/test_file.txt -t sky_loc,pe -d 'Sky,Parameters'
get log {event} 2
list logs {superevent}
list files {superevent}
list files {event}
get file {superevent} test_file.txt
get file {superevent} test_file.txt,0
get file {superevent} test_file.txt saved.txt
add label {event} DQV
list labels {event}
get label {event} DQV
remove label {event} DQV
add label {superevent} ADVREQ
get label {superevent} ADVREQ
add tag {event} 1 mine -d Mine
list tags {event} 1
remove tag {event} 1 mine
create signoff {superevent} ADV OK 'all is well'
list signoffs {superevent}
get signoff {superevent} ADV
update signoff {superevent} ADV --status NO --comment 'not at all'
delete signoff {superevent} ADV
list notices {superevent}
list voevents {superevent}
expose {superevent}
hide {superevent}
confirm_as_gw {superevent}
--output-type status get event {event}
get event {event} --output-type status
get event G99999999
get event {event} nonsense
get superevent S000101zz
search events 'nonsense here'
list voevents {event}
create event Nonsense gstlal {data}/cbc-lm.xml
create event Test gstlal {data}/upload.data
-n create log {event} nobody
""".splitlines()

#: How the official command ends where the server did what it was asked.
_EMPTY = re.compile(r"(update event|remove |delete )")
_FOLDER = re.compile(r"(?<=saved at )\S*/")


def asked(client: Client) -> dict[str, tuple[str, Ran]]:
    """Run all commands; return each with what was really typed, and how it ended."""
    found: dict[str, tuple[str, Ran]] = {}
    ids = {"data": str(samples())}
    for command in COMMANDS:
        name, _, line = command.rpartition(" = ")
        typed = line.format(**ids)
        ran = client.command(*shlex.split(typed))
        found[command] = typed, ran
        if name:
            answer = json.loads(ran.out)
            ids[name] = answer.get("superevent_id") or answer["graceid"]
    return found


@pytest.fixture(scope="module")
def both(clients: tuple[Client, Client]) -> tuple[dict[str, tuple[str, Ran]], dict[str, tuple[str, Ran]]]:
    with ThreadPoolExecutor() as pool:
        theirs, ours = pool.map(asked, clients)
    return theirs, ours


def shown(text: str) -> Any:
    """Return JSON as what it says, and any other text as it is."""
    try:
        return same(json.loads(text))
    except ValueError:
        return same(_FOLDER.sub("", text).rstrip("\n"))  # the official one ends a file's text with a line of its own


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_says_something_else(
    both: tuple[dict[str, tuple[str, Ran]], dict[str, tuple[str, Ran]]], command: str
) -> None:
    (typed, theirs), (typed_too, ours) = both[0][command], both[1][command]
    assert typed_too == typed
    has_failed = theirs.code != 0 and not _EMPTY.match(command)
    if has_failed:
        assert ours.code != 0
        assert ours.out == ""
        assert ours.err
    else:
        assert (ours.code, ours.err) == (0, "")
        assert shown(ours.out) == shown(theirs.out)
