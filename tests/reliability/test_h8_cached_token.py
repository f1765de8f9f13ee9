"""H8: a token that is at hand costs microseconds, and no system call."""

import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from skykey.credentials.keeper import Keeper
from skykey.rubin.sites import find_site
from skykey.rubin.tokens import token_chain
from skykey.sandbox import Box
from tests.reliability.naive_credentials import Saved
from tests.reliability.proof import ROOT, Documented, Kept, Login, proven, require

HERE = "tests.reliability.test_h8_cached_token"
CALLS = 1000
MARK = "/skykey-mark"


class FromFile:
    """A keeper over a token file, which it looks at again after a second."""

    def __init__(self, login: Login) -> None:
        self.keeper = Keeper(token_chain(find_site("usdf"), tokenfile=login.file))
        Path(login.file).write_text("token")

    def token(self) -> str:
        return self.keeper.get().credential.token.reveal()


KINDS = {kind.__name__: kind for kind in (FromFile, Kept, Documented, Saved)}


def marked(kind: str, login: str) -> None:
    """Ask again and again, between two system calls that nobody else makes."""
    token = KINDS[kind](Login.parsed(login)).token
    token()
    token()
    os.path.exists(MARK)
    for _ in range(CALLS):
        token()
    os.path.exists(MARK)


def traced(kind: Any, login: Login, folder: Path) -> Counter[str] | None:
    """The system calls of the thread that asks, between the marks, as the kernel sees them; None if nobody may look."""
    strace = shutil.which("strace")
    if strace is None:
        return None
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from {HERE} import marked; marked(*sys.argv[1:])"
    command = [strace, "-qq", "-o", str(folder / "calls"), sys.executable, "-c", code, kind.__name__, str(login)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    if not (folder / "calls").exists() or done.returncode:
        return None
    lines = (folder / "calls").read_text().splitlines()
    marks = [number for number, line in enumerate(lines) if f'"{MARK}"' in line]
    if len(marks) != 2:
        return None
    # The time is read in user space; where the machine cannot do that, it is the one call that there is.
    names = [line.partition("(")[0] for line in lines[marks[0] + 1 : marks[1]]]
    return Counter(name for name in names if name != "clock_gettime")


def called(token: Callable[[], str]) -> Counter[str]:
    """What is called in C meanwhile, but for the clock."""
    names: Counter[str] = Counter()

    def note(_: Any, event: str, what: Any) -> None:
        if event == "c_call" and what not in {time.monotonic, sys.setprofile}:
            names[f"{what.__module__}.{what.__qualname__}"] += 1

    sys.setprofile(note)
    try:
        for _ in range(CALLS):
            token()
    finally:
        sys.setprofile(None)
    return names


@proven(FromFile, Kept, Documented, by=Saved)
def test_h8_a_token_at_hand_costs_5_us_and_no_system_call(
    kind: Any, box: Box, tmp_path: Path, ceiling: Callable[[float], float]
) -> None:
    login = Login.at(box, tmp_path)
    token = kind(login).token
    token()
    token()

    def took() -> float:
        begin = time.perf_counter()
        for _ in range(CALLS):
            token()
        return (time.perf_counter() - begin) / CALLS * 1e6

    microseconds = min(took() for _ in range(9))
    token()  # in case a second was just over
    figures = {
        "microseconds": (microseconds, "<=", ceiling(5.0)),
        "calls_in_c": (sum(called(token).values()), "==", 0),
    }
    calls = traced(kind, login, tmp_path)
    if calls is not None:
        print(dict(calls))
        figures["system_calls"] = (sum(calls.values()), "==", 0)
    require("H8", **figures)
