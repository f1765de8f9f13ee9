"""G15: a server names a file as it likes. Inside the folder that was chosen, by a plain name, or not at all."""

import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, unquote

import pytest

from skykey.calls.target import path_in
from skykey.values.errors import UsageError
from tests.calls.archive import Archive, Face
from tests.reliability import naive
from tests.reliability.proof import proven, require
from tests.wire.server import Seen, Server, reply, serving

FINE = ("bayestar.fits.gz", "p astro.json", "\u00fcber.txt", "a..b", "x" * 200)
NAMES = (
    "../x",
    "../../x",
    "..",
    ".",
    "./x",
    "sub/../../x",
    "sub/x",
    "/ABSOLUTE",  # a place that a test may write to
    "//host/share/x",
    "..\\x",
    "C:\\Windows\\x",
    "C:x",
    "x:stream",
    "\\\\host\\share\\x",
    "~/x",
    "~root",
    ".bashrc",
    ".ssh",
    "con",
    "NUL",
    "aux.txt",
    "COM1",
    "lpt9.fits",
    "x\0.txt",
    "x\n.txt",
    "x\x1b[2J",
    "x\x9b2J",
    "x?",
    "x*",
    "trailing.",
    "trailing ",
    " ",
    "",
    "y" * 300,
)
DEVICES = {"con", "nul", "aux.txt", "com1", "lpt9.fits"}

Save = Callable[[Server, Path, str], object]


def url_of(name: str) -> str:
    """The last part of an address that a server would use."""
    return f"api/files/{quote(name, safe='')}"


def by_name(server: Server, folder: Path, name: str) -> None:
    """`path_in`, as whoever has a name from elsewhere uses it."""
    Archive(server.url).fetch(path_in(folder, name))


def by_save(server: Server, folder: Path, name: str) -> None:
    Archive(server.url).file(url_of(name)).save(folder)


def by_save_async(server: Server, folder: Path, name: str) -> None:
    Face("async").save(server.url, folder, url_of(name))


def by_redirect(server: Server, folder: Path, name: str) -> None:
    """The user asked for something else."""
    Archive(server.url).file(f"latest?{quote(name, safe='')}").save(folder)


def as_it_is_called(server: Server, folder: Path, name: str) -> None:
    """As most programs do it."""
    content = naive.fetch(f"{server.url}/file.bin")
    with open(os.path.join(folder, unquote(url_of(name).rpartition("/")[2])), "wb") as file:
        file.write(content)


def answer(seen: Seen) -> bytes:
    if seen.path == "/latest":
        return reply(302, Location=f"/{url_of(unquote(seen.target.partition('?')[2]))}")
    return reply(200, "content", ETag='"v1"')


def files(root: Path) -> set[Path]:
    return {Path(folder, name) for folder, _, names in os.walk(root) for name in names}


@proven(by_name, by_save, by_save_async, by_redirect, by=as_it_is_called)
def test_g15_no_name_leads_out_of_the_folder(kind: Save, tmp_path: Path) -> None:
    outside = unfit = unnamed = unexplained = 0
    folder = tmp_path / "above" / "chosen"
    folder.mkdir(parents=True)
    with serving(answer) as server:
        for name in NAMES:
            before = files(tmp_path)
            try:
                kind(server, folder, name.replace("/ABSOLUTE", str(tmp_path / "absolute")))
            except UsageError as problem:
                unexplained += problem.next != "name the file"
            except (OSError, ValueError) as problem:  # of the naive one
                unnamed += 1
                print(f"{name[:20]!r}: {type(problem).__name__}")
            for made in files(tmp_path) - before:
                outside += made.parent != folder
                unfit += made.name.lower() in DEVICES or made.name[0] in ".~" or not made.name.isprintable()
    require(
        "G15",
        cases=(len(NAMES), ">=", 20),
        outside=(outside, "==", 0),
        unfit=(unfit, "==", 0),
        unnamed=(unnamed, "==", 0),
        unexplained=(unexplained, "==", 0),
        files=(len(files(tmp_path)), "==", 0),
    )


@pytest.mark.parametrize("kind", [by_name, by_save, by_save_async, by_redirect])
def test_g15_plain_names_are_taken_as_they_are(kind: Save, tmp_path: Path) -> None:
    with serving(answer) as server:
        for name in FINE:
            kind(server, tmp_path, name)
    assert sorted(os.listdir(tmp_path)) == sorted(FINE)


def test_g15_a_header_that_names_a_file_is_not_obeyed(tmp_path: Path) -> None:
    named = 'attachment; filename="../../x"'
    with serving(lambda _: reply(200, "content", Content_Disposition=named)) as server:
        assert Archive(server.url).file("fine.txt").save(tmp_path) == tmp_path / "fine.txt"
    assert os.listdir(tmp_path) == ["fine.txt"]
