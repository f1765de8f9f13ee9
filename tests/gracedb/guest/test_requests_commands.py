"""What the official ``gracedb`` command and ``skykey gracedb`` ask of an older server, which still has everything.

The same requests, and the same data on stdout; with the current server, see test_commands.py. What ours has mended is
listed, and has to show.
"""

from __future__ import annotations

import json
import re
import shlex
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pytest

from skykey.sandbox import running
from tests.gracedb.guest.capturing import Capturing
from tests.gracedb.guest.guests import Client, Ran, official, same, samples

pytestmark = pytest.mark.interop

#: Commands in their order; a name before one keeps the id in its answer for those behind it.
COMMANDS = """\
event = create event Test gstlal {data}/cbc-lm.xml LowMass --labels INJ,DQV --offline
swapped = create event Test gstlal LowMass {data}/cbc-lm.xml
alert = create event External Fermi {data}/fermi-test.xml GRB
burst = create event Test CWB {data}/burst-cwb.txt AllSky
superevent = create superevent 1238350677 1238350680 1238350682.5 {event} --category T --events {swapped} --labels DQV
info emgroups
info instruments
info signoff_statuses
info voevent_types
show pipelines
show labels
create emobservation {event} ZTF 1,2.5 3 4,5 6,7 2026-01-01T00:00:00,2026-01-02T00:00:00 30 --comment 'é & more'
create emobservation {superevent} ZTF 1 3 4 6 2026-01-01T00:00:00 30
list emobservations {event}
get emobservation {superevent} 1
create voevent {event} PR
create voevent {superevent} IN --skymap-type x --skymap-filename cbc-lm.xml --external --open-alert --hardware-inj
create voevent {superevent} UP --coinc-comment --prob-has-ns 0.5 --prob-has-remnant 0.25 --bns 1 --nsbh 0 --bbh 0
list voevents {superevent}
get voevent {event} 1
update grbevent {alert} --ra 1.5 --dec -2.5 --t90 3 --redshift 0.1 --designation 'GRB 1' --error-radius 2
update superevent {superevent} --t-start 1238350676 --t-0 1238350679 --t-end 1238350683 --preferred-event {swapped}
create log {event} 'é & = + %' {data}/test_file.txt --tag-name pe,mine --tag-display-name Parameters,Mine
add label {superevent} H1OPS
create signoff {superevent} operator okay 'good data' LHO
get signoff {superevent} OP H1
update signoff {superevent} OP H1 --comment 'very good data'
delete signoff {superevent} OP H1
add tag {superevent} 1 my_tag
remove tag {superevent} 1 my_tag
remove event {superevent} {event}
add event {superevent} {event}
remove label {superevent} DQV
expose {superevent}
hide {superevent}
confirm_as_gw {superevent} TGW190404A
search events 'Test CWB' --columns graceid,far,extra_attributes.MultiBurst.amplitude --max-results 1
search superevents 'category: Test' --columns superevent_id,t_0,labels
search superevents 'MDC far < 1e-10' --delimiter ,
get file {event} test_file.txt
list files {event} --output-type status
get superevent {superevent} -n
ping
create emobservation {event} ZTF 1,2 3 -4,5 6 2026-01-01T00:00:00,2026-01-02T00:00:00 30
search events MDC --max-results 3
create voevent {superevent} PR --mass-gap 0.5
update grbevent {alert} --ra 0
update superevent {superevent} --t-start 0
list logs g1
get event
nonsense
""".splitlines()


class Mended(NamedTuple):
    """What becomes of a command with each client: how it ends, and what it asks for."""

    reason: str
    theirs: tuple[int, tuple[str, ...]]
    ours: tuple[int, tuple[str, ...]]


_OBSERVED = (
    'POST events/EVENT/emobservation/ {"group": "ZTF", "ra_list": [1.0, 2.0], "ra_width_list": [3.0, 3.0], '
    '"dec_list": [-4.0, 5.0], "dec_width_list": [6.0, 6.0], "start_time_list": ["2026-01-01T00:00:00", '
    '"2026-01-02T00:00:00"], "duration_list": [30.0, 30.0], "comment": null}'
)
_VOEVENT = (
    "POST superevents/SUPEREVENT/voevents/ voevent_type=PR internal=True open_alert=False "
    "hardware_inj=False CoincComment=False raven_coinc=False HasMassGap=0.5"
)
_ZERO = "zero is a value"
_SIZE = "a page of the size that is wanted"
MENDED = {
    "create emobservation {event} ZTF 1,2 3 -4,5 6 2026-01-01T00:00:00,2026-01-02T00:00:00 30": Mended(
        "a list may begin with a number below zero",
        (2, ()),
        (
            0,
            (_OBSERVED,),
        ),
    ),
    "create voevent {superevent} PR --mass-gap 0.5": Mended(
        "the option is for what its parameter is called now",
        (1, ()),
        (
            0,
            (_VOEVENT,),
        ),
    ),
    "search events 'Test CWB' --columns graceid,far,extra_attributes.MultiBurst.amplitude --max-results 1": Mended(
        _SIZE, (0, ("GET events/ ?query=Test CWB",)), (0, ("GET events/ ?count=1&query=Test CWB",))
    ),
    "search events MDC --max-results 3": Mended(
        _SIZE, (0, ("GET events/ ?query=MDC",)), (0, ("GET events/ ?count=3&query=MDC",))
    ),
    "update grbevent {alert} --ra 0": Mended(_ZERO, (1, ()), (0, ("PATCH events/ALERT/update-grbevent/ ra=0.0",))),
    "update superevent {superevent} --t-start 0": Mended(
        _ZERO, (1, ()), (0, ("PATCH superevents/SUPEREVENT/ t_start=0.0",))
    ),
    "list logs g1": Mended(
        "ids of events are known in any case of their letter",
        (1, ("GET superevents/g1/logs/",)),
        (1, ("GET events/g1/log/",)),
    ),
    "nonsense": Mended("what was typed wrong ends with 2, as everywhere", (1, ()), (2, ())),
}
#: How the official command ends where the server has done what it was asked, and has nothing to say to it.
_EMPTY = re.compile(r"remove |delete ")


