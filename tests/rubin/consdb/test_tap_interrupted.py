"""Ctrl-C while a job is waited for: the program ends, and the service has nothing left of it."""

import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest

from tests.tap.scripted_tap import ScriptedTap, as_votable, info
from tests.wire.server import Answer, Seen, reply, serving

BASE = "/api/consdbtap"
# It ends at once: a thread that were still at work would not get any further.
PROGRAM = """
import os, sys
from skykey.rubin.consdb_query import ConsDbTap
consdb = ConsDbTap(sys.argv[1], "gt-aaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbb")
try:
    consdb.query("select 1", as_job=True, response_format=sys.argv[2])
except KeyboardInterrupt:
    os._exit(130)
"""


class Endless(ScriptedTap):
    """A job that is executed for ever, and takes a while to be deleted."""

    def __init__(self) -> None:
        super().__init__(
            lambda _: as_votable(after=info("OVERFLOW")),
            phases=["EXECUTING"],
            create=reply(303, Location=f"{BASE}/async/7"),
        )
        self.waited = threading.Event()

    def __call__(self, seen: Seen) -> Answer:
        if seen.method == "DELETE":
            time.sleep(0.3)
        if "WAIT=" in seen.target:
            self.waited.set()
            time.sleep(0.2)
        return super().__call__(replace(seen, target=seen.target.replace(BASE, "/tap", 1)))


@pytest.mark.parametrize("form", ["csv", "votable"])
def test_ctrl_c_leaves_no_job_behind(form: str) -> None:
    service = Endless()
    with serving(service) as server:
        program = subprocess.Popen([sys.executable, "-c", PROGRAM, server.url, form], stderr=subprocess.PIPE, text=True)
        assert service.waited.wait(30), program.communicate(timeout=30)
        time.sleep(0.3)
        program.send_signal(signal.SIGINT)
        program.communicate(timeout=30)
    assert (program.returncode, service.deleted) == (130, 1)
