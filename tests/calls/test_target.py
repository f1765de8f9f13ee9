"""A file has its name only when it is whole; what was there before stays until then, and what came is not lost."""

import asyncio
import errno
import fcntl
import os
import resource
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from skykey.calls.call import Patience
from skykey.calls.target import Target, path_in
from skykey.values.errors import Interrupted, NotFound, SkykeyError, UsageError
from tests.calls.archive import NEVER, Archive, AsyncArchive, Face, Shelf
from tests.calls.test_download import CONTENT, WRONG
from tests.wire.server import Answer, Seen, Server, head, reply, serving

OLD = b"what was there before"
LARGE = os.urandom(1_000_000)  # more than comes at once


@pytest.fixture(params=["sync", "async"])
def face(request: pytest.FixtureRequest) -> Face:
    return Face(request.param)


@pytest.fixture(params=["save", "fetch"])
def way(request: pytest.FixtureRequest, face: Face) -> Callable[..., Path]:
    """Both ways into a file: of a download in hand, and of a flow inside another one."""
    found: Callable[..., Path] = face.save if request.param == "save" else face.fetch
    return found


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "maps"
    folder.mkdir()
    return folder / "map.fits"


def parts(target: Path) -> list[int]:
    """The sizes of what lies beside it."""
    return sorted(path.stat().st_size for path in target.parent.glob(".*.part"))


def alone(target: Path) -> bool:
    return os.listdir(target.parent) == [target.name]


# -- whole, or nothing

CASES: dict[str, dict[str, Any]] = {
    "whole": {},
    "chunked": {"framing": "chunked"},
    "broken off at once": {"cuts": (0,)},
    "broken off": {"cuts": (150_000,)},
    "broken off often": {"cuts": (1, 65_536, 0, 100_000, 2)},
    "broken off before the last byte": {"cuts": (len(CONTENT) - 1,)},
    "chunks broken off": {"cuts": (150_000,), "framing": "chunked"},
    "chunks broken off behind the last byte": {"cuts": (len(CONTENT) - 1, 1), "framing": "chunked"},
    "weak tag": {"etag": 'W/"v1"'},
    "weak tag, broken off": {"etag": 'W/"v1"', "cuts": (150_000,)},
    "no tag, broken off": {"etag": None, "cuts": (150_000, 20)},
    "knows no parts": {"cuts": (150_000,), "part": None},
    **{f"a part with {name}": {"cuts": (150_000,), "part": wrong} for name, wrong in WRONG.items()},
}


@pytest.mark.parametrize("case", CASES)
def test_what_was_saved_is_the_file(way: Callable[..., Path], case: str, target: Path) -> None:
    with serving(Shelf(CONTENT, **CASES[case])) as server:
        assert way(server.url, target) == target
    assert target.read_bytes() == CONTENT
    assert alone(target)


def test_an_empty_file_is_saved(way: Callable[..., Path], target: Path) -> None:
    target.write_bytes(OLD)
    with serving(Shelf(b"")) as server:
        way(server.url, target)
    assert target.read_bytes() == b""
    assert alone(target)


@pytest.mark.parametrize("when", ["while it is fetched", "between two runs"])
def test_a_file_that_changes_meanwhile_is_the_new_one(way: Callable[..., Path], when: str, target: Path) -> None:
    shelf = Shelf(CONTENT, cuts=(150_000,))

    def answer(seen: Seen) -> Answer:
        if shelf.ranges:
            shelf.content, shelf.etag = CONTENT[::-1], '"v2"'
        return shelf(seen)

    with serving(answer) as server:
        if when == "between two runs":
            with pytest.raises(Interrupted):
                way(server.url, target, patience=NEVER)
            assert parts(target) == [150_000]
        way(server.url, target)
    assert target.read_bytes() == CONTENT[::-1]
    if when == "while it is fetched":
        assert alone(target)


def test_a_file_that_becomes_shorter_is_the_new_one(way: Callable[..., Path], target: Path) -> None:
    shelf = Shelf(CONTENT, cuts=(150_000,))

    def answer(seen: Seen) -> Answer:
        return reply(416) if seen.headers.get("range") else shelf(seen)

    with serving(answer) as server:
        way(server.url, target)
    assert target.read_bytes() == CONTENT
    assert shelf.ranges == [None, None]


