"""H3: a terminal, where everything stays to be read, sees a token only if somebody asked for just that."""

from pathlib import Path
from typing import Any

from tests.reliability.gracedb_command import Naive, Skykey, shell
from tests.reliability.proof import proven, require

UNASKED = (
    ["token", "gracedb"],
    ["token", "gracedb", "--json"],
    ["why", "gracedb"],
    ["why", "gracedb", "--json"],
    ["whoami", "gracedb"],
    ["gracedb", "credentials", "client"],
    ["gracedb", "credentials", "server"],
    ["gracedb", "get", "event", "G1"],
    ["gracedb", "get", "event", "G404"],
    ["token", "gracedb", "--nonsense"],
)
ASKED = {Skykey: ["token", "gracedb", "--show"], Naive: ["token", "gracedb"]}


@proven(Skykey, by=Naive)
def test_h3_a_terminal_gets_a_token_on_request_only(kind: Any, tmp_path: Path) -> None:
    with shell(tmp_path) as here:
        screens = [here.on_terminal(kind, *line, columns=1000)[1] for line in UNASKED]
        # Neither in its own letters nor wrapped.
        bare = ["".join(screen.split()) for screen in screens]
        _, asked = here.on_terminal(kind, *ASKED[kind], columns=1000)
        piped = here.run(kind, "token", "gracedb").stdout.decode()
        require(
            "H3",
            unasked=(sum(here.token in screen for screen in bare), "==", 0),
            asked=(here.token in "".join(asked.split()), "==", True),
            piped=(piped == f"{here.token}\n", "==", True),
        )