@dataclass
class Typed:
    """One command: as it was typed, how it ended, and what it asked the server for."""

    line: str
    ran: Ran
    asked: list[dict[str, Any]]
    lines: tuple[str, ...]


Both = tuple[tuple[dict[str, Typed], dict[str, str]], tuple[dict[str, Typed], dict[str, str]]]


@dataclass
class Session:
    """A user of one client, who types all commands."""

    client: Client
    capturing: Capturing
    ids: dict[str, str] = field(default_factory=lambda: {"data": str(samples())})

    def type(self, command: str) -> Typed:
        name, template = re.fullmatch(r"(?:(\w+) = )?(.*)", command).groups()  # type: ignore[union-attr]  # it fits any
        line = template.format(**self.ids)
        self.capturing.begin(command)
        ran = self._run(shlex.split(line))
        # The root is asked for by one command after the other, or once.
        sent = [one for one in self.capturing.chapters[command] if one.path != "/api/"]
        if name:
            answer = json.loads(ran.out)
            self.ids[name] = answer.get("superevent_id") or answer["graceid"]
        return Typed(line, ran, [one.asked for one in sent], tuple(one.line for one in sent))

    def _run(self, words: list[str]) -> Ran:
        variables = {"GRACEDB_SERVICE_URL": self.capturing.url}
        if self.client.is_official:
            start = [str(official()), "-W", "ignore", str(official().with_name("gracedb"))]
        else:
            start = [sys.executable, "-m", "skykey", "gracedb"]
            variables |= {"BEARER_TOKEN_FILE": str(self.client.box.gracedb_token_file)}
        return self.client._run([*start, *words], variables=variables)


def typed(name: str) -> tuple[dict[str, Typed], dict[str, str]]:
    """Type all commands with one client."""
    with ExitStack() as stack:
        box = stack.enter_context(running(Path(stack.enter_context(TemporaryDirectory()))))
        box.controls.gracedb(generation="classic")
        capturing = stack.enter_context(Capturing(box))
        client = Client(name, box, Path(stack.enter_context(TemporaryDirectory())))
        session = Session(client, capturing)
        return {command: session.type(command) for command in COMMANDS}, session.ids


def shown(text: str) -> Any:
    """What JSON says, and any other text as it is."""
    plain = re.sub(r"127\.0\.0\.1:\d+", "HOST", text)
    try:
        return same(json.loads(plain))
    except ValueError:
        return same(plain.rstrip("\n"))  # the official one ends a file's text with a line of its own


@pytest.fixture(scope="module")
def both() -> Both:
    with ThreadPoolExecutor() as pool:
        theirs, ours = pool.map(typed, ("official", "ours"))
    return theirs, ours


def words(typed: Typed, session: dict[str, str]) -> tuple[str, ...]:
    """Its requests, with words in place of ids."""
    ids = {value: name.upper() for name, value in session.items() if name != "data"}
    return tuple(re.sub("|".join(ids), lambda found: ids[found[0]], line) for line in typed.lines)


@pytest.mark.parametrize("command", [command for command in COMMANDS if command not in MENDED])
def test_a_command_asks_or_says_something_else(both: Both, command: str) -> None:
    theirs, ours = (each[0][command] for each in both)
    assert ours.line == theirs.line
    assert ours.asked == theirs.asked
    if theirs.ran.code and not _EMPTY.match(command):
        assert (bool(ours.ran.code), ours.ran.out) == (True, "")
        assert ours.ran.err
    else:
        assert (ours.ran.code, ours.ran.err) == (0, "")
        assert theirs.ran.code == bool(_EMPTY.match(command))
        assert shown(ours.ran.out) == shown(theirs.ran.out)


@pytest.mark.parametrize("command", MENDED)
def test_a_mended_command_is_another_one(both: Both, command: str) -> None:
    found = [(run[command].ran.code, words(run[command], ids)) for run, ids in both]
    assert found == [MENDED[command].theirs, MENDED[command].ours]
    assert found[0] != found[1]
    theirs, ours = (run[command].ran for run, _ in both)
    if theirs.code == ours.code == 0:
        assert shown(ours.out) == shown(theirs.out)
