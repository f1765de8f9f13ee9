"""G14: a download is killed at any moment, and the file changes on the server meanwhile. What has its name is whole."""

import json
import os
import random
import signal
import sys
import time
import traceback
import urllib.request
from pathlib import Path
from typing import Any

from tests.calls.archive import Archive
from tests.reliability.proof import line_of, proven, require, started
from tests.wire.server import Answer, Seen, serving

PIECE = 25_000
PIECES = 12
SIZE = PIECE * PIECES
CHANGES_EVERY = 9  # requests
PAUSE = 0.0015  # seconds between two pieces: it must be possible to die there
MODULE = "tests.reliability.test_g14_downloads"


def version(number: int) -> bytes:
    """The file, as it is for a time; no two versions have a byte in common but by chance."""
    return number.to_bytes(4, "big") + random.Random(number).randbytes(SIZE - 4)


def is_whole(content: bytes) -> bool:
    return content == version(int.from_bytes(content[:4], "big"))


class Changing:
    """A file that is another one now and then, with a tag that says so."""

    def __init__(self) -> None:
        self.asked = self.resumed = self.number = 0
        self._content = version(0)

    def __call__(self, seen: Seen) -> Answer:
        self.asked += 1
        if self.asked % CHANGES_EVERY == 0:
            self.number += 1
            self._content = version(self.number)
        tag, wanted = f'"v{self.number}"', seen.headers.get("range")
        begin = 0
        lines = ["HTTP/1.1 200 OK"]
        # Without If-Range a service gives the part of what there is now.
        if wanted is not None and seen.headers.get("if-range", tag) == tag:
            begin = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if begin >= SIZE:
                return b"HTTP/1.1 416 X\r\nContent-Length: 0\r\n\r\n"
            self.resumed += 1
            lines = ["HTTP/1.1 206 Partial Content", f"Content-Range: bytes {begin}-{SIZE - 1}/{SIZE}"]
        lines += [f"ETag: {tag}", f"Content-Length: {SIZE - begin}", "Connection: close", "", ""]
        return self._slowly("\r\n".join(lines).encode(), self._content[begin:])

    @staticmethod
    def _slowly(top: bytes, content: bytes) -> Any:
        yield top
        for begin in range(0, len(content), PIECE):
            yield content[begin : begin + PIECE]
            time.sleep(PAUSE)


def saved(url: str, target: str) -> None:
    Archive(url).file().save(target)


def fetched(url: str, target: str) -> None:
    """Within another flow."""
    Archive(url).fetch(target)


def appended(url: str, target: str) -> None:
    """As most programs go on: what is there is the beginning, and the rest comes behind it."""
    there = os.path.getsize(target) if os.path.exists(target) else 0
    if there >= SIZE:
        os.unlink(target)
        there = 0
    asked = urllib.request.Request(f"{url}/file.bin", headers={"Range": f"bytes={there}-"} if there else {})
    with urllib.request.urlopen(asked) as answer, open(target, "ab") as file:
        while piece := answer.read1():
            file.write(piece)
            file.flush()


# Both real ways share five hundred: what differs between them is not what dies.
KILLS = {saved: 250, fetched: 250, appended: 50}


def nursery(kind: str, url: str, folder: str, kills: str) -> None:
    """Let children fetch a file, kill them at any moment, and look what has its name then."""
    fetch = getattr(sys.modules[__name__], kind)
    target, chance = Path(folder, "file.bin"), random.Random(14)
    fetch(url, str(target))  # what is imported is imported before the first fork
    begin = time.monotonic()
    fetch(url, str(target))
    lasts = time.monotonic() - begin
    killed = ended = failed = bad = 0
    while killed < int(kills):
        if chance.random() < 0.2:
            target.unlink(missing_ok=True)
        child = os.fork()
        if child == 0:
            try:
                fetch(url, str(target))
            except BaseException:  # noqa: BLE001 - a child must not come back
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        time.sleep(chance.uniform(0, 1.2 * lasts))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        killed += os.WIFSIGNALED(status)
        ended += status == 0
        failed += os.WIFEXITED(status) and os.WEXITSTATUS(status) != 0
        bad += target.exists() and not is_whole(target.read_bytes())
    fetch(url, str(target))
    print(json.dumps([killed, ended, failed, bad, is_whole(target.read_bytes())]), flush=True)


@proven(saved, fetched, by=appended)
def test_g14_what_has_its_name_is_whole(kind: Any, tmp_path: Path) -> None:
    kills = KILLS[kind]
    begin = time.monotonic()
    service = Changing()
    with serving(service) as server, started(MODULE, "nursery", kind.__name__, server.url, tmp_path, kills) as process:
        killed, ended, failed, bad, is_good_at_the_end = json.loads(line_of(process))
    left = sorted(path.stat().st_size for path in tmp_path.glob(".*.part"))
    print(
        f"G14 {kind.__name__}: {killed} killed, {ended} ended before, {service.asked} asked, "
        f"{service.resumed} resumed, {service.number} versions, {len(left)} parts, {time.monotonic() - begin:.0f} s"
    )
    require("G14", bad=(bad, "==", 0), failed=(failed, "==", 0), whole_at_the_end=(is_good_at_the_end, "==", True))
    assert killed == kills
    assert ended > 10
    assert service.number > 10
    assert service.resumed > kills / 10