def test_a_service_that_always_refuses_parts_is_given_up(way: Callable[..., Path], target: Path) -> None:
    shelf = Shelf(CONTENT, cuts=(150_000,) * 50)
    with serving(lambda seen: reply(416) if seen.headers.get("range") else shelf(seen)) as server:
        with pytest.raises(Interrupted):
            way(server.url, target, patience=Patience(3))
        print(f"{len(server.seen)} requests")
        assert len(server.seen) <= 6
    assert not target.exists()


def test_a_service_that_breaks_off_here_and_there_for_ever_is_given_up(way: Callable[..., Path], target: Path) -> None:
    """Without a tag it begins anew each time; to get a byte further than the last time is no progress."""
    shelf = Shelf(CONTENT, None, cuts=(100, 50, 60, 40, 60, 30, 80, 20, *[50] * 50))
    with serving(shelf) as server, pytest.raises(Interrupted):
        way(server.url, target, patience=Patience(3))
    assert len(shelf.ranges) == 4


FAULTS: dict[str, Callable[[Seen], Answer]] = {
    "404": lambda _: reply(404),
    "403": lambda _: reply(403),
    "closed": lambda _: None,
    "no end": lambda _: (head(), CONTENT),
    "shorter than it says": lambda _: (b"HTTP/1.1 200 X\r\nContent-Length: 300001\r\n\r\n", CONTENT),
    "a part": lambda _: reply(206, CONTENT, Content_Range="bytes 0-299999/600000", ETag='"v1"'),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_was_there_stays_when_nothing_whole_comes(way: Callable[..., Path], fault: str, target: Path) -> None:
    target.write_bytes(OLD)
    with serving(FAULTS[fault]) as server, pytest.raises(SkykeyError):
        way(server.url, target)
    assert target.read_bytes() == OLD
    assert alone(target)


def test_nobody_sees_a_part_by_the_files_name(face: Face, target: Path) -> None:
    target.write_bytes(OLD)
    seen = []

    def answer(_: Seen) -> Answer:
        yield b'HTTP/1.1 200 X\r\nETag: "v1"\r\nContent-Length: 300000\r\n\r\n'
        for begin in range(0, 300_000, 30_000):
            yield CONTENT[begin : begin + 30_000]
            seen.append(target.read_bytes())

    with serving(answer) as server:
        face.save(server.url, target)
    assert set(seen[:5]) == {OLD}
    assert target.read_bytes() == CONTENT


# -- where it goes


def test_a_link_stays_one(face: Face, target: Path) -> None:
    real = target.parent.parent / "elsewhere.fits"
    real.write_bytes(OLD)
    target.symlink_to(real)
    with serving(Shelf(CONTENT)) as server:
        assert face.save(server.url, target) == real
    assert target.is_symlink()
    assert real.read_bytes() == CONTENT


def test_a_link_that_leads_nowhere_is_followed(face: Face, target: Path) -> None:
    target.symlink_to(target.parent / "not yet")
    with serving(Shelf(CONTENT)) as server:
        face.save(server.url, target)
    assert (target.parent / "not yet").read_bytes() == CONTENT


def test_in_a_folder_it_has_the_servers_name(face: Face, target: Path) -> None:
    with serving(Shelf(CONTENT)) as server:
        assert face.save(server.url, target.parent, "files/bayestar%20new.fits.gz,0") == target.with_name(
            "bayestar new.fits.gz"
        )
        assert face.save(server.url, str(target.parent), "files/a,b") == target.with_name("a,b")


def test_a_folder_that_is_not_there_is_said_before_anything_is_fetched(
    way: Callable[..., Path], face: Face, target: Path
) -> None:
    with serving(Shelf(CONTENT)) as server:
        with pytest.raises(UsageError, match="does not exist") as caught:
            way(server.url, target.parent / "no" / "map.fits")
        assert caught.value.next == f"mkdir -p {target.parent / 'no'}"
        with pytest.raises(UsageError, match="is a folder"):
            face.fetch(server.url, target.parent)
    assert os.listdir(target.parent) == []


def test_a_file_has_the_mode_that_files_have(face: Face, target: Path) -> None:
    before = os.umask(0o027)
    try:
        with serving(Shelf(CONTENT)) as server:
            face.save(server.url, target)
    finally:
        os.umask(before)
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_a_long_name_is_no_problem(face: Face, target: Path) -> None:
    long = target.with_name("ü" * 120 + ".fits")
    with serving(Shelf(CONTENT)) as server:
        face.save(server.url, long)
    assert long.read_bytes() == CONTENT


# -- what a later process finds


def test_a_later_run_goes_on_where_the_first_one_ended(way: Callable[..., Path], target: Path) -> None:
    shelf = Shelf(CONTENT, cuts=(150_000,))
    with serving(shelf) as server:
        with pytest.raises(Interrupted):
            way(server.url, target, patience=NEVER)
        assert not target.exists()
        assert parts(target) == [150_000]
        way(server.url, target)
    assert target.read_bytes() == CONTENT
    assert alone(target)
    assert shelf.ranges == [None, None, "bytes=150000-"]


def left(target: Path, url: str, content: bytes, etag: str = '"v1"') -> Path:
    """Leave a part there, as a process that was killed does."""
    with Target(target) as begun:
        begun.begin(f"{url}/file.bin", etag)
        begun.write(content or b"x")
    (part,) = target.parent.glob(f".{target.name}.*.part")
    part.write_bytes(content)
    return part


@pytest.mark.parametrize("size", [0, 1, 65_536, len(CONTENT) - 1, len(CONTENT)])
def test_a_part_of_any_size_is_gone_on_from(way: Callable[..., Path], size: int, target: Path) -> None:
    shelf = Shelf(CONTENT)
    with serving(shelf) as server:
        left(target, server.url, CONTENT[:size])
        way(server.url, target)
    assert target.read_bytes() == CONTENT
    assert alone(target)
    if size in {len(CONTENT) - 1, len(CONTENT)}:
        assert shelf.ranges == [None, f"bytes={size}-"][: 1 + (size < len(CONTENT))]


def test_a_part_that_is_longer_than_the_file_is_thrown_away(way: Callable[..., Path], target: Path) -> None:
    shelf = Shelf(CONTENT)
    with serving(shelf) as server:
        left(target, server.url, CONTENT + b"more")
        way(server.url, target)
    assert target.read_bytes() == CONTENT
    assert alone(target)


@pytest.mark.parametrize("wrong", WRONG)
def test_a_service_whose_parts_are_wrong_does_not_keep_a_file_away_for_ever(
    way: Callable[..., Path], wrong: str, target: Path
) -> None:
    with serving(Shelf(CONTENT, part=WRONG[wrong])) as server:
        left(target, server.url, CONTENT[:150_000])
        way(server.url, target)
    assert target.read_bytes() == CONTENT
    assert alone(target)


def test_a_part_of_another_version_or_url_is_not_gone_on_from(way: Callable[..., Path], target: Path) -> None:
    with serving(Shelf(CONTENT)) as server:
        left(target, server.url, b"y" * 100_000, etag='"v0"')
        way(server.url, target)
        assert target.read_bytes() == CONTENT
        left(target.with_name("b"), server.url, b"z" * 100_000)
        way(server.url, target.with_name("c"))
    assert target.with_name("c").read_bytes() == CONTENT


def test_a_link_in_the_place_of_the_part_is_not_written_through(way: Callable[..., Path], target: Path) -> None:
    victim = target.parent.parent / "victim"
    victim.write_bytes(OLD)
    with serving(Shelf(CONTENT)) as server:
        part = left(target, server.url, b"x")
        part.unlink()
        part.symlink_to(victim)
        way(server.url, target)
    assert victim.read_bytes() == OLD
    assert target.read_bytes() == CONTENT
    assert not target.is_symlink()


def test_a_part_that_cannot_be_opened_is_left_alone(way: Callable[..., Path], target: Path) -> None:
    with serving(Shelf(CONTENT)) as server:
        part = left(target, server.url, b"x")
        part.unlink()
        part.mkdir()
        way(server.url, target)
    assert target.read_bytes() == CONTENT


def test_what_killed_processes_left_of_old_versions_is_taken_away(target: Path) -> None:
    with serving(Shelf(CONTENT)) as server:
        stale = left(target, server.url, b"y", etag='"v0"')
        held = left(target.with_name("b"), server.url, b"y").rename(target.with_name(f".{target.name}.{'a' * 24}.part"))
        others = [target.with_name(name) for name in (f".{target.name}.mine.part", f".x.{'b' * 24}.part")]
        young = target.with_name(f".{target.name}.{'c' * 24}.part")
        for path in (*others, young):
            path.write_bytes(b"z")
        for path in (stale, held, *others):
            os.utime(path, (1.7e9, 1.7e9))
        with held.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            Archive(server.url).file().save(target)
    assert not stale.exists()
    assert [path.exists() for path in (target, held, *others, young)] == [True] * 5


# -- several at once


def test_two_at_once_do_not_write_into_each_others_part(target: Path) -> None:
    first_is_there, go_on = threading.Event(), threading.Event()
    first = [True]

    def answer(_: Seen) -> Answer:
        yield b'HTTP/1.1 200 X\r\nETag: "v1"\r\nContent-Length: 300000\r\n\r\n'
        if first:
            first.clear()
            yield CONTENT[:150_000]
            first_is_there.set()
            assert go_on.wait(20)
            yield CONTENT[150_000:]
        else:
            yield CONTENT

    with serving(answer) as server:
        thread = threading.Thread(target=lambda: Archive(server.url).file().save(target))
        thread.start()
        assert first_is_there.wait(20)
        while not parts(target):
            pass
        Archive(server.url).file().save(target)
        assert target.read_bytes() == CONTENT
        go_on.set()
        thread.join(20)
    assert target.read_bytes() == CONTENT
    assert alone(target)


PROCESS = """
import sys
from tests.calls.archive import Archive
Archive(sys.argv[1]).file().save(sys.argv[2])
"""


def test_four_processes_at_once_all_have_it(target: Path) -> None:
    with serving(Shelf(CONTENT)) as server:
        left(target, server.url, CONTENT[:1000])
        command = [sys.executable, "-c", PROCESS, server.url, str(target)]
        processes = [subprocess.Popen(command, cwd=Path(__file__).parents[2]) for _ in range(4)]
        assert [process.wait(60) for process in processes] == [0] * 4
    assert target.read_bytes() == CONTENT
    assert alone(target)


def test_a_part_is_held_by_one_only(target: Path) -> None:
    with Target(target) as one, Target(target) as other:
        assert one.begin("https://a.example/x", '"v1"') == 0
        one.write(b"12345")
        assert other.begin("https://a.example/x", '"v1"') == 0
        other.write(b"abc")
        assert parts(target) == [3, 5]
        other.place()
        one.write(b"6")
        assert target.read_bytes() == b"abc"
        one.place()
    assert target.read_bytes() == b"123456"
    assert alone(target)


def test_without_locks_a_part_is_nobodys(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with serving(Shelf(CONTENT, cuts=(150_000,))) as server:
        Archive(server.url).file().save(target)
    assert target.read_bytes() == CONTENT


# -- what comes in between


def test_a_full_disk_leaves_what_was_there(way: Callable[..., Path], target: Path) -> None:
    """And a part, from which it goes on when there is room."""
    target.write_bytes(OLD)
    shelf = Shelf(LARGE)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with serving(shelf) as server:
            resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, before[1]))
            try:
                with pytest.raises(OSError, match="too large") as caught:
                    way(server.url, target)
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, before)
            assert caught.value.errno == errno.EFBIG
            assert target.read_bytes() == OLD
            assert parts(target) == [500_000]
            way(server.url, target)
    finally:
        signal.signal(signal.SIGXFSZ, handler)
    assert target.read_bytes() == LARGE
    assert shelf.ranges == [None, None, "bytes=500000-"]


