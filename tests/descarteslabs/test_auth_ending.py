"""A program that ends in the middle of a renewal: the issuer has replaced the secret, and only the thread knows it."""

import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator

import pytest

from tests.descarteslabs.logins import Home, holds, jwt, put
from tests.wire.server import Answer, Seen, as_json, serving

ENDS = {
    "by itself": "threading.Thread(target=lambda: auth.token, daemon=True).start(); asked()",
    "by an exit": "threading.Thread(target=lambda: auth.token, daemon=True).start(); asked(); sys.exit(0)",
    "by Ctrl-C": "threading.Thread(target=lambda: (asked(), os.kill(os.getpid(), signal.SIGINT))).start(); auth.token",
}
PROGRAM = """
    import os, signal, sys, threading
    from skykey.descarteslabs.auth import Auth

    def asked():
        sys.stdin.readline()

    auth = Auth(domain=sys.argv[1], token_info_path=sys.argv[2])
"""


@pytest.mark.parametrize("how", ENDS)
def test_a_secret_that_was_spent_is_not_lost_with_the_program(how: str, home: Home) -> None:
    spent, go = threading.Event(), threading.Event()

    def answer(_: Seen) -> Answer:
        spent.set()
        assert go.wait(20)
        return as_json(f'{{"access_token": "{jwt(aud="c")}", "refresh_token": "next", "expires_in": 3600}}')

    file = put(home.file, {"client_id": "c", "client_secret": "first", "refresh_token": "first"})
    with serving(answer) as server:
        command = [sys.executable, "-c", textwrap.dedent(PROGRAM) + ENDS[how], server.url, str(file)]
        with subprocess.Popen(command, env=os.environ, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as program:
            assert spent.wait(20)
            assert program.stdin is not None
            program.stdin.write(b"\n")
            program.stdin.flush()
            with pytest.raises(subprocess.TimeoutExpired):
                program.wait(0.7)  # it would be gone by now
            go.set()
            program.wait(20)
    assert holds(file)["refresh_token"] == "next"


def test_an_issuer_that_hangs_does_not_keep_a_program_from_ending(home: Home) -> None:
    spent, go = threading.Event(), threading.Event()

    def answer(_: Seen) -> Iterator[bytes]:
        spent.set()
        go.wait(30)
        yield b""

    file = put(home.file, {"client_id": "c", "client_secret": "first", "refresh_token": "first"})
    with serving(answer) as server:
        command = [sys.executable, "-c", textwrap.dedent(PROGRAM) + ENDS["by itself"], server.url, str(file)]
        with subprocess.Popen(command, env=os.environ, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as program:
            assert spent.wait(20)
            assert program.communicate(b"\n", timeout=15) == (None, None)
            assert program.returncode == 0
        go.set()
    assert holds(file)["refresh_token"] == "first"
