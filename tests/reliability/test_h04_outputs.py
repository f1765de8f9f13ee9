"""H4: stdout is closed, knows no UTF-8, is twenty columns wide: the command ends cleanly all the same."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from tests.cli.gracedb.scripted_gracedb import EVENT
from tests.reliability.gracedb_command import Naive, Skykey, shell
from tests.reliability.proof import proven, require
from tests.wire.server import as_json

SNOWMAN = "\N{SNOWMAN} M\N{LATIN SMALL LETTER U WITH DIAERESIS}ller"
ROWS = 5000
LINES = (
    ["gracedb", "get", "event", "G1"],
    ["gracedb", "search", "events", "x"],
    ["gracedb", "list", "logs", "G1"],
    ["gracedb", "--output-type", "table", "search", "events", "x"],
    ["gracedb", "--output-type", "table", "list", "logs", "G1"],
    ["gracedb", "--output-type", "table", "get", "event", "G1"],
)
SEQUENCES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def with_snowmen(server: Any) -> None:
    event = {**EVENT, "submitter": SNOWMAN, "group": SNOWMAN}
    server.says = {
        "events/G1": as_json(json.dumps(event)),
        "events/": as_json(json.dumps({"numRows": ROWS, "events": [event] * ROWS, "links": {"next": None}})),
        "events/G1/log/": as_json(json.dumps({"logs": [{"N": 1, "comment": SNOWMAN * 20}] * ROWS})),
    }


def is_clean(stderr: bytes) -> bool:
    return not any(word in stderr for word in (b"Traceback", b"Broken pipe", b"Exception ignored"))


@proven(Skykey, by=Naive)
def test_h4_a_closed_pipe_ends_quietly(kind: Any, tmp_path: Path) -> None:
    with shell(tmp_path) as here:
        with_snowmen(here.server)
        unclean = failed = 0
        for line in LINES:
            reader, writer = os.pipe()
            os.close(reader)
            try:
                ended = here.run(kind, *line, stdout=writer, PYTHONIOENCODING="utf-8")
            finally:
                os.close(writer)
            unclean += not is_clean(ended.stderr)
            failed += ended.returncode != 0
        require("H4", unclean=(unclean, "==", 0), failed=(failed, "==", 0))


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-16"])
@proven(Skykey, by=Naive)
def test_h4_an_encoding_that_lacks_letters_is_no_end(kind: Any, encoding: str, tmp_path: Path) -> None:
    if kind is Naive and encoding == "utf-16":
        encoding = "ascii"  # which has all letters; there is nothing to stumble over
    with shell(tmp_path) as here:
        with_snowmen(here.server)
        ended = [here.run(kind, *line, PYTHONIOENCODING=encoding, LC_ALL="C") for line in LINES]
        require(
            "H4",
            unclean=(sum(not is_clean(end.stderr) for end in ended), "==", 0),
            failed=(sum(end.returncode != 0 for end in ended), "==", 0),
        )


@proven(Skykey, by=Naive)
def test_h4_a_table_fits_into_twenty_columns(kind: Any, tmp_path: Path) -> None:
    with shell(tmp_path) as here:
        with_snowmen(here.server)
        widest = failed = 0
        for line in LINES[3:]:
            code, screen = here.on_terminal(kind, *line, columns=20)
            shown = SEQUENCES.sub("", screen).splitlines()
            table = [text for text in shown if "columns fit here" not in text]
            widest = max(widest, *(len(text) for text in table))
            failed += code != 0 or "Traceback" in screen
        require("H4", widest=(widest, "<=", 20), failed=(failed, "==", 0))