@pytest.mark.parametrize("call", ["fsync", "write", "open"])
def test_an_error_of_the_disk_is_raised_and_nothing_is_lost(
    way: Callable[..., Path], call: str, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target.write_bytes(OLD)

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with serving(Shelf(CONTENT)) as server:
        with monkeypatch.context() as patch:
            patch.setattr(f"skykey.calls.target.os.{call}", full)
            with pytest.raises(OSError, match="No space"):
                way(server.url, target)
        assert target.read_bytes() == OLD
        way(server.url, target)
    assert target.read_bytes() == CONTENT
    assert alone(target)


def test_a_short_write_is_gone_on_with(face: Face, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    with serving(Shelf(CONTENT)) as server, monkeypatch.context() as patch:
        patch.setattr("skykey.calls.target.os.write", lambda to, data: write(to, data[:1000]))
        face.save(server.url, target)
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("kind", ["fetch", "save"])
def test_ctrl_c_leaves_a_part_to_go_on_from(kind: str, target: Path) -> None:
    shelf = Shelf(LARGE)
    write = os.write
    calls = []

    def interrupted(to: int, data: Any) -> int:
        calls.append(len(data))
        if sum(calls) > 500_000:
            raise KeyboardInterrupt
        return write(to, data)

    with serving(shelf) as server, pytest.MonkeyPatch.context() as patch:
        patch.setattr("skykey.calls.target.os.write", interrupted)
        way: Callable[..., Path] = getattr(Face("sync"), kind)
        with pytest.raises(KeyboardInterrupt):
            way(server.url, target)
        patch.undo()
        (size,) = parts(target)
        assert 300_000 < size <= 500_000
        Archive(server.url).file().save(target)
        assert shelf.ranges == [None, None, f"bytes={size}-"]
    assert target.read_bytes() == LARGE
    assert alone(target)


@pytest.mark.parametrize("kind", ["fetch", "save"])
def test_a_cancelled_task_leaves_a_part_to_go_on_from(kind: str, target: Path) -> None:
    until = threading.Event()
    shelf = Shelf(CONTENT)

    def answer(seen: Seen) -> Answer:
        return stalled() if not until.is_set() else shelf(seen)

    def stalled() -> Any:
        yield b'HTTP/1.1 200 X\r\nETag: "v1"\r\nContent-Length: 300000\r\n\r\n' + CONTENT[:100_000]
        until.wait(20)

    async def main(server: Server) -> None:
        client = AsyncArchive(server.url)
        task = asyncio.ensure_future(client.fetch(target) if kind == "fetch" else (await client.file()).save(target))
        while parts(target) != [100_000]:  # noqa: ASYNC110 - the disk tells nobody
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with serving(answer) as server:
        asyncio.run(main(server))
        assert not target.exists()
        until.set()
        Face("async").save(server.url, target)
    assert target.read_bytes() == CONTENT
    assert shelf.ranges == [None, "bytes=100000-"]
    assert alone(target)


def test_what_cannot_be_gone_on_from_is_not_left_there(way: Callable[..., Path], target: Path) -> None:
    with serving(Shelf(CONTENT, 'W/"v1"', cuts=(150_000,))) as server, pytest.raises(Interrupted):
        way(server.url, target, patience=NEVER)
    assert os.listdir(target.parent) == []


def test_no_descriptor_stays_open(face: Face, target: Path) -> None:
    def opened() -> list[str]:
        names = [os.path.join("/proc/self/fd", name) for name in os.listdir("/proc/self/fd")]
        return [os.readlink(name) for name in names if os.path.exists(name) and "maps" in os.readlink(name)]

    with serving(Shelf(CONTENT, cuts=(150_000,))) as server:
        with pytest.raises(Interrupted):
            face.save(server.url, target, patience=NEVER)
        assert opened() == []
        face.save(server.url, target)
        assert opened() == []
        with serving(lambda _: reply(404)) as other, pytest.raises(NotFound):
            face.fetch(other.url, target)
        assert opened() == []


def test_a_target_is_used_in_its_order(target: Path) -> None:
    with Target(target) as begun:
        for use in (lambda: begun.write(b"x"), begun.restart, begun.place):
            with pytest.raises(UsageError, match="nothing"):
                use()  # type: ignore[no-untyped-call]
    assert os.listdir(target.parent) == []


def test_a_name_is_a_plain_one(tmp_path: Path) -> None:
    for name in ("bayestar.fits.gz,0", "p_astro.json", "a b", "ü.txt", "x" * 255, "a..b", "console", "nul-not"):
        assert path_in(tmp_path, name) == tmp_path / name
    for name in (
        "",
        ".",
        "..",
        " ",
        "a/b",
        "a\\b",
        "a\0",
        "~root",
        ".bashrc",
        "nul",
        "COM1.txt",
        "x" * 256,
        "a.",
        "a ",
    ):
        with pytest.raises(UsageError, match="no plain file name"):
            path_in(tmp_path, name)
    for name in ("\ud800", "a\x9bb", "a\nb", "a:b"):
        with pytest.raises(UsageError, match="no plain file name"):
            path_in(tmp_path, name)
